#!/bin/sh
# unguarded.sh GOLDEN_RUN PROGRAM FILE.gt - PROGRAM, which does without one guard, must fail FILE:
# by a wrong answer, a crash or no end. It works otherwise: it passes a text that has no hostile
# plugin.
set -eu
if ! "$1" "$2" tests/golden/plugin/annotate.gt; then
    echo "$2 does not work at all"
    exit 1
fi
ulimit -t 5 # seconds of processor time: what never ends is stopped
code=0
timeout 90 "$1" "$2" "$3" || code=$?
if [ "$code" -eq 0 ]; then
    echo "$3 passes without the guard: the guard is not needed, or the text does not test it"
    exit 1
fi
echo "noticed (exit code $code)"
