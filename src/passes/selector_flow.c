/* selector_flow.c - consumer-of, producer-of and between: where data goes.
 *
 * Data passes from what defines a tensor to each of its uses, also of captured tensors inside
 * bodies; from an operand of a node to each result; from an operand of a node with bodies to each
 * input of them, and from each output of a body to each result of its owner. It does not pass
 * from one round of a Loop to the next, nor into functions. Nodes between A and B are those with
 * a slot that is on the way from a slot of A to a slot of B. Linear: each node passes data on
 * once.
 */
#include "base/diag.h"
#include "passes/selector_parts.h"

static quire_slot
slot_at(const quire_selection *s, uint32_t rank)
{
    return s->order->slot_of_rank[rank];
}

static const quire_use_rec *
use_at(const quire_selection *s, uint32_t rank) /* the record of use 0 if the slot is none */
{
    const quire_slot slot = slot_at(s, rank);
    return quire_use_at(s->m, (quire_use){slot.kind == QUIRE_SLOT_USE ? slot.id : 0});
}

void
quire_flow_consumers(const quire_selection *s, const quire_set *a, quire_set *io_nodes)
{
    for (uint32_t rank = 1; rank <= s->order->n; rank++) {
        const quire_use_rec *u = use_at(s, rank);
        if (u->node.id != 0 && quire_set_has(a, s->order->rank_of_value[u->value.id]))
            quire_set_add(io_nodes, u->node.id);
    }
}

void
quire_flow_producers(const quire_selection *s, const quire_set *a, quire_set *io_nodes)
{
    for (uint32_t rank = 1; rank <= s->order->n; rank++) {
        if (!quire_set_has(a, rank)) continue;
        const quire_node n = quire_value_node(s->m, use_at(s, rank)->value);
        if (n.id != 0) quire_set_add(io_nodes, n.id);
    }
}

/* --- between ---------------------------------------------------------------------------------- */

typedef struct flow { /* one direction */
    const quire_selection *s;
    quire_set reached; /* slots, by rank */
    quire_set passed;  /* nodes whose results (back: whose bodies' outputs) were reached */
    quire_set entered; /* nodes whose bodies' inputs (back: whose operands) were reached */
    uint32_t *queue;   /* ranks; each once */
    uint32_t n, next;
} flow;

static void
reach(flow *f, uint32_t rank)
{
    if (rank == 0 || quire_set_has(&f->reached, rank)) return;
    quire_set_add(&f->reached, rank);
    f->queue[f->n++] = rank;
}

static void
reach_value(flow *f, quire_value v)
{
    if (v.id != 0) reach(f, f->s->order->rank_of_value[v.id]);
}

static void
reach_use(flow *f, uint32_t use)
{
    reach(f, f->s->order->rank_of_use[use]);
}

static bool
is_first_time(quire_set *nodes, quire_node n)
{
    if (n.id == 0 || quire_set_has(nodes, n.id)) return false;
    quire_set_add(nodes, n.id);
    return true;
}

/* Of each body of n: its inputs, or its outputs. */
static void
reach_bodies(flow *f, quire_node n, bool inputs)
{
    const quire_node_rec *r = quire_node_at(f->s->m, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(f->s->m, (quire_attr){r->attr.id + k});
        for (uint32_t i = 0; i < a->n_graphs; i++) {
            const quire_graph_rec *g = quire_graph_at(f->s->m, a->graphs[i]);
            for (size_t j = 0; inputs && j < g->n_inputs; j++)
                reach_value(f, g->inputs[j].value);
            for (uint32_t j = 0; !inputs && j < g->n_outputs; j++)
                reach_use(f, g->out.id + j);
        }
    }
}

static void
reach_results(flow *f, quire_node n)
{
    const quire_node_rec *r = quire_node_at(f->s->m, n);
    if (!is_first_time(&f->passed, n)) return;
    for (uint32_t k = 0; k < r->n_out; k++)
        reach_value(f, (quire_value){r->out.id + k});
}

static void
reach_operands(flow *f, quire_node n)
{
    const quire_node_rec *r = quire_node_at(f->s->m, n);
    if (!is_first_time(&f->entered, n)) return;
    for (uint32_t k = 0; k < r->n_in; k++)
        reach_use(f, r->in.id + k);
}

static quire_node
owner_of(const flow *f, quire_graph g)
{
    return quire_graph_at(f->s->m, g)->owner;
}

static void
step_forward(flow *f, quire_slot slot)
{
    const quire_model *m = f->s->m;
    if (slot.kind == QUIRE_SLOT_RESULT) {
        quire_use u = quire_value_at(m, (quire_value){slot.id})->first_use;
        for (; u.id != 0; u = quire_use_at(m, u)->next)
            reach_use(f, u.id);
        return;
    }
    const quire_use_rec *u = quire_use_at(m, (quire_use){slot.id});
    reach_results(f, u->node.id != 0 ? u->node : owner_of(f, u->graph));
    if (is_first_time(&f->entered, u->node)) reach_bodies(f, u->node, true);
}

static void
step_back(flow *f, quire_slot slot)
{
    const quire_model *m = f->s->m;
    if (slot.kind == QUIRE_SLOT_USE) {
        reach_value(f, quire_use_at(m, (quire_use){slot.id})->value);
        return;
    }
    const quire_value_rec *v = quire_value_at(m, (quire_value){slot.id});
    const quire_node n = quire_value_node(m, (quire_value){slot.id});
    if (is_first_time(&f->passed, n)) reach_bodies(f, n, false);
    if (n.id != 0) reach_operands(f, n);
    if (v->def_kind == QUIRE_DEF_INPUT) reach_operands(f, owner_of(f, v->graph));
}

static void
run_flow(flow *f, const quire_set *from, bool forward)
{
    for (uint32_t rank = 1; rank <= f->s->order->n; rank++) {
        if (quire_set_has(from, rank)) reach(f, rank);
    }
    while (f->next < f->n) {
        const quire_slot slot = slot_at(f->s, f->queue[f->next++]);
        if (forward) {
            step_forward(f, slot);
        } else {
            step_back(f, slot);
        }
    }
}

static quire_status
flow_init(const quire_selection *s, flow *f)
{
    QUIRE_TRY(quire_set_init(s->ctx, s->order->n, &f->reached));
    QUIRE_TRY(quire_set_init(s->ctx, s->m->nodes.count, &f->passed));
    QUIRE_TRY(quire_set_init(s->ctx, s->m->nodes.count, &f->entered));
    f->queue = quire_alloc(s->ctx->alloc, ((size_t)s->order->n + 1) * sizeof *f->queue);
    return f->queue != NULL ? QUIRE_OK : quire_nomem(s->ctx);
}

static void
flow_deinit(flow *f)
{
    quire_ctx *ctx = f->s->ctx;
    quire_set_deinit(ctx, &f->reached);
    quire_set_deinit(ctx, &f->passed);
    quire_set_deinit(ctx, &f->entered);
    quire_free(ctx->alloc, f->queue, ((size_t)f->s->order->n + 1) * sizeof *f->queue);
}

static void
add_nodes_of_both(const quire_selection *s, const flow *a, const flow *b, quire_set *io_nodes)
{
    for (uint32_t rank = 1; rank <= s->order->n; rank++) {
        if (!quire_set_has(&a->reached, rank) || !quire_set_has(&b->reached, rank)) continue;
        const quire_slot slot = slot_at(s, rank);
        const bool is_use = slot.kind == QUIRE_SLOT_USE;
        const quire_node n =
            is_use ? use_at(s, rank)->node : quire_value_node(s->m, (quire_value){slot.id});
        if (n.id != 0) quire_set_add(io_nodes, n.id);
    }
}

quire_status
quire_flow_between(const quire_selection *s, const quire_set *a, const quire_set *b,
                   quire_set *io_nodes)
{
    flow forward = {.s = s};
    flow back = {.s = s};
    quire_status status = flow_init(s, &forward);
    if (status == QUIRE_OK) status = flow_init(s, &back);
    if (status == QUIRE_OK) {
        run_flow(&forward, a, true);
        run_flow(&back, b, false);
        add_nodes_of_both(s, &forward, &back, io_nodes);
    }
    flow_deinit(&forward);
    flow_deinit(&back);
    return status;
}
