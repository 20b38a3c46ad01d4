"""bags_reference.py - bags and lookups equal numpy's to the bit: the order and the roundings that
quire/kernels.h states for its two families, in a few lines of numpy; float8 and bfloat16 as ml_dtypes
has them, which onnx brings along.

    bags_reference.py LIBRARY      the kernels as a shared library
"""
import ctypes as c
import os
import sys

import ml_dtypes
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bags  # noqa: E402

rng = np.random.default_rng(6)
N = 200
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = {bags.FLOAT32: np.dtype(np.float32), bags.FLOAT16: np.dtype(np.float16),
          bags.BFLOAT16: BFLOAT16, bags.E4M3FN: np.dtype(ml_dtypes.float8_e4m3fn),
          bags.E5M2: np.dtype(ml_dtypes.float8_e5m2)}
VALUES = [np.dtype(np.float32), np.dtype(np.float16), BFLOAT16]


def round_to(x, dtype):
    with np.errstate(over="ignore"):
        return x.astype(dtype).astype(np.float32)


def fma(a, b, c):
    """float32(a * b + c), rounded once. The product is exact in double; the sum is rounded to odd
    there, which a second rounding to float32 does not see."""
    p, c = np.asarray(a, np.float64) * b, np.asarray(c, np.float64)
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    odd = s.view(np.int64) & 1 == 1
    toward = np.where(error > 0, np.inf, -np.inf)
    return np.where((error != 0) & ~odd, np.nextafter(s, toward), s).astype(np.float32)


class Table:
    """Rows as stored, and v, s, b, q of the header; `take` is one step of a sum."""

    def lookup(self, ids):
        return self.v[ids]

    def reference(self, bag, weights, mode, divisor):
        """`bag` are the rows that take part, in order."""
        v = self.v[bag]
        if mode == "max":
            a = v[0].copy() if len(bag) else np.zeros(v.shape[1], np.float32)
            for row in v[1:]:
                a = np.where(row > a, row, a)
            return a
        a = self.sum(bag, weights)
        return a / np.float32(divisor) if mode == "mean" and divisor else a

    def sum(self, bag, weights):
        a = np.zeros(self.v.shape[1], np.float32)
        for k, row in enumerate(self.v[bag]):
            a = a + (row if weights is None else weights[k] * row)
        return a


class Split(Table):
    def __init__(self, width, bits, block, half, zero_float, value):
        columns = block if block and block < width else width
        groups, packed = -(-width // columns), -(-columns * bits // 8)
        codes = rng.integers(0, 256, (N, groups, packed), dtype=np.uint8)
        scales = np.exp2(rng.uniform(-20, 3, (N, groups, 1)))
        self.scales = scales.astype(np.float16 if half else np.float32)
        if zero_float:
            self.zeros = rng.uniform(-3, 2**bits + 3, (N, groups, 1)).astype(np.float32)
        else:
            self.zeros = rng.integers(0, 2**bits, (N, groups, 1), dtype=np.uint8)
        # Column j is in byte j mod W at bit bits * (j // W).
        planes = [codes >> (bits * k) & (2**bits - 1) for k in range(8 // bits)]
        q = np.concatenate(planes, -1)[..., :columns].astype(np.float32)
        v = (q - self.zeros.astype(np.float32)) * self.scales.astype(np.float32)
        self.v = round_to(v.reshape(N, -1)[:, :width], VALUES[value])
        self.codes = codes
        self.rows = bags.split(bits, width, block=block, scale=int(half), value=value,
                               zero_point=int(zero_float))


class Fused(Table):
    def __init__(self, width, bits, half, first):
        per_byte, dtype = 8 // bits, np.float16 if half else np.float32
        codes = rng.integers(0, 256, (N, -(-width // per_byte)), dtype=np.uint8)
        params = np.stack([np.exp2(rng.uniform(-12, 3, N)), rng.standard_normal(N)], 1)
        params = params.astype(dtype)
        parts = [codes, params.view(np.uint8)]
        self.codes = np.concatenate(parts[::-1] if first else parts, 1)
        self.scales = self.zeros = None
        # Column j is in byte j // P, lowest bits first.
        planes = [codes >> (bits * k) & (2**bits - 1) for k in range(per_byte)]
        self.q = np.stack(planes, -1).reshape(N, -1)[:, :width].astype(np.float32)
        self.s, self.b = params.astype(np.float32).T
        self.v = fma(self.s[:, None], self.q, self.b[:, None])
        self.rows = bags.rows(bags.FUSED, width, bits=bits, scale=int(half),
                              scale_first=int(first))

    def sum(self, bag, weights):
        a, t = np.zeros(self.q.shape[1], np.float32), np.float32(0)
        for k, i in enumerate(bag):
            w = np.float32(1) if weights is None else weights[k]
            a, t = fma(w * self.s[i], self.q[i], a), t + w * self.b[i]
        return a + t


class Floats(Table):
    def __init__(self, width, storage):
        self.scales = self.zeros = None
        x = rng.standard_normal((N, width)) * np.exp2(rng.integers(-9, 5, (N, 1)))
        stored = x.astype(np.float32).astype(FLOATS[storage])
        self.v = stored.astype(np.float32)
        self.codes = np.ascontiguousarray(stored)
        self.rows = bags.rows(storage, width)


def narrow(x, dtype):
    with np.errstate(over="ignore"):
        return x.astype(dtype).view(np.uint32 if dtype == np.float32 else np.uint16)


def as_weights(n, kind):
    """As stored, and as float32."""
    w = rng.standard_normal(n).astype(np.float32).astype(VALUES[kind])
    return w.view(np.uint16) if kind == 2 else w, w.astype(np.float32)


def draw_bags(mode, skip):
    """Starts and ids; of the ids, padding (a row) and what is pruned."""
    starts = np.concatenate([[0], np.cumsum(rng.integers(0, 30, 12) * rng.integers(0, 2, 12))])
    ids = rng.integers(0, N, starts[-1])
    padding = int(rng.integers(-N, N)) if "padding" in skip else None
    if padding is not None:
        ids[rng.random(len(ids)) < .2] = padding % N
    if "pruned" in skip:
        ids[rng.random(len(ids)) < .2] = -1
    return starts, ids, padding


def check_bags(library, isa, table, mode, skip):
    starts, ids, padding = draw_bags(mode, skip)
    given, weights = as_weights(len(ids), int(rng.integers(0, 3))) if mode == "weighted" else (None,) * 2
    kind = "sum" if mode == "weighted" else mode
    want = np.zeros((len(starts) - 1, table.v.shape[1]), np.float32)
    for k, (start, end) in enumerate(zip(starts[:-1], starts[1:])):
        padded = ids[start:end] == (padding or 0) % N if padding is not None else np.zeros(end - start, bool)
        taken = start + np.flatnonzero(~padded & (ids[start:end] >= 0))
        want[k] = table.reference(ids[taken], None if weights is None else weights[taken], kind,
                                  end - start - padded.sum())
    if "wrap" in skip:
        ids = np.where(rng.random(len(ids)) < .5, ids - N, ids)
    form = rng.choice(["offsets", "last", "lengths"])
    cuts = {"offsets": starts[:-1], "last": starts, "lengths": np.diff(starts)}[form]
    types = [np.int32, np.int64]
    dtype = VALUES[rng.integers(0, 3)]
    got = bags.run(library, table.rows, table.codes, N, ids.astype(rng.choice(types)),
                   **{"lengths" if form == "lengths" else "offsets": cuts.astype(rng.choice(types))},
                   last=form == "last", mode=kind, weights=given, padding=padding,
                   wrap="wrap" in skip, pruned="pruned" in skip, scales=table.scales,
                   zeros=table.zeros, isa=isa, out_type=np.uint16 if dtype == BFLOAT16 else dtype)
    got = got if dtype == BFLOAT16 else narrow(got, dtype)
    assert np.array_equal(got, narrow(want, dtype)), f"{mode} {skip} {isa}"
    return want.size


def check_lookup(library, isa, table):
    ids = rng.integers(-N, N, 50)
    dtype = VALUES[rng.integers(0, 3)]
    got = bags.run(library, table.rows, table.codes, N, ids, mode="lookup", wrap=True,
                   scales=table.scales, zeros=table.zeros, isa=isa,
                   out_type=np.uint16 if dtype == BFLOAT16 else dtype)
    got = got if dtype == BFLOAT16 else narrow(got, dtype)
    assert np.array_equal(got, narrow(table.lookup(ids), dtype)), f"lookup {isa}"
    return len(ids) * table.v.shape[1]


def tables(width):
    for bits in (8, 4, 2):
        for block in (0, 16, 32, 64, 128, 256):
            for half in (False, True):
                for zero_float in (False, True):
                    if block == 0 or rng.random() < .3:
                        value = int(rng.integers(0, 3)) if rng.random() < .3 else 0
                        yield Split(width, bits, block, half, zero_float, value)
        for half in (False, True) if bits == 8 else (True,):
            yield Fused(width, bits, half, False)
            yield Fused(width, bits, half, True)
    for storage in FLOATS:
        yield Floats(width, storage)


def check_codes(library, isas):
    """Every code of the narrow floats, NaN and infinities among them."""
    for storage, dtype in FLOATS.items():
        if storage == bags.FLOAT32:
            continue
        codes = np.arange(256 if dtype.itemsize == 1 else 65536, dtype=f"u{dtype.itemsize}")
        with np.errstate(invalid="ignore"):
            want = codes.view(dtype).astype(np.float32)
        for isa in isas:
            got = bags.run(library, bags.rows(storage, len(codes)), codes, 1, [0], mode="lookup",
                           isa=isa)[0]
            same = got.view(np.uint32) == want.view(np.uint32)
            assert (same | np.isnan(got) & np.isnan(want)).all(), f"codes of {dtype} {isa}"


def main(path):
    library = c.CDLL(path)
    isas = [name for name, k in bags.ISAS.items() if k and library.quire_isa_is_available(k)]
    skips = ["", "padding", "pruned", "padding pruned", "wrap", "padding wrap"]
    n = 0
    check_codes(library, isas)
    for width in list(range(1, 34)) + [47, 63, 64, 65, 100, 127, 128, 129, 200, 256, 300, 512]:
        for table in tables(width):
            for isa in isas:
                n += check_lookup(library, isa, table)
                for mode in ("sum", "weighted", "mean", "max"):
                    n += check_bags(library, isa, table, mode, str(rng.choice(skips)))
    print(f"{n} numbers of bags and lookups on {', '.join(isas)} are numpy's to the bit")


main(sys.argv[1])
