#!/bin/sh
# deb.sh BUILD [MODELS] [--keep] - is the Debian package enough? Needs root, debootstrap.
#
# Makes the package in the build tree BUILD, installs it in a minimal Debian 12 that has nothing of
# this checkout, and lives a vendor's day there (vendors_day.sh), which must go as docs/vendors-day.md
# says; then the day's plugin annotates every model of the folder MODELS. At the end the package is
# removed and must leave nothing. What was printed is in BUILD/deb-test.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/bare.sh
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 2; }
[ "${3:-}" != --keep ] || keep=yes

build=$1 models=${2:-}
logs=$build/deb-test
top=$(mktemp -d "${TMPDIR:-/tmp}/quire-deb-XXXXXX")
root=$top/root
folder=/root
rm -rf "$logs"
mkdir -p "$logs"

# step TITLE COMMAND: inside; its output goes to a file.
step()
{
    log=$logs/$(printf '%s' "$1" | tr -c 'a-z\n' -).log
    inside "$2" >"$log" 2>&1 || { echo "FAILED: $1"; tail -n 40 "$log"; exit 1; }
    printf '%-36s ok  %s\n' "$1" "$(tail -n 1 "$log")"
}

apt="DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends"
(cd "$build" && "${CPACK:-cpack}" --config CPackConfig.cmake -B "$logs") >"$logs/cpack.log" 2>&1 ||
    { tail -n 40 "$logs/cpack.log"; exit 1; }
deb=$(basename "$(ls "$logs"/quire_*.deb)")
echo "made $deb, $(wc -c <"$logs/$deb") bytes"
dpkg-deb -c "$logs/$deb" >"$logs/contents"

begin_bare "$logs/debootstrap.log"
cp "$logs/$deb" tests/install/vendors_day.sh tests/install/char_lm_tied_dynamo_op18.onnx "$root/root/"
step "apt update" "$apt update"
inside "dpkg-query -W" | sort >"$logs/before"
step "apt install quire" "$apt install ./$deb"
step "no compiler, no library was brought" "! dpkg-query -W | grep -E '^(gcc|cmake|.*-dev)[^-a-z]'"
step "the program" "quire version"
step "files are as packed" "test -z \"\$(dpkg -V quire)\" && test -d /usr/lib/*/quire/plugins &&
    test -s /usr/share/man/man1/quire.1.gz"
step "apt install gcc" "$apt install gcc libc6-dev"
step "one line of gcc" "cp /usr/share/doc/quire/examples/first_quantizer/first_quantizer.c . &&
    gcc -shared -fPIC -o /usr/lib/\$(gcc -print-multiarch)/quire/plugins/first.so first_quantizer.c &&
    quire plugin list | grep '^first' && rm /usr/lib/*/quire/plugins/first.so"
step "apt install the day's tools" "$apt install clang g++ cmake make pkg-config"
step "no library's headers but libc's" "! ls /usr/include/jansson.h /usr/include/pcre2.h 2>/dev/null"
inside "sh vendors_day.sh /usr/share/doc/quire char_lm_tied_dynamo_op18.onnx" >"$logs/vendors-day.md" \
    2>"$logs/vendors-day.err" || { tail -n 40 "$logs/vendors-day.md" "$logs/vendors-day.err"; exit 1; }
diff docs/vendors-day.md "$logs/vendors-day.md" || { echo "FAILED: the day went otherwise"; exit 1; }
echo "the day went as docs/vendors-day.md says"

if [ -n "$models" ]; then
    cp -R "$models" "$root/root/models"
    # shellcheck disable=SC2016  # expanded inside
    step "every model" 'gcc -shared -fPIC -o first.so first_quantizer.c && n=0 none=0
        for model in models/*.onnx; do
            code=0
            quire annotate --plugin ./first.so --quantizer first "$model" -o out.onnx >ledger || code=$?
            case $code/$model in
            0/*) n=$((n + 1)) && quire annotations export out.onnx | grep -q "by first" || exit 1 ;;
            1/*) none=$((none + 1)) && grep -q "first: 0 requests" ledger || exit 1 ;;
            3/*/invalid_*) ;;
            *) echo "$model: exit $code"; exit 1 ;;
            esac
        done
        [ $n -gt 0 ] && echo "$n models annotated, $none without a table for it"'
fi
step "apt remove quire" "$apt purge quire"
step "nothing is left" "! ls -d /usr/lib/*/quire /usr/share/doc/quire /usr/include/quire /usr/bin/quire 2>/dev/null"
echo "the package is enough"
