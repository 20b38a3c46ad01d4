/* slot_nearest.h - slots a graph has, whose texts are near to those of slots it does not have. */
#ifndef QUIRE_PASSES_SLOT_NEAREST_H
#define QUIRE_PASSES_SLOT_NEAREST_H

#include "graph/slot.h"

enum { QUIRE_NEAREST = 3, QUIRE_NEAREST_WANTED = 16 };

typedef struct quire_near_slots {
    quire_slot slots[QUIRE_NEAREST]; /* nearest first; of equally near ones the least */
    uint32_t n, distance[QUIRE_NEAREST];
} quire_near_slots;

/* For each of the n texts, the slots of m with the least number of bytes inserted, removed or
 * replaced; of the first QUIRE_NEAREST_WANTED texts, so that time stays linear in the slots: the
 * others get none. The first 256 bytes of a text count. */
void quire_slots_nearest(quire_ctx *ctx, const quire_model *m, const quire_slot_order *order,
                         const quire_bytes *wanted, size_t n, quire_near_slots *out);

#endif
