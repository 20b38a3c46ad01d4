#!/bin/sh
# run.sh [--keep] - do the README's two commands work in a bare Debian 12? Needs root, debootstrap.
#
# Makes a minimal bookworm, hands it the host's resolver, certificates, apt and pip settings where
# they exist, copies in a fresh clone of the last commit, and runs each command twice. The last
# lines say how each went and how long it took; everything printed is in build/bare.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 2; }

logs=$PWD/build/bare
top=$(mktemp -d "${TMPDIR:-/tmp}/quire-bare-XXXXXX")
root=$top/root
mounts=
mkdir -p "$logs" "$root"

finish()
{
    for place in $mounts; do
        umount "$place"
    done
    if [ "${keep:-}" ]; then echo "kept: $root"; else rm -rf --one-file-system "$top"; fi
}
[ "${1:-}" != --keep ] || keep=yes
trap finish EXIT
trap 'exit 130' INT TERM

# mounted PLACE MOUNT-OPTION...: mounts at root/PLACE, and remembers to undo it.
mounted()
{
    place=$root$1
    shift
    mkdir -p "$place"
    mount "$@" "$place"
    mounts="$place $mounts"
}

# Copies of the host's files, at the same paths, where they exist.
hand_in()
{
    for path in "$@"; do
        [ -e "$path" ] || continue
        mkdir -p "$root$(dirname "$path")"
        cp -RL "$path" "$root$(dirname "$path")/"
    done
}

# The bundle as a whole for now, and each certificate as a local one, so that a later
# update-ca-certificates inside keeps them.
hand_in_certificates()
{
    bundle=/etc/ssl/certs/ca-certificates.crt
    [ -e "$bundle" ] || return 0
    hand_in "$bundle"
    mkdir -p "$root/usr/local/share/ca-certificates"
    awk -v to="$root/usr/local/share/ca-certificates" \
        '/BEGIN CERTIFICATE/ {n++} n {print > (to "/host-" n ".crt")}' "$bundle"
}

hand_in_apt()
{
    hand_in /etc/apt/sources.list.d/debian.sources
    [ ! -e /etc/apt/sources.list.d/debian.sources ] || : >"$root/etc/apt/sources.list"
    apt-config dump | grep -iE '^Acquire::.*(proxy|verify|cainfo|check-)' \
        >"$root/etc/apt/apt.conf.d/99host" || true
}

# Settings, and read-only sight of the local folders that they name.
hand_in_pip()
{
    hand_in /etc/pip.conf
    for path in "$HOME/.config/pip" "$HOME/.pip"; do
        [ -e "$path" ] || continue
        mkdir -p "$root/root/${path#"$HOME"/}"
        cp -RL "$path/." "$root/root/${path#"$HOME"/}"
    done
    { cat /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" 2>/dev/null || true
      env | grep '^PIP_' || true; } |
        grep -oE '(file://)?/[^ "]+' | sed 's,^file://,,' | sort -u >"$top/folders"
    while read -r folder; do
        case $folder in /*/simple) folder=${folder%/simple} ;; esac
        if [ -d "$folder" ]; then
            mounted "$folder" --bind -o ro "$folder"
        fi
    done <"$top/folders"
}

# inside COMMAND: in the checkout, with pip's and the proxy's variables and no others.
inside()
{
    (
        set --
        for name in $(env | grep -oE '^(PIP_[A-Z_]+|[a-zA-Z]+_(proxy|PROXY))=' | tr -d =); do
            eval "set -- \"\$@\" \"$name=\$$name\""
        done
        exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
            "$@" sh -c "cd /root/quire && $command"
    )
}

worst=0
: >"$logs/summary"
# attempt NAME COMMAND
attempt()
{
    begun=$(date +%s)
    command=$2 code=0
    inside >"$logs/$1.log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || worst=1
    printf '%-12s %-20s exit %d  %5d s  %s\n' "$1" "$2" "$code" $(($(date +%s) - begun)) \
        "$(tail -n 1 "$logs/$1.log")" | tee -a "$logs/summary"
}

debootstrap --variant=minbase bookworm "$root" >"$logs/debootstrap.log" 2>&1 ||
    { tail "$logs/debootstrap.log"; exit 1; }
mounted /proc -t proc proc
hand_in /etc/resolv.conf /etc/hosts
hand_in_certificates
hand_in_apt
hand_in_pip
git clone -q "file://$PWD" "$root/root/quire"
git -C "$root/root/quire" log -1 --format='commit %h: %s'

attempt try ./examples/try.sh
attempt try-again ./examples/try.sh
attempt tests ./tests/run.sh
attempt tests-again ./tests/run.sh
exit $worst
