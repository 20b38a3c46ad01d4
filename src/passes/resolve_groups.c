/* resolve_groups.c - which annotations share: links, and the groups they connect.
 *
 * Pairs are never looked at. On one tensor, all that agree with each other - one *tuple* - are
 * linked as soon as one of them is an operand that may share: the least such operand is linked with
 * every other. That gives the components of the definition in resolve.h, where each of those
 * operands links with all.
 */
#include <xxhash.h>

#include "passes/resolving.h"

/* --- tuples: rows of the pool that agree ------------------------------------------------------ */

typedef struct tuples {
    uint32_t *of_row; /* 1, 2, ...; 0 for what shares with nothing */
    uint32_t n;
    uint32_t *places; /* hash -> row that began a tuple; 0 free; a power of two */
    size_t n_places, n_rows;
} tuples;

/* What quire_spec_agrees looks at. */
static uint64_t
hash_tuple(const quire_model *m, const quire_spec *spec)
{
    quire_spec tuple = *spec;
    tuple.observer = tuple.observer_options = tuple.formula = (quire_sym){0};
    return XXH3_64bits_withSeed(&tuple, sizeof tuple, m->syms.seed);
}

static uint32_t
tuple_of(quire_resolving *r, tuples *t, uint32_t row)
{
    const quire_spec *spec = quire_spec_at(r->m, row);
    if (spec->kind != QUIRE_SPEC_QUANTIZED && spec->kind != QUIRE_SPEC_FIXED) return 0;
    size_t at = (size_t)hash_tuple(r->m, spec) & (t->n_places - 1);
    for (; t->places[at] != 0; at = (at + 1) & (t->n_places - 1)) {
        r->out->work++;
        if (quire_spec_agrees(quire_spec_at(r->m, t->places[at]), spec))
            return t->of_row[t->places[at]];
    }
    t->places[at] = row;
    return ++t->n;
}

static void
tuples_free(const quire_allocator *alloc, tuples *t)
{
    quire_free(alloc, t->of_row, t->n_rows * sizeof *t->of_row);
    quire_free(alloc, t->places, t->n_places * sizeof *t->places);
}

static quire_status
tuples_make(quire_resolving *r, tuples *t)
{
    const uint32_t rows = quire_spec_rows(r->m);
    t->n_places = 2;
    while (t->n_places < 2 * (size_t)rows + 2)
        t->n_places *= 2;
    t->n_rows = (size_t)rows + 1;
    QUIRE_TRY(quire_take_filled(r->ctx, t->n_rows, sizeof *t->of_row, 0, &t->of_row));
    QUIRE_TRY(quire_take_filled(r->ctx, t->n_places, sizeof *t->places, 0, &t->places));
    for (uint32_t row = 1; row <= rows; row++)
        t->of_row[row] = tuple_of(r, t, row);
    r->out->work += rows;
    return QUIRE_OK;
}

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
    tuples tuples;
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

static bool
is_body(const quire_model *m, quire_graph g)
{
    return quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY;
}

/* May other slots of its tensor be linked with it? */
static bool
takes_part(const quire_model *m, const quire_annotation *a)
{
    if (a->slot.kind == QUIRE_SLOT_USE) {
        const quire_use_rec *use = quire_use_at(m, (quire_use){a->slot.id});
        return use->node.id != 0 || !is_body(m, use->graph);
    }
    const quire_value_rec *value = quire_value_at(m, (quire_value){a->slot.id});
    const bool formal = value->def_kind == QUIRE_DEF_INPUT && is_body(m, value->graph);
    return !formal && (a->flags & QUIRE_CLAIM_NOSHARE) == 0;
}

static bool
is_sharing_operand(const quire_model *m, const quire_annotation *a)
{
    return a->slot.kind == QUIRE_SLOT_USE && (a->flags & QUIRE_CLAIM_NOSHARE) == 0 &&
           quire_use_at(m, (quire_use){a->slot.id})->node.id != 0;
}

static void
join_tensor(sharing *s, uint32_t value)
{
    quire_resolved *out = s->r->out;
    for (uint32_t i = s->first[value]; i != 0; i = s->next[i - 1]) {
        const uint32_t tuple = tuple_at_end(s, i - 1);
        out->work++;
        if (tuple == 0 || s->hub_of[tuple] == value) continue;
        if (!is_sharing_operand(s->r->m, &out->annotations[i - 1])) continue;
        s->hub[tuple] = i - 1;
        s->hub_of[tuple] = value;
    }
    for (uint32_t i = s->first[value]; i != 0; i = s->next[i - 1]) {
        const uint32_t tuple = tuple_at_end(s, i - 1);
        out->work++;
        if (tuple == 0 || s->hub_of[tuple] != value || s->hub[tuple] == i - 1) continue;
        if (!takes_part(s->r->m, &out->annotations[i - 1])) continue;
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
    QUIRE_TRY(tuples_make(s->r, &s->tuples));
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
    tuples_free(alloc, &s.tuples);
    return status;
}
