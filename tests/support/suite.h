/* suite.h - the end of a test program: its tests are run, CK_VERBOSITY says how much is told. */
#ifndef QUIRE_TESTS_SUPPORT_SUITE_H
#define QUIRE_TESTS_SUPPORT_SUITE_H

#include <check.h>

/* The exit code of the program: 0 if no test failed. */
static inline int
suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed > 0;
}

#endif
