/* ledger_count.h - the figures and lists behind a ledger: made once, written as text or JSON. */
#ifndef QUIRE_PASSES_LEDGER_COUNT_H
#define QUIRE_PASSES_LEDGER_COUNT_H

#include "passes/ledger_parts.h"

typedef struct ledger_node {
    bool eligible;
    uint32_t n_annotated;   /* of its slots              */
    quire_reason reason;    /* if none: why              */
    quire_slot reason_slot; /* the slot it is about, or none */
} ledger_node;

typedef struct ledger_claimant { /* requests of one claimant */
    quire_sym who;
    size_t hold, lost;
    size_t left_alone; /* nodes it looked at and left, as it says */
} ledger_claimant;

typedef struct ledger {
    quire_ctx *ctx;
    const quire_model *m;
    const quire_annotations *a;
    uint32_t
        *refusal_of_rank; /* index + 1 of the slot's first refusal; 0: none; NULL: no refusals */
    size_t n_ranks;
    bool *is_left_alone; /* by node, where a quantizer left any; n_left_room of them */
    size_t n_left_room;
    /* Quantizers in order of declaration, then others in order of first request by slot. */
    ledger_claimant *claimants;
    size_t n_claimants, claimants_room;
    size_t hold, lost, n_float;
    bool has_removed;                  /* slots that are not annotated any more */
    size_t nodes, eligible, annotated; /* nodes */
    size_t left[QUIRE_N_REASONS];      /* eligible nodes by reason */
} ledger;

/* Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status ledger_init(quire_ctx *ctx, const quire_model *m,
                                        const quire_annotations *a, ledger *out);
void ledger_deinit(ledger *l);
ledger_node ledger_judge_node(const ledger *l, quire_node n);
/* Slot k of a node: operands, then results; {0, 0} for a result that is left out. */
quire_slot ledger_slot_of_node(const quire_model *m, quire_node n, uint32_t k);
/* Does the annotation belong to no node? */
bool ledger_is_loose(const quire_model *m, const quire_annotation *annotation);

#endif
