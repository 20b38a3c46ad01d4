/* test_layer.c - side tables against a naive array: what was set is there, sorted, and nothing
 * else. */
#include <check.h>

#include "base/alloc.h"
#include "graph/layer.h"
#include "support/fault.h"
#include "support/suite.h"

static quire_slot
slot(uint32_t is_use, uint32_t id)
{
    return (quire_slot){is_use, id};
}

START_TEST(records_are_found_replaced_and_cleared)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m;
    quire_layer *layer;
    quire_layer *again;
    int record = 7;
    ck_assert_int_eq(quire_model_create(&ctx, &m), QUIRE_OK);
    ck_assert_ptr_null(quire_layer_find(m, "a"));
    ck_assert_int_eq(quire_layer_get(&ctx, m, "a", sizeof record, &layer), QUIRE_OK);
    ck_assert_ptr_null(quire_layer_record(layer, slot(0, 1)));
    quire_layer_clear(layer, slot(0, 1));
    ck_assert_int_eq(quire_layer_set(&ctx, layer, slot(0, 1), &record), QUIRE_OK);
    record = 8;
    ck_assert_int_eq(quire_layer_set(&ctx, layer, slot(1, 1), &record), QUIRE_OK);
    ck_assert_int_eq(*(const int *)quire_layer_record(layer, slot(0, 1)), 7);
    ck_assert_int_eq(*(const int *)quire_layer_record(layer, slot(1, 1)), 8);
    ck_assert_int_eq(quire_layer_set(&ctx, layer, slot(0, 1), &record), QUIRE_OK);
    ck_assert_int_eq(*(const int *)quire_layer_record(layer, slot(0, 1)), 8);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "a", sizeof record, &again), QUIRE_OK);
    ck_assert_ptr_eq(layer, again);
    quire_layer_clear(layer, slot(0, 1));
    ck_assert_ptr_null(quire_layer_record(layer, slot(0, 1)));
    ck_assert_ptr_nonnull(quire_layer_record(layer, slot(1, 1)));
    quire_model_destroy(&ctx, m);
}
END_TEST

/* The slots of `layer` are those with present[is_use][id], ascending, each with its id as
 * record. */
static void
check_all(quire_ctx *ctx, const quire_layer *layer, bool present[2][512])
{
    quire_slot *slots;
    size_t n;
    size_t k = 0;
    ck_assert_int_eq(quire_layer_slots(ctx, layer, &slots, &n), QUIRE_OK);
    for (uint32_t use = 0; use < 2; use++) {
        for (uint32_t id = 0; id < 512; id++) {
            const uint32_t *record = quire_layer_record(layer, slot(use, id));
            ck_assert_int_eq(record != NULL, present[use][id]);
            if (!present[use][id]) continue;
            ck_assert_uint_eq(*record, id);
            ck_assert_uint_lt(k, n);
            ck_assert_uint_eq(slots[k].kind, use);
            ck_assert_uint_eq(slots[k++].id, id);
        }
    }
    ck_assert_uint_eq(k, n);
    quire_free(ctx->alloc, slots, n * sizeof *slots);
}

START_TEST(random_changes_agree_with_an_array)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    static bool present[2][512];
    quire_model *m;
    quire_layer *layer;
    uint64_t random = 1;
    ck_assert_int_eq(quire_model_create(&ctx, &m), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "x", sizeof(uint32_t), &layer), QUIRE_OK);
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const uint32_t use = random >> 40 & 1;
        const uint32_t id = random >> 41 & 511;
        const bool set = (random >> 50 & 3) != 0 ? i % 4000 < 2000 : i % 4000 >= 2000;
        if (set) ck_assert_int_eq(quire_layer_set(&ctx, layer, slot(use, id), &id), QUIRE_OK);
        if (!set) quire_layer_clear(layer, slot(use, id));
        present[use][id] = set;
        if (i % 500 == 0) check_all(&ctx, layer, present);
    }
    check_all(&ctx, layer, present);
    quire_model_destroy(&ctx, m);
}
END_TEST

START_TEST(an_erased_slot_leaves_every_layer)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m;
    quire_layer *a;
    quire_layer *b;
    const char record = 1;
    ck_assert_int_eq(quire_model_create(&ctx, &m), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "a", 1, &a), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "b", 1, &b), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&ctx, a, slot(0, 5), &record), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&ctx, b, slot(0, 5), &record), QUIRE_OK);
    ck_assert_int_eq(quire_layer_set(&ctx, b, slot(1, 5), &record), QUIRE_OK);
    quire_layers_erased(m, slot(0, 5));
    ck_assert_ptr_null(quire_layer_record(a, slot(0, 5)));
    ck_assert_ptr_null(quire_layer_record(b, slot(0, 5)));
    ck_assert_ptr_nonnull(quire_layer_record(b, slot(1, 5)));
    quire_model_destroy(&ctx, m);
}
END_TEST

/* Moving renames keys in place: against an array of what each slot should hold. */
START_TEST(random_moves_agree_with_an_array)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    static uint32_t wanted[64];
    quire_model *m;
    quire_layer *layer;
    uint64_t random = 5;
    ck_assert_int_eq(quire_model_create(&ctx, &m), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "x", sizeof(uint32_t), &layer), QUIRE_OK);
    for (uint32_t i = 1; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const uint32_t from = random >> 40 & 63;
        const uint32_t to = random >> 46 & 63;
        if ((random >> 52 & 3) == 0) {
            ck_assert_int_eq(quire_layer_set(&ctx, layer, slot(0, from), &i), QUIRE_OK);
            wanted[from] = i;
        } else if (wanted[from] != 0) {
            quire_layers_moved(m, slot(0, from), slot(0, to));
            const uint32_t record = wanted[from];
            wanted[from] = 0;
            wanted[to] = record;
        } else {
            quire_layers_moved(m, slot(0, from), slot(0, to)); /* nothing to move */
        }
        for (uint32_t id = 0; id < 64; id++) {
            const uint32_t *record = quire_layer_record(layer, slot(0, id));
            ck_assert_uint_eq(record == NULL ? 0 : *record, wanted[id]);
        }
    }
    quire_model_destroy(&ctx, m);
}
END_TEST

START_TEST(layers_are_listed_newest_first)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m;
    quire_layer *a;
    quire_layer *b;
    ck_assert_int_eq(quire_model_create(&ctx, &m), QUIRE_OK);
    ck_assert_ptr_null(quire_layer_next(m, NULL));
    ck_assert_int_eq(quire_layer_get(&ctx, m, "a", 1, &a), QUIRE_OK);
    ck_assert_int_eq(quire_layer_get(&ctx, m, "b", 1, &b), QUIRE_OK);
    ck_assert_ptr_eq(quire_layer_next(m, NULL), b);
    ck_assert_ptr_eq(quire_layer_next(m, b), a);
    ck_assert_ptr_null(quire_layer_next(m, a));
    ck_assert_str_eq(quire_layer_name(b), "b");
    quire_model_destroy(&ctx, m);
}
END_TEST

/* A run whose n-th allocation fails; true once nothing failed. */
static bool
run_with_fault(size_t n)
{
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, n, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_model *m = NULL;
    quire_layer *layer;
    quire_status status = quire_model_create(&ctx, &m);
    if (status == QUIRE_OK) status = quire_layer_get(&ctx, m, "a", sizeof n, &layer);
    for (uint32_t i = 0; i < 40 && status == QUIRE_OK; i++) {
        status = quire_layer_set(&ctx, layer, slot(0, i), &n);
        if (status != QUIRE_OK) ck_assert_ptr_null(quire_layer_record(layer, slot(0, i)));
    }
    quire_model_destroy(&ctx, m);
    ck_assert(fault_alloc_is_clean(&alloc));
    ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
    return alloc.n_failed == 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t n = 1;
    while (!run_with_fault(n))
        n++;
    ck_assert_uint_gt(n, 5);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("layer");
    TCase *all = tcase_create("layer");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, records_are_found_replaced_and_cleared);
    tcase_add_test(all, random_changes_agree_with_an_array);
    tcase_add_test(all, an_erased_slot_leaves_every_layer);
    tcase_add_test(all, random_moves_agree_with_an_array);
    tcase_add_test(all, layers_are_listed_newest_first);
    tcase_add_test(all, every_allocation_may_fail);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
