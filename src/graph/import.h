/* import.h - an ONNX file becomes a model.
 *
 * wire_check, skeleton, then one walk of the spine that makes records; names are resolved through scopes,
 * captures become ordinary uses. External data files are opened and their extents checked (external.h).
 */
#ifndef QUIRE_GRAPH_IMPORT_H
#define QUIRE_GRAPH_IMPORT_H

#include "graph/model.h"
#include "graph/wire.h"

/* Takes over `source` (closed with the model, or at once on failure). `path` is where the model file is, for external data
 * beside it; NULL: external data is an error. The verifier has passed on what is returned. Reports QUIRE_E_INVALID, QUIRE_E_UNSUPPORTED,
 * QUIRE_E_LIMIT, QUIRE_E_IO, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_model_import(quire_ctx *ctx, quire_source source,
                                               const char *path, const quire_wire_limits *limits,
                                               quire_model **out_model);
/* Opens `path` ("-": standard input) and imports it; a file that begins with '<' or '#' is parsed as text (parse.h). */
QUIRE_MUST_USE quire_status quire_model_load(quire_ctx *ctx, const char *path,
                                             quire_model **out_model);

#endif
