/* bag_find_avx512.c - where the rows of indices start, eight at a time. */
#include "kernels/pass_avx512.h"

#if defined(__x86_64__)

INLINE __m512i
indices_load(const void *indices, bool wide, size_t i, __mmask8 lanes)
{
    return wide ? _mm512_maskz_loadu_epi64(lanes, (const int64_t *)indices + i)
                : _mm512_cvtepi32_epi64(
                      _mm256_maskz_loadu_epi32(lanes, (const int32_t *)indices + i));
}

INLINE size_t
rows_find(const void *indices, bool wide, size_t n, uint64_t n_rows, uint64_t stride, uint64_t *out)
{
    const __m512i limit = _mm512_set1_epi64((int64_t)n_rows);
    const __m512i by = _mm512_set1_epi64((int64_t)stride);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m512i x = indices_load(indices, wide, i, 0xff);
        const __mmask8 bad = _mm512_cmpge_epu64_mask(x, limit);
        _mm512_storeu_si512(out + i, _mm512_mullo_epi64(x, by));
        if (bad) return i + (size_t)__builtin_ctz(bad);
    }
    const __mmask8 lanes = (__mmask8)((1u << (n - i)) - 1);
    const __m512i x = indices_load(indices, wide, i, lanes);
    const __mmask8 bad = _mm512_mask_cmpge_epu64_mask(lanes, x, limit);
    _mm512_mask_storeu_epi64(out + i, lanes, _mm512_mullo_epi64(x, by));
    return bad ? i + (size_t)__builtin_ctz(bad) : n;
}

size_t
quire_rows_find_avx512(const void *indices, bool wide, size_t n, uint64_t n_rows, uint64_t stride,
                       uint64_t *out)
{
    return wide ? rows_find(indices, true, n, n_rows, stride, out)
                : rows_find(indices, false, n, n_rows, stride, out);
}
#endif
