/* selector_atoms.c - what single atoms are true of: nodes by operator and name, tensors by name,
 * type and figures, graphs by path; each set by one pass over them.
 */
#include "base/diag.h"
#include "graph/path.h"
#include "passes/selector_parts.h"

/* --- nodes ------------------------------------------------------------------------------------ */

static bool
is_dead_node(const quire_model *m, quire_node n)
{
    return (quire_node_at(m, n)->flags & QUIRE_DEAD) != 0;
}

/* "domain.op_type", the standard domain being ai.onnx. */
static quire_status
full_name(const quire_selection *s, const quire_op_rec *op, quire_arena *arena, quire_bytes *out)
{
    quire_bytes domain = quire_sym_bytes(s->m, op->domain);
    const quire_bytes type = quire_sym_bytes(s->m, op->type);
    uint8_t *text;
    if (domain.len == 0) domain = quire_bytes_of("ai.onnx");
    QUIRE_TRY(quire_arena_take(s->ctx, arena, domain.len + 1 + type.len, &text));
    memcpy(text, domain.ptr, domain.len);
    text[domain.len] = '.';
    if (type.len > 0) memcpy(text + domain.len + 1, type.ptr, type.len);
    *out = (quire_bytes){text, domain.len + 1 + type.len};
    return QUIRE_OK;
}

static quire_status
match_ops(const quire_selection *s, quire_matcher *matcher, quire_set *io_ops)
{
    quire_arena arena;
    quire_arena_init(&arena, s->ctx->alloc);
    quire_status status = QUIRE_OK;
    for (uint32_t id = 1; id < s->m->ops.count && status == QUIRE_OK; id++) {
        const quire_op_rec *op = quire_op_at(s->m, (quire_op){id});
        bool matches = false;
        quire_bytes name;
        quire_arena_reset(&arena);
        status = quire_matcher_try_sym(matcher, op->type, &matches);
        if (status == QUIRE_OK && !matches) {
            status = full_name(s, op, &arena, &name);
            if (status == QUIRE_OK) status = quire_matcher_try(matcher, name, &matches);
        }
        if (matches) quire_set_add(io_ops, id);
    }
    quire_arena_deinit(&arena);
    return status;
}

static quire_status
nodes_by_op(const quire_selection *s, quire_matcher *matcher, quire_set *io_nodes)
{
    quire_set ops;
    QUIRE_TRY(quire_set_init(s->ctx, s->m->ops.count, &ops));
    const quire_status status = match_ops(s, matcher, &ops);
    for (uint32_t id = 1; id < s->m->nodes.count && status == QUIRE_OK; id++) {
        const uint32_t op = quire_node_at(s->m, (quire_node){id})->op.id;
        if (quire_set_has(&ops, op)) quire_set_add(io_nodes, id);
    }
    quire_set_deinit(s->ctx, &ops);
    return status;
}

static quire_sym
first_result_name(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_sym name = quire_value_at(m, quire_node_result(m, n, k))->name;
        if (quire_sym_bytes(m, name).len > 0) return name;
    }
    return (quire_sym){0};
}

static quire_status
nodes_by_name(const quire_selection *s, quire_matcher *matcher, quire_set *io_nodes)
{
    for (uint32_t id = 1; id < s->m->nodes.count; id++) {
        const quire_node n = {id};
        bool matches;
        if (is_dead_node(s->m, n)) continue;
        QUIRE_TRY(quire_matcher_try_sym(matcher, quire_node_at(s->m, n)->name, &matches));
        if (!matches)
            QUIRE_TRY(quire_matcher_try_sym(matcher, first_result_name(s->m, n), &matches));
        if (matches) quire_set_add(io_nodes, id);
    }
    return QUIRE_OK;
}

/* --- tensors ---------------------------------------------------------------------------------- */

int32_t
quire_tensor_shape(const quire_model *m, quire_value v, int64_t dims[QUIRE_SELECTOR_MAX_RANK])
{
    int32_t rank;
    const quire_tensor t = quire_value_constant(m, v, NULL);
    for (size_t k = 0; k < QUIRE_SELECTOR_MAX_RANK; k++)
        dims[k] = -1;
    if (t.id != 0) {
        const quire_tensor_rec *r = quire_tensor_at(m, t);
        for (uint32_t k = 0; k < r->rank && k < QUIRE_SELECTOR_MAX_RANK; k++)
            dims[k] = r->dims[k];
        return (int32_t)r->rank;
    }
    quire_value_dims(m, v, dims, QUIRE_SELECTOR_MAX_RANK, &rank);
    return rank >= 0 ? rank : quire_value_at(m, v)->rank;
}

/* False where a dimension is not known or the product is beyond 64 bits. */
static bool
count_elements(const int64_t *dims, int32_t rank, uint64_t *out)
{
    *out = 1;
    if (rank < 0 || rank > QUIRE_SELECTOR_MAX_RANK) return false;
    for (int32_t k = 0; k < rank; k++) {
        if (dims[k] < 0 || !quire_mul_u64(*out, (uint64_t)dims[k], out)) return false;
    }
    return true;
}

/* The figure of tensor v that the atom compares; false if it is not known. */
static bool
figure_of(const quire_model *m, quire_value v, quire_atom atom, uint64_t *out)
{
    int64_t dims[QUIRE_SELECTOR_MAX_RANK];
    const int32_t elem = quire_value_at(m, v)->elem_type;
    const int32_t rank = quire_tensor_shape(m, v, dims);
    if (rank < 0) return false;
    if (atom == QUIRE_ATOM_RANK) {
        *out = (uint64_t)rank;
        return true;
    }
    if (atom == QUIRE_ATOM_ROWS || atom == QUIRE_ATOM_WIDTH) {
        const int64_t dim = dims[atom == QUIRE_ATOM_ROWS ? 0 : 1];
        *out = (uint64_t)dim;
        return rank == 2 && dim >= 0;
    }
    if (!count_elements(dims, rank, out)) return false;
    return atom == QUIRE_ATOM_ELEMENTS || quire_dtype_bytes(elem, *out, out);
}

static bool
compares(uint64_t a, quire_comparison comparison, uint64_t b)
{
    switch (comparison) {
    case QUIRE_COMPARE_GE: return a >= b;
    case QUIRE_COMPARE_LE: return a <= b;
    case QUIRE_COMPARE_NE: return a != b;
    case QUIRE_COMPARE_GT: return a > b;
    case QUIRE_COMPARE_LT: return a < b;
    case QUIRE_COMPARE_EQ: return a == b;
    }
    return false;
}

static bool
value_is(const quire_model *m, quire_value v, const quire_term *t)
{
    uint64_t figure;
    if (t->atom == QUIRE_ATOM_DTYPE) return quire_value_at(m, v)->elem_type == t->dtype;
    if (t->atom == QUIRE_ATOM_CONSTANT) return quire_value_constant(m, v, NULL).id != 0;
    return figure_of(m, v, (quire_atom)t->atom, &figure) &&
           compares(figure, (quire_comparison)t->comparison, t->number);
}

static quire_status
values_by_term(const quire_selection *s, const quire_term *t, quire_matcher *matcher,
               quire_set *io_values)
{
    for (uint32_t id = 1; id < s->m->values.count; id++) {
        const quire_value v = {id};
        const quire_value_rec *r = quire_value_at(s->m, v);
        bool matches = false;
        if ((r->flags & QUIRE_DEAD) != 0) continue;
        if (t->atom == QUIRE_ATOM_TENSOR) {
            QUIRE_TRY(quire_matcher_try_sym(matcher, r->name, &matches));
        } else {
            matches = value_is(s->m, v, t);
        }
        if (matches) quire_set_add(io_values, id);
    }
    return QUIRE_OK;
}

/* --- bodies ----------------------------------------------------------------------------------- */

/* The path without its last slash. */
static quire_status
match_path(const quire_selection *s, quire_matcher *matcher, quire_graph g, quire_arena *arena,
           bool *out_matches)
{
    quire_bytes path;
    QUIRE_TRY(quire_path_of_graph(s->ctx, s->m, g, arena, &path));
    *out_matches = false;
    if (path.len == 0) return QUIRE_OK;
    return quire_matcher_try(matcher, (quire_bytes){path.ptr, path.len - 1}, out_matches);
}

/* Graphs are made after the graph that holds them, so their parents come before them. */
static quire_status
graphs_by_path(const quire_selection *s, quire_matcher *matcher, quire_set *io_graphs)
{
    quire_arena arena;
    quire_arena_init(&arena, s->ctx->alloc);
    quire_status status = QUIRE_OK;
    for (uint32_t id = 1; id < s->m->graphs.count && status == QUIRE_OK; id++) {
        const quire_graph_rec *g = quire_graph_at(s->m, (quire_graph){id});
        bool matches = g->kind == QUIRE_GRAPH_BODY && quire_set_has(io_graphs, g->parent.id);
        quire_arena_reset(&arena);
        if (!matches) status = match_path(s, matcher, (quire_graph){id}, &arena, &matches);
        if (matches) quire_set_add(io_graphs, id);
    }
    quire_arena_deinit(&arena);
    return status;
}

/* --- all of them ------------------------------------------------------------------------------ */

static quire_status
fill_matched(const quire_selection *s, const quire_term *t, quire_matcher *matcher, quire_set *io)
{
    switch ((quire_atom)t->atom) {
    case QUIRE_ATOM_OP: return nodes_by_op(s, matcher, io);
    case QUIRE_ATOM_NAME:
    case QUIRE_ATOM_RE: return nodes_by_name(s, matcher, io);
    case QUIRE_ATOM_IN_BODY: return graphs_by_path(s, matcher, io);
    default: return values_by_term(s, t, matcher, io);
    }
}

static quire_status
fill_by_pattern(const quire_selection *s, const quire_term *t, quire_set *io)
{
    quire_matcher matcher;
    quire_status status = quire_matcher_init(s->ctx, t->pattern, &s->m->syms, &matcher);
    if (status == QUIRE_OK) status = fill_matched(s, t, &matcher, io);
    quire_matcher_deinit(&matcher);
    return status;
}

quire_status
quire_atom_fill(const quire_selection *s, const quire_term *t, quire_set *io_keys)
{
    return t->pattern != NULL ? fill_by_pattern(s, t, io_keys)
                              : values_by_term(s, t, NULL, io_keys);
}
