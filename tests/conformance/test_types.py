"""What infer-types knows, against onnx.shape_inference and onnx's operator schemas.

Every model of the corpus and of --models is stripped of its value infos. What `quire select` then
says about results, inputs and initializers is compared with what onnx's inference says: where both
know an element type or a rank, they must agree; what onnx alone knows is counted. And for every
version of every operator, a node with operands of given types: where its schema gives a result's
type, quire must not say another."""
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import onnx
from onnx import TensorProto, defs, helper, shape_inference

import common
import corpus

# Of the types that onnx knows of node results in exported models.
LEAST_COVERAGE = 0.95
SPEC_NAMES = {"f32": "FLOAT", "u8": "UINT8", "i8": "INT8", "u16": "UINT16", "i16": "INT16",
              "i32": "INT32", "i64": "INT64", "f16": "FLOAT16", "f64": "DOUBLE", "u32": "UINT32",
              "u64": "UINT64", "bf16": "BFLOAT16", "u4": "UINT4", "i4": "INT4", "u2": "UINT2",
              "i2": "INT2", "string": "STRING", "bool": "BOOL", "complex64": "COMPLEX64",
              "complex128": "COMPLEX128"}


def number_of(dtype):
    """The element type that quire's word means."""
    name = SPEC_NAMES.get(dtype) or re.sub("^f([468]e)", r"FLOAT\1", dtype).upper()
    return TensorProto.DataType.Value(name)


def quoted(name):
    """A name in the text of a slot (docs/text-form.md)."""
    if re.fullmatch(r"[A-Za-z0-9_.:-]+", name):
        return name
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}"
                         for b in name.encode()) + '"'


def graphs_of(graph, path=""):
    """The graph and its bodies, each with its path."""
    yield path, graph
    for node in graph.node:
        first = next((name for name in node.output if name), None)
        for attribute in node.attribute:
            if first is not None and attribute.type == onnx.AttributeProto.GRAPH:
                below = f"{path}{quoted(first)}/{quoted(attribute.name)}/"
                yield from graphs_of(attribute.g, below)


def strip(model):
    for _, graph in graphs_of(model.graph):
        del graph.value_info[:]
    for function in model.functions:
        del function.value_info[:]


def known_by_onnx(model):
    """{slot: (element type, rank or None)} of what onnx's inference finds."""
    inferred = shape_inference.infer_shapes(model, data_prop=False)
    found = {}
    for path, graph in graphs_of(inferred.graph):
        results = {name for node in graph.node for name in node.output}
        for info in list(graph.input) + list(graph.value_info) + list(graph.output):
            tensor = info.type.tensor_type
            if not info.type.HasField("tensor_type") or tensor.elem_type == 0:
                continue
            rank = len(tensor.shape.dim) if tensor.HasField("shape") else None
            found.setdefault(path + quoted(info.name),
                             (tensor.elem_type, rank, info.name in results))
    return found


def known_by_quire(quire, path):
    """{slot: (element type or None, rank or None)}, or what went wrong."""
    done = common.run(quire, "select", "result or input or initializer", path, "--format", "json",
                      timeout=300)
    if done.code != 0:
        return done
    return {slot["slot"]: (slot["dtype"] and number_of(slot["dtype"]),
                           None if slot["dims"] is None else len(slot["dims"]))
            for slot in json.loads(done.out)["slots"]}


def compare(theirs, ours, part, where, tally):
    for slot, (elem, rank, is_result) in theirs.items():
        if slot not in ours:
            continue # a graph output that is an input of an outer graph, and the like
        known, known_rank = ours[slot]
        if is_result:
            tally.count(f"{part}: types onnx knows of results")
            tally.count(f"{part}: of these quire knows", known is not None)
        tally.expect(known in (None, elem), where, f"{slot}: {known}, onnx says {elem}")
        if rank is not None and known_rank is not None:
            tally.count(f"{part}: ranks compared")
            tally.expect(rank == known_rank, where, f"{slot}: rank {known_rank}, onnx says {rank}")


def check_model(job):
    path, part, quire = job
    tally = common.Tally()
    model = onnx.load(path, load_external_data=False)
    strip(model)
    stripped = path + ".stripped"
    with open(stripped, "wb") as file:
        file.write(model.SerializeToString())
    ours = known_by_quire(quire, stripped)
    os.unlink(stripped)
    if isinstance(ours, common.Ran):
        refused = ours.code == 3 or b"no slot is selected" in ours.err
        tally.count(f"{part}: refused, or nothing to compare")
        tally.expect(refused, path, str(ours))
        return tally.plain()
    try:
        theirs = known_by_onnx(model)
    except Exception: # pylint: disable=broad-except; onnx's own, whatever it is
        tally.count(f"{part}: onnx's inference fails")
        return tally.plain()
    tally.count(f"{part}: models")
    compare(theirs, ours, part, path, tally)
    return tally.plain()


# --- schemas -------------------------------------------------------------------------------------

def tensor_types(constraints, type_str):
    """Element types that a formal parameter may have."""
    names = constraints.get(type_str, [type_str])
    plain = [re.fullmatch(r"tensor\((\w+)\)", name) for name in names]
    return [TensorProto.DataType.Value(match[1].upper()) for match in plain if match]


def is_variadic(formal):
    return formal.option == defs.OpSchema.FormalParameterOption.Variadic


def typed_node(schema, turn):
    """Types of the operands of a node, and what its results must be; None: not possible."""
    constraints = {c.type_param_str: sorted(c.allowed_type_strs) for c in schema.type_constraints}
    chosen, operands = {}, []
    for formal in schema.inputs:
        allowed = tensor_types(constraints, formal.type_str)
        if not allowed:
            return None
        elem = chosen.setdefault(formal.type_str, allowed[(turn + len(chosen)) % len(allowed)])
        if is_variadic(formal) and not formal.is_homogeneous:
            return None
        operands += [elem] * (2 if is_variadic(formal) else 1)
    results = []
    for formal in schema.outputs:
        allowed = tensor_types(constraints, formal.type_str)
        sure = chosen.get(formal.type_str, allowed[0] if len(allowed) == 1 else None)
        results.append(sure)
    return operands, results


def schema_model(opset, domain, schemas, turn):
    """One model of nodes of one opset, and {result: element type}."""
    nodes, inputs, expected = [], [], {}
    for index, schema in enumerate(schemas):
        made = typed_node(schema, turn)
        if made is None:
            continue
        names = []
        for k, elem in enumerate(made[0]):
            names.append(f"i{index}.{k}")
            inputs.append(helper.make_tensor_value_info(names[-1], elem, None))
        results = [f"{schema.name}.{k}" for k in range(len(made[1]))]
        if results:
            nodes.append(helper.make_node(schema.name, names, results, domain=domain))
            expected.update(zip(results, made[1]))
    graph = helper.make_graph(nodes, "schemas", inputs, [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, opset)])
    return model, expected


def check_schemas(quire, work, tally):
    by_version = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.deprecated and not schema.domain.startswith("ai.onnx.preview"):
            by_version.setdefault((schema.domain, schema.since_version), []).append(schema)
    path = os.path.join(work, "schemas.onnx")
    for (domain, opset), schemas in sorted(by_version.items()):
        for turn in range(5):
            model, expected = schema_model(opset, domain, schemas, turn)
            if not model.graph.node:
                continue
            onnx.save(model, path)
            ours = known_by_quire(quire, path)
            where = f"schemas of {domain or 'ai.onnx'} {opset}"
            if not tally.expect(isinstance(ours, dict), where, str(ours)):
                continue
            for name, elem in expected.items():
                known = ours[quoted(name)][0]
                tally.count("schemas: results", elem is not None)
                tally.count("schemas: of these quire knows", elem is not None and known is not None)
                tally.expect(None in (known, elem) or known == elem, where,
                             f"{name}: {known}, the schema says {elem}")


def main():
    options = common.arguments(__doc__)
    tally, folder = common.Tally(), options.corpus
    corpus.make(folder, options.models)
    jobs = [(path, os.path.relpath(path, folder).split(os.sep)[0], options.quire)
            for path in corpus.paths(folder)]
    if options.sample:
        jobs = jobs[::10]
    with ThreadPoolExecutor(options.jobs) as pool:
        for plain in pool.map(check_model, jobs):
            tally.merge(plain)
    check_schemas(options.quire, options.work, tally)
    known = tally.counts["exported: of these quire knows"]
    total = tally.counts["exported: types onnx knows of results"]
    print(f"  coverage of exported models: {known} of {total}")
    tally.expect(known >= LEAST_COVERAGE * total, "coverage",
                 f"{known} of {total} types; at least {LEAST_COVERAGE:.0%}")
    return tally.finish("types")


if __name__ == "__main__":
    sys.exit(main())
