#!/bin/sh
# exports.sh LIBRARY - the shared library exports quire_ names and nothing else.
set -eu
names=$(nm -D --defined-only "$1" | awk '$2 ~ /[A-Z]/ {print $3}')
foreign=$(printf '%s\n' "$names" | grep -v '^quire_' || true)
if [ -z "$names" ] || [ -n "$foreign" ]; then
    echo "exported, but not ours or not meant to be: ${foreign:-(nothing is exported at all)}"
    exit 1
fi
printf '%s\n' "$names" | wc -l | xargs printf '%d names exported, all of them quire_\n'
