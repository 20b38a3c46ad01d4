"""Target quire: one file, the same bits with and without the library of operators.

Exported models and the graphs of adversarial.py, quantized to the targets onnx and quire: what
target quire computes, by its functions and by libquire_ort's operators, are the bits of target
onnx, at both optimisation levels, with one thread and with two; in this interpreter's ONNX Runtime
and, with --old-python, in that one's, wherever the original loads. The runtime's profile tells that
the operators ran. onnx's checker accepts the file where it accepts the original, onnx's reference
evaluator gives the same bits for both targets, a second run finds nothing to do, and is
deterministic. Then, one by one: wrong indices and wrong files are errors of the runtime, sessions
side by side, unloading. Each exported model and every fourth graph is quantized to one form, in
turns; --full (target target-quire-full): to three, and all graphs."""
import itertools
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

import adversarial
import common
import ort_worker
import recompute
import test_models

TARGETS = ("onnx", "quire")
FORMS = [{"bits": bits, "block": block, "zero_point": zero, "scales": scales}
         for bits, block, zero, scales in itertools.product(
             (8, 4, 2), (None, 16), ("int", "float"), ("f32", "f16"))]
OURS = re.compile(r"Lookup(Float16|BFloat16)?(_[0-9]+)?\Z")
N_REGISTERED = {"Lookup": 16, "LookupFloat16": 8, "LookupBFloat16": 8}


class Runtime:
    """One ONNX Runtime, with and without the library."""

    def __init__(self, python, library):
        self.worker, self.library = ort_worker.Ort(python), library

    def plain(self, path, inputs):
        return self.worker.ask(path, inputs, test_models.LEVELS)

    def with_library(self, path, inputs, threads):
        return self.worker.ask(path, inputs, test_models.LEVELS, library=self.library,
                               threads=threads)


# ---- what is in the file ------------------------------------------------------------------------


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in [attribute.g, *attribute.graphs]:
                yield from nodes_of(body)


def calls_of(model):
    """Nodes of our domain in the main graph and its bodies, and those of training."""
    roots = [model.graph]
    for info in model.training_info:
        roots += [info.initialization, info.algorithm]
    return [node for root in roots for node in nodes_of(root) if node.domain == "ai.quire"]


def is_registered(name):
    """Has the library an operator of that name?"""
    first, number = (name.split("_") + ["0"])[:2]
    return int(number) < N_REGISTERED[first]


def body_text(function):
    """What a function does, whatever it is called."""
    copy = onnx.FunctionProto()
    copy.CopyFrom(function)
    copy.name = ""
    return copy.SerializeToString()


def check_file(tally, where, before, after):
    """The import, the functions and the calls; returns how many calls an operator can replace."""
    first, model = (onnx.load(path, load_external_data=False) for path in (before, after))
    imports = [(i.domain, i.version) for i in model.opset_import]
    had = [(i.domain, i.version) for i in first.opset_import]
    calls = calls_of(model)
    tally.expect(imports == had + [("ai.quire", 1)], where, f"imports {imports}")
    tally.expect(model.ir_version == first.ir_version, where, "ir_version changed")
    made = model.functions[len(first.functions):]
    names = [f.name for f in made]
    tally.expect(all(f.domain == "ai.quire" and OURS.match(f.name) for f in made), where,
                 f"functions {names}")
    tally.expect({call.op_type for call in calls} == set(names), where,
                 "functions and calls do not match")
    tally.expect(len({body_text(f) for f in made}) == len(made), where,
                 "two functions with one body")
    for call in calls:
        sizes = [len(call.input), len(call.output), len(call.attribute)]
        tally.expect(sizes == [4, 1, 6], where, f"a call {call}")
    opsets = {tuple((i.domain, i.version) for i in f.opset_import) for f in made}
    tally.expect(len(opsets) == 1, where, f"functions import {opsets}")
    tally.count("functions", len(made))
    tally.count("calls", len(calls))
    return [call for call in calls if is_registered(call.op_type)]


def quantize(tally, job, form, target):
    """The file of one target, or None where there is nothing to do."""
    name, path, _, quire, work = job
    after = os.path.join(work, f"{name}.{target}.onnx")
    done, _ = recompute.quantize(quire, path, after, {**form, "target": target})
    if done.code in (1, 3):
        tally.expect(not os.path.exists(after), name, f"{done} and a file")
        return None, done
    tally.expect(done.code == 0, name, str(done))
    return (after if done.code == 0 else None), done


def check_again(tally, where, job, form, after):
    """The same bytes a second time; and a run on the result leaves its tables and functions."""
    name, path, _, quire, work = job
    twice, further = (os.path.join(work, f"{name}.{what}.onnx") for what in ("twice", "further"))
    done, _ = recompute.quantize(quire, path, twice, {**form, "target": "quire"})
    tally.expect(done.code == 0 and common.read(twice) == common.read(after) or
                 external(after), where, "a second run writes other bytes")
    partly = {"only", "skip"} & set(form) or any(
        value == "float" for _, value in form.get("bits_for", ()))
    rest = {key: value for key, value in form.items() if key not in ("only", "skip", "bits_for")}
    done, report = recompute.quantize(quire, after, further, {**rest, "target": "quire"})
    if not partly:
        tally.expect(done.code == 1 and report["tables"] == [], where,
                     f"the result was quantized once more: {done}")
    elif done.code == 0:
        refused = test_models.checker(further)
        tally.expect(refused is None, where, f"checker, after a further run: {refused}")
    remove(work, [twice, further])


def external(path):
    return any(name.startswith(os.path.basename(path) + ".")
               for name in os.listdir(os.path.dirname(path)))


def remove(work, paths):
    for path in paths:
        for name in os.listdir(work):
            if path and (name == os.path.basename(path) or
                         name.startswith(os.path.basename(path) + ".")):
                os.unlink(os.path.join(work, name))


# ---- what it computes ---------------------------------------------------------------------------


def reference_digests(path, inputs):
    """Digests of the outputs under onnx's reference evaluator; None where it does not run."""
    sets = ort_worker.input_sets(np, inputs)
    try:
        evaluator = ReferenceEvaluator(path)
        known, names = set(evaluator.input_names), list(evaluator.output_names)
        return [ort_worker.digest(np, names, evaluator.run(None, {
            name: array for name, array in one.items() if name in known})) for one in sets]
    except Exception:
        return None


def check_reference(tally, where, made, inputs):
    wanted = reference_digests(made["onnx"], inputs)
    if wanted is None:
        tally.count("reference evaluator: target onnx does not run")
        return
    given = reference_digests(made["quire"], inputs)
    if tally.expect(given == wanted, where, f"reference evaluator: {given}, not {wanted}"):
        tally.count("reference evaluator: equal", len(wanted))


def check_runtime(tally, where, name, runtime, made, inputs, calls, deep):
    wanted = runtime.plain(made["onnx"], inputs)
    answers = {"functions": runtime.plain(made["quire"], inputs),
               "library": runtime.with_library(made["quire"], inputs, 1)}
    if deep:
        answers["library, 2 threads"] = runtime.with_library(made["quire"], inputs, 2)
    for (how, answer), level in itertools.product(answers.items(), test_models.LEVELS):
        place = f"{where} in {name}, {how}, {level}"
        want, got = wanted[level], answer[level]
        if "error" in want:
            tally.expect(got.get("stage") == want["stage"], place, f"{got}, not {want}")
            tally.count(f"{name}: target onnx fails, too")
        elif tally.expect(got.get("sets") == want["sets"], place, f"{got}, not {want}"):
            tally.count(f"{name}: equal outputs, {how}", len(want["sets"]))
        if how != "functions" and "error" not in got:
            tally.expect(got["ran"] > 0 or not calls, place, "no operator of the library ran")
            tally.count(f"{name}: operators run", got["ran"])


def check_form(tally, job, form, runtimes, original, accepted, deep):
    name, path, inputs, quire, work = job
    where = f"{name} {test_models.form_name(form)}"
    made, done = {}, {}
    for target in TARGETS:
        made[target], done[target] = quantize(tally, job, form, target)
    tally.expect(done["onnx"].code == done["quire"].code, where, "the targets' exit codes differ")
    if None not in made.values():
        calls = check_file(tally, where, path, made["quire"])
        if accepted:
            refused = test_models.checker(made["quire"])
            tally.expect(refused is None, where, f"checker: {refused}")
            tally.count("onnx checker: accepted")
        for which, runtime in runtimes.items():
            if test_models.loads(original[which]):
                check_runtime(tally, where, which, runtime, made, inputs, calls, deep)
        if deep:
            check_reference(tally, where, made, inputs)
            check_again(tally, where, job, form, made["quire"])
        tally.count("files")
    remove(work, made.values())


def check_model(job, forms, pythons, library):
    tally = common.Tally()
    runtimes = {name: Runtime(python, library) for name, python in pythons.items()}
    name, path, inputs, _, work = job
    os.makedirs(work, exist_ok=True)
    original = {which: r.plain(path, inputs) for which, r in runtimes.items()}
    accepted = test_models.checker(path) is None
    for index, form in enumerate(forms):
        check_form(tally, job, form, runtimes, original, accepted, index == 0)
    for runtime in runtimes.values():
        runtime.worker.close()
    tally.count("models")
    left = os.listdir(work)
    tally.expect(not left, name, f"files left behind: {left[:5]}")
    return tally.plain()


def jobs_of(options):
    """(job, forms): the exported models, then the adversarial graphs with forms of their own."""
    jobs = []
    for index, path in enumerate(exported(options.models)):
        name = os.path.basename(path)[:-len(".onnx")]
        work = os.path.join(options.work, "exported", name)
        forms = FORMS[5 * index % 8::8]
        jobs.append(((name, path, path[:-len("onnx")] + "inputs.npz", options.quire, work),
                     [{**form, "min_elements": 0} for form in forms]))
    graphs, _ = adversarial.jobs_of(options)
    for index, (name, path, inputs, forms) in enumerate(graphs):
        work = os.path.join(options.work, "graphs", name)
        forms = forms[index % len(forms)::max(1, len(forms) // 2)]
        jobs.append(((name, path, inputs, options.quire, work),
                     [{**adversarial.FLOOR, **form} for form in forms]))
    if options.full:
        return jobs
    n_exported = len(jobs) - len(graphs)
    return [(job, forms[index % len(forms):][:1]) for index, (job, forms) in enumerate(jobs)
            if index < n_exported or index % 4 == 0]


# ---- the library besides computing --------------------------------------------------------------


def lookup_model():
    """One table of 500 x 64, read by a graph input `i` of rank 1."""
    build = adversarial.Build(opset=17, ir=8)
    build.tensors.append(adversarial.table("w", adversarial.normal(500, 64)))
    build.inputs.append(adversarial.value("i", onnx.TensorProto.INT64, ["n"]))
    build.out(build.gather("w", "i", "y"))
    return build.model()


def spoil(model, what):
    """A file whose call does not fit its tables, and what the runtime is to say of it."""
    call = calls_of(model)[0]
    values = {a.name: a for a in call.attribute}
    if what == "no_width":
        call.attribute.remove(values["width"])
        return "width"
    if what == "width":
        values["width"].i = 32
        return "the codes do not have the shape of a table of 32 columns, 8 bits and block 0"
    if what == "block":
        values["block"].i = 32
        return "the codes do not have the shape of a table of 64 columns, 8 bits and block 32"
    if what == "negative_width":
        values["width"].i = -1
        return "no such table"
    if what == "bits":
        values["bits"].i = 3
        return "bits"
    if what == "stored_type":
        values["stored_type"].i = 2
        return "stored_type 2 is no type of a table"
    if what == "index_depth":
        values["index_depth"].i = 2
        return "index_depth is 2"
    call.input[1] = call.input[0]
    return "element type"


def check_host(tally, options, library, model, table):
    """A program in C, on the shared library that this interpreter's onnxruntime has beside it."""
    capi = os.path.join(os.path.dirname(onnxruntime.__file__), "capi")
    runtimes = [name for name in os.listdir(capi) if name.startswith("libonnxruntime.so")]
    if not options.host or not runtimes:
        tally.count("no host program, or no shared library of onnxruntime")
        return
    rows, places = len(table), np.arange(5000) ** 2
    wanted = int(table[places % (2 * rows) - rows].view(np.uint32).sum(dtype=np.uint64))
    done = common.run(options.host, os.path.join(capi, runtimes[0]), library, model, str(rows))
    fine = done.code == 0 and done.out.split() == [str(wanted).encode()]
    tally.expect(fine, "host in C", f"{done} {done.out}, not {wanted}")
    tally.count("host in C: equal", int(fine))


def check_library(tally, options, pythons, library):
    """ort_library.py in each interpreter, on files made here."""
    folder = os.path.join(options.work, "library")
    os.makedirs(folder, exist_ok=True)
    first, good = os.path.join(folder, "first.onnx"), os.path.join(folder, "good.onnx")
    onnx.save(lookup_model(), first)
    done, _ = recompute.quantize(options.quire, first, good, {"target": "quire", "min_elements": 0})
    if not tally.expect(done.code == 0, "library", str(done)):
        return
    every = np.arange(500)
    table = ReferenceEvaluator(good).run(None, {"i": every})[0]
    np.savez(os.path.join(folder, "good.npz"), table=table, rows=500)
    for what in ("no_width", "width", "block", "negative_width", "bits", "stored_type",
                 "index_depth", "scales"):
        model = onnx.load(good)
        said = spoil(model, what)
        onnx.save(model, os.path.join(folder, f"bad_{what}.onnx"))
        with open(os.path.join(folder, f"bad_{what}.txt"), "w", encoding="utf-8") as file:
            file.write(said)
    check_host(tally, options, library, good, table)
    here = os.path.dirname(os.path.abspath(__file__))
    for name, python in pythons.items():
        done = common.run(python, "-B", os.path.join(here, "ort_library.py"), library, folder,
                          timeout=300)
        tally.expect(done.code == 0, f"library in {name}", f"{done} {done.out.decode()}")
        tally.count("library: life, errors, threads", int(done.code == 0))


def exported(folder):
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models")
    folders = {os.path.realpath(f) for f in (here, folder) if f}
    return [os.path.join(f, name) for f in sorted(folders) for name in sorted(os.listdir(f))
            if name.endswith(".onnx") and name[:-len(".onnx")] not in test_models.INVALID]


def main():
    options = common.arguments(__doc__, (["--name"], {"action": "append", "help": "only these"}),
                               (["--full"], {"action": "store_true", "help": "all forms"}),
                               (["--library"], {"required": True, "help": "libquire_ort.so"}),
                               (["--host"], {"help": "ort_host, the program of ort_host.c"}))
    library = os.path.abspath(options.library)
    pythons = {"new": sys.executable}
    if options.old_python:
        pythons["old"] = options.old_python
    tally, futures = common.Tally(), []
    with ProcessPoolExecutor(options.jobs) as pool:
        for job, forms in jobs_of(options):
            if not options.name or job[0] in options.name:
                futures.append(pool.submit(check_model, job, forms, pythons, library))
        for future in futures:
            tally.merge(future.result())
    if not options.name:
        check_library(tally, options, pythons, library)
        tally.expect(tally.counts["files"] > 0, "models", "no file was made")
    return tally.finish("target quire")


if __name__ == "__main__":
    sys.exit(main())
