/* inorder.c - see inorder.h.
 *
 * Item i lives in slot i mod n_slots, and is started only when the item that had the slot before is
 * finished. Who completes the item whose turn it is finishes it, and then what is ready behind it;
 * everyone else goes on to the next item. So nobody waits but for a slot, and the item whose turn
 * it is always has somebody who is at work on it or finishing: there is no deadlock, even if the
 * threads are run one after the other.
 */
#include "base/inorder.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"

enum {
    ALIGN = 64,
    MOST_THREADS = 256,
    /* So that a thread the system lets wait for a while does not hold up the others. */
    SLOTS_PER_THREAD = 8,
};

/* The first error reported while an item was at work. */
typedef struct kept {
    quire_diagnostic diagnostic; /* status QUIRE_OK: there is none */
    char file[4200], path[1024], message[1024];
} kept;

typedef struct slot {
    quire_status status;
    bool ready; /* worked on, not finished */
    kept kept;
} slot;

typedef struct run {
    quire_ctx *ctx;
    const quire_inorder *work;
    slot *slots;
    uint8_t *memory;
    size_t stride; /* bytes from one slot's memory to the next */
    uint64_t n_slots;
    pthread_mutex_t lock; /* of what follows, and of the slots' `ready` */
    pthread_cond_t turned;
    uint64_t next; /* the item that is started next */
    uint64_t turn; /* the item that is finished next */
    bool starting, finishing;
    bool stopped;
    quire_status status; /* of the item that stopped it */
    const kept *told;    /* what it reported */
} run;

/* --- what is reported ------------------------------------------------------------------------- */

static void
keep(void *data, const quire_diagnostic *d)
{
    kept *k = data;
    if (d->severity != QUIRE_ERROR || k->diagnostic.status != QUIRE_OK) return;
    k->diagnostic = *d;
    snprintf(k->message, sizeof k->message, "%s", d->message);
    snprintf(k->path, sizeof k->path, "%s", d->path != NULL ? d->path : "");
    snprintf(k->file, sizeof k->file, "%s", d->file != NULL ? d->file : "");
}

static void
tell(const run *r)
{
    if (r->told == NULL || r->told->diagnostic.status == QUIRE_OK || r->ctx->sink == NULL) return;
    quire_diagnostic d = r->told->diagnostic;
    d.message = r->told->message;
    if (d.path != NULL) d.path = r->told->path;
    if (d.file != NULL) d.file = r->told->file;
    r->ctx->sink(r->ctx->sink_data, &d);
}

/* The context an item is worked on with. */
static quire_ctx
context_of(const run *r, slot *s)
{
    quire_ctx ctx = *r->ctx;
    ctx.sink = keep;
    ctx.sink_data = &s->kept;
    ctx.parallel = NULL;
    return ctx;
}

/* --- threads ---------------------------------------------------------------------------------- */

static slot *
slot_of(const run *r, uint64_t i)
{
    return &r->slots[i % r->n_slots];
}

static quire_status
call(run *r, quire_status (*step)(quire_ctx *, void *, void *, uint64_t), uint64_t i)
{
    slot *s = slot_of(r, i);
    quire_ctx ctx = context_of(r, s);
    if (step == NULL) return QUIRE_OK;
    return step(&ctx, r->work->data, r->memory + (i % r->n_slots) * r->stride, i);
}

/* Takes an item and starts it. False: there is none left. Called with the lock held, which is
 * released while it waits and starts. */
static bool
take(run *r, uint64_t *out_i)
{
    while (!r->stopped && r->next < r->work->n && (r->starting || r->next - r->turn >= r->n_slots))
        pthread_cond_wait(&r->turned, &r->lock);
    if (r->stopped || r->next >= r->work->n) return false;
    const uint64_t i = r->next++;
    slot *s = slot_of(r, i);
    *out_i = i;
    s->status = QUIRE_OK;
    s->ready = false;
    s->kept.diagnostic = (quire_diagnostic){.status = QUIRE_OK};
    if (r->work->start == NULL) return true;
    r->starting = true;
    pthread_mutex_unlock(&r->lock);
    const quire_status status = call(r, r->work->start, i);
    pthread_mutex_lock(&r->lock);
    s->status = status;
    r->starting = false;
    pthread_cond_broadcast(&r->turned);
    return true;
}

/* Finishes what is ready, in order. Called with the lock held, which is released meanwhile. */
static void
finish_ready(run *r)
{
    if (r->finishing) return;
    r->finishing = true;
    while (!r->stopped && r->turn < r->next && slot_of(r, r->turn)->ready) {
        const uint64_t i = r->turn;
        slot *s = slot_of(r, i);
        s->ready = false;
        pthread_mutex_unlock(&r->lock);
        if (s->status == QUIRE_OK) s->status = call(r, r->work->finish, i);
        pthread_mutex_lock(&r->lock);
        if (s->status != QUIRE_OK) {
            r->stopped = true;
            r->status = s->status;
            r->told = &s->kept;
        }
        r->turn++;
        pthread_cond_broadcast(&r->turned);
    }
    r->finishing = false;
}

/* What each thread does: items, until there is none left. */
static void
work_on_items(void *data, uint64_t thread)
{
    run *r = data;
    (void)thread;
    pthread_mutex_lock(&r->lock);
    for (uint64_t i; take(r, &i);) {
        slot *s = slot_of(r, i);
        pthread_mutex_unlock(&r->lock);
        if (s->status == QUIRE_OK) s->status = call(r, r->work->work, i);
        pthread_mutex_lock(&r->lock);
        s->ready = true;
        finish_ready(r);
    }
    pthread_mutex_unlock(&r->lock);
}

static void
run_items(run *r, uint32_t n_threads)
{
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->turned, NULL);
    if (n_threads > 1) {
        r->ctx->parallel(r->ctx->pool, n_threads, work_on_items, r);
    } else {
        work_on_items(r, 0);
    }
    pthread_cond_destroy(&r->turned);
    pthread_mutex_destroy(&r->lock);
}

/* --- memory ----------------------------------------------------------------------------------- */

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many threads there is memory and work for; and slots. */
static uint32_t
plan(const quire_ctx *ctx, const quire_inorder *work, uint64_t *out_n_slots)
{
    const size_t stride = work->slot_size + ALIGN;
    const uint64_t fit = work->room / stride > 0 ? work->room / stride : 1;
    uint64_t threads = ctx->parallel != NULL && ctx->n_threads > 1 ? ctx->n_threads : 1;
    threads = least(least(threads, MOST_THREADS), least(fit, work->n));
    *out_n_slots = threads == 1 ? 1 : least(least(fit, work->n), threads * SLOTS_PER_THREAD);
    return (uint32_t)threads;
}

/* `memory` is what was allocated; the slots begin at the next multiple of ALIGN. */
static quire_status
run_in(run *r, uint8_t *memory, uint32_t n_threads)
{
    const size_t size = r->n_slots * sizeof *r->slots;
    r->memory = memory + (ALIGN - (uintptr_t)memory % ALIGN) % ALIGN;
    r->slots = quire_alloc(r->ctx->alloc, size);
    if (r->slots == NULL) return quire_nomem(r->ctx);
    run_items(r, n_threads);
    tell(r);
    quire_free(r->ctx->alloc, r->slots, size);
    return r->status == QUIRE_NONE ? QUIRE_OK : r->status;
}

quire_status
quire_inorder_run(quire_ctx *ctx, const quire_inorder *work)
{
    run r = {.ctx = ctx, .work = work, .status = QUIRE_OK};
    if (work->n == 0) return QUIRE_OK;
    if (work->slot_size > SIZE_MAX / 4) return quire_nomem(ctx);
    const uint32_t n_threads = plan(ctx, work, &r.n_slots);
    r.stride = (work->slot_size + ALIGN - 1) / ALIGN * ALIGN;
    size_t size;
    if (__builtin_mul_overflow(r.stride, (size_t)r.n_slots, &size) || size > SIZE_MAX - ALIGN)
        return quire_nomem(ctx);
    size += ALIGN;
    uint8_t *memory = quire_alloc(ctx->alloc, size);
    if (memory == NULL) return quire_nomem(ctx);
    const quire_status status = run_in(&r, memory, n_threads);
    quire_free(ctx->alloc, memory, size);
    return status;
}
