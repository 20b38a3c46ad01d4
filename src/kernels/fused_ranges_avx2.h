/* fused_ranges_avx2.h - the least and the greatest of four rows side by side, and the parameters that
 * fused rows have for them. A part of fused_avx2.c, and compiled with its flags.
 *
 * Floats are compared as integers, which all vector units do and not only two, and which finds NaN
 * and infinities without looking for them. Positive ones have the order of their bits, negative ones
 * the opposite, and a sign makes unsigned numbers great and signed ones small. So of a row's bits
 *     the greatest signed is the greatest element, unless all are negative;
 *     the greatest unsigned is the least element, unless none is negative;
 *     the least signed is the other end where all have one sign, which is looked for only then.
 */
#ifndef QUIRE_KERNELS_FUSED_RANGES_AVX2_H
#define QUIRE_KERNELS_FUSED_RANGES_AVX2_H

#include "kernels/fused_params.h"
#include "kernels/lanes_avx2.h"

#if defined(__AVX2__)
#include <float.h>
#include <immintrin.h>
#include <math.h>

#define TEAM   4
#define UNROLL _Pragma("GCC unroll 8")
#define TWICE  _Pragma("GCC unroll 2")

typedef struct extremes {
    __m256i top; /* greatest signed   */
    __m256i far; /* greatest unsigned */
} extremes;

INLINE __m256i
load(const float *x)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)x);
}

/* `once`: loads bound rows of no known length, so that `v` must not be loaded once for each use, as gcc
 * does. */
INLINE void
extremes_add(extremes *e, __m256i v, bool once)
{
    if (once) __asm__("" : "+x"(v));
    e->top = _mm256_max_epi32(e->top, v);
    e->far = _mm256_max_epu32(e->far, v);
}

/* Fewer than eight elements, and the first of them again. */
INLINE __m256i
load_few(const float *x, uint64_t n)
{
    const __m256i mask = first_lanes(n);

    return _mm256_blendv_epi8(_mm256_castps_si256(_mm256_broadcast_ss(x)),
                              _mm256_maskload_epi32((const int *)(const void *)x, mask), mask);
}

/* Of a row as far as its last elements tell, which are fewer than eight or lie behind whole vectors. */
INLINE extremes
extremes_start(const float *x, uint64_t n)
{
    const __m256i v = n < 8 ? load_few(x, n) : load(x + n - 8);

    return (extremes){v, v};
}

/* Of rows that are `step` apart, side by side. */
INLINE void
team_extremes(const float *x, size_t step, uint64_t n, extremes e[TEAM])
{
    const bool once = !__builtin_constant_p(n);
    uint64_t i = 0;

    UNROLL for (size_t r = 0; r < TEAM; r++) e[r] = extremes_start(x + r * step, n);
    TWICE for (; i + 16 <= n; i += 16)
    {
        UNROLL for (size_t r = 0; r < TEAM; r++)
        {
            const float *at = x + r * step + i;
            extremes_add(&e[r], load(at), once);
            extremes_add(&e[r], load(at + 8), once);
        }
    }
    if (i + 8 > n) return;
    UNROLL for (size_t r = 0; r < TEAM; r++) extremes_add(&e[r], load(x + r * step + i), once);
}

/* A team of fewer rows has its first one in the other places too. */
INLINE void
extremes_fill(extremes e[TEAM], uint64_t n_rows)
{
    for (uint64_t r = n_rows; r < TEAM; r++)
        e[r] = e[0];
}

/* Of a few rows, one after the other. */
static __attribute__((noinline)) void
rows_extremes(const float *x, uint64_t n_rows, uint64_t n, extremes e[TEAM])
{
    for (uint64_t r = 0; r < n_rows; r++, x += n) {
        extremes one = extremes_start(x, n);
        for (uint64_t i = 0; i + 8 <= n; i += 8)
            extremes_add(&one, load(x + i), true);
        e[r] = one;
    }
    extremes_fill(e, n_rows);
}

INLINE __m256i
shuffled(__m256i a, __m256i b, bool high)
{
    const __m256 c = _mm256_castsi256_ps(a);
    const __m256 d = _mm256_castsi256_ps(b);

    return _mm256_castps_si256(high ? _mm256_shuffle_ps(c, d, 0xee)
                                    : _mm256_shuffle_ps(c, d, 0x44));
}

/* One number of each of four vectors. */
#define REDUCE(name, op256, op128)                                                                 \
    INLINE __m128i name(__m256i a, __m256i b, __m256i c, __m256i d)                                \
    {                                                                                              \
        const __m256i ab = op256(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));        \
        const __m256i cd = op256(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));        \
        const __m256i all = op256(shuffled(ab, cd, false), shuffled(ab, cd, true));                \
        return op128(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));               \
    }
REDUCE(greatest, _mm256_max_epi32, _mm_max_epi32)
REDUCE(farthest, _mm256_max_epu32, _mm_max_epu32)

/* The ranges of four rows, and by bit which of them hold what is not finite. */
typedef struct team_ranges {
    __m128 lo;
    __m128 hi;
    int bad;
} team_ranges;

INLINE int
signs(__m128i v)
{
    return _mm_movemask_ps(_mm_castsi128_ps(v));
}

INLINE float
row_nearest(const float *x, uint64_t n)
{
    __m256i near = n < 8 ? load_few(x, n) : load(x);

    for (uint64_t i = 8; i + 8 <= n; i += 8)
        near = _mm256_min_epi32(near, load(x + i));
    if (n > 8) near = _mm256_min_epi32(near, load(x + n - 8));
    __m128i half = _mm_min_epi32(_mm256_castsi256_si128(near), _mm256_extracti128_si256(near, 1));
    half = _mm_min_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    half = _mm_min_epi32(half, _mm_shuffle_epi32(half, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(half));
}

/* Of rows whose elements all have one sign the other end is still to be found, and which of two zeros
 * wins, where a row may have both, is a matter of order: the plain loop tells. */
static __attribute__((noinline)) void
ranges_complete(const float *x, size_t step, uint64_t n_rows, uint64_t n, int one_sign,
                int two_zeros, team_ranges *t)
{
    float lo[TEAM], hi[TEAM];

    _mm_storeu_ps(lo, t->lo);
    _mm_storeu_ps(hi, t->hi);
    for (uint64_t r = 0; r < n_rows; r++, x += step) {
        if (t->bad >> r & 1) continue;
        if (two_zeros >> r & 1) {
            quire_fused_range_find(x, n, &lo[r], &hi[r]);
        } else if (one_sign >> r & 1) {
            *(signbit(hi[r]) ? &hi[r] : &lo[r]) = row_nearest(x, n);
        }
    }
    t->lo = _mm_loadu_ps(lo);
    t->hi = _mm_loadu_ps(hi);
}

/* Of `n_rows` rows of n elements that are `step` apart. */
INLINE team_ranges
ranges_of(const extremes e[TEAM], const float *x, size_t step, uint64_t n_rows, uint64_t n)
{
    const __m128i top = greatest(e[0].top, e[1].top, e[2].top, e[3].top);
    const __m128i far = farthest(e[0].far, e[1].far, e[2].far, e[3].far);
    team_ranges t = {.lo = _mm_castsi128_ps(far), .hi = _mm_castsi128_ps(top)};
    const __m128i above = _mm_cmpgt_epi32(top, _mm_set1_epi32(0x7f7fffff));
    const __m128i below = _mm_cmpgt_epi32(far, _mm_set1_epi32((int)0xff7fffffu));
    t.bad = signs(_mm_or_si128(above, _mm_and_si128(far, below)));
    const int one_sign = signs(_mm_or_si128(top, _mm_xor_si128(far, _mm_set1_epi32(-1))));
    const __m128i least = _mm_cmpeq_epi32(far, _mm_set1_epi32(INT32_MIN));
    const __m128i most = _mm_cmpeq_epi32(top, _mm_setzero_si128());
    const int two_zeros = signs(_mm_or_si128(least, _mm_and_si128(most, far)));
    if (one_sign | two_zeros) ranges_complete(x, step, n_rows, n, one_sign, two_zeros, &t);
    return t;
}

/* Four rows' parameters, and as they are stored: 8 or 4 bytes each. */
typedef struct team_params {
    float bias[TEAM];
    float inverse[TEAM];
    uint8_t stored[TEAM * 8];
} team_params;

INLINE void
params_f32(__m128 lo, __m128 hi, team_params *out)
{
    const __m128 top = _mm_set1_ps(255);
    const __m128 range = _mm_sub_ps(hi, lo);
    const __m128 scale = _mm_div_ps(range, top);

    _mm_storeu_ps(out->bias, lo);
    _mm_storeu_ps(out->inverse, _mm_div_ps(top, _mm_add_ps(range, _mm_set1_ps(1e-8f))));
    _mm_storeu_ps((float *)(void *)out->stored, _mm_unpacklo_ps(scale, lo));
    _mm_storeu_ps((float *)(void *)(out->stored + 16), _mm_unpackhi_ps(scale, lo));
}

#define TO_HALF(v) _mm_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)

INLINE void
params_f16(__m128 lo, __m128 hi, float max_code, team_params *out)
{
    const __m128 one = _mm_set1_ps(1);
    const __m128 zero = _mm_setzero_ps();
    const __m128i half_bias = TO_HALF(lo);
    const __m128 bias = _mm_cvtph_ps(half_bias);
    const __m128 range = _mm_sub_ps(hi, bias);
    __m128 scale = _mm_cvtph_ps(TO_HALF(_mm_div_ps(range, _mm_set1_ps(max_code))));

    scale = _mm_blendv_ps(scale, one, _mm_cmpeq_ps(scale, zero));
    __m128 inverse = _mm_div_ps(one, scale);
    const __m128 vast =
        _mm_cmpgt_ps(_mm_andnot_ps(_mm_set1_ps(-0.0f), inverse), _mm_set1_ps(FLT_MAX));
    scale = _mm_blendv_ps(scale, one, vast);
    inverse = _mm_blendv_ps(inverse, one, vast);
    _mm_storeu_ps(out->bias, bias);
    _mm_storeu_ps(out->inverse, inverse);
    _mm_storeu_si128((__m128i *)(void *)out->stored, _mm_unpacklo_epi16(TO_HALF(scale), half_bias));
}

/* May an element of a row have a code above `max_code`? Rounding of the bias or the scale to float16
 * makes it so, and vast rows. Codes grow or fall from lo to hi: a rounded bias may be above both. */
INLINE bool
is_above(const team_params *p, __m128 lo, __m128 hi, float max_code)
{
    const __m128 bias = _mm_loadu_ps(p->bias);
    const __m128 inverse = _mm_loadu_ps(p->inverse);
    const __m128 limit = _mm_set1_ps(max_code + 0.5f);
    const __m128 first = _mm_cmp_ps(_mm_mul_ps(_mm_sub_ps(lo, bias), inverse), limit, _CMP_NLT_UQ);
    const __m128 last = _mm_cmp_ps(_mm_mul_ps(_mm_sub_ps(hi, bias), inverse), limit, _CMP_NLT_UQ);

    return _mm_movemask_ps(_mm_or_ps(first, last)) != 0;
}

#endif

#endif
