#!/bin/sh
# run.sh [--keep] - do the README's two commands work in a bare Debian 12? Needs root, debootstrap.
#
# Makes a minimal bookworm, hands it the host's resolver, certificates, apt and pip settings where
# they exist, copies in a fresh clone of the last commit, and runs each command twice. The last
# lines say how each went and how long it took; everything printed is in build/bare.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/bare.sh
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 2; }

logs=$PWD/build/bare
top=$(mktemp -d "${TMPDIR:-/tmp}/quire-bare-XXXXXX")
root=$top/root
folder=/root/quire
mkdir -p "$logs"

[ "${1:-}" != --keep ] || keep=yes

worst=0
: >"$logs/summary"
# attempt NAME COMMAND
attempt()
{
    begun=$(date +%s)
    code=0
    inside "$2" >"$logs/$1.log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || worst=1
    printf '%-12s %-20s exit %d  %5d s  %s\n' "$1" "$2" "$code" $(($(date +%s) - begun)) \
        "$(tail -n 1 "$logs/$1.log")" | tee -a "$logs/summary"
}

begin_bare "$logs/debootstrap.log"
hand_in_pip
git clone -q "file://$PWD" "$root/root/quire"
git -C "$root/root/quire" log -1 --format='commit %h: %s'

attempt try ./examples/try.sh
attempt try-again ./examples/try.sh
attempt tests ./tests/run.sh
attempt tests-again ./tests/run.sh
exit $worst
