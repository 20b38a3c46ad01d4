/* resolve_winners.c - which claims hold: one contest per slot.
 *
 * Claims are brought into slot order by counting; inside one slot they are few, and sorted. First
 * every claimant is left with one claim, his last; then the highest priority holds.
 */
#include <stdlib.h>

#include "passes/resolving.h"

/* --- claims in slot order --------------------------------------------------------------------- */

static int
compare_absent(const void *a, const void *b, void *m)
{
    return quire_compare_syms(m, *(const quire_sym *)a, *(const quire_sym *)b);
}

/* Ranks for the ABSENT slots that are claimed. */
static quire_status
rank_absent(quire_resolving *r, const quire_claims *claims)
{
    for (size_t i = 0; i < claims->n; i++) {
        if (claims->ptr[i].slot.kind != QUIRE_SLOT_ABSENT) continue;
        QUIRE_TRY(
            quire_grow(r->ctx, &r->absent, &r->absent_room, r->n_absent + 1, sizeof *r->absent));
        r->absent[r->n_absent++] = (quire_sym){claims->ptr[i].slot.id};
    }
    if (r->n_absent < 2) return QUIRE_OK;
    qsort_r(r->absent, r->n_absent, sizeof *r->absent, compare_absent, (void *)r->m);
    size_t n = 1;
    for (size_t i = 1; i < r->n_absent; i++) {
        if (r->absent[i].id != r->absent[n - 1].id) r->absent[n++] = r->absent[i];
    }
    r->n_absent = n;
    return QUIRE_OK;
}

/* starts[rank + 1] becomes the number of claims on that slot. */
static quire_status
count_claims(quire_resolving *r, const quire_claims *claims, uint32_t *starts)
{
    for (size_t i = 0; i < claims->n; i++) {
        const uint32_t rank = quire_resolving_rank(r, claims->ptr[i].slot);
        if (rank == 0) {
            return quire_bug(r->ctx, "a claim on slot %u of kind %u, which the graph does not have",
                             (unsigned)claims->ptr[i].slot.id, (unsigned)claims->ptr[i].slot.kind);
        }
        starts[rank + 1]++;
    }
    return QUIRE_OK;
}

/* Copies the claims to out->claims by rank, keeping the order of equals; starts[rank] is then where
 * the claims on that slot end. Returns the most on one slot. */
static uint32_t
scatter_claims(quire_resolving *r, const quire_claims *claims, uint32_t *starts)
{
    quire_claims *sorted = &r->out->claims;
    uint32_t most = 0;
    for (size_t rank = 0; rank < r->out->n_ranks; rank++) {
        if (starts[rank + 1] > most) most = starts[rank + 1];
        starts[rank + 1] += starts[rank];
    }
    for (size_t i = 0; i < claims->n; i++) {
        const uint32_t rank = quire_resolving_rank(r, claims->ptr[i].slot);
        sorted->ptr[starts[rank]++] = claims->ptr[i];
    }
    r->out->work += r->out->n_ranks + 2 * claims->n;
    return most;
}

/* --- one slot --------------------------------------------------------------------------------- */

typedef struct contest {
    quire_resolving *r;
    quire_claim *claims;     /* those on the slot, in the order of the list */
    uint32_t *order, *spare; /* indices of them */
    quire_claim *copy;
    size_t n;
} contest;

typedef int (*compare_claims)(const contest *c, uint32_t a, uint32_t b);

/* By claimant, and his equal claims side by side, the one to keep last. */
static int
compare_claimants(const contest *c, uint32_t i, uint32_t j)
{
    const quire_claim *a = &c->claims[i];
    const quire_claim *b = &c->claims[j];
    const int order = quire_compare_syms(c->r->m, a->who, b->who);
    if (order != 0) return order;
#define BY(field)                                                                                  \
    if (a->field != b->field) return a->field < b->field ? -1 : 1
    BY(spec.row);
    BY(spec.target.kind);
    BY(spec.target.id);
    BY(priority);
#undef BY
    const int noshare =
        (int)(a->flags & QUIRE_CLAIM_NOSHARE) - (int)(b->flags & QUIRE_CLAIM_NOSHARE);
    if (noshare != 0) return noshare;
    return (int)(b->flags & QUIRE_CLAIM_LOST) - (int)(a->flags & QUIRE_CLAIM_LOST);
}

/* Those that hold, then the losers; by falling priority, then claimant. */
static int
compare_outcome(const contest *c, uint32_t i, uint32_t j)
{
    const quire_claim *a = &c->claims[i];
    const quire_claim *b = &c->claims[j];
    const int lost = (int)(a->flags & QUIRE_CLAIM_LOST) - (int)(b->flags & QUIRE_CLAIM_LOST);
    if (lost != 0) return lost;
    if (a->priority != b->priority) return a->priority > b->priority ? -1 : 1;
    const int order = quire_compare_syms(c->r->m, a->who, b->who);
    return order != 0 ? order : (i > j) - (i < j);
}

/* Merges order[at..mid) and order[mid..end) into spare. */
static void
merge(contest *c, compare_claims compare, size_t at, size_t mid, size_t end)
{
    size_t i = at;
    size_t j = mid;
    for (size_t k = at; k < end; k++) {
        const bool left = j == end || (i < mid && compare(c, c->order[i], c->order[j]) <= 0);
        c->spare[k] = left ? c->order[i++] : c->order[j++];
    }
    c->r->out->work += end - at;
}

/* Stable. */
static void
sort(contest *c, compare_claims compare)
{
    for (size_t width = 1; width < c->n; width *= 2) {
        for (size_t at = 0; at < c->n; at += 2 * width) {
            const size_t mid = at + width < c->n ? at + width : c->n;
            const size_t end = mid + width < c->n ? mid + width : c->n;
            merge(c, compare, at, mid, end);
        }
        uint32_t *sorted = c->spare;
        c->spare = c->order;
        c->order = sorted;
    }
}

static bool
same_request(const contest *c, uint32_t i, uint32_t j)
{
    const quire_claim *a = &c->claims[i];
    const quire_claim *b = &c->claims[j];
    return a->who.id == b->who.id && quire_spec_ref_equal(a->spec, b->spec) &&
           a->priority == b->priority && ((a->flags ^ b->flags) & QUIRE_CLAIM_NOSHARE) == 0;
}

/* One claim of every claimant still competes: his last. Equal ones count once. */
static void
settle_claimants(contest *c)
{
    size_t n = 0;
    sort(c, compare_claimants);
    for (size_t i = 0; i < c->n; i++) {
        if (i + 1 < c->n && same_request(c, c->order[i], c->order[i + 1])) continue;
        c->order[n++] = c->order[i];
    }
    c->n = n;
    uint32_t last = 0; /* the claimant's last so far, index + 1 */
    for (size_t i = 0; i < n; i++) {
        quire_claim *claim = &c->claims[c->order[i]];
        if (i == 0 || claim->who.id != c->claims[c->order[i - 1]].who.id) last = 0;
        if (claim->flags & QUIRE_CLAIM_LOST) continue;
        if (last > c->order[i]) {
            claim->flags |= QUIRE_CLAIM_LOST;
        } else {
            if (last != 0) c->claims[last - 1].flags |= QUIRE_CLAIM_LOST;
            last = c->order[i] + 1;
        }
    }
}

/* Place among the declared claimants; those not declared come last. */
static uint32_t
declared_place(const contest *c, quire_sym who)
{
    return c->r->place_of_who[who.id];
}

/* Of the claims that compete at the top, all of order[0..n_top), ascending by claimant: the one
 * declared earliest. */
static const quire_claim *
earliest(const contest *c, size_t n_top)
{
    const quire_claim *best = NULL;
    uint32_t least = 0;
    for (size_t i = 0; i < n_top; i++) {
        const quire_claim *claim = &c->claims[c->order[i]];
        const uint32_t place = declared_place(c, claim->who);
        if (best != NULL && place >= least) continue;
        least = place;
        best = claim;
    }
    return best;
}

/* Flags as losers all that do not have the top priority; with QUIRE_CONFLICT_FIRST also those that
 * differ from the earliest. Returns how many have the top priority. */
static size_t
settle_priorities(contest *c)
{
    size_t n_top = 0;
    sort(c, compare_outcome);
    const int32_t top = c->claims[c->order[0]].priority;
    for (size_t i = 0; i < c->n; i++) {
        quire_claim *claim = &c->claims[c->order[i]];
        if (claim->flags & QUIRE_CLAIM_LOST) break;
        if (claim->priority == top) {
            n_top++;
        } else {
            claim->flags |= QUIRE_CLAIM_LOST;
        }
    }
    if (n_top < 2 || c->r->options->conflict != QUIRE_CONFLICT_FIRST) return n_top;
    const quire_spec_ref holds = earliest(c, n_top)->spec;
    for (size_t i = 0; i < n_top; i++) {
        quire_claim *claim = &c->claims[c->order[i]];
        if (!quire_spec_ref_equal(claim->spec, holds)) claim->flags |= QUIRE_CLAIM_LOST;
    }
    return n_top;
}

/* Settles c->claims[0..n): they are then in their last order. QUIRE_NONE: a conflict, told. */
static quire_status
settle(contest *c)
{
    for (size_t i = 0; i < c->n; i++)
        c->order[i] = (uint32_t)i;
    settle_claimants(c);
    const size_t n_top = settle_priorities(c);
    sort(c, compare_outcome);
    for (size_t i = 0; i < c->n; i++)
        c->copy[i] = c->claims[c->order[i]];
    memcpy(c->claims, c->copy, c->n * sizeof *c->copy);
    for (size_t i = 1; i < c->n && !(c->claims[i].flags & QUIRE_CLAIM_LOST); i++) {
        if (quire_spec_ref_equal(c->claims[0].spec, c->claims[i].spec)) continue;
        return quire_tell_conflict(c->r, &c->claims[0], &c->claims[i], n_top);
    }
    return QUIRE_OK;
}

/* --- annotations ------------------------------------------------------------------------------ */

static void
add_annotation(quire_resolving *r, uint32_t rank, uint32_t at, uint32_t n)
{
    quire_resolved *out = r->out;
    const quire_claim *claims = out->claims.ptr + at;
    const uint32_t index = (uint32_t)out->n_annotations;
    quire_annotation a = {.slot = claims->slot,
                          .spec = claims->spec,
                          .priority = claims->priority,
                          .claims = at,
                          .target = index,
                          .end = index,
                          .group = QUIRE_NO_GROUP};
    while (a.n_sponsors < n && !(claims[a.n_sponsors].flags & QUIRE_CLAIM_LOST))
        a.flags |= claims[a.n_sponsors++].flags & QUIRE_CLAIM_NOSHARE;
    a.n_losers = n - a.n_sponsors;
    if (a.n_sponsors == 0) return; /* all had lost before */
    out->annotations[out->n_annotations++] = a;
    out->annotation_of_rank[rank] = index + 1;
}

/* place_of_who[symbol]: place among the declared claimants, UINT32_MAX for the others. */
static quire_status
place_claimants(quire_resolving *r)
{
    const quire_resolve_options *o = r->options;
    if (o->conflict != QUIRE_CONFLICT_FIRST) return QUIRE_OK;
    r->n_whos = r->m->syms.n;
    QUIRE_TRY(quire_take_filled(r->ctx, r->n_whos, sizeof(uint32_t), 0xff, &r->place_of_who));
    for (size_t i = o->n_declared; i-- > 0;) {
        const quire_sym who = quire_syms_find(&r->m->syms, quire_bytes_of(o->declared[i]));
        if (who.id != QUIRE_SYM_NONE) r->place_of_who[who.id] = (uint32_t)i;
    }
    return QUIRE_OK;
}

/* ends[rank] is where the claims on that slot end. */
static quire_status
settle_slots(quire_resolving *r, const uint32_t *ends, contest *c)
{
    quire_claims *claims = &r->out->claims;
    uint32_t kept = 0;
    uint32_t at = 0;
    for (uint32_t rank = 1; rank < r->out->n_ranks; rank++) {
        const uint32_t n = ends[rank] - at;
        if (n == 0) continue;
        memmove(claims->ptr + kept, claims->ptr + at, n * sizeof *claims->ptr);
        at = ends[rank];
        c->n = n;
        c->claims = claims->ptr + kept;
        if (n > 1) QUIRE_TRY(settle(c));
        add_annotation(r, rank, kept, (uint32_t)c->n);
        kept += (uint32_t)c->n;
    }
    claims->n = kept;
    return QUIRE_OK;
}

static quire_status
hold_contests(quire_resolving *r, const uint32_t *ends, uint32_t most)
{
    quire_ctx *ctx = r->ctx;
    contest c = {.r = r};
    uint32_t *indices = NULL;
    quire_status status = quire_take_array(ctx, 2 * (size_t)most, sizeof *indices, &indices);
    if (status == QUIRE_OK) status = quire_take_array(ctx, most, sizeof *c.copy, &c.copy);
    c.order = indices;
    c.spare = indices == NULL ? NULL : indices + most;
    if (status == QUIRE_OK) status = settle_slots(r, ends, &c);
    quire_free(ctx->alloc, indices, 2 * (size_t)most * sizeof *indices);
    quire_free(ctx->alloc, c.copy, most * sizeof *c.copy);
    return status;
}

static quire_status
sort_and_settle(quire_resolving *r, const quire_claims *claims, uint32_t *starts)
{
    quire_resolved *out = r->out;
    QUIRE_TRY(count_claims(r, claims, starts));
    QUIRE_TRY(quire_take_array(r->ctx, claims->n, sizeof *out->claims.ptr, &out->claims.ptr));
    out->claims.room = claims->n;
    const uint32_t most = scatter_claims(r, claims, starts);
    uint32_t n_slots = 0;
    for (size_t rank = 1; rank < out->n_ranks; rank++)
        n_slots += starts[rank] != starts[rank - 1];
    QUIRE_TRY(quire_take_array(r->ctx, n_slots, sizeof *out->annotations, &out->annotations));
    out->annotations_room = n_slots;
    return hold_contests(r, starts, most);
}

quire_status
quire_resolve_winners(quire_resolving *r, const quire_claims *claims)
{
    quire_resolved *out = r->out;
    uint32_t *starts = NULL;
    if (claims->n >= UINT32_MAX) {
        return quire_fail(r->ctx, QUIRE_E_LIMIT, NULL, "found %zu requests; allowed are %u",
                          claims->n, (unsigned)UINT32_MAX - 1);
    }
    QUIRE_TRY(place_claimants(r));
    QUIRE_TRY(rank_absent(r, claims));
    const size_t n_ranks = (size_t)out->order.n + r->n_absent + 1;
    QUIRE_TRY(quire_take_filled(r->ctx, n_ranks, sizeof(uint32_t), 0, &out->annotation_of_rank));
    out->n_ranks = n_ranks;
    QUIRE_TRY(quire_take_filled(r->ctx, n_ranks + 1, sizeof *starts, 0, &starts));
    const quire_status status = sort_and_settle(r, claims, starts);
    quire_free(r->ctx->alloc, starts, (n_ranks + 1) * sizeof *starts);
    return status;
}
