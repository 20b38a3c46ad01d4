"""The text form against onnx's own parser and printer.

For every exported model: onnx.parser reads what `print` writes and gives an equal model, as far as
ONNX's syntax can say it; and `opt` reads what onnx.printer writes and gives the model that
onnx.parser makes of it. What neither side can say is removed from both before comparing, by the
rules of `plain`; models that onnx's parser or printer cannot handle are listed and counted."""
import os
import sys

import numpy as np
import onnx
from onnx import numpy_helper, parser, printer

import common

# Not in SSA form: refused by every verb.
INVALID = {"invalid_duplicate_name_dynamo_op18"}
# What ONNX's syntax has no words for: attributes whose names are no identifiers.
UNSAYABLE = {"encoder_functions_ts_op15.onnx"}


def fill_reference(tensor, folder):
    """Elements of a tensor that refers to a stretch of a file: without decoding, as raw_data."""
    where = {entry.key: entry.value for entry in tensor.external_data}
    with open(os.path.join(folder, where["location"]), "rb") as file:
        file.seek(int(where.get("offset", 0)))
        data = file.read(int(where["length"]) if "length" in where else -1)
    del tensor.external_data[:]
    tensor.ClearField("data_location")
    tensor.raw_data = data


# Where each type keeps its elements unless it is raw_data.
TYPED = {1: "float_data", 14: "float_data", 7: "int64_data", 11: "double_data", 15: "double_data",
         12: "uint64_data", 13: "uint64_data", 8: "string_data"}


def plain_tensor(tensor, folder, typed_fields):
    """One spelling of the elements; empty names and documentation are gone."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        length = next((e.value for e in tensor.external_data if e.key == "length"), None)
        fill_reference(tensor, folder)
        if length is not None and (tensor.name, length) in typed_fields:
            refill_typed(tensor)
    for field in ("doc_string", "metadata_props", "segment"):
        tensor.ClearField(field)
    if not tensor.name:
        tensor.ClearField("name")
    if tensor.data_type != onnx.TensorProto.STRING:
        array = numpy_helper.to_array(tensor)
        raw = numpy_helper.from_array(array).raw_data if array.size else b""
        for field in set(TYPED.values()) | {"int32_data"}:
            tensor.ClearField(field)
        tensor.raw_data = raw


def refill_typed(tensor):
    """The bytes referred to were those of a packed typed field."""
    data, tensor.raw_data = tensor.raw_data, b""
    tensor.ClearField("raw_data")
    number = {"float_data": 4, "int64_data": 7, "double_data": 10, "uint64_data": 11}.get(
        TYPED.get(tensor.data_type), 5)
    size, length = len(data), b""
    while size >= 128:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    tensor.MergeFromString(bytes([number << 3 | 2]) + length + bytes([size]) + data)


def plain_info(info):
    for field in ("doc_string", "metadata_props"):
        info.ClearField(field)
    if not info.type.WhichOneof("value"):
        info.ClearField("type")


def plain_nodes(nodes, folder, typed):
    for node in nodes:
        for field in ("doc_string", "metadata_props", "device_configurations"):
            node.ClearField(field)
        for field in ("domain", "overload"):
            if not getattr(node, field):
                node.ClearField(field)
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            if attribute.HasField("t"):
                plain_tensor(attribute.t, folder, typed)
            if attribute.HasField("g"):
                plain_graph(attribute.g, folder, typed)


def plain_graph(graph, folder, typed):
    for field in ("doc_string", "metadata_props", "quantization_annotation", "sparse_initializer"):
        graph.ClearField(field)
    for info in list(graph.input) + list(graph.output) + list(graph.value_info):
        plain_info(info)
    for tensor in graph.initializer:
        plain_tensor(tensor, folder, typed)
    plain_nodes(graph.node, folder, typed)


def plain(model, folder, typed=frozenset()):
    """The part of a model that ONNX's syntax can say, spelled in one way."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.ClearField("training_info")
    plain_graph(made.graph, folder, typed)
    for function in made.functions:
        for field in ("metadata_props", "value_info", "doc_string"):
            function.ClearField(field)
        if not function.overload:
            function.ClearField("overload")
        plain_nodes(function.node, folder, typed)
    for entry in [e for f in made.functions for e in f.opset_import] + list(made.opset_import):
        entry.domain = entry.domain
    del made.metadata_props[:]
    return made


def typed_tensors(model):
    """(name, length) of payloads that a reference to a packed field may stand for."""
    found = set()
    for tensor in onnx.external_data_helper._get_all_tensors(model):
        field = TYPED.get(tensor.data_type, "int32_data")
        if field != "string_data" and len(getattr(tensor, field)):
            copy = onnx.TensorProto()
            getattr(copy, field).extend(getattr(tensor, field))
            body = copy.SerializeToString()
            size = next(n for n in range(len(body)) if body[n + 1] < 128) + 2
            found.add((tensor.name, str(len(body) - size)))
    return found


def first_difference(a, b):
    left, right = str(a).split("\n"), str(b).split("\n")
    for number, (x, y) in enumerate(zip(left, right)):
        if x != y:
            return f"line {number}: {x.strip()[:80]!r} and {y.strip()[:80]!r}"
    return f"{len(left)} and {len(right)} lines"


def check_print(options, path, tally):
    """onnx.parser on what we print."""
    name, folder = os.path.basename(path), os.path.dirname(path)
    done = common.run(options.quire, "print", path)
    if not tally.expect(done.code == 0, name, str(done)):
        return
    model = onnx.load(path, load_external_data=False)
    try:
        theirs = parser.parse_model(done.out.decode())
    except parser.ParseError as error:
        if name in UNSAYABLE:
            tally.count("texts that onnx.parser has no syntax for")
            return
        tally.fail(name, "onnx.parser: " + str(error).replace("\n", " | ")[:300])
        return
    tally.expect(name not in UNSAYABLE, name, "is listed as not sayable, yet onnx.parser reads it")
    typed = typed_tensors(model)
    a, b = plain(model, folder), plain(theirs, folder, typed)
    if tally.expect(a == b, name, "onnx.parser reads another model: " + first_difference(a, b)):
        tally.count("texts that onnx.parser reads as the same model")


def check_parse(options, path, tally):
    """What onnx.printer writes, read by us and by onnx.parser."""
    name = os.path.basename(path)
    text = printer.to_text(onnx.load(path, load_external_data=False))
    try:
        theirs = parser.parse_model(text)
    except parser.ParseError:
        tally.count("texts of onnx.printer that onnx.parser does not read")
        return
    target = os.path.join(os.path.dirname(path), name + ".text")
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    out = target + ".onnx"
    done = common.run(options.quire, "opt", target, "-o", out)
    os.unlink(target)
    if not tally.expect(done.code == 0, name, str(done)):
        return
    ours, folder = onnx.load(out, load_external_data=False), os.path.dirname(path)
    os.unlink(out)
    a, b = plain(theirs, folder), plain(ours, folder)
    if tally.expect(a == b, name, "onnx.printer's text: " + first_difference(a, b)):
        tally.count("texts of onnx.printer read as onnx.parser reads them")


def copy_beside(path, work):
    """The model and its data in the scratch folder, where references of a text lead."""
    for name in (os.path.basename(path), os.path.basename(path) + ".data"):
        source = os.path.join(os.path.dirname(path), name)
        if os.path.exists(source):
            with open(os.path.join(work, name), "wb") as file:
                file.write(common.read(source))
    return os.path.join(work, os.path.basename(path))


def main():
    options = common.arguments(__doc__)
    folder = options.models or os.path.join(os.path.dirname(__file__), "..", "models")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".onnx"))
    names = [name for name in names if name[:-5] not in INVALID]
    if options.sample:
        names = names[::8]
    tally = common.Tally()
    for name in names:
        path = copy_beside(os.path.join(folder, name), options.work)
        check_print(options, path, tally)
        check_parse(options, path, tally)
        tally.count("models")
        os.unlink(path)
    return tally.finish("text form against onnx")


if __name__ == "__main__":
    sys.exit(main())
