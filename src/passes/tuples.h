/* tuples.h - which rows of a model's pool of specs agree on the attribute tuple of sharing
 * (quire_spec_agrees), as numbers that can be compared.
 */
#ifndef QUIRE_PASSES_TUPLES_H
#define QUIRE_PASSES_TUPLES_H

#include "graph/spec.h"

typedef struct quire_tuples {
    uint32_t *of_row; /* 1, 2, ...; 0 for what shares with nothing */
    uint32_t n;       /* the highest of them */
    size_t n_rows;    /* length of of_row */
    uint32_t *places; /* private */
    size_t n_places;
} quire_tuples;

/* Linear in the rows; steps are added to *io_work. Reports QUIRE_E_NOMEM. Free in every case;
 * `out` must be zero before. */
QUIRE_MUST_USE quire_status quire_tuples_make(quire_ctx *ctx, const quire_model *m,
                                              uint64_t *io_work, quire_tuples *out);
void quire_tuples_free(quire_ctx *ctx, quire_tuples *t);

#endif
