/* arena.h - memory with one lifetime: taken in pieces, given back all at once.
 *
 * Blocks of 64 KiB, doubling to 1 MiB; larger requests get a block of their own. Nothing is freed
 * singly. Alignment 16. Not thread-safe.
 */
#ifndef QUIRE_BASE_ARENA_H
#define QUIRE_BASE_ARENA_H

#include "base/base.h"

typedef struct quire_arena {
    const quire_allocator *alloc;
    struct quire_arena_block *blocks; /* newest first */
    size_t used, room;                /* of the newest block */
} quire_arena;

void quire_arena_init(quire_arena *arena, const quire_allocator *alloc);
void quire_arena_deinit(quire_arena *arena);
/* Forgets everything but keeps the newest block for reuse. */
void quire_arena_reset(quire_arena *arena);

/* NULL when memory is out; not reported. */
void *quire_arena_alloc(quire_arena *arena, size_t size);
/* Zeroed; reports QUIRE_E_NOMEM. `size` 0 gives a valid pointer. */
QUIRE_MUST_USE quire_status quire_arena_take(quire_ctx *ctx, quire_arena *arena, size_t size,
                                             void *out_ptr /* a T ** */);
/* A copy of `bytes` that lives as long as the arena, followed by a NUL. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_arena_copy(quire_ctx *ctx, quire_arena *arena, quire_bytes bytes,
                                             quire_bytes *out_copy);
/* printf into the arena; a NUL follows. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_arena_format(quire_ctx *ctx, quire_arena *arena,
                                               quire_bytes *out_text, const char *format, ...)
    QUIRE_PRINTF(4, 5);

#endif
