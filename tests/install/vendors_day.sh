#!/bin/sh
# vendors_day.sh DOCS MODEL - lives the day that docs/vendors-day.md tells, and prints that page.
#
# Needs quire, its headers and its CMake package where the tools find them by themselves, or by the
# environment (PATH, CPATH, CMAKE_PREFIX_PATH, PKG_CONFIG_PATH); gcc, g++, clang, cmake, pkg-config.
# DOCS is the folder that the package calls /usr/share/doc/quire. Nothing is taken from a checkout.
set -eu
docs=$(cd "$1" && pwd) model=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$model" char_lm.onnx
LC_ALL=C
export LC_ALL

# A paragraph.
say()
{
    printf '%s\n\n' "$1"
}

told()
{
    printf '%s\n' "$1" | sed 's/^/    /'
}

# run COMMAND [CODE]: as it is typed, what it prints, and its exit code, which is to be CODE (0).
# Lines after the first begin with the prompt "> ", as a shell shows them.
run()
{
    told "$ $1"
    code=0
    sh -c "$(printf '%s' "$1" | sed "s,^> ,,; s,/usr/share/doc/quire,$docs,g")" >out 2>&1 || code=$?
    sed "s,$docs,/usr/share/doc/quire,g; s/^/    /; s/ *$//" out
    [ $code -eq 0 ] || told "(exit code $code)"
    echo
    [ $code -eq "${2:-0}" ] || { echo "exit code $code: $1" >&2; exit 1; }
}

# file NAME: writes standard input to it, and shows it.
file()
{
    cat >"$1"
    told "$ cat $1"
    sed 's/^/    /' "$1"
    echo
}

deb=quire_$(quire version | cut -d ' ' -f 2)_amd64.deb

say "# A vendor's day"
say "From a machine without quire to a plugin that is checked and used, by what the package brings. This
page is what [vendors_day.sh](../tests/install/vendors_day.sh) printed; \`install/packages\` runs it again against an installed
prefix and compares, and the target \`deb-test\` in a bare Debian 12 with the package alone."

say "## Install"
say "As root. A compiler is all that plugins need besides; the rest is for this day."
told "# apt install ./$deb
# apt install gcc g++ clang cmake make pkg-config"
echo
run "quire version"
run "quire plugin list"

say "## A skeleton"
say "quire's header is where compilers look, and nothing is linked: one line builds a plugin."
run "quire plugin new acme"
run "cc -shared -fPIC -o acme.so acme/acme.c && quire plugin check ./acme.so | tail -n 1"
say "It is C99 and later, C++11 and later:"
run "build() { \"\$@\" -Wall -Wextra -Wpedantic -Werror -shared -fPIC -o acme.so && quire plugin check ./acme.so | tail -n 1; }
> for std in c99 c11 c17; do
>     for cc in gcc clang; do echo \$cc \$std; build \$cc -std=\$std acme/acme.c; done
> done
> for std in c++11 c++17 c++20; do
>     for cc in g++ clang++; do echo \$cc \$std; build \$cc -std=\$std -x c++ acme/acme.c; done
> done"
say "With CMake, or with pkg-config where headers are elsewhere:"
run "cmake -S acme -B build >log && cmake --build build >>log && quire plugin check build/acme.so | tail -n 1"
run "cc \$(pkg-config --cflags quire) -shared -fPIC -o acme.so acme/acme.c"

say "## A quantizer"
say "Here the one of [the first chapter](plugins.md#a-quantizer-in-80-lines): int8 for embedding tables."
run "cp /usr/share/doc/quire/examples/first_quantizer/first_quantizer.c ."
run "cc -shared -fPIC -o first.so first_quantizer.c"
run "quire plugin info ./first.so"
run "quire plugin check ./first.so"

say "## Annotate"
say "char_lm.onnx is a small language model exported by PyTorch; the table of its lookup is also its output layer."
run "quire annotate --plugin ./first.so --quantizer first char_lm.onnx -o annotated.onnx"
run "quire annotations export annotated.onnx"
say "The slot remembers who asked, in the file too:"
run "quire why 'embedding<-0' annotated.onnx"
say "## Two quantizers, one slot"
say "quire's own \`embedding\` asks for something else at the same slot. Nobody wins by accident:"
run "quire annotate --plugin ./first.so --quantizer embedding --quantizer first char_lm.onnx -o both.onnx" 2
say "The order of declaration can decide,"
run "quire annotate --plugin ./first.so --quantizer embedding --quantizer first --conflict first char_lm.onnx -o both.onnx"
say "or, better, a priority, in a recipe:"
file recipe.json <<'RECIPE'
{"format_version": 1,
 "quantizers": [
   {"name": "embedding"},
   {"name": "first", "priority": 1}]}
RECIPE
run "quire annotate --plugin ./first.so --recipe recipe.json char_lm.onnx -o both.onnx"
run "quire annotations export both.onnx"
run "quire why 'embedding<-0' both.onnx"
say "What lost is in the ledger above, and in the model. So it is the gate for CI, which knows no plugin:"
run "quire annotations export both.onnx -o char_lm.annotations"
run "quire annotations check both.onnx char_lm.annotations"
run "quire annotations check annotated.onnx char_lm.annotations" 1
