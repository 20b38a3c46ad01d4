/* annotate_left.c - annotations beside a graph that passes change, and what is left of them.
 *
 * The layer holds, slot by slot, which annotation it is. Afterwards every annotation has a place or
 * is gone; every group has a *keeper*, its least slot that carries the group's spec, or else its
 * least slot; what pointed at a slot that is gone points at the keeper of its group, which then
 * carries the group's spec if it did not.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/layer.h"
#include "passes/annotate.h"

#define LAYER "annotation"

/* --- attaching -------------------------------------------------------------------------------- */

static quire_status
clear_layer(quire_ctx *ctx, quire_layer *layer)
{
    quire_slot *slots;
    size_t n;
    QUIRE_TRY(quire_layer_slots(ctx, layer, &slots, &n));
    for (size_t i = 0; i < n; i++)
        quire_layer_clear(layer, slots[i]);
    quire_free(ctx->alloc, slots, n * sizeof *slots);
    return QUIRE_OK;
}

quire_status
quire_annotations_attach(quire_ctx *ctx, quire_model *m, const quire_resolved *r)
{
    quire_layer *layer;
    QUIRE_TRY(quire_layer_get(ctx, m, LAYER, sizeof(uint32_t), &layer));
    QUIRE_TRY(clear_layer(ctx, layer));
    for (uint32_t i = 0; i < r->n_annotations; i++) {
        const uint32_t record = i + 1;
        const uint32_t kind = r->annotations[i].slot.kind;
        if (kind != QUIRE_SLOT_RESULT && kind != QUIRE_SLOT_USE) continue;
        QUIRE_TRY(quire_layer_set(ctx, layer, r->annotations[i].slot, &record));
    }
    return QUIRE_OK;
}

/* --- what is left ----------------------------------------------------------------------------- */

typedef struct group_left {
    uint32_t keeper; /* index of an annotation + 1; 0: nothing is left          */
    bool carries;    /* the keeper has the group's spec of its own              */
    bool needed;     /* something points at the keeper that pointed elsewhere   */
    bool gone;       /* no member is left, or the group derives from a gone one */
    uint32_t first;  /* into `derived`: the groups that derive from this one    */
    uint32_t n;
} group_left;

typedef struct leaver {
    quire_ctx *ctx;
    quire_model *m;
    const quire_resolved *r;
    quire_slot_order order; /* of the graph as it is now                              */
    quire_slot *places;     /* by annotation: where it is now; {0, 0}: gone           */
    uint32_t *of_rank;      /* by rank: index of the annotation there + 1             */
    group_left *groups;
    uint32_t *derived; /* groups, by the group they derive from                  */
    uint32_t *dead;    /* worklist of groups                                     */
    size_t n_edges, n_dead;
} leaver;

static bool
is_here(const leaver *l, uint32_t annotation)
{
    return l->places[annotation].id != 0;
}

/* Rank now; 0: the slot is gone. */
static uint32_t
rank_now(const leaver *l, quire_slot slot)
{
    const bool made_later = (slot.kind == QUIRE_SLOT_RESULT && slot.id >= l->order.n_values) ||
                            (slot.kind == QUIRE_SLOT_USE && slot.id >= l->order.n_uses);
    return made_later ? 0 : quire_slot_rank(&l->order, slot);
}

static quire_status
find_places(leaver *l)
{
    const quire_layer *layer = quire_layer_find(l->m, LAYER);
    quire_slot *slots;
    size_t n;
    if (layer == NULL) return QUIRE_OK;
    QUIRE_TRY(quire_layer_slots(l->ctx, layer, &slots, &n));
    for (size_t i = 0; i < n; i++) {
        const uint32_t index = *(const uint32_t *)quire_layer_record(layer, slots[i]) - 1;
        const uint32_t rank = rank_now(l, slots[i]);
        if (rank == 0 || index >= l->r->n_annotations) continue;
        l->places[index] = slots[i];
        l->of_rank[rank] = index + 1;
    }
    quire_free(l->ctx->alloc, slots, n * sizeof *slots);
    return QUIRE_OK;
}

static void
find_keepers(leaver *l)
{
    for (uint32_t rank = 1; rank <= l->order.n; rank++) {
        if (l->of_rank[rank] == 0) continue;
        const quire_annotation *a = &l->r->annotations[l->of_rank[rank] - 1];
        if (a->group == QUIRE_NO_GROUP) continue;
        group_left *g = &l->groups[a->group];
        const bool carries = a->spec.row != 0 && a->spec.row == l->r->groups[a->group].spec;
        if (g->keeper == 0 || (carries && !g->carries)) g->keeper = l->of_rank[rank];
        g->carries = g->carries || carries;
    }
}

/* --- groups that derive from groups ----------------------------------------------------------- */

static const quire_spec *
group_spec(const leaver *l, size_t group)
{
    return quire_spec_at(l->m, l->r->groups[group].spec);
}

/* The group of a source or target; QUIRE_NO_GROUP if it has none, which resolution excludes. */
static uint32_t
group_of(const leaver *l, quire_slot slot)
{
    const quire_annotation *a = quire_resolved_at(l->r, slot);
    return a != NULL ? a->group : QUIRE_NO_GROUP;
}

/* Calls `visit` for every pair (source's group, derived group), in a fixed order. */
static void
each_edge(leaver *l, void (*visit)(leaver *l, uint32_t from, uint32_t to))
{
    for (uint32_t g = 0; g < l->r->n_groups; g++) {
        const quire_spec *spec = group_spec(l, g);
        for (uint32_t k = 0; spec->kind == QUIRE_SPEC_DERIVED && k < spec->n_targets; k++) {
            const uint32_t from = group_of(l, spec->targets[k]);
            if (from != QUIRE_NO_GROUP) visit(l, from, g);
        }
    }
}

static void
count_edge(leaver *l, uint32_t from, uint32_t to)
{
    (void)to;
    l->groups[from].n++;
    l->n_edges++;
}

static void
add_edge(leaver *l, uint32_t from, uint32_t to)
{
    group_left *g = &l->groups[from];
    l->derived[g->first + g->n++] = to;
}

static void
kill_group(leaver *l, uint32_t group)
{
    if (l->groups[group].gone) return;
    l->groups[group].gone = true;
    l->dead[l->n_dead++] = group;
}

/* `derived` and `dead` have room. */
static void
kill_groups(leaver *l)
{
    uint32_t first = 0;
    for (uint32_t g = 0; g < l->r->n_groups; g++) {
        l->groups[g].first = first;
        first += l->groups[g].n;
        l->groups[g].n = 0;
    }
    each_edge(l, add_edge);
    for (uint32_t g = 0; g < l->r->n_groups; g++) {
        if (l->groups[g].keeper == 0) kill_group(l, g);
    }
    for (size_t i = 0; i < l->n_dead; i++) {
        const group_left *g = &l->groups[l->dead[i]];
        for (uint32_t k = 0; k < g->n; k++)
            kill_group(l, l->derived[g->first + k]);
    }
}

/* --- what specs say now ----------------------------------------------------------------------- */

/* Marks the group of a target that is gone: its keeper will be pointed at. */
static void
need(leaver *l, quire_slot target)
{
    const quire_annotation *t = quire_resolved_at(l->r, target);
    if (t == NULL || t->group == QUIRE_NO_GROUP) return;
    if (!is_here(l, (uint32_t)(t - l->r->annotations))) l->groups[t->group].needed = true;
}

static bool
is_left(const leaver *l, uint32_t index)
{
    const uint32_t group = l->r->annotations[index].group;
    return is_here(l, index) && (group == QUIRE_NO_GROUP || !l->groups[group].gone);
}

static void
find_needs(leaver *l)
{
    for (uint32_t i = 0; i < l->r->n_annotations; i++) {
        const quire_annotation *a = &l->r->annotations[i];
        if (!is_left(l, i)) continue;
        if (a->spec.row == 0) {
            need(l, a->spec.target);
            continue;
        }
        const quire_spec *spec = quire_spec_at(l->m, a->spec.row);
        for (uint32_t k = 0; k < spec->n_targets; k++)
            need(l, spec->targets[k]);
    }
}

/* A keeper that is handed a derived spec derives from slots its own spec did not name. (Where such
 * a group does not carry its spec any more, the one slot at the end of all its chains is gone, so
 * its keeper is needed.) */
static void
find_needs_of_keepers(leaver *l)
{
    for (size_t g = 0; g < l->r->n_groups; g++) {
        const quire_spec *spec = group_spec(l, g);
        const bool handed = !l->groups[g].carries && !l->groups[g].gone;
        for (uint32_t k = 0; handed && k < spec->n_targets; k++)
            need(l, spec->targets[k]);
    }
}

/* Where a target of what is left is now. */
static quire_slot
target_now(const leaver *l, quire_slot target)
{
    const quire_annotation *t = quire_resolved_at(l->r, target);
    if (t == NULL) return target;
    const uint32_t index = (uint32_t)(t - l->r->annotations);
    if (is_here(l, index) || t->group == QUIRE_NO_GROUP) return l->places[index];
    return l->places[l->groups[t->group].keeper - 1];
}

static quire_status
ref_now(leaver *l, quire_spec_ref ref, quire_spec_ref *out)
{
    *out = ref;
    if (ref.row == 0) {
        out->target = target_now(l, ref.target);
        return QUIRE_OK;
    }
    quire_spec spec = *quire_spec_at(l->m, ref.row);
    if (spec.n_targets == 0) return QUIRE_OK;
    for (uint32_t k = 0; k < spec.n_targets; k++)
        spec.targets[k] = target_now(l, spec.targets[k]);
    return quire_spec_intern(l->ctx, l->m, &spec, out);
}

/* Is there still what a loser wanted to share with? */
static bool
target_is_here(const leaver *l, quire_slot target)
{
    if (target.kind == QUIRE_SLOT_NAMED || target.kind == QUIRE_SLOT_ABSENT) return true;
    const quire_annotation *t = quire_resolved_at(l->r, target);
    if (t != NULL) return is_left(l, (uint32_t)(t - l->r->annotations));
    return rank_now(l, target) != 0;
}

static bool
loser_is_here(const leaver *l, quire_spec_ref ref)
{
    const quire_spec spec = quire_spec_of_ref(l->m, ref);
    bool here = true;
    for (uint32_t k = 0; k < spec.n_targets; k++)
        here = here && target_is_here(l, spec.targets[k]);
    return here;
}

/* --- telling ---------------------------------------------------------------------------------- */

static quire_status
tell_annotation(leaver *l, uint32_t index, quire_claims *io_left)
{
    const quire_annotation *a = &l->r->annotations[index];
    const group_left *g = a->group != QUIRE_NO_GROUP ? &l->groups[a->group] : NULL;
    const bool handed = g != NULL && g->needed && !g->carries && g->keeper == index + 1;
    const quire_spec_ref own =
        handed ? (quire_spec_ref){.row = l->r->groups[a->group].spec} : a->spec;
    quire_spec_ref now;
    QUIRE_TRY(ref_now(l, own, &now));
    for (uint32_t k = 0; k < a->n_sponsors + a->n_losers; k++) {
        quire_claim claim = l->r->claims.ptr[a->claims + k];
        const bool lost = k >= a->n_sponsors;
        if (lost && !loser_is_here(l, claim.spec)) continue;
        if (lost) QUIRE_TRY(ref_now(l, claim.spec, &claim.spec));
        if (!lost) claim.spec = now;
        claim.slot = l->places[index];
        QUIRE_TRY(quire_claims_add(l->ctx, io_left, &claim));
    }
    return QUIRE_OK;
}

static quire_status
tell_all(leaver *l, quire_claims *io_left)
{
    for (uint32_t rank = 1; rank <= l->order.n; rank++) {
        const uint32_t found = l->of_rank[rank];
        if (found != 0 && is_left(l, found - 1)) QUIRE_TRY(tell_annotation(l, found - 1, io_left));
    }
    return QUIRE_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Zeroed; n 0 gives one element, so that NULL is always a failure. */
static quire_status
take_zeroed(quire_ctx *ctx, size_t n, size_t size, void *out_array)
{
    const size_t bytes = (n > 0 ? n : 1) * size;
    void *array = quire_alloc(ctx->alloc, bytes);
    if (array == NULL) return quire_nomem(ctx);
    memset(array, 0, bytes);
    memcpy(out_array, &array, sizeof array);
    return QUIRE_OK;
}

static void
release(const leaver *l, void *array, size_t n, size_t size)
{
    if (array != NULL) quire_free(l->ctx->alloc, array, (n > 0 ? n : 1) * size);
}

static quire_status
survey(leaver *l, quire_claims *io_left)
{
    const quire_resolved *r = l->r;
    QUIRE_TRY(quire_slot_order_make(l->ctx, l->m, &l->order));
    QUIRE_TRY(take_zeroed(l->ctx, r->n_annotations, sizeof *l->places, &l->places));
    QUIRE_TRY(take_zeroed(l->ctx, (size_t)l->order.n + 1, sizeof *l->of_rank, &l->of_rank));
    QUIRE_TRY(take_zeroed(l->ctx, r->n_groups, sizeof *l->groups, &l->groups));
    QUIRE_TRY(take_zeroed(l->ctx, r->n_groups, sizeof *l->dead, &l->dead));
    QUIRE_TRY(find_places(l));
    find_keepers(l);
    each_edge(l, count_edge);
    QUIRE_TRY(take_zeroed(l->ctx, l->n_edges, sizeof *l->derived, &l->derived));
    kill_groups(l);
    find_needs(l);
    find_needs_of_keepers(l);
    return tell_all(l, io_left);
}

quire_status
quire_annotations_left(quire_ctx *ctx, quire_model *m, const quire_resolved *r,
                       quire_claims *io_left)
{
    leaver l = {.ctx = ctx, .m = m, .r = r};
    const quire_status status = survey(&l, io_left);
    release(&l, l.derived, l.n_edges, sizeof *l.derived);
    release(&l, l.dead, r->n_groups, sizeof *l.dead);
    release(&l, l.groups, r->n_groups, sizeof *l.groups);
    release(&l, l.of_rank, (size_t)l.order.n + 1, sizeof *l.of_rank);
    release(&l, l.places, r->n_annotations, sizeof *l.places);
    quire_slot_order_deinit(ctx, &l.order);
    return status;
}
