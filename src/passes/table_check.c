/* table_check.c - see table_check.h. */
#include "passes/table_check.h"

#define XXH_STATIC_LINKING_ONLY /* for a hash state that is not allocated */
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/tensor.h"
#include "passes/table_codes.h"

typedef struct checker {
    quire_ctx *ctx;
    const quire_tables *tables;
    const quire_model *written;
    quire_tensor *by_name; /* initializers of all graphs, by symbol */
} checker;

static void
index_initializers(checker *c)
{
    for (uint32_t id = 1; id < c->written->graphs.count; id++) {
        const quire_graph_rec *g = quire_graph_at(c->written, (quire_graph){id});
        for (size_t k = 0; k < g->n_inits; k++) {
            const quire_tensor t = g->inits[k].tensor;
            c->by_name[quire_tensor_at(c->written, t)->name.id] = t;
        }
    }
}

static bool
has_shape(const quire_tensor_rec *r, const quire_part_shape *part)
{
    if (r->dtype != part->dtype || r->rank != part->rank) return false;
    for (uint32_t k = 0; k < r->rank; k++) {
        if (r->dims[k] != part->dims[k]) return false;
    }
    return true;
}

/* One table being decoded. */
typedef struct decoding {
    const quire_found_table *table;
    quire_row_format format;
    quire_part_shape parts[QUIRE_N_PARTS];
    quire_tensor_reader readers[QUIRE_N_PARTS];
    bool plain; /* target dequantized: the values are there as they are */
    uint64_t rows;
    size_t row_size; /* of a decoded row */
    uint8_t *memory;
    size_t memory_size;
    uint8_t *in[QUIRE_N_PARTS], *out;
} decoding;

static quire_status
open_part(checker *c, decoding *d, int part, quire_bytes name)
{
    const quire_sym sym = quire_syms_find(&c->written->syms, name);
    const quire_tensor t = sym.id != 0 ? c->by_name[sym.id] : (quire_tensor){0};
    if (t.id == 0 || !has_shape(quire_tensor_at(c->written, t), &d->parts[part])) {
        return quire_bug(c->ctx, "the written file lacks initializer \"%.*s\", or it is another",
                         (int)name.len, (const char *)name.ptr);
    }
    return quire_tensor_reader_init(c->ctx, &d->readers[part], c->written, t);
}

static quire_status
open_parts(checker *c, decoding *d)
{
    const quire_found_table *t = d->table;
    const quire_target target = c->tables->options->target;
    d->plain = target == QUIRE_TARGET_DEQUANTIZED;
    QUIRE_TRY(quire_table_format(c->ctx, t, &d->format));
    QUIRE_TRY(quire_table_parts(c->ctx, t, &d->format, target, d->parts));
    QUIRE_TRY(open_part(c, d, QUIRE_PART_CODES, t->codes_name));
    if (d->plain) return QUIRE_OK;
    QUIRE_TRY(open_part(c, d, QUIRE_PART_SCALES, t->scales_name));
    return open_part(c, d, QUIRE_PART_ZERO_POINTS, t->zero_points_name);
}

static quire_status
take_memory(checker *c, decoding *d)
{
    enum { ALIGN = 64 };
    uint64_t at[QUIRE_N_PARTS + 1];
    uint64_t total = 0;
    d->rows = quire_table_chunk_rows(d->table);
    d->row_size = d->format.width * quire_row_dtype_size(d->format.choice.dtype);
    for (int p = 0; p <= QUIRE_N_PARTS; p++) {
        const uint64_t row = p < QUIRE_N_PARTS ? d->parts[p].row_size : d->row_size;
        at[p] = total;
        total += (d->rows * row + ALIGN - 1) / ALIGN * ALIGN;
    }
    if (total > SIZE_MAX / 2) return quire_nomem(c->ctx);
    d->memory_size = (size_t)total;
    d->memory = quire_alloc(c->ctx->alloc, d->memory_size);
    if (d->memory == NULL && total > 0) return quire_nomem(c->ctx);
    for (int p = 0; p < QUIRE_N_PARTS; p++)
        d->in[p] = d->memory + at[p];
    d->out = d->memory + at[QUIRE_N_PARTS];
    return QUIRE_OK;
}

static quire_status
decode_chunk(checker *c, decoding *d, size_t n, XXH3_state_t *hash)
{
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        const uint64_t size = n * d->parts[p].row_size;
        if (size == 0) continue;
        QUIRE_TRY(quire_tensor_reader_next(c->ctx, &d->readers[p], d->in[p], (size_t)size));
    }
    const quire_row_arrays in = {d->in[QUIRE_PART_CODES], d->in[QUIRE_PART_SCALES],
                                 d->in[QUIRE_PART_ZERO_POINTS]};
    if (!d->plain) quire_rows_dequantize(&d->format, in, n, d->out);
    XXH3_64bits_update(hash, d->plain ? d->in[QUIRE_PART_CODES] : d->out, n * d->row_size);
    return QUIRE_OK;
}

static quire_status
decode(checker *c, decoding *d)
{
    XXH3_state_t hash;
    QUIRE_TRY(open_parts(c, d));
    QUIRE_TRY(take_memory(c, d));
    XXH3_64bits_reset(&hash);
    for (uint64_t row = 0; row < d->table->rows; row += d->rows) {
        const uint64_t left = d->table->rows - row;
        QUIRE_TRY(quire_check_canceled(c->ctx));
        QUIRE_TRY(decode_chunk(c, d, (size_t)(left < d->rows ? left : d->rows), &hash));
    }
    if (XXH3_64bits_digest(&hash) == d->table->check) return QUIRE_OK;
    return quire_bug(c->ctx, "table \"%.*s\" decodes to other values in the written file",
                     (int)d->table->name.len, (const char *)d->table->name.ptr);
}

static quire_status
check_table(checker *c, const quire_found_table *t)
{
    decoding d = {.table = t};
    const quire_status status = decode(c, &d);
    quire_free(c->ctx->alloc, d.memory, d.memory_size);
    return status;
}

quire_status
quire_tables_check(quire_ctx *ctx, const quire_tables *tables, const quire_model *written)
{
    checker c = {.ctx = ctx, .tables = tables, .written = written};
    const size_t size = written->syms.n * sizeof *c.by_name;
    quire_status status = QUIRE_OK;
    c.by_name = quire_alloc(ctx->alloc, size);
    if (c.by_name == NULL) return quire_nomem(ctx);
    memset(c.by_name, 0, size);
    index_initializers(&c);
    for (size_t i = 0; i < tables->n_tables && status == QUIRE_OK; i++) {
        if (tables->tables[i].quantized) status = check_table(&c, &tables->tables[i]);
    }
    quire_free(ctx->alloc, c.by_name, size);
    return status;
}
