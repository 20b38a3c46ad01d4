/* form.h - the form in standard operators while it is made: what lower_form.c and lower_call.c
 * share. Only for these two.
 */
#ifndef QUIRE_PASSES_FORM_H
#define QUIRE_PASSES_FORM_H

#include "kernels/format.h"
#include "passes/lower_form.h"

enum {
    QUIRE_FORM_MAX_OUTER = 8, /* dimensions of indices that are spelled out */
};

typedef struct quire_form {
    quire_ctx *ctx;
    quire_model *m;
    const quire_lower_site *site;
    quire_row_format rows;
    quire_graph graph;                               /* that gets the nodes...            */
    quire_node before;                               /* ...before this one; 0: at its end */
    quire_value result;                              /* of the lookup                     */
    quire_value codes, scales, zero_points, indices; /* what is read                      */
    bool gather_nd;
    bool in_scan;     /* the lookup is in the body of a Scan                                   */
    bool in_function; /* `graph` is a function: names are plain, types are not known           */
    bool last;        /* the step being made gives the result                                  */
    int32_t rank;     /* of the result, -1 unknown                                             */
    int32_t outer;    /* dimensions of the result less the last, if they are certain, else -1 */
} quire_form;

/* Of a lookup, in its place. */
QUIRE_MUST_USE quire_status quire_form_of(quire_ctx *ctx, quire_model *m,
                                          const quire_lower_site *site, quire_form *out);
/* All nodes from the gathered codes to the result. */
QUIRE_MUST_USE quire_status quire_form_build(quire_form *f, quire_value *out);
/* `v` takes the place of the lookup's result, and the lookup is erased. */
QUIRE_MUST_USE quire_status quire_form_finish(quire_form *f, quire_value v);
/* A name for a value that is called `suffix`, in the model's arena. */
QUIRE_MUST_USE quire_status quire_form_name(const quire_form *f, const char *suffix,
                                            quire_bytes *out);
/* Columns of all blocks of a row, also those beyond the width. */
uint64_t quire_form_padded_width(const quire_form *f);

#endif
