/* rows_dequantize.c - packed codes and parameters back to elements of the table's type. */
#include "kernels/fp_env.h"
#include "kernels/rows_group.h"

static void
decode_chunk(const quire_row_params *p, const uint8_t *codes, float *values)
{
    const quire_row_params local = *p;

    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++) {
        values[i] = quire_row_decode(&local, codes[i]);
    }
}

static void
decode_group(const quire_row_format *f, quire_row_params p, const uint8_t *group, size_t n,
             uint8_t *out)
{
    const size_t size = quire_row_dtype_size(f->choice.dtype);
    uint8_t codes[QUIRE_ROW_CHUNK] = {0};
    float values[QUIRE_ROW_CHUNK];

    for (size_t i = 0; i < n; i += QUIRE_ROW_CHUNK) {
        const size_t m = n - i < QUIRE_ROW_CHUNK ? n - i : QUIRE_ROW_CHUNK;
        quire_row_unpack_at(f, group, i, m, codes);
        decode_chunk(&p, codes, values);
        quire_row_narrow(f->choice.dtype, values, m, out + i * size);
    }
}

void
quire_rows_dequantize(const quire_row_format *f, quire_row_arrays in, size_t n_rows, void *out)
{
    const size_t size = quire_row_dtype_size(f->choice.dtype);
    fenv_t saved;

    quire_fp_enter(&saved);
    for (size_t g = 0; g < n_rows * f->n_groups; g++) {
        const size_t in_row = g % f->n_groups;
        const size_t first = g / f->n_groups * f->width + in_row * f->group_columns;
        decode_group(f, quire_row_params_load(f, in, g), in.codes + g * f->group_bytes,
                     quire_row_group_width(f, in_row), (uint8_t *)out + first * size);
    }
    quire_fp_leave(&saved);
}
