/* observe_range.c - least and greatest of a tensor or of its channels, NaN and infinities counted.
 *
 * Runs of one channel go through `extremes`, which cannot miss a NaN: it compares bits. Where one
 * turns up, the chunk it is in is gone through again, element by element. Channels that lie close
 * together are columns, of rows that are as many rows of the tensor as make them wide enough.
 */
#include "kernels/observe_table.h"

#include "kernels/bag_plan.h"

#define CHUNK 8192 /* elements looked at before NaN are noticed */
#define ROWS  512  /* of columns, likewise                      */
#define SHORT 32   /* elements of a channel side by side that are not worth a call    */
#define LONG  256  /* that always are: between, columns are faster if there are, of   */
#define MANY  16   /* rows, as many                                                   */

const quire_observe_table *
quire_observe_table_of(quire_isa isa)
{
    if (!quire_pass_table_find(isa)) return NULL;
#if defined(__x86_64__)
    if (isa == QUIRE_ISA_AVX2 || isa == QUIRE_ISA_AVX512) return &quire_observe_avx2;
#endif
    return &quire_observe_scalar;
}

bool
quire_axis_size(const quire_axis *axis, uint64_t *out)
{
    uint64_t rows = 0;

    if (__builtin_mul_overflow(axis->outer, axis->channels, &rows)) return false;
    if (__builtin_mul_overflow(rows, axis->inner, out)) return false;
    return *out <= INT64_MAX / sizeof(float) && axis->channels <= INT64_MAX / sizeof(quire_range);
}

const quire_observe_table *
quire_observe_table_get(const quire_axis *axis, quire_float_type type,
                        const quire_observe_options *options)
{
    uint64_t n = 0;

    if (options->size != sizeof *options || (uint32_t)type > QUIRE_FLOAT_BF16) return NULL;
    if ((uint32_t)options->non_finite > QUIRE_NON_FINITE_REFUSE) return NULL;
    if (!quire_axis_size(axis, &n) || options->at > UINT64_MAX - n) return NULL;
    return quire_observe_table_of(quire_isa_choose(options->isa));
}

void
quire_range_init(quire_range *ranges, uint64_t channels)
{
    for (uint64_t c = 0; c < channels; c++) {
        ranges[c] = (quire_range){.first_non_finite = UINT64_MAX,
                                  .min = quire_f32_from_bits(QUIRE_F32_INFINITY),
                                  .max = quire_f32_from_bits(QUIRE_F32_INFINITY | QUIRE_F32_SIGN)};
    }
}

static void
range_span(quire_range *r, float min, float max)
{
    if (quire_order_of(min) < quire_order_of(r->min)) r->min = min;
    if (quire_order_of(max) > quire_order_of(r->max)) r->max = max;
}

static float
element_of(quire_float_type type, uint32_t bits)
{
    return type == QUIRE_FLOAT_F16 ? quire_f32_from_f16((uint16_t)(bits >> 16))
                                   : quire_f32_from_bits(bits);
}

/* Of n finite elements. A number without sign is greater than all with one, as signed numbers; else
 * all have one, and the least as unsigned number is the closest to 0. */
static void
range_take(quire_range *r, quire_float_type type, quire_extremes e, uint64_t n)
{
    const uint32_t least = e.far & QUIRE_F32_SIGN ? e.far : e.near;
    const uint32_t most = e.high & QUIRE_F32_SIGN ? e.near : e.high;

    r->n += n;
    range_span(r, element_of(type, least), element_of(type, most));
}

/* Any element. False if it is finite. */
static bool
range_take_one(quire_range *r, quire_float_type type, uint32_t bits, uint64_t position)
{
    const uint32_t limit = quire_observe_limit(type);
    const uint32_t size = bits & ~QUIRE_F32_SIGN;

    if (size < limit) {
        range_take(r, type, (quire_extremes){bits, bits, bits}, 1);
        return false;
    }
    r->n++;
    r->n_nan += size > limit;
    r->n_plus_infinity += bits == limit;
    r->n_minus_infinity += bits == (limit | QUIRE_F32_SIGN);
    if (position < r->first_non_finite) r->first_non_finite = position;
    return true;
}

bool
quire_range_add(const quire_observe_table *t, quire_range *range, quire_float_type type,
                const void *x, uint64_t n, quire_positions p)
{
    bool found = false;

    for (uint64_t first = 0; first < n; first += CHUNK) {
        const uint64_t count = n - first < CHUNK ? n - first : CHUNK;
        const void *chunk = (const char *)x + first * quire_float_size(type);
        quire_extremes e = QUIRE_EXTREMES_NONE;

        t->extremes(type, chunk, count, &e);
        if (quire_extremes_are_finite(e, quire_observe_limit(type))) {
            range_take(range, type, e, count);
            continue;
        }
        for (uint64_t i = first; i < first + count; i++) {
            const uint64_t position = p.at + i / p.run * p.gap + i % p.run;
            found |= range_take_one(range, type, quire_observe_bits(type, x, i), position);
        }
    }
    return found;
}

/* One array on its way into the ranges. */
typedef struct scan {
    const quire_observe_table *table;
    quire_range *ranges;
    const quire_axis *axis;
    quire_float_type type;
    const char *x;
    uint64_t at;
    bool found;
} scan;

static void
scan_one(scan *s, uint64_t i)
{
    const uint64_t channel = i / s->axis->inner % s->axis->channels;

    s->found |= range_take_one(&s->ranges[channel], s->type, quire_observe_bits(s->type, s->x, i),
                               s->at + i);
}

static void
scan_runs(scan *s, uint64_t n)
{
    const quire_axis *a = s->axis;
    const uint64_t run = a->channels == 1 ? n : a->inner;

    for (uint64_t i = 0; i < n; i += run) {
        const char *x = s->x + i * quire_float_size(s->type);
        const quire_positions positions = {s->at + i, run, 0};

        s->found |= quire_range_add(s->table, &s->ranges[i / run % a->channels], s->type, x, run,
                                    positions);
    }
}

/* Columns `fresh` to QUIRE_OBSERVE_COLUMNS - 1 of those at element `first`, of rows of `width`. */
static void
scan_strip(scan *s, uint64_t first, uint64_t width, uint64_t n_rows, uint64_t fresh)
{
    const size_t size = quire_float_size(s->type);
    quire_extremes e[QUIRE_OBSERVE_COLUMNS];

    for (int k = 0; k < QUIRE_OBSERVE_COLUMNS; k++)
        e[k] = QUIRE_EXTREMES_NONE;
    s->table->column_extremes(s->type, s->x + first * size, width * size, n_rows, e);
    for (uint64_t k = fresh; k < QUIRE_OBSERVE_COLUMNS; k++) {
        const uint64_t channel = (first + k) / s->axis->inner % s->axis->channels;
        if (quire_extremes_are_finite(e[k], quire_observe_limit(s->type))) {
            range_take(&s->ranges[channel], s->type, e[k], n_rows);
            continue;
        }
        for (uint64_t row = 0; row < n_rows; row++)
            scan_one(s, first + k + row * width);
    }
}

/* The last strip overlaps the one before it. */
static void
scan_rows(scan *s, uint64_t first, uint64_t width, uint64_t n_rows)
{
    uint64_t column = 0;

    for (; column + QUIRE_OBSERVE_COLUMNS <= width; column += QUIRE_OBSERVE_COLUMNS)
        scan_strip(s, first + column, width, n_rows, 0);
    if (column < width) {
        const uint64_t start = width - QUIRE_OBSERVE_COLUMNS;
        scan_strip(s, first + start, width, n_rows, column - start);
    }
}

static void
scan_columns(scan *s, uint64_t n)
{
    const uint64_t row = s->axis->channels * s->axis->inner;
    const uint64_t width = (QUIRE_OBSERVE_COLUMNS + row - 1) / row * row;
    uint64_t left = n / width;
    uint64_t i = 0;

    while (left) {
        const uint64_t n_rows = left < ROWS ? left : ROWS;
        scan_rows(s, i, width, n_rows);
        i += n_rows * width;
        left -= n_rows;
    }
    for (; i < n; i++)
        scan_one(s, i);
}

quire_status
quire_range_update(quire_range *ranges, const quire_axis *axis, quire_float_type type,
                   const void *x, const quire_observe_options *options)
{
    scan s = {.table = quire_observe_table_get(axis, type, options),
              .ranges = ranges,
              .axis = axis,
              .type = type,
              .x = x,
              .at = options->at};
    const uint64_t n = axis->outer * axis->channels * axis->inner;

    if (!s.table) return QUIRE_E_USAGE;
    if (n == 0) return QUIRE_OK;
    for (uint64_t c = 0; c < axis->channels; c++) {
        if (ranges[c].n > UINT64_MAX - n / axis->channels) return QUIRE_E_LIMIT;
    }
    if (axis->channels > 1 && axis->inner < (axis->outer < MANY ? SHORT : LONG)) {
        scan_columns(&s, n);
    } else {
        scan_runs(&s, n);
    }
    return s.found && options->non_finite == QUIRE_NON_FINITE_REFUSE ? QUIRE_E_INVALID : QUIRE_OK;
}

bool
quire_range_fits(const quire_range *a, const quire_range *b)
{
    return a->n <= UINT64_MAX - b->n;
}

quire_status
quire_range_merge(quire_range *into, const quire_range *from, uint64_t channels)
{
    for (uint64_t c = 0; c < channels; c++) {
        if (!quire_range_fits(&into[c], &from[c])) return QUIRE_E_LIMIT;
    }
    for (uint64_t c = 0; c < channels; c++) {
        quire_range *r = &into[c];
        r->n += from[c].n;
        r->n_nan += from[c].n_nan;
        r->n_plus_infinity += from[c].n_plus_infinity;
        r->n_minus_infinity += from[c].n_minus_infinity;
        if (from[c].first_non_finite < r->first_non_finite) {
            r->first_non_finite = from[c].first_non_finite;
        }
        range_span(r, from[c].min, from[c].max);
    }
    return QUIRE_OK;
}
