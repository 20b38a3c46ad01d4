/* rows_error.c - what quantizing a row cost, from its elements before and after. */
#include "kernels/fp_env.h"
#include "kernels/rows_kernels.h"

quire_row_sums
quire_row_parts_add(const quire_row_parts *parts)
{
    quire_row_parts p = *parts;
    for (size_t n = QUIRE_ROW_PARTS / 2; n > 0; n /= 2) {
        for (size_t i = 0; i < n; i++) {
            p.xx[i] += p.xx[i + n];
            p.ee[i] += p.ee[i + n];
        }
    }
    return (quire_row_sums){p.xx[0], p.ee[0]};
}

/* Columns of one group. */
static void
add_span(const quire_row_kernels *k, quire_row_dtype dtype, const float *x, const uint8_t *decoded,
         size_t n, quire_row_parts *parts)
{
    float values[QUIRE_ROW_SPAN + QUIRE_ROW_ROOM];
    if (dtype == QUIRE_ROW_DTYPE_F32) {
        memcpy(values, decoded, n * sizeof(float));
    } else {
        k->widen(dtype, decoded, n, values);
    }
    k->add_errors(x, values, n, parts);
}

static quire_row_sums
error_of_row(const quire_row_format *f, const quire_row_kernels *k, const float *x,
             const uint8_t *decoded)
{
    const size_t size = quire_row_dtype_size(f->choice.dtype);
    quire_row_parts parts = {0};
    for (size_t g = 0; g < f->n_groups; g++) {
        const size_t end = g * f->group_columns + quire_row_group_width(f, g);
        for (size_t i = g * f->group_columns; i < end; i += QUIRE_ROW_SPAN) {
            const size_t n = end - i < QUIRE_ROW_SPAN ? end - i : QUIRE_ROW_SPAN;
            add_span(k, f->choice.dtype, x + i, decoded + i * size, n, &parts);
        }
    }
    return quire_row_parts_add(&parts);
}

void
quire_row_error(const quire_row_format *f, const float *rows, const void *decoded, size_t n_rows,
                quire_row_sums *sums)
{
    const quire_row_kernels *k = quire_row_kernels_get(f->choice.isa);
    const size_t row_size = f->width * quire_row_dtype_size(f->choice.dtype);
    const uint8_t *bytes = decoded;
    quire_fp_env saved;

    quire_fp_enter(&saved);
    for (size_t r = 0; r < n_rows; r++)
        sums[r] = error_of_row(f, k, rows + r * f->width, bytes + r * row_size);
    quire_fp_leave(&saved);
}
