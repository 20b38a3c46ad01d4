/* fake_quantize_grad.c - gradients of scale and zero point: sums of blocks, and their totals.
 *
 * A block is taken in pieces: where they lie, if a channel's elements are side by side, else copied
 * together. Blocks of neighbouring channels take turns then, piece by piece, so that lines of
 * memory are used while they are near.
 */
#include "kernels/fake_quantize.h"

#include "kernels/fp_env.h"
#include "kernels/observe_table.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define PIECE 64 /* elements, a multiple of QUIRE_FAKE_PARTS */
#define STRIP 64 /* blocks that take turns                   */
#define AHEAD 16 /* rows between asking for a line and needing it */

/* One call. */
typedef struct job {
    const quire_fake_table *table;
    quire_fake_rules rules;
    const quire_fake_options *options;
    const quire_fake_params *params;
    quire_axis axis;
    const float *x;
    const float *dy;
    float *dx;
} job;

static uint64_t
per_channel(const quire_axis *axis)
{
    return (axis->outer * axis->inner + QUIRE_FAKE_BLOCK - 1) / QUIRE_FAKE_BLOCK;
}

uint64_t
quire_fake_quantize_blocks(const quire_axis *axis)
{
    return per_channel(axis) * axis->channels;
}

/* Elements of neighbouring channels, those of each side by side. */
typedef struct strip {
    float x[STRIP][PIECE];
    float dy[STRIP][PIECE];
} strip;

/* Where an element of a channel is in the tensor, and the way to the next. */
typedef struct cursor {
    uint64_t at;
    uint64_t column; /* within a run */
} cursor;

static cursor
cursor_at(const quire_axis *a, uint64_t channel, uint64_t element)
{
    const uint64_t column = element % a->inner;

    return (cursor){(element / a->inner * a->channels + channel) * a->inner + column, column};
}

static void
cursor_step(const quire_axis *a, cursor *c)
{
    c->at++;
    if (++c->column < a->inner) return;
    c->column = 0;
    c->at += (a->channels - 1) * a->inner;
}

/* n elements of n_channels channels, from `from` on. Rows are the outer loop, so that every line of
 * memory is met once. */
static void
strip_gather(const job *j, cursor from, size_t n_channels, size_t n, strip *s)
{
    const quire_axis a = j->axis;
    const uint64_t ahead = AHEAD * a.channels * a.inner;

    for (size_t k = 0; k < n; k++) {
        const float *x = j->x + from.at;
        const float *dy = j->dy + from.at;
        quire_observe_fetch(x, ahead * sizeof *x);
        quire_observe_fetch(dy, ahead * sizeof *dy);
        for (size_t c = 0; c < n_channels; c++) {
            s->x[c][k] = x[c * a.inner];
            s->dy[c][k] = dy[c * a.inner];
        }
        cursor_step(&a, &from);
    }
}

/* Puts dx, which has taken the place of dy, where it belongs. */
static void
strip_scatter(const job *j, cursor from, size_t n_channels, size_t n, const strip *s)
{
    const quire_axis a = j->axis;

    for (size_t k = 0; k < n; k++) {
        float *dx = j->dx + from.at;
        for (size_t c = 0; c < n_channels; c++)
            dx[c * a.inner] = s->dy[c][k];
        cursor_step(&a, &from);
    }
}

static void
pieces_apart(const job *j, const quire_fake_channel *of, uint64_t channel, size_t n_channels,
             uint64_t first, size_t n, quire_fake_parts *parts)
{
    const cursor from = cursor_at(&j->axis, channel, first);
    strip s;

    strip_gather(j, from, n_channels, n, &s);
    for (size_t c = 0; c < n_channels; c++)
        j->table->gradients(&j->rules, &of[c], s.x[c], s.dy[c], n, j->dx ? s.dy[c] : NULL,
                            &parts[c]);
    if (j->dx) strip_scatter(j, from, n_channels, n, &s);
}

static double
parts_sum(const double *parts)
{
    double sum = parts[0];

    for (int k = 1; k < QUIRE_FAKE_PARTS; k++)
        sum += parts[k];
    return isnan(sum) ? (double)NAN : sum;
}

/* Elements first to end - 1 of n neighbouring channels, from `channel` on. */
static void
strip_feed(const job *j, const quire_fake_channel *of, uint64_t channel, size_t n, uint64_t first,
           uint64_t end, quire_fake_parts *parts)
{
    const quire_axis *a = &j->axis;

    while (first < end) {
        const uint64_t left = end - first;
        const uint64_t run = a->inner - first % a->inner;
        const uint64_t at = (first / a->inner * a->channels + channel + 1) * a->inner - run;
        uint64_t count = left < PIECE ? left : PIECE;
        if (n == 1 && run >= count) { /* side by side: as far as whole parts go */
            count = run >= left ? left : run - run % QUIRE_FAKE_PARTS;
            j->table->gradients(&j->rules, of, j->x + at, j->dy + at, (size_t)count,
                                j->dx ? j->dx + at : NULL, parts);
        } else {
            pieces_apart(j, of, channel, n, first, (size_t)count, parts);
        }
        first += count;
    }
}

/* Blocks number `first` to first + n - 1, which are the same block of neighbouring channels. */
static void
strip_add(const job *j, uint64_t first, size_t n, quire_fake_sums *sums)
{
    const uint64_t channel = first % j->axis.channels;
    const uint64_t from = first / j->axis.channels * QUIRE_FAKE_BLOCK;
    const uint64_t all = j->axis.outer * j->axis.inner;
    const uint64_t end = all - from < QUIRE_FAKE_BLOCK ? all : from + QUIRE_FAKE_BLOCK;
    quire_fake_parts parts[STRIP];
    quire_fake_channel of[STRIP];

    for (size_t k = 0; k < n; k++) {
        of[k] = quire_fake_channel_get(j->options, j->params, channel + k);
        parts[k] = (quire_fake_parts){{0}, {0}};
    }
    strip_feed(j, of, channel, n, from, end, parts);
    for (size_t k = 0; k < n; k++)
        sums[first + k] = (quire_fake_sums){parts_sum(parts[k].scale), parts_sum(parts[k].zero)};
}

static void
strips_add(const job *j, uint64_t first, uint64_t end, quire_fake_sums *sums)
{
    const uint64_t widest = j->axis.inner >= PIECE ? 1 : STRIP;

    while (first < end) {
        const uint64_t left = j->axis.channels - first % j->axis.channels;
        uint64_t n = left < widest ? left : widest;
        if (n > end - first) n = end - first;
        strip_add(j, first, (size_t)n, sums);
        first += n;
    }
}

quire_status
quire_fake_quantize_gradients(const quire_fake_options *options, const quire_axis *axis,
                              const quire_fake_params *params, const float *x, const float *dy,
                              uint64_t first, uint64_t end, float *dx, quire_fake_sums *sums)
{
    quire_fp_env saved;
    job j = {.options = options, .params = params, .axis = *axis, .x = x, .dy = dy, .dx = dx};

    j.table = quire_fake_table_get(options, axis, &j.rules);
    if (!j.table || first > end || end > quire_fake_quantize_blocks(axis)) return QUIRE_E_USAGE;
    if (axis->channels == 1) {
        j.axis = (quire_axis){.outer = 1, .channels = 1, .inner = axis->outer * axis->inner};
    }
    quire_fp_enter(&saved);
    strips_add(&j, first, end, sums);
    quire_fp_leave(&saved);
    return QUIRE_OK;
}

static void
totals_add(const quire_axis *axis, const quire_fake_sums *sums, quire_fake_sums *totals)
{
    const uint64_t n = quire_fake_quantize_blocks(axis);

    for (uint64_t c = 0; c < axis->channels; c++)
        totals[c] = (quire_fake_sums){0, 0};
    for (uint64_t number = 0; number < n; number++) {
        quire_fake_sums *total = &totals[number % axis->channels];
        total->scale += sums[number].scale;
        total->zero_point += sums[number].zero_point;
    }
    for (uint64_t c = 0; c < axis->channels; c++) {
        if (isnan(totals[c].scale)) totals[c].scale = (double)NAN;
        if (isnan(totals[c].zero_point)) totals[c].zero_point = (double)NAN;
    }
}

void
quire_fake_quantize_totals(const quire_axis *axis, const quire_fake_sums *sums,
                           quire_fake_sums *totals)
{
    quire_fp_env saved;

    quire_fp_enter(&saved);
    totals_add(axis, sums, totals);
    quire_fp_leave(&saved);
}

/* Ties are told apart by halves, which are exact below 2^23. */
int32_t
quire_fake_zero_point_round(float value, int32_t quant_min, int32_t quant_max)
{
    if (!(value > (float)quant_min)) return quant_min;
    if (!(value < (float)quant_max)) return quant_max;
    const int32_t whole = (int32_t)value - (value < (float)(int32_t)value);
    const float rest = value - (float)whole;

    return whole + (rest > 0.5f || (rest == 0.5f && whole % 2 != 0));
}
