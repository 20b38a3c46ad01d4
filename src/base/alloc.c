/* alloc.c - the libc allocator, the three calls on any allocator, and growing arrays. */
#include "base/alloc.h"

#include <stdlib.h>

#include "base/diag.h"

static void *
libc_realloc(void *data, void *ptr, size_t old_size, size_t new_size)
{
    (void)data;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

const quire_allocator quire_allocator_libc = {.realloc = libc_realloc};

void *
quire_alloc(const quire_allocator *a, size_t size)
{
    return size == 0 ? NULL : a->realloc(a->data, NULL, 0, size);
}

void *
quire_realloc(const quire_allocator *a, void *ptr, size_t old_size, size_t new_size)
{
    if (ptr == NULL) return quire_alloc(a, new_size);
    return a->realloc(a->data, ptr, old_size, new_size);
}

void
quire_free(const quire_allocator *a, void *ptr, size_t size)
{
    if (ptr != NULL) a->realloc(a->data, ptr, size, 0);
}

/* Half as much again, at least 8 and at least `need`. */
static size_t
grown_capacity(size_t capacity, size_t need)
{
    size_t grown = capacity;
    if (__builtin_add_overflow(capacity, capacity / 2, &grown)) grown = need;
    if (grown < 8) grown = 8;
    return grown < need ? need : grown;
}

quire_status
quire_grow(quire_ctx *ctx, void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) return QUIRE_OK;
    const size_t grown = grown_capacity(*capacity, need);
    size_t new_size;
    if (__builtin_mul_overflow(grown, size, &new_size)) return quire_nomem(ctx);

    /* `array` is a T **: its pointer is copied, not read through a void **, which would break the
     * aliasing rules. */
    void *ptr;
    memcpy(&ptr, array, sizeof ptr);
    const size_t old_size = *capacity * size;
    ptr = quire_realloc(ctx->alloc, ptr, old_size, new_size);
    if (ptr == NULL) return quire_nomem(ctx);
    memset((uint8_t *)ptr + old_size, 0, new_size - old_size);
    memcpy(array, &ptr, sizeof ptr);
    *capacity = grown;
    return QUIRE_OK;
}

void
quire_ungrow(const quire_allocator *a, void *array, size_t *capacity, size_t size)
{
    void *ptr;
    memcpy(&ptr, array, sizeof ptr);
    quire_free(a, ptr, *capacity * size);
    ptr = NULL;
    memcpy(array, &ptr, sizeof ptr);
    *capacity = 0;
}
