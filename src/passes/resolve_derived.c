/* resolve_derived.c - does a group derive from itself, through whatever other groups?
 *
 * Tarjan's strong components over groups, with a stack of its own. Of the groups that are on a
 * cycle the one with the least derived slot is taken, and a shortest cycle through it told.
 */
#include "passes/resolving.h"

typedef struct derivation {
    quire_resolving *r;
    uint32_t *seen;  /* by group: when it was entered, from 1; 0 not yet */
    uint32_t *low;   /* by group: the earliest that is still open and reached from it */
    uint32_t *from;  /* by group: + 1, the one it was entered from */
    uint32_t *edge;  /* by group: its source to look at next; then, the source that led to it */
    uint32_t *stack; /* entered, and not yet in a component */
    uint32_t n_stack, n_seen;
    uint32_t least; /* derived slot of a group on a cycle; QUIRE_NO_ANNOTATION: none */
} derivation;

/* Where the chain of a group's first member ends: in a group that holds a derived spec, at the one
 * that has it, since all others follow it. */
static uint32_t
end_in_group(const quire_resolving *r, uint32_t g)
{
    return r->out->annotations[r->out->members[r->out->groups[g].members]].end;
}

static const quire_spec *
spec_of_group(const quire_resolving *r, uint32_t g)
{
    return quire_spec_at(r->m, r->out->annotations[end_in_group(r, g)].spec.row);
}

static uint32_t
n_sources(const quire_resolving *r, uint32_t g)
{
    const quire_spec *spec = spec_of_group(r, g);
    return spec->kind == QUIRE_SPEC_DERIVED ? spec->n_targets : 0;
}

static uint32_t
source_of(const quire_resolving *r, uint32_t g, uint32_t k)
{
    const uint32_t a = quire_resolving_find(r, spec_of_group(r, g)->targets[k]);
    return r->out->annotations[a].group;
}

/* --- which groups are on cycles --------------------------------------------------------------- */

static void
enter(derivation *d, uint32_t g, uint32_t from)
{
    d->seen[g] = d->low[g] = ++d->n_seen;
    d->from[g] = from;
    d->stack[d->n_stack++] = g;
    d->r->out->work++;
}

static bool
is_open(const derivation *d, uint32_t g)
{
    return d->low[g] != 0;
}

static void
note_cycle(derivation *d, uint32_t g)
{
    const uint32_t derived = end_in_group(d->r, g);
    if (derived < d->least) d->least = derived;
}

/* All sources of g are done. Closes its component if it is the first of one. */
static void
leave(derivation *d, uint32_t g)
{
    const uint32_t low = d->low[g];
    if (low == d->seen[g]) {
        const bool alone = d->stack[d->n_stack - 1] == g;
        uint32_t member;
        do {
            member = d->stack[--d->n_stack];
            d->low[member] = 0;
            if (!alone) note_cycle(d, member);
        } while (member != g);
    }
    const uint32_t from = d->from[g];
    if (from != 0 && low < d->low[from - 1]) d->low[from - 1] = low;
}

static void
explore(derivation *d, uint32_t root)
{
    uint32_t at = root + 1;
    enter(d, root, 0);
    while (at != 0) {
        const uint32_t g = at - 1;
        if (d->edge[g] == n_sources(d->r, g)) {
            leave(d, g);
            at = d->from[g];
            continue;
        }
        const uint32_t source = source_of(d->r, g, d->edge[g]++);
        d->r->out->work++;
        if (d->seen[source] == 0) {
            enter(d, source, g + 1);
            at = source + 1;
        } else if (is_open(d, source)) {
            if (d->seen[source] < d->low[g]) d->low[g] = d->seen[source];
            if (source == g) note_cycle(d, g);
        }
    }
}

/* --- the cycle to tell ------------------------------------------------------------------------ */

/* Breadth first from `first` along sources until it is reached again: from and edge say how. */
static uint32_t
walk_back(derivation *d, uint32_t first)
{
    uint32_t n = 0;
    d->stack[n++] = first;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t g = d->stack[i];
        for (uint32_t k = 0; k < n_sources(d->r, g); k++) {
            const uint32_t source = source_of(d->r, g, k);
            if (d->from[source] != 0) continue;
            d->from[source] = g + 1;
            d->edge[source] = k;
            if (source == first) return g;
            d->stack[n++] = source;
        }
    }
    return first;
}

static quire_status
tell(derivation *d)
{
    const size_t n_groups = d->r->out->n_groups;
    const uint32_t first = d->r->out->annotations[d->least].group;
    memset(d->from, 0, n_groups * sizeof *d->from);
    uint32_t g = walk_back(d, first);
    uint32_t n = 1;
    for (; g != first; g = d->from[g] - 1)
        n++;
    /* The groups in order, and the source of each that is in the next. */
    uint32_t *groups = d->seen;
    uint32_t *via = d->low;
    uint32_t next = first;
    for (uint32_t i = n; i-- > 0;) {
        groups[i] = d->from[next] - 1;
        via[i] = d->edge[next];
        next = groups[i];
    }
    return quire_tell_derived_cycle(d->r, groups, via, n);
}

static quire_status
look(derivation *d)
{
    const uint32_t n = (uint32_t)d->r->out->n_groups;
    QUIRE_TRY(quire_take_filled(d->r->ctx, n, sizeof *d->seen, 0, &d->seen));
    QUIRE_TRY(quire_take_filled(d->r->ctx, n, sizeof *d->low, 0, &d->low));
    QUIRE_TRY(quire_take_filled(d->r->ctx, n, sizeof *d->from, 0, &d->from));
    QUIRE_TRY(quire_take_filled(d->r->ctx, n, sizeof *d->edge, 0, &d->edge));
    QUIRE_TRY(quire_take_array(d->r->ctx, n, sizeof *d->stack, &d->stack));
    for (uint32_t g = 0; g < n; g++) {
        if (d->seen[g] == 0 && n_sources(d->r, g) > 0) explore(d, g);
    }
    return d->least == QUIRE_NO_ANNOTATION ? QUIRE_OK : tell(d);
}

quire_status
quire_resolve_derived(quire_resolving *r)
{
    const quire_allocator *alloc = r->ctx->alloc;
    const size_t n = r->out->n_groups;
    derivation d = {.r = r, .least = QUIRE_NO_ANNOTATION};
    const quire_status status = look(&d);
    quire_free(alloc, d.seen, n * sizeof *d.seen);
    quire_free(alloc, d.low, n * sizeof *d.low);
    quire_free(alloc, d.from, n * sizeof *d.from);
    quire_free(alloc, d.edge, n * sizeof *d.edge);
    quire_free(alloc, d.stack, n * sizeof *d.stack);
    return status;
}
