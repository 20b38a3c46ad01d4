/* add_chain.h - long chains of additions made in memory, annotated in several spellings. For tests
 * and benchmarks of resolution.
 *
 * Node i is `hI = Add (hI-1, x)`, i from 1, and h0 is x: x is read by every node.
 */
#ifndef QUIRE_TESTS_ADD_CHAIN_H
#define QUIRE_TESTS_ADD_CHAIN_H

#include "graph/claim.h"

typedef enum add_chain_spelling {
    CHAIN_RESULT_SHARED, /* operand 0 has the spec, the result is shared with it        */
    CHAIN_BACKWARD,      /* one spec, at the first operand; 2N - 1 pointers to the slot before */
    CHAIN_FORWARD,       /* one spec, at the last result; 2N - 1 pointers to the slot behind   */
    CHAIN_EXPLICIT,      /* both operands have the spec, the result is shared with operand 0   */
    CHAIN_N_SPELLINGS,   /* each of these gives one group */
    CHAIN_FULL = CHAIN_N_SPELLINGS, /* every slot has a spec of its own, one of four */
} add_chain_spelling;

const char *add_chain_spelling_text(add_chain_spelling spelling);

/* Reports failures through ctx. */
QUIRE_MUST_USE quire_status add_chain_make(quire_ctx *ctx, uint32_t n, quire_model **out_model);
/* Slot k of node i (1 .. n): 0 and 1 the operands, 2 the result. */
quire_slot add_chain_slot(const quire_model *m, uint32_t i, uint32_t k);
QUIRE_MUST_USE quire_status add_chain_claim(quire_ctx *ctx, quire_model *m, uint32_t n,
                                            add_chain_spelling spelling, quire_claims *io_claims);

#endif
