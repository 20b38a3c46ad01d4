"""Tables and graphs that are likely to go wrong, quantized, recomputed and run.

Values: constant, zero, tiny range, huge, subnormal, odd widths, one column, in float32, float16
and bfloat16. Graphs: every index rank and type, opset 7 to 26, IR 3 to 13, wrappers, captures at
depth 1 to 3, tables in bodies, shared and tied tables, GatherND, external data, name collisions,
and one model for each reason not to lower. Each is checked as in test_models.py."""
import itertools
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h

import common
import recompute
import rows
import test_models

TYPES = {"f32": T.FLOAT, "f16": T.FLOAT16, "bf16": T.BFLOAT16}
RNG = np.random.default_rng(20)
FEW = [{"bits": 8}, {"bits": 4, "block": 16, "zero_point": "float"},
       {"bits": 2, "scales": "f16", "search": "minmax"}]
FLOOR = {"min_elements": 0}


def table(name, x, dtype="f32"):
    bits = rows.narrow(np.ascontiguousarray(x, np.float32), dtype)
    return onnx.TensorProto(name=name, data_type=TYPES[dtype], dims=bits.shape,
                            raw_data=bits.tobytes())


def normal(count=64, width=24):
    return RNG.standard_normal((count, width)).astype(np.float32) * 3


def value(name, dtype=T.FLOAT, shape=None):
    return h.make_tensor_value_info(name, dtype, shape)


class Build:
    """A model in the making: nodes, initializers, inputs with their data, outputs."""

    def __init__(self, opset=17, ir=8):
        self.opset, self.ir, self.count = opset, ir, 0
        self.nodes, self.tensors, self.inputs, self.outputs, self.sets = [], [], [], [], [{}, {}]
        self.functions, self.infos, self.imports = [], [], []

    def ids(self, shape, dims, high, dtype=np.int64, name=None):
        """A graph input of indices in [-high, high): one set of data random, one with both ends."""
        self.count += 1
        name = name or f"ids{self.count}"
        dims = [d if isinstance(d, int) else f"{d}_{name}" for d in dims]
        kind = T.INT64 if dtype == np.int64 else T.INT32
        self.inputs.append(value(name, kind, dims))
        self.sets[0][name] = RNG.integers(-high, high, shape).astype(dtype)
        self.sets[1][name] = np.resize([0, -high, high - 1, -1], shape).astype(dtype)
        return name

    def out(self, name, dtype=T.FLOAT, shape=None):
        """An output; bfloat16 cannot be fetched, so it is cast."""
        if dtype == T.BFLOAT16:
            self.nodes.append(h.make_node("Cast", [name], [name + "_f"], to=T.FLOAT))
            name, dtype = name + "_f", T.FLOAT
        self.outputs.append(value(name, dtype, shape))

    def gather(self, data, ids, name=None, **attributes):
        self.count += 1
        name = name or f"e{self.count}"
        self.nodes.append(h.make_node("Gather", [data, ids], [name], name=f"node_{name}",
                                      **attributes))
        return name

    def model(self):
        inputs = [*self.inputs]
        if self.ir < 4:
            inputs += [value(t.name, t.data_type, list(t.dims)) for t in self.tensors]
        graph = h.make_graph(self.nodes, "g", inputs, self.outputs, self.tensors,
                             value_info=self.infos)
        made = h.make_model(graph, opset_imports=[h.make_opsetid("", self.opset), *self.imports],
                            functions=self.functions)
        made.ir_version = self.ir
        return made


# ---- values -------------------------------------------------------------------------------------


def value_tables(dtype):
    """{name: values}; huge*: a float16 scale does not hold them."""
    info = np.finfo(np.float16) if dtype == "f16" else np.finfo(np.float32)
    top, small = float(info.max), float(info.smallest_subnormal)
    if dtype == "bf16":
        top, small = float.fromhex("0x1.fep127"), float.fromhex("0x1p-133")
    made = {f"width{w}": normal(9, w) for w in (1, 2, 3, 5, 7, 9, 15, 16, 17, 31, 33, 37, 48, 65)}
    made["constant"] = np.full((5, 20), 2.75)
    made["constant_rows"] = np.repeat(normal(20, 1), 18, 1)
    made["zero"], made["minus_zero"] = np.zeros((4, 33)), np.full((4, 21), -0.0)
    made["zero_rows"] = normal(8, 19) * (np.arange(8) % 2)[:, None]
    made["tiny_range"] = 1 + np.spacing(np.float32(1)) * RNG.integers(0, 3, (12, 24))
    made["tiny_range_negative"] = -5 - np.spacing(np.float32(5)) * RNG.integers(0, 2, (12, 17))
    made["subnormal"] = small * RNG.integers(-40, 41, (10, 26))
    made["smallest"] = np.where(RNG.random((6, 17)) < 0.5, small, 0)
    made["least_normal"] = float(info.tiny) * RNG.integers(-3, 4, (6, 20))
    made["positive"], made["negative"] = abs(normal(9, 20)) + 1, -abs(normal(9, 20)) - 1
    made["one_outlier"] = np.where(np.arange(40) == 7, 60000.0, normal(9, 40) * 1e-4)
    made["ties"] = RNG.integers(-9, 10, (16, 34)) * 0.5
    made["one_row"], made["one_value"] = normal(1, 50), np.full((1, 1), -3.5)
    made["one_column"], made["ramp"] = normal(300, 1), np.arange(512.0).reshape(2, 256)
    made["magnitudes"] = normal(24, 20) * 10.0 ** np.arange(-4, 2).repeat(4)[:, None]
    made["huge"] = np.where(RNG.random((8, 23)) < 0.5, top, -top)
    made["huge_one_side"] = np.where(RNG.random((8, 18)) < 0.5, top, top / 2)
    made["huge_and_zero"] = np.where(RNG.random((8, 18)) < 0.3, -top, 0)
    made["huge_spread"] = RNG.uniform(-top, top, (8, 40))
    made["huge_nearly"] = np.full((4, 17), top) * np.linspace(0.98, 1, 17)
    if dtype != "f16":
        made["huge_1e36"] = normal(6, 24) * 1e36
        made["under_normal"] = normal(6, 24) * 1e-41
        made["just_normal"] = normal(6, 24) * 1e-36
    return made


def value_model(dtype):
    """One model that reads every such table, each with an output of its own."""
    build = Build(opset=18, ir=8)
    for name, x in value_tables(dtype).items():
        build.tensors.append(table(name, x, dtype))
        ids = build.ids((2 * x.shape[0],), ["n"], x.shape[0], name=f"ids_{name}")
        build.out(build.gather(name, ids, f"read_{name}"), TYPES[dtype])
    return build


def value_forms():
    for bits, block, zero, scales, search in itertools.product(
            (8, 4, 2), (None, 16, 32), ("int", "float"), ("f32", "f16"), ("minmax", "mse")):
        want = {"bits_for": [("*", bits)], "block": block, "zero_point": zero, "scales": scales,
                "search": search}
        if scales == "f16":
            want["skip"] = ["huge*"]
            want["bits_for"] = [("*", bits)]
        yield want


def overflow_cases():
    """Tables whose float16 scale is infinite: exit 3, naming tensor and row."""
    x = normal(10, 20)
    x[6, 3] = 1e9
    build = Build()
    build.tensors.append(table("wide.table", x))
    build.out(build.gather("wide.table", build.ids((4,), ["n"], 10)))
    return build


# ---- graphs -------------------------------------------------------------------------------------

GRAPHS = []


def graph(*forms):
    """Registers a function that yields (name, Build or (model, sets)); forms: options to try."""
    def register(function):
        GRAPHS.append((function, forms or FEW))
        return function
    return register


@graph()
def index_forms():
    for dtype in ("f32", "f16", "bf16"):
        for width in (24, 21):
            build = Build(opset=13)
            build.tensors.append(table("emb.weight", normal(50, width), dtype))
            shapes = {"scalar": ((), []), "vector": ((7,), ["n"]), "matrix": ((3, 4), ["n", "m"]),
                      "cube": ((2, 3, 2), ["a", "b", "c"]), "fixed": ((2, 5), [2, 5]),
                      "none": ((0,), ["n"]), "none2": ((3, 0), ["a", "b"])}
            build.inputs.append(value("wanted", T.INT64, ["rank"]))
            build.sets[0]["wanted"], build.sets[1]["wanted"] = np.array([2, 4]), np.array([8, 1])
            for kind in (np.int64, np.int32):
                for name, (shape, dims) in shapes.items():
                    ids = build.ids(shape, dims, 50, kind, f"{name}_{kind.__name__}")
                    build.out(build.gather("emb.weight", ids), TYPES[dtype])
                ids = build.ids((8,), ["n"], 50, kind, f"no_rank_{kind.__name__}")
                build.nodes.append(h.make_node("Reshape", [ids, "wanted"], [ids + "_r"]))
                build.out(build.gather("emb.weight", ids + "_r"), TYPES[dtype])
            yield f"index_forms_{dtype}_{width}", build


@graph()
def gather_attributes():
    build = Build()
    build.tensors.append(table("t", normal()))
    ids = build.ids((2, 3), ["a", "b"], 64)
    for attributes in ({}, {"axis": 0}, {"axis": -2}):
        build.out(build.gather("t", ids, **attributes))
    node = h.make_node("Gather", ["t", ids], ["doc"], doc_string="kept?")
    build.nodes.append(node)
    build.out("doc")
    yield "gather_attributes", build


@graph()
def gather_nd():
    for opset in (12, 17, 21):
        build = Build(opset=opset)
        build.tensors.append(table("t", normal(40, 21)))
        for shape in ((5, 1), (2, 3, 1), (1,), (0, 1)):
            dims = [f"d{i}" for i in range(len(shape) - 1)] + [1]
            ids = build.ids(shape, dims, 40)
            build.nodes.append(h.make_node("GatherND", ["t", ids], [f"nd_{ids}"]))
            build.out(f"nd_{ids}")
        yield f"gather_nd_{opset}", build


@graph({"bits": 8}, {"bits": 4}, {"bits": 2, "block": 16}, {"bits": 8, "zero_point": "float"},
       {"bits": 4, "scales": "f16", "search": "minmax", "block": 16})
def opsets():
    for opset in range(7, 27):
        build = Build(opset=opset, ir=3 if opset == 7 else 10 if opset > 20 else 8)
        build.tensors.append(table("t", normal(64, 21)))
        build.tensors.append(table("u", normal(64, 32)))
        build.out(build.gather("t", build.ids((2, 3), ["a", "b"], 64)))
        build.out(build.gather("u", build.ids((), [], 64)))
        yield f"opset_{opset:02d}", build


@graph()
def ir_versions():
    for ir in range(3, 14):
        build = Build(opset=11, ir=ir)
        build.tensors.append(table("t", normal()))
        build.out(build.gather("t", build.ids((3,), ["n"], 64)))
        yield f"ir_{ir:02d}", build


@graph()
def wrappers():
    build = Build(opset=13)
    build.tensors.append(table("t", normal()))
    build.tensors.append(table("h", normal(), "f16"))
    build.tensors.append(table("b", normal(), "bf16"))
    build.nodes += [h.make_node("Constant", [], ["c"], value=table("", normal(40, 30)), name="cn"),
                    h.make_node("Identity", ["t"], ["t1"]), h.make_node("Dropout", ["t1"], ["t2"]),
                    h.make_node("Identity", ["t2"], ["t3"]),
                    h.make_node("Cast", ["h"], ["h1"], to=T.FLOAT),
                    h.make_node("Cast", ["b"], ["b0"], to=T.FLOAT),
                    h.make_node("Identity", ["b0"], ["b1"]),
                    h.make_node("Identity", ["c"], ["c1"])]
    ids = build.ids((2, 3), ["a", "b"], 40)
    for name, kind in (("t", 1), ("t1", 1), ("t3", 1), ("h", 10), ("h1", 1), ("b", 16), ("b1", 1),
                       ("c", 1), ("c1", 1)):
        build.out(build.gather(name, ids, f"read_{name}"), kind)
    yield "wrappers", build
    build = Build(opset=16)
    build.tensors += [table("only.cast", normal(), "f16"), table("f", normal()),
                      table("cast.and.direct", normal(), "f16")]
    build.nodes += [h.make_node("Cast", ["only.cast"], ["oc"], to=T.FLOAT),
                    h.make_node("Cast", ["cast.and.direct"], ["cd"], to=T.FLOAT),
                    h.make_node("Cast", ["f"], ["narrow"], to=T.FLOAT16)]
    ids = build.ids((5,), ["n"], 64)
    for name, kind in (("oc", 1), ("cd", 1), ("cast.and.direct", 10), ("narrow", 10)):
        build.out(build.gather(name, ids), kind)
    yield "casts", build
    build = Build(opset=13)
    build.tensors.append(table("t", normal()))
    build.nodes += [h.make_node("Identity", ["t"], ["seen"]),
                    h.make_node("ReduceSum", ["seen"], ["total"], keepdims=0)]
    build.out(build.gather("seen", build.ids((2,), ["n"], 64)))
    build.out("total")
    yield "wrapper_read_elsewhere", build


def bodies(depth, kind, build, inner):
    """inner(graph prefix) gives nodes and result inside `depth` bodies of a kind; returns nodes."""
    if depth == 0:
        return inner()
    nodes, result = bodies(depth - 1, kind, build, inner)
    out, tag = f"{kind}{depth}", f"{kind}{depth}_"
    if kind == "if":
        then = h.make_graph(nodes, tag + "then", [], [value(result)])
        other = h.make_graph([h.make_node("Identity", ["fallback"], [tag + "alt"])], tag + "else",
                             [], [value(tag + "alt")])
        return [h.make_node("If", ["yes"], [out], name=tag + "node", then_branch=then,
                            else_branch=other)], out
    if kind == "loop":
        body = h.make_graph([h.make_node("Identity", [tag + "c"], [tag + "c2"]), *nodes], tag + "b",
                            [value(tag + "i", T.INT64, []), value(tag + "c", T.BOOL, [])],
                            [value(tag + "c2", T.BOOL, []), value(result)])
        return [h.make_node("Loop", ["trips", ""], [out], name=tag + "node", body=body)], out
    body = h.make_graph([h.make_node("Identity", [tag + "x"], [tag + "y"]), *nodes], tag + "b",
                        [value(tag + "x", T.FLOAT, [])],
                        [value(tag + "y", T.FLOAT, []), value(result)])
    return [h.make_node("Scan", ["steps"], [tag + "all", out], name=tag + "node", body=body,
                        num_scan_inputs=1)], out


@graph()
def captures():
    for kind, depth, where in itertools.product(("if", "loop", "scan"), (1, 2, 3),
                                                ("outer", "constant")):
        build = Build(opset=16)
        ids = build.ids((2, 3), ["a", "b"], 64, name="ids")
        build.tensors += [h.make_tensor("trips", T.INT64, [], [2]),
                          h.make_tensor("steps", T.FLOAT, [2], [1, 2]),
                          h.make_tensor("fallback", T.FLOAT, [1, 1, 1], [0])]
        build.inputs.append(value("yes", T.BOOL, []))
        build.sets[0]["yes"], build.sets[1]["yes"] = np.array(True), np.array(False)
        name = "emb/weight" if depth == 2 else "emb.weight"

        def inner():
            nodes = [h.make_node("Gather", [name, ids], ["read/in body"], name="inside")]
            if where == "constant":
                x = table("", normal(64, 17))
                nodes.insert(0, h.make_node("Constant", [], [name], value=x))
            return nodes, "read/in body"
        if where == "outer":
            build.tensors.append(table(name, normal(64, 17)))
        nodes, result = bodies(depth, kind, build, inner)
        build.nodes += nodes
        build.out(result)
        if where == "outer" and depth > 1:
            build.out(build.gather(name, ids, "read_outside"))
        yield f"captured_{kind}_{depth}_{where}", build


@graph()
def body_initializers():
    build = Build(opset=16)
    ids = build.ids((4,), ["n"], 64, name="ids")
    build.inputs.append(value("yes", T.BOOL, []))
    build.sets[0]["yes"], build.sets[1]["yes"] = np.array(True), np.array(False)
    branches = []
    for side in ("then", "else"):
        branches.append(h.make_graph(
            [h.make_node("Gather", ["local.weight", ids], [f"r_{side}"])], side, [],
            [value(f"r_{side}", T.FLOAT, ["n", 20])], [table("local.weight", normal(64, 20))]))
    build.nodes.append(h.make_node("If", ["yes"], ["y"], then_branch=branches[0],
                                   else_branch=branches[1]))
    build.out("y")
    yield "body_initializers", build
    build = Build(opset=16)
    ids = build.ids((4,), ["n"], 64, name="ids")
    inner = h.make_graph([h.make_node("Gather", ["deep", ids], ["r0"]), h.make_node(
        "Gather", ["middle", ids], ["r1"]), h.make_node("Add", ["r0", "r1"], ["r2"])], "inner", [],
        [value("r2")], [table("deep", normal(64, 20))])
    other = h.make_graph([h.make_node("Gather", ["middle", ids], ["r3"])], "other", [], [
        value("r3")])
    body = h.make_graph([h.make_node("Identity", ["k"], ["k2"]), h.make_node(
        "If", ["k"], ["r4"], then_branch=inner, else_branch=other)], "body",
        [value("i", T.INT64, []), value("k", T.BOOL, [])], [value("k2", T.BOOL, []), value("r4")],
        [table("middle", normal(64, 20))])
    build.tensors.append(h.make_tensor("trips", T.INT64, [], [3]))
    build.nodes.append(h.make_node("Loop", ["trips", ""], ["y"], body=body))
    build.out("y")
    yield "body_initializers_deep", build


@graph()
def shared_and_tied():
    build = Build(opset=15)
    build.tensors += [table("shared", normal()), table("tied", normal()), table("shown", normal()),
                      table("shaped", normal()), table("both.axes", normal())]
    ids = build.ids((2, 3), ["a", "b"], 24)
    for name in ("shared", "shared", "shared", "tied", "shown", "shaped"):
        build.out(build.gather(name, ids))
    build.out(build.gather("both.axes", ids, axis=0))
    build.out(build.gather("both.axes", ids, axis=1))
    build.nodes += [h.make_node("Transpose", ["tied"], ["tied_t"], perm=[1, 0]),
                    h.make_node("MatMul", [build.outputs[3].name, "tied_t"], ["logits"]),
                    h.make_node("Shape", ["shaped"], ["dims"])]
    build.out("logits")
    build.out("dims", T.INT64)
    build.out("shown")
    yield "shared_and_tied", build
    build = Build(opset=15)
    build.tensors.append(table("twice", normal(30, 30)))
    ids = build.ids((2,), ["n"], 30)
    build.nodes.append(h.make_node("Cast", [build.gather("twice", ids)], ["as_ids"], to=T.INT64))
    build.nodes += [h.make_node("Mul", ["as_ids", "nothing"], ["zero_ids"]),
                    h.make_node("Gather", ["twice", "zero_ids"], ["again"])]
    build.tensors.append(h.make_tensor("nothing", T.INT64, [], [0]))
    build.out("again")
    yield "lookup_of_lookup", build


@graph()
def names():
    build = Build(opset=14)
    odd = "\u00e9 /\"x\""
    build.tensors += [table("t", normal()), table("t.scales", normal()), table(odd, normal())]
    ids = build.ids((2,), ["n"], 64)
    for name, result in (("t", "t.codes"), ("t.scales", "t.codes.1"), (odd, "r s")):
        build.out(build.gather(name, ids, result))
    build.nodes.append(h.make_node("Relu", ["r s"], ["r s.gathered_codes"]))
    build.out("r s.gathered_codes")
    yield "colliding_names", build


@graph()
def decorated():
    """Value infos, annotations, sharding and metadata that name a table, and others beside them."""
    build = Build(opset=18, ir=11)
    build.tensors += [table("t", normal()), table("kept", normal(4, 4))]
    build.infos = [value("t", T.FLOAT, [64, 24]), value("kept", T.FLOAT, [4, 4]),
                   value("r", T.FLOAT, ["n", 24])]
    ids = build.ids((2,), ["n"], 64)
    build.nodes += [h.make_node("Gather", ["t", ids], ["r"], name="look up", doc_string="d"),
                    h.make_node("Relu", ["r"], ["y"], name="other")]
    build.out("y")
    made = build.model()
    for name in ("t", "kept", "y"):
        note = made.graph.quantization_annotation.add(tensor_name=name)
        note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="kept")
    made.configuration.add(name="two", num_devices=2)
    device = made.graph.node[1].device_configurations.add(configuration_id="two")
    for name in ("t", "kept", "r"):
        device.sharding_spec.add(tensor_name=name, device=[0])
    for owner in (made, made.graph, *made.graph.node, *made.graph.initializer):
        owner.metadata_props.add(key="who", value="kept?")
    yield "decorated", (made, build.sets)


@graph(*FEW, {"bits": 8, "target": "dequantized"})
def stored_forms():
    """Typed data instead of raw; a table in a data file beside one in the model."""
    x = normal()
    build = Build(opset=16)
    build.tensors += [h.make_tensor("typed", T.FLOAT, x.shape, x.ravel().tolist()),
                      onnx.TensorProto(name="typed16", data_type=T.FLOAT16, dims=x.shape,
                                       int32_data=rows.narrow(x, "f16").ravel().tolist()),
                      onnx.TensorProto(name="typedb16", data_type=T.BFLOAT16, dims=x.shape,
                                       int32_data=rows.narrow(x, "bf16").ravel().tolist())]
    ids = build.ids((2,), ["n"], 64)
    for tensor in list(build.tensors):
        build.out(build.gather(tensor.name, ids), tensor.data_type)
    yield "typed_data", build


def external_model(folder):
    """Two tables and a weight in one data file, a table in another, one in the model file."""
    build = Build(opset=16)
    names = ["t", "u", "v", "w"]
    build.tensors += [table(name, normal(64, 24)) for name in names]
    build.tensors.append(table("weight", normal(24, 24)))
    ids = build.ids((2, 3), ["a", "b"], 64)
    for name in names:
        read = build.gather(name, ids)
        build.nodes.append(h.make_node("MatMul", [read, "weight"], [read + "_m"]))
        build.out(read + "_m")
    made, files = build.model(), {}
    places = {"t": ("first.bin", 64), "weight": ("first.bin", 8192), "u": ("first.bin", 16384),
              "v": ("deep/second.bin", 0)}
    for tensor in made.graph.initializer:
        if tensor.name in places:
            name, offset = places[tensor.name]
            blob = files.setdefault(name, bytearray())
            blob.extend(b"\xaa" * (offset - len(blob)))
            blob.extend(tensor.raw_data)
            length = len(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = T.EXTERNAL
            for key, text in (("location", name), ("offset", offset), ("length", length),
                              ("checksum", "0" * 40)):
                tensor.external_data.add(key=key, value=str(text))
    for name, blob in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(blob)
    return made, build.sets


@graph({"bits": 8}, {"bits": 2}, {"bits": 8, "bits_for": [("t*", "float"), ("u", "2")]},
       {"bits": 8, "only": ["t", "kept*"]}, {"bits": 4, "skip": ["t"]}, {"min_elements": 1600})
def choices():
    build = Build(opset=16)
    build.tensors += [table(name, normal(64, 24)) for name in ("t", "t2", "u", "kept/t")]
    ids = build.ids((2,), ["n"], 64)
    for tensor in list(build.tensors):
        build.out(build.gather(tensor.name, ids))
    yield "choices", build


@graph({"bits": 8}, {"bits": 4, "block": 16})
def reasons():
    """One lookup for each reason not to lower, beside one that is lowered."""
    build = Build(opset=16)
    cube, tall = RNG.standard_normal((8, 8, 24)).astype(np.float32), normal(2000, 1)
    bad = normal()
    bad[5, 7] = np.inf
    build.tensors += [table(name, normal()) for name in (
        "good", "overridden", "scattered", "axis1", "const.ids", "depth", "in.function")]
    build.tensors += [table("small", normal(3, 4)), table("bad", bad), table("cube", cube),
                      table("one.column", tall), h.make_tensor("two", T.INT64, [2], [1, 2]),
                      h.make_tensor("int.table", T.INT64, [64, 20], range(1280))]
    ids = build.ids((3,), ["n"], 3)
    pairs = build.ids((3, 2), ["n", 2], 3)
    build.inputs.append(value("overridden", T.FLOAT, [64, 24]))
    updates = value("updates", T.FLOAT, ["k", 24])
    build.inputs.append(updates)
    build.sets[0]["updates"] = build.sets[1]["updates"] = normal(2, 24)
    build.nodes += [h.make_node("ScatterND", ["scattered", "spots", "updates"], ["written"]),
                    h.make_node("GatherND", ["depth", pairs], ["nd"]),
                    h.make_node("Neg", ["good"], ["computed"]),
                    h.make_node("Find", ["in.function", ids], ["found"], domain="test.f")]
    build.tensors.append(h.make_tensor("spots", T.INT64, [2, 1], [1, 5]))
    for name in ("good", "overridden", "scattered", "written", "small", "bad", "cube", "int.table",
                 "one.column", "computed"):
        build.out(build.gather(name, ids), T.INT64 if name == "int.table" else T.FLOAT)
    build.out(build.gather("axis1", ids, axis=1))
    build.out(build.gather("const.ids", "two"))
    build.out("nd")
    build.out("found")
    build.functions.append(h.make_function(
        "test.f", "Find", ["a", "i"], ["o"], [h.make_node("Gather", ["a", "i"], ["o"])],
        [h.make_opsetid("", 16)]))
    build.imports.append(h.make_opsetid("test.f", 1))
    yield "reasons", build


# ---- running ------------------------------------------------------------------------------------


def declare_outputs(made, sets, path):
    """The checker wants shapes of outputs: the ranks that a run gives, every dimension free."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    got = session.run(None, {given.name: sets[0][given.name] for given in session.get_inputs()})
    for out, array in zip(made.graph.output, got):
        out.type.tensor_type.shape.SetInParent()
        for index in range(array.ndim):
            out.type.tensor_type.shape.dim.add(dim_param=f"{out.name}_{index}")


def save(made, sets, folder, name):
    """Writes the model and its inputs; returns the two paths."""
    os.makedirs(folder, exist_ok=True)
    path, inputs = os.path.join(folder, name + ".onnx"), os.path.join(folder, name + ".npz")
    for again in (False, True):
        if again:
            declare_outputs(made, sets, path)
        with open(path, "wb") as file:
            file.write(made.SerializeToString(deterministic=True))
    np.savez(inputs, **{f"{i}.{key}": data for i, one in enumerate(sets)
                        for key, data in one.items()})
    return path, inputs


def check_forms(name, path, inputs, forms, quire, work, pythons):
    """All forms of one model; two targets each, unless a form names its own."""
    tally, runtimes = common.Tally(), test_models.Runtimes(pythons)
    original, accepted = runtimes.run(path, inputs), test_models.checker(path)
    if accepted is not None:
        tally.count(f"original refused by onnx's checker: {name}")
    if "error" in original["new"]["disable"]:
        text = original["new"]["disable"]["error"]
        tally.count(f"original does not run: {name}: {text[:100]}")
    for form in forms:
        job = (name, path, inputs, quire, work)
        test_models.check_form(job, tally, runtimes, original, accepted, {**FLOOR, **form})
    tally.count("models")
    return tally.plain()


def check_overflow(tally, quire, work):
    build = overflow_cases()
    path, _ = save(build.model(), build.sets, work, "overflow")
    after = os.path.join(work, "overflow.out.onnx")
    for want in ({"bits": 8}, {"bits": 8, "zero_point": "float"}, {"bits": 2, "search": "minmax"}):
        done, _ = recompute.quantize(quire, path, after, {**want, "scales": "f16", **FLOOR})
        text = done.err.decode()
        fine = done.code == 3 and "wide.table" in text and "6" in text and not done.out
        tally.expect(fine and not os.path.exists(after), "float16 scale overflow", str(done))
        tally.count("float16 scale overflow refused", int(fine))


def check_dry_run(tally, quire, work):
    """--dry-run on a model with external data: the receipt of the real run, nothing written."""
    folder = os.path.join(work, "dry")
    os.makedirs(folder, exist_ok=True)
    made, sets = external_model(folder)
    path, _ = save(made, sets, folder, "model")
    after, before = os.path.join(folder, "out.onnx"), sorted(os.listdir(folder))
    dry = common.run(quire, "quantize", path, "-o", after, "--dry-run", "--format", "json")
    tally.expect(dry.code == 0 and sorted(os.listdir(folder)) == before, "dry run", str(dry))
    real, report = recompute.quantize(quire, path, after, {})
    if tally.expect(dry.code == real.code == 0, "dry run", f"{dry}; {real}"):
        same = json.loads(dry.out)["receipt"] == report["receipt"]
        tally.expect(same, "dry run", "its receipt differs from the real run's")


def jobs_of(options):
    """(name, path, inputs, forms) of everything."""
    work, jobs = os.path.join(options.work, "adversarial"), []
    for dtype in TYPES:
        build = value_model(dtype)
        path, inputs = save(build.model(), build.sets, work, f"values_{dtype}")
        forms = list(value_forms())
        forms = forms[::21] if options.sample else forms
        for part in range(4):
            if forms[part::4]:
                jobs.append((f"values_{dtype}_{part}", path, inputs, forms[part::4]))
    for function, forms in GRAPHS:
        for name, made in function():
            model, sets = made if isinstance(made, tuple) else (made.model(), made.sets)
            path, inputs = save(model, sets, work, name)
            these = list(forms)
            if name == "reasons":
                these = [{"min_elements": 1024, "non_finite": "keep-float", **f} for f in these]
            jobs.append((name, path, inputs, these))
    folder = os.path.join(work, "external")
    os.makedirs(folder, exist_ok=True)
    made, sets = external_model(folder)
    path, inputs = save(made, sets, folder, "external")
    jobs.append(("external", path, inputs, [*FEW, {"only": ["w"]}]))
    return jobs, work


def main():
    options = common.arguments(__doc__, (["--name"], {"action": "append", "help": "only these"}))
    pythons = {"new": sys.executable}
    if options.old_python:
        pythons["old"] = options.old_python
    tally, futures = common.Tally(), []
    jobs, work = jobs_of(options)
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, path, inputs, forms in jobs:
            if options.name and name not in options.name:
                continue
            out = os.path.join(work, "out", name)
            os.makedirs(out, exist_ok=True)
            futures.append(pool.submit(check_forms, name, path, inputs, forms, options.quire, out,
                                       pythons))
        for future in futures:
            tally.merge(future.result())
    if not options.name:
        check_overflow(tally, options.quire, work)
        check_dry_run(tally, options.quire, work)
    return tally.finish("adversarial")


if __name__ == "__main__":
    sys.exit(main())
