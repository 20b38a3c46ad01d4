#!/bin/sh
# planted.sh PROGRAM: a program with a planted mistake must notice it, and say so: exit code 1 and a
# line "mismatch: ...", not a crash.
output=$("$1" 2>&1)
status=$?
printf '%s\n' "$output"
test "$status" -eq 1 && printf '%s\n' "$output" | grep -q '^mismatch: '
