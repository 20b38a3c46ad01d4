/* layer.h - what is known about slots, beside the graph: side tables that follow its edits.
 *
 * A layer maps slots to records of one size. The gate tells every layer of a model when an entity is
 * erased (its record goes) or a value replaced (its record stays with the replaced value). Layers never change the graph.
 */
#ifndef QUIRE_GRAPH_LAYER_H
#define QUIRE_GRAPH_LAYER_H

#include "graph/model.h"
#include "graph/spec.h"

typedef struct quire_layer quire_layer;

/* The layer called `name`, made if absent with records of `record_size` bytes; owned by the model. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_layer_get(quire_ctx *ctx, quire_model *m, const char *name,
                                            size_t record_size, quire_layer **out_layer);
/* NULL if absent. */
quire_layer *quire_layer_find(const quire_model *m, const char *name);
/* The record of `slot`, or NULL. Valid until the layer changes. */
const void *quire_layer_record(const quire_layer *layer, quire_slot slot);
QUIRE_MUST_USE quire_status quire_layer_set(quire_ctx *ctx, quire_layer *layer, quire_slot slot,
                                            const void *record);
void quire_layer_clear(quire_layer *layer, quire_slot slot);
/* All slots that have a record, ascending by (kind, id): *out_slots has n entries, freed with quire_free(alloc, ptr, n * sizeof). */
QUIRE_MUST_USE quire_status quire_layer_slots(quire_ctx *ctx, const quire_layer *layer,
                                              quire_slot **out_slots, size_t *out_n);

/* The spec layer, "spec": what quantizers write and lowering reads. */
QUIRE_MUST_USE quire_status quire_specs_set(quire_ctx *ctx, quire_model *m, quire_slot slot,
                                            const quire_spec *spec);
const quire_spec *quire_specs_at(const quire_model *m, quire_slot slot);

/* Called by edit.c and quire_model_destroy. */
void quire_layers_erased(quire_model *m, quire_slot slot);
void quire_layers_destroy(quire_model *m);

#endif
