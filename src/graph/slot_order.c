/* slot_order.c - numbers the slots of a model in their total order, by one walk over its graphs. */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/slot.h"
#include "graph/spec_text.h"

typedef struct place { /* where the walk is in one graph */
    quire_graph graph;
    quire_node node;     /* whose bodies are being visited; 0: none yet */
    uint32_t attr, body; /* the next body: graph `body` of the node's attribute `attr` */
} place;

typedef struct numbering {
    quire_ctx *ctx;
    const quire_model *m;
    quire_slot_order *order;
    place *stack; /* graphs around the current one, outermost first */
    size_t depth, room;
} numbering;

static void
number(numbering *w, quire_slot slot)
{
    quire_slot_order *o = w->order;
    uint32_t *rank =
        slot.kind == QUIRE_SLOT_RESULT ? &o->rank_of_value[slot.id] : &o->rank_of_use[slot.id];
    if (*rank != 0) return;
    *rank = ++o->n;
    o->slot_of_rank[o->n] = slot;
}

static void
number_value(numbering *w, quire_value v)
{
    const bool dead = (quire_value_at(w->m, v)->flags & QUIRE_DEAD) != 0;
    if (v.id != 0 && !dead && quire_value_name(w->m, v).len > 0)
        number(w, (quire_slot){QUIRE_SLOT_RESULT, v.id});
}

static quire_status
enter(numbering *w, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(w->m, g);
    QUIRE_TRY(quire_grow(w->ctx, &w->stack, &w->room, w->depth + 1, sizeof *w->stack));
    w->stack[w->depth++] = (place){.graph = g};
    for (size_t k = 0; k < r->n_inputs; k++)
        number_value(w, r->inputs[k].value);
    for (size_t k = 0; k < r->n_inits; k++)
        number_value(w, r->inits[k].value);
    return QUIRE_OK;
}

static void
leave(numbering *w)
{
    const quire_graph_rec *r = quire_graph_at(w->m, w->stack[--w->depth].graph);
    for (uint32_t k = 0; k < r->n_outputs; k++)
        number(w, (quire_slot){QUIRE_SLOT_USE, r->out.id + k});
}

static void
number_node(numbering *w, quire_node n)
{
    const quire_node_rec *r = quire_node_at(w->m, n);
    for (uint32_t k = 0; k < r->n_in; k++)
        number(w, (quire_slot){QUIRE_SLOT_USE, r->in.id + k});
    for (uint32_t k = 0; k < r->n_out; k++)
        number_value(w, (quire_value){r->out.id + k});
}

/* The next body of the node at `at`; 0 when all were visited. */
static quire_graph
next_body(const quire_model *m, place *at)
{
    const quire_node_rec *r = quire_node_at(m, at->node);
    for (; at->attr < r->n_attr; at->attr++, at->body = 0) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){r->attr.id + at->attr});
        if (at->body < a->n_graphs) return a->graphs[at->body++];
    }
    return (quire_graph){0};
}

/* To the next node of the innermost graph that can be named; 0 behind the last. */
static quire_node
next_node(const quire_model *m, const place *at)
{
    quire_node n =
        at->node.id != 0 ? quire_node_at(m, at->node)->next : quire_graph_at(m, at->graph)->first;
    while (n.id != 0 && quire_node_first_result(m, n).id == 0)
        n = quire_node_at(m, n)->next;
    return n;
}

static quire_status
number_root(numbering *w, quire_graph root)
{
    if (root.id == 0) return QUIRE_OK;
    QUIRE_TRY(enter(w, root));
    while (w->depth > 0) {
        place *at = &w->stack[w->depth - 1];
        const quire_graph body = next_body(w->m, at);
        if (body.id != 0) {
            QUIRE_TRY(enter(w, body));
            continue;
        }
        *at = (place){.graph = at->graph, .node = next_node(w->m, at)};
        if (at->node.id != 0) {
            number_node(w, at->node);
        } else {
            leave(w);
        }
    }
    return QUIRE_OK;
}

static quire_status
number_all(numbering *w)
{
    const quire_model *m = w->m;
    QUIRE_TRY(number_root(w, m->main));
    for (size_t k = 0; k < m->n_training; k++) {
        QUIRE_TRY(number_root(w, m->training[k].initialization));
        QUIRE_TRY(number_root(w, m->training[k].algorithm));
    }
    for (size_t k = 0; k < m->n_functions; k++)
        QUIRE_TRY(number_root(w, m->functions[k]));
    return QUIRE_OK;
}

static void *
zeroed(const quire_allocator *alloc, size_t n, size_t size)
{
    void *ptr = quire_alloc(alloc, n * size);
    if (ptr != NULL) memset(ptr, 0, n * size);
    return ptr;
}

quire_status
quire_slot_order_make(quire_ctx *ctx, const quire_model *m, quire_slot_order *out_order)
{
    quire_slot_order o = {.n_values = m->values.count, .n_uses = m->uses.count};
    o.rank_of_value = zeroed(ctx->alloc, o.n_values, sizeof *o.rank_of_value);
    o.rank_of_use = zeroed(ctx->alloc, o.n_uses, sizeof *o.rank_of_use);
    o.slot_of_rank = zeroed(ctx->alloc, (size_t)o.n_values + o.n_uses, sizeof *o.slot_of_rank);
    quire_status status = QUIRE_OK;
    if (o.rank_of_value == NULL || o.rank_of_use == NULL || o.slot_of_rank == NULL) {
        status = quire_nomem(ctx);
    } else {
        numbering w = {.ctx = ctx, .m = m, .order = &o};
        status = number_all(&w);
        quire_ungrow(ctx->alloc, &w.stack, &w.room, sizeof *w.stack);
    }
    if (status != QUIRE_OK) {
        quire_slot_order_deinit(ctx, &o);
        return status;
    }
    *out_order = o;
    return QUIRE_OK;
}

void
quire_slot_order_deinit(quire_ctx *ctx, quire_slot_order *order)
{
    const size_t n_values = order->n_values, n_uses = order->n_uses;
    quire_free(ctx->alloc, order->rank_of_value, n_values * sizeof *order->rank_of_value);
    quire_free(ctx->alloc, order->rank_of_use, n_uses * sizeof *order->rank_of_use);
    quire_free(ctx->alloc, order->slot_of_rank, (n_values + n_uses) * sizeof *order->slot_of_rank);
    *order = (quire_slot_order){0};
}
