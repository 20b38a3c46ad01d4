/* table_codes.c - see table_codes.h.
 *
 * A chunk of rows is read, widened to float32 and quantized a few rows at a time, so that they stay
 * in the cache of the processor that has them; then, in order, its figures are added up and its
 * parts put where they belong. The buffers of the chunks at work are all that is ever in memory.
 */
#include "passes/table_codes.h"

#include <math.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state that is not allocated */
#include <xxhash.h>

#include "base/diag.h"
#include "base/inorder.h"
#include "graph/tensor.h"
#include "kernels/fp_env.h"

/* What the work on one table needs. */
typedef struct work {
    quire_table_job *job;
    quire_row_format format;
    quire_row_search search;
    quire_part_shape parts[QUIRE_N_PARTS];
    bool decoded;   /* what is put is the decoded values */
    size_t raw_row; /* bytes of a row as stored */
    size_t strip;   /* rows that are quantized at a time */
    /* Where a slot has what: parts of a chunk; sums of its rows; then of a strip: rows as float32,
     * rows as stored or decoded, parts that are not put. */
    size_t parts_at[QUIRE_N_PARTS], sums_at, x_at, raw_at, strip_at[QUIRE_N_PARTS];
    size_t whole_at; /* of typed data, which is read front to back: a chunk as stored */
    size_t slot_size;
    bool typed;
    quire_tensor_reader reader; /* of typed data */
    /* Of what is finished: */
    XXH3_state_t hash;
    double worst_ratio;
} work;

/* A slot begins with what is known of its chunk. */
typedef struct chunk {
    quire_row_status status;
    quire_row_fault fault; /* row: of the chunk */
    size_t flattened;
    uint64_t digest;
} chunk;

enum {
    STRIP = 1 << 15, /* elements quantized at a time */
    PROVE_EACH = 4,  /* of so many chunks one proves its figures */
    PROVE_ROWS = 32, /* at a time */
};

static quire_status
lay_out(quire_ctx *ctx, work *w)
{
    const quire_found_table *t = w->job->table;
    const quire_row_format *f = &w->format;
    const uint64_t rows = quire_table_chunk_rows(t);
    const size_t strip = STRIP / f->width > 0 ? STRIP / f->width : 1;
    size_t at, *total = &w->slot_size;
    w->strip = strip < rows ? strip : (size_t)rows;
    bool fits = quire_table_chunk_layout(w->parts, rows, w->parts_at, total);
    at = (sizeof(chunk) + QUIRE_TABLE_ALIGN - 1) / QUIRE_TABLE_ALIGN * QUIRE_TABLE_ALIGN;
    for (int p = 0; p < QUIRE_N_PARTS; p++)
        w->parts_at[p] += at;
    *total += at;
    fits = fits && quire_table_add_room(total, rows, sizeof(quire_row_sums), &w->sums_at) &&
           quire_table_add_room(total, w->strip, f->width * sizeof(float), &w->x_at) &&
           quire_table_add_room(total, w->strip, w->raw_row, &w->raw_at) &&
           quire_table_add_room(total, w->decoded ? w->strip : 0, f->row_bytes, &w->strip_at[0]) &&
           quire_table_add_room(total, w->decoded ? w->strip : 0, f->n_groups * sizeof(float),
                                &w->strip_at[1]) &&
           quire_table_add_room(total, w->decoded ? w->strip : 0, f->n_groups * sizeof(float),
                                &w->strip_at[2]) &&
           quire_table_add_room(total, w->typed ? rows : 0, w->raw_row, &w->whole_at);
    return fits ? QUIRE_OK : quire_nomem(ctx);
}

/* --- one strip of rows: any thread ------------------------------------------------------------ */

typedef struct strip {
    const work *w;
    uint8_t *slot;
    uint64_t chunk_row; /* of the table, where the chunk begins */
    size_t row, n;      /* of the chunk */
    const float *x;
} strip;

static quire_row_sums *
sums_of(const work *w, uint8_t *slot)
{
    return (quire_row_sums *)(void *)(slot + w->sums_at);
}

/* Rows of the strip as stored; float32 rows are wanted where the kernels read them. */
static quire_status
read_strip(quire_ctx *ctx, strip *s, const uint8_t **out_raw)
{
    const work *w = s->w;
    const quire_model *m = w->job->m;
    const bool wide = w->format.choice.dtype == QUIRE_ROW_DTYPE_F32;
    uint8_t *to = s->slot + (wide ? w->x_at : w->raw_at);
    *out_raw = w->typed ? s->slot + w->whole_at + s->row * w->raw_row : to;
    if (w->typed) return QUIRE_OK;
    return quire_blob_read(ctx, m, quire_tensor_at(m, w->job->table->tensor)->data,
                           (s->chunk_row + s->row) * w->raw_row, to, s->n * w->raw_row);
}

static quire_status
load_strip(quire_ctx *ctx, strip *s)
{
    const work *w = s->w;
    const uint8_t *raw;
    QUIRE_TRY(read_strip(ctx, s, &raw));
    s->x = (const float *)(const void *)raw;
    if (w->format.choice.dtype == QUIRE_ROW_DTYPE_F32) return QUIRE_OK;
    float *x = (float *)(void *)(s->slot + w->x_at);
    quire_row_widen(w->format.choice.dtype, raw, s->n * w->format.width, x);
    s->x = x;
    return QUIRE_OK;
}

static quire_row_arrays
arrays_of(const strip *s)
{
    const work *w = s->w;
    uint8_t *at[QUIRE_N_PARTS];
    for (int p = 0; p < QUIRE_N_PARTS; p++)
        at[p] = w->decoded ? s->slot + w->strip_at[p]
                           : s->slot + w->parts_at[p] + s->row * (size_t)w->parts[p].row_size;
    return (quire_row_arrays){at[QUIRE_PART_CODES], at[QUIRE_PART_SCALES],
                              at[QUIRE_PART_ZERO_POINTS]};
}

static quire_status
another_error(quire_ctx *ctx, const strip *s, size_t row)
{
    const quire_found_table *t = s->w->job->table;
    return quire_bug(ctx, "table \"%.*s\", row %llu: its error is not that of its codes",
                     (int)t->name.len, (const char *)t->name.ptr,
                     (unsigned long long)(s->chunk_row + s->row + row));
}

/* The figures are those of the values that the parts decode to. */
static quire_status
prove(quire_ctx *ctx, const strip *s)
{
    const work *w = s->w;
    uint8_t *decoded = s->slot + w->raw_at;
    const quire_row_sums *sums = sums_of(w, s->slot) + s->row;
    quire_row_sums again[PROVE_ROWS];
    quire_row_dequantize(&w->format, arrays_of(s), s->n, decoded);
    for (size_t k = 0, n; k < s->n; k += n) {
        n = s->n - k < PROVE_ROWS ? s->n - k : PROVE_ROWS;
        quire_row_error(&w->format, s->x + k * w->format.width, decoded + k * w->raw_row, n, again);
        for (size_t r = 0; r < n; r++) {
            if (memcmp(&again[r], &sums[k + r], sizeof again[r]) != 0)
                return another_error(ctx, s, k + r);
        }
    }
    return QUIRE_OK;
}

static void
quantize_strip(const strip *s, chunk *c)
{
    const work *w = s->w;
    uint8_t *decoded = w->decoded ? s->slot + w->parts_at[0] + s->row * w->raw_row : NULL;
    c->status = quire_row_quantize(&w->format, w->search, s->x, s->n, arrays_of(s), decoded,
                                   sums_of(w, s->slot) + s->row, &c->fault);
    if (c->status == QUIRE_ROW_OK && w->job->table->eps > 0)
        c->flattened += quire_row_count_flattened(&w->format, s->x, s->n);
}

static void
look_at_strip(const strip *s, chunk *c)
{
    if (quire_row_find_non_finite(s->x, s->n, s->w->format.width, &c->fault))
        c->status = QUIRE_ROW_NON_FINITE;
}

/* --- one chunk -------------------------------------------------------------------------------- */

static quire_status
start_chunk(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    work *w = data;
    const size_t n = quire_table_rows_of(w->job->table, i);
    return quire_tensor_reader_next(ctx, &w->reader, (uint8_t *)slot + w->whole_at, n * w->raw_row);
}

static quire_status
work_on_strip(quire_ctx *ctx, strip *s, chunk *c, bool proves)
{
    QUIRE_TRY(load_strip(ctx, s));
    if (s->w->job->look_only) {
        look_at_strip(s, c);
    } else {
        quantize_strip(s, c);
        if (proves && c->status == QUIRE_ROW_OK) QUIRE_TRY(prove(ctx, s));
    }
    if (c->status != QUIRE_ROW_OK) c->fault.row += s->row;
    return QUIRE_OK;
}

static quire_status
work_on_chunk(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    const work *w = data;
    chunk *c = slot;
    const size_t n = quire_table_rows_of(w->job->table, i);
    strip s = {.w = w, .slot = slot, .chunk_row = i * quire_table_chunk_rows(w->job->table)};
    *c = (chunk){.status = QUIRE_ROW_OK};
    QUIRE_TRY(quire_check_canceled(ctx));
    for (; s.row < n && c->status == QUIRE_ROW_OK; s.row += s.n) {
        s.n = n - s.row < w->strip ? n - s.row : w->strip;
        QUIRE_TRY(work_on_strip(ctx, &s, c, s.row == 0 && i % PROVE_EACH == 0));
    }
    if (!w->job->look_only && c->status == QUIRE_ROW_OK)
        c->digest = quire_table_chunk_digest(w->parts, w->parts_at, slot, n);
    return QUIRE_OK;
}

/* --- what is finished, in order --------------------------------------------------------------- */

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
    quire_fp_env saved;
    quire_fp_enter(&saved);
    for (size_t i = 0; i < n; i++) {
        t->sum_xx += sums[i].xx;
        t->sum_ee += sums[i].ee;
        note_worst(t, io_ratio, first + i, sums[i]);
    }
    quire_fp_leave(&saved);
}

static quire_status
put_parts(quire_ctx *ctx, const work *w, const uint8_t *slot, uint64_t first, size_t n)
{
    quire_table_job *job = w->job;
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        const uint64_t row_size = w->parts[p].row_size;
        if (w->parts[p].size == 0) continue;
        QUIRE_TRY(job->put(ctx, job->data, (quire_part)p, first * row_size, slot + w->parts_at[p],
                           n * (size_t)row_size));
    }
    return QUIRE_OK;
}

static quire_status
scale_overflow(quire_ctx *ctx, const quire_found_table *t, uint64_t row)
{
    return quire_fail(ctx, QUIRE_E_INVALID, NULL,
                      "table \"%.*s\", row %llu (counted from 0): its scale is beyond float16; use "
                      "float32 scales, or leave the table out",
                      (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)row);
}

static quire_status
note_non_finite(quire_table_job *job, uint64_t first, quire_row_fault fault)
{
    job->finite = false;
    job->row = first + fault.row;
    job->column = fault.column;
    return QUIRE_NONE;
}

static quire_status
finish_chunk(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    work *w = data;
    const chunk *c = slot;
    quire_table_job *job = w->job;
    const uint64_t first = i * quire_table_chunk_rows(job->table);
    const size_t n = quire_table_rows_of(job->table, i);
    switch (c->status) {
    case QUIRE_ROW_OK: break;
    case QUIRE_ROW_NON_FINITE: return note_non_finite(job, first, c->fault);
    case QUIRE_ROW_SCALE_OVERFLOW: return scale_overflow(ctx, job->table, first + c->fault.row);
    }
    if (!job->look_only) {
        add_figures(job->table, &w->worst_ratio, first, sums_of(w, slot), n);
        job->table->flattened_rows += c->flattened;
        XXH3_64bits_update(&w->hash, &c->digest, sizeof c->digest);
        QUIRE_TRY(put_parts(ctx, w, slot, first, n));
    }
    if (ctx->progress != NULL)
        ctx->progress(ctx->progress_data, "quantizing", job->done + first * w->raw_row, job->total);
    return QUIRE_OK;
}

/* --- the table -------------------------------------------------------------------------------- */

static quire_status
prepare(quire_ctx *ctx, work *w)
{
    const quire_table_job *job = w->job;
    const quire_found_table *t = job->table;
    QUIRE_TRY(quire_table_format(ctx, t, &w->format));
    QUIRE_TRY(quire_table_parts(ctx, t, &w->format, job->options->target, w->parts));
    QUIRE_TRY(quire_tensor_reader_init(ctx, &w->reader, job->m, t->tensor));
    w->search = t->search_mse ? QUIRE_ROW_SEARCH_MSE : QUIRE_ROW_SEARCH_MINMAX;
    w->decoded = job->options->target == QUIRE_TARGET_DEQUANTIZED;
    w->raw_row = w->format.width * quire_row_dtype_size(w->format.choice.dtype);
    w->typed = quire_tensor_at(job->m, t->tensor)->form == QUIRE_FORM_TYPED;
    XXH3_INITSTATE(&w->hash);
    XXH3_64bits_reset(&w->hash);
    return lay_out(ctx, w);
}

quire_status
quire_table_quantize(quire_ctx *ctx, quire_table_job *job)
{
    work w = {.job = job};
    quire_found_table *t = job->table;
    QUIRE_TRY(prepare(ctx, &w));
    job->finite = true;
    t->sum_xx = t->sum_ee = 0;
    t->has_worst = false;
    t->flattened_rows = 0;
    const quire_inorder chunks = {.n = quire_table_n_chunks(t),
                                  .slot_size = w.slot_size,
                                  .room = QUIRE_TABLE_ROOM,
                                  .data = &w,
                                  .start = w.typed ? start_chunk : NULL,
                                  .work = work_on_chunk,
                                  .finish = finish_chunk};
    QUIRE_TRY(quire_inorder_run(ctx, &chunks));
    t->check = XXH3_64bits_digest(&w.hash);
    return QUIRE_OK;
}
