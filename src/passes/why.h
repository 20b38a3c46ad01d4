/* why.h - what there is to say about one slot, found once, written as text or JSON. */
#ifndef QUIRE_PASSES_WHY_H
#define QUIRE_PASSES_WHY_H

#include "passes/ledger_parts.h"

typedef struct why {
    const quire_model *m;
    const quire_annotations *a;
    quire_slot slot;
    const quire_annotation *at; /* NULL: not annotated                                     */
    const quire_claim *claims;  /* on the slot: those that hold, then the losers           */
    size_t n_claims;
    quire_link *chain; /* from the slot to its group's carrier                    */
    size_t n_chain;
    quire_reason reason;          /* of a slot without annotation                            */
    const char *message;          /* the reason's, about a slot                              */
    const quire_why_table *table; /* may be NULL */
} why;

/* "operand", "result", "input", "initializer", "output" */
const char *why_place(const quire_model *m, quire_slot slot);
/* "float", "int64", ..., "unknown" */
const char *why_type(const quire_model *m, quire_value v);
/* In an explicit link of a chain: the one that is `shared` with the other. */
uint32_t why_sharer(const quire_annotations *a, const quire_link *link);
/* Is the annotation at another slot of the node of `slot`, or of its tensor? */
bool why_is_neighbour(const why *y, const quire_annotation *other);

/* Are the skip and the finding about the slot, or its node? */
bool why_concerns(const why *y, const quire_skip *skip);
bool why_finds(const why *y, const quire_finding *finding);

void why_write_text(quire_writer *w, const why *y);
void why_write_json(quire_writer *w, const why *y);

#endif
