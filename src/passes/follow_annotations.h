/* follow_annotations.h - annotate-tables where annotations decide, not the options. */
#ifndef QUIRE_PASSES_FOLLOW_ANNOTATIONS_H
#define QUIRE_PASSES_FOLLOW_ANNOTATIONS_H

#include "graph/layer.h"
#include "passes/pass.h"

/* Decides every eligible lookup by run->tables->resolved, and fills run->tables->annotated. Linear
 * in nodes and annotations. Reports QUIRE_E_NOMEM, QUIRE_E_IO. */
QUIRE_MUST_USE quire_status quire_tables_follow_annotations(quire_ctx *ctx, quire_run *run);
/* Clears the records of annotations that were lowered, wherever their slots are still there. */
void quire_tables_clear_lowered(quire_run *run);

#endif
