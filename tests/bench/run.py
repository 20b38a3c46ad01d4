#!/usr/bin/env python3
"""run.py --quire PROGRAM - what quire costs, as ratios in one run on one machine.

Makes its own models, byte by byte, with random numbers: large weights, large tables, long chains of
nodes. Only Python's standard library and the program are needed. Repeats are interleaved, so that
a slow minute of the machine slows everything alike; outputs are removed between them.

  --small    a twentieth of the sizes, to see that it works
  --memory   only whether `quire opt` keeps to its memory limit with 1.5 GiB of embedded weights
  --work     folder for the files (default: the temporary one); all are removed at the end

Exit code: 0; 1 if the memory limit was broken or the program failed; 77 if there is no room (--memory).
"""
import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MIB = 1 << 20
LIMIT = 128 * MIB  # resident memory of `quire opt`, whatever the size of the weights
CHUNK = MIB  # this process stays small: what it had resident counts for its children, too
FLOAT = 1
OPSET = 17
PASSES = "toposort-check,infer-types,table-wrappers,find-tables,sweep"


# --- protobuf, as little as it takes ----------------------------------------------------------

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def integer(field, number):
    return varint(field << 3) + varint(number)


def head(field, length):
    """Tag and length of a field whose bytes follow."""
    return varint(field << 3 | 2) + varint(length)


def block(field, body):
    body = body.encode() if isinstance(body, str) else body
    return head(field, len(body)) + body


def node(op, inputs, outputs, name):
    return block(1, b"".join(block(1, i) for i in inputs) + b"".join(block(2, o) for o in outputs)
                 + block(3, name) + block(4, op))


def tensor_head(name, dims):
    """A TensorProto up to its raw data, which follow; and how long those are."""
    size = 4
    for dim in dims:
        size *= dim
    fields = b"".join(integer(1, dim) for dim in dims) + integer(2, FLOAT) + block(8, name)
    return fields + head(9, size), size


def value_info(field, name, element, dims):
    shape = b"".join(block(1, block(2, d) if isinstance(d, str) else integer(1, d)) for d in dims)
    kind = block(1, integer(1, element) + block(2, shape))
    return block(field, block(1, name) + block(2, kind))


def model_frame(graph_size):
    """What stands before and behind the fields of the graph."""
    before = integer(1, 8) + block(2, "bench") + head(7, graph_size)
    return before, block(8, block(1, "") + integer(2, OPSET))


def random_floats(size):
    """Finite float32 numbers of both signs, from 2^-9 to 1, as bytes, in chunks."""
    sign_and_exponent = bytes((b & 0x80) | 0x3B + b % 4 for b in range(256))
    while size > 0:
        data = bytearray(os.urandom(min(size, CHUNK)))
        data[3::4] = data[3::4].translate(sign_and_exponent)
        yield data
        size -= len(data)


def write_model(path, fields, tensors, rest):
    """`fields` and `rest` are bytes of the graph, the tensors [(name, dims)] stand between them."""
    heads = [tensor_head(name, dims) for name, dims in tensors]
    wholes = [len(h) + size for h, size in heads]
    graph_size = len(fields) + sum(len(head(5, w)) + w for w in wholes) + len(rest)
    before, behind = model_frame(graph_size)
    with open(path, "wb") as file:
        file.write(before + fields)
        for (start, size), whole in zip(heads, wholes):
            file.write(head(5, whole) + start)
            for chunk in random_floats(size):
                file.write(chunk)
        file.write(rest + behind)
        os.fsync(file.fileno())


def make_weights(path, size):
    """A chain of MatMul by six square matrices, `size` bytes in all."""
    side = int((size / 6 / 4) ** 0.5)
    names = [f"w{k}" for k in range(6)]
    nodes = b"".join(node("MatMul", [f"x{k}", w], [f"x{k + 1}"], f"m{k}") for k, w in enumerate(names))
    ends = value_info(11, "x0", FLOAT, ["batch", side]) + value_info(12, "x6", FLOAT, ["batch", side])
    write_model(path, nodes + block(2, "weights"), [(w, (side, side)) for w in names], ends)


def make_tables(path, size):
    """Three tables of width 64, each with a lookup of its own."""
    rows = size // 3 // 4 // 64
    names = [f"table{k}" for k in range(3)]
    nodes = b"".join(node("Gather", [t, "ids"], [f"y{k}"], f"g{k}") for k, t in enumerate(names))
    ends = value_info(11, "ids", 7, ["n"]) + b"".join(value_info(12, f"y{k}", FLOAT, ["n", 64]) for k in range(3))
    write_model(path, nodes + block(2, "tables"), [(t, (rows, 64)) for t in names], ends)


def make_chain(path, n):
    """n nodes in a row, four operators by turns; names of one length, so that sizes are known beforehand."""
    def link(i):
        value, result, name = f"v{i:07d}", f"v{i + 1:07d}", f"n{i:07d}"
        op = ("Relu", "Add", "Identity", "Mul")[i % 4]
        return node(op, [value, "c"] if i % 2 else [value], [result], name)

    constant, size = tensor_head("c", (1,))
    ends = (block(2, "chain") + head(5, len(constant) + size) + constant + bytes(size)
            + value_info(11, f"v{0:07d}", FLOAT, [8]) + value_info(12, f"v{n:07d}", FLOAT, [8]))
    before, behind = model_frame(sum(len(link(i)) for i in range(4)) * (n // 4) + len(ends))
    with open(path, "wb") as file:
        file.write(before)
        for start in range(0, n, 4096):
            file.write(b"".join(link(i) for i in range(start, min(start + 4096, n))))
        file.write(ends + behind)


# --- measuring --------------------------------------------------------------------------------

class Failed(Exception):
    pass


class Spent(NamedTuple):
    seconds: float  # on the clock
    cpu: float  # seconds of processor time, user and system
    peak: int  # resident bytes
    text: str  # standard error


def run(command):
    """What a command took that must succeed."""
    with tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, err.fileno(), 2)])
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - start
        err.seek(0)
        text = err.read().decode(errors="replace")
    if status != 0:
        raise Failed(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}: {text.strip()}")
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text)


class Series:
    """Repeats of several commands by turns."""

    def __init__(self, repeats):
        self.repeats = repeats
        self.seconds, self.cpu, self.peak = {}, {}, {}

    def measure(self, commands, output):
        """`commands` is {label: command}; each writes `output`, which is then removed."""
        for _ in range(self.repeats):
            for label, command in commands.items():
                spent = run(command)
                self.note(label, spent.seconds)
                self.cpu[label] = min(spent.cpu, self.cpu.get(label, spent.cpu))
                self.peak[label] = max(spent.peak, self.peak.get(label, 0))
                for path in output.parent.glob(output.name + "*"):
                    path.unlink()
                os.sync()  # what cp left in the cache is not the next one's to write

    def note(self, label, seconds):
        self.seconds.setdefault(label, []).append(seconds)

    def least(self, label):
        return min(self.seconds[label])

    def show(self, label, floor=None):
        times = self.seconds[label]
        line = f"  {label:<28} {min(times):7.3f} s least {statistics.median(times):7.3f} s median"
        if label in self.peak:
            line += f" {self.cpu[label]:7.3f} s processor {self.peak[label] / MIB:5.0f} MiB"
        if floor is not None:
            middle = statistics.median(times) / statistics.median(self.seconds[floor])
            line += f"   {min(times) / self.least(floor):5.2f}x {floor} (medians: {middle:.2f}x)"
        print(line, flush=True)


def read_once(path):
    buffer = bytearray(CHUNK)
    start = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


# --- the benchmarks ---------------------------------------------------------------------------

def bench_weights(quire, work, size, repeats):
    """Load and save; whether memory stays within the limit."""
    model, output = work / "weights.onnx", work / "out.onnx"
    make_weights(model, size)
    print(f"load and save, {model.stat().st_size / MIB:.0f} MiB of embedded weights, {repeats} repeats by turns", flush=True)
    series = Series(repeats)
    series.measure({"bench copy": [quire, "bench", "copy", str(model), str(output)],
                    "opt": [quire, "opt", str(model), "-o", str(output)],
                    "cp --reflink=never, no fsync": ["cp", "--reflink=never", str(model), str(output)]}, output)
    model.unlink()
    series.show("bench copy")
    series.show("opt", "bench copy")
    series.show("cp --reflink=never, no fsync", "bench copy")
    return keeps_limit(series.peak["opt"])


def keeps_limit(peak):
    verdict = "within" if peak <= LIMIT else "OVER"
    print(f"  peak memory of opt: {peak / MIB:.0f} MiB, {verdict} the limit of {LIMIT // MIB} MiB", flush=True)
    return peak <= LIMIT


def bench_tables(quire, work, size, repeats):
    model, output, kept = work / "tables.onnx", work / "out.onnx", work / "kept.onnx"
    make_tables(model, size)
    run([quire, "quantize", str(model), "-o", str(kept)])
    print(f"quantize, {model.stat().st_size / MIB:.0f} MiB of tables to {kept.stat().st_size / MIB:.0f} MiB, 8 bits by row", flush=True)
    series = Series(repeats)
    series.measure({"bench copy": [quire, "bench", "copy", str(model), str(output)],
                    "copy of the result": [quire, "bench", "copy", str(kept), str(output)],
                    "quantize": [quire, "quantize", str(model), "-o", str(output)]}, output)
    for seconds in series.seconds["copy of the result"]:
        series.note("read once, write result", seconds + read_once(model))
    series.show("bench copy")
    series.show("read once, write result")
    series.show("quantize", "bench copy")
    series.show("quantize", "read once, write result")
    model.unlink()
    kept.unlink()


def pass_times(text):
    """Milliseconds per pass, from the table of --times."""
    rows = re.findall(r"^ *([0-9.]+) ms  ([a-z-]+)$", text, re.MULTILINE)
    return {name: float(ms) for ms, name in rows if name != "total"}


def bench_chain(quire, work, n, repeats):
    """Of load and save: seconds and processor seconds; milliseconds per pass; peak memory. The least of the repeats each."""
    model, output = work / "chain.onnx", work / "out.onnx"
    make_chain(model, n)
    loads, passes = [], {}
    for _ in range(repeats):
        loads.append(run([quire, "opt", str(model), "-o", str(output)]))
        text = run([quire, "opt", "--passes", PASSES, "--times", str(model), "-o", str(output)]).text
        for name, ms in pass_times(text).items():
            passes[name] = min(ms, passes.get(name, ms))
        output.unlink()
    model.unlink()
    return min(l.seconds for l in loads), min(l.cpu for l in loads), passes, max(l.peak for l in loads)


def bench_chains(quire, work, scale, repeats):
    sizes = [int(n * scale) // 4 * 4 for n in (62500, 125000, 250000, 500000, 1000000)]
    results = {}
    print("chains of nodes: nanoseconds per node, least of the repeats", flush=True)
    for n in sizes:
        seconds, cpu, passes, peak = results[n] = bench_chain(quire, work, n, repeats)
        per_pass = "  ".join(f"{name} {ms * 1e6 / n:.0f}" for name, ms in passes.items())
        print(f"  {n:8d} nodes: load+save {seconds * 1e9 / n:6.0f} (processor {cpu * 1e9 / n:6.0f})"
              f" {peak / MIB:6.0f} MiB   {per_pass}", flush=True)
    half, whole = results[sizes[-2]], results[sizes[-1]]
    print(f"  {sizes[-1]} nodes against {sizes[-2]}: load+save {whole[0] / half[0]:.2f}x (processor {whole[1] / half[1]:.2f}x),"
          f" passes {sum(whole[2].values()) / sum(half[2].values()):.2f}x", flush=True)


def only_memory(quire, work, size):
    if shutil.disk_usage(work).free < 4 << 30:
        print("left out: the check of memory needs 4 GiB of free disk")
        return 77
    model, output = work / "weights.onnx", work / "out.onnx"
    make_weights(model, size)
    peak = run([quire, "opt", str(model), "-o", str(output)]).peak
    print(f"opt of {model.stat().st_size / MIB:.0f} MiB of embedded weights")
    return 0 if keeps_limit(peak) else 1


def fit_to_disk(work, size):
    """Input, output and result of one benchmark must fit at a time, with something to spare."""
    free = shutil.disk_usage(work).free
    if free >= 3 * size:
        return size
    print(f"only {free / MIB:.0f} MiB of disk are free: sizes are cut to {free // 4 / MIB:.0f} MiB", flush=True)
    return free // 4


def everything(quire, work, small, repeats):
    size = fit_to_disk(work, 1536 * MIB // (20 if small else 1))
    good = bench_weights(quire, work, size, repeats)
    bench_tables(quire, work, size, repeats)
    bench_chains(quire, work, 1 / 20 if small else 1, 3)
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quire", required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", default=tempfile.gettempdir())
    options = parser.parse_args()
    quire = str(Path(options.quire).resolve())
    with tempfile.TemporaryDirectory(prefix="quire-bench-", dir=options.work) as folder:
        try:
            if options.memory:
                return only_memory(quire, Path(folder), 1536 * MIB)
            return everything(quire, Path(folder), options.small, options.repeats)
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
