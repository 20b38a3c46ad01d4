#!/bin/sh
# avx512.sh WORK INIT BYTES PROGRAM... - the AVX-512 kernels on an emulated processor that has them:
# Bochs boots a Linux whose only process is INIT (init.c), which runs BYTES (bytes.c), whose hashes
# must be those of the scalar kernels here, and each PROGRAM, whose exit code must be 0. Of one that
# is named ...ways the answers must be those of AVX-512 too.
#
# Exit code 0: all of that. 1: something else came, or not all. 77: not run, and what is missing.
# Installs nothing. QUIRE_EMULATED_KERNEL names a kernel, else it is the last in /boot;
# QUIRE_EMULATED_SECONDS is how much of a processor Bochs may take (not time: it may be stopped).
set -eu

work=$1 init=$2 bytes=$3
shift 3

# need PACKAGE FILE: what is missing of Debian's packages. FILE may be a pattern.
missing=
need()
{
    # shellcheck disable=SC2086
    ls $2 >/dev/null 2>&1 || missing="$missing $1"
}
loader=/usr/lib/ISOLINUX/isolinux.bin
module=/usr/lib/syslinux/modules/bios/ldlinux.c32
need bochs /usr/bin/bochs
need bochs-term '/usr/lib/*/bochs/plugins/libbx_term_gui.so'
need bochsbios /usr/share/bochs/BIOS-bochs-latest
need vgabios /usr/share/bochs/VGABIOS-lgpl-latest
need isolinux $loader
need syslinux-common $module
need xorriso /usr/bin/xorriso
need cpio /usr/bin/cpio
if [ "$missing" ]; then
    echo "avx512-emulated: not run; install the Debian packages that are missing:$missing" >&2
    exit 77
fi
kernel=${QUIRE_EMULATED_KERNEL:-$(find /boot -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -n 1)}
if ! [ -r "$kernel" ]; then
    echo "avx512-emulated: not run; no Linux kernel: ${kernel:-none in /boot}. Install" \
        "linux-image-cloud-amd64, or see docs/testing.md and name one in QUIRE_EMULATED_KERNEL" >&2
    exit 77
fi

rm -rf "$work"
mkdir -p "$work/root/programs" "$work/disc"
cp "$init" "$work/root/init"
cp "$bytes" "$@" "$work/root/programs/"
for program in "$bytes" "$@"; do
    case $program in
    "$bytes") echo "$(basename "$program") avx512" ;;
    *) basename "$program" ;;
    esac
done >"$work/root/commands"
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/disc/initrd.gz"
cp "$kernel" "$work/disc/linux"
cp $loader $module "$work/disc/"
"$bytes" scalar >"$work/expected.txt"

# Bochs 2.7 says a wrong size for compacted register states: they are not used. Of the kernel's own
# messages only its last may come between ours.
cat >"$work/disc/isolinux.cfg" <<'END'
SERIAL 0 115200
DEFAULT quire
PROMPT 0
LABEL quire
  KERNEL linux
  APPEND initrd=initrd.gz console=ttyS0 loglevel=1 mitigations=off nokaslr nosmp panic=-1 lpj=1000000 tsc=reliable clearcpuid=xsaves,xsavec
END
cat >"$work/bochsrc" <<'END'
plugin_ctrl: speaker=0, gameport=0, parallel=0
config_interface: textconfig
display_library: term
memory: guest=256, host=256
romimage: file="/usr/share/bochs/BIOS-bochs-latest"
vgaromimage: file="/usr/share/bochs/VGABIOS-lgpl-latest"
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none
ata0-master: type=cdrom, path="disc.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
log: bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
END
printf 'c\nq\n' >"$work/debugger" # Debian's Bochs has one: continue, and should it stop, quit
cd "$work"
xorriso -as mkisofs -quiet -o disc.iso -b isolinux.bin -c boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table disc 2>xorriso.txt || { cat xorriso.txt; exit 1; }

# It draws its screen on a terminal of its own, which must be read: it waits when that is full. It
# ends when the machine turns itself off; a machine that panics would start anew.
started=$(date +%s)
: >serial.txt
(
    ulimit -t "${QUIRE_EMULATED_SECONDS:-7200}"
    TERM=xterm exec bochs -q -f bochsrc -rc debugger </dev/null >bochs.txt 2>&1
) &
machine=$!
trap 'kill -KILL $machine 2>/dev/null || true' EXIT # it minds no other signal
trap 'exit 1' HUP INT TERM
while kill -0 $machine 2>/dev/null; do
    screen=$(sed -n 's/.*connected to screen "\(.*\)".*/\1/p' bochs.txt)
    if [ "$screen" ]; then
        cat "$screen" >/dev/null 2>&1 || true
    fi
    sleep 1
done &
cr=$(printf '\r')
tail -n +1 -f --pid=$machine serial.txt 2>/dev/null | while IFS= read -r line; do
    printf '%5d s  %s\n' $(($(date +%s) - started)) "${line%"$cr"}"
    case $line in
    *'Kernel panic'*) kill -KILL $machine || true ;;
    esac
done &
printer=$!
code=0
wait $machine || code=$?
wait $printer || true
trap - EXIT
tr -d '\r' <serial.txt >said.txt

status=0
wrong()
{
    echo "avx512-emulated: $*"
    status=1
}
[ $code != 137 ] || wrong "Bochs was killed: it took its processor time, or the kernel panicked"
grep -qx "emulated: $(($# + 1)) programs, 0 failed" said.txt ||
    wrong "a program failed, or not all were run (Bochs: $code; $work has bochs.log)"
grep -E '^(bags|rows) ' said.txt >answers.txt || true
diff expected.txt answers.txt || wrong "< the scalar kernels here, > AVX-512"
case " $* " in
*ways\ *) grep -q ' avx512: to the bit$' said.txt || wrong "no answers of AVX-512" ;;
esac
times >times.txt # ours, then that of what we ran
[ $status != 0 ] ||
    echo "avx512-emulated: $(wc -l <answers.txt) hashes and $# programs as they should be," \
        "$(($(date +%s) - started)) s, $(sed -n '2s/ .*//p' times.txt) of a processor"
exit $status
