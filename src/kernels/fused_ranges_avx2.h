/* fused_ranges_avx2.h - the least and the greatest elements of rows. A part of
 * fused_rows_avx2.h, and compiled with the flags of its units.
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

#include "kernels/lanes_avx2.h"

#if defined(__AVX2__)
#include <immintrin.h>

#define TEAM   4
#define UNROLL _Pragma("GCC unroll 8")
#define TWICE  _Pragma("GCC unroll 2")

/* Loads before it stay before those behind it: rows from memory take up to a fifth longer where gcc mixes
 * what is asked for, looked at and written. */
#define IN_ORDER __asm__ volatile("" ::: "memory")

/* Is the least signed noted at once, before it is known that it is needed? Wider vectors have time for it. */
#if defined(__AVX512BW__)
#define NOTES_NEAR true
#else
#define NOTES_NEAR false
#endif

typedef struct extremes {
    __m256i top;  /* greatest signed                 */
    __m256i far;  /* greatest unsigned               */
    __m256i near; /* least signed, where it is noted */
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
    if (NOTES_NEAR) e->near = _mm256_min_epi32(e->near, v);
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

    return (extremes){v, v, v};
}

/* Of four rows side by side. */
INLINE void
team_extremes(const float *x, uint64_t n, extremes e[TEAM])
{
    const bool once = !__builtin_constant_p(n);

    UNROLL for (size_t r = 0; r < TEAM; r++) e[r] = extremes_start(x + r * n, n);
    TWICE for (uint64_t i = 0; i + 8 < n; i += 8)
    {
        UNROLL for (size_t r = 0; r < TEAM; r++) extremes_add(&e[r], load(x + r * n + i), once);
    }
}

/* Of some rows, one after the other; those of the first complete a team. */
static __attribute__((noinline)) void
rows_extremes(const float *x, uint64_t n_rows, uint64_t n, extremes *e)
{
    for (uint64_t r = 0; r < n_rows; r++, x += n) {
        extremes one = extremes_start(x, n);
        for (uint64_t i = 0; i + 8 < n; i += 8)
            extremes_add(&one, load(x + i), true);
        e[r] = one;
    }
    for (uint64_t r = n_rows; r % TEAM != 0; r++)
        e[r] = e[0];
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
REDUCE(nearest, _mm256_min_epi32, _mm_min_epi32)

/* By row. */
typedef struct team {
    __m128i top;
    __m128i far;
    __m128i near;
} team;

INLINE team
team_of(const extremes e[TEAM])
{
    return (team){greatest(e[0].top, e[1].top, e[2].top, e[3].top),
                  farthest(e[0].far, e[1].far, e[2].far, e[3].far),
                  nearest(e[0].near, e[1].near, e[2].near, e[3].near)};
}

/* The least signed of a row, one of its eight lanes. */
INLINE __m256i
row_nearest(const float *x, uint64_t n)
{
    __m256i near[2];
    uint64_t i = 0;

    near[0] = near[1] = extremes_start(x, n).top;
    for (; i + 16 < n; i += 16) {
        near[0] = _mm256_min_epi32(near[0], load(x + i));
        near[1] = _mm256_min_epi32(near[1], load(x + i + 8));
    }
    if (i + 8 < n) near[0] = _mm256_min_epi32(near[0], load(x + i));
    return _mm256_min_epi32(near[0], near[1]);
}

#endif

#endif
