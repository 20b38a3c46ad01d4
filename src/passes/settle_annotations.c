/* settle_annotations.c - what becomes of annotations when the lookups are decided; see follower.h.
 *
 * A slot on a way is lowered if lookups that read through it were, with its own spec; then those
 * that obey it were, too. The values on the ways form trees with the tables as roots: what reads
 * through a value is counted once per value, however many lookups share the way.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "passes/follow_annotations.h"
#include "passes/follower.h"

/* Lookup i has to do with the annotation; one that was left alone says more than one that was not.
 * */
static void
connect(follower *f, uint32_t annotation, size_t i)
{
    const quire_lookup *lookups = f->tables->lookups;
    uint32_t *known = &f->tables->annotated[annotation - 1].lookup;
    const bool says_less = *known == 0 || lookups[*known - 1].reason == QUIRE_REASON_NONE;
    if (*known == 0 || (says_less && lookups[i].reason != QUIRE_REASON_NONE))
        *known = (uint32_t)i + 1;
}

static void
count_readers(follower *f)
{
    for (size_t i = 0; i < f->tables->n_lookups; i++) {
        const quire_lookup *l = &f->tables->lookups[i];
        if (f->obeyed[i] == 0) continue;
        reader_count *c = &f->readers[quire_node_input(f->m, l->node, 0).id];
        c->n++;
        c->n_lowered += l->reason == QUIRE_REASON_NONE;
    }
    for (size_t k = f->n_wrappers; k > 0; k--) {
        const quire_node n = f->wrappers[k - 1];
        const reader_count c = f->readers[quire_node_result(f->m, n, 0).id];
        reader_count *behind = &f->readers[quire_node_input(f->m, n, 0).id];
        behind->n += c.n;
        behind->n_lowered += c.n_lowered;
    }
}

static void
connect_lookups(follower *f)
{
    for (size_t i = 0; i < f->tables->n_lookups; i++) {
        const quire_lookup *l = &f->tables->lookups[i];
        if (f->obeyed[i] == 0) continue;
        connect(f, f->obeyed[i], i);
        const uint32_t own = follower_operand(f, l->node);
        if (own != 0 && l->reason == QUIRE_REASON_NONE)
            f->tables->annotated[own - 1].table = l->table;
    }
}

/* An annotation on the way to `table` (index + 1), read by what `c` counts. */
static void
settle(follower *f, uint32_t annotation, uint32_t table, reader_count c)
{
    if (annotation == 0 || c.n == 0) return;
    quire_annotated *a = &f->tables->annotated[annotation - 1];
    const uint32_t decider = f->deciders[table - 1];
    const bool lowered =
        c.n_lowered > 0 &&
        quire_spec_equal(follower_spec(f, annotation), follower_spec(f, f->obeyed[decider - 1]));
    if (lowered && a->lookup == 0) a->lookup = decider;
    if (lowered) a->table = table;
    a->overruled = !lowered;
}

/* `table_of`: index + 1 of the table by base value. */
static void
settle_ways(follower *f, const uint32_t *table_of)
{
    for (size_t i = 0; i < f->tables->n_tables; i++) {
        const quire_value v = f->tables->tables[i].value;
        settle(f, follower_value(f, v), (uint32_t)i + 1, f->readers[v.id]);
    }
    for (size_t k = 0; k < f->n_wrappers; k++) {
        const quire_node n = f->wrappers[k];
        const quire_value v = quire_node_result(f->m, n, 0);
        const uint32_t table = table_of[f->origins.of[v.id].base.id];
        settle(f, follower_value(f, v), table, f->readers[v.id]);
        settle(f, follower_operand(f, n), table, f->readers[v.id]);
    }
}

/* What the graph ruled out has its reason from find-tables. */
static void
connect_ineligible(follower *f)
{
    for (size_t i = 0; i < f->tables->n_lookups; i++) {
        const quire_lookup *l = &f->tables->lookups[i];
        if (f->obeyed[i] != 0) continue;
        uint32_t a = follower_lookup(f, l);
        if (a == 0 && l->table != 0) {
            a = follower_value(f, f->tables->tables[l->table - 1].value);
        }
        if (a != 0 && f->tables->annotated[a - 1].lookup == 0) connect(f, a, i);
    }
}

quire_status
follower_settle(follower *f)
{
    const size_t size = f->origins.n * sizeof(uint32_t);
    uint32_t *table_of = quire_alloc(f->ctx->alloc, size);
    if (table_of == NULL) return quire_nomem(f->ctx);
    memset(table_of, 0, size);
    for (size_t i = 0; i < f->tables->n_tables; i++)
        table_of[f->tables->tables[i].value.id] = (uint32_t)i + 1;
    count_readers(f);
    connect_lookups(f);
    settle_ways(f, table_of);
    connect_ineligible(f);
    quire_free(f->ctx->alloc, table_of, size);
    return QUIRE_OK;
}

void
quire_tables_clear_lowered(quire_run *run)
{
    const quire_tables *tables = run->tables;
    quire_layer *layer = quire_layer_find(run->model, FOLLOWER_LAYER);
    for (size_t i = 0; layer != NULL && i < tables->n_annotated; i++) {
        const uint32_t table = tables->annotated[i].table;
        if (table == 0 || !tables->tables[table - 1].quantized) continue;
        quire_layer_clear(layer, tables->resolved->annotations[i].slot);
    }
}
