"""Which lookups of a model are to be lowered, judged from the specification by itself."""
import fnmatch

import numpy as np
import onnx
from onnx import TensorProto as T

import graphs as gr
import rows

# Reasons in the order in which the first that holds is given.
REASONS = ("in-function aten shape already-quantized not-constant overridable-initializer sparse "
           "scatter training-info computed element-type rank axis index-depth constant-indices "
           "too-small excluded opset non-finite not-smaller").split()
# What these mean depends on how far a tool looks; here they only count as "not lowered".
VAGUE = {"shape", "already-quantized", "not-constant", "computed", "element-type", "index-depth",
         "constant-indices"}


class Lookup:
    """A Gather, GatherND or ATen embedding node. table: (graph, name, tensor, is a Constant) of
    what its data leads to; wrappers: the nodes between; cast: float16/bfloat16 widened on the way.
    """

    def __init__(self, graph, node):
        self.graph, self.node = graph, node
        self.result = gr.first_result(node)
        self.table, self.wrappers, self.cast, self.reason = None, [], False, None

    def spellings(self):
        return {path + name for path in self.graph.spellings()
                for name in (self.result, gr.quoted(self.result))}


def standard(node, *kinds):
    return node.op_type in kinds and node.domain in ("", "ai.onnx")


def is_lookup(node):
    if standard(node, "Gather", "GatherND"):
        return True
    kind = gr.attribute(node, "operator", b"")
    return (node.domain == "org.pytorch.aten" and node.op_type == "ATen"
            and kind.startswith(b"embedding"))


def transparent(graph, node, dtype):
    """Whether a node hands a table on: Identity, Dropout at inference, a widening Cast."""
    if standard(node, "Identity"):
        return True
    if standard(node, "Dropout"):
        if len(node.input) < 3 or not node.input[2]:
            return True
        found = constant(graph, node.input[2])
        return found is not None and not any(onnx.numpy_helper.to_array(found).ravel())
    return (standard(node, "Cast") and dtype in (T.FLOAT16, T.BFLOAT16)
            and gr.attribute(node, "to") == T.FLOAT)


def constant(graph, name):
    """The dense tensor that a name stands for, initializer or Constant node; else None."""
    home = graph.resolve(name)
    if home is None:
        return None
    if name in home.producer:
        return gr.constant_tensor(home.producer[name])
    return home.dense.get(name)


def trace(lookup):
    """Follows the data input back to an initializer or Constant; fills the lookup in.

    Returns a reason where there is no dense constant at the end."""
    graph, name, chain = lookup.graph, lookup.node.input[0], []
    while True:
        home = graph.resolve(name)
        if home is None:
            return "not-constant"
        node = home.producer.get(name)
        if node is None or node.op_type == "Constant":
            break
        if not node.input or node.op_type not in ("Identity", "Dropout", "Cast"):
            return "computed"
        chain.append((home, node))
        graph, name = home, node.input[0]
    tensor = gr.constant_tensor(node) if node is not None else home.dense.get(name)
    if node is None and name in home.sparse:
        lookup.table = (home, name, None, False)
        return "sparse"
    if node is not None and tensor is None:
        return "sparse" if gr.attribute(node, "sparse_value") is not None else "rank"
    if tensor is None:
        return "not-constant"
    dtype = tensor.data_type
    for at, wrapper in reversed(chain):
        if not transparent(at, wrapper, dtype):
            return "computed"
        if wrapper.op_type == "Cast":
            dtype, lookup.cast = T.FLOAT, True
    lookup.table, lookup.wrappers = (home, name, tensor, node is not None), chain
    return None


def index_depth(lookup, shapes):
    """The last dimension of GatherND's indices, None where nobody says."""
    name = lookup.node.input[1]
    tensor = constant(lookup.graph, name)
    if tensor is not None:
        return tensor.dims[-1] if tensor.dims else None
    known = shapes.get((lookup.graph.key, name))
    return known[-1] if known else None


def known_shapes(model, all_graphs):
    """{(graph, value): dims} from onnx's inference and the model's own value infos."""
    found = {}
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=False)
    except Exception:
        inferred = model
    for source in (inferred, model):
        for graph in gr.all_graphs(source):
            infos = graph.proto.value_info
            if graph.kind != "function":
                infos = [*infos, *graph.proto.input, *graph.proto.output]
            for info in infos:
                if info.type.tensor_type.HasField("shape"):
                    found[graph.key, info.name] = [
                        dim.dim_value if dim.HasField("dim_value") else None
                        for dim in info.type.tensor_type.shape.dim]
    del all_graphs
    return found


def table_key(table):
    return (table[0].key, table[1])


def users(all_graphs):
    """{(defining graph, name): [(graph, node or None, index)]}; None: a graph output."""
    found = {}
    for graph in all_graphs:
        for node in graph.proto.node:
            for index, name in enumerate(node.input):
                home = graph.resolve(name) if name else None
                if home is not None:
                    found.setdefault((home.key, name), []).append((graph, node, index))
        for index, name in enumerate(graph.outputs):
            home = graph.resolve(name)
            if home is not None:
                found.setdefault((home.key, name), []).append((graph, None, index))
    return found


def bits_for(name, want):
    """(bits or None for left alone, whether a --bits-for with a number named the table)."""
    if want.get("only") and not any(fnmatch.fnmatchcase(name, glob) for glob in want["only"]):
        return None, False
    if any(fnmatch.fnmatchcase(name, glob) for glob in want.get("skip", ())):
        return None, False
    bits, chosen = want.get("bits", 8), False
    for glob, value in want.get("bits_for", ()):
        if fnmatch.fnmatchcase(name, glob):
            bits, chosen = value, value != "float"
    return (None, False) if bits == "float" else (int(bits), chosen)


def sizes(tensor, bits, want):
    """(bytes of the float table, bytes of codes and parameters)."""
    count, width = tensor.dims
    codes, parameters = rows.shapes(count, width, bits, want.get("block"))
    each = (2 if want.get("scales") == "f16" else 4) + (
        4 if want.get("zero_point") == "float" else 1)
    return gr.size_of(tensor), int(np.prod(codes)) + int(np.prod(parameters)) * each


def judge(model, want, folder):
    """All lookups of a model, each with .reason: None if it is to be lowered."""
    all_graphs = gr.all_graphs(model)
    uses, shapes = users(all_graphs), known_shapes(model, all_graphs)
    opset = max((i.version for i in model.opset_import if i.domain in ("", "ai.onnx")), default=1)
    found = [Lookup(graph, node) for graph in all_graphs for node in graph.proto.node
             if graph.kind != "training" and is_lookup(node)]
    in_training = training_names(model)
    for lookup in found:
        lookup.reason = one(lookup, want, model, shapes, uses, in_training, opset, folder)
    # not-smaller asks whether anything else reads the table: its eligible lookups are not "else".
    # It is judged before the opset (docs/reasons.md), which all lookups of a table share.
    for lookup in found:
        if lookup.reason in (None, "opset") and not lookup_saves(lookup, found, uses, want):
            lookup.reason = "not-smaller?"
    for lookup in found:
        lookup.reason = "not-smaller" if lookup.reason == "not-smaller?" else lookup.reason
    return found


def training_names(model):
    """Initializers that training updates or that its graphs read by name."""
    names = set()
    for info in model.training_info:
        names.update(binding.key for binding in info.update_binding)
        names.update(binding.key for binding in info.initialization_binding)
        for graph in (info.initialization, info.algorithm):
            names.update(name for node in graph.node for name in node.input)
    return names


def lookup_saves(lookup, found, uses, want):
    bits, chosen = bits_for(lookup.table[1], want)
    before, after = sizes(lookup.table[2], bits, want)
    return chosen or after < before or keeps_float(lookup.table, found, uses)


def keeps_float(table, found, uses):
    """Whether something but lowered lookups reads a table, through wrappers or not."""
    lowered = {id(l.node) for l in found if l.reason in (None, "opset", "not-smaller?")
               and l.table and table_key(l.table) == table_key(table)}
    wrappers = {id(node) for l in found if id(l.node) in lowered for _, node in l.wrappers}
    front, seen = [table_key(table)], set()
    while front:
        key = front.pop()
        for graph, node, index in uses.get(key, ()):
            if node is not None and id(node) in lowered and index == 0:
                continue
            if node is None or id(node) not in wrappers or index != 0:
                return True
            if id(node) not in seen:
                seen.add(id(node))
                front += [(graph.key, name) for name in node.output if name]
    return False


def one(lookup, want, model, shapes, uses, in_training, opset, folder):
    """The reason why a lookup stays, before the question of size; None if it is lowered."""
    node = lookup.node
    if lookup.graph.function():
        return "in-function"
    if node.op_type == "ATen":
        return "aten"
    reason = trace(lookup)
    if reason is not None:
        return reason
    home, name, tensor, is_node = lookup.table
    if not is_node and name in home.inputs and (model.ir_version >= 4 or home.kind != "main"):
        return "overridable-initializer"
    if any(user is not None and user.op_type.startswith("Scatter") and index == 0
           for _, user, index in uses.get(table_key(lookup.table), ())):
        return "scatter"
    if name in in_training:
        return "training-info"
    if tensor.data_type not in gr.DTYPES:
        return "element-type"
    if len(tensor.dims) != 2:
        return "rank"
    if node.op_type == "Gather" and gr.attribute(node, "axis", 0) not in (0, -2):
        return "axis"
    if node.op_type == "GatherND" and (gr.attribute(node, "batch_dims", 0) != 0
                                       or index_depth(lookup, shapes) != 1):
        return "index-depth"
    if constant(lookup.graph, node.input[1]) is not None:
        return "constant-indices"
    bits, chosen = bits_for(name, want)
    count = tensor.dims[0] * tensor.dims[1]
    if count == 0 or (not chosen and count < want.get("min_elements", 1024)):
        return "too-small"
    if bits is None:
        return "excluded"
    if opset < (7 if bits == 8 else 11):
        return "opset"
    values = rows.widen(gr.table_bits(tensor, folder), gr.DTYPES[tensor.data_type])
    if not np.isfinite(values).all():
        return "non-finite"
    return None
