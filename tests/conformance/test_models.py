"""Every exported model, quantized in every form, checked three ways.

Models x bits 8/4/2 x rows/blocks of 32 x integer/float zero point, each with target onnx and
target dequantized: recomputed from the original (recompute.py), accepted by onnx's checker
wherever the original is, loaded by ONNX Runtime wherever the original is, and both targets give
the same bits at the same optimisation level. With --old-python also in that interpreter's
onnxruntime. --sample takes one of the twelve forms of each model, in turns."""
import itertools
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor

import onnx

import common
import ort_worker
import recompute

LEVELS = ["disable", "all"]
FORMS = [{"bits": bits, "block": block, "zero_point": zero} for bits, block, zero in
         itertools.product((8, 4, 2), (None, 32), ("int", "float"))]
INVALID = {"invalid_duplicate_name_dynamo_op18"}


def form_name(form):
    block = f"block{form['block']}" if form.get("block") else "row"
    bits = form.get("bits") or "-".join(str(pair[1]) for pair in form.get("bits_for", [("", 8)]))
    parts = [f"{bits}bit", block, form.get("zero_point", "int"), form.get("scales"),
             form.get("search"), *form.get("only", ()), *form.get("skip", ())]
    return re.sub("[^a-z0-9-]", "", "-".join(str(part) for part in parts if part))


def checker(path):
    """None, or why onnx's checker refuses the file."""
    try:
        onnx.checker.check_model(path, full_check=True)
        return None
    except Exception as error:
        return str(error).strip().split("\n")[0][:200]


class Runtimes:
    """The ONNX Runtimes that models are run in, and what they make of the original."""

    def __init__(self, pythons):
        self.workers = {name: ort_worker.kept(python) for name, python in pythons.items()}

    def run(self, path, inputs, only=None):
        return {name: worker.ask(path, inputs, LEVELS) for name, worker in self.workers.items()
                if only is None or name in only}


def loads(answer):
    return all(answer[level].get("stage") not in ("load", "died") for level in LEVELS)


def compare(tally, where, original, onnx_form, oracle):
    """Loads where the original does; the same bits as the dequantized form; runs if that runs."""
    for name, answer in original.items():
        if not loads(answer):
            tally.count(f"{name}: original does not load")
            continue
        for level in LEVELS:
            ours, theirs, first = onnx_form[name][level], oracle[name][level], answer[level]
            place = f"{where} in {name} at {level}"
            if "error" in ours or "error" in theirs:
                same_fault = "error" in first and ours.get("stage") == first["stage"]
                said = [side.get("error", "runs") for side in (first, ours, theirs)]
                tally.expect(same_fault, place, "original, onnx, dequantized: " + "; ".join(said))
                tally.count(f"{name}: fails as the original does", int(same_fault))
            elif tally.expect(ours == theirs, place, "onnx and dequantized give other bits"):
                tally.count(f"{name}: equal outputs, {level}", len(ours["sets"]))


def check_form(job, tally, runtimes, original, accepted, form):
    """One form of one model: two targets made, checked and compared."""
    name, path, inputs, quire, work = job
    made, where = {}, f"{name} {form_name(form)}"
    for target in ("onnx", "dequantized"):
        after = os.path.join(work, f"{name}.{form_name(form)}.{target}.onnx")
        want = {**form, "target": target}
        inner, there = recompute.run_and_check(quire, path, after, want)
        tally.merge(inner.plain())
        if not there:
            continue
        made[target] = after
        if accepted is None:
            refused = checker(after)
            if tally.expect(refused is None, f"{where} {target}", f"checker: {refused}"):
                tally.count("onnx checker: accepted")
        else:
            tally.count("onnx checker: original refused")
    if len(made) == 2:
        able = {n for n, answer in original.items() if loads(answer)}
        answers = [runtimes.run(made[target], inputs, able) for target in ("onnx", "dequantized")]
        compare(tally, where, original, *answers)
    elif made:
        tally.fail(where, f"only {sorted(made)} was made")
    for after in made.values():
        os.unlink(after)
        for data in [p for p in os.listdir(work) if p.startswith(os.path.basename(after) + ".")]:
            os.unlink(os.path.join(work, data))


def check_model(job, forms, pythons):
    """All forms of one model; runs in a worker of the pool."""
    tally, runtimes = common.Tally(), Runtimes(pythons)
    name, path, inputs, quire, work = job
    os.makedirs(work, exist_ok=True)
    if name in INVALID:
        after = os.path.join(work, "x.onnx")
        done, _ = recompute.quantize(quire, path, after, {})
        fine = done.code == 3 and not os.path.exists(after)
        tally.expect(fine, name, f"invalid model: {done}")
        tally.count("invalid models refused", int(fine))
        return tally.plain()
    original, accepted = runtimes.run(path, inputs), checker(path)
    for form in forms:
        check_form(job, tally, runtimes, original, accepted, form)
    tally.count("models")
    if not os.listdir(work):
        os.rmdir(work)
    else:
        tally.fail(name, f"files left behind: {sorted(os.listdir(work))[:5]}")
    return tally.plain()


def main():
    options = common.arguments(__doc__, (["--name"], {"action": "append", "help": "only these"}))
    if not options.models:
        common.fail_usage("--models is needed")
    names = sorted(f[:-5] for f in os.listdir(options.models) if f.endswith(".onnx"))
    names = [name for name in names if not options.name or name in options.name]
    pythons = {"new": sys.executable}
    if options.old_python:
        pythons["old"] = options.old_python
    tally, futures = common.Tally(), []
    with ProcessPoolExecutor(options.jobs) as pool:
        for index, name in enumerate(names):
            path = os.path.join(options.models, name + ".onnx")
            inputs = os.path.join(options.models, name + ".inputs.npz")
            job = (name, path, inputs, options.quire, os.path.join(options.work, "models", name))
            forms = FORMS[index % 12::12] if options.sample else FORMS
            futures.append(pool.submit(check_model, job, forms, pythons))
        for future in futures:
            tally.merge(future.result())
    if not options.name:
        tally.expect(tally.counts["models"] + tally.counts["invalid models refused"] == len(names),
                     "models", "not all were tried")
    return tally.finish("exported models")


if __name__ == "__main__":
    sys.exit(main())
