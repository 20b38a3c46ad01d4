/* fused_avx2.c - fused rows for AVX2 and F16C: the bytes of fused_scalar.c.
 *
 * A block of rows that the first cache holds is looked at, ranges and parameters of four rows side by
 * side, so that no division is waited for; while it is written, which is arithmetic, the next block is
 * asked for. Compiled with flags of its own: nothing but its table leaves it.
 */
#include "kernels/fused_params.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <float.h>
#include <math.h>

#define TEAM   4
#define WIDE   256 /* columns */
#define UNROLL _Pragma("GCC unroll 8")
#define TWICE  _Pragma("GCC unroll 2")

/* All ones in the first m lanes. */
INLINE __m256i
first_lanes(uint64_t m)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - m));
}

/* --- ranges ---------------------------------------------------------------------------------------
 *
 * Floats are compared as integers, which all vector units do and not only two, and which finds NaN
 * and infinities without looking for them. Positive ones have the order of their bits, negative ones
 * the opposite, and a sign makes unsigned numbers great and signed ones small. So of a row's bits
 *     the greatest signed is the greatest element, unless all are negative;
 *     the greatest unsigned is the least element, unless none is negative;
 *     the least signed is the other end where all have one sign, which is looked for only then.
 */

typedef struct extremes {
    __m256i top; /* greatest signed   */
    __m256i far; /* greatest unsigned */
} extremes;

INLINE __m256i
load(const float *x)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)x);
}

/* `once`: loads bound wide rows, so that `v` must not be loaded once for each use, as gcc does. */
INLINE void
extremes_add(extremes *e, __m256i v, bool once)
{
    if (once) __asm__("" : "+x"(v));
    e->top = _mm256_max_epi32(e->top, v);
    e->far = _mm256_max_epu32(e->far, v);
}

/* Fewer than eight elements, and the first of them again. */
INLINE __m256i
load_few(const float *x, uint64_t n)
{
    const __m256i mask = first_lanes(n);

    return _mm256_blendv_epi8(_mm256_castps_si256(_mm256_broadcast_ss(x)),
                              _mm256_maskload_epi32((const int *)(const void *)x, mask), mask);
}

/* Of rows that are `step` apart, side by side. Wide ones from where no load crosses a line, if their
 * starts are alike. */
INLINE void
team_extremes(const float *x, size_t step, uint64_t n, extremes e[TEAM])
{
    const bool wide = n >= WIDE, once = !__builtin_constant_p(n);
    uint64_t i = wide ? (0 - (uintptr_t)x) / sizeof *x % 8 : 0;

    UNROLL for (size_t r = 0; r < TEAM; r++)
    {
        const float *row = x + r * step;
        const __m256i first = n < 8 ? load_few(row, n) : load(row + n - 8);
        e[r] = (extremes){first, first};
        if (wide) extremes_add(&e[r], load(row), once);
    }
    TWICE for (; i + 16 <= n; i += 16)
    {
        UNROLL for (size_t r = 0; r < TEAM; r++)
        {
            const float *at = x + r * step + i;
            extremes_add(&e[r], load(at), once);
            extremes_add(&e[r], load(at + 8), once);
        }
    }
    if (i + 8 > n) return;
    UNROLL for (size_t r = 0; r < TEAM; r++) extremes_add(&e[r], load(x + r * step + i), once);
}

/* Of one row, in four parts which overlap where its width has no quarter. */
static __attribute__((noinline)) void
lone_extremes(const float *x, uint64_t n, extremes e[TEAM])
{
    team_extremes(x, n / TEAM, n - (TEAM - 1) * (n / TEAM), e);
    for (int r = 1; r < TEAM; r++) {
        e[0].top = _mm256_max_epi32(e[0].top, e[r].top);
        e[0].far = _mm256_max_epu32(e[0].far, e[r].far);
    }
    for (int r = 1; r < TEAM; r++)
        e[r] = e[0];
}

INLINE __m256i
shuffled(__m256i a, __m256i b, bool high)
{
    const __m256 c = _mm256_castsi256_ps(a);
    const __m256 d = _mm256_castsi256_ps(b);

    return _mm256_castps_si256(high ? _mm256_shuffle_ps(c, d, 0xee)
                                    : _mm256_shuffle_ps(c, d, 0x44));
}

/* One number of each of four vectors. */
#define REDUCE(name, op256, op128)                                                                 \
    INLINE __m128i name(__m256i a, __m256i b, __m256i c, __m256i d)                                \
    {                                                                                              \
        const __m256i ab = op256(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));        \
        const __m256i cd = op256(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));        \
        const __m256i all = op256(shuffled(ab, cd, false), shuffled(ab, cd, true));                \
        return op128(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));               \
    }
REDUCE(greatest, _mm256_max_epi32, _mm_max_epi32)
REDUCE(farthest, _mm256_max_epu32, _mm_max_epu32)

/* The ranges of four rows, and by bit which of them hold what is not finite. */
typedef struct team_ranges {
    __m128 lo;
    __m128 hi;
    int bad;
} team_ranges;

INLINE int
signs(__m128i v)
{
    return _mm_movemask_ps(_mm_castsi128_ps(v));
}

INLINE float
row_nearest(const float *x, uint64_t n)
{
    __m256i near = n < 8 ? load_few(x, n) : load(x);

    for (uint64_t i = 8; i + 8 <= n; i += 8)
        near = _mm256_min_epi32(near, load(x + i));
    if (n > 8) near = _mm256_min_epi32(near, load(x + n - 8));
    __m128i half = _mm_min_epi32(_mm256_castsi256_si128(near), _mm256_extracti128_si256(near, 1));
    half = _mm_min_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    half = _mm_min_epi32(half, _mm_shuffle_epi32(half, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(half));
}

/* Of rows whose elements all have one sign the other end is still to be found, and which of two zeros
 * wins, where a row may have both, is a matter of order: the plain loop tells. */
static __attribute__((noinline)) void
ranges_complete(const float *x, size_t step, uint64_t n, int one_sign, int two_zeros,
                team_ranges *t)
{
    float lo[TEAM], hi[TEAM];

    _mm_storeu_ps(lo, t->lo);
    _mm_storeu_ps(hi, t->hi);
    for (int r = 0; r < TEAM; r++, x += step) {
        if (t->bad >> r & 1) continue;
        if (two_zeros >> r & 1) {
            quire_fused_range_find(x, n, &lo[r], &hi[r]);
        } else if (one_sign >> r & 1) {
            *(signbit(hi[r]) ? &hi[r] : &lo[r]) = row_nearest(x, n);
        }
    }
    t->lo = _mm_loadu_ps(lo);
    t->hi = _mm_loadu_ps(hi);
}

/* Of rows that are `step` apart; 0: of a lone row, TEAM times. */
INLINE team_ranges
ranges_find(const float *x, size_t step, uint64_t n)
{
    extremes e[TEAM];

    if (step > 0) {
        team_extremes(x, step, n, e);
    } else {
        lone_extremes(x, n, e);
    }
    const __m128i top = greatest(e[0].top, e[1].top, e[2].top, e[3].top);
    const __m128i far = farthest(e[0].far, e[1].far, e[2].far, e[3].far);
    team_ranges t = {.lo = _mm_castsi128_ps(far), .hi = _mm_castsi128_ps(top)};
    const __m128i above = _mm_cmpgt_epi32(top, _mm_set1_epi32(0x7f7fffff));
    const __m128i below = _mm_cmpgt_epi32(far, _mm_set1_epi32((int)0xff7fffffu));
    t.bad = signs(_mm_or_si128(above, _mm_and_si128(far, below)));
    const int one_sign = signs(_mm_or_si128(top, _mm_xor_si128(far, _mm_set1_epi32(-1))));
    const __m128i least = _mm_cmpeq_epi32(far, _mm_set1_epi32(INT32_MIN));
    const __m128i most = _mm_cmpeq_epi32(top, _mm_setzero_si128());
    const int two_zeros = signs(_mm_or_si128(least, _mm_and_si128(most, far)));
    if (one_sign | two_zeros) ranges_complete(x, step, n, one_sign, two_zeros, &t);
    return t;
}

/* --- parameters ----------------------------------------------------------------------------------
 */

/* Four rows' parameters, and as they are stored: 8 or 4 bytes each. */
typedef struct team_params {
    float bias[TEAM];
    float inverse[TEAM];
    uint8_t stored[TEAM * 8];
} team_params;

INLINE void
params_f32(__m128 lo, __m128 hi, team_params *out)
{
    const __m128 top = _mm_set1_ps(255);
    const __m128 range = _mm_sub_ps(hi, lo);
    const __m128 scale = _mm_div_ps(range, top);

    _mm_storeu_ps(out->bias, lo);
    _mm_storeu_ps(out->inverse, _mm_div_ps(top, _mm_add_ps(range, _mm_set1_ps(1e-8f))));
    _mm_storeu_ps((float *)(void *)out->stored, _mm_unpacklo_ps(scale, lo));
    _mm_storeu_ps((float *)(void *)(out->stored + 16), _mm_unpackhi_ps(scale, lo));
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
    _mm_storeu_si128((__m128i *)(void *)out->stored, _mm_unpacklo_epi16(TO_HALF(scale), half_bias));
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
lane_codes_of(const wide_params *p, __m256 x, bool clamps)
{
    __m256 scaled = _mm256_mul_ps(_mm256_sub_ps(x, p->bias), p->inverse);

    if (clamps) scaled = _mm256_min_ps(p->top, scaled);
    return _mm256_cvtps_epi32(scaled);
}

INLINE __m256i
codes_of(const wide_params *p, const float *x, bool clamps)
{
    return lane_codes_of(p, _mm256_loadu_ps(x), clamps);
}

/* 32 codes, a byte each, by fours: 0, 2, 4, 6 in the lower half, 1, 3, 5, 7 in the upper one. */
INLINE __m256i
fours_of(const wide_params *p, const float *x, bool clamps)
{
    __m256i q[4];

    UNROLL for (int k = 0; k < 4; k++) q[k] = codes_of(p, x + 8 * k, clamps);
    return _mm256_packus_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
}

INLINE void
put_16(uint8_t *out, __m128i bytes)
{
    _mm_storeu_si128((__m128i *)(void *)out, bytes);
}

/* 32 columns. */
INLINE void
put_bytes(const wide_params *p, const float *x, bool clamps, uint8_t *out)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    _mm256_storeu_si256((__m256i *)(void *)out,
                        _mm256_permutevar8x32_epi32(fours_of(p, x, clamps), order));
}

/* Of 64 columns pairs as bytes, a weight for each: four pairs of 32 columns, of the 32 behind them, and
 * so on; those of an even four and its odd one are half a vector apart. */
INLINE __m256i
pairs_of(const wide_params *p, const float *x, int16_t weights, bool clamps)
{
    const __m256i w = _mm256_set1_epi16(weights);

    return _mm256_packus_epi16(_mm256_maddubs_epi16(fours_of(p, x, clamps), w),
                               _mm256_maddubs_epi16(fours_of(p, x + 32, clamps), w));
}

/* 64 columns of 4 bits. */
INLINE void
put_pairs(const wide_params *p, const float *x, bool clamps, uint8_t *out)
{
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    const __m256i pairs = _mm256_permute4x64_epi64(pairs_of(p, x, 0x1001, clamps), 0xd8);

    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_shuffle_epi8(pairs, order));
}

/* 64 columns of 2 bits. */
INLINE void
put_quads(const wide_params *p, const float *x, bool clamps, uint8_t *out)
{
    const __m256i quads =
        _mm256_maddubs_epi16(pairs_of(p, x, 0x0401, clamps), _mm256_set1_epi16(0x1001));
    const __m128i odd = _mm_slli_epi16(_mm256_extracti128_si256(quads, 1), 8);

    put_16(out, _mm_or_si128(_mm256_castsi256_si128(quads), odd));
}

/* 16 columns: 16, 8 or 4 bytes. */
INLINE void
put_16_columns(const wide_params *p, const float *x, uint32_t bits, bool clamps, uint8_t *out)
{
    const __m256i fours = _mm256_packs_epi32(codes_of(p, x, clamps), codes_of(p, x + 8, clamps));
    const __m256i words = _mm256_permute4x64_epi64(fours, 0xd8);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));

    if (bits == 8) {
        put_16(out, bytes);
        return;
    }
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(bits == 4 ? 0x1001 : 0x0401));
    if (bits == 4) {
        _mm_storel_epi64((__m128i *)(void *)out, _mm_packus_epi16(pairs, pairs));
        return;
    }
    const __m128i quads = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00100001));
    const __m128i halves = _mm_packus_epi32(quads, quads);
    const int32_t packed = _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));
    memcpy(out, &packed, sizeof packed);
}

/* Up to eight columns in the low bytes of a number; those behind the n-th are 0. */
INLINE uint64_t
eight_packed(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps)
{
    const __m256i mask = first_lanes(n);
    const __m256 some = n < 8 ? _mm256_maskload_ps(x, mask) : _mm256_loadu_ps(x);
    const __m256i q = lane_codes_of(p, some, clamps);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    __m128i bytes = _mm_packus_epi16(words, words);

    if (n < 8) {
        const __m128i keep = _mm_cvtsi64_si128((int64_t)(((uint64_t)1 << 8 * n) - 1));
        bytes = _mm_and_si128(bytes, keep);
    }
    if (bits == 8) return (uint64_t)_mm_cvtsi128_si64(bytes);
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(bits == 4 ? 0x1001 : 0x0401));
    if (bits == 4) return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(pairs, pairs));
    const __m128i quads = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00100001));
    return (uint16_t)_mm_cvtsi128_si32(_mm_packus_epi16(_mm_packus_epi32(quads, quads), quads));
}

/* Fewer than 16 columns. Bits of the last byte that no column owns are 0. */
INLINE void
put_rest(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps, uint8_t *out)
{
    if (n >= 8) {
        const uint64_t packed = eight_packed(p, x, 8, bits, clamps);
        memcpy(out, &packed, bits);
        x += 8, n -= 8, out += bits;
    }
    if (n == 0) return;
    uint64_t packed = eight_packed(p, x, n, bits, clamps);
    for (uint64_t left = (n * bits + 7) / 8; left > 0; left--, packed >>= 8)
        *out++ = (uint8_t)packed;
}

INLINE void
ask(const float *x, uint64_t n, uint64_t ahead)
{
    UNROLL for (uint64_t k = 0; k < n; k += 16)
        _mm_prefetch((const char *)((uintptr_t)(x + k) + ahead), _MM_HINT_T0);
}

/* All columns of a row. Unless `ahead` is 0, the lines that many bytes further on are asked for: before
 * short loops of known length, and amid others, which are slower for a branch. */
INLINE void
codes_put(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps,
          uint64_t ahead, uint8_t *out)
{
    const bool listed = __builtin_constant_p(n);
    const uint64_t step = bits == 8 ? 32 : 64;
    uint64_t i = 0;

    if (listed && ahead > 0) ask(x, n, ahead);
    TWICE for (; i + step <= n; i += step)
    {
        uint8_t *to = out + i * bits / 8;
        if (!listed) ask(x + i, step, ahead);
        if (bits == 8) {
            put_bytes(p, x + i, clamps, to);
        } else if (bits == 4) {
            put_pairs(p, x + i, clamps, to);
        } else {
            put_quads(p, x + i, clamps, to);
        }
    }
    for (; i + 16 <= n; i += 16)
        put_16_columns(p, x + i, bits, clamps, out + i * bits / 8);
    if (i < n) put_rest(p, x + i, n - i, bits, clamps, out + i * bits / 8);
}

/* --- rows ----------------------------------------------------------------------------------------
 */

/* Elements of a block, which are read twice: half of the first cache, beside as much of the next block.
 * Rows too wide for teams are alone. Narrow rows of a call that the second cache may hold come by
 * themselves: asking for them costs more. */
#define NEAR_ELEMENTS (1 << 17)
#define BLOCK         (1 << 12)
#define MOST_TEAMS    128
#define MOST_COLUMNS  (1 << 14)

/* A row of each quarter is a team: row i of the block is lane i / n_teams of team i % n_teams. */
typedef struct block {
    uint64_t n_good;  /* rows before the first that is not finite */
    uint64_t n_teams; /* 1 also of a lone row                     */
    bool clamps;
    team_params teams[MOST_TEAMS];
} block;

/* How many of n rows are a block. */
INLINE uint64_t
block_rows(uint64_t n, uint64_t width)
{
    const uint64_t fit = BLOCK / (TEAM * width);
    uint64_t teams = n / TEAM;

    if (teams == 0 || width > MOST_COLUMNS) return 1;
    if (teams > MOST_TEAMS) teams = MOST_TEAMS;
    return TEAM * (teams < fit ? teams : fit > 0 ? fit : 1);
}

/* Are the parameters float16? */
INLINE bool
is_half(const quire_fused_rows *w, uint32_t bits)
{
    return bits != 8 || w->half;
}

/* `ranges` are of the team's first row, and of the others `step` rows further on. */
INLINE void
ranges_take(const float *ranges, uint64_t step, team_ranges *out)
{
    float lo[TEAM], hi[TEAM];

    for (uint64_t r = 0; r < TEAM; r++) {
        lo[r] = ranges[2 * r * step];
        hi[r] = ranges[2 * r * step + 1];
    }
    out->lo = _mm_loadu_ps(lo);
    out->hi = _mm_loadu_ps(hi);
}

INLINE void
block_look(const quire_fused_rows *w, const float *x, uint64_t n, const float *ranges,
           uint32_t bits, uint64_t width, block *out)
{
    const float max_code = (float)((1u << bits) - 1);
    const uint64_t step = n / TEAM; /* 0: a lone row */

    out->n_good = n;
    out->n_teams = step > 0 ? step : 1;
    out->clamps = ranges != NULL;
    for (uint64_t i = 0; i < out->n_teams; i++) {
        team_params *p = &out->teams[i];
        team_ranges t = ranges_find(x + i * width, step * width, width);
        if (t.bad) {
            const uint64_t row = (uint64_t)__builtin_ctz((unsigned)t.bad) * step + i;
            if (row < out->n_good) out->n_good = row;
        }
        if (ranges) ranges_take(ranges + 2 * i, step, &t);
        if (is_half(w, bits)) {
            params_f16(t.lo, t.hi, max_code, p);
        } else {
            params_f32(t.lo, t.hi, p);
        }
        out->clamps |= is_above(p, t.lo, t.hi, max_code);
    }
}

/* Codes that have to be clamped, which is rare. */
static __attribute__((noinline)) void
codes_put_clamped(const wide_params *p, const float *x, uint64_t n, uint32_t bits, uint64_t ahead,
                  uint8_t *out)
{
    switch (bits) {
    case 8: codes_put(p, x, n, 8, true, ahead, out); break;
    case 4: codes_put(p, x, n, 4, true, ahead, out); break;
    default: codes_put(p, x, n, 2, true, ahead, out); break;
    }
}

INLINE void
block_put(const quire_fused_rows *w, const block *b, const float *x, uint8_t *out, uint32_t bits,
          uint64_t width, uint64_t ahead)
{
    uint64_t at = 0, lane = 0;

    for (uint64_t i = 0; i < b->n_good; i++, x += width, out += w->layout->stride) {
        const team_params *p = &b->teams[at];
        const wide_params wide = {_mm256_broadcast_ss(&p->bias[lane]),
                                  _mm256_broadcast_ss(&p->inverse[lane]),
                                  _mm256_set1_ps((float)((1u << bits) - 1))};
        uint8_t *codes = out + w->layout->payload_at;
        if (b->clamps) {
            codes_put_clamped(&wide, x, width, bits, ahead, codes);
        } else {
            codes_put(&wide, x, width, bits, false, ahead, codes);
        }
        if (is_half(w, bits)) {
            memcpy(out + w->layout->scale_at, p->stored + 4 * lane, 4);
        } else {
            memcpy(out + w->layout->scale_at, p->stored + 8 * lane, 8);
        }
        if (++at == b->n_teams) at = 0, lane++;
    }
}

INLINE uint64_t
blocks_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
           uint8_t *out, uint32_t bits, uint64_t width)
{
    uint64_t row = 0;
    block b;

    while (row < n_rows) {
        const uint64_t n = block_rows(n_rows - row, width);
        const bool asks = n < n_rows - row && (width >= WIDE || n_rows > NEAR_ELEMENTS / width);
        const uint64_t ahead = asks ? n * width * sizeof *x : 0;
        block_look(w, x + row * width, n, ranges ? ranges + 2 * row : NULL, bits, width, &b);
        block_put(w, &b, x + row * width, out + row * w->layout->stride, bits, width, ahead);
        row += b.n_good;
        if (b.n_good < n) break;
    }
    return row;
}

/* Loops of known length for the usual widths. */
#define ROWS_PUT(bits)                                                                             \
    static uint64_t rows_put_##bits(const quire_fused_rows *w, const float *x, uint64_t n_rows,    \
                                    const float *ranges, uint8_t *out)                             \
    {                                                                                              \
        switch (w->width) {                                                                        \
        case 16: return blocks_put(w, x, n_rows, ranges, out, bits, 16);                           \
        case 32: return blocks_put(w, x, n_rows, ranges, out, bits, 32);                           \
        case 64: return blocks_put(w, x, n_rows, ranges, out, bits, 64);                           \
        case 128: return blocks_put(w, x, n_rows, ranges, out, bits, 128);                         \
        default: return blocks_put(w, x, n_rows, ranges, out, bits, w->width);                     \
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
