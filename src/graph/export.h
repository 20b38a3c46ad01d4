/* export.h - a model becomes bytes.
 *
 * Untouched records are written as they stood; a touched one is unpacked with protobuf-c, has the fields the
 * model owns set, is packed, and its children are put between its fields by field number. Nothing is written here: the
 * result is a rope over the skeleton, the arena and the sources; save.h writes it.
 */
#ifndef QUIRE_GRAPH_EXPORT_H
#define QUIRE_GRAPH_EXPORT_H

#include "base/rope.h"
#include "graph/model.h"

/* Appends the ModelProto to `rope` and finishes it. The model must outlive the rope and not change meanwhile. Reports
 * QUIRE_E_LIMIT above 2^31 - 1 bytes. */
QUIRE_MUST_USE quire_status quire_model_export(quire_ctx *ctx, const quire_model *m,
                                               quire_rope *rope);

/* Appends function f as a field of the ModelProto to `rope` and finishes it; f need not be among the model's
 * functions. */
QUIRE_MUST_USE quire_status quire_function_export(quire_ctx *ctx, const quire_model *m,
                                                  quire_graph f, quire_rope *rope);

#endif
