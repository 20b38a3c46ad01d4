/* account.h - what quantizers say beside their claims: the nodes they left alone, and what they found
 * in the resolved graph. Kept with the annotations of a run for the ledger and for why.
 */
#ifndef QUIRE_PASSES_ACCOUNT_H
#define QUIRE_PASSES_ACCOUNT_H

#include "graph/slot.h"

typedef struct quire_skip { /* a node that a quantizer looked at and left alone */
    quire_node node;
    quire_sym who, reason, text;
} quire_skip;

typedef struct quire_finding {
    quire_severity severity;
    quire_slot slot; /* {0, 0}: of no slot */
    quire_sym who, text;
} quire_finding;

typedef struct quire_account {
    quire_sym *quantizers; /* as they were declared; a name may come twice */
    quire_skip *skips;
    quire_finding *findings;
    size_t n_quantizers, n_skips, n_findings;
    size_t quantizers_room, skips_room, findings_room;
    size_t n_errors; /* findings of severity error */
} quire_account;

void quire_account_deinit(quire_ctx *ctx, quire_account *account);

#endif
