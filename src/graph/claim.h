/* claim.h - who wants which slot quantized how: requests, and the results of resolving them.
 *
 * A claim is one request by one claimant. A list of claims in which, slot by slot, the claims that
 * hold come first and those that lost are flagged is a *result*; its text is what teams commit
 * (docs/annotations.md). Resolution is an algorithm of src/passes; here are only the records and
 * their text.
 */
#ifndef QUIRE_GRAPH_CLAIM_H
#define QUIRE_GRAPH_CLAIM_H

#include "graph/slot.h"
#include "graph/spec.h"

enum {
    QUIRE_CLAIM_NOSHARE = 1u << 0, /* no implicit sharing: see resolve.h */
    QUIRE_CLAIM_LOST = 1u << 1,    /* another claim on the slot won; kept for who asks why */
};

typedef struct quire_claim {
    quire_slot slot;
    quire_spec_ref spec;
    quire_sym who; /* claimant: "embedding", "composable/1:child", "rules.json:14"; never empty */
    quire_sym reason; /* in the claimant's words, any bytes; 0: none */
    int32_t priority; /* higher wins; 0 unless said */
    uint32_t flags;   /* QUIRE_CLAIM_... */
    uint32_t line;    /* of the text it was read from, 0: none */
} quire_claim;

typedef struct quire_claims {
    quire_claim *ptr;
    size_t n, room;
} quire_claims;

/* Appends. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_claims_add(quire_ctx *ctx, quire_claims *claims,
                                             const quire_claim *claim);
void quire_claims_deinit(quire_ctx *ctx, quire_claims *claims);

/* --- text ----------------------------------------------------------------------------------------
 *
 *     quire-annotations 1
 *     SLOT SPEC by WHO[,WHO]... [!PRIORITY] [noshare] [# COMMENT]
 *
 * WHO outside [A-Za-z0-9_.:/@+-]+ is quoted as names are. Several claimants of one annotation are
 * joined by commas without blanks, ascending by bytes; read, they are that many claims, all with
 * the line's priority and flag. A COMMENT is free, except that results carry in it what is not a
 * request, as items between `; `:
 *
 *     reason: "TEXT"          of every claimant of the line
 *     reason WHO: "TEXT"      of one of them, where not all have the same
 *     lost: SPEC by WHO [!PRIORITY] [noshare] [reason: "TEXT"]
 *
 * TEXT is quoted as names are. Items are read back as such; a comment that does not consist of them
 * is dropped as a whole, and is never an error. Empty lines and lines of comment alone are allowed
 * behind the first line. A blank is a space or a tab, a line ends with \n or \r\n, the last may
 * lack it. Whatever the names, the text is printable ASCII.
 */

/* Reads a whole text and appends its claims. `reader->origin` names it in messages ("FILE:LINE:
 * column N: ..."). Two lines (or claimants of one line) by one claimant on one slot, not counting
 * lost ones, are an error with both line numbers. Reports QUIRE_E_INVALID, QUIRE_E_NOMEM; claims
 * read until then stay. Linear in the text. */
QUIRE_MUST_USE quire_status quire_claims_parse(quire_slot_reader *reader, quire_bytes text,
                                               quire_claims *io_claims);
/* Prints a text with its first line. `claims` must be sorted as quire_resolve leaves them: by slot;
 * of a slot, the claims that hold (equal specs and priorities, ascending claimants) before the lost
 * ones; a slot where none holds has no line. The spec begins at column 26, `by` at column 85, `#`
 * at column 110, or one blank after what is longer: the place of a word depends on its own line
 * alone, so that one line's change leaves the others as they are. */
void quire_claims_print(quire_writer *w, const quire_model *m, const quire_claims *claims);
/* One line of it, without comment and newline: claims[0..n) are those of one slot that hold. */
void quire_claim_print(quire_writer *w, const quire_model *m, const quire_claim *claims, size_t n);
/* `by WHO[,WHO] [!PRIORITY] [noshare]` alone. */
void quire_claim_print_sponsors(quire_writer *w, const quire_model *m, const quire_claim *claims,
                                size_t n);

#endif
