/* sym.c - a hash table of ids over an array of strings.
 *
 * Slots hold ids, 0 is a free slot; at most half are taken, probing is linear. The seed is random,
 * so that a file cannot be made whose names collide; nothing but speed depends on it.
 */
#include "base/sym.h"

#include <sys/random.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"

enum { FIRST_SLOTS = 64 };

static uint64_t
random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) seed = 0;
    return seed;
}

/* The slot where `bytes` is or would be. */
static uint32_t *
slot_of(const quire_syms *syms, quire_bytes bytes)
{
    const size_t mask = syms->slots_room - 1;
    size_t at = (size_t)XXH3_64bits_withSeed(bytes.ptr, bytes.len, syms->seed) & mask;
    while (syms->slots[at] != 0) {
        const quire_bytes found = quire_syms_bytes(syms, (quire_sym){syms->slots[at]});
        if (quire_bytes_equal(found, bytes)) break;
        at = (at + 1) & mask;
    }
    return &syms->slots[at];
}

static quire_status
set_slots(quire_ctx *ctx, quire_syms *syms, size_t room)
{
    size_t size;
    if (__builtin_mul_overflow(room, sizeof *syms->slots, &size)) return quire_nomem(ctx);
    uint32_t *slots = quire_alloc(syms->alloc, size);
    if (slots == NULL) return quire_nomem(ctx);
    memset(slots, 0, size);

    quire_free(syms->alloc, syms->slots, syms->slots_room * sizeof *syms->slots);
    syms->slots = slots;
    syms->slots_room = room;
    for (size_t id = QUIRE_SYM_EMPTY; id < syms->n; id++) {
        *slot_of(syms, quire_syms_bytes(syms, (quire_sym){(uint32_t)id})) = (uint32_t)id;
    }
    return QUIRE_OK;
}

/* The new entry's id is the count before; nothing changes on failure. */
static quire_status
add_entry(quire_ctx *ctx, quire_syms *syms, quire_bytes bytes)
{
    if (bytes.len > UINT32_MAX || syms->n > UINT32_MAX) {
        return quire_fail(
            ctx, QUIRE_E_LIMIT, NULL,
            "a string of %zu bytes after %zu others was found; at most 4294967295 bytes "
            "and 4294967295 strings are handled",
            bytes.len, syms->n);
    }
    QUIRE_TRY(
        quire_grow(ctx, &syms->entries, &syms->entries_room, syms->n + 1, sizeof *syms->entries));
    if (2 * (syms->n + 1) > syms->slots_room) QUIRE_TRY(set_slots(ctx, syms, 2 * syms->slots_room));
    *slot_of(syms, bytes) = (uint32_t)syms->n;
    syms->entries[syms->n++] = (quire_sym_entry){.ptr = bytes.ptr, .len = (uint32_t)bytes.len};
    return QUIRE_OK;
}

static quire_status
fill_first(quire_ctx *ctx, quire_syms *syms)
{
    QUIRE_TRY(quire_grow(ctx, &syms->entries, &syms->entries_room, 1, sizeof *syms->entries));
    QUIRE_TRY(set_slots(ctx, syms, FIRST_SLOTS));
    syms->n = QUIRE_SYM_EMPTY;
    return add_entry(ctx, syms, quire_bytes_of(""));
}

quire_status
quire_syms_init(quire_ctx *ctx, quire_syms *syms)
{
    *syms = (quire_syms){.alloc = ctx->alloc, .seed = random_seed()};
    const quire_status status = fill_first(ctx, syms);
    if (status != QUIRE_OK) quire_syms_deinit(syms);
    return status;
}

void
quire_syms_deinit(quire_syms *syms)
{
    if (syms->alloc == NULL) return;
    quire_ungrow(syms->alloc, &syms->entries, &syms->entries_room, sizeof *syms->entries);
    quire_free(syms->alloc, syms->slots, syms->slots_room * sizeof *syms->slots);
    *syms = (quire_syms){.alloc = syms->alloc};
}

quire_sym
quire_syms_find(const quire_syms *syms, quire_bytes bytes)
{
    return (quire_sym){*slot_of(syms, bytes)};
}

quire_status
quire_syms_intern(quire_ctx *ctx, quire_syms *syms, quire_bytes bytes, quire_sym *out_sym)
{
    quire_sym sym = quire_syms_find(syms, bytes);
    if (sym.id == QUIRE_SYM_NONE) {
        QUIRE_TRY(add_entry(ctx, syms, bytes));
        sym.id = (uint32_t)(syms->n - 1);
    }
    *out_sym = sym;
    return QUIRE_OK;
}
