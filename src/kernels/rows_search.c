/* rows_search.c - parameters of small squared error for one group.
 *
 * Sixteen starts lie on a grid of clipped ranges, then least squares moves each twice: with the
 * codes fixed, the best scale (and float zero point) has a closed form. Parameters are rounded to
 * storage before anything is measured, so what is compared is what will be decoded. All starts are
 * measured side by side, one per lane, and each keeps its own sums in column order: the choice
 * cannot depend on how many lanes an instruction set takes at once.
 *
 * Not the optimum: the root of the error is up to 1.5 % above it on normal and Laplace rows of 32 to
 * 768 columns at 4 and 2 bits, mostly below 0.5 % with integer zero points.
 */
#include "kernels/rows_kernels.h"

#include <math.h>

#define GRID                4 /* clip fractions at either end of the range */
#define LANES               QUIRE_ROW_LANES
#define LEAST_SQUARES_STEPS 2

_Static_assert(LANES == GRID * GRID, "a start to a lane");

/* The group, and the best candidate so far. */
typedef struct search {
    const quire_row_kernels *k;
    const quire_row_format *f;
    const float *x;
    size_t n;
    float centre;
    double best_error;
    quire_row_params best;
} search;

static bool
is_int(const quire_row_format *f)
{
    return f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT;
}

static quire_row_lanes
lanes_make(const quire_row_format *f, const quire_row_params *p)
{
    quire_row_lanes c;

    for (size_t l = 0; l < LANES; l++) {
        const float offset = is_int(f) ? p[l].zero_point : 0;
        c.scale[l] = p[l].scale;
        c.inverse[l] = p[l].inverse;
        c.zero_point[l] = p[l].zero_point;
        c.low[l] = p[l].low - offset;
        c.high[l] = p[l].high - offset;
    }
    return c;
}

/* Measures the candidates and keeps the first that is strictly better than all before. */
static void
measure(search *s, const quire_row_params *p, quire_row_lane_sums *sums)
{
    const quire_row_lanes c = lanes_make(s->f, p);

    s->k->measure(s->f, &c, s->x, s->n, s->centre, sums);
    for (size_t l = 0; l < LANES; l++) {
        if (!(sums->error[l] < s->best_error)) continue;
        s->best_error = sums->error[l];
        s->best = p[l];
    }
}

/* Moves a candidate to `slope` times its scale, and as the scale is stored, its float zero point
 * to where the mean error is 0. Leaves it alone where that is not a number that can be stored. */
static void
move(const search *s, double slope, double mean_t, double mean_k, quire_row_params *p)
{
    if (!(slope > 0 && slope < INFINITY)) return;
    const float scale = quire_row_scale_stored(s->f, (float)(slope * (double)p->scale));
    float zero_point = p->zero_point;

    if (!is_int(s->f)) {
        const double ratio = (double)scale / (double)p->scale;
        const double shift = mean_t - ratio * mean_k + (double)s->centre * (1 - ratio);
        zero_point = (float)(((double)zero_point - shift) / ratio);
    }
    if (isfinite(scale) && isfinite(zero_point)) {
        *p = quire_row_params_make(s->f, scale, zero_point);
    }
}

/* One step of least squares: t = slope * k + shift, shift being 0 for an integer zero point. */
static void
refit(const search *s, const quire_row_lane_sums *sums, quire_row_params *p)
{
    const double n = (double)s->n;

    for (size_t l = 0; l < LANES; l++) {
        const double t = (double)sums->t[l] / n;
        const double k = (double)sums->k[l] / n;
        const double kk = (double)sums->kk[l];
        const double tk = (double)sums->tk[l];
        const double slope = is_int(s->f) ? tk / kk : (tk - n * t * k) / (kk - n * k * k);
        move(s, slope, t, k, &p[l]);
    }
}

/* The largest part of the range that a start cuts off at either end, by experiment on normal and
 * Laplace rows of 64 and 768 columns. */
static double
largest_clip(uint32_t bits)
{
    return bits == 8 ? 0.006 : bits == 4 ? 0.15 : 0.32;
}

/* Min-max parameters of the range cut to [lo, hi], which holds 0 for an integer zero point. */
static quire_row_params
start_make(const quire_row_format *f, double lo, double hi)
{
    const float scale = quire_row_scale_stored(f, (float)((hi - lo) / f->max_code));
    double zero_point = -lo / (double)scale;

    if (is_int(f)) zero_point = fmin(rint(zero_point), f->max_code);
    return quire_row_params_make(f, scale, (float)zero_point);
}

static void
starts_make(const quire_row_format *f, quire_row_range range, quire_row_params *out)
{
    const double lo = range.lo;
    const double hi = range.hi;
    const double step = largest_clip(f->choice.bits) * (hi - lo) / (GRID - 1);

    for (size_t i = 0; i < LANES; i++) {
        const double from = lo + step * (double)(i / GRID);
        const double to = hi - step * (double)(i % GRID);
        out[i] = start_make(f, is_int(f) ? fmin(from, 0) : from, is_int(f) ? fmax(to, 0) : to);
    }
}

quire_row_params
quire_row_params_search(const quire_row_kernels *k, const quire_row_format *f, const float *x,
                        size_t n, quire_row_range range, quire_row_params minmax)
{
    search s = {
        .k = k,
        .f = f,
        .x = x,
        .n = n,
        .centre = is_int(f) ? 0 : (float)f->max_code / 2,
        .best_error = INFINITY,
        .best = minmax,
    };
    quire_row_params candidates[LANES];
    quire_row_lane_sums sums;

    if (is_int(f)) range = (quire_row_range){fminf(range.lo, 0), fmaxf(range.hi, 0)};
    if (range.lo == range.hi) return minmax;
    starts_make(f, range, candidates);
    candidates[0] = minmax;
    measure(&s, candidates, &sums);
    for (int step = 0; step < LEAST_SQUARES_STEPS && s.best_error > 0; step++) {
        refit(&s, &sums, candidates);
        measure(&s, candidates, &sums);
    }
    return s.best;
}
