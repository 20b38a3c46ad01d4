/* save.h - a model goes to disk: model and data file complete, verified, renamed into place, or nothing.
 *
 * A run that changed no payload keeps every location: in the input's own folder the data files are shared, elsewhere they
 * are copied whole under the same relative name. A run that changed payloads writes all external data to one new file,
 * OUTPUT.<8 hex digits of its XXH3-64>.data, so that one rename of the model commits the pair.
 */
#ifndef QUIRE_GRAPH_SAVE_H
#define QUIRE_GRAPH_SAVE_H

#include "base/rope.h"
#include "graph/model.h"

typedef struct quire_save_options {
    const char *path; /* output model                                                            */
    /* Called with the staged model re-opened and imported, before anything is renamed; may be NULL. A failure abandons. */
    quire_status (*verify)(quire_ctx *ctx, void *data, const quire_model *written);
    void *data;
} quire_save_options;

/* QUIRE_E_USAGE, reported, if writing `path` would overwrite the model file or one of its data files (compared by device and inode,
 * through links), or is "-". Call before any work. */
QUIRE_MUST_USE quire_status quire_save_check_path(quire_ctx *ctx, const quire_model *m,
                                                  const char *path);
/* The same of another file that is read, a text or rules: `what` it is, for the message. */
QUIRE_MUST_USE quire_status quire_save_check_input(quire_ctx *ctx, const char *path,
                                                   const char *input, const char *what);
/* Exports and writes. Changes external tensors of `m` (their new place). On failure no file is left. */
QUIRE_MUST_USE quire_status quire_model_save(quire_ctx *ctx, quire_model *m,
                                             const quire_save_options *options);
/* The same without writing: the ropes a save to `path` would write (`data` empty if no data file would be), for the receipt of a dry run.
 * *out_data_name is in the model's arena; the 8 hex digits are zeros where the data is not known. */
QUIRE_MUST_USE quire_status quire_model_save_plan(quire_ctx *ctx, quire_model *m, const char *path,
                                                  quire_rope *model, quire_rope *data,
                                                  quire_bytes *out_data_name);

#endif
