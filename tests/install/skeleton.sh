#!/bin/sh
# skeleton.sh CMAKE COMPILER BUILD - does what `quire plugin new` writes compile for everybody?
#
# Installs the build tree BUILD into a folder of its own; there the skeleton is built outside the tree,
# by each compiler there is, as each language it promises, with all warnings as errors; it passes
# `plugin check` and annotates. Then by its own CMakeLists, with COMPILER.
set -eu
cmake=$1 compiler=$2 build=$3
model=$(pwd)/tests/install/dense.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quire=$work/prefix/bin/quire
"$cmake" --install "$build" --prefix "$work/prefix" >/dev/null
LD_LIBRARY_PATH=$work/prefix/lib
export LD_LIBRARY_PATH
cd "$work"

# use SO: it passes every test, asks for the constant weight, and says why not for the other.
use()
{
    "$quire" plugin check "$1" >check || { echo "$1:"; grep -v '^pass' check; return 1; }
    grep -q ' 0 warn, .* 0 fail$' check || { cat check; return 1; }
    "$quire" annotate --plugin "$1" --quantizer my-npu "$model" -o annotated.onnx >ledger
    "$quire" annotations export annotated.onnx | grep -q '^h<-1 .* i8 axis=1 .* by my-npu' &&
        grep -q 'z (MatMul): not-constant, by my-npu' ledger || { cat ledger; return 1; }
}

# Where nothing can be written nothing is left.
code=0
(ulimit -f 0 && exec "$quire" plugin new my-npu) >/dev/null 2>&1 || code=$?
[ $code -eq 4 ] && [ ! -e my-npu ] || { echo "no room: exit code $code"; exit 1; }

"$quire" plugin new my-npu >/dev/null
n=0
for one in "gcc c99 c11 c17" "clang c99 c11 c17" "g++ c++11 c++17 c++20" "clang++ c++11 c++17 c++20"; do
    # shellcheck disable=SC2086  # words
    set -- $one
    command -v "$1" >/dev/null || { echo "$1 is not here: left out"; continue; }
    cc=$1 language=c
    [ "${cc%++}" = "$cc" ] || language=c++
    shift
    for standard in "$@"; do
        "$cc" -x $language -std="$standard" -Wall -Wextra -Wpedantic -Werror -O2 -fPIC -shared \
            -fvisibility=hidden -I "$work/prefix/include" -o "$cc-$standard.so" my-npu/my-npu.c
        n=$((n + 1))
    done
    use "./$cc-$standard.so" # the last; they differ in nothing but the language
done
[ $n -gt 0 ]

"$cmake" -S my-npu -B my-npu/build -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/prefix" \
    >log && "$cmake" --build my-npu/build >>log || { cat log; exit 1; }
use my-npu/build/my-npu.so
"$cmake" -S my-npu -B plain -DCMAKE_C_COMPILER="$compiler" -DQUIRE_INCLUDE="$work/prefix/include" \
    >log && "$cmake" --build plain >>log || { cat log; exit 1; }
use plain/my-npu.so
echo "skeleton: $n builds"
