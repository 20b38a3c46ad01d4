/* host_groups.c - what adjust may do with the groups: numbers and places are checked here, what a
 * group allows in passes/regroup.h.
 */
#include <inttypes.h>

#include "base/arena.h"
#include "passes/regroup.h"
#include "plugin/host_view.h"

/* The members of a group as they were handed out last. The array is the group's for as long as the
 * callback runs, so that one who edits while he reads it meets old members, and nothing worse. */
struct quire_host_members {
    quire_place *places;
    uint32_t n, room;
    uint64_t version; /* of the group, + 1; 0: never */
};

/* A call about a group begins. False: it is to be left with *out_status, which is QUIRE_NONE for a
 * group that is gone. */
static bool
enter(quire_host_view *v, const char *function, uint32_t group, quire_status *out_status)
{
    if (!quire_view_enter(v, function)) {
        *out_status = v->fault;
        return false;
    }
    const uint32_t n = quire_regroup_n_groups(v->regroup);
    if (group >= n) {
        *out_status = quire_view_refuse(v, QUIRE_E_USAGE, (quire_slot){0, 0},
                                        "%s: group: found number %" PRIu32 "; there are %" PRIu32
                                        " groups, from 0",
                                        function, group, n);
        return false;
    }
    *out_status = QUIRE_NONE;
    return quire_regroup_n_members(v->regroup, group) > 0;
}

static bool
enter_slot(quire_host_view *v, const char *function, quire_place place, quire_slot *out_slot)
{
    return quire_view_enter(v, function) && quire_view_slot(v, function, place, out_slot);
}

/* The slot that stands for a group in a message. */
static quire_slot
least_of(quire_host_view *v, uint32_t group)
{
    quire_slot slot = {0, 0};
    uint32_t at = 0;
    (void)quire_regroup_next_member(v->regroup, group, &at, &slot);
    return slot;
}

/* How an edit ended, for the plugin; `where` is the slot a refusal is about. */
static quire_status
edited(quire_host_view *v, const char *function, quire_slot where, quire_status status)
{
    if (status == QUIRE_OK || status == QUIRE_NONE) return status;
    if (status == QUIRE_E_USAGE || status == QUIRE_E_INVALID)
        return quire_view_refuse(v, status, where, "%s: %s", function, v->fault_text);
    return quire_view_failed(v, status);
}

static quire_status
edited_group(quire_host_view *v, const char *function, uint32_t group, quire_status status)
{
    const bool refused = status == QUIRE_E_USAGE || status == QUIRE_E_INVALID;
    const quire_slot where = refused ? least_of(v, group) : (quire_slot){0, 0};
    return edited(v, function, where, status);
}

static bool
check_string(quire_host_view *v, const char *what, uint32_t group, quire_string s)
{
    const bool fits = s.len <= QUIRE_HOST_MAX_STRING && (s.ptr != NULL || s.len == 0);
    return fits || quire_view_string(v, least_of(v, group), what, s);
}

/* --- looking ----------------------------------------------------------------------------------- */

static uint32_t
n_groups(void *ctx)
{
    quire_host_view *v = ctx;
    return quire_view_enter(v, "n_groups") ? quire_regroup_n_groups(v->regroup) : 0;
}

/* Room for what is known of groups up to this number. */
static quire_status
make_room(quire_host_view *v, uint32_t group)
{
    const uint32_t n = quire_regroup_n_groups(v->regroup);
    const size_t room = (size_t)n + n / 2;
    struct quire_host_members *made;
    if (group < v->n_group_members) return QUIRE_OK;
    const quire_status status = quire_arena_take(&v->inner, v->arena, room * sizeof *made, &made);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    if (v->n_group_members > 0) memcpy(made, v->group_members, v->n_group_members * sizeof *made);
    v->group_members = made;
    v->n_group_members = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
    return QUIRE_OK;
}

static quire_status
list_members(quire_host_view *v, uint32_t group, struct quire_host_members *m)
{
    const uint32_t n = quire_regroup_n_members(v->regroup, group);
    quire_slot slot;
    uint32_t at = 0;
    if (n > m->room) {
        const size_t room = (size_t)n + (m->room > 0 ? n / 2 : 0); /* it grows: it will again */
        const quire_status status =
            quire_arena_take(&v->inner, v->arena, room * sizeof *m->places, &m->places);
        if (status != QUIRE_OK) return quire_view_failed(v, status);
        m->room = (uint32_t)room;
    }
    for (uint32_t i = 0; quire_regroup_next_member(v->regroup, group, &at, &slot); i++)
        m->places[i] = (quire_place){slot.kind, slot.id};
    m->n = n;
    m->version = quire_regroup_version(v->regroup, group) + 1;
    return QUIRE_OK;
}

static quire_status
members(void *ctx, uint32_t group, const quire_place **out, uint32_t *out_n)
{
    quire_host_view *v = ctx;
    quire_status status;
    if (out != NULL) *out = NULL;
    if (out_n != NULL) *out_n = 0;
    if (!enter(v, "members", group, &status)) return status;
    QUIRE_TRY(make_room(v, group));
    struct quire_host_members *m = &v->group_members[group];
    if (m->version != quire_regroup_version(v->regroup, group) + 1)
        QUIRE_TRY(list_members(v, group, m));
    if (out != NULL) *out = m->places;
    if (out_n != NULL) *out_n = m->n;
    return QUIRE_OK;
}

static quire_status
spec(void *ctx, uint32_t group, quire_qspec *out_spec)
{
    quire_host_view *v = ctx;
    quire_status status;
    if (!enter(v, "spec", group, &status)) return status;
    return quire_view_spec_out(v, quire_spec_at(v->m, quire_regroup_spec(v->regroup, group)),
                               out_spec);
}

static quire_status
group_of(void *ctx, quire_place place, uint32_t *out_group)
{
    quire_host_view *v = ctx;
    quire_slot slot;
    if (out_group != NULL) *out_group = QUIRE_NO_GROUP;
    if (!enter_slot(v, "group_of", place, &slot)) return v->fault;
    const uint32_t group = quire_regroup_of(v->regroup, slot);
    if (out_group != NULL) *out_group = group;
    return group == QUIRE_NO_GROUP ? QUIRE_NONE : QUIRE_OK;
}

/* --- editing ----------------------------------------------------------------------------------- */

static quire_status
set_fixed(void *ctx, uint32_t group, double scale, int64_t zero_point)
{
    quire_host_view *v = ctx;
    quire_status status;
    quire_sym who;
    if (!enter(v, "set_fixed", group, &status)) return status;
    QUIRE_TRY(quire_view_who(v, &who));
    status = quire_regroup_set_fixed(&v->inner, v->regroup, group, scale, zero_point, who);
    return edited_group(v, "set_fixed", group, status);
}

static quire_status
set_observer(void *ctx, uint32_t group, quire_string observer, quire_string options)
{
    quire_host_view *v = ctx;
    quire_status status;
    quire_sym who, name, text;
    if (!enter(v, "set_observer", group, &status)) return status;
    if (!check_string(v, "set_observer: observer", group, observer) ||
        !check_string(v, "set_observer: options", group, options))
        return v->fault;
    QUIRE_TRY(quire_view_who(v, &who));
    QUIRE_TRY(quire_view_intern(v, observer, &name));
    QUIRE_TRY(quire_view_intern(v, options, &text));
    status = quire_regroup_set_observer(&v->inner, v->regroup, group, name, text, who);
    return edited_group(v, "set_observer", group, status);
}

static quire_status
detach(void *ctx, quire_place place, uint32_t *out_group)
{
    quire_host_view *v = ctx;
    quire_slot slot;
    quire_sym who;
    uint32_t made = QUIRE_NO_GROUP;
    if (out_group != NULL) *out_group = made;
    if (!enter_slot(v, "detach", place, &slot)) return v->fault;
    QUIRE_TRY(quire_view_who(v, &who));
    const quire_status status = quire_regroup_detach(&v->inner, v->regroup, slot, who, &made);
    if (out_group != NULL) *out_group = made;
    return edited(v, "detach", slot, status);
}

static quire_status
take_away(void *ctx, quire_place place)
{
    quire_host_view *v = ctx;
    quire_slot slot;
    quire_sym who;
    if (!enter_slot(v, "remove", place, &slot)) return v->fault;
    QUIRE_TRY(quire_view_who(v, &who));
    return edited(v, "remove", slot, quire_regroup_remove(&v->inner, v->regroup, slot, who));
}

static quire_status
join(void *ctx, uint32_t into, uint32_t from)
{
    quire_host_view *v = ctx;
    quire_status status;
    quire_sym who;
    if (!enter(v, "join", into, &status) || !enter(v, "join", from, &status)) return status;
    QUIRE_TRY(quire_view_who(v, &who));
    status = quire_regroup_join(&v->inner, v->regroup, into, from, who);
    return edited_group(v, "join", into, status);
}

quire_group_api
quire_host_group_api(quire_host_view *view)
{
    return (quire_group_api){.size = QUIRE_SIZE_TO(quire_group_api, join),
                             .ctx = view,
                             .n_groups = n_groups,
                             .members = members,
                             .spec = spec,
                             .group_of = group_of,
                             .set_fixed = set_fixed,
                             .set_observer = set_observer,
                             .detach = detach,
                             .remove = take_away,
                             .join = join};
}
