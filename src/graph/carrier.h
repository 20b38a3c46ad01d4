/* carrier.h - annotations inside an ONNX file: the text of claim.h as one model metadata entry,
 * `ai.quire.annotations`.
 *
 * ONNX keeps metadata entries at every IR version and ONNX Runtime writes them back, so an
 * annotated model is an ordinary model. Entries are not records: what is to change is kept as a
 * list beside the model's own bytes, and the exporter writes the change in place of the entry.
 */
#ifndef QUIRE_GRAPH_CARRIER_H
#define QUIRE_GRAPH_CARRIER_H

#include "graph/model.h"

#define QUIRE_ANNOTATIONS_KEY "ai.quire.annotations"

/* The value of model metadata entry `key` as it will be exported (the last one if it is there
 * several times, as protobuf maps and ONNX Runtime read it); false if there is none. A view that
 * lives as long as the model. */
bool quire_model_metadata(const quire_model *m, const char *key, quire_bytes *out_value);

/* What quire_model_set_metadata (edit.h) asked for, one per key, the key that was set first in
 * front. Never changed once made: a snapshot keeps a list by its head. In the model's arena. */
typedef struct quire_metadata_edit {
    const struct quire_metadata_edit *next;
    quire_bytes key, value; /* value: empty if removed */
    bool removed;           /* entries of this key are not written; else one is, the last */
} quire_metadata_edit;

/* Is `field`, one of the ModelProto, a metadata entry of this key? */
struct quire_field;
bool quire_metadata_is_entry(const quire_model *m, const struct quire_field *field,
                             quire_bytes key);

#endif
