#!/bin/sh
# arm64.sh WORK BYTES SUPPORT PROGRAM... - the kernels and their tests, compiled for arm64 and run
# under qemu-user; BYTES is bytes.c made for this machine, whose hashes the scalar kernels of both
# must share. SUPPORT is the list of sources, with blanks between them, that every program is linked
# with; PROGRAM are sources of one program each, or of one and its arguments.
#
# Exit code 0: all of that. 1: something else came. 77: not run, and what is missing.
# Needs clang, and the Debian packages lld, libc6-dev-arm64-cross and qemu-user. QUIRE_ARM64_CC is
# another compiler, one that links by itself; QUIRE_ARM64_RUN what runs its static programs.
set -eu

work=$1 native=$2 support=$3
shift 3
libc=/usr/aarch64-linux-gnu
if [ "${QUIRE_ARM64_CC:-}" ]; then
    cc=$QUIRE_ARM64_CC first=-static last=-lm
else
    cc="clang --target=aarch64-linux-gnu --gcc-toolchain=/none -mno-outline-atomics"
    cc="$cc -isystem $libc/include"
    first="-fuse-ld=lld -no-pie -nostdlib $libc/lib/crt1.o $libc/lib/crti.o"
    last="-L$libc/lib -lm -lc $libc/lib/crtn.o"
fi
run=${QUIRE_ARM64_RUN:-qemu-aarch64 -L $libc}

# need PACKAGE COMMAND: what is missing.
missing=
need()
{
    command -v "$2" >/dev/null || missing="$missing $1"
}
need "${cc%% *}" "${cc%% *}"
need qemu-user "${run%% *}"
if ! [ "${QUIRE_ARM64_CC:-}" ]; then
    need lld ld.lld
    [ -f $libc/lib/crt1.o ] || missing="$missing libc6-dev-arm64-cross"
fi
if [ "$missing" ]; then
    echo "arm64: not run; install what is missing:$missing"
    exit 77
fi
mkdir -p "$work/programs"
rm -f "$work"/*.[ot]* "$work/programs"/*

# Warnings are errors here too. The stand-in for Check is in tests/emulated.
flags="-std=c11 -O2 -D_GNU_SOURCE -DQUIRE_VERIFY_EACH=0 -ffp-contract=off -Werror -Wall -Wextra
    -Wpedantic -Wshadow -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes
    -Itests/emulated -Iinclude -Isrc -Itests"
export cc flags first last run work
# shellcheck disable=SC2086,SC2016  # lists of words; the inner shell's variables
ls src/kernels/*.c $support | grep -v '_avx[0-9]*\.c$' | xargs -P "$(nproc)" -I '{}' \
    sh -ec '$cc $flags -c "$1" -o "$work/$(basename "$1" .c).o"' sh '{}' || exit 1

status=0
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P "$(nproc)" -I '{}' sh -ec '
    source=${1%% *} name=$(basename "${1%% *}" .c) code=0
    $cc $flags $first "$source" "$work"/*.o $last -o "$work/programs/$name"
    $run "$work/programs/$name" ${1#"$source"} >"$work/$name.txt" 2>&1 || code=$?
    [ $code != 0 ] || exit 0
    echo "$name: exit code $code; it says"
    tail -n 3 "$work/$name.txt"
    exit 1' sh '{}' || status=1
"$native" scalar >"$work/native.txt"
if ! diff "$work/native.txt" "$work/bytes.txt"; then
    echo "the bytes above differ: < this machine, > arm64"
    status=1
fi
[ $status != 0 ] ||
    echo "arm64: $# programs; $(wc -l <"$work/native.txt") hashes are those of this machine"
exit $status
