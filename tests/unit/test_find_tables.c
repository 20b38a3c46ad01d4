/* test_find_tables.c - which lookups are found, where they lead, and why one is left alone.
 *
 * The expectations are read off the rules (docs/reasons.md), one small model each.
 */
#include "passes/pass.h"
#include "unit/table_case.h"

typedef struct expected {
    const char *what;
    const char *opset; /* header; NULL: opset 17 */
    const char *graph; /* text after the header  */
    const char *lookup, *reason, *table;
    const char *other_uses; /* of `table`, each after a space; NULL: not looked at */
} expected;

#define IN_W  "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4 "> "
#define IN_WX "g (int64[N] i, float[8,4] x) => (float[N,4] y, float[8,4] z) <" TABLE_8x4 "> "

static const expected cases[] = {
    {"plain", NULL, IN_W "{ y = Gather(W, i) }", "y", "", "W", ""},
    {"axis given", NULL, IN_W "{ y = Gather<axis = 0>(W, i) }", "y", "", "W", ""},
    {"axis from the end", NULL, IN_W "{ y = Gather<axis = -2>(W, i) }", "y", "", "W", ""},
    {"columns", NULL, IN_W "{ y = Gather<axis = 1>(W, i) }", "y", "axis", "W", " y"},
    {"columns from the end", NULL, IN_W "{ y = Gather<axis = -1>(W, i) }", "y", "axis", "W", " y"},
    {"Constant node", NULL,
     "g (int64[N] i) => (float[N,2] y) { c = Constant<value = float[2,2] {1,2,3,4}>() y = "
     "Gather(c, i) "
     "}",
     "y", "", "c", ""},
    {"through wrappers", NULL, IN_W "{ a = Identity(W) b = Dropout(a) y = Gather(b, i) }", "y", "",
     "W", ""},
    {"wrapper read by another", NULL, IN_WX "{ a = Identity(W) y = Gather(a, i) z = Add(x, a) }",
     "y", "", "W", " z"},
    {"wrapper nobody reads", NULL, IN_W "{ a = Identity(W) y = Gather(W, i) }", "y", "", "W", " a"},
    {"tied", NULL, IN_WX "{ y = Gather(W, i) z = Add(W, W) }", "y", "", "W", " z"},
    {"table as output", NULL,
     "g (int64[N] i) => (float[N,4] y, float[8,4] W) <" TABLE_8x4 "> { y = Gather(W, i) }", "y", "",
     "W", " ->1"},
    {"widening Cast", NULL,
     "g (int64[N] i) => (float[N,2] y) <float16[2,2] W = {1,2,3,4}> { a = Cast<to = 1>(W) y = "
     "Gather(a, "
     "i) }",
     "y", "", "W", ""},
    {"narrowing Cast", NULL, IN_W "{ a = Cast<to = 10>(W) y = Gather(a, i) }", "y", "computed", "W",
     " a"},
    {"Cast of integers", NULL,
     "g (int64[N] i) => (float[N,2] y) <int32[2,2] W = {1,2,3,4}> { a = Cast<to = 1>(W) y = "
     "Gather(a, i) "
     "}",
     "y", "computed", "W", NULL},
    {"computed", NULL, IN_W "{ a = Transpose(W) y = Gather(a, i) }", "y", "computed", "W", " a"},
    {"computed from two", NULL, IN_W "{ a = Add(W, W) y = Gather(a, i) }", "y", "computed", "",
     NULL},
    {"Dropout that trains", NULL,
     "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4
     ", bool t = {1}, float r = {0.5}> { a = Dropout(W, "
     "r, t) y = Gather(a, i) }",
     "y", "not-constant", "W", NULL},
    {"Dropout told not to train", NULL,
     "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4
     ", bool t = {0}, float r = {0.5}> { a = Dropout(W, "
     "r, t) y = Gather(a, i) }",
     "y", "", "W", ""},
    {"input", NULL, "g (int64[N] i, float[8,4] x) => (float[N,4] y) { y = Gather(x, i) }", "y",
     "not-constant", "", NULL},
    {"random", NULL,
     "g (int64[N] i) => (float[N,4] y) { a = RandomNormal<shape = [8, 4]>() y = Gather(a, i) }",
     "y", "not-constant", "", NULL},
    {"shape", NULL,
     "g (int64 i, float[A,B] x) => (int64 y) { s = Shape(x) a = Identity(s) y = Gather(a, i) }",
     "y", "shape", "", NULL},
    {"shapes and constants joined", NULL,
     "g (int64 i, float[A,B] x) => (int64 y) <int64[1] c = {7}> { s = Shape(x) a = Concat<axis = "
     "0>(s, c) "
     "y = Gather(a, i) }",
     "y", "shape", "", NULL},
    {"a shape joined with an input", NULL,
     "g (int64 i, float[A,B] x, int64[C] c) => (int64 y) { s = Shape(x) a = Concat<axis = 0>(s, c) "
     "y = "
     "Gather(a, i) }",
     "y", "not-constant", "", NULL},
    {"vector", NULL, "g (int64[N] i) => (float[N] y) <float[3] W = {1,2,3}> { y = Gather(W, i) }",
     "y", "rank", "W", " y"},
    {"integers", NULL,
     "g (int64[N] i) => (int64[N,2] y) <int64[2,2] W = {1,2,3,4}> { y = Gather(W, i) }", "y",
     "element-type", "W", " y"},
    {"codes", NULL,
     "g (int64[N] i) => (int8[N,2] y) <int8[2,2] W = {1,2,3,4}> { y = Gather(W, i) }", "y",
     "already-quantized", "W", NULL},
    {"dequantized whole", NULL,
     "g (int64[N] i) => (float[N,2] y) <uint8[2,2] W = {1,2,3,4}, float s = {1}> { a = "
     "DequantizeLinear(W, s) y = Gather(a, i) }",
     "y", "already-quantized", "W", NULL},
    {"decoded by hand", NULL,
     "g (int64[N] i) => (float[N,2] y) <int8[2,2] W = {1,2,3,4}, float[2,1] s = {1,2}> { a = "
     "Cast<to = "
     "1>(W) b = Mul(a, s) y = Gather(b, i) }",
     "y", "already-quantized", "W", NULL},
    {"scales of codes", NULL,
     "g (int64[N] i) => (float[N,8] y) <uint8[2,8] C = {1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}, "
     "float[2,1] s = "
     "{1,2}> { a = Gather(C, i) b = Cast<to = 1>(a) c = Gather(s, i) y = Mul(b, c) }",
     "c", "already-quantized", "s", NULL},
    {"scales of blocks of codes", NULL,
     "g (int64[N] i) => (float[N,2,4] y) <uint8[2,2,4] C = {1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}, "
     "float[2,2,1] s = {1,2,3,4}> { a = Gather(C, i) b = Cast<to = 1>(a) c = Gather(s, i) y = "
     "Mul(b, c) "
     "}",
     "c", "already-quantized", "s", NULL},
    {"a table beside codes", NULL,
     "g (int64[N] i) => (float[N,4] y) <uint8[2,4] C = {1,2,3,4,5,6,7,8}, float[2,4] W = "
     "{1,2,3,4,5,6,7,8}> { a = Gather(C, i) b = Cast<to = 1>(a) c = Gather(W, i) y = Mul(b, c) }",
     "c", "", "W", NULL},
    {"a column looked up by others", NULL,
     "g (int64[N] i, int64[N] j) => (float[N,4] y) <uint8[2,4] C = {1,2,3,4,5,6,7,8}, float[2,1] W "
     "= "
     "{1,2}> { a = Gather(C, i) b = Cast<to = 1>(a) c = Gather(W, j) y = Mul(b, c) }",
     "c", "", "W", NULL},
    {"overridable", NULL,
     "g (int64[N] i, float[2,2] W = {1,2,3,4}) => (float[N,2] y) { y = Gather(W, i) }", "y",
     "overridable-initializer", "W", NULL},
    {"input below IR 4", "<ir_version: 3, opset_import: [\"\" : 8]>\n",
     "g (int64[N] i, float[2,2] W = {1,2,3,4}) => (float[N,2] y) { y = Gather(W, i) }", "y", "",
     "W", ""},
    {"written to", NULL,
     "g (int64[N] i, int64[1,1] j, float[1,4] u) => (float[N,4] y, float[N,4] z) <" TABLE_8x4
     "> { s = "
     "ScatterND(W, j, u) y = Gather(s, i) z = Gather(W, i) }",
     "z", "scatter", "W", " s z"},
    {"read after writing", NULL,
     "g (int64[N] i, int64[1,1] j, float[1,4] u) => (float[N,4] y) <" TABLE_8x4
     "> { s = ScatterND(W, j, "
     "u) y = Gather(s, i) }",
     "y", "not-constant", "W", NULL},
    {"GatherND", NULL, "g (int64[N,1] i) => (float[N,4] y) <" TABLE_8x4 "> { y = GatherND(W, i) }",
     "y", "", "W", ""},
    {"GatherND of elements", NULL,
     "g (int64[N,2] i) => (float[N] y) <" TABLE_8x4 "> { y = GatherND(W, i) }", "y", "index-depth",
     "W", " y"},
    {"GatherND of unknown depth", NULL,
     "g (int64[N,D] i) => (float[N] y) <" TABLE_8x4 "> { y = GatherND(W, i) }", "y", "index-depth",
     "W", " y"},
    {"GatherND in batches", NULL,
     "g (int64[N,1] i) => (float[N] y) <" TABLE_8x4 "> { y = GatherND<batch_dims = 1>(W, i) }", "y",
     "index-depth", "W", " y"},
    {"GatherND, depth from Unsqueeze", NULL,
     "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4
     ", int64[1] a = {-1}> { u = Unsqueeze(i, a) y = "
     "GatherND(W, u) }",
     "y", "", "W", ""},
    {"GatherND, depth from an old Unsqueeze", OPSET(11),
     "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4
     "> { u = Unsqueeze<axes = [1]>(i) y = GatherND(W, u) "
     "}",
     "y", "", "W", ""},
    {"GatherND, depth from Reshape", NULL,
     "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4
     ", int64[2] a = {-1, 1}> { u = Reshape(i, a) v = "
     "Cast<to = 6>(u) y = GatherND(W, v) }",
     "y", "", "W", ""},
    {"constant indices", NULL,
     "g (float[2,4] x) => (float[2,4] y) <" TABLE_8x4
     ", int64[2] c = {1, 0}> { a = Gather(W, c) y = "
     "Add(a, x) }",
     "a", "constant-indices", "W", " a"},
    {"captured by a body", NULL,
     "g (int64[N] i, bool b) => (float[N,4] y) <" TABLE_8x4 "> { y = If(b) <then_branch = t () => "
     "(float[N,4] p) { p = Gather(W, i) }, else_branch = e () => (float[N,4] q) { q = Gather(W, i) "
     "}> }",
     "y/else_branch/q", "", "W", ""},
    {"initializer of a body", NULL,
     "g (int64[N] i, bool b) => (float[N,2] y) { y = If(b) <then_branch = t () => (float[N,2] p) "
     "<float[2,2] V = {1,2,3,4}> { p = Gather(V, i) }, else_branch = e () => (float[N,2] q) "
     "<float[2,2] "
     "U = {1,2,3,4}> { q = Gather(U, i) }> }",
     "y/then_branch/p", "", "V", ""},
    {"handed out by a body", NULL,
     "g (int64[N] i, bool b) => (float[8,4] y, float[N,4] z) <" TABLE_8x4
     "> { y = If(b) <then_branch = "
     "t () => (float[8,4] p) { p = Identity(W) }, else_branch = e () => (float[8,4] q) { q = "
     "Neg(W) }> z "
     "= Gather(W, i) }",
     "z", "", "W", " y/else_branch/q y/then_branch/->0"},
    {"table chosen at run time", NULL,
     "g (int64[N] i, bool b) => (float[N,4] y) <" TABLE_8x4 "> { a = If(b) <then_branch = t () => "
     "(float[8,4] p) { p = Identity(W) }, else_branch = e () => (float[8,4] q) { q = Neg(W) }> y = "
     "Gather(a, i) }",
     "y", "not-constant", "", NULL},
    {"ATen", "<ir_version: 8, opset_import: [\"\" : 11, \"org.pytorch.aten\" : 1]>\n",
     IN_W "{ y = org.pytorch.aten.ATen<operator = \"embedding_bag\">(W, i) }", "y", "aten", "W",
     " y"},
};

static void
check_other_uses(const expected *e, const quire_found_table *t)
{
    char listed[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < t->n_other_uses; i++) {
        used += (size_t)snprintf(listed + used, sizeof listed - used, " %.*s",
                                 (int)t->other_uses[i].len, (const char *)t->other_uses[i].ptr);
    }
    ck_assert_msg(strcmp(listed, e->other_uses) == 0, "%s: other uses are%s, not%s", e->what,
                  listed, e->other_uses);
    ck_assert_msg(t->keeps_float == (t->n_other_uses > 0), "%s: keeps_float", e->what);
}

START_TEST(every_case_gets_its_reason)
{
    const expected *e = &cases[_i];
    char text[2048];
    table_case c;
    snprintf(text, sizeof text, "%s%s", e->opset != NULL ? e->opset : OPSET(17), e->graph);
    table_case_open(&c, text);
    ck_assert_int_eq(table_case_run(&c, "find-tables"), QUIRE_OK);
    const quire_lookup *l = table_case_lookup(&c, e->lookup);
    ck_assert_msg(strcmp(quire_reason_code(l->reason), e->reason) == 0, "%s: %s, not %s", e->what,
                  quire_reason_code(l->reason), e->reason);
    ck_assert_msg(same_text(l->table_name, e->table), "%s: table", e->what);
    if (e->other_uses != NULL) check_other_uses(e, table_case_table(&c, e->table));
    table_case_close(&c);
}
END_TEST

START_TEST(one_table_serves_several_lookups)
{
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (int64[N] i) => (float[N,2] y, float16[N,2] z) <float16[2,2] W = "
                      "{1,2,3,4}> { a = Cast<to = 1>(W) y = Gather(a, i) z = Gather(W, i) }");
    ck_assert_int_eq(table_case_run(&c, "find-tables"), QUIRE_OK);
    ck_assert_uint_eq(c.tables.n_tables, 1);
    ck_assert_uint_eq(c.tables.tables[0].n_lookups, 2);
    ck_assert_uint_eq(c.tables.tables[0].n_eligible, 2);
    ck_assert_uint_eq(c.tables.tables[0].rows, 2);
    ck_assert_uint_eq(c.tables.tables[0].width, 2);
    ck_assert_int_eq(c.tables.tables[0].dtype, QUIRE_DTYPE_FLOAT16);
    ck_assert_int_eq(table_case_lookup(&c, "y")->type, QUIRE_DTYPE_FLOAT);
    ck_assert_int_eq(table_case_lookup(&c, "z")->type, QUIRE_DTYPE_FLOAT16);
    table_case_close(&c);
}
END_TEST

START_TEST(lookups_come_in_graph_order)
{
    static const char *const paths[] = {"s", "y/then_branch/p", "y/else_branch/q", "z"};
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (int64[N] i, bool b) => (float[N,4] y, float[N,4] z) <" TABLE_8x4
                      "> { s = Gather(W, i) y = If(b) <then_branch = t () => (float[N,4] p) { "
                      "p = Gather(W, i) }, else_branch = e () => (float[N,4] q) { q = "
                      "Gather(W, i) }> z = Gather(W, i) }");
    ck_assert_int_eq(table_case_run(&c, "find-tables"), QUIRE_OK);
    ck_assert_uint_eq(c.tables.n_lookups, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert(same_text(c.tables.lookups[i].path, paths[i]));
    table_case_close(&c);
}
END_TEST

START_TEST(functions_are_left_alone)
{
    table_case c;
    table_case_open(&c, "<ir_version: 8, opset_import: [\"\" : 17, \"f\" : 1]>\n"
                        "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4 "> { y = f.F(W, i) }\n"
                        "<domain: \"f\", opset_import: [\"\" : 17]>\n"
                        "F (t, j) => (r) { r = Gather(t, j) }");
    ck_assert_int_eq(table_case_run(&c, "find-tables"), QUIRE_OK);
    ck_assert_uint_eq(c.tables.n_lookups, 1);
    ck_assert_str_eq(quire_reason_code(c.tables.lookups[0].reason), "in-function");
    ck_assert(same_text(c.tables.lookups[0].path, "function f:F:/r"));
    table_case_close(&c);
}
END_TEST

START_TEST(running_twice_finds_the_same)
{
    table_case c;
    table_case_open(&c, OPSET(17) IN_W "{ y = Gather(W, i) }");
    ck_assert_int_eq(table_case_run(&c, "find-tables,find-tables"), QUIRE_OK);
    ck_assert_uint_eq(c.tables.n_lookups, 1);
    ck_assert_uint_eq(c.tables.n_tables, 1);
    ck_assert_uint_eq(c.tables.tables[0].n_lookups, 1);
    table_case_close(&c);
}
END_TEST

/* Every step of the passes in one model: codes, wrappers, bodies, other uses, specs. */
static const char busy[] = OPSET(
    17) "g (int64[N] i, bool b) => (float[N,4] y, float[N,8] z, float[8,4] w) <" TABLE_8x4
        ", uint8[2,8] C = {1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}, float[2,1] s = {1,2}> { a = "
        "Identity(W) "
        "y = If(b) <then_branch = t () => (float[N,4] p) { p = Gather(a, i) }, else_branch = e () "
        "=> "
        "(float[N,4] q) { q = Gather<axis = 0>(W, i) }> c = Gather(C, i) d = Cast<to = 1>(c) e = "
        "Gather(s, i) z = Mul(d, e) w = Neg(a) }";

/* The outcome with the n-th allocation failing; false when there was no n-th. */
static bool
fails_cleanly(size_t n)
{
    fault_alloc alloc;
    fault_log log = {0};
    quire_quantize_options options = QUIRE_QUANTIZE_OPTIONS_INIT;
    options.min_elements = 1;
    fault_alloc_init(&alloc, n, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_tables tables;
    quire_tables_init(&tables, &options);
    quire_run run = {.tables = &tables};
    quire_status status = quire_model_parse(&ctx, quire_bytes_of(busy), NULL, &run.model);
    if (status == QUIRE_OK) {
        const quire_manager_options manager = {0};
        const quire_table_flags flags = {.options = &options};
        const quire_annotator annotator = quire_table_flags_annotator(&flags);
        quire_table_source source;
        status = quire_table_source_load(&ctx, run.model, &tables, &annotator, &source);
        if (status == QUIRE_OK)
            status = quire_pipeline_run(
                &ctx, &run, "toposort-check,infer-types,find-tables,annotate-tables,table-wrappers",
                &manager);
        quire_table_source_deinit(&ctx, &source);
        quire_model_destroy(&ctx, run.model);
    }
    quire_tables_deinit(&ctx, &tables);
    ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0 ? 1 : 0);
    ck_assert(fault_alloc_is_clean(&alloc));
    return alloc.n_failed > 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t n = 1;
    while (fails_cleanly(n))
        n++;
    ck_assert_uint_gt(n, 20);
}
END_TEST

int
main(void)
{
    TCase *tcase = tcase_create("find-tables");
    tcase_add_loop_test(tcase, every_case_gets_its_reason, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, one_table_serves_several_lookups);
    tcase_add_test(tcase, lookups_come_in_graph_order);
    tcase_add_test(tcase, functions_are_left_alone);
    tcase_add_test(tcase, running_twice_finds_the_same);
    tcase_add_test(tcase, every_allocation_may_fail);
    return table_case_main(tcase, "find_tables");
}
