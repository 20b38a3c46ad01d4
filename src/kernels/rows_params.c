/* rows_params.c - the scale and zero point of a group: from its range, to and from storage.
 *
 * Which parameters are best is for rows_search.c; here is the formula everyone can recompute.
 */
#include "kernels/rows_group.h"

#include <math.h>

#define SMALLEST_F32_SCALE 0x1p-126f /* its reciprocal is finite        */
#define SMALLEST_F16_SCALE 0x1p-24f  /* the smallest positive float16   */

/* The least size that is infinite in the table's type: half a step above its largest value. */
static float
overflow_threshold(quire_row_dtype dtype)
{
    switch (dtype) {
    case QUIRE_ROW_DTYPE_F32: break;
    case QUIRE_ROW_DTYPE_F16: return 65520.0f;
    case QUIRE_ROW_DTYPE_BF16: return 0x1.ffp127f;
    }
    return INFINITY;
}

/* Running extremes by position in a chunk, and whether an element was not finite. */
typedef struct range_lanes {
    float lo[QUIRE_ROW_CHUNK];
    float hi[QUIRE_ROW_CHUNK];
    uint32_t special[QUIRE_ROW_CHUNK];
} range_lanes;

/* An exponent of all ones carries into the sign bit. */
static uint32_t
special_bit(float x)
{
    return (quire_f32_bits(x) & 0x7fffffffu) + 0x00800000u;
}

/* Two chunks at once: the lanes are in memory, where loading and storing them costs most. */
static void
range_add(range_lanes *lanes, const float *a, const float *b)
{
    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++) {
        const float least = a[i] < b[i] ? a[i] : b[i];
        const float most = a[i] > b[i] ? a[i] : b[i];
        lanes->lo[i] = least < lanes->lo[i] ? least : lanes->lo[i];
        lanes->hi[i] = most > lanes->hi[i] ? most : lanes->hi[i];
        lanes->special[i] |= special_bit(a[i]) | special_bit(b[i]);
    }
}

static bool
has_negative_zero(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (quire_f32_bits(x[i]) == 0x80000000u) return true;
    }
    return false;
}

static quire_row_range
range_reduce(const range_lanes *lanes)
{
    quire_row_range range = {lanes->lo[0], lanes->hi[0]};

    for (size_t i = 1; i < QUIRE_ROW_CHUNK; i++) {
        if (lanes->lo[i] < range.lo) range.lo = lanes->lo[i];
        if (lanes->hi[i] > range.hi) range.hi = lanes->hi[i];
    }
    return range;
}

bool
quire_row_range_find(const float *x, size_t n, quire_row_range *out)
{
    const size_t step = 2 * QUIRE_ROW_CHUNK;
    float tail[2 * QUIRE_ROW_CHUNK];
    range_lanes lanes;
    uint32_t special = 0;
    size_t i = 0;

    for (size_t k = 0; k < QUIRE_ROW_CHUNK; k++) {
        lanes.lo[k] = lanes.hi[k] = x[0];
        lanes.special[k] = 0;
    }
    for (; n - i >= step; i += step)
        range_add(&lanes, x + i, x + i + QUIRE_ROW_CHUNK);
    if (i < n) {
        for (size_t k = 0; k < step; k++)
            tail[k] = k < n - i ? x[i + k] : x[0];
        range_add(&lanes, tail, tail + QUIRE_ROW_CHUNK);
    }
    for (size_t k = 0; k < QUIRE_ROW_CHUNK; k++)
        special |= lanes.special[k];
    if (special & 0x80000000u) return false;

    *out = range_reduce(&lanes);
    if (out->lo == 0) out->lo = has_negative_zero(x, n) ? -0.0f : 0.0f;
    if (out->hi == 0) out->hi = 0;
    return true;
}

float
quire_row_scale_stored(const quire_row_format *f, float scale)
{
    if (f->choice.scale == QUIRE_ROW_SCALE_F32) {
        return scale < SMALLEST_F32_SCALE ? SMALLEST_F32_SCALE : scale;
    }
    scale = quire_f32_from_f16(quire_f16_from_f32(scale));
    return scale < SMALLEST_F16_SCALE ? SMALLEST_F16_SCALE : scale;
}

/* The code whose value is nearest to zero: where infinite values step to. */
static float
nearest_to_zero(const quire_row_format *f, float zero_point)
{
    return quire_row_round_clamped(zero_point, 0, (float)f->max_code);
}

quire_row_params
quire_row_params_make(const quire_row_format *f, float scale, float zero_point)
{
    const float limit = overflow_threshold(f->choice.dtype);
    const float centre = nearest_to_zero(f, zero_point);
    quire_row_params p = {
        .scale = scale,
        .zero_point = zero_point,
        .inverse = 1.0f / scale,
        .low = 0,
        .high = (float)f->max_code,
    };

    while (p.low < centre && fabsf(quire_row_decode(&p, p.low)) >= limit)
        p.low++;
    while (p.high > centre && fabsf(quire_row_decode(&p, p.high)) >= limit)
        p.high--;
    return p;
}

/* Range widened to include zero, in double throughout. */
static quire_row_params
minmax_int(const quire_row_format *f, quire_row_range range)
{
    const double lo = range.lo < 0 ? range.lo : 0;
    const double hi = range.hi > 0 ? range.hi : 0;
    const double n = f->max_code;

    if (lo == 0 && hi == 0) return quire_row_params_make(f, 1, 0);
    const float scale = quire_row_scale_stored(f, (float)((hi - lo) / n));
    const double zero_point = rint(-lo / (double)scale);
    return quire_row_params_make(f, scale, (float)(zero_point < n ? zero_point : n));
}

static float
float_scale(const quire_row_format *f, quire_row_range range)
{
    const float n = (float)f->max_code;
    const float width = range.hi - range.lo;

    return isinf(width) ? (float)(((double)range.hi - (double)range.lo) / n) : width / n;
}

bool
quire_row_flattened(const quire_row_format *f, quire_row_range range)
{
    return range.hi != range.lo && f->choice.eps > 0 && !(float_scale(f, range) > f->choice.eps);
}

static quire_row_params
minmax_float(const quire_row_format *f, quire_row_range range)
{
    const bool is_unit = range.hi == range.lo || quire_row_flattened(f, range);
    const float scale = is_unit ? 1.0f : quire_row_scale_stored(f, float_scale(f, range));

    return quire_row_params_make(f, scale, -range.lo / scale);
}

quire_row_params
quire_row_params_minmax(const quire_row_format *f, quire_row_range range)
{
    return f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT ? minmax_int(f, range)
                                                            : minmax_float(f, range);
}

quire_row_params
quire_row_params_load(const quire_row_format *f, quire_row_arrays in, size_t g)
{
    const uint8_t *scale_at = (const uint8_t *)in.scales + g * f->scale_size;
    const uint8_t *zero_point_at = (const uint8_t *)in.zero_points + g * f->zero_point_size;
    quire_row_params p = {0};
    uint16_t half;

    if (f->choice.scale == QUIRE_ROW_SCALE_F16) {
        memcpy(&half, scale_at, sizeof half);
        p.scale = quire_f32_from_f16(half);
    } else {
        memcpy(&p.scale, scale_at, sizeof p.scale);
    }
    if (f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
        p.zero_point = zero_point_at[0];
    } else {
        memcpy(&p.zero_point, zero_point_at, sizeof p.zero_point);
    }
    return p;
}

void
quire_row_params_store(const quire_row_format *f, quire_row_params p, quire_row_arrays out,
                       size_t g)
{
    uint8_t *scale_at = (uint8_t *)out.scales + g * f->scale_size;
    uint8_t *zero_point_at = (uint8_t *)out.zero_points + g * f->zero_point_size;

    if (f->choice.scale == QUIRE_ROW_SCALE_F16) {
        const uint16_t half = quire_f16_from_f32(p.scale);
        memcpy(scale_at, &half, sizeof half);
    } else {
        memcpy(scale_at, &p.scale, sizeof p.scale);
    }
    if (f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
        zero_point_at[0] = (uint8_t)p.zero_point;
    } else {
        memcpy(zero_point_at, &p.zero_point, sizeof p.zero_point);
    }
}
