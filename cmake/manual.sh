#!/bin/sh
# manual.sh PROGRAM FRAME PLUGIN-FOLDER DOC-FOLDER - prints the manual page: FRAME, with the verbs
# and options that PROGRAM tells of itself in place of its line @VERBS@.
set -eu
quire=$1 frame=$2 plugins=$3 docs=$4

# One verb from its help: usage, summary, options.
section()
{
    awk '
        function roff(s) {
            gsub(/\\/, "\\e", s)
            gsub(/-/, "\\-", s)
            return s ~ /^[.\047]/ ? "\\\\&" s : s
        }
        NR == 1 { print ".SS \"" roff($0) "\""; next }
        NR == 2 { print roff(toupper(substr($0, 1, 1)) substr($0, 2)) "."; next }
        /^  (-|    --)/ {
            left = substr($0, 3, 34); help = substr($0, 38)
            if (left !~ / $/ && match($0, /--[a-z-]+ [^ ]+/)) { # wider than its column
                left = substr($0, 3, RSTART + RLENGTH - 3)
                help = substr($0, RSTART + RLENGTH + 1)
            }
            sub(/^ +/, "", left)
            sub(/ +$/, "", left)
            print ".TP\n\\fB" roff(left) "\\fR\n" roff(help)
            next
        }
        { print roff($0) }'
}

# The same from its line in a list, of a verb that has no options: what follows two spaces is the summary.
listed()
{
    sed -E 's/^  //; s/ {2,}/\n/' | section
}

# A list's lines, one verb each; its first word, or first two, are what `quire help` takes.
verbs()
{
    "$quire" help | grep '^  quire ' | while IFS= read -r line; do
        # shellcheck disable=SC2086  # words
        set -- $line
        help=$("$quire" help "$2")
        case $help in
        "quire $2 "*) printf '%s\n' "$help" | section ;;
        "  quire $2 "*)
            printf '%s\n' "$help" | while read -r _ group word _; do
                "$quire" help "$group" "$word" | section
            done ;;
        *) printf '%s\n' "$line" | listed ;;
        esac
    done
}

version=$("$quire" version)
while IFS= read -r line; do
    case $line in
    @VERBS@) verbs ;;
    *) printf '%s\n' "$line" | sed "s,@VERSION@,$version,; s,@PLUGINS@,$plugins,; s,@DOCS@,$docs," ;;
    esac
done <"$frame"
