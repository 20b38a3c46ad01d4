/* pass_fast_avx512.c - sums of fused rows for AVX-512, without converting codes, and those of any columns.
 *
 * 64 bytes of codes are 16 dwords, each with all planes of a lane; of fewer bytes dwords are filled up
 * with zeros. A plane is a mask, at most a shift: what is left is a subnormal float32 (see FAST_SCALE).
 * For processors that take subnormal operands without a penalty. The last columns of a row, by 16 bytes of
 * codes, are there with conversion too, for other processors and for scales that rule it out to do without.
 */
#include "kernels/pass_avx512.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Of one bag. The sum of biases is in lane 1 of `both`, where scales are added with them, or alone. */
typedef struct totals {
    __m512 sums[MAX_VECTORS];
    __m128 both;
    float bias;
} totals;

/* What is not as usual about a shape: it takes p->columns columns, by 16 bytes of codes, the last of which are
 * masked; its codes are converted, which serves any scale. */
#define MASKED    ((shape)1 << 24)
#define CONVERTED ((shape)1 << 25)

INLINE int
kind_bits(quire_pass_kind kind)
{
    return 8 / quire_pass_planes(kind);
}

/* Bytes of codes in a dword. */
INLINE int
dword_bytes(const shape s)
{
    if (s & MASKED) return 1;
    if (shape_units(s) >= 8) return 4;
    return kind_bits(shape_kind(s)) == 8 ? 1 : shape_units(s) / 2;
}

INLINE int
n_planes(const shape s)
{
    return 8 * dword_bytes(s) / kind_bits(shape_kind(s));
}

/* Vectors of dwords. */
INLINE int
n_blocks(const shape s)
{
    return shape_units(s) * 8 / (LANES * dword_bytes(s));
}

INLINE int
n_sums(const shape s)
{
    return n_blocks(s) * n_planes(s);
}

INLINE size_t
row_bytes(const shape s)
{
    return (size_t)shape_units(s) * 8;
}

/* What moves the last n bytes of 16 to the front: above 127 it makes zeros, below the low four bits count. */
INLINE __m128i
last_to_front(size_t n)
{
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm_add_epi8(places, _mm_set1_epi8((char)(128 - n)));
}

/* The last up to 16 bytes of a row, with those before them if there are: a load that reaches beyond the row
 * would wait for a line that nobody has asked for, even if that byte is masked. */
INLINE __m512i
load_last(const quire_pass *p, const shape s, const uint8_t *at)
{
    const size_t all = quire_pass_bytes(p, shape_kind(s));
    const size_t n = all + 16 - row_bytes(s);

    if (all + p->before < 16)
        return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), at));
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(at + n - 16));
    return _mm512_cvtepu8_epi32(_mm_shuffle_epi8(x, last_to_front(n)));
}

INLINE __m512i
load_dwords(const uint8_t *at, int bytes)
{
    if (bytes == 4) return _mm512_loadu_si512(at);
    if (bytes == 2)
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)at));
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)at));
}

/* How far plane `c` lies from bit 0 when it is taken: where it is up to bit 23, so that it is no more
 * than a float32 can have behind its point; else 8 bits further down, but the last one at 0. */
INLINE int
plane_shift(int bits, int c)
{
    const int end = bits * (c + 1);

    return end == 32 ? 0 : end <= 24 ? bits * c : bits * c - 8;
}

INLINE __m512
plane_convert(__m512i x, const shape s, int c)
{
    const int bits = kind_bits(shape_kind(s));

    if (c > 0) x = _mm512_srli_epi32(x, (unsigned)(bits * c));
    return _mm512_cvtepi32_ps(_mm512_and_si512(x, _mm512_set1_epi32((1 << bits) - 1)));
}

INLINE __m512
plane_take(__m512i x, const shape s, int c)
{
    const int bits = kind_bits(shape_kind(s));
    const int end = bits * (c + 1);
    const __m512i mask = _mm512_set1_epi32(((1 << bits) - 1) << plane_shift(bits, c));

    if (s & CONVERTED) return plane_convert(x, s, c);
    if (n_planes(s) == 1) return _mm512_castsi512_ps(x);
    if (end == 32) return _mm512_castsi512_ps(_mm512_srli_epi32(x, (unsigned)(32 - bits)));
    if (end > 24) x = _mm512_srli_epi32(x, 8);
    return _mm512_castsi512_ps(_mm512_and_si512(x, mask));
}

/* The scale of the row whose parameters are at `at`, times FAST_SCALE if codes are not converted; the bias
 * is added. */
INLINE __m512
params_take(const shape s, const uint8_t *at, totals *t)
{
    const float by = s & CONVERTED ? 1 : FAST_SCALE;

    if (shape_kind(s) == QUIRE_PASS_FUSED8) {
        t->bias += quire_load_f32(at + 4);
        __m512 scale = _mm512_set1_ps(quire_load_f32(at));
        __asm__("" : "+v"(scale)); /* spread first, which loading does: not multiplied first */
        return by == 1 ? scale : _mm512_mul_ps(scale, _mm512_set1_ps(by));
    }
    __m128 both = load_both(shape_kind(s), at);
    if (by != 1) both = _mm_mul_ps(both, _mm_setr_ps(by, 1, 1, 1));
    t->both = _mm_add_ps(t->both, both);
    return _mm512_broadcastss_ps(both);
}

INLINE bool
row_add(const quire_pass *p, const shape s, const uint64_t *entry, totals *t, bool fresh)
{
    const uint64_t start = *entry;
    const uint8_t *at = p->codes + start;
    const uint8_t *params = p->scales + start;

    (void)fresh;
    if (shape_kind(s) == QUIRE_PASS_FUSED8 && !(s & CONVERTED) && !scale_is_fast(params))
        return false;
    __asm__("" : "+r"(params)); /* loaded anew: spreading what memory has is free */
    const __m512 scale = params_take(s, params, t);
    UNROLL for (int k = 0; k < n_blocks(s); k++)
    {
        const uint8_t *from = at + k * LANES * dword_bytes(s);
        __m512i x = (s & MASKED) && k == n_blocks(s) - 1 ? load_last(p, s, from)
                                                         : load_dwords(from, dword_bytes(s));
        __asm__("" : "+v"(x)); /* loaded once: most such loads lie across two lines */
        UNROLL for (int c = 0; c < n_planes(s); c++)
        {
            __m512 *sum = &t->sums[k * n_planes(s) + c];
            *sum = _mm512_fmadd_ps(scale, plane_take(x, s, c), *sum);
        }
    }
    return true;
}

INLINE void
totals_start(const quire_pass *p, const shape s, totals *t)
{
    t->bias = 0;
    t->both = _mm_setzero_ps();
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_setzero_ps();
    if (p->first) return;
    t->bias = p->bias;
    t->both = _mm_set1_ps(p->bias);
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_loadu_ps(p->sums + k * LANES);
}

INLINE float
bias_of(const shape s, const totals *t)
{
    return shape_kind(s) == QUIRE_PASS_FUSED8 ? t->bias : _mm_cvtss_f32(_mm_movehdup_ps(t->both));
}

INLINE void
totals_keep(quire_pass *p, const shape s, const totals *t)
{
    p->bias = bias_of(s, t);
    UNROLL for (int k = 0; k < n_sums(s); k++) _mm512_storeu_ps(p->sums + k * LANES, t->sums[k]);
}

/* What the k-th sum is too large by is a power of two: taking it off is exact, and one with adding the
 * bias. */
INLINE __m512
bias_add(const shape s, int k, __m512 sum, __m512 bias)
{
    const int shift = plane_shift(kind_bits(shape_kind(s)), k % n_planes(s));

    if (s & CONVERTED) return _mm512_add_ps(sum, bias);
    return _mm512_fmadd_ps(sum, _mm512_set1_ps(FAST_UNDO / (float)(1 << shift)), bias);
}

INLINE void
totals_finish(const shape s, float divisor, totals *t)
{
    const __m512 bias = _mm512_set1_ps(bias_of(s, t));
    const __m512 by = _mm512_set1_ps(divisor);

    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = bias_add(s, k, t->sums[k], bias);
    if (divisor == 0) return;
    UNROLL for (int k = 0; k < n_sums(s); k++) t->sums[k] = _mm512_div_ps(t->sums[k], by);
}

INLINE void
vectors_store(const quire_pass *p, const shape s, quire_float_type type, const totals *t,
              uint8_t *out)
{
    UNROLL for (int k = 0; k < n_sums(s); k++)
    {
        const size_t at = (size_t)k * LANES;
        const __mmask16 mask = s & MASKED ? mask_from(p->columns, (uint32_t)at) : 0xffff;
        if (mask) vector_store(type, out, at, mask, t->sums[k]);
    }
}

INLINE void
totals_store(const quire_pass *p, const shape s, totals *t, uint8_t *out)
{
    UNROLL for (int k = 0; k < n_blocks(s); k++)
        planes_interleave(n_planes(s), t->sums + k * n_planes(s));
    if (__builtin_expect(p->out_type == QUIRE_FLOAT_F32, true)) {
        vectors_store(p, s, QUIRE_FLOAT_F32, t, out);
    } else if (p->out_type == QUIRE_FLOAT_F16) {
        vectors_store(p, s, QUIRE_FLOAT_F16, t, out);
    } else {
        vectors_store(p, s, QUIRE_FLOAT_BF16, t, out);
    }
}

/* Rows are bytes from row 0. */
INLINE void
row_ask_at(const quire_pass *p, const shape s, quire_fetch_way way, uint64_t start)
{
    quire_fetch_start(&p->fetch, way, row_bytes(s), start);
}

#define BAGS_TAKE  bags_take
#define ROW_TAKE   row_add
#define ROW_ASK    row_ask_at
#define ASKS_APART true
#include "kernels/pass_bags.h"

#define BAGS_TAKE bags_take_converted
#define ROW_TAKE  row_add
#include "kernels/pass_bags.h"

/* Scales of float32 have a range, and of a bag that comes in parts all are done the same way. */
INLINE bool
can_be_fast(const quire_pass *p, quire_pass_kind kind)
{
    return kind != QUIRE_PASS_FUSED8 || (p->first && p->last);
}

#define STAMP(kind, units)                                                                         \
    void quire_fast_avx512_##kind##_##units(quire_pass *p)                                         \
    {                                                                                              \
        const shape s = SHAPE(QUIRE_PASS_##kind, QUIRE_PASS_SUM, units);                           \
        if (!can_be_fast(p, QUIRE_PASS_##kind) || !bags_take(p, s))                                \
            quire_pass_table_avx512.pass[QUIRE_PASS_##kind][QUIRE_PASS_SUM][__builtin_ctz(units)]( \
                p);                                                                                \
    }
QUIRE_FAST_AVX512_TABLE(STAMP)

/* Any columns, by the smallest shape that has them. */
#define STAMP_ANY(kind, units)                                                                     \
    static void kind##_ANY_##units(quire_pass *p)                                                  \
    {                                                                                              \
        const shape s = SHAPE(QUIRE_PASS_##kind, QUIRE_PASS_SUM, units) | MASKED;                  \
        bags_take_converted(p, s | CONVERTED);                                                     \
    }                                                                                              \
    static void kind##_FAST_ANY_##units(quire_pass *p)                                             \
    {                                                                                              \
        const shape s = SHAPE(QUIRE_PASS_##kind, QUIRE_PASS_SUM, units) | MASKED;                  \
        if (!can_be_fast(p, QUIRE_PASS_##kind) || !bags_take(p, s)) kind##_ANY_##units(p);         \
    }
#define ANY(kind, name, way)                                                                       \
    void name(quire_pass *p)                                                                       \
    {                                                                                              \
        const size_t bytes = quire_pass_bytes(p, QUIRE_PASS_##kind);                               \
        (bytes <= 16 ? way##2 : bytes <= 32 ? way##4 : bytes <= 48 ? way##6 : way##8)(p);          \
    }
#define STAMPS_ANY(kind, planes, bytes)                                                            \
    STAMP_ANY(kind, 2)                                                                             \
    STAMP_ANY(kind, 4)                                                                             \
    STAMP_ANY(kind, 6)                                                                             \
    STAMP_ANY(kind, 8)                                                                             \
    ANY(kind, quire_any_avx512_##kind, kind##_ANY_)                                                \
    ANY(kind, quire_fast_any_avx512_##kind, kind##_FAST_ANY_)
QUIRE_PASS_FUSED_TABLE(STAMPS_ANY)
#endif
