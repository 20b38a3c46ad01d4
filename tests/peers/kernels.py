"""kernels.py - quire's bags against torch.nn.functional.embedding_bag on the dequantized table: all
modes, padding, weights, both forms of offsets and matrices of indices, int32 and int64, rows of every
kind; within bounds that `bound` states. And what torch refuses, quire refuses.

    kernels.py LIBRARY      the kernels as a shared library (target kernels_shared)
"""
import ctypes as c
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bags  # noqa: E402

PREPACK = {8: torch.ops.quantized.embedding_bag_byte_prepack,
           4: torch.ops.quantized.embedding_bag_4bit_prepack,
           2: torch.ops.quantized.embedding_bag_2bit_prepack}
UNPACK = {8: torch.ops.quantized.embedding_bag_byte_unpack,
          4: torch.ops.quantized.embedding_bag_4bit_unpack,
          2: torch.ops.quantized.embedding_bag_2bit_unpack}
rng = np.random.default_rng(20261121)
N = 300


def fused_table(bits, width):
    """Packed and unpacked by torch; sizes of the values and of the biases that are added apart."""
    x = rng.standard_normal((N, width)).astype(np.float32)
    packed = PREPACK[bits](torch.from_numpy(x))
    values = UNPACK[bits](packed).numpy()
    return bags.fused(bits, width), {"table": packed.numpy()}, values, np.abs(values) + \
        np.abs(x.min(1, keepdims=True))


def split_table(bits, width, float_zero):
    """Quantized per row by torch, and put into planes here."""
    x = torch.from_numpy(rng.standard_normal((N, width)).astype(np.float32))
    lo, hi = x.min(1).values.clamp(max=0), x.max(1).values.clamp(min=0)
    scales = (hi - lo) / (2**bits - 1)
    zeros = -lo / scales if float_zero else torch.round(-lo / scales)
    q = torch.clamp(torch.round(x / scales[:, None] + zeros[:, None]), 0, 2**bits - 1)
    values = ((q - zeros[:, None]) * scales[:, None]).numpy()
    per_byte, q = 8 // bits, q.numpy().astype(np.uint8)
    packed = -(-width // per_byte)
    q = np.pad(q, ((0, 0), (0, packed * per_byte - width)))
    codes = sum(q[:, k * packed:(k + 1) * packed] << (bits * k) for k in range(per_byte))
    arrays = {"table": codes.astype(np.uint8), "scales": scales.numpy(),
              "zeros": zeros.numpy() if float_zero else zeros.numpy().astype(np.uint8)}
    return bags.split(bits, width, zero_point=int(float_zero)), arrays, values, np.abs(values)


def float_table(dtype, storage, width):
    x = torch.randn(N, width).to(dtype)
    size = {1: torch.uint8, 2: torch.int16, 4: torch.int32}[x.element_size()]
    values = x.float().numpy()
    return bags.rows(storage, width), {"table": x.view(size).numpy()}, values, np.abs(values)


def tables(width):
    for bits in (8, 4, 2):
        if width % (8 // bits) == 0:  # torch takes no other
            yield f"fused {bits}", fused_table(bits, width)
        yield f"split {bits}", split_table(bits, width, False)
        yield f"split {bits} float", split_table(bits, width, True)
    for dtype, storage in ((torch.float32, bags.FLOAT32), (torch.float16, bags.FLOAT16),
                           (torch.bfloat16, bags.BFLOAT16), (torch.float8_e4m3fn, bags.E4M3FN),
                           (torch.float8_e5m2, bags.E5M2)):
        yield str(dtype), float_table(dtype, storage, width)


def bound(sizes, starts, ids, weights, counts):
    """A sum of L terms, each rounded once and added in any order, is off by less than L + 2 roundings
    of the sum of sizes; both sides are, so twice that. Sizes include a bias that is added apart."""
    terms = sizes.astype(np.float64)[ids] * (1 if weights is None else np.abs(weights)[:, None])
    sums = np.concatenate([np.zeros((1, sizes.shape[1])), np.cumsum(terms, 0)])
    sums = sums[starts[1:]] - sums[starts[:-1]]
    lengths = np.diff(starts)[:, None]
    return 2 * (lengths + 2) * 2.0**-23 * sums / np.maximum(counts, 1)[:, None] + 1e-30


def check_table(library, name, made):
    rows, arrays, values, sizes = made
    n = same = 0
    for mode in ("sum", "weighted", "mean", "max"):
        for padding in (None, 7, -1):
            for form in ("offsets", "last", "matrix"):
                types = [np.dtype(rng.choice([np.int32, np.int64])) for _ in range(2)]
                lengths = np.full(40, 11) if form == "matrix" else rng.integers(0, 40, 40)
                starts = np.concatenate([[0], np.cumsum(lengths)])
                ids = rng.integers(0, N, starts[-1])
                ids[rng.random(len(ids)) < .15] = 7 if padding is None else padding % N
                weights = rng.standard_normal(len(ids)).astype(np.float32) if mode == "weighted" else None
                kind = "sum" if mode == "weighted" else mode
                cuts = starts if form == "last" else starts[:-1]
                shape = (40, 11) if form == "matrix" else (-1,)
                given = None if weights is None else torch.from_numpy(weights).reshape(shape)
                want = torch.nn.functional.embedding_bag(
                    torch.from_numpy(ids.astype(types[0])).reshape(shape), torch.from_numpy(values),
                    None if form == "matrix" else torch.from_numpy(cuts.astype(types[1])),
                    mode=kind, include_last_offset=form == "last", padding_idx=padding,
                    per_sample_weights=given).numpy()
                how = {"fixed": 11} if form == "matrix" else {"offsets": cuts.astype(types[1]),
                                                              "last": form == "last"}
                got = bags.run(library, rows, n_rows=N, ids=ids.astype(types[0]), mode=kind,
                               weights=weights, padding=padding, **arrays, **how)
                padded = np.zeros(len(ids), int) if padding is None else (ids == padding % N) * 1
                padded = np.concatenate([[0], np.cumsum(padded)])
                counts = lengths - (padded[starts[1:]] - padded[starts[:-1]])
                off = np.abs(got.astype(np.float64) - want)
                limit = bound(sizes, starts, ids, weights, counts if mode == "mean" else np.ones(40))
                if mode == "max" and not name.startswith("fused"):
                    limit = 0
                assert (off <= limit).all(), f"{name} {rows.width} {mode} {padding} {form}"
                n, same = n + got.size, same + int((got == want).sum())
    return n, same


def refuses(call):
    try:
        call()
    except (RuntimeError, ValueError, IndexError, NotImplementedError, AssertionError):
        return True
    return False


def check_refusals(library):
    """Both refuse, or neither; but falling offsets torch lets pass now and then, quire never."""
    table = np.arange(20, dtype=np.float32).reshape(10, 2)
    ones = np.ones(3, np.float32)
    cases = [([1, 2, 3], [0, 2], {}, False), ([1, 2, 10], [0, 2], {}, True),
             ([1, -1, 3], [0, 2], {}, True), ([1, 2, 3], [1, 2], {}, True),
             ([1, 2, 3], [0, 4], {}, True), ([1, 2, 3], [0, 2, 1], {}, "falls"),
             ([1, 2, 3], [0, -1], {}, "falls"), ([1, 2, 3], [0], {"padding": 10}, True),
             ([1, 2, 3], [0], {"padding": -11}, True), ([1, 2, 3], [0], {"padding": -10}, False),
             ([1, 2, 3], [0], {"weights": ones}, False),
             ([1, 2, 3], [0], {"weights": ones, "mode": "mean"}, True),
             ([1, 2, 3], [0], {"weights": ones, "mode": "max"}, True),
             ([], [0, 0], {}, False), ([], [0, 0], {"mode": "max"}, False)]
    for ids, offsets, options, want in cases:
        ids, offsets = np.array(ids, np.int64), np.array(offsets, np.int64)
        weights, mode = options.get("weights"), options.get("mode", "sum")
        theirs = refuses(lambda: torch.nn.functional.embedding_bag(
            torch.from_numpy(ids), torch.from_numpy(table), torch.from_numpy(offsets), mode=mode,
            padding_idx=options.get("padding"),
            per_sample_weights=None if weights is None else torch.from_numpy(weights)))
        ours = refuses(lambda: bags.run(library, bags.rows(bags.FLOAT32, 2), table, 10, ids,
                                        offsets=offsets, **options))
        assert ours == bool(want) and (theirs == want or want == "falls"), \
            (ids, offsets, options, theirs, ours)
    return len(cases)


def main(path):
    torch.set_num_threads(1)
    library = c.CDLL(path)
    n = same = 0
    for width in (1, 2, 7, 8, 32, 64, 72, 85, 128, 256):
        for name, made in tables(width):
            more = check_table(library, name, made)
            n, same = n + more[0], same + more[1]
    print(f"{n} numbers of bags are torch's within the bound, {same} of them to the bit")
    print(f"{check_refusals(library)} calls are refused, or not, as torch does")


main(sys.argv[1])
