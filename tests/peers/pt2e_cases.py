"""Graphs annotated as PT2E sees them, in plain data, and the same as ONNX with requests.

A case: {"inputs": [NAME], "nodes": [[NAME, [OPERAND]]], "outputs": [NAME],
"notes": {NODE: {"in": {PRODUCER: SPEC}, "out": SPEC, "flag": BOOL}}}. NODE is an input, a node, or
`output`. SPEC is null, a name of SPECS, ["shared", KEY] or ["derived", NAME of SPECS, [KEY]]. KEY is
`PRODUCER>NODE` (PT2E's edge) or `NODE` (its output). No torch in here: the tests that do without it
read cases, too."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))

import groups_graphs as graphs  # noqa: E402

# Name: text, and the fields of PT2E's own spec. Every bound is given.
SPECS = {
    "A": ("i8 tensor affine zp=int observer=histogram",
          ("int8", -128, 127, "per_tensor_affine", None, False, "HistogramObserver")),
    "A2": ("i8 tensor affine zp=int observer=minmax",  # differs from A in its observer alone
           ("int8", -128, 127, "per_tensor_affine", None, False, "MinMaxObserver")),
    "U": ("u8 tensor affine zp=int observer=histogram",
          ("uint8", 0, 255, "per_tensor_affine", None, False, "HistogramObserver")),
    "N": ("i8 tensor symmetric zp=none range=-127..127 observer=minmax",
          ("int8", -127, 127, "per_tensor_symmetric", None, False, "MinMaxObserver")),
    "W": ("i8 axis=0 symmetric zp=none range=-127..127 observer=minmax",
          ("int8", -127, 127, "per_channel_symmetric", 0, False, "PerChannelMinMaxObserver")),
    "W1": ("i8 axis=1 symmetric zp=none range=-127..127 observer=minmax",
           ("int8", -127, 127, "per_channel_symmetric", 1, False, "PerChannelMinMaxObserver")),
    "E": ("u8 axis=0 affine zp=float observer=minmax(eps=0x1p-12)",
          ("uint8", 0, 255, "per_channel_affine_float_qparams", 0, False,
           "PerChannelMinMaxObserver")),
    "D": ("i8 tensor affine zp=int dynamic observer=placeholder",
          ("int8", -128, 127, "per_tensor_affine", None, True, "PlaceholderObserver")),
    "F": ("u8 tensor affine zp=int fixed(0x1p-8, 0)", ("uint8", 0, 255, 1 / 256, 0)),
    "G": ("u8 tensor affine zp=int fixed(0.5, 3)", ("uint8", 0, 255, 0.5, 3)),
    "Z": ("float", ("float32", None, None, None, None, False, "PlaceholderObserver")),
    "I16": ("i16 tensor affine zp=int observer=histogram",
            ("int16", -32768, 32767, "per_tensor_affine", None, False, "MinMaxObserver")),
    "F8E5": ("f8e5m2 tensor symmetric zp=none observer=minmax",
             ("float8_e5m2", None, None, "per_tensor_symmetric", None, False, "MinMaxObserver")),
    "F8E4": ("f8e4m3fn tensor symmetric zp=none observer=minmax",
             ("float8_e4m3fn", None, None, "per_tensor_symmetric", None, False, "MinMaxObserver")),
    "B": ("i32 tensor symmetric zp=none",  # of a derived bias
          ("int32", -2**31, 2**31 - 1, "per_tensor_symmetric", None, False, None)),
    "B0": ("i32 axis=0 symmetric zp=none",
           ("int32", -2**31, 2**31 - 1, "per_channel_symmetric", 0, False, None)),
    "P": ("i8 tensor affine zp=int",  # of a derived spec whose fields are those of A
          ("int8", -128, 127, "per_tensor_affine", None, False, None)),
}


def operands(case, node):
    if node == "output":
        return case["outputs"]
    return dict(map(tuple, case["nodes"])).get(node, [])


def slot(case, key):
    """The slot of a key; of an edge that stands for several operands, the first."""
    if ">" not in key:
        return key
    producer, node = key.split(">")
    where = operands(case, node).index(producer)
    return f"->{where}" if node == "output" else f"{node}<-{where}"


def spec_text(case, spec):
    if spec is None:
        return "float"
    if isinstance(spec, str):
        return SPECS[spec][0]
    if spec[0] == "shared":
        return "= " + slot(case, spec[1])
    return f"{SPECS[spec[1]][0]} derived {spec[1]}({', '.join(slot(case, k) for k in spec[2])})"


def keys(case):
    """{KEY: SPEC} in PT2E's order: nodes in order, of each its edges, then its output."""
    out = {}
    for node in (*case["inputs"], *(name for name, _ in case["nodes"]), "output"):
        note = case["notes"].get(node, {})
        out.update({f"{producer}>{node}": spec for producer, spec in note.get("in", {}).items()})
        if note.get("out") is not None:
            out[node] = note["out"]
    return out


def requests(case):
    """Text. An edge read more than once: its other operands are shared with the first."""
    lines = ["quire-annotations 1"]
    for key, spec in keys(case).items():
        node = key.split(">")[-1]
        flag = "" if case["notes"][node].get("flag", True) or ">" not in key else " noshare"
        lines.append(f"{slot(case, key)} {spec_text(case, spec)} by pt2e{flag}")
        if ">" in key and node != "output":
            producer, first = key.split(">")[0], slot(case, key)
            for k, name in enumerate(operands(case, node)):
                if name == producer and f"{node}<-{k}" != first:
                    lines.append(f"{node}<-{k} = {first} by pt2e{flag}")
    return "\n".join(lines) + "\n"


def graph_of(case):
    graph = graphs.Graph((), "main")
    graph.inputs, graph.outputs = case["inputs"], case["outputs"]
    graph.nodes = [graphs.Node("Blend", "x.y", inputs, [name], [], {})
                   for name, inputs in case["nodes"]]
    return graph


def model(case):
    return graphs.model_bytes(graph_of(case))


def claims(case):
    """The requests as the definition reads them."""
    out = []
    for line in requests(case).splitlines()[1:]:
        where, text = line.split(" by pt2e")[0].split(" ", 1)
        fields, observer = (*text.split(" observer="), "")[:2]
        kind = "float" if text == "float" else "shared" if text[0] == "=" else \
            "fixed" if "fixed(" in text else "derived" if " derived " in text else "quantized"
        targets = {"shared": (text[2:],),
                   "derived": tuple(text.split("(")[-1][:-1].split(", "))}.get(kind, ())
        spec = graphs.Spec(kind, fields.split(" derived ")[0], observer, "", targets)
        out.append(graphs.Claim(where, spec, "pt2e", 0, line.endswith(" noshare"), False))
    return out


def as_keys(case, groups):
    """Groups of slots as a sorted partition of keys."""
    names = {slot(case, key): key for key in keys(case)}
    parts = [sorted(names[s] for s in group if s in names) for group in groups]
    return sorted(part for part in parts if part)


# --- random cases ---------------------------------------------------------------------------------

def reordered_case(dice, case):
    """The same case with nodes in another order in which producers come first."""
    waiting, done, nodes = [*case["nodes"]], set(case["inputs"]), []
    while waiting:
        ready = [k for k, (_, inputs) in enumerate(waiting) if done.issuperset(inputs)]
        nodes.append(waiting.pop(dice.pick(ready)))
        done.add(nodes[-1][0])
    return {**case, "nodes": nodes}


def random_case(seed):
    """All five kinds; what may be pointed at depends on the case: edges of the same node, what was
    annotated before, anything."""
    dice = graphs.Dice(seed)
    n = 2 + dice.below(7)
    inputs = [f"x{k}" for k in range(1 + dice.below(3))]
    seen, nodes = [*inputs], []
    twice = dice.chance(0.1)
    for k in range(n):
        operands_ = dice.some(seen[-5:], 1 + dice.below(min(3, len(seen[-5:]))))
        if twice and dice.chance(0.3):
            operands_.append(operands_[0])
        nodes.append([f"n{k}", operands_])
        seen.append(f"n{k}")
    case = {"inputs": inputs, "nodes": nodes, "outputs": [nodes[-1][0]], "notes": {}}
    palette = [dice.pick(("A", "A", "U", "N")),
               dice.pick(("A", "A2", "W", "W1", "E", "D", "F", "G"))]
    reach = dice.pick(("node", "node", "before", "before", "any"))
    fill_notes(dice, case, palette, reach, dice.chance(0.15), dice.chance(0.1))
    return case


def fill_notes(dice, case, palette, reach, derived, to_output):
    some, before, everything = dice.pick((0.6, 0.9, 1.0)), [], [*case["inputs"]]
    for name, inputs in case["nodes"]:
        everything += [f"{p}>{name}" for p in dict.fromkeys(inputs)] + [name]
    shared = dice.pick((0.2, 0.4, 0.7))
    places = [(name, []) for name in case["inputs"]] + case["nodes"]
    if to_output:
        places = [*places, ("output", case["outputs"])]
    for name, inputs in places:
        note, here = {"in": {}, "flag": dice.chance(0.8)}, []
        for key in (*(f"{p}>{name}" for p in dict.fromkeys(inputs)), name):
            if not dice.chance(some) or name == "output" == key:
                continue
            targets = {"node": here, "before": before, "any": everything}[reach]
            spec = dice.pick(palette)
            if targets and dice.chance(shared):
                spec = ["shared", dice.pick(targets)]
            elif targets and derived and dice.chance(0.3):
                spec = ["derived", dice.pick(("B", "B0", "P")), dice.some(targets, 2)]
            elif dice.chance(0.03):
                spec = None
            if key == name:
                note["out"] = spec
            else:
                note["in"][key.split(">")[0]] = spec
            if spec is not None:
                here.append(key)
                before.append(key)
        if note["in"] or note.get("out") is not None:
            case["notes"][name] = note


def recursion_case(seed):
    """Shared specs refer only to earlier edges of the same node; every flag on."""
    dice = graphs.Dice(seed)
    inputs = [f"x{k}" for k in range(1 + dice.below(2))]
    seen, nodes, notes = [*inputs], [], {}
    for k in range(3 + dice.below(5)):
        name, here = f"n{k}", []
        operands_ = dice.some(seen[-4:], 1 + dice.below(min(3, len(seen[-4:]))))
        note = {"in": {}, "flag": True}
        for producer in operands_:
            if here and dice.chance(0.6):
                note["in"][producer] = ["shared", dice.pick(here)]
            else:
                note["in"][producer] = "A" if dice.chance(0.85) else "U"
            here.append(f"{producer}>{name}")
        if dice.chance(0.6):
            note["out"] = ["shared", dice.pick(here)] if dice.chance(0.6) else "A"
        nodes.append([name, operands_])
        notes[name] = note
        seen.append(name)
    return {"inputs": inputs, "nodes": nodes, "outputs": [nodes[-1][0]], "notes": notes}
