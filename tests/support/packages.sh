# packages.sh - sourced, not run: makes Debian packages present. For no other system: there it
# names what is missing and lets the caller go on.

# install_packages NAME...: nothing to do, and no privilege needed, where all are installed.
install_packages()
{
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "no apt-get here; these Debian packages (or your system's) are needed:$missing" >&2
        return 0
    fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "run as root, install sudo, or install yourself:$missing" >&2
            return 1
        fi
        as_root=sudo
    fi
    echo "installing:$missing"
    $as_root apt-get update -q || return 1
    # shellcheck disable=SC2086  # a list of names
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $missing
}
