/* follow_annotations.h - what is left of annotations when tables are lowered. */
#ifndef QUIRE_PASSES_FOLLOW_ANNOTATIONS_H
#define QUIRE_PASSES_FOLLOW_ANNOTATIONS_H

#include "graph/layer.h"
#include "passes/pass.h"

/* Clears the records of annotations that were lowered, wherever their slots are still there. */
void quire_tables_clear_lowered(quire_run *run);

#endif
