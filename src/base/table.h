/* table.h - records addressed by 32-bit ids.
 *
 * Chunks of 4096 records that never move: a pointer got from an id stays valid until the table
 * dies. Ids start at 1 and are never reused; 0 is none (its record is zero, and exists from the
 * first quire_table_add on, be it of 0 records).
 */
#ifndef QUIRE_BASE_TABLE_H
#define QUIRE_BASE_TABLE_H

#include "base/base.h"

enum { QUIRE_CHUNK_SHIFT = 12, QUIRE_CHUNK = 1 << QUIRE_CHUNK_SHIFT };

typedef struct quire_table {
    const quire_allocator *alloc;
    uint32_t record_size, count; /* count: highest id + 1 */
    uint8_t **chunks;
    size_t n_chunks, chunks_room;
} quire_table;

void quire_table_init(quire_table *table, const quire_allocator *alloc, size_t record_size);
void quire_table_deinit(quire_table *table);
/* `n` zeroed records with consecutive ids; *out_first is the first (n = 0: the next id, unused).
 * Reports QUIRE_E_NOMEM, or QUIRE_E_LIMIT above 2^32 - 2 records. */
QUIRE_MUST_USE quire_status quire_table_add(quire_ctx *ctx, quire_table *table, uint32_t n,
                                            uint32_t *out_first);

static inline void *
quire_table_at(const quire_table *table, uint32_t id)
{
    return table->chunks[id >> QUIRE_CHUNK_SHIFT] +
           (size_t)(id & (QUIRE_CHUNK - 1)) * table->record_size;
}

#endif
