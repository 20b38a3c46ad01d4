"""Random graphs, requests about them, and both as the program reads them.

Everything is a function of one number (Dice), so that a case can be named and made again."""
import random
from collections import namedtuple

import onnx
from graphs import quoted
from groups_definition import Claim, Slot, Spec

FLOAT = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, ["n"])
SCALAR = onnx.TensorProto(data_type=1, raw_data=b"\0\0\0\0")
ERRORS = ("conflict", "cycle of shared", "target not annotated", "target float",
          "cycle of derived", "fixed with observer options", "absent operand")
OPS = (("Relu", 1), ("Identity", 1), ("Sigmoid", 1), ("Add", 2), ("Mul", 2), ("MatMul", 2),
       ("Concat", 2), ("Concat", 3), ("Concat", 4), ("Conv", 3), ("Clip", 3), ("Slice", 5))
MAY_OMIT = {"Conv": 2, "Clip": 1, "Slice": 3}  # operands from here on are optional
PLAIN, HOSTILE = ("v{}",), ("v{}", "v {}", 'q"{}', "a/b{}", "\u00e9{}", "m<-{}", "{}->0", "b\\{}",
                            "-{}", "n.{}:0", "= {}", "#{}", "by {}", "{},1")


class Dice:
    """Numbers that depend on the seed alone, in every version of Python."""

    def __init__(self, seed):
        self.next = random.Random(seed).random

    def below(self, n):
        return int(self.next() * n)

    def chance(self, p):
        return self.next() < p

    def pick(self, items):
        return items[self.below(len(items))]

    def shuffled(self, items):
        return [item for _, item in sorted(enumerate(items), key=lambda _: self.next())]

    def some(self, items, n):
        return self.shuffled(items)[:n]


# --- graphs ---------------------------------------------------------------------------------------

Node = namedtuple("Node", "op domain inputs outputs bodies attributes")  # bodies: [(name, Graph)]


class Graph:
    """A graph to be: key is its path's components; kind main, body or function."""

    def __init__(self, key, kind):
        self.key, self.kind = key, kind
        self.inputs, self.inits, self.nodes, self.outputs = [], [], [], []


class Names:
    def __init__(self, styles):
        self.styles, self.count = styles, 0

    def new(self):
        self.count += 1
        return self.styles[self.count * 7 % len(self.styles)].format(self.count)


def first_present(names):
    return next(name for name in names if name)


class Maker:
    """Makes one model: main graph, nested bodies at most three deep, at times a function."""

    def __init__(self, dice):
        self.dice, self.names = dice, Names(HOSTILE if dice.chance(0.1) else PLAIN)
        self.nested = dice.chance(0.35)
        self.left = 24  # nodes, bodies included, give or take one for each body
        self.main = self.graph((), "main", [], 0, 1 + dice.below(12))
        self.functions = []
        if dice.chance(0.15):
            function = Graph(("function f.g:Twice:",), "function")
            function.inputs = [self.names.new() for _ in range(1 + dice.below(2))]
            self.fill(function, [], 1, 1 + dice.below(5))
            self.functions.append(function)

    def graph(self, key, kind, outer, depth, n_nodes, n_inputs=None):
        dice, graph = self.dice, Graph(key, kind)
        n_inputs = 1 + dice.below(3) if n_inputs is None else n_inputs
        graph.inputs = [self.names.new() for _ in range(n_inputs)]
        graph.inits = [self.names.new() for _ in range(dice.below(3) if depth < 2 else 0)]
        if kind == "main" and dice.chance(0.1):
            graph.inits += dice.some(graph.inputs, 1)  # a default that can be overridden
        self.fill(graph, outer, depth, n_nodes)
        return graph

    def fill(self, graph, outer, depth, n_nodes):
        dice, seen = self.dice, [*outer, *graph.inputs, *graph.inits]
        own = [*graph.inputs, *(i for i in graph.inits if i not in graph.inputs)]
        if not seen:
            graph.inits = own = [self.names.new()]
            seen = [*own]
        for k in range(n_nodes):
            if k and self.left <= 0:
                break
            self.left -= 1
            if self.nested and depth < 3 and dice.chance(0.3):
                node = self.control(graph, seen, depth)
            else:
                node = self.plain(seen)
            graph.nodes.append(node)
            made = [name for name in node.outputs if name]
            seen += made
            own += made
        made = own if dice.chance(0.1) and graph.kind == "main" else \
            [name for node in graph.nodes for name in node.outputs if name]
        graph.outputs = dice.some(made, 1 + dice.below(3))

    def read(self, seen, n):
        """n operands; values just read and recent ones are more likely than others."""
        out = []
        for _ in range(n):
            if out and self.dice.chance(0.25):
                out.append(self.dice.pick(out))
            else:
                out.append(self.dice.pick(seen[-6:] if self.dice.chance(0.6) else seen))
        return out

    def plain(self, seen):
        dice = self.dice
        if dice.chance(0.2):  # a foreign op: any operand, any result may be left out
            inputs = [i if dice.chance(0.8) else "" for i in self.read(seen, 1 + dice.below(5))]
            outputs = [self.names.new() if dice.chance(0.8) else "" for _ in range(dice.below(3))]
            return Node("Blend", "x.y", inputs, [*outputs, self.names.new()], [], {})
        op, n = dice.pick(OPS)
        inputs = self.read(seen, n)
        for k in range(MAY_OMIT.get(op, n), n):
            if dice.chance(0.4):
                inputs[k] = ""
        while inputs[-1] == "" and dice.chance(0.5):
            inputs.pop()
        return Node(op, "", inputs, [self.names.new()], [], {"axis": 0} if op == "Concat" else {})

    def body(self, graph, seen, depth, result, attribute, n_inputs, n_outputs):
        body = self.graph((*graph.key, result, attribute), "body", seen, depth + 1,
                          1 + self.dice.below(4), n_inputs)
        made = [name for node in body.nodes for name in node.outputs if name]
        body.outputs = [self.dice.pick(made) for _ in range(n_outputs)]
        return attribute, body

    def control(self, graph, seen, depth):
        dice, n = self.dice, 1 + self.dice.below(2)
        outputs, op = [self.names.new() for _ in range(n)], dice.pick(("If", "Loop", "Scan"))
        result = outputs[0]
        if op == "If":
            count = self.names.count
            then = self.body(graph, seen, depth, result, "then_branch", 0, n)
            high = self.names.count
            if dice.chance(0.5):
                self.names.count = count  # the same names in both branches
            other = self.body(graph, seen, depth, result, "else_branch", 0, n)
            self.names.count = max(high, self.names.count)
            return Node("If", "", [dice.pick(seen)], outputs, [then, other], {})
        if op == "Loop":
            body = self.body(graph, seen, depth, result, "body", 2 + n, 1 + n)
            heads = [dice.pick(seen) if dice.chance(0.5) else "" for _ in range(2)]
            return Node("Loop", "", [*heads, *self.read(seen, n)], outputs, [body], {})
        body = self.body(graph, seen, depth, result, "body", 1 + n, n)
        return Node("Scan", "", self.read(seen, 1 + n), outputs, [body], {"num_scan_inputs": 1})


def captured(graph):
    """Names that a graph and its bodies read."""
    out = set(graph.outputs)
    for node in graph.nodes:
        out.update(node.inputs)
        for _, body in node.bodies:
            out |= captured(body)
    return out


def reordered(dice, graph):
    """The same graph with its nodes, and those of its bodies, in another topological order."""
    out, waiting = Graph(graph.key, graph.kind), []
    out.inputs, out.outputs, out.inits = graph.inputs, graph.outputs, dice.shuffled(graph.inits)
    for node in graph.nodes:
        needs = set(node.inputs).union(*(captured(body) for _, body in node.bodies))
        bodies = [(name, reordered(dice, body)) for name, body in node.bodies]
        waiting.append((needs, node._replace(bodies=bodies)))
    while waiting:
        missing = {name for _, node in waiting for name in node.outputs if name}
        ready = [k for k, (needs, _) in enumerate(waiting) if not needs & missing]
        out.nodes.append(waiting.pop(dice.pick(ready))[1])
    return out


def infos(names):
    return [onnx.ValueInfoProto(name=name, type=FLOAT) for name in names]


def node_proto(node):
    proto = onnx.NodeProto(op_type=node.op, domain=node.domain, input=node.inputs,
                           output=node.outputs)
    for name, value in node.attributes.items():
        proto.attribute.add(name=name, type=onnx.AttributeProto.INT, i=value)
    for name, body in node.bodies:
        proto.attribute.add(name=name, type=onnx.AttributeProto.GRAPH, g=graph_proto(body))
    return proto


def graph_proto(graph):
    proto = onnx.GraphProto(name="g", input=infos(graph.inputs), output=infos(graph.outputs),
                            node=[node_proto(node) for node in graph.nodes])
    for name in graph.inits:
        proto.initializer.add().CopyFrom(SCALAR)
        proto.initializer[-1].name = name
    return proto


def model_bytes(main, functions=()):
    opset = [onnx.OperatorSetIdProto(domain=d, version=v) for d, v in
             (("", 17), ("x.y", 1), ("f.g", 1))]
    model = onnx.ModelProto(ir_version=8, opset_import=opset, graph=graph_proto(main))
    for function in functions:
        model.functions.add(domain="f.g", name="Twice", input=function.inputs, opset_import=opset,
                            output=function.outputs, node=map(node_proto, function.nodes))
    return model.SerializeToString()


def slots_of(main, functions=()):
    """{text: Slot} in the total order."""
    out = {}

    def walk(graph, scope):
        path = "".join(quoted(part) + "/" for part in graph.key)
        scope, body = dict(scope), graph.kind == "body"

        def define(name, kind, formal=False):
            scope[name] = path + quoted(name)
            out[scope[name]] = Slot(kind, scope[name], formal)
        for name in graph.inputs:
            define(name, "result", body)
        for name in graph.inits:
            if name not in graph.inputs:
                define(name, "result")
        for node in graph.nodes:
            me = path + quoted(first_present(node.outputs))
            for k, name in enumerate(node.inputs):
                out[f"{me}<-{k}"] = Slot("operand", scope[name] if name else None, False)
            for name in filter(None, node.outputs):
                define(name, "result")
            for _, inner in node.bodies:
                walk(inner, scope)
        for k, name in enumerate(graph.outputs):
            out[f"{path}->{k}"] = Slot("output", scope[name], body)
    for graph in (main, *functions):
        walk(graph, {})
    return out


# --- specs ----------------------------------------------------------------------------------------

# Fields of a canonical spec in the order of the text; range None: the type's own.
Fields = namedtuple("Fields", "dtype where scheme zp range scale dynamic fixed")
OWN_RANGE = {"i8": (-128, 127), "u8": (0, 255), "u4": (0, 15), "i4": (-8, 7), "i3": (-4, 3),
             "i32": (-2**31, 2**31 - 1), "u16": (0, 65535)}
BASES = [Fields(*row, None) for row in (
    ("i8", "tensor", "affine", "int", None, "f32", False),
    ("u8", "tensor", "affine", "int", None, "f32", False),
    ("u8", "tensor", "affine", "int", None, "f32", True),
    ("i8", "tensor", "symmetric", "none", (-127, 127), "f32", False),
    ("i8", "axis=0", "symmetric", "none", (-127, 127), "f32", False),
    ("i8", "axis=1", "symmetric", "none", (-127, 127), "f32", False),
    ("u4", "axis=1 block=32", "affine", "int", None, "f32", False),
    ("u4", "axis=1 block=64", "affine", "int", None, "f32", False),
    ("u4", "axis=1 block=64", "affine", "int", None, "f16", False),
    ("u8", "axis=0", "affine", "float", None, "f32", False),
    ("u8", "axis=0", "affine", "int", None, "f32", False),
    ("i3", "tensor", "affine", "int", None, "f32", False),
    ("u16", "tensor", "affine", "int", None, "f32", False),
    ("f8e4m3fn", "tensor", "symmetric", "none", None, "f32", False),
)]
BIAS = Fields("i32", "tensor", "symmetric", "none", None, "f32", False, None)
OBSERVERS = ("", "minmax", "histogram", "minmax(eps=0x1p-12)", "average(c=0.01)")
# As printed, and other spellings of the same numbers.
FIXED = {"0x1p-8, 0": ("0x1p-8, 0", "0.00390625, 0", "0x1.0p-8, 0"), "0x1p-8, 1": ("0x1p-8, 1",),
         "0.5, 0": ("0.5, 0", "0x1p-1, 0", "5e-1, 0")}


def spec_text(spec, dice=None):
    """As printed; with dice, one of the spellings of the same spec."""
    if spec.kind == "float":
        return "float"
    if spec.kind == "shared":
        return f"= {spec.targets[0]}"
    f = spec.attributes
    words = [f.dtype, f.where, f.scheme, f"zp={f.zp}"]
    span = f.range or (dice and dice.chance(0.3) and OWN_RANGE.get(f.dtype))
    words += [f"range={span[0]}..{span[1]}"] if span else []
    words += [f"scale={f.scale}"] if f.scale != "f32" or dice and dice.chance(0.2) else []
    words += ["dynamic"] if f.dynamic else []
    if spec.observer:
        empty = dice and "(" not in spec.observer and dice.chance(0.1)
        words.append(f"observer={spec.observer}" + ("()" if empty else ""))
    if spec.kind == "fixed":
        words.append(f"fixed({dice.pick(FIXED[f.fixed]) if dice else f.fixed})")
    if spec.kind == "derived":
        words.append(f"derived {spec.formula}({', '.join(spec.targets)})")
    return " ".join(words)


# --- requests -------------------------------------------------------------------------------------

WHO = ("static", "embed/1:b", "rules.json:14", "a@b+c", "acme npu", "zeta")


class Requests:
    """Claims on some slots of a graph: well formed, then spoiled as `wanted` says."""

    def __init__(self, dice, slots):
        self.dice, self.slots, self.claims, self.asked = dice, dict(slots), [], set()
        self.bases = dice.some(BASES, 1 + dice.below(3))
        self.observers = dice.some(OBSERVERS, 1 + dice.below(2))
        present = [s for s in slots if slots[s].tensor is not None]
        share = (0.3, 0.6, 0.9, 1.0)[dice.below(4)]
        self.taken = [s for s in present if dice.chance(share)] or present[:1]
        self.noshare = dice.pick((0.0, 0.0, 0.15, 0.5))
        self.kinds = dice.pick(("qqqqsss", "qqqqqqqx", "qqqssxdf", "qqssdf", "qqqsf"))
        self.first = None
        self.held = {}
        earlier = []  # what a slot may point at: no cycle, nothing float
        for slot in dice.shuffled(self.taken):
            spec = self.spec(dice.pick(self.kinds), earlier)
            if spec.kind != "float":
                earlier.append(slot)
            self.held[slot] = spec
        if dice.chance(0.35):
            self.spoil()
        self.ask()

    def concrete(self, kind="quantized"):
        fields = self.dice.pick(self.bases)
        if kind == "fixed":
            fields = fields._replace(where="tensor", fixed=self.dice.pick(list(FIXED)), zp="int",
                                     scheme="affine", dynamic=False)
            fields = BASES[1]._replace(fixed=fields.fixed) if fields.dtype[0] == "f" else fields
            return Spec(kind, fields, "", "", ())
        return Spec(kind, fields, self.dice.pick(self.observers), "", ())

    def spec(self, kind, targets):
        dice = self.dice
        if kind == "f":
            return Spec("float", None, "", "", ())
        if kind == "s" and targets:
            return Spec("shared", None, "", "", (dice.pick(targets),))
        if kind == "d" and targets:
            sources = tuple(dice.some(targets, 1 + dice.below(3)))
            fields = BIAS if dice.chance(0.6) else dice.pick(self.bases)
            return Spec("derived", fields, "", dice.pick(("bias", "mean_of")), sources)
        return self.concrete("fixed" if kind == "x" else "quantized")

    def spoil(self):
        dice = self.dice
        self.conflicts = set()
        for _ in range(1 + dice.below(2)):
            self.spoil_with(dice.pick(ERRORS))
        if dice.chance(0.15):  # pointers wherever they like
            for slot in dice.some(list(self.held), 3):
                self.held[slot] = self.spec(dice.pick("sd"), list(self.slots))

    def spoil_with(self, error):
        dice, held = self.dice, self.held
        some = dice.some(list(held), 1 + dice.below(4))
        if error == "conflict":
            self.conflicts.add(some[0])
        elif error in ("cycle of shared", "cycle of derived"):
            for k, target in enumerate([*some[1:], some[0]]):  # of derived: some links are shared
                kind = "s" if error == "cycle of shared" else dice.pick("ds") if k else "d"
                held[some[k]] = self.spec(kind, [target])
        elif error == "target not annotated":
            free = [s for s in self.slots if s not in held]
            if free:
                held[some[0]] = self.spec(dice.pick("sd"), dice.some(free, 1))
        elif error == "target float" and len(some) > 1:
            held[some[1]] = self.spec("f", [])
            held[some[0]] = self.spec(dice.pick("sd"), [some[1]])
        elif error == "fixed with observer options":
            held[some[0]] = self.concrete("fixed")._replace(observer=dice.pick(OBSERVERS[1:]))
        elif error == "absent operand":
            absent = [s for s in self.slots if self.slots[s].tensor is None]
            operands = [s for s in self.slots if self.slots[s].kind == "operand"]
            if absent and dice.chance(0.7):
                slot = dice.pick(absent)
            elif operands:  # beyond the last operand of some node
                slot = dice.pick(operands).rsplit("<-", 1)[0] + "<-99"
                self.slots[slot] = Slot("operand", None, False)
            else:
                return
            held[slot] = self.spec(dice.pick("qxfs"), list(self.taken))

    def ask(self):
        """One or more claims for each slot; what is held comes out on top, unless spoiled."""
        dice = self.dice
        conflicts = getattr(self, "conflicts", set())
        if conflicts and dice.chance(0.4):
            self.first = dice.some(WHO, dice.below(4))
        for slot, spec in self.held.items():
            who = dice.some(WHO, len(WHO))
            top = dice.pick((0, 0, 0, 0, 1, 7, -3))
            n = 1 if dice.chance(0.7) else 2 + dice.below(2)
            for k in range(n):
                self.claim(slot, spec, who[k], top)
            if slot in conflicts:
                self.claim(slot, self.other(spec), who[n], top)
            if dice.chance(0.12):  # losers: of any spec, also two that differ
                for k in range(1 + dice.below(2)):
                    self.claim(slot, self.other(spec), who[n + 1 - k], top - 1 - dice.below(2))
            if dice.chance(0.03):
                self.claim(slot, self.other(spec), "gone", top + dice.below(3) - 1, True)

    def other(self, spec):
        dice = self.dice
        if dice.chance(0.3) and spec.kind == "quantized":  # differs by its observer alone
            return spec._replace(observer=next(o for o in OBSERVERS if o != spec.observer))
        made = self.spec(dice.pick("qqxdsf"), list(self.taken))
        return made if made != spec else Spec("float", None, "", "", ())

    def claim(self, slot, spec, who, priority, lost=False):
        if (slot, who) in self.asked:
            return
        self.asked.add((slot, who))
        noshare = self.dice.chance(self.noshare)
        self.claims.append(Claim(slot, spec, who, priority, noshare, lost))

    def text(self, dice):
        """The claims as a file, lines in any order; equal ones now and then on one line."""
        alike = {}
        for claim in self.claims:
            if not claim.lost:
                alike.setdefault((claim[:2], claim[3:]), []).append(claim)
        lines = []
        for same in alike.values():
            same = dice.shuffled(same)
            for some in [same] if dice.chance(0.5) else [[claim] for claim in same]:
                who = ",".join(who_text(claim.who) for claim in some)
                line = f"{some[0].slot} {spec_text(some[0].spec, dice)} by {who}"
                lines.append([some[0].slot, line + claim_tail(some[0])])
        lines = dice.shuffled(lines)
        for claim in self.claims:
            if claim.lost:
                line = next(line for line in lines if line[0] == claim.slot)
                line[1] += ("; " if "# lost" in line[1] else "  # ") + \
                    f"lost: {spec_text(claim.spec)} by {who_text(claim.who)}{claim_tail(claim)}"
        return "quire-annotations 1\n" + "".join(line + "\n" for _, line in lines)


def who_text(who):
    return f'"{who}"' if " " in who else who


def claim_tail(claim):
    return (f" !{claim.priority}" if claim.priority else "") + (" noshare" if claim.noshare else "")


def depth_of(graph):
    return max((1 + depth_of(body) for node in graph.nodes for _, body in node.bodies), default=0)
