/* rows_public.c - quire_rows_quantize and quire_rows_dequantize: from the public description of rows
 * to the loops that make them. Split rows are for rows_quantize.c; fused rows are written here, with
 * FBGEMM's bytes.
 */
#include "kernels/bag_plan.h"
#include "kernels/fp_env.h"
#include "kernels/fused_params.h"
#include "kernels/rows.h"

/* What both kinds need: checked rows and options, with the instruction set that is chosen. */
typedef struct work {
    const quire_rows *rows;
    quire_rows_layout layout;
    quire_rows_options options;
    uint64_t n_rows;
} work;

static bool
work_init(work *w, const quire_rows *rows, const quire_rows_options *options, uint64_t n_rows)
{
    const quire_rows_options defaults = {.size = sizeof defaults};
    const char *why;

    w->rows = rows;
    w->options = options ? *options : defaults;
    w->n_rows = n_rows;
    if (quire_rows_layout_get(rows, &w->layout, &why) != QUIRE_OK) return false;
    if (w->options.size != sizeof w->options) return false;
    w->options.isa = quire_isa_choose(w->options.isa);
    return quire_pass_table_find(w->options.isa) != NULL;
}

/* --- split ----------------------------------------------------------------------------------------
 */

static bool
split_format(const work *w, quire_row_format *out)
{
    const quire_rows *r = w->rows;
    const quire_row_choice choice = {
        .bits = r->bits,
        .block = r->block,
        .zero_point = (quire_row_zero_point)r->zero_point,
        .scale = (quire_row_scale)r->scale,
        .dtype = (quire_row_dtype)r->value,
        .eps = w->options.eps,
        .isa = w->options.isa,
    };

    if (choice.eps != 0 && choice.zero_point != QUIRE_ROW_ZERO_POINT_FLOAT) return false;
    return quire_row_format_init(out, choice, r->width);
}

/* The arrays from row `i` on. */
static quire_row_arrays
arrays_at(const work *w, const quire_rows_arrays *a, uint64_t i)
{
    const quire_rows_layout *l = &w->layout;

    return (quire_row_arrays){(uint8_t *)a->rows + i * l->stride,
                              (uint8_t *)a->scales + i * l->n_groups * l->scale_size,
                              (uint8_t *)a->zero_points + i * l->n_groups * l->zero_size};
}

/* Rows that are taken together: all, or one where there are gaps between them. */
static uint64_t
rows_at_once(const work *w)
{
    return w->layout.stride == w->layout.row_bytes ? w->n_rows : 1;
}

static quire_status
split_fault(quire_row_status status, uint64_t row, quire_row_fault fault, quire_rows_fault *out)
{
    *out = (quire_rows_fault){.kind = status == QUIRE_ROW_NON_FINITE ? QUIRE_ROWS_FAULT_NOT_FINITE
                                                                     : QUIRE_ROWS_FAULT_SCALE,
                              .row = row + fault.row,
                              .column = fault.column};
    return QUIRE_E_INVALID;
}

static quire_status
split_quantize(const work *w, const float *values, const quire_rows_arrays *out,
               quire_rows_sums *sums, quire_rows_fault *out_fault)
{
    const bool searched = w->options.search == QUIRE_ROWS_MSE;
    const uint64_t step = rows_at_once(w);
    quire_row_format f;

    if (!split_format(w, &f) || w->options.search > QUIRE_ROWS_MSE) return QUIRE_E_USAGE;
    for (uint64_t i = 0; i < w->n_rows; i += step) {
        quire_row_sums *to = sums ? (quire_row_sums *)(void *)(sums + i) : NULL;
        quire_row_fault fault = {0, 0};
        const quire_row_status status = quire_row_quantize(
            &f, searched ? QUIRE_ROW_SEARCH_MSE : QUIRE_ROW_SEARCH_MINMAX,
            values + i * w->rows->width, step, arrays_at(w, out, i), NULL, to, &fault);
        if (status != QUIRE_ROW_OK) return split_fault(status, i, fault, out_fault);
    }
    return QUIRE_OK;
}

_Static_assert(sizeof(quire_row_sums) == sizeof(quire_rows_sums), "two names of the same");

static quire_status
split_dequantize(const work *w, const quire_rows_arrays *in, uint8_t *out)
{
    const uint64_t step = rows_at_once(w);
    quire_row_format f;

    if (!split_format(w, &f)) return QUIRE_E_USAGE;
    const size_t row_size = w->rows->width * quire_row_dtype_size(f.choice.dtype);
    for (uint64_t i = 0; i < w->n_rows; i += step)
        quire_row_dequantize(&f, arrays_at(w, in, i), step, out + i * row_size);
    return QUIRE_OK;
}

/* --- fused ----------------------------------------------------------------------------------------
 */

#define GREEDY_ROWS 16

/* Of equals the first, as torch's search has it: it tells zeros of both signs apart. */
static bool
first_extremes(const float *x, uint64_t n, float *out_range)
{
    quire_row_fault fault;

    if (quire_row_find_non_finite(x, 1, n, &fault)) return false;
    out_range[0] = out_range[1] = x[0];
    for (uint64_t j = 1; j < n; j++) {
        if (x[j] < out_range[0]) out_range[0] = x[j];
        if (x[j] > out_range[1]) out_range[1] = x[j];
    }
    return true;
}

static uint64_t
greedy_put(const quire_fused_table *table, const quire_fused_rows *r, const float *x,
           uint64_t n_rows, uint8_t *out)
{
    float ranges[2 * GREEDY_ROWS];

    for (uint64_t i = 0; i < n_rows; i += GREEDY_ROWS) {
        const uint64_t n = n_rows - i < GREEDY_ROWS ? n_rows - i : GREEDY_ROWS;
        uint64_t good = 0;
        for (; good < n; good++) {
            const float *row = x + (i + good) * r->width;
            float *range = ranges + 2 * good;
            if (!first_extremes(row, r->width, range)) break;
            quire_fused_params_greedy(row, r->width, r->bits, &range[0], &range[1]);
        }
        table->rows_put(r, x + i * r->width, good, ranges, out + i * r->layout->stride);
        if (good < n) return i + good;
    }
    return n_rows;
}

static quire_status
fused_quantize(const work *w, const float *values, const float *ranges, uint8_t *out,
               quire_rows_fault *out_fault)
{
    const quire_fused_table *table = quire_fused_table_of(w->options.isa);
    const bool greedy = w->options.search == QUIRE_ROWS_GREEDY;
    const quire_fused_rows r = {.layout = &w->layout,
                                .width = w->rows->width,
                                .bits = w->rows->bits,
                                .half = w->rows->scale == QUIRE_FLOAT_F16};
    quire_fp_env saved;

    if (greedy ? r.bits == 8 || ranges : w->options.search != QUIRE_ROWS_MINMAX)
        return QUIRE_E_USAGE;
    if (w->options.eps != 0) return QUIRE_E_USAGE;
    quire_fp_enter(&saved);
    const uint64_t done = greedy ? greedy_put(table, &r, values, w->n_rows, out)
                                 : table->rows_put(&r, values, w->n_rows, ranges, out);
    quire_fp_leave(&saved);
    if (done == w->n_rows) return QUIRE_OK;

    quire_row_fault fault = {0, 0};
    quire_row_find_non_finite(values + done * r.width, 1, r.width, &fault);
    *out_fault = (quire_rows_fault){QUIRE_ROWS_FAULT_NOT_FINITE, done, fault.column};
    return QUIRE_E_INVALID;
}

static void
fused_dequantize(const work *w, const uint8_t *in, uint8_t *out)
{
    const quire_fused_table *table = quire_fused_table_of(w->options.isa);
    const quire_rows_layout *l = &w->layout;
    quire_fp_env saved;

    quire_fp_enter(&saved);
    for (uint64_t i = 0; i < w->n_rows; i++, in += l->stride) {
        uint16_t half[2];
        float params[2];
        memcpy(half, in + l->scale_at, sizeof half);
        memcpy(params, in + l->scale_at, 2 * l->scale_size < sizeof params ? 0 : sizeof params);
        if (w->rows->scale == QUIRE_FLOAT_F16) {
            params[0] = quire_f32_from_f16(half[0]);
            params[1] = quire_f32_from_f16(half[1]);
        }
        table->row_decode(in + l->payload_at, w->rows->width, w->rows->bits, params[0], params[1],
                          (float *)(void *)(out + i * w->rows->width * sizeof(float)));
    }
    quire_fp_leave(&saved);
}

/* --- both -----------------------------------------------------------------------------------------
 */

quire_status
quire_rows_quantize(const quire_rows *rows, const quire_rows_options *options, const float *values,
                    uint64_t n_rows, const quire_rows_arrays *out, const float *ranges,
                    quire_rows_sums *sums, quire_rows_fault *out_fault)
{
    work w;

    if (!work_init(&w, rows, options, n_rows)) return QUIRE_E_USAGE;
    if (rows->storage == QUIRE_ROWS_SPLIT && !ranges)
        return split_quantize(&w, values, out, sums, out_fault);
    if (rows->storage == QUIRE_ROWS_FUSED && !sums)
        return fused_quantize(&w, values, ranges, out->rows, out_fault);
    return QUIRE_E_USAGE;
}

quire_status
quire_rows_dequantize(const quire_rows *rows, const quire_rows_options *options,
                      const quire_rows_arrays *in, uint64_t n_rows, void *out)
{
    work w;

    if (!work_init(&w, rows, options, n_rows)) return QUIRE_E_USAGE;
    if (rows->storage == QUIRE_ROWS_SPLIT) return split_dequantize(&w, in, out);
    if (rows->storage != QUIRE_ROWS_FUSED) return QUIRE_E_USAGE;
    fused_dequantize(&w, in->rows, out);
    return QUIRE_OK;
}
