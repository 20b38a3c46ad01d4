#!/bin/sh
# run.sh - every check there is, from a fresh checkout on Debian 12; the exit code is the answer.
#
# Installs what it needs (Debian packages as root or with sudo; Python packages into build/venv-*),
# then builds with gcc and clang, warnings being errors, and runs the tests; docs/testing.md says
# which. A second run builds and installs only what changed. QUIRE_TEST_MODELS names a folder of
# exported models; without it, ../shared/models beside the checkout, else tests/models alone.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh

jobs=$(nproc)
failed=
started=$(date +%s)

# step TITLE COMMAND...: runs it, says how long it took, remembers a failure and goes on.
step()
{
    title=$1
    shift
    begun=$(date +%s)
    printf '\n== %s\n' "$title"
    if "$@"; then
        verdict=ok
    else
        verdict=FAILED
        failed="$failed
   $title"
    fi
    printf '== %s: %s, %d s\n' "$title" "$verdict" $(($(date +%s) - begun))
}

# venv FOLDER REQUIREMENTS: a virtual environment, made again when the requirements change.
venv()
{
    if ! cmp -s "$2" "$1/requirements.txt"; then
        rm -rf "$1"
        python3 -m venv "$1" || return 1
        "$1/bin/pip" install -q --disable-pip-version-check --only-binary :all: -r "$2" || return 1
        cp "$2" "$1/requirements.txt"
    fi
}

# venvs: both, side by side.
venvs()
{
    venv build/venv-old tests/requirements-old.txt &
    old=$!
    new=0
    venv build/venv tests/requirements.txt || new=$?
    wait $old && [ $new -eq 0 ]
}

# build PRESET FOLDER COMPILER: build/FOLDER from the preset; quiet unless it fails.
build()
{
    preset=$1 folder=build/$2 compiler=$3
    mkdir -p "$folder"
    if ! { CC=$compiler cmake --preset "$preset" -B "$folder" -D QUIRE_TESTS=ON \
               -D QUIRE_PYTHON="$PWD/build/venv/bin/python" \
               -D QUIRE_OLD_PYTHON="$PWD/build/venv-old/bin/python" \
               -D QUIRE_TEST_MODELS="$models" &&
           cmake --build "$folder" --parallel "$jobs"; } >"$folder/log" 2>&1; then
        grep -n -A5 -E 'error|Error|FAILED' "$folder/log" | head -n 60
        echo "all of it: $folder/log"
        return 1
    fi
}

# check FOLDER LABELS [OPTION...]: the ctest tests of build/FOLDER that carry one of the labels.
check()
{
    folder=build/$1 labels=$2
    shift 2
    ctest --test-dir "$folder" -L "$labels" --no-tests=error --output-on-failure \
        --parallel "$jobs" "$@"
}

step "Debian packages" install_packages \
    cmake make gcc g++ clang clang-format libc6-dev pkg-config protobuf-c-compiler \
    libprotobuf-c-dev libxxhash-dev libpcre2-dev libjansson-dev check libonnx-testdata python3 python3-venv \
    lld libc6-dev-arm64-cross qemu-user
step "Python packages, and those of an old ONNX Runtime" venvs

exported=85 # models in the folder that this one falls back from
models=${QUIRE_TEST_MODELS:-}
if [ -z "$models" ] && [ -d ../shared/models ]; then
    models=../shared/models
fi
if [ -z "$models" ]; then
    models=tests/models
    echo "no folder of exported models: $exported models are left out, only tests/models is used"
fi
models=$(cd "$models" && pwd)

step "gcc build" build dev dev gcc
step "gcc: unit, property, fault, golden, house, install" \
    check dev 'unit|property|fault|golden|house|install'
step "clang build" build dev clang clang
step "clang: unit, property, golden" check clang 'unit|property|golden'
step "sanitizer build" build asan asan gcc
step "sanitizers: unit, property, golden, part of fault and conformance" \
    check asan 'unit|property|fault|golden|conformance'
step "release build" build release release gcc
step "release: unit, property, golden" check release 'unit|property|golden'
step "conformance" check dev conformance --verbose

printf '\n%d s in all; ' $(($(date +%s) - started))
if [ -n "$failed" ]; then
    echo "FAILED:$failed"
    exit 1
fi
echo "everything passed"
