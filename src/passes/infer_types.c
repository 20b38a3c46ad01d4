/* infer-types
 *
 * Needs:  nodes in order.
 * Does:   fills in element types and ranks that are not stated in the file where the operator says them
 *         simply: infer_defs.inc has a row for each operator that does. Best effort: what does not
 *         follow stays unknown and is never an error. Stated types are believed, not checked.
 * Leaves: nothing promised.
 * Keeps:  the graph; what was known.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/edit.h"
#include "passes/pass.h"

enum { UNKNOWN_RANK = -1, MAX_RANK = 64 };

/* How a result's element type follows. */
typedef enum elem_rule {
    ELEM_NONE,  /* it does not                            */
    ELEM_SAME0, /* that of operand k                      */
    ELEM_SAME1,
    ELEM_SAME2,
    ELEM_TO,       /* attribute `to`                         */
    ELEM_DTYPE,    /* attribute `dtype`, float if absent     */
    ELEM_CONSTANT, /* the tensor of a Constant               */
    ELEM_BOOL,
    ELEM_INT64,
    ELEM_FLOAT,
    ELEM_UINT8,
} elem_rule;

typedef enum rank_rule {
    RANK_NONE,
    RANK_SAME0,     /* that of operand 0                             */
    RANK_BROADCAST, /* the highest of all operands, if all are known */
    RANK_0,
    RANK_1,
    RANK_2,
    RANK_GATHER, /* data - 1 + indices                            */
    RANK_CONSTANT,
} rank_rule;

typedef struct infer_rule {
    const char *op;
    elem_rule elem;
    rank_rule rank;
    elem_rule others; /* results 1 and up */
} infer_rule;

static const infer_rule rules[] = {
#define X(op, elem, rank, others) {op, ELEM_##elem, RANK_##rank, ELEM_##others},
#include "passes/infer_defs.inc"
#undef X
};

enum { N_RULES = sizeof rules / sizeof *rules };

static const infer_rule *
rule_of_op(const quire_model *m, quire_op op)
{
    const quire_op_rec *r = quire_op_at(m, op);
    const quire_bytes domain = quire_sym_bytes(m, r->domain);
    const quire_bytes type = quire_sym_bytes(m, r->type);
    if (domain.len != 0 && !quire_bytes_equal(domain, quire_bytes_of("ai.onnx"))) return NULL;
    for (size_t i = 0; i < N_RULES; i++) {
        if (quire_bytes_equal(type, quire_bytes_of(rules[i].op))) return &rules[i];
    }
    return NULL;
}

static int32_t
elem_of_operand(const quire_model *m, quire_node n, uint32_t k)
{
    return quire_value_at(m, quire_node_input(m, n, k))->elem_type;
}

static const quire_tensor_rec *
constant_tensor(const quire_model *m, quire_node n)
{
    return quire_tensor_at(m, quire_value_constant(m, quire_node_result(m, n, 0), NULL));
}

static int32_t
known_dtype(int64_t number)
{
    return number > 0 && number < QUIRE_DTYPE_END ? (int32_t)number : 0;
}

static int32_t
infer_elem(const quire_model *m, quire_node n, elem_rule rule)
{
    switch (rule) {
    case ELEM_NONE: return 0;
    case ELEM_SAME0: return elem_of_operand(m, n, 0);
    case ELEM_SAME1: return elem_of_operand(m, n, 1);
    case ELEM_SAME2: return elem_of_operand(m, n, 2);
    case ELEM_TO: return known_dtype(quire_node_int(m, n, "to", 0));
    case ELEM_DTYPE: return known_dtype(quire_node_int(m, n, "dtype", QUIRE_DTYPE_FLOAT));
    case ELEM_CONSTANT: return constant_tensor(m, n)->dtype;
    case ELEM_BOOL: return QUIRE_DTYPE_BOOL;
    case ELEM_INT64: return QUIRE_DTYPE_INT64;
    case ELEM_FLOAT: return QUIRE_DTYPE_FLOAT;
    case ELEM_UINT8: return QUIRE_DTYPE_UINT8;
    }
    return 0;
}

static int32_t
rank_of_operand(const quire_model *m, quire_node n, uint32_t k)
{
    const quire_value v = quire_node_input(m, n, k);
    return v.id == 0 ? UNKNOWN_RANK : quire_value_at(m, v)->rank;
}

static int32_t
highest_rank(const quire_model *m, quire_node n)
{
    int32_t highest = UNKNOWN_RANK;
    for (uint32_t k = 0; k < quire_node_at(m, n)->n_in; k++) {
        const int32_t rank = rank_of_operand(m, n, k);
        if (rank == UNKNOWN_RANK) return UNKNOWN_RANK;
        if (rank > highest) highest = rank;
    }
    return highest;
}

static int32_t
gathered_rank(const quire_model *m, quire_node n)
{
    const int32_t data = rank_of_operand(m, n, 0);
    const int32_t indices = rank_of_operand(m, n, 1);
    const bool known = data >= 1 && indices >= 0 && data <= MAX_RANK && indices <= MAX_RANK;
    return known ? data - 1 + indices : UNKNOWN_RANK;
}

static int32_t
infer_rank(const quire_model *m, quire_node n, rank_rule rule)
{
    switch (rule) {
    case RANK_NONE: return UNKNOWN_RANK;
    case RANK_SAME0: return rank_of_operand(m, n, 0);
    case RANK_BROADCAST: return highest_rank(m, n);
    case RANK_0: return 0;
    case RANK_1: return 1;
    case RANK_2: return 2;
    case RANK_GATHER: return gathered_rank(m, n);
    case RANK_CONSTANT:
        return constant_tensor(m, n)->dtype == 0 ? UNKNOWN_RANK
                                                 : (int32_t)constant_tensor(m, n)->rank;
    }
    return UNKNOWN_RANK;
}

static void
fill(quire_model *m, quire_value v, int32_t elem, int32_t rank)
{
    const quire_value_rec *r = quire_value_at(m, v);
    const int32_t new_elem = r->elem_type != 0 ? r->elem_type : elem;
    const int32_t new_rank = r->rank != UNKNOWN_RANK ? r->rank : rank;
    if (new_elem != r->elem_type || new_rank != r->rank)
        quire_value_set_type(m, v, new_elem, new_rank);
}

/* Initializers of any kind state both. */
static void
fill_sources(quire_model *m)
{
    for (uint32_t id = 1; id < m->values.count; id++) {
        const quire_tensor t = quire_value_at(m, (quire_value){id})->init;
        if (t.id == 0) continue;
        const quire_tensor_rec *r = quire_tensor_at(m, t);
        fill(m, (quire_value){id}, r->dtype, (int32_t)r->rank);
    }
}

static void
visit(quire_model *m, quire_node n, const infer_rule *rule)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value v = {r->out.id + k};
        const int32_t rank = k == 0 ? infer_rank(m, n, rule->rank) : UNKNOWN_RANK;
        fill(m, v, infer_elem(m, n, k == 0 ? rule->elem : rule->others), rank);
    }
}

quire_status
quire_pass_infer_types(quire_ctx *ctx, quire_run *run)
{
    quire_model *m = run->model;
    const size_t bytes = m->ops.count * sizeof(const infer_rule *);
    const infer_rule **of_op = quire_alloc(ctx->alloc, bytes);
    if (of_op == NULL) return quire_nomem(ctx);
    for (uint32_t id = 0; id < m->ops.count; id++)
        of_op[id] = id == 0 ? NULL : rule_of_op(m, (quire_op){id});
    fill_sources(m);
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0; n = quire_walk_next(m, n)) {
        const infer_rule *found = of_op[quire_node_at(m, n)->op.id];
        if (found != NULL) visit(m, n, found);
    }
    quire_free(ctx->alloc, of_op, bytes);
    return QUIRE_OK;
}
