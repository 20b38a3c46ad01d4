"""Runs models in whichever ONNX Runtime this interpreter has; needs only that and numpy.

As a program: one JSON request a line, {"model", "inputs" (npz or null), "levels"}; one JSON answer
a line, {level: {"sets": [digest of the outputs of each input set]} or {"stage", "error"}}. Ort is
the other end. Digests cover name, type, shape and bytes of every output, so equal digests are
equal bits, NaN payloads included."""
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

    def ask(self, model, inputs, levels):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([self.python, os.path.abspath(__file__)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        request = {"model": model, "inputs": inputs, "levels": levels}
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


def run(ort, np, model, sets, level):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, LEVELS[level])
    stage = "load"
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        stage, names = "run", [out.name for out in session.get_outputs()]
        known = {given.name for given in session.get_inputs()}
        return {"sets": [digest(np, names, session.run(None, {
            name: array for name, array in one.items() if name in known})) for one in sets]}
    except Exception as error:
        return {"stage": stage, "error": str(error).split("\n")[0][:200]}


def main():
    import numpy as np
    import onnxruntime as ort
    ort.set_default_logger_severity(4)
    for line in sys.stdin:
        request = json.loads(line)
        sets = input_sets(np, request["inputs"])
        print(json.dumps({level: run(ort, np, request["model"], sets, level)
                          for level in request["levels"]}), flush=True)


if __name__ == "__main__":
    main()
