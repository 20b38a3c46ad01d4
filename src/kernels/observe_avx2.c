/* observe_avx2.c - the inner loops of observation for AVX2: integers in vectors, so bits are those
 * of observe_scalar.c. Compiled with flags of its own: nothing but its table leaves it.
 */
#include "kernels/inline.h"
#include "kernels/observe_table.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define UNROLL _Pragma("GCC unroll 4")

/* Three figures of every lane, of 32 or 16 bits. */
typedef struct lanes {
    __m256i high;
    __m256i far;
    __m256i near;
} lanes;

INLINE __m256i
load(const void *x)
{
    return _mm256_loadu_si256((const __m256i *)x);
}

INLINE lanes
lanes_none(bool wide)
{
    return (lanes){wide ? _mm256_set1_epi32(INT32_MIN) : _mm256_set1_epi16(INT16_MIN),
                   _mm256_setzero_si256(), _mm256_set1_epi32(-1)};
}

INLINE lanes
lanes_join(bool wide, lanes a, lanes b)
{
    if (wide) {
        return (lanes){_mm256_max_epi32(a.high, b.high), _mm256_max_epu32(a.far, b.far),
                       _mm256_min_epu32(a.near, b.near)};
    }
    return (lanes){_mm256_max_epi16(a.high, b.high), _mm256_max_epu16(a.far, b.far),
                   _mm256_min_epu16(a.near, b.near)};
}

INLINE lanes
lanes_add(bool wide, lanes a, __m256i v)
{
    return lanes_join(wide, a, (lanes){v, v, v});
}

/* Element k of each lane, as bits of 32. */
INLINE void
lanes_store(bool wide, lanes l, quire_extremes *io)
{
    const size_t n = wide ? 8 : 16;
    uint32_t high[8], far[8], near[8];

    _mm256_storeu_si256((__m256i *)(void *)high, l.high);
    _mm256_storeu_si256((__m256i *)(void *)far, l.far);
    _mm256_storeu_si256((__m256i *)(void *)near, l.near);
    for (size_t k = 0; k < n; k++) {
        const size_t at = wide ? k : k / 2;
        const uint32_t up = wide || k % 2 ? 0 : 16;
        const uint32_t keep = wide ? UINT32_MAX : 0xffff0000u;
        const quire_extremes e = {(high[at] << up) & keep, (far[at] << up) & keep,
                                  (near[at] << up) & keep};
        if ((int32_t)e.high > (int32_t)io[k].high) io[k].high = e.high;
        if (e.far > io[k].far) io[k].far = e.far;
        if (e.near < io[k].near) io[k].near = e.near;
    }
}

/* All lanes joined, in each of them. */
INLINE lanes
lanes_turned(bool wide, lanes l, int step)
{
    __m256i v[3] = {l.high, l.far, l.near};

    UNROLL for (int k = 0; k < 3; k++)
    {
        v[k] = step == 0   ? _mm256_permute4x64_epi64(v[k], 0x4e)
               : step == 1 ? _mm256_shuffle_epi32(v[k], 0x4e)
               : step == 2
                   ? _mm256_shuffle_epi32(v[k], 0xb1)
                   : _mm256_or_si256(_mm256_slli_epi32(v[k], 16), _mm256_srli_epi32(v[k], 16));
    }
    return lanes_join(wide, l, (lanes){v[0], v[1], v[2]});
}

INLINE uint32_t
lane_first(bool wide, __m256i v)
{
    const uint32_t bits = (uint32_t)_mm256_cvtsi256_si32(v);

    return wide ? bits : bits << 16;
}

INLINE void
extremes_of(bool wide, const char *x, size_t n_vectors, quire_extremes *io)
{
    lanes l[4];
    size_t i = 0;

    UNROLL for (int k = 0; k < 4; k++) l[k] = lanes_none(wide);
    for (; i + 4 <= n_vectors; i += 4) {
        UNROLL for (size_t k = 0; k < 4; k++) l[k] = lanes_add(wide, l[k], load(x + 32 * (i + k)));
    }
    for (; i < n_vectors; i++)
        l[0] = lanes_add(wide, l[0], load(x + 32 * i));
    l[0] = lanes_join(wide, lanes_join(wide, l[0], l[1]), lanes_join(wide, l[2], l[3]));
    UNROLL for (int step = 0; step < 4; step++)
    {
        if (step < 3 || !wide) l[0] = lanes_turned(wide, l[0], step);
    }
    const uint32_t high = lane_first(wide, l[0].high);
    const uint32_t far = lane_first(wide, l[0].far);
    const uint32_t near = lane_first(wide, l[0].near);
    if ((int32_t)high > (int32_t)io->high) io->high = high;
    if (far > io->far) io->far = far;
    if (near < io->near) io->near = near;
}

static void
extremes(quire_float_type type, const void *x, size_t n, quire_extremes *io)
{
    const bool wide = type == QUIRE_FLOAT_F32;
    const size_t per_vector = wide ? 8 : 16;

    if (n >= per_vector) {
        if (wide) {
            extremes_of(true, x, n / per_vector, io);
        } else {
            extremes_of(false, x, n / per_vector, io);
        }
    }
    for (size_t i = n / per_vector * per_vector; i < n; i++)
        quire_extremes_add(io, quire_observe_bits(type, x, i));
}

INLINE void
columns_of(bool wide, int n_vectors, const char *x, size_t stride, size_t n_rows,
           quire_extremes *io)
{
    lanes l[4];

    UNROLL for (int k = 0; k < n_vectors; k++) l[k] = lanes_none(wide);
    for (size_t row = 0; row < n_rows; row++) {
        UNROLL for (int k = 0; k < n_vectors; k++) l[k] =
            lanes_add(wide, l[k], load(x + row * stride + 32 * k));
    }
    UNROLL for (int k = 0; k < n_vectors; k++) lanes_store(wide, l[k], io + k * (wide ? 8 : 16));
}

static void
column_extremes(quire_float_type type, const void *x, size_t stride, size_t n_rows,
                quire_extremes *io)
{
    if (type == QUIRE_FLOAT_F32) {
        columns_of(true, 4, x, stride, n_rows, io);
    } else {
        columns_of(false, 2, x, stride, n_rows, io);
    }
}

/* quire_bin_of, for eight. */
INLINE __m256i
bins_eight(__m256i bits, __m256i exponent, __m256i side)
{
    const __m256i one = _mm256_set1_epi32(1);
    const __m256i biased = _mm256_and_si256(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(0xff));
    const __m256i subnormal = _mm256_cmpeq_epi32(biased, _mm256_setzero_si256());
    const __m256i hidden = _mm256_andnot_si256(subnormal, _mm256_set1_epi32(0x800000));
    const __m256i size =
        _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x7fffff)), hidden);
    const __m256i shift = _mm256_sub_epi32(exponent, _mm256_max_epi32(biased, one));
    const __m256i zero = _mm256_cmpeq_epi32(size, _mm256_setzero_si256());
    const __m256i negative = _mm256_andnot_si256(zero, _mm256_srai_epi32(bits, 31));
    const __m256i whole = _mm256_srlv_epi32(_mm256_add_epi32(size, negative), shift);

    return _mm256_add_epi32(_mm256_xor_si256(whole, negative), side);
}

static void
bins(const float *x, size_t n, uint32_t side, int32_t exponent, uint32_t *out)
{
    const __m256i from = _mm256_set1_epi32((int32_t)side);
    const __m256i base = _mm256_set1_epi32(exponent + 150);
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_si256((__m256i *)(void *)(out + i), bins_eight(load(x + i), base, from));
    for (; i < n; i++)
        out[i] = side + (uint32_t)quire_bin_of(quire_f32_bits(x[i]), exponent);
}

static void
widen(quire_float_type type, const void *x, size_t n, float *out)
{
    const uint16_t *half = x;
    size_t i = 0;

    if (type == QUIRE_FLOAT_F32) {
        memcpy(out, x, n * sizeof *out);
        return;
    }
    for (; i + 8 <= n; i += 8) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(half + i));
        const __m256 wide =
            type == QUIRE_FLOAT_F16
                ? _mm256_cvtph_ps(v)
                : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
        _mm256_storeu_ps(out + i, wide);
    }
    for (; i < n; i++)
        out[i] =
            type == QUIRE_FLOAT_F16 ? quire_f32_from_f16(half[i]) : quire_f32_from_bf16(half[i]);
}

const quire_observe_table quire_observe_avx2 = {extremes, column_extremes, bins, widen};
#endif
