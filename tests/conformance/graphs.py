"""A model as nested graphs: paths, scopes, uses, and the bytes of tensors. No inference."""
import os
import re

import numpy as np
import onnx

DTYPES = {onnx.TensorProto.FLOAT: "f32", onnx.TensorProto.FLOAT16: "f16",
          onnx.TensorProto.BFLOAT16: "bf16"}
PLAIN = re.compile(r"[A-Za-z0-9_.:-]+\Z")


def quoted(name):
    """A name as the annotation text spells it."""
    if PLAIN.match(name):
        return name
    text = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
                   for byte in name.encode())
    return f'"{text}"'


def first_result(node):
    return next((name for name in node.output if name), None)


class Graph:
    """One graph, body or function body. key: the names that lead to it; kind: main, body, function
    or training."""

    def __init__(self, proto, key, parent, kind):
        self.proto, self.key, self.parent, self.kind = proto, key, parent, kind
        self.dense = {t.name: t for t in getattr(proto, "initializer", ())}
        self.sparse = {t.values.name: t for t in getattr(proto, "sparse_initializer", ())}
        self.inputs = [i if isinstance(i, str) else i.name for i in proto.input]
        self.outputs = [o if isinstance(o, str) else o.name for o in proto.output]
        self.producer = {name: node for node in proto.node for name in node.output if name}

    def spellings(self):
        """The ways a report may write the path: names bare, or quoted where they need it."""
        ends = "/" if self.key else ""
        return {"/".join(self.key) + ends, "/".join(map(quoted, self.key)) + ends}

    def function(self):
        graph = self
        while graph.parent is not None:
            graph = graph.parent
        return graph.kind == "function"

    def defines(self, name):
        return (name in self.dense or name in self.sparse or name in self.inputs
                or name in self.producer)

    def resolve(self, name):
        """The graph that defines a name, as seen from here; None if none does."""
        graph = self
        while graph is not None and not graph.defines(name):
            graph = graph.parent
        return graph


def attribute_graphs(node):
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.name, attribute.g
        for body in attribute.graphs:
            yield attribute.name, body


def all_graphs(model):
    """Main graph first, bodies after what holds them, then functions, then training graphs."""
    roots = [Graph(model.graph, (), None, "main")]
    for function in model.functions:
        name = f"function {function.domain}:{function.name}:{function.overload}"
        roots.append(Graph(function, (name,), None, "function"))
    for info in model.training_info:
        for part in ("initialization", "algorithm"):
            roots.append(Graph(getattr(info, part), ("training", part), roots[0], "training"))
    out = []

    def walk(graph):
        out.append(graph)
        for node in graph.proto.node:
            for name, body in attribute_graphs(node):
                walk(Graph(body, (*graph.key, first_result(node) or "", name), graph,
                           "training" if graph.kind == "training" else "body"))
    for root in roots:
        walk(root)
    return out


def attribute(node, name, default=None):
    for item in node.attribute:
        if item.name == name:
            return onnx.helper.get_attribute_value(item)
    return default


def payload(tensor, folder):
    """A tensor's bytes in raw order; None for forms that no table has."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        where = {entry.key: entry.value for entry in tensor.external_data}
        with open(os.path.join(folder, where["location"]), "rb") as file:
            file.seek(int(where.get("offset", 0)))
            if "length" in where:
                return file.read(int(where["length"]))
            return file.read(size_of(tensor))
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensor.data_type == onnx.TensorProto.FLOAT:
        return np.array(tensor.float_data, np.float32).tobytes()
    if tensor.data_type in (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16):
        return np.array(tensor.int32_data, np.int64).astype(np.uint16).tobytes()
    if tensor.data_type == onnx.TensorProto.UINT8:
        return np.array(tensor.int32_data, np.int64).astype(np.uint8).tobytes()
    return None


def size_of(tensor):
    size = {onnx.TensorProto.FLOAT: 4, onnx.TensorProto.FLOAT16: 2, onnx.TensorProto.BFLOAT16: 2,
            onnx.TensorProto.UINT8: 1, onnx.TensorProto.INT32: 4, onnx.TensorProto.INT64: 8}
    return int(np.prod(tensor.dims, dtype=np.int64)) * size[tensor.data_type]


def table_bits(tensor, folder):
    """A float tensor's stored bits in its shape: uint32 or uint16."""
    kind = np.uint32 if tensor.data_type == onnx.TensorProto.FLOAT else np.uint16
    return np.frombuffer(payload(tensor, folder), kind).reshape(list(tensor.dims))


def constant_tensor(node):
    """The tensor of a Constant node that holds a dense one, else None."""
    if node.op_type != "Constant" or node.domain not in ("", "ai.onnx"):
        return None
    return attribute(node, "value")


def names_used(graphs):
    """Every value, initializer and node result name anywhere in a model."""
    names = set()
    for graph in graphs:
        names.update(graph.dense, graph.sparse, graph.inputs, graph.outputs)
        for node in graph.proto.node:
            names.update(node.input, node.output)
        names.update(info.name for info in graph.proto.value_info)
    names.discard("")
    return names
