/* fused_avx2.c - fused rows for AVX2 and F16C: four rows at a time, the bytes of fused_scalar.c.
 *
 * Ranges of four rows are reduced together and their parameters made side by side, so that one
 * row's divisions wait beside another's codes. Compiled with flags of its own: nothing but its
 * table leaves it.
 */
#include "kernels/fused_params.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <float.h>

#define TEAM   4
#define AHEAD  4096 /* bytes between reading an element and asking for another */
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* All ones in the first m lanes. */
INLINE __m256i
first_lanes(uint64_t m)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - m));
}

/* --- ranges ---------------------------------------------------------------------------------------
 */

typedef struct extremes {
    __m256 lo;
    __m256 hi;
    __m256 nan;
} extremes;

INLINE void
extremes_add(extremes *e, __m256 v)
{
    e->lo = _mm256_min_ps(e->lo, v);
    e->hi = _mm256_max_ps(e->hi, v);
}

INLINE extremes
row_extremes(const float *x, uint64_t n)
{
    const __m256 first = _mm256_set1_ps(x[0]);
    extremes e = {first, first, _mm256_setzero_ps()};
    uint64_t i = 0;

    for (; i + 16 <= n; i += 16) {
        _mm_prefetch((const char *)((uintptr_t)(x + i) + AHEAD), _MM_HINT_T0);
        const __m256 a = _mm256_loadu_ps(x + i);
        const __m256 b = _mm256_loadu_ps(x + i + 8);
        extremes_add(&e, a);
        extremes_add(&e, b);
        e.nan = _mm256_or_ps(e.nan, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
    }
    for (; i < n; i += 8) {
        const __m256i mask = first_lanes(n - i < 8 ? n - i : 8);
        const __m256 v =
            _mm256_blendv_ps(first, _mm256_maskload_ps(x + i, mask), _mm256_castsi256_ps(mask));
        extremes_add(&e, v);
        e.nan = _mm256_or_ps(e.nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    }
    return e;
}

#define REDUCE(name, op256, op128)                                                                 \
    INLINE __m128 name(__m256 a, __m256 b, __m256 c, __m256 d)                                     \
    {                                                                                              \
        const __m256 ab = op256(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));               \
        const __m256 cd = op256(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));               \
        const __m256 all =                                                                         \
            op256(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));               \
        return op128(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));                  \
    }
REDUCE(least, _mm256_min_ps, _mm_min_ps)
REDUCE(most, _mm256_max_ps, _mm_max_ps)

/* Four rows' ranges, and by bit which of them hold what is not finite. */
typedef struct team_ranges {
    __m128 lo;
    __m128 hi;
    int bad;
} team_ranges;

INLINE team_ranges
ranges_find(const float *const x[TEAM], uint64_t n)
{
    const __m128 top = _mm_set1_ps(FLT_MAX);
    const __m128 zero = _mm_setzero_ps();
    extremes e[TEAM];
    team_ranges t;
    int nan = 0;

    UNROLL for (int r = 0; r < TEAM; r++) e[r] = row_extremes(x[r], n);
    t.lo = least(e[0].lo, e[1].lo, e[2].lo, e[3].lo);
    t.hi = most(e[0].hi, e[1].hi, e[2].hi, e[3].hi);
    UNROLL for (int r = 0; r < TEAM; r++) nan |= (_mm256_movemask_ps(e[r].nan) != 0) << r;
    const __m128 vast =
        _mm_or_ps(_mm_cmplt_ps(t.lo, _mm_set1_ps(-FLT_MAX)), _mm_cmpgt_ps(t.hi, top));
    t.bad = nan | _mm_movemask_ps(vast);
    const __m128 zeros = _mm_or_ps(_mm_cmpeq_ps(t.lo, zero), _mm_cmpeq_ps(t.hi, zero));
    if (_mm_movemask_ps(zeros) == 0) return t;

    /* Which of two zeros wins is a matter of order: the plain loop tells. */
    float lo[TEAM], hi[TEAM];
    _mm_storeu_ps(lo, t.lo);
    _mm_storeu_ps(hi, t.hi);
    for (int r = 0; r < TEAM; r++) {
        if ((lo[r] == 0 || hi[r] == 0) && !(t.bad >> r & 1))
            quire_fused_range_find(x[r], n, &lo[r], &hi[r]);
    }
    t.lo = _mm_loadu_ps(lo);
    t.hi = _mm_loadu_ps(hi);
    return t;
}

/* --- parameters ----------------------------------------------------------------------------------
 */

/* Four rows' parameters, and as they are stored: 8 or 4 bytes each. */
typedef struct team_params {
    float bias[TEAM];
    float inverse[TEAM];
    uint8_t stored[TEAM][8];
} team_params;

INLINE void
params_f32(__m128 lo, __m128 hi, team_params *out)
{
    const __m128 top = _mm_set1_ps(255);
    const __m128 range = _mm_sub_ps(hi, lo);
    const __m128 scale = _mm_div_ps(range, top);

    _mm_storeu_ps(out->bias, lo);
    _mm_storeu_ps(out->inverse, _mm_div_ps(top, _mm_add_ps(range, _mm_set1_ps(1e-8f))));
    _mm_storeu_ps((float *)(void *)out->stored[0], _mm_unpacklo_ps(scale, lo));
    _mm_storeu_ps((float *)(void *)out->stored[2], _mm_unpackhi_ps(scale, lo));
}

#define TO_HALF(v) _mm_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)

INLINE void
params_f16(__m128 lo, __m128 hi, float max_code, team_params *out)
{
    const __m128 one = _mm_set1_ps(1);
    const __m128 zero = _mm_setzero_ps();
    const __m128i half_bias = TO_HALF(lo);
    const __m128 bias = _mm_cvtph_ps(half_bias);
    const __m128 range = _mm_sub_ps(hi, bias);
    __m128 scale = _mm_cvtph_ps(TO_HALF(_mm_div_ps(range, _mm_set1_ps(max_code))));

    scale = _mm_blendv_ps(scale, one, _mm_cmpeq_ps(scale, zero));
    __m128 inverse = _mm_div_ps(one, scale);
    const __m128 vast =
        _mm_cmpgt_ps(_mm_andnot_ps(_mm_set1_ps(-0.0f), inverse), _mm_set1_ps(FLT_MAX));
    scale = _mm_blendv_ps(scale, one, vast);
    inverse = _mm_blendv_ps(inverse, one, vast);
    _mm_storeu_ps(out->bias, bias);
    _mm_storeu_ps(out->inverse, inverse);
    uint32_t pairs[TEAM];
    _mm_storeu_si128((__m128i *)(void *)pairs, _mm_unpacklo_epi16(TO_HALF(scale), half_bias));
    UNROLL for (int r = 0; r < TEAM; r++) memcpy(out->stored[r], &pairs[r], sizeof pairs[r]);
}

/* May an element of a row have a code above `max_code`? Rounding of the bias or the scale to float16
 * makes it so, and vast rows. Codes grow or fall from lo to hi: a rounded bias may be above both. */
INLINE bool
is_above(const team_params *p, __m128 lo, __m128 hi, float max_code)
{
    const __m128 bias = _mm_loadu_ps(p->bias);
    const __m128 inverse = _mm_loadu_ps(p->inverse);
    const __m128 limit = _mm_set1_ps(max_code + 0.5f);
    const __m128 first = _mm_cmp_ps(_mm_mul_ps(_mm_sub_ps(lo, bias), inverse), limit, _CMP_NLT_UQ);
    const __m128 last = _mm_cmp_ps(_mm_mul_ps(_mm_sub_ps(hi, bias), inverse), limit, _CMP_NLT_UQ);

    return _mm_movemask_ps(_mm_or_ps(first, last)) != 0;
}

/* --- codes ---------------------------------------------------------------------------------------
 */

typedef struct wide_params {
    __m256 bias;
    __m256 inverse;
    __m256 top;
} wide_params;

/* Eight codes, one to a lane; NaN and all below 0 to what packing makes 0. Above the top only where
 * `clamps` says that it must not be. */
INLINE __m256i
codes_of(const wide_params *p, __m256 x, bool clamps)
{
    __m256 scaled = _mm256_mul_ps(_mm256_sub_ps(x, p->bias), p->inverse);

    if (clamps) scaled = _mm256_min_ps(p->top, scaled);
    return _mm256_cvtps_epi32(scaled);
}

/* 32 codes, a byte each. */
INLINE __m256i
bytes_of(const wide_params *p, const float *x, bool clamps)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i q[4];

    UNROLL for (int k = 0; k < 4; k++) q[k] = codes_of(p, _mm256_loadu_ps(x + 8 * k), clamps);
    return _mm256_permutevar8x32_epi32(
        _mm256_packus_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3])), order);
}

/* 8 codes, a byte each, in the low half. */
INLINE __m128i
eight_bytes_of(const wide_params *p, __m256 x, bool clamps)
{
    const __m256i q = codes_of(p, x, clamps);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));

    return _mm_packus_epi16(words, words);
}

/* Eight codes of `bits` as a number, lowest bits first. */
INLINE uint64_t
eight_packed(__m128i bytes, uint32_t bits)
{
    if (bits == 8) return (uint64_t)_mm_cvtsi128_si64(bytes);
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(bits == 4 ? 0x1001 : 0x0401));
    if (bits == 4) return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(pairs, pairs));
    const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00100001));
    return (uint16_t)_mm_cvtsi128_si32(_mm_packus_epi16(_mm_packus_epi32(fours, fours), fours));
}

/* 64 columns of 4 bits, or 128 of 2, are 32 bytes. */
INLINE __m256i
packed_4(const wide_params *p, const float *x, bool clamps)
{
    const __m256i weights = _mm256_set1_epi16(0x1001);
    const __m256i a = _mm256_maddubs_epi16(bytes_of(p, x, clamps), weights);
    const __m256i b = _mm256_maddubs_epi16(bytes_of(p, x + 32, clamps), weights);

    return _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xd8);
}

/* 32 columns of 2 bits in the low byte of each of 8 lanes. */
INLINE __m256i
fours_of(const wide_params *p, const float *x, bool clamps)
{
    const __m256i pairs = _mm256_maddubs_epi16(bytes_of(p, x, clamps), _mm256_set1_epi16(0x0401));

    return _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00100001));
}

INLINE __m128i
packed_2(const wide_params *p, const float *x, bool clamps)
{
    const __m256i words = _mm256_packus_epi32(fours_of(p, x, clamps), fours_of(p, x + 32, clamps));
    const __m256i order = _mm256_permute4x64_epi64(words, 0xd8);

    return _mm_packus_epi16(_mm256_castsi256_si128(order), _mm256_extracti128_si256(order, 1));
}

/* As many columns as make whole vectors; returns how many. */
INLINE uint64_t
put_wide(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps, uint8_t *out)
{
    uint64_t i = 0;

    if (bits == 8) {
        for (; i + 32 <= n; i += 32)
            _mm256_storeu_si256((__m256i *)(void *)(out + i), bytes_of(p, x + i, clamps));
    } else if (bits == 4) {
        for (; i + 64 <= n; i += 64)
            _mm256_storeu_si256((__m256i *)(void *)(out + i / 2), packed_4(p, x + i, clamps));
    } else {
        for (; i + 64 <= n; i += 64)
            _mm_storeu_si128((__m128i *)(void *)(out + i / 4), packed_2(p, x + i, clamps));
    }
    return i;
}

/* All columns of a row. Bits of the last byte that no column owns are 0. */
INLINE void
codes_put(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps,
          uint8_t *out)
{
    uint64_t i = put_wide(p, x, n, bits, clamps, out);

    for (out += i * bits / 8; i + 8 <= n; i += 8, out += bits) {
        const uint64_t packed =
            eight_packed(eight_bytes_of(p, _mm256_loadu_ps(x + i), clamps), bits);
        memcpy(out, &packed, bits);
    }
    if (i == n) return;

    const __m256i mask = first_lanes(n - i);
    const __m128i keep = _mm_cvtsi64_si128((int64_t)(((uint64_t)1 << 8 * (n - i)) - 1));
    const __m128i bytes = eight_bytes_of(p, _mm256_maskload_ps(x + i, mask), clamps);
    uint64_t packed = eight_packed(_mm_and_si128(bytes, keep), bits);
    for (uint64_t left = ((n - i) * bits + 7) / 8; left > 0; left--, packed >>= 8)
        *out++ = (uint8_t)packed;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

/* Some rows of a call, at most TEAM: which ones are finite, and the codes of those before the first
 * that is not. Returns their number. */
INLINE uint64_t
team_put(const quire_fused_rows *w, const float *x, uint64_t n, const float *ranges, uint8_t *out,
         uint32_t bits, uint64_t width)
{
    const float *rows[TEAM];
    team_params p;

    UNROLL for (uint64_t r = 0; r < TEAM; r++) rows[r] = x + (r < n ? r : 0) * width;
    team_ranges t = ranges_find(rows, width);
    if (t.bad) {
        const uint64_t first_bad = (uint64_t)__builtin_ctz((unsigned)t.bad);
        if (first_bad < n) n = first_bad;
    }
    if (ranges) {
        float lo[TEAM] = {0}, hi[TEAM] = {0};
        for (uint64_t r = 0; r < n; r++)
            lo[r] = ranges[2 * r], hi[r] = ranges[2 * r + 1];
        t.lo = _mm_loadu_ps(lo);
        t.hi = _mm_loadu_ps(hi);
    }
    if (w->half) {
        params_f16(t.lo, t.hi, (float)((1u << bits) - 1), &p);
    } else {
        params_f32(t.lo, t.hi, &p);
    }
    const bool clamps = ranges || is_above(&p, t.lo, t.hi, (float)((1u << bits) - 1));
    const size_t stored = w->half ? 4 : 8;
    for (uint64_t r = 0; r < n; r++, out += w->layout->stride) {
        const wide_params wide = {_mm256_set1_ps(p.bias[r]), _mm256_set1_ps(p.inverse[r]),
                                  _mm256_set1_ps((float)((1u << bits) - 1))};
        uint8_t *codes = out + w->layout->payload_at;
        if (clamps) {
            codes_put(&wide, rows[r], width, bits, true, codes);
        } else {
            codes_put(&wide, rows[r], width, bits, false, codes);
        }
        memcpy(out + w->layout->scale_at, p.stored[r], stored);
    }
    return n;
}

INLINE uint64_t
teams_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
          uint8_t *out, uint32_t bits, uint64_t width)
{
    for (uint64_t i = 0; i < n_rows; i += TEAM) {
        const uint64_t n = n_rows - i < TEAM ? n_rows - i : TEAM;
        const uint64_t done = team_put(w, x + i * width, n, ranges ? ranges + 2 * i : NULL,
                                       out + i * w->layout->stride, bits, width);
        if (done < n) return i + done;
    }
    return n_rows;
}

/* Loops of known length for the usual widths. */
#define ROWS_PUT(bits)                                                                             \
    static uint64_t rows_put_##bits(const quire_fused_rows *w, const float *x, uint64_t n_rows,    \
                                    const float *ranges, uint8_t *out)                             \
    {                                                                                              \
        switch (w->width) {                                                                        \
        case 32: return teams_put(w, x, n_rows, ranges, out, bits, 32);                            \
        case 64: return teams_put(w, x, n_rows, ranges, out, bits, 64);                            \
        case 128: return teams_put(w, x, n_rows, ranges, out, bits, 128);                          \
        default: return teams_put(w, x, n_rows, ranges, out, bits, w->width);                      \
        }                                                                                          \
    }
ROWS_PUT(8)
ROWS_PUT(4)
ROWS_PUT(2)

static uint64_t
rows_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
         uint8_t *out)
{
    switch (w->bits) {
    case 8: return rows_put_8(w, x, n_rows, ranges, out);
    case 4: return rows_put_4(w, x, n_rows, ranges, out);
    default: return rows_put_2(w, x, n_rows, ranges, out);
    }
}

/* --- decoding ------------------------------------------------------------------------------------
 */

static void
row_decode(const uint8_t *codes, uint64_t n, uint32_t bits, float scale, float bias, float *out)
{
    const __m256 wide_scale = _mm256_set1_ps(scale);
    const __m256 wide_bias = _mm256_set1_ps(bias);
    const __m256i places =
        _mm256_setr_epi32(0, (int)bits, 2 * (int)bits, 3 * (int)bits, 4 * (int)bits, 5 * (int)bits,
                          6 * (int)bits, 7 * (int)bits);
    const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
    uint64_t i = 0;

    for (; i + 8 <= n; i += 8, codes += bits) {
        uint64_t eight = 0;
        memcpy(&eight, codes, bits);
        const __m256i q =
            bits == 8
                ? _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)eight))
                : _mm256_and_si256(
                      _mm256_srlv_epi32(_mm256_set1_epi32((int)(uint32_t)eight), places), mask);
        _mm256_storeu_ps(out + i, _mm256_fmadd_ps(wide_scale, _mm256_cvtepi32_ps(q), wide_bias));
    }
    quire_fused_scalar.row_decode(codes, n - i, bits, scale, bias, out + i);
}

const quire_fused_table quire_fused_avx2 = {rows_put, row_decode};
#endif
