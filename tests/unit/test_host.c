/* test_host.c - the table of functions a plugin gets, what becomes of its messages, and what stands
 * around its callbacks.
 */
#include <check.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "plugin/guard.h"
#include "plugin/host.h"
#include "support/fault.h"
#include "support/suite.h"

static const quire_plugin plugin = {.size = sizeof plugin, .name = "acme"};
static const quire_quantizer quantizer = {.size = sizeof quantizer, .name = "int8"};
static const quire_known_plugin known_plugin = {.plugin = &plugin};
static const quire_known_quantizer known = {.quantizer = &quantizer, .plugin = &known_plugin};

static const quire_place nowhere = {0, 0};

typedef struct fixture {
    quire_ctx ctx;
    fault_alloc alloc;
    fault_log log;
    quire_host_state state;
    const quire_host *host;
} fixture;

static void
setup(fixture *f)
{
    memset(f, 0, sizeof *f);
    fault_alloc_init(&f->alloc, 0, false);
    f->ctx = fault_ctx(&f->alloc, NULL, &f->log);
    quire_host_init(&f->state, &f->ctx, NULL, &known);
    f->host = &f->state.table;
}

static void
teardown(fixture *f)
{
    quire_host_deinit(&f->state);
    ck_assert(fault_alloc_is_clean(&f->alloc));
}

static void
say(const fixture *f, quire_severity severity, const char *text)
{
    f->host->report(f->host->ctx, severity, nowhere, (quire_string){text, strlen(text)});
}

START_TEST(the_table_says_what_it_has)
{
    fixture f;
    setup(&f);
    ck_assert(QUIRE_HAS(f.host, quire_host, get_service));
    ck_assert_uint_eq(f.host->abi_major, QUIRE_ABI_MAJOR);
    ck_assert_uint_eq(f.host->abi_minor, QUIRE_ABI_MINOR);
    ck_assert(f.host->get_service(f.host->ctx, "quire.host.parallel/1") == NULL);
    ck_assert(f.host->get_service(f.host->ctx, "") == NULL);
    teardown(&f);
}
END_TEST

START_TEST(memory_is_counted)
{
    fixture f;
    setup(&f);
    char *a = f.host->realloc(f.host->ctx, NULL, 0, 100);
    char *b = f.host->realloc(f.host->ctx, NULL, 0, 10);
    ck_assert(a != NULL && b != NULL);
    ck_assert_uint_eq(f.state.n_blocks, 2);
    ck_assert_uint_eq(f.state.n_bytes, 110);
    memset(a, 'x', 100);
    a = f.host->realloc(f.host->ctx, a, 100, 1000);
    ck_assert(a != NULL && a[0] == 'x' && a[99] == 'x');
    ck_assert_uint_eq(f.state.n_blocks, 2);
    ck_assert_uint_eq(f.state.n_bytes, 1010);
    a = f.host->realloc(f.host->ctx, a, 1000, 1);
    ck_assert_uint_eq(f.state.n_bytes, 11);
    f.alloc.fail_at = f.alloc.n_calls + 1;
    ck_assert(f.host->realloc(f.host->ctx, b, 10, 5000) == NULL);
    ck_assert_uint_eq(f.state.n_bytes, 11);
    ck_assert_uint_eq(f.state.n_blocks, 2);
    ck_assert(f.host->realloc(f.host->ctx, a, 1, 0) == NULL);
    ck_assert(f.host->realloc(f.host->ctx, b, 10, 0) == NULL);
    ck_assert(f.host->realloc(f.host->ctx, NULL, 0, 0) == NULL);
    ck_assert_uint_eq(f.state.n_blocks, 0);
    ck_assert_uint_eq(f.state.n_bytes, 0);
    teardown(&f);
}
END_TEST

START_TEST(success_says_nothing)
{
    fixture f;
    setup(&f);
    ck_assert_int_eq(quire_host_returned(&f.state, "support", QUIRE_OK), QUIRE_OK);
    ck_assert_int_eq(quire_host_returned(&f.state, "support", QUIRE_NONE), QUIRE_NONE);
    ck_assert_uint_eq(f.log.n_errors + f.log.n_others, 0);
    teardown(&f);
}
END_TEST

START_TEST(notes_and_warnings_are_told_when_the_callback_is_over)
{
    fixture f;
    setup(&f);
    say(&f, QUIRE_NOTE, "12 tables");
    say(&f, QUIRE_WARNING, "one is empty");
    ck_assert_uint_eq(f.log.n_others, 0);
    ck_assert_int_eq(quire_host_returned(&f.state, "annotate", QUIRE_OK), QUIRE_OK);
    ck_assert_uint_eq(f.log.n_others, 2);
    ck_assert_uint_eq(f.log.n_errors, 0);
    ck_assert_str_eq(f.log.message, "plugin \"acme\" (quantizer \"int8\"), annotate: one is empty");
    ck_assert_int_eq(quire_host_returned(&f.state, "annotate", QUIRE_OK), QUIRE_OK);
    ck_assert_uint_eq(f.log.n_others, 2);
    teardown(&f);
}
END_TEST

static void
expect(quire_status returned, const char *said, quire_status status, const char *message)
{
    fixture f;
    setup(&f);
    if (said != NULL) say(&f, QUIRE_ERROR, said);
    if (said != NULL) say(&f, QUIRE_ERROR, "a second one");
    ck_assert_int_eq(quire_host_returned(&f.state, "create", returned), status);
    ck_assert_uint_eq(f.log.n_errors, 1);
    ck_assert_int_eq(f.log.status, status);
    ck_assert_str_eq(f.log.message, message);
    teardown(&f);
}

#define WHO "plugin \"acme\" (quantizer \"int8\"), create"

START_TEST(failures_are_told_once)
{
    expect(QUIRE_E_INVALID, "no axis", QUIRE_E_PLUGIN, WHO ": no axis");
    expect(QUIRE_E_USAGE, "no axis", QUIRE_E_USAGE, WHO ": no axis");
    expect(QUIRE_E_CANCELED, "stopped", QUIRE_E_CANCELED, WHO ": stopped");
    expect(QUIRE_E_NOMEM, "no memory", QUIRE_E_NOMEM, WHO ": no memory");
    expect(QUIRE_E_IO, NULL, QUIRE_E_PLUGIN, WHO " failed with E_IO and reported nothing");
    expect(QUIRE_E_USAGE, NULL, QUIRE_E_PLUGIN, WHO " failed with E_USAGE and reported nothing");
    expect(QUIRE_E_NOMEM, NULL, QUIRE_E_NOMEM, WHO " failed with E_NOMEM and reported nothing");
    expect((quire_status)77, NULL, QUIRE_E_PLUGIN,
           WHO " returned 77, which is no status, and reported nothing");
    expect((quire_status)-1, "odd", QUIRE_E_PLUGIN, WHO ": odd");
    expect(QUIRE_OK, "no axis", QUIRE_E_PLUGIN,
           WHO ": no axis (reported as an error, yet it returned success)");
}
END_TEST

/* Numbers that are no severity are errors; texts may be anything. */
START_TEST(what_a_plugin_says_is_untrusted)
{
    static char huge[1 << 20];
    fixture f;
    setup(&f);
    memset(huge, 'x', sizeof huge - 1);
    say(&f, (quire_severity)42, "two\nlines\x1b[2J");
    ck_assert_int_eq(quire_host_returned(&f.state, "create", QUIRE_E_IO), QUIRE_E_PLUGIN);
    ck_assert_str_eq(f.log.message, WHO ": two\\x0Alines\\x1B[2J");
    say(&f, QUIRE_WARNING, huge);
    ck_assert_uint_lt(f.alloc.peak_size, 10000);
    f.host->report(f.host->ctx, QUIRE_WARNING, nowhere, (quire_string){NULL, 0});
    f.host->report(f.host->ctx, QUIRE_WARNING, nowhere, (quire_string){NULL, 100});
    f.host->report(f.host->ctx, QUIRE_WARNING, (quire_place){7, 4000000000u},
                   (quire_string){"x", 1});
    ck_assert_int_eq(quire_host_returned(&f.state, "create", QUIRE_OK), QUIRE_OK);
    ck_assert_uint_eq(f.log.n_others, 4);
    for (int i = 0; i < 1000; i++)
        say(&f, QUIRE_WARNING, "again");
    ck_assert_int_eq(quire_host_returned(&f.state, "create", QUIRE_OK), QUIRE_OK);
    ck_assert_uint_eq(f.log.n_others, 4 + 101);
    ck_assert_str_eq(f.log.message, WHO ": 900 more messages are left out");
    teardown(&f);
}
END_TEST

START_TEST(messages_without_memory_are_lost_and_the_failure_is_not)
{
    fixture f;
    setup(&f);
    f.alloc.fail_at = 1;
    f.alloc.sticky = true;
    say(&f, QUIRE_ERROR, "why");
    ck_assert_int_eq(quire_host_returned(&f.state, "create", QUIRE_E_INVALID), QUIRE_E_NOMEM);
    ck_assert_uint_eq(f.log.n_errors, 1);
    teardown(&f);
}
END_TEST

START_TEST(a_fault_the_host_found)
{
    fixture f;
    setup(&f);
    say(&f, QUIRE_WARNING, "hm");
    say(&f, QUIRE_ERROR, "not told: the fault is ours to tell");
    ck_assert_int_eq(
        quire_host_fault(&f.state, "annotate", QUIRE_E_PLUGIN, "y<-0", "axis %d is none", 7),
        QUIRE_E_PLUGIN);
    ck_assert_uint_eq(f.log.n_errors, 1);
    ck_assert_uint_eq(f.log.n_others, 1);
    ck_assert_str_eq(f.log.path, "y<-0");
    ck_assert_str_eq(f.log.message,
                     "plugin \"acme\" (quantizer \"int8\"), annotate: axis 7 is none");
    teardown(&f);
}
END_TEST

static void *
talk(void *data)
{
    const quire_host *host = data;
    for (int i = 0; i < 20; i++) {
        host->report(host->ctx, QUIRE_NOTE, nowhere, (quire_string){"note", 4});
        host->realloc(host->ctx, host->realloc(host->ctx, NULL, 0, 8), 8, 0);
    }
    return NULL;
}

/* On libc's allocator: that of the other tests is no matter for two threads. */
START_TEST(threads_may_report)
{
    pthread_t threads[4];
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_host_state state;
    quire_host_init(&state, &ctx, NULL, &known);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, talk, &state.table), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(log.n_others, 0);
    ck_assert_int_eq(quire_host_returned(&state, "annotate", QUIRE_OK), QUIRE_OK);
    ck_assert_uint_eq(log.n_others, 80);
    ck_assert_uint_eq(state.n_blocks, 0);
    quire_host_deinit(&state);
}
END_TEST

/* --- slots ------------------------------------------------------------------------------------ */

static const char model_text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                                 "g (float[2] x) => (float[2] y) { h = Relu (x) y = Relu (h) }\n";

/* Of every number there is, only slots are printed, and nothing is read that is not there. */
START_TEST(messages_name_their_slot)
{
    fixture f;
    quire_model *m;
    size_t n_named = 0;
    setup(&f);
    ck_assert_int_eq(quire_model_parse(&f.ctx, quire_bytes_of(model_text), "text", &m), QUIRE_OK);
    f.state.m = m;
    for (uint32_t kind = 0; kind < 3; kind++) {
        f.host->report(f.host->ctx, QUIRE_ERROR, (quire_place){kind, UINT32_MAX},
                       (quire_string){"x", 1});
        ck_assert_int_eq(quire_host_returned(&f.state, "annotate", QUIRE_E_INVALID),
                         QUIRE_E_PLUGIN);
        ck_assert_str_eq(f.log.path, "");
    }
    for (uint32_t kind = 0; kind < 5; kind++) {
        for (uint32_t id = 0; id < 100; id++) {
            f.host->report(f.host->ctx, QUIRE_ERROR, (quire_place){kind, id},
                           (quire_string){"x", 1});
            ck_assert_int_eq(quire_host_returned(&f.state, "annotate", QUIRE_E_INVALID),
                             QUIRE_E_PLUGIN);
            if (f.log.path[0] != '\0') n_named++;
        }
    }
    ck_assert_uint_eq(n_named, 3 + 3); /* x, h, y; two operands and an output */
    f.host->report(f.host->ctx, QUIRE_ERROR, (quire_place){0, 1}, (quire_string){"x", 1});
    ck_assert_int_eq(quire_host_returned(&f.state, "annotate", QUIRE_E_INVALID), QUIRE_E_PLUGIN);
    ck_assert_str_eq(f.log.path, "x");
    quire_model_destroy(&f.ctx, m);
    teardown(&f);
}
END_TEST

/* --- guard ------------------------------------------------------------------------------------ */

START_TEST(inside_it_is_as_at_the_start_of_a_program)
{
    quire_guard guard;
    fesetround(FE_UPWARD);
    quire_guard_enter(&guard);
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
    ck_assert_str_eq(localeconv()->decimal_point, ".");
    ck_assert(quire_guard_leave(&guard) == NULL);
    ck_assert_int_eq(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
}
END_TEST

START_TEST(exceptions_leave_no_trace)
{
    quire_guard guard;
    feclearexcept(FE_ALL_EXCEPT);
    quire_guard_enter(&guard);
    feraiseexcept(FE_DIVBYZERO | FE_INEXACT);
    ck_assert(quire_guard_leave(&guard) == NULL);
    ck_assert_int_eq(fetestexcept(FE_ALL_EXCEPT), 0);
}
END_TEST

START_TEST(what_was_changed_is_put_back_and_said)
{
    quire_guard guard;
    char before[500];
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    quire_guard_enter(&guard);
    fesetround(FE_TOWARDZERO);
    ck_assert_str_eq(quire_guard_leave(&guard), "the rounding mode");
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
    quire_guard_enter(&guard);
    ck_assert(setlocale(LC_ALL, "C.UTF-8") != NULL);
    ck_assert_str_eq(quire_guard_leave(&guard), "the locale");
    ck_assert_str_eq(setlocale(LC_ALL, NULL), before);
    quire_guard_enter(&guard);
    const locale_t other = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    ck_assert(other != (locale_t)0);
    uselocale(other);
    ck_assert_str_eq(quire_guard_leave(&guard), "the locale");
    ck_assert(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
    freelocale(other);
}
END_TEST

#if defined(__SSE2__)
#include <xmmintrin.h>
START_TEST(flushing_tiny_numbers_is_put_back_and_said)
{
    quire_guard guard;
    const unsigned before = _mm_getcsr();
    quire_guard_enter(&guard);
    _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
    ck_assert_str_eq(quire_guard_leave(&guard), "the handling of tiny numbers or traps");
    ck_assert_uint_eq(_mm_getcsr(), before);
}
END_TEST
#endif

static TCase *
table_case(void)
{
    TCase *tc = tcase_create("table");
    tcase_add_test(tc, the_table_says_what_it_has);
    tcase_add_test(tc, memory_is_counted);
    tcase_add_test(tc, success_says_nothing);
    tcase_add_test(tc, notes_and_warnings_are_told_when_the_callback_is_over);
    tcase_add_test(tc, failures_are_told_once);
    tcase_add_test(tc, what_a_plugin_says_is_untrusted);
    tcase_add_test(tc, messages_without_memory_are_lost_and_the_failure_is_not);
    tcase_add_test(tc, a_fault_the_host_found);
    tcase_add_test(tc, threads_may_report);
    tcase_add_test(tc, messages_name_their_slot);
    return tc;
}

static TCase *
guard_case(void)
{
    TCase *tc = tcase_create("guard");
    tcase_add_test(tc, inside_it_is_as_at_the_start_of_a_program);
    tcase_add_test(tc, exceptions_leave_no_trace);
    tcase_add_test(tc, what_was_changed_is_put_back_and_said);
#if defined(__SSE2__)
    tcase_add_test(tc, flushing_tiny_numbers_is_put_back_and_said);
#endif
    return tc;
}

int
main(void)
{
    Suite *suite = suite_create("host");
    suite_add_tcase(suite, table_case());
    suite_add_tcase(suite, guard_case());
    return suite_run(suite);
}
