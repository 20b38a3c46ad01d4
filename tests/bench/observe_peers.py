"""observe_peers.py - quire's ranges, histograms and fake-quantize timed against torch's, in one process,
one thread, with interleaved repeats: medians, and torch's time as a multiple of quire's.

    observe_peers.py LIBRARY [--elements N] [--repeats N]      LIBRARY: target kernels_shared, release
"""
import argparse
import ctypes as c
import os
import statistics
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import observe  # noqa: E402

aten = torch.ops.aten
COLUMNS = 768


def cases(library, n):
    """Name, quire's call, torch's."""
    rng = np.random.default_rng(6)
    x, dy = (rng.standard_normal((n // COLUMNS, COLUMNS)).astype(np.float32) for _ in range(2))
    tx, tdy = torch.from_numpy(x), torch.from_numpy(dy)
    wide = np.ascontiguousarray(x.T)
    twide, tdwide = torch.from_numpy(wide), torch.from_numpy(np.ascontiguousarray(dy.T))
    dwide = tdwide.numpy()
    scales, zeros = np.full(COLUMNS, .02, np.float32), np.zeros(COLUMNS, np.int32)
    ts, tz, tzf = torch.from_numpy(scales), torch.from_numpy(zeros), torch.zeros(COLUMNS)
    ranges = observe.ranges_new(library, COLUMNS)
    histogram = observe.Histograms(library)
    y, mask = np.empty_like(x), np.empty(x.shape, np.uint8)
    options = observe.fake_options(observe.INVERSE, zeros, -128, 127)
    params = observe.FakeParams(observe.address(scales), observe.address(zeros))
    tmask = torch.ones(x.shape, dtype=torch.bool)

    def fake(a, axis):
        library.quire_fake_quantize(c.byref(options), c.byref(observe.axis_of(a.shape, axis)),
                                    c.byref(params), observe.address(a), c.c_uint64(0),
                                    c.c_uint64(a.size), observe.address(y), observe.address(mask))

    def gradients(a, da, axis):
        shape = observe.axis_of(a.shape, axis)
        blocks = library.quire_fake_quantize_blocks(c.byref(shape))
        sums, totals = np.empty((blocks, 2)), np.empty((shape.channels, 2))
        library.quire_fake_quantize_gradients(
            c.byref(options), c.byref(shape), c.byref(params), observe.address(a),
            observe.address(da), c.c_uint64(0), c.c_uint64(blocks), observe.address(y),
            observe.address(sums))
        library.quire_fake_quantize_totals(c.byref(shape), observe.address(sums),
                                           observe.address(totals))

    yield "aminmax", lambda: observe.range_update(library, ranges, x, None), lambda: torch.aminmax(tx)
    yield "aminmax, dim 1 kept", lambda: observe.range_update(library, ranges, x, 1), \
        lambda: torch.aminmax(tx, dim=0)
    yield "aminmax, dim 0 kept", lambda: observe.range_update(library, ranges, wide, 0), \
        lambda: torch.aminmax(twide, dim=1)
    yield "histogram (torch: histc 2048)", lambda: histogram.update(x), \
        lambda: torch.histc(tx, 2048, -8, 8)
    yield "fake-quantize, mask", lambda: fake(x, None), \
        lambda: aten.fake_quantize_per_tensor_affine_cachemask(tx, .02, 0, -128, 127)
    yield "fake-quantize, channels 0, mask", lambda: fake(wide, 0), \
        lambda: aten.fake_quantize_per_channel_affine_cachemask(twide, ts, tz, 0, -128, 127)
    yield "fake-quantize, channels 1, mask", lambda: fake(x, 1), \
        lambda: aten.fake_quantize_per_channel_affine_cachemask(tx, ts, tz, 1, -128, 127)
    yield "backward by mask", \
        lambda: library.quire_fake_quantize_backward(observe.address(dy), observe.address(mask),
                                                     c.c_uint64(dy.size), 0, observe.address(y)), \
        lambda: aten.fake_quantize_per_tensor_affine_cachemask_backward(tdy, tmask)
    yield "learned gradients", lambda: gradients(x, dy, None), \
        lambda: aten._fake_quantize_learnable_per_tensor_affine_backward(tdy, tx, ts[:1], tzf[:1],
                                                                         -128, 127, 1.0)
    yield "learned gradients, channels 0", lambda: gradients(wide, dwide, 0), \
        lambda: aten._fake_quantize_learnable_per_channel_affine_backward(tdwide, twide, ts, tzf, 0,
                                                                          -128, 127, 1.0)
    yield "learned gradients, channels 1", lambda: gradients(x, dy, 1), \
        lambda: aten._fake_quantize_learnable_per_channel_affine_backward(tdy, tx, ts, tzf, 1, -128,
                                                                          127, 1.0)


def timed(call):
    start = time.thread_time()
    call()
    return time.thread_time() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--elements", type=int, default=1 << 22)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    n = options.elements // COLUMNS * COLUMNS
    print(f"{n} float32 elements, torch {torch.__version__}, "
          f"{torch.backends.cpu.get_cpu_capability()}")
    print(f"{'':34} {'quire':>9} {'torch':>9} {'ratio':>7}")
    for name, ours, theirs in cases(observe.load(options.library), n):
        times = [(timed(ours), timed(theirs)) for _ in range(options.repeats + 1)][1:]
        a, b = (statistics.median(t[k] for t in times) for k in (0, 1))
        print(f"{name:34} {n * 4 / a / 1e9:5.2f} GB/s {n * 4 / b / 1e9:4.2f} GB/s {b / a:6.2f}x")


if __name__ == "__main__":
    main()
