/* pass_avx512.h - what the AVX-512 passes are made of: sums rounded and stored, planes brought to the
 * order of columns. For units compiled for AVX-512, as pass_load.h.
 */
#ifndef QUIRE_KERNELS_PASS_AVX512_H
#define QUIRE_KERNELS_PASS_AVX512_H

#include "kernels/pass_load.h"

#define LANES       16
#define MAX_VECTORS 16

/* The passes without conversion: kind, units. */
#define QUIRE_FAST_AVX512_TABLE(X)                                                                 \
    X(FUSED8, 4)                                                                                   \
    X(FUSED8, 8)                                                                                   \
    X(FUSED8, 16)                                                                                  \
    X(FUSED8, 32)                                                                                  \
    X(FUSED8H, 4)                                                                                  \
    X(FUSED8H, 8)                                                                                  \
    X(FUSED8H, 16)                                                                                 \
    X(FUSED8H, 32)                                                                                 \
    X(FUSED4, 2)                                                                                   \
    X(FUSED4, 4)                                                                                   \
    X(FUSED4, 8)                                                                                   \
    X(FUSED4, 16)                                                                                  \
    X(FUSED2, 2)                                                                                   \
    X(FUSED2, 4)                                                                                   \
    X(FUSED2, 8)
#define QUIRE_FAST_AVX512(kind, units) void quire_fast_avx512_##kind##_##units(quire_pass *p);
QUIRE_FAST_AVX512_TABLE(QUIRE_FAST_AVX512)
#undef QUIRE_FAST_AVX512

/* Those for any columns, without conversion and with it. */
#define QUIRE_ANY_AVX512(kind, planes, bytes)                                                      \
    void quire_fast_any_avx512_##kind(quire_pass *p);                                              \
    void quire_any_avx512_##kind(quire_pass *p);
QUIRE_PASS_FUSED_TABLE(QUIRE_ANY_AVX512)
#undef QUIRE_ANY_AVX512

/* A quire_rows_find_fn. */
size_t quire_rows_find_avx512(const void *indices, bool wide, size_t n, uint64_t n_rows,
                              uint64_t stride, uint64_t *out);

#if defined(__AVX512F__)

/* Half to even; a NaN is made quiet. */
INLINE __m512
round_bf16(__m512 v)
{
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);

    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_mask_blend_epi32(is_nan, up, quiet),
                                                _mm512_set1_epi32((int)0xffff0000)));
}

/* x0 y0 x1 y1 ... x15 y15 */
INLINE void
interleave(__m512 *x, __m512 *y)
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    const __m512 first = _mm512_permutex2var_ps(*x, low, *y);

    *y = _mm512_permutex2var_ps(*x, high, *y);
    *x = first;
}

/* Those of `planes` vectors that lie `apart` from each other. */
INLINE void
interleave_apart(int planes, int apart, __m512 *v)
{
    UNROLL for (int k = 0; k < planes; k++)
    {
        if ((k & apart) == 0) interleave(&v[k], &v[k + apart]);
    }
}

/* Vectors of one plane each, a power of two of them, to the columns they hold, in order. */
INLINE void
planes_interleave(int planes, __m512 *v)
{
    if (planes > 8) interleave_apart(planes, 8, v);
    if (planes > 4) interleave_apart(planes, 4, v);
    if (planes > 2) interleave_apart(planes, 2, v);
    if (planes > 1) interleave_apart(planes, 1, v);
}

/* Of `n` elements, which there are, those in the vector that starts at element `from`. */
INLINE __mmask16
mask_from(uint32_t n, uint32_t from)
{
    const uint32_t left = n > from ? n - from : 0;

    return left >= LANES ? 0xffff : (__mmask16)((1u << left) - 1);
}

INLINE void
vector_store(quire_float_type type, uint8_t *out, size_t at, __mmask16 mask, __m512 v)
{
    if (type == QUIRE_FLOAT_F32) {
        _mm512_mask_storeu_ps(out + at * sizeof(float), mask, v);
    } else if (type == QUIRE_FLOAT_F16) {
        _mm256_mask_storeu_epi16(out + at * sizeof(uint16_t), mask,
                                 _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    } else {
        const __m512i bits = _mm512_castps_si512(round_bf16(v));
        _mm256_mask_storeu_epi16(out + at * sizeof(uint16_t), mask,
                                 _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
    }
}

#endif

#endif
