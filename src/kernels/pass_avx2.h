/* pass_avx2.h - what the AVX2 passes are made of: units of codes and elements loaded and decoded,
 * values rounded, planes brought to the order of columns. For units compiled for AVX2, as
 * pass_load.h.
 */
#ifndef QUIRE_KERNELS_PASS_AVX2_H
#define QUIRE_KERNELS_PASS_AVX2_H

#include "kernels/halves_avx2.h"
#include "kernels/pass_load.h"

/* The pass for SPLIT8 and SPLIT4 whose decoded values are rounded to float16 or bfloat16, by way of
 * a few rows decoded to float32 and the passes for these. */
void quire_pass_rounded_avx2(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode,
                             uint32_t units, bool partial);

/* The pass of QUIRE_PASS_MAX_UNITS units, sums of FUSED8 or FUSED8H; `fast`: without converting codes,
 * and false at the first bag with a scale that rules that out: `p` is what is left to do. */
bool quire_pass_wide_avx2(quire_pass *p, quire_pass_kind kind, bool fast);

#if defined(__AVX2__)

/* The last bytes of a row, fewer than 8, without a byte beyond it: those before them are read too,
 * where there are enough, and shifted out. */
INLINE __m128i
load_last_bytes(const uint8_t *at, uint32_t n, uint32_t before)
{
    uint64_t bytes = 0;

    if (n + before >= 8) {
        memcpy(&bytes, at + n - 8, 8);
        bytes >>= 8 * (8 - n);
    } else {
        for (uint32_t k = 0; k < n; k++)
            bytes |= (uint64_t)at[k] << (8 * k);
    }
    return _mm_cvtsi64_si128((long long)bytes);
}

INLINE __m128i
load_unit_bytes(const quire_pass *p, const uint8_t *at, bool partial)
{
    return partial ? load_last_bytes(at, p->partial, p->before)
                   : _mm_loadl_epi64((const __m128i *)(const void *)at);
}

INLINE __m128i
load_unit_halves(const quire_pass *p, const uint8_t *at, bool partial)
{
    uint16_t halves[QUIRE_PASS_LANES] = {0};

    if (!partial) return _mm_loadu_si128((const __m128i *)(const void *)at);
    memcpy(halves, at, p->partial * sizeof *halves);
    return _mm_loadu_si128((const __m128i *)(const void *)halves);
}

INLINE __m256
load_unit_floats(const quire_pass *p, const uint8_t *at, bool partial)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    if (!partial) return _mm256_loadu_ps((const float *)(const void *)at);
    return _mm256_maskload_ps((const float *)(const void *)at,
                              _mm256_cmpgt_epi32(_mm256_set1_epi32((int)p->partial), lanes));
}

/* See pass_scalar.c; the product is exact. */
INLINE __m256
decode_e4m3(__m128i bytes)
{
    const __m256i x = _mm256_cvtepu8_epi32(bytes);
    const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0x80)), 24);
    const __m256i size = _mm256_and_si256(x, _mm256_set1_epi32(0x7f));
    const __m256i is_nan = _mm256_cmpeq_epi32(size, _mm256_set1_epi32(0x7f));
    const __m256 value =
        _mm256_mul_ps(_mm256_castsi256_ps(_mm256_or_si256(sign, _mm256_slli_epi32(size, 20))),
                      _mm256_set1_ps(0x1p120f));
    const __m256i quiet = _mm256_or_si256(sign, _mm256_set1_epi32(0x7fc00000));

    return _mm256_blendv_ps(value, _mm256_castsi256_ps(quiet), _mm256_castsi256_ps(is_nan));
}

INLINE __m256
decode_halves(quire_pass_kind kind, __m128i halves)
{
    return kind == QUIRE_PASS_F16
               ? _mm256_cvtph_ps(halves)
               : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/* 8 elements of float storage. */
INLINE __m256
load_floats(const quire_pass *p, quire_pass_kind kind, const uint8_t *at, bool partial)
{
    if (kind == QUIRE_PASS_F32) return load_unit_floats(p, at, partial);
    if (kind == QUIRE_PASS_E4M3) return decode_e4m3(load_unit_bytes(p, at, partial));
    if (kind == QUIRE_PASS_E5M2) {
        const __m128i bytes = load_unit_bytes(p, at, partial);
        return _mm256_cvtph_ps(_mm_unpacklo_epi8(_mm_setzero_si128(), bytes));
    }
    return decode_halves(kind, load_unit_halves(p, at, partial));
}

/* 8 dwords of `wide` bytes of codes each. */
INLINE __m256i
load_dwords(const uint8_t *at, int wide)
{
    if (wide == 4) return _mm256_loadu_si256((const __m256i *)(const void *)at);
    if (wide == 2) {
        return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)at));
    }
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)at));
}

/* Plane `c` of 8 bytes, each in a dword. */
INLINE __m256i
plane_codes(__m256i bytes, int planes, int c)
{
    const int bits = 8 / planes;
    const __m256i q = c == 0 ? bytes : _mm256_srli_epi32(bytes, bits * c);

    return c < planes - 1 ? _mm256_and_si256(q, _mm256_set1_epi32((1 << bits) - 1)) : q;
}

/* A decoded value of a split row to what the table stores. */
INLINE __m256
value_round(quire_float_type type, __m256 v)
{
    return type == QUIRE_FLOAT_F32 ? v : type == QUIRE_FLOAT_F16 ? round_f16(v) : round_bf16(v);
}

/* Four vectors of one plane each to the 32 columns they hold. */
INLINE void
interleave4(__m256 *s)
{
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(s[0], s[1]));
    const __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(s[2], s[3]));
    const __m256d c = _mm256_castps_pd(_mm256_unpackhi_ps(s[0], s[1]));
    const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(s[2], s[3]));
    const __m256 r0 = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
    const __m256 r1 = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
    const __m256 r2 = _mm256_castpd_ps(_mm256_unpacklo_pd(c, d));
    const __m256 r3 = _mm256_castpd_ps(_mm256_unpackhi_pd(c, d));

    s[0] = _mm256_permute2f128_ps(r0, r1, 0x20);
    s[1] = _mm256_permute2f128_ps(r2, r3, 0x20);
    s[2] = _mm256_permute2f128_ps(r0, r1, 0x31);
    s[3] = _mm256_permute2f128_ps(r2, r3, 0x31);
}

INLINE void
interleave2(__m256 *s)
{
    const __m256 low = _mm256_unpacklo_ps(s[0], s[1]);
    const __m256 high = _mm256_unpackhi_ps(s[0], s[1]);

    s[0] = _mm256_permute2f128_ps(low, high, 0x20);
    s[1] = _mm256_permute2f128_ps(low, high, 0x31);
}

/* Eight. */
INLINE void
interleave8(__m256 *s)
{
    __m256 t[8];

    UNROLL for (int k = 0; k < 8; k += 4)
    {
        const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(s[k], s[k + 1]));
        const __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(s[k + 2], s[k + 3]));
        const __m256d c = _mm256_castps_pd(_mm256_unpackhi_ps(s[k], s[k + 1]));
        const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(s[k + 2], s[k + 3]));
        t[k] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
        t[k + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        t[k + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(c, d));
        t[k + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(c, d));
    }
    UNROLL for (int k = 0; k < 4; k++)
    {
        s[k] = _mm256_permute2f128_ps(t[k], t[k + 4], 0x20);
        s[k + 4] = _mm256_permute2f128_ps(t[k], t[k + 4], 0x31);
    }
}

#endif

#endif
