/* lanes_avx2.h - masks of 8 lanes. For units compiled for AVX2, as pass_load.h. */
#ifndef QUIRE_KERNELS_LANES_AVX2_H
#define QUIRE_KERNELS_LANES_AVX2_H

#include "kernels/inline.h"

#if defined(__AVX2__)
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

/* All ones in the first m lanes. */
INLINE __m256i
first_lanes(size_t m)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - m));
}

#endif

#endif
