"""Shows that recompute.py notices: outputs and reports are spoiled one way at a time.

A check that accepts everything would pass every other test here, so each spoiled copy must be
refused, and the unspoiled one accepted."""
import copy
import json
import os
import sys

import onnx

import common
import receipt
import recompute

PREFERRED = ("two_tower_ts_op11", "bert_mlm_tied_ts_op13", "lm_tied_gemm_dynamo_op19")


def tensor(model, name):
    return next(t for t in model.graph.initializer if t.name == name)


def flip(name, at):
    """Changes the lowest bit of one byte of an initializer."""
    def spoil(model):
        data = bytearray(tensor(model, name).raw_data)
        data[at] ^= 1
        tensor(model, name).raw_data = bytes(data)
    return spoil


def swap_last_nodes(model):
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:-2], nodes[-1], nodes[-2]])


def rename_last_node(model):
    model.graph.node[-1].name += "x"


def spoiled_models(report, before):
    """{what: function that spoils the output}"""
    entry = report["tables"][0]
    tables = {t["name"] for t in report["tables"]}
    other = next(t.name for t in before.graph.initializer
                 if t.name not in tables and t.raw_data and len(t.dims) == 1)
    return {
        "a code": flip(entry["codes"], 100), "a scale": flip(entry["scales"], 8),
        "a zero point": flip(entry["zero_points"], 5), "another initializer": flip(other, 0),
        "order of nodes": swap_last_nodes, "a node's name": rename_last_node,
        "doc string": lambda m: setattr(m, "doc_string", "new"),
        "an opset import": lambda m: m.opset_import.add(domain="new", version=1),
        "metadata": lambda m: m.metadata_props.add(key="new", value="1"),
        "a value info": lambda m: m.graph.value_info.add(name="new"),
        "an initializer more": lambda m: m.graph.initializer.add(name="new", data_type=1, dims=[0]),
        "an output": lambda m: setattr(m.graph.output[0], "doc_string", "new"),
        "a node more": lambda m: m.graph.node.add(op_type="Abs", input=["?"], output=["new"]),
        "ir_version": lambda m: setattr(m, "ir_version", m.ir_version + 1),
    }


def spoiled_reports(report):
    """{what: function that spoils the report}"""
    entry = report["tables"][0]
    fields = {"rows": 1, "width": 1, "bits": 4, "block": 32, "sqnr_db": entry["sqnr_db"] + 1e-3,
              "bytes_before": 1, "bytes_after": 1, "consumers": entry["consumers"][1:],
              "other_uses": [] if entry["other_uses"] else ["new"], "scale_type": "f16",
              "search": "mse", "zero_point": "float", "dtype": "f16", "worst_row": None,
              "scales": entry["codes"]}
    made = {f"report: {key}": lambda r, key=key, value=value: r["tables"][0].update({key: value})
            for key, value in fields.items()}
    made["report: a table less"] = lambda r: r["tables"].pop()
    if report["skipped"]:
        made["report: an entry less"] = lambda r: r["skipped"].pop()
        made["report: an entry twice"] = lambda r: r["skipped"].append(r["skipped"][0])
    return made


def spoiled_receipts(quire, path, after, report, tally):
    """Pieces dropped, repeated, moved or called kept, and wrong sums: all noticed."""
    done = common.run(quire, "diff", "--bytes", "--format", "json", path, after)
    pieces, told = json.loads(done.out)["pieces"], report["receipt"]
    tally.expect(not receipt.problems(pieces, path, after, told), path, "receipt refused as it is")
    cases = {"a piece less": (pieces[1:], told), "a piece twice": (pieces + pieces[:1], told),
             "a sum": (pieces, {**told, "kept": told["kept"] + 1}),
             "a size": (pieces, {**told, "output_bytes": told["output_bytes"] - 1})}
    for index, piece in enumerate(pieces):
        if piece["verdict"] == "rewritten" and piece["in"]["length"] == piece["out"]["length"]:
            renamed = [*pieces[:index], {**piece, "verdict": "kept"}, *pieces[index + 1:]]
            cases["rewritten called kept"] = (renamed, None)
        if piece["out"] and piece["out"]["length"]:
            moved = {**piece, "out": {**piece["out"], "offset": piece["out"]["offset"] + 1}}
            cases["a piece moved"] = ([*pieces[:index], moved, *pieces[index + 1:]], None)
    for what, (bad, sums) in cases.items():
        got = receipt.problems(bad, path, after, sums)
        tally.expect(got, path, f"receipt spoiled unnoticed: {what}")
        tally.count("receipts spoiled and noticed", int(bool(got)))


def main():
    options = common.arguments(__doc__)
    if not options.models:
        common.fail_usage("--models is needed")
    tally = common.Tally()
    names = sorted(f[:-5] for f in os.listdir(options.models) if f.endswith(".onnx"))
    for name in [name for name in PREFERRED if name in names] or names[:1]:
        path = os.path.join(options.models, name + ".onnx")
        after = os.path.join(options.work, name + ".onnx")
        done, report = recompute.quantize(options.quire, path, after, {"bits": 8})
        if not tally.expect(done.code == 0, name, str(done)):
            continue
        whole = recompute.check(path, after, report, {"bits": 8})
        tally.expect(not whole.failures, name, f"refused as it is: {whole.failures[:1]}")
        spoiled_receipts(options.quire, path, after, report, tally)
        made = onnx.load(after)
        cases = [(what, spoil, None) for what, spoil in spoiled_models(
            report, onnx.load(path)).items()]
        cases += [(what, None, spoil) for what, spoil in spoiled_reports(report).items()]
        for what, spoil_model, spoil_report in cases:
            model, told = copy.deepcopy(made), copy.deepcopy(report)
            for spoil, target in ((spoil_model, model), (spoil_report, told)):
                if spoil is not None:
                    spoil(target)
            onnx.save(model, after)
            got = recompute.check(path, after, told, {"bits": 8})
            tally.expect(got.failures, name, f"spoiled unnoticed: {what}")
            tally.count("spoiled and noticed", int(bool(got.failures)))
    return tally.finish("spoiled outputs")


if __name__ == "__main__":
    sys.exit(main())
