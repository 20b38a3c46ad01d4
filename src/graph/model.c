/* model.c - creating, destroying and reading a model. What changes one is edit.c. */
#include "graph/model.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "graph/edit.h"
#include "graph/fields.h"
#include "graph/layer.h"
#include "graph/spec.h"
#include "graph/wire.h"

static void
init_tables(quire_model *m)
{
    quire_table_init(&m->nodes, m->alloc, sizeof(quire_node_rec));
    quire_table_init(&m->values, m->alloc, sizeof(quire_value_rec));
    quire_table_init(&m->uses, m->alloc, sizeof(quire_use_rec));
    quire_table_init(&m->graphs, m->alloc, sizeof(quire_graph_rec));
    quire_table_init(&m->tensors, m->alloc, sizeof(quire_tensor_rec));
    quire_table_init(&m->attrs, m->alloc, sizeof(quire_attr_rec));
    quire_table_init(&m->ops, m->alloc, sizeof(quire_op_rec));
}

/* Record 0 of every table exists, so that reading through id 0 is harmless. */
static quire_status
add_none_records(quire_ctx *ctx, quire_model *m)
{
    quire_table *tables[] = {&m->nodes,   &m->values, &m->uses, &m->graphs,
                             &m->tensors, &m->attrs,  &m->ops};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        uint32_t first;
        QUIRE_TRY(quire_table_add(ctx, tables[i], 0, &first));
    }
    quire_edit_value(m, (quire_value){0})->rank = -1;
    return QUIRE_OK;
}

static quire_status
fill(quire_ctx *ctx, quire_model *m)
{
    QUIRE_TRY(quire_syms_init(ctx, &m->syms));
    QUIRE_TRY(add_none_records(ctx, m));
    return quire_grow(ctx, &m->files, &m->files_room, 2, sizeof *m->files);
}

quire_status
quire_model_create(quire_ctx *ctx, quire_model **out_model)
{
    quire_model *m = quire_alloc(ctx->alloc, sizeof *m);
    if (m == NULL) return quire_nomem(ctx);
    *m = (quire_model){.alloc = ctx->alloc, .directory = -1, .n_files = 1};
    quire_arena_init(&m->arena, m->alloc);
    init_tables(m);
    const quire_status status = fill(ctx, m);
    if (status != QUIRE_OK) {
        quire_model_destroy(ctx, m);
        return status;
    }
    *out_model = m;
    return QUIRE_OK;
}

static void
close_files(quire_ctx *ctx, quire_model *m)
{
    for (size_t i = 1; i < m->n_files; i++) {
        if (m->files[i].owned) quire_source_close(ctx, &m->files[i].source);
    }
    if (m->directory >= 0) ctx->io->close(ctx->io->data, m->directory);
}

void
quire_model_destroy(quire_ctx *ctx, quire_model *m)
{
    if (m == NULL) return;
    close_files(ctx, m);
    quire_layers_destroy(m);
    quire_spec_pool_destroy(m);
    quire_table *tables[] = {&m->nodes,   &m->values, &m->uses, &m->graphs,
                             &m->tensors, &m->attrs,  &m->ops};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        quire_table_deinit(tables[i]);
    quire_syms_deinit(&m->syms);
    quire_ungrow(m->alloc, &m->files, &m->files_room, sizeof *m->files);
    quire_free(m->alloc, m->op_slots, m->op_slots_room * sizeof *m->op_slots);
    quire_ungrow(m->alloc, &m->orphans, &m->orphans_room, sizeof *m->orphans);
    quire_ungrow(m->alloc, &m->hole_memory, &m->holes_room, sizeof *m->hole_memory);
    quire_free(m->alloc, m->skeleton_memory, m->skeleton_room);
    quire_free(m->alloc, m->path, m->path_size);
    quire_arena_deinit(&m->arena);
    quire_free(m->alloc, m, sizeof *m);
}

quire_status
quire_model_add_file(quire_ctx *ctx, quire_model *m, quire_source source, const char *path,
                     bool owned, uint32_t *out_file)
{
    QUIRE_TRY(quire_grow(ctx, &m->files, &m->files_room, m->n_files + 1, sizeof *m->files));
    *out_file = (uint32_t)m->n_files;
    m->files[m->n_files++] = (quire_file){.source = source, .path = path, .owned = owned};
    return QUIRE_OK;
}

/* --- attributes ------------------------------------------------------------------------------ */

quire_attr
quire_node_find_attr(const quire_model *m, quire_node n, const char *name)
{
    const quire_node_rec *r = quire_node_at(m, n);
    const quire_bytes wanted = quire_bytes_of(name);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr a = {r->attr.id + k};
        if (quire_bytes_equal(quire_sym_bytes(m, quire_attr_at(m, a)->name), wanted)) return a;
    }
    return (quire_attr){0};
}

int64_t
quire_node_int(const quire_model *m, quire_node n, const char *name, int64_t otherwise)
{
    const quire_attr_rec *a = quire_attr_at(m, quire_node_find_attr(m, n, name));
    return a->type == TYPE_INT && a->ref_name.id == 0 ? a->u.i : otherwise;
}

quire_bytes
quire_attr_string(const quire_model *m, quire_attr a)
{
    quire_cursor c = quire_cursor_over(m, quire_attr_at(m, a)->src);
    quire_bytes found = {NULL, 0};
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == ATTR_S && !f.is_bulk) found = f.body;
    }
    return found;
}

size_t
quire_attr_ints(const quire_model *m, quire_attr a, int64_t *out, size_t room)
{
    quire_cursor c = quire_cursor_over(m, quire_attr_at(m, a)->src);
    size_t n = 0;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != ATTR_INTS) continue;
        n += n < room ? quire_field_varints(&f, out + n, room - n)
                      : quire_field_varints(&f, NULL, 0);
    }
    return n;
}

/* --- what is constant ------------------------------------------------------------------------- */

static quire_tensor
constant_of_node(const quire_model *m, quire_node n)
{
    if (quire_node_kind(m, n) != QUIRE_OP_CONSTANT || quire_node_at(m, n)->n_attr != 1)
        return (quire_tensor){0};
    const quire_attr_rec *a = quire_attr_at(m, quire_node_at(m, n)->attr);
    if (a->ref_name.id != 0 || a->n_tensors != 1) return (quire_tensor){0};
    return a->tensors[0];
}

quire_tensor
quire_value_constant(const quire_model *m, quire_value v, bool *out_overridable)
{
    const quire_value_rec *r = quire_value_at(m, v);
    /* Before IR 4 the main graph's initializers had to be inputs, too; what a body is given always counts. */
    const bool forced = m->ir_version < 4 && r->graph.id == m->main.id;
    const bool overridable = r->def_kind == QUIRE_DEF_INPUT && r->init.id != 0 && !forced;
    if (out_overridable != NULL) *out_overridable = overridable;
    if (r->def_kind == QUIRE_DEF_RESULT) return constant_of_node(m, (quire_node){r->def});
    return overridable ? (quire_tensor){0} : r->init;
}

/* --- opsets and scopes ------------------------------------------------------------------------ */

quire_graph
quire_graph_root(const quire_model *m, quire_graph g)
{
    while (quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY)
        g = quire_graph_at(m, g)->parent;
    return g;
}

int64_t
quire_graph_opset(const quire_model *m, quire_graph g, const char *domain)
{
    const quire_graph_rec *root = quire_graph_at(m, quire_graph_root(m, g));
    const bool own = root->kind == QUIRE_GRAPH_FUNCTION;
    const quire_opset *opsets = own ? root->opsets : m->opsets;
    const size_t n = own ? root->n_opsets : m->n_opsets;
    for (size_t i = 0; i < n; i++) {
        if (quire_bytes_equal(quire_sym_bytes(m, opsets[i].domain), quire_bytes_of(domain)))
            return opsets[i].version;
    }
    return 0;
}

bool
quire_graph_within(const quire_model *m, quire_graph inner, quire_graph outer)
{
    while (inner.id != 0 && inner.id != outer.id)
        inner = quire_graph_at(m, inner)->parent;
    return inner.id == outer.id;
}

/* --- walking ---------------------------------------------------------------------------------- */

/* First node of the k-th root graph or a later one; roots are main, training graphs, functions. */
static quire_node
first_of_root(const quire_model *m, size_t k)
{
    const size_t n_roots = 1 + 2 * m->n_training + m->n_functions;
    for (; k < n_roots; k++) {
        quire_graph g = m->main;
        if (k > 0 && k <= 2 * m->n_training) {
            const quire_training_rec *t = &m->training[(k - 1) / 2];
            g = k % 2 == 1 ? t->initialization : t->algorithm;
        } else if (k > 0) {
            g = m->functions[k - 1 - 2 * m->n_training];
        }
        const quire_node first = quire_graph_at(m, g)->first;
        if (first.id != 0) return first;
    }
    return (quire_node){0};
}

static size_t
root_index(const quire_model *m, quire_graph root)
{
    if (root.id == m->main.id) return 0;
    for (size_t i = 0; i < m->n_training; i++) {
        if (m->training[i].initialization.id == root.id) return 1 + 2 * i;
        if (m->training[i].algorithm.id == root.id) return 2 + 2 * i;
    }
    size_t low = 0; /* functions are made in order, so their graph ids rise */
    size_t high = m->n_functions;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (m->functions[middle].id < root.id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 1 + 2 * m->n_training + low;
}

/* First node of the first non-empty body of n behind graph `after` (0: from the start). */
static quire_node
first_in_bodies(const quire_model *m, quire_node n, quire_graph after)
{
    const quire_node_rec *r = quire_node_at(m, n);
    bool armed = after.id == 0;
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){r->attr.id + k});
        for (uint32_t i = 0; i < a->n_graphs; i++) {
            const quire_node first = quire_graph_at(m, a->graphs[i])->first;
            if (armed && first.id != 0) return first;
            if (a->graphs[i].id == after.id) armed = true;
        }
    }
    return (quire_node){0};
}

quire_node
quire_walk_next(const quire_model *m, quire_node n)
{
    if (n.id == 0) return first_of_root(m, 0);
    quire_node found = first_in_bodies(m, n, (quire_graph){0});
    while (found.id == 0) {
        found = quire_node_at(m, n)->next;
        if (found.id != 0) break;
        const quire_graph g = quire_node_at(m, n)->graph;
        n = quire_graph_at(m, g)->owner;
        if (n.id == 0) return first_of_root(m, root_index(m, g) + 1);
        found = first_in_bodies(m, n, g);
    }
    return found;
}

bool
quire_model_has_name(const quire_model *m, quire_bytes name)
{
    const quire_sym sym = quire_syms_find(&m->syms, name);
    return sym.id != 0 && (m->syms.entries[sym.id].flags & QUIRE_SYM_IS_NAME) != 0;
}

/* --- types ------------------------------------------------------------------------------------ */

static int64_t
dim_of(const quire_model *m, quire_bytes dimension)
{
    quire_cursor c = quire_cursor_over(m, dimension);
    int64_t dim = -1;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == 1 && f.wire == QUIRE_WIRE_VARINT) dim = (int64_t)f.scalar;
        if (f.number == 2) dim = -1;
    }
    return dim < 0 ? -1 : dim;
}

void
quire_value_dims(const quire_model *m, quire_value v, int64_t *dims, int32_t room,
                 int32_t *out_rank)
{
    const quire_value_rec *r = quire_value_at(m, v);
    *out_rank = -1;
    if (r->init.id != 0) {
        const quire_tensor_rec *t = quire_tensor_at(m, r->init);
        for (uint32_t k = 0; k < t->rank && (int32_t)k < room; k++)
            dims[k] = t->dims[k];
        *out_rank = (int32_t)t->rank;
        return;
    }
    quire_bytes type;
    quire_bytes tensor;
    quire_bytes shape;
    if (!quire_message_find(m, r->info, 2, &type) || !quire_message_find(m, type, 1, &tensor) ||
        !quire_message_find(m, tensor, 2, &shape))
        return;
    quire_cursor c = quire_cursor_over(m, shape);
    int32_t rank = 0;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != 1) continue;
        if (rank < room) dims[rank] = dim_of(m, f.body);
        rank++;
    }
    *out_rank = rank;
}
