/* test_edit.c - the edit gate against a naive model: who reads what, kept as plain arrays.
 *
 * Random edits go to both. After each, every operand and output must read what the naive side says, the number of uses of
 * every value must be what counting gives, and the verifier must be content. At the end the export is imported again.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/rope.h"
#include "graph/edit.h"
#include "graph/export.h"
#include "graph/import.h"
#include "graph/parse.h"
#include "graph/verify.h"

enum { N_GRAPHS = 60, N_EDITS = 120, MAX_NODES = 400, MAX_OPERANDS = 3 };

typedef struct naive_node {
    quire_node node;
    quire_value in[MAX_OPERANDS];
    uint32_t n_in;
    bool alive;
} naive_node;

typedef struct world {
    quire_ctx ctx;
    quire_model *m;
    naive_node nodes[MAX_NODES]; /* in the order they were made */
    size_t n_nodes;
    quire_value output; /* what the graph returns      */
    uint64_t random;
} world;

static uint32_t
draw(world *w, uint32_t n)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((w->random >> 33) % n);
}

static void
tell(void *data, const quire_diagnostic *d)
{
    (void)data;
    fprintf(stderr, "%s: %s\n", d->path != NULL ? d->path : "", d->message);
}

static void
start(world *w, uint64_t seed)
{
    static const char text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                               "g (float[N] x, float[N] z) => (float[N] y) { y = Add(x, z) }\n";
    *w = (world){.ctx = quire_ctx_default(), .random = seed};
    w->ctx.sink = tell;
    ck_assert_int_eq(quire_model_parse(&w->ctx, quire_bytes_of(text), NULL, &w->m), QUIRE_OK);
    const quire_graph_rec *g = quire_graph_at(w->m, w->m->main);
    w->nodes[0] = (naive_node){.node = g->first, .n_in = 2, .alive = true};
    for (uint32_t k = 0; k < 2; k++)
        w->nodes[0].in[k] = quire_node_input(w->m, g->first, k);
    w->n_nodes = 1;
    w->output = quire_node_result(w->m, g->first, 0);
}

/* A value that is defined before node `before` (0: anywhere): an input or an earlier result. */
static quire_value
earlier_value(world *w, quire_node before)
{
    const quire_graph_rec *g = quire_graph_at(w->m, w->m->main);
    quire_value found = g->inputs[draw(w, 2)].value;
    for (unsigned tries = 0; tries < 4; tries++) {
        const naive_node *n = &w->nodes[draw(w, (uint32_t)w->n_nodes)];
        const bool early = before.id == 0 ||
                           quire_node_at(w->m, n->node)->order < quire_node_at(w->m, before)->order;
        if (n->alive && early) found = quire_node_result(w->m, n->node, 0);
    }
    return found;
}

/* NULL when all are erased. */
static naive_node *
some_node(world *w)
{
    const size_t first = draw(w, (uint32_t)w->n_nodes);
    for (size_t i = 0; i < w->n_nodes; i++) {
        naive_node *n = &w->nodes[(first + i) % w->n_nodes];
        if (n->alive) return n;
    }
    return NULL;
}

static void
make_node(world *w)
{
    if (w->n_nodes == MAX_NODES) return;
    char name[32];
    const naive_node *next = draw(w, 3) == 0 ? NULL : some_node(w);
    const quire_node before = next == NULL ? (quire_node){0} : next->node;
    naive_node n = {.n_in = 1 + draw(w, MAX_OPERANDS), .alive = true};
    for (uint32_t k = 0; k < n.n_in; k++)
        n.in[k] = earlier_value(w, before);
    snprintf(name, sizeof name, "v%zu", w->n_nodes);
    const quire_bytes output = quire_bytes_of(name);
    const quire_node_make make = {.graph = w->m->main,
                                  .domain = "",
                                  .op_type = "Sum",
                                  .inputs = n.in,
                                  .n_inputs = n.n_in,
                                  .outputs = &output,
                                  .n_outputs = 1};
    ck_assert_int_eq(quire_node_create(&w->ctx, w->m, &make, before, &n.node), QUIRE_OK);
    w->nodes[w->n_nodes++] = n;
}

static void
set_operand(world *w)
{
    naive_node *n = some_node(w);
    if (n == NULL) return;
    const uint32_t k = draw(w, n->n_in);
    const quire_value v = earlier_value(w, n->node);
    ck_assert_int_eq(quire_use_set(&w->ctx, w->m, quire_node_operand(w->m, n->node, k), v),
                     QUIRE_OK);
    n->in[k] = v;
}

/* Readers of a later result read an earlier value instead. */
static void
replace(world *w)
{
    naive_node *n = some_node(w);
    if (n == NULL) return;
    const quire_value from = quire_node_result(w->m, n->node, 0);
    const quire_value to = earlier_value(w, n->node);
    ck_assert_int_eq(quire_value_replace_all_uses(&w->ctx, w->m, from, to), QUIRE_OK);
    for (size_t i = 0; i < w->n_nodes; i++) {
        for (uint32_t k = 0; k < w->nodes[i].n_in; k++) {
            if (w->nodes[i].in[k].id == from.id) w->nodes[i].in[k] = to;
        }
    }
    if (w->output.id == from.id) w->output = to;
}

static size_t
count_uses(const world *w, quire_value v)
{
    size_t n = w->output.id == v.id;
    for (size_t i = 0; i < w->n_nodes; i++) {
        for (uint32_t k = 0; w->nodes[i].alive && k < w->nodes[i].n_in; k++)
            n += w->nodes[i].in[k].id == v.id;
    }
    return n;
}

static void
erase(world *w)
{
    naive_node *n = some_node(w);
    if (n == NULL || count_uses(w, quire_node_result(w->m, n->node, 0)) > 0) return;
    ck_assert_int_eq(quire_node_erase(&w->ctx, w->m, n->node), QUIRE_OK);
    n->alive = false;
}

static void
compare(const world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++) {
        const naive_node *n = &w->nodes[i];
        const quire_node_rec *r = quire_node_at(w->m, n->node);
        ck_assert_int_eq((r->flags & QUIRE_DEAD) == 0, n->alive);
        if (!n->alive) continue;
        for (uint32_t k = 0; k < n->n_in; k++)
            ck_assert_uint_eq(quire_node_input(w->m, n->node, k).id, n->in[k].id);
        const quire_value v = quire_node_result(w->m, n->node, 0);
        ck_assert_uint_eq(quire_value_at(w->m, v)->n_uses, count_uses(w, v));
    }
    const quire_graph_rec *g = quire_graph_at(w->m, w->m->main);
    ck_assert_uint_eq(quire_use_at(w->m, g->out)->value.id, w->output.id);
}

static size_t
count_alive(const world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_nodes; i++)
        n += w->nodes[i].alive;
    return n;
}

/* What is written reads back as a graph of as many nodes (an Identity more where the output has another's name). */
static void
write_and_read(world *w)
{
    quire_rope rope;
    quire_model *again;
    ck_assert_int_eq(quire_model_settle_outputs(&w->ctx, w->m), QUIRE_OK);
    quire_rope_init(&rope, w->ctx.alloc);
    ck_assert_int_eq(quire_model_export(&w->ctx, w->m, &rope), QUIRE_OK);
    ck_assert_int_eq(
        quire_model_import(&w->ctx, quire_rope_as_source(&rope, "rope"), NULL, NULL, &again),
        QUIRE_OK);
    const uint32_t n = quire_graph_at(again, again->main)->n_nodes;
    ck_assert_uint_ge(n, count_alive(w));
    ck_assert_uint_le(n, count_alive(w) + 1);
    const quire_bytes name =
        quire_sym_bytes(again, quire_graph_at(again, again->main)->outputs[0].name);
    ck_assert(quire_bytes_equal(name, quire_bytes_of("y")));
    quire_model_destroy(&w->ctx, again);
    quire_rope_deinit(&rope);
}

static void
edit_at_random(world *w)
{
    switch (draw(w, 6)) {
    case 0:
    case 1:
    case 2: make_node(w); break;
    case 3: set_operand(w); break;
    case 4: replace(w); break;
    default: erase(w); break;
    }
}

START_TEST(random_edits_agree_with_arrays)
{
    static world w;
    start(&w, (uint64_t)_i * 7919 + 1);
    for (unsigned i = 0; i < N_EDITS; i++) {
        edit_at_random(&w);
        compare(&w);
        ck_assert_int_eq(quire_model_verify(&w.ctx, w.m, QUIRE_E_INTERNAL), QUIRE_OK);
    }
    write_and_read(&w);
    quire_model_destroy(&w.ctx, w.m);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("edit");
    TCase *tcase = tcase_create("random");
    tcase_add_loop_test(tcase, random_edits_agree_with_arrays, 0, N_GRAPHS);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
