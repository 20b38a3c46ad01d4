"""Row arithmetic in numpy, written from the specification alone: the expected figures.

Groups are a row or the real columns of one block, float32. All rounding is half to even. What is
computed here: scales, zero points and codes of min-max, codes from a stored scale and zero point,
decoded values in the table's type, planar packing, errors in double."""
import numpy as np

F32, F16, BF16 = "f32", "f16", "bf16"
f4, f8 = np.float32, np.float64


def widen(bits, dtype):
    """The table's stored bits (float32 array, or uint16 of a half type) as float32."""
    if dtype == F32:
        return bits.view(f4)
    if dtype == F16:
        return bits.view(np.float16).astype(f4)
    return (bits.astype(np.uint32) << 16).view(f4)


def narrow(values, dtype):
    """float32 rounded to the stored type, as that type's bits."""
    values = np.ascontiguousarray(values, f4)
    if dtype == F32:
        return values.view(np.uint32)
    with np.errstate(over="ignore"):
        if dtype == F16:
            return values.astype(np.float16).view(np.uint16)
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def stored(values, dtype):
    """float32 rounded to the stored type and widened again."""
    bits = narrow(values, dtype)
    return widen(bits, dtype)


def finish_scale(s, half):
    if half:
        with np.errstate(over="ignore"):
            s = s.astype(np.float16).astype(f4)
    return np.maximum(s, f4(2.0 ** -24 if half else 2.0 ** -126))


def minmax(x, bits, zero_point, half):
    """(scale, zero point) per group; half: float16 scales. A scale may come out infinite."""
    n = 2 ** bits - 1
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        if zero_point == "int":
            lo, hi = np.minimum(x.min(1), f4(0)), np.maximum(x.max(1), f4(0))
            zero = (lo == 0) & (hi == 0)
            s = finish_scale(((hi.astype(f8) - lo.astype(f8)) / n).astype(f4), half)
            s = np.where(zero, f4(1), s)
            z = np.clip(np.rint(-lo.astype(f8) / s.astype(f8)), 0, n)
            return s, np.where(zero, 0, z).astype(f4)
        lo, hi = x.min(1), x.max(1)
        spread = hi - lo
        wide = ((hi.astype(f8) - lo.astype(f8)) / n).astype(f4)
        s = np.where(np.isinf(spread), wide, spread / f4(n))
        s = np.where(hi == lo, f4(1), finish_scale(s, half))
        return s, (-lo / s).astype(f4)


def decode(q, s, z, dtype):
    """Values in the table's type, as float32."""
    with np.errstate(over="ignore", under="ignore"):
        return stored((q.astype(f4) - z[:, None]).astype(f4) * s[:, None], dtype)


def codes(x, s, z, bits, zero_point, dtype):
    """(codes, decoded values) of the groups for a stored scale and zero point."""
    n = 2 ** bits - 1
    with np.errstate(over="ignore", under="ignore"):
        if zero_point == "int":
            q = np.rint((x / s[:, None]).astype(f4)).astype(f8) + z[:, None]
            target = np.broadcast_to(z[:, None], x.shape)
        else:
            q = np.rint(((x * (f4(1) / s)[:, None]).astype(f4) + z[:, None]).astype(f4))
            target = np.broadcast_to(np.clip(np.rint(z), 0, n)[:, None], x.shape)
        q = np.clip(q, 0, n) + 0  # a code is an integer: no -0
        value = decode(q, s, z, dtype)
        while np.isinf(value).any():
            step = np.where(np.isinf(value), np.sign(target - q), 0)
            if not step.any():
                break
            q = q + step
            value = decode(q, s, z, dtype)
    return q.astype(np.uint8), value


def squares(values):
    """Sum of squares of each row in double; quire adds in another order (rows_reference.py has it), which
    moves last bits."""
    total = np.zeros(values.shape[0], f8)
    for column in range(values.shape[1]):
        total += values[:, column] * values[:, column]
    return total


def errors(x, value):
    return squares(x.astype(f8) - value.astype(f8))


def pack(q, bits):
    """Planar: of G columns and W bytes, column j is in byte j mod W at bit bits * (j // W)."""
    per = 8 // bits
    width = -(-q.shape[1] // per)
    out = np.zeros((q.shape[0], width), np.uint8)
    for column in range(q.shape[1]):
        out[:, column % width] |= q[:, column] << np.uint8(bits * (column // width))
    return out


def unpack(packed, bits, columns):
    width = packed.shape[1]
    places = [(column % width, np.uint8(bits * (column // width))) for column in range(columns)]
    out = [packed[:, byte] >> shift & np.uint8(2 ** bits - 1) for byte, shift in places]
    return np.stack(out, 1) if out else np.zeros((packed.shape[0], 0), np.uint8)


def groups(width, block):
    """[(first column, columns)] of a row."""
    if not block or width <= block:
        return [(0, width)]
    return [(at, min(block, width - at)) for at in range(0, width, block)]


def shapes(rows, width, bits, block):
    """Shapes of codes and of scales."""
    if not block or width <= block:
        return [rows, -(-width * bits // 8)], [rows, 1]
    count = -(-width // block)
    return [rows, count, block * bits // 8], [rows, count, 1]


def quantize(x, bits, block, zero_point, half, dtype, given=None):
    """All of a table: packed codes, scales, zero points and errors [V, S], values [V, D].

    In this order: codes, scales, zero points, values, errors. given: (scales, zero points) [V, S]
    stored by someone else; min-max if absent."""
    parts = groups(x.shape[1], block)
    packed, scales, zeros, value, error = [], [], [], np.zeros_like(x), []
    for index, (first, count) in enumerate(parts):
        piece = x[:, first:first + count]
        s, z = (given[0][:, index], given[1][:, index]) if given else minmax(
            piece, bits, zero_point, half)
        q, v = codes(piece, s, z, bits, zero_point, dtype)
        if len(parts) > 1 and count < block:
            q = np.pad(q, ((0, 0), (0, block - count)))
        packed.append(pack(q, bits))
        scales.append(s)
        zeros.append(z)
        value[:, first:first + count] = v
        error.append(errors(piece, v))
    if len(parts) == 1:
        codes_out = packed[0]
    else:
        codes_out = np.stack(packed, 1)
    return codes_out, np.stack(scales, 1), np.stack(zeros, 1), value, np.stack(error, 1)


def sqnr(signal, noise):
    """Decibels, None where there is no error."""
    return None if noise == 0 else 10 * np.log10(signal / noise)
