#!/bin/sh
# avx512.sh WORK INIT PROGRAM... - runs programs on an emulated processor with AVX-512: Bochs boots a
# Linux whose only process is INIT (init.c), which runs them. One of them is bytes.c: its hashes must
# be those of the scalar kernels, here.
#
# Installs nothing. Needs the Debian packages bochs, bochs-term, bochsbios, vgabios, isolinux,
# syslinux-common, xorriso, cpio; and a kernel: linux-image-cloud-amd64, or QUIRE_EMULATED_KERNEL
# names one (apt-get download, dpkg -x). Exit code 77 without them. Minutes: a minute to boot.
set -eu

skip()
{
    echo "skipped: $*"
    exit 77
}

work=$1 init=$2
shift 2
for tool in bochs xorriso cpio script; do
    command -v $tool >/dev/null || skip "no $tool here; the Debian packages are bochs, bochs-term," \
        "bochsbios, vgabios, isolinux, syslinux-common, xorriso and cpio"
done
loader=/usr/lib/ISOLINUX/isolinux.bin
module=/usr/lib/syslinux/modules/bios/ldlinux.c32
[ -f $loader ] && [ -f $module ] || skip "the Debian packages isolinux and syslinux-common are missing"
kernel=${QUIRE_EMULATED_KERNEL:-$(ls /boot/vmlinuz-* 2>/dev/null | tail -n 1)}
[ -f "$kernel" ] || skip "no Linux kernel: install linux-image-cloud-amd64, or name one in" \
    "QUIRE_EMULATED_KERNEL"

rm -rf "$work"
mkdir -p "$work/root/programs" "$work/disc"
cp "$init" "$work/root/init"
bytes=
for program in "$@"; do
    name=$(basename "$program")
    cp "$program" "$work/root/programs/$name"
    case $name in
    *bytes) bytes=$program ;;
    esac
done
[ "$bytes" ] || { echo "bytes is not among the programs" >&2; exit 2; }
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/disc/initrd.gz"
cp "$kernel" "$work/disc/linux"
cp $loader $module "$work/disc/"

# Bochs 2.7 says a wrong size for compacted register states: they are not used.
cat >"$work/disc/isolinux.cfg" <<'END'
SERIAL 0 115200
DEFAULT quire
PROMPT 0
LABEL quire
  KERNEL linux
  APPEND initrd=initrd.gz console=ttyS0 quiet mitigations=off nokaslr nosmp panic=-1 lpj=1000000 tsc=reliable clearcpuid=xsaves,xsavec
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
echo c >"$work/continue" # to the debugger that Debian's Bochs has

# Bochs wants a terminal, and ends with 1 when the machine turns itself off.
cd "$work"
xorriso -as mkisofs -quiet -o disc.iso -b isolinux.bin -c boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table disc 2>xorriso.txt || { cat xorriso.txt; exit 1; }
TERM=xterm timeout "${QUIRE_EMULATED_SECONDS:-3600}" \
    script -qfec "bochs -q -f bochsrc -rc continue" /dev/null </dev/null >bochs.txt 2>&1 || true
tr -d '\r' <serial.txt >said.txt

# Rows are quantized by AVX2 kernels there too: only bags are AVX-512's.
status=0
"$bytes" scalar | grep '^bags [a-z]' >expected.txt
grep '^bags [a-z]' said.txt >answers.txt || true
diff expected.txt answers.txt || status=1
grep '^emulated: .*, 0 failed' said.txt || { tail -n 12 said.txt; status=1; }
echo "avx512-emulated: $(wc -l <answers.txt) kinds of tables; all of what it said: $work/said.txt"
exit $status
