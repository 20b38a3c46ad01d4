/* test_interpose.c - putting a node between a value and its readers, and passing a name on: what
 * is refused, what layers keep, and memory running out. */
#include <check.h>

#include "graph/edit.h"
#include "graph/layer.h"
#include "graph/parse.h"
#include "graph/verify.h"
#include "support/fault.h"
#include "support/suite.h"

static const char text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                           "g (float[2] x, bool c) => (float[2] y, float[2] z) <float[2] old> {\n"
                           "  v = Neg (x)\n"
                           "  q = Abs (v)\n"
                           "  old = Add (v, v)\n"
                           "  y = If (c) <\n"
                           "    then_branch = t () => (a) { a = Neg (v) },\n"
                           "    else_branch = e () => (b) { b = Add (old, v) }\n"
                           "  >\n"
                           "  z = Add (q, v)\n"
                           "}\n";

typedef struct env {
    fault_alloc alloc;
    fault_log log;
    quire_ctx ctx;
    quire_model *m;
    quire_value v, q, old;
    quire_node reader; /* q's */
} env;

static quire_value
value_called(const quire_model *m, const char *name)
{
    for (uint32_t i = 1; i < m->values.count; i++) {
        if (quire_bytes_equal(quire_value_name(m, (quire_value){i}), quire_bytes_of(name)))
            return (quire_value){i};
    }
    ck_abort_msg("no value %s", name);
}

static void
open_env(env *e)
{
    fault_alloc_init(&e->alloc, 0, false);
    e->ctx = fault_ctx(&e->alloc, NULL, &e->log);
    ck_assert_int_eq(quire_model_parse(&e->ctx, quire_bytes_of(text), NULL, &e->m), QUIRE_OK);
    e->v = value_called(e->m, "v");
    e->q = value_called(e->m, "q");
    e->old = value_called(e->m, "old");
    e->reader = quire_value_node(e->m, e->q);
}

static void
close_env(env *e)
{
    quire_model_destroy(&e->ctx, e->m);
    ck_assert(fault_alloc_is_clean(&e->alloc));
}

static uint32_t
n_uses(const env *e, quire_value v)
{
    return quire_value_at(e->m, v)->n_uses;
}

START_TEST(all_other_readers_read_the_result)
{
    env e;
    open_env(&e);
    ck_assert_uint_eq(n_uses(&e, e.v), 6);
    ck_assert_int_eq(quire_value_interpose(&e.ctx, e.m, e.v, e.reader), QUIRE_OK);
    ck_assert_uint_eq(n_uses(&e, e.v), 1);
    ck_assert_uint_eq(n_uses(&e, e.q), 6);
    ck_assert_uint_eq(quire_node_input(e.m, e.reader, 0).id, e.v.id);
    ck_assert(quire_bytes_equal(quire_value_name(e.m, e.v), quire_bytes_of("v")));
    const quire_value inner = value_called(e.m, "a");
    const quire_node in_body = quire_value_node(e.m, inner);
    ck_assert_uint_eq(quire_node_input(e.m, in_body, 0).id, e.q.id);
    ck_assert_uint_ne(quire_node_at(e.m, in_body)->flags & QUIRE_TOUCHED, 0);
    ck_assert_int_eq(quire_model_verify(&e.ctx, e.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_env(&e);
}
END_TEST

START_TEST(what_is_not_the_first_reader_is_refused)
{
    env e;
    open_env(&e);
    const quire_value x = quire_graph_at(e.m, e.m->main)->inputs[0].value;
    const struct {
        quire_value v;
        quire_node node;
    } cases[] = {
        {e.v, quire_value_node(e.m, e.old)},                    /* q reads before it      */
        {e.v, quire_value_node(e.m, value_called(e.m, "a"))},   /* in another graph       */
        {e.v, quire_value_node(e.m, e.v)},                      /* its definition         */
        {x, e.reader},                                          /* does not read it       */
        {e.old, quire_value_node(e.m, value_called(e.m, "y"))}, /* only in its body     */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(quire_value_interpose(&e.ctx, e.m, cases[i].v, cases[i].node),
                         QUIRE_E_INTERNAL);
        ck_assert_uint_eq(e.log.n_errors, i + 1);
        ck_assert_uint_eq(n_uses(&e, e.v), 6);
        ck_assert_uint_eq(n_uses(&e, x), 1);
        ck_assert_uint_eq(n_uses(&e, e.old), 1);
    }
    close_env(&e);
}
END_TEST

static bool
interpose_with_fault(size_t n)
{
    env e;
    open_env(&e);
    e.alloc.fail_at = e.alloc.n_calls + n;
    const quire_status status = quire_value_interpose(&e.ctx, e.m, e.v, e.reader);
    const bool done = e.alloc.n_failed == 0;
    e.alloc.fail_at = 0;
    ck_assert_int_eq(status, done ? QUIRE_OK : QUIRE_E_NOMEM);
    ck_assert_uint_eq(e.log.n_errors, done ? 0 : 1);
    ck_assert_uint_eq(n_uses(&e, e.v), done ? 1 : 6);
    ck_assert_uint_eq(n_uses(&e, e.q), done ? 6 : 1);
    if (!done) ck_assert_uint_eq(quire_graph_at(e.m, e.m->main)->flags, 0);
    ck_assert_int_eq(quire_model_verify(&e.ctx, e.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_env(&e);
    return done;
}

START_TEST(interposing_may_run_out_of_memory)
{
    size_t n = 1;
    while (!interpose_with_fault(n))
        n++;
    ck_assert_uint_gt(n, 1);
}
END_TEST

/* Records of the value slot go along with the name, in every layer, and no allocation is needed. */
START_TEST(records_follow_a_name)
{
    env e;
    quire_layer *layers[2];
    open_env(&e);
    const quire_slot from = {QUIRE_SLOT_RESULT, e.old.id};
    const quire_slot to = {QUIRE_SLOT_RESULT, e.q.id};
    const quire_slot use = {QUIRE_SLOT_USE, e.old.id};
    const int mine = 1;
    const int other = 2;
    ck_assert_int_eq(quire_layer_get(&e.ctx, e.m, "a", sizeof mine, &layers[0]), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&e.ctx, e.m, "b", sizeof mine, &layers[1]), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&e.ctx, layers[0], from, &mine), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&e.ctx, layers[0], to, &other), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&e.ctx, layers[1], to, &other), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&e.ctx, layers[1], use, &mine), QUIRE_OK);
    ck_assert_int_eq(quire_value_replace_all_uses(&e.ctx, e.m, e.old, e.q), QUIRE_OK);
    e.alloc.fail_at = e.alloc.n_calls + 1;
    e.alloc.sticky = true;
    ck_assert_int_eq(quire_value_take_name(&e.ctx, e.m, e.q, e.old), QUIRE_OK);
    ck_assert_uint_eq(e.alloc.n_failed, 0);
    e.alloc.fail_at = 0;
    ck_assert(quire_bytes_equal(quire_value_name(e.m, e.q), quire_bytes_of("old")));
    ck_assert_uint_eq(quire_value_name(e.m, e.old).len, 0);
    ck_assert_ptr_null(quire_layer_record(layers[0], from));
    ck_assert_int_eq(*(const int *)quire_layer_record(layers[0], to), mine);
    ck_assert_int_eq(*(const int *)quire_layer_record(layers[1], to), other);
    ck_assert_int_eq(*(const int *)quire_layer_record(layers[1], use), mine);
    ck_assert_int_eq(quire_model_verify(&e.ctx, e.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_env(&e);
}
END_TEST

/* What was said by name about the value that is renamed has nothing to name any more. */
START_TEST(a_value_info_goes_with_the_old_name)
{
    env e;
    open_env(&e);
    const quire_graph_rec *g = quire_graph_at(e.m, e.m->main);
    ck_assert_int_eq(quire_value_replace_all_uses(&e.ctx, e.m, e.q, e.old), QUIRE_OK);
    ck_assert_int_eq(quire_value_take_name(&e.ctx, e.m, e.old, e.q), QUIRE_OK);
    ck_assert_uint_ne(g->infos[0].flags & QUIRE_DEAD, 0);
    ck_assert_uint_eq(quire_value_at(e.m, e.old)->info_at, 0);
    close_env(&e);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("interpose");
    TCase *all = tcase_create("interpose");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, all_other_readers_read_the_result);
    tcase_add_test(all, what_is_not_the_first_reader_is_refused);
    tcase_add_test(all, interposing_may_run_out_of_memory);
    tcase_add_test(all, records_follow_a_name);
    tcase_add_test(all, a_value_info_goes_with_the_old_name);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
