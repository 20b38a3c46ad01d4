/* rows_error.c - what quantizing a row cost, from its elements before and after. */
#include "kernels/fp_env.h"
#include "kernels/rows_kernels.h"

/* Columns first to first + n - 1 of some rows. */
static void
add_span(const quire_row_format *f, const quire_row_kernels *k, const float *rows,
         const uint8_t *decoded, size_t team, size_t first, size_t n, quire_row_sums *sums)
{
    const quire_row_dtype dtype = f->choice.dtype;
    const size_t size = quire_row_dtype_size(dtype);
    float values[QUIRE_ROW_TEAM][QUIRE_ROW_SPAN + QUIRE_ROW_ROOM];
    const float *x[QUIRE_ROW_TEAM];
    const float *v[QUIRE_ROW_TEAM];

    for (size_t r = 0; r < team; r++) {
        const uint8_t *from = decoded + (r * f->width + first) * size;
        x[r] = rows + r * f->width + first;
        v[r] = values[r];
        if (dtype == QUIRE_ROW_DTYPE_F32) {
            memcpy(values[r], from, n * sizeof(float));
        } else {
            k->widen(dtype, from, n, values[r]);
        }
    }
    k->add_errors(x, v, team, n, sums);
}

void
quire_row_error(const quire_row_format *f, const float *rows, const void *decoded, size_t n_rows,
                quire_row_sums *sums)
{
    const quire_row_kernels *k = quire_row_kernels_get(f->choice.isa);
    const size_t row_size = f->width * quire_row_dtype_size(f->choice.dtype);
    const uint8_t *bytes = decoded;
    fenv_t saved;

    quire_fp_enter(&saved);
    for (size_t r = 0; r < n_rows; r += QUIRE_ROW_TEAM) {
        const size_t team = n_rows - r < QUIRE_ROW_TEAM ? n_rows - r : QUIRE_ROW_TEAM;
        for (size_t i = 0; i < team; i++)
            sums[r + i] = (quire_row_sums){0};
        for (size_t i = 0; i < f->width; i += QUIRE_ROW_SPAN) {
            const size_t m = f->width - i < QUIRE_ROW_SPAN ? f->width - i : QUIRE_ROW_SPAN;
            add_span(f, k, rows + r * f->width, bytes + r * row_size, team, i, m, sums + r);
        }
    }
    quire_fp_leave(&saved);
}
