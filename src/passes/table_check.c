/* table_check.c - see table_check.h. */
#include "passes/table_check.h"

#define XXH_STATIC_LINKING_ONLY /* for a hash state that is not allocated */
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/inorder.h"
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

/* One table being compared. */
typedef struct comparing {
    const quire_found_table *table;
    const quire_model *written;
    quire_part_shape parts[QUIRE_N_PARTS];
    quire_blob data[QUIRE_N_PARTS];
    size_t at[QUIRE_N_PARTS]; /* of a chunk's parts in its slot, behind the digest */
    XXH3_state_t hash;
} comparing;

enum { DIGEST_ROOM = 64 }; /* at the start of a slot */

static quire_status
find_part(checker *c, comparing *k, int part, quire_bytes name)
{
    const quire_sym sym = quire_syms_find(&c->written->syms, name);
    const quire_tensor t = sym.id != 0 ? c->by_name[sym.id] : (quire_tensor){0};
    const quire_tensor_rec *r = t.id != 0 ? quire_tensor_at(c->written, t) : NULL;
    if (r == NULL || !has_shape(r, &k->parts[part]) || r->form == QUIRE_FORM_TYPED ||
        r->form == QUIRE_FORM_SPARSE) {
        return quire_bug(c->ctx, "the written file lacks initializer \"%.*s\", or it is another",
                         (int)name.len, (const char *)name.ptr);
    }
    k->data[part] = r->data;
    return QUIRE_OK;
}

static quire_status
find_parts(checker *c, comparing *k)
{
    const quire_found_table *t = k->table;
    const quire_target target = c->tables->options->target;
    quire_row_format f;
    QUIRE_TRY(quire_table_format(c->ctx, t, &f));
    QUIRE_TRY(quire_table_parts(c->ctx, t, &f, target, k->parts));
    QUIRE_TRY(find_part(c, k, QUIRE_PART_CODES, t->codes_name));
    if (target == QUIRE_TARGET_DEQUANTIZED) return QUIRE_OK;
    QUIRE_TRY(find_part(c, k, QUIRE_PART_SCALES, t->scales_name));
    return find_part(c, k, QUIRE_PART_ZERO_POINTS, t->zero_points_name);
}

static quire_status
digest_chunk(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    const comparing *k = data;
    uint8_t *memory = (uint8_t *)slot + DIGEST_ROOM;
    const uint64_t first = i * quire_table_chunk_rows(k->table);
    const size_t n = quire_table_rows_of(k->table, i);
    QUIRE_TRY(quire_check_canceled(ctx));
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        const uint64_t row_size = k->parts[p].row_size;
        if (k->parts[p].size == 0) continue;
        QUIRE_TRY(quire_blob_read(ctx, k->written, k->data[p], first * row_size, memory + k->at[p],
                                  n * (size_t)row_size));
    }
    const uint64_t digest = quire_table_chunk_digest(k->parts, k->at, memory, n);
    memcpy(slot, &digest, sizeof digest);
    return QUIRE_OK;
}

static quire_status
add_digest(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    comparing *k = data;
    (void)ctx;
    (void)i;
    XXH3_64bits_update(&k->hash, slot, sizeof(uint64_t));
    return QUIRE_OK;
}

static quire_status
check_table(checker *c, const quire_found_table *t)
{
    comparing k = {.table = t, .written = c->written};
    size_t size;
    QUIRE_TRY(find_parts(c, &k));
    if (!quire_table_chunk_layout(k.parts, quire_table_chunk_rows(t), k.at, &size))
        return quire_nomem(c->ctx);
    XXH3_INITSTATE(&k.hash);
    XXH3_64bits_reset(&k.hash);
    const quire_inorder chunks = {.n = quire_table_n_chunks(t),
                                  .slot_size = DIGEST_ROOM + size,
                                  .room = QUIRE_TABLE_ROOM,
                                  .data = &k,
                                  .work = digest_chunk,
                                  .finish = add_digest};
    QUIRE_TRY(quire_inorder_run(c->ctx, &chunks));
    if (XXH3_64bits_digest(&k.hash) == t->check) return QUIRE_OK;
    return quire_bug(c->ctx, "table \"%.*s\" decodes to other values in the written file",
                     (int)t->name.len, (const char *)t->name.ptr);
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
