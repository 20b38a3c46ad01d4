/* test_parse.c - what golden texts cannot show: memory that runs out, bytes that are no text,
 * locales.
 *
 * Syntax and messages are tested by tests/golden/text, the values by onnx's own parser in
 * tests/conformance/test_text.py. */
#include <check.h>
#include <locale.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "graph/tensor.h"
#include "support/fault.h"
#include "support/suite.h"

static const char rich_text[] =
    "#: quire 1\n"
    "#: metadata_props: {key: \"k\" value: \"v\\n\"} 1000: 0x01020304\n"
    "<ir_version: 8, opset_import: [\"\" : 17, \"f\" : 1]>\n"
    "g (float[2] x, bool c) => (float[2] z) <\n"
    "  #: typed\n"
    "  float[2] w = {1.5, -2}, seq(float[N]) s, string[2] t = {\"a\", \"b\"}\n"
    "> {\n"
    "  #: order 4 2 1*2\n"
    "  y = Add (x, w)\n"
    "  z = If (c) <then_branch = b () => (p) { p = f.Act <alpha = 0.5, l = [1, 2]> (y) },\n"
    "    #: doc_string: \"d\"\n"
    "    else_branch = e () => (q) { q = Neg (y) }>\n"
    "}\n"
    "<domain: \"f\", opset_import: [\"\" : 17]> Act <alpha, beta: float = 1> (a) => (b) { b = Elu "
    "<alpha = @alpha> (a) }\n"
    "#: spec w u8 tensor affine zp=int observer=minmax(a)\n";

static bool
run_with_fault(size_t n, bool sticky)
{
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, n, sticky);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_model *m = NULL;
    const quire_status status = quire_model_parse(&ctx, quire_bytes_of(rich_text), NULL, &m);
    ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0 ? 1 : 0);
    if (status == QUIRE_OK) quire_model_destroy(&ctx, m);
    ck_assert(fault_alloc_is_clean(&alloc));
    return alloc.n_failed == 0;
}

START_TEST(every_allocation_may_fail)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        size_t n = 1;
        while (!run_with_fault(n, sticky != 0))
            n++;
        ck_assert_uint_gt(n, 10);
    }
}
END_TEST

/* Every prefix of the text, and the text with each byte changed, is read or refused with one
 * message. */
START_TEST(mangled_texts_are_refused_or_read)
{
    const size_t n = strlen(rich_text);
    char *text = malloc(n);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < 2 * n; i++) {
        fault_log log = {0};
        quire_ctx ctx = fault_ctx(NULL, NULL, &log);
        quire_model *m;
        memcpy(text, rich_text, n);
        if (i >= n) text[i - n] = "\"<{#\xff\0 1"[i % 8];
        const quire_bytes bytes = {(const uint8_t *)text, i < n ? i : n};
        const quire_status status = quire_model_parse(&ctx, bytes, NULL, &m);
        if (status == QUIRE_OK) quire_model_destroy(&ctx, m);
        ck_assert_int_ne(status, QUIRE_E_INTERNAL);
        ck_assert_uint_le(log.n_errors, status == QUIRE_OK ? 0 : 50);
        if (status != QUIRE_OK) ck_assert_uint_ge(log.n_errors, 1);
    }
    free(text);
}
END_TEST

START_TEST(numbers_do_not_depend_on_the_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8"};
    const float expected[] = {1.5f, -2.0f};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
        quire_model *m;
        float found[2];
        if (setlocale(LC_ALL, locales[i]) == NULL) continue;
        ck_assert_int_eq(quire_model_parse(&ctx, quire_bytes_of(rich_text), NULL, &m), QUIRE_OK);
        const quire_tensor w = quire_graph_at(m, m->main)->inits[0].tensor;
        ck_assert_int_eq(quire_tensor_read_all(&ctx, m, w, found, sizeof found), QUIRE_OK);
        ck_assert_mem_eq(found, expected, sizeof expected);
        quire_model_destroy(&ctx, m);
    }
    setlocale(LC_ALL, "C");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("parse");
    TCase *all = tcase_create("parse");
    tcase_set_timeout(all, 120);
    tcase_add_test(all, every_allocation_may_fail);
    tcase_add_test(all, mangled_texts_are_refused_or_read);
    tcase_add_test(all, numbers_do_not_depend_on_the_locale);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
