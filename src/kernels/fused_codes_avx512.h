/* fused_codes_avx512.h - what fused rows gain by wider vectors: columns looked at by sixteens, and written
 * by 64. A part of fused_avx512.c, and compiled with its flags.
 */
#ifndef QUIRE_KERNELS_FUSED_CODES_AVX512_H
#define QUIRE_KERNELS_FUSED_CODES_AVX512_H

#include "kernels/fused_block_avx2.h"

#if defined(__AVX512BW__)

#define LOOK_COLUMNS 16

/* Of a part of a row, lane by lane. */
typedef struct looks {
    __m512i top;
    __m512i far;
    __m512i near;
} looks;

INLINE looks
looks_start(extremes e)
{
    return (looks){_mm512_broadcast_i64x4(e.top), _mm512_broadcast_i64x4(e.far),
                   _mm512_broadcast_i64x4(e.near)};
}

INLINE void
looks_add(looks *l, const float *x)
{
    __m512i v = _mm512_loadu_si512(x);

    __asm__("" : "+v"(v)); /* loaded once */
    l->top = _mm512_max_epi32(l->top, v);
    l->far = _mm512_max_epu32(l->far, v);
    l->near = _mm512_min_epi32(l->near, v);
}

INLINE extremes
looks_end(looks a, looks b)
{
    const __m512i top = _mm512_max_epi32(a.top, b.top);
    const __m512i far = _mm512_max_epu32(a.far, b.far);
    const __m512i near = _mm512_min_epi32(a.near, b.near);

    return (extremes){
        _mm256_max_epi32(_mm512_castsi512_si256(top), _mm512_extracti64x4_epi64(top, 1)),
        _mm256_max_epu32(_mm512_castsi512_si256(far), _mm512_extracti64x4_epi64(far, 1)),
        _mm256_min_epi32(_mm512_castsi512_si256(near), _mm512_extracti64x4_epi64(near, 1))};
}

INLINE __m512i
sixteen_codes(const wide_params *p, const float *x, bool clamps)
{
    const __m512 bias = _mm512_broadcast_f32x8(p->bias);
    __m512 scaled =
        _mm512_mul_ps(_mm512_sub_ps(bias, _mm512_loadu_ps(x)), _mm512_broadcast_f32x8(p->inverse));

    if (clamps) scaled = _mm512_min_ps(_mm512_broadcast_f32x8(p->top), scaled);
    return _mm512_cvtps_epi32(scaled);
}

/* The dwords of a vector packed from four, in the order of columns: packing leaves 0, 4, 8, 12, 1, ... */
INLINE __m512i
fours_in_order(__m512i v)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

    return _mm512_permutexvar_epi32(order, v);
}

/* 64 columns: 64, 32 or 16 bytes. */
INLINE void
put_64_columns(const wide_params *p, const float *x, uint32_t bits, bool clamps, uint8_t *out)
{
    __m512i q[4];

    UNROLL for (int k = 0; k < 4; k++) q[k] = sixteen_codes(p, x + 16 * k, clamps);
    const __m512i bytes =
        _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
    if (bits == 8) {
        _mm512_storeu_si512(out, fours_in_order(bytes));
        return;
    }
    const __m512i pairs =
        _mm512_maddubs_epi16(bytes, _mm512_set1_epi16(bits == 4 ? 0x1001 : 0x0401));
    if (bits == 4) {
        _mm256_storeu_si256((__m256i *)(void *)out, _mm512_cvtepi16_epi8(fours_in_order(pairs)));
        return;
    }
    const __m512i quads = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00100001));
    _mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtepi32_epi8(fours_in_order(quads)));
}

#endif

#endif
