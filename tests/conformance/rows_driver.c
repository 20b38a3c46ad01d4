/* rows_driver.c - runs the row kernels on what rows_reference.py sends, and says what came out.
 *
 * Requests on stdin, answers on stdout, until end of file; little-endian, no padding. A request is
 * nine int32: operation, bits, block, zero point, scale, dtype, search, width, rows; then the
 * table's bytes. Answers:
 *   QUANTIZE  per row int32 status and int32 fault column; codes, scales, zero points, the decoded
 *             table, per row two doubles (sums), and int32 1 if encoding from the stored parameters
 *             and summing the decoded rows gave the same bytes again. Rows with a fault are zero.
 *   WIDEN     the table (float16 or bfloat16) as float32
 *   NARROW    the table (float32) as dtype
 */
#include "kernels/rows_kernels.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUANTIZE, WIDEN, NARROW };

typedef struct request {
    int32_t operation, bits, block, zero_point, scale, dtype, search, width, rows;
} request;

static void *
take(size_t size)
{
    void *p = calloc(size + 1, 1);

    if (!p) abort();
    return p;
}

static void
give(const void *bytes, size_t size)
{
    if (size && fwrite(bytes, size, 1, stdout) != 1) abort();
}

static void *
read_bytes(size_t size)
{
    void *p = take(size);

    if (size && fread(p, size, 1, stdin) != 1) abort();
    return p;
}

static void
convert(const request *r)
{
    const size_t n = (size_t)r->rows * (size_t)r->width;
    const quire_row_dtype dtype = (quire_row_dtype)r->dtype;
    const bool widen = r->operation == WIDEN;
    void *in = read_bytes(n * (widen ? quire_row_dtype_size(dtype) : sizeof(float)));
    float *out = take(n * sizeof *out);

    if (widen) {
        quire_row_widen(dtype, in, n, out);
    } else {
        quire_row_put(quire_row_kernels_get(QUIRE_ISA_AUTO), dtype, in, n, out);
    }
    give(out, n * (widen ? sizeof *out : quire_row_dtype_size(dtype)));
    free(in);
    free(out);
}

static quire_row_arrays
row_arrays(const quire_row_format *f, quire_row_arrays a, size_t row)
{
    return (quire_row_arrays){
        .codes = a.codes + row * f->row_bytes,
        .scales = (uint8_t *)a.scales + row * f->n_groups * f->scale_size,
        .zero_points = (uint8_t *)a.zero_points + row * f->n_groups * f->zero_point_size,
    };
}

static void
clear_row(const quire_row_format *f, quire_row_arrays a)
{
    memset(a.codes, 0, f->row_bytes);
    memset(a.scales, 0, f->n_groups * f->scale_size);
    memset(a.zero_points, 0, f->n_groups * f->zero_point_size);
}

/* As a caller would: whole chunks, going on after a fault at the next row. */
static void
quantize_all(const quire_row_format *f, const request *r, const float *x, quire_row_arrays a,
             quire_row_sums *sums, int32_t *faults)
{
    const size_t n = (size_t)r->rows;

    for (size_t row = 0; row < n; row++) {
        quire_row_fault fault = {.row = n - row};
        const quire_row_status status =
            quire_row_quantize(f, (quire_row_search)r->search, x + row * f->width, n - row,
                               row_arrays(f, a, row), NULL, sums + row, &fault);
        row += fault.row;
        if (status == QUIRE_ROW_OK) break;
        clear_row(f, row_arrays(f, a, row));
        faults[2 * row] = (int32_t)status;
        faults[2 * row + 1] = (int32_t)fault.column;
    }
}

/* Rows without a fault encode again from their own parameters, and sum up again when decoded. */
static int32_t
is_repeatable(const quire_row_format *f, const float *x, quire_row_arrays a, const uint8_t *decoded,
              const quire_row_sums *sums, const int32_t *faults, size_t n)
{
    const size_t row_size = f->width * quire_row_dtype_size(f->choice.dtype);
    uint8_t *codes = take(f->row_bytes);
    int32_t same = 1;

    for (size_t row = 0; row < n; row++) {
        quire_row_arrays again = row_arrays(f, a, row);
        quire_row_sums sum;
        if (faults[2 * row]) continue;
        again.codes = codes;
        memset(codes, 0xa5, f->row_bytes);
        quire_row_encode(f, x + row * f->width, 1, again);
        quire_row_error(f, x + row * f->width, decoded + row * row_size, 1, &sum);
        if (memcmp(codes, a.codes + row * f->row_bytes, f->row_bytes)) same = 0;
        if (memcmp(&sum, sums + row, sizeof sum)) same = 0;
    }
    free(codes);
    return same;
}

static void
quantize(const request *r)
{
    const quire_row_choice choice = {
        .bits = (uint32_t)r->bits,
        .block = (uint32_t)r->block,
        .zero_point = (quire_row_zero_point)r->zero_point,
        .scale = (quire_row_scale)r->scale,
        .dtype = (quire_row_dtype)r->dtype,
    };
    const size_t n = (size_t)r->rows;
    const size_t size = quire_row_dtype_size(choice.dtype);
    quire_row_format f;

    if (!quire_row_format_init(&f, choice, (size_t)r->width)) abort();
    void *table = read_bytes(n * f.width * size);
    float *x = take(n * f.width * sizeof *x);
    quire_row_arrays a = {
        .codes = take(n * f.row_bytes),
        .scales = take(n * f.n_groups * f.scale_size),
        .zero_points = take(n * f.n_groups * f.zero_point_size),
    };
    quire_row_sums *sums = take(n * sizeof *sums);
    int32_t *faults = take(n * 2 * sizeof *faults);
    uint8_t *decoded = take(n * f.width * size);

    quire_row_widen(choice.dtype, table, n * f.width, x);
    quantize_all(&f, r, x, a, sums, faults);
    quire_row_dequantize(&f, a, n, decoded);
    const int32_t same = is_repeatable(&f, x, a, decoded, sums, faults, n);
    give(faults, n * 2 * sizeof *faults);
    give(a.codes, n * f.row_bytes);
    give(a.scales, n * f.n_groups * f.scale_size);
    give(a.zero_points, n * f.n_groups * f.zero_point_size);
    give(decoded, n * f.width * size);
    give(sums, n * sizeof *sums);
    give(&same, sizeof same);
    free(table), free(x), free(a.codes), free(a.scales), free(a.zero_points);
    free(sums), free(faults), free(decoded);
}

int
main(void)
{
    request r;

    while (fread(&r, sizeof r, 1, stdin) == 1) {
        if (r.operation == QUANTIZE) {
            quantize(&r);
        } else {
            convert(&r);
        }
        fflush(stdout);
    }
    return 0;
}
