/* verify.c - see verify.h. One function per rule; each tells what it saw and where, within the
 * budget. */
#include "graph/verify.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/calls.h"
#include "graph/layer.h"
#include "graph/names.h"
#include "graph/order.h"
#include "graph/path.h"
#include "graph/scope.h"

enum { MAX_REPORTS = 50 };

typedef struct verifier {
    quire_ctx *ctx;
    const quire_model *m;
    quire_status status; /* what a violation is: a bad file, or a bug of ours */
    unsigned budget;
    bool failed;
    quire_scopes scopes;
} verifier;

QUIRE_PRINTF(3, 4)
static void
violation(verifier *v, const char *path, const char *format, ...)
{
    v->failed = true;
    if (v->budget == 0) return;
    v->budget--;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)quire_fail(v->ctx, v->status, path, "%s", text);
}

static void
node_violation(verifier *v, quire_node n, const char *what)
{
    char path[QUIRE_PATH_ROOM];
    violation(v, quire_path_of_node(v->m, n, path), "%s", what);
}

static void
value_violation(verifier *v, quire_value value, const char *what)
{
    char path[QUIRE_PATH_ROOM];
    violation(v, quire_path_of_value(v->m, value, path), "%s", what);
}

/* --- links ------------------------------------------------------------------------------------ */

static bool
in_table(const quire_table *table, uint32_t first, uint32_t n)
{
    return n == 0 || (first > 0 && first < table->count && n <= table->count - first);
}

/* Every use stands in the list of the value it reads, once; the count is right. */
static void
check_uses_of(verifier *v, quire_value value)
{
    const quire_value_rec *r = quire_value_at(v->m, value);
    uint32_t n = 0;
    quire_use before = {0};
    for (quire_use u = r->first_use; u.id != 0 && n <= r->n_uses; u = quire_use_at(v->m, u)->next) {
        const quire_use_rec *use = quire_use_at(v->m, u);
        if (use->value.id != value.id || use->prev.id != before.id) {
            value_violation(v, value, "its list of uses is broken");
            return;
        }
        before = u;
        n++;
    }
    if (n != r->n_uses) value_violation(v, value, "its number of uses is wrong");
    if ((r->flags & QUIRE_DEAD) != 0 && n > 0)
        value_violation(v, value, "it was erased and is still used");
}

static void
check_operands(verifier *v, quire_node n)
{
    const quire_node_rec *r = quire_node_at(v->m, n);
    for (uint32_t k = 0; k < r->n_in; k++) {
        const quire_use_rec *u = quire_use_at(v->m, (quire_use){r->in.id + k});
        if (u->node.id != n.id || u->index != k || u->graph.id != r->graph.id)
            node_violation(v, n, "an operand belongs to another node");
        if (u->value.id >= v->m->values.count)
            node_violation(v, n, "an operand reads a value that does not exist");
    }
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value_rec *o = quire_value_at(v->m, (quire_value){r->out.id + k});
        if (o->def_kind != QUIRE_DEF_RESULT || o->def != n.id || o->slot != k ||
            o->graph.id != r->graph.id) {
            node_violation(v, n, "a result belongs to another node");
        }
        if (o->n_uses > 0 && o->name.id <= QUIRE_SYM_EMPTY)
            node_violation(v, n, "a result without a name is used");
    }
}

static void
check_node(verifier *v, quire_node n)
{
    const quire_model *m = v->m;
    const quire_node_rec *r = quire_node_at(m, n);
    if (!in_table(&m->uses, r->in.id, r->n_in) || !in_table(&m->values, r->out.id, r->n_out) ||
        !in_table(&m->attrs, r->attr.id, r->n_attr)) {
        node_violation(v, n, "its operands, results or attributes are out of range");
        return;
    }
    if (r->flags & QUIRE_DEAD) node_violation(v, n, "it was erased and is still in its graph");
    if (quire_op_at(m, r->op)->type.id <= QUIRE_SYM_EMPTY)
        node_violation(v, n, "it has no operator");
    check_operands(v, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){r->attr.id + k});
        for (uint32_t i = 0; i < a->n_graphs; i++) {
            const quire_graph_rec *g = quire_graph_at(m, a->graphs[i]);
            if (g->owner.id != n.id || g->parent.id != r->graph.id)
                node_violation(v, n, "one of its bodies belongs to another node");
        }
    }
}

static void
check_list(verifier *v, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(v->m, g);
    uint32_t n_nodes = 0;
    quire_node before = {0};
    for (quire_node n = r->first; n.id != 0 && n_nodes <= r->n_nodes;
         n = quire_node_at(v->m, n)->next) {
        const quire_node_rec *node = quire_node_at(v->m, n);
        if (node->prev.id != before.id || node->graph.id != g.id)
            node_violation(v, n, "the list of nodes is broken here");
        if (before.id != 0 && node->order <= quire_node_at(v->m, before)->order)
            node_violation(v, n, "its order key does not rise");
        check_node(v, n);
        before = n;
        n_nodes++;
    }
    if (n_nodes != r->n_nodes || r->last.id != before.id)
        violation(v, NULL, "a graph's list of nodes ends in the wrong place");
}

/* --- scopes ----------------------------------------------------------------------------------- */

/* May a reader in graph `reader` see a value of graph `owner`? */
static bool
sees(const quire_model *m, quire_graph reader, quire_graph owner)
{
    return quire_graph_within(m, reader, owner);
}

static void
check_reach(verifier *v, quire_use u)
{
    const quire_use_rec *r = quire_use_at(v->m, u);
    if (r->value.id == 0 || sees(v->m, r->graph, quire_value_at(v->m, r->value)->graph)) return;
    if (r->node.id != 0) {
        node_violation(v, r->node, "an operand reads a value of a graph it is not in");
    } else {
        violation(v, NULL, "an output reads a value of a graph it is not in");
    }
}

static quire_status
check_name(verifier *v, quire_graph g, quire_value value)
{
    const quire_value_rec *r = quire_value_at(v->m, value);
    if (r->name.id <= QUIRE_SYM_EMPTY || (r->flags & QUIRE_DEAD) != 0) return QUIRE_OK;
    const quire_binding *b = quire_scopes_find(&v->scopes, r->name);
    if (b != NULL && b->graph.id == g.id && b->value.id != value.id) {
        value_violation(v, value, "the name is defined twice in one graph");
        return QUIRE_OK;
    }
    return quire_scopes_define(v->ctx, &v->scopes, r->name, value, g);
}

/* Names of one graph are unique; what it may shadow is import's business. */
static quire_status
check_names(verifier *v, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(v->m, g);
    for (size_t k = 0; k < r->n_inputs; k++) {
        if ((r->inputs[k].flags & QUIRE_DEAD) == 0) QUIRE_TRY(check_name(v, g, r->inputs[k].value));
    }
    for (size_t k = 0; k < r->n_inits; k++) {
        if ((r->inits[k].flags & QUIRE_DEAD) == 0) QUIRE_TRY(check_name(v, g, r->inits[k].value));
    }
    for (quire_node n = r->first; n.id != 0; n = quire_node_at(v->m, n)->next) {
        const quire_node_rec *node = quire_node_at(v->m, n);
        for (uint32_t k = 0; k < node->n_out; k++)
            QUIRE_TRY(check_name(v, g, (quire_value){node->out.id + k}));
    }
    quire_scopes_close(&v->scopes, 0);
    return QUIRE_OK;
}

/* --- the rest --------------------------------------------------------------------------------- */

static void
check_initializers(verifier *v, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(v->m, g);
    for (size_t k = 0; k < r->n_inits; k++) {
        if (r->inits[k].flags & QUIRE_DEAD) continue;
        const quire_value_rec *value = quire_value_at(v->m, r->inits[k].value);
        const quire_tensor_rec *t = quire_tensor_at(v->m, r->inits[k].tensor);
        uint64_t need;
        if (value->init.id != r->inits[k].tensor.id)
            value_violation(v, r->inits[k].value, "its tensor is another one's");
        if ((t->form == QUIRE_FORM_RAW || t->form == QUIRE_FORM_EXTERNAL) &&
            quire_dtype_bytes(t->dtype, t->n_elements, &need) && need != t->data.len) {
            value_violation(v, r->inits[k].value, "its data has the wrong size");
        }
    }
}

static void
check_outputs(verifier *v, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(v->m, g);
    for (size_t k = 0; k < r->n_outputs; k++) {
        const quire_use_rec *u = quire_use_at(v->m, (quire_use){(uint32_t)(r->out.id + k)});
        if (u->node.id != 0 || u->graph.id != g.id || u->index != k || u->value.id == 0) {
            violation(v, NULL, "output %zu of a graph reads nothing", k);
        }
    }
}

/* Something that was erased, or never was; slots that only a text names do not reach a layer. */
static bool
is_gone(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT) {
        return slot.id == 0 || slot.id >= m->values.count ||
               (quire_value_at(m, (quire_value){slot.id})->flags & QUIRE_DEAD) != 0;
    }
    if (slot.kind != QUIRE_SLOT_USE || slot.id == 0 || slot.id >= m->uses.count) return true;
    const quire_use_rec *u = quire_use_at(m, (quire_use){slot.id});
    const uint32_t user =
        u->node.id != 0 ? quire_node_at(m, u->node)->flags : quire_graph_at(m, u->graph)->flags;
    return u->graph.id == 0 || (user & QUIRE_DEAD) != 0;
}

static quire_status
check_layer(verifier *v, const quire_layer *layer)
{
    quire_slot *slots;
    size_t n;
    QUIRE_TRY(quire_layer_slots(v->ctx, layer, &slots, &n));
    for (size_t i = 0; i < n; i++) {
        if (is_gone(v->m, slots[i]))
            violation(v, NULL, "layer \"%s\" has a record for an erased slot",
                      quire_layer_name(layer));
    }
    quire_free(v->ctx->alloc, slots, n * sizeof *slots);
    return QUIRE_OK;
}

static quire_status
check_layers(verifier *v)
{
    for (const quire_layer *layer = quire_layer_next(v->m, NULL); layer != NULL;
         layer = quire_layer_next(v->m, layer))
        QUIRE_TRY(check_layer(v, layer));
    return QUIRE_OK;
}

static quire_status
check_model(verifier *v)
{
    const quire_model *m = v->m;
    for (uint32_t i = 1; i < m->graphs.count; i++) {
        const quire_graph g = {i};
        if (quire_graph_at(m, g)->flags & QUIRE_DEAD) continue;
        check_list(v, g);
        check_outputs(v, g);
        check_initializers(v, g);
        QUIRE_TRY(check_names(v, g));
    }
    for (uint32_t i = 1; i < m->values.count; i++)
        check_uses_of(v, (quire_value){i});
    for (uint32_t i = 1; i < m->uses.count; i++)
        check_reach(v, (quire_use){i});
    QUIRE_TRY(check_layers(v));
    if (v->failed) return v->status;
    QUIRE_TRY(quire_names_check(v->ctx, m, v->status, &v->budget));
    QUIRE_TRY(quire_calls_check(v->ctx, m));
    return quire_order_check(v->ctx, m, v->status, &v->budget);
}

quire_status
quire_model_verify(quire_ctx *ctx, const quire_model *m, quire_status status)
{
    verifier v = {.ctx = ctx, .m = m, .status = status, .budget = MAX_REPORTS};
    const quire_status found = check_model(&v);
    quire_scopes_deinit(m->alloc, &v.scopes);
    return found;
}
