/* judge_lookups.c - the structural half of "why not": one reason per lookup, the first that holds.
 *
 * The order is reason_defs.inc's. What the options decide (too-small and later) is not judged here.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/tensor.h"
#include "graph/wire.h"
#include "passes/find_tables.h"

/* --- scales and zero points of codes --------------------------------------------------------- */

static const quire_tensor_rec *
tensor_of(const finder *f, const quire_lookup *l)
{
    return quire_tensor_at(f->m, f->tables->tables[l->table - 1].tensor);
}

static uint64_t
elements_per_row(const quire_tensor_rec *t)
{
    return t->dims[0] > 0 ? t->n_elements / (uint64_t)t->dims[0] : 0;
}

static int
compare_codes(const void *a, const void *b)
{
    const code_lookup *x = a;
    const code_lookup *y = b;
    if (x->indices.id != y->indices.id) return x->indices.id < y->indices.id ? -1 : 1;
    if (x->rows != y->rows) return x->rows < y->rows ? -1 : 1;
    return x->per_row > y->per_row ? -1 : x->per_row < y->per_row;
}

static quire_status
collect_codes(finder *f)
{
    for (size_t i = 0; i < f->tables->n_lookups; i++) {
        const quire_lookup *l = &f->tables->lookups[i];
        const quire_origin *data = finder_origin(f, quire_node_input(f->m, l->node, 0));
        if (l->table == 0 || !(data->flags & QUIRE_ORIGIN_CODES)) continue;
        const quire_tensor_rec *t = tensor_of(f, l);
        if (t->rank == 0) continue;
        QUIRE_TRY(quire_grow(f->ctx, &f->codes, &f->codes_room, f->n_codes + 1, sizeof *f->codes));
        f->codes[f->n_codes++] = (code_lookup){.indices = quire_node_input(f->m, l->node, 1),
                                               .rows = (uint64_t)t->dims[0],
                                               .per_row = elements_per_row(t)};
    }
    if (f->n_codes > 1) qsort(f->codes, f->n_codes, sizeof *f->codes, compare_codes);
    return QUIRE_OK;
}

/* The widest codes of that many rows which are looked up with these indices; NULL if there are none. */
static const code_lookup *
find_codes(const finder *f, quire_value indices, uint64_t rows)
{
    const code_lookup wanted = {.indices = indices, .rows = rows, .per_row = UINT64_MAX};
    size_t low = 0;
    size_t high = f->n_codes;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_codes(&f->codes[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == f->n_codes || f->codes[low].indices.id != indices.id) return NULL;
    return f->codes[low].rows == rows ? &f->codes[low] : NULL;
}

/* Floats gathered by the indices that gather codes of as many rows, one to a group of at least four
 * code bytes: 16 columns at 2 bits, the smallest block. A table of its own that happens to share
 * indices with codes (as in factorisation machines) is wider, unless it has one column. */
static bool
scales_codes(const finder *f, const quire_lookup *l)
{
    if (l->table == 0 || f->n_codes == 0) return false;
    const quire_tensor_rec *t = tensor_of(f, l);
    if (t->rank == 0 || finder_origin(f, quire_node_input(f->m, l->node, 0))->type == 0)
        return false;
    const code_lookup *codes =
        find_codes(f, quire_node_input(f->m, l->node, 1), (uint64_t)t->dims[0]);
    if (codes == NULL) return false;
    const uint64_t per_row = elements_per_row(t);
    return per_row <= 1 || t->dims[t->rank - 1] == 1 || per_row <= codes->per_row / 4;
}

/* --- tables that are written to, or trained -------------------------------------------------- */

static int
compare_syms(const void *a, const void *b)
{
    const quire_sym *x = a;
    const quire_sym *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Key and value of one StringStringEntryProto. */
static quire_status
collect_binding(finder *f, quire_bytes entry)
{
    quire_cursor c = quire_cursor_over(f->m, entry);
    for (quire_field field; quire_cursor_next(&c, &field);) {
        if (field.number > 2 || field.wire != QUIRE_WIRE_LEN) continue;
        const quire_sym sym = quire_syms_find(&f->m->syms, field.body);
        if (sym.id == 0) continue;
        QUIRE_TRY(quire_grow(f->ctx, &f->bindings, &f->bindings_room, f->n_bindings + 1,
                             sizeof *f->bindings));
        f->bindings[f->n_bindings++] = sym;
    }
    return QUIRE_OK;
}

static quire_status
collect_bindings(finder *f)
{
    enum { INITIALIZATION_BINDING = 3, UPDATE_BINDING = 4 };
    for (size_t i = 0; i < f->m->n_training; i++) {
        quire_cursor c = quire_cursor_over(f->m, f->m->training[i].src);
        for (quire_field field; quire_cursor_next(&c, &field);) {
            if (field.number != INITIALIZATION_BINDING && field.number != UPDATE_BINDING) continue;
            if (field.wire == QUIRE_WIRE_LEN) QUIRE_TRY(collect_binding(f, field.body));
        }
    }
    if (f->n_bindings > 1) qsort(f->bindings, f->n_bindings, sizeof *f->bindings, compare_syms);
    return QUIRE_OK;
}

static bool
is_bound(const finder *f, const quire_found_table *t)
{
    const quire_sym name = quire_value_at(f->m, t->value)->name;
    return f->n_bindings > 0 && t->graph.id == f->m->main.id &&
           bsearch(&name, f->bindings, f->n_bindings, sizeof name, compare_syms) != NULL;
}

static bool
in_training(const finder *f, quire_graph g)
{
    return f->m->n_training > 0 &&
           quire_graph_at(f->m, quire_graph_root(f->m, g))->kind == QUIRE_GRAPH_TRAINING;
}

/* Takes the table behind v, if there is one, out; an earlier reason stays. */
static void
take_out(finder *f, quire_value v, quire_reason reason)
{
    const quire_origin *o = finder_origin(f, v);
    const uint32_t table = o->type != 0 ? f->table_of[o->base.id] : 0;
    if (table == 0) return;
    quire_reason *excluded = &f->tables->tables[table - 1].excluded;
    if (*excluded == QUIRE_REASON_NONE || reason < *excluded) *excluded = reason;
}

static bool
is_scatter(quire_op_kind kind)
{
    return kind == QUIRE_OP_SCATTER || kind == QUIRE_OP_SCATTER_ND ||
           kind == QUIRE_OP_SCATTER_ELEMENTS;
}

static void
take_out_written_and_trained(finder *f)
{
    for (quire_node n = quire_walk_next(f->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(f->m, n)) {
        if (is_scatter(quire_node_kind(f->m, n))) {
            take_out(f, quire_node_input(f->m, n, 0), QUIRE_REASON_SCATTER);
        }
        const quire_node_rec *r = quire_node_at(f->m, n);
        if (!in_training(f, r->graph)) continue;
        for (uint32_t k = 0; k < r->n_in; k++) {
            take_out(f, quire_node_input(f->m, n, k), QUIRE_REASON_TRAINING_INFO);
        }
    }
    for (uint32_t id = 1; id < f->m->graphs.count && f->m->n_training > 0; id++) {
        const quire_graph_rec *g = quire_graph_at(f->m, (quire_graph){id});
        if ((g->flags & QUIRE_DEAD) || !in_training(f, (quire_graph){id})) continue;
        for (uint32_t k = 0; k < g->n_outputs; k++) {
            take_out(f, quire_use_at(f->m, (quire_use){g->out.id + k})->value,
                     QUIRE_REASON_TRAINING_INFO);
        }
    }
}

static bool
is_table_type(int32_t dtype)
{
    return dtype == QUIRE_DTYPE_FLOAT || dtype == QUIRE_DTYPE_FLOAT16 ||
           dtype == QUIRE_DTYPE_BFLOAT16;
}

/* What the table itself says; later reasons depend on the lookup. */
static void
judge_table(finder *f, quire_found_table *t)
{
    const quire_origin *o = finder_origin(f, t->value);
    const quire_tensor_rec *r = quire_tensor_at(f->m, t->tensor);
    const quire_reason written = t->excluded;
    if (o->flags & QUIRE_ORIGIN_CODES) {
        t->excluded = QUIRE_REASON_ALREADY_QUANTIZED;
    } else if (o->constness == QUIRE_OVERRIDABLE) {
        t->excluded = QUIRE_REASON_OVERRIDABLE_INITIALIZER;
    } else if (r->form == QUIRE_FORM_SPARSE) {
        t->excluded = QUIRE_REASON_SPARSE;
    } else if (written != QUIRE_REASON_NONE) {
        t->excluded = written;
    } else if (is_bound(f, t)) {
        t->excluded = QUIRE_REASON_TRAINING_INFO;
    } else if (!is_table_type(t->dtype)) {
        t->excluded = QUIRE_REASON_ELEMENT_TYPE;
    } else if (r->rank != 2) {
        t->excluded = QUIRE_REASON_RANK;
    }
}

/* --- indices --------------------------------------------------------------------------------- */

enum { MAX_DIMS = 16, MAX_STEPS = 8, UNKNOWN_DIM = -1 };

/* Elements of a small constant vector of int64s; *out_n is 0 if v is none. */
static quire_status
constant_ints(const finder *f, quire_value v, int64_t out[MAX_DIMS], size_t *out_n)
{
    const quire_tensor t = quire_value_constant(f->m, v, NULL);
    const quire_tensor_rec *r = quire_tensor_at(f->m, t);
    *out_n = 0;
    if (t.id == 0 || r->dtype != QUIRE_DTYPE_INT64 || r->form == QUIRE_FORM_SPARSE || r->rank > 1 ||
        r->n_elements == 0 || r->n_elements > MAX_DIMS) {
        return QUIRE_OK;
    }
    *out_n = (size_t)r->n_elements;
    return quire_tensor_read_all(f->ctx, f->m, t, out, *out_n * sizeof *out);
}

/* Does Unsqueeze n add a last axis? Its axes are an attribute below opset 13, an operand from then on. */
static quire_status
unsqueezes_last(const finder *f, quire_node n, bool *out_last)
{
    int64_t axes[MAX_DIMS];
    int32_t rank;
    size_t n_axes = quire_attr_ints(f->m, quire_node_find_attr(f->m, n, "axes"), axes, MAX_DIMS);
    if (n_axes == 0) QUIRE_TRY(constant_ints(f, quire_node_input(f->m, n, 1), axes, &n_axes));
    quire_value_dims(f->m, quire_node_input(f->m, n, 0), NULL, 0, &rank);
    *out_last = false;
    for (size_t i = 0; i < n_axes && i < MAX_DIMS; i++) {
        const bool highest = rank >= 0 && axes[i] == (int64_t)rank + (int64_t)n_axes - 1;
        if (axes[i] == -1 || highest) *out_last = true;
    }
    return QUIRE_OK;
}

static quire_status
reshapes_to_last(const finder *f, quire_node n, int64_t *out_dim)
{
    int64_t dims[MAX_DIMS];
    size_t n_dims;
    QUIRE_TRY(constant_ints(f, quire_node_input(f->m, n, 1), dims, &n_dims));
    *out_dim = n_dims > 0 && dims[n_dims - 1] > 0 ? dims[n_dims - 1] : UNKNOWN_DIM;
    return QUIRE_OK;
}

/* Last dimension of v where the file states it or the node that makes v does; else UNKNOWN_DIM. */
static quire_status
last_dim(const finder *f, quire_value v, int64_t *out_dim)
{
    *out_dim = UNKNOWN_DIM;
    for (unsigned step = 0; step < MAX_STEPS && v.id != 0; step++) {
        int64_t dims[MAX_DIMS];
        int32_t rank;
        bool last = false;
        quire_value_dims(f->m, v, dims, MAX_DIMS, &rank);
        if (rank > 0 && rank <= MAX_DIMS) *out_dim = dims[rank - 1];
        if (*out_dim != UNKNOWN_DIM) return QUIRE_OK;
        const quire_node n = quire_value_node(f->m, v);
        const quire_op_kind kind = quire_node_kind(f->m, n);
        if (kind == QUIRE_OP_RESHAPE) return reshapes_to_last(f, n, out_dim);
        if (kind == QUIRE_OP_UNSQUEEZE) QUIRE_TRY(unsqueezes_last(f, n, &last));
        if (last) *out_dim = 1;
        if (kind != QUIRE_OP_IDENTITY && kind != QUIRE_OP_CAST) return QUIRE_OK;
        v = quire_node_input(f->m, n, 0);
    }
    return QUIRE_OK;
}

static quire_status
judge_depth(const finder *f, quire_lookup *l, bool *out_one)
{
    const int64_t batch_dims = quire_node_int(f->m, l->node, "batch_dims", 0);
    quire_arena *arena = &f->m->arena;
    int64_t depth;
    QUIRE_TRY(last_dim(f, quire_node_input(f->m, l->node, 1), &depth));
    *out_one = depth == 1 && batch_dims == 0;
    if (*out_one) return QUIRE_OK;
    if (batch_dims != 0) {
        return quire_arena_format(f->ctx, arena, &l->message, "batch_dims is %lld, not 0",
                                  (long long)batch_dims);
    }
    if (depth == UNKNOWN_DIM) {
        return quire_arena_format(f->ctx, arena, &l->message,
                                  "the last dimension of the indices is not known to be 1");
    }
    return quire_arena_format(f->ctx, arena, &l->message,
                              "the last dimension of the indices is %lld, not 1", (long long)depth);
}

/* --- one lookup ------------------------------------------------------------------------------ */

/* Reasons up to `computed`, and the table's own after it. */
static quire_reason
judge_data(const finder *f, const quire_lookup *l)
{
    const quire_origin *data = finder_origin(f, quire_node_input(f->m, l->node, 0));
    const quire_graph root = quire_graph_root(f->m, quire_node_at(f->m, l->node)->graph);
    const quire_op_kind kind = quire_node_kind(f->m, l->node);
    const quire_reason table =
        l->table == 0 ? QUIRE_REASON_NONE : f->tables->tables[l->table - 1].excluded;
    if (quire_graph_at(f->m, root)->kind == QUIRE_GRAPH_FUNCTION) return QUIRE_REASON_IN_FUNCTION;
    if (kind != QUIRE_OP_GATHER && kind != QUIRE_OP_GATHER_ND) return QUIRE_REASON_ATEN;
    if (data->flags & QUIRE_ORIGIN_SHAPE) return QUIRE_REASON_SHAPE;
    if ((data->flags & QUIRE_ORIGIN_CODES) || scales_codes(f, l))
        return QUIRE_REASON_ALREADY_QUANTIZED;
    if (data->constness == QUIRE_RUNTIME) return QUIRE_REASON_NOT_CONSTANT;
    if (data->constness == QUIRE_OVERRIDABLE) return QUIRE_REASON_OVERRIDABLE_INITIALIZER;
    if (table != QUIRE_REASON_NONE && table < QUIRE_REASON_COMPUTED) return table;
    if (data->type == 0) return QUIRE_REASON_COMPUTED;
    return table;
}

static quire_status
judge_indices(finder *f, quire_lookup *l)
{
    const int64_t axis = quire_node_int(f->m, l->node, "axis", 0);
    bool one_row = quire_node_input(f->m, l->node, 1).id != 0;
    if (one_row && quire_node_kind(f->m, l->node) == QUIRE_OP_GATHER_ND) {
        QUIRE_TRY(judge_depth(f, l, &one_row));
    } else if (axis != 0 && axis != -2) {
        l->reason = QUIRE_REASON_AXIS;
        return quire_arena_format(f->ctx, &f->m->arena, &l->message, "axis is %lld, not 0",
                                  (long long)axis);
    }
    if (!one_row) {
        l->reason = QUIRE_REASON_INDEX_DEPTH;
    } else if (finder_origin(f, quire_node_input(f->m, l->node, 1))->constness == QUIRE_CONSTANT) {
        l->reason = QUIRE_REASON_CONSTANT_INDICES;
    }
    return QUIRE_OK;
}

/* What was found, where the reason's own sentence does not say it. */
static quire_status
explain(finder *f, quire_lookup *l)
{
    quire_arena *arena = &f->m->arena;
    if (l->reason == QUIRE_REASON_ATEN) {
        const quire_attr operator= quire_node_find_attr(f->m, l->node, "operator");
        const quire_bytes name = quire_attr_string(f->m, operator);
        return quire_arena_format(f->ctx, arena, &l->message,
                                  "an ATen node (%.*s): no ONNX operator says what it does",
                                  (int)name.len, (const char *)name.ptr);
    }
    if (l->reason == QUIRE_REASON_ELEMENT_TYPE) {
        const char *type = quire_dtype_describe(tensor_of(f, l)->dtype)->onnx;
        return quire_arena_format(f->ctx, arena, &l->message,
                                  "the table is %s, not float, float16 or bfloat16",
                                  type == NULL ? "of an unknown type" : type);
    }
    if (l->reason != QUIRE_REASON_RANK) return QUIRE_OK;
    return quire_arena_format(f->ctx, arena, &l->message, "the table has rank %u, not 2",
                              (unsigned)tensor_of(f, l)->rank);
}

static quire_status
judge_lookup(finder *f, quire_lookup *l)
{
    l->reason = judge_data(f, l);
    return l->reason == QUIRE_REASON_NONE ? judge_indices(f, l) : explain(f, l);
}

quire_status
finder_judge(finder *f)
{
    QUIRE_TRY(collect_codes(f));
    QUIRE_TRY(collect_bindings(f));
    take_out_written_and_trained(f);
    for (size_t i = 0; i < f->tables->n_tables; i++)
        judge_table(f, &f->tables->tables[i]);
    for (size_t i = 0; i < f->tables->n_lookups; i++) {
        QUIRE_TRY(judge_lookup(f, &f->tables->lookups[i]));
    }
    return QUIRE_OK;
}
