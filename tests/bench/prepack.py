"""prepack.py - fused row quantizers against torch's quantized::embedding_bag_*_prepack (FBGEMM).

One process, one thread, interleaved repeats. The figure of a cell is torch's time over quire's, by
the least of the processor times: the machine may be shared. Both get the same float32 rows. torch
cannot but allocate its result, quire writes where it is told: without --allocate, into the same
memory each time, which is what the kernel takes; with it, into a new array for each call, as torch
does, and both pay for fresh pages where the C library gives large arrays back to the kernel.

    prepack.py LIBRARY [--bits 8,4,2] [--width 16,64,128,512,1024] [--size 256K,16M,256M]
               [--repeats 15] [--split] [--allocate] [--one-sign] [--out FILE]

--size: bytes of float32 rows. --split prints rows with integer zero points and sums beside them.
--one-sign: rows of 100 to 100.5, and not of both signs.
"""
import argparse
import ctypes as c
import json
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bags  # noqa: E402

PREPACK = {8: torch.ops.quantized.embedding_bag_byte_prepack,
           4: torch.ops.quantized.embedding_bag_4bit_prepack,
           2: torch.ops.quantized.embedding_bag_2bit_prepack}
GOAL = {8: 1.2, 4: 2, 2: 2}


def size_of(text):
    return int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[text[-1]]


def least(repeats, works):
    """The least processor time of one call of each, after one that is not counted."""
    best = [float("inf")] * len(works)
    for repeat in range(repeats + 1):
        for k, work in enumerate(works):
            start = time.process_time()
            work()
            if repeat:
                best[k] = min(best[k], time.process_time() - start)
    return best


def fused_call(library, x, bits, allocate):
    """Quire's rows of x."""
    rows = bags.fused(bits, x.shape[1])
    options = bags.RowsOptions(size=c.sizeof(bags.RowsOptions))
    shape = (len(x), (x.shape[1] * bits + 7) // 8 + (8 if bits == 8 else 4))
    out, fault = torch.empty(shape, dtype=torch.uint8), bags.RowsFault()
    arrays = bags.RowsArrays(rows=out.data_ptr())
    quantize = library.quire_rows_quantize
    arguments = (c.byref(rows), c.byref(options), c.c_void_p(x.ctypes.data), c.c_uint64(len(x)),
                 c.byref(arrays), None, None, c.byref(fault))

    def work():
        assert quantize(*arguments) == 0
        return out

    def work_allocating():
        fresh = torch.empty(shape, dtype=torch.uint8)
        arrays.rows = fresh.data_ptr()
        assert quantize(*arguments) == 0
        return fresh

    return work_allocating if allocate else work


def split_call(library, x, bits):
    """Split rows with one-byte zero points, float32 scales and sums."""
    rows = bags.split(bits, x.shape[1])
    options = bags.RowsOptions(size=c.sizeof(bags.RowsOptions))
    codes = np.zeros((len(x), (x.shape[1] * bits + 7) // 8), np.uint8)
    scales, zeros = np.zeros(len(x), np.float32), np.zeros(len(x), np.uint8)
    sums, fault = np.zeros((len(x), 2)), bags.RowsFault()
    arrays = bags.RowsArrays(rows=codes.ctypes.data, scales=scales.ctypes.data,
                             zero_points=zeros.ctypes.data)

    def work():
        assert library.quire_rows_quantize(
            c.byref(rows), c.byref(options), c.c_void_p(x.ctypes.data), c.c_uint64(len(x)),
            c.byref(arrays), None, c.c_void_p(sums.ctypes.data), c.byref(fault)) == 0

    work.keep = codes, scales, zeros
    return work


def cell(library, options, bits, width, size):
    n_rows = max(1, size_of(size) // (4 * width))
    random = np.random.default_rng(width)
    if options.one_sign:
        x = 100 + random.random((n_rows, width), np.float32) / 2
    else:
        x = random.standard_normal((n_rows, width), np.float32)
    tensor = torch.from_numpy(x)
    calls = max(1, (1 << 22) // x.nbytes)  # of small tables several, for the clock's sake
    ours = fused_call(library, x, bits, options.allocate)
    assert torch.equal(ours(), PREPACK[bits](tensor)), "the bytes differ"
    works = [ours, lambda: PREPACK[bits](tensor)]
    if options.split:
        works.append(split_call(library, x, bits))
    times = least(options.repeats, [lambda w=w: [w() for _ in range(calls)] for w in works])
    rate = [x.nbytes * calls / t / 1e9 for t in times]
    return {"bits": bits, "width": width, "size": size, "ratio": times[1] / times[0],
            "quire": rate[0], "torch": rate[1], "split": rate[2] if options.split else None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--bits", default="8,4,2")
    parser.add_argument("--width", default="16,64,128,512,1024")
    parser.add_argument("--size", default="256K,16M,256M")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--split", action="store_true")
    parser.add_argument("--allocate", action="store_true")
    parser.add_argument("--one-sign", action="store_true")
    parser.add_argument("--out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    library = c.CDLL(options.library)
    cells = []
    print("bits     D    size   torch/quire   quire   torch" + ("   split" * options.split) +
          "   (GB/s of input)")
    for bits in map(int, options.bits.split(",")):
        for width in map(int, options.width.split(",")):
            for size in options.size.split(","):
                r = cell(library, options, bits, width, size)
                cells.append(r)
                mark = "   " if r["ratio"] >= GOAL[bits] else " ! "
                print(f"{bits:4} {width:5} {size:>7} {r['ratio']:10.2f}{mark}{r['quire']:7.2f} "
                      f"{r['torch']:7.2f}" +
                      (f" {r['split']:7.2f}" if options.split else ""), flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(cells, file, indent=1)
    missed = [r for r in cells if r["ratio"] < GOAL[r["bits"]]]
    print(f"{len(cells) - len(missed)} of {len(cells)} cells reach their goal")


main()
