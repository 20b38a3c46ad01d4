/* pass_wide_avx2.c - sums of fused 8-bit rows over more columns than there are registers for.
 *
 * Sums stay in the first cache and rows are taken by fours, so that a sum is loaded and stored once for
 * four of them. A wide row is then read once: of two passes over half of it each, the second has
 * memory wait for the processor. Each sum takes its rows in order, as in any other pass.
 */
#include "kernels/pass_avx2.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    TEAM = 4, /* rows taken together */
    UNITS = QUIRE_PASS_MAX_UNITS,
    FLOATS = QUIRE_PASS_MAX_FLOATS,
};

#define UNROLL_SOME _Pragma("GCC unroll 4")

INLINE __m256
unit_codes(const uint8_t *at, bool fast)
{
    const __m256i x = load_dwords(at, 1);
    return fast ? _mm256_castsi256_ps(x) : _mm256_cvtepi32_ps(x);
}

/* Entries i to i + n - 1; `fresh`: the first of a bag. False if a scale is none for `fast`. */
INLINE bool
rows_add(const quire_pass *p, quire_pass_kind kind, bool fast, size_t i, size_t n, bool fresh,
         float *io_bias)
{
    const uint8_t *at[TEAM];
    __m256 scale[TEAM];

    UNROLL for (size_t r = 0; r < n; r++)
    {
        at[r] = p->codes + p->rows[i + r] * p->code_stride;
        const uint8_t *params = at[r] + (p->scales - p->codes);
        if (fast && kind == QUIRE_PASS_FUSED8 && !scale_is_fast(params)) return false;
        const __m128 both = load_both(kind, params);
        scale[r] = _mm256_broadcastss_ps(both);
        if (fast) scale[r] = _mm256_mul_ps(scale[r], _mm256_set1_ps(FAST_SCALE));
        *io_bias += _mm_cvtss_f32(_mm_movehdup_ps(both));
    }
    UNROLL_SOME for (size_t u = 0; u < UNITS; u++)
    {
        float *at_sum = p->sums + u * QUIRE_PASS_LANES;
        __m256 sum = fresh ? _mm256_setzero_ps() : _mm256_load_ps(at_sum);
        UNROLL for (size_t r = 0; r < n; r++) sum =
            _mm256_fmadd_ps(scale[r], unit_codes(at[r] + u * 8, fast), sum);
        _mm256_store_ps(at_sum, sum);
    }
    return true;
}

/* The same, having asked for as many rows further on. */
INLINE bool
rows_take(const quire_pass *p, quire_pass_kind kind, bool fast, size_t i, size_t n, bool fresh,
          float *io_bias)
{
    if (i + n <= p->n_fetch) {
        UNROLL for (size_t r = 0; r < n; r++)
            quire_fetch_any(p, false, FLOATS, p->rows[i + r + p->fetch.distance]);
    }
    return rows_add(p, kind, fast, i, n, fresh, io_bias);
}

INLINE void
sums_clear(const quire_pass *p)
{
    for (size_t u = 0; u < UNITS; u++)
        _mm256_store_ps(p->sums + u * QUIRE_PASS_LANES, _mm256_setzero_ps());
}

INLINE void
floats_store(const float *sums, bool fast, float bias, float divisor, bool divides, float *out)
{
    UNROLL_SOME for (size_t k = 0; k < FLOATS; k += QUIRE_PASS_LANES)
    {
        __m256 v = _mm256_load_ps(sums + k);
        if (fast) v = _mm256_mul_ps(v, _mm256_set1_ps(FAST_UNDO));
        v = _mm256_add_ps(v, _mm256_set1_ps(bias));
        if (divides) v = _mm256_div_ps(v, _mm256_set1_ps(divisor));
        _mm256_storeu_ps(out + k, v);
    }
}

INLINE void
sums_store(const quire_pass *p, bool fast, float bias, float divisor, uint8_t *out)
{
    const bool is_float = p->out_type == QUIRE_FLOAT_F32;
    float *to = is_float ? (float *)(void *)out : p->sums;

    if (divisor != 0) {
        floats_store(p->sums, fast, bias, divisor, true, to);
    } else {
        floats_store(p->sums, fast, bias, divisor, false, to);
    }
    if (p->out_type == QUIRE_FLOAT_F16) halves_narrow(QUIRE_FLOAT_F16, to, FLOATS, out);
    if (p->out_type == QUIRE_FLOAT_BF16) halves_narrow(QUIRE_FLOAT_BF16, to, FLOATS, out);
}

/* The rows from `i` to `end` of one bag. */
INLINE bool
bag_take(const quire_pass *p, quire_pass_kind kind, bool fast, size_t i, size_t end, float *io_bias)
{
    bool good = true;

    if (p->first && i + TEAM <= end) {
        good = rows_take(p, kind, fast, i, TEAM, true, io_bias);
        i += TEAM;
    } else if (p->first) {
        sums_clear(p);
    }
    for (; i + TEAM <= end && good; i += TEAM)
        good = rows_take(p, kind, fast, i, TEAM, false, io_bias);
    if (i + 2 <= end && good) {
        good = rows_take(p, kind, fast, i, 2, false, io_bias);
        i += 2;
    }
    if (i < end && good) good = rows_take(p, kind, fast, i, 1, false, io_bias);
    return good;
}

INLINE bool
bags_take(quire_pass *io, quire_pass_kind kind, bool fast)
{
    const quire_pass p = *io; /* of its own: nothing that is stored can change it */
    size_t i = 0;

    for (size_t b = 0; b < p.n_bags; b++) {
        const size_t end = i + p.bags[b].n;
        float bias = p.first ? 0 : p.bias;
        if (!bag_take(&p, kind, fast, i, end, &bias)) return bags_leave(io, b, i);
        i = end;
        if (p.last) {
            sums_store(&p, fast, bias, p.bags[b].divisor, p.out + b * p.out_stride);
        } else {
            io->bias = bias;
        }
    }
    return true;
}

bool
quire_pass_wide_avx2(quire_pass *p, quire_pass_kind kind, bool fast)
{
    if (kind == QUIRE_PASS_FUSED8) {
        return fast ? bags_take(p, QUIRE_PASS_FUSED8, true)
                    : bags_take(p, QUIRE_PASS_FUSED8, false);
    }
    return fast ? bags_take(p, QUIRE_PASS_FUSED8H, true) : bags_take(p, QUIRE_PASS_FUSED8H, false);
}
#endif
