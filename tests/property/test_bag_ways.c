/* test_bag_ways.c - bags and lookups of every width and storage, asked in every way on every
 * instruction set of this machine, against quire/kernels.h read literally (bag_question.h).
 *
 *     test_bag_ways [every N]      a sample of storages and ways at every width, or each Nth
 *     test_bag_ways full [FROM [TO]]   every storage, kind, skip, form, type and output at the widths
 *                                  from FROM to TO; without TO also the chief storages at
 *                                  those that are listed
 */
#include "support/bag_question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WIDTH 300 /* all of them up to this */
#define N_ROWS    29

static const uint64_t listed[] = {512, 513, 768, 1023, 1024, 2048, 4096, 4099};
#define N_LISTED (sizeof listed / sizeof *listed)

static bag_question question;
static uint64_t n_checked;

static bool
check(const bag_way *way, random_state *r)
{
    n_checked++;
    return bag_question_check(&question, way, r);
}

/* --- every way --- */

/* The scalar passes have one way to ask drawn for them, all others every way: indices, offsets and
 * outputs are not theirs, and they are slow. */
static bool
ask_on(quire_isa isa, uint32_t way_wanted, random_state *r)
{
    const bag_question *q = &question;
    uint32_t way_number = 0;

    for (int form = q->is_fixed ? QUIRE_BAG_FIXED : 0; form <= QUIRE_BAG_FIXED - !q->is_fixed;
         form++) {
        for (int types = 0; types < (q->is_fixed ? 2 : 4); types++) {
            for (int out = 0; out < 3; out++, way_number++) {
                const bag_way way = {.isa = isa,
                                     .form = (quire_bag_form)form,
                                     .index = (quire_bag_index)(types % 2),
                                     .offset = (quire_bag_index)(types / 2),
                                     .out = (quire_float_type)out,
                                     .gap = random_below(r, 3) == 0};
                if (isa == QUIRE_ISA_SCALAR && way_number != way_wanted) continue;
                if (!check(&way, r)) return false;
            }
        }
    }
    return true;
}

static bool
ask_every_way(random_state *r)
{
    for (quire_isa isa = QUIRE_ISA_SCALAR; isa <= QUIRE_ISA_NEON; isa++) {
        const uint32_t way = (uint32_t)random_below(r, question.is_fixed ? 6 : 36);
        if (quire_isa_is_available(isa) && !ask_on(isa, way, r)) return false;
    }
    return true;
}

static bool
ask_everything(const bag_table *t, random_state *r)
{
    for (int kind = 0; kind < BAG_KINDS; kind++) {
        for (int skip = 0; skip < (kind == BAG_LOOKUP ? BAG_SKIP_PADDING : BAG_SKIPS); skip++) {
            for (int is_fixed = kind == BAG_LOOKUP; is_fixed < 2; is_fixed++) {
                const bag_size size = t->rows.width > 64 || random_below(r, 32) ? BAG_SHORT
                                      : random_below(r, 2)                      ? BAG_MIDDLE
                                                                                : BAG_LONG;
                bag_question_draw(&question, t, (bag_kind)kind, (bag_skip)skip, is_fixed, size, r);
                if (!ask_every_way(r)) return false;
            }
        }
    }
    return true;
}

static bool
width_in_full(uint64_t width, uint32_t n_storages, random_state *r)
{
    for (uint32_t k = 0; k < n_storages; k++) {
        const quire_rows storage = bag_storage_get(k);
        bag_table t;
        bag_table_draw(&t, &storage, N_ROWS, width, random_below(r, 4) == 0, r);
        if (!ask_everything(&t, r)) return false;
    }
    return true;
}

/* One way on each instruction set. */
static bool
ask_one_way(random_state *r)
{
    for (quire_isa isa = QUIRE_ISA_SCALAR; isa <= QUIRE_ISA_NEON; isa++) {
        const quire_bag_form form =
            question.is_fixed ? QUIRE_BAG_FIXED : (quire_bag_form)random_below(r, QUIRE_BAG_FIXED);
        const bag_way way = {.isa = isa,
                             .form = form,
                             .index = (quire_bag_index)random_below(r, 2),
                             .offset = (quire_bag_index)random_below(r, 2),
                             .out = (quire_float_type)(random_below(r, 2) ? random_below(r, 3) : 0),
                             .gap = random_below(r, 3) == 0};
        if (quire_isa_is_available(isa) && !check(&way, r)) return false;
    }
    return true;
}

/* --- the shapes of FBGEMM's tests, whose tables have more rows --- */

static const struct {
    uint64_t n_bags, n_rows, width, average;
} shapes[] = {
    {1, 8, 8, 4},        {2, 8, 16, 4},        {10, 4000, 32, 100},  {100, 4000, 32, 100},
    {10, 4000, 64, 100}, {10, 4000, 128, 100}, {4, 400, 256, 10},    {4, 400, 512, 10},
    {10, 4000, 48, 100}, {10, 4000, 40, 100},  {10, 4000, 56, 100},  {10, 4000, 1, 100},
    {10, 4000, 2, 100},  {10, 4000, 4, 100},   {10, 4000, 7, 100},   {10, 4000, 85, 100},
    {10, 4000, 86, 100}, {10, 4000, 96, 100},  {10, 4000, 163, 100}, {10, 4000, 164, 100},
};

static bool
shape_in_part(size_t k, uint32_t storage_number, random_state *r)
{
    const quire_rows storage = bag_storage_get(storage_number);
    bag_table t;

    bag_table_draw(&t, &storage, shapes[k].n_rows, shapes[k].width, false, r);
    for (int kind = 0; kind < BAG_KINDS; kind++) {
        const bag_skip skip =
            (bag_skip)random_below(r, kind == BAG_LOOKUP ? BAG_SKIP_PADDING : BAG_SKIPS);
        bag_question_draw_even(&question, &t, (bag_kind)kind, skip, shapes[k].n_bags,
                               shapes[k].average, r);
        if (!ask_one_way(r)) return false;
    }
    return true;
}

/* One storage of each shape, or all of them. */
static bool
all_shapes(bool full, random_state *r)
{
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        const uint32_t first = full ? 0 : (uint32_t)random_below(r, BAG_TABLE_CHIEF);
        for (uint32_t s = first; s < (full ? BAG_TABLE_CHIEF : first + 1); s++) {
            if (!shape_in_part(k, s, r)) return false;
        }
    }
    return true;
}

static bool
all_in_full(uint64_t from, uint64_t to, random_state *r)
{
    for (uint64_t width = from; width <= to; width++) {
        if (!width_in_full(width, bag_storage_count(), r)) return false;
        if (width % 10 == 0) fprintf(stderr, "width %u\n", (unsigned)width);
    }
    for (size_t k = 0; k < N_LISTED && to == MAX_WIDTH; k++) {
        if (!width_in_full(listed[k], BAG_TABLE_CHIEF, r)) return false;
    }
    return all_shapes(true, r);
}

/* --- a sample --- */

static bool
ask_something(const bag_table *t, random_state *r)
{
    const bag_kind kind = (bag_kind)random_below(r, BAG_KINDS);
    const bag_skip skip =
        (bag_skip)random_below(r, kind == BAG_LOOKUP ? BAG_SKIP_PADDING : BAG_SKIPS);
    const bag_size size = t->rows.width > 64 || random_below(r, 8) ? BAG_SHORT
                          : random_below(r, 2)                     ? BAG_MIDDLE
                                                                   : BAG_LONG;

    bag_question_draw(&question, t, kind, skip, random_below(r, 4) == 0, size, r);
    return ask_one_way(r);
}
/* The chief storages, and some of the others. */
static bool
width_in_part(uint64_t width, random_state *r)
{
    const uint32_t n_others = bag_storage_count() - BAG_TABLE_CHIEF;

    for (uint32_t k = 0; k < BAG_TABLE_CHIEF + 8; k++) {
        const quire_rows storage = bag_storage_get(
            k < BAG_TABLE_CHIEF ? k : BAG_TABLE_CHIEF + (uint32_t)random_below(r, n_others));
        bag_table t;
        bag_table_draw(&t, &storage, N_ROWS, width, random_below(r, 4) == 0, r);
        for (int n = 0; n < 2; n++) {
            if (!ask_something(&t, r)) return false;
        }
    }
    return true;
}

static bool
all_in_part(uint64_t step, random_state *r)
{
    for (uint64_t width = 1; width <= MAX_WIDTH; width += step) {
        if (!width_in_part(width, r)) return false;
    }
    for (size_t k = 0; k < N_LISTED; k++) {
        if (!width_in_part(listed[k], r)) return false;
    }
    return all_shapes(false, r);
}

int
main(int argc, char **argv)
{
    random_state r = {.bits = 88172645463325252u};
    const uint64_t from = argc > 2 ? strtoull(argv[2], NULL, 10) : 1; /* or the step */
    const uint64_t to = argc > 3 ? strtoull(argv[3], NULL, 10) : MAX_WIDTH;
    const bool full = argc > 1 && strcmp(argv[1], "full") == 0;
    const bool good = full ? all_in_full(from, to, &r) : all_in_part(from, &r);

    printf("%llu answers on", (unsigned long long)n_checked);
    for (quire_isa isa = QUIRE_ISA_SCALAR; isa <= QUIRE_ISA_NEON; isa++)
        printf("%s%s", quire_isa_is_available(isa) ? " " : "",
               quire_isa_is_available(isa) ? quire_isa_name(isa) : "");
    printf("%s\n", good ? ": to the bit" : "");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
