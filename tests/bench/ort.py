#!/usr/bin/env python3
"""Lookups in ONNX Runtime: our operator, the standard form and a float Gather, side by side.

    ort.py --quire PROGRAM --library libquire_ort.so [--rows N] [--repeats N] [--threads N]

For each width and number of bits one table is quantized to target quire; its lookups are timed in
one process, in turns: the float model's Gather, the file as any runtime runs it (its functions, which
are the standard form), and the same file with the library registered. A line gives microseconds of
each, medians of the repeats, and how many times as fast as the other two the operator is; with one
thread it is the processor's time, with more the clock's. Then the memory of a session: growth of the resident set from before it is made until after its first run, and
the most it was, each in a process of its own, of models whose weights are in the file and beside it."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

WIDTHS, BITS, COUNTS = (64, 128), (8, 4, 2), (1, 64, 1024, 4096, 16384)
FORMS = ("float", "standard", "quire")


def float_model(path, rows, width, external):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    table = np.random.default_rng(1).standard_normal((rows, width), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["w", "i"], ["y"])], "lookup",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])],
        [numpy_helper.from_array(table, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, save_as_external_data=external, location=os.path.basename(path) + ".data")


def open_session(path, library, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if library:
        options.register_custom_ops_library(library)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Lookup:
    """One session with its indices and output bound, so that little but the lookup is timed."""

    def __init__(self, session, indices, width):
        import onnxruntime as ort
        self.session, self.binding = session, session.io_binding()
        self.out = ort.OrtValue.ortvalue_from_numpy(np.zeros((len(indices), width), np.float32))
        self.given = ort.OrtValue.ortvalue_from_numpy(indices)
        self.binding.bind_ortvalue_input("i", self.given)
        self.binding.bind_ortvalue_output("y", self.out)

    def seconds(self, runs, clock=time.process_time):
        start = clock()
        for _ in range(runs):
            self.session.run_with_iobinding(self.binding)
        return (clock() - start) / runs


def time_lookups(sessions, indices, width, options):
    """Medians of seconds, by form; the forms take turns."""
    clock = time.process_time if options.threads == 1 else time.perf_counter
    lookups = {form: Lookup(sessions[form], indices, width) for form in FORMS}
    runs = max(1, int(2e-3 / max(lookups["standard"].seconds(3), 1e-6)))
    times = {form: [] for form in FORMS}
    for _ in range(options.repeats):
        for form in FORMS:
            times[form].append(lookups[form].seconds(runs, clock))
    same = np.array_equal(lookups["quire"].out.numpy(), lookups["standard"].out.numpy())
    return {form: statistics.median(times[form]) for form in FORMS}, same


def status(key):
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024


def measure_memory(path, library):
    """In a process of its own: MiB of growth and peak, printed as JSON."""
    import onnxruntime  # noqa: F401 (its own memory is not the session's)
    before = status("VmRSS")
    session = open_session(path, library, 1)
    session.run(None, {"i": np.arange(4096) % 1000})
    print(json.dumps([status("VmRSS") - before, status("VmHWM") - before, status("RssAnon") - 0]))


def memory_of(path, library):
    command = [sys.executable, os.path.abspath(__file__), "--memory", path, library or ""]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def quantize(program, path, bits):
    after = path.replace(".onnx", f".{bits}.onnx")
    subprocess.run([program, "quantize", path, "-o", after, "--bits", str(bits), "--target", "quire",
                    "--search", "minmax", "-q", "--format", "json"], check=True,
                   stdout=subprocess.DEVNULL)
    return after


def print_times(options, folder):
    print(f"{'bits':>4} {'width':>5} {'lookups':>7} {'float':>9} {'standard':>9} {'quire':>9}  "
          f"{'float/q':>7} {'std/q':>6}   microseconds")
    fine = True
    for width in WIDTHS:
        path = os.path.join(folder, f"{width}.onnx")
        float_model(path, options.rows, width, False)
        for bits in BITS:
            made = quantize(options.quire, path, bits)
            sessions = {"float": open_session(path, None, options.threads),
                        "standard": open_session(made, None, options.threads),
                        "quire": open_session(made, options.library, options.threads)}
            for count in COUNTS:
                indices = np.random.default_rng(count).integers(0, options.rows, count)
                times, same = time_lookups(sessions, indices, width, options)
                fine &= same
                own = times["quire"]
                print(f"{bits:4} {width:5} {count:7} " +
                      " ".join(f"{times[form] * 1e6:9.1f}" for form in FORMS) +
                      f"  {times['float'] / own:7.2f} {times['standard'] / own:6.2f}" +
                      ("" if same else "  OTHER BITS"), flush=True)
    return fine


def print_memory(options, folder):
    print(f"\nsession memory, MiB, {options.rows} x 64 (resident, peak)")
    for external in (False, True):
        path = os.path.join(folder, "external.onnx" if external else "embedded.onnx")
        float_model(path, options.rows, 64, external)
        cells = [("float", memory_of(path, None))]
        for bits in BITS:
            made = quantize(options.quire, path, bits)
            cells.append((f"{bits} bit standard", memory_of(made, None)))
            cells.append((f"{bits} bit quire", memory_of(made, options.library)))
        for name, (grown, peak, _) in cells:
            print(f"  {'external' if external else 'embedded'} {name:15} {grown:7.1f} {peak:7.1f}")


def main():
    if sys.argv[1:2] == ["--memory"]:
        return measure_memory(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quire", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--rows", type=int, default=200000)
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    import onnxruntime
    print(f"onnxruntime {onnxruntime.__version__}, {options.threads} threads, "
          f"{options.rows} rows, medians of {options.repeats}")
    with tempfile.TemporaryDirectory(prefix="quire-ort-") as folder:
        fine = print_times(options, folder)
        print_memory(options, folder)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
