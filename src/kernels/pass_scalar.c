/* pass_scalar.c - every pass in plain C: for processors without kernels of their own, and what all
 * others equal bit for bit.
 *
 * One function for all kinds: slow, and short enough to be read against quire/kernels.h.
 */
#include "kernels/half.h"
#include "kernels/pass.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* A row's parameters, its weight already in those of a fused row. */
typedef struct row_params {
    float scale;
    float zero;
    float weight;
} row_params;

static uint16_t
load_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static float
load_param(const uint8_t *at, quire_float_type type)
{
    return type == QUIRE_FLOAT_F16 ? quire_f32_from_f16(load_u16(at)) : quire_load_f32(at);
}

/* Sign, 4 bits of exponent, 3 of mantissa put where float32 has them: 2^120 too small, subnormals
 * included. */
static float
decode_e4m3(uint8_t byte)
{
    const uint32_t sign = (uint32_t)(byte & 0x80) << 24;

    if ((byte & 0x7f) == 0x7f) return quire_f32_from_bits(sign | 0x7fc00000u);
    return quire_f32_from_bits(sign | (uint32_t)(byte & 0x7f) << 20) * 0x1p120f;
}

static float
round_value(float v, quire_float_type type)
{
    switch (type) {
    case QUIRE_FLOAT_F32: break;
    case QUIRE_FLOAT_F16: return quire_f32_from_f16(quire_f16_from_f32(v));
    case QUIRE_FLOAT_BF16: return quire_f32_from_bf16(quire_bf16_from_f32(v));
    }
    return v;
}

static row_params
params_load(const quire_pass *p, quire_pass_kind kind, size_t i)
{
    const uint8_t *scale_at = p->scales + p->rows[i] * p->scale_stride;
    const uint8_t *zero_at = p->zeros + p->rows[i] * p->zero_stride;
    row_params r = {.weight = p->weights ? p->weights[i] : 1};

    if (kind < QUIRE_PASS_SPLIT8) return r;
    if (quire_pass_is_fused(kind)) {
        const quire_float_type type = kind == QUIRE_PASS_FUSED8 ? QUIRE_FLOAT_F32 : QUIRE_FLOAT_F16;
        r.scale = load_param(scale_at, type);
        r.zero = load_param(zero_at, type);
        if (p->weights) r.scale = r.weight * r.scale;
        if (p->weights) r.zero = r.weight * r.zero;
    } else {
        r.scale = load_param(scale_at, p->scale);
        r.zero = p->zero_is_float ? quire_load_f32(zero_at) : (float)zero_at[0];
    }
    return r;
}

/* Element `k` of float storage, or the code in plane `c` of byte `k`. */
static float
element_load(const uint8_t *at, quire_pass_kind kind, size_t k, uint32_t c)
{
    switch (kind) {
    case QUIRE_PASS_F32: return quire_load_f32(at + 4 * k);
    case QUIRE_PASS_F16: return quire_f32_from_f16(load_u16(at + 2 * k));
    case QUIRE_PASS_BF16: return quire_f32_from_bf16(load_u16(at + 2 * k));
    case QUIRE_PASS_E4M3: return decode_e4m3(at[k]);
    case QUIRE_PASS_E5M2: return quire_f32_from_f16((uint16_t)(at[k] << 8));
    case QUIRE_PASS_SPLIT8:
    case QUIRE_PASS_FUSED8:
    case QUIRE_PASS_FUSED8H: return at[k];
    case QUIRE_PASS_SPLIT4:
    case QUIRE_PASS_FUSED4: return (float)(at[k] >> (4 * c) & 15);
    case QUIRE_PASS_SPLIT2:
    case QUIRE_PASS_FUSED2: return (float)(at[k] >> (2 * c) & 3);
    case QUIRE_PASS_KINDS: break;
    }
    return 0;
}

static float
element_value(const quire_pass *p, quire_pass_kind kind, const row_params *r, float q)
{
    if (kind < QUIRE_PASS_SPLIT8) return q;
    if (quire_pass_is_fused(kind)) return fmaf(r->scale, q, r->zero);
    return round_value((q - r->zero) * r->scale, p->value);
}

static float
element_add(const quire_pass *p, quire_pass_kind kind, const row_params *r, float q, float sum)
{
    if (quire_pass_is_fused(kind)) return fmaf(r->scale, q, sum);
    const float v = element_value(p, kind, r, q);
    return sum + (p->weights ? r->weight * v : v);
}

static void
row_add(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, size_t i, size_t n_bytes,
        bool fresh)
{
    const uint32_t planes = quire_pass_planes(kind);
    const uint8_t *at = p->codes + p->rows[i] * p->code_stride;
    const row_params r = params_load(p, kind, i);

    p->bias += r.zero;
    for (size_t k = 0; k < n_bytes; k++) {
        float *sums = p->sums + k / QUIRE_PASS_LANES * QUIRE_PASS_LANES * planes;
        for (uint32_t c = 0; c < planes; c++) {
            float *sum = sums + c * QUIRE_PASS_LANES + k % QUIRE_PASS_LANES;
            const float q = element_load(at, kind, k, c);
            if (mode != QUIRE_PASS_MAX) {
                *sum = element_add(p, kind, &r, q, *sum);
            } else {
                const float v = element_value(p, kind, &r, q);
                *sum = fresh || v > *sum ? v : *sum;
            }
        }
    }
}

/* Where there is nothing to add and to divide by, sums are not looked at: as part of storing, a
 * compiler may make these an addition of -0.0 and a division by 1, which quiet a NaN. */
static void
sums_finish(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, size_t n_bytes,
            float divisor)
{
    const uint32_t planes = quire_pass_planes(kind);
    const bool biased = quire_pass_is_fused(kind) && mode != QUIRE_PASS_MAX;

    if (!biased && divisor == 0) return;
    for (size_t k = 0; k < n_bytes; k++) {
        float *sums = p->sums + k / QUIRE_PASS_LANES * QUIRE_PASS_LANES * planes;
        for (uint32_t c = 0; c < planes; c++) {
            float *sum = sums + c * QUIRE_PASS_LANES + k % QUIRE_PASS_LANES;
            if (biased) *sum += p->bias;
            if (divisor != 0) *sum /= divisor;
        }
    }
}

static void
sum_store(quire_float_type type, uint8_t *out, size_t k, float sum)
{
    const uint16_t half =
        type == QUIRE_FLOAT_F16 ? quire_f16_from_f32(sum) : quire_bf16_from_f32(sum);

    if (type == QUIRE_FLOAT_F32) memcpy(out + 4 * k, &sum, sizeof sum);
    if (type != QUIRE_FLOAT_F32) memcpy(out + 2 * k, &half, sizeof half);
}

static void
sums_store(const quire_pass *p, quire_pass_kind kind, size_t n_bytes, uint8_t *out)
{
    const uint32_t planes = quire_pass_planes(kind);

    for (size_t k = 0; k < n_bytes; k++) {
        const float *sums = p->sums + k / QUIRE_PASS_LANES * QUIRE_PASS_LANES * planes;
        for (uint32_t c = 0; c < planes; c++) {
            const float sum = sums[c * QUIRE_PASS_LANES + k % QUIRE_PASS_LANES];
            sum_store(p->out_type, out,
                      quire_pass_is_fused(kind) ? k * planes + c : c * p->plane + k, sum);
        }
    }
}

static void
pass_run(quire_pass *p, quire_pass_kind kind, quire_pass_mode mode, size_t n_bytes)
{
    const size_t bytes = quire_pass_bytes(p, kind);
    size_t i = 0;

    for (size_t b = 0; b < p->n_bags; b++) {
        const size_t start = i;
        const size_t end = i + p->bags[b].n;
        if (p->first) {
            memset(p->sums, 0, sizeof *p->sums * QUIRE_PASS_LANES * QUIRE_PASS_MAX_SUMS);
            p->bias = 0;
        }
        for (; i < end; i++) {
            if (i < p->n_fetch) {
                quire_fetch_any(p, quire_pass_is_split(kind), bytes,
                                p->rows[i + p->fetch.distance]);
            }
            row_add(p, kind, mode, i, n_bytes, p->first && i == start);
        }
        if (p->last) {
            sums_finish(p, kind, mode, n_bytes, p->bags[b].divisor);
            sums_store(p, kind, n_bytes, p->out + b * p->out_stride);
        }
    }
}

#define PASS(kind, mode)                                                                           \
    static void kind##_##mode(quire_pass *p)                                                       \
    {                                                                                              \
        pass_run(p, QUIRE_PASS_##kind, QUIRE_PASS_##mode, (size_t)QUIRE_PASS_LANES * p->n_units);  \
    }                                                                                              \
    static void kind##_##mode##_PARTIAL(quire_pass *p)                                             \
    {                                                                                              \
        pass_run(p, QUIRE_PASS_##kind, QUIRE_PASS_##mode, p->partial);                             \
    }
#define PASSES(kind, planes, bytes) PASS(kind, SUM) PASS(kind, WEIGHTED) PASS(kind, MAX)
QUIRE_PASS_KIND_TABLE(PASSES)

/* The number of units is a member of the pass: one function for all sizes. */
#define SIZES(name, planes)                                                                        \
    {                                                                                              \
        name, name, name, (planes) < 4 ? name : NULL, (planes) < 2 ? name : NULL, NULL,            \
            name##_PARTIAL                                                                         \
    }
#define ROW(kind, planes, bytes)                                                                   \
    [QUIRE_PASS_##kind] = {SIZES(kind##_SUM, planes), SIZES(kind##_WEIGHTED, planes),              \
                           SIZES(kind##_MAX, planes)},

const quire_pass_table quire_pass_table_scalar = {.pass = {QUIRE_PASS_KIND_TABLE(ROW)}};
