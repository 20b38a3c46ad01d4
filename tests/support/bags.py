"""bags.py - quire/kernels.h from Python: ctypes over the kernels as a shared library."""
import ctypes as c

import numpy as np

FLOAT32, FLOAT16, BFLOAT16, E4M3FN, E5M2, SPLIT, FUSED = range(7)
MODES = {"sum": 0, "mean": 1, "max": 2, "lookup": 3}
OFFSETS, OFFSETS_LAST, LENGTHS, FIXED = range(4)
ISAS = {"auto": 0, "scalar": 1, "avx2": 2, "avx512": 3, "neon": 4}


class Rows(c.Structure):
    _fields_ = [(n, c.c_uint32) for n in ("size", "storage", "bits", "block", "scale", "zero_point",
                                          "value", "scale_first")] + \
               [("width", c.c_uint64), ("stride", c.c_uint64)]


class Options(c.Structure):
    _fields_ = [(n, c.c_uint32) for n in ("size", "mode", "index", "offset", "form", "weights", "wrap",
                                          "pruned", "padding", "out", "isa")] + \
               [("padding_index", c.c_int64), ("fixed", c.c_uint64), ("out_stride", c.c_uint64)]


class Plan(c.Structure):
    _fields_ = [("inner", c.c_uint64 * 48)]


class Job(c.Structure):
    _fields_ = [("rows", c.c_void_p), ("scales", c.c_void_p), ("zero_points", c.c_void_p),
                ("n_rows", c.c_uint64), ("indices", c.c_void_p), ("n_indices", c.c_uint64),
                ("offsets", c.c_void_p), ("n_bags", c.c_uint64), ("weights", c.c_void_p),
                ("out", c.c_void_p)]


class Fault(c.Structure):
    _fields_ = [("kind", c.c_uint32), ("position", c.c_uint64), ("value", c.c_int64),
                ("limit", c.c_uint64)]


class RowsOptions(c.Structure):
    _fields_ = [("size", c.c_uint32), ("search", c.c_uint32), ("isa", c.c_uint32),
                ("eps", c.c_float)]


class RowsArrays(c.Structure):
    _fields_ = [("rows", c.c_void_p), ("scales", c.c_void_p), ("zero_points", c.c_void_p)]


class RowsFault(c.Structure):
    _fields_ = [("kind", c.c_uint32), ("row", c.c_uint64), ("column", c.c_uint64)]


def rows(storage, width, **members):
    return Rows(size=c.sizeof(Rows), storage=storage, width=width, **members)


def fused(bits, width, half=None):
    """Torch's own rows unless `half` says otherwise."""
    return rows(FUSED, width, bits=bits, scale=int(bits != 8 if half is None else half))


def split(bits, width, **members):
    return rows(SPLIT, width, bits=bits, **members)


def plan(library, table_rows, **members):
    made, why = Plan(), c.c_char_p()
    options = Options(size=c.sizeof(Options), **members)
    if library.quire_bag_plan_init(c.byref(made), c.byref(table_rows), c.byref(options),
                                   c.byref(why)):
        raise ValueError(why.value.decode())
    return made


def address(array):
    return None if array is None else array.ctypes.data


def integers(values):
    """As int32 or int64, whichever they are; else int64."""
    values = np.asarray(values)
    return np.ascontiguousarray(values, np.int32 if values.dtype == np.int32 else np.int64)


def float_type(array):
    """Of quire_float_type; bfloat16 comes as its bits."""
    return {"float32": 0, "float16": 1, "uint16": 2}[array.dtype.name]


def run(library, table_rows, table, n_rows, ids, offsets=None, last=False, mode="sum", scales=None,
        zeros=None, weights=None, padding=None, wrap=False, pruned=False, lengths=None, fixed=None,
        out_type=np.float32, isa="auto"):
    """Bags of `ids` cut by `offsets` or `lengths`, of `fixed` each, or a lookup; the output in
    `out_type`, bfloat16 (uint16) as its bits."""
    ids, weight_type = integers(ids), 0 if weights is None else 1 + float_type(weights)
    fixed = 1 if mode == "lookup" else fixed
    cuts = None if fixed is not None else integers(offsets if lengths is None else lengths)
    form = FIXED if cuts is None else LENGTHS if lengths is not None else OFFSETS_LAST if last else \
        OFFSETS
    n_bags = len(ids) // max(fixed, 1) if cuts is None else len(cuts) - int(form == OFFSETS_LAST)
    out = np.full((n_bags, table_rows.width), 0xa5, out_type)
    made = plan(library, table_rows, mode=MODES[mode], index=int(ids.dtype == np.int64),
                offset=int(cuts is not None and cuts.dtype == np.int64), form=form, fixed=fixed or 0,
                weights=weight_type, wrap=int(wrap), pruned=int(pruned),
                padding=int(padding is not None), padding_index=padding or 0, out=float_type(out),
                isa=ISAS[isa])
    job = Job(address(table), address(scales), address(zeros), n_rows, address(ids), len(ids),
              address(cuts), n_bags, address(weights), address(out))
    fault = Fault()
    if library.quire_bag_run(c.byref(made), c.byref(job), c.c_uint64(0), c.c_uint64(n_bags),
                             c.byref(fault)):
        raise IndexError(f"fault {fault.kind} at {fault.position}: {fault.value}")
    return out


def fused_quantize(library, x, bits, greedy=False, half=None, ranges=None, isa="auto"):
    """Fused rows of float32 x, one after the other."""
    format_ = fused(bits, x.shape[1], half)
    trailer = 4 if format_.scale else 8
    out = np.zeros((len(x), (x.shape[1] * bits + 7) // 8 + trailer), np.uint8)
    options = RowsOptions(size=c.sizeof(RowsOptions), search=2 * greedy, isa=ISAS[isa])
    arrays, fault = RowsArrays(rows=address(out)), RowsFault()
    status = library.quire_rows_quantize(c.byref(format_), c.byref(options), c.c_void_p(address(x)),
                                         c.c_uint64(len(x)), c.byref(arrays),
                                         c.c_void_p(address(ranges)), None, c.byref(fault))
    if status:
        raise ValueError(f"status {status}: row {fault.row} column {fault.column}")
    return out


def fused_dequantize(library, packed, bits, width, half=None, isa="auto"):
    """What the lookups of fused rows give."""
    format_ = fused(bits, width, half)
    options = RowsOptions(size=c.sizeof(RowsOptions), isa=ISAS[isa])
    out = np.zeros((len(packed), width), np.float32)
    arrays = RowsArrays(rows=address(packed))
    assert library.quire_rows_dequantize(c.byref(format_), c.byref(options), c.byref(arrays),
                                         c.c_uint64(len(packed)), c.c_void_p(address(out))) == 0
    return out
