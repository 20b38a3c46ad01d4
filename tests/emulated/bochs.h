/* bochs.h - included before the kernels that are compiled for Bochs 2.7, whose vcvtps2ph rounds
 * ties between two float16 numbers away from even: finite lanes are converted here, by integers, and
 * subnormal ones by an addition that rounds at the same place.
 */
#ifndef QUIRE_TESTS_EMULATED_BOCHS_H
#define QUIRE_TESTS_EMULATED_BOCHS_H

#if defined(__F16C__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t
bochs_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline void
bochs_halves_put(const float *x, uint16_t *halves, int n)
{
    for (int k = 0; k < n; k++) {
        const uint32_t size = bochs_bits(fabsf(x[k]));
        const volatile float sum = fabsf(x[k]) + 0.5f; /* steps of 2^-24 */
        uint32_t half = halves[k] & 0x7fff;
        if (size < 0x38800000) { /* 2^-14 */
            half = bochs_bits(sum) - 0x3f000000;
        } else if (size < 0x477ff000) { /* 65520 */
            half = ((size + 0xfff + (size >> 13 & 1)) >> 13) - (112 << 10);
        }
        halves[k] = (uint16_t)((halves[k] & 0x8000) | half);
    }
}

#define BOCHS_CONVERT(name, halves_type, floats_type, n, instruction, store)                       \
    static inline halves_type name(floats_type v)                                                  \
    {                                                                                              \
        uint16_t halves[16] = {0};                                                                 \
        float x[16];                                                                               \
        halves_type out = instruction(v, 0);                                                       \
        store(x, v);                                                                               \
        memcpy(halves, &out, sizeof out);                                                          \
        bochs_halves_put(x, halves, n);                                                            \
        memcpy(&out, halves, sizeof out);                                                          \
        return out;                                                                                \
    }
BOCHS_CONVERT(bochs_cvtps_ph_4, __m128i, __m128, 4, _mm_cvtps_ph, _mm_storeu_ps)
BOCHS_CONVERT(bochs_cvtps_ph_8, __m128i, __m256, 8, _mm256_cvtps_ph, _mm256_storeu_ps)
#undef _mm_cvtps_ph
#undef _mm256_cvtps_ph
#define _mm_cvtps_ph(v, how)    bochs_cvtps_ph_4(v)
#define _mm256_cvtps_ph(v, how) bochs_cvtps_ph_8(v)
#if defined(__AVX512F__)
BOCHS_CONVERT(bochs_cvtps_ph_16, __m256i, __m512, 16, _mm512_cvtps_ph, _mm512_storeu_ps)
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(v, how) bochs_cvtps_ph_16(v)
#endif
#endif

#endif
