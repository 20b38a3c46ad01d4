/* pass_load.h - what the passes of wide instruction sets have alike, whatever their width: what a
 * kind is, a row's parameters loaded with F16C, and the way through bags and rows. Only for units
 * that are compiled for it: each has these in its own code, so nothing of them is ever linked into
 * another.
 */
#ifndef QUIRE_KERNELS_PASS_LOAD_H
#define QUIRE_KERNELS_PASS_LOAD_H

#include "kernels/pass.h"

#if defined(__F16C__)
#include <immintrin.h>

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE bool
is_fused(quire_pass_kind kind)
{
    return kind >= QUIRE_PASS_FUSED8;
}

INLINE bool
is_split(quire_pass_kind kind)
{
    return kind >= QUIRE_PASS_SPLIT8 && kind < QUIRE_PASS_FUSED8;
}

INLINE int
planes_of(quire_pass_kind kind)
{
    switch (kind) {
#define PLANES(name, planes, bytes)                                                                \
    case QUIRE_PASS_##name: return planes;
        QUIRE_PASS_KIND_TABLE(PLANES)
    case QUIRE_PASS_KINDS: break;
    }
    return 1;
}

INLINE int
unit_bytes_of(quire_pass_kind kind)
{
    switch (kind) {
#define BYTES(name, planes, bytes)                                                                 \
    case QUIRE_PASS_##name: return bytes;
        QUIRE_PASS_KIND_TABLE(BYTES)
    case QUIRE_PASS_KINDS: break;
    }
    return 0;
}

INLINE float
load_f32(const uint8_t *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    return value;
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

/* The same, of the row whose codes are at `codes`, times the weight of entry `i`. */
INLINE __m128
load_fused_params(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode,
                  const uint8_t *codes, size_t i)
{
    const __m128 both = load_both(kind, codes + (p->scales - p->codes));

    return mode == QUIRE_PASS_WEIGHTED ? _mm_mul_ps(_mm_set1_ps(p->weights[i]), both) : both;
}

INLINE float
load_split_scale(const quire_pass *p, uint64_t row)
{
    const uint8_t *at = p->scales + row * p->scale_stride;

    return p->scale == QUIRE_FLOAT_F16 ? load_f16(at) : load_f32(at);
}

INLINE float
load_split_zero(const quire_pass *p, uint64_t row)
{
    const uint8_t *at = p->zeros + row * p->zero_stride;

    return p->zero_is_float ? load_f32(at) : (float)at[0];
}

#endif

#endif
