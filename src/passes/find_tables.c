/* find-tables
 *
 * Needs:  names resolved, nodes in order (import and the verifier see to both).
 * Does:   lists every Gather, GatherND and ATen embedding node of every graph, with the table its data
 *         leads to through Identity, Dropout and widening Cast, and judges it by what the graph says;
 *         what the options say is annotate-tables' business. Lists a table's other uses.
 * Leaves: run->tables filled; texts live in the model's arena.
 * Keeps:  everything: the graph is only read.
 *
 * Lookups come in graph order, tables in order of their first lookup. A table is any constant that a
 * lookup's data leads to, also where no lookup of it is eligible: its name counts, and the report says why.
 */
#include "passes/find_tables.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/path.h"
#include "graph/tensor.h"
#include "passes/pass.h"
#include "passes/tables_clear.h"

/* --- finding --------------------------------------------------------------------------------- */

static bool
is_aten_embedding(const quire_model *m, quire_node n)
{
    static const char *const names[] = {"embedding", "embedding_bag", "_embedding_bag"};
    const quire_op_rec *op = quire_op_at(m, quire_node_at(m, n)->op);
    if (!quire_bytes_equal(quire_sym_bytes(m, op->type), quire_bytes_of("ATen"))) return false;
    const quire_bytes name = quire_attr_string(m, quire_node_find_attr(m, n, "operator"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (quire_bytes_equal(name, quire_bytes_of(names[i]))) return true;
    }
    return false;
}

/* A node without a result looks nothing up. */
static bool
is_lookup(const quire_model *m, quire_node n)
{
    const quire_op_kind kind = quire_node_kind(m, n);
    if (quire_node_label(m, n).len == 0) return false;
    if (kind == QUIRE_OP_GATHER || kind == QUIRE_OP_GATHER_ND) return true;
    return (kind == QUIRE_OP_ATEN || kind == QUIRE_OP_OTHER) && is_aten_embedding(m, n);
}

/* Report path of g; lookups of one graph mostly follow each other, so the last one is kept. */
static quire_status
graph_path(finder *f, quire_graph g, quire_bytes *out_path)
{
    if (f->path_graph.id != g.id) {
        QUIRE_TRY(quire_path_of_graph(f->ctx, f->m, g, &f->m->arena, &f->path));
        f->path_graph = g;
    }
    *out_path = f->path;
    return QUIRE_OK;
}

static quire_status
fill_table(finder *f, quire_value v, quire_found_table *t)
{
    bool overridable;
    t->value = v;
    t->tensor = quire_value_constant(f->m, v, &overridable);
    if (overridable) t->tensor = quire_value_at(f->m, v)->init;
    t->graph = quire_value_at(f->m, v)->graph;
    const quire_tensor_rec *r = quire_tensor_at(f->m, t->tensor);
    t->dtype = r->dtype;
    if (r->rank == 2) {
        t->rows = (uint64_t)r->dims[0];
        t->width = (uint64_t)r->dims[1];
    }
    t->external = r->form == QUIRE_FORM_EXTERNAL;
    QUIRE_TRY(quire_arena_copy(f->ctx, &f->m->arena, quire_value_name(f->m, v), &t->name));
    return graph_path(f, t->graph, &t->graph_path);
}

/* Index + 1 of the table whose value is v, made if new. */
static quire_status
find_or_add_table(finder *f, quire_value v, uint32_t *out_table)
{
    quire_tables *all = f->tables;
    if (f->table_of[v.id] == 0) {
        QUIRE_TRY(quire_grow(f->ctx, &all->tables, &all->tables_room, all->n_tables + 1,
                             sizeof *all->tables));
        QUIRE_TRY(fill_table(f, v, &all->tables[all->n_tables]));
        f->table_of[v.id] = (uint32_t)++all->n_tables;
    }
    *out_table = f->table_of[v.id];
    all->tables[*out_table - 1].n_lookups++;
    return QUIRE_OK;
}

static quire_status
add_lookup(finder *f, quire_node n)
{
    quire_tables *all = f->tables;
    const quire_origin *data = finder_origin(f, quire_node_input(f->m, n, 0));
    QUIRE_TRY(quire_grow(f->ctx, &all->lookups, &all->lookups_room, all->n_lookups + 1,
                         sizeof *all->lookups));
    quire_lookup *l = &all->lookups[all->n_lookups];
    *l = (quire_lookup){.node = n, .type = data->type};
    if (l->type == 0) l->type = quire_value_at(f->m, quire_node_result(f->m, n, 0))->elem_type;
    const bool shape = (data->flags & QUIRE_ORIGIN_SHAPE) != 0;
    if (data->base.id != 0 && !shape) QUIRE_TRY(find_or_add_table(f, data->base, &l->table));
    if (l->table != 0) l->table_name = all->tables[l->table - 1].name;
    QUIRE_TRY(graph_path(f, quire_node_at(f->m, n)->graph, &l->graph_path));
    const quire_bytes label = quire_node_label(f->m, n);
    QUIRE_TRY(quire_arena_format(f->ctx, &f->m->arena, &l->path, "%.*s%.*s", (int)l->graph_path.len,
                                 (const char *)l->graph_path.ptr, (int)label.len,
                                 (const char *)label.ptr));
    all->n_lookups++;
    return QUIRE_OK;
}

static quire_status
find_lookups(finder *f)
{
    for (quire_node n = quire_walk_next(f->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(f->m, n)) {
        if (is_lookup(f->m, n)) QUIRE_TRY(add_lookup(f, n));
    }
    return QUIRE_OK;
}

/* --- other uses ------------------------------------------------------------------------------ */

static quire_status
add_other_use(finder *f, uint32_t table, quire_graph g, const char *arrow, quire_bytes label)
{
    quire_found_table *t = &f->tables->tables[table - 1];
    quire_bytes path;
    QUIRE_TRY(graph_path(f, g, &path));
    QUIRE_TRY(quire_grow(f->ctx, &t->other_uses, &t->other_uses_room, t->n_other_uses + 1,
                         sizeof *t->other_uses));
    QUIRE_TRY(quire_arena_format(f->ctx, &f->m->arena, &t->other_uses[t->n_other_uses],
                                 "%.*s%s%.*s", (int)path.len, (const char *)path.ptr, arrow,
                                 (int)label.len, (const char *)label.ptr));
    t->n_other_uses++;
    t->keeps_float = true;
    return QUIRE_OK;
}

/* The table that v is, or is through wrappers; 0: none. */
static uint32_t
table_behind(const finder *f, quire_value v)
{
    const quire_origin *o = finder_origin(f, v);
    return o->type != 0 ? f->table_of[o->base.id] : 0;
}

/* n only hands the table on: whoever reads its result is listed, not n. A wrapper nobody reads, or with
 * a second result that somebody reads, keeps the table itself. */
static bool
hands_on(const finder *f, quire_node n, uint32_t operand)
{
    const quire_value result = quire_node_result(f->m, n, 0);
    if (operand != 0 || result.id == 0 || finder_origin(f, result)->type == 0) return false;
    for (uint32_t k = 1; k < quire_node_at(f->m, n)->n_out; k++) {
        if (quire_value_at(f->m, quire_node_result(f->m, n, k))->n_uses > 0) return false;
    }
    return quire_value_at(f->m, result)->n_uses > 0;
}

static quire_status
list_uses_by_node(finder *f, quire_node n, const quire_lookup *lookup)
{
    const bool eligible = lookup != NULL && lookup->reason == QUIRE_REASON_NONE;
    const quire_node_rec *r = quire_node_at(f->m, n);
    for (uint32_t k = 0; k < r->n_in; k++) {
        const uint32_t table = table_behind(f, quire_node_input(f->m, n, k));
        if (table == 0 || f->last_user[table - 1].id == n.id) continue;
        if (hands_on(f, n, k) || (eligible && k == 0)) continue;
        f->last_user[table - 1] = n;
        QUIRE_TRY(add_other_use(f, table, r->graph, "", quire_node_label(f->m, n)));
    }
    return QUIRE_OK;
}

static quire_status
list_uses_by_outputs(finder *f, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(f->m, g);
    char number[24];
    for (size_t k = 0; k < r->n_outputs; k++) {
        const quire_use use = {r->out.id + (uint32_t)k};
        const uint32_t table = table_behind(f, quire_use_at(f->m, use)->value);
        if (table == 0) continue;
        (void)snprintf(number, sizeof number, "%zu", k);
        QUIRE_TRY(add_other_use(f, table, g, "->", quire_bytes_of(number)));
    }
    return QUIRE_OK;
}

static quire_status
list_other_uses(finder *f)
{
    const quire_lookup *next = f->tables->lookups;
    const quire_lookup *end = next + f->tables->n_lookups;
    for (quire_node n = quire_walk_next(f->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(f->m, n)) {
        const bool lookup = next != end && next->node.id == n.id;
        QUIRE_TRY(list_uses_by_node(f, n, lookup ? next++ : NULL));
    }
    for (uint32_t id = 1; id < f->m->graphs.count; id++) {
        const quire_graph g = {id};
        if (quire_graph_at(f->m, g)->flags & QUIRE_DEAD) continue;
        QUIRE_TRY(list_uses_by_outputs(f, g));
    }
    return QUIRE_OK;
}

/* --- the pass -------------------------------------------------------------------------------- */

static void
count_eligible(quire_tables *all)
{
    for (size_t i = 0; i < all->n_lookups; i++) {
        const quire_lookup *l = &all->lookups[i];
        if (l->reason == QUIRE_REASON_NONE) all->tables[l->table - 1].n_eligible++;
    }
}

static quire_status
take_zeroed(quire_ctx *ctx, size_t n, size_t size, void *out_array)
{
    void *array = quire_alloc(ctx->alloc, n * size);
    if (array == NULL && n > 0) return quire_nomem(ctx);
    if (n > 0) memset(array, 0, n * size);
    memcpy(out_array, &array, sizeof array);
    return QUIRE_OK;
}

static quire_status
find(finder *f)
{
    QUIRE_TRY(quire_origins_make(f->ctx, f->m, &f->origins));
    QUIRE_TRY(take_zeroed(f->ctx, f->origins.n, sizeof *f->table_of, &f->table_of));
    QUIRE_TRY(find_lookups(f));
    if (f->tables->n_lookups == 0) return QUIRE_OK;
    QUIRE_TRY(finder_judge(f));
    count_eligible(f->tables);
    f->n_last_user = f->tables->n_tables;
    QUIRE_TRY(take_zeroed(f->ctx, f->n_last_user, sizeof *f->last_user, &f->last_user));
    return list_other_uses(f);
}

quire_status
quire_pass_find_tables(quire_ctx *ctx, quire_run *run)
{
    finder f = {.ctx = ctx, .m = run->model, .tables = run->tables};
    quire_tables_clear(ctx, run->tables);
    const quire_status status = find(&f);
    quire_free(ctx->alloc, f.last_user, f.n_last_user * sizeof *f.last_user);
    quire_free(ctx->alloc, f.table_of, f.origins.n * sizeof *f.table_of);
    quire_ungrow(ctx->alloc, &f.codes, &f.codes_room, sizeof *f.codes);
    quire_ungrow(ctx->alloc, &f.bindings, &f.bindings_room, sizeof *f.bindings);
    quire_origins_free(ctx, &f.origins);
    return status;
}
