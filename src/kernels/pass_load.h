/* pass_load.h - what the passes of wide instruction sets have alike, whatever their width: what is
 * constant in one of them, and a row's parameters loaded with F16C. Only for units compiled for it:
 * each has these in its own code, so nothing of them is ever linked into another.
 */
#ifndef QUIRE_KERNELS_PASS_LOAD_H
#define QUIRE_KERNELS_PASS_LOAD_H

#include "kernels/pass.h"

#if defined(__F16C__)
#include <immintrin.h>

#define UNROLL _Pragma("GCC unroll 16")

/* All that is constant in a stamped function, a byte each: kind, mode, units; from bit 24 on what
 * its own unit adds. It is an integer, and no struct, because compilers then leave out what its
 * constants rule out while they inline, and not after: clang is ten times as fast. */
typedef uint64_t shape;

#define SHAPE(kind, mode, units) ((shape)(kind) | (shape)(mode) << 8 | (shape)(units) << 16)

INLINE quire_pass_kind
shape_kind(shape s)
{
    return (quire_pass_kind)(s & 0xff);
}

INLINE quire_pass_mode
shape_mode(shape s)
{
    return (quire_pass_mode)(s >> 8 & 0xff);
}

INLINE int
shape_units(shape s)
{
    return s >> 16 & 0xff;
}

INLINE bool
shape_is_fused(shape s)
{
    return quire_pass_is_fused(shape_kind(s));
}

INLINE int
shape_unit_bytes(shape s)
{
    return quire_pass_unit_bytes(shape_kind(s));
}

INLINE float
load_f16(const uint8_t *at)
{
    uint16_t half;
    memcpy(&half, at, sizeof half);
    return _cvtsh_ss(half);
}

/* Scale and bias of a fused row, one behind the other, in the first two lanes. */
INLINE __m128
load_both(quire_pass_kind kind, const uint8_t *at)
{
    int halves;

    if (kind == QUIRE_PASS_FUSED8) {
        return _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)at));
    }
    memcpy(&halves, at, sizeof halves);
    return _mm_cvtph_ps(_mm_cvtsi32_si128(halves));
}

INLINE float
weight_of(const quire_pass *p, const uint64_t *entry)
{
    return p->weights[entry - p->rows];
}

/* The same, of the row whose codes are at `codes`, times the weight of its entry. */
INLINE __m128
load_fused_params(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode,
                  const uint8_t *codes, const uint64_t *entry)
{
    const __m128 both = load_both(kind, codes + (p->scales - p->codes));

    return mode == QUIRE_PASS_WEIGHTED ? _mm_mul_ps(_mm_set1_ps(weight_of(p, entry)), both) : both;
}

INLINE float
load_split_scale(const quire_pass *p, uint64_t row)
{
    const uint8_t *at = p->scales + row * p->scale_stride;

    return p->scale == QUIRE_FLOAT_F16 ? load_f16(at) : quire_load_f32(at);
}

INLINE float
load_split_zero(const quire_pass *p, uint64_t row)
{
    const uint8_t *at = p->zeros + row * p->zero_stride;

    return p->zero_is_float ? quire_load_f32(at) : (float)at[0];
}

/* Sums of fused rows without converting their codes. A code that is masked out of its dword, below
 * bit 23, already is a float32: the subnormal number q * 2^(shift - 149). Its product with s * 2^109
 * is s * q * 2^(shift - 40), and the sums, kept 2^(shift - 40) times too large, are what they would
 * be but for the exponent: with scales of float16 nothing overflows or gets subnormal on the way.
 * Scales of float32 have to be 0 or in [2^-80, 2^17): then sums are multiples of 2^-143, so exact
 * where they are subnormal, and far from overflowing. This is for processors that take subnormal
 * operands without a penalty.
 */
#define FAST_SCALE 0x1p109f
#define FAST_UNDO  0x1p40f
#define FAST_LEAST ((127u - 80) << 24) /* twice the bits of the float32 */
#define FAST_END   ((127u + 17) << 24)

INLINE bool
scale_is_fast(const uint8_t *at)
{
    uint32_t bits;

    memcpy(&bits, at, sizeof bits);
    return __builtin_expect(bits * 2 - FAST_LEAST < FAST_END - FAST_LEAST, 1) || bits * 2 == 0;
}

/* Before bag `b`, which starts with entry `i`. */
INLINE bool
bags_leave(quire_pass *p, size_t b, size_t i)
{
    p->bags += b;
    p->n_bags -= b;
    p->rows += i;
    p->n_fetch -= p->n_fetch < i ? p->n_fetch : i;
    p->out += b * p->out_stride;
    return false;
}

#endif

#endif
