"""Real models, annotated by committed rules, are as their committed annotations say.

For every tests/annotations/NAME.rules.json: `annotate` gives a model whose export is
NAME.annotations byte for byte and on which `annotations check` passes; every line of the text that
is changed or taken out is drift, and named; onnx sees the same model but for one metadata entry,
its checker and ONNX Runtime (all optimisations on and off) the same as before. NAME.onnx is looked
for in --models and tests/models; models that are not there are counted. --update writes
NAME.annotations anew (read the difference); --sample takes two lines of each."""
import glob
import hashlib
import os
import sys

import onnx

import common
import ort_worker

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "annotations")
KEY = "ai.quire.annotations"
LEVELS = ["disable", "all"]


class Case:
    """One model with its rules and its committed text."""

    def __init__(self, options, tally, name, model):
        self.options, self.tally, self.name, self.model = options, tally, name, model
        self.rules = os.path.join(FOLDER, name + ".rules.json")
        self.committed = os.path.join(FOLDER, name + ".annotations")
        self.annotated = os.path.join(options.work, name + ".onnx")

    def quire(self, *args):
        return common.run(self.options.quire, *args)

    def expect(self, truth, text):
        return self.tally.expect(truth, self.name, text)

    def annotate(self):
        ran = self.quire("annotate", self.model, "--rules", self.rules, "-o", self.annotated)
        if not self.expect(ran.code == 0, f"{ran}"):
            return False
        ran = self.quire("annotations", "export", self.annotated)
        if self.options.update:
            with open(self.committed, "wb") as file:
                file.write(ran.out)
        self.expect(ran.code == 0 and ran.out == common.read(self.committed),
                    "the export is not the committed text; see --update")
        return True

    def check(self, text):
        path = os.path.join(self.options.work, "drifted.annotations")
        with open(path, "wb") as file:
            file.write(text)
        return self.quire("annotations", "check", self.annotated, path)

    def check_drift(self):
        ran = self.quire("annotations", "check", self.annotated, self.committed)
        self.expect(ran.code == 0, f"as committed: {ran}")
        lines = common.read(self.committed).split(b"\n")
        told = [i for i, line in enumerate(lines) if line.strip() and i > 0]
        for i in told[:2] if self.options.sample else told:
            slot = lines[i].split()[0].decode()
            other = b"float" if b" float " not in lines[i] else b"u4 tensor affine zp=int"
            for text in (lines[:i] + lines[i + 1:],
                         lines[:i] + [slot.encode() + b" " + other + b" by drift"] + lines[i + 1:]):
                ran = self.check(b"\n".join(text))
                named = slot in ran.out.decode("utf-8", "replace")
                self.expect(ran.code in (1, 3) and (named or ran.code == 3), f"{slot}: {ran}")
                self.tally.count("lines changed or taken out: drift" if ran.code == 1 else
                                 "lines changed or taken out: what is left is no annotation")
        self.expect(self.check(b"quire-annotations 1\n").code == 1, "an empty text is no drift")

    def check_onnx(self):
        before, after = onnx.load(self.model), onnx.load(self.annotated)
        entries = [entry.value for entry in after.metadata_props if entry.key == KEY]
        self.expect([entry.encode() for entry in entries] == [common.read(self.committed)],
                    f"{len(entries)} entries, or not the committed text")
        for model in (before, after):
            kept = [entry for entry in model.metadata_props if entry.key != KEY]
            copies = [onnx.StringStringEntryProto(key=e.key, value=e.value) for e in kept]
            del model.metadata_props[:]
            model.metadata_props.extend(copies)
        same = [hashlib.sha256(m.SerializeToString(deterministic=True)).digest()
                for m in (before, after)]
        self.expect(same[0] == same[1], "more than the entry has changed")
        self.expect(checker(self.model) == checker(self.annotated), "onnx's checker disagrees")

    def check_outputs(self, worker):
        inputs = self.model.removesuffix(".onnx") + ".inputs.npz"
        answers = [worker.ask(os.path.abspath(path), os.path.abspath(inputs), LEVELS)
                   for path in (self.model, self.annotated)]
        self.expect(answers[0] == answers[1], f"ONNX Runtime: {answers}")
        self.expect(all("sets" in answers[0][level] for level in LEVELS),
                    f"ONNX Runtime does not run the model: {answers[0]}")

    def run(self, worker):
        self.tally.count("models")
        if not self.annotate():
            return
        lines = common.read(self.committed).count(b"\n")
        self.expect(lines < 200, f"{lines} lines are too many to read")
        self.tally.count("committed lines", lines)
        self.check_drift()
        self.check_onnx()
        self.check_outputs(worker)


def checker(path):
    """None, or why onnx's checker refuses the file."""
    try:
        onnx.checker.check_model(path, full_check=True)
        return None
    except Exception as error:
        return str(error).strip().split("\n")[0][:200]


def find_model(options, name):
    for folder in (options.models, os.path.join(HERE, "..", "models")):
        path = os.path.join(folder or "", name + ".onnx")
        if folder and os.path.exists(path):
            return path
    return None


def main():
    options = common.arguments(__doc__, (["--update"], {"action": "store_true"}))
    tally = common.Tally()
    worker = ort_worker.Ort(sys.executable)
    missing = []
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.rules.json"))):
        name = os.path.basename(path).removesuffix(".rules.json")
        model = find_model(options, name)
        if model is None:
            missing.append(name)
            continue
        Case(options, tally, name, model).run(worker)
    worker.close()
    for name in missing:
        tally.count("models that are not here")
        print(f"not here: {name}.onnx")
    tally.expect(tally.counts["models"] > 0, FOLDER, "no model was found")
    return tally.finish("committed annotations")


if __name__ == "__main__":
    sys.exit(main())
