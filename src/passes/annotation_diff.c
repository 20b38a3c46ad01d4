/* annotation_diff.c - what holds on either side is sorted by slot, then compared run by run. Slots
 * are numbered through one dense array over values, uses and symbols.
 */
#include "passes/annotation_diff.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/diag.h"

static const uint32_t present = UINT32_MAX; /* has claims, no number yet */

typedef struct comparison {
    quire_ctx *ctx;
    const quire_model *m;
    const quire_slot_order *order; /* may be NULL */
    uint32_t *places;              /* by key_of: entry + 1, 0: no claim */
    size_t n_places;
    quire_slot *slots; /* by entry */
    size_t n_entries, entries_room;
    size_t *starts; /* by entry, one more than entries: of the side being sorted */
    int32_t *tops;  /* by entry: the highest priority of that side */
} comparison;

static size_t
key_of(const comparison *c, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT) return slot.id;
    if (slot.kind == QUIRE_SLOT_USE) return (size_t)c->m->values.count + slot.id;
    return (size_t)c->m->values.count + c->m->uses.count + slot.id;
}

static uint32_t
entry_of(const comparison *c, const quire_claim *claim)
{
    return c->places[key_of(c, claim->slot)] - 1;
}

static bool
is_gone(const comparison *c, quire_slot slot)
{
    return c->order != NULL && quire_slot_rank(c->order, slot) == 0;
}

int
quire_claimants_compare(const quire_model *m, const quire_claim *a, const quire_claim *b)
{
    const quire_bytes x = quire_sym_bytes(m, a->who);
    const quire_bytes y = quire_sym_bytes(m, b->who);
    const int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

bool
quire_claims_agree(const quire_claim *claims, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (!quire_spec_ref_equal(claims[i].spec, claims[0].spec)) return false;
    }
    return true;
}

/* --- numbering -------------------------------------------------------------------------------- */

static void
mark(comparison *c, const quire_claims *claims)
{
    for (size_t i = 0; i < claims->n; i++)
        c->places[key_of(c, claims->ptr[i].slot)] = present;
}

static void
number(comparison *c, quire_slot slot)
{
    uint32_t *place = &c->places[key_of(c, slot)];
    if (*place != present) return;
    c->slots[c->n_entries++] = slot;
    *place = (uint32_t)c->n_entries;
}

static void
number_all(comparison *c, const quire_claims *before, const quire_claims *after)
{
    mark(c, before);
    mark(c, after);
    for (uint32_t rank = 1; c->order != NULL && rank <= c->order->n; rank++)
        number(c, c->order->slot_of_rank[rank]);
    for (size_t i = 0; i < before->n; i++)
        number(c, before->ptr[i].slot);
    for (size_t i = 0; i < after->n; i++)
        number(c, after->ptr[i].slot);
}

/* --- one side --------------------------------------------------------------------------------- */

static bool
holds(const comparison *c, const quire_claim *claim)
{
    return (claim->flags & QUIRE_CLAIM_LOST) == 0 && claim->priority == c->tops[entry_of(c, claim)];
}

/* Fills tops, and starts with where each entry's run begins. */
static void
count(comparison *c, const quire_claims *claims)
{
    for (size_t e = 0; e < c->n_entries; e++)
        c->tops[e] = INT32_MIN;
    memset(c->starts, 0, (c->n_entries + 1) * sizeof *c->starts);
    for (size_t i = 0; i < claims->n; i++) {
        const quire_claim *claim = &claims->ptr[i];
        int32_t *top = &c->tops[entry_of(c, claim)];
        if ((claim->flags & QUIRE_CLAIM_LOST) == 0 && claim->priority > *top)
            *top = claim->priority;
    }
    for (size_t i = 0; i < claims->n; i++) {
        if (holds(c, &claims->ptr[i])) c->starts[entry_of(c, &claims->ptr[i]) + 1]++;
    }
    for (size_t e = 0; e < c->n_entries; e++)
        c->starts[e + 1] += c->starts[e];
}

static int
compare_claimants(const void *a, const void *b, void *model)
{
    return quire_claimants_compare(model, a, b);
}

/* Sponsors of one annotation share the flag, as resolution has it. */
static void
settle_run(const comparison *c, quire_claim *claims, size_t n)
{
    uint32_t flags = 0;
    if (n < 2) return;
    qsort_r(claims, n, sizeof *claims, compare_claimants, (void *)(uintptr_t)c->m);
    for (size_t i = 0; i < n; i++)
        flags |= claims[i].flags;
    if (!quire_claims_agree(claims, n)) return;
    for (size_t i = 0; i < n; i++)
        claims[i].flags = flags;
}

/* What holds of `claims`, by entry; *starts is left with the ends of the runs. */
static quire_status
sort_side(comparison *c, const quire_claims *claims, quire_claims *out)
{
    count(c, claims);
    const size_t n = c->starts[c->n_entries];
    QUIRE_TRY(quire_grow(c->ctx, &out->ptr, &out->room, n, sizeof *out->ptr));
    out->n = n;
    for (size_t i = 0; i < claims->n; i++) {
        const quire_claim *claim = &claims->ptr[i];
        if (holds(c, claim)) out->ptr[c->starts[entry_of(c, claim)]++] = *claim;
    }
    for (size_t e = 0, first = 0; e < c->n_entries; first = c->starts[e++]) {
        if (c->starts[e] > first) settle_run(c, out->ptr + first, c->starts[e] - first);
    }
    return QUIRE_OK;
}

/* The run of `slot` from *io_at on, which is advanced past it. */
static quire_annotation_run
next_run(const quire_claims *claims, quire_slot slot, size_t *io_at)
{
    quire_annotation_run run = {*io_at, 0};
    while (*io_at < claims->n && quire_slot_equal(claims->ptr[*io_at].slot, slot))
        ++*io_at;
    run.n = *io_at - run.first;
    return run;
}

/* --- both ------------------------------------------------------------------------------------- */

static bool
same_claim(const quire_claim *a, const quire_claim *b)
{
    return a->who.id == b->who.id && quire_spec_ref_equal(a->spec, b->spec) &&
           a->priority == b->priority &&
           ((a->flags ^ b->flags) & (uint32_t)QUIRE_CLAIM_NOSHARE) == 0;
}

static bool
same_run(const quire_annotation_diff *d, const quire_annotation_change *change)
{
    if (change->before.n != change->after.n) return false;
    for (size_t i = 0; i < change->before.n; i++) {
        if (!same_claim(&d->before.ptr[change->before.first + i],
                        &d->after.ptr[change->after.first + i]))
            return false;
    }
    return true;
}

static quire_status
compare_runs(const comparison *c, quire_annotation_diff *d)
{
    size_t before = 0;
    size_t after = 0;
    for (size_t e = 0; e < c->n_entries; e++) {
        quire_annotation_change change = {.slot = c->slots[e], .gone = is_gone(c, c->slots[e])};
        change.before = next_run(&d->before, change.slot, &before);
        change.after = next_run(&d->after, change.slot, &after);
        if (change.before.n + change.after.n == 0) continue; /* lost claims alone */
        if (!change.gone && same_run(d, &change)) {
            d->n_same++;
            continue;
        }
        QUIRE_TRY(quire_grow(c->ctx, &d->changes, &d->changes_room, d->n_changes + 1,
                             sizeof *d->changes));
        d->changes[d->n_changes++] = change;
    }
    return QUIRE_OK;
}

static void
find_nearest(const comparison *c, quire_annotation_diff *d)
{
    quire_bytes texts[QUIRE_NEAREST_WANTED];
    size_t of[QUIRE_NEAREST_WANTED];
    quire_near_slots near[QUIRE_NEAREST_WANTED];
    size_t n = 0;
    for (size_t i = 0; i < d->n_changes && n < QUIRE_NEAREST_WANTED; i++) {
        if (!d->changes[i].gone) continue;
        texts[n] = quire_sym_bytes(c->m, (quire_sym){d->changes[i].slot.id});
        of[n++] = i;
    }
    if (n == 0) return;
    quire_slots_nearest(c->ctx, c->m, c->order, texts, n, near);
    for (size_t i = 0; i < n; i++)
        d->changes[of[i]].near = near[i];
}

static quire_status
compare(comparison *c, const quire_claims *before, const quire_claims *after,
        quire_annotation_diff *out)
{
    number_all(c, before, after);
    QUIRE_TRY(sort_side(c, before, &out->before));
    QUIRE_TRY(sort_side(c, after, &out->after));
    QUIRE_TRY(compare_runs(c, out));
    find_nearest(c, out);
    return QUIRE_OK;
}

quire_status
quire_annotation_diff_make(quire_ctx *ctx, const quire_model *m, const quire_slot_order *order,
                           const quire_claims *before, const quire_claims *after,
                           quire_annotation_diff *out)
{
    const size_t n = before->n + after->n;
    comparison c = {.ctx = ctx, .m = m, .order = order};
    c.n_places = (size_t)m->values.count + m->uses.count + m->syms.n;
    *out = (quire_annotation_diff){0};
    size_t starts_room = 0;
    size_t tops_room = 0;
    size_t places_room = 0;
    quire_status status = quire_grow(ctx, &c.places, &places_room, c.n_places, sizeof *c.places);
    if (status == QUIRE_OK) status = quire_grow(ctx, &c.slots, &c.entries_room, n, sizeof *c.slots);
    if (status == QUIRE_OK)
        status = quire_grow(ctx, &c.starts, &starts_room, n + 1, sizeof *c.starts);
    if (status == QUIRE_OK) status = quire_grow(ctx, &c.tops, &tops_room, n, sizeof *c.tops);
    if (status == QUIRE_OK) status = compare(&c, before, after, out);
    quire_ungrow(ctx->alloc, &c.places, &places_room, sizeof *c.places);
    quire_ungrow(ctx->alloc, &c.slots, &c.entries_room, sizeof *c.slots);
    quire_ungrow(ctx->alloc, &c.starts, &starts_room, sizeof *c.starts);
    quire_ungrow(ctx->alloc, &c.tops, &tops_room, sizeof *c.tops);
    if (status != QUIRE_OK) quire_annotation_diff_deinit(ctx, out);
    return status;
}

void
quire_annotation_diff_deinit(quire_ctx *ctx, quire_annotation_diff *diff)
{
    quire_claims_deinit(ctx, &diff->before);
    quire_claims_deinit(ctx, &diff->after);
    quire_ungrow(ctx->alloc, &diff->changes, &diff->changes_room, sizeof *diff->changes);
}
