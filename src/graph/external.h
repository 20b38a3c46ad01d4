/* external.h - weights outside the model file.
 *
 * The one place where a location from a file is turned into an open descriptor: relative, beneath the model's folder, no
 * symbolic links out (a linked model, as in the Hugging Face cache, may name data beside its real file), regular
 * files only, extents checked against the file before any use.
 */
#ifndef QUIRE_GRAPH_EXTERNAL_H
#define QUIRE_GRAPH_EXTERNAL_H

#include "base/rope.h"
#include "graph/model.h"

/* Reads the external_data entries of every tensor of the model, opens the files, fills in data blobs. */
QUIRE_MUST_USE quire_status quire_external_resolve(quire_ctx *ctx, quire_model *m);
/* One tensor's entries from its TensorProto; *out_ref lives in the arena. Reports QUIRE_E_INVALID. */
QUIRE_MUST_USE quire_status quire_external_parse(quire_ctx *ctx, quire_model *m,
                                                 quire_bytes tensor_src, const char *path,
                                                 const quire_external_ref **out_ref);
/* Has the run changed any payload, embedded or not? Then all external data of the output is written
 * anew. True if a tensor was made or one of the file is gone. */
bool quire_external_changed(const quire_model *m);
/* Appends the data of every live external tensor to `rope` in file order, at multiples of 4096 with zeros between, and
 * records offset and length in the tensors, marked touched. */
QUIRE_MUST_USE quire_status quire_external_layout(quire_ctx *ctx, quire_model *m, quire_rope *rope);
/* Then: all of them name this file. */
QUIRE_MUST_USE quire_status quire_external_set_location(quire_ctx *ctx, quire_model *m,
                                                        quire_bytes location);

#endif
