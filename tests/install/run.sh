#!/bin/sh
# run.sh CMAKE COMPILER BUILD [--bless] - can an outsider build against what we install?
#
# Installs the static library of the build tree BUILD, then a shared one built for this, each into
# a folder of its own; builds examples/quantize_file.c against each with find_package and with
# pkg-config, and runs it, and so examples/kernels.c; and examples/weight_int8, a plugin, which must annotate as it should.
# Then a vendor's day with the shared one, which must go as docs/vendors-day.md says. No path of the
# checkout may be needed, or found in what is installed; of headers, the public ones are, and no other.
set -eu
cmake=$1 compiler=$2 build=$3
bless=
[ "${4:-}" != --bless ] || bless=yes
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
    (cd "$2/include" && find . -type f | sort) >"$work/headers"
    (cd include && find . -type f | sort) | diff - "$work/headers"
    [ -d "$2/lib/quire/plugins" ] && [ -s "$2/lib/quire/libquire_ort.so" ] && [ -s "$2/share/man/man1/quire.1" ] || {
        echo "$1: no folder for plugins, or no manual page"; return 1; }
    if grep -rlF "$source" "$2/include" "$2/lib/cmake" "$2/lib/pkgconfig" "$2/share"; then
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

# kernels KIND PREFIX: examples/kernels.c needs libquire_kernels and nothing that libquire needs.
kernels()
{
    "$cmake" -S tests/install/kernels -B "$work/$1-kernels" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Werror" -DCMAKE_PREFIX_PATH="$2" \
        -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON -DEXAMPLE="$source/examples/kernels.c" \
        >"$work/log" 2>&1 &&
        "$cmake" --build "$work/$1-kernels" >>"$work/log" || { cat "$work/log"; return 1; }
    # shellcheck disable=SC2046  # a list of flags
    "$compiler" -std=c11 -o "$work/$1-kernels/by-pkgconfig" examples/kernels.c \
        $(PKG_CONFIG_PATH=$2/lib/pkgconfig pkg-config --cflags --libs quire_kernels) -lpthread
    for program in kernels by-pkgconfig; do
        LD_LIBRARY_PATH=$2/lib QUIRE_ISA=scalar "$work/$1-kernels/$program" >"$work/bags"
        grep -q '^200 bags of two tables on scalar: the first mean is -1.6' "$work/bags" &&
            grep -q '^table 0: index 40 is 1000, and the table has 1000 rows$' "$work/bags" || {
            cat "$work/bags"; return 1; }
        if LD_LIBRARY_PATH=$2/lib ldd "$work/$1-kernels/$program" |
            grep -E 'protobuf|xxhash|pcre|jansson|libquire\.'; then
            echo "$1-kernels: the kernels do not need these"
            return 1
        fi
    done
    echo "$1-kernels: ok"
}

# plugin KIND PREFIX: examples/weight_int8 needs the header alone, and the installed program loads it.
plugin()
{
    quire=$2/bin/quire so=$work/$1-plugin/weight_int8.so
    "$cmake" -S examples/weight_int8 -B "$work/$1-plugin" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Werror" -DCMAKE_PREFIX_PATH="$2" >"$work/log" &&
        "$cmake" --build "$work/$1-plugin" >>"$work/log" 2>&1 || { cat "$work/log"; return 1; }
    LD_LIBRARY_PATH=$2/lib
    export LD_LIBRARY_PATH
    "$quire" plugin info "$so" >"$work/info"
    "$quire" plugin check "$so" >"$work/check" || { cat "$work/check"; return 1; }
    grep -q ", 0 warn, .* 0 fail" "$work/check" || { cat "$work/check"; return 1; }
    grep -q '^quantizer weight-int8:' "$work/info" || { cat "$work/info"; return 1; }

    "$quire" annotate --plugin "$so" --quantizer weight-int8:inputs=true tests/install/dense.txt \
        -o "$work/dense.onnx" >/dev/null
    "$quire" annotations export "$work/dense.onnx" | diff tests/install/dense.annotations -
    QUIRE_PLUGIN_PATH=$work/$1-plugin "$quire" why 'z<-1' tests/install/dense.txt \
        --quantizer weight-int8 | grep -q 'left alone: not-constant, by weight-int8'

    # A rule that wins where the plugin does not let it: exit code 1, a finding, nothing written.
    code=0
    "$quire" annotate --plugin "$so" --quantizer weight-int8 --rules tests/install/small.json \
        tests/install/dense.txt -o "$work/small.onnx" >"$work/ledger" 2>"$work/told" || code=$?
    [ $code -eq 1 ] && [ ! -e "$work/small.onnx" ] && grep -q 'int8 weights only' "$work/ledger" &&
        grep -q 'error: .*h<-1.*int8 weights only' "$work/told" ||
        { cat "$work/ledger" "$work/told"; return 1; }
    unset LD_LIBRARY_PATH
    echo "$1-plugin: ok"
}

# day PREFIX: as the script finds things in /usr, it finds them here by the environment.
day()
{
    for tool in gcc g++ clang clang++ cmake pkg-config; do
        command -v $tool >/dev/null || { echo "the day is left out: no $tool"; return 0; }
    done
    env -u QUIRE_PLUGIN_PATH PATH="$1/bin:$PATH" CPATH="$1/include" LD_LIBRARY_PATH="$1/lib" \
        CMAKE_PREFIX_PATH="$1" PKG_CONFIG_PATH="$1/lib/pkgconfig" \
        sh tests/install/vendors_day.sh "$1/share/doc/quire" \
        tests/install/char_lm_tied_dynamo_op18.onnx >"$work/day.md" || { tail "$work/day.md"; return 1; }
    if [ "$bless" ]; then cp "$work/day.md" docs/vendors-day.md; fi
    diff docs/vendors-day.md "$work/day.md" || {
        echo "< docs/vendors-day.md, > what happened; --bless writes the page anew"; return 1; }
    echo "a vendor's day: ok"
}

"$cmake" --install "$build" --prefix "$work/static" >/dev/null
plugin static "$work/static"
outsider static "$work/static"
kernels static "$work/static"

"$cmake" -S . -B "$work/build" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_INSTALL_LIBDIR=lib \
    -DBUILD_SHARED_LIBS=ON -DQUIRE_TESTS=OFF -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 \
    -DCMAKE_COMPILE_WARNING_AS_ERROR=ON >"$work/log" # -O0: it need not be fast, but soon
"$cmake" --build "$work/build" --parallel 2 >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$cmake" --install "$work/build" --prefix "$work/shared" >/dev/null
plugin shared "$work/shared"
outsider shared "$work/shared"
kernels shared "$work/shared"
day "$work/shared"
