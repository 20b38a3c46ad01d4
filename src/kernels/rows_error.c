/* rows_error.c - what quantizing a row cost, from its elements before and after. */
#include "kernels/fp_env.h"
#include "kernels/rows_group.h"

static quire_row_sums
row_sums(quire_row_dtype dtype, const float *x, const uint8_t *decoded, size_t width)
{
    const size_t size = quire_row_dtype_size(dtype);
    quire_row_sums sums = {0};
    float v[QUIRE_ROW_CHUNK];

    for (size_t i = 0; i < width; i += QUIRE_ROW_CHUNK) {
        const size_t m = width - i < QUIRE_ROW_CHUNK ? width - i : QUIRE_ROW_CHUNK;
        quire_row_widen(dtype, decoded + i * size, m, v);
        for (size_t k = 0; k < m; k++) {
            const double e = (double)x[i + k] - (double)v[k];
            sums.xx += (double)x[i + k] * (double)x[i + k];
            sums.ee += e * e;
        }
    }
    return sums;
}

void
quire_rows_error(const quire_row_format *f, const float *rows, const void *decoded, size_t n_rows,
                 quire_row_sums *sums)
{
    const size_t row_size = f->width * quire_row_dtype_size(f->choice.dtype);
    const uint8_t *bytes = decoded;
    fenv_t saved;

    quire_fp_enter(&saved);
    for (size_t r = 0; r < n_rows; r++) {
        sums[r] = row_sums(f->choice.dtype, rows + r * f->width, bytes + r * row_size, f->width);
    }
    quire_fp_leave(&saved);
}
