/* alloc.h - memory: the context's allocator, and arrays that grow.
 *
 * Sizes are told back when memory is freed, so that tests can count and poison.
 */
#ifndef QUIRE_BASE_ALLOC_H
#define QUIRE_BASE_ALLOC_H

#include "base/base.h"

/* The libc allocator. */
extern const quire_allocator quire_allocator_libc;

/* NULL when memory is out (not reported). Size 0 gives NULL. Uninitialised. */
void *quire_alloc(const quire_allocator *a, size_t size);
void *quire_realloc(const quire_allocator *a, void *ptr, size_t old_size, size_t new_size);
void quire_free(const quire_allocator *a, void *ptr, size_t size);

/* Room for at least `need` elements of `size` bytes in the array at *array (a T **), whose
 * capacity in elements is *capacity; grows by half. New room is zeroed. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_grow(quire_ctx *ctx, void *array, size_t *capacity, size_t need,
                                       size_t size);
/* Frees what quire_grow made and clears both. */
void quire_ungrow(const quire_allocator *a, void *array, size_t *capacity, size_t size);

#endif
