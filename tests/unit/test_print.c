/* test_print.c - printing when memory runs out or the destination fails, and of models in memory.
 *
 * The text itself is tested by tests/golden/text and against onnx in tests/conformance. */
#include <check.h>

#include "graph/parse.h"
#include "graph/print.h"
#include "support/fault.h"
#include "support/suite.h"

static const char rich_text[] = "#: quire 1\n"
                                "#: metadata_props: {key: \"k\" value: \"v\\n\"}\n"
                                "#: metadata_props: {value: \"no key\"}\n"
                                "<\n  ir_version: 8,\n  opset_import: [\"\" : 17, \"f\" : 1]\n>\n"
                                "g (float[2] x, bool c) => (float[2] z) <\n"
                                "  #: typed\n"
                                "  float[2] w = {1.5,-2},\n"
                                "  string[2] t = {\"a\", \"b\"},\n"
                                "  seq(float[N]) s\n"
                                "> {\n"
                                "  #: order 4 2 1*2\n"
                                "  y = Add (x, w)\n"
                                "  z = If (c) <\n"
                                "    then_branch = b () => (p) {\n"
                                "      p = f.Act <alpha = 0.5, l = [1, 2]> (y)\n"
                                "    },\n"
                                "    #: doc_string: \"d\"\n"
                                "    else_branch = e () => (q) {\n"
                                "      q = Neg (y)\n"
                                "    }\n"
                                "  >\n"
                                "}\n"
                                "\n<\n  domain: \"f\",\n  opset_import: [\"\" : 17]\n>\n"
                                "Act <alpha, beta = 1.0> (a) => (b) {\n"
                                "  b = Elu <alpha = @alpha> (a)\n"
                                "}\n"
                                "#: spec w u8 tensor affine zp=int observer=minmax(a)\n";

static quire_status
print_rich(quire_ctx *ctx, quire_text *out)
{
    static const quire_print_options options = {.layers = true};
    quire_writer w;
    quire_model *m;
    QUIRE_TRY(quire_model_parse(ctx, quire_bytes_of(rich_text), NULL, &m));
    quire_writer_to_text(&w, ctx, out);
    quire_status status = quire_model_print(ctx, m, &options, &w);
    if (status == QUIRE_OK) status = quire_writer_finish(&w);
    quire_model_destroy(ctx, m);
    return status;
}

START_TEST(a_text_prints_as_it_was)
{
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_text out = {0};
    ck_assert_msg(print_rich(&ctx, &out) == QUIRE_OK, "%s: %s", log.path, log.message);
    ck_assert_str_eq(out.ptr, rich_text);
    quire_text_free(&ctx, &out);
}
END_TEST

static bool
run_with_fault(size_t n, bool sticky)
{
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, n, sticky);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_text out = {0};
    const quire_status status = print_rich(&ctx, &out);
    ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0 ? 1 : 0);
    quire_text_free(&ctx, &out);
    ck_assert(fault_alloc_is_clean(&alloc));
    return alloc.n_failed == 0;
}

START_TEST(every_allocation_may_fail)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        size_t n = 1;
        while (!run_with_fault(n, sticky != 0))
            n++;
        ck_assert_uint_gt(n, 20);
    }
}
END_TEST

static quire_status
refuse(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    (void)ctx, (void)data, (void)bytes, (void)n;
    return QUIRE_E_IO;
}

START_TEST(a_failing_destination_is_told)
{
    static const quire_print_options options = {.brief = true};
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_text unused;
    quire_writer w;
    quire_model *m;
    ck_assert_int_eq(quire_model_parse(&ctx, quire_bytes_of(rich_text), NULL, &m), QUIRE_OK);
    quire_writer_to_text(&w, &ctx, &unused);
    w.write = refuse;
    const quire_status status = quire_model_print(&ctx, m, &options, &w);
    ck_assert(status == QUIRE_E_IO || quire_writer_finish(&w) == QUIRE_E_IO);
    quire_model_destroy(&ctx, m);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("print");
    TCase *all = tcase_create("print");
    tcase_set_timeout(all, 120);
    tcase_add_test(all, a_text_prints_as_it_was);
    tcase_add_test(all, every_allocation_may_fail);
    tcase_add_test(all, a_failing_destination_is_told);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
