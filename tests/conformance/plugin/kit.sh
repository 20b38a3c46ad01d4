#!/bin/sh
# kit.sh QUIRE PLUGINS - is each test of `quire plugin check` there for something?
#
# Plugins that do one thing wrong (kit_faults.inc) fail the test that is about it, for the reason it
# is about; the one that does nothing wrong passes all.
set -u
quire=$1 plugins=$2
faults=$(dirname "$0")/kit_faults.inc
said=$(mktemp)
trap 'rm -f "$said"' EXIT
failed=0

"$quire" plugin check "$plugins/kit_none.so" >"$said" || failed=1
grep -q '^[^ ]* tests: .* 0 warn, 1 skip, 0 fail$' "$said" || failed=1
[ $failed -eq 0 ] || cat "$said"

sed -n 's/^X(\([a-z_]*\), "\([^"]*\)", "\([^"]*\)")$/\1|\2|\3/p' "$faults" | {
    n=0
    while IFS='|' read -r fault test reason; do
        n=$((n + 1))
        code=0
        "$quire" plugin check --timeout 2 --only "$test" "$plugins/kit_$fault.so" >"$said" 2>&1 ||
            code=$?
        grep "^fail  $test: " "$said" | grep -qF "$reason" && [ $code -eq 1 ] && continue
        echo "$fault: expected exit code 1 and: fail  $test: ...$reason...; got $code and:"
        head -n 3 "$said"
        failed=1
    done
    [ $n -ge 40 ] || { echo "only $n faults were read"; failed=1; }
    # Every test that can fail is there.
    for test in $("$quire" plugin check --list | grep -v '^ '); do
        grep -q "\"$test\"" "$faults" || { echo "no fault is found by $test"; failed=1; }
    done
    exit $failed
}
