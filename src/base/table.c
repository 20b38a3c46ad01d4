/* table.c - adding records: whole chunks, made when the first id in them is given out. Records are
 * zeroed as their ids are given out, and not with their chunk: a small model touches few pages.
 */
#include "base/table.h"

#include "base/alloc.h"
#include "base/diag.h"

static size_t
chunk_size(const quire_table *table)
{
    return (size_t)QUIRE_CHUNK * table->record_size;
}

void
quire_table_init(quire_table *table, const quire_allocator *alloc, size_t record_size)
{
    *table = (quire_table){.alloc = alloc, .record_size = (uint32_t)record_size, .count = 1};
}

void
quire_table_deinit(quire_table *table)
{
    for (size_t i = 0; i < table->n_chunks; i++) {
        quire_free(table->alloc, table->chunks[i], chunk_size(table));
    }
    quire_ungrow(table->alloc, &table->chunks, &table->chunks_room, sizeof *table->chunks);
    quire_table_init(table, table->alloc, table->record_size);
}

static quire_status
add_chunk(quire_ctx *ctx, quire_table *table)
{
    QUIRE_TRY(quire_grow(ctx, &table->chunks, &table->chunks_room, table->n_chunks + 1,
                         sizeof *table->chunks));
    uint8_t *chunk = quire_alloc(table->alloc, chunk_size(table));
    if (chunk == NULL) return quire_nomem(ctx);
    if (table->n_chunks == 0) memset(chunk, 0, table->record_size); /* of id 0, which is none */
    table->chunks[table->n_chunks++] = chunk;
    return QUIRE_OK;
}

static void
clear(const quire_table *table, uint32_t first, uint32_t n)
{
    while (n > 0) {
        const uint32_t in_chunk = first & (QUIRE_CHUNK - 1);
        const uint32_t part = n < QUIRE_CHUNK - in_chunk ? n : QUIRE_CHUNK - in_chunk;
        memset(quire_table_at(table, first), 0, (size_t)part * table->record_size);
        first += part;
        n -= part;
    }
}

quire_status
quire_table_add(quire_ctx *ctx, quire_table *table, uint32_t n, uint32_t *out_first)
{
    if (n > UINT32_MAX - table->count) {
        return quire_fail(ctx, QUIRE_E_LIMIT, NULL,
                          "%u records and %u more were found; at most %u of one kind are handled; "
                          "split the model",
                          (unsigned)(table->count - 1), (unsigned)n, (unsigned)(UINT32_MAX - 1));
    }
    const uint32_t last = table->count + n - 1;
    while (table->n_chunks <= last >> QUIRE_CHUNK_SHIFT)
        QUIRE_TRY(add_chunk(ctx, table));
    clear(table, table->count, n);
    *out_first = table->count;
    table->count += n;
    return QUIRE_OK;
}
