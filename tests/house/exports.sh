#!/bin/sh
# exports.sh LIBRARY PATTERN - the shared library exports names that begin like PATTERN, and no others.
set -eu
names=$(nm -D --defined-only "$1" | awk '$2 ~ /[A-Z]/ {print $3}')
foreign=$(printf '%s\n' "$names" | grep -v "^$2" || true)
if [ -z "$names" ] || [ -n "$foreign" ]; then
    echo "exported, but not ours or not meant to be: ${foreign:-(nothing is exported at all)}"
    exit 1
fi
printf '%s\n' "$names" | wc -l | xargs printf '%d names exported, all of them as they should be\n'
