/* rows_quantize.c - the table loop: range, parameters, codes, group by group. */
#include "kernels/fp_env.h"
#include "kernels/rows_group.h"

#include <math.h>

bool
quire_rows_find_non_finite(const float *rows, size_t n_rows, size_t width,
                           quire_row_fault *out_fault)
{
    for (size_t i = 0; i < n_rows * width; i++) {
        if ((quire_f32_bits(rows[i]) & 0x7fffffffu) >= 0x7f800000u) {
            *out_fault = (quire_row_fault){.row = i / width, .column = i % width};
            return true;
        }
    }
    return false;
}

/* Parameters of one group; on a fault `*out_column` is relative to the group. */
static quire_row_status
choose(const quire_row_format *f, quire_row_search search, const float *x, size_t n,
       quire_row_params *out, size_t *out_column)
{
    quire_row_range range;
    quire_row_fault fault = {0};

    if (!quire_row_range_find(x, n, &range)) {
        quire_rows_find_non_finite(x, 1, n, &fault);
        *out_column = fault.column;
        return QUIRE_ROW_NON_FINITE;
    }
    *out = quire_row_params_minmax(f, range);
    *out_column = 0;
    if (isinf(out->scale)) return QUIRE_ROW_SCALE_OVERFLOW;
    if (search == QUIRE_ROW_SEARCH_MSE) *out = quire_row_params_search(f, x, n, range, *out);
    return QUIRE_ROW_OK;
}

static quire_row_status
quantize_row(const quire_row_format *f, quire_row_search search, const float *x, size_t row,
             quire_row_arrays out, quire_row_sums *sums, size_t *out_column)
{
    quire_row_params p;
    size_t column = 0;

    for (size_t g = 0; g < f->n_groups; g++) {
        const size_t first = g * f->group_columns;
        const size_t n = quire_row_group_width(f, g);
        const quire_row_status status = choose(f, search, x + first, n, &p, &column);
        if (status != QUIRE_ROW_OK) {
            *out_column = first + column;
            return status;
        }
        quire_row_params_store(f, p, out, row * f->n_groups + g);
        quire_row_group_encode(f, p, x + first, n,
                               out.codes + row * f->row_bytes + g * f->group_bytes, sums);
    }
    return QUIRE_ROW_OK;
}

static quire_row_status
quantize_rows(const quire_row_format *f, quire_row_search search, const float *rows, size_t n_rows,
              quire_row_arrays out, quire_row_sums *sums, quire_row_fault *out_fault)
{
    quire_row_status status = QUIRE_ROW_OK;

    for (size_t r = 0; r < n_rows && status == QUIRE_ROW_OK; r++) {
        quire_row_sums total = {0};
        size_t column = 0;
        status =
            quantize_row(f, search, rows + r * f->width, r, out, sums ? &total : NULL, &column);
        if (status != QUIRE_ROW_OK) *out_fault = (quire_row_fault){r, column};
        if (sums && status == QUIRE_ROW_OK) sums[r] = total;
    }
    return status;
}

quire_row_status
quire_rows_quantize(const quire_row_format *f, quire_row_search search, const float *rows,
                    size_t n_rows, quire_row_arrays out, quire_row_sums *sums,
                    quire_row_fault *out_fault)
{
    fenv_t saved;

    quire_fp_enter(&saved);
    const quire_row_status status = quantize_rows(f, search, rows, n_rows, out, sums, out_fault);
    quire_fp_leave(&saved);
    return status;
}

static bool
is_flattened(const quire_row_format *f, const float *row)
{
    for (size_t g = 0; g < f->n_groups; g++) {
        quire_row_range range;
        if (!quire_row_range_find(row + g * f->group_columns, quire_row_group_width(f, g), &range))
            continue;
        if (quire_row_flattened(f, range)) return true;
    }
    return false;
}

size_t
quire_rows_count_flattened(const quire_row_format *f, const float *rows, size_t n_rows)
{
    fenv_t saved;
    size_t n = 0;

    quire_fp_enter(&saved);
    for (size_t r = 0; r < n_rows; r++)
        n += is_flattened(f, rows + r * f->width) ? 1 : 0;
    quire_fp_leave(&saved);
    return n;
}

void
quire_rows_encode(const quire_row_format *f, const float *rows, size_t n_rows, quire_row_arrays io)
{
    fenv_t saved;

    quire_fp_enter(&saved);
    for (size_t g = 0; g < n_rows * f->n_groups; g++) {
        const size_t row = g / f->n_groups;
        const size_t in_row = g % f->n_groups;
        const quire_row_params stored = quire_row_params_load(f, io, g);
        quire_row_group_encode(f, quire_row_params_make(f, stored.scale, stored.zero_point),
                               rows + row * f->width + in_row * f->group_columns,
                               quire_row_group_width(f, in_row), io.codes + g * f->group_bytes,
                               NULL);
    }
    quire_fp_leave(&saved);
}
