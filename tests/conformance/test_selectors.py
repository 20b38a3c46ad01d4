"""Selectors against an evaluation of docs/selectors.md in Python, and the examples of that page.

For exported models and models that onnx makes in code: random expressions, rendered as text, must
select exactly the slots, in order, that the page's rules give when they are applied naively to the
model that onnx reads. Element types and dimensions are taken from quire (test_types.py checks
those)."""
import fnmatch
import json
import os
import random
import re
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor

import onnx

import common
import corpus

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "selectors.md")
BITS = {"string": None, "bool": 8}
COMPARE = {">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "!=": lambda a, b: a != b,
           ">": lambda a, b: a > b, "<": lambda a, b: a < b, "=": lambda a, b: a == b}


def spelled(name):
    if re.fullmatch(r"[A-Za-z0-9_.:-]+", name):
        return name
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}"
                         for b in name.encode()) + '"'


class Slot:
    def __init__(self, kind, index, path, node=None, reads=None, name=None):
        self.kind, self.index, self.path, self.node = kind, index, path, node
        self.reads, self.name = reads, name # what a use reads; what a definition is called
        self.has_default = False

    def text(self):
        at = "".join(spelled(part) + "/" for part in self.path)
        if self.kind == "operand":
            return f"{at}{spelled(self.node.label)}<-{self.index}"
        return f"{at}->{self.index}" if self.kind == "output" else at + spelled(self.name)


class Node:
    def __init__(self, proto):
        self.proto = proto
        self.label = next((name for name in proto.output if name), None)
        self.operands, self.results = [], []
        self.formals, self.body_outputs = [], [] # of all bodies


class Model:
    """All slots in order, and the ways of data between them."""

    def __init__(self, model):
        self.slots, self.next = [], {}
        self.graph(model.graph, (), {}, None)
        for f in model.functions:
            self.function(f)
        for slot in self.slots:
            self.link(slot)
        self.back = {}
        for slot, targets in self.next.items():
            for target in targets:
                self.back.setdefault(target, []).append(slot)

    def link(self, slot):
        onward = self.next.setdefault(slot, [])
        if slot.reads is not None:
            self.next.setdefault(slot.reads, []).append(slot)
        if slot.kind == "operand":
            onward += slot.node.results + slot.node.formals
        if slot.kind == "output" and slot.node is not None: # here: the owner of the body
            onward += slot.node.results

    def add(self, slot):
        self.slots.append(slot)
        return slot

    def define(self, scope, kind, index, path, name, node=None):
        slot = self.add(Slot(kind, index, path, node, None, name))
        scope[name] = slot
        return slot

    def graph(self, graph, path, outer, owner):
        scope = dict(outer)
        inputs = {}
        for k, info in enumerate(graph.input):
            inputs[info.name] = self.define(scope, "input", k, path, info.name)
        sparse = [tensor.values for tensor in graph.sparse_initializer]
        for k, tensor in enumerate(list(graph.initializer) + sparse):
            if tensor.name in inputs:
                inputs[tensor.name].has_default = True
            else:
                self.define(scope, "initializer", k, path, tensor.name)
        self.nodes(graph.node, path, scope)
        outputs = [self.add(Slot("output", k, path, owner, scope[info.name]))
                   for k, info in enumerate(graph.output)]
        return list(inputs.values()), outputs

    def function(self, f):
        path, scope = (f"function {f.domain}:{f.name}:{f.overload}",), {}
        for k, name in enumerate(f.input):
            self.define(scope, "input", k, path, name)
        self.nodes(f.node, path, scope)
        for k, name in enumerate(f.output):
            self.add(Slot("output", k, path, None, scope[name]))

    def nodes(self, protos, path, scope):
        for proto in protos:
            node = Node(proto)
            if node.label is None:
                continue
            for k, name in enumerate(proto.input):
                node.operands.append(self.add(Slot("operand", k, path, node, scope.get(name))))
            for k, name in enumerate(proto.output):
                if name:
                    node.results.append(self.define(scope, "result", k, path, name, node))
            for attribute in proto.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    below = path + (node.label, attribute.name)
                    formals, outputs = self.graph(attribute.g, below, scope, node)
                    node.formals += formals
                    node.body_outputs += outputs

    def reach(self, start, ways):
        seen, todo = set(start), list(start)
        while todo:
            for slot in ways.get(todo.pop(), ()):
                if slot not in seen:
                    seen.add(slot)
                    todo.append(slot)
        return seen


def node_of(slot):
    return slot.node if slot.kind in ("operand", "result") else None


def tensor_of(slot):
    return slot.reads if slot.kind in ("operand", "output") else slot


def matches(pattern, name):
    kind, text = pattern
    return bool(re.search(text, name)) if kind == "re" else fnmatch.fnmatchcase(name, text)


def figure(facts, slot, atom):
    """rows, width, ... of a defining slot; None if not known."""
    dtype, dims = facts[slot.text()]
    if dims is None:
        return None
    if atom == "rank":
        return len(dims)
    if atom in ("rows", "width"):
        return dims[atom == "width"] if len(dims) == 2 else None
    if None in dims:
        return None
    count = 1
    for dim in dims:
        count *= dim
    if atom == "elements":
        return count
    bits = BITS[dtype] if dtype in BITS else dtype and int(re.match(r"\D+(\d+)", dtype)[1])
    return None if not bits else (count * bits + 7) // 8


class Evaluator:
    def __init__(self, model, facts, constants):
        self.model, self.facts, self.constants = model, facts, constants

    def all(self, test):
        return {slot for slot in self.model.slots if test(slot)}

    def of_nodes(self, nodes):
        return self.all(lambda slot: node_of(slot) in nodes if node_of(slot) else False)

    def nodes(self, test):
        return self.all(lambda slot: node_of(slot) is not None and test(node_of(slot)))

    def tensors(self, test):
        return self.all(lambda slot: tensor_of(slot) is not None and test(tensor_of(slot)))

    def set_of(self, tree):
        return getattr(self, "do_" + tree[0])(*tree[1:])

    def do_and(self, *parts):
        return set.intersection(*(self.set_of(part) for part in parts))

    def do_or(self, *parts):
        return set.union(*(self.set_of(part) for part in parts))

    def do_not(self, part):
        return set(self.model.slots) - self.set_of(part)

    def do_op(self, pattern):
        def test(node):
            op = node.proto.op_type
            full = (node.proto.domain or "ai.onnx") + "." + op
            return matches(pattern, op) or matches(pattern, full)
        return self.nodes(test)

    def do_name(self, pattern):
        return self.nodes(lambda n: (n.proto.HasField("name") and matches(pattern, n.proto.name)) or
                          matches(pattern, n.label))

    def do_tensor(self, pattern):
        return self.tensors(lambda tensor: matches(pattern, tensor.name))

    def do_dtype(self, dtype):
        return self.tensors(lambda tensor: self.facts[tensor.text()][0] == dtype)

    def do_figure(self, atom, sign, number):
        def test(tensor):
            known = figure(self.facts, tensor, atom)
            return known is not None and COMPARE[sign](known, number)
        return self.tensors(test)

    def do_constant(self):
        return self.tensors(lambda tensor: tensor.text() in self.constants)

    def do_place(self, kind, index):
        if kind == "initializer":
            return self.all(lambda slot: slot.kind == kind or slot.has_default)
        return self.all(lambda slot: slot.kind == kind and index in (None, slot.index))

    def do_slot(self, text):
        return self.all(lambda slot: slot.text() == text)

    def do_body(self, pattern):
        def test(slot):
            lengths = range(2 - len(slot.path) % 2, len(slot.path) + 1, 2)
            return any(matches(pattern, "/".join(slot.path[:k])) for k in lengths)
        return self.all(test)

    def do_consumer(self, inner):
        inner = self.set_of(inner)
        return self.of_nodes({slot.node for slot in self.model.slots
                              if slot.kind == "operand" and slot.reads in inner})

    def do_producer(self, inner):
        return self.of_nodes({node_of(slot.reads) for slot in self.set_of(inner)
                              if slot.kind in ("operand", "output") and slot.reads is not None})

    def do_between(self, a, b):
        way = (self.model.reach(self.set_of(a), self.model.next) &
               self.model.reach(self.set_of(b), self.model.back))
        return self.of_nodes({node_of(slot) for slot in way})

    def selected(self, tree):
        found = self.set_of(tree)
        names = list(heads(tree))
        if not {"place", "slot"} & set(names):
            if {"op", "name", "consumer", "producer", "between"} & set(names):
                found &= self.all(lambda slot: slot.kind == "operand")
            else:
                found &= self.all(lambda slot: slot.kind in ("result", "input", "initializer"))
        return [slot.text() for slot in self.model.slots if slot in found]


def heads(tree):
    if tree[0] in ("and", "or", "not"):
        for part in tree[1:]:
            yield from heads(part)
    else:
        yield tree[0]


# --- expressions ----------------------------------------------------------------------

def random_pattern(rng, names):
    """(kind, pattern) made from a name, and its text."""
    name = rng.choice(names)
    if rng.random() < 0.3 and name:
        start = rng.randrange(len(name))
        part = name[start:start + rng.randint(1, 6)]
        return ("re", re.escape(part)) if rng.random() < 0.7 else ("re", "^" + re.escape(part))
    text = "".join(rng.choice("*?") if rng.random() < 0.15 else c for c in name)
    for special in "[]\\":
        text = text.replace(special, "?")
    return "glob", text[:rng.randint(0, len(text))] + "*" if rng.random() < 0.5 else text or "*"


def random_tree(rng, world, depth):
    if depth > 0 and rng.random() < 0.6:
        kind = rng.choice(["and", "and", "or", "not", "consumer", "producer", "between"])
        n = {"and": rng.randint(2, 3), "or": rng.randint(2, 3), "between": 2}.get(kind, 1)
        return (kind,) + tuple(random_tree(rng, world, depth - 1) for _ in range(n))
    kind = rng.choice(["op", "op", "name", "tensor", "dtype", "figure", "figure", "constant",
                       "place", "place", "slot", "body"])
    if kind in ("op", "name", "tensor", "body"):
        return kind, random_pattern(rng, world[kind])
    if kind == "dtype":
        return kind, rng.choice(["f32", "i64", "bool", "i32", "f16"])
    if kind == "figure":
        return (kind, rng.choice(["rows", "width", "rank", "elements", "bytes"]),
                rng.choice(list(COMPARE)), rng.choice([0, 1, 2, 3, 16, 64, 1000, 4096, 10**6]))
    if kind == "slot":
        return kind, rng.choice(world["slot"])
    if kind == "place":
        place = rng.choice(["operand", "result", "input", "initializer", "output"])
        has = place in ("operand", "result", "output") and rng.random() < 0.4
        return kind, place, rng.randint(0, 2) if has else None
    return (kind,)


def quoted(rng, text):
    word = re.fullmatch(r'[^\s(),"\\]+', text) and text not in ("and", "or", "not")
    word = word and not text.startswith("re:")
    return text if word and rng.random() < 0.7 else '"' + text.replace('"', '\\"') + '"'


def shown_pattern(rng, pattern):
    kind, text = pattern
    if kind == "re" and '"' in text:
        return "re:" + '"' + text.replace('"', '\\"') + '"'
    return ("re:" if kind == "re" else "") + quoted(rng, text)


WORDS = {"op": "op:", "name": "name:", "tensor": "tensor:", "body": "in-body:"}


def render(rng, tree, level=0):
    """Text of a tree; level 0: or, 1: and, 2: a factor."""
    kind = tree[0]
    if kind == "or":
        text = " or ".join(render(rng, part, 1) for part in tree[1:])
        return f"({text})" if level > 0 else text
    if kind == "and":
        text = rng.choice([" and ", " "]).join(render(rng, part, 2) for part in tree[1:])
        return f"( {text} )" if level > 1 else text
    if kind == "not":
        return "not " + render(rng, tree[1], 2)
    if kind in ("consumer", "producer"):
        inner = render(rng, tree[1])
        atom = tree[1][0] not in ("and", "or", "not") and rng.random() < 0.5
        return f"{kind}-of:" + (inner if atom else f"({inner})")
    if kind == "between":
        return f"between:({render(rng, tree[1])}, {render(rng, tree[2])})"
    if kind in WORDS:
        return WORDS[kind] + shown_pattern(rng, tree[1])
    if kind == "figure":
        return rng.choice(["{}{}{}", "{} {} {}"]).format(*tree[1:])
    if kind == "slot":
        return 'slot:"' + tree[1].replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind == "place":
        return tree[1] + ("" if tree[2] is None else f":{tree[2]}")
    return f"dtype:{tree[1]}" if kind == "dtype" else "constant"


# --- runs -----------------------------------------------------------------------------

def select(quire, text, path):
    return common.run(quire, "select", "--format", "json", text, path, timeout=120)


def check_model(job):
    quire, path, number = job
    tally, rng = common.Tally(), random.Random(os.path.basename(path))
    run_model(quire, path, rng, number, tally)
    return tally.plain()


def run_model(quire, path, rng, number, tally):
    proto = onnx.load(path, load_external_data=False)
    everything = select(quire, "operand or result or input or initializer or output", path)
    if everything.code != 0:
        tally.count("models that quire refuses, or without slots")
        tally.expect(everything.code in (2, 3), path, str(everything))
        return
    model = Model(proto)
    found = json.loads(everything.out)["slots"]
    texts = [slot.text() for slot in model.slots]
    if not tally.expect([slot["slot"] for slot in found] == texts, path, "other slots"):
        return
    facts = {slot["slot"]: (slot["dtype"], slot["dims"]) for slot in found}
    constants = {s.text() for s in model.slots
                 if s.kind == "initializer"
                 or (s.has_default and proto.ir_version < 4 and not s.path)
                 or (s.kind == "result" and s.node.proto.op_type == "Constant" and
                     s.node.proto.domain in ("", "ai.onnx") and
                     {a.name for a in s.node.proto.attribute} <= {"value", "sparse_value"})}
    evaluator = Evaluator(model, facts, constants)
    nodes = [slot.node for slot in model.slots if node_of(slot)]
    world = {"op": [n.proto.op_type for n in nodes] or ["Relu"], "slot": texts,
             "name": [n.label for n in nodes] + [n.proto.name for n in nodes] or ["x"],
             "tensor": [s.name for s in model.slots if s.name] or ["x"],
             "body": ["/".join(s.path) for s in model.slots if s.path] or ["x"]}
    tally.count("models")
    has_bodies = any(slot.path for slot in model.slots)
    for _ in range(number):
        tree = random_tree(rng, world, 3)
        if has_bodies and rng.random() < 0.5: # ways into bodies and out of them
            tree = ("between", random_tree(rng, world, 0), random_tree(rng, world, 0))
        text = render(rng, tree)
        expected = evaluator.selected(tree)
        done = select(quire, text, path)
        tally.count("expressions")
        if expected:
            tally.count("expressions that select something")
            if tally.expect(done.code == 0, path, f"{text}: {done}"):
                slots = [slot["slot"] for slot in json.loads(done.out)["slots"]]
                tally.expect(slots == expected, path,
                             f"{text}: {len(slots)} slots, {len(expected)} expected; differ in "
                             f"{sorted(set(slots) ^ set(expected))[:5]}")
        else:
            tally.expect(done.code == 2 and b"no slot is selected" in done.err, path,
                         f"{text}: {done}")


def check_page(quire, work, tally):
    """The first block is the model; blocks that begin with $ are commands and what they print."""
    with open(PAGE, encoding="utf-8") as file:
        blocks = re.findall(r"^```\n(.*?)^```\n", file.read(), re.M | re.S)
    with open(os.path.join(work, "encoder.txt"), "w", encoding="utf-8") as file:
        file.write(blocks[0])
    for command, expected in re.findall(r"^\$ quire (.*)\n((?:(?!\$ ).*\n)*)",
                                        "".join(b for b in blocks if b.startswith("$ ")), re.M):
        done = common.run(quire, *shlex.split(command), cwd=work)
        tally.count("examples of the page")
        printed = (done.out + done.err).decode()
        tally.expect(printed == expected, command, f"printed {printed}")
    tally.expect(tally.counts["examples of the page"] >= 8, PAGE, "the examples are gone")


def main():
    options = common.arguments(__doc__)
    tally, folder = common.Tally(), options.corpus
    corpus.make(folder, options.models)
    check_page(options.quire, options.work, tally)
    exported = corpus.paths(os.path.join(folder, "exported"))
    bodies = [path for path in corpus.paths(os.path.join(folder, "cases"))
              if re.search("_(if|loop|scan|sequence_map|range|layer_norm|gelu)", path)]
    number = 5 if options.sample else 40
    jobs = ([(options.quire, path, number) for path in exported] +
            [(options.quire, path, number // 2) for path in bodies])
    with ThreadPoolExecutor(options.jobs) as pool:
        for plain in pool.map(check_model, jobs[::4 if options.sample else 1]):
            tally.merge(plain)
    return tally.finish("selectors")


if __name__ == "__main__":
    sys.exit(main())
