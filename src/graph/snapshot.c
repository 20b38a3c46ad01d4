/* snapshot.c - copies of all records, and bringing them back: see edit.h.
 *
 * Chunks of tables and the arrays of graphs never move while a model lives, so a snapshot is a list
 * of places with what stood there. Tables, layers and lists never shrink: there is room for
 * whatever a snapshot brings back, and nothing that is restored after it was made can be missing.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/edit_inner.h"
#include "graph/layer.h"

enum { N_TABLES = 7 };

typedef struct place {
    struct place *next;
    void *at;
    quire_bytes copy;
} place;

struct quire_snapshot {
    const quire_allocator *alloc;
    quire_arena arena; /* all copies */
    place *places;
    uint32_t counts[N_TABLES];
    quire_bytes orphans; /* quire_value each; their array moves when it grows */
    const quire_layer_copy *layers;
    const struct quire_metadata_edit
        *metadata;       /* lists of edits are never changed, only replaced */
    quire_opset *opsets; /* nor are these arrays grown where they stand */
    quire_graph *functions;
    size_t n_opsets, n_functions;
    uint32_t flags;
};

static quire_table *
table_of(quire_model *m, unsigned k)
{
    quire_table *tables[N_TABLES] = {&m->nodes,   &m->values, &m->uses, &m->graphs,
                                     &m->tensors, &m->attrs,  &m->ops};
    return tables[k];
}

/* --- taking ----------------------------------------------------------------------------------- */

static quire_status
keep(quire_ctx *ctx, quire_snapshot *s, void *at, size_t n)
{
    if (n == 0) return QUIRE_OK;
    place *p;
    QUIRE_TRY(quire_arena_take(ctx, &s->arena, sizeof *p, &p));
    QUIRE_TRY(quire_arena_copy(ctx, &s->arena, (quire_bytes){at, n}, &p->copy));
    p->at = at;
    p->next = s->places;
    s->places = p;
    return QUIRE_OK;
}

static quire_status
keep_table(quire_ctx *ctx, quire_snapshot *s, const quire_table *table)
{
    for (uint32_t first = 0; first < table->count; first += QUIRE_CHUNK) {
        const uint32_t left = table->count - first;
        const size_t n = left < QUIRE_CHUNK ? left : QUIRE_CHUNK;
        QUIRE_TRY(keep(ctx, s, quire_table_at(table, first), n * table->record_size));
    }
    return QUIRE_OK;
}

/* Edits set flags in these arrays where they stand. */
static quire_status
keep_arrays(quire_ctx *ctx, quire_snapshot *s, const quire_graph_rec *g)
{
    QUIRE_TRY(keep(ctx, s, g->inputs, g->n_inputs * sizeof *g->inputs));
    QUIRE_TRY(keep(ctx, s, g->outputs, g->n_outputs * sizeof *g->outputs));
    QUIRE_TRY(keep(ctx, s, g->inits, g->n_inits * sizeof *g->inits));
    QUIRE_TRY(keep(ctx, s, g->infos, g->n_infos * sizeof *g->infos));
    return keep(ctx, s, g->notes, g->n_notes * sizeof *g->notes);
}

static quire_status
keep_all(quire_ctx *ctx, quire_snapshot *s, const quire_model *m)
{
    const quire_table *tables[N_TABLES] = {&m->nodes,   &m->values, &m->uses, &m->graphs,
                                           &m->tensors, &m->attrs,  &m->ops};
    for (unsigned k = 0; k < N_TABLES; k++) {
        s->counts[k] = tables[k]->count;
        QUIRE_TRY(keep_table(ctx, s, tables[k]));
    }
    for (uint32_t i = 1; i < m->graphs.count && QUIRE_PLANTED_BUG != 4; i++)
        QUIRE_TRY(keep_arrays(ctx, s, quire_graph_at(m, (quire_graph){i})));
    QUIRE_TRY(keep(ctx, s, m->training, m->n_training * sizeof *m->training));
    const quire_bytes orphans = {(const uint8_t *)m->orphans, m->n_orphans * sizeof *m->orphans};
    QUIRE_TRY(quire_arena_copy(ctx, &s->arena, orphans, &s->orphans));
    return quire_layers_copy(ctx, &s->arena, m, &s->layers);
}

quire_status
quire_snapshot_take(quire_ctx *ctx, const quire_model *m, quire_snapshot **out_snapshot)
{
    quire_snapshot *s = quire_alloc(ctx->alloc, sizeof *s);
    if (s == NULL) return quire_nomem(ctx);
    *s = (quire_snapshot){.alloc = ctx->alloc,
                          .metadata = m->metadata,
                          .opsets = m->opsets,
                          .functions = m->functions,
                          .n_opsets = m->n_opsets,
                          .n_functions = m->n_functions,
                          .flags = m->flags};
    quire_arena_init(&s->arena, ctx->alloc);
    const quire_status status = keep_all(ctx, s, m);
    if (status == QUIRE_OK) {
        *out_snapshot = s;
    } else {
        quire_snapshot_destroy(ctx, s);
    }
    return status;
}

/* --- restoring -------------------------------------------------------------------------------- */

/* Records beyond the first `count` become what quire_table_add takes them for: zero. */
static void
cut_table(quire_table *table, uint32_t count)
{
    for (uint32_t id = count; id < table->count;) {
        const uint32_t in_chunk = QUIRE_CHUNK - (id & (QUIRE_CHUNK - 1));
        const uint32_t n = table->count - id < in_chunk ? table->count - id : in_chunk;
        memset(quire_table_at(table, id), 0, (size_t)n * table->record_size);
        id += n;
    }
    table->count = count;
}

void
quire_snapshot_restore(quire_model *m, const quire_snapshot *s)
{
    for (unsigned k = 0; k < N_TABLES; k++)
        cut_table(table_of(m, k), s->counts[k]);
    for (const place *p = s->places; p != NULL; p = p->next)
        memcpy(p->at, p->copy.ptr, p->copy.len);
    quire_edit_rehash_ops(m);
    m->n_orphans = s->orphans.len / sizeof *m->orphans;
    if (m->n_orphans > 0) memcpy(m->orphans, s->orphans.ptr, s->orphans.len);
    quire_layers_restore(m, s->layers);
    m->metadata = s->metadata;
    m->opsets = s->opsets;
    m->n_opsets = s->n_opsets;
    m->functions = s->functions;
    m->n_functions = s->n_functions;
    m->flags = s->flags;
}

void
quire_snapshot_destroy(quire_ctx *ctx, quire_snapshot *s)
{
    (void)ctx;
    if (s == NULL) return;
    quire_arena_deinit(&s->arena);
    quire_free(s->alloc, s, sizeof *s);
}
