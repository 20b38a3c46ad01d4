"""Quantizing by annotations: the same bytes as by options, and the rest of them stays in the entry.

Which lookups of a model can be lowered is judged from the specification (lookups.py). For every
such model, in several forms: a text that annotates the tables, one that annotates the lookups'
operands, and a rules file, where one selector says the same, give the output of the options, byte
for byte; so does the model's own entry. With activations annotated too, these and no others stay,
ONNX Runtime gives the same bits, and nothing else in the file differs. Every third model is taken,
with --sample every ninth, with --full (target quantize-full) all."""
import json
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor

import onnx

import common
import graphs as gr
import lookups as lk
import ort_worker
import recompute

KEY = "ai.quire.annotations"
FIRST = "quire-annotations 1"
FORMS = [({}, "u8 axis=0 affine zp=int observer=minmax"),
         ({"bits": 4, "block": 32, "zero_point": "float"},
          "u4 axis=1 block=32 affine zp=float observer=mse"),
         ({"bits": 2, "scales": "f16", "search": "minmax"},
          "u2 axis=0 affine zp=int scale=f16 observer=minmax")]
ACTIVATIONS = {"format_version": 1, "rules": [
    {"select": "(op:MatMul or op:Gemm or op:Add or op:Conv) and (operand or result)",
     "spec": "i8 tensor affine zp=int observer=histogram", "reason": "activations"}]}
LOOKUPS = "(op:Gather or op:GatherND) and operand:0 and constant and elements>=1024"
PLENTY = 1024  # of --min-elements


class Model:
    """One exported model: its file, where its outputs go, and its lookups."""

    def __init__(self, options, name):
        self.name, self.quire = name, options.quire
        self.path = os.path.join(options.models, name + ".onnx")
        self.inputs = os.path.join(options.models, name + ".inputs.npz")
        self.work = os.path.join(options.work, name)
        self.tally = common.Tally()
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def folder(self, name):
        path = os.path.join(self.work, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run(self, *command):
        return common.run(self.quire, *command, timeout=300)

    def must(self, *command):
        """Runs what has to succeed."""
        done = self.run(*command)
        self.tally.expect(done.code == 0, self.name, str(done))
        return done if done.code == 0 else None

    def quantize(self, where, *options, source=None):
        """(run, the folder with the output and its data, which have the same names in all)."""
        folder = self.folder(where)
        done = self.run("quantize", source or self.path, "-o", os.path.join(folder, "q.onnx"),
                        "--format", "json", *options)
        return done, folder

    def same(self, what, folder, other):
        """Are the files in both folders the same bytes?"""
        names = sorted(os.listdir(folder))
        same = names == sorted(os.listdir(other)) and all(
            common.read(os.path.join(folder, name)) == common.read(os.path.join(other, name))
            for name in names)
        if self.tally.expect(same, self.name, f"{what}: other bytes"):
            self.tally.count(f"same bytes as by options: {what}")


def in_graph(graph, text):
    return "".join(gr.quoted(name) + "/" for name in graph.key) + text


def text_of(slots, spec):
    return "\n".join([FIRST, *(f"{slot} {spec} by tables" for slot in slots)]) + "\n"


def table_slots(lookups):
    return sorted({in_graph(l.table[0], gr.quoted(l.table[1])) for l in lookups})


def operand_slots(lookups):
    return [in_graph(l.graph, gr.quoted(l.result) + "<-0") for l in lookups]


def one_selector_says_it(lookups, eligible):
    """LOOKUPS selects the eligible lookups and no other float operand."""
    def selected(lookup):
        if lookup.table is None or lookup.wrappers or lookup.node.op_type == "ATen":
            return False
        tensor = lookup.table[2]
        size = 1
        for dim in tensor.dims:
            size *= dim
        return tensor.data_type in gr.DTYPES and size >= PLENTY
    return eligible and all(selected(l) == (l in eligible) for l in lookups)


def entry_of(model):
    values = [p.value for p in model.metadata_props if p.key == KEY]
    return values[-1] if values else None


def without_entry(path):
    model = onnx.load(path, load_external_data=False)
    for index in reversed(range(len(model.metadata_props))):
        if model.metadata_props[index].key == KEY:
            del model.metadata_props[index]
    return model


def digests(worker, model, path):
    return worker.ask(path, model.inputs, ["disable", "all"])


def check_sources(m, lookups, eligible, form, spec):
    """The three kinds of sources against the options; returns the options' output folder."""
    by_flags, flags = m.quantize("flags", *recompute.arguments(form))
    if not m.tally.expect(by_flags.code == 0, m.name, str(by_flags)):
        return None
    m.tally.expect(json.loads(by_flags.out)["source"] == "flags", m.name, "source is not flags")
    texts = {"tables": text_of(table_slots(eligible), spec),
             "operands": text_of(operand_slots(eligible), spec)}
    for what, text in texts.items():
        path = m.write(f"{what}.txt", text)
        done, folder = m.quantize(what, "--annotations", path)
        if m.tally.expect(done.code == 0, m.name, str(done)):
            m.same(f"annotated {what}", folder, flags)
            check_report(m, json.loads(done.out), "annotations", text)
        check_entry_as_source(m, what, path, flags)
    if one_selector_says_it(lookups, eligible):
        rules = {"format_version": 1, "rules": [{"select": LOOKUPS, "spec": spec}]}
        done, folder = m.quantize("rules", "--rules", m.write("r.json", json.dumps(rules)))
        if m.tally.expect(done.code == 0, m.name, str(done)):
            m.same("rules", folder, flags)
    else:
        m.tally.count("one selector does not say it")
    return flags


def check_report(m, report, source, text):
    """All lowered: every line of the text once, and true."""
    wanted = sorted(line.split(" by ")[0] for line in text.splitlines()[1:])
    found = sorted(f"{a['slot']} {a['spec']}" for a in report["annotations"])
    m.tally.expect(report["source"] == source, m.name, f"source is {report['source']}")
    m.tally.expect(found == wanted, m.name, f"annotations reported: {found[:3]}, {wanted[:3]}")
    m.tally.expect(all(a["lowered"] and a["reason"] is None and a["message"] is None
                       and a["by"] == "tables" for a in report["annotations"]), m.name,
                   "an annotation that was lowered says it was not")


def check_entry_as_source(m, what, path, flags):
    """The model annotated first, then quantized by its own entry, which goes."""
    annotated = os.path.join(m.folder("annotated"), "q.onnx")
    if m.must("annotations", "import", m.path, path, "-o", annotated) is None:
        return
    m.tally.expect(entry_of(onnx.load(annotated, load_external_data=False)) is not None, m.name,
                   "import left no entry")
    done, folder = m.quantize(f"entry-{what}", source=annotated)
    if m.tally.expect(done.code == 0, m.name, str(done)):
        m.same(f"entry, {what}", folder, flags)
        m.tally.expect(json.loads(done.out)["source"] == "entry", m.name, "source is not entry")
    refused = m.run("quantize", annotated, "-o", os.path.join(m.work, "x.onnx"), "--bits", "8")
    m.tally.expect(refused.code == 2 and not refused.out, m.name, f"--bits beside entry: {refused}")


def check_rest(m, eligible, spec, flags, worker):
    """Tables and activations in one text: the activations stay, nothing else differs."""
    annotated = os.path.join(m.folder("activations"), "q.onnx")
    rules = m.write("activations.json", json.dumps(ACTIVATIONS))
    done = m.run("annotate", m.path, "--rules", rules, "-o", annotated)
    if done.code == 2:
        m.tally.count("no activations to annotate")
        return
    if not m.tally.expect(done.code == 0, m.name, str(done)):
        return
    exported = m.must("annotations", "export", annotated)
    if exported is None:
        return
    rest = exported.out.decode()
    both = rest + "".join(text_of(table_slots(eligible), spec).splitlines(True)[1:])
    done, folder = m.quantize("both", "--annotations", m.write("both.txt", both))
    if not m.tally.expect(done.code == 0, m.name, str(done)):
        return
    output = os.path.join(folder, "q.onnx")
    check_rest_report(m, json.loads(done.out), rest)
    check_rest_entry(m, output, rest, flags)
    check_outputs(m, worker, output, flags)
    oracle, target = m.quantize("oracle", "--annotations", os.path.join(m.work, "both.txt"),
                                "--target", "dequantized")
    if m.tally.expect(oracle.code == 0, m.name, str(oracle)):
        check_outputs(m, worker, output, target)
        entry = entry_of(onnx.load(os.path.join(target, "q.onnx"), load_external_data=False))
        m.tally.expect(entry == rest, m.name, "target dequantized leaves another entry")


def check_rest_report(m, report, rest):
    lines = sorted(line.split(" by ")[0].split() for line in rest.splitlines()[1:])
    found = sorted(f"{a['slot']} {a['spec']}".split() for a in report["annotations"]
                   if not a["lowered"])
    m.tally.expect(found == lines, m.name, "not lowered: other slots than the activations")
    m.tally.expect({a["reason"] for a in report["annotations"]} <= {None, "no-lowering"}, m.name,
                   "an activation has another reason than no-lowering")


def check_rest_entry(m, output, rest, flags):
    made = onnx.load(output, load_external_data=False)
    m.tally.expect(entry_of(made) == rest, m.name, "the entry is not what was asked for and left")
    plain = onnx.load(os.path.join(flags, "q.onnx"), load_external_data=False)
    m.tally.expect(without_entry(output) == plain, m.name, "more differs than the entry")
    fewer = rest.splitlines(True)
    fewer.pop(len(fewer) // 2)
    kept = m.run("annotations", "check", output, m.write("rest.txt", rest))
    drift = m.run("annotations", "check", output, m.write("fewer.txt", "".join(fewer)))
    m.tally.expect(kept.code == 0, m.name, f"check of the rest: {kept}")
    m.tally.expect(drift.code == 1, m.name, f"check of fewer: {drift}")
    m.tally.count("entries with the activations alone")
    m.tally.count("annotations that stayed", len(fewer))


def check_outputs(m, worker, output, folder):
    ours, theirs = (digests(worker, m, path)
                    for path in (output, os.path.join(folder, "q.onnx")))
    for level, answer in theirs.items():
        if answer.get("stage") in ("load", "died", "run"):
            m.tally.count("ONNX Runtime: not run")
        elif m.tally.expect(ours[level] == answer, m.name, f"other outputs at level {level}"):
            m.tally.count("ONNX Runtime: the same bits")


def check_model(options, name):
    """One model in a process of its own."""
    m = Model(options, name)
    proto = onnx.load(m.path, load_external_data=False)
    if m.run("print", m.path).code != 0:
        m.tally.count("models that are refused")
        return m.tally.plain()
    worker = ort_worker.Ort(sys.executable)
    for form, spec in FORMS:
        lookups = lk.judge(proto, form, options.models)
        eligible = [lookup for lookup in lookups if lookup.reason is None]
        if not eligible:
            m.tally.count("no table in this form")
            continue
        flags = check_sources(m, lookups, eligible, form, spec)
        if flags is not None:
            check_rest(m, eligible, spec, flags, worker)
        for path in os.listdir(m.work):
            full = os.path.join(m.work, path)
            shutil.rmtree(full) if os.path.isdir(full) else os.unlink(full)
    worker.close()
    m.tally.count("models")
    os.rmdir(m.work)
    return m.tally.plain()


def main():
    options = common.arguments(__doc__, (["--name"], {"action": "append", "help": "only these"}),
                               (["--full"], {"action": "store_true", "help": "all models"}))
    if not options.models:
        common.fail_usage("--models is needed")
    options.models = os.path.abspath(options.models)
    names = sorted(f[:-5] for f in os.listdir(options.models) if f.endswith(".onnx"))
    names = [name for name in names if not options.name or name in options.name]
    if not options.full and not options.name:
        names = names[::9 if options.sample else 3]
    scratch = options.__dict__.pop("scratch", None)  # removes the folder when it goes
    tally = common.Tally()
    with ProcessPoolExecutor(options.jobs) as pool:
        for plain in pool.map(check_model, [options] * len(names), names):
            tally.merge(plain)
    tally.expect(tally.counts["same bytes as by options: annotated tables"] > 0, "models",
                 "none has a table")
    code = tally.finish("quantize by annotations")
    del scratch
    return code


if __name__ == "__main__":
    sys.exit(main())
