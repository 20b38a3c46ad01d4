/* half.c - float16 and bfloat16 to and from float32.
 *
 * Bit arithmetic, so that no rounding mode, flush-to-zero flag or compiler option can change a
 * result. Not for speed: the loops of rows_kernels.h are.
 */
#include "kernels/half.h"

#define F32_INFINITY        0x7f800000u
#define F16_OVERFLOW        0x477ff000u /* 65520: half way between the largest float16 and 2^16 */
#define F16_SMALLEST_NORMAL 0x38800000u /* 2^-14                                                */
#define F16_HALF_SUBNORMAL  0x33000000u /* 2^-25: a tie between 0 and the smallest subnormal    */

/* `mantissa` / 2^shift, rounded half to even; 0 < shift < 32. */
static uint32_t
shift_rounded(uint32_t mantissa, uint32_t shift)
{
    const uint32_t kept = mantissa >> shift;
    const uint32_t rest = mantissa & ((1u << shift) - 1);
    const uint32_t half = 1u << (shift - 1);

    return kept + (rest + (kept & 1) > half);
}

uint16_t
quire_f16_from_f32(float value)
{
    const uint32_t bits = quire_f32_bits(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t size = bits & 0x7fffffffu;

    if (size > F32_INFINITY) return (uint16_t)(sign | 0x7e00u | ((size >> 13) & 0x3ffu));
    if (size >= F16_OVERFLOW) return (uint16_t)(sign | 0x7c00u);
    if (size <= F16_HALF_SUBNORMAL) return (uint16_t)sign;
    if (size < F16_SMALLEST_NORMAL) {
        const uint32_t mantissa = (size & 0x7fffffu) | 0x800000u;
        return (uint16_t)(sign | shift_rounded(mantissa, 126 - (size >> 23)));
    }
    return (uint16_t)(sign | (shift_rounded(size, 13) - (112u << 10)));
}

float
quire_f32_from_f16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t mantissa = half & 0x3ffu;
    uint32_t shifted = 113;

    if (exponent == 31) return quire_f32_from_bits(sign | F32_INFINITY | mantissa << 13);
    if (exponent) return quire_f32_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    if (!mantissa) return quire_f32_from_bits(sign);
    while (!(mantissa & 0x400u)) {
        mantissa <<= 1;
        shifted--;
    }
    return quire_f32_from_bits(sign | shifted << 23 | (mantissa & 0x3ffu) << 13);
}

uint16_t
quire_bf16_from_f32(float value)
{
    const uint32_t bits = quire_f32_bits(value);

    if ((bits & 0x7fffffffu) > F32_INFINITY) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)shift_rounded(bits, 16);
}

float
quire_f32_from_bf16(uint16_t brain)
{
    return quire_f32_from_bits((uint32_t)brain << 16);
}

size_t
quire_row_dtype_size(quire_row_dtype dtype)
{
    return dtype == QUIRE_ROW_DTYPE_F32 ? sizeof(float) : sizeof(uint16_t);
}

static void
widen_f16(const unsigned char *in, size_t n, float *out)
{
    uint16_t half;

    for (size_t i = 0; i < n; i++) {
        memcpy(&half, in + i * sizeof half, sizeof half);
        out[i] = quire_f32_from_f16(half);
    }
}

static void
widen_bf16(const unsigned char *in, size_t n, float *out)
{
    uint16_t brain;

    for (size_t i = 0; i < n; i++) {
        memcpy(&brain, in + i * sizeof brain, sizeof brain);
        out[i] = quire_f32_from_bf16(brain);
    }
}

static void
narrow_f16(const float *in, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t half = quire_f16_from_f32(in[i]);
        memcpy(out + i * sizeof half, &half, sizeof half);
    }
}

static void
narrow_bf16(const float *in, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t brain = quire_bf16_from_f32(in[i]);
        memcpy(out + i * sizeof brain, &brain, sizeof brain);
    }
}

void
quire_row_widen_plain(quire_row_dtype dtype, const void *in, size_t n, float *out)
{
    switch (dtype) {
    case QUIRE_ROW_DTYPE_F32:
        if (n) memcpy(out, in, n * sizeof *out);
        break;
    case QUIRE_ROW_DTYPE_F16: widen_f16(in, n, out); break;
    case QUIRE_ROW_DTYPE_BF16: widen_bf16(in, n, out); break;
    }
}

void
quire_row_narrow_plain(quire_row_dtype dtype, const float *in, size_t n, void *out)
{
    switch (dtype) {
    case QUIRE_ROW_DTYPE_F32:
        if (n) memcpy(out, in, n * sizeof *in);
        break;
    case QUIRE_ROW_DTYPE_F16: narrow_f16(in, n, out); break;
    case QUIRE_ROW_DTYPE_BF16: narrow_bf16(in, n, out); break;
    }
}
