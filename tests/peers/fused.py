"""fused.py - quire's fused rows against torch's own, byte for byte.

quantized::embedding_bag_{byte,4bit,2bit}_prepack are FBGEMM's row quantizers; *_unpack decodes them.
Rows: ordinary and adversarial, of every width up to 300 that torch takes. Also torch's greedy search
(optimized_qparams) and *_prepack_with_rowwise_min_max. Dequantized values are compared with torch's
unpack bit for bit, and the last line says how many of them a plain multiplication and addition, or a
sum in double, would give.

    fused.py LIBRARY      the kernels as a shared library (target kernels_shared)
"""
import ctypes as c
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bags  # noqa: E402

OPS = torch.ops.quantized
PREPACK = {8: OPS.embedding_bag_byte_prepack, 4: OPS.embedding_bag_4bit_prepack,
           2: OPS.embedding_bag_2bit_prepack}
UNPACK = {8: OPS.embedding_bag_byte_unpack, 4: OPS.embedding_bag_4bit_unpack,
          2: OPS.embedding_bag_2bit_unpack}
WITH_RANGES = {8: "embedding_bag_byte_prepack_with_rowwise_min_max",
               4: "embedding_bag_4bit_prepack_with_rowwise_min_max",
               2: "embedding_bag_2bit_prepack_with_rowwise_min_max"}
ISAS = ("scalar", "auto")
rng = np.random.default_rng(20261121)


def tables(width, rows=24):
    normal = rng.standard_normal((rows, width))
    power = np.exp2
    yield "normal", normal
    yield "sizes", normal * power(rng.integers(-20, 20, (rows, 1)))
    yield "tiny", normal * power(rng.integers(-149, -100, (rows, 1)))
    yield "subnormal float16", normal * power(rng.integers(-30, -12, (rows, 1)))
    yield "huge", normal * power(rng.integers(60, 126, (rows, 1)))
    yield "near the largest half", normal * power(rng.integers(10, 17, (rows, 1)))
    yield "constant", np.repeat(rng.standard_normal((rows, 1)), width, 1)
    yield "offset", normal * 1e-4 + rng.standard_normal((rows, 1)) * 100
    yield "ties", rng.integers(0, 9, (rows, width)) / 2
    yield "zeros", np.where(rng.random((rows, width)) < .5, 0.0, -0.0)
    yield "not negative", np.where(rng.random((rows, width)) < .5, -0.0, abs(normal))
    bits = rng.integers(0, 2**32, (rows, width), dtype=np.uint32).view(np.float32)
    yield "any bits", np.where(np.isfinite(bits), bits, 1)


def widths(bits):
    """Torch wants whole bytes."""
    step = 8 // bits
    return list(range(step, 301, step)) + [512, 768, 1024]


def float32(x):
    return np.ascontiguousarray(x, np.float32)


def check_rows(library):
    rows = 0
    for bits in (8, 4, 2):
        for width in widths(bits):
            for name, x in tables(width):
                x = float32(x)
                theirs = PREPACK[bits](torch.from_numpy(x)).numpy()
                for isa in ISAS:
                    ours = bags.fused_quantize(library, x, bits, isa=isa)
                    assert np.array_equal(ours, theirs), \
                        f"bytes: {bits} bit, width {width}, {name}, {isa}"
                rows += len(x)
    print(f"{rows} rows have torch's bytes")


def check_ranges(library):
    rows = 0
    for bits in (8, 4, 2):
        prepack = getattr(OPS, WITH_RANGES[bits], None)
        if prepack is None:
            print(f"{bits} bit: this torch takes no ranges")
            continue
        for width in (8, 12, 64, 100, 128):
            x = float32(rng.standard_normal((50, width)))
            ranges = float32(np.sort(rng.standard_normal((50, 2)) * 3, 1))
            ranges[::2, 0], ranges[::2, 1] = x[::2].min(1), x[::2].max(1)
            outside = (x < ranges[:, :1]) | (x > ranges[:, 1:])
            theirs = prepack(torch.from_numpy(x), torch.from_numpy(ranges)).numpy()
            ours = bags.fused_quantize(library, x, bits, ranges=ranges)
            # At 8 bits theirs do not clamp everywhere: rows that stay within their range.
            same = ~outside.any(1) if bits == 8 else slice(None)
            assert np.array_equal(ours[same], theirs[same]), f"ranges: {bits} bit, width {width}"
            rows += len(ours[same])
    print(f"{rows} rows of given ranges have torch's bytes")


def check_greedy(library):
    """Not of rows whose steps are too small to move an end of the range: torch does not return."""
    rows = 0
    for bits in (4, 2):
        for width in (4, 8, 12, 16, 20, 32, 60, 64, 128, 200):
            for name, x in tables(width, 8):
                if name not in ("normal", "sizes", "constant", "ties", "not negative", "zeros"):
                    continue
                x = float32(x)
                theirs = PREPACK[bits](torch.from_numpy(x), True).numpy()
                ours = bags.fused_quantize(library, x, bits, greedy=True)
                wrong = (ours != theirs).any(1)
                assert not wrong.any(), f"greedy: {bits} bit, width {width}, {name}: rows " \
                                        f"{np.flatnonzero(wrong)}"
                rows += len(x)
    print(f"{rows} rows have the bytes of torch's greedy search")


def same_bits(a, b):
    return (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))


def check_values(library):
    """The three ways to decode scale * q + bias: one rounding, one of double to float, two."""
    counts = {8: [0, 0, 0, 0], 4: [0, 0, 0, 0], 2: [0, 0, 0, 0]}
    for bits in (8, 4, 2):
        for width in widths(bits):
            for name, x in tables(width, 8):
                packed = PREPACK[bits](torch.from_numpy(float32(x)))
                theirs = UNPACK[bits](packed).numpy()
                packed = packed.numpy()
                ours = [bags.fused_dequantize(library, packed, bits, width, isa=isa)
                        for isa in ISAS]
                assert same_bits(*ours).all(), f"values: {bits} bit, width {width}, {name}"
                size = 4 if bits == 8 else 2
                trailer = np.ascontiguousarray(packed[:, -2 * size:]).view(
                    np.float32 if bits == 8 else np.float16).astype(np.float32)
                scale, bias = trailer[:, :1], trailer[:, 1:]
                per_byte = 8 // bits
                q = packed[:, np.arange(width) // per_byte] >> (
                    np.arange(width) % per_byte * bits).astype(np.uint8) & (2**bits - 1)
                q = q.astype(np.float32)
                with np.errstate(all="ignore"):
                    double = (scale.astype(np.float64) * q + bias).astype(np.float32)
                    twice = scale * q + bias
                for k, got in enumerate((ours[0], double, twice)):
                    counts[bits][k] += int(same_bits(got, theirs).sum())
                counts[bits][3] += theirs.size
    for bits, (fused, double, twice, n) in counts.items():
        print(f"{bits} bit: of {n} values of torch's unpack {n - fused} differ from quire's, "
              f"{n - double} from the sum in double, {n - twice} from two roundings")
    return counts


def check_refused(library):
    """NaN and infinities, which theirs take."""
    for bits in (8, 4, 2):
        for bad in (np.nan, np.inf, -np.inf):
            x = float32(rng.standard_normal((9, 36)))
            x[5, 33] = bad
            try:
                bags.fused_quantize(library, x, bits)
            except ValueError as error:
                assert "row 5 column 33" in str(error)
            else:
                raise AssertionError(f"{bad} is not refused")
    print("NaN and infinities are refused")


def main(path):
    torch.set_num_threads(1)
    library = c.CDLL(path)
    check_rows(library)
    check_ranges(library)
    check_greedy(library)
    check_refused(library)
    counts = check_values(library)
    return int(any(fused != n for fused, _, _, n in counts.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
