/* test_diag.c - what a sink gets is one readable line, whatever names are in it. */
#include <check.h>
#include <stdio.h>

#include "base/diag.h"
#include "support/fault.h"
#include "support/suite.h"

static const struct {
    const char *in;
    const char *out;
} escapes[] = {
    {"conv1/weight.0", "conv1/weight.0"},
    {"back\\slash \"quoted\"", "back\\slash \"quoted\""},
    {"a\nb\tc\r", "a\\x0Ab\\x09c\\x0D"},
    {"\x1b[2Jgone", "\\x1B[2Jgone"},
    {"\x7f", "\\x7F"},
    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {"\xe5\x90\x8d", "\xe5\x90\x8d"},
    {"\xf0\x9f\x8e\x89", "\xf0\x9f\x8e\x89"},
    /* C1 control, line separator, paragraph separator */
    {"\xc2\x85", "\\xC2\\x85"},
    {"\xe2\x80\xa8\xe2\x80\xa9", "\\xE2\\x80\\xA8\\xE2\\x80\\xA9"},
    /* U+202E, U+2066, U+200F turn text around; U+2013 and U+2070 beside them do not */
    {"a\xe2\x80\xae"
     "b",
     "a\\xE2\\x80\\xAE"
     "b"},
    {"\xe2\x81\xa6\xe2\x80\x8f", "\\xE2\\x81\\xA6\\xE2\\x80\\x8F"},
    {"\xe2\x80\x93\xe2\x81\xb0", "\xe2\x80\x93\xe2\x81\xb0"},
    /* not UTF-8: lone continuation, cut sequence, overlong, surrogate, above U+10FFFF */
    {"\x80", "\\x80"},
    {"\xc3", "\\xC3"},
    {"\xe5\x90", "\\xE5\\x90"},
    {"\xc0\xaf", "\\xC0\\xAF"},
    {"\xe0\x80\x80", "\\xE0\\x80\\x80"},
    {"\xed\xa0\x80", "\\xED\\xA0\\x80"},
    {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
    {"\xf8\x88\x80\x80\x80", "\\xF8\\x88\\x80\\x80\\x80"},
    {"\xff\xfe", "\\xFF\\xFE"},
    /* a bad byte does not swallow the good one behind it */
    {"\xe5(", "\\xE5("},
};

START_TEST(names_become_readable)
{
    char out[200];
    quire_escape(out, sizeof out, (const uint8_t *)escapes[_i].in, strlen(escapes[_i].in));
    ck_assert_str_eq(out, escapes[_i].out);
}
END_TEST

START_TEST(nul_is_a_byte_like_others)
{
    char out[20];
    quire_escape(out, sizeof out, (const uint8_t *)"a\0b", 3);
    ck_assert_str_eq(out, "a\\x00b");
}
END_TEST

START_TEST(cuts_never_split)
{
    static const char in[] = "ab\xc3\xbc\x01z";
    static const char *const whole[] = {"",
                                        "a",
                                        "ab",
                                        "ab",
                                        "ab\xc3\xbc",
                                        "ab\xc3\xbc",
                                        "ab\xc3\xbc",
                                        "ab\xc3\xbc",
                                        "ab\xc3\xbc\\x01",
                                        "ab\xc3\xbc\\x01z",
                                        "ab\xc3\xbc\\x01z"};
    for (size_t room = 1; room <= 11; room++) {
        char out[16];
        memset(out, '#', sizeof out);
        quire_escape(out, room, (const uint8_t *)in, sizeof in - 1);
        ck_assert_str_eq(out, whole[room - 1]);
        ck_assert_int_eq(out[room], '#');
    }
    quire_escape(NULL, 0, (const uint8_t *)in, 5);
}
END_TEST

START_TEST(an_error_carries_what_was_said)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    ctx.file = "model.onnx";
    ck_assert_int_eq(
        quire_fail(&ctx, QUIRE_E_INVALID, "graph.node[3]", "rank %d, at most %d", 9, 8),
        QUIRE_E_INVALID);
    ck_assert_str_eq(log.file, "model.onnx");
    ck_assert_str_eq(log.path, "graph.node[3]");
    ck_assert_str_eq(log.message, "rank 9, at most 8");
    ck_assert_int_eq(log.status, QUIRE_E_INVALID);
    ck_assert_uint_eq(log.n_errors, 1);

    ck_assert_int_eq(quire_fail_file(&ctx, QUIRE_E_IO, "other\n.data", "gone"), QUIRE_E_IO);
    ck_assert_str_eq(log.file, "other\\x0A.data");
    ck_assert_str_eq(log.path, "");

    quire_tell(&ctx, QUIRE_WARNING, NULL, "%s", "careful");
    ck_assert_uint_eq(log.n_errors, 2);
    ck_assert_uint_eq(log.n_others, 1);
}
END_TEST

START_TEST(hostile_names_stay_on_the_line)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_fail(&ctx, QUIRE_E_INVALID, "node \"x\ny\"", "no %s", "a\r\x1b]0;b\xff");
    ck_assert_str_eq(log.message, "no a\\x0D\\x1B]0;b\\xFF");
    ck_assert_str_eq(log.path, "node \"x\\x0Ay\"");
}
END_TEST

START_TEST(long_messages_are_cut_at_1000)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    char name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    quire_fail(&ctx, QUIRE_E_INVALID, NULL, "%s", name);
    ck_assert_uint_eq(strlen(log.message), 1000);
    /* two-byte characters after one byte: the 1000th byte would be the first half of one */
    for (size_t i = 1; i + 1 < sizeof name - 1; i += 2)
        memcpy(name + i, "\xc3\xbc", 2);
    quire_fail(&ctx, QUIRE_E_INVALID, NULL, "%s", name);
    ck_assert_uint_eq(strlen(log.message), 999);
    memset(name, 1, sizeof name - 1);
    quire_fail(&ctx, QUIRE_E_INVALID, NULL, "%s", name);
    ck_assert_uint_eq(strlen(log.message), 1000);
    ck_assert_str_eq(log.message + 996, "\\x01");
}
END_TEST

START_TEST(the_fixed_reports)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    volatile int canceled = 0;
    ck_assert_int_eq(quire_nomem(&ctx), QUIRE_E_NOMEM);
    ck_assert_int_eq(quire_bug(&ctx, "%d%%", 7), QUIRE_E_INTERNAL);
    ck_assert_ptr_nonnull(strstr(log.message, "7%"));
    ck_assert_int_eq(quire_check_canceled(&ctx), QUIRE_OK);
    ctx.canceled = &canceled;
    ck_assert_int_eq(quire_check_canceled(&ctx), QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, 2);
    canceled = 1;
    ck_assert_int_eq(quire_check_canceled(&ctx), QUIRE_E_CANCELED);
    ck_assert_uint_eq(log.n_errors, 3);
}
END_TEST

START_TEST(no_sink_is_no_problem)
{
    quire_ctx ctx = quire_ctx_default();
    ck_assert_int_eq(quire_fail(&ctx, QUIRE_E_IO, "p", "x"), QUIRE_E_IO);
    quire_tell(&ctx, QUIRE_NOTE, "p", "x");
}
END_TEST

START_TEST(statuses_have_names_and_exit_codes)
{
    static const struct {
        quire_status status;
        const char *name;
        int exit_code;
    } rows[] = {
        {QUIRE_OK, "OK", 0},
        {QUIRE_NONE, "NONE", 1},
        {QUIRE_E_USAGE, "E_USAGE", 2},
        {QUIRE_E_INVALID, "E_INVALID", 3},
        {QUIRE_E_UNSUPPORTED, "E_UNSUPPORTED", 3},
        {QUIRE_E_LIMIT, "E_LIMIT", 3},
        {QUIRE_E_IO, "E_IO", 4},
        {QUIRE_E_NOMEM, "E_NOMEM", 4},
        {QUIRE_E_PLUGIN, "E_PLUGIN", 4},
        {QUIRE_E_CANCELED, "E_CANCELED", 130},
        {QUIRE_E_INTERNAL, "E_INTERNAL", 70},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_str_eq(quire_status_name(rows[i].status), rows[i].name);
        ck_assert_int_eq(quire_status_exit_code(rows[i].status), rows[i].exit_code);
    }
    ck_assert_ptr_nonnull(quire_status_name((quire_status)99));
    ck_assert_int_eq(quire_status_exit_code((quire_status)99), 70);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("diag");
    TCase *tc = tcase_create("diag");
    tcase_add_loop_test(tc, names_become_readable, 0, sizeof escapes / sizeof *escapes);
    tcase_add_test(tc, nul_is_a_byte_like_others);
    tcase_add_test(tc, cuts_never_split);
    tcase_add_test(tc, an_error_carries_what_was_said);
    tcase_add_test(tc, hostile_names_stay_on_the_line);
    tcase_add_test(tc, long_messages_are_cut_at_1000);
    tcase_add_test(tc, the_fixed_reports);
    tcase_add_test(tc, no_sink_is_no_problem);
    tcase_add_test(tc, statuses_have_names_and_exit_codes);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
