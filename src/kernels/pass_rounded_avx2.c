/* pass_rounded_avx2.c - passes over split rows whose decoded values are rounded to float16 or
 * bfloat16, for AVX2.
 *
 * A few rows are decoded and rounded, and lie there as float32, plane after plane; the passes for
 * float32 do the rest, plane by plane. Rounding is half of the work, so writing them down and reading
 * them again costs little, and all modes and sizes share the code.
 */
#include "kernels/pass_avx2.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define ROUNDED_ROWS 16

/* Rows [i, i + n). */
INLINE void
rows_round(const quire_pass *p, quire_pass_kind kind, quire_float_type type, size_t units,
           bool partial, size_t i, size_t n, float *out)
{
    const int planes = quire_pass_planes(kind);

    for (const size_t end = i + n; i < end; i++) {
        const uint64_t row = p->rows[i];
        const uint8_t *at = p->codes + row * p->code_stride;
        const __m256 scale = _mm256_set1_ps(load_split_scale(p, row));
        const __m256 zero = _mm256_set1_ps(load_split_zero(p, row));
        for (size_t u = 0; u < units; u++, at += 8, out += QUIRE_PASS_LANES) {
            const __m256i bytes = _mm256_cvtepu8_epi32(load_unit_bytes(p, at, partial));
            UNROLL for (int c = 0; c < planes; c++)
            {
                const __m256 q = _mm256_cvtepi32_ps(plane_codes(bytes, planes, c));
                const __m256 v = _mm256_mul_ps(_mm256_sub_ps(q, zero), scale);
                _mm256_store_ps(out + (size_t)c * units * QUIRE_PASS_LANES, value_round(type, v));
            }
        }
        out += (size_t)(planes - 1) * units * QUIRE_PASS_LANES;
    }
}

#define ROWS_ROUND(kind, type)                                                                     \
    static void kind##_round_##type(const quire_pass *p, size_t units, bool partial, size_t i,     \
                                    size_t n, float *out)                                          \
    {                                                                                              \
        rows_round(p, QUIRE_PASS_##kind, QUIRE_FLOAT_##type, units, partial, i, n, out);           \
    }
ROWS_ROUND(SPLIT8, F16)
ROWS_ROUND(SPLIT8, BF16)
ROWS_ROUND(SPLIT4, F16)
ROWS_ROUND(SPLIT4, BF16)

static void
rows_decode(const quire_pass *p, quire_pass_kind kind, size_t units, bool partial, size_t i,
            size_t n, float *out)
{
    const bool to_half = p->value == QUIRE_FLOAT_F16;

    if (kind == QUIRE_PASS_SPLIT8) {
        (to_half ? SPLIT8_round_F16 : SPLIT8_round_BF16)(p, units, partial, i, n, out);
    } else {
        (to_half ? SPLIT4_round_F16 : SPLIT4_round_BF16)(p, units, partial, i, n, out);
    }
}

static uint32_t
log2_of(uint32_t n)
{
    return 31u - (uint32_t)__builtin_clz(n);
}

/* Of the bags from `b` on, the first rows of one, or as many whole ones as there is room for:
 * `done` rows of the first are done. */
static size_t
part_choose(const quire_pass *p, size_t b, size_t done, quire_pass_bag *part, quire_pass *sub)
{
    size_t n = p->bags[b].n - done;

    sub->first = p->first && done == 0;
    sub->last = p->last && n <= ROUNDED_ROWS;
    sub->bags = p->bags + b;
    sub->n_bags = 1;
    if (done == 0 && n <= ROUNDED_ROWS) {
        while (b + sub->n_bags < p->n_bags && n + sub->bags[sub->n_bags].n <= ROUNDED_ROWS)
            n += sub->bags[sub->n_bags++].n;
        return n;
    }
    if (n > ROUNDED_ROWS) n = ROUNDED_ROWS;
    *part = (quire_pass_bag){.n = n, .divisor = p->bags[b].divisor};
    sub->bags = part;
    return n;
}

void
quire_pass_rounded_avx2(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, uint32_t units,
                        bool partial)
{
    static const uint64_t numbers[ROUNDED_ROWS] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                   8, 9, 10, 11, 12, 13, 14, 15};
    _Alignas(32) float values[ROUNDED_ROWS * QUIRE_PASS_LANES * QUIRE_PASS_MAX_SUMS];
    const quire_pass_fn add = quire_pass_table_avx2.pass[QUIRE_PASS_F32][mode][log2_of(units)];
    const size_t lanes = (size_t)units * QUIRE_PASS_LANES;
    const size_t planes = (size_t)quire_pass_planes(kind);
    const size_t bytes = quire_pass_bytes(p, kind);
    const size_t size = p->out_type == QUIRE_FLOAT_F32 ? sizeof(float) : sizeof(uint16_t);
    quire_pass sub = *p;
    quire_pass_bag part;
    size_t done = 0;

    sub.rows = numbers;
    sub.n_fetch = 0;
    sub.code_stride = lanes * planes * sizeof *values;
    for (size_t b = 0, i = 0; b < p->n_bags;) {
        const size_t n = part_choose(p, b, done, &part, &sub);
        for (size_t k = i; k < i + n && k < p->n_fetch; k++)
            quire_fetch_any(p, true, bytes, p->rows[k + p->fetch.distance]);
        rows_decode(p, kind, units, partial, i, n, values);
        sub.weights = p->weights ? p->weights + i : NULL;
        for (size_t c = 0; c < planes; c++) {
            sub.codes = (const uint8_t *)(values + c * lanes);
            sub.sums = p->sums + c * lanes;
            sub.out = p->out + b * p->out_stride + c * p->plane * size;
            add(&sub);
        }
        i += n;
        done = done + n < p->bags[b].n ? done + n : 0;
        if (done == 0) b += sub.n_bags;
    }
}
#endif
