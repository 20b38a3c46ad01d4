/* layer.h - what is known about slots, beside the graph: side tables that follow its edits.
 *
 * A layer maps slots to records of one size. The gate tells every layer of a model when an entity
 * is erased (its record goes), or a name passed from one value to another (quire_value_take_name:
 * records of the value slot go along). Replacing the uses of a value moves nothing: operand slots
 * keep what is said about them, whatever they read. Layers never change the graph.
 */
#ifndef QUIRE_GRAPH_LAYER_H
#define QUIRE_GRAPH_LAYER_H

#include "graph/model.h"
#include "graph/spec.h"

typedef struct quire_layer quire_layer;

/* The layer called `name`, made if absent with records of `record_size` bytes; owned by the model.
 * An empty layer takes on the size asked for. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_layer_get(quire_ctx *ctx, quire_model *m, const char *name,
                                            size_t record_size, quire_layer **out_layer);
/* NULL if absent. */
quire_layer *quire_layer_find(const quire_model *m, const char *name);
/* All layers, the newest first: the one after `layer` (NULL: the first); NULL ends. */
quire_layer *quire_layer_next(const quire_model *m, const quire_layer *layer);
/* Lives as long as the layer. */
const char *quire_layer_name(const quire_layer *layer);
/* The record of `slot`, or NULL. Valid until the layer changes. */
const void *quire_layer_record(const quire_layer *layer, quire_slot slot);
/* Copies the record. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_layer_set(quire_ctx *ctx, quire_layer *layer, quire_slot slot,
                                            const void *record);
/* Removes the record, if there is one. */
void quire_layer_clear(quire_layer *layer, quire_slot slot);
/* All slots that have a record, ascending by (kind, id): *out_slots has n entries, freed with
 * quire_free(alloc, ptr, n * sizeof). Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_layer_slots(quire_ctx *ctx, const quire_layer *layer,
                                              quire_slot **out_slots, size_t *out_n);

/* The spec layer, "spec": what quantizers write and lowering reads. */
QUIRE_MUST_USE quire_status quire_specs_set(quire_ctx *ctx, quire_model *m, quire_slot slot,
                                            const quire_spec *spec);
const quire_spec *quire_specs_at(const quire_model *m, quire_slot slot);

/* Called by edit.c, snapshot.c and quire_model_destroy. None of these can fail, but the copying. */
void quire_layers_erased(quire_model *m, quire_slot slot);
/* In every layer the record of `from`, if there is one, becomes that of `to`. */
void quire_layers_moved(quire_model *m, quire_slot from, quire_slot to);
void quire_layers_destroy(quire_model *m);

/* The records of all layers of `m`, copied into `arena`. Reports QUIRE_E_NOMEM. */
typedef struct quire_layer_copy quire_layer_copy; /* a list; NULL: there was no layer */
QUIRE_MUST_USE quire_status quire_layers_copy(quire_ctx *ctx, quire_arena *arena,
                                              const quire_model *m,
                                              const quire_layer_copy **out_copies);
/* Brings them back; a layer made since stays and is empty. */
void quire_layers_restore(quire_model *m, const quire_layer_copy *copies);

#endif
