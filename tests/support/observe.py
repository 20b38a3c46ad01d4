"""observe.py - quire/observe.h from Python: ctypes over the kernels as a shared library."""
import ctypes as c

import numpy as np

F32, F16, BF16 = range(3)
ISAS = {"auto": 0, "scalar": 1, "avx2": 2, "avx512": 3, "neon": 4}
COUNT, REFUSE = range(2)
INVERSE, DIVIDE = range(2)
OK, NONE, USAGE, INVALID = 0, 1, 2, 3
BLOCK = 4096


class Axis(c.Structure):
    _fields_ = [(n, c.c_uint64) for n in ("outer", "channels", "inner")]


class Options(c.Structure):
    _fields_ = [("size", c.c_uint32), ("non_finite", c.c_uint32), ("isa", c.c_uint32),
                ("at", c.c_uint64)]


class Range(c.Structure):
    _fields_ = [(n, c.c_uint64) for n in ("n", "n_nan", "n_plus_infinity", "n_minus_infinity",
                                          "first_non_finite")] + \
               [("min", c.c_float), ("max", c.c_float)]


class Histogram(c.Structure):
    _fields_ = [("counts", c.c_void_p), ("side", c.c_uint32), ("exponent", c.c_int32),
                ("range", Range)]


class FakeOptions(c.Structure):
    _fields_ = [("size", c.c_uint32), ("rule", c.c_uint32), ("zero_point", c.c_uint32),
                ("quant_min", c.c_int32), ("quant_max", c.c_int32), ("grad_factor", c.c_float),
                ("isa", c.c_uint32)]


class FakeParams(c.Structure):
    _fields_ = [("scales", c.c_void_p), ("zero_points", c.c_void_p)]


def load(path):
    library = c.CDLL(path)
    library.quire_histogram_size.restype = c.c_size_t
    library.quire_histogram_edge.restype = c.c_double
    library.quire_histogram_edge.argtypes = [c.c_void_p, c.c_int64]
    library.quire_histogram_quantile.argtypes = [c.c_void_p, c.c_double, c.c_void_p]
    library.quire_fake_quantize_blocks.restype = c.c_uint64
    library.quire_fake_zero_point_round.argtypes = [c.c_float, c.c_int32, c.c_int32]
    return library


def isas(library):
    return [n for n in ("scalar", "avx2", "avx512", "neon")
            if library.quire_isa_is_available(ISAS[n])]


def axis_of(shape, axis):
    """[outer, channels, inner]; of axis None the whole tensor is one channel."""
    if axis is None:
        return Axis(1, 1, int(np.prod(shape)))
    return Axis(int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1:])))


def address(array):
    return None if array is None else array.ctypes.data_as(c.c_void_p)


def type_of(x):
    """bfloat16 is uint16 here."""
    return {"float32": F32, "float16": F16, "uint16": BF16}[x.dtype.name]


def ranges_new(library, channels):
    ranges = (Range * channels)()
    library.quire_range_init(ranges, c.c_uint64(channels))
    return ranges


def range_update(library, ranges, x, axis, isa="auto", non_finite=COUNT, at=0):
    options = Options(c.sizeof(Options), non_finite, ISAS[isa], at)
    return library.quire_range_update(ranges, c.byref(axis_of(x.shape, axis)), type_of(x),
                                      address(x), c.byref(options))


class Histograms:
    """One per channel, and the memory of their counts."""

    def __init__(self, library, channels=1, side=1024):
        self.library, self.side = library, side
        self.counts = np.zeros((channels, 2 * side), np.uint64)
        self.states = (Histogram * channels)()
        for k in range(channels):
            assert library.quire_histogram_init(c.byref(self.states[k]), side,
                                                address(self.counts[k])) == OK

    def update(self, x, axis=None, isa="auto", non_finite=COUNT, at=0):
        options = Options(c.sizeof(Options), non_finite, ISAS[isa], at)
        return self.library.quire_histogram_update(
            self.states, c.byref(axis_of(x.shape, axis)), type_of(x), address(x), c.byref(options))

    def merge(self, other):
        for a, b in zip(self.states, other.states):
            assert self.library.quire_histogram_merge(c.byref(a), c.byref(b)) == OK

    def write(self, k=0):
        state = c.byref(self.states[k])
        out = c.create_string_buffer(self.library.quire_histogram_size(state))
        self.library.quire_histogram_write(state, out)
        return out.raw

    def quantile(self, part, k=0):
        out = c.c_double()
        assert self.library.quire_histogram_quantile(c.byref(self.states[k]), part,
                                                     c.byref(out)) == OK
        return out.value

    def rank(self, rank, k=0):
        low, high = c.c_double(), c.c_double()
        assert self.library.quire_histogram_rank(c.byref(self.states[k]), c.c_uint64(rank),
                                                 c.byref(low), c.byref(high)) == OK
        return low.value, high.value


def fake_options(rule, zero_points, quant_min, quant_max, isa="auto", grad_factor=1.0):
    is_float = zero_points is not None and zero_points.dtype == np.float32
    return FakeOptions(c.sizeof(FakeOptions), rule, int(is_float), quant_min, quant_max, grad_factor,
                       ISAS[isa])


def fake_quantize(library, x, axis, scales, zero_points, quant_min, quant_max, rule=INVERSE,
                  isa="auto", cuts=(), with_mask=True):
    """y and mask; `cuts`: where calls end and the next begin."""
    y, mask = np.full(x.shape, 77, np.float32), np.full(x.shape, 9, np.uint8)
    options = fake_options(rule, zero_points, quant_min, quant_max, isa)
    params = FakeParams(address(scales), address(zero_points))
    ends = [0, *cuts, x.size]
    for first, end in zip(ends[:-1], ends[1:]):
        assert library.quire_fake_quantize(
            c.byref(options), c.byref(axis_of(x.shape, axis)), c.byref(params), address(x),
            c.c_uint64(first), c.c_uint64(end), address(y),
            address(mask) if with_mask else None) == OK
    return y, mask


def backward(library, dy, mask, isa="auto"):
    dx = np.full(dy.shape, 77, np.float32)
    assert library.quire_fake_quantize_backward(address(dy), address(mask), c.c_uint64(dy.size),
                                                ISAS[isa], address(dx)) == OK
    return dx


def gradients(library, x, dy, axis, scales, zero_points, quant_min, quant_max, rule=INVERSE,
              isa="auto", grad_factor=1.0, cuts=()):
    """dx, sums of blocks [blocks, channels, 2], totals [channels, 2]."""
    options = fake_options(rule, zero_points, quant_min, quant_max, isa, grad_factor)
    params = FakeParams(address(scales), address(zero_points))
    shape = axis_of(x.shape, axis)
    n = library.quire_fake_quantize_blocks(c.byref(shape))
    dx = np.full(x.shape, 77, np.float32)
    sums, totals = np.full((n, 2), 77.0), np.empty((shape.channels, 2))
    ends = [0, *(k for k in cuts if k < n), n]
    for first, end in zip(ends[:-1], ends[1:]):
        assert library.quire_fake_quantize_gradients(
            c.byref(options), c.byref(shape), c.byref(params), address(x), address(dy),
            c.c_uint64(first), c.c_uint64(end), address(dx), address(sums)) == OK
    library.quire_fake_quantize_totals(c.byref(shape), address(sums), address(totals))
    return dx, sums.reshape(-1, shape.channels, 2), totals
