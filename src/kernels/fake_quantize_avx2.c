/* fake_quantize_avx2.c - fake-quantize for AVX2 with FMA: the same operations in the same order as
 * fake_quantize_scalar.c, eight at a time. Compiled with flags of its own: nothing but its table
 * leaves it.
 *
 * One inline body each; what does not change within a call is a constant of each stamped function.
 */
#include "kernels/fake_quantize.h"
#include "kernels/inline.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define LANES 8
#define ROUND (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

/* A call's rules, broadcast; `divide` and `zero_is_float` are constants by then. */
typedef struct rules {
    bool divide;
    bool zero_is_float;
    __m256 low;
    __m256 high;
} rules;

typedef struct channel {
    __m256 scale;
    __m256 inverse;
    __m256 zero;
} channel;

INLINE rules
rules_load(const quire_fake_rules *r, bool divide, bool zero_is_float)
{
    return (rules){divide, zero_is_float, _mm256_set1_ps(r->low), _mm256_set1_ps(r->high)};
}

/* NaN to `low`: of a comparison that fails the second operand is taken. */
INLINE __m256
clamp(rules r, __m256 t)
{
    return _mm256_min_ps(_mm256_max_ps(t, r.low), r.high);
}

INLINE __m256
inside(rules r, __m256 t)
{
    return _mm256_and_ps(_mm256_cmp_ps(t, r.low, _CMP_GE_OQ), _mm256_cmp_ps(t, r.high, _CMP_LE_OQ));
}

INLINE __m256
code(rules r, channel c, __m256 x)
{
    if (r.zero_is_float) {
        const __m256 t = r.divide ? _mm256_add_ps(_mm256_div_ps(x, c.scale), c.zero)
                                  : _mm256_fmadd_ps(x, c.inverse, c.zero);
        return _mm256_add_ps(_mm256_round_ps(t, ROUND), _mm256_setzero_ps());
    }
    const __m256 scaled = r.divide ? _mm256_div_ps(x, c.scale) : _mm256_mul_ps(x, c.inverse);
    return _mm256_add_ps(c.zero, _mm256_round_ps(scaled, ROUND));
}

INLINE __m128
value_half(__m128 q, __m128 zero, __m128 scale)
{
    const __m256d d = _mm256_sub_pd(_mm256_cvtps_pd(q), _mm256_cvtps_pd(zero));

    return _mm256_cvtpd_ps(_mm256_mul_pd(d, _mm256_cvtps_pd(scale)));
}

INLINE __m256
value(rules r, channel c, __m256 q)
{
    if (!r.zero_is_float) return _mm256_mul_ps(_mm256_sub_ps(q, c.zero), c.scale);
    return _mm256_set_m128(value_half(_mm256_extractf128_ps(q, 1), _mm256_extractf128_ps(c.zero, 1),
                                      _mm256_extractf128_ps(c.scale, 1)),
                           value_half(_mm256_castps256_ps128(q), _mm256_castps256_ps128(c.zero),
                                      _mm256_castps256_ps128(c.scale)));
}

INLINE channel
columns_load(const quire_fake_columns *columns, size_t i)
{
    return (channel){_mm256_loadu_ps(columns->scales + i), _mm256_loadu_ps(columns->inverses + i),
                     _mm256_loadu_ps(columns->zeros + i)};
}

/* Bytes 1 and 0 of lanes that are all ones and zeros. */
INLINE void
mask_store(__m256 lanes, uint8_t *mask)
{
    const __m256i v = _mm256_castps_si256(lanes);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i bytes = _mm_and_si128(_mm_packs_epi16(words, words), _mm_set1_epi8(1));

    _mm_storel_epi64((__m128i *)(void *)mask, bytes);
}

INLINE void
forward_eight(rules r, channel c, const float *x, float *y, uint8_t *mask)
{
    const __m256 t = code(r, c, _mm256_loadu_ps(x));

    _mm256_storeu_ps(y, value(r, c, clamp(r, t)));
    if (mask) mask_store(inside(r, t), mask);
}

/* The last elements, fewer than eight, in arrays of eight. */
INLINE void
forward_rest(rules r, const quire_fake_columns *columns, size_t i, const float *x, size_t n,
             float *y, uint8_t *mask)
{
    float of[4][LANES] = {{0}};
    uint8_t bytes[LANES];
    const quire_fake_columns rest = {of[1], of[2], of[3], false};

    for (size_t k = 0; k < n; k++) {
        const size_t at = columns->uniform ? 0 : i + k;
        of[0][k] = x[k];
        of[1][k] = columns->scales[at];
        of[2][k] = columns->inverses[at];
        of[3][k] = columns->zeros[at];
    }
    forward_eight(r, columns_load(&rest, 0), of[0], of[0], bytes);
    memcpy(y, of[0], n * sizeof *y);
    if (mask) memcpy(mask, bytes, n);
}

INLINE void
forward_of(bool divide, bool zero_is_float, bool uniform, const quire_fake_rules *of,
           const quire_fake_columns *columns, const float *x, size_t n, float *y, uint8_t *mask)
{
    const rules r = rules_load(of, divide, zero_is_float);
    const channel all = {_mm256_set1_ps(columns->scales[0]), _mm256_set1_ps(columns->inverses[0]),
                         _mm256_set1_ps(columns->zeros[0])};
    size_t i = 0;

    if (mask) {
        for (; i + LANES <= n; i += LANES)
            forward_eight(r, uniform ? all : columns_load(columns, i), x + i, y + i, mask + i);
    } else {
        for (; i + LANES <= n; i += LANES)
            forward_eight(r, uniform ? all : columns_load(columns, i), x + i, y + i, NULL);
    }
    if (i < n) forward_rest(r, columns, i, x + i, n - i, y + i, mask ? mask + i : NULL);
}

static void
forward(const quire_fake_rules *r, const quire_fake_columns *columns, const float *x, size_t n,
        float *y, uint8_t *mask)
{
    if (n == 0) return;
    switch (r->divide * 4 + r->zero_is_float * 2 + columns->uniform) {
    case 0: forward_of(false, false, false, r, columns, x, n, y, mask); break;
    case 1: forward_of(false, false, true, r, columns, x, n, y, mask); break;
    case 2: forward_of(false, true, false, r, columns, x, n, y, mask); break;
    case 3: forward_of(false, true, true, r, columns, x, n, y, mask); break;
    case 4: forward_of(true, false, false, r, columns, x, n, y, mask); break;
    case 5: forward_of(true, false, true, r, columns, x, n, y, mask); break;
    case 6: forward_of(true, true, false, r, columns, x, n, y, mask); break;
    case 7: forward_of(true, true, true, r, columns, x, n, y, mask); break;
    }
}

static void
backward(const float *dy, const uint8_t *mask, size_t n, float *dx)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(mask + i));
        const __m256 factor = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
        _mm256_storeu_ps(dx + i, _mm256_mul_ps(_mm256_loadu_ps(dy + i), factor));
    }
    for (; i < n; i++)
        dx[i] = dy[i] * (float)mask[i];
}

/* Parts 0 to 3 and 4 to 7 of both sums. */
typedef struct parts {
    __m256d scale[2];
    __m256d zero[2];
} parts;

INLINE parts
parts_load(const quire_fake_parts *io)
{
    return (parts){{_mm256_loadu_pd(io->scale), _mm256_loadu_pd(io->scale + 4)},
                   {_mm256_loadu_pd(io->zero), _mm256_loadu_pd(io->zero + 4)}};
}

INLINE void
parts_store(parts p, quire_fake_parts *io)
{
    _mm256_storeu_pd(io->scale, p.scale[0]);
    _mm256_storeu_pd(io->scale + 4, p.scale[1]);
    _mm256_storeu_pd(io->zero, p.zero[0]);
    _mm256_storeu_pd(io->zero + 4, p.zero[1]);
}

INLINE void
sums_add(__m256d *sums, __m256 v)
{
    sums[0] = _mm256_add_pd(sums[0], _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
    sums[1] = _mm256_add_pd(sums[1], _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
}

/* The gradient of the scale where an element is inside. */
INLINE __m256
scale_gradient(rules r, channel c, __m256 x, __m256 dy, __m256 d)
{
    if (r.divide) {
        const __m256 e = _mm256_sub_ps(_mm256_mul_ps(d, c.scale), x);
        return _mm256_div_ps(_mm256_mul_ps(dy, e), c.scale);
    }
    return _mm256_mul_ps(_mm256_mul_ps(dy, _mm256_fmsub_ps(d, c.scale, x)), c.inverse);
}

/* Adds to `p` where `keep` is all ones; returns dx. */
INLINE __m256
gradients_eight(rules r, channel c, __m256 factor, __m256 x, __m256 dy, __m256 keep, parts *p)
{
    const __m256 t = code(r, c, x);
    const __m256 in = inside(r, t);
    const __m256 above = _mm256_cmp_ps(t, r.high, _CMP_GT_OQ);
    const __m256 d = _mm256_sub_ps(clamp(r, t), c.zero);
    const __m256 end = _mm256_sub_ps(_mm256_blendv_ps(r.low, r.high, above), c.zero);
    const __m256 scale =
        _mm256_blendv_ps(_mm256_mul_ps(dy, end), scale_gradient(r, c, x, dy, d), in);
    const __m256 zero = _mm256_mul_ps(_mm256_mul_ps(dy, _mm256_set1_ps(-1)), c.scale);

    sums_add(p->scale, _mm256_and_ps(keep, _mm256_mul_ps(scale, factor)));
    sums_add(p->zero, _mm256_and_ps(keep, _mm256_andnot_ps(in, _mm256_mul_ps(zero, factor))));
    return _mm256_mul_ps(dy, _mm256_and_ps(in, _mm256_set1_ps(1)));
}

INLINE void
gradients_rest(rules r, channel c, __m256 factor, const float *x, const float *dy, size_t n,
               float *dx, parts *p)
{
    float of[3][LANES] = {{0}};
    int32_t keep[LANES] = {0};

    for (size_t k = 0; k < n; k++)
        keep[k] = -1;
    memcpy(of[0], x, n * sizeof *x);
    memcpy(of[1], dy, n * sizeof *dy);
    const __m256 g = gradients_eight(
        r, c, factor, _mm256_loadu_ps(of[0]), _mm256_loadu_ps(of[1]),
        _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)(const void *)keep)), p);
    _mm256_storeu_ps(of[2], g);
    if (dx) memcpy(dx, of[2], n * sizeof *dx);
}

INLINE void
gradients_of(bool divide, bool zero_is_float, const quire_fake_rules *of,
             const quire_fake_channel *of_channel, const float *x, const float *dy, size_t n,
             float *dx, quire_fake_parts *io)
{
    const rules r = rules_load(of, divide, zero_is_float);
    const channel c = {_mm256_set1_ps(of_channel->scale), _mm256_set1_ps(of_channel->inverse),
                       _mm256_set1_ps(of_channel->zero)};
    const __m256 factor = _mm256_set1_ps(of->factor);
    const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    parts p = parts_load(io);
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        const __m256 g =
            gradients_eight(r, c, factor, _mm256_loadu_ps(x + i), _mm256_loadu_ps(dy + i), all, &p);
        if (dx) _mm256_storeu_ps(dx + i, g);
    }
    if (i < n) gradients_rest(r, c, factor, x + i, dy + i, n - i, dx ? dx + i : NULL, &p);
    parts_store(p, io);
}

static void
gradients(const quire_fake_rules *r, const quire_fake_channel *c, const float *x, const float *dy,
          size_t n, float *dx, quire_fake_parts *io)
{
    if (!r->divide) { /* codes as of float zero points, whatever they are */
        gradients_of(false, true, r, c, x, dy, n, dx, io);
    } else if (r->zero_is_float) {
        gradients_of(true, true, r, c, x, dy, n, dx, io);
    } else {
        gradients_of(true, false, r, c, x, dy, n, dx, io);
    }
}

const quire_fake_table quire_fake_avx2 = {forward, backward, gradients};
#endif
