/* pass_avx512.c - the passes for AVX-512 (F, BW, DQ, VL).
 *
 * As pass_avx2.c: one inline body, whose kind, mode and size are constants of each stamped function.
 * A vector takes two units; a single or partial one is a vector with lanes masked off. Codes of 4
 * and 2 bits are looked up in a vector of 16 floats, which of split rows are the decoded values and
 * of fused rows the codes themselves: the lookup takes the lowest 4 bits of each lane and leaves
 * the others alone, so planes are shifts without masks.
 */
#include "kernels/half.h"
#include "kernels/pass.h"

#if defined(__x86_64__)
#include "kernels/pass_load.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define UNROLL _Pragma("GCC unroll 16")

#define LANES       16
#define MAX_VECTORS 8

/* A row's parameters, broadcast. `both` has the scale and the bias of a fused row, weighted;
 * `table` the values of 4-bit codes, or those of 2-bit codes four times over. */
typedef struct row_vectors {
    __m512 scale;
    __m512 zero;
    __m512 weight;
    __m512 table;
    __m128 both;
} row_vectors;

INLINE bool
is_split(quire_pass_kind kind)
{
    return kind >= QUIRE_PASS_SPLIT8 && kind < QUIRE_PASS_FUSED8;
}

INLINE bool
is_fused(quire_pass_kind kind)
{
    return kind >= QUIRE_PASS_FUSED8;
}

INLINE int
planes_of(quire_pass_kind kind)
{
    switch (kind) {
#define PLANES(name, planes, bytes)                                                                \
    case QUIRE_PASS_##name: return planes;
        QUIRE_PASS_KIND_TABLE(PLANES)
    case QUIRE_PASS_KINDS: break;
    }
    return 1;
}

INLINE int
vector_bytes_of(quire_pass_kind kind)
{
    switch (kind) {
#define BYTES(name, planes, bytes)                                                                 \
    case QUIRE_PASS_##name: return 2 * (bytes);
        QUIRE_PASS_KIND_TABLE(BYTES)
    case QUIRE_PASS_KINDS: break;
    }
    return 0;
}

/* Vectors of one plane; 0 units stand for a partial one. */
INLINE int
n_vectors(int units)
{
    return units < 2 ? 1 : units / 2;
}

/* Decoded values of split rows, rounded to what the table stores. */
INLINE __m512
value_round(const quire_pass *p, __m512 v)
{
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);

    if (p->value == QUIRE_FLOAT_F32) return v;
    if (p->value == QUIRE_FLOAT_F16) {
        return _mm512_cvtph_ps(_mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_mask_blend_epi32(is_nan, up, quiet),
                                                _mm512_set1_epi32((int)0xffff0000)));
}

/* 0, 1, ... 15, or 0 to 3 four times. */
INLINE __m512
code_table(quire_pass_kind kind)
{
    return planes_of(kind) == 4
               ? _mm512_setr_ps(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)
               : _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

INLINE __m512
split_value(const quire_pass *p, quire_pass_mode mode, const row_vectors *r, __m512 q)
{
    const __m512 v = value_round(p, _mm512_mul_ps(_mm512_sub_ps(q, r->zero), r->scale));

    return mode == QUIRE_PASS_WEIGHTED ? _mm512_mul_ps(r->weight, v) : v;
}

INLINE row_vectors
fused_params_load(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode,
                  const uint8_t *at, size_t i)
{
    row_vectors r = {.both = load_both(kind, at), .zero = _mm512_setzero_ps()};

    if (mode == QUIRE_PASS_WEIGHTED) r.both = _mm_mul_ps(_mm_set1_ps(p->weights[i]), r.both);
    r.scale = _mm512_broadcastss_ps(r.both);
    if (mode == QUIRE_PASS_MAX) r.zero = _mm512_broadcastss_ps(_mm_movehdup_ps(r.both));
    r.table = code_table(kind);
    if (mode == QUIRE_PASS_MAX) r.table = _mm512_fmadd_ps(r.scale, r.table, r.zero);
    return r;
}

INLINE row_vectors
split_params_load(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, uint64_t row,
                  size_t i)
{
    const uint8_t *scale_at = p->scales + row * p->scale_stride;
    const uint8_t *zero_at = p->zeros + row * p->zero_stride;
    row_vectors r = {.weight = _mm512_setzero_ps()};

    r.scale = _mm512_set1_ps(p->scale == QUIRE_FLOAT_F16 ? load_f16(scale_at) : load_f32(scale_at));
    r.zero = _mm512_set1_ps(p->zero_is_float ? load_f32(zero_at) : (float)zero_at[0]);
    if (mode == QUIRE_PASS_WEIGHTED) r.weight = _mm512_set1_ps(p->weights[i]);
    r.table = split_value(p, mode, &r, code_table(kind));
    return r;
}

INLINE row_vectors
params_load(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, uint64_t row,
            const uint8_t *codes, size_t i)
{
    row_vectors r = {.weight = _mm512_setzero_ps()};

    if (is_fused(kind)) return fused_params_load(p, kind, mode, codes + (p->scales - p->codes), i);
    if (is_split(kind)) return split_params_load(p, kind, mode, row, i);
    if (mode == QUIRE_PASS_WEIGHTED) r.weight = _mm512_set1_ps(p->weights[i]);
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
element_of(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, const row_vectors *r,
           __m512i bytes, int c)
{
    const int planes = planes_of(kind);

    if (planes > 1) {
        const __m512i codes = c == 0 ? bytes : _mm512_srli_epi32(bytes, (unsigned)(8 / planes * c));
        return _mm512_permutexvar_ps(codes, r->table);
    }
    const __m512 q = _mm512_cvtepi32_ps(bytes);
    if (is_split(kind)) return split_value(p, mode, r, q);
    return mode == QUIRE_PASS_MAX ? _mm512_fmadd_ps(r->scale, q, r->zero) : q;
}

/* Of two of which neither is greater, or one is a NaN, what was there stays. */
INLINE __m512
element_take(quire_pass_kind kind, quire_pass_mode mode, const row_vectors *r, __m512 v, __m512 sum,
             bool fresh)
{
    if (mode == QUIRE_PASS_MAX) return fresh ? v : _mm512_max_ps(v, sum);
    if (is_fused(kind)) return _mm512_fmadd_ps(r->scale, v, sum);
    return _mm512_add_ps(sum, v);
}

/* `bias` has the sum of biases in its second lane. */
INLINE void
row_take(const quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, int units, size_t i,
         __m512 *sums, __m128 *bias, bool fresh)
{
    const int planes = planes_of(kind);
    const uint64_t row = p->rows[i];
    const uint8_t *at = p->codes + row * p->code_stride;
    const row_vectors r = params_load(p, kind, mode, row, at, i);

    if (is_fused(kind) && mode != QUIRE_PASS_MAX) *bias = _mm_add_ps(*bias, r.both);
    UNROLL for (int k = 0; k < n_vectors(units); k++)
    {
        const uint8_t *from = at + k * vector_bytes_of(kind);
        if (kind < QUIRE_PASS_SPLIT8) {
            __m512 v = load_floats(p, kind, units, from);
            if (mode == QUIRE_PASS_WEIGHTED) v = _mm512_mul_ps(r.weight, v);
            sums[k] = element_take(kind, mode, &r, v, sums[k], fresh);
            continue;
        }
        const __m512i bytes = _mm512_cvtepu8_epi32(load_bytes(p, units, from));
        UNROLL for (int c = 0; c < planes; c++)
        {
            __m512 *sum = &sums[k * planes + c];
            *sum =
                element_take(kind, mode, &r, element_of(p, kind, mode, &r, bytes, c), *sum, fresh);
        }
    }
}

/* x0 y0 x1 y1 ... x15 y15 */
INLINE void
interleave(__m512 *x, __m512 *y)
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    const __m512 first = _mm512_permutex2var_ps(*x, low, *y);

    *y = _mm512_permutex2var_ps(*x, high, *y);
    *x = first;
}

/* Vectors of one plane each to the columns they hold, in order. */
INLINE void
planes_interleave(quire_pass_kind kind, __m512 *v)
{
    const int planes = planes_of(kind);

    if (planes == 2) interleave(&v[0], &v[1]);
    if (planes < 4) return;
    interleave(&v[0], &v[2]);
    interleave(&v[1], &v[3]);
    interleave(&v[0], &v[1]);
    interleave(&v[2], &v[3]);
}

INLINE void
sums_finish(quire_pass_kind kind, quire_pass_mode mode, int units, float divisor, __m128 both,
            __m512 *sums)
{
    const int n = n_vectors(units) * planes_of(kind);

    if (is_fused(kind) && mode != QUIRE_PASS_MAX) {
        const __m512 bias = _mm512_broadcastss_ps(_mm_movehdup_ps(both));
        UNROLL for (int k = 0; k < n; k++) sums[k] = _mm512_add_ps(sums[k], bias);
    }
    if (mode == QUIRE_PASS_SUM && divisor != 0) {
        const __m512 by = _mm512_set1_ps(divisor);
        UNROLL for (int k = 0; k < n; k++) sums[k] = _mm512_div_ps(sums[k], by);
    }
}

/* Of `n` floats, which there are, those in the vector that starts at float `from`. */
INLINE __mmask16
mask_from(uint32_t n, uint32_t from)
{
    const uint32_t left = n > from ? n - from : 0;

    return left >= LANES ? 0xffff : (__mmask16)((1u << left) - 1);
}

INLINE void
sums_store(const quire_pass *p, quire_pass_kind kind, int units, float *out, __m512 *sums)
{
    const int planes = planes_of(kind);
    const uint32_t lanes = units == 0 ? p->partial : units == 1 ? 8 : LANES;

    UNROLL for (int k = 0; k < n_vectors(units); k++)
    {
        __m512 *v = sums + k * planes;
        if (is_fused(kind)) planes_interleave(kind, v);
        UNROLL for (int c = 0; c < planes; c++)
        {
            if (is_fused(kind)) {
                _mm512_mask_storeu_ps(out + (k * planes + c) * LANES,
                                      mask_from(lanes * (uint32_t)planes, (uint32_t)c * LANES),
                                      v[c]);
            } else {
                _mm512_mask_storeu_ps(out + (size_t)c * p->plane + (size_t)k * LANES,
                                      mask_from(lanes, 0), v[c]);
            }
        }
    }
}

/* One bag, or a part of one, from row `i` on; says where it ends. */
INLINE size_t
bag_run(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, int units, size_t b, size_t i)
{
    const int n_sums = n_vectors(units) * planes_of(kind);
    const size_t end = i + p->bags[b].n;
    const size_t fetch_end = p->n_fetch < end ? p->n_fetch : end;
    __m512 sums[MAX_VECTORS];
    __m128 bias = _mm_setzero_ps();

    UNROLL for (int k = 0; k < n_sums; k++) sums[k] = _mm512_setzero_ps();
    if (!p->first) {
        bias = _mm_setr_ps(0, p->bias, 0, 0);
        UNROLL for (int k = 0; k < n_sums; k++) sums[k] = _mm512_loadu_ps(p->sums + k * LANES);
    }
    if (mode == QUIRE_PASS_MAX && p->first && i < end) {
        if (i < fetch_end) quire_fetch_row(&p->fetch, p->rows[i + p->fetch.distance]);
        row_take(p, kind, mode, units, i++, sums, &bias, true);
    }
    for (; i < fetch_end; i++) {
        quire_fetch_row(&p->fetch, p->rows[i + p->fetch.distance]);
        row_take(p, kind, mode, units, i, sums, &bias, false);
    }
    for (; i < end; i++)
        row_take(p, kind, mode, units, i, sums, &bias, false);
    if (!p->last) {
        p->bias = _mm_cvtss_f32(_mm_movehdup_ps(bias));
        UNROLL for (int k = 0; k < n_sums; k++) _mm512_storeu_ps(p->sums + k * LANES, sums[k]);
        return end;
    }
    sums_finish(kind, mode, units, p->bags[b].divisor, bias, sums);
    sums_store(p, kind, units, p->out + b * p->out_stride, sums);
    return end;
}

INLINE void
pass_run(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, int units)
{
    size_t i = 0;

    for (size_t b = 0; b < p->n_bags; b++)
        i = bag_run(p, kind, mode, units, b, i);
}

/* Sixteen units of one plane, eight of two, four of four. */
#define STAMP(kind, mode, units)                                                                   \
    static void kind##_##mode##_##units(quire_pass *p)                                             \
    {                                                                                              \
        pass_run(p, QUIRE_PASS_##kind, QUIRE_PASS_##mode, units);                                  \
    }
#define STAMPS_4(kind, mode)                                                                       \
    STAMP(kind, mode, 0) STAMP(kind, mode, 1) STAMP(kind, mode, 2) STAMP(kind, mode, 4)
#define STAMPS_2(kind, mode) STAMPS_4(kind, mode) STAMP(kind, mode, 8)
#define STAMPS_1(kind, mode) STAMPS_2(kind, mode) STAMP(kind, mode, 16)
#define KIND(kind, planes, bytes)                                                                  \
    STAMPS_##planes(kind, SUM) STAMPS_##planes(kind, WEIGHTED) STAMPS_##planes(kind, MAX)
QUIRE_PASS_KIND_TABLE(KIND)

#define NAMES(name, of_8, of_16)                                                                   \
    {                                                                                              \
        name##_1, name##_2, name##_4, of_8, of_16, name##_0                                        \
    }
#define NAMES_1(name) NAMES(name, name##_8, name##_16)
#define NAMES_2(name) NAMES(name, name##_8, NULL)
#define NAMES_4(name) NAMES(name, NULL, NULL)
#define ROW(kind, planes, bytes)                                                                   \
    [QUIRE_PASS_##kind] = {NAMES_##planes(kind##_SUM), NAMES_##planes(kind##_WEIGHTED),            \
                           NAMES_##planes(kind##_MAX)},

const quire_pass_table quire_pass_table_avx512 = {.pass = {QUIRE_PASS_KIND_TABLE(ROW)}};
#endif
