"""Makes models for what the corpus lacks, with a manifest.

Usage: fixtures.py DIR. manifest.json lists for each model its file, its features, what onnx's
checker says, whether Python's protobuf gives the same bytes back (if not, --reencode need not
either), and its data files. Each function below makes models of one kind."""
import json
import os
import random
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

import wire

MADE = []
UNKNOWN = (wire.number(1000, 77) + wire.fixed(1001, b"\1\2\3\4\5\6\7\x80")
           + wire.block(1002, b"unknown \0 \xff bytes") + wire.fixed(1003, b"\xde\xad\xbe\xef"))


def maker(function):
    """Registers a generator of (name, features, model or bytes, data files)."""
    MADE.append(function)
    return function


def value(name, dtype=T.FLOAT, shape=("n",)):
    return h.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs=None, outputs=None, initializers=(), opset=17, ir=8, **more):
    """A model around nodes; inputs x and outputs y of shape (n) unless said otherwise."""
    graph = h.make_graph(nodes, "g", inputs or [value("x")], outputs or [value("y")],
                         list(initializers), **more)
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)])
    made.ir_version = ir
    return made


def relu():
    return [h.make_node("Relu", ["x"], ["y"])]


def prop(key, text):
    return onnx.StringStringEntryProto(key=key, value=text)


@maker
def ir_versions():
    for ir in range(3, 15):
        weight = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
        inputs = [value("x", shape=[4])] + ([value("w", shape=[4])] if ir == 3 else [])
        made = model([h.make_node("Add", ["x", "w"], ["y"])], inputs, [value("y", shape=[4])],
                     [weight], opset={3: 7, 4: 9, 5: 10, 6: 11, 7: 13}.get(ir, 15), ir=ir)
        yield f"ir_{ir:02d}", ["ir_version"], made, {}


@maker
def functions():
    """Overloads, attributes with tensor defaults, references to attributes, a nested call."""
    opset = [h.make_opsetid("", 18), h.make_opsetid("test.f", 1)]
    table = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2), "t")
    scale = h.make_node("Constant", [], ["c"])
    scale.attribute.add(name="value", ref_attr_name="weight", type=onnx.AttributeProto.TENSOR)
    inner = h.make_function("test.f", "Inner", ["a"], ["b"],
                            [scale, h.make_node("Mul", ["a", "c"], ["b"])], opset,
                            attribute_protos=[h.make_attribute("weight", table)])
    leaky = h.make_node("LeakyRelu", ["m"], ["d"])
    leaky.attribute.add(name="alpha", ref_attr_name="alpha", type=onnx.AttributeProto.FLOAT)
    outer = h.make_function("test.f", "Outer", ["a"], ["d"],
                            [h.make_node("Inner", ["a"], ["m"], domain="test.f"), leaky],
                            opset, attributes=["alpha"])
    over = [h.make_function("test.f", "Over", ["a"], ["b"], [h.make_node(op, ["a"], ["b"])], opset,
                            overload=name) for op, name in (("Abs", ""), ("Neg", "neg"))]
    over[1].doc_string = "an overload"
    over[1].metadata_props.append(prop("k", "v"))
    over[1].value_info.append(value("b", shape=[3, 2]))
    calls = [h.make_node("Outer", ["x"], ["p"], domain="test.f", alpha=0.5),
             h.make_node("Over", ["p"], ["q"], domain="test.f"),
             h.make_node("Over", ["q"], ["y"], domain="test.f", overload="neg")]
    made = model(calls, [value("x", shape=[3, 2])], [value("y", shape=[3, 2])], opset=18, ir=10)
    made.opset_import.append(h.make_opsetid("test.f", 1))
    made.functions.extend([inner, outer, *over])
    yield "functions", ["functions", "overload", "attribute defaults", "ref_attr_name"], made, {}
    loop = h.make_graph([h.make_node("Identity", ["k"], ["k2"]),
                         h.make_node("Add", ["acc", "a"], ["acc2"])], "body",
                        [value("i", T.INT64, []), value("k", T.BOOL, []), value("acc", shape=None)],
                        [value("k2", T.BOOL, []), value("acc2", shape=None)])
    body = [h.make_node("Constant", [], ["n"], value_int=2),
            h.make_node("Loop", ["n", "", "a"], ["b"], body=loop)]
    made = model([h.make_node("Twice", ["x"], ["y"], domain="test.f")], opset=18, ir=9)
    made.opset_import.append(h.make_opsetid("test.f", 1))
    made.functions.append(h.make_function("test.f", "Twice", ["a"], ["b"], body, opset[:1]))
    yield "function_with_loop", ["functions", "body in a function"], made, {}
    unused = model(relu(), ir=8)
    unused.functions.append(h.make_function("test.unused", "None", [], [], [], []))
    unused.opset_import.append(h.make_opsetid("test.unused", 3))
    yield "function_empty", ["functions", "function without nodes"], unused, {}


def sparse(name, linear):
    values = h.make_tensor(name, T.FLOAT, [3], [1.5, -2, 3])
    places = [1, 3, 5] if linear else [[0, 1], [1, 1], [2, 1]]
    indices = h.make_tensor("", T.INT64, np.shape(places), np.ravel(places).tolist())
    return h.make_sparse_tensor(values, indices, [3, 2])


@maker
def sparse_tensors():
    nodes = [h.make_node("Constant", [], ["c"], sparse_value=sparse("", True)),
             h.make_node("Add", ["x", "w"], ["p"]), h.make_node("Add", ["p", "v"], ["q"]),
             h.make_node("Add", ["q", "c"], ["y"])]
    made = model(nodes, [value("x", shape=[3, 2])], [value("y", shape=[3, 2])],
                 sparse_initializer=[sparse("w", True), sparse("v", False)])
    yield "sparse", ["sparse initializer", "sparse attribute"], made, {}
    many = h.make_node("Foreign", ["x"], ["y"], domain="test.d")
    many.attribute.append(h.make_attribute("all", [sparse("s1", True), sparse("s2", False)]))
    made = model([many])
    made.opset_import.append(h.make_opsetid("test.d", 1))
    yield "sparse_attribute_list", ["SPARSE_TENSORS"], made, {}


@maker
def training():
    made = model([h.make_node("Mul", ["x", "w"], ["y"])], [value("x", shape=[2])],
                 [value("y", shape=[2])], [h.make_tensor("w", T.FLOAT, [2], [1, 2])])
    info = made.training_info.add()
    info.initialization.CopyFrom(h.make_graph(
        [h.make_node("RandomNormal", [], ["w_first"], shape=[2])], "init", [],
        [value("w_first", shape=[2])]))
    info.algorithm.CopyFrom(h.make_graph(
        [h.make_node("Sub", ["w", "d"], ["w_next"])], "step", [],
        [value("w_next", shape=[2])], [h.make_tensor("d", T.FLOAT, [2], [0.5, 0.25])]))
    info.initialization_binding.append(prop("w", "w_first"))
    info.update_binding.append(prop("w", "w_next"))
    made.training_info.add().update_binding.append(prop("w", "w"))
    yield "training_info", ["training_info", "bindings"], made, {}
    empty = model(relu())
    empty.training_info.add()
    yield "training_info_empty", ["training_info", "empty message"], empty, {}


def annotated():
    """A model with every kind of metadata and device information that onnx has."""
    made = model([h.make_node("MatMul", ["x", "w"], ["y"], name="mm")],
                 [value("x", shape=["n", 2])], [value("y", shape=["n", 2])],
                 [h.make_tensor("w", T.FLOAT, [2, 2], [1, 2, 3, 4]),
                  h.make_tensor("w_scale", T.FLOAT, [], [0.5]),
                  h.make_tensor("w_zero", T.INT8, [], [0])], ir=11, opset=18)
    note = made.graph.quantization_annotation.add(tensor_name="w")
    note.quant_parameter_tensor_names.extend([prop("SCALE_TENSOR", "w_scale"),
                                              prop("ZERO_POINT_TENSOR", "w_zero")])
    made.graph.quantization_annotation.add(tensor_name="missing")
    made.configuration.add(name="two", num_devices=2, device=["cpu:0", "cpu:1"])
    node = made.graph.node[0]
    device = node.device_configurations.add(configuration_id="two", pipeline_stage=1)
    spec = device.sharding_spec.add(tensor_name="w", device=[-1, 1])
    spec.index_to_device_group_map.add(key=-1, value=[0, 1])
    spec.sharded_dim.add(axis=1).simple_sharding.add(dim_value=2, num_shards=2)
    spec.sharded_dim.add(axis=0).simple_sharding.add(dim_param="n", num_shards=1)
    node.device_configurations.add(configuration_id="two")
    for owner in (made, made.graph, node, made.graph.initializer[0], made.graph.input[0]):
        owner.metadata_props.extend([prop("a.b", "text"), prop("c", ""), prop("", "no key")])
    return made


@maker
def metadata():
    yield "annotated", ["quantization_annotation", "metadata_props", "device configurations",
                        "sharding"], annotated(), {}
    repeated = model(relu())
    repeated.metadata_props.extend([prop("k", "1"), prop("k", "2")])
    yield "metadata_repeated_key", ["metadata_props"], repeated, {}
    odd = model(relu())
    odd.graph.node[0].name = "new\nline \x1b[31m \u202e \u00e9 \"quoted\" \\ # => {}"
    odd.graph.doc_string = "doc\twith\ttabs \U0001f980"
    yield "odd_names", ["control characters", "unicode"], odd, {}


@maker
def absent_or_empty():
    """The same model with strings and numbers absent, and present but empty or zero."""
    for present in (False, True):
        made = model([h.make_node("Clip", ["x", "", "top"], ["y"], name="n")], initializers=[
            h.make_tensor("top", T.FLOAT, [], [1])])
        node, tensor = made.graph.node[0], made.graph.initializer[0]
        pairs = [(made, "producer_name producer_version domain doc_string model_version"),
                 (made.graph, "doc_string"), (node, "domain doc_string overload"),
                 (tensor, "doc_string data_location"), (made.graph.input[0], "doc_string"),
                 (made.graph.input[0].type, "denotation")]
        for owner, names in pairs:
            for name in names.split():
                owner.ClearField(name)
                if present:
                    setattr(owner, name, 0 if name in ("model_version", "data_location") else "")
        attribute = made.graph.node.add(op_type="Constant", output=["z"]).attribute.add()
        attribute.name, attribute.type, attribute.i = "value_int", onnx.AttributeProto.INT, 0
        if present:
            made.graph.metadata_props.add(key="", value="")
            made.graph.input[0].type.tensor_type.shape.dim[0].denotation = ""
        else:
            made.graph.metadata_props.add()
            made.opset_import[0].ClearField("domain")
        yield f"strings_{'empty' if present else 'absent'}", ["absent or empty"], made, {}
    bare = model([h.make_node("Relu", ["x"], ["y"])])
    bare.graph.ClearField("name")
    bare.graph.node[0].ClearField("name")
    bare.graph.output[0].ClearField("type")
    yield "graph_without_name", ["absent or empty"], bare, {}


@maker
def unnamed_outputs():
    node = h.make_node("RNN", ["x", "w", "w"], ["", "y"], hidden_size=2)
    made = model([node], [value("x", shape=[1, 1, 2])], [value("y", shape=[1, 1, 2])],
                 [h.make_tensor("w", T.FLOAT, [1, 2, 2], [1, 2, 3, 4])])
    yield "first_output_empty", ["omitted output"], made, {}
    made = model([*relu(), h.make_node("Sink", ["y"], [], domain="test.d")])
    made.opset_import.append(h.make_opsetid("test.d", 1))
    yield "node_without_outputs", ["node without outputs"], made, {}


@maker
def opsets():
    twice = model(relu())
    twice.opset_import.append(h.make_opsetid("", 17))
    yield "opset_twice", ["opset imported twice"], twice, {}
    both = model(relu())
    both.opset_import.append(h.make_opsetid("ai.onnx", 17))
    yield "opset_two_spellings", ["opset imported twice"], both, {}
    unused = model(relu())
    unused.opset_import.extend([h.make_opsetid("ai.onnx.ml", 3), h.make_opsetid("com.none", 9)])
    yield "opset_unused_domain", ["opset_import"], unused, {}


def external(name, tensor, where):
    """A copy of a tensor's head that points into a data file."""
    made = onnx.TensorProto(name=name, data_type=tensor.data_type, dims=tensor.dims)
    made.data_location = onnx.TensorProto.EXTERNAL
    for key, text in where.items():
        made.external_data.add(key=key, value=str(text))
    return made


@maker
def external_data():
    data = bytes(random.Random(5).randbytes(20000))
    kind = h.make_tensor("", T.FLOAT, [8, 8], [0.0] * 64)
    at = "weights.bin"
    cases = {
        "external_shared_extent": [{"location": at, "offset": 4096, "length": 256}] * 3,
        "external_unaligned": [{"location": at, "offset": 13, "length": 256},
                               {"location": at, "offset": 269 + 44, "length": 256}],
        "external_two_files": [{"location": at, "offset": 0, "length": 256},
                               {"location": "other.bin", "offset": 512, "length": 256}],
        "external_folder": [{"location": "deep/er/" + at, "offset": 0, "length": 256}],
        "external_no_offset": [{"location": at, "length": 256}],
        "external_no_length": [{"location": at, "offset": 256}],
        "external_backwards": [{"location": at, "offset": 8192, "length": 256},
                               {"location": at, "offset": 0, "length": 256}],
        "external_key_order": [{"length": 256, "offset": 64, "checksum": "0" * 40, "location": at}],
    }
    for name, wheres in cases.items():
        tensors = [external(f"w{i}", kind, where) for i, where in enumerate(wheres)]
        names = ["x", *(tensor.name for tensor in tensors)]
        made = model([h.make_node("Sum", names, ["y"])], [value("x", shape=[8, 8])],
                     [value("y", shape=[8, 8])], tensors)
        files = {f"{name}/{where['location']}": data for where in wheres}
        yield f"{name}/model", ["external data"], made, files
    inline = model([h.make_node("Add", ["x", "w"], ["y"])], [value("x", shape=[8, 8])], [
        value("y", shape=[8, 8])], [numpy_helper.from_array(np.ones((8, 8), np.float32), "w")])
    for place in ("attribute", "body"):
        made = onnx.ModelProto()
        made.CopyFrom(inline)
        del made.graph.initializer[:]
        tensor = external("w", kind, {"location": at, "offset": 100, "length": 256})
        if place == "attribute":
            made.graph.node.insert(0, h.make_node("Constant", [], ["w"], value=tensor))
        else:
            then = h.make_graph([h.make_node("Add", ["x", "w"], ["t"])], "then", [],
                                [value("t", shape=[8, 8])], [tensor])
            other = h.make_graph([h.make_node("Neg", ["x"], ["e"])], "else", [],
                                 [value("e", shape=[8, 8])])
            del made.graph.node[:]
            made.graph.node.extend([h.make_node("Constant", [], ["c"], value=h.make_tensor(
                "", T.BOOL, [], [True])), h.make_node("If", ["c"], ["y"], then_branch=then,
                                                      else_branch=other)])
        yield (f"external_in_{place}/model", ["external data", f"in {place}"], made,
               {f"external_in_{place}/{at}": data})


TYPED = {T.FLOAT: [1.5, -0.0, float("nan"), float("inf")], T.DOUBLE: [1.5, -0.0, 5e-324, 1e308],
         T.INT32: [-1, 0, 2**31 - 1, -2**31], T.INT64: [-1, 0, 2**63 - 1, -2**63],
         T.UINT32: [0, 1, 2**31, 2**32 - 1], T.UINT64: [0, 1, 2**63, 2**64 - 1],
         T.STRING: [b"", b"text", b"\0nul\xff", "\u00e9".encode()],
         T.COMPLEX64: [1, 2, 3, 4, 5, 6, 7, 8], T.COMPLEX128: [1, 2, 3, 4, 5, 6, 7, 8]}
IN_INT32 = {T.UINT8: 255, T.INT8: -128, T.UINT16: 65535, T.INT16: -32768, T.BOOL: 1,
            T.FLOAT16: 0xFC00, T.BFLOAT16: 0xFF80, T.FLOAT8E4M3FN: 255, T.FLOAT8E4M3FNUZ: 128,
            T.FLOAT8E5M2: 252, T.FLOAT8E5M2FNUZ: 128, T.FLOAT8E8M0: 255}
SMALL = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2, "FLOAT6E2M3": 6,
         "FLOAT6E3M2": 6}


def carried(tensor):
    """A model that holds a tensor of any type: Constants that nothing reads need no kernel."""
    return model([*relu(), h.make_node("Constant", [], ["c"], value=tensor)],
                 initializers=[named(tensor, "w")], ir=14, opset=28)


def named(tensor, name):
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy


@maker
def typed_data():
    field = {T.FLOAT: "float_data", T.COMPLEX64: "float_data", T.DOUBLE: "double_data",
             T.COMPLEX128: "double_data", T.INT32: "int32_data", T.INT64: "int64_data",
             T.UINT32: "uint64_data", T.UINT64: "uint64_data", T.STRING: "string_data"}
    for dtype, values in TYPED.items():
        tensor = onnx.TensorProto(name="t", data_type=dtype, dims=[2, 2])
        getattr(tensor, field[dtype]).extend(values)
        yield f"typed_{T.DataType.Name(dtype).lower()}", ["typed data"], carried(tensor), {}
    for dtype, top in IN_INT32.items():
        tensor = onnx.TensorProto(name="t", data_type=dtype, dims=[3], int32_data=[0, 1, top])
        yield f"typed_{T.DataType.Name(dtype).lower()}", ["typed data"], carried(tensor), {}
    for name, bits in SMALL.items():
        dtype = T.DataType.Value(name)
        for count in (1, 3, 4, 7):
            size = -(-count * bits // 8)
            raw = bytes(0xFF >> (8 * size - count * bits if i == size - 1 else 0)
                        for i in range(size))
            tensor = onnx.TensorProto(name="t", data_type=dtype, dims=[count], raw_data=raw)
            yield f"raw_{name.lower()}_{count}", ["sub-byte raw data"], carried(tensor), {}
        entries = 5 if bits == 6 else -(-5 * bits // 8)
        tensor = onnx.TensorProto(name="t", data_type=dtype, dims=[5], int32_data=[1] * entries)
        yield f"typed_{name.lower()}", ["sub-byte typed data"], carried(tensor), {}


@maker
def sizes():
    for dims in ([0], [0, 5], [3, 0, 2], [2**40, 0]):
        tensor = onnx.TensorProto(name="t", data_type=T.FLOAT, dims=dims)
        name = "_".join(map(str, dims))
        yield f"zero_size_{name}", ["zero-size tensor"], carried(tensor), {}
        tensor.raw_data = b""
        yield f"zero_size_raw_{name}", ["zero-size tensor", "raw_data present"], carried(tensor), {}
    scalar = onnx.TensorProto(name="t", data_type=T.FLOAT, float_data=[2.5])
    yield "scalar", ["scalar tensor"], carried(scalar), {}
    big = random.Random(1).randbytes(3 << 20)
    made = model([h.make_node("Add", ["x", "w"], ["y"]), h.make_node("Constant", [], ["c"],
                  value=numpy_helper.from_array(np.frombuffer(big, np.uint8), "inside"))],
                 [value("x", shape=[3 << 18])], [value("y", shape=[3 << 18])],
                 [numpy_helper.from_array(np.frombuffer(big, np.int32).astype(np.float32), "w")])
    made.graph.initializer.append(h.make_tensor("f", T.FLOAT, [1 << 18], [0.5] * (1 << 18)))
    made.graph.initializer.append(h.make_tensor("i", T.INT64, [1 << 17], range(-5, (1 << 17) - 5)))
    yield "big_tensors", ["megabytes of embedded data, raw and typed"], made, {}


def graph_of(depth, name):
    """Bodies in bodies; each level reads x, the level above, and a weight of its own."""
    above = "x" if depth == 0 else f"v{depth - 1}"
    nodes = [h.make_node("Add", [above, f"w{depth}"], [f"v{depth}"])]
    last = f"v{depth}"
    if depth < 3:
        nodes.append(h.make_node("If", ["cond"], [f"r{depth}"], else_branch=h.make_graph(
            [], f"e{depth}", [], [value(f"z{depth}", shape=[2])],
            [h.make_tensor(f"z{depth}", T.FLOAT, [2], [0, 1])]), then_branch=graph_of(
                depth + 1, f"t{depth}")))
        last = f"r{depth}"
    nodes.append(h.make_node("Mul", [last, "x"], [f"o{depth}"]))
    inputs = [value("x", shape=[2]), value("cond", T.BOOL, [])] if depth == 0 else []
    return h.make_graph(nodes, name, inputs, [value(f"o{depth}", shape=[2])],
                        [h.make_tensor(f"w{depth}", T.FLOAT, [2], [depth, 1])])


@maker
def nested():
    made = h.make_model(graph_of(0, "main"), opset_imports=[h.make_opsetid("", 17)])
    made.ir_version = 8
    yield "nested_if", ["If", "captures", "bodies without nodes"], made, {}
    scan = h.make_graph([h.make_node("Add", ["s", "e"], ["p"]), h.make_node("Add", ["p", "cap"], [
        "s2"]), h.make_node("Identity", ["s2"], ["o"])], "scan", [value("s", shape=[2]), value(
            "e", shape=[2])], [value("s2", shape=[2]), value("o", shape=[2])])
    body = h.make_graph(
        [h.make_node("Add", ["acc", "cap"], ["start"]),
         h.make_node("Scan", ["start", "x"], ["end", "all"], body=scan, num_scan_inputs=1),
         h.make_node("Identity", ["k"], ["k2"])], "loop",
        [value("i", T.INT64, []), value("k", T.BOOL, []), value("acc", shape=[2])],
        [value("k2", T.BOOL, []), value("end", shape=[2]), value("all", shape=["m", 2])])
    made = model([h.make_node("Neg", ["first"], ["cap"]), h.make_node("Loop", ["n", "", "first"], [
        "y", "ys"], body=body)], [value("x", shape=["m", 2]), value("first", shape=[2])], [
            value("y", shape=[2]), value("ys", shape=None)], [h.make_tensor("n", T.INT64, [], [3])])
    made.graph.output[1].type.tensor_type.ClearField("shape")
    yield "nested_scan_in_loop", ["Loop", "Scan", "captures"], made, {}
    deep = h.make_graph([h.make_node("Identity", ["x"], ["b30"])], "g30", [], [value("b30")])
    for level in range(29, -1, -1):
        other = h.make_graph([h.make_node("Neg", ["x"], [f"n{level}"])], "o", [],
                             [value(f"n{level}")])
        deep = h.make_graph([h.make_node("If", ["c"], [f"b{level}"], then_branch=deep,
                                         else_branch=other)], f"g{level}",
                            [value("x"), value("c", T.BOOL, [])] if level == 0 else [],
                            [value(f"b{level}")])
    made = h.make_model(deep, opset_imports=[h.make_opsetid("", 17)])
    made.ir_version = 8
    yield "nested_30", ["graphs nested 30 deep"], made, {}


def type_of(kind, *arguments):
    tensor = h.make_tensor_type_proto(T.FLOAT, ["n", 3])
    made = onnx.TypeProto()
    if kind == "sequence":
        return h.make_sequence_type_proto(tensor)
    if kind == "optional":
        return h.make_optional_type_proto(h.make_sequence_type_proto(tensor))
    if kind == "map":
        return h.make_map_type_proto(T.STRING, h.make_sequence_type_proto(tensor))
    if kind == "sparse":
        return h.make_sparse_tensor_type_proto(T.FLOAT, [4, None])
    made.opaque_type.domain, made.opaque_type.name = "test.d", "Thing"
    made.denotation = "IMAGE"
    return made


@maker
def types():
    kinds = ("sequence", "optional", "map", "sparse", "opaque")
    for kind in kinds:
        named_type = onnx.ValueInfoProto(name="z", type=type_of(kind))
        node = h.make_node("Foreign", ["z"], ["y"], domain="test.d")
        made = model([node], [value("x"), named_type], ir=14, opset=28)
        made.opset_import.append(h.make_opsetid("test.d", 1))
        yield f"type_{kind}", ["types", kind], made, {}
    info = model(relu())
    info.graph.value_info.extend([value("y"), value("nowhere", T.INT8, [1, None, "k"])])
    info.graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    yield "value_infos", ["value_info", "dimension denotation"], info, {}


@maker
def attributes():
    """One node with an attribute of every type, and one with the empty form of each."""
    body = h.make_graph(relu(), "b", [value("x")], [value("y")])
    tensor = h.make_tensor("t", T.INT32, [2], [1, -2])
    full = [("f", 0.5), ("i", -3), ("s", b"\0bytes\xff"), ("t", tensor), ("g", body),
            ("sp", sparse("s", True)), ("tp", type_of("map")), ("fs", [1.0, -0.0]),
            ("is", [1, -2**63]), ("ss", [b"", b"a"]), ("ts", [tensor, tensor]),
            ("gs", [body, body]),
            ("sps", [sparse("s", False)]), ("tps", [type_of("sequence"), type_of("opaque")])]
    node = h.make_node("Foreign", ["q"], ["r"], domain="test.d", doc_string="all of them")
    node.attribute.extend(h.make_attribute(name, data, doc_string="d") for name, data in full)
    made = model([*relu(), node], [value("x"), value("q")])
    made.opset_import.append(h.make_opsetid("test.d", 1))
    renumber_bodies(made)
    yield "attributes_all", ["attributes of every type"], made, {}
    empty = h.make_node("Foreign", ["x"], ["y"], domain="test.d")
    for name, kind in onnx.AttributeProto.AttributeType.items():
        if name not in ("UNDEFINED", "TENSOR", "GRAPH", "SPARSE_TENSOR", "TYPE_PROTO"):
            attribute = empty.attribute.add(name=name.lower(), type=kind)
            if name in ("FLOAT", "INT", "STRING"):
                setattr(attribute, name[0].lower(), b"" if name == "STRING" else 0)
    made = model([empty])
    made.opset_import.append(h.make_opsetid("test.d", 1))
    yield "attributes_empty", ["empty attributes"], made, {}


def renumber_bodies(made):
    """Gives every body's values names of their own: shadowing is not allowed."""
    count = 0
    for node in made.graph.node:
        for attribute in node.attribute:
            for body in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
                count += 1
                body.input[0].name = body.node[0].input[0] = f"in{count}"
                body.output[0].name = body.node[0].output[0] = f"out{count}"


def rich():
    """Every message type of the schema in one model (but Segment, which nothing writes)."""
    made = annotated()
    for function in (functions, sparse_tensors, training, attributes, types):
        for name, _, part, _ in function():
            if name in ("functions", "sparse", "training_info", "attributes_all"):
                made.functions.extend(part.functions)
                made.training_info.extend(part.training_info)
                made.graph.sparse_initializer.extend(part.graph.sparse_initializer)
                if name == "attributes_all":
                    made.graph.node.extend(part.graph.node[1:])
                    made.graph.input.append(part.graph.input[1])
            elif name.startswith("type_"):
                info = made.graph.value_info.add()
                info.CopyFrom(part.graph.input[1])
                info.name = name
    made.opset_import.extend([h.make_opsetid("test.f", 1), h.make_opsetid("test.d", 1)])
    made.graph.initializer.append(h.make_tensor("d", T.FLOAT, [2], [1, 1]))
    made.graph.initializer.append(external("ext", made.graph.initializer[0], {
        "location": "rich.bin", "offset": 0, "length": 16}))
    for tensor in made.graph.sparse_initializer:
        tensor.values.name += "_sparse"
    made.ir_version = 14
    return made


RICH_FILES = {"rich.bin": bytes(range(16))}


def rewrite(data, descriptor, change, seen):
    """Applies change(whole message bytes, its fields, type name) to every message, inside out."""
    out = []
    for field, kind, payload, whole in wire.split(data):
        known = descriptor.fields_by_number.get(field)
        if known is not None and known.message_type is not None and kind == wire.LENGTH:
            whole = wire.block(field, rewrite(payload, known.message_type, change, seen))
        out.append((field, kind, payload, whole))
    seen.add(descriptor.full_name)
    return change(out, descriptor)


def joined(fields):
    return b"".join(whole for _, _, _, whole in fields)


@maker
def unknown_fields():
    """Unknown fields in one message type at a time, at its end; then everywhere, and in front."""
    data, root, seen = rich().SerializeToString(), onnx.ModelProto.DESCRIPTOR, set()
    rewrite(data, root, lambda fields, _: joined(fields), seen)
    every = set()

    def collect(descriptor):
        if descriptor.full_name not in every:
            every.add(descriptor.full_name)
            for field in descriptor.fields:
                if field.message_type is not None:
                    collect(field.message_type)
    collect(root)
    missing = every - seen - {"onnx.TensorProto.Segment"}
    if missing:
        raise AssertionError(f"the rich model lacks {sorted(missing)}")
    yield "rich", ["every message type"], data, RICH_FILES
    for name in sorted(seen):
        made = rewrite(data, root, lambda fields, at, name=name: joined(fields) + (
            UNKNOWN if at.full_name == name else b""), set())
        short = name.removeprefix("onnx.").replace(".", "_")
        yield f"unknown_in_{short}", ["unknown fields", name], made, RICH_FILES
    everywhere = rewrite(data, root, lambda fields, _: joined(fields) + UNKNOWN, set())
    yield "unknown_everywhere", ["unknown fields"], everywhere, RICH_FILES
    front = rewrite(data, root, lambda fields, _: UNKNOWN + joined(fields), set())
    yield "unknown_in_front", ["unknown fields", "out of order"], front, RICH_FILES


INTERLEAVED = {"onnx.ModelProto", "onnx.GraphProto"}


def backwards(fields, descriptor):
    """Fields in descending order of number; those of one number stay in order."""
    del descriptor
    return joined(sorted(fields, key=lambda field: -field[0]))


def interleaved(fields, descriptor):
    """The model's and graphs' repeated fields dealt out in turns."""
    if descriptor.full_name not in INTERLEAVED:
        return joined(fields)
    queues, out = {}, []
    for field in fields:
        queues.setdefault(field[0], []).append(field)
    while any(queues.values()):
        out += [queue.pop(0) for queue in queues.values() if queue]
    return joined(out)


def wide(fields, descriptor):
    """Every varint, tag aside, one byte longer than needed."""
    del descriptor
    out = b""
    for field, kind, payload, whole in fields:
        if kind == wire.VARINT and payload < 1 << 49:
            whole = wire.number(field, payload, wide=1)
        elif kind == wire.LENGTH:
            # the payload inside may have been rewritten: take it from the whole field
            _, at = wire.read_varint(whole, 0)
            _, at = wire.read_varint(whole, at)
            whole = wire.block(field, whole[at:], wide=1)
        out += whole
    return out


def repacked(fields, descriptor):
    """Packed repeated scalars unpacked, and unpacked ones packed."""
    out = []
    for field, kind, payload, whole in fields:
        known = descriptor.fields_by_number.get(field)
        scalar = known is not None and known.message_type is None and known.is_repeated
        if not scalar or known.type in (known.TYPE_STRING, known.TYPE_BYTES):
            out.append(whole)
        elif kind == wire.LENGTH:
            size = {known.TYPE_FLOAT: 4, known.TYPE_DOUBLE: 8}.get(known.type)
            at = 0
            while at < len(payload):
                if size:
                    out.append(wire.fixed(field, payload[at:at + size]))
                    at += size
                else:
                    number, at = wire.read_varint(payload, at)
                    out.append(wire.number(field, number))
        else:
            out.append(wire.block(field, payload if isinstance(payload, bytes)
                                  else wire.varint(payload)))
    return b"".join(out)


def doubled(fields, descriptor):
    """Singular scalars written twice: the last one counts."""
    out = b""
    for field, kind, _, whole in fields:
        known = descriptor.fields_by_number.get(field)
        if (known is not None and not known.is_repeated and known.message_type is None
                and known.containing_oneof is None and kind == wire.VARINT):
            out += wire.number(field, 1)
        out += whole
    return out


@maker
def encodings():
    """Valid encodings that protobuf libraries read but do not write."""
    data, root = rich().SerializeToString(), onnx.ModelProto.DESCRIPTOR
    for name, change in (("fields_backwards", backwards), ("fields_interleaved", interleaved),
                         ("varints_wide", wide), ("repeated_repacked", repacked),
                         ("scalars_doubled", doubled)):
        yield name, ["encoding"], rewrite(data, root, change, set()), RICH_FILES
    plain = model(relu()).SerializeToString()
    for name, change in (("plain_backwards", backwards), ("plain_wide", wide)):
        yield name, ["encoding"], rewrite(plain, root, change, set()), {}
    yield "unknown_only_at_end", ["unknown fields"], plain + wire.block(999, b"x" * 70000), {}


def verdict(path):
    try:
        onnx.checker.check_model(path, full_check=True)
        return "ok"
    except Exception as error:  # the checker's own, protobuf's and os errors alike
        return str(error).strip().split("\n")[0][:160]


def gives_back(data):
    """Whether Python's protobuf writes the same bytes; None where it does not even read them."""
    made = onnx.ModelProto()
    try:
        made.ParseFromString(data)
    except Exception:
        return None
    return made.SerializeToString() == data


def make(folder):
    """Writes all models and manifest.json; returns the manifest."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    manifest = []
    for function in MADE:
        for name, features, made, files in function():
            data = made if isinstance(made, bytes) else made.SerializeToString(deterministic=True)
            path = os.path.join(folder, name + ".onnx")
            for place, content in {path: data, **{os.path.join(folder, file): content
                                                  for file, content in files.items()}}.items():
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "wb") as file:
                    file.write(content)
            manifest.append({"file": name + ".onnx", "features": features, "data": sorted(files),
                             "checker": verdict(path), "reencode": gives_back(data)})
    names = [entry["file"] for entry in manifest]
    assert len(names) == len(set(names)), "two fixtures of one name"
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
    return manifest


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    made = make(sys.argv[1])
    back = sum(entry["reencode"] is True for entry in made)
    passed = sum(entry["checker"] == "ok" for entry in made)
    print(f"{len(made)} fixtures; {passed} pass onnx's checker; protobuf gives {back} back")


if __name__ == "__main__":
    main()
