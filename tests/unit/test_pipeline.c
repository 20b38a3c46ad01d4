/* test_pipeline.c - pipelines as text, and what the manager does around a pass. */
#include "base/nearest.h"
#include "graph/edit.h"
#include "graph/order.h"
#include "passes/manager.h"
#include "unit/table_case.h"

#define CHAIN OPSET(17) "g (float[2] x) => (float[2] y) { a = Neg(x) y = Abs(a) }"
#define WRAPPED                                                                                    \
    OPSET(17)                                                                                      \
    "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4 "> { a = Identity(W) y = Gather(a, i) }"

START_TEST(every_pass_is_found_by_its_name)
{
    size_t n = 0;
    for (const quire_pass *pass; (pass = quire_pass_at(n)) != NULL; n++) {
        ck_assert_ptr_eq(quire_pass_find(quire_bytes_of(pass->name)), pass);
        ck_assert_uint_gt(strlen(pass->summary), 10);
    }
    ck_assert_uint_ge(n, 8);
    ck_assert_ptr_null(quire_pass_find(quire_bytes_of("sweep ")));
}
END_TEST

START_TEST(an_unknown_pass_is_told_with_near_names)
{
    table_case c;
    table_case_open(&c, WRAPPED);
    ck_assert_int_eq(table_case_run(&c, "table-wrappers,find-table"), QUIRE_E_USAGE);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(c.log.message, "\"find-table\""));
    ck_assert_ptr_nonnull(strstr(c.log.message, "names: \"find-tables\""));
    /* Nothing has run: the lookup still reads the wrapper. */
    ck_assert_uint_eq(c.run.model->orphans == NULL ? 0 : c.run.model->n_orphans, 0);
    table_case_close(&c);
}
END_TEST

START_TEST(an_empty_name_is_an_error)
{
    static const char *const wrong[] = {"", ",", "sweep,", ",sweep", "sweep,,sweep", " "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        table_case c;
        table_case_open(&c, CHAIN);
        ck_assert_int_eq(table_case_run(&c, wrong[i]), QUIRE_E_USAGE);
        ck_assert_uint_eq(c.log.n_errors, 1);
        table_case_close(&c);
    }
}
END_TEST

START_TEST(blanks_around_names_do_not_matter)
{
    table_case c;
    table_case_open(&c, CHAIN);
    ck_assert_int_eq(table_case_run(&c, " toposort-check , infer-types "), QUIRE_OK);
    table_case_close(&c);
}
END_TEST

static quire_node
node_called(const quire_model *m, const char *result)
{
    quire_node n = quire_walk_next(m, (quire_node){0});
    while (n.id != 0 && !same_text(quire_value_name(m, quire_node_result(m, n, 0)), result)) {
        n = quire_walk_next(m, n);
    }
    ck_assert_uint_ne(n.id, 0);
    return n;
}

/* Breaks the order behind the gate's back: Neg comes to read what Abs makes of it. */
static quire_status
break_order(quire_ctx *ctx, quire_run *run)
{
    quire_model *m = run->model;
    const quire_node early = node_called(m, "a");
    return quire_use_set(ctx, m, quire_node_operand(m, early, 0),
                         quire_node_result(m, node_called(m, "y"), 0));
}

static quire_status
break_links(quire_ctx *ctx, quire_run *run)
{
    (void)ctx;
    quire_model *m = run->model;
    const quire_use use = quire_node_operand(m, node_called(m, "y"), 0);
    quire_edit_use(m, use)->value = quire_node_input(m, node_called(m, "a"), 0);
    return QUIRE_OK;
}

START_TEST(the_verifier_catches_a_broken_pass)
{
    const quire_pass broken[] = {
        {"order-breaker", "puts an early node behind a late one", break_order},
        {"link-breaker", "changes one end of a link only", break_links}};
    const quire_manager_options options = {.verify_each = true};
    table_case c;
    uint64_t ns;
    table_case_open(&c, CHAIN);
    ck_assert_int_eq(quire_manager_run(&c.ctx, &c.run, &broken[_i], &options, &ns),
                     QUIRE_E_INTERNAL);
    ck_assert_uint_ge(c.log.n_errors, 2);
    ck_assert_ptr_nonnull(strstr(c.log.message, broken[_i].name));
    table_case_close(&c);
}
END_TEST

START_TEST(only_what_changed_is_printed)
{
    table_case c;
    quire_text text = {0};
    quire_writer w;
    table_case_open(&c, WRAPPED);
    quire_writer_to_text(&w, &c.ctx, &text);
    const quire_manager_options options = {.print_changed = true, .out = &w};
    const char *passes = "toposort-check,table-wrappers,table-wrappers";
    ck_assert_int_eq(quire_pipeline_run(&c.ctx, &c.run, passes, &options), QUIRE_OK);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_ptr_eq(strstr(text.ptr, "# after "), text.ptr);
    ck_assert_int_eq(strncmp(text.ptr, "# after table-wrappers\n", 23), 0);
    ck_assert_ptr_null(strstr(text.ptr + 1, "# after "));
    ck_assert_ptr_nonnull(strstr(text.ptr, "Gather"));
    quire_text_free(&c.ctx, &text);
    table_case_close(&c);
}
END_TEST

START_TEST(times_have_a_line_for_each_pass)
{
    table_case c;
    quire_text text = {0};
    quire_writer w;
    size_t n_lines = 0;
    table_case_open(&c, CHAIN);
    quire_writer_to_text(&w, &c.ctx, &text);
    const quire_manager_options options = {.times = true, .out = &w};
    ck_assert_int_eq(quire_pipeline_run(&c.ctx, &c.run, "toposort-check,infer-types", &options),
                     QUIRE_OK);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    for (const char *p = text.ptr; *p != '\0'; p++)
        n_lines += *p == '\n';
    ck_assert_uint_eq(n_lines, 3);
    ck_assert_ptr_nonnull(strstr(text.ptr, "ms  toposort-check\n"));
    ck_assert_ptr_nonnull(strstr(text.ptr, "ms  total\n"));
    quire_text_free(&c.ctx, &text);
    table_case_close(&c);
}
END_TEST

START_TEST(a_lookup_reads_through_wrappers_that_keep_the_type)
{
    table_case c;
    table_case_open(&c, WRAPPED);
    ck_assert_int_eq(table_case_run(&c, "table-wrappers"), QUIRE_OK);
    const quire_model *m = c.run.model;
    const quire_value data = quire_node_input(m, node_called(m, "y"), 0);
    ck_assert(same_text(quire_value_name(m, data), "W"));
    table_case_close(&c);

    table_case_open(&c,
                    OPSET(17) "g (int64[N] i) => (float[N,2] y) <float16[2,2] W = {1,2,3,4}> { a = "
                              "Cast<to = 1>(W) y = Gather(a, i) }");
    ck_assert_int_eq(table_case_run(&c, "table-wrappers"), QUIRE_OK);
    const quire_node n = node_called(c.run.model, "y");
    ck_assert(same_text(quire_value_name(c.run.model, quire_node_input(c.run.model, n, 0)), "a"));
    table_case_close(&c);
}
END_TEST

typedef struct typed {
    const char *name;
    int32_t elem, rank;
} typed;

START_TEST(types_follow_from_operators)
{
    static const typed expected[] = {
        {"a", QUIRE_DTYPE_FLOAT16, 2}, {"b", QUIRE_DTYPE_INT64, 1},  {"c", QUIRE_DTYPE_FLOAT, 3},
        {"d", QUIRE_DTYPE_BOOL, 2},    {"e", QUIRE_DTYPE_FLOAT, -1}, {"f", QUIRE_DTYPE_FLOAT, 3},
        {"k", QUIRE_DTYPE_INT32, 1},
    };
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (float[A,B] x, int64[C,D] i, int64[E] s) => (float y) { a = Cast<to = "
                      "10>(x) b = Shape(x) c = Gather(x, i) d = Greater(x, x) e = Reshape(x, s) "
                      "f = Add(x, c) k = Constant<value = int32[2] {1,2}>() y = "
                      "ReduceSum<keepdims = 0>(f) }");
    ck_assert_int_eq(table_case_run(&c, "infer-types"), QUIRE_OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const quire_model *m = c.run.model;
        const quire_value v = quire_node_result(m, node_called(m, expected[i].name), 0);
        ck_assert_msg(quire_value_at(m, v)->elem_type == expected[i].elem, "%s", expected[i].name);
        ck_assert_msg(quire_value_at(m, v)->rank == expected[i].rank, "%s", expected[i].name);
    }
    table_case_close(&c);
}
END_TEST

/* a reads b reads c reads a, and d reads c: three nodes are the shortest way around. */
START_TEST(a_cycle_is_told_once_and_from_disorder)
{
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (float[2] x) => (float[2] y) { a = Add(x, x) b = Neg(a) c = Abs(b) d = "
                      "Add(a, c) y = Neg(d) }");
    quire_model *m = c.run.model;
    const quire_use early = quire_node_operand(m, node_called(m, "a"), 0);
    const quire_value late = quire_node_result(m, node_called(m, "c"), 0);
    ck_assert_int_eq(quire_use_set(&c.ctx, m, early, late), QUIRE_OK);
    unsigned budget = 50;
    ck_assert_int_eq(quire_order_check(&c.ctx, m, QUIRE_E_INVALID, &budget), QUIRE_E_INVALID);
    ck_assert_uint_eq(budget, 49);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(c.log.message, "cycle of 3 nodes"));
    ck_assert_ptr_nonnull(strstr(
        c.log.message, "\"a\" (Add) reads \"c\" (Abs) reads \"b\" (Neg) reads \"a\" (Add);"));
    table_case_close(&c);
}
END_TEST

START_TEST(disorder_names_both_nodes_and_respects_the_budget)
{
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (float[2] x) => (float[2] y) { a = Add(x, x) b = Neg(x) y = Add(a, b) }");
    quire_model *m = c.run.model;
    const quire_node first = node_called(m, "a");
    const quire_value late = quire_node_result(m, node_called(m, "b"), 0);
    for (uint32_t k = 0; k < 2; k++) {
        ck_assert_int_eq(quire_use_set(&c.ctx, m, quire_node_operand(m, first, k), late), QUIRE_OK);
    }
    unsigned budget = 1;
    ck_assert_int_eq(quire_order_check(&c.ctx, m, QUIRE_E_INVALID, &budget), QUIRE_E_INVALID);
    ck_assert_uint_eq(budget, 0);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(c.log.message, "\"b\""));
    ck_assert_ptr_nonnull(strstr(c.log.message, "defined later by graph.node[1]"));
    ck_assert_int_eq(quire_order_check(&c.ctx, m, QUIRE_E_INVALID, &budget), QUIRE_E_INVALID);
    ck_assert_uint_eq(c.log.n_errors, 1);
    table_case_close(&c);
}
END_TEST

START_TEST(a_cycle_is_looked_for_without_memory)
{
    for (size_t n = 1;; n++) {
        table_case c;
        fault_alloc alloc;
        unsigned budget = 1;
        table_case_open(&c, CHAIN);
        ck_assert_int_eq(break_order(&c.ctx, &c.run), QUIRE_OK);
        fault_alloc_init(&alloc, n, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &c.log);
        const quire_status status = quire_order_check(&ctx, c.run.model, QUIRE_E_INVALID, &budget);
        ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_E_INVALID);
        ck_assert_uint_eq(c.log.n_errors, 1);
        ck_assert(fault_alloc_is_clean(&alloc));
        table_case_close(&c);
        if (alloc.n_failed == 0) return;
    }
}
END_TEST

static quire_bytes
name_of(const void *data, size_t i)
{
    return quire_bytes_of(((const char *const *)data)[i]);
}

START_TEST(nearest_names_know_wildcards)
{
    static const char *const names[] = {"encoder.weight", "tok", "wte.weight", "pos", "wpe.weight"};
    char text[128];
    quire_names_nearest("wtf.weight", 5, name_of, names, text, sizeof text);
    ck_assert_str_eq(text, "\"wte.weight\", \"wpe.weight\", \"encoder.weight\"");
    quire_names_nearest("*tik", 2, name_of, names, text, sizeof text);
    ck_assert_str_eq(text, "\"tok\", \"encoder.weight\"");
    quire_names_nearest("x", 0, name_of, names, text, sizeof text);
    ck_assert_str_eq(text, "");
    quire_names_nearest("tok", 5, name_of, names, text, 4);
    ck_assert_str_eq(text, "\"to");
}
END_TEST

int
main(void)
{
    TCase *tcase = tcase_create("pipeline");
    tcase_add_test(tcase, every_pass_is_found_by_its_name);
    tcase_add_test(tcase, an_unknown_pass_is_told_with_near_names);
    tcase_add_test(tcase, an_empty_name_is_an_error);
    tcase_add_test(tcase, blanks_around_names_do_not_matter);
    tcase_add_loop_test(tcase, the_verifier_catches_a_broken_pass, 0, 2);
    tcase_add_test(tcase, only_what_changed_is_printed);
    tcase_add_test(tcase, times_have_a_line_for_each_pass);
    tcase_add_test(tcase, a_lookup_reads_through_wrappers_that_keep_the_type);
    tcase_add_test(tcase, types_follow_from_operators);
    tcase_add_test(tcase, a_cycle_is_told_once_and_from_disorder);
    tcase_add_test(tcase, disorder_names_both_nodes_and_respects_the_budget);
    tcase_add_test(tcase, a_cycle_is_looked_for_without_memory);
    tcase_add_test(tcase, nearest_names_know_wildcards);
    return table_case_main(tcase, "pipeline");
}
