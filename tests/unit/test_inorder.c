/* test_inorder.c - items on several threads: finished in order, stopped by the least that fails. */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/inorder.h"
#include "support/fault.h"
#include "support/suite.h"
#include "support/threads.h"

enum { N = 300, SLOT = 100, NEVER = 1 << 20 };

typedef struct record {
    uint64_t n_started, n_finished; /* both count up, item by item */
    atomic_int at_work, most_at_work;
    uint64_t fail_at; /* in work; NEVER */
    uint64_t also_fail_at;
    uint64_t end_at; /* in finish, with QUIRE_NONE */
    bool fail_in_start;
} record;

static quire_status
start(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    record *r = data;
    ck_assert_uint_eq(r->n_started++, i);
    memcpy(slot, &i, sizeof i);
    if (r->fail_in_start && i == r->fail_at)
        return quire_fail(ctx, QUIRE_E_IO, "start", "item %d", (int)i);
    return QUIRE_OK;
}

/* Later items are often done first. */
static quire_status
work(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    record *r = data;
    uint64_t mine;
    const int now = atomic_fetch_add(&r->at_work, 1) + 1;
    if (now > atomic_load(&r->most_at_work)) atomic_store(&r->most_at_work, now);
    memcpy(&mine, slot, sizeof mine);
    ck_assert_uint_eq(mine, i);
    if (i % 7 == 0) usleep(300);
    memset((char *)slot + sizeof i, (int)(i & 0xff), SLOT - sizeof i);
    atomic_fetch_sub(&r->at_work, 1);
    if (!r->fail_in_start && (i == r->fail_at || i == r->also_fail_at))
        return quire_fail_file(ctx, QUIRE_E_INVALID, "file", "item %d", (int)i);
    return QUIRE_OK;
}

static quire_status
finish(quire_ctx *ctx, void *data, void *slot, uint64_t i)
{
    record *r = data;
    const uint8_t *bytes = slot;
    (void)ctx;
    ck_assert_uint_eq(r->n_finished, i);
    for (size_t k = sizeof i; k < SLOT; k++)
        ck_assert_uint_eq(bytes[k], i & 0xff);
    if (i == r->end_at) return QUIRE_NONE;
    r->n_finished++;
    return QUIRE_OK;
}

static const struct {
    quire_parallel_fn parallel;
    uint32_t n_threads;
} ways[] = {
    {NULL, 0},        {NULL, 8},         {threads_run, 1},           {threads_run, 2},
    {threads_run, 7}, {threads_run, 40}, {threads_run_backwards, 5},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static quire_status
run(record *r, int way, size_t room, fault_alloc *alloc, fault_log *log)
{
    quire_ctx ctx = fault_ctx(alloc, NULL, log);
    ctx.parallel = ways[way].parallel;
    ctx.n_threads = ways[way].n_threads;
    const quire_inorder items = {.n = N,
                                 .slot_size = SLOT,
                                 .room = room,
                                 .data = r,
                                 .start = start,
                                 .work = work,
                                 .finish = finish};
    return quire_inorder_run(&ctx, &items);
}

static record
fresh(void)
{
    return (record){.fail_at = NEVER, .also_fail_at = NEVER, .end_at = NEVER};
}

START_TEST(items_are_finished_in_order)
{
    static const size_t rooms[] = {0, 500, 1 << 20};
    for (size_t k = 0; k < 3; k++) {
        record r = fresh();
        fault_alloc alloc;
        fault_log log;
        fault_alloc_init(&alloc, 0, false);
        ck_assert_int_eq(run(&r, _i, rooms[k], &alloc, &log), QUIRE_OK);
        ck_assert_uint_eq(r.n_started, N);
        ck_assert_uint_eq(r.n_finished, N);
        ck_assert_uint_eq(log.n_errors, 0);
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_assert_uint_le(alloc.n_calls, 2);
        if (rooms[k] == 0) ck_assert_int_eq(atomic_load(&r.most_at_work), 1);
    }
}
END_TEST

START_TEST(the_least_that_fails_is_told_once)
{
    for (uint64_t at = 0; at < N; at += 59) {
        record r = fresh();
        fault_log log;
        r.fail_at = at;
        r.also_fail_at = at + 1;
        ck_assert_int_eq(run(&r, _i, 1 << 20, NULL, &log), QUIRE_E_INVALID);
        ck_assert_uint_eq(r.n_finished, at);
        ck_assert_uint_eq(log.n_errors, 1);
        ck_assert_str_eq(log.file, "file");
        ck_assert_int_eq(atoi(log.message + strlen("item ")), (int)at);
    }
}
END_TEST

START_TEST(starting_may_fail)
{
    record r = fresh();
    fault_log log;
    r.fail_at = 100;
    r.fail_in_start = true;
    ck_assert_int_eq(run(&r, _i, 1 << 20, NULL, &log), QUIRE_E_IO);
    ck_assert_uint_eq(r.n_finished, 100);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_str_eq(log.path, "start");
}
END_TEST

START_TEST(an_end_is_no_failure)
{
    record r = fresh();
    fault_log log;
    r.end_at = 123;
    r.fail_at = 124;
    ck_assert_int_eq(run(&r, _i, 1 << 20, NULL, &log), QUIRE_OK);
    ck_assert_uint_eq(r.n_finished, 123);
    ck_assert_uint_eq(log.n_errors, 0);
}
END_TEST

START_TEST(out_of_memory)
{
    for (size_t n = 1; n <= 2; n++) {
        record r = fresh();
        fault_alloc alloc;
        fault_log log;
        fault_alloc_init(&alloc, n, false);
        ck_assert_int_eq(run(&r, _i, 1 << 20, &alloc, &log), QUIRE_E_NOMEM);
        ck_assert_uint_eq(r.n_started, 0);
        ck_assert_uint_eq(log.n_errors, 1);
        ck_assert(fault_alloc_is_clean(&alloc));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("inorder");
    TCase *tc = tcase_create("items");
    tcase_add_loop_test(tc, items_are_finished_in_order, 0, N_WAYS);
    tcase_add_loop_test(tc, the_least_that_fails_is_told_once, 0, N_WAYS);
    tcase_add_loop_test(tc, starting_may_fail, 0, N_WAYS);
    tcase_add_loop_test(tc, an_end_is_no_failure, 0, N_WAYS);
    tcase_add_loop_test(tc, out_of_memory, 0, N_WAYS);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
