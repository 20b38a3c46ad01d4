/* regroup_write.c - what came of the edits, as annotations: claims for the edited groups and those
 * that would join them, everything resolved again, and the outcome held against the regrouping.
 */
#include "passes/regrouping.h"
#include "passes/tuples.h"

/* --- groups that would join edited ones --------------------------------------------------------- */

/* In one tensor: for each tuple, an edited group that has it at a slot others can link to. */
typedef struct neighbours {
    quire_regroup *g;
    quire_tuples tuples;
    uint32_t *group;  /* by tuple */
    uint32_t *tensor; /* by tuple: the value `group` is about */
    bool *seen;       /* by value */
    size_t n_tuples, n_values;
} neighbours;

static bool
is_edited(const quire_regroup *g, uint32_t group)
{
    return g->groups[group].editor.id != 0;
}

/* The annotation of a use that is in a group; QUIRE_NO_ANNOTATION. */
static uint32_t
find_use(const quire_regroup *g, quire_use use)
{
    return quire_regroup_find(g, (quire_slot){QUIRE_SLOT_USE, use.id});
}

static uint32_t
group_of(const quire_regroup *g, uint32_t a)
{
    return g->sets[g->set_of[a]].group;
}

/* `noshare` does not keep others from linking to an operand or an output: see resolve.h. */
static void
note_tuples(neighbours *n, quire_value v)
{
    const quire_regroup *g = n->g;
    for (quire_use u = quire_value_at(g->m, v)->first_use; u.id != 0;
         u = quire_use_at(g->m, u)->next) {
        const uint32_t a = find_use(g, u);
        n->g->work++;
        if (a == QUIRE_NO_ANNOTATION || !is_edited(g, group_of(g, a))) continue;
        const uint32_t tuple = n->tuples.of_row[g->groups[group_of(g, a)].spec];
        if (tuple == 0 || !quire_takes_part(g->m, &g->r->annotations[a])) continue;
        if (n->tensor[tuple] == v.id && n->group[tuple] <= group_of(g, a)) continue;
        n->tensor[tuple] = v.id;
        n->group[tuple] = group_of(g, a);
    }
}

/* A group that is not edited is written down, too, by who edited the one it would join. */
static void
take_neighbours(neighbours *n, quire_value v)
{
    quire_regroup *g = n->g;
    for (quire_use u = quire_value_at(g->m, v)->first_use; u.id != 0;
         u = quire_use_at(g->m, u)->next) {
        const uint32_t a = find_use(g, u);
        g->work++;
        if (a == QUIRE_NO_ANNOTATION || is_edited(g, group_of(g, a))) continue;
        const uint32_t tuple = n->tuples.of_row[g->groups[group_of(g, a)].spec];
        if (tuple == 0 || n->tensor[tuple] != v.id) continue;
        if (!quire_is_sharing_operand(g->m, &g->r->annotations[a])) continue;
        g->groups[group_of(g, a)].editor = g->groups[n->group[tuple]].editor;
        g->groups[group_of(g, a)].is_pending = true;
    }
}

static void
look_around(neighbours *n, uint32_t group)
{
    const quire_regroup *g = n->g;
    for (uint32_t a = quire_regroup_set_of(g, group)->head; a != QUIRE_NO_ANNOTATION;
         a = g->next[a]) {
        const quire_value v = quire_slot_value(g->m, quire_regroup_slot(g, a));
        if (v.id == 0 || n->seen[v.id]) continue;
        n->seen[v.id] = true;
        note_tuples(n, v);
        take_neighbours(n, v);
    }
}

static quire_status
find_neighbours(quire_ctx *ctx, neighbours *n)
{
    QUIRE_TRY(quire_tuples_make(ctx, n->g->m, &n->g->work, &n->tuples));
    n->n_tuples = (size_t)n->tuples.n + 1;
    QUIRE_TRY(quire_take_array(ctx, n->n_tuples, sizeof *n->group, &n->group));
    QUIRE_TRY(quire_take_filled(ctx, n->n_tuples, sizeof *n->tensor, 0, &n->tensor));
    QUIRE_TRY(quire_take_filled(ctx, n->n_values, sizeof *n->seen, 0, &n->seen));
    for (uint32_t k = 0; k < n->g->n_groups; k++) {
        if (is_edited(n->g, k) && !quire_regroup_is_gone(n->g, k)) look_around(n, k);
    }
    return QUIRE_OK;
}

static quire_status
add_neighbours(quire_ctx *ctx, quire_regroup *g)
{
    neighbours n = {.g = g, .n_values = g->m->values.count};
    const quire_status status = find_neighbours(ctx, &n);
    quire_free(ctx->alloc, n.group, n.n_tuples * sizeof *n.group);
    quire_free(ctx->alloc, n.tensor, n.n_tuples * sizeof *n.tensor);
    quire_free(ctx->alloc, n.seen, n.n_values * sizeof *n.seen);
    quire_tuples_free(ctx, &n.tuples);
    return status;
}

/* --- all claims --------------------------------------------------------------------------------- */

/* Does what held there hold no more? */
static bool
is_replaced(const quire_regroup *g, uint32_t a)
{
    const bool removed =
        g->r->annotations[a].group != QUIRE_NO_GROUP && g->set_of[a] == QUIRE_NO_GROUP;
    return removed || g->held[a] != 0;
}

static quire_status
collect(quire_ctx *ctx, const quire_regroup *g, quire_claims *out)
{
    const quire_resolved *r = g->r;
    const size_t n = r->claims.n + g->claims.n;
    QUIRE_TRY(quire_grow(ctx, &out->ptr, &out->room, n, sizeof *out->ptr));
    if (r->claims.n > 0) memcpy(out->ptr, r->claims.ptr, r->claims.n * sizeof *out->ptr);
    if (g->claims.n > 0)
        memcpy(out->ptr + r->claims.n, g->claims.ptr, g->claims.n * sizeof *out->ptr);
    out->n = n;
    for (uint32_t a = 0; a < r->n_annotations; a++) {
        const quire_annotation *at = &r->annotations[a];
        for (uint32_t k = 0; is_replaced(g, a) && k < at->n_sponsors; k++)
            out->ptr[at->claims + k].flags |= QUIRE_CLAIM_LOST;
    }
    return QUIRE_OK;
}

/* --- the outcome -------------------------------------------------------------------------------- */

static quire_status
fail_at(quire_ctx *ctx, const quire_regroup *g, quire_slot slot, const char *what)
{
    quire_text text = {0};
    quire_writer w;
    quire_writer_to_text(&w, ctx, &text);
    quire_slot_print(&w, g->m, slot);
    quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK)
        status = quire_bug(ctx, "groups as adjusted cannot be written down: %s %s", text.ptr, what);
    quire_text_free(ctx, &text);
    return status;
}

/* of_group[k]: number + 1 of the group that the new group k is, as its first member says. */
static quire_status
compare(quire_ctx *ctx, const quire_regroup *g, const quire_resolved *now, uint32_t *of_group)
{
    if (now->n_annotations + g->n_removals != g->n_annotations)
        return quire_bug(ctx, "groups as adjusted cannot be written down: %zu slots are annotated",
                         now->n_annotations);
    for (size_t i = 0; i < now->n_annotations; i++) {
        const quire_annotation *a = &now->annotations[i];
        const uint32_t wanted = quire_regroup_of(g, a->slot);
        if ((wanted == QUIRE_NO_GROUP) != (a->group == QUIRE_NO_GROUP))
            return fail_at(ctx, g, a->slot, "is in a group and float");
        if (wanted == QUIRE_NO_GROUP) continue;
        const quire_group *group = &now->groups[a->group];
        if (of_group[a->group] == 0) of_group[a->group] = wanted + 1;
        if (of_group[a->group] != wanted + 1 ||
            group->n_members != quire_regroup_n_members(g, wanted))
            return fail_at(ctx, g, a->slot, "is in another group");
        if (group->spec != quire_regroup_spec(g, wanted))
            return fail_at(ctx, g, a->slot, "has another spec");
    }
    return QUIRE_OK;
}

static quire_status
check(quire_ctx *ctx, const quire_regroup *g, const quire_resolved *now)
{
    uint32_t *of_group = NULL;
    QUIRE_TRY(quire_take_filled(ctx, now->n_groups, sizeof *of_group, 0, &of_group));
    const quire_status status = compare(ctx, g, now, of_group);
    quire_free(ctx->alloc, of_group, now->n_groups * sizeof *of_group);
    return status;
}

static quire_status
resolve(quire_ctx *ctx, const quire_regroup *g, quire_resolved *out)
{
    quire_claims claims = {0};
    quire_status status = collect(ctx, g, &claims);
    if (status == QUIRE_OK) status = quire_resolve(ctx, g->m, &claims, NULL, out);
    quire_claims_deinit(ctx, &claims);
    if (status == QUIRE_NONE)
        status = quire_bug(ctx, "groups as adjusted cannot be written down: %s", out->message.ptr);
    else if (status == QUIRE_OK)
        status = check(ctx, g, out);
    if (status != QUIRE_OK) quire_resolved_deinit(ctx, out);
    return status;
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* Room for the notes, and their text. */
static quire_status
prepare_notes(quire_ctx *ctx, const quire_regroup *g, quire_account *account, quire_sym *out_text)
{
    const quire_bytes text = quire_bytes_of("adjust: the slot is annotated no more");
    if (account == NULL || g->n_removals == 0) return QUIRE_OK;
    QUIRE_TRY(quire_syms_intern(ctx, &g->m->syms, text, out_text));
    return quire_grow(ctx, &account->findings, &account->findings_room,
                      account->n_findings + g->n_removals, sizeof *account->findings);
}

static void
note_removals(const quire_regroup *g, quire_account *account, quire_sym text)
{
    for (size_t i = 0; account != NULL && i < g->n_removals; i++) {
        account->findings[account->n_findings++] = (quire_finding){.severity = QUIRE_NOTE,
                                                                   .slot = g->removals[i].slot,
                                                                   .who = g->removals[i].who,
                                                                   .text = text};
    }
}

quire_status
quire_regroup_finish(quire_ctx *ctx, quire_regroup *g, quire_resolved *io_resolved,
                     quire_account *io_account)
{
    quire_sym text = {0};
    quire_resolved now = {.n_annotations = 0};
    if (!g->is_edited) return QUIRE_OK;
    QUIRE_TRY(add_neighbours(ctx, g));
    for (uint32_t k = 0; k < g->n_groups; k++)
        QUIRE_TRY(quire_regroup_claim(ctx, g, k));
    QUIRE_TRY(prepare_notes(ctx, g, io_account, &text));
    QUIRE_TRY(resolve(ctx, g, &now));
    note_removals(g, io_account, text);
    quire_resolved_deinit(ctx, io_resolved);
    *io_resolved = now;
    return QUIRE_OK;
}
