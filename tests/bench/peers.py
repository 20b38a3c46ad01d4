"""peers.py - bags over fused rows against torch's quantized embedding-bag ops (FBGEMM).

    peers.py LIBRARY [--where hot,cold] [--bits 8,4,2] [--width 32,64,128,256]
             [--length 10,20,50,100,200] [--cold MIB] [--hot KIB] [--repeats N] [--rows N]
             [--state FILE] [--markdown FILE]

One process, one thread, repeats of torch, quire's fused rows and quire's split rows (integer zero
points, whose sums are rounded as quire's models round them) one after the other, each with random
indices of its own; the figure of a cell is the ratio of the medians. A cell below 1 is measured once
more in a process of its own, and is below 1 if both say so. Hot tables are half of the second
cache, cold ones 1 GiB, both in pages as the system gives them to numpy. Beside them, taking turns with
them: a loop that only touches all lines of such rows, each asked for 16 rows early. Torch's time over
its time is the ratio that can be had where memory is all that counts.

--state keeps finished cells, so that a run that was stopped goes on where it was; --markdown writes
all of them between the marks of docs/performance.md for what torch makes of the processor (AVX2, AVX512).
"""
import argparse
import ctypes as c
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from bags import FUSED, SPLIT, Fault, Job, Options, Plan, Rows  # noqa: E402

MARKS = "<!-- cells, {}: written by tests/bench/peers.py -->\n", "<!-- end of cells -->\n"
TARGETS = {("hot", 8): 1.15, ("hot", 4): 1.5, ("hot", 2): 1.5,
           ("cold", 8): 1.3, ("cold", 4): 1.3, ("cold", 2): 1.3}
OPS = {8: torch.ops.quantized.embedding_bag_byte_rowwise_offsets,
       4: torch.ops.quantized.embedding_bag_4bit_rowwise_offsets,
       2: torch.ops.quantized.embedding_bag_2bit_rowwise_offsets}


def row_bytes(bits, width):
    return width * bits // 8 + (8 if bits == 8 else 4)


class Bags:
    """One plan over one table; called with indices."""

    def __init__(self, library, rows, table, n_rows, scales=None, zeros=None):
        self.plan, self.keep = Plan(), (table, scales, zeros)
        options = Options(size=c.sizeof(Options), index=1, offset=1)
        why = c.c_char_p()
        if library.quire_bag_plan_init(c.byref(self.plan), c.byref(rows), c.byref(options),
                                       c.byref(why)):
            raise SystemExit(why.value.decode())
        self.job = Job(rows=table.ctypes.data, n_rows=n_rows,
                       scales=None if scales is None else scales.ctypes.data,
                       zero_points=None if zeros is None else zeros.ctypes.data)
        self.fault = Fault()
        self.call = library.quire_bag_run
        self.refs = c.byref(self.plan), c.byref(self.job), c.byref(self.fault)

    def point(self, indices, offsets, out):
        job = self.job
        job.indices, job.n_indices = indices.ctypes.data, len(indices)
        job.offsets, job.n_bags, job.out = offsets.ctypes.data, len(offsets), out.ctypes.data
        self.n_bags = c.c_uint64(len(offsets))

    def __call__(self):
        plan, job, fault = self.refs
        if self.call(plan, job, c.c_uint64(0), self.n_bags, fault):
            raise SystemExit(f"fault {self.fault.kind} at {self.fault.position}")


def cache_bytes(level):
    """Of the first processor; 0 if the system does not tell."""
    folder = "/sys/devices/system/cpu/cpu0/cache"
    try:
        for name in os.listdir(folder):
            if not name.startswith("index"):
                continue
            with open(f"{folder}/{name}/level", encoding="ascii") as f:
                if f.read().strip() != str(level):
                    continue
            with open(f"{folder}/{name}/size", encoding="ascii") as f:
                return int(f.read().strip().rstrip("K")) << 10
    except (OSError, ValueError):
        pass
    return 0


class Memory:
    """Random bytes, made once, that every table is cut from."""

    def __init__(self, size):
        block = np.random.default_rng(1).integers(0, 2**63, (16 << 20) // 8, dtype=np.int64)
        block = block.view(np.uint8)
        self.bytes = np.empty(size, np.uint8)
        for at in range(0, size, len(block)):
            self.bytes[at:at + len(block)] = block[:size - at]

    def table(self, bits, width, size):
        """Random codes, parameters that decode to about [-1, 1]."""
        row = row_bytes(bits, width)
        n_rows = size // row
        table = self.bytes[:n_rows * row].reshape(n_rows, row)
        trailer = row - width * bits // 8
        kind = np.float32 if bits == 8 else np.float16
        table[:, -trailer:] = np.array([2 / (2**bits - 1), -1], kind).view(np.uint8)
        return table


def timed(call):
    start = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - start


def lines(library, table, indices):
    """ns a row for touching all lines of these rows."""
    return library.quire_bench_rows(
        c.c_void_p(table.ctypes.data), c.c_uint64(table.shape[1]), c.c_void_p(indices.ctypes.data),
        c.c_size_t(len(indices)))


def cell(library, bits, width, length, table, repeats, per_call):
    n_rows, row = table.shape
    rng = np.random.default_rng(bits * width + length)
    n = max(1, per_call // length) * length
    offsets = np.arange(0, n, length, dtype=np.int64)
    fused = Bags(library, Rows(size=c.sizeof(Rows), storage=FUSED, bits=bits, width=width,
                               scale=0 if bits == 8 else 1), table, n_rows)
    codes = table.reshape(-1)[:n_rows * (width * bits // 8)]
    split = Bags(library, Rows(size=c.sizeof(Rows), storage=SPLIT, bits=bits, width=width), codes,
                 n_rows, np.full(n_rows, 2 / (2**bits - 1), np.float32),
                 np.full(n_rows, 2**(bits - 1), np.uint8))
    out = torch.empty((len(offsets), width)).numpy()  # as torch has its own
    t_table, t_offsets = torch.from_numpy(table), torch.from_numpy(offsets)
    times = {"torch": [], "fused": [], "split": [], "lines": []}
    op = OPS[bits]
    for k in range(repeats + 2):
        for who in times:
            indices = rng.integers(0, n_rows, n, dtype=np.int64)
            if who == "torch":
                t_indices = torch.from_numpy(indices)
                spent = timed(lambda: op(t_table, t_indices, t_offsets))
            elif who == "lines":
                spent = lines(library, table, indices) * n
            else:
                run = fused if who == "fused" else split
                run.point(indices, offsets, out)
                spent = timed(run)
            if k >= 2:
                times[who].append(spent / n)
        if k == 0:
            fused.point(indices, offsets, out)
            fused()
            want = op(t_table, torch.from_numpy(indices), t_offsets).numpy()
            assert np.allclose(out, want, rtol=1e-3, atol=1e-3), "sums differ"
    ns = {who: statistics.median(t) for who, t in times.items()}
    return {"bits": bits, "width": width, "length": length, "table": n_rows * row,
            "load": os.getloadavg()[0], **ns,
            "ratio": ns["torch"] / ns["fused"], "split_ratio": ns["torch"] / ns["split"],
            "room": ns["torch"] / ns["lines"], "gb": row / ns["fused"]}


def key(f):
    return f"{f['where']},{f['bits']},{f['width']},{f['length']}"


def show(f):
    print(f"{f['where']:5} {f['bits']:4} {f['width']:5} {f['length']:6} {f['torch']:7.2f}"
          f" {f['fused']:7.2f} {f['split']:7.2f} {f['ratio']:12.2f} {f['split_ratio']:12.2f}"
          f" {f['gb']:6.1f} {f['lines']:7.2f} {f['room']:5.2f}", flush=True)


def keep(path, cells):
    if path:
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(cells, file, indent=1)
        os.replace(path + ".new", path)


def measure(a, cells):
    """Every cell that is not there yet."""
    library = c.CDLL(a.library)
    library.quire_bench_rows.restype = c.c_double
    memory = None
    for where in a.where:
        size = a.cold << 20 if where == "cold" else a.hot << 10
        repeats = a.repeats or (15 if where == "cold" else 101)
        for bits in a.bits:
            for width in a.width:
                todo = [n for n in a.length if f"{where},{bits},{width},{n}" not in cells]
                if not todo:
                    continue
                if memory is None or len(memory.bytes) < size:
                    memory = None
                    memory = Memory(size)
                table = memory.table(bits, width, size)
                for length in todo:
                    f = {"where": where,
                         **cell(library, bits, width, length, table, repeats, a.rows)}
                    cells[key(f)] = f
                    show(f)
                    keep(a.state, cells)


def measure_again(a, cells):
    """Cells below 1 count only if a fresh process says so too."""
    for name, f in cells.items():
        if f["ratio"] >= 1 or "again" in f:
            continue
        where, bits, width, length = name.split(",")
        done = subprocess.run(
            [sys.executable, "-B", __file__, a.library, "--where", where, "--bits", bits, "--width",
             width, "--length", length, "--cold", str(a.cold), "--hot", str(a.hot), "--rows",
             str(a.rows), "--repeats", str(a.repeats), "--once", "--json"],
            check=True, capture_output=True, text=True)
        second = json.loads(done.stdout.splitlines()[-1])[name]
        f["again"] = second["ratio"]
        print(f"{name}: {f['ratio']:.2f}, in a process of its own {f['again']:.2f}", flush=True)
        keep(a.state, cells)


def summary(cells):
    """One line for each target: how many cells reach it, and the least."""
    rows = []
    for (where, bits), least in TARGETS.items():
        ratios = [f["ratio"] for f in cells.values() if f["where"] == where and f["bits"] == bits]
        if ratios:
            good = sum(r >= least for r in ratios)
            below = sum(max(f["ratio"], f.get("again", 0)) < 1 for f in cells.values()
                        if f["where"] == where and f["bits"] == bits)
            rooms = [f["room"] for f in cells.values() if f["where"] == where and f["bits"] == bits]
            rows.append(f"| {where} | {bits} | {least} | {good} of {len(ratios)} | "
                        f"{min(ratios):.2f} | {statistics.median(ratios):.2f} | {max(ratios):.2f} | {below} | "
                        f"{sum(r < least for r in rooms)} |")
    return rows


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            text = f.read()
        name = re.search(r"model name\s*: (.*)", text).group(1)
        family = re.search(r"cpu family\s*: (.*)", text).group(1)
        model = re.search(r"model\s*: (.*)", text).group(1)
        return f"{name} (family {family}, model {model})"
    except (OSError, AttributeError):
        return platform.processor()


def markdown(path, cells, a):
    rows = ["| where | bits | at least | cells that reach it | least | median | most | below 1 twice | room is less |",
            "|---|---|---|---|---|---|---|---|---|", *summary(cells), "",
            "| where | bits | D | L | torch | quire | ratio | split | ratio | lines | room |",
            "|---|---|---|---|---|---|---|---|---|---|---|"]
    for f in cells.values():
        again = f" (again {f['again']:.2f})" if "again" in f else ""
        rows.append(f"| {f['where']} | {f['bits']} | {f['width']} | {f['length']} | {f['torch']:.2f} |"
                    f" {f['fused']:.2f} | {f['ratio']:.2f}{again} | {f['split']:.2f} |"
                    f" {f['split_ratio']:.2f} | {f['lines']:.2f} | {f['room']:.2f} |")
    loads = [f["load"] for f in cells.values() if "load" in f]
    capability = torch.backends.cpu.get_cpu_capability()
    head = (f"{processor()}, torch {torch.__version__} ({capability}), "
            f"hot tables {a.hot} KiB, cold ones {a.cold} MiB, {a.rows} rows a call, one thread. "
            "Times are ns a row."
            + (f" Load of the machine meanwhile: {min(loads):.1f} to {max(loads):.1f}." if len(loads) == len(cells) else "")
            + "\n\n")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    mark = MARKS[0].format(capability)
    before, rest = text.split(mark)
    after = rest.split(MARKS[1], 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + mark + head + "\n".join(rows) + "\n" + MARKS[1] + after)


def main():
    numbers = lambda text: [int(t) for t in text.split(",")]
    p = argparse.ArgumentParser()
    p.add_argument("library")
    p.add_argument("--where", default="hot,cold", type=lambda text: text.split(","))
    p.add_argument("--bits", default="8,4,2", type=numbers)
    p.add_argument("--width", default="32,64,128,256", type=numbers)
    p.add_argument("--length", default="10,20,50,100,200", type=numbers)
    p.add_argument("--cold", type=int, default=1024)
    p.add_argument("--hot", type=int, default=(cache_bytes(2) or 512 << 10) >> 11)
    p.add_argument("--repeats", type=int, default=0)
    p.add_argument("--rows", type=int, default=10000)
    p.add_argument("--state")
    p.add_argument("--markdown")
    p.add_argument("--once", action="store_true", help="cells below 1 are not measured again")
    p.add_argument("--json", action="store_true", help="the last line has all cells")
    a = p.parse_args()
    torch.set_num_threads(1)
    cells = {}
    if a.state and os.path.exists(a.state):
        with open(a.state, encoding="utf-8") as file:
            cells = json.load(file)
    print("where bits width length   torch   fused   split  torch/fused  torch/split   GB/s   lines  room")
    measure(a, cells)
    if not a.once:
        measure_again(a, cells)
        print("\n".join(summary(cells)))
    if a.markdown:
        markdown(a.markdown, cells, a)
    if a.json:
        print(json.dumps(cells))


main()
