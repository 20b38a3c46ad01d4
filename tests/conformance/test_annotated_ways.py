"""Random small models with random annotations: which lookups are lowered, and what is left.

Tables of three types are read directly, through Identity and through widening Casts, by Gather,
GatherND and MatMul, also from the branches of an If; any slot may be annotated, float, shared, or
in a way no table has. What must come of it is worked out here from docs/lowering.md: per lookup
bits or reason, per annotation whether it was lowered, and the slots left in the output's entry.
ONNX Runtime must load every output and give the bits of target dequantized. --sample: fewer."""
import json
import os
import random
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import onnx
from onnx import TensorProto as T, helper

import common
import graphs as gr
import ort_worker

KEY = "ai.quire.annotations"
GOOD = {"u8 axis=0 affine zp=int observer=minmax": (8, None),
        "u4 axis=0 affine zp=int observer=mse": (4, None),
        "u2 axis=0 affine zp=float observer=minmax": (2, None),
        "u4 axis=1 block=16 affine zp=int observer=mse": (4, 16)}
# No two specs here differ in the observer alone: slots of one tensor that do share, and have one.
BAD = ["i8 tensor affine zp=int observer=histogram", "u8 axis=0 symmetric zp=none observer=minmax",
       "u8 axis=0 affine zp=int range=0..254 observer=minmax"]
WIDTH, ROWS = 20, 8


class Lookup:
    def __init__(self, slot, value, name):
        self.slot, self.value, self.name = slot, value, name


class Case:
    """A model, its slots, and its lookups in graph order."""

    def __init__(self, seed):
        self.random, self.nodes, self.inits, self.outputs = random.Random(seed), [], [], []
        self.behind, self.type = {}, {}  # by value: (its slot, slot of the operand, value behind)
        self.lookups, self.slots = [], []
        self.values = [self.table(k) for k in range(self.random.randint(1, 2))]
        for k in range(self.random.randint(2, 9)):
            self.random.choice([self.wrapper, self.lookup, self.lookup, self.product])(k)
        self.product(100)
        if self.random.random() < 0.4:
            self.branches()
        self.save()

    def table(self, k):
        kind = self.random.choice([T.FLOAT, T.FLOAT, T.FLOAT16])
        name = self.random.choice([f"W{k}", f"emb/{k} x"])
        data = np.random.default_rng(k).standard_normal((ROWS, WIDTH))
        array = data.astype(np.float16 if kind == T.FLOAT16 else np.float32)
        tensor = onnx.numpy_helper.from_array(array, name)
        if self.random.random() < 0.3:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.inits.append(tensor)
        self.type[name], self.behind[name] = kind, None
        self.slots.append(gr.quoted(name))
        return name

    def wrapper(self, k):
        source, name = self.random.choice(self.values), f"w{k}"
        self.type[name] = self.type[source]
        if self.type[source] == T.FLOAT16 and self.random.random() < 0.6:
            self.nodes.append(helper.make_node("Cast", [source], [name], to=T.FLOAT))
            self.type[name] = T.FLOAT
        else:
            self.nodes.append(helper.make_node("Identity", [source], [name]))
        self.behind[name] = source
        self.slots += [name, name + "<-0"]
        self.values.append(name)

    def lookup(self, k, path="", into=None, prefix=""):
        value, name = self.random.choice(self.values), f"{prefix}y{k}"
        node = (helper.make_node("GatherND", [value, "j"], [name]) if self.random.random() < 0.3
                else helper.make_node("Gather", [value, "i"], [name]))
        (self.nodes if into is None else into).append(node)
        self.lookups.append(Lookup(f"{path}{name}<-0", value, path + name))
        self.slots += [f"{path}{name}<-0", path + name]
        if into is None:
            self.outputs.append((name, self.type[value]))
        return name, self.type[value]

    def product(self, k):
        value, name = self.random.choice(self.values), f"p{k}"
        self.nodes.append(helper.make_node("Transpose", [value], [name], perm=[1, 0]))
        self.slots += [name + "<-0", name]
        self.outputs.append((name, self.type[value]))

    def branches(self):
        """An If whose branches look the same table up."""
        made = []
        for branch in ("else_branch", "then_branch"):  # as make_node sorts them
            nodes = []
            name, kind = self.lookup(99, f"c/{branch}/", nodes, branch[0])
            out = helper.make_node("Cast", [name], [branch[0] + "f"], to=T.FLOAT)
            info = helper.make_tensor_value_info(branch[0] + "f", T.FLOAT, None)
            made.append(helper.make_graph(nodes + [out], branch, [], [info]))
        self.nodes.append(helper.make_node("If", ["b"], ["c"], else_branch=made[0],
                                           then_branch=made[1]))
        self.outputs.append(("c", T.FLOAT))

    def save(self):
        inputs = [helper.make_tensor_value_info("i", T.INT64, ["N"]),
                  helper.make_tensor_value_info("j", T.INT64, ["N", 1]),
                  helper.make_tensor_value_info("b", T.BOOL, [])]
        outputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in self.outputs]
        graph = helper.make_graph(self.nodes, "g", inputs, outputs, self.inits)
        self.model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                                       ir_version=8)

    def annotate(self):
        """{slot: spec}, most of them on the ways to tables."""
        self.specs, near = {}, {lookup.slot for lookup in self.lookups} | set(self.values)
        for slot in self.slots:
            if self.random.random() > (0.45 if slot in near else 0.25):
                continue
            kind = self.random.random()
            carriers = [s for s, spec in self.specs.items() if spec[0] not in "=f"]
            if kind < 0.12:
                self.specs[slot] = "float"
            elif kind < 0.25 and carriers:
                self.specs[slot] = "= " + self.random.choice(carriers)
            elif kind < 0.38:
                self.specs[slot] = self.random.choice(BAD)
            else:
                self.specs[slot] = self.random.choice(list(GOOD))
        self.text = "quire-annotations 1\n" + "".join(
            f"{slot} {spec} by {self.random.choice('ab')}\n" for slot, spec in self.specs.items())

    # --- what must come of it -----------------------------------------------------------------

    def spec(self, slot):
        spec = self.specs.get(slot)
        return self.specs[spec[2:]] if spec and spec.startswith("= ") else spec

    def way(self, lookup):
        """Slots from the operand to the table."""
        out, value = [lookup.slot], lookup.value
        while self.behind[value] is not None:
            out += [value, value + "<-0"]
            value = self.behind[value]
        return out + [gr.quoted(value)], value

    def expect(self):
        self.chosen, self.expected, self.lowered = {}, {}, set()
        for lookup in self.lookups:
            way, table = self.way(lookup)
            spec = next((self.spec(slot) for slot in way if slot in self.specs), None)
            if spec is None:
                self.expected[lookup.name] = "not-annotated"
            elif spec == "float":
                self.expected[lookup.name] = "annotated-float"
            elif spec not in GOOD or self.chosen.get(table, spec) != spec:
                self.expected[lookup.name] = "spec"
            else:
                self.chosen[table] = spec
                self.expected[lookup.name] = None
        for lookup in self.lookups:
            way, table = self.way(lookup)
            if self.expected[lookup.name] is None:
                self.lowered |= {slot for slot in way if self.spec(slot) == self.chosen[table]}
                self.lowered |= {slot for slot in way[:1] if slot in self.specs}


def operators(model):
    """{slot of each first result: operator} of all graphs."""
    return {"".join(gr.quoted(k) + "/" for k in graph.key) + gr.quoted(gr.first_result(node)):
            node.op_type for graph in gr.all_graphs(model) for node in graph.proto.node}


def names(model):
    found = set()
    for graph in gr.all_graphs(model):
        path = "".join(gr.quoted(k) + "/" for k in graph.key)
        found |= {path + gr.quoted(name) for name in (*graph.producer, *graph.dense)}
    return found


def still_there(case, after):
    """Slots of the input that the output has: names, and operands of nodes that are the same."""
    before_ops, after_ops, known = operators(case.model), operators(after), names(after)
    for slot in case.slots:
        node = slot.removesuffix("<-0")
        if slot in known if node == slot else before_ops[node] == after_ops.get(node):
            yield slot


def check_report(case, report, tally, where):
    skipped = {s["node"]: s["reason"] for s in report["skipped"]}
    wanted = {name: reason for name, reason in case.expected.items() if reason}
    tally.expect(skipped == wanted, where, f"skipped {skipped}, expected {wanted}")
    forms = {t["name"]: (t["bits"], t["block"]) for t in report["tables"]}
    tally.expect(forms == {t: GOOD[s] for t, s in case.chosen.items()}, where, f"tables {forms}")
    told = {a["slot"]: a["lowered"] for a in report["annotations"]}
    tally.expect(told == {slot: slot in case.lowered for slot in case.specs}, where,
                 f"lowered {told}, expected {sorted(case.lowered)}")
    for entry in report["annotations"]:
        tally.expect((entry["reason"] is None) == entry["lowered"], where, f"reason of {entry}")
    tally.count("lookups lowered", sum(r is None for r in case.expected.values()))
    for reason in wanted.values():
        tally.count(f"lookups: {reason}")


def check_entry(case, output, source, tally, where):
    after = onnx.load(output)
    there = set(still_there(case, after))
    left = [slot for slot in case.specs if slot in there and slot not in case.lowered]
    entry = [p.value for p in after.metadata_props if p.key == KEY]
    if not case.chosen and source == "entry":
        tally.expect(entry == [case.text], where, "nothing was lowered, and the entry changed")
        return
    if not left:
        tally.expect(not entry, where, "nothing is left, but the entry")
        tally.count("entries dropped")
        return
    if not tally.expect(len(entry) == 1, where, f"{len(entry)} entries"):
        return
    found = [line.split(" by ")[0].rstrip() for line in entry[0].splitlines()[1:]]
    slots = sorted(slot for line in found for slot in case.specs
                   if line.startswith(slot + " "))
    tally.expect(slots == sorted(left), where, f"left {slots}, expected {sorted(left)}")
    for line in found:
        slot = next(slot for slot in case.specs if line.startswith(slot + " "))
        spec = line[len(slot):].strip()
        if not spec.startswith("= ") and not case.specs[slot].startswith("= "):
            tally.expect(spec == case.specs[slot], where, f"{slot} became {spec}")
        elif not spec.startswith("= "):
            tally.expect(spec == case.spec(slot), where, f"{slot} became {spec}")
    tally.count("entries with a rest")


def run_case(options, seed, worker, folder, tally):
    case, where = Case(seed), f"seed {seed}"
    case.annotate()
    case.expect()
    paths = {name: os.path.join(folder, name) for name in
             ("in.onnx", "annotated.onnx", "a.txt", "out.onnx", "float.onnx", "in.npz")}
    onnx.save(case.model, paths["in.onnx"])
    entry = case.model.metadata_props.add()
    entry.key, entry.value = KEY, case.text
    onnx.save(case.model, paths["annotated.onnx"])
    with open(paths["a.txt"], "w", encoding="utf-8") as file:
        file.write(case.text)
    source = "entry" if seed % 2 else "annotations"
    given = ([paths["annotated.onnx"]] if source == "entry"
             else [paths["in.onnx"], "--annotations", paths["a.txt"]])
    command = [options.quire, "quantize", *given, "--allow-empty", "--format", "json"]
    done = common.run(*command, "-o", paths["out.onnx"], timeout=300)
    oracle = common.run(*command, "-o", paths["float.onnx"], "--target", "dequantized",
                        timeout=300)
    if not tally.expect(done.code == 0 and oracle.code == 0, where, f"{done} {oracle}"):
        return
    report = json.loads(done.out)
    tally.expect(report["source"] == source, where, f"source {report['source']}")
    check_report(case, report, tally, where)
    check_entry(case, paths["out.onnx"], source, tally, where)
    index = np.random.default_rng(seed).integers(-ROWS, ROWS, 5)
    given = {"0.i": index, "0.j": index[:, None], "0.b": np.array(seed % 3 > 0)}
    np.savez(paths["in.npz"], **given)
    ours, theirs = (worker.ask(paths[name], paths["in.npz"], ["disable", "all"])
                    for name in ("out.onnx", "float.onnx"))
    if tally.expect(all("sets" in a for a in ours.values()), where, f"ONNX Runtime: {ours}"):
        tally.expect(ours == theirs, where, "other bits than target dequantized")
    tally.count("models")


def run_part(options, first, last):
    tally, folder = common.Tally(), os.path.join(options.work, f"ways{first}")
    os.makedirs(folder, exist_ok=True)
    worker = ort_worker.Ort(sys.executable)
    for seed in range(first, last):
        run_case(options, seed, worker, folder, tally)
    worker.close()
    shutil.rmtree(folder)
    return tally.plain()


def main():
    options = common.arguments(__doc__, (["--first"], {"type": int, "default": 0}),
                               (["--count"], {"type": int, "default": 0}))
    count = options.count or (100 if options.sample else 600)
    scratch = options.__dict__.pop("scratch", None)  # removes the folder when it goes
    tally, step = common.Tally(), 50
    with ProcessPoolExecutor(options.jobs) as pool:
        ends = range(options.first, options.first + count, step)
        for plain in pool.map(run_part, [options] * len(ends), ends,
                              [min(e + step, options.first + count) for e in ends]):
            tally.merge(plain)
    code = tally.finish("ways from lookups to tables")
    del scratch
    return code


if __name__ == "__main__":
    sys.exit(main())
