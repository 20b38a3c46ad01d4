"""What quire.host.measure/1 says of tables, and what min-sqnr makes of it, against numpy.

Measured: the decibels a plugin reports (tests/conformance/plugin/measures.c) for min-max parameters
are those of rows.py, which is written from the specification; of searched ones those of the decoded
table that `quire quantize --target dequantized` writes. Elements that are not finite take no part.
Decided: embedding:min-sqnr=DB gives every table the fewest bits that numpy says suffice, from the
given ones on, or leaves it alone, with the numbers; on made tables and on those of --models."""
import glob
import json
import math
import os
import re
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

import common
import rows

TYPES = {rows.F32: T.FLOAT, rows.F16: T.FLOAT16, rows.BF16: T.BFLOAT16}
NAMES = {number: name for name, number in TYPES.items()}
HERE = os.path.dirname(os.path.abspath(__file__))


def make_tables(seed):
    """{name: (stored bits, dtype)}: every type, narrow and ragged rows, wild values."""
    rng = np.random.default_rng(seed)
    tables = {}
    for index in range(24):
        dtype = [rows.F32, rows.F16, rows.BF16][index % 3]
        shape = int(rng.integers(1, 40)), int(rng.choice([1, 2, 3, 5, 16, 17, 33, 64, 70, 300]))
        x = rng.normal(size=shape) * 10.0 ** rng.uniform(-4, 3)
        if index % 4 == 1:
            x = np.round(rng.uniform(0, 255, shape)) / 64
        if index % 8 == 2:
            x[:, 0] *= 1000
        if index == 5:
            x[:] = 0
        if index % 6 == 3:
            x[rng.random(shape) < 0.1] = rng.choice([np.nan, np.inf, -np.inf])
        bits = rows.narrow(x.astype(np.float32), dtype)
        if dtype == rows.F16 and index % 6 != 3:
            bits = np.where(np.isfinite(rows.widen(bits, dtype)), bits, 0).astype(bits.dtype)
        tables[f"t{index}"] = bits, dtype
    return tables


def make_model(path, tables):
    nodes, initializers, outputs = [], [], []
    for name, (bits, dtype) in tables.items():
        tensor = T(name=name, data_type=TYPES[dtype], dims=bits.shape, raw_data=bits.tobytes())
        initializers.append(tensor)
        nodes.append(helper.make_node("Gather", [name, "i"], [f"y{name}"]))
        outputs.append(helper.make_tensor_value_info(f"y{name}", TYPES[dtype], ["n", bits.shape[1]]))
    inputs = [helper.make_tensor_value_info("i", T.INT64, ["n"])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def fill(x, block):
    """Elements that are not finite replaced by a finite one of their group, or 0."""
    filled = x.copy()
    for first, count in rows.groups(x.shape[1], block):
        for row in filled:
            piece = row[first:first + count]
            good = piece[np.isfinite(piece)]
            piece[~np.isfinite(piece)] = good[0] if good.size else 0
    return filled


def decibels(x, value):
    """Over finite elements, row by row."""
    finite = np.isfinite(x)
    xx = rows.squares(np.where(finite, x, 0).astype(np.float64))
    ee = rows.errors(np.where(finite, x, 0), np.where(finite, value, 0))
    noise = float(np.add.accumulate(ee)[-1]) if ee.size else 0
    if noise == 0:
        return math.inf
    return 10 * math.log10(float(np.add.accumulate(xx)[-1]) / noise)


def expected(bits, dtype, form):
    """What min-max parameters keep of the table."""
    x = rows.widen(bits, dtype)
    filled = fill(x, form["block"])
    with np.errstate(invalid="ignore"):
        _, scales, _, value, _ = rows.quantize(filled, form["bits"], form["block"], form["zp"],
                                               form["half"], dtype)
    return -math.inf if np.isinf(scales).any() else decibels(x, value)


def options_of(form):
    return (f"bits={form['bits']},block={form['block']},float-zp={str(form['zp'] == 'float').lower()},"
            f"half={str(form['half']).lower()},mse={str(form['mse']).lower()}")


def ledger(options, model, *more):
    ran = common.run(options.quire, "annotate", model, "--dry-run", "--format", "json", *more)
    return ran, json.loads(ran.out) if ran.code in (0, 1) else None


def measure(options, model, form):
    plugin = os.path.join(os.path.dirname(options.quire), "tests", "plugins", "measures.so")
    ran, found = ledger(options, model, "--plugin", plugin, "--quantizer",
                        "measures:" + options_of(form))
    return ran, {left["node"].strip('"')[1:]: left for left in found["left_alone"]} if found else {}


def same(a, b):
    return a == b or (math.isfinite(a) and math.isfinite(b) and abs(a - b) < 1e-9)


def check_minmax(tally, options, model, tables, form):
    ran, found = measure(options, model, form)
    if not tally.expect(ran.code == 1, model, f"{ran}"):
        return
    for name, (bits, dtype) in tables.items():
        want, got = expected(bits, dtype, form), float(found[name]["text"])
        tally.expect(same(want, got), f"{name} {dtype} {bits.shape} {form}", f"{got}, not {want}")
        tally.count("measured with min-max")
        tally.count("measured: " + ("finite" if math.isfinite(want) else str(want)))


def check_searched(tally, options, model, tables, form):
    """Against the table that quantize decodes; tables with NaN are refused there."""
    out = os.path.join(options.work, "decoded.onnx")
    block = ["--block", str(form["block"])] if form["block"] else []
    done = common.run(options.quire, "quantize", model, "-o", out, "--bits", str(form["bits"]),
                      *block, "--zero-point", form["zp"], "--scales",
                      "f16" if form["half"] else "f32", "--search", "mse", "--min-elements", "1",
                      "--target", "dequantized", "--non-finite", "keep-float", "--bits-for",
                      f"*={form['bits']}")
    if not tally.expect(done.code == 0, model, f"{done}"):
        return
    decoded = {t.name: t for t in onnx.load(out).graph.initializer}
    ran, found = measure(options, model, form)
    tally.expect(ran.code == 1, model, f"{ran}")
    for name, (bits, dtype) in tables.items():
        tensor = decoded.get(name + ".dequantized")
        if tensor is None:
            continue
        value = np.frombuffer(tensor.raw_data, bits.dtype).reshape(bits.shape)
        want = decibels(rows.widen(bits, dtype), rows.widen(value, dtype))
        got = float(found[name]["text"])
        tally.expect(same(want, got), f"{name} {dtype} {form}", f"{got}, not {want}")
        tally.count("measured with search")


def table_of(tensor):
    if tensor.data_type not in NAMES or len(tensor.dims) != 2 or 0 in tensor.dims:
        return None
    dtype = NAMES[tensor.data_type]
    if tensor.raw_data:
        kind = np.uint32 if dtype == rows.F32 else np.uint16
        return np.frombuffer(tensor.raw_data, kind).reshape(tensor.dims), dtype
    return (numpy_helper.to_array(tensor).view(np.uint32), dtype) if dtype == rows.F32 else None


def decide(bits, dtype, form, floor):
    """[(bits, dB)] tried, the last is the one that counts."""
    tried = []
    for n in (2, 4, 8):
        if n < form["bits"]:
            continue
        tried.append((n, expected(bits, dtype, {**form, "bits": n})))
        if tried[-1][1] >= floor:
            break
    return tried


def shown(db):
    return f"{math.floor(db * 1000) / 1000:.3f}" if math.isfinite(db) else f"{db:f}"


def check_one(tally, where, tried, floor, start, spec, left, reason):
    n, db = tried[-1]
    if any(abs(reached - floor) < 1e-6 for _, reached in tried):
        tally.count("too near to tell")
    elif db < floor:
        tally.expect(spec is None and left and left["reason"] == "min-sqnr" and left["text"] ==
                     f"{n} bits keep {shown(db)} dB, min-sqnr asks for {floor:g} dB", where,
                     f"{spec} {left}, but {tried}")
        tally.count("left float")
    elif left and left["reason"] == "not-smaller":
        tally.count("not smaller")
    elif tally.expect(spec is not None and spec.startswith(f"u{n} "), where,
                      f"{spec} {left}, but {tried}"):
        raised = (f"raised from {start} to {n} bits: {tried[-2][0]} keep {shown(tried[-2][1])} dB, "
                  f"{n} keep {shown(db)} dB, min-sqnr asks for {floor:g} dB" if n > start else "")
        tally.expect((reason or "") == raised, where, f"reason {reason!r}, not {raised!r}")
        tally.count("raised" if n > start else "kept")


def check_decisions(tally, options, model, tables, form, floor):
    """tables: by the name of the lookup's result, and how that stands in the ledger."""
    given = (f"embedding:bits={form['bits']},block={form['block']},zero-point={form['zp']},scales="
             f"{'f16' if form['half'] else 'f32'},search=minmax,min-elements=1,min-sqnr={floor:g}")
    ran, found = ledger(options, model, "--quantizer", given)
    if ran.code == 3:
        tally.count("models that are refused")
        return
    if not tally.expect(found is not None, model, f"{ran}"):
        return
    asked = {r["slot"].replace('"', ""): r for r in found["requests"]}
    left = {l["node"].replace('"', ""): l for l in found["left_alone"]}
    for result, (bits, dtype) in tables.items():
        request, alone = asked.get(f"{result}<-0"), left.get(result)
        if request is None and (alone is None or alone["reason"] not in ("min-sqnr", "not-smaller")):
            tally.count("left for another reason")
            continue
        if request is None and alone["reason"] == "not-smaller":
            tally.count("not smaller")
            continue
        check_one(tally, f"{os.path.basename(model)} {result} {given}",
                  decide(bits, dtype, form, floor), floor, form["bits"],
                  request and request["spec"], alone, request and request["reason"])


def exported(options):
    """(path, {result: table}) of small models whose tables are inside."""
    found = sorted(glob.glob(os.path.join(options.models or "", "*.onnx")))
    found += sorted(glob.glob(os.path.join(HERE, "..", "models", "*.onnx")))
    for path in found[:: 12 if options.sample else 3]:
        if os.path.getsize(path) > 4 << 20:
            continue
        model = onnx.load(path, load_external_data=False)
        held = {t.name: table_of(t) for t in model.graph.initializer
                if t.data_location != T.EXTERNAL and math.prod(t.dims) < 200000}
        tables = {n.output[0]: held[n.input[0]] for n in model.graph.node
                  if n.op_type == "Gather" and held.get(n.input[0])}
        if tables:
            yield path, tables


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    forms = [dict(bits=bits, block=block, zp=zp, half=half, mse=False)
             for bits in (8, 4, 2) for block in (0, 16, 64) for zp in ("int", "float")
             for half in (False, True)]
    for seed in range(1 if options.sample else 3):
        tables = make_tables(seed)
        model = os.path.join(options.work, f"made{seed}.onnx")
        make_model(model, tables)
        for index, form in enumerate(forms):
            check_minmax(tally, options, model, tables, form)
            if (index + seed) % 4 == 0 and not form["half"]:
                check_searched(tally, options, model, tables, {**form, "mse": True})
        by_result = {f"y{name}": table for name, table in tables.items()}
        for floor in (5, 20.5, 40, 70):
            for form in forms[seed::5]:
                check_decisions(tally, options, model, by_result, form, floor)
    for index, (path, tables) in enumerate(exported(options)):
        form = forms[index * 7 % len(forms)]
        check_decisions(tally, options, path, tables, form, [15, 30, 45][index % 3])
        tally.count("exported models")
    for key in ("measured: inf", "raised", "kept", "left float", "measured with search"):
        tally.expect(tally.counts[key] > 0, "all", f"none: {key}")
    return tally.finish("measure")


if __name__ == "__main__":
    sys.exit(main())
