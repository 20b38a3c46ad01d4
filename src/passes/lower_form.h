/* lower_form.h - what one lookup of a quantized table becomes.
 *
 * The rewrites of targets.inc. They read what is decided and change the graph through the gate;
 * which lookup gets which rewrite is lower_tables.c's business. The forms, and why they are what
 * they are: docs/lowering.md.
 */
#ifndef QUIRE_PASSES_LOWER_FORM_H
#define QUIRE_PASSES_LOWER_FORM_H

#include "passes/tables.h"

typedef struct quire_lower_site {
    const quire_found_table *table; /* quantized */
    quire_node lookup;
    int32_t type;  /* element type of the lookup's result: the table's, or float32 */
    int64_t opset; /* ONNX opset of the lookup's graph */
    struct quire_call_function **functions; /* made for calls in this run; newest first */
} quire_lower_site;

/* Standard operators: gathered codes, scales and zero points, then Cast, Sub, Mul. The lookup is
 * erased; the last new node has its name and its result's. */
QUIRE_MUST_USE quire_status quire_lower_standard(quire_ctx *ctx, quire_model *m,
                                                 const quire_lower_site *site);
/* The lookup reads the float table of the decoded values. Where it read the table through a
 * widening Cast, the Cast follows the lookup instead, and the lookup is a new node. */
QUIRE_MUST_USE quire_status quire_lower_dequantized(quire_ctx *ctx, quire_model *m,
                                                    const quire_lower_site *site);
/* A call of a function of the domain ai.quire whose body is the standard form. */
QUIRE_MUST_USE quire_status quire_lower_call(quire_ctx *ctx, quire_model *m,
                                             const quire_lower_site *site);

#endif
