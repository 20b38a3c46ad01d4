"""rows.py - the peer's tests on annotation and sharing, by their number in docs/pt2e.md.

Each is the annotated graph of one of torchao's own tests. torchao's functions are run on it; the
groups they make are the expected ones. Where they raise, what quire has to say stands here. With
--write the result becomes tests/conformance/golden/pt2e_rows.json; without, the file must say the
same. tests/conformance/test_groups.py holds quire to the file."""
import json
import os
import sys
import types

import torch

import torchao_groups
from torchao.quantization.pt2e.quantizer import (ComposableQuantizer, QuantizationAnnotation,
                                                 Quantizer)

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance", "golden",
                      "pt2e_rows.json")
ROWS = []


def row(name, inputs, nodes, notes, raises=None, groups=None, error=None, extra=None):
    """notes: {node: (edges, output spec[, flag])}. raises: what torchao does; then groups or error:
    what quire says. extra: a line of a second claimant."""
    nodes = [[head.strip(), tail.split()] for head, tail in
             (line.split("=") for line in nodes.split(";"))]
    case = {"inputs": inputs.split(), "nodes": nodes, "outputs": [nodes[-1][0]],
            "notes": {n: dict(zip(("in", "out", "flag"), note)) for n, note in notes.items()}}
    ROWS.append((name, case, raises, groups, error, extra))


def shared(key):
    return ["shared", key]


def conv(x, n, out=None, act="A", weight="N", bias="Z"):
    """The annotation that torchao's tests give a convolution."""
    return {x: act, f"w{n}": weight, f"b{n}": bias}, out


def cat(first, second, name, spec="A"):
    key = f"{first}>{name}"
    return {first: spec, second: shared(key)}, shared(key)


# --- A: annotation --------------------------------------------------------------------------------

row("1 test_simple_quantizer", "x w1 b1", "c = x w1 b1", {"c": conv("x", 1, "A")})
row("2 test_wo_annotate_conv_output_quantizer", "x w1 b1", "c = x w1 b1", {"c": conv("x", 1)})
row("3 test_max_pool2d_quantizer", "x w1 b1", "c = x w1 b1; p = c",
    {"c": conv("x", 1), "p": ({"c": "A"}, shared("c>p"))})
row("4 test_input_edge_sanity_check", "x", "c = x",
    {"c": ({"x": "A"}, None)}, raises="edge that is no node", error="refused",
    extra="six<-1 i8 tensor affine zp=int by pt2e")
for dtype in ("I16", "F8E5", "F8E4"):
    row(f"6 test_quantization_dtype {dtype}", "x w1 b1", "c = x w1 b1",
        {"c": conv("x", 1, dtype, dtype, "N")})
row("16 test_composable_quantizer_throw", "x", "c = x", {"c": ({"x": "A"}, None)},
    raises="composed", error="conflict", extra="c<-0 u8 tensor affine zp=int by other")

# --- B: sharing, derived, fixed -------------------------------------------------------------------

TWO_CATS = ("x1 w1 b1 x2 w2 b2 x3 x4",
            "c1 = x1 w1 b1; c2 = x2 w2 b2; y = c1 c2; z = x3 x4; w = z y")
row("26 test_shared_qspec", "x w1 b1 y w2 b2", "c1 = x w1 b1; c2 = y w2 b2; k = c1 c2",
    {"c1": conv("x", 1, "A"), "c2": conv("y", 2, "A"), "k": cat("c1", "c2", "k")})
row("27 test_shared_qspec_transitivity", *TWO_CATS,
    {"c1": conv("x1", 1, "A"), "c2": conv("x2", 2, "A"), "y": cat("c1", "c2", "y"),
     "w": cat("z", "y", "w")})
row("28 test_shared_qspec_transitivity_case_2", *TWO_CATS,
    {"c1": conv("x1", 1, "A"), "c2": conv("x2", 2, "A"),
     "y": ({"c2": "A", "c1": shared("c2>y")}, shared("c2>y")),
     "w": ({"y": "A", "z": shared("y>w")}, shared("y>w"))})
ADDS = "a = x1 x2; b = x3 x4; c = a b"
row("29 test_allow_implicit_sharing", "x1 x2 x3 x4", ADDS,
    {"a": (*cat("x1", "x2", "a"), False), "b": (*cat("x3", "x4", "b"), False),
     "c": (*cat("a", "b", "c"), False)})
row("29 the same, flag on", "x1 x2 x3 x4", ADDS,
    {"a": cat("x1", "x2", "a"), "b": cat("x3", "x4", "b"), "c": cat("a", "b", "c")})
CLONE = {"c": ({"x": "A"}, shared("x>c")), "e": ({"c": "A", "x": shared("c>e")}, None)}
row("30 test_allow_implicit_sharing_with_shared_input_edge", "x", "c = x; e = c x", CLONE)
row("31 test_derived_qspec", "x w1 b1", "c = x w1 b1",
    {"c": conv("x", 1, "A", bias=["derived", "B", ["x>c", "w1>c"]])})
row("32 test_derived_qspec_per_channel", "x w1 b1", "c = x w1 b1",
    {"c": conv("x", 1, "A", "A", "W", ["derived", "B0", ["x>c", "w1>c"]])})
row("33 test_fixed_qparams_qspec_ptq", "x", "s = x", {"s": ({"x": "F"}, "F")})
row("34 test_fixed_qparams_qspec_qat", "x", "s = x", {"s": ({"x": "F"}, "F")})
row("35 test_fixed_qparams_qspec_observer_dedup", "x y", "s = x; a = s y",
    {"s": ({"x": "F"}, "F"), "a": ({"s": "F", "y": "A"}, "A")})
row("35 another scale", "x y", "s = x; a = s y",
    {"s": ({"x": "F"}, "F"), "a": ({"s": "G", "y": "A"}, "A")})

# --- G: recipes -----------------------------------------------------------------------------------

row("98 test_cat_recipe", "x y", "k = x y", {"k": cat("x", "y", "k")})
row("98 test_cat_recipe_same_inputs", "x", "k = x x", {"k": ({"x": "A"}, shared("x>k"))})
row("98 test_cat_recipe_single_input", "x", "k = x", {"k": ({"x": "A"}, shared("x>k"))})
for test in ("maxpool2d", "flatten", "avg_pool2d", "adaptive_avg_pool2d"):
    row(f"99 test_{test}_recipe", "x w1 b1", "c = x w1 b1; p = c",
        {"c": conv("x", 1, "A"), "p": ({"c": "A"}, shared("c>p"))})
row("99 test_flatten_recipe2", "x w1 b1", "p = x; c = p w1 b1", {"c": conv("p", 1)})

# --- the error table of section 3.6 ---------------------------------------------------------------

row("3.6 shared with a later key, nothing concrete earlier", "x y", "a = x y",
    {"a": ({"x": shared("y>a"), "y": "A"}, None)},
    raises="AssertionError while creating observers", groups=[["x>a", "y>a"]])
row("3.6 shared with a key that is not annotated", "x y", "a = x y",
    {"a": ({"x": shared("y>a")}, None)},
    raises="KeyError while grouping", error="target not annotated")
row("3.6 edge shared with itself", "x", "a = x", {"a": ({"x": shared("x>a")}, None)},
    raises="RecursionError while grouping", error="cycle of shared")
row("3.6 two edges shared with each other", "x y", "a = x y",
    {"a": ({"x": shared("y>a"), "y": shared("x>a")}, None)},
    raises="RecursionError while grouping", error="cycle of shared")
row("3.6 node shared with itself", "x", "a = x", {"a": ({}, shared("a"))},
    raises="AssertionError while creating observers", error="cycle of shared")
row("3.6 two outputs shared with each other", "x", "a = x; b = a",
    {"a": ({}, shared("b")), "b": ({}, shared("a"))},
    raises="AssertionError while creating observers", error="cycle of shared")
row("3.6 output shared with an edge whose spec is None", "x", "a = x",
    {"a": ({"x": None}, shared("x>a"))}, raises="no observer", error="target float")
row("3.6 two derived from each other", "x y", "a = x y",
    {"a": ({"x": ["derived", "B", ["y>a"]], "y": ["derived", "B", ["x>a"]]}, None)},
    raises="KeyError while creating observers", error="cycle of derived")

# --- the example of 3.9, the second one, and the graph on which it recurses -----------------------

EXAMPLE = ("x y w1 b1", "c = x w1 b1; r = c; a = r y; k = r a")


def example(cat_flag=True, add_flag=True):
    return {"c": conv("x", 1, None, "A", "W", None), "r": ({}, "A"),
            "a": ({"r": "A", "y": "A"}, "A", add_flag), "k": (*cat("r", "a", "k"), cat_flag)}


row("3.9 example", *EXAMPLE, example())
row("3.9 flag off on cat", *EXAMPLE, example(cat_flag=False))
row("3.9 flag off on add", *EXAMPLE, example(add_flag=False))
row("3.9 two cats", "x y z", "o1 = x; o2 = y; o3 = z; k1 = o1 o2; k2 = k1 o3",
    {"o1": ({}, "A"), "o2": ({}, "A"), "k1": cat("o1", "o2", "k1"),
     "k2": ({"o3": "A", "k1": shared("o3>k2")}, shared("o3>k2"))})
CLONE_RELU = {**CLONE, "t": ({"c": "A"}, None)}
row("3.6 clone, eq, relu: relu before eq", "x", "c = x; t = c; e = c x", CLONE_RELU)
row("3.6 clone, eq, relu: relu after eq", "x", "c = x; e = c x; t = c", CLONE_RELU,
    raises="RecursionError while grouping", groups=[["c", "c>e", "c>t", "x>c", "x>e"]])


# --- torchao --------------------------------------------------------------------------------------

class Annotates(Quantizer):
    """Gives the one node of a graph an annotation of its own, whoever was there before."""

    def annotate(self, model):
        node = next(n for n in model.graph.nodes if n.op == "call_function")
        node.meta[torchao_groups.ANNOTATION] = QuantizationAnnotation()
        return model

    def validate(self, model):
        pass


def compose(case):
    """Two quantizers that both annotate the same node: what torchao raises."""
    model = types.SimpleNamespace(graph=torchao_groups.Fx(case).graph)
    try:
        ComposableQuantizer([Annotates(), Annotates()]).annotate(model)
    except RuntimeError:
        return "composed"
    return None


def edge_that_is_no_node(case):
    """The number 6 in an input map."""
    fx = torchao_groups.Fx(case)
    fx.nodes["c"].meta[torchao_groups.ANNOTATION].input_qspec_map[6] = fx.spec("A")
    specs = torchao_groups.prepare._get_edge_or_node_to_qspec(types.SimpleNamespace(graph=fx.graph))
    try:
        torchao_groups.prepare._get_edge_or_node_to_group_id(specs)
    except Exception as error:
        return "edge that is no node" if type(error) is Exception else None
    return None


def raised_by(case, raises, answer, name):
    if raises == "composed":
        return compose(case)
    if raises == "edge that is no node":
        return edge_that_is_no_node(case)
    if raises == "no observer":  # the crash is in the insertion; here, the missing object shows
        return "no observer" if answer.groups and not answer.chosen else None
    return answer.raised


def main():
    records, failures = [], []
    for name, case, raises, groups, error, extra in ROWS:
        answer = torchao_groups.Answer(case, qat="qat" in name)
        found = raised_by(case, raises, answer, name)
        if found != raises:
            failures.append(f"{name}: torchao: {found}, not {raises}")
        record = {"name": name, "case": case}
        if extra:
            record["extra"] = extra
        if error:
            record["error"] = error
        else:
            record["groups"] = groups if raises else answer.groups
        if raises:
            record["torchao"] = raises
        records.append(record)
        print(f"{name}: {raises or str(len(answer.groups)) + ' groups'}"
              + (f"; quire: {error or groups}" if raises else ""))
    text = '{"made_by": "tests/peers/rows.py --write", "torchao": "0.18.0", "cases": [\n' + \
        ",\n".join(json.dumps(record) for record in records) + "\n]}\n"
    if "--write" in sys.argv:
        with open(GOLDEN, "w", encoding="utf-8") as file:
            file.write(text)
    with open(GOLDEN, encoding="utf-8") as file:
        if file.read() != text:
            failures.append(f"{os.path.normpath(GOLDEN)} says something else")
    print("\n".join(failures) or f"rows: ok, {len(records)} cases, torch {torch.__version__}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
