/* test_sym.c - equal bytes, equal id; ids in the order of interning. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sym.h"
#include "support/fault.h"
#include "support/suite.h"

START_TEST(absent_and_empty_differ)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_syms syms;
    quire_sym sym = {77};
    ck_assert_int_eq(quire_syms_init(&ctx, &syms), QUIRE_OK);
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, (quire_bytes){NULL, 0}, &sym), QUIRE_OK);
    ck_assert_uint_eq(sym.id, QUIRE_SYM_EMPTY);
    ck_assert_uint_eq(quire_syms_find(&syms, quire_bytes_of("")).id, QUIRE_SYM_EMPTY);
    ck_assert_uint_eq(quire_syms_find(&syms, quire_bytes_of("a")).id, QUIRE_SYM_NONE);
    ck_assert_uint_eq(quire_syms_bytes(&syms, (quire_sym){QUIRE_SYM_EMPTY}).len, 0);
    ck_assert_uint_eq(quire_syms_bytes(&syms, (quire_sym){QUIRE_SYM_NONE}).len, 0);
    quire_syms_deinit(&syms);
    quire_syms_deinit(&syms);
}
END_TEST

START_TEST(ids_are_the_order_of_first_sight)
{
    enum { N = 100000 };
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_syms syms;
    char(*names)[16] = calloc(N, sizeof *names);
    ck_assert_int_eq(quire_syms_init(&ctx, &syms), QUIRE_OK);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            quire_sym sym;
            snprintf(names[i], sizeof names[i], "name_%u", (unsigned)i);
            ck_assert_int_eq(quire_syms_intern(&ctx, &syms, quire_bytes_of(names[i]), &sym),
                             QUIRE_OK);
            ck_assert_uint_eq(sym.id, i + 2);
        }
    }
    ck_assert_uint_eq(syms.n, N + 2);
    for (uint32_t i = 0; i < N; i++) {
        char other[16];
        snprintf(other, sizeof other, "name_%u", (unsigned)i);
        ck_assert_uint_eq(quire_syms_find(&syms, quire_bytes_of(other)).id, i + 2);
        ck_assert_ptr_eq(quire_syms_bytes(&syms, (quire_sym){i + 2}).ptr, names[i]);
    }
    quire_syms_deinit(&syms);
    free(names);
}
END_TEST

START_TEST(bytes_with_nul_are_whole)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_syms syms;
    quire_sym a, b, c;
    ck_assert_int_eq(quire_syms_init(&ctx, &syms), QUIRE_OK);
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, (quire_bytes){(const uint8_t *)"a\0b", 3}, &a),
                     QUIRE_OK);
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, (quire_bytes){(const uint8_t *)"a\0c", 3}, &b),
                     QUIRE_OK);
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, quire_bytes_of("a"), &c), QUIRE_OK);
    ck_assert(a.id != b.id && b.id != c.id && a.id != c.id);
    quire_syms_deinit(&syms);
}
END_TEST

START_TEST(flags_belong_to_the_owner)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_syms syms;
    quire_sym a, again;
    ck_assert_int_eq(quire_syms_init(&ctx, &syms), QUIRE_OK);
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, quire_bytes_of("a"), &a), QUIRE_OK);
    ck_assert_uint_eq(syms.entries[a.id].flags, 0);
    syms.entries[a.id].flags = 5;
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, quire_bytes_of("a"), &again), QUIRE_OK);
    ck_assert_uint_eq(again.id, a.id);
    ck_assert_uint_eq(syms.entries[a.id].flags, 5);
    quire_syms_deinit(&syms);
}
END_TEST

static quire_status
intern_many(quire_ctx *ctx, quire_syms *syms, char (*names)[16], uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        quire_sym sym;
        snprintf(names[i], sizeof names[i], "%u", (unsigned)i);
        QUIRE_TRY(quire_syms_intern(ctx, syms, quire_bytes_of(names[i]), &sym));
        ck_assert_uint_eq(sym.id, i + 2);
    }
    return QUIRE_OK;
}

START_TEST(every_allocation_may_fail)
{
    static char names[500][16];
    for (int sticky = 0; sticky < 2; sticky++) {
        quire_status status = QUIRE_E_NOMEM;
        for (size_t n = 1; status != QUIRE_OK; n++) {
            fault_alloc fault;
            fault_log log;
            fault_alloc_init(&fault, n, sticky != 0);
            quire_ctx ctx = fault_ctx(&fault, NULL, &log);
            quire_syms syms;
            status = quire_syms_init(&ctx, &syms);
            if (status == QUIRE_OK) status = intern_many(&ctx, &syms, names, 500);
            ck_assert_int_eq(status, fault.n_failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
            ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
            if (!sticky && syms.n > 1) {
                ck_assert_int_eq(intern_many(&ctx, &syms, names, 500), QUIRE_OK);
            }
            quire_syms_deinit(&syms);
            ck_assert(fault_alloc_is_clean(&fault));
        }
    }
}
END_TEST

START_TEST(too_long_a_string_is_a_limit)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_syms syms;
    quire_sym sym = {9};
    const size_t len = (size_t)UINT32_MAX + 1;
    /* Never touched pages: address space, no memory. */
    uint8_t *bytes = calloc(len, 1);
    if (bytes == NULL) return;
    ck_assert_int_eq(quire_syms_init(&ctx, &syms), QUIRE_OK);
    ck_assert_int_eq(quire_syms_intern(&ctx, &syms, (quire_bytes){bytes, len}, &sym),
                     QUIRE_E_LIMIT);
    ck_assert_uint_eq(sym.id, 9);
    ck_assert_uint_eq(log.n_errors, 1);
    quire_syms_deinit(&syms);
    free(bytes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sym");
    TCase *tc = tcase_create("sym");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, absent_and_empty_differ);
    tcase_add_test(tc, ids_are_the_order_of_first_sight);
    tcase_add_test(tc, bytes_with_nul_are_whole);
    tcase_add_test(tc, flags_belong_to_the_owner);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, too_long_a_string_is_a_limit);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
