/* ledger.h - the account of an annotation run: every request and what became of it, every eligible
 * node and who annotated it or why nobody did; the answer to "why" about one slot; the picture of
 * the groups. Text for people, JSON for scripts (docs/ledger.schema.json, docs/why.schema.json).
 *
 * A node is eligible if one of its operands or results is a float tensor (f16, bf16, f32, f64) or a
 * tensor of unknown type. What is annotated without belonging to a node (graph inputs, initializers,
 * graph outputs) is listed apart.
 *
 * All need infer-types, and fail only with what the writer reports and QUIRE_E_NOMEM; the caller
 * finishes the writer. Linear in nodes, slots and claims.
 */
#ifndef QUIRE_PASSES_LEDGER_H
#define QUIRE_PASSES_LEDGER_H

#include "passes/annotate.h"
#include "quire/quire.h"

QUIRE_MUST_USE quire_status quire_ledger_write(quire_writer *w, quire_model *m,
                                               const quire_annotations *a, quire_format format);

/* What find-tables and the defaults of `quire quantize` say of a lookup; see quire_why_write. */
typedef struct quire_why_table {
    bool is_lookup;
    bool eligible;       /* quantize would make its table small */
    quire_reason reason; /* else why not                        */
    quire_bytes message; /* in the model's arena                */
} quire_why_table;

/* The spec in force at `slot`, its sponsors with reasons and losers, its group with the chain that
 * joins it to the group's carrier; without annotation: why not, what the other slots of its node
 * have, and `table` (may be NULL). */
QUIRE_MUST_USE quire_status quire_why_write(quire_writer *w, quire_model *m,
                                            const quire_annotations *a, quire_slot slot,
                                            const quire_why_table *table, quire_format format);

/* The graph in Graphviz's language: bodies as clusters, annotated edges and tensors coloured and
 * numbered by group, a legend with the groups' specs. */
QUIRE_MUST_USE quire_status quire_dot_write(quire_writer *w, quire_model *m,
                                            const quire_annotations *a);

#endif
