/* test_arena.c - pieces are aligned, apart, alive until reset; every allocation fails once. */
#include <check.h>

#include "base/arena.h"
#include "support/fault.h"
#include "support/suite.h"

START_TEST(pieces_are_aligned_and_apart)
{
    enum { N = 3000 };
    static uint8_t *pieces[N];
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_arena arena;
    quire_arena_init(&arena, &fault.allocator);
    for (size_t i = 0; i < N; i++) {
        const size_t size = i * 7919 % 40000;
        pieces[i] = quire_arena_alloc(&arena, size);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 255), size);
    }
    for (size_t i = 0; i < N; i++) {
        size_t n_wrong = 0;
        for (size_t k = 0; k < i * 7919 % 40000; k++)
            n_wrong += pieces[i][k] != (i & 255);
        ck_assert_uint_eq(n_wrong, 0);
    }
    quire_arena_deinit(&arena);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(small_pieces_share_blocks)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_arena arena;
    quire_arena_init(&arena, &fault.allocator);
    for (int i = 0; i < 1000000; i++)
        ck_assert_ptr_nonnull(quire_arena_alloc(&arena, 16));
    /* 16 MB in blocks of 64 KiB, 128 KiB, ..., 1 MiB, 1 MiB, ... */
    ck_assert_uint_eq(fault.n_calls, 19);
    ck_assert_uint_lt(fault.live_size, 18 << 20);
    quire_arena_deinit(&arena);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(a_large_piece_leaves_the_block_in_use)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_arena arena;
    quire_arena_init(&arena, &fault.allocator);
    const uint8_t *a = quire_arena_alloc(&arena, 16);
    ck_assert_ptr_nonnull(quire_arena_alloc(&arena, 10 << 20));
    ck_assert_ptr_eq(quire_arena_alloc(&arena, 16), a + 16);
    ck_assert_uint_eq(fault.n_calls, 2);
    quire_arena_deinit(&arena);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(reset_keeps_one_block)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_arena arena;
    quire_arena_init(&arena, &fault.allocator);
    quire_arena_reset(&arena);
    for (int i = 0; i < 1000; i++)
        quire_arena_alloc(&arena, 1000);
    quire_arena_alloc(&arena, 100000);
    quire_arena_reset(&arena);
    ck_assert_uint_eq(fault.n_live, 1);
    const size_t before = fault.n_calls;
    memset(quire_arena_alloc(&arena, 1000), 1, 1000);
    ck_assert_uint_eq(fault.n_calls, before);
    quire_arena_deinit(&arena);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(takes_zeroed_memory_and_valid_pointers_to_none)
{
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, NULL);
    quire_arena arena;
    quire_arena_init(&arena, ctx.alloc);
    uint8_t *none = NULL, *some = NULL;
    ck_assert_int_eq(quire_arena_take(&ctx, &arena, 0, &none), QUIRE_OK);
    ck_assert_ptr_nonnull(none);
    ck_assert_int_eq(quire_arena_take(&ctx, &arena, 100, &some), QUIRE_OK);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(some[i], 0);
    ck_assert_ptr_ne(none, some);
    quire_arena_deinit(&arena);
}
END_TEST

START_TEST(copies_end_in_nul)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_arena arena;
    quire_arena_init(&arena, ctx.alloc);
    quire_bytes copy, empty;
    ck_assert_int_eq(
        quire_arena_copy(&ctx, &arena, (quire_bytes){(const uint8_t *)"a\0b", 3}, &copy), QUIRE_OK);
    ck_assert_uint_eq(copy.len, 3);
    ck_assert_mem_eq(copy.ptr, "a\0b\0", 4);
    ck_assert_int_eq(quire_arena_copy(&ctx, &arena, (quire_bytes){NULL, 0}, &empty), QUIRE_OK);
    ck_assert_uint_eq(empty.len, 0);
    ck_assert_int_eq(empty.ptr[0], 0);
    quire_arena_deinit(&arena);
}
END_TEST

START_TEST(formats_any_length)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_arena arena;
    quire_arena_init(&arena, ctx.alloc);
    quire_bytes text;
    ck_assert_int_eq(quire_arena_format(&ctx, &arena, &text, "%s/%d", "x", 7), QUIRE_OK);
    ck_assert_uint_eq(text.len, 3);
    ck_assert_str_eq((const char *)text.ptr, "x/7");
    ck_assert_int_eq(quire_arena_format(&ctx, &arena, &text, "%0100000d", 1), QUIRE_OK);
    ck_assert_uint_eq(text.len, 100000);
    ck_assert_int_eq(text.ptr[99999], '1');
    quire_arena_deinit(&arena);
}
END_TEST

START_TEST(out_of_memory_is_told_and_leaves_the_arena_usable)
{
    for (size_t size = 8; size <= 1 << 20; size <<= 17) {
        fault_alloc fault;
        fault_log log;
        fault_alloc_init(&fault, 1, false);
        quire_ctx ctx = fault_ctx(&fault, NULL, &log);
        quire_arena arena;
        quire_bytes text = {NULL, 0};
        uint8_t *p = NULL;
        quire_arena_init(&arena, ctx.alloc);
        ck_assert_int_eq(quire_arena_take(&ctx, &arena, size, &p), QUIRE_E_NOMEM);
        ck_assert_uint_eq(log.n_errors, 1);
        ck_assert_int_eq(quire_arena_take(&ctx, &arena, size, &p), QUIRE_OK);
        fault.fail_at = fault.n_calls + 1;
        fault.sticky = true;
        const quire_bytes big = {p, size > 8 ? size : 0};
        if (size > 8) {
            ck_assert_int_eq(quire_arena_copy(&ctx, &arena, big, &text), QUIRE_E_NOMEM);
            ck_assert_int_eq(quire_arena_format(&ctx, &arena, &text, "%0100000d", 1),
                             QUIRE_E_NOMEM);
            ck_assert_uint_eq(log.n_errors, 3);
        }
        ck_assert_ptr_null(text.ptr);
        ck_assert_ptr_null(quire_arena_alloc(&arena, SIZE_MAX));
        ck_assert_ptr_null(quire_arena_alloc(&arena, SIZE_MAX - 40));
        quire_arena_deinit(&arena);
        ck_assert(fault_alloc_is_clean(&fault));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tc = tcase_create("arena");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pieces_are_aligned_and_apart);
    tcase_add_test(tc, small_pieces_share_blocks);
    tcase_add_test(tc, a_large_piece_leaves_the_block_in_use);
    tcase_add_test(tc, reset_keeps_one_block);
    tcase_add_test(tc, takes_zeroed_memory_and_valid_pointers_to_none);
    tcase_add_test(tc, copies_end_in_nul);
    tcase_add_test(tc, formats_any_length);
    tcase_add_test(tc, out_of_memory_is_told_and_leaves_the_arena_usable);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
