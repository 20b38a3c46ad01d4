/* test_diff.c - one change at a time, and the line that tells it; models are given as ONNX text. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/diff.h"
#include "graph/import.h"
#include "graph/parse.h"
#include "support/fault.h"
#include "support/suite.h"

static quire_model *
parse(quire_ctx *ctx, const char *text, const fault_log *log)
{
    quire_model *m = NULL;
    const quire_status status = quire_model_parse(ctx, quire_bytes_of(text), NULL, &m);
    ck_assert_msg(status == QUIRE_OK, "%s\n%s", log->message, text);
    return m;
}

static void
expect(const char *before, const char *after, const char *expected)
{
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_model *a = parse(&ctx, before, &log), *b = parse(&ctx, after, &log);
    quire_text text = {0};
    quire_writer w;
    bool same;
    quire_writer_to_text(&w, &ctx, &text);
    ck_assert_int_eq(quire_model_diff(&ctx, a, b, false, &w, &same), QUIRE_OK);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(text.ptr, expected);
    ck_assert_int_eq(same, strcmp(expected, "0 removed, 0 added, 0 changed\n") == 0);
    quire_text_free(&ctx, &text);
    quire_model_destroy(&ctx, a);
    quire_model_destroy(&ctx, b);
    ck_assert(fault_alloc_is_clean(&alloc));
}

#define HEAD  "<ir_version: 8, opset_import: [\"\" : 13], producer_name: \"p\">\n"
#define TYPES "g (float[N,2] x) => (float[N,2] y)\n"
#define W     "<float[2] w = {1, 2}> "
#define BODY  "{\n h = Add (x, w)\n y = Relu (h)\n}\n"
#define BASE  HEAD TYPES W BODY

static const struct change_case {
    const char *after, *expected;
} cases[] = {
    {BASE, "0 removed, 0 added, 0 changed\n"},
    {"<ir_version: 9, opset_import: [\"\" : 14, \"com.x\" : 1], producer_name: \"q\">\n" TYPES W
         BODY,
     "changed  model        ir_version  8 -> 9\n"
     "changed  model        producer_name  \"p\" -> \"q\"\n"
     "changed  opset_import version 13 -> 14\n"
     "added    opset_import com.x\n"
     "0 removed, 1 added, 3 changed\n"},
    {HEAD "f (float[N,2] x) => (float[N,2] y)\n" W BODY,
     "changed  graph        name\n0 removed, 0 added, 1 changed\n"},
    {HEAD "g (float[M,2] x) => (double[N,2] y)\n" W BODY,
     "changed  input        x  type float[N,2] -> float[M,2]\n"
     "changed  output       y  type float[N,2] -> double[N,2]\n"
     "0 removed, 0 added, 2 changed\n"},
    {HEAD TYPES "<float[2] w = {1, 3}> " BODY,
     "changed  initializer  w  values\n0 removed, 0 added, 1 changed\n"},
    {HEAD TYPES "<float[1,2] w = {1, 2}> " BODY,
     "changed  initializer  w  float[2] -> float[1,2]\n0 removed, 0 added, 1 changed\n"},
    {HEAD TYPES "<float[2] w = {1, 2}, int64 n = {4}> " BODY,
     "added    initializer  n  int64\n0 removed, 1 added, 0 changed\n"},
    {HEAD TYPES W "{\n h = Sub (w, x)\n y = Relu (h)\n}\n",
     "changed  node         h  op Add -> Sub; input 0 \"x\" -> \"w\"; input 1 \"w\" -> \"x\"\n"
     "0 removed, 0 added, 1 changed\n"},
    {HEAD TYPES W "{\n h = Add (x, w)\n k = Neg (h)\n y = Relu (k)\n}\n",
     "changed  node         y  input 0 \"h\" -> \"k\"\n"
     "added    node         k  Neg\n"
     "0 removed, 1 added, 1 changed\n"},
    {HEAD TYPES W "{\n y = Add (x, w)\n}\n",
     "removed  node         h  Add\n"
     "changed  node         y  op Relu -> Add; inputs 1 -> 2; input 0 \"h\" -> \"x\"\n"
     "1 removed, 0 added, 1 changed\n"},
    {HEAD TYPES W "{\n h = Add <a = 1> (x, w)\n y = Relu (h)\n}\n",
     "changed  node         h  attribute a added\n0 removed, 0 added, 1 changed\n"},
};

START_TEST(each_change_is_told)
{
    expect(BASE, cases[_i].after, cases[_i].expected);
}
END_TEST

#define NODES(first, second) HEAD TYPES W "{\n " first "\n " second "\n y = Add (h, k)\n}\n"

START_TEST(order_counts)
{
    expect(NODES("h = Add (x, w)", "k = Neg (x)"), NODES("k = Neg (x)", "h = Add (x, w)"),
           "changed  graph        order of nodes\n0 removed, 0 added, 1 changed\n");
}
END_TEST

START_TEST(attributes_are_compared_by_name)
{
    expect(NODES("h = Add <a = 1, b = [1, 2], c = \"s\", d = 2.5> (x, w)", "k = Neg (x)"),
           NODES("h = Add <d = 2.5, a = 2, b = [1, 3], c = \"t\", e = 1> (x, w)", "k = Neg (x)"),
           "changed  node         h  attribute a 1 -> 2; attribute b [1,2] -> [1,3]; "
           "attribute c \"s\" -> \"t\"; attribute e added\n"
           "0 removed, 0 added, 1 changed\n");
}
END_TEST

#define IF(name, body)                                                                             \
    HEAD "g (float[N,2] x, bool c) => (float[N,2] y)\n{\n y = If (c) <then_branch = " name         \
         " () => (float[N,2] t) {\n " body                                                         \
         "\n t = Neg (u)\n }, else_branch = e () => (float[N,2] r) {"                              \
         "\n r = Relu (x)\n }>\n}\n"

START_TEST(bodies_are_named_by_their_path)
{
    expect(IF("b", "u = Abs (x)"), IF("b", "u = Exp (x)"),
           "changed  node         y/then_branch/u  op Abs -> Exp\n0 removed, 0 added, 1 changed\n");
    expect(IF("b", "u = Abs (x)"), IF("d", "v = Abs (x)\n u = Exp (v)"),
           "changed  graph        y/then_branch/  name\n"
           "changed  node         y/then_branch/u  op Abs -> Exp; input 0 \"x\" -> \"v\"\n"
           "added    node         y/then_branch/v  Abs\n"
           "0 removed, 1 added, 2 changed\n");
}
END_TEST

START_TEST(json)
{
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *a = parse(&ctx, BASE, &log), *b = parse(&ctx, cases[4].after, &log);
    quire_text text = {0};
    quire_writer w;
    bool same;
    quire_writer_to_text(&w, &ctx, &text);
    ck_assert_int_eq(quire_model_diff(&ctx, a, b, true, &w, &same), QUIRE_OK);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_ptr_nonnull(strstr(text.ptr, "\"changed\": 1"));
    ck_assert_ptr_nonnull(strstr(text.ptr, "\"kind\": \"initializer\""));
    ck_assert_ptr_nonnull(strstr(text.ptr, "\"detail\": \"values\""));
    ck_assert(!same);
    quire_text_free(&ctx, &text);
    quire_model_destroy(&ctx, a);
    quire_model_destroy(&ctx, b);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    fault_log log = {0};
    quire_ctx plain = fault_ctx(NULL, NULL, &log);
    quire_model *a = parse(&plain, IF("b", "u = Abs (x)"), &log);
    quire_model *b = parse(&plain, IF("d", "v = Abs (x)\n u = Exp (v)"), &log);
    size_t n_failed = 0;
    for (size_t at = 1;; at++) {
        fault_alloc alloc;
        fault_log failures = {0};
        fault_alloc_init(&alloc, at, at % 2 == 0);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &failures);
        quire_diff diff;
        const quire_status status = quire_diff_make(&ctx, a, b, &diff);
        if (status == QUIRE_OK) quire_diff_deinit(&ctx, &diff);
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(failures.n_errors, alloc.n_failed > 0);
        if (alloc.n_failed == 0) break;
        n_failed++;
    }
    ck_assert_uint_ge(n_failed, 6);
    quire_model_destroy(&plain, a);
    quire_model_destroy(&plain, b);
}
END_TEST

/* A model does not differ from itself, read twice; from the next one it does. */
START_TEST(real_models)
{
    const char *folder = getenv("QUIRE_TEST_MODELS");
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *before = NULL;
    size_t n = 0;
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char path[1024];
        const size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 5, ".onnx") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        quire_model *a = NULL, *b = NULL;
        if (quire_model_load(&ctx, path, &a) != QUIRE_OK) continue; /* some are wrong on purpose */
        ck_assert_int_eq(quire_model_load(&ctx, path, &b), QUIRE_OK);
        quire_diff diff;
        ck_assert_int_eq(quire_diff_make(&ctx, a, b, &diff), QUIRE_OK);
        ck_assert_uint_eq(diff.n_items, 0);
        quire_diff_deinit(&ctx, &diff);
        if (before != NULL) {
            ck_assert_int_eq(quire_diff_make(&ctx, before, a, &diff), QUIRE_OK);
            ck_assert_uint_gt(diff.n_items, 0);
            quire_diff_deinit(&ctx, &diff);
        }
        quire_model_destroy(&ctx, before);
        quire_model_destroy(&ctx, b);
        before = a;
        n++;
    }
    quire_model_destroy(&ctx, before);
    if (dir != NULL) closedir(dir);
    if (folder != NULL) ck_assert_uint_gt(n, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("diff");
    TCase *tc = tcase_create("diff");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_change_is_told, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tc, order_counts);
    tcase_add_test(tc, attributes_are_compared_by_name);
    tcase_add_test(tc, bodies_are_named_by_their_path);
    tcase_add_test(tc, json);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, real_models);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
