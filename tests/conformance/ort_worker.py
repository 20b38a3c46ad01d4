"""Runs models in whichever ONNX Runtime this interpreter has; needs only that and numpy.

As a program: one JSON request a line, {"model", "inputs" (npz or null), "levels"}; one JSON answer
a line, {level: {"sets": [digest of the outputs of each input set]} or {"stage", "error"}}. With
"library", a library of operators is registered and "ran" counts the nodes that ran in the domain
ai.quire, as the runtime's own profile tells, in all input sets; "threads" is their number (1). Ort is
the other end. Digests cover name, type, shape and bytes of every output, so equal digests are
equal bits, NaN payloads included."""
import functools
import hashlib
import json
import os
import subprocess
import sys

LEVELS = {"disable": "ORT_DISABLE_ALL", "all": "ORT_ENABLE_ALL"}


class Ort:
    """A worker in another process; ask() waits for the answer, or says how the process died."""

    def __init__(self, python):
        self.python, self.process = python, None

    def ask(self, model, inputs, levels, **more):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([self.python, os.path.abspath(__file__)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        request = {"model": model, "inputs": inputs, "levels": levels, **more}
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            code = self.process.wait()
            return {level: {"stage": "died", "error": f"exit {code}"} for level in levels}

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


@functools.cache
def kept(python):
    """The worker that all models of this process share; it ends when this process does."""
    return Ort(python)


def input_sets(np, path):
    """[{name: array}] of NAME.inputs.npz; the array `0.tokens` is input tokens of set 0."""
    if path is None:
        return [{}]
    sets = {}
    with np.load(path) as arrays:
        for key in arrays.files:
            number, name = key.split(".", 1)
            sets.setdefault(int(number), {})[name] = arrays[key]
    return [sets[number] for number in sorted(sets)]


def digest(np, names, values):
    made = hashlib.sha256()
    for name, value in zip(names, values):
        for item in value if isinstance(value, list) else [value]:
            array = np.asarray(item)
            made.update(f"{name} {array.dtype} {array.shape} ".encode())
            made.update(array.tobytes() if array.dtype != object else repr(array).encode())
    return made.hexdigest()


def count_ours(path):
    """Nodes of the domain ai.quire in a profile; the file is removed."""
    with open(path, encoding="utf-8") as file:
        events = json.load(file)
    os.unlink(path)
    names = [event.get("args", {}).get("op_name", "") for event in events
             if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]
    return sum(name.startswith("Lookup") for name in names)


def run(ort, np, model, sets, level, library=None, threads=1):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    if library is not None:
        options.register_custom_ops_library(library)
        options.enable_profiling = True
        options.profile_file_prefix = f"{model}.profile"
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, LEVELS[level])
    stage = "load"
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        stage, names = "run", [out.name for out in session.get_outputs()]
        known = {given.name for given in session.get_inputs()}
        answer = {"sets": [digest(np, names, session.run(None, {
            name: array for name, array in one.items() if name in known})) for one in sets]}
        if library is not None:
            answer["ran"] = count_ours(session.end_profiling())
        return answer
    except Exception as error:
        return {"stage": stage, "error": str(error).split("\n")[0][:200]}


def main():
    import numpy as np
    import onnxruntime as ort
    ort.set_default_logger_severity(4)
    for line in sys.stdin:
        request = json.loads(line)
        sets = input_sets(np, request["inputs"])
        more = {key: request[key] for key in ("library", "threads") if key in request}
        print(json.dumps({level: run(ort, np, request["model"], sets, level, **more)
                          for level in request["levels"]}), flush=True)


if __name__ == "__main__":
    main()
