/* test_table.c - ids count up from 1, records are zero and never move. */
#include <check.h>

#include "base/table.h"
#include "support/fault.h"
#include "support/suite.h"

typedef struct rec {
    uint32_t a, b, c;
} rec;

START_TEST(ids_count_up_and_records_stay)
{
    enum { N = 50000 };
    static const rec *seen[N + 1];
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, NULL);
    quire_table table;
    quire_table_init(&table, ctx.alloc, sizeof(rec));
    for (uint32_t i = 1; i <= N; i++) {
        uint32_t id = 0;
        ck_assert_int_eq(quire_table_add(&ctx, &table, 1, &id), QUIRE_OK);
        ck_assert_uint_eq(id, i);
        rec *r = quire_table_at(&table, id);
        ck_assert(r->a == 0 && r->b == 0 && r->c == 0);
        *r = (rec){i, i, i};
        seen[i] = r;
    }
    ck_assert_uint_eq(table.count, N + 1);
    for (uint32_t i = 1; i <= N; i++) {
        ck_assert_ptr_eq(quire_table_at(&table, i), seen[i]);
        ck_assert_uint_eq(seen[i]->c, i);
    }
    const rec *none = quire_table_at(&table, 0);
    ck_assert(none->a == 0 && none->b == 0 && none->c == 0);
    quire_table_deinit(&table);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(runs_cross_chunks)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_table table;
    quire_table_init(&table, ctx.alloc, sizeof(rec));
    uint32_t first = 0;
    ck_assert_int_eq(quire_table_add(&ctx, &table, 0, &first), QUIRE_OK);
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(((rec *)quire_table_at(&table, 0))->a, 0);
    ck_assert_int_eq(quire_table_add(&ctx, &table, QUIRE_CHUNK - 2, &first), QUIRE_OK);
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(table.n_chunks, 1);
    ck_assert_int_eq(quire_table_add(&ctx, &table, 10000, &first), QUIRE_OK);
    ck_assert_uint_eq(first, QUIRE_CHUNK - 1);
    for (uint32_t i = 0; i < 10000; i++) {
        rec *r = quire_table_at(&table, first + i);
        ck_assert_uint_eq(r->b, 0);
        r->b = 1;
    }
    quire_table_deinit(&table);
    quire_table_deinit(&table);
}
END_TEST

START_TEST(too_many_is_a_limit)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_table table;
    uint32_t first = 7;
    quire_table_init(&table, ctx.alloc, 1);
    ck_assert_int_eq(quire_table_add(&ctx, &table, 5, &first), QUIRE_OK);
    ck_assert_int_eq(quire_table_add(&ctx, &table, UINT32_MAX - 5, &first), QUIRE_E_LIMIT);
    ck_assert_int_eq(log.status, QUIRE_E_LIMIT);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(table.count, 6);
    quire_table_deinit(&table);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    size_t n_failed = 0;
    for (int sticky = 0; sticky < 2; sticky++) {
        quire_status status = QUIRE_E_NOMEM;
        for (size_t n = 1; status != QUIRE_OK; n++) {
            fault_alloc fault;
            fault_log log;
            fault_alloc_init(&fault, n, sticky != 0);
            quire_ctx ctx = fault_ctx(&fault, NULL, &log);
            quire_table table;
            uint32_t first = 0;
            quire_table_init(&table, ctx.alloc, sizeof(rec));
            status = quire_table_add(&ctx, &table, 3 * QUIRE_CHUNK, &first);
            ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
            if (status != QUIRE_OK) {
                n_failed++;
                ck_assert_int_eq(status, QUIRE_E_NOMEM);
                ck_assert_uint_eq(table.count, 1);
            }
            quire_table_deinit(&table);
            ck_assert(fault_alloc_is_clean(&fault));
        }
    }
    /* Four chunks and the array that holds them. */
    ck_assert_uint_eq(n_failed, 10);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("table");
    TCase *tc = tcase_create("table");
    tcase_add_test(tc, ids_count_up_and_records_stay);
    tcase_add_test(tc, runs_cross_chunks);
    tcase_add_test(tc, too_many_is_a_limit);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
