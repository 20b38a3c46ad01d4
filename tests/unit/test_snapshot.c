/* test_snapshot.c - snapshots where the property test does not reach: more records than one chunk
 * holds, layers that were not there, older after newer, and memory running out. */
#include <check.h>
#include <stdio.h>

#include "base/alloc.h"
#include "graph/edit.h"
#include "graph/layer.h"
#include "graph/parse.h"
#include "graph/verify.h"
#include "support/fault.h"
#include "support/suite.h"

static const char text[] =
    "<ir_version: 8, opset_import: [\"\" : 17], metadata_props: [\"a\": \"1\"]>\n"
    "g (float[2] x) => (float[2] y) <float[2] w = {1,2}, float[2] t> {\n"
    "  t = Add (x, w)\n  y = Neg (t)\n}\n";

static quire_model *
parse(quire_ctx *ctx)
{
    quire_model *m;
    ck_assert_int_eq(quire_model_parse(ctx, quire_bytes_of(text), NULL, &m), QUIRE_OK);
    return m;
}

/* `n` nodes in a row behind v; returns the last one's result. */
static quire_value
add_chain(quire_ctx *ctx, quire_model *m, quire_value v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof name, "c%u_%u", m->nodes.count, i);
        const quire_bytes output = quire_bytes_of(name);
        const quire_node_make make = {.graph = m->main,
                                      .domain = "",
                                      .op_type = "Abs",
                                      .inputs = &v,
                                      .n_inputs = 1,
                                      .outputs = &output,
                                      .n_outputs = 1};
        quire_node made;
        ck_assert_int_eq(quire_node_create(ctx, m, &make, (quire_node){0}, &made), QUIRE_OK);
        v = quire_node_result(m, made, 0);
    }
    return v;
}

START_TEST(more_records_than_a_chunk_holds_come_and_go)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m = parse(&ctx);
    const quire_value x = quire_graph_at(m, m->main)->inputs[0].value;
    quire_snapshot *small;
    quire_snapshot *large;
    ck_assert_int_eq(quire_snapshot_take(&ctx, m, &small), QUIRE_OK);
    const uint32_t n_small = m->nodes.count;
    const quire_value last = add_chain(&ctx, m, x, 3 * QUIRE_CHUNK);
    ck_assert_int_eq(quire_snapshot_take(&ctx, m, &large), QUIRE_OK);
    const uint32_t n_large = m->nodes.count;
    const quire_node_rec *middle = quire_node_at(m, (quire_node){2 * QUIRE_CHUNK + 7});
    const quire_node_rec as_it_was = *middle;

    quire_snapshot_restore(m, small);
    ck_assert_uint_eq(m->nodes.count, n_small);
    ck_assert_uint_eq(quire_graph_at(m, m->main)->n_nodes, 2);
    ck_assert_uint_eq(quire_value_at(m, x)->n_uses, 1);
    for (uint32_t i = n_small; i < n_large; i++) {
        static const quire_node_rec none = {0};
        ck_assert(memcmp(quire_node_at(m, (quire_node){i}), &none, sizeof none) == 0);
    }
    ck_assert_int_eq(quire_model_verify(&ctx, m, QUIRE_E_INTERNAL), QUIRE_OK);

    quire_snapshot_restore(m, large);
    ck_assert_uint_eq(m->nodes.count, n_large);
    ck_assert(memcmp(middle, &as_it_was, sizeof as_it_was) == 0);
    ck_assert_uint_eq(quire_node_at(m, quire_value_node(m, last))->next.id, 0);
    ck_assert_int_eq(quire_model_verify(&ctx, m, QUIRE_E_INTERNAL), QUIRE_OK);

    quire_snapshot_restore(m, small);
    ck_assert_uint_eq(add_chain(&ctx, m, x, 3 * QUIRE_CHUNK).id, last.id); /* ids again */
    ck_assert_int_eq(quire_model_verify(&ctx, m, QUIRE_E_INTERNAL), QUIRE_OK);
    quire_snapshot_destroy(&ctx, large);
    quire_snapshot_destroy(&ctx, small);
    quire_snapshot_destroy(&ctx, NULL);
    quire_model_destroy(&ctx, m);
}
END_TEST

START_TEST(a_layer_made_since_is_empty)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m = parse(&ctx);
    const quire_slot slot = {QUIRE_SLOT_RESULT, 1};
    const uint64_t record[4] = {1, 2, 3, 4};
    quire_snapshot *before;
    quire_snapshot *after;
    quire_layer *layer;
    quire_layer *again;
    ck_assert_int_eq(quire_snapshot_take(&ctx, m, &before), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "l", sizeof record, &layer), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&ctx, layer, slot, record), QUIRE_OK);
    ck_assert_int_eq(quire_snapshot_take(&ctx, m, &after), QUIRE_OK);
    quire_snapshot_restore(m, before);
    ck_assert_ptr_null(quire_layer_record(layer, slot));
    /* Another size may be asked for now, and the old one comes back with the newer snapshot. */
    ck_assert_int_eq(quire_layer_get(&ctx, m, "l", 1, &again), QUIRE_OK);
    ck_assert_ptr_eq(again, layer);
    ck_assert_int_eq(quire_layer_set(&ctx, layer, (quire_slot){QUIRE_SLOT_USE, 1}, record),
                     QUIRE_OK);
    quire_snapshot_restore(m, after);
    ck_assert_ptr_null(quire_layer_record(layer, (quire_slot){QUIRE_SLOT_USE, 1}));
    ck_assert(memcmp(quire_layer_record(layer, slot), record, sizeof record) == 0);
    quire_snapshot_destroy(&ctx, after);
    quire_snapshot_destroy(&ctx, before);
    quire_model_destroy(&ctx, m);
}
END_TEST

/* Flags in the arrays of graphs: a removed initializer and a dropped value info live again. */
START_TEST(interfaces_come_back)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m = parse(&ctx);
    const quire_graph_rec *g = quire_graph_at(m, m->main);
    const quire_value t = quire_node_result(m, g->first, 0);
    quire_snapshot *s;
    ck_assert_int_eq(quire_snapshot_take(&ctx, m, &s), QUIRE_OK);
    ck_assert_int_eq(quire_value_replace_all_uses(&ctx, m, t, g->inputs[0].value), QUIRE_OK);
    ck_assert_int_eq(quire_node_erase(&ctx, m, g->first), QUIRE_OK);
    ck_assert_int_eq(quire_graph_remove_initializer(&ctx, m, g->inits[0].value), QUIRE_OK);
    quire_model_touch_all(m);
    ck_assert_uint_ne(g->inits[0].flags & QUIRE_DEAD, 0);
    ck_assert_uint_ne(g->infos[0].flags & QUIRE_DEAD, 0);
    ck_assert_uint_ne(m->n_orphans, 0);
    quire_snapshot_restore(m, s);
    ck_assert_uint_eq(g->inits[0].flags, 0);
    ck_assert_uint_eq(g->infos[0].flags, 0);
    ck_assert_uint_eq(g->inputs[0].flags, 0);
    ck_assert_uint_eq(g->flags, 0);
    ck_assert_uint_eq(m->flags, 0);
    ck_assert_uint_eq(m->n_orphans, 0);
    ck_assert_uint_eq(quire_value_at(m, t)->n_uses, 1);
    ck_assert_int_eq(quire_model_verify(&ctx, m, QUIRE_E_INTERNAL), QUIRE_OK);
    quire_snapshot_destroy(&ctx, s);
    quire_model_destroy(&ctx, m);
}
END_TEST

/* Allocation `n` of taking a snapshot fails; true once none did. Nothing is left of the attempt. */
static bool
take_with_fault(size_t n)
{
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_model *m = parse(&ctx);
    const uint64_t record[4] = {1, 2, 3, 4};
    quire_layer *layer;
    ck_assert_int_eq(quire_layer_get(&ctx, m, "l", sizeof record, &layer), QUIRE_OK);
    for (uint32_t id = 1; id < 2000; id++)
        ck_assert_int_eq(quire_layer_set(&ctx, layer, (quire_slot){QUIRE_SLOT_RESULT, id}, record),
                         QUIRE_OK);
    (void)add_chain(&ctx, m, quire_graph_at(m, m->main)->inputs[0].value, 3 * QUIRE_CHUNK);
    const size_t n_live = alloc.n_live;
    alloc.fail_at = alloc.n_calls + n;
    quire_snapshot *s = NULL;
    const quire_status status = quire_snapshot_take(&ctx, m, &s);
    const bool done = alloc.n_failed == 0;
    ck_assert_int_eq(status, done ? QUIRE_OK : QUIRE_E_NOMEM);
    ck_assert_uint_eq(log.n_errors, done ? 0 : 1);
    if (!done) ck_assert_uint_eq(alloc.n_live, n_live);
    quire_snapshot_destroy(&ctx, s);
    ck_assert_uint_eq(alloc.n_live, n_live);
    quire_model_destroy(&ctx, m);
    ck_assert(fault_alloc_is_clean(&alloc));
    return done;
}

START_TEST(every_allocation_may_fail)
{
    size_t n = 1;
    while (!take_with_fault(n))
        n++;
    ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(restoring_allocates_nothing)
{
    fault_alloc alloc;
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, NULL);
    quire_model *m = parse(&ctx);
    quire_snapshot *s;
    ck_assert_int_eq(quire_snapshot_take(&ctx, m, &s), QUIRE_OK);
    (void)add_chain(&ctx, m, quire_graph_at(m, m->main)->inputs[0].value, 2 * QUIRE_CHUNK);
    const size_t n_calls = alloc.n_calls;
    quire_snapshot_restore(m, s);
    quire_snapshot_restore(m, s);
    ck_assert_uint_eq(alloc.n_calls, n_calls);
    quire_snapshot_destroy(&ctx, s);
    quire_model_destroy(&ctx, m);
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *all = tcase_create("snapshot");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, more_records_than_a_chunk_holds_come_and_go);
    tcase_add_test(all, a_layer_made_since_is_empty);
    tcase_add_test(all, interfaces_come_back);
    tcase_add_test(all, every_allocation_may_fail);
    tcase_add_test(all, restoring_allocates_nothing);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
