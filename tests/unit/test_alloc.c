/* test_alloc.c - the allocator's calls and growing arrays, with every allocation failing. */
#include <check.h>

#include "base/alloc.h"
#include "support/fault.h"
#include "support/suite.h"

START_TEST(sizes_of_zero_give_nothing)
{
    ck_assert_ptr_null(quire_alloc(&quire_allocator_libc, 0));
    ck_assert_ptr_null(quire_realloc(&quire_allocator_libc, NULL, 0, 0));
    quire_free(&quire_allocator_libc, NULL, 0);
}
END_TEST

START_TEST(libc_keeps_contents)
{
    char *p = quire_alloc(&quire_allocator_libc, 4);
    memcpy(p, "abc", 4);
    p = quire_realloc(&quire_allocator_libc, p, 4, 1 << 20);
    ck_assert_str_eq(p, "abc");
    p = quire_realloc(&quire_allocator_libc, p, 1 << 20, 4);
    ck_assert_str_eq(p, "abc");
    ck_assert_ptr_null(quire_realloc(&quire_allocator_libc, p, 4, 0));
}
END_TEST

START_TEST(grown_room_is_zero_and_contents_stay)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, NULL);
    uint32_t *array = NULL;
    size_t room = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        const size_t before = room;
        ck_assert_int_eq(quire_grow(&ctx, &array, &room, i + 1, sizeof *array), QUIRE_OK);
        ck_assert_uint_ge(room, i + 1);
        for (size_t k = before; k < room; k++)
            ck_assert_uint_eq(array[k], 0);
        array[i] = i;
    }
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(array[i], i);
    ck_assert_uint_lt(fault.n_calls, 30);
    quire_ungrow(ctx.alloc, &array, &room, sizeof *array);
    ck_assert_ptr_null(array);
    ck_assert_uint_eq(room, 0);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(growing_within_room_does_nothing)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, NULL);
    uint64_t *array = NULL;
    size_t room = 0;
    ck_assert_int_eq(quire_grow(&ctx, &array, &room, 0, sizeof *array), QUIRE_OK);
    ck_assert_ptr_null(array);
    ck_assert_int_eq(quire_grow(&ctx, &array, &room, 100, sizeof *array), QUIRE_OK);
    const uint64_t *before = array;
    ck_assert_int_eq(quire_grow(&ctx, &array, &room, 100, sizeof *array), QUIRE_OK);
    ck_assert_ptr_eq(array, before);
    quire_ungrow(ctx.alloc, &array, &room, sizeof *array);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(overflow_is_out_of_memory)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    uint64_t *array = NULL;
    size_t room = 0;
    ck_assert_int_eq(quire_grow(&ctx, &array, &room, SIZE_MAX / 4, sizeof *array), QUIRE_E_NOMEM);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_ptr_null(array);
    ck_assert_uint_eq(room, 0);
}
END_TEST

START_TEST(a_failed_growth_changes_nothing)
{
    fault_alloc fault;
    fault_log log;
    fault_alloc_init(&fault, 2, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, &log);
    char *array = NULL;
    size_t room = 0;
    ck_assert_int_eq(quire_grow(&ctx, &array, &room, 10, 1), QUIRE_OK);
    const size_t before = room;
    array[3] = 'x';
    ck_assert_int_eq(quire_grow(&ctx, &array, &room, 1000, 1), QUIRE_E_NOMEM);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_int_eq(log.status, QUIRE_E_NOMEM);
    ck_assert_uint_eq(room, before);
    ck_assert_int_eq(array[3], 'x');
    quire_ungrow(ctx.alloc, &array, &room, 1);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("alloc");
    TCase *tc = tcase_create("alloc");
    tcase_add_test(tc, sizes_of_zero_give_nothing);
    tcase_add_test(tc, libc_keeps_contents);
    tcase_add_test(tc, grown_room_is_zero_and_contents_stay);
    tcase_add_test(tc, growing_within_room_does_nothing);
    tcase_add_test(tc, overflow_is_out_of_memory);
    tcase_add_test(tc, a_failed_growth_changes_nothing);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
