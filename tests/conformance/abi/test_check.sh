#!/bin/sh
# test_check.sh COMPILER INCLUDE-FOLDER - check.sh notices what breaks plugins and lets pass what
# does not: plugin-1.0.h is changed in small ways and compared with itself.
set -eu
here=$(dirname "$0")
cc=$1
include=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_layout() { # HEADER PROGRAM
    awk -f "$here/layout.awk" "$1" >"$work/layout.c"
    "$cc" -std=c11 -DHEADER="\"$1\"" -I "$include" "$work/layout.c" -o "$2"
}
make_layout "$(realpath "$here/plugin-1.0.h")" "$work/first"
cp "$here/check.sh" "$work/"
n=0
try() { # EXPECTED SED-SCRIPT
    sed "$2" "$here/plugin-1.0.h" >"$work/plugin.h"
    if cmp -s "$here/plugin-1.0.h" "$work/plugin.h"; then
        echo "nothing was changed by $2"
        exit 1
    fi
    make_layout "$work/plugin.h" "$work/now"
    "$work/now" >"$work/layout.txt"
    code=0
    sh "$work/check.sh" "$work/now" "$work/first" >"$work/said" || code=$?
    if [ "$code" -ne "$1" ]; then
        echo "exit code $code where $1 was expected, of $2"
        cat "$work/said"
        exit 1
    fi
    n=$((n + 1))
}
try 0 's/^} quire_claim_api;/    void (*later)(void *ctx);\n} quire_claim_api;/' # appended
try 0 's/QUIRE_ABI_MINOR 0/QUIRE_ABI_MINOR 1/'
try 0 's/QUIRE_E_INTERNAL = 10/QUIRE_E_INTERNAL = 10, QUIRE_E_LATER = 11/'
try 1 's/QUIRE_ABI_MAJOR 1/QUIRE_ABI_MAJOR 2/'
try 1 's/QUIRE_E_NOMEM = 7/QUIRE_E_NOMEM = 17/'
try 1 's/uint32_t is_result, index;/uint32_t index, is_result;/' # exchanged
try 1 's/double fixed_scale;/float fixed_scale;/'
try 1 's/int64_t i, float f/&/; s/int32_t priority,/uint32_t priority,/' # of a function
try 1 's/uint32_t n_uses;/uint64_t n_uses;/'
try 1 's/"quire.qparams\/1"/"quire.qparams\/2"/'
try 1 '/uint32_t rank;.*one element/d'
echo "$n changes were judged"
