#!/bin/sh
# try.sh - from a fresh checkout on Debian 12 to a quantized model: installs what the build needs
# (as root or with sudo), builds the release preset, quantizes a model exported by PyTorch.
# A second run only does what changed. The result is build/query_encoder.q.onnx.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh

install_packages cmake make gcc libc6-dev pkg-config \
    protobuf-c-compiler libprotobuf-c-dev libxxhash-dev libpcre2-dev libjansson-dev

mkdir -p build
{
    cmake --preset release &&
        cmake --build --preset release --target quire_program --parallel "$(nproc)"
} >build/try.log 2>&1 || {
    tail -n 30 build/try.log >&2
    echo "the build failed; all of its output is in build/try.log" >&2
    exit 1
}

model=tests/models/query_encoder_ts_op17.onnx
echo "\$ quire quantize $model -o build/query_encoder.q.onnx"
exec build/release/quire quantize "$model" -o build/query_encoder.q.onnx
