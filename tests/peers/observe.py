"""observe.py - quire's ranges, fake-quantize and its gradients against torch's, to the bit where torch's
own result has one value; sums, which torch takes in float32 in an order of its own, within a bound.

    observe.py LIBRARY      the kernels as a shared library (target kernels_shared)

Where the two differ, and why, is in docs/kernels.md; check_exceptions holds that they still do.
"""
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import observe  # noqa: E402

aten = torch.ops.aten
rng = np.random.default_rng(20261121)
BOUNDS = [(0, 255), (-128, 127), (-127, 127), (-8, 7), (0, 3), (-32768, 32767), (-2**23, 2**23)]
SHAPES = [((1,), None), ((1003,), None), ((40, 1000), 0), ((1000, 40), 1), ((5, 3, 7, 9), 1),
          ((64, 8, 5), 1), ((300, 3), 1), ((3, 300), 1), ((9, 2, 4100), 1)]


def f32(x):
    return np.asarray(x, np.float32)


def same(got, wanted, what):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype and got.shape == wanted.shape, what
    bits = {4: np.uint32, 1: np.uint8}[got.dtype.itemsize]
    wrong = np.argwhere(got.view(bits) != wanted.view(bits))
    assert not len(wrong), f"{what}: {len(wrong)} of {got.size}, first {wrong[0]}: " \
                           f"{got[tuple(wrong[0])]!r}, torch {wanted[tuple(wrong[0])]!r}"


def shaped(v, shape, axis):
    return v.reshape([-1 if k == axis else 1 for k in range(len(shape))]) if axis is not None else v


def inputs_of(shape, s, axis, odd=True):
    """Elements of all sizes, and half of them on or next to a tie; NaN and what is beyond 2^62 steps
    only if `odd`."""
    n = int(np.prod(shape))
    x = (rng.standard_normal(n) * rng.choice([.1, 1, 30], n)).astype(np.float32).reshape(shape)
    ties = (rng.integers(-300, 300, shape) + f32(.5)) * shaped(s, shape, axis)
    x = f32(np.where(rng.random(shape) < .5, x, ties))
    values = f32([1e10, -1e10, 1e-45, -1e-45, 0.0, -0.0] + [np.nan, np.inf, -np.inf, 3e38] * odd)
    spots = rng.random(shape) < .03
    x[spots] = rng.choice(values, int(spots.sum()))
    return x


def scales_of(channels):
    return np.exp2(rng.uniform(-9, 2, channels)).astype(np.float32)


def zeros_of(low, high, channels):
    return rng.integers(max(low, -300), min(high, 300) + 1, channels, dtype=np.int32)


def check_ranges(library, isa):
    """Zeros of both signs come out of torch as they happen to be compared: of value only."""
    for shape, axis in SHAPES:
        for dtype in (np.float32, np.float16):
            x = inputs_of(shape, scales_of(1)[:1], None, odd=False).clip(-6e4, 6e4).astype(dtype)
            channels = 1 if axis is None else shape[axis]
            ranges = observe.ranges_new(library, channels)
            assert observe.range_update(library, ranges, x, axis, isa) == observe.OK
            flat = x.reshape(1, -1) if axis is None else np.moveaxis(x, axis, 0).reshape(channels, -1)
            low, high = torch.aminmax(torch.from_numpy(np.ascontiguousarray(flat)), dim=1)
            assert [r.min for r in ranges] == low.tolist(), (isa, shape, axis)
            assert [r.max for r in ranges] == high.tolist(), (isa, shape, axis)


def torch_forward(x, axis, s, z, low, high):
    t = torch.from_numpy
    if axis is None:
        y, mask = aten.fake_quantize_per_tensor_affine_cachemask(t(x), float(s[0]), int(z[0]), low,
                                                                 high)
    else:
        y, mask = aten.fake_quantize_per_channel_affine_cachemask(t(x), t(s), t(z), axis, low, high)
    return y.numpy(), mask.numpy().view(np.uint8)


def check_forward(library, isa):
    count = 0
    for shape, axis in SHAPES:
        channels = 1 if axis is None else shape[axis]
        for low, high in BOUNDS:
            for kind in ("int", "symmetric", "float"):
                s, z = scales_of(channels), zeros_of(low, high, channels)
                if kind == "symmetric":
                    z[:] = min(max(0, low), high)
                if kind == "float":
                    if axis is None:
                        continue
                    z = f32(z + rng.uniform(-1, 1, channels))
                x = inputs_of(shape, s, axis, odd=axis is None)
                dy = rng.standard_normal(shape).astype(np.float32)
                dy[rng.random(shape) < .01] = np.inf
                what = f"{isa} {shape} axis {axis} {low}..{high} {kind}"
                y, mask = torch_forward(x, axis, s, z, low, high)
                given = None if kind == "symmetric" and z[0] == 0 else z
                got = observe.fake_quantize(library, x, axis, s, given, low, high, isa=isa)
                same(got[0], y, what)
                same(got[1], mask, what + " mask")
                op = aten.fake_quantize_per_channel_affine_cachemask_backward
                wanted = op(torch.from_numpy(dy), torch.from_numpy(mask).view(torch.bool))
                same(observe.backward(library, dy, mask, isa), wanted.numpy(), what + " backward")
                count += 1
    return count


def check_forward_learned(library, isa):
    """Zero points that are parameters: rounded, then as above."""
    for low, high in BOUNDS:
        for z in np.concatenate([rng.uniform(low - 3, high + 3, 20).clip(-400, 400),
                                 np.arange(-4, 4) + .5]).astype(np.float32):
            s, x = scales_of(1), inputs_of((500,), f32([1]), None)
            whole = np.int32([library.quire_fake_zero_point_round(z, low, high)])
            wanted = aten._fake_quantize_learnable_per_tensor_affine(
                torch.from_numpy(x), torch.from_numpy(s), torch.tensor([float(z)]), low, high, 1.0)
            same(observe.fake_quantize(library, x, None, s, whole, low, high, isa=isa)[0],
                 wanted.numpy(), f"{isa} learned {z} {low}..{high}")


def torch_gradients(x, dy, axis, s, z, low, high, factor):
    t = torch.from_numpy
    if axis is None:
        out = aten._fake_quantize_learnable_per_tensor_affine_backward(
            t(dy), t(x), t(s), t(f32(z)), low, high, factor)
    else:
        out = aten._fake_quantize_learnable_per_channel_affine_backward(
            t(dy), t(x), t(s), t(f32(z)), axis, low, high, factor)
    return [a.numpy() for a in out]


def check_gradient_elements(library, isa):
    """A channel for each element: sums are of one term. They begin with +0, here and in torch."""
    for low, high in BOUNDS:
        if high > 2**16:
            continue  # torch takes differences of codes in int64 or in float32, as it comes
        for factor in (1.0, .0371):
            n = 20000
            s, z = scales_of(n), zeros_of(low, high, n)
            x = inputs_of((n, 1), s, 0, odd=False)
            dy = rng.standard_normal((n, 1)).astype(np.float32)
            what = f"{isa} elements {low}..{high}"
            wanted = torch_gradients(x, dy, 0, s, z, low, high, factor)
            dx, _, totals = observe.gradients(library, x, dy, 0, s, z, low, high, isa=isa,
                                              grad_factor=factor)
            same(dx, wanted[0], what + " dx")
            same(f32(totals[:, 0]), wanted[1], what + " scale")
            same(f32(totals[:, 1]), wanted[2], what + " zero point")


def check_gradient_sums(library, isa):
    """Torch adds n float32 terms in float32: off by no more than n * 2^-24 of their sizes' sum, which
    in turn is found by gradients of |dy| with one sign each."""
    worst = 0.0
    for shape, axis in SHAPES:
        channels = 1 if axis is None else shape[axis]
        for low, high in BOUNDS[:5]:
            s, z = scales_of(channels), zeros_of(low, high, channels)
            if axis is None:
                z = abs(z).clip(low, high)  # see check_exceptions
            x = inputs_of(shape, s, axis, odd=False).clip(-1e4, 1e4)
            dy = rng.standard_normal(shape).astype(np.float32)
            what = f"{isa} {shape} axis {axis} {low}..{high}"
            wanted = torch_gradients(x, dy, axis, s, z, low, high, .5)
            dx, _, totals = observe.gradients(library, x, dy, axis, s, z, low, high, isa=isa,
                                              grad_factor=.5)
            same(dx, wanted[0], what)
            n = x.size // channels
            sizes = np.abs(dy) * (np.abs(x / shaped(s, shape, axis)) + high - low + 1)
            sizes = sizes.sum(tuple(k for k in range(x.ndim) if k != axis)).reshape(channels)
            bound = (n * 2.0**-24 * sizes * np.maximum(1, s))[:, None]
            off = np.abs(totals - np.stack(wanted[1:], -1).reshape(channels, 2))
            assert (off <= bound).all(), what
            worst = max(worst, float((off / bound).max()))
    return worst


def check_exceptions(library, isa):
    """What docs/kernels.md says torch does otherwise. If one of these fails, torch has changed."""
    x = f32([[np.inf, 3e38, 1e10]])
    s, z = f32([1e-3]), np.int32([3])
    y, _ = torch_forward(x, 0, s, z, -5, 10)
    assert y.tolist() == [[f32(-8e-3), f32(-8e-3), f32(7e-3)]]
    got, _ = observe.fake_quantize(library, x, 0, s, z, -5, 10, isa=isa)
    assert got.tolist() == [[f32(7e-3)] * 3]
    x, dy = f32([100]), f32([1])  # outside: the gradient of scale is quant_max - zero point
    assert torch_gradients(x, dy, None, f32([1]), [-2], -5, 10, 1.0)[1] == 11
    _, _, totals = observe.gradients(library, x, dy, None, f32([1]), np.int32([-2]), -5, 10, isa=isa)
    assert totals[0, 0] == 12


def main(path):
    library = observe.load(path)
    torch.set_num_threads(1)
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        print("torch runs without FMA here: its fake-quantize kernels round otherwise; skipped")
        return
    for isa in observe.isas(library):
        check_ranges(library, isa)
        count = check_forward(library, isa)
        check_forward_learned(library, isa)
        check_gradient_elements(library, isa)
        worst = check_gradient_sums(library, isa)
        check_exceptions(library, isa)
        print(f"{isa}: ranges, {count} fake-quantized tensors and gradients are torch's bits; sums "
              f"differ by at most {worst:.3f} of the bound")


if __name__ == "__main__":
    main(sys.argv[1])
