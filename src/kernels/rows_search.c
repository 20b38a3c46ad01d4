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
#include "kernels/rows_group.h"

#include <math.h>

#define GRID                4 /* clip fractions at either end of the range */
#define LANES               (GRID * GRID)
#define LEAST_SQUARES_STEPS 2

/* Candidates by lane. A code is the clamped, rounded level, plus an integer zero point. */
typedef struct lanes {
    float scale[LANES];
    float inverse[LANES];
    float zero_point[LANES];
    float low[LANES]; /* bounds of the rounded level */
    float high[LANES];
} lanes;

/* Some columns of the group seen through every candidate. */
typedef struct lane_chunk {
    float level[QUIRE_ROW_CHUNK]
               [LANES]; /* the element in units of the scale, float zero point added */
    float rounded[QUIRE_ROW_CHUNK]
                 [LANES]; /* the level, clamped and rounded                            */
    float value[QUIRE_ROW_CHUNK]
               [LANES]; /* the decoded element                                       */
} lane_chunk;

/* Over all columns. The error decides, so it is exact: double, column order. The others only say
 * where to look next: sums of t, k, k * k and t * k, t the level and k the rounded one, both less
 * search.centre. */
typedef struct lane_sums {
    double error[LANES];
    float t[LANES];
    float k[LANES];
    float kk[LANES];
    float tk[LANES];
} lane_sums;

/* The group, and the best candidate so far. */
typedef struct search {
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

static void
code_int(const lanes *c, const float *x, size_t n, lane_chunk *out)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < LANES; l++) {
            out->level[i][l] = x[i] / c->scale[l];
            out->rounded[i][l] = quire_row_round_clamped(out->level[i][l], c->low[l], c->high[l]);
            out->value[i][l] = out->rounded[i][l] * c->scale[l];
        }
    }
}

static void
code_float(const lanes *c, const float *x, size_t n, lane_chunk *out)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < LANES; l++) {
            out->level[i][l] = x[i] * c->inverse[l] + c->zero_point[l];
            out->rounded[i][l] = quire_row_round_clamped(out->level[i][l], c->low[l], c->high[l]);
            out->value[i][l] = (out->rounded[i][l] - c->zero_point[l]) * c->scale[l];
        }
    }
}

static void
round_values(quire_row_dtype dtype, size_t n, lane_chunk *chunk)
{
    if (dtype == QUIRE_ROW_DTYPE_F32) return;
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < LANES; l++) {
            chunk->value[i][l] = quire_row_round_stored(dtype, chunk->value[i][l]);
        }
    }
}

static void
add_errors(const float *x, size_t n, const lane_chunk *chunk, lane_sums *sums)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < LANES; l++) {
            const double e = (double)x[i] - (double)chunk->value[i][l];
            sums->error[l] += e * e;
        }
    }
}

static void
add_fit(float centre, size_t n, const lane_chunk *chunk, lane_sums *sums)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < LANES; l++) {
            const float t = chunk->level[i][l] - centre;
            const float k = chunk->rounded[i][l] - centre;
            sums->t[l] += t;
            sums->k[l] += k;
            sums->kk[l] += k * k;
            sums->tk[l] += t * k;
        }
    }
}

static lanes
lanes_make(const quire_row_format *f, const quire_row_params *p)
{
    lanes c;

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
measure(search *s, const quire_row_params *p, lane_sums *sums)
{
    const lanes c = lanes_make(s->f, p);
    lane_chunk chunk;

    memset(sums, 0, sizeof *sums);
    for (size_t i = 0; i < s->n; i += QUIRE_ROW_CHUNK) {
        const size_t m = s->n - i < QUIRE_ROW_CHUNK ? s->n - i : QUIRE_ROW_CHUNK;
        if (is_int(s->f)) {
            code_int(&c, s->x + i, m, &chunk);
        } else {
            code_float(&c, s->x + i, m, &chunk);
        }
        round_values(s->f->choice.dtype, m, &chunk);
        add_errors(s->x + i, m, &chunk, sums);
        add_fit(s->centre, m, &chunk, sums);
    }
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
refit(const search *s, const lane_sums *sums, quire_row_params *p)
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
quire_row_params_search(const quire_row_format *f, const float *x, size_t n, quire_row_range range,
                        quire_row_params minmax)
{
    search s = {
        .f = f,
        .x = x,
        .n = n,
        .centre = is_int(f) ? 0 : (float)f->max_code / 2,
        .best_error = INFINITY,
        .best = minmax,
    };
    quire_row_params candidates[LANES];
    lane_sums sums;

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
