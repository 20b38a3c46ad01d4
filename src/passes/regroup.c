/* regroup.c - a regrouping's lists of members, and looking at them; see regroup.h. */
#include "passes/regrouping.h"

/* --- lists ------------------------------------------------------------------------------------ */

void
quire_regroup_append(quire_regroup *g, uint32_t set, uint32_t a)
{
    quire_regroup_set *s = &g->sets[set];
    g->set_of[a] = set;
    g->prev[a] = s->tail;
    g->next[a] = QUIRE_NO_ANNOTATION;
    if (s->tail == QUIRE_NO_ANNOTATION) {
        s->head = a;
        s->is_sorted = true;
    } else {
        g->next[s->tail] = a;
        s->is_sorted = s->is_sorted && s->tail < a;
    }
    s->tail = a;
    s->n++;
    g->work++;
}

void
quire_regroup_unlink(quire_regroup *g, uint32_t a)
{
    quire_regroup_set *s = &g->sets[g->set_of[a]];
    const uint32_t before = g->prev[a];
    const uint32_t behind = g->next[a];
    *(before == QUIRE_NO_ANNOTATION ? &s->head : &g->next[before]) = behind;
    *(behind == QUIRE_NO_ANNOTATION ? &s->tail : &g->prev[behind]) = before;
    s->n--;
    g->set_of[a] = QUIRE_NO_GROUP;
    g->work++;
}

void
quire_regroup_concat(quire_regroup *g, uint32_t into, uint32_t from)
{
    uint32_t next;
    for (uint32_t a = g->sets[from].head; a != QUIRE_NO_ANNOTATION; a = next) {
        next = g->next[a];
        quire_regroup_append(g, into, a);
    }
    g->sets[from].head = g->sets[from].tail = QUIRE_NO_ANNOTATION;
    g->sets[from].n = 0;
}

/* Cuts the ascending run off that `at` begins; returns what follows. */
static uint32_t
cut_run(quire_regroup *g, uint32_t at)
{
    while (g->next[at] != QUIRE_NO_ANNOTATION && g->next[at] > at) {
        at = g->next[at];
        g->work++;
    }
    const uint32_t rest = g->next[at];
    g->next[at] = QUIRE_NO_ANNOTATION;
    return rest;
}

/* Merges two ascending lists behind *io_tail. */
static void
merge(quire_regroup *g, uint32_t a, uint32_t b, uint32_t *head, uint32_t *io_tail)
{
    while (a != QUIRE_NO_ANNOTATION || b != QUIRE_NO_ANNOTATION) {
        const bool first =
            b == QUIRE_NO_ANNOTATION || (a != QUIRE_NO_ANNOTATION && a < b); /* all differ */
        uint32_t *from = first ? &a : &b;
        *(*io_tail == QUIRE_NO_ANNOTATION ? head : &g->next[*io_tail]) = *from;
        *io_tail = *from;
        *from = g->next[*from];
        g->work++;
    }
}

/* Merges runs by twos; returns how many there were. */
static uint32_t
merge_runs(quire_regroup *g, quire_regroup_set *s)
{
    uint32_t left = s->head;
    uint32_t n = 0;
    s->head = s->tail = QUIRE_NO_ANNOTATION;
    while (left != QUIRE_NO_ANNOTATION) {
        const uint32_t a = left;
        const uint32_t b = cut_run(g, a);
        left = b == QUIRE_NO_ANNOTATION ? b : cut_run(g, b);
        merge(g, a, b, &s->head, &s->tail);
        n += b == QUIRE_NO_ANNOTATION ? 1 : 2;
    }
    return n;
}

void
quire_regroup_sort(quire_regroup *g, uint32_t set)
{
    quire_regroup_set *s = &g->sets[set];
    uint32_t before = QUIRE_NO_ANNOTATION;
    if (s->is_sorted) return;
    while (merge_runs(g, s) > 2)
        ;
    for (uint32_t a = s->head; a != QUIRE_NO_ANNOTATION; a = g->next[a]) {
        g->prev[a] = before;
        before = a;
    }
    s->is_sorted = true;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void
count_sources(quire_regroup *g, const quire_spec *spec)
{
    for (uint32_t k = 0; spec->kind == QUIRE_SPEC_DERIVED && k < spec->n_targets; k++) {
        const quire_annotation *source = quire_resolved_at(g->r, spec->targets[k]);
        if (source != NULL) g->n_derived[source - g->r->annotations]++;
    }
}

static void
take_over(quire_regroup *g)
{
    const quire_resolved *r = g->r;
    for (uint32_t k = 0; k < g->n_groups; k++) {
        const quire_group *from = &r->groups[k];
        g->groups[k] = (quire_regroup_group){.set = k, .spec = from->spec};
        g->sets[k] = (quire_regroup_set){
            .group = k, .head = QUIRE_NO_ANNOTATION, .tail = QUIRE_NO_ANNOTATION};
        for (uint32_t i = 0; i < from->n_members; i++)
            quire_regroup_append(g, k, r->members[from->members + i]);
        count_sources(g, quire_spec_at(g->m, from->spec));
    }
}

static quire_status
start(quire_ctx *ctx, quire_regroup *g)
{
    const size_t n = g->n_annotations;
    const quire_bytes reason = quire_bytes_of("adjust");
    QUIRE_TRY(quire_syms_intern(ctx, &g->m->syms, reason, &g->reason));
    QUIRE_TRY(quire_take_filled(ctx, n, sizeof *g->set_of, 0xff, &g->set_of));
    QUIRE_TRY(quire_take_array(ctx, n, sizeof *g->next, &g->next));
    QUIRE_TRY(quire_take_array(ctx, n, sizeof *g->prev, &g->prev));
    QUIRE_TRY(quire_take_filled(ctx, n, sizeof *g->held, 0, &g->held));
    QUIRE_TRY(quire_take_filled(ctx, n, sizeof *g->n_derived, 0, &g->n_derived));
    QUIRE_TRY(quire_grow(ctx, &g->sets, &g->sets_room, g->n_groups, sizeof *g->sets));
    QUIRE_TRY(quire_grow(ctx, &g->groups, &g->groups_room, g->n_groups, sizeof *g->groups));
    take_over(g);
    return QUIRE_OK;
}

quire_status
quire_regroup_start(quire_ctx *ctx, quire_model *m, const quire_resolved *r, quire_regroup **out)
{
    *out = NULL;
    quire_regroup *g = quire_alloc(ctx->alloc, sizeof *g);
    if (g == NULL) return quire_nomem(ctx);
    *g = (quire_regroup){
        .m = m, .r = r, .n_annotations = r->n_annotations, .n_groups = (uint32_t)r->n_groups};
    const quire_status status = start(ctx, g);
    if (status == QUIRE_OK) {
        *out = g;
    } else {
        quire_regroup_destroy(ctx, g);
    }
    return status;
}

void
quire_regroup_destroy(quire_ctx *ctx, quire_regroup *g)
{
    const quire_allocator *alloc = ctx->alloc;
    if (g == NULL) return;
    quire_free(alloc, g->set_of, g->n_annotations * sizeof *g->set_of);
    quire_free(alloc, g->next, g->n_annotations * sizeof *g->next);
    quire_free(alloc, g->prev, g->n_annotations * sizeof *g->prev);
    quire_free(alloc, g->held, g->n_annotations * sizeof *g->held);
    quire_free(alloc, g->n_derived, g->n_annotations * sizeof *g->n_derived);
    quire_ungrow(alloc, &g->sets, &g->sets_room, sizeof *g->sets);
    quire_ungrow(alloc, &g->groups, &g->groups_room, sizeof *g->groups);
    quire_ungrow(alloc, &g->removals, &g->removals_room, sizeof *g->removals);
    quire_ungrow(alloc, &g->stack, &g->stack_room, sizeof *g->stack);
    quire_claims_deinit(ctx, &g->claims);
    quire_free(alloc, g, sizeof *g);
}

/* --- looking ---------------------------------------------------------------------------------- */

uint32_t
quire_regroup_n_groups(const quire_regroup *g)
{
    return g->n_groups;
}

uint32_t
quire_regroup_find(const quire_regroup *g, quire_slot slot)
{
    const quire_annotation *at = quire_resolved_at(g->r, slot);
    if (at == NULL) return QUIRE_NO_ANNOTATION;
    const uint32_t a = (uint32_t)(at - g->r->annotations);
    return g->set_of[a] == QUIRE_NO_GROUP ? QUIRE_NO_ANNOTATION : a;
}

uint32_t
quire_regroup_of(const quire_regroup *g, quire_slot slot)
{
    const uint32_t a = quire_regroup_find(g, slot);
    return a == QUIRE_NO_ANNOTATION ? QUIRE_NO_GROUP : g->sets[g->set_of[a]].group;
}

uint32_t
quire_regroup_n_members(const quire_regroup *g, uint32_t group)
{
    return quire_regroup_is_gone(g, group) ? 0 : quire_regroup_set_of(g, group)->n;
}

uint32_t
quire_regroup_spec(const quire_regroup *g, uint32_t group)
{
    return g->groups[group].spec;
}

bool
quire_regroup_next_member(quire_regroup *g, uint32_t group, uint32_t *io_at, quire_slot *out_slot)
{
    if (quire_regroup_is_gone(g, group)) return false;
    if (*io_at == 0) quire_regroup_sort(g, g->groups[group].set);
    const uint32_t a = *io_at == 0 ? quire_regroup_set_of(g, group)->head : g->next[*io_at - 1];
    g->work++;
    if (a == QUIRE_NO_ANNOTATION) return false;
    *io_at = a + 1;
    *out_slot = quire_regroup_slot(g, a);
    return true;
}

uint64_t
quire_regroup_version(const quire_regroup *g, uint32_t group)
{
    return g->groups[group].version;
}

uint64_t
quire_regroup_work(const quire_regroup *g)
{
    return g->work;
}
