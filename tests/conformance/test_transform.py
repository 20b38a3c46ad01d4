"""Transforms of quantizers on real models, against onnx's checker and ONNX Runtime.

The plugin tests/conformance/plugin/rewrites.c changes graphs in ways that are easy to tell from
outside. An Identity behind every float result, and Relu as max(x, 0), leave every output's bits as
they were; Add that becomes Mul (rows 14 and 15 of PyTorch's own tests) is counted by onnx; a
transform that fails or breaks the graph leaves no file; one that does nothing, no trace."""
import collections
import glob
import os
import sys

import common
import onnx
import ort_worker

HERE = os.path.dirname(os.path.abspath(__file__))
LARGEST = 4 << 20  # bytes; what is larger has no other operators
BINARY = ("Add", "Mul")


def graphs_of(model):
    """The main graph, all bodies, all functions."""
    waiting = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs


def operators(model):
    """How many nodes of each operator; Add and Mul only where they have two operands."""
    return collections.Counter(node.op_type for graph in graphs_of(model) for node in graph.node
                               if node.domain in ("", "ai.onnx"))


def interface(model):
    graph = model.graph
    return ([i.SerializeToString() for i in graph.input],
            [o.SerializeToString() for o in graph.output])


def checker(path):
    """None, or why onnx's checker refuses the file."""
    try:
        onnx.checker.check_model(path, full_check=True)
        return None
    except Exception as error:
        return str(error).strip().split("\n")[0][:200]


class Case:
    def __init__(self, options, tally, path, worker):
        self.options, self.tally, self.path, self.worker = options, tally, path, worker
        self.where = os.path.basename(path)
        self.plugin = os.path.join(os.path.dirname(options.quire), "tests", "plugins",
                                   "rewrites.so")
        self.out = os.path.join(options.work, "transformed.onnx")
        inputs = path.removesuffix(".onnx") + ".inputs.npz"
        self.inputs = inputs if os.path.exists(inputs) else None
        self.model = onnx.load(path, load_external_data=False)
        self.operators = operators(self.model)
        self.is_valid = checker(path) is None

    def expect(self, truth, text):
        return self.tally.expect(truth, self.where, text)

    def annotate(self, *quantizers):
        """True: a file was written."""
        if os.path.exists(self.out):
            os.remove(self.out)
        flags = [flag for q in quantizers for flag in ("--quantizer", q)]
        ran = common.run(self.options.quire, "annotate", self.path, "--plugin", self.plugin, *flags,
                         "-o", self.out)
        self.expect(ran.code in (0, 1), f"{ran}")
        self.expect(os.path.exists(self.out) == (ran.code == 0), f"{ran}: the output")
        return ran.code == 0

    def read_back(self):
        """The file is as valid as the model was, and its annotations are found again."""
        if self.is_valid:
            refusal = checker(self.out)
            self.expect(refusal is None, f"the checker refuses the output: {refusal}")
        model = onnx.load(self.out, load_external_data=False)
        self.expect(interface(model) == interface(self.model), "the interface changed")
        ran = common.run(self.options.quire, "annotations", "export", self.out)
        self.expect(ran.code == 0, f"{ran}")
        slots = sum(not line.startswith(b"#") for line in ran.out.splitlines()[1:])
        return model, slots

    def same_outputs(self, what):
        before, after = (self.worker.ask(path, self.inputs, ["disable", "all"])
                         for path in (self.path, self.out))
        if "sets" not in before["disable"]:
            self.tally.count("models that ONNX Runtime does not run")
            return
        self.expect(before["disable"] == after["disable"], f"{what}: other outputs: {after}")
        self.expect("sets" in after["all"], f"{what}: does not run with optimizations: {after}")
        self.tally.count(f"{what}: outputs compared", len(before["disable"]["sets"]))

    def identities(self):
        if not self.annotate("rewrite:how=identity"):
            return
        model, slots = self.read_back()
        found = operators(model)
        self.expect(found - collections.Counter(Identity=found["Identity"]) ==
                    self.operators - collections.Counter(Identity=self.operators["Identity"]),
                    "other operators than Identity came or went")
        made = found["Identity"] - self.operators["Identity"]
        self.expect(made == slots > 0, f"{made} were put between, {slots} are annotated")
        self.tally.count("identities", made)
        self.same_outputs("identity")

    def maxima(self):
        versions = [o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")]
        if "Relu" not in self.operators or min(versions) < 8:  # Max broadcasts from 8 on
            return
        if self.annotate("rewrite:how=max"):
            model, slots = self.read_back()
            self.expect(operators(model)["Relu"] == self.operators["Relu"] - slots, "Relu are left")
            self.tally.count("maxima", slots)
            self.same_outputs("max")

    def products(self):
        """Rows 14 and 15: what the (last) transform left is the model."""
        both = sum(self.operators[op] for op in BINARY)
        chained = (["rewrite:how=add", "rewrite:how=mul"],
                   ["composable:of={rewrite:how=add;rewrite:how=mul}"])
        for quantizers, wanted in ((["rewrite:how=mul"], self.operators["Add"]),
                                   (chained[0], both), (chained[1], both)):
            if not self.annotate(*quantizers):
                self.expect(wanted == 0, f"{quantizers}: nothing was made of {wanted} nodes")
                continue
            model, slots = self.read_back()
            found = operators(model)
            self.expect((found["Add"], found["Mul"], slots) == (0, both, wanted),
                        f"{quantizers}: {found['Add']} Add, {found['Mul']} Mul, {slots} annotated")
            self.tally.count("sums that became products", slots)

    def failures(self):
        for how in ("fail", "cycle", "order", "erased"):
            ran = common.run(self.options.quire, "annotate", self.path, "--plugin", self.plugin,
                             "--quantizer", f"rewrite:how={how}", "--quantizer", "embedding",
                             "-o", self.out + how)
            broke = ran.code == 4 and ran.err.count(b"\n") == 1 and b"transform: " in ran.err
            self.expect(broke or ran.code in (0, 1), f"{ran}")
            self.expect(broke != os.path.exists(self.out + how), f"{ran}: the output")
            self.tally.count("transforms undone", broke)

    def nothing(self):
        """A transform without an edit leaves the bytes that there are without it."""
        if not self.annotate("embedding"):
            return
        alone = common.read(self.out)
        self.annotate("rewrite:how=nothing", "embedding")
        self.expect(common.read(self.out) == alone, "a transform that does nothing left a trace")
        self.tally.count("idle transforms")

    def run(self):
        if common.run(self.options.quire, "print", self.path).code != 0:
            self.tally.count("models that are refused")
            return
        self.tally.count("models")
        self.identities()
        self.maxima()
        self.products()
        self.failures()
        self.nothing()


def models(options):
    found = {}
    for folder in filter(None, [options.models, os.path.join(HERE, "..", "models")]):
        for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
            if os.path.getsize(path) <= LARGEST:
                found.setdefault(os.path.basename(path), path)
    return list(found.values())[:: 6 if options.sample else 1]


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    worker = ort_worker.Ort(sys.executable)
    for path in models(options):
        Case(options, tally, path, worker).run()
    worker.close()
    for key in ("identities", "sums that became products", "transforms undone"):
        tally.expect(tally.counts[key] > 0, "all models", f"no {key}")
    return tally.finish("transforms")


if __name__ == "__main__":
    sys.exit(main())
