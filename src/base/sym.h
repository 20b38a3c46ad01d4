/* sym.h - interned strings: equal bytes, equal id.
 *
 * Id 0 is "no string" (a field that is absent); id 1 is the empty string. Strings from a file are
 * not copied, their bytes must outlive the table. The hash (XXH3, seeded per table) decides no
 * order.
 */
#ifndef QUIRE_BASE_SYM_H
#define QUIRE_BASE_SYM_H

#include "base/base.h"

typedef struct quire_sym {
    uint32_t id;
} quire_sym;

enum { QUIRE_SYM_NONE = 0, QUIRE_SYM_EMPTY = 1 };

typedef struct quire_sym_entry {
    const uint8_t *ptr;
    uint32_t len, flags; /* flags: free for the owner of the table */
} quire_sym_entry;

typedef struct quire_syms {
    const quire_allocator *alloc;
    quire_sym_entry *entries; /* by id */
    uint32_t *slots;          /* open addressing, power of two */
    size_t n, entries_room, slots_room;
    uint64_t seed;
} quire_syms;

/* Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_syms_init(quire_ctx *ctx, quire_syms *syms);
void quire_syms_deinit(quire_syms *syms);
/* The id of `bytes`, new or old. `bytes.ptr` is kept if new. Reports QUIRE_E_NOMEM, or
 * QUIRE_E_LIMIT for a string or a count above 2^32 - 1. */
QUIRE_MUST_USE quire_status quire_syms_intern(quire_ctx *ctx, quire_syms *syms, quire_bytes bytes,
                                              quire_sym *out_sym);
/* The id if it is there, else {0}. */
quire_sym quire_syms_find(const quire_syms *syms, quire_bytes bytes);

static inline quire_bytes
quire_syms_bytes(const quire_syms *syms, quire_sym sym)
{
    return (quire_bytes){syms->entries[sym.id].ptr, syms->entries[sym.id].len};
}

#endif
