"""observe_reference.py - ranges, histograms and fake-quantize equal numpy's, to the bit, and quantizing
by division ONNX's: the reference evaluator of the onnx package and onnxruntime.

    observe_reference.py LIBRARY      the kernels as a shared library
"""
import ctypes as c
import os
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import observe  # noqa: E402

rng = np.random.default_rng(6)
warnings.simplefilter("ignore")
SHAPES = [((1,), None), ((7,), None), ((20011,), None), ((40, 1000), 0), ((1000, 40), 1),
          ((5, 3, 7, 9), 1), ((64, 8, 5), 1), ((300, 3), 1), ((3, 300), 1), ((2, 33, 1), 1),
          ((700, 31), 1), ((9, 2, 4096), 1), ((1, 1, 50), 1), ((600, 100, 2), 1), ((3, 2, 2049), 1)]


def same(got, wanted, what):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype and got.shape == wanted.shape, what
    bits = {4: np.uint32, 8: np.uint64, 1: np.uint8}[got.dtype.itemsize]
    wrong = np.argwhere(got.view(bits) != wanted.view(bits))
    assert not len(wrong), f"{what}: {len(wrong)} of {got.size}, first {wrong[0]}: " \
                           f"{got[tuple(wrong[0])]!r}, not {wanted[tuple(wrong[0])]!r}"


def arrays(shape):
    """Ordinary elements, zeros of both signs, one sign only, any bits, a few or many infinities."""
    n = int(np.prod(shape))
    x = rng.standard_normal(n).astype(np.float32)
    zeros = np.where(rng.random(n) < .5, np.float32(0), np.float32(-0.0))
    some = x.copy()
    some[rng.random(n) < .01] = rng.choice([np.nan, np.inf, -np.inf])
    masked = np.where(rng.random(n) < .5, -np.inf, x).astype(np.float32)
    bits = rng.integers(0, 2**32, n, dtype=np.uint32).view(np.float32)
    tiny = rng.integers(0, 2**24, n, dtype=np.uint32).view(np.float32)
    each = {"ordinary": x, "positive": abs(x), "negative": -abs(x), "zeros": zeros, "some": some,
            "masked": masked, "any": bits, "tiny": tiny, "all NaN": np.full(n, np.nan, np.float32)}
    return {name: a.reshape(shape) for name, a in each.items()}


def stored(x, kind):
    """The elements as stored, and what they are in float32."""
    if kind == "float32":
        return x, x
    if kind == "float16":
        half = x.astype(np.float16)
        return half, half.astype(np.float32)
    brain = (x.view(np.uint32) >> 16).astype(np.uint16)
    return brain, (brain.astype(np.uint32) << 16).view(np.float32)


def channels_of(v, axis):
    """[channels, elements] and the positions of those elements in the tensor."""
    if axis is None:
        return v.reshape(1, -1), np.arange(v.size).reshape(1, -1)
    at = np.arange(v.size).reshape(v.shape)
    return (np.moveaxis(a, axis, 0).reshape(v.shape[axis], -1) for a in (v, at))


def check_range(r, v, at, what):
    finite = v[np.isfinite(v)]
    off = at[~np.isfinite(v)]
    wanted = (v.size, np.isnan(v).sum(), (v == np.inf).sum(), (v == -np.inf).sum(),
              off.min() if off.size else 2**64 - 1)
    assert (r.n, r.n_nan, r.n_plus_infinity, r.n_minus_infinity, r.first_non_finite) == wanted, what
    low, high = np.float32(np.inf), np.float32(-np.inf)
    if finite.size:  # in the order of IEEE's totalOrder: numpy leaves zeros as they come
        low, high = finite.min(), finite.max()
        if low == 0:
            low = np.float32(-0.0 if np.signbit(finite[finite == 0]).any() else 0.0)
        if high == 0:
            high = np.float32(-0.0 if np.signbit(finite[finite == 0]).all() else 0.0)
    same(np.float32([r.min, r.max]), np.float32([low, high]), what)


def histogram_of(v, side):
    """Exponent and counts, from exact arithmetic on float64."""
    x = v[np.isfinite(v)].astype(np.float64)
    counts = np.zeros(2 * side, np.uint64)
    k = -149
    if x.size and abs(x).max() > 0:
        k = max(k, int(np.frexp(abs(x).max())[1]) - side.bit_length() + 1)
    if x.size:
        bins = np.floor(np.ldexp(x, -k)).astype(np.int64)
        assert (abs(x) < side * 2.0**k).all()
        counts += np.bincount(bins + side, minlength=2 * side).astype(np.uint64)
    return k, counts


def check_quantiles(h, v, what):
    x = np.sort(v[np.isfinite(v)].astype(np.float64))
    if not x.size:
        return
    width = 2.0**h.states[0].exponent
    for rank in rng.integers(0, x.size, 5):
        low, high = h.rank(int(rank))
        assert low <= x[rank] <= high and high - low <= width, what
    for part in (0, 1, .5, .001, .999, rng.random()):
        got = h.quantile(part)
        nearest = x[min(max(int(np.ceil(part * x.size)) - 1, 0), x.size - 1)]
        assert abs(got - nearest) <= width and x[0] <= got <= x[-1], what
    assert h.quantile(0) == x[0] and h.quantile(1) == x[-1], what


def check_observers(library):
    count = 0
    for isa in observe.isas(library):
        for shape, axis in SHAPES:
            for name, x in arrays(shape).items():
                for kind in ("float32", "float16", "bfloat16"):
                    as_stored, v = stored(x, kind)
                    what = f"{isa} {shape} axis {axis} {name} {kind}"
                    each, at = channels_of(v, axis)
                    ranges = observe.ranges_new(library, len(each))
                    bad = not np.isfinite(v).all()
                    status = observe.range_update(library, ranges, as_stored, axis, isa,
                                                  observe.REFUSE, 5)
                    assert status == (observe.INVALID if bad else observe.OK), what
                    side = int(rng.choice([16, 256, 1024, 4096]))
                    h = observe.Histograms(library, len(each), side)
                    assert h.update(as_stored, axis, isa, at=5) == observe.OK, what
                    for k, (one, where) in enumerate(zip(each, at)):
                        check_range(ranges[k], one, where + 5, what)
                        check_range(h.states[k].range, one, where + 5, what)
                        exponent, counts = histogram_of(one, side)
                        assert h.states[k].exponent == exponent, what
                        same(h.counts[k], counts, what)
                    if axis is None:
                        check_quantiles(h, v, what)
                    count += 1
    return count


def check_long(library):
    """Enough for the short tables to overflow, were they not emptied; ranges that grow on the way."""
    for isa in observe.isas(library):
        for x in (np.zeros(1_100_000), rng.standard_normal(1_100_000) * np.linspace(1e-3, 9, 1_100_000)):
            x = x.astype(np.float32)
            h = observe.Histograms(library)
            assert h.update(x, isa=isa) == observe.OK
            same(h.counts[0], histogram_of(x, 1024)[1], f"{isa} long")


def check_merge(library):
    """40 batches of scales 2^-6 to 2^6: any order and any tree of shards, the same bytes."""
    batches = [(rng.standard_normal(3000) * 2.0**rng.uniform(-6, 6)).astype(np.float32)
               for _ in range(40)]
    starts = np.cumsum([0] + [b.size for b in batches])
    at_once = observe.Histograms(library)
    assert at_once.update(np.concatenate(batches)) == observe.OK
    wanted = at_once.write()
    for _ in range(50):
        shards = [observe.Histograms(library) for _ in range(rng.integers(1, 9))]
        for k in rng.permutation(40):
            assert shards[rng.integers(len(shards))].update(batches[k], at=int(starts[k])) == observe.OK
        while len(shards) > 1:
            a, b = rng.choice(len(shards), 2, replace=False)
            shards[a].merge(shards[b])
            del shards[b]
        assert shards[0].write() == wanted
    return 50


def f32(x):
    return np.asarray(x, np.float32)


def fma(a, b, z):
    """Rounded once: the product is exact in float64; the sum is rounded to odd there, which a second
    rounding to float32 cannot mistake for a tie."""
    p, z = np.asarray(a, np.float64) * np.asarray(b, np.float64), np.asarray(z, np.float64)
    p, z = np.broadcast_arrays(p, z)
    total = p + z
    part = total - p
    error = (p - (total - part)) + (z - part)
    bits = total.view(np.int64)
    even = np.isfinite(total) & (error != 0) & (bits & 1 == 0)
    odd = np.where((error > 0) == (total > 0), bits + 1, bits - 1)
    return np.where(even, odd, bits).view(np.float64).astype(np.float32)


def forward(x, s, z, low, high, rule):
    """The formulas of quire/observe.h; s and z are shaped to go with x."""
    r = f32(1) / s
    scaled = x / s if rule == observe.DIVIDE else x * r
    if z.dtype == np.float32:
        t = np.rint(scaled + z if rule == observe.DIVIDE else fma(x, r, z))
    else:
        t = f32(z) + np.rint(scaled)
    q = np.clip(np.where(np.isnan(t), f32(low), t), f32(low), f32(high))
    if z.dtype == np.float32:
        y = ((q.astype(np.float64) - z) * s.astype(np.float64)).astype(np.float32)
    else:
        y = (q - f32(z)) * s
    return f32(y), ((t >= low) & (t <= high)).astype(np.uint8)


def gradient_terms(x, dy, s, z, low, high, rule, factor):
    r, z32, g = f32(1) / s, f32(z), f32(factor)
    if rule == observe.DIVIDE:
        t = np.rint(x / s + z) if z.dtype == np.float32 else z32 + np.rint(x / s)
    else:
        t = np.rint(fma(x, r, z32))
    inside = (t >= low) & (t <= high)
    d = np.clip(np.where(np.isnan(t), f32(low), t), f32(low), f32(high)) - z32
    if rule == observe.DIVIDE:
        of_scale = dy * (d * s - x) / s * g
    else:
        of_scale = dy * fma(d, s, -x) * r * g
    beyond = np.where(t > high, f32(high), f32(low)) - z32
    of_scale = np.where(inside, of_scale, dy * beyond * g)
    of_zero = np.where(inside, f32(0), dy * f32(-1) * s * g)
    return f32(dy * inside.astype(np.float32)), f32(of_scale), f32(of_zero)


def block_sums(terms):
    """[channels, elements] to [blocks, channels]: eight parts a block, in order."""
    channels, n = terms.shape
    out = []
    for first in range(0, n, observe.BLOCK):
        block = terms[:, first:first + observe.BLOCK].astype(np.float64)
        block = np.pad(block, ((0, 0), (0, -block.shape[1] % 8))).reshape(channels, -1, 8)
        parts = np.zeros((channels, 8))
        for k in range(block.shape[1]):
            parts += block[:, k]
        total = parts[:, 0]
        for k in range(1, 8):
            total = total + parts[:, k]
        out.append(total)
    return np.array(out).reshape(-1, channels)


def shaped(v, shape, axis):
    return v.reshape([-1 if k == axis else 1 for k in range(len(shape))]) if axis is not None else v


def fake_cases(shape, axis):
    channels = 1 if axis is None else shape[axis]
    for low, high in ((0, 255), (-128, 127), (-127, 127), (-8, 7), (0, 3), (-2**23, 2**23)):
        s = np.exp2(rng.uniform(-9, 2, channels)).astype(np.float32)
        for kind in ("int", "float", "none"):
            z = rng.integers(max(low, -300), min(high, 300) + 1, channels, dtype=np.int32)
            if kind == "float":
                z = (z + rng.uniform(-1, 1, channels)).astype(np.float32)
            if kind == "none":
                z = np.zeros(channels, np.int32)
            yield low, high, s, z, kind


def inputs_of(shape, s, axis):
    """Elements of all sizes, and half of them on or next to a tie."""
    n = int(np.prod(shape))
    x = (rng.standard_normal(n) * rng.choice([.1, 1, 30], n)).astype(np.float32).reshape(shape)
    ties = (rng.integers(-300, 300, shape) + f32(.5)).astype(np.float32) * shaped(s, shape, axis)
    x = np.where(rng.random(shape) < .5, x, f32(ties)).astype(np.float32)
    odd = f32([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -1e-45, 0.0, -0.0, 1e20])
    spots = rng.random(shape) < .02
    x[spots] = rng.choice(odd, int(spots.sum()))
    return x


def check_fake(library):
    count = 0
    for shape, axis in SHAPES:
        for low, high, s, z, kind in fake_cases(shape, axis):
            x, dy = inputs_of(shape, s, axis), rng.standard_normal(shape).astype(np.float32)
            of = shaped(s, shape, axis), shaped(z, shape, axis)
            given = None if kind == "none" else z
            cuts = sorted(int(k) for k in rng.integers(0, x.size + 1, 4))
            for rule in (observe.INVERSE, observe.DIVIDE):
                y, mask = forward(x, *of, low, high, rule)
                terms = gradient_terms(x, dy, *of, low, high, rule, .37)
                per_channel = [list(channels_of(a, axis))[0] for a in terms[1:]]
                sums = np.stack([block_sums(a) for a in per_channel], -1)
                for isa in observe.isas(library):
                    what = f"{isa} {shape} axis {axis} {low}..{high} {kind} rule {rule}"
                    got = observe.fake_quantize(library, x, axis, s, given, low, high, rule, isa, cuts)
                    same(got[0], y, what)
                    same(got[1], mask, what + " mask")
                    bare = observe.fake_quantize(library, x, axis, s, given, low, high, rule, isa,
                                                 with_mask=False)
                    same(bare[0], y, what + " without mask")
                    same(observe.backward(library, dy, mask, isa), dy * mask.astype(np.float32), what)
                    dx, parts, totals = observe.gradients(library, x, dy, axis, s, given, low, high,
                                                          rule, isa, .37, cuts)
                    same(dx, terms[0], what + " dx")
                    same(parts, sums, what + " sums")
                    added = np.zeros_like(sums[0])
                    for block in sums:
                        added = added + block
                    same(totals, added, what + " totals")
                    count += 1
    return count


ONNX_TYPES = {(0, 255): (TensorProto.UINT8, np.uint8), (-128, 127): (TensorProto.INT8, np.int8),
              (0, 65535): (TensorProto.UINT16, np.uint16),
              (-32768, 32767): (TensorProto.INT16, np.int16)}


def qdq_model(shape, axis, low, high, s, z):
    kind, dtype = ONNX_TYPES[low, high]
    scalar = axis is None
    inits = [helper.make_tensor("s", TensorProto.FLOAT, [] if scalar else s.shape, s.tolist()),
             helper.make_tensor("z", kind, [] if scalar else z.shape, z.astype(dtype).tolist())]
    given = {} if scalar else {"axis": axis}
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **given),
             helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **given)]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def check_onnx(library):
    """The rule DIVIDE. The reference evaluator converts to int32 on the way, and so takes part only
    where |x / s| is below 2^31."""
    count = 0
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    for shape, axis in SHAPES[:8]:
        channels = 1 if axis is None else shape[axis]
        for low, high in ONNX_TYPES:
            s = np.exp2(rng.uniform(-9, 2, channels)).astype(np.float32)
            z = rng.integers(low, high + 1, channels, dtype=np.int32)
            model = qdq_model(shape, axis, low, high, s, z)
            x = inputs_of(shape, s, axis)
            session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                                   providers=["CPUExecutionProvider"])
            wanted = session.run(None, {"x": x})[0]
            small = np.where(np.isfinite(x) & (abs(x) < 1e6), x, f32(1))
            evaluated = ReferenceEvaluator(model).run(None, {"x": small})[0]
            for isa in observe.isas(library):
                what = f"{isa} {shape} axis {axis} {low}..{high}"
                run = lambda a: observe.fake_quantize(library, a, axis, s, z, low, high,
                                                      observe.DIVIDE, isa)[0]
                same(run(x), wanted, what + " onnxruntime")
                same(run(small), evaluated, what + " reference evaluator")
                count += 1
    return count


def main(path):
    library = observe.load(path)
    print(check_observers(library), "arrays: range and histogram as numpy's")
    check_long(library)
    print(check_merge(library), "orders and trees of 40 batches: the same bytes")
    print(check_fake(library), "fake-quantize and gradients as numpy's")
    print(check_onnx(library), "quantized and dequantized as onnxruntime and onnx do")


if __name__ == "__main__":
    main(sys.argv[1])
