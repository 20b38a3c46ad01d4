#!/bin/sh
# manual.sh PAGE - are the verbs in the manual page those of the source, all and no others, and is
# every option of theirs in it? Reads tools/verbs.inc and the tables in tools/cmd_*.c. If groff is
# here, it must have nothing to say against the page.
set -eu
page=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# {"annotations export", ... are verbs of a verb; it is not one by itself then.
sed -nE 's/^ *\{"([a-z]+ [a-z]+)", cmd_.*/\1/p' tools/cmd_*.c | sort >"$work/words"
cut -d ' ' -f 1 "$work/words" | sort -u >"$work/groups"
sed -n 's/^X(\([a-z]*\),.*/\1/p' tools/verbs.inc | sort | comm -23 - "$work/groups" |
    sort - "$work/words" >"$work/source"

# A page's usage line goes on with arguments, which are not words of the verb.
sed -n 's/^\.SS "quire \(.*\)"$/\1/p' "$page" | sort >"$work/usages"
while read -r first second _; do
    if grep -qxF "$first" "$work/groups"; then echo "$first $second"; else echo "$first"; fi
done <"$work/usages" | sort >"$work/page"

[ -s "$work/source" ] && [ -s "$work/words" ] || { echo "no verbs found in tools/"; exit 1; }
diff "$work/source" "$work/page" || { echo "< in tools/, > in $page"; exit 1; }

# Rows of option tables: {"name", 'x' or 0, ...
cat tools/*.[ch] | tr '\n' ' ' | grep -oE "\{ *\"[a-z-]+\", ('.'|0), (\"[^\"]*\"|NULL)," |
    sed -E 's/^\{ *"([a-z-]+)".*/\1/' | sort -u >"$work/options"
[ "$(wc -l <"$work/options")" -gt 20 ] || { echo "few options found in tools/"; exit 1; }
while read -r option; do
    grep -q -- "\\\\-\\\\-$(printf '%s' "$option" | sed 's/-/\\\\-/g')[ \\\\]" "$page" ||
        { echo "$page has no --$option"; exit 1; }
done <"$work/options"

if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 "$page" 2>"$work/groff" >/dev/null
    [ ! -s "$work/groff" ] || { cat "$work/groff"; exit 1; }
fi
echo "$(wc -l <"$work/source") verbs and $(wc -l <"$work/options") options, as in the source"
