/* rows_quantize.c - the table loop: ranges, parameters, codes, errors, team by team.
 *
 * A team is up to four rows: parameters of their groups of the same number are made together, codes
 * and errors row by row. A team is looked at whole before a byte of it is written, so that a fault
 * leaves all later rows alone.
 */
#include "kernels/fp_env.h"
#include "kernels/rows_kernels.h"

#include <math.h>

bool
quire_row_find_non_finite(const float *rows, size_t n_rows, size_t width,
                          quire_row_fault *out_fault)
{
    const size_t n = n_rows * width;
    size_t i = 0;

    for (; n - i >= 64; i += 64) {
        uint32_t special = 0;
        for (size_t k = 0; k < 64; k++)
            special |= (quire_f32_bits(rows[i + k]) & 0x7fffffffu) + 0x00800000u;
        if (special & 0x80000000u) break;
    }
    for (; i < n; i++) {
        if ((quire_f32_bits(rows[i]) & 0x7fffffffu) >= 0x7f800000u) {
            *out_fault = (quire_row_fault){.row = i / width, .column = i % width};
            return true;
        }
    }
    return false;
}

/* Groups of a row whose ranges are remembered between looking and encoding. */
#define KEPT_GROUPS 64

/* What a call is about, and the team at work. */
typedef struct table_work {
    const quire_row_format *f;
    const quire_row_kernels *k;
    quire_row_search search;
    const float *rows;
    quire_row_arrays out;
    uint8_t *decoded; /* or NULL */
    quire_row_sums *sums;
    float values[QUIRE_ROW_SPAN + QUIRE_ROW_ROOM];
    quire_row_parts parts[QUIRE_ROW_TEAM];               /* of the sums */
    quire_row_range ranges[KEPT_GROUPS][QUIRE_ROW_TEAM]; /* by group; the last is of all others */
} table_work;

static quire_row_range *
range_of(table_work *w, size_t g)
{
    return w->ranges[g < KEPT_GROUPS ? g : KEPT_GROUPS - 1];
}

/* Cheaply refuted for all but vast ranges. */
static bool
scale_overflows(const quire_row_format *f, quire_row_range range)
{
    const float safe = 65000.0f * (float)f->max_code;

    if (f->choice.scale == QUIRE_ROW_SCALE_F32) return false;
    if (fabsf(range.lo) + fabsf(range.hi) < safe) return false;
    return isinf(quire_row_params_minmax(f, range).scale);
}

/* Is group `g` of a row fit to be quantized? If so `*out` is its range. */
static quire_row_status
look_at_group(const table_work *w, const float *x, size_t g, quire_row_range *out,
              size_t *out_column)
{
    const size_t first = g * w->f->group_columns;
    const size_t n = quire_row_group_width(w->f, g);
    quire_row_fault fault = {0};

    *out_column = first;
    if (!w->k->range_find(x + first, n, out)) {
        quire_row_find_non_finite(x + first, 1, n, &fault);
        *out_column += fault.column;
        return QUIRE_ROW_NON_FINITE;
    }
    return scale_overflows(w->f, *out) ? QUIRE_ROW_SCALE_OVERFLOW : QUIRE_ROW_OK;
}

/* Cuts `*io_team` down to the rows before the first fault. */
static quire_row_status
look_at_team(table_work *w, size_t row, size_t *io_team, quire_row_fault *out_fault)
{
    for (size_t r = 0; r < *io_team; r++) {
        const float *x = w->rows + (row + r) * w->f->width;
        for (size_t g = 0; g < w->f->n_groups; g++) {
            size_t column;
            const quire_row_status status = look_at_group(w, x, g, &range_of(w, g)[r], &column);
            if (status == QUIRE_ROW_OK) continue;
            *out_fault = (quire_row_fault){.row = row + r, .column = column};
            *io_team = r;
            return status;
        }
    }
    return QUIRE_ROW_OK;
}

static void
choose_params(table_work *w, size_t row, size_t team, size_t g, quire_row_params *out)
{
    const quire_row_format *f = w->f;
    const float *x = w->rows + row * f->width + g * f->group_columns;
    const size_t n = quire_row_group_width(f, g);
    quire_row_range *ranges = range_of(w, g);

    for (size_t r = 0; f->n_groups > KEPT_GROUPS && g + 1 >= KEPT_GROUPS && r < team; r++)
        w->k->range_find(x + r * f->width, n, &ranges[r]);
    w->k->params_minmax(f, ranges, team, out);
    for (size_t r = 0; r < team; r++) {
        if (w->search == QUIRE_ROW_SEARCH_MSE) {
            out[r] = quire_row_params_search(w->k, f, x + r * f->width, n, ranges[r], out[r]);
        }
        quire_row_params_store(f, out[r], w->out, (row + r) * f->n_groups + g);
    }
}

/* What columns first to first + n - 1 of member `r` decode to is in w->values. */
static void
put_values(table_work *w, size_t row, size_t r, size_t first, size_t n)
{
    const quire_row_dtype dtype = w->f->choice.dtype;
    const size_t at = (row + r) * w->f->width + first;
    if (w->decoded)
        quire_row_put(w->k, dtype, w->values, n, w->decoded + at * quire_row_dtype_size(dtype));
    if (w->sums) w->k->add_errors(w->rows + at, w->values, n, &w->parts[r]);
}

static void
encode_group(table_work *w, size_t row, size_t team, size_t g, const quire_row_params *p)
{
    const quire_row_format *f = w->f;
    const size_t n = quire_row_group_width(f, g);
    const bool decodes = w->decoded || w->sums;

    for (size_t i = 0; i < n; i += QUIRE_ROW_SPAN) {
        const size_t m = n - i < QUIRE_ROW_SPAN ? n - i : QUIRE_ROW_SPAN;
        const size_t first = g * f->group_columns + i;
        for (size_t r = 0; r < team; r++) {
            w->k->encode(f, &p[r], w->rows + (row + r) * f->width + first, i, m,
                         w->out.codes + (row + r) * f->row_bytes + g * f->group_bytes,
                         decodes ? w->values : NULL);
            if (decodes) put_values(w, row, r, first, m);
        }
    }
}

static void
quantize_team(table_work *w, size_t row, size_t team)
{
    quire_row_params p[QUIRE_ROW_TEAM];

    for (size_t r = 0; r < team; r++)
        w->parts[r] = (quire_row_parts){0};
    for (size_t g = 0; g < w->f->n_groups; g++) {
        choose_params(w, row, team, g, p);
        encode_group(w, row, team, g, p);
    }
    for (size_t r = 0; w->sums && r < team; r++)
        w->sums[row + r] = quire_row_parts_add(&w->parts[r]);
}

static quire_row_status
quantize_rows(table_work *w, size_t n_rows, quire_row_fault *out_fault)
{
    quire_row_status status = QUIRE_ROW_OK;

    for (size_t row = 0; row < n_rows && status == QUIRE_ROW_OK; row += QUIRE_ROW_TEAM) {
        size_t team = n_rows - row < QUIRE_ROW_TEAM ? n_rows - row : QUIRE_ROW_TEAM;
        status = look_at_team(w, row, &team, out_fault);
        if (team > 0) quantize_team(w, row, team);
    }
    return status;
}

quire_row_status
quire_row_quantize(const quire_row_format *f, quire_row_search search, const float *rows,
                   size_t n_rows, quire_row_arrays out, void *decoded, quire_row_sums *sums,
                   quire_row_fault *out_fault)
{
    table_work w;
    quire_fp_env saved;

    w.f = f;
    w.k = quire_row_kernels_get(f->choice.isa);
    w.search = search;
    w.rows = rows;
    w.out = out;
    w.decoded = decoded;
    w.sums = sums;
    memset(w.ranges, 0, sizeof w.ranges);
    quire_fp_enter(&saved);
    const quire_row_status status = quantize_rows(&w, n_rows, out_fault);
    quire_fp_leave(&saved);
    return status;
}

static bool
is_flattened(const quire_row_format *f, const quire_row_kernels *k, const float *row)
{
    for (size_t g = 0; g < f->n_groups; g++) {
        quire_row_range range;
        if (!k->range_find(row + g * f->group_columns, quire_row_group_width(f, g), &range))
            continue;
        if (quire_row_flattened(f, range)) return true;
    }
    return false;
}

size_t
quire_row_count_flattened(const quire_row_format *f, const float *rows, size_t n_rows)
{
    const quire_row_kernels *k = quire_row_kernels_get(f->choice.isa);
    quire_fp_env saved;
    size_t n = 0;

    quire_fp_enter(&saved);
    for (size_t r = 0; r < n_rows; r++)
        n += is_flattened(f, k, rows + r * f->width) ? 1 : 0;
    quire_fp_leave(&saved);
    return n;
}

void
quire_row_encode(const quire_row_format *f, const float *rows, size_t n_rows, quire_row_arrays io)
{
    const quire_row_kernels *k = quire_row_kernels_get(f->choice.isa);
    quire_fp_env saved;

    quire_fp_enter(&saved);
    for (size_t g = 0; g < n_rows * f->n_groups; g++) {
        const size_t row = g / f->n_groups;
        const size_t in_row = g % f->n_groups;
        const quire_row_params stored = quire_row_params_load(f, io, g);
        const quire_row_params p = quire_row_params_make(f, stored.scale, stored.zero_point);
        k->encode(f, &p, rows + row * f->width + in_row * f->group_columns, 0,
                  quire_row_group_width(f, in_row), io.codes + g * f->group_bytes, NULL);
    }
    quire_fp_leave(&saved);
}
