/* report_annotations.h - annotations in a report: their texts, and what became of each.
 *
 * Texts are made before passes change the graph: afterwards nodes they name may be gone.
 */
#ifndef QUIRE_PASSES_REPORT_ANNOTATIONS_H
#define QUIRE_PASSES_REPORT_ANNOTATIONS_H

#include "base/json.h"
#include "passes/resolve.h"
#include "passes/tables.h"

typedef struct quire_annotation_text { /* as in the annotation text; views into `all` */
    quire_bytes slot, spec, by;        /* by: claimants, joined by commas             */
    bool is_float;
} quire_annotation_text;

typedef struct quire_annotation_texts {
    quire_annotation_text *of; /* n of them, by index into resolved->annotations */
    size_t n;
    quire_text all;
} quire_annotation_texts;

/* Deinit in any case. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_annotation_texts_make(quire_ctx *ctx, const quire_model *m,
                                                        const quire_resolved *r,
                                                        quire_annotation_texts *out);
void quire_annotation_texts_deinit(quire_ctx *ctx, quire_annotation_texts *texts);

#endif
