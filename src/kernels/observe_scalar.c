/* observe_scalar.c - the inner loops of observation, plainly: what every instruction set equals. */
#include "kernels/observe_table.h"

static void
extremes(quire_float_type type, const void *x, size_t n, quire_extremes *io)
{
    quire_extremes e = *io;

    for (size_t i = 0; i < n; i++)
        quire_extremes_add(&e, quire_observe_bits(type, x, i));
    *io = e;
}

static void
column_extremes(quire_float_type type, const void *x, size_t stride, size_t n_rows,
                quire_extremes *io)
{
    for (size_t row = 0; row < n_rows; row++) {
        const void *at = (const char *)x + row * stride;
        for (size_t k = 0; k < QUIRE_OBSERVE_COLUMNS; k++)
            quire_extremes_add(&io[k], quire_observe_bits(type, at, k));
    }
}

static void
bins(const float *x, size_t n, uint32_t side, int32_t exponent, uint32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = side + (uint32_t)quire_bin_of(quire_f32_bits(x[i]), exponent);
}

static void
widen(quire_float_type type, const void *x, size_t n, float *out)
{
    const quire_row_dtype dtype[] = {[QUIRE_FLOAT_F32] = QUIRE_ROW_DTYPE_F32,
                                     [QUIRE_FLOAT_F16] = QUIRE_ROW_DTYPE_F16,
                                     [QUIRE_FLOAT_BF16] = QUIRE_ROW_DTYPE_BF16};

    quire_row_widen_plain(dtype[type], x, n, out);
}

const quire_observe_table quire_observe_scalar = {extremes, column_extremes, bins, widen};
