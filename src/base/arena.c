/* arena.c - blocks in a list; the newest one is being filled.
 *
 * A request too big for that gets a block of its own behind the newest, whose rest stays in use.
 * Under AddressSanitizer everything not handed out is poisoned.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, size)   ((void)(ptr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#endif

enum { ALIGNMENT = 16, FIRST_BLOCK = 64 << 10, LAST_BLOCK = 1 << 20 };

typedef struct quire_arena_block {
    struct quire_arena_block *older;
    size_t room; /* bytes behind this head */
} block;

_Static_assert(sizeof(block) % ALIGNMENT == 0, "what follows the head of a block is aligned");

static uint8_t *
block_bytes(block *b)
{
    return (uint8_t *)(b + 1);
}

static block *
block_new(const quire_allocator *alloc, size_t room, block *older)
{
    size_t size;
    if (__builtin_add_overflow(room, sizeof(block), &size)) return NULL;
    block *b = quire_alloc(alloc, size);
    if (b == NULL) return NULL;
    *b = (block){.older = older, .room = room};
    ASAN_POISON_MEMORY_REGION(block_bytes(b), room);
    return b;
}

static void
block_free(const quire_allocator *alloc, block *b)
{
    ASAN_UNPOISON_MEMORY_REGION(block_bytes(b), b->room);
    quire_free(alloc, b, sizeof *b + b->room);
}

static void
free_list(const quire_allocator *alloc, block *b)
{
    while (b != NULL) {
        block *older = b->older;
        block_free(alloc, b);
        b = older;
    }
}

void
quire_arena_init(quire_arena *arena, const quire_allocator *alloc)
{
    *arena = (quire_arena){.alloc = alloc};
}

void
quire_arena_deinit(quire_arena *arena)
{
    free_list(arena->alloc, arena->blocks);
    quire_arena_init(arena, arena->alloc);
}

void
quire_arena_reset(quire_arena *arena)
{
    arena->used = 0;
    if (arena->blocks == NULL) return;
    free_list(arena->alloc, arena->blocks->older);
    arena->blocks->older = NULL;
    ASAN_POISON_MEMORY_REGION(block_bytes(arena->blocks), arena->room);
}

/* A block that holds only this request. */
static void *
alloc_alone(quire_arena *arena, size_t size)
{
    block *newest = arena->blocks;
    block *b = block_new(arena->alloc, size, newest == NULL ? NULL : newest->older);
    if (b == NULL) return NULL;
    if (newest != NULL) {
        newest->older = b;
    } else {
        arena->blocks = b;
        arena->used = arena->room = size;
    }
    ASAN_UNPOISON_MEMORY_REGION(block_bytes(b), size);
    return block_bytes(b);
}

static bool
add_block(quire_arena *arena)
{
    size_t size = FIRST_BLOCK;
    while (size < LAST_BLOCK && size - sizeof(block) <= arena->room)
        size *= 2;
    block *b = block_new(arena->alloc, size - sizeof(block), arena->blocks);
    if (b == NULL) return false;
    arena->blocks = b;
    arena->used = 0;
    arena->room = b->room;
    return true;
}

void *
quire_arena_alloc(quire_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) return NULL;
    const size_t padded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (padded > arena->room - arena->used) {
        if (padded > FIRST_BLOCK / 4) return alloc_alone(arena, padded);
        if (!add_block(arena)) return NULL;
    }
    uint8_t *ptr = block_bytes(arena->blocks) + arena->used;
    arena->used += padded;
    ASAN_UNPOISON_MEMORY_REGION(ptr, size);
    return ptr;
}

quire_status
quire_arena_take(quire_ctx *ctx, quire_arena *arena, size_t size, void *out_ptr)
{
    void *ptr = quire_arena_alloc(arena, size);
    if (ptr == NULL) return quire_nomem(ctx);
    memset(ptr, 0, size);
    memcpy(out_ptr, &ptr, sizeof ptr);
    return QUIRE_OK;
}

quire_status
quire_arena_copy(quire_ctx *ctx, quire_arena *arena, quire_bytes bytes, quire_bytes *out_copy)
{
    uint8_t *copy = bytes.len == SIZE_MAX ? NULL : quire_arena_alloc(arena, bytes.len + 1);
    if (copy == NULL) return quire_nomem(ctx);
    if (bytes.len != 0) memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = 0;
    *out_copy = (quire_bytes){copy, bytes.len};
    return QUIRE_OK;
}

quire_status
quire_arena_format(quire_ctx *ctx, quire_arena *arena, quire_bytes *out_text, const char *format,
                   ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : quire_arena_alloc(arena, (size_t)len + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, format, again);
        *out_text = (quire_bytes){(const uint8_t *)text, (size_t)len};
    }
    va_end(again);
    return text == NULL ? quire_nomem(ctx) : QUIRE_OK;
}
