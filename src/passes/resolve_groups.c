/* resolve_groups.c - which annotations share: links, and the groups they connect.
 *
 * Pairs are never looked at. On one tensor, all that agree with each other - one *tuple* - are
 * linked as soon as one of them is an operand that may share: the least such operand is linked with
 * every other. That gives the components of the definition in resolve.h, where each of those
 * operands links with all.
 */
#include "passes/resolving.h"
#include "passes/tuples.h"

/* --- components ------------------------------------------------------------------------------- */

typedef struct components {
    uint32_t *parent; /* never greater than the index: the root is the least of its component */
    quire_link *links;
    size_t n, n_links;
} components;

static uint32_t
root_of(quire_resolved *out, uint32_t *parent, uint32_t a)
{
    while (parent[a] != a) {
        parent[a] = parent[parent[a]];
        a = parent[a];
        out->work++;
    }
    return a;
}

static void
join(quire_resolved *out, components *c, quire_link link)
{
    const uint32_t a = root_of(out, c->parent, link.a);
    const uint32_t b = root_of(out, c->parent, link.b);
    out->work++;
    if (a == b) return;
    c->parent[a < b ? b : a] = a < b ? a : b;
    c->links[c->n_links++] = link;
}

static void
join_explicit(quire_resolved *out, components *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const uint32_t target = out->annotations[i].target;
        if (target != i) join(out, c, (quire_link){QUIRE_LINK_EXPLICIT, i, target});
    }
}

/* --- implicit links --------------------------------------------------------------------------- */

typedef struct sharing {
    quire_resolving *r;
    quire_tuples tuples;
    components components;
    uint32_t *first, *last; /* by value: its annotations, index + 1, ascending by slot */
    uint32_t *next;         /* by annotation: the next of its tensor, index + 1 */
    uint32_t *hub, *hub_of; /* by tuple: an operand that may share, and the value it reads */
} sharing;

static void
list_by_tensor(sharing *s)
{
    const quire_resolved *out = s->r->out;
    for (uint32_t i = 0; i < out->n_annotations; i++) {
        const quire_value v = quire_slot_value(s->r->m, out->annotations[i].slot);
        if (v.id == 0) continue;
        if (s->first[v.id] == 0) {
            s->first[v.id] = i + 1;
        } else {
            s->next[s->last[v.id] - 1] = i + 1;
        }
        s->last[v.id] = i + 1;
    }
}

static uint32_t
tuple_at_end(const sharing *s, uint32_t a)
{
    const quire_annotation *annotations = s->r->out->annotations;
    return s->tuples.of_row[annotations[annotations[a].end].spec.row];
}

static void
join_tensor(sharing *s, uint32_t value)
{
    quire_resolved *out = s->r->out;
    for (uint32_t i = s->first[value]; i != 0; i = s->next[i - 1]) {
        const uint32_t tuple = tuple_at_end(s, i - 1);
        out->work++;
        if (tuple == 0 || s->hub_of[tuple] == value) continue;
        if (!quire_is_sharing_operand(s->r->m, &out->annotations[i - 1])) continue;
        s->hub[tuple] = i - 1;
        s->hub_of[tuple] = value;
    }
    for (uint32_t i = s->first[value]; i != 0; i = s->next[i - 1]) {
        const uint32_t tuple = tuple_at_end(s, i - 1);
        out->work++;
        if (tuple == 0 || s->hub_of[tuple] != value || s->hub[tuple] == i - 1) continue;
        if (!quire_takes_part(s->r->m, &out->annotations[i - 1])) continue;
        join(out, &s->components, (quire_link){QUIRE_LINK_IMPLICIT, s->hub[tuple], i - 1});
    }
}

/* Tensors in the order of their least annotated slots. */
static void
join_implicit(sharing *s)
{
    const quire_resolved *out = s->r->out;
    list_by_tensor(s);
    for (uint32_t i = 0; i < out->n_annotations; i++) {
        const quire_value v = quire_slot_value(s->r->m, out->annotations[i].slot);
        if (v.id != 0 && s->first[v.id] == i + 1 && s->next[i] != 0) join_tensor(s, v.id);
    }
    s->r->out->work += 2 * out->n_annotations;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Numbers the groups and counts their members. */
static void
number_groups(quire_resolving *r, components *c)
{
    quire_resolved *out = r->out;
    for (uint32_t i = 0; i < c->n; i++) {
        quire_annotation *a = &out->annotations[i];
        if (quire_annotation_kind(r->m, a) == QUIRE_SPEC_FLOAT) continue;
        const uint32_t root = root_of(out, c->parent, i);
        a->group = root == i ? (uint32_t)out->n_groups++ : out->annotations[root].group;
        out->n_members++;
    }
}

static void
fill_members(quire_resolved *out)
{
    uint32_t at = 0;
    for (size_t i = 0; i < out->n_annotations; i++) {
        const uint32_t g = out->annotations[i].group;
        if (g != QUIRE_NO_GROUP) out->groups[g].n_members++;
    }
    for (size_t g = 0; g < out->n_groups; g++) {
        out->groups[g].members = at;
        at += out->groups[g].n_members;
        out->groups[g].n_members = 0;
    }
    for (uint32_t i = 0; i < out->n_annotations; i++) {
        if (out->annotations[i].group == QUIRE_NO_GROUP) continue;
        quire_group *group = &out->groups[out->annotations[i].group];
        out->members[group->members + group->n_members++] = i;
    }
}

/* Sorts the links by group; `placed` has a zero for every group. */
static void
fill_links(quire_resolved *out, const components *c, uint32_t *placed)
{
    for (size_t i = 0; i < c->n_links; i++) {
        const uint32_t g = out->annotations[c->links[i].a].group;
        out->links[out->groups[g].members - g + placed[g]++] = c->links[i];
    }
}

static quire_status
make_groups(quire_resolving *r, components *c)
{
    quire_resolved *out = r->out;
    uint32_t *placed = NULL;
    number_groups(r, c);
    const size_t n = out->n_groups;
    const size_t n_members = out->n_members;
    out->n_groups = out->n_members = 0;
    QUIRE_TRY(quire_take_filled(r->ctx, n, sizeof *out->groups, 0, &out->groups));
    out->n_groups = n;
    QUIRE_TRY(quire_take_array(r->ctx, n_members, sizeof *out->members, &out->members));
    out->n_members = n_members;
    fill_members(out);
    QUIRE_TRY(quire_take_array(r->ctx, c->n_links, sizeof *out->links, &out->links));
    out->n_links = c->n_links;
    QUIRE_TRY(quire_take_filled(r->ctx, n, sizeof *placed, 0, &placed));
    fill_links(out, c, placed);
    quire_free(r->ctx->alloc, placed, n * sizeof *placed);
    out->work += 4 * out->n_annotations;
    return QUIRE_OK;
}

static quire_status
share(sharing *s)
{
    quire_ctx *ctx = s->r->ctx;
    components *c = &s->components;
    const size_t n_values = s->r->m->values.count;
    QUIRE_TRY(quire_tuples_make(ctx, s->r->m, &s->r->out->work, &s->tuples));
    QUIRE_TRY(quire_take_array(ctx, c->n, sizeof *c->parent, &c->parent));
    QUIRE_TRY(quire_take_array(ctx, c->n, sizeof *c->links, &c->links));
    QUIRE_TRY(quire_take_filled(ctx, n_values, sizeof *s->first, 0, &s->first));
    QUIRE_TRY(quire_take_array(ctx, n_values, sizeof *s->last, &s->last));
    QUIRE_TRY(quire_take_filled(ctx, c->n, sizeof *s->next, 0, &s->next));
    const size_t n_tuples = (size_t)s->tuples.n + 1;
    QUIRE_TRY(quire_take_array(ctx, n_tuples, sizeof *s->hub, &s->hub));
    QUIRE_TRY(quire_take_filled(ctx, n_tuples, sizeof *s->hub_of, 0, &s->hub_of));
    for (uint32_t i = 0; i < c->n; i++)
        c->parent[i] = i;
    join_explicit(s->r->out, c);
    join_implicit(s);
    return make_groups(s->r, c);
}

quire_status
quire_resolve_groups(quire_resolving *r)
{
    const quire_allocator *alloc = r->ctx->alloc;
    const size_t n_values = r->m->values.count;
    sharing s = {.r = r, .components = {.n = r->out->n_annotations}};
    const quire_status status = share(&s);
    const size_t n_tuples = (size_t)s.tuples.n + 1;
    quire_free(alloc, s.components.parent, s.components.n * sizeof *s.components.parent);
    quire_free(alloc, s.components.links, s.components.n * sizeof *s.components.links);
    quire_free(alloc, s.first, n_values * sizeof *s.first);
    quire_free(alloc, s.last, n_values * sizeof *s.last);
    quire_free(alloc, s.next, s.components.n * sizeof *s.next);
    quire_free(alloc, s.hub, n_tuples * sizeof *s.hub);
    quire_free(alloc, s.hub_of, n_tuples * sizeof *s.hub_of);
    quire_tuples_free(r->ctx, &s.tuples);
    return status;
}
