/* fused_block_avx2.h - a block of rows: their ranges, and the parameters that fused rows have for them. A
 * part of fused_rows_avx2.h, and compiled with the flags of its units.
 */
#ifndef QUIRE_KERNELS_FUSED_BLOCK_AVX2_H
#define QUIRE_KERNELS_FUSED_BLOCK_AVX2_H

#include "kernels/fused_params.h"
#include "kernels/fused_ranges_avx2.h"

#if defined(__AVX2__)

#define BLOCK     (1 << 12)   /* elements */
#define MOST_ROWS (BLOCK / 8) /* of a block */

#define SIGN     0x80000000u
#define INFINITE 0x7f800000u

/* By row; behind the last one room for a whole vector. `lo` and `hi` are the farthest and the greatest
 * element at first. */
typedef struct block {
    _Alignas(32) float lo[MOST_ROWS];
    float hi[MOST_ROWS];
    float near[MOST_ROWS]; /* the least signed, where it is noted */
    float bias[MOST_ROWS];
    float inverse[MOST_ROWS];      /* negative */
    uint8_t stored[MOST_ROWS * 8]; /* scale and bias as in a row, 8 or 4 bytes */
    uint64_t n_good;               /* rows before the first that is not finite */
    bool clamps;                   /* may some codes be above the greatest?    */
} block;

/* Of one row, in every lane. */
typedef struct wide_params {
    __m256 bias;
    __m256 inverse; /* negative */
    __m256 top;
} wide_params;

/* Of the eight rows from the i-th on. */
INLINE void
block_add(block *b, uint64_t i, team lower, team upper)
{
    _mm256_store_si256((__m256i *)(void *)(b->lo + i), _mm256_set_m128i(upper.far, lower.far));
    _mm256_store_si256((__m256i *)(void *)(b->hi + i), _mm256_set_m128i(upper.top, lower.top));
    if (!NOTES_NEAR) return;
    _mm256_store_si256((__m256i *)(void *)(b->near + i), _mm256_set_m128i(upper.near, lower.near));
}

/* Of rows one after the other, the first in `e`. */
INLINE void
block_add_rows(block *b, uint64_t from, uint64_t end, const extremes *e)
{
    for (uint64_t i = from; i < end; i += 2 * TEAM, e += 2 * TEAM) {
        const team lower = team_of(e);
        block_add(b, i, lower, i + TEAM < end ? team_of(e + TEAM) : lower);
    }
}

/* Have all of eight rows elements on both sides of zero, and finite ones only? */
INLINE bool
are_usual(const block *b, uint64_t i)
{
    const __m256i above = _mm256_add_epi32(load(b->hi + i), _mm256_set1_epi32(INT32_MAX));
    const __m256i below = _mm256_sub_epi32(load(b->lo + i), _mm256_set1_epi32(1));
    const __m256i bound = _mm256_set1_epi32((int32_t)(SIGN + INFINITE - 2));
    const __m256i beyond = _mm256_cmpgt_epi32(_mm256_max_epi32(above, below), bound);

    return _mm256_testz_si256(beyond, beyond);
}

/* Of up to eight rows the least signed. */
INLINE __m256
rows_nearest(const float *x, uint64_t width, uint64_t n)
{
    __m256i of[2 * TEAM];

    for (uint64_t k = 0; k < 2 * TEAM; k++)
        of[k] = k < n ? row_nearest(x + k * width, width) : of[0];
    return _mm256_castsi256_ps(
        _mm256_set_m128i(nearest(of[4], of[5], of[6], of[7]), nearest(of[0], of[1], of[2], of[3])));
}

/* Is one of eight rows not finite, or has a zero that may have another sign? */
INLINE bool
is_one_odd(__m256 lo, __m256 hi)
{
    const __m256i l = _mm256_castps_si256(lo), h = _mm256_castps_si256(hi);
    const __m256i sign = _mm256_set1_epi32((int32_t)SIGN);
    const __m256i size =
        _mm256_max_epi32(_mm256_andnot_si256(sign, l), _mm256_andnot_si256(sign, h));
    const __m256i vast = _mm256_cmpgt_epi32(size, _mm256_set1_epi32(INFINITE - 1));
    const __m256i zero =
        _mm256_or_si256(_mm256_cmpeq_epi32(l, sign), _mm256_cmpeq_epi32(h, _mm256_setzero_si256()));
    const __m256i odd = _mm256_or_si256(vast, zero);

    return !_mm256_testz_si256(odd, odd);
}

/* Of an odd row: ends the good ones, or which zero wins, which is a matter of order: the plain loop tells. */
INLINE void
range_of_odd(const float *row, uint64_t width, uint64_t r, block *io)
{
    const uint32_t far = quire_f32_bits(io->lo[r]);
    const uint32_t top = quire_f32_bits(io->hi[r]);

    if (far >= (SIGN | INFINITE) || (top >= INFINITE && top < SIGN)) {
        if (r < io->n_good) io->n_good = r;
    } else if (far == SIGN || (far > SIGN && top == 0)) {
        quire_fused_range_find(row, width, &io->lo[r], &io->hi[r]);
    }
}

/* The ranges of up to eight rows some of which are not usual. Where all elements have one sign the other
 * end is the least signed, which is looked for now if it was not noted. */
static __attribute__((noinline)) void
ranges_complete(const float *x, uint64_t width, uint64_t from, uint64_t end, block *io)
{
    const __m256 far = _mm256_load_ps(io->lo + from), top = _mm256_load_ps(io->hi + from);
    const __m256 near = NOTES_NEAR ? _mm256_load_ps(io->near + from)
                                   : rows_nearest(x + from * width, width, end - from);
    const __m256 lo = _mm256_blendv_ps(near, far, far), hi = _mm256_blendv_ps(top, near, top);

    _mm256_store_ps(io->lo + from, lo);
    _mm256_store_ps(io->hi + from, hi);
    if (!is_one_odd(lo, hi)) return;
    for (uint64_t r = from; r < end; r++)
        range_of_odd(x + r * width, width, r, io);
}

static __attribute__((noinline)) void
ranges_take(const float *ranges, uint64_t from, uint64_t end, block *out)
{
    for (uint64_t r = from; r < end; r++) {
        out->lo[r] = ranges[2 * r];
        out->hi[r] = ranges[2 * r + 1];
    }
}

INLINE void
params_f32(block *b, uint64_t i)
{
    const __m256 top = _mm256_set1_ps(255);
    const __m256 lo = _mm256_load_ps(b->lo + i);
    const __m256 range = _mm256_sub_ps(_mm256_load_ps(b->hi + i), lo);
    const __m256 scale = _mm256_div_ps(range, top);
    const __m256 even = _mm256_unpacklo_ps(scale, lo);
    const __m256 odd = _mm256_unpackhi_ps(scale, lo);
    float *stored = (float *)(void *)(b->stored + 8 * i);

    _mm256_store_ps(b->bias + i, lo);
    _mm256_store_ps(b->inverse + i, _mm256_div_ps(_mm256_set1_ps(-255),
                                                  _mm256_add_ps(range, _mm256_set1_ps(1e-8f))));
    _mm256_store_ps(stored, _mm256_permute2f128_ps(even, odd, 0x20));
    _mm256_store_ps(stored + 8, _mm256_permute2f128_ps(even, odd, 0x31));
}

#define TO_HALF(v) _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)

/* A scale of 0 becomes 1, and so does one without a finite inverse, which no other half has. */
INLINE void
params_f16(block *b, uint64_t i, float max_code)
{
    const __m256 one = _mm256_set1_ps(1), minus_one = _mm256_set1_ps(-1);
    const __m128i half_bias = TO_HALF(_mm256_load_ps(b->lo + i));
    const __m256 bias = _mm256_cvtph_ps(half_bias);
    const __m256 range = _mm256_sub_ps(_mm256_load_ps(b->hi + i), bias);
    const __m128i half = TO_HALF(_mm256_div_ps(range, _mm256_set1_ps(max_code)));
    const __m256 scale = _mm256_cvtph_ps(half);
    const __m256 zero = _mm256_cmp_ps(scale, _mm256_setzero_ps(), _CMP_EQ_OQ);
    const __m128i half_scale = TO_HALF(_mm256_blendv_ps(scale, one, zero));
    __m128i *stored = (__m128i *)(void *)(b->stored + 4 * i);

    _mm256_store_ps(b->bias + i, bias);
    _mm256_store_ps(b->inverse + i,
                    _mm256_blendv_ps(_mm256_div_ps(minus_one, scale), minus_one, zero));
    _mm_store_si128(stored, _mm_unpacklo_epi16(half_scale, half_bias));
    _mm_store_si128(stored + 1, _mm_unpackhi_epi16(half_scale, half_bias));
}

/* Which of eight rows may have an element with a code above `max_code`? Rounding of the bias or the scale
 * to float16 makes it so, and vast rows. Codes grow or fall from lo to hi: a rounded bias may be above
 * both. */
INLINE __m256
are_above(const block *b, uint64_t i, float max_code)
{
    const __m256 bias = _mm256_load_ps(b->bias + i);
    const __m256 inverse = _mm256_load_ps(b->inverse + i);
    const __m256 limit = _mm256_set1_ps(max_code + 0.5f);
    const __m256 lo = _mm256_sub_ps(bias, _mm256_load_ps(b->lo + i));
    const __m256 hi = _mm256_sub_ps(bias, _mm256_load_ps(b->hi + i));

    return _mm256_or_ps(_mm256_cmp_ps(_mm256_mul_ps(lo, inverse), limit, _CMP_NLT_UQ),
                        _mm256_cmp_ps(_mm256_mul_ps(hi, inverse), limit, _CMP_NLT_UQ));
}

/* Parameters of n rows, whose extremes are there. Vectors are whole, other rows fill them. */
static __attribute__((noinline)) void
block_finish(const quire_fused_rows *w, const float *x, uint64_t n, const float *ranges, block *io)
{
    const float max_code = (float)((1u << w->bits) - 1);
    __m256 above = _mm256_setzero_ps();

    io->n_good = n;
    for (uint64_t i = 0; i < n; i += 8) {
        const uint64_t end = i + 8 < n ? i + 8 : n;
        if (!are_usual(io, i)) ranges_complete(x, w->width, i, end, io);
        if (ranges) ranges_take(ranges, i, end, io);
        if (w->half) {
            params_f16(io, i, max_code);
        } else {
            params_f32(io, i);
        }
        above = _mm256_or_ps(above, are_above(io, i, max_code));
    }
    io->clamps = ranges || _mm256_movemask_ps(above) != 0;
}

#endif

#endif
