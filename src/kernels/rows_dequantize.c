/* rows_dequantize.c - packed codes and parameters back to elements of the table's type. */
#include "kernels/fp_env.h"
#include "kernels/rows_kernels.h"

void
quire_row_put(const quire_row_kernels *k, quire_row_dtype dtype, const float *values, size_t n,
              void *out)
{
    if (dtype == QUIRE_ROW_DTYPE_F32) {
        memcpy(out, values, n * sizeof *values);
    } else {
        k->narrow(dtype, values, n, out);
    }
}

static void
decode_group(const quire_row_format *f, const quire_row_kernels *k, const quire_row_params *p,
             const uint8_t *group, size_t n, uint8_t *out)
{
    const size_t size = quire_row_dtype_size(f->choice.dtype);
    float values[QUIRE_ROW_SPAN + QUIRE_ROW_ROOM];

    for (size_t i = 0; i < n; i += QUIRE_ROW_SPAN) {
        const size_t m = n - i < QUIRE_ROW_SPAN ? n - i : QUIRE_ROW_SPAN;
        k->decode(f, p, group, i, m, values);
        quire_row_put(k, f->choice.dtype, values, m, out + i * size);
    }
}

void
quire_row_dequantize(const quire_row_format *f, quire_row_arrays in, size_t n_rows, void *out)
{
    const size_t size = quire_row_dtype_size(f->choice.dtype);
    const quire_row_kernels *k = quire_row_kernels_get(f->choice.isa);
    quire_fp_env saved;

    quire_fp_enter(&saved);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t g = 0; g < f->n_groups; g++) {
            const size_t at = row * f->n_groups + g;
            const quire_row_params p = quire_row_params_load(f, in, at);
            decode_group(f, k, &p, in.codes + at * f->group_bytes, quire_row_group_width(f, g),
                         (uint8_t *)out + (row * f->width + g * f->group_columns) * size);
        }
    }
    quire_fp_leave(&saved);
}
