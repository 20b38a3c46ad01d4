/* host_resolved.c - what validate may ask of the resolved graph, and the findings it makes. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "plugin/host_view.h"

/* The annotation at `place`; *out_status QUIRE_NONE if there is none, or a refusal: NULL then. */
static const quire_annotation *
find(quire_host_view *v, const char *function, quire_place place, quire_status *out_status)
{
    quire_slot slot;
    if (!quire_view_enter(v, function) || !quire_view_slot(v, function, place, &slot)) {
        *out_status = quire_view_answer(v);
        return NULL;
    }
    const quire_annotation *a = quire_resolved_at(v->resolved, slot);
    *out_status = a != NULL ? QUIRE_OK : QUIRE_NONE;
    return a;
}

static quire_status
spec(void *ctx, quire_place place, quire_qspec *out_spec, uint32_t *out_group)
{
    quire_host_view *v = ctx;
    quire_status status;
    const quire_annotation *a = find(v, "spec", place, &status);
    if (out_group != NULL) *out_group = QUIRE_NO_GROUP;
    if (a == NULL) return status;
    if (out_group != NULL) *out_group = a->group;
    if (out_spec == NULL) return QUIRE_OK;
    return quire_view_spec_out(v, quire_resolved_spec(v->m, v->resolved, a), out_spec);
}

static uint32_t
n_groups(void *ctx)
{
    quire_host_view *v = ctx;
    return quire_view_enter(v, "n_groups") ? (uint32_t)v->resolved->n_groups : 0;
}

/* The members of all groups as places, made once. */
static quire_status
make_members(quire_host_view *v)
{
    const quire_resolved *r = v->resolved;
    quire_place *members;
    if (v->members != NULL) return QUIRE_OK;
    const quire_status status =
        quire_arena_take(&v->inner, v->arena, r->n_members * sizeof *members, &members);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    for (size_t i = 0; i < r->n_members; i++) {
        const quire_slot slot = r->annotations[r->members[i]].slot;
        members[i] = (quire_place){slot.kind, slot.id};
    }
    v->members = members;
    return QUIRE_OK;
}

static quire_status
group(void *ctx, uint32_t number, const quire_place **out_members, uint32_t *out_n)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "group")) return quire_view_answer(v);
    if (number >= v->resolved->n_groups) {
        return quire_view_refuse(v, QUIRE_E_USAGE, (quire_slot){0, 0},
                                 "group: found number %" PRIu32 "; there are %zu groups, from 0",
                                 number, v->resolved->n_groups);
    }
    QUIRE_TRY(make_members(v));
    const quire_group *g = &v->resolved->groups[number];
    if (out_members != NULL) *out_members = v->members + g->members;
    if (out_n != NULL) *out_n = g->n_members;
    return QUIRE_OK;
}

static quire_status
sponsor(void *ctx, quire_place place, uint32_t k, quire_string *out_who)
{
    quire_host_view *v = ctx;
    quire_status status;
    const quire_annotation *a = find(v, "sponsor", place, &status);
    if (a == NULL) return status;
    if (k >= a->n_sponsors) return QUIRE_NONE;
    if (out_who != NULL) *out_who = quire_view_text(v, v->resolved->claims.ptr[a->claims + k].who);
    return QUIRE_OK;
}

static quire_status
loser(void *ctx, quire_place place, uint32_t k, quire_string *out_who, quire_qspec *out_spec)
{
    quire_host_view *v = ctx;
    quire_status status;
    const quire_annotation *a = find(v, "loser", place, &status);
    if (a == NULL) return status;
    if (k >= a->n_losers) return QUIRE_NONE;
    const quire_claim *lost = &v->resolved->claims.ptr[a->claims + a->n_sponsors + k];
    if (out_who != NULL) *out_who = quire_view_text(v, lost->who);
    if (out_spec == NULL) return QUIRE_OK;
    const quire_spec wanted = quire_spec_of_ref(v->m, lost->spec);
    return quire_view_spec_out(v, &wanted, out_spec);
}

/* --- findings ------------------------------------------------------------------------------------ */

static bool
check_finding(quire_host_view *v, quire_severity severity, quire_slot slot, quire_string text)
{
    if (severity != QUIRE_NOTE && severity != QUIRE_WARNING && severity != QUIRE_ERROR) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                "finding: severity: found %lld; allowed are 0 (note), 1 (warning) "
                                "and 2 (error)",
                                (long long)severity);
        return false;
    }
    if (!quire_view_string(v, slot, "finding: text", text)) return false;
    if (text.len > 0) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                            "finding: text: found none; say what was found");
    return false;
}

static quire_status
finding(void *ctx, quire_severity severity, quire_place place, quire_string text)
{
    quire_host_view *v = ctx;
    quire_finding made = {.severity = severity};
    if (!quire_view_enter(v, "finding")) return quire_view_answer(v);
    const bool nowhere = place.kind == 0 && place.id == 0;
    if (!nowhere && !quire_view_slot(v, "finding", place, &made.slot)) return quire_view_answer(v);
    if (!check_finding(v, severity, made.slot, text) || !quire_view_file(v, "finding"))
        return quire_view_answer(v);
    QUIRE_TRY(quire_view_who(v, &made.who));
    QUIRE_TRY(quire_view_intern(v, text, &made.text));
    quire_run_result *r = v->result;
    const quire_status status = quire_grow(&v->inner, &r->findings, &r->findings_room,
                                           r->n_findings + 1, sizeof *r->findings);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    r->findings[r->n_findings++] = made;
    if (severity == QUIRE_ERROR) r->n_errors++;
    return QUIRE_OK;
}

quire_resolved_api
quire_host_resolved_api(quire_host_view *view)
{
    return (quire_resolved_api){.size = QUIRE_SIZE_TO(quire_resolved_api, finding),
                                .ctx = view,
                                .spec = spec,
                                .n_groups = n_groups,
                                .group = group,
                                .sponsor = sponsor,
                                .loser = loser,
                                .finding = finding};
}
