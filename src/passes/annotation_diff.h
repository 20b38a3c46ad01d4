/* annotation_diff.h - two sets of annotations compared, slot by slot.
 *
 * Compared is what holds: of each slot the claims that are not lost and have the highest priority,
 * as (claimant, spec, priority, noshare). Comments, reasons, losers, the order of lines and their
 * spelling make no difference. Nothing is resolved: requests that contradict each other are
 * compared as they stand.
 */
#ifndef QUIRE_PASSES_ANNOTATION_DIFF_H
#define QUIRE_PASSES_ANNOTATION_DIFF_H

#include "base/json.h"
#include "graph/claim.h"
#include "passes/slot_nearest.h"

typedef struct quire_annotation_run { /* claims of one slot that hold, ascending by claimant */
    size_t first, n;
} quire_annotation_run;

typedef struct quire_annotation_change {
    quire_slot slot;
    quire_annotation_run before, after; /* n 0: not annotated                             */
    bool gone;             /* the graph has no such slot: whatever is said of it holds of nothing */
    quire_near_slots near; /* if gone                                                     */
} quire_annotation_change;

typedef struct quire_annotation_diff {
    quire_claims before, after;
    quire_annotation_change *changes; /* in slot order, then gone ones as they come up */
    size_t n_changes, changes_room;
    size_t n_same; /* slots that do not differ */
} quire_annotation_diff;

/* Compares. `order` is m's: slots that m does not have are then told as gone, with the nearest,
 * also where both sides have them. NULL: slots are only names. Linear, but for the claimants of
 * one slot, which are sorted. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_annotation_diff_make(quire_ctx *ctx, const quire_model *m,
                                                       const quire_slot_order *order,
                                                       const quire_claims *before,
                                                       const quire_claims *after,
                                                       quire_annotation_diff *out);
static inline const quire_claim *
quire_annotation_run_at(const quire_claims *claims, quire_annotation_run run)
{
    return run.n > 0 ? claims->ptr + run.first : NULL;
}
/* Do claims of one slot agree in their spec? If not, they are requests that contradict each other. */
bool quire_claims_agree(const quire_claim *claims, size_t n);
/* Order of two claims by the bytes of their claimants: below, equal to or above 0. */
int quire_claimants_compare(const quire_model *m, const quire_claim *a, const quire_claim *b);
void quire_annotation_diff_deinit(quire_ctx *ctx, quire_annotation_diff *diff);

/* Text: `-` and `+` lines, who is behind them, the nearest names. JSON: one element of the array
 * `changes` of docs/annotation-diff.schema.json for each. */
void quire_annotation_diff_write_text(quire_writer *w, const quire_model *m,
                                      const quire_annotation_diff *diff);
void quire_annotation_diff_write_changes(quire_json *j, const quire_model *m,
                                         const quire_annotation_diff *diff);

#endif
