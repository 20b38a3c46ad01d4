"""rows_reference.py - the row kernels against the arithmetic written down in numpy.

The formulas here come from the text that defines them ("Lowering arithmetic"), not from the C code,
and share nothing with it. Random and adversarial tables go through rows_driver; codes, scales, zero
points, decoded bytes and error sums must be equal bit for bit. Searched parameters are free: their
codes must follow from them, and no group may be worse than min-max.

    rows_reference.py DRIVER            everything, about a minute
    rows_reference.py DRIVER --smoke    a part, some seconds
    rows_reference.py --golden FILE     writes the cases of the unit test
"""
import argparse
import itertools
import struct
import subprocess
import sys
import time

import numpy as np

F32, F16, BF16 = 0, 1, 2
ZP_INT, ZP_FLOAT = 0, 1
MINMAX, MSE = 0, 1
OK, NON_FINITE, SCALE_OVERFLOW = 0, 1, 2
BLOCKS = (0, 16, 32, 64, 128, 256)
f32, f64 = np.float32, np.float64


# Element types. Tables are kept as float32 arrays of representable values.

def bf16_round(x):
    """float32 to bfloat16 and back, by scaling to integers in double."""
    x = np.asarray(x, f64)
    finite = np.isfinite(x)
    safe = np.where(finite, x, 0)
    _, e = np.frexp(safe)
    e = np.maximum(e - 8, -133)
    r = np.ldexp(np.rint(np.ldexp(safe, -e)), e)
    r = np.where(np.abs(r) >= 2.0 ** 128, np.copysign(np.inf, safe), r)
    return np.where(finite, r, x).astype(f32)


def round_to(dtype, x):
    if dtype == F16:
        return x.astype(np.float16).astype(f32)
    return bf16_round(x) if dtype == BF16 else x


def to_bytes(dtype, x):
    """Values that are representable already, as a table's bytes."""
    if dtype == F16:
        return x.astype('<f2').tobytes()
    if dtype == BF16:
        return (np.ascontiguousarray(x, '<f4').view('<u4') >> 16).astype('<u2').tobytes()
    return np.ascontiguousarray(x, '<f4').tobytes()


# The definition, for groups[R, n] at once: a group is a row here.

def store_scale(s, scale_type):
    """The scale as stored, and whether it cannot be."""
    if scale_type == F16:
        h = s.astype(np.float16).astype(f32)
        return np.maximum(h, f32(2.0 ** -24)), np.isinf(h)
    return np.maximum(s, f32(2.0 ** -126)), np.zeros(s.shape, bool)


def least(x):
    """min x; of zeros of both signs the negative one."""
    lo = x.min(axis=1)
    negative = ((x == 0) & np.signbit(x)).any(axis=1)
    return np.where(lo == 0, np.where(negative, f32(-0.0), f32(0.0)), lo).astype(f32)


def minmax(x, bits, zp_kind, scale_type):
    n = 2 ** bits - 1
    if zp_kind == ZP_INT:
        lo = np.minimum(f32(0), x.min(axis=1))
        hi = np.maximum(f32(0), x.max(axis=1))
        s, bad = store_scale(((hi.astype(f64) - lo.astype(f64)) / n).astype(f32), scale_type)
        zp = np.clip(np.rint(-lo.astype(f64) / s.astype(f64)), 0, n)
        empty = (lo == 0) & (hi == 0)
        return np.where(empty, f32(1), s), np.where(empty, 0, zp).astype(f32), bad & ~empty
    lo, hi = least(x), x.max(axis=1)
    d = hi - lo
    s = (d / f32(n)).astype(f32)
    s = np.where(np.isinf(d), ((hi.astype(f64) - lo.astype(f64)) / n).astype(f32), s)
    s, bad = store_scale(s, scale_type)
    s = np.where(hi == lo, f32(1), s).astype(f32)
    return s, (-lo / s).astype(f32), bad & (hi != lo)


def decode(q, s, zp, dtype):
    v = (q - zp[:, None]).astype(f32) * s[:, None]
    return round_to(dtype, v.astype(f32))


def encode(x, s, zp, bits, zp_kind, dtype):
    """Codes and decoded values from stored parameters."""
    n = 2 ** bits - 1
    if zp_kind == ZP_INT:
        q = np.clip(np.rint((x / s[:, None]).astype(f32)).astype(f64) + zp[:, None], 0, n)
        target = zp.astype(f64)
    else:
        t = (x * (f32(1) / s)[:, None]).astype(f32)
        q = np.clip(np.rint((t + zp[:, None]).astype(f32)), 0, n)
        target = np.clip(np.rint(zp.astype(f64)), 0, n)
    q = q.astype(np.uint8).astype(f32)  # a code is an integer: there is no -0
    target = np.broadcast_to(target[:, None], q.shape).astype(f32)
    while True:
        v = decode(q, s, zp, dtype)
        step = np.isinf(v) & (q != target)
        if not step.any():
            return q.astype(np.uint8), v
        q = np.where(step, q + np.sign(target - q), q).astype(f32)


def pack(q, bits, columns):
    """Planar: column j in byte j mod W at bit bits * floor(j / W)."""
    width = -(-columns * bits // 8)
    out = np.zeros((q.shape[0], width), np.uint8)
    for start in range(0, q.shape[1], width):
        part = q[:, start:start + width]
        out[:, :part.shape[1]] |= part << np.uint8(bits * (start // width))
    return out


def ordered_sum(x):
    """Along the last axis, one addition after the other."""
    return np.cumsum(x, axis=-1)[..., -1]


class Case:
    """One table in one format: groups are cut here, full blocks first, then a ragged last one."""

    def __init__(self, x, bits, block, zp_kind, scale_type, dtype, search=MINMAX):
        self.x, self.bits, self.zp_kind = x, bits, zp_kind
        self.scale_type, self.dtype, self.search = scale_type, dtype, search
        self.asked_block = block
        self.rows, self.width = x.shape
        self.columns = self.width if block == 0 or block >= self.width else block
        self.n_groups = -(-self.width // self.columns)
        self.spans = []
        full = self.width // self.columns
        if full:
            self.spans.append((slice(0, full), slice(0, full * self.columns), self.columns))
        if self.width % self.columns:
            self.spans.append((slice(full, full + 1), slice(full * self.columns, self.width),
                               self.width % self.columns))

    def groups(self, a):
        """(group slice, a cut into [rows * groups, real columns]) for every span."""
        for g, cols, n in self.spans:
            yield g, cols, np.ascontiguousarray(a[:, cols]).reshape(-1, n)

    def per_group(self, parts):
        """Arrays of a value per group, span by span, as [rows, n_groups]."""
        return np.concatenate([p.reshape(self.rows, -1) for p in parts], axis=1)

    def minmax(self):
        found = [minmax(x, self.bits, self.zp_kind, self.scale_type)
                 for _, _, x in self.groups(self.x)]
        return tuple(self.per_group(p) for p in zip(*found))

    def encode(self, s, zp):
        """Packed codes [rows, n_groups, W] and decoded values [rows, width]."""
        codes = np.zeros((self.rows, self.n_groups, -(-self.columns * self.bits // 8)), np.uint8)
        v = np.zeros_like(self.x)
        for g, cols, x in self.groups(self.x):
            q, part = encode(x, s[:, g].reshape(-1), zp[:, g].reshape(-1), self.bits,
                             self.zp_kind, self.dtype)
            codes[:, g] = pack(q, self.bits, self.columns).reshape(self.rows, -1, codes.shape[2])
            v[:, cols] = part.reshape(self.rows, -1)
        return codes, v

    def group_errors(self, v):
        e = (self.x.astype(f64) - v.astype(f64)) ** 2
        return self.per_group([ordered_sum(part) for _, _, part in self.groups(e)])

    def row_sums(self, a):
        """Of rows: eight parts by column of the group, each in order, the upper half
        then added to the lower until one is left."""
        padded = np.concatenate([np.pad(x, ((0, 0), (0, -n % 8))).reshape(self.rows, -1)
                                 for (_, _, n), (_, _, x) in zip(self.spans, self.groups(a))], axis=1)
        parts = ordered_sum(padded.reshape(self.rows, -1, 8).swapaxes(1, 2))
        for n in (4, 2, 1):
            parts = parts[:, :n] + parts[:, n:]
        return parts[:, 0]

    def scale_bytes(self, s):
        return s.astype('<f2' if self.scale_type == F16 else '<f4')

    def zp_bytes(self, zp):
        return zp.astype('u1' if self.zp_kind == ZP_INT else '<f4')

    def __str__(self):
        return (f'bits={self.bits} block={self.asked_block} zp={"int float".split()[self.zp_kind]} '
                f'scale={"f32 f16".split()[self.scale_type]} '
                f'dtype={"f32 f16 bf16".split()[self.dtype]} '
                f'search={"minmax mse".split()[self.search]} width={self.width}')


# The other side.

class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, op, dtype, data, bits=8, block=0, zp_kind=0, scale_type=0, search=0, width=1,
             rows=0):
        self.process.stdin.write(struct.pack('<9i', op, bits, block, zp_kind, scale_type, dtype,
                                             search, width, rows) + data)
        self.process.stdin.flush()

    def read(self, dtype, *shape):
        dtype = np.dtype(dtype)
        size = dtype.itemsize * int(np.prod(shape))
        data = self.process.stdout.read(size)
        if len(data) != size:
            sys.exit('rows_reference: the driver stopped')
        return np.frombuffer(data, dtype).reshape(shape)

    def quantize(self, c):
        self.send(0, c.dtype, to_bytes(c.dtype, c.x), c.bits, c.asked_block, c.zp_kind,
                  c.scale_type, c.search, c.width, c.rows)
        return {
            'fault': self.read('<i4', c.rows, 2),
            'codes': self.read('u1', c.rows, c.n_groups, -(-c.columns * c.bits // 8)),
            'scales': self.read('<f2' if c.scale_type == F16 else '<f4', c.rows, c.n_groups),
            'zero_points': self.read('u1' if c.zp_kind == ZP_INT else '<f4', c.rows, c.n_groups),
            'decoded': self.read('u1', c.rows, c.width * (4 if c.dtype == F32 else 2)),
            'sums': self.read('<f8', c.rows, 2),
            'repeatable': self.read('<i4', 1),
        }

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def differ(case, what, rows):
    row = int(np.flatnonzero(rows)[0])
    sys.exit(f'rows_reference: {what} differ: {case}, row {row} of {case.rows}\n'
             f'  x = {[float(v).hex() for v in case.x[row][:16]]}')


def same_rows(a, b):
    """Bytes, row by row."""
    a, b = (np.ascontiguousarray(v).view(np.uint8).reshape(v.shape[0], -1) for v in (a, b))
    return (a == b).all(axis=1)


def check(driver, case):
    """Returns how many groups were compared."""
    got = driver.quantize(case)
    finite = np.isfinite(case.x).all(axis=1)
    s, zp, bad = case.minmax()
    if case.search == MSE:
        own_s, own_zp = s, zp
        s, zp = got['scales'].astype(f32), got['zero_points'].astype(f32)
        s = np.where(finite[:, None] & (s > 0), s, f32(1))
    codes, v = case.encode(s, zp)
    good = finite & ~bad.any(axis=1)
    check_faults(case, got['fault'], finite, bad)
    if got['repeatable'][0] != 1:
        sys.exit(f'rows_reference: encoding again gives other bytes: {case}')
    sums = np.stack([case.row_sums(a ** 2) for a in
                     (case.x.astype(f64), case.x.astype(f64) - v.astype(f64))], axis=1)
    decoded = np.frombuffer(to_bytes(case.dtype, v), np.uint8).reshape(case.rows, -1)
    for what, mine, theirs in (('scales', case.scale_bytes(s), got['scales']),
                               ('zero points', case.zp_bytes(zp), got['zero_points']),
                               ('codes', codes, got['codes']),
                               ('decoded values', decoded, got['decoded']),
                               ('sums', sums, got['sums'])):
        wrong = good & ~same_rows(mine, theirs)
        if wrong.any():
            differ(case, what, wrong)
    if not np.isfinite(v[good]).all():
        differ(case, 'infinities: decoded values', good & ~np.isfinite(v).all(axis=1))
    if case.search == MSE:
        check_search(case, own_s, own_zp, v, s, zp, good)
    return int(good.sum()) * case.n_groups


def check_faults(case, fault, finite, bad):
    for row in range(case.rows):
        status, column = fault[row]
        expected = (OK, 0)
        nan = np.flatnonzero(~np.isfinite(case.x[row]))
        overflow = np.flatnonzero(bad[row])
        first_nan = nan[0] // case.columns if nan.size else case.n_groups
        if overflow.size and overflow[0] < first_nan:
            expected = (SCALE_OVERFLOW, int(overflow[0]) * case.columns)
        elif nan.size:
            expected = (NON_FINITE, int(nan[0]))
        if (status, column) != expected:
            sys.exit(f'rows_reference: fault {status} at {column}, not {expected}: {case}, {row}')
        if status == OK and (finite[row] and not bad[row].any()) is False:
            sys.exit(f'rows_reference: fault missed: {case}, row {row}')


def check_search(case, own_s, own_zp, v, s, zp, good):
    """Never worse than min-max; where it is not better it is min-max."""
    _, plain = case.encode(own_s, own_zp)
    before, after = case.group_errors(plain), case.group_errors(v)
    if (after[good] > before[good]).any():
        differ(case, 'worse than min-max: errors', good & (after > before).any(axis=1))
    tied = (after == before) & ((s != own_s) | (zp != own_zp))
    if tied[good].any():
        differ(case, 'no better than min-max: parameters', good & tied.any(axis=1))
    if case.zp_kind == ZP_INT and (zp[good] > 2 ** case.bits - 1).any():
        differ(case, 'out of range: zero points', good)
    floor = 2.0 ** -24 if case.scale_type == F16 else 2.0 ** -126
    if (s[good] < floor).any() or not np.isfinite(zp[good]).all():
        differ(case, 'below the floor: scales', good & (s < floor).any(axis=1))


# Tables.

def special_values():
    powers = [s * 2.0 ** e for e in (-149, -140, -133, -127, -126, -125, -40, -25, -24, -15, -14,
                                     -1, 0, 1, 15, 16, 64, 126, 127) for s in (1, -1)]
    others = [0.0, -0.0, 0.1, 0.5, 1.5, 2.5, 65504.0, -65504.0, 65519.0, 65520.0, 3.4028234e38,
              -3.4028234e38, 3.3895e38, -3.3895e38, 3.39e38, 1e-45, -1e-45, 1e-38, 1e30, 255.0,
              127.5, 15.0, 7.5, 3.0, 1.0 / 3]
    return np.array(powers + others, f32)


def random_row(rng, width):
    """One of many kinds of rows, float32, finite."""
    kind = rng.integers(20)
    base = rng.standard_normal(width)
    magnitude = 10.0 ** rng.uniform(-46, 38)
    if kind < 4:
        return base * 10.0 ** rng.uniform(-3, 3)
    if kind < 7:
        return base * magnitude
    if kind == 7:
        return np.full(width, rng.choice(special_values()))
    if kind == 8:
        return np.zeros(width) * rng.choice([1, -1], width)
    if kind < 11:
        return rng.choice(special_values(), width)
    if kind == 11:
        return 3.4028234e38 * rng.uniform(-1, 1, width).round(rng.integers(0, 4))
    if kind == 12:
        return rng.integers(-30, 30, width) * 2.0 ** -149
    if kind == 13:  # a tiny range far from zero
        far = f32(magnitude)
        return far + np.spacing(far, dtype=f32).astype(f64) * rng.integers(0, 300, width)
    if kind == 14:  # ties: with n the range, x / s hits halves
        n = rng.choice([255, 15, 3])
        row = rng.integers(0, 2 * n + 1, width) / 2 - rng.integers(0, n + 1)
        return row * 2.0 ** rng.integers(-30, 10)
    if kind == 15:
        return np.abs(base) * rng.choice([1, -1]) + rng.choice([0, 1e-3, 10])
    if kind == 16:
        return base + rng.choice([3, -3, 1000, 1e6, -1e30])
    if kind == 17:  # a few outliers
        return np.where(rng.random(width) < 0.1, base * 1e3, base * 1e-3)
    if kind == 18:
        return np.where(rng.random(width) < 0.5, base, rng.choice([0.0, -0.0], width))
    return rng.standard_t(2, width) * 10.0 ** rng.uniform(-6, 4)


LARGEST = {F32: 3.4028234663852886e38, F16: 65504.0, BF16: 3.3895313892515355e38}


def make_table(rng, rows, width, dtype):
    """Half the tables for narrow types are scaled into their range rather than clipped to it."""
    with np.errstate(all='ignore'):
        x = np.stack([random_row(rng, width) for _ in range(rows)]).astype(f64)
        if dtype == F16 and rng.random() < 0.5:
            big = np.abs(x).max(axis=1, keepdims=True)
            x = np.where(big > 65504, x * (65504 / np.maximum(big, 1)), x)
        x = np.clip(x, -LARGEST[dtype], LARGEST[dtype]).astype(f32)
        return round_to(dtype, x)


def spoil(rng, x):
    """A copy with a NaN or infinity in some rows."""
    x = x.copy()
    for row in range(0, x.shape[0], 3):
        x[row, rng.integers(x.shape[1])] = rng.choice([np.nan, np.inf, -np.inf])
    return x


# The runs.

FORMATS = list(itertools.product((8, 4, 2), (ZP_INT, ZP_FLOAT), (F32, F16)))


def run_minmax(driver, rng, widths, rows):
    groups = 0
    for width in widths:
        for dtype in (F32, F16, BF16):
            x = make_table(rng, rows, width, dtype)
            for block in BLOCKS:
                if block and block / 2 >= width:
                    continue  # one wider block is enough to see that it becomes rows
                for bits, zp_kind, scale_type in FORMATS:
                    groups += check(driver, Case(x, bits, block, zp_kind, scale_type, dtype))
    return groups


def run_mse(driver, rng, widths, rows):
    groups = 0
    for width in widths:
        for dtype in (F32, F16, BF16):
            x = make_table(rng, rows, width, dtype)
            for block in (0, 16, 64):
                if block and block >= width:
                    continue
                for bits, zp_kind, scale_type in FORMATS:
                    groups += check(driver, Case(x, bits, block, zp_kind, scale_type, dtype, MSE))
    return groups


def run_faults(driver, rng):
    groups = 0
    for width, dtype in itertools.product((1, 5, 33, 300), (F32, F16, BF16)):
        x = spoil(rng, make_table(rng, 24, width, dtype))
        for block, search in itertools.product((0, 16), (MINMAX, MSE)):
            for bits, zp_kind, scale_type in FORMATS:
                groups += check(driver, Case(x, bits, block, zp_kind, scale_type, dtype, search))
    return groups


def run_bulk(driver, rng, rows):
    """Many ordinary rows: what a rare rounding difference would show in."""
    groups = 0
    for width in (32, 64, 100):
        x = (rng.standard_normal((rows, width)) * 10.0 ** rng.uniform(-4, 4, (rows, 1))).astype(f32)
        for bits, zp_kind, scale_type in FORMATS:
            for block in (0, 16):
                groups += check(driver, Case(x, bits, block, zp_kind, scale_type, F32))
    return groups


def check_halves(driver, rng):
    """Every float16 and bfloat16; every rounding boundary of both and random float32."""
    every = np.arange(65536, dtype='<u2')
    driver.send(1, F16, every.tobytes(), rows=65536)
    wide = driver.read('<f4', 65536)
    assert same_values(wide, every.view('<f2').astype(f32)), 'float16 to float32'
    driver.send(1, BF16, every.tobytes(), rows=65536)
    brain = driver.read('<f4', 65536)
    assert (brain.view('<u4') == every.astype('<u4') << 16).all(), 'bfloat16 to float32'
    bits = [rng.integers(0, 2 ** 32, 1 << 21, dtype=np.uint64).astype('<u4')]
    offsets = (0, 0x0800, 0x1000, 0x1800, 0x4000, 0x8000, 0xc000)
    for near, offset in itertools.product((wide.view('<u4'), brain.view('<u4')), offsets):
        bits += [near + np.array(offset + d, '<u4') for d in (-1, 0, 1) if offset + d >= 0]
    subnormal = np.arange(2 * 1024 + 2) * 2.0 ** -25  # and every tie between them
    for way in (0, np.inf):
        bits += [np.nextafter(s * subnormal.astype(f32), f32(way)).view('<u4') for s in (1, -1)]
    bits += [(s * subnormal).astype('<f4').view('<u4') for s in (1, -1)]
    x = np.concatenate(bits).view('<f4')
    with np.errstate(all='ignore'):
        for dtype, mine in ((F16, x.astype(np.float16).astype(f32)), (BF16, bf16_round(x))):
            driver.send(2, dtype, x.tobytes(), rows=x.size)
            got = driver.read('<u2', x.size)
            got = got.view('<f2').astype(f32) if dtype == F16 else \
                (got.astype('<u4') << 16).view('<f4')
            assert same_values(got, mine), f'float32 to {dtype}'
    return x.size


def same_values(a, b):
    """Bit for bit, but for which NaN it is."""
    return bool((np.isnan(a) == np.isnan(b)).all() and
                (a.view('<u4') == b.view('<u4'))[~np.isnan(a)].all())


# Root of the error relative to the data, in 1000 normal rows of 64: (bits, zero point) -> at most.
QUALITY = {(8, ZP_INT): .0053, (4, ZP_INT): .0872, (2, ZP_INT): .355,
           (8, ZP_FLOAT): .0050, (4, ZP_FLOAT): .0830, (2, ZP_FLOAT): .322}


def check_quality(driver):
    x = np.random.default_rng(1234).standard_normal((2000, 64)).astype(f32)
    for (bits, zp_kind), limit in QUALITY.items():
        nl2 = []
        for search in (MINMAX, MSE):
            sums = driver.quantize(Case(x, bits, 0, zp_kind, F32, F32, search))['sums'].sum(axis=0)
            nl2.append(float(np.sqrt(sums[1] / sums[0])))
        print(f'  normal rows of 64, {bits} bits, zp={"int float".split()[zp_kind]}: '
              f'min-max {nl2[0]:.5f}, searched {nl2[1]:.5f} (at most {limit})')
        if nl2[1] > limit:
            sys.exit('rows_reference: the search got worse')


# The golden file: small cases, worked out here, for a test that needs no Python.

def golden_rows(rng):
    yield [0.0] * 5
    yield [-0.0, 0.0, -0.0, 0.0, 0.0]
    yield [5.0] * 5
    yield [-1.25] * 3
    yield [0.1]
    yield [-3.0, -1.0, 0.0, 0.5, 2.0, 7.0, 7.5]
    yield [0.0, 0.5, 1.0, 1.5, 2.5, 3.0]
    yield [-127.5, -0.5, 0.5, 1.5, 127.5]
    yield [3.4028234663852886e38, -3.4028234663852886e38, 1.0]
    yield [65504.0, -65504.0, 1.0]
    yield [1e-45, -1e-45, 3e-45]
    yield [1e-38, 2e-38, -1e-39, 0.0]
    yield [1e-7, 3e-8, -2e-8]
    yield [1000.0, 1000.0001, 1000.0002]
    for width in (1, 3, 7, 17, 33, 48):
        yield list(rng.standard_normal(width))


def write_golden(path):
    rng = np.random.default_rng(3)
    names = {'bits': (8, 4, 2), 'zp': ('INT', 'FLOAT'), 'dtype': ('F32', 'F16', 'BF16')}
    lines = ['/* rows.inc - written by tests/conformance/rows_reference.py --golden, in numpy.\n'
             ' *\n'
             ' * ROW(bits, block, zero point, scale, dtype, width, row, codes, scales,\n'
             ' * zero points, decoded row), the last five as bytes in hexadecimal.\n'
             ' */\n'
             '/* clang-format off */']
    combos = list(itertools.product((8, 4, 2), (0, 16), (0, 1), (F32, F16), (F32, F16, BF16)))
    turn = 0
    for row in golden_rows(rng):
        for _ in range(12):
            turn += 1
            bits, block, zp_kind, scale_type, dtype = combos[turn * 7 % len(combos)]
            x = np.clip(np.array([row], f64), -LARGEST[dtype], LARGEST[dtype])
            case = Case(round_to(dtype, x.astype(f32)), bits, block, zp_kind, scale_type, dtype)
            s, zp, bad = case.minmax()
            if bad.any():
                continue
            codes, v = case.encode(s, zp)
            fields = (to_bytes(dtype, case.x), codes.tobytes(), case.scale_bytes(s).tobytes(),
                      case.zp_bytes(zp).tobytes(), to_bytes(dtype, v))
            form = (bits, block, names['zp'][zp_kind], names['dtype'][scale_type],
                    names['dtype'][dtype], case.width)
            lines.append('ROW(' + ', '.join(map(str, form)) + ',\n    "' +
                         '",\n    "'.join(field.hex() for field in fields) + '")')
    with open(path, 'w', encoding='ascii') as file:
        file.write('\n'.join(lines) + '\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('driver', nargs='?')
    parser.add_argument('--smoke', action='store_true')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--golden')
    options = parser.parse_args()
    if options.golden:
        with np.errstate(all='ignore'):
            return write_golden(options.golden)
    rng = np.random.default_rng(options.seed)
    driver = Driver(options.driver)
    begun = time.monotonic()

    def done(what, count):
        print(f'{what}: {count} compared, {time.monotonic() - begun:.1f} s', flush=True)
        return count

    done('float16 and bfloat16', check_halves(driver, rng))
    check_quality(driver)
    with np.errstate(all='ignore'):
        smoke = options.smoke
        widths = (1, 2, 3, 7, 16, 17, 31, 33, 64, 70) if smoke else range(1, 71)
        groups = done('groups of small tables, min-max',
                      run_minmax(driver, rng, widths, 12 if smoke else 40))
        widths = (129, 300) if smoke else (96, 127, 128, 129, 255, 256, 257, 300, 511, 768, 1025)
        groups += done('groups of wide tables, min-max',
                       run_minmax(driver, rng, widths, 6 if smoke else 40))
        groups += done('groups of ordinary rows, min-max',
                       run_bulk(driver, rng, 300 if smoke else 12000))
        widths = (1, 5, 17, 64, 130) if smoke else (*range(1, 20), 33, 64, 70, 130, 256, 300, 768)
        groups += done('groups, searched', run_mse(driver, rng, widths, 12 if smoke else 40))
        groups += done('groups of tables with faults', run_faults(driver, rng))
    if driver.close():
        sys.exit('rows_reference: the driver failed')
    print(f'{groups} groups equal bit for bit')
    return 0


if __name__ == '__main__':
    sys.exit(main())
