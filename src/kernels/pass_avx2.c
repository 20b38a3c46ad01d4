/* pass_avx2.c - the passes for AVX2 with FMA and F16C.
 *
 * One inline body; its kind, mode and number of units are constants of each stamped function, so
 * that sums stay in registers and everything about the kind folds away. 8 bytes of codes are
 * widened to 8 dwords, from which each plane is a shift and a mask. This unit is compiled with
 * flags of its own: nothing but its table leaves it.
 */
#include "kernels/half.h"
#include "kernels/pass.h"

#if defined(__x86_64__)
#include "kernels/pass_load.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define UNROLL _Pragma("GCC unroll 16")

/* A row's parameters, broadcast. `both` has the scale and the bias of a fused row, weighted. */
typedef struct row_vectors {
    __m256 scale;
    __m256 zero;
    __m256 weight;
    __m128 both;
} row_vectors;

INLINE row_vectors
fused_params_load(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode,
                  const uint8_t *at, size_t i)
{
    row_vectors r = {.both = load_both(kind, at), .zero = _mm256_setzero_ps()};

    if (mode == QUIRE_PASS_WEIGHTED) r.both = _mm_mul_ps(_mm_set1_ps(p->weights[i]), r.both);
    r.scale = kind == QUIRE_PASS_FUSED8 && mode != QUIRE_PASS_WEIGHTED
                  ? _mm256_set1_ps(load_f32(at))
                  : _mm256_broadcastss_ps(r.both);
    if (mode == QUIRE_PASS_MAX) r.zero = _mm256_broadcastss_ps(_mm_movehdup_ps(r.both));
    return r;
}

INLINE row_vectors
split_params_load(const quire_pass *p, quire_pass_mode mode, uint64_t row, size_t i)
{
    const uint8_t *scale_at = p->scales + row * p->scale_stride;
    const uint8_t *zero_at = p->zeros + row * p->zero_stride;
    row_vectors r = {.weight = _mm256_setzero_ps()};

    r.scale = _mm256_set1_ps(p->scale == QUIRE_FLOAT_F16 ? load_f16(scale_at) : load_f32(scale_at));
    r.zero = _mm256_set1_ps(p->zero_is_float ? load_f32(zero_at) : (float)zero_at[0]);
    if (mode == QUIRE_PASS_WEIGHTED) r.weight = _mm256_set1_ps(p->weights[i]);
    return r;
}

INLINE row_vectors
params_load(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, uint64_t row,
            const uint8_t *codes, size_t i)
{
    row_vectors r = {.weight = _mm256_setzero_ps()};

    if (kind >= QUIRE_PASS_FUSED8) {
        return fused_params_load(p, kind, mode, codes + (p->scales - p->codes), i);
    }
    if (kind >= QUIRE_PASS_SPLIT8) return split_params_load(p, mode, row, i);
    if (mode == QUIRE_PASS_WEIGHTED) r.weight = _mm256_set1_ps(p->weights[i]);
    return r;
}

/* The last bytes of a row, fewer than 8, without a byte beyond it: those before them are read too,
 * where there are enough, and shifted out. */
INLINE __m128i
load_last_bytes(const uint8_t *at, uint32_t n, uint32_t before)
{
    uint64_t bytes = 0;

    if (n + before >= 8) {
        memcpy(&bytes, at + n - 8, 8);
        bytes >>= 8 * (8 - n);
    } else {
        for (uint32_t k = 0; k < n; k++)
            bytes |= (uint64_t)at[k] << (8 * k);
    }
    return _mm_cvtsi64_si128((long long)bytes);
}

INLINE __m128i
load_unit_bytes(const quire_pass *p, const uint8_t *at, bool partial)
{
    return partial ? load_last_bytes(at, p->partial, p->before)
                   : _mm_loadl_epi64((const __m128i *)(const void *)at);
}

INLINE __m128i
load_unit_halves(const quire_pass *p, const uint8_t *at, bool partial)
{
    uint16_t halves[QUIRE_PASS_LANES] = {0};

    if (!partial) return _mm_loadu_si128((const __m128i *)(const void *)at);
    memcpy(halves, at, p->partial * sizeof *halves);
    return _mm_loadu_si128((const __m128i *)(const void *)halves);
}

INLINE __m256
load_unit_floats(const quire_pass *p, const uint8_t *at, bool partial)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    if (!partial) return _mm256_loadu_ps((const float *)(const void *)at);
    return _mm256_maskload_ps((const float *)(const void *)at,
                              _mm256_cmpgt_epi32(_mm256_set1_epi32((int)p->partial), lanes));
}

/* See pass_scalar.c; the product is exact. */
INLINE __m256
decode_e4m3(__m128i bytes)
{
    const __m256i x = _mm256_cvtepu8_epi32(bytes);
    const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0x80)), 24);
    const __m256i size = _mm256_and_si256(x, _mm256_set1_epi32(0x7f));
    const __m256i is_nan = _mm256_cmpeq_epi32(size, _mm256_set1_epi32(0x7f));
    const __m256 value =
        _mm256_mul_ps(_mm256_castsi256_ps(_mm256_or_si256(sign, _mm256_slli_epi32(size, 20))),
                      _mm256_set1_ps(0x1p120f));
    const __m256i quiet = _mm256_or_si256(sign, _mm256_set1_epi32(0x7fc00000));

    return _mm256_blendv_ps(value, _mm256_castsi256_ps(quiet), _mm256_castsi256_ps(is_nan));
}

INLINE __m256
decode_halves(quire_pass_kind kind, __m128i halves)
{
    return kind == QUIRE_PASS_F16
               ? _mm256_cvtph_ps(halves)
               : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/* 8 elements of float storage. */
INLINE __m256
load_floats(const quire_pass *p, quire_pass_kind kind, const uint8_t *at, bool partial)
{
    if (kind == QUIRE_PASS_F32) return load_unit_floats(p, at, partial);
    if (kind == QUIRE_PASS_E4M3) return decode_e4m3(load_unit_bytes(p, at, partial));
    if (kind == QUIRE_PASS_E5M2) {
        const __m128i bytes = load_unit_bytes(p, at, partial);
        return _mm256_cvtph_ps(_mm_unpacklo_epi8(_mm_setzero_si128(), bytes));
    }
    return decode_halves(kind, load_unit_halves(p, at, partial));
}

/* The codes in plane `c` of 8 bytes, each in a dword. */
INLINE __m256
plane_codes(__m256i bytes, int planes, int c)
{
    const int bits = 8 / planes;
    __m256i q = c == 0 ? bytes : _mm256_srli_epi32(bytes, bits * c);

    if (c < planes - 1) q = _mm256_and_si256(q, _mm256_set1_epi32((1 << bits) - 1));
    return _mm256_cvtepi32_ps(q);
}

/* `q` is a code, or the element of float storage. */
INLINE __m256
sum_add(quire_pass_kind kind, quire_pass_mode mode, const row_vectors *r, __m256 q, __m256 sum)
{
    if (kind >= QUIRE_PASS_FUSED8) return _mm256_fmadd_ps(r->scale, q, sum);
    if (kind >= QUIRE_PASS_SPLIT8) q = _mm256_mul_ps(_mm256_sub_ps(q, r->zero), r->scale);
    if (mode == QUIRE_PASS_WEIGHTED) q = _mm256_mul_ps(r->weight, q);
    return _mm256_add_ps(sum, q);
}

/* `v` where it is greater, else what was there: of a NaN, what came first. */
INLINE __m256
max_take(quire_pass_kind kind, const row_vectors *r, __m256 q, __m256 sum, bool fresh)
{
    if (kind >= QUIRE_PASS_FUSED8) {
        q = _mm256_fmadd_ps(r->scale, q, r->zero);
    } else if (kind >= QUIRE_PASS_SPLIT8) {
        q = _mm256_mul_ps(_mm256_sub_ps(q, r->zero), r->scale);
    }
    return fresh ? q : _mm256_max_ps(q, sum);
}

INLINE __m256
element_take(quire_pass_kind kind, quire_pass_mode mode, const row_vectors *r, __m256 q, __m256 sum,
             bool fresh)
{
    return mode == QUIRE_PASS_MAX ? max_take(kind, r, q, sum, fresh)
                                  : sum_add(kind, mode, r, q, sum);
}

/* A row by way of units of 8 bytes: every kind, mode and size there is. `bias` has the sum of biases
 * in its second lane. */
INLINE void
row_take(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, int planes,
         int unit_bytes, int units, bool partial, size_t i, __m256 *sums, __m128 *bias, bool fresh)
{
    const uint64_t row = p->rows[i];
    const uint8_t *at = p->codes + row * p->code_stride;
    const row_vectors r = params_load(p, kind, mode, row, at, i);

    if (kind >= QUIRE_PASS_FUSED8 && mode != QUIRE_PASS_MAX) *bias = _mm_add_ps(*bias, r.both);
    UNROLL for (int u = 0; u < units; u++)
    {
        if (kind < QUIRE_PASS_SPLIT8) {
            const __m256 v = load_floats(p, kind, at + u * unit_bytes, partial);
            sums[u] = element_take(kind, mode, &r, v, sums[u], fresh);
            continue;
        }
        const __m256i bytes =
            _mm256_cvtepu8_epi32(load_unit_bytes(p, at + u * unit_bytes, partial));
        UNROLL for (int c = 0; c < planes; c++)
        {
            const __m256 q = plane_codes(bytes, planes, c);
            sums[u * planes + c] = element_take(kind, mode, &r, q, sums[u * planes + c], fresh);
        }
    }
}

/* 8 dwords of `wide` bytes of codes each. */
INLINE __m256i
load_dwords(const uint8_t *at, int wide)
{
    if (wide == 4) return _mm256_loadu_si256((const __m256i *)(const void *)at);
    if (wide == 2) {
        return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)at));
    }
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)at));
}

/* Whether plane `c` is left where it is in the dword: its sums are then 2^(bits * c) times too
 * large, which is undone once a bag. Scales of such planes are float16: all of these numbers are
 * multiples of 2^-24 and below 2^110, so that no rounding changes. */
INLINE bool
plane_is_scaled(int planes, int c)
{
    return c > 0 && c < planes - 1;
}

INLINE __m256
dword_codes(__m256i x, int planes, int wide, int c)
{
    const int bits = 8 * wide / planes;
    const int mask = (1 << bits) - 1;

    if (planes == 1) return _mm256_cvtepi32_ps(x);
    if (c == planes - 1) return _mm256_cvtepi32_ps(_mm256_srli_epi32(x, bits * c));
    return _mm256_cvtepi32_ps(_mm256_and_si256(x, _mm256_set1_epi32(mask << (bits * c))));
}

/* The same for sums of fused rows, by way of dwords. The sum of biases is `bias`, or the second lane
 * of `both` where the parameters are float16. */
INLINE void
row_add(const quire_pass *p, quire_pass_kind kind, int planes, int wide, int units, size_t i,
        __m256 *sums, float *bias, __m128 *both)
{
    const uint8_t *at = p->codes + p->rows[i] * p->code_stride;
    const uint8_t *params = at + (p->scales - p->codes);
    __m256 scale;

    if (kind == QUIRE_PASS_FUSED8) {
        scale = _mm256_set1_ps(load_f32(params));
        *bias += load_f32(params + 4);
    } else {
        const __m128 halves = load_both(kind, params);
        scale = _mm256_broadcastss_ps(halves);
        *both = _mm_add_ps(*both, halves);
    }
    UNROLL for (int u = 0; u < units; u++)
    {
        const __m256i x = load_dwords(at + u * 8 * wide, wide);
        UNROLL for (int c = 0; c < planes; c++)
        {
            __m256 *sum = &sums[u * planes + c];
            *sum = _mm256_fmadd_ps(scale, dword_codes(x, planes, wide, c), *sum);
        }
    }
}

/* Four vectors of one plane each to the 32 columns they hold. */
INLINE void
interleave4(__m256 *s)
{
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(s[0], s[1]));
    const __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(s[2], s[3]));
    const __m256d c = _mm256_castps_pd(_mm256_unpackhi_ps(s[0], s[1]));
    const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(s[2], s[3]));
    const __m256 r0 = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
    const __m256 r1 = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
    const __m256 r2 = _mm256_castpd_ps(_mm256_unpacklo_pd(c, d));
    const __m256 r3 = _mm256_castpd_ps(_mm256_unpackhi_pd(c, d));

    s[0] = _mm256_permute2f128_ps(r0, r1, 0x20);
    s[1] = _mm256_permute2f128_ps(r2, r3, 0x20);
    s[2] = _mm256_permute2f128_ps(r0, r1, 0x31);
    s[3] = _mm256_permute2f128_ps(r2, r3, 0x31);
}

INLINE void
interleave2(__m256 *s)
{
    const __m256 low = _mm256_unpacklo_ps(s[0], s[1]);
    const __m256 high = _mm256_unpackhi_ps(s[0], s[1]);

    s[0] = _mm256_permute2f128_ps(low, high, 0x20);
    s[1] = _mm256_permute2f128_ps(low, high, 0x31);
}

/* Eight. */
INLINE void
interleave8(__m256 *s)
{
    __m256 t[8];

    UNROLL for (int k = 0; k < 8; k += 4)
    {
        const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(s[k], s[k + 1]));
        const __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(s[k + 2], s[k + 3]));
        const __m256d c = _mm256_castps_pd(_mm256_unpackhi_ps(s[k], s[k + 1]));
        const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(s[k + 2], s[k + 3]));
        t[k] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
        t[k + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        t[k + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(c, d));
        t[k + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(c, d));
    }
    UNROLL for (int k = 0; k < 4; k++)
    {
        s[k] = _mm256_permute2f128_ps(t[k], t[k + 4], 0x20);
        s[k + 4] = _mm256_permute2f128_ps(t[k], t[k + 4], 0x31);
    }
}

INLINE void
sums_unscale(int planes, int wide, int units, __m256 *sums)
{
    const int bits = 8 * wide / planes;

    UNROLL for (int k = 0; k < units * planes; k++)
    {
        const int c = k % planes;
        if (plane_is_scaled(planes, c)) {
            sums[k] = _mm256_mul_ps(sums[k], _mm256_set1_ps(1.0f / (float)(1 << bits * c)));
        }
    }
}

INLINE void
sums_finish(quire_pass_kind kind, quire_pass_mode mode, int n, float divisor, __m128 bias,
            __m256 *sums)
{
    if (kind >= QUIRE_PASS_FUSED8 && mode != QUIRE_PASS_MAX) {
        const __m256 all = _mm256_broadcastss_ps(bias);
        UNROLL for (int k = 0; k < n; k++) sums[k] = _mm256_add_ps(sums[k], all);
    }
    if (mode == QUIRE_PASS_SUM && divisor != 0) {
        const __m256 divisors = _mm256_set1_ps(divisor);
        UNROLL for (int k = 0; k < n; k++) sums[k] = _mm256_div_ps(sums[k], divisors);
    }
}

INLINE void
sums_store(const quire_pass *p, quire_pass_kind kind, int planes, int units, __m256 *sums,
           float *out)
{
    UNROLL for (int u = 0; u < units; u++)
    {
        __m256 *s = sums + u * planes;
        if (kind >= QUIRE_PASS_FUSED8 && planes == 2) interleave2(s);
        if (kind >= QUIRE_PASS_FUSED8 && planes == 4) interleave4(s);
        if (kind >= QUIRE_PASS_FUSED8 && planes == 8) interleave8(s);
        UNROLL for (int c = 0; c < planes; c++)
        {
            float *at = kind >= QUIRE_PASS_FUSED8
                            ? out + (u * planes + c) * QUIRE_PASS_LANES
                            : out + (size_t)c * p->plane + (size_t)u * QUIRE_PASS_LANES;
            _mm256_storeu_ps(at, s[c]);
        }
    }
}

INLINE void
sums_load(const quire_pass *p, int n, __m256 *sums)
{
    UNROLL for (int k = 0; k < n; k++) sums[k] = _mm256_setzero_ps();
    if (p->first) return;
    UNROLL for (int k = 0; k < n; k++) sums[k] = _mm256_loadu_ps(p->sums + k * QUIRE_PASS_LANES);
}

INLINE void
sums_keep(quire_pass *p, int n, const __m256 *sums, float bias)
{
    p->bias = bias;
    UNROLL for (int k = 0; k < n; k++) _mm256_storeu_ps(p->sums + k * QUIRE_PASS_LANES, sums[k]);
}

INLINE void
pass_run(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, int planes, int unit_bytes,
         int units, bool partial)
{
    const int n_sums = units * planes;
    __m256 sums[QUIRE_PASS_MAX_SUMS];
    size_t i = 0;

    for (size_t b = 0; b < p->n_bags; b++) {
        const size_t end = i + p->bags[b].n;
        const size_t fetch_end = p->n_fetch < end ? p->n_fetch : end;
        __m128 bias = _mm_setr_ps(0, p->first ? 0 : p->bias, 0, 0);
        sums_load(p, n_sums, sums);
        if (mode == QUIRE_PASS_MAX && p->first && i < end) {
            if (i < fetch_end) quire_fetch_row(&p->fetch, p->rows[i + p->fetch.distance]);
            row_take(p, kind, mode, planes, unit_bytes, units, partial, i++, sums, &bias, true);
        }
        for (; i < fetch_end; i++) {
            quire_fetch_row(&p->fetch, p->rows[i + p->fetch.distance]);
            row_take(p, kind, mode, planes, unit_bytes, units, partial, i, sums, &bias, false);
        }
        for (; i < end; i++)
            row_take(p, kind, mode, planes, unit_bytes, units, partial, i, sums, &bias, false);
        bias = _mm_movehdup_ps(bias);
        if (!p->last) {
            sums_keep(p, n_sums, sums, _mm_cvtss_f32(bias));
            return;
        }
        sums_finish(kind, mode, n_sums, p->bags[b].divisor, bias, sums);
        sums_store(p, kind, planes, units, sums, p->out + b * p->out_stride);
    }
}

INLINE void
sum_run(quire_pass *p, quire_pass_kind kind, int planes, int wide, int units)
{
    const int n_sums = units * planes;
    __m256 sums[QUIRE_PASS_MAX_SUMS];
    size_t i = 0;

    for (size_t b = 0; b < p->n_bags; b++) {
        const size_t end = i + p->bags[b].n;
        const size_t fetch_end = p->n_fetch < end ? p->n_fetch : end;
        float bias = p->first ? 0 : p->bias;
        __m128 both = _mm_setr_ps(0, bias, 0, 0);
        sums_load(p, n_sums, sums);
        for (; i < fetch_end; i++) {
            quire_fetch_row(&p->fetch, p->rows[i + p->fetch.distance]);
            row_add(p, kind, planes, wide, units, i, sums, &bias, &both);
        }
        for (; i < end; i++)
            row_add(p, kind, planes, wide, units, i, sums, &bias, &both);
        if (kind != QUIRE_PASS_FUSED8) bias = _mm_cvtss_f32(_mm_movehdup_ps(both));
        if (!p->last) {
            sums_keep(p, n_sums, sums, bias);
            return;
        }
        sums_unscale(planes, wide, units, sums);
        sums_finish(kind, QUIRE_PASS_SUM, n_sums, p->bags[b].divisor, _mm_set_ss(bias), sums);
        sums_store(p, kind, planes, units, sums, p->out + b * p->out_stride);
    }
}

/* Sums of fused rows without converting their codes. A code that is masked out of its dword, below
 * bit 23, already is a float32: the subnormal number q * 2^(shift - 149). Its product with s * 2^109
 * is s * q * 2^(shift - 40), and the sums, kept 2^(shift - 40) times too large, are what they would
 * be but for the exponent: with scales of float16 nothing overflows or gets subnormal on the way.
 * This is for processors that take subnormal operands without a penalty.
 */
#define FAST_SCALE 0x1p109f
#define FAST_UNDO  0x1p40f

/* How far plane `c` lies from bit 0 of the dwords it is masked out of: dwords two bytes further on,
 * if it would reach bit 23. */
INLINE int
fast_shift(int bits, int c)
{
    return bits * (c + 1) <= 23 ? bits * c : bits * c - 16;
}

INLINE __m256
fast_codes(const uint8_t *at, int planes, int wide, int c)
{
    const int bits = 8 * wide / planes;
    const int further = bits * c - fast_shift(bits, c) ? 2 : 0;
    const __m256i x = load_dwords(at + further, wide);

    if (planes == 1) return _mm256_castsi256_ps(x);
    return _mm256_castsi256_ps(
        _mm256_and_si256(x, _mm256_set1_epi32(((1 << bits) - 1) << fast_shift(bits, c))));
}

INLINE void
fast_add(const quire_pass *p, quire_pass_kind kind, int planes, int wide, size_t i, __m256 *sums,
         __m128 *bias)
{
    const uint8_t *at = p->codes + p->rows[i] * p->code_stride;
    const __m128 both =
        _mm_mul_ps(load_both(kind, at + (p->scales - p->codes)), _mm_setr_ps(FAST_SCALE, 1, 1, 1));
    const __m256 scale = _mm256_broadcastss_ps(both);

    *bias = _mm_add_ps(*bias, both);
    UNROLL for (int c = 0; c < planes; c++) sums[c] =
        _mm256_fmadd_ps(scale, fast_codes(at, planes, wide, c), sums[c]);
}

INLINE void
fast_unscale(int planes, int wide, __m256 *sums)
{
    const int bits = 8 * wide / planes;

    UNROLL for (int c = 0; c < planes; c++) sums[c] =
        _mm256_mul_ps(sums[c], _mm256_set1_ps(FAST_UNDO / (float)(1 << fast_shift(bits, c))));
}

INLINE void
fast_run(quire_pass *p, quire_pass_kind kind, int planes, int wide)
{
    __m256 sums[QUIRE_PASS_MAX_SUMS];
    size_t i = 0;

    for (size_t b = 0; b < p->n_bags; b++) {
        const size_t end = i + p->bags[b].n;
        const size_t fetch_end = p->n_fetch < end ? p->n_fetch : end;
        __m128 bias = _mm_setr_ps(0, p->first ? 0 : p->bias, 0, 0);
        sums_load(p, planes, sums);
        for (; i < fetch_end; i++) {
            quire_fetch_row(&p->fetch, p->rows[i + p->fetch.distance]);
            fast_add(p, kind, planes, wide, i, sums, &bias);
        }
        for (; i < end; i++)
            fast_add(p, kind, planes, wide, i, sums, &bias);
        bias = _mm_movehdup_ps(bias);
        if (!p->last) {
            sums_keep(p, planes, sums, _mm_cvtss_f32(bias));
            return;
        }
        fast_unscale(planes, wide, sums);
        sums_finish(kind, QUIRE_PASS_SUM, planes, p->bags[b].divisor, bias, sums);
        sums_store(p, kind, planes, 1, sums, p->out + b * p->out_stride);
    }
}

#define STAMP(kind, mode, planes, bytes, name, units, partial)                                     \
    static void kind##_##mode##_##name(quire_pass *p)                                              \
    {                                                                                              \
        pass_run(p, QUIRE_PASS_##kind, QUIRE_PASS_##mode, planes, bytes, units, partial);          \
    }
#define STAMP_SUM(kind, name, planes, wide, units)                                                 \
    static void kind##_SUM_##name(quire_pass *p)                                                   \
    {                                                                                              \
        sum_run(p, QUIRE_PASS_##kind, planes, wide, units);                                        \
    }

/* Sixteen sums at most: 16, 8 or 4 units for 1, 2 or 4 planes. */
#define SIZES_4(kind, mode, planes, bytes)                                                         \
    STAMP(kind, mode, planes, bytes, 1, 1, false)                                                  \
    STAMP(kind, mode, planes, bytes, 2, 2, false)                                                  \
    STAMP(kind, mode, planes, bytes, 4, 4, false)                                                  \
    STAMP(kind, mode, planes, bytes, PARTIAL, 1, true)
#define SIZES_2(kind, mode, planes, bytes)                                                         \
    SIZES_4(kind, mode, planes, bytes) STAMP(kind, mode, planes, bytes, 8, 8, false)
#define SIZES_1(kind, mode, planes, bytes)                                                         \
    SIZES_2(kind, mode, planes, bytes) STAMP(kind, mode, planes, bytes, 16, 16, false)
#define KIND(kind, planes, bytes)                                                                  \
    SIZES_##planes(kind, WEIGHTED, planes, bytes) SIZES_##planes(kind, MAX, planes, bytes)
QUIRE_PASS_KIND_TABLE(KIND)

#define KIND_SUM(kind, planes, bytes) SIZES_##planes(kind, SUM, planes, bytes)
QUIRE_PASS_LOOSE_TABLE(KIND_SUM)

/* Planes of a dword are 8 * wide / bits. */
#define SIZES_FUSED8(kind)                                                                         \
    STAMP_SUM(kind, 1, 1, 1, 1)                                                                    \
    STAMP_SUM(kind, 2, 1, 1, 2)                                                                    \
    STAMP_SUM(kind, 4, 1, 1, 4)                                                                    \
    STAMP_SUM(kind, 8, 1, 1, 8)                                                                    \
    STAMP_SUM(kind, 16, 1, 1, 16)                                                                  \
    STAMP(kind, SUM, 1, 8, PARTIAL, 1, true)
SIZES_FUSED8(FUSED8)
SIZES_FUSED8(FUSED8H)
STAMP_SUM(FUSED4, 1, 2, 1, 1)
STAMP_SUM(FUSED4, 2, 4, 2, 1)
STAMP_SUM(FUSED4, 4, 8, 4, 1)
STAMP_SUM(FUSED4, 8, 8, 4, 2)
STAMP(FUSED4, SUM, 2, 8, PARTIAL, 1, true)
STAMP_SUM(FUSED2, 1, 4, 1, 1)
STAMP_SUM(FUSED2, 2, 8, 2, 1)
STAMP_SUM(FUSED2, 4, 8, 2, 2)
STAMP(FUSED2, SUM, 4, 8, PARTIAL, 1, true)

/* The same without conversion; dwords of 4 bytes need two more behind the codes. */
#define STAMP_FAST(kind, name, planes, wide)                                                       \
    static void kind##_FAST_##name(quire_pass *p)                                                  \
    {                                                                                              \
        if (wide == 4 && p->scales < p->codes) {                                                   \
            kind##_SUM_##name(p);                                                                  \
        } else {                                                                                   \
            fast_run(p, QUIRE_PASS_##kind, planes, wide);                                          \
        }                                                                                          \
    }
STAMP_FAST(FUSED4, 1, 2, 1)
STAMP_FAST(FUSED4, 2, 4, 2)
STAMP_FAST(FUSED4, 4, 8, 4)
STAMP_FAST(FUSED2, 1, 4, 1)
STAMP_FAST(FUSED2, 2, 8, 2)

#define NAMES_4(kind, mode) NAMES(kind, mode, NULL, NULL)
#define NAMES_2(kind, mode) NAMES(kind, mode, kind##_##mode##_8, NULL)
#define NAMES_1(kind, mode) NAMES(kind, mode, kind##_##mode##_8, kind##_##mode##_16)
#define NAMES(kind, mode, eight, sixteen)                                                          \
    {                                                                                              \
        kind##_##mode##_1, kind##_##mode##_2, kind##_##mode##_4, eight, sixteen,                   \
            kind##_##mode##_PARTIAL                                                                \
    }
#define ROW(kind, planes, bytes)                                                                   \
    [QUIRE_PASS_##kind] = {NAMES_##planes(kind, SUM), NAMES_##planes(kind, WEIGHTED),              \
                           NAMES_##planes(kind, MAX)},

const quire_pass_table quire_pass_table_avx2 = {.pass = {QUIRE_PASS_KIND_TABLE(ROW)}};

#define FAST_ROW(kind, planes, four)                                                               \
    [QUIRE_PASS_##kind] = {{kind##_FAST_1, kind##_FAST_2, four, NULL, NULL, kind##_SUM_PARTIAL},   \
                           NAMES_##planes(kind, WEIGHTED),                                         \
                           NAMES_##planes(kind, MAX)},

const quire_pass_table quire_pass_table_avx2_subnormal = {
    .pass = {QUIRE_PASS_LOOSE_TABLE(ROW) ROW(FUSED8, 1, 8) ROW(FUSED8H, 1, 8)
                 FAST_ROW(FUSED4, 2, FUSED4_FAST_4) FAST_ROW(FUSED2, 4, NULL)}};

/* Processor's ticks for `rounds` sums of products with `x`. */
static uint64_t
ticks_of(float x, int rounds)
{
    __m256 sum = _mm256_setzero_ps();
    __m256 factor = _mm256_set1_ps(x);
    const uint64_t start = __rdtsc();

    for (int k = 0; k < rounds; k++) {
        __asm__ volatile("" : "+x"(factor), "+x"(sum));
        sum = _mm256_fmadd_ps(factor, _mm256_set1_ps(0x1p100f), sum);
    }
    __asm__ volatile("" : "+x"(sum));
    return __rdtsc() - start;
}

bool
quire_pass_avx2_likes_subnormals(void)
{
    uint64_t normal = UINT64_MAX;
    uint64_t subnormal = UINT64_MAX;
    const unsigned int saved = _mm_getcsr();

    _mm_setcsr(0x1f80); /* nothing is taken for 0 */
    for (int k = 0; k < 5; k++) {
        const uint64_t a = ticks_of(1, 200);
        const uint64_t b = ticks_of(0x1p-140f, 200);
        normal = a < normal ? a : normal;
        subnormal = b < subnormal ? b : subnormal;
    }
    _mm_setcsr(saved);
    return subnormal < 2 * normal;
}
#endif
