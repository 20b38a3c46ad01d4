/* fused_scalar.c - fused rows in plain C: the reference for the loops of other instruction sets. */
#include "kernels/fused_params.h"

#include <math.h>

bool
quire_fused_range_find(const float *x, uint64_t n, float *out_lo, float *out_hi)
{
    const uint64_t in_lanes = n / QUIRE_PASS_LANES * QUIRE_PASS_LANES;
    float lo[QUIRE_PASS_LANES];
    float hi[QUIRE_PASS_LANES];

    for (uint64_t j = 0; j < n; j++) {
        if ((quire_f32_bits(x[j]) & 0x7fffffffu) >= 0x7f800000u) return false;
    }
    for (uint64_t j = 0; j < in_lanes; j++) {
        const uint64_t k = j % QUIRE_PASS_LANES;
        if (j < QUIRE_PASS_LANES || !(lo[k] < x[j])) lo[k] = x[j];
        if (j < QUIRE_PASS_LANES || !(hi[k] > x[j])) hi[k] = x[j];
    }
    *out_lo = in_lanes ? lo[0] : x[0];
    *out_hi = in_lanes ? hi[0] : x[0];
    for (uint64_t k = 1; in_lanes && k < QUIRE_PASS_LANES; k++) {
        if (lo[k] < *out_lo) *out_lo = lo[k];
        if (hi[k] > *out_hi) *out_hi = hi[k];
    }
    for (uint64_t j = in_lanes; j < n; j++) {
        if (x[j] < *out_lo) *out_lo = x[j];
        if (x[j] > *out_hi) *out_hi = x[j];
    }
    return true;
}

static uint8_t
code_of(float x, quire_fused_params p, float max_code)
{
    const float scaled = (x - p.bias) * p.inverse;

    if (!(scaled > 0)) return 0;
    return (uint8_t)rintf(scaled < max_code ? scaled : max_code);
}

static void
codes_put(const float *x, uint64_t n, uint32_t bits, quire_fused_params p, uint8_t *codes)
{
    const uint32_t per_byte = 8 / bits;
    const float max_code = (float)((1u << bits) - 1);

    memset(codes, 0, (n + per_byte - 1) / per_byte);
    for (uint64_t j = 0; j < n; j++) {
        const uint32_t shift = bits * (uint32_t)(j % per_byte);
        codes[j / per_byte] = (uint8_t)(codes[j / per_byte] | code_of(x[j], p, max_code) << shift);
    }
}

static void
params_put(const quire_fused_rows *w, quire_fused_params p, uint8_t *at)
{
    if (w->half) {
        const uint16_t stored[2] = {quire_f16_from_f32(p.scale), quire_f16_from_f32(p.bias)};
        memcpy(at, stored, sizeof stored);
    } else {
        memcpy(at, &p.scale, sizeof p.scale);
        memcpy(at + sizeof p.scale, &p.bias, sizeof p.bias);
    }
}

static uint64_t
rows_put(const quire_fused_rows *w, const float *rows, uint64_t n_rows, const float *ranges,
         uint8_t *out)
{
    for (uint64_t r = 0; r < n_rows; r++, rows += w->width, out += w->layout->stride) {
        float lo, hi;
        if (!quire_fused_range_find(rows, w->width, &lo, &hi)) return r;
        if (ranges) lo = ranges[2 * r];
        if (ranges) hi = ranges[2 * r + 1];
        const quire_fused_params p =
            w->half ? quire_fused_params_f16(lo, hi, w->bits) : quire_fused_params_f32(lo, hi);
        codes_put(rows, w->width, w->bits, p, out + w->layout->payload_at);
        params_put(w, p, out + w->layout->scale_at);
    }
    return n_rows;
}

static void
row_decode(const uint8_t *codes, uint64_t n, uint32_t bits, float scale, float bias, float *out)
{
    const uint32_t per_byte = 8 / bits;
    const uint32_t mask = (1u << bits) - 1;

    for (uint64_t j = 0; j < n; j++) {
        const uint32_t q = (uint32_t)codes[j / per_byte] >> bits * (j % per_byte) & mask;
        out[j] = fmaf(scale, (float)q, bias);
    }
}

const quire_fused_table quire_fused_scalar = {rows_put, row_decode};
