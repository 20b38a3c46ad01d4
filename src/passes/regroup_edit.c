/* regroup_edit.c - the edits of a regrouping. Each checks, then takes the memory it needs, then
 * changes: so that one that fails changes nothing.
 */
#include <inttypes.h>

#include "passes/regrouping.h"

/* --- claims of what an editor made --------------------------------------------------------------- */

static quire_status
reserve_claims(quire_ctx *ctx, quire_regroup *g, uint32_t n)
{
    const size_t need = g->claims.n + n;
    if (need >= UINT32_MAX) {
        return quire_fail(ctx, QUIRE_E_LIMIT, NULL,
                          "found %zu annotations to be written down; allowed are %u", need,
                          (unsigned)UINT32_MAX - 1);
    }
    return quire_grow(ctx, &g->claims.ptr, &g->claims.room, need, sizeof *g->claims.ptr);
}

static void
claim(quire_regroup *g, const quire_regroup_group *group, uint32_t a, uint32_t carrier)
{
    const quire_spec_ref own = {.row = group->spec};
    const quire_spec_ref shared = {.target = quire_regroup_slot(g, carrier)};
    if (g->held[a] != 0) g->claims.ptr[g->held[a] - 1].flags |= QUIRE_CLAIM_LOST;
    g->claims.ptr[g->claims.n++] = (quire_claim){.slot = quire_regroup_slot(g, a),
                                                 .spec = a == carrier ? own : shared,
                                                 .who = group->editor,
                                                 .reason = g->reason,
                                                 .priority = g->r->annotations[a].priority,
                                                 .flags = QUIRE_CLAIM_NOSHARE};
    g->held[a] = (uint32_t)g->claims.n;
    g->work++;
}

quire_status
quire_regroup_claim(quire_ctx *ctx, quire_regroup *g, uint32_t number)
{
    quire_regroup_group *group = &g->groups[number];
    if (!group->is_pending || quire_regroup_is_gone(g, number)) return QUIRE_OK;
    const quire_regroup_set *set = quire_regroup_set_of(g, number);
    QUIRE_TRY(reserve_claims(ctx, g, set->n));
    quire_regroup_sort(g, group->set);
    for (uint32_t a = set->head; a != QUIRE_NO_ANNOTATION; a = g->next[a])
        claim(g, group, a, set->head);
    group->is_pending = false;
    return QUIRE_OK;
}

/* `who` is about to edit the group. */
static quire_status
begin(quire_ctx *ctx, quire_regroup *g, uint32_t group, quire_sym who)
{
    return g->groups[group].editor.id == who.id ? QUIRE_OK : quire_regroup_claim(ctx, g, group);
}

static void
note_edit(quire_regroup *g, uint32_t group, quire_sym who)
{
    g->groups[group].editor = who;
    g->groups[group].is_pending = true;
    g->groups[group].version++;
    g->is_edited = true;
}

/* --- what derives from what ---------------------------------------------------------------------- */

/* A group with this spec comes (by 1) or goes (by -1). */
static void
count_derived(quire_regroup *g, uint32_t row, uint32_t by)
{
    const quire_spec *spec = quire_spec_at(g->m, row);
    for (uint32_t k = 0; spec->kind == QUIRE_SPEC_DERIVED && k < spec->n_targets; k++) {
        const uint32_t source = quire_regroup_find(g, spec->targets[k]);
        if (source != QUIRE_NO_ANNOTATION) g->n_derived[source] += by;
    }
}

static const quire_spec *
spec_of(const quire_regroup *g, uint32_t group)
{
    return quire_spec_at(g->m, g->groups[group].spec);
}

/* Puts the groups of its sources that this search has not seen on the stack. True: `wanted` is one
 * of them. */
static bool
push_sources(quire_regroup *g, uint32_t group, uint32_t wanted, uint32_t *io_n)
{
    const quire_spec *spec = spec_of(g, group);
    for (uint32_t k = 0; spec->kind == QUIRE_SPEC_DERIVED && k < spec->n_targets; k++) {
        const uint32_t source = quire_regroup_of(g, spec->targets[k]);
        g->work++;
        if (source == wanted) return true;
        if (source == QUIRE_NO_GROUP || g->groups[source].seen == g->n_searches) continue;
        g->groups[source].seen = g->n_searches;
        g->stack[(*io_n)++] = source;
    }
    return false;
}

/* Does `group` derive from `from`, maybe through others? */
static quire_status
derives_from(quire_ctx *ctx, quire_regroup *g, uint32_t group, uint32_t from, bool *out_derives)
{
    uint32_t n = 0;
    *out_derives = false;
    if (spec_of(g, group)->kind != QUIRE_SPEC_DERIVED) return QUIRE_OK;
    QUIRE_TRY(quire_grow(ctx, &g->stack, &g->stack_room, g->n_groups, sizeof *g->stack));
    g->n_searches++;
    *out_derives = push_sources(g, group, from, &n);
    while (n > 0 && !*out_derives)
        *out_derives = push_sources(g, g->stack[--n], from, &n);
    return QUIRE_OK;
}

/* --- refusals ------------------------------------------------------------------------------------ */

static quire_status
refuse_about(quire_ctx *ctx, const quire_regroup *g, quire_slot slot, const char *before,
             const char *behind)
{
    quire_text text = {0};
    quire_writer w;
    quire_writer_to_text(&w, ctx, &text);
    quire_write_str(&w, before);
    quire_slot_print(&w, g->m, slot);
    quire_write_str(&w, behind);
    const quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) (void)quire_fail(ctx, QUIRE_E_USAGE, NULL, "%s", text.ptr);
    quire_text_free(ctx, &text);
    return status == QUIRE_OK ? QUIRE_E_USAGE : status;
}

/* Names a slot that derives from it. */
static quire_status
refuse_source(quire_ctx *ctx, quire_regroup *g, quire_slot source)
{
    for (uint32_t k = 0; k < g->n_groups; k++) {
        if (quire_regroup_is_gone(g, k)) continue;
        const quire_spec *spec = spec_of(g, k);
        if (spec->kind != QUIRE_SPEC_DERIVED) continue;
        for (uint32_t i = 0; i < spec->n_targets; i++) {
            if (!quire_slot_equal(spec->targets[i], source)) continue;
            quire_regroup_sort(g, g->groups[k].set);
            return refuse_about(
                ctx, g, quire_regroup_slot(g, quire_regroup_set_of(g, k)->head), "the spec of ",
                " is derived from this slot; remove that one first, or give its group "
                "parameters (set_fixed)");
        }
    }
    return quire_bug(ctx, "a source that nothing derives from");
}

/* --- the spec of a group ------------------------------------------------------------------------- */

static quire_status
set_spec(quire_ctx *ctx, quire_regroup *g, uint32_t group, quire_spec *spec, quire_sym who)
{
    quire_spec_ref ref;
    QUIRE_TRY(quire_spec_canonicalize(ctx, spec, NULL));
    QUIRE_TRY(quire_spec_intern(ctx, g->m, spec, &ref));
    if (ref.row == g->groups[group].spec) return QUIRE_OK;
    QUIRE_TRY(begin(ctx, g, group, who));
    count_derived(g, g->groups[group].spec, (uint32_t)-1);
    g->groups[group].spec = ref.row;
    note_edit(g, group, who);
    return QUIRE_OK;
}

quire_status
quire_regroup_set_fixed(quire_ctx *ctx, quire_regroup *g, uint32_t group, double scale,
                        int64_t zero_point, quire_sym who)
{
    if (quire_regroup_is_gone(g, group)) return QUIRE_NONE;
    quire_spec spec = *spec_of(g, group);
    if (spec.granularity != QUIRE_PER_TENSOR) {
        return quire_fail(ctx, QUIRE_E_USAGE, NULL,
                          "the group is quantized per %s; allowed are groups that are quantized "
                          "per tensor",
                          spec.granularity == QUIRE_PER_AXIS ? "axis" : "block");
    }
    spec.kind = QUIRE_SPEC_FIXED;
    spec.dynamic = 0;
    spec.observer = spec.observer_options = (quire_sym){0};
    memcpy(&spec.fixed_scale, &scale, sizeof spec.fixed_scale);
    spec.fixed_zero_point = zero_point;
    return set_spec(ctx, g, group, &spec, who);
}

quire_status
quire_regroup_set_observer(quire_ctx *ctx, quire_regroup *g, uint32_t group, quire_sym observer,
                           quire_sym options, quire_sym who)
{
    if (quire_regroup_is_gone(g, group)) return QUIRE_NONE;
    quire_spec spec = *spec_of(g, group);
    if (spec.kind == QUIRE_SPEC_DERIVED) {
        return quire_fail(ctx, QUIRE_E_USAGE, NULL,
                          "the group's spec is derived, and nothing observes it; allowed are "
                          "groups of kind quantized or fixed");
    }
    spec.kind = QUIRE_SPEC_QUANTIZED;
    spec.observer = observer;
    spec.observer_options = options;
    return set_spec(ctx, g, group, &spec, who);
}

/* --- members ------------------------------------------------------------------------------------- */

static quire_status
make_room(quire_ctx *ctx, quire_regroup *g)
{
    if (g->n_groups >= QUIRE_NO_GROUP - 1) {
        return quire_fail(ctx, QUIRE_E_LIMIT, NULL, "found %" PRIu32 " groups; no more are allowed",
                          g->n_groups);
    }
    QUIRE_TRY(quire_grow(ctx, &g->sets, &g->sets_room, (size_t)g->n_groups + 1, sizeof *g->sets));
    return quire_grow(ctx, &g->groups, &g->groups_room, (size_t)g->n_groups + 1, sizeof *g->groups);
}

quire_status
quire_regroup_detach(quire_ctx *ctx, quire_regroup *g, quire_slot slot, quire_sym who,
                     uint32_t *out_group)
{
    const uint32_t a = quire_regroup_find(g, slot);
    if (a == QUIRE_NO_ANNOTATION) return QUIRE_NONE;
    const uint32_t from = g->sets[g->set_of[a]].group;
    *out_group = from;
    if (quire_regroup_n_members(g, from) == 1) return QUIRE_OK;
    QUIRE_TRY(make_room(ctx, g));
    QUIRE_TRY(begin(ctx, g, from, who));
    const uint32_t made = g->n_groups++;
    g->groups[made] = (quire_regroup_group){.set = made, .spec = g->groups[from].spec};
    g->sets[made] = (quire_regroup_set){
        .group = made, .head = QUIRE_NO_ANNOTATION, .tail = QUIRE_NO_ANNOTATION};
    quire_regroup_unlink(g, a);
    quire_regroup_append(g, made, a);
    count_derived(g, g->groups[made].spec, 1);
    note_edit(g, from, who);
    note_edit(g, made, who);
    *out_group = made;
    return QUIRE_OK;
}

quire_status
quire_regroup_remove(quire_ctx *ctx, quire_regroup *g, quire_slot slot, quire_sym who)
{
    const uint32_t a = quire_regroup_find(g, slot);
    if (a == QUIRE_NO_ANNOTATION) return QUIRE_NONE;
    if (g->n_derived[a] > 0) return refuse_source(ctx, g, slot);
    const uint32_t group = g->sets[g->set_of[a]].group;
    QUIRE_TRY(
        quire_grow(ctx, &g->removals, &g->removals_room, g->n_removals + 1, sizeof *g->removals));
    QUIRE_TRY(begin(ctx, g, group, who));
    g->removals[g->n_removals++] = (quire_regroup_removal){slot, who};
    if (g->held[a] != 0) g->claims.ptr[g->held[a] - 1].flags |= QUIRE_CLAIM_LOST;
    quire_regroup_unlink(g, a);
    note_edit(g, group, who);
    if (quire_regroup_set_of(g, group)->n > 0) return QUIRE_OK;
    count_derived(g, g->groups[group].spec, (uint32_t)-1);
    g->groups[group].set = QUIRE_NO_GROUP;
    return QUIRE_OK;
}

static quire_status
check_join(quire_ctx *ctx, quire_regroup *g, uint32_t into, uint32_t from)
{
    bool derives;
    QUIRE_TRY(derives_from(ctx, g, into, from, &derives));
    if (!derives) return QUIRE_OK;
    quire_regroup_sort(g, g->groups[from].set);
    return refuse_about(ctx, g, quire_regroup_slot(g, quire_regroup_set_of(g, from)->head),
                        "the group is derived from that of ",
                        ", and would derive from itself; join them the other way round, or give "
                        "one of them parameters (set_fixed)");
}

quire_status
quire_regroup_join(quire_ctx *ctx, quire_regroup *g, uint32_t into, uint32_t from, quire_sym who)
{
    if (quire_regroup_is_gone(g, into) || quire_regroup_is_gone(g, from)) return QUIRE_NONE;
    if (into == from) return QUIRE_OK;
    QUIRE_TRY(check_join(ctx, g, into, from));
    QUIRE_TRY(begin(ctx, g, into, who));
    QUIRE_TRY(begin(ctx, g, from, who));
    const uint32_t a = g->groups[into].set;
    const uint32_t b = g->groups[from].set;
    const uint32_t larger = g->sets[a].n >= g->sets[b].n ? a : b;
    count_derived(g, g->groups[from].spec, (uint32_t)-1);
    quire_regroup_concat(g, larger, larger == a ? b : a);
    g->sets[larger].group = into;
    g->groups[into].set = larger;
    g->groups[from].set = QUIRE_NO_GROUP;
    note_edit(g, into, who);
    note_edit(g, from, who);
    return QUIRE_OK;
}
