/* parse.h - text becomes a model again. The inverse of print.h; also reads plain ONNX textual syntax. */
#ifndef QUIRE_GRAPH_PARSE_H
#define QUIRE_GRAPH_PARSE_H

#include "graph/model.h"

/* Parses `text` (kept by the model: copied). `path`: of the text file, for messages (line:column) and for weight references
 * relative to its folder; may be NULL. The verifier has passed on what is returned. Reports QUIRE_E_INVALID with line and column. */
QUIRE_MUST_USE quire_status quire_model_parse(quire_ctx *ctx, quire_bytes text, const char *path,
                                              quire_model **out_model);

#endif
