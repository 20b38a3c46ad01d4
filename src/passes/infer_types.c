/* infer-types
 *
 * Needs:  nodes in order.
 * Does:   fills in element types and ranks that are not stated in the file where the operator
 *         says them simply: infer_defs.inc has a row for each operator that does. Formals of
 *         Loop and Scan bodies take the element types of the operands, results of If, Loop and
 *         Scan those of their bodies' outputs. Best effort: what does not follow stays unknown
 *         and is never an error. Stated types are believed, not checked.
 * Leaves: nothing promised.
 * Keeps:  the graph; what was known.
 *
 * One walk in graph order: formals are filled when a node is entered, results of a node with
 * bodies when it is left.
 */
#include "base/alloc.h"
#include "graph/edit.h"
#include "passes/infer_rules.h"
#include "passes/pass.h"

static void
fill(quire_model *m, quire_value v, int32_t elem, int32_t rank)
{
    const quire_value_rec *r = quire_value_at(m, v);
    const int32_t new_elem = r->elem_type != 0 ? r->elem_type : elem;
    const int32_t new_rank = r->rank != QUIRE_RANK_UNKNOWN ? r->rank : rank;
    if (v.id != 0 && (new_elem != r->elem_type || new_rank != r->rank))
        quire_value_set_type(m, v, new_elem, new_rank);
}

static int32_t
elem_of(const quire_model *m, quire_value v)
{
    return quire_value_at(m, v)->elem_type;
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

/* --- bodies ----------------------------------------------------------------------------------- */

static quire_graph
body_of(const quire_model *m, quire_node n, const char *attribute)
{
    const quire_attr_rec *a = quire_attr_at(m, quire_node_find_attr(m, n, attribute));
    return a->n_graphs == 1 ? a->graphs[0] : (quire_graph){0};
}

/* The element type of what a body returns as output k. */
static int32_t
elem_of_output(const quire_model *m, quire_graph body, uint32_t k)
{
    const quire_graph_rec *g = quire_graph_at(m, body);
    if (k >= g->n_outputs) return 0;
    return elem_of(m, quire_use_at(m, (quire_use){g->out.id + k})->value);
}

/* Formal k of the body is given operand k + shift. */
static void
fill_formals(quire_model *m, quire_node n, quire_graph body, uint32_t from, uint32_t shift)
{
    const quire_graph_rec *g = quire_graph_at(m, body);
    for (uint32_t k = from; k < g->n_inputs; k++) {
        const int32_t elem = elem_of(m, quire_node_input(m, n, k + shift));
        fill(m, g->inputs[k].value, elem, QUIRE_RANK_UNKNOWN);
    }
}

static void
enter_loop(quire_model *m, quire_node n)
{
    const quire_graph body = body_of(m, n, "body");
    const quire_graph_rec *g = quire_graph_at(m, body);
    if (g->n_inputs > 0) fill(m, g->inputs[0].value, QUIRE_DTYPE_INT64, QUIRE_RANK_UNKNOWN);
    if (g->n_inputs > 1) fill(m, g->inputs[1].value, QUIRE_DTYPE_BOOL, QUIRE_RANK_UNKNOWN);
    fill_formals(m, n, body, 2, 0);
}

/* Scan of opset 8 has its sequence lengths before what the body is given. */
static void
enter_scan(quire_model *m, quire_node n)
{
    const quire_graph body = body_of(m, n, "body");
    const size_t n_inputs = quire_graph_at(m, body)->n_inputs;
    const size_t n_operands = quire_node_at(m, n)->n_in;
    if (n_operands == n_inputs || n_operands == n_inputs + 1)
        fill_formals(m, n, body, 0, (uint32_t)(n_operands - n_inputs));
}

/* Of a Loop, output 0 of the body is the condition; a state has the type it began with. */
static void
leave_loop(quire_model *m, quire_node n)
{
    const quire_graph body = body_of(m, n, "body");
    const quire_node_rec *r = quire_node_at(m, n);
    const uint32_t n_states = r->n_in > 2 ? r->n_in - 2 : 0;
    for (uint32_t k = 0; k < r->n_out; k++) {
        int32_t elem = elem_of_output(m, body, k + 1);
        if (elem == 0 && k < n_states) elem = elem_of(m, quire_node_input(m, n, k + 2));
        fill(m, (quire_value){r->out.id + k}, elem, QUIRE_RANK_UNKNOWN);
    }
}

static void
leave_scan(quire_model *m, quire_node n)
{
    const quire_graph body = body_of(m, n, "body");
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++)
        fill(m, (quire_value){r->out.id + k}, elem_of_output(m, body, k), QUIRE_RANK_UNKNOWN);
}

/* Where one branch is not known, the other speaks for it; where they differ, neither is believed.
 */
static void
leave_if(quire_model *m, quire_node n)
{
    const quire_graph yes = body_of(m, n, "then_branch");
    const quire_graph no = body_of(m, n, "else_branch");
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const int32_t a = elem_of_output(m, yes, k);
        const int32_t b = elem_of_output(m, no, k);
        const int32_t elem = a == 0 || a == b ? b : b == 0 ? a : 0;
        fill(m, (quire_value){r->out.id + k}, elem, QUIRE_RANK_UNKNOWN);
    }
}

static void
leave(quire_model *m, quire_node n)
{
    const quire_op_kind kind = quire_node_kind(m, n);
    if (kind == QUIRE_OP_IF) leave_if(m, n);
    if (kind == QUIRE_OP_LOOP) leave_loop(m, n);
    if (kind == QUIRE_OP_SCAN) leave_scan(m, n);
}

/* --- the walk --------------------------------------------------------------------------------- */

static void
enter(quire_model *m, quire_node n, const quire_infer_rule *rule)
{
    const quire_node_rec *r = quire_node_at(m, n);
    const quire_op_kind kind = quire_node_kind(m, n);
    int32_t elem = 0;
    int32_t rank = QUIRE_RANK_UNKNOWN;
    for (uint32_t k = 0; rule != NULL && k < r->n_out; k++) {
        if (k <= QUIRE_INFER_LAST_RESULT) elem = quire_infer_elem(m, n, rule, k);
        if (k <= QUIRE_INFER_LAST_RESULT) rank = quire_infer_rank(m, n, rule, k);
        fill(m, (quire_value){r->out.id + k}, elem, rank);
    }
    if (kind == QUIRE_OP_LOOP) enter_loop(m, n);
    if (kind == QUIRE_OP_SCAN) enter_scan(m, n);
}

static quire_node
owner_of(const quire_model *m, quire_node n)
{
    return quire_graph_at(m, quire_node_at(m, n)->graph)->owner;
}

/* Leaves n, unless `next` is in one of its bodies, and all that holds n but not `next`. Every
 * node is left once. */
static void
leave_until(quire_model *m, quire_node n, quire_node next)
{
    if (next.id != 0 && owner_of(m, next).id == n.id) return;
    leave(m, n);
    while (next.id == 0 || quire_node_at(m, n)->graph.id != quire_node_at(m, next)->graph.id) {
        const quire_node owner = owner_of(m, n);
        if (owner.id == 0 || (next.id != 0 && owner_of(m, next).id == owner.id)) return;
        leave(m, owner);
        n = owner;
    }
}

quire_status
quire_pass_infer_types(quire_ctx *ctx, quire_run *run)
{
    quire_model *m = run->model;
    const quire_infer_rule **rules;
    const size_t size = m->ops.count * sizeof *rules;
    QUIRE_TRY(quire_infer_rules_find(ctx, m, &rules));
    fill_sources(m);
    quire_node next;
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0; n = next) {
        next = quire_walk_next(m, n);
        enter(m, n, rules[quire_node_at(m, n)->op.id]);
        leave_until(m, n, next);
    }
    quire_free(ctx->alloc, rules, size);
    return QUIRE_OK;
}
