/* fake_quantize.c - fake-quantize forward, and backward through a mask.
 *
 * Runs of one channel go to the kernel with one scale. Where channels lie close together the
 * parameters of a stretch of columns are spread out once, and used for every row, or, where rows
 * are short, for a whole number of rows at a time.
 */
#include "kernels/fake_quantize.h"

#include "kernels/bag_plan.h"
#include "kernels/fp_env.h"
#include "kernels/observe_table.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define COLUMNS  1024      /* whose parameters are spread out at a time                    */
#define LONG_RUN 32        /* elements of a channel side by side that are worth a call     */
#define GREATEST (1 << 23) /* size of codes: sums and differences of two are float32 numbers */

const quire_fake_table *
quire_fake_table_choose(quire_isa isa)
{
    isa = quire_isa_choose(isa);
    if (!quire_pass_table_find(isa)) return NULL;
#if defined(__x86_64__)
    if (isa == QUIRE_ISA_AVX2 || isa == QUIRE_ISA_AVX512) return &quire_fake_avx2;
#endif
    return &quire_fake_scalar;
}

const quire_fake_table *
quire_fake_table_get(const quire_fake_options *o, const quire_axis *axis, quire_fake_rules *out)
{
    uint64_t n = 0;

    if (o->size != sizeof *o || (uint32_t)o->rule > QUIRE_FAKE_DIVIDE) return NULL;
    if ((uint32_t)o->zero_point > QUIRE_FAKE_ZERO_POINT_F32) return NULL;
    if (o->quant_min > o->quant_max) return NULL;
    if (o->quant_min < -GREATEST || o->quant_max > GREATEST) return NULL;
    if (!quire_axis_size(axis, &n)) return NULL;
    *out = (quire_fake_rules){.divide = o->rule == QUIRE_FAKE_DIVIDE,
                              .zero_is_float = o->zero_point == QUIRE_FAKE_ZERO_POINT_F32,
                              .low = (float)o->quant_min,
                              .high = (float)o->quant_max,
                              .factor = o->grad_factor};
    return quire_fake_table_choose(o->isa);
}

quire_fake_channel
quire_fake_channel_get(const quire_fake_options *options, const quire_fake_params *params,
                       uint64_t c)
{
    quire_fake_channel out = {.scale = params->scales[c], .inverse = 1.0f / params->scales[c]};

    if (params->zero_points) {
        out.zero = options->zero_point == QUIRE_FAKE_ZERO_POINT_F32
                       ? ((const float *)params->zero_points)[c]
                       : (float)((const int32_t *)params->zero_points)[c];
    }
    return out;
}

/* One call. */
typedef struct job {
    const quire_fake_table *table;
    quire_fake_rules rules;
    const quire_fake_options *options;
    const quire_fake_params *params;
    uint64_t row;   /* elements of one row: channels * inner */
    uint64_t inner; /* elements of a channel side by side    */
    const float *x;
    float *y;
    uint8_t *mask;
} job;

static void
columns_run(const job *j, const quire_fake_columns *columns, uint64_t first, uint64_t n)
{
    j->table->forward(&j->rules, columns, j->x + first, (size_t)n, j->y + first,
                      j->mask ? j->mask + first : NULL);
}

static void
forward_runs(const job *j, uint64_t first, uint64_t end)
{
    while (first < end) {
        const quire_fake_channel c =
            quire_fake_channel_get(j->options, j->params, first % j->row / j->inner);
        const quire_fake_columns columns = {&c.scale, &c.inverse, &c.zero, true};
        const uint64_t rest = j->inner - first % j->inner;
        const uint64_t n = rest < end - first ? rest : end - first;

        columns_run(j, &columns, first, n);
        first += n;
    }
}

/* Parameters of neighbouring elements. */
typedef struct spread {
    float scales[COLUMNS];
    float inverses[COLUMNS];
    float zeros[COLUMNS];
} spread;

static quire_fake_columns
spread_fill(spread *s, const job *j, uint64_t first, uint64_t n)
{
    uint64_t at = first % j->row;

    for (uint64_t k = 0; k < n; k++) {
        const quire_fake_channel c = quire_fake_channel_get(j->options, j->params, at / j->inner);
        s->scales[k] = c.scale;
        s->inverses[k] = c.inverse;
        s->zeros[k] = c.zero;
        at = at + 1 == j->row ? 0 : at + 1;
    }
    return (quire_fake_columns){s->scales, s->inverses, s->zeros, false};
}

/* Rows of few elements: many of them look the same as the first so many. */
static void
forward_short_rows(const job *j, uint64_t first, uint64_t end)
{
    const uint64_t most = COLUMNS / j->row * j->row;
    const uint64_t step = most < end - first ? most : end - first;
    spread s;
    const quire_fake_columns columns = spread_fill(&s, j, first, step);

    for (; first < end; first += step)
        columns_run(j, &columns, first, step < end - first ? step : end - first);
}

/* n_rows times the elements from `first` on that lie in [first, end) modulo whole rows. */
static void
forward_stretch(const job *j, uint64_t first, uint64_t end, uint64_t n_rows)
{
    spread s;

    while (first < end) {
        const uint64_t n = end - first < COLUMNS ? end - first : COLUMNS;
        const quire_fake_columns columns = spread_fill(&s, j, first, n);

        for (uint64_t row = 0; row < n_rows; row++)
            columns_run(j, &columns, first + row * j->row, n);
        first += n;
    }
}

static void
forward_long_rows(const job *j, uint64_t first, uint64_t end)
{
    const uint64_t column = first % j->row;
    const uint64_t head = column && j->row - column < end - first ? j->row - column : 0;

    if (column && !head) { /* within one row */
        forward_stretch(j, first, end, 1);
        return;
    }
    forward_stretch(j, first, first + head, 1);
    first += head;
    const uint64_t n_rows = (end - first) / j->row;
    if (n_rows) forward_stretch(j, first, first + j->row, n_rows);
    first += n_rows * j->row;
    forward_stretch(j, first, end, 1);
}

static void
forward_all(const job *j, uint64_t first, uint64_t end)
{
    if (first == end) return;
    if (j->inner >= LONG_RUN) {
        forward_runs(j, first, end);
    } else if (j->row <= COLUMNS / 4) {
        forward_short_rows(j, first, end);
    } else {
        forward_long_rows(j, first, end);
    }
}

quire_status
quire_fake_quantize(const quire_fake_options *options, const quire_axis *axis,
                    const quire_fake_params *params, const float *x, uint64_t first, uint64_t end,
                    float *y, uint8_t *mask)
{
    const uint64_t n = axis->outer * axis->channels * axis->inner;
    const bool whole = axis->channels == 1;
    quire_fp_env saved;
    job j = {.options = options,
             .params = params,
             .row = whole ? n : axis->channels * axis->inner,
             .inner = whole ? n : axis->inner,
             .x = x,
             .y = y,
             .mask = mask};

    j.table = quire_fake_table_get(options, axis, &j.rules);
    if (!j.table || first > end || end > n) return QUIRE_E_USAGE;
    quire_fp_enter(&saved);
    forward_all(&j, first, end);
    quire_fp_leave(&saved);
    return QUIRE_OK;
}

quire_status
quire_fake_quantize_backward(const float *dy, const uint8_t *mask, uint64_t n, quire_isa isa,
                             float *dx)
{
    const quire_fake_table *table = quire_fake_table_choose(isa);
    quire_fp_env saved;

    if (!table) return QUIRE_E_USAGE;
    quire_fp_enter(&saved);
    table->backward(dy, mask, (size_t)n, dx);
    quire_fp_leave(&saved);
    return QUIRE_OK;
}
