/* test_writer.c - buffered text, sticky errors, and numbers that read back. */
#include <check.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/writer.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/suite.h"

START_TEST(text_gathers_everything)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, NULL);
    quire_writer w;
    quire_text text;
    char *expected = malloc(100000);
    size_t n = 0;
    quire_writer_to_text(&w, &ctx, &text);
    for (int i = 0; i < 5000; i++) {
        quire_writef(&w, "%d,", i);
        n += (size_t)sprintf(expected + n, "%d,", i);
    }
    quire_write_str(&w, "end");
    quire_write_bytes(&w, (quire_bytes){NULL, 0});
    quire_write_bytes(&w, (quire_bytes){(const uint8_t *)"\0x", 2});
    memcpy(expected + n, "end\0x", 6);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_uint_eq(text.len, n + 5);
    ck_assert_mem_eq(text.ptr, expected, n + 6);
    quire_text_free(&ctx, &text);
    free(expected);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(an_empty_text_is_a_string)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_writer w;
    quire_text text;
    quire_writer_to_text(&w, &ctx, &text);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(text.ptr, "");
    ck_assert_uint_eq(text.len, 0);
    quire_text_free(&ctx, &text);
}
END_TEST

START_TEST(long_pieces_pass_whole)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_writer w;
    quire_text text;
    quire_writer_to_text(&w, &ctx, &text);
    quire_writef(&w, "<%050000d>", 1);
    quire_writef(&w, "%0511d", 2);
    quire_writef(&w, "%0512d", 3);
    char *long_text = malloc(20001);
    memset(long_text, 'x', 20000);
    long_text[20000] = 0;
    quire_write_str(&w, "(");
    quire_write_str(&w, long_text);
    quire_write_str(&w, ")");
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_uint_eq(text.len, 50002 + 511 + 512 + 20002);
    ck_assert_int_eq(text.ptr[50000], '1');
    ck_assert_int_eq(text.ptr[50001], '>');
    ck_assert_int_eq(text.ptr[50002 + 510], '2');
    ck_assert_int_eq(text.ptr[50002 + 511 + 511], '3');
    ck_assert_int_eq(text.ptr[50002 + 511 + 512], '(');
    ck_assert_mem_eq(text.ptr + 50002 + 511 + 512 + 1, long_text, 20000);
    free(long_text);
    quire_text_free(&ctx, &text);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        quire_status status = QUIRE_E_NOMEM;
        for (size_t n = 1; status != QUIRE_OK; n++) {
            fault_alloc fault;
            fault_log log;
            fault_alloc_init(&fault, n, sticky != 0);
            quire_ctx ctx = fault_ctx(&fault, NULL, &log);
            quire_writer w;
            quire_text text;
            quire_writer_to_text(&w, &ctx, &text);
            for (int i = 0; i < 10; i++)
                quire_writef(&w, "%02000d", i);
            status = quire_writer_finish(&w);
            ck_assert_int_eq(status, fault.n_failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
            ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
            quire_text_free(&ctx, &text);
            ck_assert(fault_alloc_is_clean(&fault));
        }
    }
}
END_TEST

START_TEST(a_descriptor_gets_all_despite_interruptions)
{
    fault_io io;
    fault_io_init(&io, 0, false, 0);
    io.interrupt = true;
    io.max_transfer = 7;
    quire_ctx ctx = fault_ctx(NULL, &io, NULL);
    int ends[2];
    char got[3000];
    ck_assert_int_eq(pipe(ends), 0);
    quire_writer w;
    quire_writer_to_fd(&w, &ctx, ends[1]);
    for (int i = 0; i < 20; i++)
        quire_writef(&w, "%0100d", i);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_int_eq(read(ends[0], got, sizeof got), 2000);
    for (int i = 0; i < 20; i++) {
        char one[101];
        snprintf(one, sizeof one, "%0100d", i);
        ck_assert_mem_eq(got + i * 100, one, 100);
    }
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(the_first_failure_sticks)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 1, false, ENOSPC);
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    quire_writer w;
    quire_writer_to_fd(&w, &ctx, 1);
    for (int i = 0; i < 10; i++)
        quire_writef(&w, "%05000d", i);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(log.message, "No space left on device"));
    ck_assert_uint_eq(io.n_by_op[FAULT_WRITE], 1);
}
END_TEST

/* ---- numbers --------------------------------------------------------------------------------- */

static const char *
float_text(float x)
{
    static quire_text text;
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_writer w;
    quire_text_free(&ctx, &text);
    quire_writer_to_text(&w, &ctx, &text);
    quire_write_float(&w, x);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    return text.ptr;
}

static const char *
double_text(double x)
{
    static quire_text text;
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_writer w;
    quire_text_free(&ctx, &text);
    quire_writer_to_text(&w, &ctx, &text);
    quire_write_double(&w, x);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    return text.ptr;
}

/* The digits are those of Python's repr() and numpy.float32's, which are shortest by
 * construction. */
START_TEST(floats_known_elsewhere)
{
    ck_assert_str_eq(float_text(0.0f), "0");
    ck_assert_str_eq(float_text(-0.0f), "-0");
    ck_assert_str_eq(float_text(1.0f), "1");
    ck_assert_str_eq(float_text(-255.0f), "-255");
    ck_assert_str_eq(float_text(999999.0f), "999999");
    ck_assert_str_eq(float_text(16777216.0f), "16777216");
    ck_assert_str_eq(float_text(0.1f), "0.1");
    ck_assert_str_eq(float_text(0.3f), "0.3");
    ck_assert_str_eq(float_text(1.0f / 3.0f), "0.33333334");
    ck_assert_str_eq(float_text(3.14159274f), "3.1415927");
    ck_assert_str_eq(float_text(FLT_MAX), "3.4028235e+38");
    ck_assert_str_eq(float_text(FLT_MIN), "1.1754944e-38");
    ck_assert_str_eq(float_text(FLT_TRUE_MIN), "1e-45");
    ck_assert_str_eq(float_text(INFINITY), "inf");
    ck_assert_str_eq(float_text(-INFINITY), "-inf");
    ck_assert_str_eq(float_text(NAN), "nan");
    ck_assert_str_eq(float_text(-NAN), "nan");
}
END_TEST

START_TEST(doubles_known_elsewhere)
{
    ck_assert_str_eq(double_text(0.0), "0");
    ck_assert_str_eq(double_text(-0.0), "-0");
    ck_assert_str_eq(double_text(0.1), "0.1");
    ck_assert_str_eq(double_text(0.1 + 0.2), "0.30000000000000004");
    ck_assert_str_eq(double_text(100.0), "100");
    ck_assert_str_eq(double_text(-1.5), "-1.5");
    ck_assert_str_eq(double_text(DBL_MAX), "1.7976931348623157e+308");
    ck_assert_str_eq(double_text(DBL_MIN), "2.2250738585072014e-308");
    ck_assert_str_eq(double_text(DBL_TRUE_MIN), "5e-324");
    ck_assert_str_eq(double_text(9007199254740993.0), "9007199254740992");
    ck_assert_str_eq(double_text(NAN), "nan");
    ck_assert_str_eq(double_text(-INFINITY), "-inf");
}
END_TEST

START_TEST(numbers_read_back)
{
    uint64_t state = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const uint32_t low = (uint32_t)(state >> 32);
        float f;
        double d;
        memcpy(&f, &low, sizeof f);
        memcpy(&d, &state, sizeof d);
        if (!isnan(f)) ck_assert(strtof(float_text(f), NULL) == f);
        if (!isnan(d)) ck_assert(strtod(double_text(d), NULL) == d);
    }
}
END_TEST

/* Sets a locale with a decimal comma; makes one where the system has none. */
static bool
set_comma_locale(const scratch *dir)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "pl_PL.UTF-8"};
    char command[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_ALL, names[i]) != NULL) return true;
    }
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s >/dev/null 2>&1",
             scratch_path(dir, "de_DE.UTF-8"));
    if (system(command) < 0) return false;
    setenv("LOCPATH", dir->path, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

START_TEST(a_decimal_comma_becomes_a_point)
{
    const scratch dir = scratch_create();
    if (set_comma_locale(&dir)) {
        char text[16];
        snprintf(text, sizeof text, "%.1f", 0.5);
        ck_assert_str_eq(text, "0,5");
        ck_assert_str_eq(float_text(0.5f), "0.5");
        ck_assert_str_eq(float_text(-1.0f / 3.0f), "-0.33333334");
        ck_assert_str_eq(double_text(1.25e-300), "1.25e-300");
        ck_assert_str_eq(double_text(1e300), "1e+300");
    } else {
        puts("note: no locale with a decimal comma here; not tested");
    }
    scratch_remove(&dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("writer");
    TCase *tc = tcase_create("writer");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, text_gathers_everything);
    tcase_add_test(tc, an_empty_text_is_a_string);
    tcase_add_test(tc, long_pieces_pass_whole);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, a_descriptor_gets_all_despite_interruptions);
    tcase_add_test(tc, the_first_failure_sticks);
    tcase_add_test(tc, floats_known_elsewhere);
    tcase_add_test(tc, doubles_known_elsewhere);
    tcase_add_test(tc, numbers_read_back);
    tcase_add_test(tc, a_decimal_comma_becomes_a_point);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
