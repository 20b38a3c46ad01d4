/* layer.c - side tables keyed by slots: open addressing over dense arrays.
 *
 * The hash decides no order: whoever lists a layer gets its slots sorted. Removing moves the last
 * record into the gap, so records stay dense and nothing is ever rehashed for deletions.
 */
#include "graph/layer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/diag.h"

struct quire_layer {
    struct quire_layer *next;
    const quire_allocator *alloc;
    char *name;
    size_t name_size, record_size;
    uint64_t *keys;   /* dense */
    uint8_t *records; /* dense, record_size each */
    uint32_t *places; /* hash -> index + 1; 0 free; power of two, at most half full */
    size_t n, keys_room, records_room, places_room;
};

static uint64_t
key_of(quire_slot slot)
{
    return (uint64_t)(slot.kind) << 32 | slot.id;
}

static size_t
home_of(const quire_layer *layer, uint64_t key)
{
    key *= 0x9e3779b97f4a7c15u;
    return (size_t)(key >> 32) & (layer->places_room - 1);
}

/* Place of `key`, or the free place where it belongs. Needs places. */
static size_t
place_of(const quire_layer *layer, uint64_t key)
{
    size_t at = home_of(layer, key);
    while (layer->places[at] != 0 && layer->keys[layer->places[at] - 1] != key) {
        at = (at + 1) & (layer->places_room - 1);
    }
    return at;
}

quire_layer *
quire_layer_find(const quire_model *m, const char *name)
{
    quire_layer *layer = m->layers;
    while (layer != NULL && strcmp(layer->name, name) != 0)
        layer = layer->next;
    return layer;
}

quire_layer *
quire_layer_next(const quire_model *m, const quire_layer *layer)
{
    return layer == NULL ? m->layers : layer->next;
}

const char *
quire_layer_name(const quire_layer *layer)
{
    return layer->name;
}

static void
layer_free(const quire_allocator *alloc, quire_layer *layer)
{
    quire_ungrow(alloc, &layer->keys, &layer->keys_room, sizeof *layer->keys);
    quire_ungrow(alloc, &layer->records, &layer->records_room, 1);
    quire_free(alloc, layer->places, layer->places_room * sizeof *layer->places);
    quire_free(alloc, layer->name, layer->name_size);
    quire_free(alloc, layer, sizeof *layer);
}

quire_status
quire_layer_get(quire_ctx *ctx, quire_model *m, const char *name, size_t record_size,
                quire_layer **out_layer)
{
    *out_layer = quire_layer_find(m, name);
    if (*out_layer != NULL) {
        if ((*out_layer)->n == 0) (*out_layer)->record_size = record_size;
        return QUIRE_OK;
    }
    quire_layer *layer = quire_alloc(m->alloc, sizeof *layer);
    if (layer == NULL) return quire_nomem(ctx);
    *layer =
        (quire_layer){.alloc = m->alloc, .record_size = record_size, .name_size = strlen(name) + 1};
    layer->name = quire_alloc(m->alloc, layer->name_size);
    if (layer->name == NULL) {
        layer_free(m->alloc, layer);
        return quire_nomem(ctx);
    }
    memcpy(layer->name, name, layer->name_size);
    layer->next = m->layers;
    m->layers = layer;
    *out_layer = layer;
    return QUIRE_OK;
}

const void *
quire_layer_record(const quire_layer *layer, quire_slot slot)
{
    if (layer->places_room == 0) return NULL;
    const uint32_t index = layer->places[place_of(layer, key_of(slot))];
    return index == 0 ? NULL : layer->records + (size_t)(index - 1) * layer->record_size;
}

static quire_status
grow_places(quire_ctx *ctx, quire_layer *layer)
{
    const size_t room = layer->places_room == 0 ? 16 : 2 * layer->places_room;
    uint32_t *places = quire_alloc(layer->alloc, room * sizeof *places);
    if (places == NULL) return quire_nomem(ctx);
    memset(places, 0, room * sizeof *places);
    quire_free(layer->alloc, layer->places, layer->places_room * sizeof *places);
    layer->places = places;
    layer->places_room = room;
    for (size_t i = 0; i < layer->n; i++)
        places[place_of(layer, layer->keys[i])] = (uint32_t)i + 1;
    return QUIRE_OK;
}

quire_status
quire_layer_set(quire_ctx *ctx, quire_layer *layer, quire_slot slot, const void *record)
{
    quire_ctx own = *ctx; /* the arrays live as long as the model: its allocator */
    own.alloc = layer->alloc;
    if (2 * (layer->n + 1) > layer->places_room) QUIRE_TRY(grow_places(&own, layer));
    const size_t at = place_of(layer, key_of(slot));
    if (layer->places[at] == 0) {
        QUIRE_TRY(
            quire_grow(&own, &layer->keys, &layer->keys_room, layer->n + 1, sizeof *layer->keys));
        QUIRE_TRY(quire_grow(&own, &layer->records, &layer->records_room,
                             (layer->n + 1) * layer->record_size, 1));
        layer->keys[layer->n] = key_of(slot);
        layer->places[at] = (uint32_t)++layer->n;
    }
    memcpy(layer->records + (size_t)(layer->places[at] - 1) * layer->record_size, record,
           layer->record_size);
    return QUIRE_OK;
}

/* Frees place `at` and pulls back what was pushed past it. */
static void
free_place(quire_layer *layer, size_t at)
{
    const size_t mask = layer->places_room - 1;
    layer->places[at] = 0;
    for (size_t next = (at + 1) & mask; layer->places[next] != 0; next = (next + 1) & mask) {
        const size_t home = home_of(layer, layer->keys[layer->places[next] - 1]);
        if (((next - home) & mask) < ((next - at) & mask)) continue;
        layer->places[at] = layer->places[next];
        layer->places[next] = 0;
        at = next;
    }
}

void
quire_layer_clear(quire_layer *layer, quire_slot slot)
{
    if (layer->places_room == 0) return;
    const size_t at = place_of(layer, key_of(slot));
    if (layer->places[at] == 0) return;
    const size_t gap = layer->places[at] - 1;
    const size_t last = layer->n - 1;
    free_place(layer, at);
    if (gap != last) {
        layer->places[place_of(layer, layer->keys[last])] = (uint32_t)gap + 1;
        layer->keys[gap] = layer->keys[last];
        memcpy(layer->records + gap * layer->record_size,
               layer->records + last * layer->record_size, layer->record_size);
    }
    layer->n--;
}

static int
compare_slots(const void *a, const void *b)
{
    const uint64_t x = key_of(*(const quire_slot *)a);
    const uint64_t y = key_of(*(const quire_slot *)b);
    return (x > y) - (x < y);
}

quire_status
quire_layer_slots(quire_ctx *ctx, const quire_layer *layer, quire_slot **out_slots, size_t *out_n)
{
    quire_slot *slots = quire_alloc(ctx->alloc, layer->n * sizeof *slots);
    if (slots == NULL && layer->n > 0) return quire_nomem(ctx);
    for (size_t i = 0; i < layer->n; i++) {
        slots[i] = (quire_slot){(uint32_t)(layer->keys[i] >> 32), (uint32_t)layer->keys[i]};
    }
    if (layer->n > 1) qsort(slots, layer->n, sizeof *slots, compare_slots);
    *out_slots = slots;
    *out_n = layer->n;
    return QUIRE_OK;
}

/* --- specs ------------------------------------------------------------------------------------ */

static const char spec_layer[] = "spec";

quire_status
quire_specs_set(quire_ctx *ctx, quire_model *m, quire_slot slot, const quire_spec *spec)
{
    quire_layer *layer;
    QUIRE_TRY(quire_layer_get(ctx, m, spec_layer, sizeof *spec, &layer));
    return quire_layer_set(ctx, layer, slot, spec);
}

const quire_spec *
quire_specs_at(const quire_model *m, quire_slot slot)
{
    const quire_layer *layer = quire_layer_find(m, spec_layer);
    return layer == NULL ? NULL : quire_layer_record(layer, slot);
}

/* --- events ----------------------------------------------------------------------------------- */

void
quire_layers_erased(quire_model *m, quire_slot slot)
{
    for (quire_layer *layer = m->layers; layer != NULL; layer = layer->next)
        quire_layer_clear(layer, slot);
}

/* The record stays where it is; only its key changes. */
static void
move_record(quire_layer *layer, quire_slot from, quire_slot to)
{
    if (quire_layer_record(layer, from) == NULL || quire_slot_equal(from, to)) return;
    quire_layer_clear(layer, to);
    const size_t at = place_of(layer, key_of(from));
    const uint32_t index = layer->places[at];
    free_place(layer, at);
    layer->keys[index - 1] = key_of(to);
    layer->places[place_of(layer, key_of(to))] = index;
}

void
quire_layers_moved(quire_model *m, quire_slot from, quire_slot to)
{
    for (quire_layer *layer = m->layers; layer != NULL; layer = layer->next)
        move_record(layer, from, to);
}

void
quire_layers_destroy(quire_model *m)
{
    while (m->layers != NULL) {
        quire_layer *layer = m->layers;
        m->layers = layer->next;
        layer_free(m->alloc, layer);
    }
}

/* --- snapshots -------------------------------------------------------------------------------- */

struct quire_layer_copy {
    struct quire_layer_copy *next;
    quire_layer *layer;
    size_t n, record_size;
    quire_bytes keys, records;
};

static quire_status
copy_layer(quire_ctx *ctx, quire_arena *arena, quire_layer *layer, quire_layer_copy **out_copy)
{
    const quire_bytes keys = {(const uint8_t *)layer->keys, layer->n * sizeof *layer->keys};
    const quire_bytes records = {layer->records, layer->n * layer->record_size};
    quire_layer_copy *copy;
    QUIRE_TRY(quire_arena_take(ctx, arena, sizeof *copy, &copy));
    *copy = (quire_layer_copy){.layer = layer, .n = layer->n, .record_size = layer->record_size};
    QUIRE_TRY(quire_arena_copy(ctx, arena, keys, &copy->keys));
    QUIRE_TRY(quire_arena_copy(ctx, arena, records, &copy->records));
    *out_copy = copy;
    return QUIRE_OK;
}

quire_status
quire_layers_copy(quire_ctx *ctx, quire_arena *arena, const quire_model *m,
                  const quire_layer_copy **out_copies)
{
    quire_layer_copy *copies = NULL;
    for (quire_layer *layer = m->layers; layer != NULL; layer = layer->next) {
        quire_layer_copy *copy;
        QUIRE_TRY(copy_layer(ctx, arena, layer, &copy));
        copy->next = copies;
        copies = copy;
    }
    *out_copies = copies;
    return QUIRE_OK;
}

static void
empty_layer(quire_layer *layer)
{
    if (layer->places_room > 0)
        memset(layer->places, 0, layer->places_room * sizeof *layer->places);
    layer->n = 0;
}

/* There is room: a layer's arrays never shrink. */
static void
refill_layer(const quire_layer_copy *copy)
{
    quire_layer *layer = copy->layer;
    layer->record_size = copy->record_size;
    layer->n = copy->n;
    if (copy->n == 0) return;
    memcpy(layer->keys, copy->keys.ptr, copy->keys.len);
    memcpy(layer->records, copy->records.ptr, copy->records.len);
    for (size_t i = 0; i < layer->n; i++)
        layer->places[place_of(layer, layer->keys[i])] = (uint32_t)i + 1;
}

void
quire_layers_restore(quire_model *m, const quire_layer_copy *copies)
{
    for (quire_layer *layer = m->layers; layer != NULL; layer = layer->next)
        empty_layer(layer);
    for (const quire_layer_copy *copy = copies; copy != NULL; copy = copy->next)
        refill_layer(copy);
}
