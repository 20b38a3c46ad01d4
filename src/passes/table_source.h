/* table_source.h - what decides about tables in one run: annotations of a file, of rules, or of the
 * model itself; or of quantizers, which flags come to where there is nothing else.
 */
#ifndef QUIRE_PASSES_TABLE_SOURCE_H
#define QUIRE_PASSES_TABLE_SOURCE_H

#include "passes/annotate.h"
#include "passes/report_annotations.h"
#include "passes/tables.h"

typedef struct quire_table_source {
    quire_annotations annotations;
    quire_annotation_texts texts; /* for the report */
    bool is_loaded;
} quire_table_source;

/* Loads, resolves and attaches the annotations that the annotator makes; if it yields, those that
 * tables->options name, or the model has, come first. They are tables->resolved then. An option
 * about tables beside the model's own annotations is QUIRE_E_USAGE; else reports as
 * quire_annotations_load and the annotator do. Deinit in any case, before the model. */
QUIRE_MUST_USE quire_status quire_table_source_load(quire_ctx *ctx, quire_model *m,
                                                    quire_tables *tables,
                                                    const quire_annotator *annotator,
                                                    quire_table_source *out);
void quire_table_source_deinit(quire_ctx *ctx, quire_table_source *source);

/* For reports: flags, annotations, rules, entry. */
const char *quire_table_source_name(const quire_table_source *source);
/* NULL where flags decide. */
const quire_annotation_texts *quire_table_source_texts(const quire_table_source *source);

/* After the passes: what was not lowered becomes the model's entry; nothing left: no entry. An
 * entry of which nothing was lowered stays as it is, byte for byte. What a quantizer asked for at a
 * lookup that was left alone is dropped: the report says why, and it can ask again; so a recipe
 * made of flags writes what the flags do. */
QUIRE_MUST_USE quire_status quire_table_source_store(quire_ctx *ctx, quire_model *m,
                                                     const quire_tables *tables,
                                                     const quire_table_source *source);

#endif
