/* check.h - what the unit tests of the kernels use of Check, in one header: they are compiled with
 * it, unchanged, for processors and systems that have no Check.
 *
 * No processes, no timeouts: the first failure is told and ends the program with 1. Included once.
 */
#ifndef QUIRE_TESTS_EMULATED_CHECK_H
#define QUIRE_TESTS_EMULATED_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CK_NORMAL, CK_ENV, CK_NOFORK };

typedef struct TCase TCase;
typedef struct Suite {
    const char *name;
    int n_checks;
} Suite;
typedef Suite SRunner;
struct TCase {
    Suite *suite;
};

#define ck_abort_msg(...)                                                                          \
    (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), fflush(NULL),       \
     exit(1))
#define ck_abort() ck_abort_msg("failed")
#define ck_assert_msg(what, ...)                                                                   \
    do {                                                                                           \
        if (!(what)) ck_abort_msg(__VA_ARGS__);                                                    \
    } while (0)
#define ck_assert(what) ck_assert_msg(what, "not so: %s", #what)
#define ck_assert_compare(type, format, a, op, b)                                                  \
    do {                                                                                           \
        const type ck_left = (a);                                                                  \
        const type ck_right = (b);                                                                 \
        ck_assert_msg(ck_left op ck_right, "not so: %s %s %s: %" format ", %" format, #a, #op, #b, \
                      ck_left, ck_right);                                                          \
    } while (0)
#define ck_assert_int_eq(a, b)  ck_assert_compare(intmax_t, PRIdMAX, a, ==, b)
#define ck_assert_int_ne(a, b)  ck_assert_compare(intmax_t, PRIdMAX, a, !=, b)
#define ck_assert_int_lt(a, b)  ck_assert_compare(intmax_t, PRIdMAX, a, <, b)
#define ck_assert_int_le(a, b)  ck_assert_compare(intmax_t, PRIdMAX, a, <=, b)
#define ck_assert_int_gt(a, b)  ck_assert_compare(intmax_t, PRIdMAX, a, >, b)
#define ck_assert_int_ge(a, b)  ck_assert_compare(intmax_t, PRIdMAX, a, >=, b)
#define ck_assert_uint_eq(a, b) ck_assert_compare(uintmax_t, PRIuMAX, a, ==, b)
#define ck_assert_uint_ne(a, b) ck_assert_compare(uintmax_t, PRIuMAX, a, !=, b)
#define ck_assert_uint_lt(a, b) ck_assert_compare(uintmax_t, PRIuMAX, a, <, b)
#define ck_assert_uint_le(a, b) ck_assert_compare(uintmax_t, PRIuMAX, a, <=, b)
#define ck_assert_uint_gt(a, b) ck_assert_compare(uintmax_t, PRIuMAX, a, >, b)
#define ck_assert_uint_ge(a, b) ck_assert_compare(uintmax_t, PRIuMAX, a, >=, b)
#define ck_assert_float_eq(a, b)                                                                   \
    ck_assert_msg((float)(a) == (float)(b), "not so: %s == %s: %a, %a", #a, #b, (double)(a),       \
                  (double)(b))
#define ck_assert_double_eq(a, b)                                                                  \
    ck_assert_msg((double)(a) == (double)(b), "not so: %s == %s: %a, %a", #a, #b, (double)(a),     \
                  (double)(b))
#define ck_assert_ptr_nonnull(p)  ck_assert((p) != NULL)
#define ck_assert_ptr_null(p)     ck_assert((p) == NULL)
#define ck_assert_ptr_eq(a, b)    ck_assert((a) == (b))
#define ck_assert_mem_eq(a, b, n) ck_assert(memcmp((a), (b), (n)) == 0)
#define ck_assert_mem_ne(a, b, n) ck_assert(memcmp((a), (b), (n)) != 0)
#define ck_assert_str_eq(a, b)                                                                     \
    ck_assert_msg(strcmp((a), (b)) == 0, "not so: %s is %s: \"%s\"", #a, #b, (a))

#define START_TEST(test)                                                                           \
    static void test##_body(int _i);                                                               \
    typedef void test##_type(int);                                                                 \
    static test##_type *const test = test##_body;                                                  \
    static void test##_body(int _i)                                                                \
    {                                                                                              \
        (void)_i;
#define END_TEST }

static Suite check_suite;
static TCase check_case = {&check_suite};

static inline Suite *
suite_create(const char *name)
{
    check_suite.name = name;
    return &check_suite;
}

static inline TCase *
tcase_create(const char *name)
{
    (void)name;
    return &check_case;
}

static inline void
tcase_set_timeout(TCase *tcase, double seconds)
{
    (void)tcase;
    (void)seconds;
}

/* At once: the first test is registered after everything it needs exists. */
static inline void
check_run(TCase *tcase, const char *name, void (*test)(int), int first, int end)
{
    for (int i = first; i < end; i++) {
        printf("%s: %s %d\n", tcase->suite->name, name, i);
        fflush(NULL);
        test(i);
        tcase->suite->n_checks++;
    }
}
#define tcase_add_test(tcase, test)                  check_run(tcase, #test, test, 0, 1)
#define tcase_add_loop_test(tcase, test, first, end) check_run(tcase, #test, test, first, end)

static inline void
suite_add_tcase(Suite *suite, TCase *tcase)
{
    (void)suite;
    (void)tcase;
}

static inline SRunner *
srunner_create(Suite *suite)
{
    return suite;
}

static inline void
srunner_run_all(SRunner *runner, int mode)
{
    (void)mode;
    printf("%s: %d checks passed\n", runner->name, runner->n_checks);
}

static inline int
srunner_ntests_failed(SRunner *runner)
{
    return runner->n_checks == 0;
}

static inline void
srunner_free(SRunner *runner)
{
    (void)runner;
}

#endif
