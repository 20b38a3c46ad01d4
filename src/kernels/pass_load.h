/* pass_load.h - parameters of rows, loaded with F16C. Only for units that are compiled for it: each
 * has these in its own code, so nothing of them is ever linked into another.
 */
#ifndef QUIRE_KERNELS_PASS_LOAD_H
#define QUIRE_KERNELS_PASS_LOAD_H

#include "kernels/pass.h"

#if defined(__F16C__)
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

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

/* Scale and bias, one behind the other, in the first two lanes. */
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

#endif

#endif
