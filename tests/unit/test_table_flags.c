/* test_table_flags.c - flags and options of the library as options of the quantizer `embedding`.
 *
 * What the options do is for test_annotate_tables.c and tests/conformance; here: which they are.
 */
#include <check.h>

#include "plugin/table_flags.h"
#include "support/fault.h"
#include "support/suite.h"

static quire_quantize_options
defaults(void)
{
    return (quire_quantize_options)QUIRE_QUANTIZE_OPTIONS_INIT;
}

static void
expect_text(const quire_table_flags *flags, const char *expected)
{
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_text text;
    ck_assert_int_eq(quire_table_flags_text(&ctx, flags, &text), QUIRE_OK);
    ck_assert_str_eq(text.ptr, expected);
    quire_text_free(&ctx, &text);
}

START_TEST(defaults_are_no_options)
{
    const quire_quantize_options o = defaults();
    const quire_table_flags flags = {.options = &o};
    expect_text(&flags, "embedding");
}
END_TEST

START_TEST(members_become_options)
{
    static const char *const only[] = {"emb*", "a;b", "[;]", "x\\;y\\", "\"q\""};
    static const char *const skip[] = {" z "};
    static const quire_bits_for bits_for[] = {{"u=v", 4}, {"*", 0}, {"w,", 8}};
    quire_quantize_options o = defaults();
    const quire_table_flags flags = {.options = &o};
    o.bits = 4;
    o.block = 64;
    o.zero_point_float = 1;
    o.scale_f16 = 1;
    o.search = 0;
    o.min_sqnr = 30.25;
    o.min_elements = 0;
    expect_text(&flags, "embedding:bits=4,block=64,zero-point=float,scales=f16,search=minmax,"
                        "min-sqnr=30.25,min-elements=0");
    o = defaults();
    o.search = 1;
    o.min_elements = UINT64_MAX; /* more elements than there are: as many as the option can say */
    expect_text(&flags, "embedding:search=mse,min-elements=9223372036854775807");
    o = defaults();
    o.only = only, o.n_only = 2;
    o.skip = skip, o.n_skip = 1;
    o.bits_for = bits_for, o.n_bits_for = 3;
    expect_text(&flags, "embedding:only=emb*;a\\;b,skip=\" z \",bits-for=\"u=v=4;*=float;w,=8\"");
    o = defaults();
    o.only = only + 2, o.n_only = 3;
    expect_text(&flags, "embedding:only=\"[\\\\;];x\\\\;y\\\\;\\\"q\\\"\"");
}
END_TEST

/* What was given on purpose is said, as it was written. */
START_TEST(given_values_are_kept)
{
    quire_quantize_options o = defaults();
    const quire_table_flags flags = {
        .options = &o,
        .given = {[QUIRE_TABLE_FLAG_BITS] = "8", [QUIRE_TABLE_FLAG_MIN_SQNR] = "22.50"}};
    o.min_sqnr = 22.5;
    o.block = 16;
    expect_text(&flags, "embedding:bits=8,block=16,min-sqnr=22.50");
}
END_TEST

START_TEST(fails_cleanly)
{
    static const char *const only[] = {"some quite long glob*", "and, \"another\""};
    quire_quantize_options o = defaults();
    const quire_table_flags flags = {.options = &o};
    o.only = only, o.n_only = 2;
    for (size_t n = 1;; n++) {
        fault_alloc alloc;
        fault_log log = {0};
        fault_alloc_init(&alloc, n, _i == 1);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        quire_text text;
        const quire_status status = quire_table_flags_text(&ctx, &flags, &text);
        quire_text_free(&ctx, &text);
        ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0 ? 1 : 0);
        ck_assert(fault_alloc_is_clean(&alloc));
        if (alloc.n_failed == 0) break;
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("table_flags");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, defaults_are_no_options);
    tcase_add_test(tcase, members_become_options);
    tcase_add_test(tcase, given_values_are_kept);
    tcase_add_loop_test(tcase, fails_cleanly, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
