#!/bin/sh
# header.sh INCLUDE-FOLDER - quire/plugin.h needs nothing but itself and a compiler, and the draft
# nothing but plugin.h: they compile as every version of C and C++ that is promised, with every
# compiler there is, without a warning.
set -eu
here=$(dirname "$0")
included=$(sed -n 's/^#include *//p' "$1/quire/plugin.h" | tr '\n' ' ')
if [ "$included" != "<stddef.h> <stdint.h> " ]; then
    echo "plugin.h includes $included; <stddef.h> and <stdint.h> are what it may include"
    exit 1
fi
drafted=$(sed -n 's/^#include *//p' "$1/quire/plugin_draft.h" | tr '\n' ' ')
if [ "$drafted" != '"quire/plugin.h" ' ]; then
    echo "plugin_draft.h includes $drafted; \"quire/plugin.h\" is what it may include"
    exit 1
fi
n=0
try() { # COMPILER LANGUAGE STANDARD
    command -v "$1" >/dev/null || return 0
    if ! "$1" -x "$2" -std="$3" -ffreestanding -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            -I "$include" "$here/header.c"; then
        echo "$1 -std=$3 refuses plugin.h or the draft"
        exit 1
    fi
    n=$((n + 1))
}
include=$1
for compiler in gcc clang; do
    for standard in c99 c11 c17; do try "$compiler" c "$standard"; done
done
for compiler in g++ clang++; do
    for standard in c++11 c++14 c++17 c++20; do try "$compiler" c++ "$standard"; done
done
[ "$n" -gt 0 ] || exit 77
echo "the headers compiled $n times"
