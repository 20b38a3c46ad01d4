/* diff.h - what changed between two models, by name.
 *
 * Graphs are paired by where they are, what they hold by name: a node by its first result,
 * everything else by its own. How a tensor is stored and how a message is encoded do not count as a
 * change of the thing, but raw against external does count as stored differently. For bytes see
 * layout.h.
 */
#ifndef QUIRE_GRAPH_DIFF_H
#define QUIRE_GRAPH_DIFF_H

#include "base/arena.h"
#include "base/writer.h"
#include "graph/model.h"

typedef enum quire_change {
    QUIRE_CHANGE_REMOVED,
    QUIRE_CHANGE_ADDED,
    QUIRE_CHANGE_CHANGED
} quire_change;

typedef struct quire_difference {
    quire_change change;
    const char *kind;   /* as in layout.h, less attribute, payload and gap              */
    quire_bytes name;   /* with the path of the bodies it is in; may be empty           */
    quire_bytes detail; /* one readable line: "op Gather -> Mul; input 1 \"w\" -> \"v\"" */
} quire_difference;

typedef struct quire_diff {
    quire_arena arena; /* of the texts */
    quire_difference *items;
    size_t n_items, items_room;
    size_t counts[3]; /* by quire_change */
} quire_diff;

/* Compares two models as they were imported (edits are not looked at). Payloads are read where
 * both models have them. Linear in the sizes of both. Reports QUIRE_E_IO, QUIRE_E_NOMEM,
 * QUIRE_E_CANCELED. After a failure there is nothing to deinit. */
QUIRE_MUST_USE quire_status quire_diff_make(quire_ctx *ctx, const quire_model *a,
                                            const quire_model *b, quire_diff *out_diff);
void quire_diff_deinit(quire_ctx *ctx, quire_diff *diff);

/* A line per difference and one of totals; or one JSON document {format_version, removed, added,
 * changed, differences[] {change, kind, name, detail}}. Errors stick to the writer. */
void quire_diff_print(const quire_diff *diff, quire_writer *w);
void quire_diff_print_json(const quire_diff *diff, quire_writer *w);

/* All of it: *out_same says that nothing differs. */
QUIRE_MUST_USE quire_status quire_model_diff(quire_ctx *ctx, const quire_model *a,
                                             const quire_model *b, bool json, quire_writer *w,
                                             bool *out_same);

#endif
