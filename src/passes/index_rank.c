/* index_rank.c - see index_rank.h. Looks back through a few nodes; no rank is computed for its own
 * sake. */
#include "passes/index_rank.h"

enum {
    MAX_NUMBERS = 8, /* axes or dimensions that a node names   */
    MAX_HOPS = 16,   /* nodes looked through                   */
};

/* Is v a constant without dimensions? */
static bool
is_scalar(const quire_model *m, quire_value v)
{
    const quire_tensor t = quire_value_constant(m, v, NULL);
    return t.id != 0 && quire_tensor_at(m, t)->rank == 0;
}

/* Has n's result the rank of its operand 0? */
static bool
keeps_rank(const quire_model *m, quire_node n)
{
    switch (quire_node_kind(m, n)) {
    case QUIRE_OP_IDENTITY:
    case QUIRE_OP_CAST:
    case QUIRE_OP_SLICE:
    case QUIRE_OP_TRANSPOSE: return true;
    case QUIRE_OP_ADD:
    case QUIRE_OP_SUB:
    case QUIRE_OP_MUL:
    case QUIRE_OP_DIV:
    case QUIRE_OP_MOD: return is_scalar(m, quire_node_input(m, n, 1));
    default: return false;
    }
}

/* The operand of a Scan that body input v is an element of, one dimension less; 0 if v is none. */
static quire_value
scanned(const quire_model *m, const quire_value_rec *v)
{
    const quire_graph_rec *g = quire_graph_at(m, v->graph);
    if (g->kind != QUIRE_GRAPH_BODY || quire_node_kind(m, g->owner) != QUIRE_OP_SCAN)
        return (quire_value){0};
    if (quire_graph_opset(m, v->graph, "") < 9) return (quire_value){0}; /* has batches */
    const int64_t n_operands = quire_node_at(m, g->owner)->n_in;
    const int64_t n_scanned = quire_node_int(m, g->owner, "num_scan_inputs", 0);
    if (n_operands != (int64_t)g->n_inputs || v->slot < n_operands - n_scanned)
        return (quire_value){0};
    return quire_node_input(m, g->owner, v->slot);
}

/* How many numbers n's attribute `axes` or constant operand 1 has; 0 if neither is there. */
static int32_t
count_numbers(const quire_model *m, quire_node n)
{
    const size_t n_axes = quire_attr_ints(m, quire_node_find_attr(m, n, "axes"), NULL, 0);
    if (n_axes > 0) return n_axes <= MAX_NUMBERS ? (int32_t)n_axes : 0;
    const quire_value second = quire_node_input(m, n, 1);
    const quire_tensor t = quire_value_constant(m, second, NULL);
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    return t.id != 0 && r->rank == 1 && r->dims[0] <= MAX_NUMBERS ? (int32_t)r->dims[0] : 0;
}

int32_t
quire_index_rank(const quire_model *m, quire_value v)
{
    int32_t added = 0;
    for (int hops = 0; hops < MAX_HOPS; hops++) {
        const quire_value_rec *r = quire_value_at(m, v);
        if (r->def_kind == QUIRE_DEF_INITIALIZER) return r->rank + added;
        if (r->def_kind == QUIRE_DEF_INPUT && r->graph.id == m->main.id) {
            return r->rank >= 0 ? r->rank + added : -1;
        }
        if (r->def_kind == QUIRE_DEF_INPUT) {
            v = scanned(m, r);
            added--;
            if (v.id == 0) return -1;
            continue;
        }
        const quire_node n = quire_value_node(m, v);
        const quire_op_kind kind = quire_node_kind(m, n);
        const int32_t numbers = count_numbers(m, n);
        if (kind == QUIRE_OP_RESHAPE) return numbers > 0 ? numbers + added : -1;
        if (kind == QUIRE_OP_UNSQUEEZE && numbers > 0) {
            added += numbers;
        } else if (!keeps_rank(m, n)) {
            return -1;
        }
        v = quire_node_input(m, n, 0);
    }
    return -1;
}

bool
quire_graph_in_scan(const quire_model *m, quire_graph g)
{
    for (; quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY; g = quire_graph_at(m, g)->parent) {
        if (quire_node_kind(m, quire_graph_at(m, g)->owner) == QUIRE_OP_SCAN) return true;
    }
    return false;
}
