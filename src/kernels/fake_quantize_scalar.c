/* fake_quantize_scalar.c - fake-quantize, plainly: what every instruction set equals. */
#include "kernels/fake_quantize.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* NaN to `low`. */
static float
clamp(const quire_fake_rules *r, float t)
{
    t = t > r->low ? t : r->low;
    return t < r->high ? t : r->high;
}

static bool
is_inside(const quire_fake_rules *r, float t)
{
    return t >= r->low && t <= r->high;
}

/* The code of x before it is clamped. Adding zero takes the sign of a zero away. */
static float
code(const quire_fake_rules *r, const quire_fake_channel *c, float x)
{
    if (r->zero_is_float) {
        const float t = r->divide ? x / c->scale + c->zero : fmaf(x, c->inverse, c->zero);
        return nearbyintf(t) + 0.0f;
    }
    return c->zero + nearbyintf(r->divide ? x / c->scale : x * c->inverse);
}

static float
value(const quire_fake_rules *r, const quire_fake_channel *c, float q)
{
    if (r->zero_is_float) return (float)(((double)q - (double)c->zero) * (double)c->scale);
    return (q - c->zero) * c->scale;
}

static void
forward(const quire_fake_rules *r, const quire_fake_columns *columns, const float *x, size_t n,
        float *y, uint8_t *mask)
{
    for (size_t i = 0; i < n; i++) {
        const size_t k = columns->uniform ? 0 : i;
        const quire_fake_channel c = {columns->scales[k], columns->inverses[k], columns->zeros[k]};
        const float t = code(r, &c, x[i]);
        y[i] = value(r, &c, clamp(r, t));
        if (mask) mask[i] = is_inside(r, t);
    }
}

static void
backward(const float *dy, const uint8_t *mask, size_t n, float *dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * (float)mask[i];
}

/* One element's gradients. */
typedef struct gradient {
    float x;
    float scale;
    float zero;
} gradient;

static float
scale_gradient(const quire_fake_rules *r, const quire_fake_channel *c, float x, float dy, float t)
{
    const float d = clamp(r, t) - c->zero;

    if (!is_inside(r, t)) {
        return dy * ((t > r->high ? r->high : r->low) - c->zero) * r->factor;
    }
    if (r->divide) return dy * (d * c->scale - x) / c->scale * r->factor;
    return dy * fmaf(d, c->scale, -x) * c->inverse * r->factor;
}

static gradient
gradient_of(const quire_fake_rules *r, const quire_fake_channel *c, float x, float dy)
{
    const quire_fake_rules joint = {.zero_is_float = true}; /* how INVERSE makes codes here */
    const float t = code(r->divide ? r : &joint, c, x);
    const bool inside = is_inside(r, t);

    return (gradient){.x = dy * (inside ? 1.0f : 0.0f),
                      .scale = scale_gradient(r, c, x, dy, t),
                      .zero = inside ? 0.0f : dy * -1.0f * c->scale * r->factor};
}

static void
gradients(const quire_fake_rules *r, const quire_fake_channel *c, const float *x, const float *dy,
          size_t n, float *dx, quire_fake_parts *io)
{
    for (size_t i = 0; i < n; i++) {
        const gradient g = gradient_of(r, c, x[i], dy[i]);
        io->scale[i % QUIRE_FAKE_PARTS] += (double)g.scale;
        io->zero[i % QUIRE_FAKE_PARTS] += (double)g.zero;
        if (dx) dx[i] = g.x;
    }
}

const quire_fake_table quire_fake_scalar = {forward, backward, gradients};
