/* annotate.h - where a run's annotations come from, and where they go: the carrier entry, files,
 * rules; quantizers: plugin/annotate_with.h.
 *
 * One *source* gives the claims of a run; they are resolved once; the result is read by passes,
 * printed as text, or written to the model's entry.
 */
#ifndef QUIRE_PASSES_ANNOTATE_H
#define QUIRE_PASSES_ANNOTATE_H

#include "passes/account.h"
#include "passes/resolve.h"
#include "passes/rules.h"

typedef enum quire_source_kind {
    QUIRE_FROM_NOTHING, /* no file was given and the model has no entry */
    QUIRE_FROM_ENTRY,
    QUIRE_FROM_TEXT,
    QUIRE_FROM_RULES,
    QUIRE_FROM_QUANTIZERS, /* and rules, where they were given too */
    QUIRE_FROM_FLAGS,      /* the quantizer that flags come to */
} quire_source_kind;

typedef struct quire_annotations {
    quire_source_kind kind;
    quire_rules rules;       /* path is NULL: none were given */
    quire_account account;   /* of kinds FROM_QUANTIZERS and FROM_FLAGS */
    quire_resolved resolved; /* empty if FROM_NOTHING */
    bool transformed;        /* quantizers changed the graph; slots are of the changed one */
} quire_annotations;

/* Somebody above this layer who annotates. */
typedef struct quire_annotator {
    quire_status (*annotate)(quire_ctx *ctx, quire_model *m, void *data, quire_annotations *out);
    void *data;
    bool yields; /* to a text, rules or the entry, where there are any; else instead of them */
} quire_annotator;

/* Reads and resolves: the rules file if `rules` is not NULL, else the text file if `text` is not
 * NULL, else the model's entry if it has one. Runs infer-types' work for rules. Named errors and
 * unknown slots are QUIRE_E_INVALID; in rules they are QUIRE_E_USAGE, as all that is wrong there.
 * `options` may be NULL: conflicts are errors. `rules` must outlive the annotations. Deinit unless
 * it failed. */
QUIRE_MUST_USE quire_status quire_annotations_load(quire_ctx *ctx, quire_model *m, const char *text,
                                                   const char *rules,
                                                   const quire_resolve_options *options,
                                                   quire_annotations *out);
/* The same of rules that were read already; they are taken over, whatever becomes of it. */
QUIRE_MUST_USE quire_status quire_annotations_by_rules(quire_ctx *ctx, quire_model *m,
                                                       const quire_rules *rules,
                                                       const quire_resolve_options *options,
                                                       quire_annotations *out);
void quire_annotations_deinit(quire_ctx *ctx, quire_annotations *a);
/* Reads a whole text file of at most 1 GiB into `out`, which is freed with quire_text_free.
 * QUIRE_E_INVALID if it is missing or not a regular file, QUIRE_E_LIMIT if it is larger,
 * QUIRE_E_IO, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_read_text_file(quire_ctx *ctx, const char *path, quire_text *out);
/* The same for files of at most `limit` bytes. */
QUIRE_MUST_USE quire_status quire_read_text_file_up_to(quire_ctx *ctx, const char *path,
                                                       uint64_t limit, quire_text *out);

/* Makes the resolved text the model's entry; an empty result removes it. */
QUIRE_MUST_USE quire_status quire_annotations_store(quire_ctx *ctx, quire_model *m,
                                                    const quire_claims *result);

/* The layer "annotation": slot -> index + 1 in resolved->annotations (uint32_t), so that
 * annotations follow the edits of passes. */
QUIRE_MUST_USE quire_status quire_annotations_attach(quire_ctx *ctx, quire_model *m,
                                                     const quire_resolved *r);
/* What is left of the attached annotations after the passes, as a result sorted for printing: slots
 * that were erased are gone, moved ones are where they are now. A `shared` slot whose chain leads
 * through a slot that is gone points at another slot of its group that is left, the least that
 * carries the group's spec or the least that is left, which then carries the group's spec itself;
 * sources of `derived` likewise. A derived spec with a source whose whole group is gone goes too,
 * and with it its group. Losers keep what they asked for, unless they asked to share with, or
 * derive from, a slot that is gone. Linear in slots and claims. Appends to *io_left. */
QUIRE_MUST_USE quire_status quire_annotations_left(quire_ctx *ctx, quire_model *m,
                                                   const quire_resolved *r, quire_claims *io_left);

#endif
