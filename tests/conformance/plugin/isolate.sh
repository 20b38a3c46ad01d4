#!/bin/sh
# isolate.sh QUIRE PLUGINS MODELS - does --isolate change anything where nothing goes wrong?
#
# Ledger, messages, exit code and written model of `quire annotate` are the same with and without it,
# for every model and several ways to annotate; and what kills a process is one line and exit code 4.
set -u
quire=$1 plugins=$2 models=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 n=0

# run NAME ARGUMENT...: leaves NAME.out, NAME.err, NAME.code, NAME.onnx in $work.
run()
{
    name=$1
    shift
    rm -f "$work/model.onnx"
    code=0
    "$quire" annotate "$@" -o "$work/model.onnx" >"$work/$name.out" 2>"$work/$name.err" || code=$?
    echo $code >"$work/$name.code"
    : >"$work/$name.onnx"
    [ ! -e "$work/model.onnx" ] || mv "$work/model.onnx" "$work/$name.onnx"
}

same()
{
    run here "$@"
    run there --isolate "$@"
    n=$((n + 1))
    for part in out err code onnx; do
        cmp -s "$work/here.$part" "$work/there.$part" && continue
        echo "with --isolate other: $part of: $*"
        diff "$work/here.$part" "$work/there.$part" | head -n 5
        failed=1
    done
}

for model in "$models"/*.onnx tests/install/dense.txt; do
    [ -e "$model" ] || continue
    same "$model" --quantizer embedding:min-elements=0
    same "$model" --quantizer pt2e-embedding --quantizer embedding --conflict first -v
    same "$model" --quantizer embedding --quantizer good --plugin "$plugins/good.so" \
        --rules tests/conformance/plugin/isolate.json --format json
done
same tests/models/query_encoder_ts_op17.onnx --recipe tests/conformance/plugin/isolate-recipe.json
same tests/models/query_encoder_ts_op17.onnx --recipe tests/conformance/plugin/isolate.json
same tests/install/dense.txt --quantizer nothing
same tests/install/dense.txt --quantizer embedding:bits=3
same tests/install/dense.txt --quantizer embedding:only=none
same tests/install/dense.txt --quantizer good --plugin nowhere.so
same tests/install/dense.txt --quantizer embedding --rules nowhere.json
[ $n -ge 8 ] || { echo "only $n runs"; failed=1; }
exit $failed
