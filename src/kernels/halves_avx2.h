/* halves_avx2.h - float32 rounded to float16 and bfloat16, eight at a time: half to even, and a NaN
 * stays one, made quiet. For units compiled for AVX2 and F16C, as pass_load.h.
 */
#ifndef QUIRE_KERNELS_HALVES_AVX2_H
#define QUIRE_KERNELS_HALVES_AVX2_H

#include "kernels/inline.h"
#include "quire/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>

INLINE __m256
round_bf16(__m256 v)
{
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256 is_nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);

    return _mm256_and_ps(
        _mm256_blendv_ps(_mm256_castsi256_ps(up), _mm256_castsi256_ps(quiet), is_nan),
        _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000)));
}

INLINE __m256
round_f16(__m256 v)
{
    return _mm256_cvtph_ps(_mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

/* 8 floats as float16 or bfloat16. */
INLINE __m128i
halves_of(quire_float_type type, __m256 v)
{
    const __m256i upper =
        _mm256_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, 2, 3, 6, 7, 10,
                         11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1);

    if (type == QUIRE_FLOAT_F16) return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
    const __m256i halves = _mm256_shuffle_epi8(_mm256_castps_si256(round_bf16(v)), upper);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0x08));
}

/* in[n] at `out`, but for the last n mod 8; any alignment. Says how many that was. */
INLINE size_t
halves_narrow(quire_float_type type, const float *in, size_t n, uint8_t *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m128i halves = halves_of(type, _mm256_loadu_ps(in + i));
        _mm_storeu_si128((__m128i *)(void *)(out + i * sizeof(uint16_t)), halves);
    }
    return i;
}

#endif

#endif
