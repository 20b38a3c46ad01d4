/* fused_params.c - see fused_params.h. */
#include "kernels/fused_params.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

quire_fused_params
quire_fused_params_f32(float lo, float hi)
{
    const float range = hi - lo;

    return (quire_fused_params){
        .scale = range / 255.0f, .bias = lo, .inverse = 255.0f / (range + 1e-8f)};
}

static float
rounded(float x)
{
    return quire_f32_from_f16(quire_f16_from_f32(x));
}

quire_fused_params
quire_fused_params_f16(float lo, float hi, uint32_t bits)
{
    const float bias = rounded(lo);
    const float range = hi - bias;
    quire_fused_params p = {.scale = rounded(range == 0 ? 1.0f : range / (float)((1u << bits) - 1)),
                            .bias = bias};

    if (p.scale == 0) p.scale = 1;
    p.inverse = 1.0f / p.scale;
    if (isinf(p.inverse)) p.scale = p.inverse = 1;
    return p;
}

/* Squared error of the row, and its codes' values, as torch's search computes them: the least value
 * and the scale rounded to float16, the differences summed in float32. */
static float
greedy_loss(const float *x, uint64_t n, uint32_t bits, float lo, float hi)
{
    const float max_code = (float)((1u << bits) - 1);
    const float bias = rounded(lo);
    const float range = hi - bias;
    float scale = rounded(range / max_code);
    float loss = 0;

    if (range == 0) scale = 1;
    const float inverse = 1.0f / scale;
    for (uint64_t j = 0; j < n; j++) {
        float q = rintf((x[j] - bias) * inverse);
        q = q < 0 ? 0 : q > max_code ? max_code : q;
        const float e = x[j] - (q * scale + bias);
        loss += e * e;
    }
    return loss;
}

void
quire_fused_params_greedy(const float *x, uint64_t n, uint32_t bits, float *lo, float *hi)
{
    const int steps = 200;
    const float step = (*hi - *lo) / (float)steps;
    const float least = (float)(int)((float)steps * (1.0f - 0.16f)) * step;
    float low = *lo;
    float high = *hi;
    float loss = greedy_loss(x, n, bits, low, high);
    float best = loss;

    while (low + least < high) {
        const float from_low = greedy_loss(x, n, bits, low + step, high);
        const float from_high = greedy_loss(x, n, bits, low, high - step);
        if (loss < from_low && loss < from_high && loss < best) {
            best = loss;
            *lo = low;
            *hi = high;
        }
        const float was = from_low < from_high ? low : high;
        if (from_low < from_high) {
            low += step;
            loss = from_low;
        } else {
            high -= step;
            loss = from_high;
        }
        if (was == (from_low < from_high ? low : high)) break; /* torch's own loop has no end */
    }
}
