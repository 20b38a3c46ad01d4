# bare.sh - sourced, not run: a minimal Debian 12 in a folder, for root. begin_bare makes it. The
# caller sets $root; $top, the folder above it, which is removed at the end unless $keep is set;
# and $folder, where commands run inside.

mounts=

finish()
{
    for place in $mounts; do
        umount "$place"
    done
    if [ "${keep:-}" ]; then echo "kept: $root"; else rm -rf --one-file-system "$top"; fi
}

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

# begin_bare LOG: makes it, and hands it what the host uses to reach Debian's archive.
begin_bare()
{
    trap finish EXIT
    trap 'exit 130' INT TERM
    mkdir -p "$root"
    debootstrap --variant=minbase bookworm "$root" >"$1" 2>&1 || { tail "$1"; exit 1; }
    mounted /proc -t proc proc
    hand_in /etc/resolv.conf /etc/hosts
    hand_in_certificates
    hand_in_apt
}

# inside COMMAND: in $folder of it, with pip's and the proxy's variables and no others.
inside()
{
    (
        command=$1
        set --
        for name in $(env | grep -oE '^(PIP_[A-Z_]+|[a-zA-Z]+_(proxy|PROXY))=' | tr -d =); do
            eval "set -- \"\$@\" \"$name=\$$name\""
        done
        exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
            "$@" sh -c "cd $folder && $command"
    )
}
