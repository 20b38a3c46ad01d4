#!/bin/sh
# run.sh PROGRAM DRIVER KERNELS - what others' programs make of the same graphs; target `peers`, not part of
# tests/run.sh: it installs torch (1 GB with what it brings) into build/venv-peers.
#
# QUIRE_PEERS_PYTHON names an interpreter that has tests/peers/requirements.txt already.
set -eu
cd "$(dirname "$0")/../.."
python=${QUIRE_PEERS_PYTHON:-}
if [ -z "$python" ]; then
    folder=build/venv-peers
    python=$folder/bin/python
    if ! cmp -s tests/peers/requirements.txt $folder/requirements.txt; then
        rm -rf $folder
        python3 -m venv $folder
        $folder/bin/pip install -q --disable-pip-version-check --only-binary :all: \
            -r tests/peers/requirements.txt
        cp tests/peers/requirements.txt $folder/
    fi
fi
status=0
"$python" -B tests/peers/rows.py || status=1
"$python" -B tests/peers/pt2e.py --quire "$1" --driver "$2" || status=1
"$python" -B tests/peers/embedding.py --quire "$1" || status=1
"$python" -B tests/peers/bias.py || status=1
"$python" -B tests/peers/callback.py --quire "$1" --plugin "$(dirname "$2")/plugins/adjuster.so" \
    || status=1
"$python" -B tests/peers/kernels.py "$3" || status=1
"$python" -B tests/peers/fused.py "$3" || status=1
"$python" -B tests/peers/observe.py "$3" || status=1
exit $status
