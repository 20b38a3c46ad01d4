/* pass_avx512.c - the passes for AVX-512 (F, BW, DQ, VL).
 *
 * As pass_avx2.c: one inline body, whose kind, mode and size are constants of each stamped function.
 * A vector takes two units; a single or partial one is a vector with lanes masked off, and a shape of
 * 0 units is a partial one. Codes of 4 and 2 bits are looked up in a vector of 16 floats, which of split
 * rows are the decoded values and of fused rows the codes themselves: the lookup takes the lowest 4
 * bits of each lane and leaves the others alone, so planes are shifts without masks.
 */
#include "kernels/pass.h"

#if defined(__x86_64__)
#include "kernels/pass_avx512.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Of one bag; `bias` has the sum of biases in lane 1. */
typedef struct totals {
    __m512 sums[MAX_VECTORS];
    __m128 bias;
} totals;

/* A row's parameters, broadcast. `both` has the scale and the bias of a fused row, weighted;
 * `table` the values of 4-bit codes, or those of 2-bit codes four times over. */
typedef struct row_vectors {
    __m512 scale;
    __m512 zero;
    __m512 weight;
    __m512 table;
    __m128 both;
} row_vectors;

/* Vectors of one plane. */
INLINE int
n_vectors(int units)
{
    return units < 2 ? 1 : units / 2;
}

/* Of a shape whose decoded values are not rounded; of others it is asked. */
#define UNROUNDED ((shape)1 << 24)

/* Decoded values of split rows, rounded to what the table stores. */
INLINE __m512
value_round(const quire_pass *p, const shape s, __m512 v)
{
    if ((s & UNROUNDED) || p->value == QUIRE_FLOAT_F32) return v;
    if (p->value == QUIRE_FLOAT_BF16) return round_bf16(v);
    return _mm512_cvtph_ps(_mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

/* 0, 1, ... 15, or 0 to 3 four times. */
INLINE __m512
code_table(quire_pass_kind kind)
{
    return quire_pass_planes(kind) == 4
               ? _mm512_setr_ps(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)
               : _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

INLINE __m512
split_value(const quire_pass *p, const shape s, const row_vectors *r, __m512 q)
{
    const __m512 v = value_round(p, s, _mm512_mul_ps(_mm512_sub_ps(q, r->zero), r->scale));

    return shape_mode(s) == QUIRE_PASS_WEIGHTED ? _mm512_mul_ps(r->weight, v) : v;
}

INLINE row_vectors
fused_params_load(const quire_pass *p, const shape s, const uint8_t *codes, const uint64_t *entry)
{
    row_vectors r = {.both = load_fused_params(p, shape_kind(s), shape_mode(s), codes, entry),
                     .zero = _mm512_setzero_ps()};

    r.scale = _mm512_broadcastss_ps(r.both);
    if (shape_mode(s) == QUIRE_PASS_MAX) r.zero = _mm512_broadcastss_ps(_mm_movehdup_ps(r.both));
    r.table = code_table(shape_kind(s));
    if (shape_mode(s) == QUIRE_PASS_MAX) r.table = _mm512_fmadd_ps(r.scale, r.table, r.zero);
    return r;
}

INLINE row_vectors
split_params_load(const quire_pass *p, const shape s, uint64_t row, const uint64_t *entry)
{
    row_vectors r = {.scale = _mm512_set1_ps(load_split_scale(p, row)),
                     .zero = _mm512_set1_ps(load_split_zero(p, row)),
                     .weight = _mm512_setzero_ps()};

    if (shape_mode(s) == QUIRE_PASS_WEIGHTED) r.weight = _mm512_set1_ps(weight_of(p, entry));
    r.table = split_value(p, s, &r, code_table(shape_kind(s)));
    return r;
}

INLINE row_vectors
params_load(const quire_pass *p, const shape s, uint64_t row, const uint8_t *codes,
            const uint64_t *entry)
{
    row_vectors r = {.weight = _mm512_setzero_ps()};

    if (shape_is_fused(s)) return fused_params_load(p, s, codes, entry);
    if (quire_pass_is_split(shape_kind(s))) return split_params_load(p, s, row, entry);
    if (shape_mode(s) == QUIRE_PASS_WEIGHTED) r.weight = _mm512_set1_ps(weight_of(p, entry));
    return r;
}

/* The lanes of a vector that hold elements. */
INLINE __mmask16
lanes_of(const quire_pass *p, int units)
{
    if (units == 0) return (__mmask16)((1u << p->partial) - 1);
    return units == 1 ? 0xff : 0xffff;
}

INLINE __m128i
load_bytes(const quire_pass *p, int units, const uint8_t *at)
{
    if (units == 0) return _mm_maskz_loadu_epi8(lanes_of(p, units), at);
    if (units == 1) return _mm_loadl_epi64((const __m128i *)(const void *)at);
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

INLINE __m256i
load_halves(const quire_pass *p, int units, const uint8_t *at)
{
    if (units < 2) return _mm256_maskz_loadu_epi16(lanes_of(p, units), at);
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

/* Sign and size go to where float16 has them, 2^8 too small; its conversion takes subnormals at full
 * speed. NaN is made one on the way. */
INLINE __m512
decode_e4m3(__m128i bytes)
{
    const __m256i x = _mm256_cvtepu8_epi16(bytes);
    const __m256i sign = _mm256_slli_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0x80)), 8);
    const __m256i size = _mm256_slli_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0x7f)), 7);
    const __mmask16 is_nan = _mm256_cmpeq_epi16_mask(size, _mm256_set1_epi16(0x7f << 7));
    const __m256i magnitude = _mm256_mask_mov_epi16(size, is_nan, _mm256_set1_epi16(0x7e00));

    return _mm512_mul_ps(_mm512_cvtph_ps(_mm256_or_si256(sign, magnitude)), _mm512_set1_ps(256));
}

/* 16 elements of float storage. */
INLINE __m512
load_floats(const quire_pass *p, quire_pass_kind kind, int units, const uint8_t *at)
{
    if (kind == QUIRE_PASS_F32) {
        if (units < 2) return _mm512_maskz_loadu_ps(lanes_of(p, units), at);
        return _mm512_loadu_ps(at);
    }
    if (kind == QUIRE_PASS_E4M3) return decode_e4m3(load_bytes(p, units, at));
    if (kind == QUIRE_PASS_E5M2) {
        const __m256i bytes = _mm256_cvtepu8_epi16(load_bytes(p, units, at));
        return _mm512_cvtph_ps(_mm256_slli_epi16(bytes, 8));
    }
    const __m256i halves = load_halves(p, units, at);
    return kind == QUIRE_PASS_F16
               ? _mm512_cvtph_ps(halves)
               : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* An element of float storage, or of one plane, decoded but for a fused row's sums: there it is the
 * code. */
INLINE __m512
element_of(const quire_pass *p, const shape s, const row_vectors *r, __m512i bytes, int c)
{
    const int planes = quire_pass_planes(shape_kind(s));

    if (planes > 1) {
        const __m512i codes = c == 0 ? bytes : _mm512_srli_epi32(bytes, (unsigned)(8 / planes * c));
        return _mm512_permutexvar_ps(codes, r->table);
    }
    const __m512 q = _mm512_cvtepi32_ps(bytes);
    if (quire_pass_is_split(shape_kind(s))) return split_value(p, s, r, q);
    return shape_mode(s) == QUIRE_PASS_MAX ? _mm512_fmadd_ps(r->scale, q, r->zero) : q;
}

/* Of two of which neither is greater, or one is a NaN, what was there stays. */
INLINE __m512
element_take(quire_pass_kind kind, quire_pass_mode mode, const row_vectors *r, __m512 v, __m512 sum,
             bool fresh)
{
    if (mode == QUIRE_PASS_MAX) return fresh ? v : _mm512_max_ps(v, sum);
    if (quire_pass_is_fused(kind)) return _mm512_fmadd_ps(r->scale, v, sum);
    return _mm512_add_ps(sum, v);
}

INLINE bool
row_take(const quire_pass *p, const shape s, const uint64_t *entry, totals *t, bool fresh)
{
    const int planes = quire_pass_planes(shape_kind(s));
    const uint64_t row = *entry;
    const uint8_t *at = p->codes + row * p->code_stride;
    const row_vectors r = params_load(p, s, row, at, entry);

    if (shape_is_fused(s) && shape_mode(s) != QUIRE_PASS_MAX) t->bias = _mm_add_ps(t->bias, r.both);
    UNROLL for (int k = 0; k < n_vectors(shape_units(s)); k++)
    {
        const uint8_t *from = at + k * 2 * shape_unit_bytes(s);
        if (shape_kind(s) < QUIRE_PASS_SPLIT8) {
            __m512 v = load_floats(p, shape_kind(s), shape_units(s), from);
            if (shape_mode(s) == QUIRE_PASS_WEIGHTED) v = _mm512_mul_ps(r.weight, v);
            t->sums[k] = element_take(shape_kind(s), shape_mode(s), &r, v, t->sums[k], fresh);
            continue;
        }
        const __m512i bytes = _mm512_cvtepu8_epi32(load_bytes(p, shape_units(s), from));
        UNROLL for (int c = 0; c < planes; c++)
        {
            __m512 *sum = &t->sums[k * planes + c];
            const __m512 v = element_of(p, s, &r, bytes, c);
            *sum = element_take(shape_kind(s), shape_mode(s), &r, v, *sum, fresh);
        }
    }
    return true;
}

INLINE int
n_sums(const shape s)
{
    return n_vectors(shape_units(s)) * quire_pass_planes(shape_kind(s));
}

INLINE void
totals_start(const quire_pass *p, const shape s, totals *t)
{
    t->bias = _mm_setzero_ps();
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_setzero_ps();
    if (p->first) return;
    t->bias = _mm_set1_ps(p->bias);
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_loadu_ps(p->sums + k * LANES);
}

INLINE void
totals_keep(quire_pass *p, const shape s, const totals *t)
{
    p->bias = _mm_cvtss_f32(_mm_movehdup_ps(t->bias));
    UNROLL for (int k = 0; k < n_sums(s); k++) _mm512_storeu_ps(p->sums + k * LANES, t->sums[k]);
}

INLINE void
totals_finish(const shape s, float divisor, totals *t)
{
    if (shape_is_fused(s) && shape_mode(s) != QUIRE_PASS_MAX) {
        const __m512 bias = _mm512_broadcastss_ps(_mm_movehdup_ps(t->bias));
        UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_add_ps(t->sums[k], bias);
    }
    if (shape_mode(s) == QUIRE_PASS_SUM && divisor != 0) {
        const __m512 by = _mm512_set1_ps(divisor);
        UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_div_ps(t->sums[k], by);
    }
}

INLINE void
vectors_store(const quire_pass *p, const shape s, quire_float_type type, const totals *t,
              uint8_t *out)
{
    const int planes = quire_pass_planes(shape_kind(s));
    const uint32_t lanes = shape_units(s) == 0 ? p->partial : shape_units(s) == 1 ? 8 : LANES;

    UNROLL for (int k = 0; k < n_vectors(shape_units(s)); k++)
    {
        UNROLL for (int c = 0; c < planes; c++)
        {
            const __m512 v = t->sums[k * planes + c];
            if (shape_is_fused(s)) {
                vector_store(type, out, (size_t)(k * planes + c) * LANES,
                             mask_from(lanes * (uint32_t)planes, (uint32_t)c * LANES), v);
            } else {
                vector_store(type, out, (size_t)c * p->plane + (size_t)k * LANES,
                             mask_from(lanes, 0), v);
            }
        }
    }
}

INLINE void
totals_store(const quire_pass *p, const shape s, totals *t, uint8_t *out)
{
    const int planes = quire_pass_planes(shape_kind(s));

    if (shape_is_fused(s)) {
        UNROLL for (int k = 0; k < n_vectors(shape_units(s)); k++)
            planes_interleave(planes, t->sums + k * planes);
    }
    switch (p->out_type) {
    case QUIRE_FLOAT_F32: vectors_store(p, s, QUIRE_FLOAT_F32, t, out); break;
    case QUIRE_FLOAT_F16: vectors_store(p, s, QUIRE_FLOAT_F16, t, out); break;
    case QUIRE_FLOAT_BF16: vectors_store(p, s, QUIRE_FLOAT_BF16, t, out); break;
    }
}

INLINE size_t
row_bytes(const shape s)
{
    return (size_t)(shape_units(s) ? shape_units(s) : 1) * (size_t)shape_unit_bytes(s);
}

#define BAGS_TAKE bags_take
#define ROW_TAKE  row_take
#include "kernels/pass_bags.h"

/* Whether values are rounded is asked once: of 8 bits, the others have a table of them in each row. */
INLINE void
bags_take_of(quire_pass *p, const shape s)
{
    if (shape_kind(s) == QUIRE_PASS_SPLIT8 && p->value == QUIRE_FLOAT_F32) {
        bags_take(p, s | UNROUNDED);
    } else {
        bags_take(p, s);
    }
}

/* Eight vectors of sums, and of codes sixteen where nothing but sums is asked for. */
#define STAMP(kind, mode, units)                                                                   \
    static void kind##_##mode##_##units(quire_pass *p)                                             \
    {                                                                                              \
        bags_take_of(p, SHAPE(QUIRE_PASS_##kind, QUIRE_PASS_##mode, units));                       \
    }
#define STAMPS_4(kind, mode) STAMP(kind, mode, 1) STAMP(kind, mode, 2) STAMP(kind, mode, 4)
#define STAMPS_2(kind, mode) STAMPS_4(kind, mode) STAMP(kind, mode, 8)
#define STAMPS_1(kind, mode) STAMPS_2(kind, mode) STAMP(kind, mode, 16)
#define STAMP_MORE_4(kind)   STAMP(kind, SUM, 8)
#define STAMP_MORE_2(kind)   STAMP(kind, SUM, 16)
#define STAMP_MORE_1(kind)   STAMP(kind, SUM, 32)
#define OTHER_STAMPS(kind, planes)                                                                 \
    STAMPS_##planes(kind, WEIGHTED) STAMP(kind, WEIGHTED, 0) STAMPS_##planes(kind, MAX)            \
        STAMP(kind, MAX, 0)
#define FLOAT_KIND(kind, planes, bytes)                                                            \
    STAMPS_##planes(kind, SUM) STAMP(kind, SUM, 0) OTHER_STAMPS(kind, planes)
#define FUSED_KIND(kind, planes, bytes)                                                            \
    STAMPS_##planes(kind, SUM) STAMP_MORE_##planes(kind) OTHER_STAMPS(kind, planes)
#define SPLIT_KIND(kind, planes, bytes) FUSED_KIND(kind, planes, bytes) STAMP(kind, SUM, 0)
QUIRE_PASS_FLOAT_TABLE(FLOAT_KIND)
QUIRE_PASS_SPLIT_TABLE(SPLIT_KIND)
QUIRE_PASS_FUSED_TABLE(FUSED_KIND)

/* Sums of fused rows need none for a partial unit: that is for the one for any columns. */
#define NAMES(name, of_8, of_16, of_32, partial, any)                                              \
    {                                                                                              \
        name##_1, name##_2, name##_4, of_8, of_16, of_32, partial, any                             \
    }
#define NAMES_1(name)                    NAMES(name, name##_8, name##_16, NULL, name##_0, NULL)
#define NAMES_2(name)                    NAMES(name, name##_8, NULL, NULL, name##_0, NULL)
#define NAMES_4(name)                    NAMES(name, NULL, NULL, NULL, name##_0, NULL)
#define NAMES_MORE_1(name, partial, any) NAMES(name, name##_8, name##_16, name##_32, partial, any)
#define NAMES_MORE_2(name, partial, any) NAMES(name, name##_8, name##_16, NULL, partial, any)
#define NAMES_MORE_4(name, partial, any) NAMES(name, name##_8, NULL, NULL, partial, any)
#define OTHERS(kind, planes)             NAMES_##planes(kind##_WEIGHTED), NAMES_##planes(kind##_MAX)
#define FLOAT_ROW(kind, planes, bytes)                                                             \
    [QUIRE_PASS_##kind] = {NAMES_##planes(kind##_SUM), OTHERS(kind, planes)},
#define SPLIT_ROW(kind, planes, bytes)                                                             \
    [QUIRE_PASS_##                                                                                 \
        kind] = {NAMES_MORE_##planes(kind##_SUM, kind##_SUM_0, NULL), OTHERS(kind, planes)},
#define FUSED_ROW(kind, planes, bytes)                                                             \
    [QUIRE_PASS_##kind] = {NAMES_MORE_##planes(kind##_SUM, NULL, quire_any_avx512_##kind),         \
                           OTHERS(kind, planes)},

const quire_pass_table quire_pass_table_avx512 = {
    .pass = {QUIRE_PASS_FLOAT_TABLE(FLOAT_ROW) QUIRE_PASS_SPLIT_TABLE(SPLIT_ROW)
                 QUIRE_PASS_FUSED_TABLE(FUSED_ROW)},
    .find = quire_rows_find_avx512};

#define FAST(kind, units) quire_fast_avx512_##kind##_##units
#define FAST_ROW(kind, planes, ...)                                                                \
    [QUIRE_PASS_##kind] = {{kind##_SUM_1, __VA_ARGS__, NULL, quire_fast_any_avx512_##kind},        \
                           OTHERS(kind, planes)},
#define FAST_ROW_8(kind)                                                                           \
    FAST_ROW(kind, 1, kind##_SUM_2, FAST(kind, 4), FAST(kind, 8), FAST(kind, 16), FAST(kind, 32))

const quire_pass_table quire_pass_table_avx512_subnormal = {
    .pass = {QUIRE_PASS_FLOAT_TABLE(FLOAT_ROW) QUIRE_PASS_SPLIT_TABLE(SPLIT_ROW) FAST_ROW_8(FUSED8)
                 FAST_ROW_8(FUSED8H) FAST_ROW(FUSED4, 2, FAST(FUSED4, 2), FAST(FUSED4, 4),
                                              FAST(FUSED4, 8), FAST(FUSED4, 16), NULL)
                     FAST_ROW(FUSED2, 4, FAST(FUSED2, 2), FAST(FUSED2, 4), FAST(FUSED2, 8), NULL,
                              NULL)},
    .find = quire_rows_find_avx512};
#endif
