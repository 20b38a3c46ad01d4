#!/usr/bin/env python3
"""quantize.py --quire PROGRAM - what quantizing a large external table takes, against reading it once.

Makes a model with one external table of 4 GiB of random float32 numbers. By turns: `quire bench copy
--write-bytes N`, which reads the table and writes as many bytes as the result has, with fsync; and
`quire quantize`. Everything is read once before, so that the table is in the page cache if that is
large enough. Each command runs twice in a row and the second counts: a virtual machine gets pages that
were free for a while from its host one by one, and which command finds such pages would depend on what
ran before it. Only Python's standard library is needed.

  --size MIB    of the table (4096)
  --width N     of the table (128)
  --repeats N   of each, by turns (5); of what has no bound, one
  --work DIR    folder for the files (the temporary one); about twice the size is needed; all are removed

Exit code: 0; 1 if a bound was broken (1.3 times the copy where the bits are --bits 8 or --bits 4 --search
minmax; 256 MiB of memory) or the program failed.
"""
import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from run import FLOAT, MIB, Failed, block, head, integer, model_frame, node, random_floats, run, value_info

BOUND = 1.3
MEMORY = 256 * MIB
# label, options, may break the bound
RUNS = [
    ("8 bits", ["--bits", "8"], True),
    ("4 bits, min-max", ["--bits", "4", "--search", "minmax"], True),
    ("4 bits, mse", ["--bits", "4", "--search", "mse"], False),
]


def entry(key, value):
    return block(13, block(1, key) + block(2, value))


def make_model(path, rows, width):
    size = rows * width * 4
    data = path.with_name(path.name + ".data")
    with open(data, "wb") as file:
        for chunk in random_floats(size):
            file.write(chunk)
    tensor = (integer(1, rows) + integer(1, width) + integer(2, FLOAT) + block(8, "table")
              + entry("location", data.name) + entry("offset", "0") + entry("length", str(size)) + integer(14, 1))
    fields = (node("Gather", ["table", "ids"], ["y"], "g") + block(2, "g") + block(5, tensor)
              + value_info(11, "ids", 7, ["n"]) + value_info(12, "y", FLOAT, ["n", width]))
    before, behind = model_frame(len(fields))
    path.write_bytes(before + fields + behind)
    return data


def remove_outputs(output):
    for path in output.parent.glob(output.name + "*"):
        path.unlink()


def result_size(quire, model, output, options):
    """Bytes of what a run writes, model and data."""
    run([quire, "quantize", *options, str(model), "-o", str(output)])
    size = sum(path.stat().st_size for path in output.parent.glob(output.name + "*"))
    remove_outputs(output)
    return size


def second_run(command, output):
    for _ in range(2):
        spent = run(command)
        remove_outputs(output)
        os.sync()
    return spent


def compare(args, model, data, output, label, options, bound):
    size = result_size(args.quire, model, output, options)
    copy = [args.quire, "bench", "copy", "--write-bytes", str(size), str(data), str(output)]
    quantize = [args.quire, "quantize", *options, str(model), "-o", str(output)]
    commands = {"copy": copy, "all": quantize, "one": [*quantize, "--threads", "1"]}
    times = {name: [] for name in commands}
    peak = 0
    for _ in range(args.repeats if bound else 1):
        for name, command in commands.items():
            spent = second_run(command, output)
            times[name].append(spent.seconds)
            if name != "copy":
                peak = max(peak, spent.peak)
    floor = statistics.median(times["copy"])
    ratio = statistics.median(times["all"]) / floor
    broken = bound and ratio > BOUND or peak > MEMORY
    print(f"  {label:<18} copy {floor:7.3f} s; all processors {statistics.median(times['all']):7.3f} s, "
          f"{ratio:5.2f}x (least {min(times['all']):.3f} of {min(times['copy']):.3f}, "
          f"{min(times['all']) / min(times['copy']):.2f}x); one thread "
          f"{statistics.median(times['one']) / floor:5.2f}x; VmHWM {peak / MIB:.1f} MiB"
          + (f"; bound {BOUND}x" if bound else "; no bound") + (" BROKEN" if broken else ""), flush=True)
    return broken


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quire", required=True)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", default=tempfile.gettempdir())
    args = parser.parse_args()
    rows = args.size * MIB // 4 // args.width
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        model = Path(folder) / "model.onnx"
        data = make_model(model, rows, args.width)
        print(f"table of {rows} x {args.width} float32, {args.size} MiB, external; read, written and fsynced:")
        output = Path(folder) / "out.onnx"
        broken = [compare(args, model, data, output, *what) for what in RUNS]
    return 1 if any(broken) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        print(error, file=sys.stderr)
        sys.exit(1)
