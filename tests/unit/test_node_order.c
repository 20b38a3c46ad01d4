/* test_node_order.c - nodes put between others: their numbers rise along the list, and few of the
 * others get new ones. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/edit.h"
#include "graph/verify.h"
#include "support/add_chain.h"
#include "support/fault.h"
#include "support/suite.h"

enum { N_INSERTED = 4000, N_BEFORE = 50 };

static quire_node
insert(quire_ctx *ctx, quire_model *m, quire_node before)
{
    const quire_value x = quire_graph_at(m, m->main)->inputs[0].value;
    char name[24];
    snprintf(name, sizeof name, "inserted%u", m->nodes.count);
    const quire_bytes output = quire_bytes_of(name);
    const quire_node_make make = {.graph = m->main,
                                  .domain = "",
                                  .op_type = "Abs",
                                  .inputs = &x,
                                  .n_inputs = 1,
                                  .outputs = &output,
                                  .n_outputs = 1};
    quire_node made;
    ck_assert_int_eq(quire_node_create(ctx, m, &make, before, &made), QUIRE_OK);
    return made;
}

/* How many nodes have another number than in `io_orders`, which is brought up to date. */
static size_t
count_moves(const quire_model *m, uint32_t *io_orders)
{
    size_t n = 0;
    for (uint32_t id = 1; id < m->nodes.count; id++) {
        const uint32_t order = quire_node_at(m, (quire_node){id})->order;
        n += io_orders[id] != 0 && io_orders[id] != order;
        io_orders[id] = order;
    }
    return n;
}

enum { BEFORE_ONE, BEFORE_THE_LAST_MADE, BEFORE_ANY, N_PATTERNS };

static quire_node
place(int pattern, const quire_model *m, quire_node last_made, uint32_t i)
{
    const quire_node middle = {N_BEFORE / 2};
    switch (pattern) {
    case BEFORE_ONE: return middle;
    case BEFORE_THE_LAST_MADE: return last_made.id != 0 ? last_made : middle;
    default: return (quire_node){1 + i * 2654435761u % (m->nodes.count - 1)};
    }
}

START_TEST(inserting_moves_few_nodes)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    uint32_t *orders = calloc(N_BEFORE + N_INSERTED + 2, sizeof *orders);
    quire_model *m;
    quire_node made = {0};
    size_t n_moves = 0;
    ck_assert_int_eq(add_chain_make(&ctx, N_BEFORE, &m), QUIRE_OK);
    for (uint32_t i = 0; i < N_INSERTED; i++) {
        made = insert(&ctx, m, place(_i, m, made, i));
        n_moves += count_moves(m, orders);
    }
    ck_assert_int_eq(quire_model_verify(&ctx, m, QUIRE_E_INTERNAL), QUIRE_OK);
    ck_assert_uint_lt(n_moves, (size_t)N_INSERTED * 120); /* all, each time: half of n^2 */
    quire_model_destroy(&ctx, m);
    free(orders);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("node_order");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, inserting_moves_few_nodes, 0, N_PATTERNS);
    suite_add_tcase(s, all);
    return suite_run(s);
}
