/* tuples.c - one hash table over the rows of the pool; see tuples.h. */
#include "passes/tuples.h"

#include <xxhash.h>

#include "base/alloc.h"
#include "passes/resolving.h"

/* What quire_spec_agrees looks at. */
static uint64_t
hash_tuple(const quire_model *m, const quire_spec *spec)
{
    quire_spec tuple = *spec;
    tuple.observer = tuple.observer_options = tuple.formula = (quire_sym){0};
    return XXH3_64bits_withSeed(&tuple, sizeof tuple, m->syms.seed);
}

/* The table's places hold the row that began a tuple; 0 is free. */
static uint32_t
tuple_of(const quire_model *m, uint64_t *io_work, quire_tuples *t, uint32_t row)
{
    const quire_spec *spec = quire_spec_at(m, row);
    if (spec->kind != QUIRE_SPEC_QUANTIZED && spec->kind != QUIRE_SPEC_FIXED) return 0;
    size_t at = (size_t)hash_tuple(m, spec) & (t->n_places - 1);
    for (; t->places[at] != 0; at = (at + 1) & (t->n_places - 1)) {
        ++*io_work;
        if (quire_spec_agrees(quire_spec_at(m, t->places[at]), spec))
            return t->of_row[t->places[at]];
    }
    t->places[at] = row;
    return ++t->n;
}

quire_status
quire_tuples_make(quire_ctx *ctx, const quire_model *m, uint64_t *io_work, quire_tuples *t)
{
    const uint32_t rows = quire_spec_rows(m);
    t->n_places = 2;
    while (t->n_places < 2 * (size_t)rows + 2)
        t->n_places *= 2;
    t->n_rows = (size_t)rows + 1;
    QUIRE_TRY(quire_take_filled(ctx, t->n_rows, sizeof *t->of_row, 0, &t->of_row));
    QUIRE_TRY(quire_take_filled(ctx, t->n_places, sizeof *t->places, 0, &t->places));
    for (uint32_t row = 1; row <= rows; row++)
        t->of_row[row] = tuple_of(m, io_work, t, row);
    *io_work += rows;
    return QUIRE_OK;
}

void
quire_tuples_free(quire_ctx *ctx, quire_tuples *t)
{
    quire_free(ctx->alloc, t->of_row, t->n_rows * sizeof *t->of_row);
    quire_free(ctx->alloc, t->places, t->n_places * sizeof *t->places);
    *t = (quire_tuples){0};
}
