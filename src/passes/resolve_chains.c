/* resolve_chains.c - where `shared` leads: target and end of every annotation.
 *
 * Every annotation points at one other or, with a spec of its own, at itself. Each chain is walked
 * once: down to what an earlier walk has settled, and again to write the end on all it passed.
 */
#include "passes/resolving.h"

/* Fills in target; QUIRE_NO_ANNOTATION where there is none. */
static void
find_targets(quire_resolving *r)
{
    quire_resolved *out = r->out;
    for (uint32_t i = 0; i < out->n_annotations; i++) {
        quire_annotation *a = &out->annotations[i];
        if (quire_annotation_is_shared(a)) a->target = quire_resolving_find(r, a->spec.target);
    }
}

/* Does the chain end at a? */
static bool
is_end(const quire_resolved *out, uint32_t a)
{
    return !quire_annotation_is_shared(&out->annotations[a]) ||
           out->annotations[a].target == QUIRE_NO_ANNOTATION;
}

/* Settles the chain that begins at `from`; walk[a] is the walk that passed a, + 1. True: it runs
 * into a circle that nobody has walked before, at *out_entry. */
static bool
settle_chain(quire_resolved *out, uint32_t *walk, uint32_t from, uint32_t *out_entry)
{
    uint32_t a = from;
    while (walk[a] == 0) {
        walk[a] = from + 1;
        out->work++;
        if (is_end(out, a)) break;
        a = out->annotations[a].target;
    }
    const bool circle = walk[a] == from + 1 && !is_end(out, a);
    const uint32_t end = is_end(out, a) || circle ? a : out->annotations[a].end;
    *out_entry = a;
    for (uint32_t b = from; walk[b] == from + 1 && b != a; b = out->annotations[b].target) {
        out->annotations[b].end = end;
        out->work++;
    }
    return circle;
}

static uint32_t
least_of_circle(quire_resolved *out, uint32_t entry)
{
    uint32_t least = entry;
    for (uint32_t a = out->annotations[entry].target; a != entry; a = out->annotations[a].target) {
        if (a < least) least = a;
        out->work++;
    }
    return least;
}

/* Finds all ends. The least annotation on a circle, or QUIRE_NO_ANNOTATION. */
static uint32_t
settle_chains(quire_resolved *out, uint32_t *walk)
{
    uint32_t least = QUIRE_NO_ANNOTATION;
    for (uint32_t i = 0; i < out->n_annotations; i++) {
        uint32_t entry;
        if (walk[i] != 0 || !settle_chain(out, walk, i, &entry)) continue;
        const uint32_t found = least_of_circle(out, entry);
        if (found < least) least = found;
    }
    return least;
}

static quire_status
check_cycles(quire_resolving *r)
{
    const size_t n = r->out->n_annotations;
    uint32_t *walk = NULL;
    QUIRE_TRY(quire_take_filled(r->ctx, n, sizeof *walk, 0, &walk));
    const uint32_t first = settle_chains(r->out, walk);
    quire_free(r->ctx->alloc, walk, n * sizeof *walk);
    return first == QUIRE_NO_ANNOTATION ? QUIRE_OK : quire_tell_shared_cycle(r, first);
}

/* Is `target` what nothing may point at: without annotation, or float? */
static bool
is_bad_target(const quire_resolving *r, quire_slot target, quire_named_error name)
{
    const uint32_t index = quire_resolving_find(r, target);
    r->out->work++;
    if (name == QUIRE_NAMED_TARGET_NOT_ANNOTATED) return index == QUIRE_NO_ANNOTATION;
    return quire_annotation_kind(r->m, &r->out->annotations[index]) == QUIRE_SPEC_FLOAT;
}

/* Tells the least annotation that points at a slot which is `name`: the target of a shared or a
 * source of a derived one. */
static quire_status
check_targets(quire_resolving *r, quire_named_error name)
{
    for (uint32_t i = 0; i < r->out->n_annotations; i++) {
        const quire_spec_ref *ref = &r->out->annotations[i].spec;
        const quire_spec *own = ref->row == 0 ? NULL : quire_spec_at(r->m, ref->row);
        const quire_slot *targets = own == NULL ? &ref->target : own->targets;
        const uint32_t n = own == NULL ? 1 : own->n_targets;
        for (uint32_t k = 0; k < n; k++) {
            if (is_bad_target(r, targets[k], name))
                return quire_tell_target(r, name, i, targets[k]);
        }
    }
    return QUIRE_OK;
}

quire_status
quire_resolve_chains(quire_resolving *r)
{
    find_targets(r);
    QUIRE_TRY(check_cycles(r));
    QUIRE_TRY(check_targets(r, QUIRE_NAMED_TARGET_NOT_ANNOTATED));
    return check_targets(r, QUIRE_NAMED_TARGET_FLOAT);
}
