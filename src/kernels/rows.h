/* rows.h - quantizing the rows of a table, and decoding them again.
 *
 * The arithmetic is fixed to the bit (docs: "Lowering arithmetic"): min-max or searched parameters,
 * integer or float zero points, codes always made from the parameters as stored. Rows come as
 * float32 arrays; float16 and bfloat16 tables are widened first (half.h) and say so in the format,
 * because decoded values are rounded to what the table stores.
 *
 * Every function is pure, serial and re-entrant, allocates nothing and depends on no state: callers
 * may cut a table at any row and call from any thread, the bytes are the same. Rounding mode,
 * flush-to-zero and exception flags of the calling thread neither matter nor change (fp_env.h).
 * Compiled without fast-math and with -ffp-contract=off. Bytes are little-endian, as in ONNX.
 * Arrays do not overlap; all but the floats may have any alignment.
 */
#ifndef QUIRE_KERNELS_ROWS_H
#define QUIRE_KERNELS_ROWS_H

#include "kernels/format.h"

typedef enum quire_row_status {
    QUIRE_ROW_OK,
    QUIRE_ROW_NON_FINITE,    /* NaN or infinity at (row, column)                        */
    QUIRE_ROW_SCALE_OVERFLOW /* float16 scale would be infinite in (row, group's first column) */
} quire_row_status;

typedef enum quire_row_search { QUIRE_ROW_SEARCH_MINMAX, QUIRE_ROW_SEARCH_MSE } quire_row_search;

/* Where quantizing stopped: the first faulty group in row-major order; 0-based, relative to the
 * rows handed in. */
typedef struct quire_row_fault {
    size_t row;
    size_t column;
} quire_row_fault;

/* Of one row, over its real columns, in double. Column c of a group goes to part c mod 8; a part takes
 * its columns in order. Then parts n to 2n - 1 are added to 0 to n - 1, for n = 4, 2 and 1. */
typedef struct quire_row_sums {
    double xx; /* sum of x^2, x the original element                                  */
    double ee; /* sum of (x - v)^2, v the decoded element rounded to the table's type */
} quire_row_sums;

/* The three arrays of a quantized table, from the first row a call is about:
 * codes [n_rows, row_bytes], scales [n_rows, n_groups] of scale_size bytes each,
 * zero_points [n_rows, n_groups] of zero_point_size bytes each. */
typedef struct quire_row_arrays {
    uint8_t *codes;
    void *scales;
    void *zero_points;
} quire_row_arrays;

/* Quantizes rows[n_rows][f->width] into `out`. `sums` is NULL or n_rows records. `decoded` is NULL or
 * what quire_row_dequantize would write: [n_rows][width] of the table's type, at any alignment; it is
 * cheaper here. On a fault `*out_fault` says where; earlier rows are complete, that one and later ones
 * untouched. Chunks of some ten KiB or more are worth the call. */
quire_row_status quire_row_quantize(const quire_row_format *f, quire_row_search search,
                                    const float *rows, size_t n_rows, quire_row_arrays out,
                                    void *decoded, quire_row_sums *sums,
                                    quire_row_fault *out_fault);

/* Of float zero points and choice.eps > 0: how many of the n_rows rows, which are finite, have a
 * group that is not constant but whose min-max scale eps turns into 1. Such a group keeps no more
 * than whole steps of 1 above its least element. */
size_t quire_row_count_flattened(const quire_row_format *f, const float *rows, size_t n_rows);

/* Only the codes, from the scales and zero points already in `io`: what quantize does after it has
 * chosen them. Scales must be positive and finite, float zero points finite, integer ones
 * <= max_code, rows finite; otherwise codes are in range but meaningless. */
void quire_row_encode(const quire_row_format *f, const float *rows, size_t n_rows,
                      quire_row_arrays io);

/* Decodes to the table's own type: out[n_rows][width], quire_row_dtype_size() bytes each.
 * Takes any bytes; those that quantize made never decode to an infinite value. */
void quire_row_dequantize(const quire_row_format *f, quire_row_arrays in, size_t n_rows, void *out);

/* The sums quantize reports, from the original rows and the decoded rows (of f->choice.dtype),
 * bit for bit. */
void quire_row_error(const quire_row_format *f, const float *rows, const void *decoded,
                     size_t n_rows, quire_row_sums *sums);

/* The first NaN or infinity of rows[n_rows][width], in row-major order; false if there is none. */
bool quire_row_find_non_finite(const float *rows, size_t n_rows, size_t width,
                               quire_row_fault *out_fault);

#endif
