#!/bin/sh
# check.sh PROGRAM FIRST - PROGRAM prints the layout of plugin.h (layout.awk), FIRST that of
# plugin-1.0.h, the header as it was first released. The layout must be that of layout.txt; and of
# the first one's every constant must be there with its value, and every member at its place, of
# its size, declared alike. Members may be appended to a struct, in declarations of their own; a
# changed line breaks plugins that exist: see docs/plugins.md.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for which in now first; do
    code=0
    "$1" >"$work/$which" || code=$?
    [ "$code" -eq 0 ] || exit "$code"
    shift
done
diff -u "$here/layout.txt" "$work/now"
# Struct after struct, the first lines must be the same.
awk '
    /^quire_/ { struct = $1; n = 0; size = $2 }
    NR == FNR && /^quire_/ { sizes[struct] = size; next }
    NR == FNR && /^  / { member[struct, n++] = $0; next }
    NR == FNR { constant[$0] = 1; next }
    $1 == "QUIRE_ABI_MINOR" { next }
    /^quire_/ && !(struct in sizes) { print struct " is gone"; bad = 1 }
    /^quire_/ && sizes[struct] < size { print struct " is smaller than it was"; bad = 1 }
    /^  / && member[struct, n++] != $0 {
        printf "%s: was   %s\n%s: is now%s\n", struct, $0, struct, member[struct, n - 1]
        bad = 1
    }
    /^QUIRE/ && !($0 in constant) { print "gone, or changed: " $0; bad = 1 }
    { lines++ }
    END { if (lines < 200) { print "only " lines " lines"; bad = 1 }; exit bad }
' "$work/now" "$work/first"
echo "$(grep -c '^quire_' "$work/first") structs are what they were"
