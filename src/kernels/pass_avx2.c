/* pass_avx2.c - the passes for AVX2 with FMA and F16C.
 *
 * One inline body; its shape is a constant of each stamped function, so that sums stay in registers
 * and everything about the kind folds away. 8 bytes of codes are widened to 8 dwords, from which each
 * plane is a shift and a mask. This unit is compiled with flags of its own: nothing but its tables
 * leaves it.
 */
#include "kernels/fp_env.h"
#include "kernels/pass.h"

#if defined(__x86_64__)
#include "kernels/pass_avx2.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* How a row is taken: by units of 8 bytes, which serves every kind, mode and size; and for sums of
 * some kinds in fewer operations. */
typedef enum row_way {
    BY_UNITS,
    BYTE_ZEROS,             /* split rows: zero points of a byte, taken off as integers       */
    BYTE_ZEROS_HALF_SCALES, /* and with float16 scales their products are exact               */
    BY_DWORDS,              /* fused rows: `planes` planes in dwords of `wide` bytes of codes */
    AS_SUBNORMALS           /* the same without conversion                                    */
} row_way;

#define SHAPE_BY(kind, mode, units, way, planes, wide, partial)                                    \
    (SHAPE(kind, mode, units) | (shape)(way) << 24 | (shape)(planes) << 32 | (shape)(wide) << 40 | \
     (shape)(partial) << 48)

INLINE row_way
shape_way(shape s)
{
    return (row_way)(s >> 24 & 0xff);
}

INLINE shape
shape_of_way(shape s, row_way way)
{
    return (s & ~((shape)0xff << 24)) | (shape)way << 24;
}

INLINE int
shape_planes(shape s)
{
    return s >> 32 & 0xff;
}

INLINE int
shape_wide(shape s)
{
    return s >> 40 & 0xff;
}

INLINE bool
shape_is_partial(shape s)
{
    return s >> 48;
}

/* Of one bag. The sum of biases is in lane 1 of `both`, where scales are added with them, or alone. */
typedef struct totals {
    __m256 sums[QUIRE_PASS_MAX_SUMS];
    __m128 both;
    float bias;
} totals;

/* A row's parameters, broadcast. `both` has the scale and the bias of a fused row, weighted; `table`
 * what a code of 2 bits stands for, twice. */
typedef struct row_vectors {
    __m256 scale;
    __m256 zero;
    __m256 weight;
    __m256 table;
    __m256i zero_code;
    __m128 both;
} row_vectors;

INLINE bool
has_table(const shape s)
{
    return shape_way(s) == BY_UNITS && shape_planes(s) == 4;
}

INLINE __m256
code_table(void)
{
    return _mm256_setr_ps(0, 1, 2, 3, 0, 1, 2, 3);
}

INLINE row_vectors
fused_params_load(const quire_pass *p, const shape s, const uint8_t *codes, const uint64_t *entry)
{
    row_vectors r = {.both = load_fused_params(p, shape_kind(s), shape_mode(s), codes, entry),
                     .zero = _mm256_setzero_ps()};

    r.scale = shape_kind(s) == QUIRE_PASS_FUSED8 && shape_mode(s) != QUIRE_PASS_WEIGHTED
                  ? _mm256_set1_ps(quire_load_f32(codes + (p->scales - p->codes)))
                  : _mm256_broadcastss_ps(r.both);
    if (shape_mode(s) == QUIRE_PASS_MAX) r.zero = _mm256_broadcastss_ps(_mm_movehdup_ps(r.both));
    if (has_table(s)) r.table = code_table();
    if (has_table(s) && shape_mode(s) == QUIRE_PASS_MAX) {
        r.table = _mm256_fmadd_ps(r.scale, r.table, r.zero);
    }
    return r;
}

INLINE row_vectors
split_params_load(const quire_pass *p, const shape s, uint64_t row, const uint64_t *entry)
{
    row_vectors r = {.scale = _mm256_set1_ps(load_split_scale(p, row))};

    if (shape_mode(s) == QUIRE_PASS_WEIGHTED) r.weight = _mm256_set1_ps(weight_of(p, entry));
    if (shape_way(s) == BY_UNITS) {
        r.zero = _mm256_set1_ps(load_split_zero(p, row));
    } else {
        r.zero_code = _mm256_set1_epi32(p->zeros[row * p->zero_stride]);
    }
    if (has_table(s)) {
        r.table =
            value_round(p->value, _mm256_mul_ps(_mm256_sub_ps(code_table(), r.zero), r.scale));
    }
    if (has_table(s) && shape_mode(s) == QUIRE_PASS_WEIGHTED)
        r.table = _mm256_mul_ps(r.weight, r.table);
    return r;
}

/* Of a maximum, `v` where it is greater, else what was there: of a NaN, what came first. */
INLINE __m256
value_take(const shape s, __m256 v, __m256 sum, bool fresh)
{
    if (shape_mode(s) == QUIRE_PASS_MAX) return fresh ? v : _mm256_max_ps(v, sum);
    return _mm256_add_ps(sum, v);
}

/* The table is looked up by the lowest 2 bits of each lane: no mask. */
INLINE __m256
table_take(const shape s, const row_vectors *r, __m256i bytes, int c, __m256 sum, bool fresh)
{
    const __m256i codes = c == 0 ? bytes : _mm256_srli_epi32(bytes, 2 * c);
    const __m256 v = _mm256_permutevar_ps(r->table, codes);

    if (shape_is_fused(s) && shape_mode(s) != QUIRE_PASS_MAX)
        return _mm256_fmadd_ps(r->scale, v, sum);
    return value_take(s, v, sum, fresh);
}

INLINE __m256
fused_take(const shape s, const row_vectors *r, __m256i codes, __m256 sum, bool fresh)
{
    const __m256 q = _mm256_cvtepi32_ps(codes);

    if (shape_mode(s) != QUIRE_PASS_MAX) return _mm256_fmadd_ps(r->scale, q, sum);
    return value_take(s, _mm256_fmadd_ps(r->scale, q, r->zero), sum, fresh);
}

/* Codes less zero points are integers of 9 bits: a product with a float16 scale has 20 of them, and
 * rounding it before it is added changes nothing. */
INLINE __m256
split_take(const shape s, const row_vectors *r, __m256i codes, __m256 sum, bool fresh)
{
    __m256 v;

    if (shape_way(s) == BY_UNITS) {
        v = _mm256_sub_ps(_mm256_cvtepi32_ps(codes), r->zero);
    } else {
        v = _mm256_cvtepi32_ps(_mm256_sub_epi32(codes, r->zero_code));
    }
    if (shape_way(s) == BYTE_ZEROS_HALF_SCALES) return _mm256_fmadd_ps(v, r->scale, sum);
    v = _mm256_mul_ps(v, r->scale);
    if (shape_mode(s) == QUIRE_PASS_WEIGHTED) v = _mm256_mul_ps(r->weight, v);
    return value_take(s, v, sum, fresh);
}

/* A row of float storage. */
INLINE bool
floats_take(const quire_pass *p, const shape s, const uint64_t *entry, totals *t, bool fresh)
{
    const uint8_t *at = p->codes + *entry * p->code_stride;

    UNROLL for (int u = 0; u < shape_units(s); u++)
    {
        __m256 v = load_floats(p, shape_kind(s), at + u * shape_unit_bytes(s), shape_is_partial(s));
        if (shape_mode(s) == QUIRE_PASS_WEIGHTED)
            v = _mm256_mul_ps(_mm256_set1_ps(weight_of(p, entry)), v);
        t->sums[u] = value_take(s, v, t->sums[u], fresh);
    }
    return true;
}

/* A row of codes by way of units of 8 bytes. */
INLINE bool
units_take(const quire_pass *p, const shape s, const uint64_t *entry, totals *t, bool fresh)
{
    const uint64_t row = *entry;
    const uint8_t *at = p->codes + row * p->code_stride;
    const row_vectors r = shape_is_fused(s) ? fused_params_load(p, s, at, entry)
                                            : split_params_load(p, s, row, entry);

    if (shape_is_fused(s) && shape_mode(s) != QUIRE_PASS_MAX) t->both = _mm_add_ps(t->both, r.both);
    UNROLL for (int u = 0; u < shape_units(s); u++)
    {
        const __m256i bytes =
            _mm256_cvtepu8_epi32(load_unit_bytes(p, at + u * 8, shape_is_partial(s)));
        UNROLL for (int c = 0; c < shape_planes(s); c++)
        {
            __m256 *sum = &t->sums[u * shape_planes(s) + c];
            const __m256i codes = plane_codes(bytes, shape_planes(s), c);
            *sum = has_table(s)        ? table_take(s, &r, bytes, c, *sum, fresh)
                   : shape_is_fused(s) ? fused_take(s, &r, codes, *sum, fresh)
                                       : split_take(s, &r, codes, *sum, fresh);
        }
    }
    return true;
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
dword_codes(__m256i x, const shape s, int c)
{
    const int bits = 8 * shape_wide(s) / shape_planes(s);
    const int mask = (1 << bits) - 1;

    if (shape_planes(s) == 1) return _mm256_cvtepi32_ps(x);
    if (c == shape_planes(s) - 1) return _mm256_cvtepi32_ps(_mm256_srli_epi32(x, bits * c));
    return _mm256_cvtepi32_ps(_mm256_and_si256(x, _mm256_set1_epi32(mask << (bits * c))));
}

/* How far plane `c` lies from bit 0 of the dwords it is masked out of: dwords two bytes further on,
 * if it would reach bit 23. */
INLINE int
fast_shift(int bits, int c)
{
    return bits * (c + 1) <= 23 ? bits * c : bits * c - 16;
}

INLINE __m256
fast_codes(const uint8_t *at, const shape s, int c)
{
    const int bits = 8 * shape_wide(s) / shape_planes(s);
    const int shift = fast_shift(bits, c);
    const __m256i x = load_dwords(at + (bits * c - shift ? 2 : 0), shape_wide(s));

    if (shape_planes(s) == 1) return _mm256_castsi256_ps(x);
    return _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(((1 << bits) - 1) << shift)));
}

/* A fused row by way of dwords. */
INLINE bool
dwords_add(const quire_pass *p, const shape s, const uint64_t *entry, totals *t, bool fresh)
{
    const bool fast = shape_way(s) == AS_SUBNORMALS;
    const uint8_t *at = p->codes + *entry * p->code_stride;
    const uint8_t *params = at + (p->scales - p->codes);
    __m256 scale;

    (void)fresh;
    if (shape_kind(s) == QUIRE_PASS_FUSED8) {
        if (fast && !scale_is_fast(params)) return false;
        scale = _mm256_set1_ps(quire_load_f32(params));
        if (fast) scale = _mm256_mul_ps(scale, _mm256_set1_ps(FAST_SCALE));
        t->bias += quire_load_f32(params + 4);
    } else {
        __m128 both = load_both(shape_kind(s), params);
        if (fast) both = _mm_mul_ps(both, _mm_setr_ps(FAST_SCALE, 1, 1, 1));
        scale = _mm256_broadcastss_ps(both);
        t->both = _mm_add_ps(t->both, both);
    }
    UNROLL for (int u = 0; u < shape_units(s); u++)
    {
        const uint8_t *from = at + u * 8 * shape_wide(s);
        const __m256i x = load_dwords(from, shape_wide(s));
        UNROLL for (int c = 0; c < shape_planes(s); c++)
        {
            __m256 *sum = &t->sums[u * shape_planes(s) + c];
            const __m256 q = fast ? fast_codes(from, s, c) : dword_codes(x, s, c);
            *sum = _mm256_fmadd_ps(scale, q, *sum);
        }
    }
    return true;
}

INLINE int
n_sums(const shape s)
{
    return shape_units(s) * shape_planes(s);
}

INLINE void
totals_start(const quire_pass *p, const shape s, totals *t)
{
    t->bias = 0;
    t->both = _mm_setzero_ps();
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm256_setzero_ps();
    if (p->first) return;
    t->bias = p->bias;
    t->both = _mm_set1_ps(p->bias);
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] =
        _mm256_load_ps(p->sums + k * QUIRE_PASS_LANES);
}

INLINE float
bias_of(const shape s, const totals *t)
{
    return shape_kind(s) == QUIRE_PASS_FUSED8 && shape_way(s) != BY_UNITS
               ? t->bias
               : _mm_cvtss_f32(_mm_movehdup_ps(t->both));
}

INLINE void
totals_keep(quire_pass *p, const shape s, const totals *t)
{
    p->bias = bias_of(s, t);
    UNROLL for (int k = 0; k < n_sums(s); k++)
        _mm256_store_ps(p->sums + k * QUIRE_PASS_LANES, t->sums[k]);
}

/* Undoes what planes were left too large by. */
INLINE void
sums_unscale(const shape s, totals *t)
{
    const int bits = 8 * shape_wide(s) / shape_planes(s);

    UNROLL for (int k = 0; k < n_sums(s); k++)
    {
        const int c = k % shape_planes(s);
        float by = 1;
        if (shape_way(s) == AS_SUBNORMALS) by = FAST_UNDO / (float)(1 << fast_shift(bits, c));
        if (shape_way(s) == BY_DWORDS && plane_is_scaled(shape_planes(s), c))
            by = 1.0f / (float)(1 << bits * c);
        if (by != 1) t->sums[k] = _mm256_mul_ps(t->sums[k], _mm256_set1_ps(by));
    }
}

INLINE void
totals_finish(const shape s, float divisor, totals *t)
{
    sums_unscale(s, t);
    if (shape_is_fused(s) && shape_mode(s) != QUIRE_PASS_MAX) {
        const __m256 bias = _mm256_set1_ps(bias_of(s, t));
        UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm256_add_ps(t->sums[k], bias);
    }
    if (shape_mode(s) == QUIRE_PASS_SUM && divisor != 0) {
        const __m256 by = _mm256_set1_ps(divisor);
        UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm256_div_ps(t->sums[k], by);
    }
}

/* Stores `planes` times `n` floats of p->sums as float16 or bfloat16. */
static __attribute__((noinline)) void
halves_store(const quire_pass *p, size_t planes, size_t n, uint8_t *out)
{
    const float *from = p->sums;

    for (size_t c = 0; c < planes; c++, from += n, out += p->plane * sizeof(uint16_t)) {
        if (p->out_type == QUIRE_FLOAT_F16) {
            halves_narrow(QUIRE_FLOAT_F16, from, n, out);
        } else {
            halves_narrow(QUIRE_FLOAT_BF16, from, n, out);
        }
    }
}

/* Planes of fused rows are brought to the order of columns. Outputs of 16 bits are stored as floats
 * first, and from there by a loop that all shapes share. */
INLINE void
totals_store(const quire_pass *p, const shape s, totals *t, uint8_t *out)
{
    const bool is_float = p->out_type == QUIRE_FLOAT_F32;
    const size_t lanes = (size_t)shape_units(s) * QUIRE_PASS_LANES;
    const size_t plane = is_float ? p->plane : lanes;
    float *to = is_float ? (float *)(void *)out : p->sums;

    UNROLL for (int u = 0; u < shape_units(s); u++)
    {
        __m256 *v = t->sums + u * shape_planes(s);
        if (shape_is_fused(s) && shape_planes(s) == 2) interleave2(v);
        if (shape_is_fused(s) && shape_planes(s) == 4) interleave4(v);
        if (shape_is_fused(s) && shape_planes(s) == 8) interleave8(v);
        UNROLL for (int c = 0; c < shape_planes(s); c++)
        {
            const size_t at = shape_is_fused(s)
                                  ? (size_t)(u * shape_planes(s) + c) * QUIRE_PASS_LANES
                                  : (size_t)c * plane + (size_t)u * QUIRE_PASS_LANES;
            _mm256_storeu_ps(to + at, v[c]);
        }
    }
    if (is_float) return;
    if (shape_is_fused(s)) {
        halves_store(p, 1, lanes * (size_t)shape_planes(s), out);
    } else {
        halves_store(p, (size_t)shape_planes(s), lanes, out);
    }
}

INLINE size_t
row_bytes(const shape s)
{
    const bool by_dwords = shape_way(s) == BY_DWORDS || shape_way(s) == AS_SUBNORMALS;

    return (size_t)shape_units(s) *
           (size_t)(by_dwords ? QUIRE_PASS_LANES * shape_wide(s) : shape_unit_bytes(s));
}

#define BAGS_TAKE floats_bags_take
#define ROW_TAKE  floats_take
#include "kernels/pass_bags.h"

#define BAGS_TAKE units_bags_take
#define ROW_TAKE  units_take
#include "kernels/pass_bags.h"

INLINE void
dwords_ask(const quire_pass *p, const shape s, quire_fetch_way way, uint64_t row)
{
    quire_fetch_row(p, way, false, row_bytes(s), row);
}

#define BAGS_TAKE  dwords_bags_take
#define ROW_TAKE   dwords_add
#define ROW_ASK    dwords_ask
#define ASKS_APART true
#include "kernels/pass_bags.h"

/* Split rows by what is asked of them and how they are stored: which the caller's tables decide, and
 * not the code. */
INLINE void
split_bags_take(quire_pass *p, const shape s)
{
    if (shape_planes(s) < 4 && p->value != QUIRE_FLOAT_F32) {
        quire_pass_rounded_avx2(p, shape_kind(s), shape_mode(s), (uint32_t)shape_units(s),
                                shape_is_partial(s));
    } else if (shape_planes(s) < 4 && shape_mode(s) == QUIRE_PASS_SUM && !p->zero_is_float) {
        if (p->scale == QUIRE_FLOAT_F16) {
            units_bags_take(p, shape_of_way(s, BYTE_ZEROS_HALF_SCALES));
        } else {
            units_bags_take(p, shape_of_way(s, BYTE_ZEROS));
        }
    } else {
        units_bags_take(p, s);
    }
}

#define STAMP(take, kind, mode, way, planes, wide, units, partial, name)                           \
    static void kind##_##mode##_##name(quire_pass *p)                                              \
    {                                                                                              \
        take(p,                                                                                    \
             SHAPE_BY(QUIRE_PASS_##kind, QUIRE_PASS_##mode, units, way, planes, wide, partial));   \
    }
#define STAMP_1(take, kind, mode, planes, units, partial, name)                                    \
    STAMP(take, kind, mode, BY_UNITS, planes, 1, units, partial, name)

/* Sixteen sums at most: 16, 8 or 4 units for 1, 2 or 4 planes. */
#define SIZES_4(take, kind, mode, planes)                                                          \
    STAMP_1(take, kind, mode, planes, 1, false, 1)                                                 \
    STAMP_1(take, kind, mode, planes, 2, false, 2)                                                 \
    STAMP_1(take, kind, mode, planes, 4, false, 4)                                                 \
    STAMP_1(take, kind, mode, planes, 1, true, PARTIAL)
#define SIZES_2(take, kind, mode, planes)                                                          \
    SIZES_4(take, kind, mode, planes) STAMP_1(take, kind, mode, planes, 8, false, 8)
#define SIZES_1(take, kind, mode, planes)                                                          \
    SIZES_2(take, kind, mode, planes) STAMP_1(take, kind, mode, planes, 16, false, 16)

#define FLOAT_KIND(kind, planes, bytes)                                                            \
    SIZES_##planes(floats_bags_take, kind, SUM, planes)                                            \
        SIZES_##planes(floats_bags_take, kind, WEIGHTED, planes)                                   \
            SIZES_##planes(floats_bags_take, kind, MAX, planes)
QUIRE_PASS_FLOAT_TABLE(FLOAT_KIND)

#define SPLIT_KIND(kind, planes, bytes)                                                            \
    SIZES_##planes(split_bags_take, kind, SUM, planes)                                             \
        SIZES_##planes(split_bags_take, kind, WEIGHTED, planes)                                    \
            SIZES_##planes(split_bags_take, kind, MAX, planes)
QUIRE_PASS_SPLIT_TABLE(SPLIT_KIND)

#define FUSED_KIND(kind, planes, bytes)                                                            \
    SIZES_##planes(units_bags_take, kind, WEIGHTED, planes)                                        \
        SIZES_##planes(units_bags_take, kind, MAX, planes)                                         \
            STAMP_1(units_bags_take, kind, SUM, planes, 1, true, PARTIAL)
QUIRE_PASS_FUSED_TABLE(FUSED_KIND)

/* Planes of a dword are 8 * wide / bits. */
#define STAMP_SUM(kind, name, planes, wide, units)                                                 \
    STAMP(dwords_bags_take, kind, SUM, BY_DWORDS, planes, wide, units, false, name)
#define SIZES_FUSED8(kind)                                                                         \
    STAMP_SUM(kind, 1, 1, 1, 1)                                                                    \
    STAMP_SUM(kind, 2, 1, 1, 2)                                                                    \
    STAMP_SUM(kind, 4, 1, 1, 4)                                                                    \
    STAMP_SUM(kind, 8, 1, 1, 8)                                                                    \
    STAMP_SUM(kind, 16, 1, 1, 16)
SIZES_FUSED8(FUSED8)
SIZES_FUSED8(FUSED8H)
STAMP_SUM(FUSED4, 1, 2, 1, 1)
STAMP_SUM(FUSED4, 2, 4, 2, 1)
STAMP_SUM(FUSED4, 4, 8, 4, 1)
STAMP_SUM(FUSED4, 8, 8, 4, 2)
STAMP_SUM(FUSED2, 1, 4, 1, 1)
STAMP_SUM(FUSED2, 2, 8, 2, 1)
STAMP_SUM(FUSED2, 4, 8, 2, 2)

/* The same without conversion, where that can be: dwords of 4 bytes need two more behind the codes,
 * scales of float32 have a range, and of a bag that comes in parts all are done the same way. */
INLINE bool
can_be_fast(const quire_pass *p, const shape s)
{
    if (shape_kind(s) == QUIRE_PASS_FUSED8) return p->first && p->last;
    return shape_wide(s) < 4 || p->scales > p->codes;
}

/* The widest, whose sums stay in memory. */
#define STAMP_WIDE(kind)                                                                           \
    static void kind##_SUM_32(quire_pass *p)                                                       \
    {                                                                                              \
        (void)quire_pass_wide_avx2(p, QUIRE_PASS_##kind, false);                                   \
    }                                                                                              \
    static void kind##_FAST_32(quire_pass *p)                                                      \
    {                                                                                              \
        const shape s = SHAPE(QUIRE_PASS_##kind, QUIRE_PASS_SUM, QUIRE_PASS_MAX_UNITS);            \
        if (!can_be_fast(p, s) || !quire_pass_wide_avx2(p, QUIRE_PASS_##kind, true))               \
            kind##_SUM_32(p);                                                                      \
    }
STAMP_WIDE(FUSED8)
STAMP_WIDE(FUSED8H)

#define STAMP_FAST(kind, name, planes, wide, units)                                                \
    static void kind##_FAST_##name(quire_pass *p)                                                  \
    {                                                                                              \
        const shape s = SHAPE_BY(QUIRE_PASS_##kind, QUIRE_PASS_SUM, units, AS_SUBNORMALS, planes,  \
                                 wide, false);                                                     \
        if (!can_be_fast(p, s) || !dwords_bags_take(p, s)) kind##_SUM_##name(p);                   \
    }
STAMP_FAST(FUSED8, 8, 1, 1, 8)
STAMP_FAST(FUSED8, 16, 1, 1, 16)
STAMP_FAST(FUSED8H, 8, 1, 1, 8)
STAMP_FAST(FUSED8H, 16, 1, 1, 16)
STAMP_FAST(FUSED4, 1, 2, 1, 1)
STAMP_FAST(FUSED4, 2, 4, 2, 1)
STAMP_FAST(FUSED4, 4, 8, 4, 1)
STAMP_FAST(FUSED2, 1, 4, 1, 1)
STAMP_FAST(FUSED2, 2, 8, 2, 1)

#define NAMES_4(kind, mode) NAMES(kind, mode, NULL, NULL, NULL)
#define NAMES_2(kind, mode) NAMES(kind, mode, kind##_##mode##_8, NULL, NULL)
#define NAMES_1(kind, mode) NAMES(kind, mode, kind##_##mode##_8, kind##_##mode##_16, NULL)
#define NAMES_WIDE(kind, mode)                                                                     \
    NAMES(kind, mode, kind##_##mode##_8, kind##_##mode##_16, kind##_##mode##_32)
#define NAMES(kind, mode, eight, sixteen, widest)                                                  \
    {                                                                                              \
        kind##_##mode##_1, kind##_##mode##_2, kind##_##mode##_4, eight, sixteen, widest,           \
            kind##_##mode##_PARTIAL                                                                \
    }
#define ROW(kind, planes, bytes)                                                                   \
    [QUIRE_PASS_##kind] = {NAMES_##planes(kind, SUM), NAMES_##planes(kind, WEIGHTED),              \
                           NAMES_##planes(kind, MAX)},

#define WIDE_ROW(kind)                                                                             \
    [QUIRE_PASS_##kind] = {NAMES_WIDE(kind, SUM), NAMES_1(kind, WEIGHTED), NAMES_1(kind, MAX)},

const quire_pass_table quire_pass_table_avx2 = {
    .pass = {QUIRE_PASS_FLOAT_TABLE(ROW) QUIRE_PASS_SPLIT_TABLE(ROW) WIDE_ROW(FUSED8)
                 WIDE_ROW(FUSED8H) ROW(FUSED4, 2, 8) ROW(FUSED2, 4, 8)},
    .widest_in_memory = true};

/* At 8 bits narrow passes are not worth looking at the scale; the widest at 2 bits has no registers
 * to spare. */
#define FAST_ROW(kind, planes, ...)                                                                \
    [QUIRE_PASS_##kind] = {{__VA_ARGS__, kind##_SUM_PARTIAL},                                      \
                           NAMES_##planes(kind, WEIGHTED),                                         \
                           NAMES_##planes(kind, MAX)},

const quire_pass_table quire_pass_table_avx2_subnormal = {
    .pass = {QUIRE_PASS_FLOAT_TABLE(ROW) QUIRE_PASS_SPLIT_TABLE(ROW) FAST_ROW(
        FUSED8, 1, FUSED8_SUM_1, FUSED8_SUM_2, FUSED8_SUM_4, FUSED8_FAST_8, FUSED8_FAST_16,
        FUSED8_FAST_32) FAST_ROW(FUSED8H, 1, FUSED8H_SUM_1, FUSED8H_SUM_2, FUSED8H_SUM_4,
                                 FUSED8H_FAST_8, FUSED8H_FAST_16, FUSED8H_FAST_32)
                 FAST_ROW(FUSED4, 2, FUSED4_FAST_1, FUSED4_FAST_2, FUSED4_FAST_4, NULL, NULL, NULL)
                     FAST_ROW(FUSED2, 4, FUSED2_FAST_1, FUSED2_FAST_2, NULL, NULL, NULL, NULL)},
    .widest_in_memory = true};

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
    quire_fp_env saved;

    quire_fp_enter(&saved); /* nothing is taken for 0 */
    for (int k = 0; k < 5; k++) {
        const uint64_t a = ticks_of(1, 200);
        const uint64_t b = ticks_of(0x1p-140f, 200);
        normal = a < normal ? a : normal;
        subnormal = b < subnormal ? b : subnormal;
    }
    quire_fp_leave(&saved);
    return subnormal < 2 * normal;
}
#endif
