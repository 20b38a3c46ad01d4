/* inorder.h - numbered work on the context's threads, its results taken in order.
 *
 * Items are worked on several at a time and finished one at a time, item 0 first: what a finish
 * adds up, writes or hashes is the same at any number of threads, and so is the failure that is
 * told. An item lives in a slot, memory of its own that is taken before the work begins; slots are
 * reused, so that what is in memory does not depend on how many items there are.
 */
#ifndef QUIRE_BASE_INORDER_H
#define QUIRE_BASE_INORDER_H

#include "base/base.h"

typedef struct quire_inorder {
    uint64_t n;       /* items                                           */
    size_t slot_size; /* bytes; each slot is aligned to 64               */
    size_t room;      /* bytes all slots may take; one slot is always had */
    void *data;
    /* Called in order, before work, one at a time, from any thread; may be NULL. */
    quire_status (*start)(quire_ctx *ctx, void *data, void *slot, uint64_t i);
    /* Called from any thread, several at a time. May be NULL. */
    quire_status (*work)(quire_ctx *ctx, void *data, void *slot, uint64_t i);
    /* Called in order, one at a time, from any thread. QUIRE_NONE ends it all, without failure. */
    quire_status (*finish)(quire_ctx *ctx, void *data, void *slot, uint64_t i);
} quire_inorder;

/* Runs all items, on this thread alone where the context has no others. Stops at the least item
 * that fails in any of the three and returns its status; what it reported is told from the calling
 * thread. The callbacks allocate nothing and use the context they are given. Items behind the one
 * that stopped may have been started, but none of them is finished. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_inorder_run(quire_ctx *ctx, const quire_inorder *work);

#endif
