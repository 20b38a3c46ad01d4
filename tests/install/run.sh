#!/bin/sh
# run.sh CMAKE COMPILER BUILD - can an outsider build against what we install?
#
# Installs the static library of the build tree BUILD, then a shared one built for this, each into
# a folder of its own; builds examples/quantize_file.c against each with find_package and with
# pkg-config, and runs it. No path of the checkout may be needed, or found in what is installed.
set -eu
cmake=$1 compiler=$2 build=$3
source=$(pwd)
model=$source/tests/models/query_encoder_ts_op17.onnx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# use PREFIX NAME PROGRAM: the example must write a model that the installed program can read.
use()
{
    LD_LIBRARY_PATH=$1/lib "$3" "$model" "$work/$2.onnx" >"$work/$2.txt"
    LD_LIBRARY_PATH=$1/lib "$1/bin/quire" tables "$work/$2.onnx" >/dev/null || [ $? -eq 1 ]
    cmp -s "$work/$2.onnx" "$model" && { echo "$2: nothing was quantized"; return 1; }
    echo "$2: ok"
}

# outsider KIND PREFIX
outsider()
{
    if grep -rlF "$source" "$2/include" "$2/lib/cmake" "$2/lib/pkgconfig"; then
        echo "$1: these name the checkout"
        return 1
    fi
    "$cmake" -S tests/install -B "$work/$1-cmake" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_PREFIX_PATH="$2" -DEXAMPLE="$source/examples/quantize_file.c" >"$work/log" &&
        "$cmake" --build "$work/$1-cmake" >>"$work/log" || { cat "$work/log"; return 1; }
    use "$2" "$1-cmake" "$work/$1-cmake/quantize_file"

    # shellcheck disable=SC2046  # a list of flags
    "$compiler" -std=c11 -o "$work/$1-pkgconfig" examples/quantize_file.c \
        $(PKG_CONFIG_PATH=$2/lib/pkgconfig pkg-config --cflags --libs quire)
    use "$2" "$1-pkgconfig" "$work/$1-pkgconfig"
}

"$cmake" --install "$build" --prefix "$work/static" >/dev/null
outsider static "$work/static"

"$cmake" -S . -B "$work/build" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_INSTALL_LIBDIR=lib \
    -DBUILD_SHARED_LIBS=ON -DQUIRE_TESTS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_COMPILE_WARNING_AS_ERROR=ON >"$work/log"
"$cmake" --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$cmake" --install "$work/build" --prefix "$work/shared" >/dev/null
outsider shared "$work/shared"
