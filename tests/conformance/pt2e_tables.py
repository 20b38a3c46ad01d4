"""Tables and what PyTorch makes of them; and what quire makes of them through pt2e-embedding.

tests/peers/embedding.py computes the expectations with torch and commits some of them as
golden/pt2e_embedding.json; test_quantizers.py needs no torch. Nothing here computes a scale."""
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import common

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "golden", "pt2e_embedding.json")
ELEMENT = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16,
           "bfloat16": TensorProto.BFLOAT16}


class Table:
    """x is float32 [rows, width], exact in dtype. The rest is what torch said."""

    def __init__(self, name, x, dtype="float32", scale=None, zero_point=None, codes=None, flat=0):
        self.name, self.dtype = name, dtype
        self.x = np.ascontiguousarray(x, np.float32)
        self.scale, self.zero_point, self.codes, self.flat = scale, zero_point, codes, flat

    def to_json(self):
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.x.shape),
                "flattened_rows": self.flat, "x": self.x.tobytes().hex(),
                "scale": self.scale.tobytes().hex(), "zero_point": self.zero_point.tobytes().hex(),
                "codes": self.codes.tobytes().hex()}


def load_golden():
    def array(text, dtype):
        return np.frombuffer(bytes.fromhex(text), dtype)
    with open(GOLDEN, encoding="ascii") as file:
        return [Table(t["name"], array(t["x"], "<f4").reshape(t["shape"]), t["dtype"],
                      array(t["scale"], "<f4"), array(t["zero_point"], "<f4"),
                      array(t["codes"], "u1").reshape(t["shape"]), t["flattened_rows"])
                for t in json.load(file)["tables"]]


def stored(table):
    """The table's TensorProto; float16 and bfloat16 as their upper or nearest bits, exactly."""
    if table.dtype == "float32":
        raw = table.x.tobytes()
    elif table.dtype == "float16":
        raw = table.x.astype(np.float16).tobytes()
    else:
        raw = (table.x.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return helper.make_tensor(table.name, ELEMENT[table.dtype], table.x.shape, raw, raw=True)


def make_model(tables):
    """One lookup of each table, all with the same indices."""
    nodes = [helper.make_node("Gather", [t.name, "i"], [t.name + "_row"]) for t in tables]
    outputs = [helper.make_tensor_value_info(t.name + "_row", ELEMENT[t.dtype],
                                             ["N", t.x.shape[1]]) for t in tables]
    indices = [helper.make_tensor_value_info("i", TensorProto.INT64, ["N"])]
    graph = helper.make_graph(nodes, "tables", indices, outputs, [stored(t) for t in tables])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def bits(array):
    return np.ascontiguousarray(array, np.float32).view(np.uint32).ravel()


def check_table(tally, table, got, entry):
    def expect(truth, text):
        tally.expect(truth, table.name, text)
    codes, scales, zero_points = (got[table.name + "." + part]
                                  for part in ("codes", "scales", "zero_points"))
    differ = np.flatnonzero(bits(scales) != bits(table.scale))
    expect(differ.size == 0, f"scales of rows {differ[:5]}")
    # The sign of a zero point that is 0 depends on which of two zeros torch took for the least.
    differ = np.flatnonzero(zero_points.ravel() != table.zero_point)
    expect(differ.size == 0, f"zero points of rows {differ[:5]}")
    differ = np.argwhere(codes != table.codes)
    expect(differ.size == 0, f"codes at {differ[:5].tolist()}")
    expect(entry["eps"] == 2.0 ** -12, "the report's eps")
    expect(entry["flattened_rows"] == table.flat,
           f"{entry['flattened_rows']} rows reported as flattened, not {table.flat}")
    tally.count("tables")
    tally.count("rows", len(table.scale))
    tally.count("codes", table.codes.size)


def check_warnings(tally, tables, ran, annotated):
    """A table with flattened rows is told of by annotate (a finding) and by quantize."""
    for table in tables:
        text = f"{table.flat} of {len(table.scale)} rows are not wider than 255 x "
        slot = f"{table.name}_row<-0"
        found = [line for line in annotated["findings"] if line["slot"] == slot]
        told = [line for line in ran.err.decode().splitlines() if f'"{table.name}"' in line]
        tally.expect(len(found) == len(told) == (table.flat > 0), table.name,
                     f"{len(found)} findings and {len(told)} warnings, {table.flat} rows flattened")
        tally.expect(all(text in line for line in told), table.name, f"warning {told}")
        tally.expect(all(text in f["text"] for f in found), table.name, f"finding {found}")


def check(tally, quire, work, tables):
    """Annotates and quantizes a model of the tables; every part must be what torch said."""
    plain, annotated, done = (os.path.join(work, name) for name in ("t.onnx", "a.onnx", "q.onnx"))
    onnx.save(make_model(tables), plain)
    ran = common.run(quire, "annotate", plain, "--quantizer", "pt2e-embedding", "-o", annotated,
                     "--format", "json")
    if not tally.expect(ran.code == 0, "annotate", f"{ran}"):
        return
    ledger = json.loads(ran.out)
    ran = common.run(quire, "quantize", annotated, "-o", done, "--format", "json")
    if not tally.expect(ran.code == 0, "quantize", f"{ran}"):
        return
    entries = {t["name"]: t for t in json.loads(ran.out)["tables"]}
    got = {t.name: numpy_helper.to_array(t) for t in onnx.load(done).graph.initializer}
    tally.expect(sorted(entries) == sorted(t.name for t in tables), "quantize", "other tables")
    for table in tables:
        check_table(tally, table, got, entries[table.name])
    check_warnings(tally, tables, ran, ledger)
