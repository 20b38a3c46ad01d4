/* fused_codes_avx2.h - a row's codes from its elements and its parameters. A part of
 * fused_rows_avx2.h, and compiled with the flags of its units.
 */
#ifndef QUIRE_KERNELS_FUSED_CODES_AVX2_H
#define QUIRE_KERNELS_FUSED_CODES_AVX2_H

#include "kernels/fused_codes_avx512.h"

#if defined(__AVX2__)

/* Eight codes, one to a lane; NaN and all below 0 to what packing makes 0. Above the top only where
 * `clamps` says that it must not be. Of x - bias and its negative, which is exact, an instruction reads x
 * from memory for the latter only. */
INLINE __m256i
lane_codes_of(const wide_params *p, __m256 x, bool clamps)
{
    __m256 scaled = _mm256_mul_ps(_mm256_sub_ps(p->bias, x), p->inverse);

    if (clamps) scaled = _mm256_min_ps(p->top, scaled);
    return _mm256_cvtps_epi32(scaled);
}

INLINE __m256i
codes_of(const wide_params *p, const float *x, bool clamps)
{
    return lane_codes_of(p, _mm256_loadu_ps(x), clamps);
}

/* 32 codes, a byte each, by fours: 0, 2, 4, 6 in the lower half, 1, 3, 5, 7 in the upper one. */
INLINE __m256i
fours_of(const wide_params *p, const float *x, bool clamps)
{
    __m256i q[4];

    UNROLL for (int k = 0; k < 4; k++) q[k] = codes_of(p, x + 8 * k, clamps);
    return _mm256_packus_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
}

INLINE void
put_16(uint8_t *out, __m128i bytes)
{
    _mm_storeu_si128((__m128i *)(void *)out, bytes);
}

/* 32 columns. */
INLINE void
put_bytes(const wide_params *p, const float *x, bool clamps, uint8_t *out)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    _mm256_storeu_si256((__m256i *)(void *)out,
                        _mm256_permutevar8x32_epi32(fours_of(p, x, clamps), order));
}

/* Of 64 columns pairs as bytes, a weight for each: four pairs of 32 columns, of the 32 behind them, and
 * so on; those of an even four and its odd one are half a vector apart. */
INLINE __m256i
pairs_of(const wide_params *p, const float *x, int16_t weights, bool clamps)
{
    const __m256i w = _mm256_set1_epi16(weights);

    return _mm256_packus_epi16(_mm256_maddubs_epi16(fours_of(p, x, clamps), w),
                               _mm256_maddubs_epi16(fours_of(p, x + 32, clamps), w));
}

/* 64 columns of 4 bits. */
INLINE void
put_pairs(const wide_params *p, const float *x, bool clamps, uint8_t *out)
{
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    const __m256i pairs = _mm256_permute4x64_epi64(pairs_of(p, x, 0x1001, clamps), 0xd8);

    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_shuffle_epi8(pairs, order));
}

/* 64 columns of 2 bits. */
INLINE void
put_quads(const wide_params *p, const float *x, bool clamps, uint8_t *out)
{
    const __m256i quads =
        _mm256_maddubs_epi16(pairs_of(p, x, 0x0401, clamps), _mm256_set1_epi16(0x1001));
    const __m128i odd = _mm_slli_epi16(_mm256_extracti128_si256(quads, 1), 8);

    put_16(out, _mm_or_si128(_mm256_castsi256_si128(quads), odd));
}

/* 16 columns: 16, 8 or 4 bytes. */
INLINE void
put_16_columns(const wide_params *p, const float *x, uint32_t bits, bool clamps, uint8_t *out)
{
    const __m256i fours = _mm256_packs_epi32(codes_of(p, x, clamps), codes_of(p, x + 8, clamps));
    const __m128i bytes = _mm_shuffle_epi32(
        _mm_packus_epi16(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1)), 0xd8);

    if (bits == 8) {
        put_16(out, bytes);
        return;
    }
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(bits == 4 ? 0x1001 : 0x0401));
    if (bits == 4) {
        _mm_storel_epi64((__m128i *)(void *)out, _mm_packus_epi16(pairs, pairs));
        return;
    }
    const __m128i quads = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00100001));
    const __m128i halves = _mm_packus_epi32(quads, quads);
    const int32_t packed = _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));
    memcpy(out, &packed, sizeof packed);
}

/* Up to eight columns in the low bytes of a number; those behind the n-th are 0. */
INLINE uint64_t
eight_packed(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps)
{
    const __m256i mask = first_lanes(n);
    const __m256 some = n < 8 ? _mm256_maskload_ps(x, mask) : _mm256_loadu_ps(x);
    const __m256i q = lane_codes_of(p, some, clamps);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    __m128i bytes = _mm_packus_epi16(words, words);

    if (n < 8) {
        const __m128i keep = _mm_cvtsi64_si128((int64_t)(((uint64_t)1 << 8 * n) - 1));
        bytes = _mm_and_si128(bytes, keep);
    }
    if (bits == 8) return (uint64_t)_mm_cvtsi128_si64(bytes);
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(bits == 4 ? 0x1001 : 0x0401));
    if (bits == 4) return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(pairs, pairs));
    const __m128i quads = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00100001));
    return (uint16_t)_mm_cvtsi128_si32(_mm_packus_epi16(_mm_packus_epi32(quads, quads), quads));
}

/* Fewer than 16 columns. Bits of the last byte that no column owns are 0. */
INLINE void
put_rest(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps, uint8_t *out)
{
    if (n >= 8) {
        const uint64_t packed = eight_packed(p, x, 8, bits, clamps);
        memcpy(out, &packed, bits);
        x += 8, n -= 8, out += bits;
    }
    if (n == 0) return;
    uint64_t packed = eight_packed(p, x, n, bits, clamps);
    for (uint64_t left = (n * bits + 7) / 8; left > 0; left--, packed >>= 8)
        *out++ = (uint8_t)packed;
}

/* Asks for lines before whatever follows. */
INLINE void
ask(const float *x, uint64_t n, uint64_t ahead)
{
    UNROLL for (uint64_t k = 0; k < n; k += 16)
        _mm_prefetch((const char *)((uintptr_t)(x + k) + ahead), _MM_HINT_T0);
    IN_ORDER;
}

/* How many columns are written at a time, and that many of them. */
#if defined(__AVX512BW__)

INLINE uint64_t
put_step(uint32_t bits)
{
    (void)bits;
    return 64;
}

INLINE void
put_columns(const wide_params *p, const float *x, uint32_t bits, bool clamps, uint8_t *out)
{
    put_64_columns(p, x, bits, clamps, out);
}

#else

#define LOOK_COLUMNS 8

typedef extremes looks;

INLINE looks
looks_start(extremes e)
{
    return e;
}

INLINE void
looks_add(looks *l, const float *x)
{
    extremes_add(l, load(x), true);
}

INLINE extremes
looks_end(looks a, looks b)
{
    return (extremes){_mm256_max_epi32(a.top, b.top), _mm256_max_epu32(a.far, b.far),
                      _mm256_min_epi32(a.near, b.near)};
}

INLINE uint64_t
put_step(uint32_t bits)
{
    return bits == 8 ? 32 : 64;
}

INLINE void
put_columns(const wide_params *p, const float *x, uint32_t bits, bool clamps, uint8_t *out)
{
    if (bits == 8) {
        put_bytes(p, x, clamps, out);
    } else if (bits == 4) {
        put_pairs(p, x, clamps, out);
    } else {
        put_quads(p, x, clamps, out);
    }
}

#endif

/* The columns from the i-th on, fewer than are written at a time. */
INLINE void
put_last(const wide_params *p, const float *x, uint64_t i, uint64_t n, uint32_t bits, bool clamps,
         uint8_t *out)
{
    if (bits == 8 && put_step(bits) > 32 && i + 32 <= n) {
        put_bytes(p, x + i, clamps, out + i);
        i += 32;
    }
    for (; i + 16 <= n; i += 16)
        put_16_columns(p, x + i, bits, clamps, out + i * bits / 8);
    if (i < n) put_rest(p, x + i, n - i, bits, clamps, out + i * bits / 8);
}

/* All columns of a row. Unless `ahead` is 0, the lines that many bytes further on are asked for: before
 * short loops of known length, and amid others, which are slower for a branch. */
INLINE void
codes_put(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps,
          uint64_t ahead, uint8_t *out)
{
    const bool listed = __builtin_constant_p(n);
    const uint64_t step = put_step(bits);
    uint64_t i = 0;

    if (listed && ahead > 0) ask(x, n, ahead);
    TWICE for (; i + step <= n; i += step)
    {
        if (!listed) ask(x + i, step, ahead);
        put_columns(p, x + i, bits, clamps, out + i * bits / 8);
    }
    put_last(p, x, i, n, bits, clamps, out);
}

#endif

#endif
