/* table_codes.c - see table_codes.h.
 *
 * A chunk of rows is read, widened to float32, quantized, decoded again for the hash, and its parts
 * go to their spools; the buffers of a chunk are all that is ever in memory.
 */
#include "passes/table_codes.h"

#include <math.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state that is not allocated */
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/tensor.h"
#include "kernels/fp_env.h"

static quire_row_dtype
stored_dtype(int32_t dtype)
{
    if (dtype == QUIRE_DTYPE_FLOAT16) return QUIRE_ROW_DTYPE_F16;
    return dtype == QUIRE_DTYPE_BFLOAT16 ? QUIRE_ROW_DTYPE_BF16 : QUIRE_ROW_DTYPE_F32;
}

quire_status
quire_table_format(quire_ctx *ctx, const quire_found_table *t, quire_row_format *out_format)
{
    const quire_row_choice choice = {
        .bits = t->bits,
        .block = t->block,
        .zero_point = t->zero_point_float ? QUIRE_ROW_ZERO_POINT_FLOAT : QUIRE_ROW_ZERO_POINT_INT,
        .scale = t->scale_f16 ? QUIRE_ROW_SCALE_F16 : QUIRE_ROW_SCALE_F32,
        .dtype = stored_dtype(t->dtype),
        .eps = t->eps,
    };
    if (t->width <= SIZE_MAX / 64 && quire_row_format_init(out_format, choice, (size_t)t->width))
        return QUIRE_OK;
    return quire_fail(
        ctx, QUIRE_E_UNSUPPORTED, NULL,
        "table \"%.*s\" of %llu columns cannot be quantized; leave it out with --skip",
        (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)t->width);
}

/* Fills in size and dims: rows [V, n], blocks [V, S, n]. */
static bool
shape_part(quire_part_shape *part, const quire_found_table *t, const quire_row_format *f,
           int32_t dtype, uint64_t per_group, uint64_t group_size)
{
    const bool blocks = f->choice.block != 0;
    *part = (quire_part_shape){.dtype = dtype, .rank = blocks ? 3 : 2};
    part->dims[0] = (int64_t)t->rows;
    part->dims[1] = blocks ? (int64_t)f->n_groups : (int64_t)per_group;
    part->dims[2] = blocks ? (int64_t)per_group : 0;
    part->row_size = f->n_groups * group_size;
    return quire_mul_u64(t->rows, part->row_size, &part->size);
}

static bool
shape_float_table(quire_part_shape *part, const quire_found_table *t, const quire_row_format *f)
{
    *part = (quire_part_shape){.dtype = t->dtype, .rank = 2};
    part->dims[0] = (int64_t)t->rows;
    part->dims[1] = (int64_t)t->width;
    part->row_size = t->width * quire_row_dtype_size(f->choice.dtype);
    return quire_mul_u64(t->rows, part->row_size, &part->size);
}

static bool
shape_parts(quire_part_shape *parts, const quire_found_table *t, const quire_row_format *f)
{
    const int32_t scale = t->scale_f16 ? QUIRE_DTYPE_FLOAT16 : QUIRE_DTYPE_FLOAT;
    const int32_t zero_point = t->zero_point_float ? QUIRE_DTYPE_FLOAT : QUIRE_DTYPE_UINT8;
    return shape_part(&parts[QUIRE_PART_CODES], t, f, QUIRE_DTYPE_UINT8, f->group_bytes,
                      f->group_bytes) &&
           shape_part(&parts[QUIRE_PART_SCALES], t, f, scale, 1, f->scale_size) &&
           shape_part(&parts[QUIRE_PART_ZERO_POINTS], t, f, zero_point, 1, f->zero_point_size);
}

quire_status
quire_table_parts(quire_ctx *ctx, const quire_found_table *t, const quire_row_format *f,
                  quire_target target, quire_part_shape out_parts[QUIRE_N_PARTS])
{
    memset(out_parts, 0, QUIRE_N_PARTS * sizeof *out_parts);
    const bool fits = target == QUIRE_TARGET_DEQUANTIZED
                          ? shape_float_table(&out_parts[QUIRE_PART_CODES], t, f)
                          : shape_parts(out_parts, t, f);
    if (fits) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_LIMIT, NULL, "table \"%.*s\" is too large to be quantized",
                      (int)t->name.len, (const char *)t->name.ptr);
}

/* What the work on one table needs. `memory` is cut into the buffers after it, each for `rows`
 * rows. */
typedef struct chunks {
    quire_ctx *ctx;
    quire_table_job *job;
    quire_row_format format;
    quire_part_shape parts[QUIRE_N_PARTS];
    quire_tensor_reader reader;
    XXH3_state_t hash;
    uint64_t rows;
    size_t raw_row; /* bytes of a row as stored */
    uint8_t *memory;
    size_t memory_size;
    float *x;
    uint8_t *raw; /* as read, later as decoded */
    uint8_t *out[QUIRE_N_PARTS];
    quire_row_sums *sums;
} chunks;

static quire_status
take_memory(chunks *c)
{
    const quire_row_format *f = &c->format;
    const size_t sizes[] = {f->width * sizeof *c->x,
                            sizeof *c->sums,
                            c->raw_row,
                            f->row_bytes,
                            f->n_groups * sizeof(float),
                            f->n_groups * sizeof(float)};
    enum { N = sizeof sizes / sizeof *sizes, ALIGN = 64 };
    size_t at[N];
    uint64_t total = 0, size;
    for (size_t i = 0; i < N; i++) {
        if (!quire_mul_u64(sizes[i], c->rows, &size) || size > SIZE_MAX / 16)
            return quire_nomem(c->ctx);
        at[i] = (size_t)total;
        total += (size + ALIGN - 1) / ALIGN * ALIGN;
    }
    c->memory_size = (size_t)total;
    c->memory = quire_alloc(c->ctx->alloc, c->memory_size);
    if (c->memory == NULL && total > 0) return quire_nomem(c->ctx);
    c->x = (float *)(void *)(c->memory + at[0]);
    c->sums = (quire_row_sums *)(void *)(c->memory + at[1]);
    c->raw = c->memory + at[2];
    for (int p = 0; p < QUIRE_N_PARTS; p++)
        c->out[p] = c->memory + at[3 + p];
    return QUIRE_OK;
}

static quire_status
read_rows(chunks *c, size_t n)
{
    const bool wide = c->format.choice.dtype == QUIRE_ROW_DTYPE_F32;
    void *to = wide ? (void *)c->x : c->raw;
    QUIRE_TRY(quire_tensor_reader_next(c->ctx, &c->reader, to, n * c->raw_row));
    if (!wide) quire_row_widen(c->format.choice.dtype, c->raw, n * c->format.width, c->x);
    return QUIRE_OK;
}

/* A row of less SQNR than any before it. Ratios are compared first: few rows need a logarithm. */
static void
note_worst(quire_found_table *t, double *io_ratio, uint64_t row, quire_row_sums s)
{
    if (!(s.ee > 0)) return;
    const double ratio = s.xx / s.ee;
    if (t->has_worst && !(ratio < *io_ratio)) return;
    const double db = 10 * log10(ratio);
    if (t->has_worst && !(db < t->worst_sqnr_db)) return;
    t->has_worst = true;
    t->worst_row = row;
    t->worst_sqnr_db = db;
    *io_ratio = ratio;
}

static void
add_figures(quire_found_table *t, double *io_ratio, uint64_t first, const quire_row_sums *sums,
            size_t n)
{
    fenv_t saved;
    quire_fp_enter(&saved);
    for (size_t i = 0; i < n; i++) {
        t->sum_xx += sums[i].xx;
        t->sum_ee += sums[i].ee;
        note_worst(t, io_ratio, first + i, sums[i]);
    }
    quire_fp_leave(&saved);
}

static quire_status
append_parts(chunks *c, uint64_t first, size_t n)
{
    const bool decoded = c->job->tables->options->target == QUIRE_TARGET_DEQUANTIZED;
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        const uint64_t size = n * c->parts[p].row_size;
        const void *bytes = decoded ? c->raw : c->out[p];
        uint64_t off;
        if (size == 0) continue;
        QUIRE_TRY(
            quire_spool_append(c->ctx, &c->job->tables->spools[p], bytes, (size_t)size, &off));
        if (first == 0) c->job->place.off[p] = off;
    }
    return QUIRE_OK;
}

static quire_status
scale_overflow(chunks *c, uint64_t row)
{
    const quire_found_table *t = c->job->table;
    return quire_fail(c->ctx, QUIRE_E_INVALID, NULL,
                      "table \"%.*s\", row %llu (counted from 0): its scale is beyond float16; use "
                      "float32 scales, or leave the table out",
                      (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)row);
}

static void
note_fault(chunks *c, uint64_t first, quire_row_fault fault)
{
    c->job->finite = false;
    c->job->row = first + fault.row;
    c->job->column = fault.column;
}

/* Rows [first, first + n). */
static quire_status
quantize_chunk(chunks *c, uint64_t first, size_t n, double *io_ratio)
{
    quire_found_table *t = c->job->table;
    const quire_row_search search = t->search_mse ? QUIRE_ROW_SEARCH_MSE : QUIRE_ROW_SEARCH_MINMAX;
    const quire_row_arrays out = {c->out[QUIRE_PART_CODES], c->out[QUIRE_PART_SCALES],
                                  c->out[QUIRE_PART_ZERO_POINTS]};
    quire_row_fault fault = {0, 0};
    QUIRE_TRY(read_rows(c, n));
    if (c->job->look_only) {
        if (quire_rows_find_non_finite(c->x, n, c->format.width, &fault))
            note_fault(c, first, fault);
        return QUIRE_OK;
    }
    switch (quire_rows_quantize(&c->format, search, c->x, n, out, c->sums, &fault)) {
    case QUIRE_ROW_OK: break;
    case QUIRE_ROW_NON_FINITE: note_fault(c, first, fault); return QUIRE_OK;
    case QUIRE_ROW_SCALE_OVERFLOW: return scale_overflow(c, first + fault.row);
    }
    quire_rows_dequantize(&c->format, out, n, c->raw);
    XXH3_64bits_update(&c->hash, c->raw, n * c->raw_row);
    add_figures(t, io_ratio, first, c->sums, n);
    if (t->eps > 0) t->flattened_rows += quire_rows_count_flattened(&c->format, c->x, n);
    return append_parts(c, first, n);
}

static quire_status
quantize_all(chunks *c)
{
    quire_found_table *t = c->job->table;
    double ratio = 0;
    QUIRE_TRY(take_memory(c));
    QUIRE_TRY(quire_tensor_reader_init(c->ctx, &c->reader, c->job->m, t->tensor));
    XXH3_64bits_reset(&c->hash);
    for (uint64_t row = 0; row < t->rows && c->job->finite; row += c->rows) {
        const uint64_t left = t->rows - row;
        QUIRE_TRY(quire_check_canceled(c->ctx));
        QUIRE_TRY(quantize_chunk(c, row, (size_t)(left < c->rows ? left : c->rows), &ratio));
        if (c->ctx->progress == NULL) continue;
        c->ctx->progress(c->ctx->progress_data, "quantizing", c->job->done + row * c->raw_row,
                         c->job->total);
    }
    t->check = XXH3_64bits_digest(&c->hash);
    return QUIRE_OK;
}

quire_status
quire_table_quantize(quire_ctx *ctx, quire_table_job *job)
{
    chunks c = {.ctx = ctx, .job = job};
    quire_found_table *t = job->table;
    QUIRE_TRY(quire_table_format(ctx, t, &c.format));
    QUIRE_TRY(quire_table_parts(ctx, t, &c.format, job->tables->options->target, c.parts));
    c.raw_row = c.format.width * quire_row_dtype_size(c.format.choice.dtype);
    c.rows = quire_table_chunk_rows(t);
    job->finite = true;
    t->sum_xx = t->sum_ee = 0;
    t->has_worst = false;
    t->flattened_rows = 0;
    const quire_status status = quantize_all(&c);
    quire_free(ctx->alloc, c.memory, c.memory_size);
    return status;
}
