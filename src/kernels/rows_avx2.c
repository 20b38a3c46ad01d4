/* rows_avx2.c - the inner loops of the row kernels for AVX2, FMA and F16C: the bits of rows_scalar.c.
 *
 * A fused multiply-add stands only where the product is exact: x * x of a float32 in double.
 * Compiled with flags of its own: nothing but its table leaves it.
 */
#include "kernels/halves_avx2.h"
#include "kernels/lanes_avx2.h"
#include "kernels/rows_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define STEP   32
#define UNROLL _Pragma("GCC unroll 8")

/* --- ranges ---------------------------------------------------------------------------------------
 */

typedef struct extremes {
    __m256 lo[4];
    __m256 hi[4];
    __m256 nan;
} extremes;

INLINE void
extremes_add(extremes *e, const __m256 v[4])
{
    UNROLL for (int k = 0; k < 4; k++)
    {
        e->lo[k] = _mm256_min_ps(e->lo[k], v[k]);
        e->hi[k] = _mm256_max_ps(e->hi[k], v[k]);
    }
    e->nan = _mm256_or_ps(e->nan, _mm256_or_ps(_mm256_cmp_ps(v[0], v[1], _CMP_UNORD_Q),
                                               _mm256_cmp_ps(v[2], v[3], _CMP_UNORD_Q)));
}

INLINE float
least(__m256 v)
{
    __m128 h = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    h = _mm_min_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_min_ss(h, _mm_movehdup_ps(h)));
}

INLINE float
most(__m256 v)
{
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}

static bool
has_negative_zero(const float *x, size_t n)
{
    const __m256i wanted = _mm256_set1_epi32(INT32_MIN);
    __m256i found = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        found = _mm256_or_si256(found, _mm256_cmpeq_epi32(v, wanted));
    }
    const __m256i mask = first_lanes(n - i);
    const __m256i v = _mm256_maskload_epi32((const int *)(const void *)(x + i), mask);
    found = _mm256_or_si256(found, _mm256_cmpeq_epi32(v, wanted));
    return !_mm256_testz_si256(found, found);
}

static bool
range_find(const float *x, size_t n, quire_row_range *out)
{
    const __m256 first = _mm256_set1_ps(x[0]);
    extremes e = {.nan = _mm256_setzero_ps()};
    __m256 v[4];
    size_t i = 0;

    UNROLL for (int k = 0; k < 4; k++) e.lo[k] = e.hi[k] = first;
    for (; i + STEP <= n; i += STEP) {
        UNROLL for (size_t k = 0; k < 4; k++) v[k] = _mm256_loadu_ps(x + i + 8 * k);
        extremes_add(&e, v);
    }
    for (; i < n; i += 8) {
        const __m256i mask = first_lanes(n - i < 8 ? n - i : 8);
        const __m256 some =
            _mm256_blendv_ps(first, _mm256_maskload_ps(x + i, mask), _mm256_castsi256_ps(mask));
        e.lo[0] = _mm256_min_ps(e.lo[0], some);
        e.hi[0] = _mm256_max_ps(e.hi[0], some);
        e.nan = _mm256_or_ps(e.nan, _mm256_cmp_ps(some, some, _CMP_UNORD_Q));
    }
    out->lo =
        least(_mm256_min_ps(_mm256_min_ps(e.lo[0], e.lo[1]), _mm256_min_ps(e.lo[2], e.lo[3])));
    out->hi = most(_mm256_max_ps(_mm256_max_ps(e.hi[0], e.hi[1]), _mm256_max_ps(e.hi[2], e.hi[3])));
    if (_mm256_movemask_ps(e.nan)) return false;
    if (!(out->lo >= -FLT_MAX) || !(out->hi <= FLT_MAX)) return false;
    if (out->lo == 0) out->lo = has_negative_zero(x, n) ? -0.0f : 0.0f;
    if (out->hi == 0) out->hi = 0;
    return true;
}

/* --- parameters ----------------------------------------------------------------------------------
 */

/* quire_row_scale_stored of four. */
INLINE __m128
scale_stored(const quire_row_format *f, __m128 scale)
{
    if (f->choice.scale == QUIRE_ROW_SCALE_F32) return _mm_max_ps(scale, _mm_set1_ps(FLT_MIN));
    scale = _mm_cvtph_ps(_mm_cvtps_ph(scale, _MM_FROUND_TO_NEAREST_INT));
    return _mm_max_ps(scale, _mm_set1_ps(0x1p-24f));
}

INLINE void
params_int(const quire_row_format *f, __m128 lo, __m128 hi, __m128 *out_scale, __m128 *out_zero)
{
    const __m256d n = _mm256_set1_pd(f->max_code);
    const __m128 zero = _mm_setzero_ps();

    lo = _mm_min_ps(lo, zero);
    hi = _mm_max_ps(hi, zero);
    const __m256d width = _mm256_sub_pd(_mm256_cvtps_pd(hi), _mm256_cvtps_pd(lo));
    const __m128 flat = _mm_and_ps(_mm_cmpeq_ps(lo, zero), _mm_cmpeq_ps(hi, zero));
    const __m128 scale = scale_stored(f, _mm256_cvtpd_ps(_mm256_div_pd(width, n)));
    const __m256d least = _mm256_cvtps_pd(_mm_xor_ps(lo, _mm_set1_ps(-0.0f)));
    const __m256d ratio = _mm256_div_pd(least, _mm256_cvtps_pd(scale));
    const __m256d whole = _mm256_round_pd(ratio, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    *out_scale = _mm_blendv_ps(scale, _mm_set1_ps(1), flat);
    *out_zero = _mm_blendv_ps(_mm256_cvtpd_ps(_mm256_min_pd(whole, n)), zero, flat);
}

INLINE void
params_float(const quire_row_format *f, __m128 lo, __m128 hi, __m128 *out_scale, __m128 *out_zero)
{
    const __m128 plain = _mm_div_ps(_mm_sub_ps(hi, lo), _mm_set1_ps((float)f->max_code));
    __m128 unit = _mm_cmpeq_ps(lo, hi);

    if (f->choice.eps > 0) {
        unit = _mm_or_ps(unit, _mm_cmp_ps(plain, _mm_set1_ps(f->choice.eps), _CMP_NGT_UQ));
    }
    *out_scale = _mm_blendv_ps(scale_stored(f, plain), _mm_set1_ps(1), unit);
    *out_zero = _mm_div_ps(_mm_xor_ps(lo, _mm_set1_ps(-0.0f)), *out_scale);
}

/* May a code of these parameters decode to an infinite value, or the range be beyond float32? */
INLINE bool
is_vast(const quire_row_format *f, __m128 lo, __m128 hi, __m128 scale, __m128 zero)
{
    const __m128 size = _mm_castsi128_ps(_mm_set1_epi32(INT32_MAX));
    const __m128 limit = _mm_set1_ps(f->choice.dtype == QUIRE_ROW_DTYPE_F16 ? 65504.0f : 0x1p127f);
    const __m128 low = _mm_mul_ps(zero, scale);
    const __m128 high = _mm_mul_ps(_mm_sub_ps(_mm_set1_ps((float)f->max_code), zero), scale);
    const __m128 most = _mm_max_ps(_mm_max_ps(_mm_and_ps(low, size), _mm_and_ps(high, size)),
                                   _mm_and_ps(_mm_sub_ps(hi, lo), size));

    return _mm_movemask_ps(_mm_cmp_ps(most, limit, _CMP_NLT_UQ)) != 0;
}

static void
params_minmax(const quire_row_format *f, const quire_row_range *ranges, size_t team,
              quire_row_params *out)
{
    const __m128 first = _mm_loadu_ps(&ranges[0].lo);
    const __m128 second = _mm_loadu_ps(&ranges[2].lo);
    const __m128 lo = _mm_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0));
    const __m128 hi = _mm_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1));
    float scales[4], zeros[4], inverses[4];
    __m128 scale, zero;

    if (f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
        params_int(f, lo, hi, &scale, &zero);
    } else {
        params_float(f, lo, hi, &scale, &zero);
    }
    if (is_vast(f, lo, hi, scale, zero)) {
        quire_row_kernels_scalar.params_minmax(f, ranges, team, out);
        return;
    }
    _mm_storeu_ps(scales, scale);
    _mm_storeu_ps(zeros, zero);
    _mm_storeu_ps(inverses, _mm_div_ps(_mm_set1_ps(1), scale));
    for (size_t r = 0; r < team; r++) {
        out[r] = (quire_row_params){scales[r], zeros[r], inverses[r], 0, (float)f->max_code};
    }
}

/* --- codes ---------------------------------------------------------------------------------------
 */

/* What is the same for all elements of a group. */
typedef struct wide_params {
    __m256 scale;
    __m256 inverse;
    __m256 zero;
    __m256i code_zero; /* INT only */
    __m256 low;
    __m256 high;
} wide_params;

typedef enum values_kind { NO_VALUES, F32_VALUES, F16_VALUES, BF16_VALUES } values_kind;

INLINE wide_params
widen_params(const quire_row_params *p, bool is_int)
{
    const float offset = is_int ? p->zero_point : 0;

    return (wide_params){
        .scale = _mm256_set1_ps(p->scale),
        .inverse = _mm256_set1_ps(p->inverse),
        .zero = _mm256_set1_ps(p->zero_point),
        .code_zero = _mm256_set1_epi32(is_int ? (int)p->zero_point : 0),
        .low = _mm256_set1_ps(p->low - offset),
        .high = _mm256_set1_ps(p->high - offset),
    };
}

/* Of numbers: decoded values are finite. */
INLINE __m256
round_finite_bf16(__m256 v)
{
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);

    return _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32((int)0xffff0000u)));
}

INLINE __m256
round_values(__m256 v, values_kind kind)
{
    if (kind == BF16_VALUES) return round_finite_bf16(v);
    if (kind == F16_VALUES) return round_f16(v);
    return v;
}

/* Integer levels are quotients. The product with the inverse is within a 2^-22nd part of the quotient, which
 * is at most 255 where it is not clamped: where the product is no farther than this from an integer, both
 * are rounded to it. Elsewhere there is a division. */
#define QUOTIENT_SAFE 0x1.ffp-2f

/* The codes of eight elements, one to a lane. Rounded as the environment says: to nearest. Unless `io_far` is
 * NULL, products stand for quotients, and how far they are from integers is noted there. */
INLINE __m256i
encode_eight(const wide_params *p, __m256 x, bool is_int, values_kind kind, float *values,
             size_t at, __m256 *io_far)
{
    const __m256 product = _mm256_mul_ps(x, p->inverse);
    const __m256 level = !is_int  ? _mm256_add_ps(product, p->zero)
                         : io_far ? product
                                  : _mm256_div_ps(x, p->scale);
    const __m256 clamped = _mm256_min_ps(_mm256_max_ps(level, p->low), p->high);
    const __m256i rounded = _mm256_cvtps_epi32(clamped);

    if (io_far) {
        const __m256 by = _mm256_sub_ps(clamped, _mm256_cvtepi32_ps(rounded));
        *io_far = _mm256_max_ps(*io_far, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), by));
    }
    if (kind != NO_VALUES) {
        __m256 steps = _mm256_cvtepi32_ps(rounded);
        if (!is_int) steps = _mm256_sub_ps(steps, p->zero);
        _mm256_storeu_ps(values + at, round_values(_mm256_mul_ps(steps, p->scale), kind));
    }
    return is_int ? _mm256_add_epi32(rounded, p->code_zero) : rounded;
}

/* 32 codes below 256, a byte each. */
INLINE __m256i
bytes_of(const __m256i q[4])
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    return _mm256_permutevar8x32_epi32(
        _mm256_packus_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3])), order);
}

/* One plane's codes: where they go, how far they are shifted, whether others are there already. */
typedef struct plane {
    uint8_t *out;
    __m128i shift;
    bool merge;
} plane;

/* The last 1 to 7 bytes of a plane. */
INLINE void
put_some(uint8_t *to, uint64_t bytes, size_t n, bool merge)
{
    for (size_t k = 0; k < n; k++, bytes >>= 8)
        to[k] = (uint8_t)(merge ? to[k] | bytes : bytes);
}

/* Up to eight codes, in the low bytes. */
INLINE __m128i
eight_bytes_of(__m256i q)
{
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));

    return _mm_packus_epi16(words, words);
}

INLINE void
encode_32(const wide_params *p, const float *x, const plane *to, size_t i, bool is_int,
          values_kind kind, float *values)
{
    __m256i *out = (__m256i *)(void *)(to->out + i);
    __m256 far = _mm256_setzero_ps();
    __m256i q[4];

    UNROLL for (size_t k = 0; k < 4; k++)
    {
        const size_t at = i + 8 * k;
        q[k] = encode_eight(p, _mm256_loadu_ps(x + at), is_int, kind, values, at,
                            is_int ? &far : NULL);
    }
    if (_mm256_movemask_ps(_mm256_cmp_ps(far, _mm256_set1_ps(QUOTIENT_SAFE), _CMP_NLE_UQ))) {
        UNROLL for (size_t k = 0; k < 4; k++)
        {
            const size_t at = i + 8 * k;
            q[k] = encode_eight(p, _mm256_loadu_ps(x + at), is_int, kind, values, at, NULL);
        }
    }
    __m256i bytes = _mm256_sll_epi16(bytes_of(q), to->shift);
    if (to->merge) bytes = _mm256_or_si256(bytes, _mm256_loadu_si256(out));
    _mm256_storeu_si256(out, bytes);
}

/* Eight columns, or the last m of them. */
INLINE void
encode_8(const wide_params *p, const float *x, const plane *to, size_t i, size_t m, bool is_int,
         values_kind kind, float *values)
{
    __m128i *out = (__m128i *)(void *)(to->out + i);
    const __m256 v = m < 8 ? _mm256_maskload_ps(x + i, first_lanes(m)) : _mm256_loadu_ps(x + i);
    const __m256i q = encode_eight(p, v, is_int, kind, values, i, NULL);
    __m128i bytes = _mm_sll_epi16(eight_bytes_of(q), to->shift);

    if (m < 8) {
        put_some(to->out + i, (uint64_t)_mm_cvtsi128_si64(bytes), m, to->merge);
        return;
    }
    if (to->merge) bytes = _mm_or_si128(bytes, _mm_loadl_epi64(out));
    _mm_storel_epi64(out, bytes);
}

INLINE void
encode_plane(const wide_params *p, const float *x, size_t n, const plane *to, bool is_int,
             values_kind kind, float *values)
{
    size_t i = 0;

    for (; i + STEP <= n; i += STEP)
        encode_32(p, x, to, i, is_int, kind, values);
    for (; i + 8 <= n; i += 8)
        encode_8(p, x, to, i, 8, is_int, kind, values);
    if (i < n) encode_8(p, x, to, i, n - i, is_int, kind, values);
}

INLINE void
encode_planes(const quire_row_format *f, const quire_row_params *p, const float *x, size_t first,
              size_t n, uint8_t *group, bool is_int, values_kind kind, float *values)
{
    const wide_params wide = widen_params(p, is_int);
    const size_t bytes = f->group_bytes;
    size_t at_plane = first == 0 ? 0 : first / bytes;
    size_t byte = first == 0 ? 0 : first % bytes;

    if (first == 0 && n < bytes) memset(group + n, 0, bytes - n);
    for (; n > 0; at_plane++, byte = 0) {
        const size_t m = n < bytes - byte ? n : bytes - byte;
        const plane to = {.out = group + byte,
                          .shift = _mm_cvtsi32_si128((int)(f->choice.bits * at_plane)),
                          .merge = at_plane > 0};
        encode_plane(&wide, x, m, &to, is_int, kind, values);
        x += m;
        n -= m;
        if (kind != NO_VALUES) values += m;
    }
}

static values_kind
kind_of(quire_row_dtype dtype)
{
    switch (dtype) {
    case QUIRE_ROW_DTYPE_F32: break;
    case QUIRE_ROW_DTYPE_F16: return F16_VALUES;
    case QUIRE_ROW_DTYPE_BF16: return BF16_VALUES;
    }
    return F32_VALUES;
}

static void
encode(const quire_row_format *f, const quire_row_params *p, const float *x, size_t first, size_t n,
       uint8_t *group, float *values)
{
    const values_kind kind = values ? kind_of(f->choice.dtype) : NO_VALUES;

#define ENCODE(is_int, kind)                                                                       \
    case kind: encode_planes(f, p, x, first, n, group, is_int, kind, values); break
    if (f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
        switch (kind) {
            ENCODE(true, NO_VALUES);
            ENCODE(true, F32_VALUES);
            ENCODE(true, F16_VALUES);
            ENCODE(true, BF16_VALUES);
        }
    } else {
        switch (kind) {
            ENCODE(false, NO_VALUES);
            ENCODE(false, F32_VALUES);
            ENCODE(false, F16_VALUES);
            ENCODE(false, BF16_VALUES);
        }
    }
#undef ENCODE
}

/* --- sums ----------------------------------------------------------------------------------------
 */

/* Four columns. */
INLINE void
add_four(__m128 x, __m128 v, __m256d *xx, __m256d *ee)
{
    const __m256d wide = _mm256_cvtps_pd(x);
    const __m256d e = _mm256_sub_pd(wide, _mm256_cvtps_pd(v));

    *xx = _mm256_fmadd_pd(wide, wide, *xx);
    *ee = _mm256_add_pd(*ee, _mm256_mul_pd(e, e));
}

static void
add_errors(const float *x, const float *values, size_t n, quire_row_parts *io)
{
    __m256d xx[2] = {_mm256_loadu_pd(io->xx), _mm256_loadu_pd(io->xx + 4)};
    __m256d ee[2] = {_mm256_loadu_pd(io->ee), _mm256_loadu_pd(io->ee + 4)};
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        add_four(_mm_loadu_ps(x + i), _mm_loadu_ps(values + i), &xx[0], &ee[0]);
        add_four(_mm_loadu_ps(x + i + 4), _mm_loadu_ps(values + i + 4), &xx[1], &ee[1]);
    }
    if (i < n) { /* adding 0 changes no sum of squares */
        const __m256i mask = first_lanes(n - i);
        const __m256 a = _mm256_maskload_ps(x + i, mask);
        const __m256 b = _mm256_maskload_ps(values + i, mask);
        add_four(_mm256_castps256_ps128(a), _mm256_castps256_ps128(b), &xx[0], &ee[0]);
        add_four(_mm256_extractf128_ps(a, 1), _mm256_extractf128_ps(b, 1), &xx[1], &ee[1]);
    }
    for (size_t k = 0; k < 2; k++) {
        _mm256_storeu_pd(io->xx + 4 * k, xx[k]);
        _mm256_storeu_pd(io->ee + 4 * k, ee[k]);
    }
}

/* --- decoding ------------------------------------------------------------------------------------
 */

INLINE __m256
decode_eight(__m256i bytes, __m128i shift, __m256i mask, __m256 zero, __m256 scale)
{
    const __m256i q = _mm256_and_si256(_mm256_srl_epi32(bytes, shift), mask);

    return _mm256_mul_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(q), zero), scale);
}

INLINE void
decode_plane(const uint8_t *in, size_t n, __m128i shift, __m256i mask, __m256 zero, __m256 scale,
             float *values)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m256i q =
            _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(in + i)));
        _mm256_storeu_ps(values + i, decode_eight(q, shift, mask, zero, scale));
    }
    if (i == n) return;

    uint64_t some = 0;
    for (size_t k = 0; k < n - i; k++)
        some |= (uint64_t)in[i + k] << 8 * k;
    const __m256i q = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)some));
    _mm256_storeu_ps(values + i, decode_eight(q, shift, mask, zero, scale));
}

static void
decode(const quire_row_format *f, const quire_row_params *p, const uint8_t *group, size_t first,
       size_t n, float *values)
{
    const __m256i mask = _mm256_set1_epi32((int)f->max_code);
    const __m256 zero = _mm256_set1_ps(p->zero_point);
    const __m256 scale = _mm256_set1_ps(p->scale);
    const size_t bytes = f->group_bytes;
    size_t at_plane = first == 0 ? 0 : first / bytes;
    size_t byte = first == 0 ? 0 : first % bytes;

    for (; n > 0; at_plane++, byte = 0) {
        const size_t m = n < bytes - byte ? n : bytes - byte;
        const __m128i shift = _mm_cvtsi32_si128((int)(f->choice.bits * at_plane));
        decode_plane(group + byte, m, shift, mask, zero, scale, values);
        values += m;
        n -= m;
    }
}

/* --- element types -------------------------------------------------------------------------------
 */

/* The processor makes a signalling NaN quiet: those eight are left to the plain loop. */
static size_t
widen_f16(const uint8_t *in, size_t n, float *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m256 v =
            _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i)));
        _mm256_storeu_ps(out + i, v);
        if (_mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)))
            quire_row_widen_plain(QUIRE_ROW_DTYPE_F16, in + 2 * i, 8, out + i);
    }
    return i;
}

static size_t
widen_bf16(const uint8_t *in, size_t n, float *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i));
        const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), wide);
    }
    return i;
}

static void
widen(quire_row_dtype dtype, const void *in, size_t n, float *out)
{
    const uint8_t *bytes = in;
    const size_t i =
        dtype == QUIRE_ROW_DTYPE_F16 ? widen_f16(bytes, n, out) : widen_bf16(bytes, n, out);

    quire_row_widen_plain(dtype, bytes + 2 * i, n - i, out + i);
}

static void
narrow(quire_row_dtype dtype, const float *in, size_t n, void *out)
{
    uint8_t *bytes = out;
    const size_t i = dtype == QUIRE_ROW_DTYPE_F16 ? halves_narrow(QUIRE_FLOAT_F16, in, n, bytes)
                                                  : halves_narrow(QUIRE_FLOAT_BF16, in, n, bytes);

    quire_row_narrow_plain(dtype, in + i, n - i, bytes + 2 * i);
}

/* --- search --------------------------------------------------------------------------------------
 */

/* Sums of eight candidates. */
typedef struct half_sums {
    __m256d error[2];
    __m256 t;
    __m256 k;
    __m256 kk;
    __m256 tk;
} half_sums;

INLINE void
add_fit(half_sums *s, __m256 level, __m256 rounded, __m256 centre)
{
    const __m256 t = _mm256_sub_ps(level, centre);
    const __m256 k = _mm256_sub_ps(rounded, centre);

    s->t = _mm256_add_ps(s->t, t);
    s->k = _mm256_add_ps(s->k, k);
    s->kk = _mm256_add_ps(s->kk, _mm256_mul_ps(k, k));
    s->tk = _mm256_add_ps(s->tk, _mm256_mul_ps(t, k));
}

INLINE void
add_error(half_sums *s, float x, __m256 value)
{
    const __m256d wide = _mm256_set1_pd((double)x);
    const __m256d a = _mm256_sub_pd(wide, _mm256_cvtps_pd(_mm256_castps256_ps128(value)));
    const __m256d b = _mm256_sub_pd(wide, _mm256_cvtps_pd(_mm256_extractf128_ps(value, 1)));

    s->error[0] = _mm256_add_pd(s->error[0], _mm256_mul_pd(a, a));
    s->error[1] = _mm256_add_pd(s->error[1], _mm256_mul_pd(b, b));
}

INLINE void
measure_half(const quire_row_lanes *c, size_t l, const float *x, size_t n, float centre,
             bool is_int, values_kind kind, quire_row_lane_sums *out)
{
    const __m256 rounder = _mm256_set1_ps(QUIRE_ROW_ROUNDER);
    const __m256 middle = _mm256_set1_ps(centre);
    const __m256 scale = _mm256_loadu_ps(c->scale + l);
    const __m256 inverse = _mm256_loadu_ps(c->inverse + l);
    const __m256 zero = _mm256_loadu_ps(c->zero_point + l);
    const __m256 low = _mm256_loadu_ps(c->low + l);
    const __m256 high = _mm256_loadu_ps(c->high + l);
    const __m256 none = _mm256_setzero_ps();
    half_sums s = {{_mm256_setzero_pd(), _mm256_setzero_pd()}, none, none, none, none};

    for (size_t i = 0; i < n; i++) {
        const __m256 v = _mm256_set1_ps(x[i]);
        const __m256 level =
            is_int ? _mm256_div_ps(v, scale) : _mm256_add_ps(_mm256_mul_ps(v, inverse), zero);
        const __m256 clamped = _mm256_min_ps(_mm256_max_ps(level, low), high);
        const __m256 rounded = _mm256_sub_ps(_mm256_add_ps(clamped, rounder), rounder);
        const __m256 steps = is_int ? rounded : _mm256_sub_ps(rounded, zero);
        add_error(&s, x[i], round_values(_mm256_mul_ps(steps, scale), kind));
        add_fit(&s, level, rounded, middle);
    }
    _mm256_storeu_pd(out->error + l, s.error[0]);
    _mm256_storeu_pd(out->error + l + 4, s.error[1]);
    _mm256_storeu_ps(out->t + l, s.t);
    _mm256_storeu_ps(out->k + l, s.k);
    _mm256_storeu_ps(out->kk + l, s.kk);
    _mm256_storeu_ps(out->tk + l, s.tk);
}

static void
measure(const quire_row_format *f, const quire_row_lanes *lanes, const float *x, size_t n,
        float centre, quire_row_lane_sums *out)
{
    const bool is_int = f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT;

#define MEASURE(is_int, kind) measure_half(lanes, l, x, n, centre, is_int, kind, out)
    for (size_t l = 0; l < QUIRE_ROW_LANES; l += 8) {
        switch (f->choice.dtype) {
        case QUIRE_ROW_DTYPE_F32:
            is_int ? MEASURE(true, F32_VALUES) : MEASURE(false, F32_VALUES);
            break;
        case QUIRE_ROW_DTYPE_F16:
            is_int ? MEASURE(true, F16_VALUES) : MEASURE(false, F16_VALUES);
            break;
        case QUIRE_ROW_DTYPE_BF16:
            is_int ? MEASURE(true, BF16_VALUES) : MEASURE(false, BF16_VALUES);
            break;
        }
    }
#undef MEASURE
}

const quire_row_kernels quire_row_kernels_avx2 = {
    .range_find = range_find,
    .params_minmax = params_minmax,
    .encode = encode,
    .add_errors = add_errors,
    .decode = decode,
    .widen = widen,
    .narrow = narrow,
    .measure = measure,
};
#endif
