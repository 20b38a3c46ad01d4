#!/bin/sh
# arm64.sh WORK BYTES SUPPORT PROGRAM... - the kernels and their tests, compiled for arm64 and run
# under qemu-user; BYTES is bytes.c made for this machine, whose hashes the scalar kernels of both
# must share. SUPPORT is the list of sources, with blanks between them, that every program is linked
# with; PROGRAM are sources of one program each.
#
# Needs the Debian packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; exit code 77
# without them. QUIRE_ARM64_CC and QUIRE_ARM64_RUN name others: "clang --target=..." and the like.
set -eu

work=$1 native=$2 support=$3
shift 3
cc=${QUIRE_ARM64_CC:-aarch64-linux-gnu-gcc}
run=${QUIRE_ARM64_RUN:-qemu-aarch64}
if ! command -v ${cc%% *} >/dev/null || ! command -v ${run%% *} >/dev/null; then
    echo "skipped: no ${cc%% *} or no ${run%% *} here; the Debian packages are" \
        "gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user"
    exit 77
fi
mkdir -p "$work"
rm -rf "$work"/*

# Warnings are errors here too. The stand-in for Check is in tests/emulated.
flags="-std=c11 -O2 -D_GNU_SOURCE -DQUIRE_VERIFY_EACH=0 -ffp-contract=off -Werror -Wall -Wextra
    -Wpedantic -Wshadow -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes
    -Itests/emulated -Iinclude -Isrc -Itests"
# shellcheck disable=SC2086,SC2016  # lists of words; the inner shell's variables
ls src/kernels/*.c $support "$@" | grep -v '_avx[0-9]*\.c$' |
    xargs -P "$(nproc)" -I '{}' sh -ec 'source=$1 work=$2; shift 2
        "$@" -c "$source" -o "$work/$(basename "$source" .c).o"' \
        sh '{}' "$work" $cc $flags

programs=
for source in "$@"; do
    name=$(basename "$source" .c)
    mkdir -p "$work/programs"
    mv "$work/$name.o" "$work/programs/"
    programs="$programs $name"
done
for name in $programs; do
    # shellcheck disable=SC2086
    $cc -static "$work/programs/$name.o" "$work"/*.o -lm -o "$work/programs/$name"
done

status=0
for name in $programs; do
    # shellcheck disable=SC2086
    $run "$work/programs/$name" >"$work/$name.txt" 2>&1 || {
        echo "$name: exit code $?; it says"
        tail -n 3 "$work/$name.txt"
        status=1
    }
done
"$native" scalar >"$work/native.txt"
if diff "$work/native.txt" "$work/bytes.txt"; then
    echo "arm64:$programs; $(wc -l <"$work/native.txt") kinds of tables have the bytes of this machine"
else
    echo "the bytes above differ: < this machine, > arm64"
    status=1
fi
exit $status
