/* names.c - see names.h. */
#include "graph/names.h"

#include "base/diag.h"
#include "graph/path.h"
#include "graph/scope.h"

typedef struct checker {
    quire_ctx *ctx;
    const quire_model *m;
    quire_status status;
    unsigned *budget;
    bool failed;
    quire_scopes scopes;
} checker;

static void
violation(checker *c, quire_node n, const char *what, quire_sym name)
{
    char path[QUIRE_PATH_ROOM];
    const quire_bytes text = quire_sym_bytes(c->m, name);
    c->failed = true;
    if (*c->budget == 0) return;
    --*c->budget;
    (void)quire_fail(c->ctx, c->status, quire_path_of_node(c->m, n, path), "%s \"%.*s\"", what,
                     text.len < 100 ? (int)text.len : 100, (const char *)text.ptr);
}

/* --- definitions ------------------------------------------------------------------------------ */

/* Is what `b` binds defined where body g is held, so that a result in g would hide it? */
static bool
is_visible(const quire_model *m, const quire_binding *b, quire_graph g)
{
    const quire_value_rec *v = quire_value_at(m, b->value);
    while (quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY &&
           quire_graph_at(m, g)->parent.id != b->graph.id)
        g = quire_graph_at(m, g)->parent;
    const quire_graph_rec *r = quire_graph_at(m, g);
    if (r->kind != QUIRE_GRAPH_BODY) return false;
    return v->def_kind != QUIRE_DEF_RESULT ||
           quire_node_at(m, (quire_node){v->def})->order < quire_node_at(m, r->owner)->order;
}

static quire_status
define(checker *c, quire_graph g, quire_value value)
{
    const quire_value_rec *v = quire_value_at(c->m, value);
    if (value.id == 0 || v->name.id <= QUIRE_SYM_EMPTY || (v->flags & QUIRE_DEAD) != 0)
        return QUIRE_OK;
    const quire_binding *b = quire_scopes_find(&c->scopes, v->name);
    if (b != NULL && v->def_kind == QUIRE_DEF_RESULT && is_visible(c->m, b, g))
        violation(c, (quire_node){v->def}, "a result hides a name of an enclosing graph:", v->name);
    return quire_scopes_define(c->ctx, &c->scopes, v->name, value, g);
}

static quire_status
define_all(checker *c, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(c->m, g);
    for (size_t k = 0; k < r->n_inputs; k++)
        QUIRE_TRY(define(c, g, r->inputs[k].value));
    for (size_t k = 0; k < r->n_inits; k++)
        QUIRE_TRY(define(c, g, r->inits[k].value));
    for (quire_node n = r->first; n.id != 0; n = quire_node_at(c->m, n)->next) {
        const quire_node_rec *node = quire_node_at(c->m, n);
        for (uint32_t k = 0; k < node->n_out; k++)
            QUIRE_TRY(define(c, g, (quire_value){node->out.id + k}));
    }
    return QUIRE_OK;
}

/* --- readers ---------------------------------------------------------------------------------- */

static void
check_operands(checker *c, quire_node n)
{
    const quire_node_rec *r = quire_node_at(c->m, n);
    for (uint32_t k = 0; k < r->n_in; k++) {
        const quire_value value = quire_use_at(c->m, (quire_use){r->in.id + k})->value;
        const quire_value_rec *v = quire_value_at(c->m, value);
        if (value.id == 0 || v->graph.id == r->graph.id) continue;
        const quire_binding *b = quire_scopes_find(&c->scopes, v->name);
        if (b == NULL || b->value.id != value.id)
            violation(c, n, "an operand reads a value whose name means another one here:", v->name);
    }
}

static quire_status check_graph(checker *c, quire_graph g);

/* Recursion is bounded by the nesting of graphs, 32. */
static quire_status
check_bodies(checker *c, quire_node n)
{
    const quire_node_rec *r = quire_node_at(c->m, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(c->m, (quire_attr){r->attr.id + k});
        for (uint32_t i = 0; i < a->n_graphs; i++)
            QUIRE_TRY(check_graph(c, a->graphs[i]));
    }
    return QUIRE_OK;
}

static quire_status
check_graph(checker *c, quire_graph g)
{
    const size_t mark = quire_scopes_mark(&c->scopes);
    QUIRE_TRY(define_all(c, g));
    for (quire_node n = quire_graph_at(c->m, g)->first; n.id != 0;
         n = quire_node_at(c->m, n)->next) {
        check_operands(c, n);
        QUIRE_TRY(check_bodies(c, n));
    }
    quire_scopes_close(&c->scopes, mark);
    return QUIRE_OK;
}

/* --- the model -------------------------------------------------------------------------------- */

static quire_status
check_roots(checker *c)
{
    const quire_model *m = c->m;
    QUIRE_TRY(check_graph(c, m->main));
    if (m->n_training > 0) QUIRE_TRY(define_all(c, m->main)); /* which training graphs read */
    for (size_t i = 0; i < m->n_training; i++) {
        const quire_graph graphs[] = {m->training[i].initialization, m->training[i].algorithm};
        if (graphs[0].id != 0) QUIRE_TRY(check_graph(c, graphs[0]));
        if (graphs[1].id != 0) QUIRE_TRY(check_graph(c, graphs[1]));
    }
    quire_scopes_close(&c->scopes, 0);
    for (size_t i = 0; i < m->n_functions; i++)
        QUIRE_TRY(check_graph(c, m->functions[i]));
    return QUIRE_OK;
}

static bool
has_inner_graphs(const quire_model *m)
{
    for (uint32_t i = 1; i < m->graphs.count; i++) {
        const quire_graph_rec *g = quire_graph_at(m, (quire_graph){i});
        const bool inner = g->kind == QUIRE_GRAPH_BODY || g->kind == QUIRE_GRAPH_TRAINING;
        if (inner && (g->flags & QUIRE_DEAD) == 0) return true;
    }
    return false;
}

quire_status
quire_names_check(quire_ctx *ctx, const quire_model *m, quire_status status, unsigned *io_budget)
{
    checker c = {.ctx = ctx, .m = m, .status = status, .budget = io_budget};
    if (!has_inner_graphs(m)) return QUIRE_OK;
    const quire_status found = check_roots(&c);
    quire_scopes_deinit(m->alloc, &c.scopes);
    return found == QUIRE_OK && c.failed ? status : found;
}
