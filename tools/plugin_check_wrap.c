/* plugin_check_wrap.c - the tables a plugin under test gets: each function is the host's, unless it
 * is its turn to refuse; what it hands out lies on pages that cannot be written to.
 */
#include "plugin_check.h"

/* `function` is one that can say so: a status goes back. */
static bool
refuses(kit_probe *p, const char *function)
{
    const bool refuse = p->was_refused || p->n_calls == p->refuse_call;
    p->n_calls++;
    if (!refuse) return false;
    p->was_refused = true;
    if (function != NULL && p->refused == NULL) p->refused = function;
    return true;
}

/* What the host says of a call; of a failure it tells the person, too. */
static quire_status
note(kit_probe *p, quire_status status)
{
    if (status != QUIRE_OK && status != QUIRE_NONE) p->host_told = true;
    return status;
}

static quire_string
lock_string(quire_string s)
{
    return s.len == 0 ? s : (quire_string){kit_lock(s.ptr, s.len), s.len};
}

/* --- graph ------------------------------------------------------------------------------------ */

#define GRAPH(p) (p)->graph->ctx

static quire_graph_id
main_graph(void *ctx)
{
    kit_probe *p = ctx;
    return refuses(p, NULL) ? 0 : p->graph->main_graph(GRAPH(p));
}

static quire_status
graph(void *ctx, quire_graph_id id, quire_graph_view *out)
{
    kit_probe *p = ctx;
    if (refuses(p, "graph")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->graph->graph(GRAPH(p), id, out));
    if (status == QUIRE_OK) out->name = lock_string(out->name);
    return status;
}

static quire_node_id
next_node(void *ctx, quire_node_id after)
{
    kit_probe *p = ctx;
    return refuses(p, NULL) ? 0 : p->graph->next_node(GRAPH(p), after);
}

static quire_status
node(void *ctx, quire_node_id id, quire_node_view *out)
{
    kit_probe *p = ctx;
    if (refuses(p, "node")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->graph->node(GRAPH(p), id, out));
    if (status != QUIRE_OK || out->size < sizeof *out) return status;
    out->domain = lock_string(out->domain);
    out->op_type = lock_string(out->op_type);
    out->overload = lock_string(out->overload);
    out->name = lock_string(out->name);
    return status;
}

static quire_status
value(void *ctx, quire_value_id id, quire_value_view *out)
{
    kit_probe *p = ctx;
    if (refuses(p, "value")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->graph->value(GRAPH(p), id, out));
    if (status != QUIRE_OK || out->size < sizeof *out) return status;
    out->name = lock_string(out->name);
    if (out->rank > 0) out->dims = kit_lock(out->dims, (size_t)out->rank * sizeof *out->dims);
    return status;
}

#define NUMBERED(function, id_type)                                                                \
    static quire_status function(void *ctx, id_type id, uint32_t k, quire_place *out_place,        \
                                 quire_value_id *out_value)                                        \
    {                                                                                              \
        kit_probe *p = ctx;                                                                        \
        if (refuses(p, #function)) return QUIRE_E_USAGE;                                           \
        return note(p, p->graph->function(GRAPH(p), id, k, out_place, out_value));                 \
    }
NUMBERED(operand, quire_node_id)
NUMBERED(result, quire_node_id)
NUMBERED(input, quire_graph_id)
NUMBERED(initializer, quire_graph_id)
NUMBERED(output, quire_graph_id)
#undef NUMBERED

static quire_place
next_use(void *ctx, quire_value_id id, quire_place after, quire_node_id *out_user,
         uint32_t *out_index)
{
    kit_probe *p = ctx;
    if (refuses(p, NULL)) return (quire_place){0, 0};
    return p->graph->next_use(GRAPH(p), id, after, out_user, out_index);
}

static quire_status
attribute(void *ctx, quire_node_id id, const char *name, quire_attribute *out)
{
    kit_probe *p = ctx;
    if (refuses(p, "attribute")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->graph->attribute(GRAPH(p), id, name, out));
    if (status != QUIRE_OK || out->size < sizeof *out) return status;
    out->s = lock_string(out->s);
    if (out->n_ints > 0) out->ints = kit_lock(out->ints, out->n_ints * sizeof *out->ints);
    return status;
}

static quire_status
read_floats(void *ctx, quire_value_id id, uint64_t first, size_t n, float *out)
{
    kit_probe *p = ctx;
    if (refuses(p, "read_floats")) return QUIRE_E_USAGE;
    return note(p, p->graph->read_floats(GRAPH(p), id, first, n, out));
}

quire_graph_api
kit_wrap_graph(kit_probe *p)
{
    return (quire_graph_api){.size = sizeof(quire_graph_api),
                             .ctx = p,
                             .main_graph = main_graph,
                             .graph = graph,
                             .next_node = next_node,
                             .node = node,
                             .value = value,
                             .operand = operand,
                             .result = result,
                             .input = input,
                             .initializer = initializer,
                             .output = output,
                             .next_use = next_use,
                             .attribute = attribute,
                             .read_floats = read_floats};
}

/* --- claims ----------------------------------------------------------------------------------- */

static quire_status
claim(void *ctx, quire_place place, const quire_qspec *spec, int32_t priority, uint32_t flags,
      quire_string rule)
{
    kit_probe *p = ctx;
    if (refuses(p, "claim")) return QUIRE_E_USAGE;
    return note(p, p->claims->claim(p->claims->ctx, place, spec, priority, flags, rule));
}

static quire_status
skip(void *ctx, quire_node_id id, quire_string reason, quire_string text)
{
    kit_probe *p = ctx;
    if (refuses(p, "skip")) return QUIRE_E_USAGE;
    return note(p, p->claims->skip(p->claims->ctx, id, reason, text));
}

static quire_status
claimed(void *ctx, quire_place place, uint32_t k, quire_string *out_who, quire_qspec *out_spec)
{
    kit_probe *p = ctx;
    if (refuses(p, "claimed")) return QUIRE_E_USAGE;
    return note(p, p->claims->claimed(p->claims->ctx, place, k, out_who, out_spec));
}

static int32_t
type(void *ctx, quire_string text)
{
    kit_probe *p = ctx;
    return refuses(p, NULL) ? 0 : p->claims->type(p->claims->ctx, text);
}

static quire_status
spec_text(void *ctx, const quire_qspec *spec, quire_string *out_text)
{
    kit_probe *p = ctx;
    if (refuses(p, "text")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->claims->text(p->claims->ctx, spec, out_text));
    if (status == QUIRE_OK) *out_text = lock_string(*out_text);
    return status;
}

quire_claim_api
kit_wrap_claims(kit_probe *p)
{
    return (quire_claim_api){.size = sizeof(quire_claim_api),
                             .ctx = p,
                             .claim = claim,
                             .skip = skip,
                             .claimed = claimed,
                             .type = type,
                             .text = spec_text};
}

/* --- the resolved graph ----------------------------------------------------------------------- */

static quire_status
resolved_spec(void *ctx, quire_place place, quire_qspec *out_spec, uint32_t *out_group)
{
    kit_probe *p = ctx;
    if (refuses(p, "spec")) return QUIRE_E_USAGE;
    return note(p, p->resolved->spec(p->resolved->ctx, place, out_spec, out_group));
}

static uint32_t
n_groups(void *ctx)
{
    kit_probe *p = ctx;
    return refuses(p, NULL) ? 0 : p->resolved->n_groups(p->resolved->ctx);
}

static quire_status
group(void *ctx, uint32_t number, const quire_place **out_members, uint32_t *out_n)
{
    const quire_place *members;
    uint32_t n;
    kit_probe *p = ctx;
    if (refuses(p, "group")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->resolved->group(p->resolved->ctx, number, &members, &n));
    if (status != QUIRE_OK) return status;
    if (out_members != NULL) *out_members = kit_lock(members, n * sizeof *members);
    if (out_n != NULL) *out_n = n;
    return QUIRE_OK;
}

static quire_status
sponsor(void *ctx, quire_place place, uint32_t k, quire_string *out_who)
{
    kit_probe *p = ctx;
    if (refuses(p, "sponsor")) return QUIRE_E_USAGE;
    return note(p, p->resolved->sponsor(p->resolved->ctx, place, k, out_who));
}

static quire_status
loser(void *ctx, quire_place place, uint32_t k, quire_string *out_who, quire_qspec *out_spec)
{
    kit_probe *p = ctx;
    if (refuses(p, "loser")) return QUIRE_E_USAGE;
    return note(p, p->resolved->loser(p->resolved->ctx, place, k, out_who, out_spec));
}

static quire_status
finding(void *ctx, quire_severity severity, quire_place place, quire_string text)
{
    kit_probe *p = ctx;
    if (refuses(p, "finding")) return QUIRE_E_USAGE;
    return note(p, p->resolved->finding(p->resolved->ctx, severity, place, text));
}

quire_resolved_api
kit_wrap_resolved(kit_probe *p)
{
    return (quire_resolved_api){.size = sizeof(quire_resolved_api),
                                .ctx = p,
                                .spec = resolved_spec,
                                .n_groups = n_groups,
                                .group = group,
                                .sponsor = sponsor,
                                .loser = loser,
                                .finding = finding};
}

/* --- groups ----------------------------------------------------------------------------------- */

#define GROUPS(p) (p)->groups->ctx

static uint32_t
n_groups_now(void *ctx)
{
    kit_probe *p = ctx;
    return refuses(p, NULL) ? 0 : p->groups->n_groups(GROUPS(p));
}

static quire_status
members(void *ctx, uint32_t number, const quire_place **out, uint32_t *out_n)
{
    const quire_place *found;
    uint32_t n;
    kit_probe *p = ctx;
    if (refuses(p, "members")) return QUIRE_E_USAGE;
    const quire_status status = note(p, p->groups->members(GROUPS(p), number, &found, &n));
    if (status != QUIRE_OK) return status;
    if (out != NULL) *out = kit_lock(found, n * sizeof *found);
    if (out_n != NULL) *out_n = n;
    return QUIRE_OK;
}

/* Functions that are handed on as they are. */
#define HAND_ON(api, function, parameters, arguments)                                              \
    static quire_status function parameters                                                        \
    {                                                                                              \
        kit_probe *p = ctx;                                                                        \
        if (refuses(p, #function)) return QUIRE_E_USAGE;                                           \
        return note(p, p->api->function arguments);                                                \
    }
HAND_ON(groups, spec, (void *ctx, uint32_t number, quire_qspec *out), (GROUPS(p), number, out))
HAND_ON(groups, group_of, (void *ctx, quire_place place, uint32_t *out), (GROUPS(p), place, out))
HAND_ON(groups, set_fixed, (void *ctx, uint32_t number, double scale, int64_t zero_point),
        (GROUPS(p), number, scale, zero_point))
HAND_ON(groups, set_observer,
        (void *ctx, uint32_t number, quire_string observer, quire_string options),
        (GROUPS(p), number, observer, options))
HAND_ON(groups, detach, (void *ctx, quire_place place, uint32_t *out), (GROUPS(p), place, out))
HAND_ON(groups, remove, (void *ctx, quire_place place), (GROUPS(p), place))
HAND_ON(groups, join, (void *ctx, uint32_t into, uint32_t from), (GROUPS(p), into, from))

quire_group_api
kit_wrap_groups(kit_probe *p)
{
    return (quire_group_api){.size = sizeof(quire_group_api),
                             .ctx = p,
                             .n_groups = n_groups_now,
                             .members = members,
                             .spec = spec,
                             .group_of = group_of,
                             .set_fixed = set_fixed,
                             .set_observer = set_observer,
                             .detach = detach,
                             .remove = remove,
                             .join = join};
}

/* --- edits ------------------------------------------------------------------------------------ */

#define EDITS(p) (p)->edits->ctx

HAND_ON(edits, create_node, (void *ctx, const quire_new_node *made, quire_node_id *out),
        (EDITS(p), made, out))
HAND_ON(edits, erase_node, (void *ctx, quire_node_id id), (EDITS(p), id))
HAND_ON(edits, move_node, (void *ctx, quire_node_id id, quire_node_id before),
        (EDITS(p), id, before))
HAND_ON(edits, set_operand, (void *ctx, quire_node_id id, uint32_t k, quire_value_id read),
        (EDITS(p), id, k, read))
HAND_ON(edits, replace_uses, (void *ctx, quire_value_id from, quire_value_id to),
        (EDITS(p), from, to))
HAND_ON(edits, interpose, (void *ctx, quire_value_id id, quire_node_id by), (EDITS(p), id, by))
HAND_ON(edits, take_name, (void *ctx, quire_value_id to, quire_value_id from), (EDITS(p), to, from))
HAND_ON(edits, set_type, (void *ctx, quire_value_id id, int32_t dtype, int32_t rank),
        (EDITS(p), id, dtype, rank))
HAND_ON(edits, add_initializer,
        (void *ctx, quire_graph_id id, quire_string name, const quire_new_tensor *tensor,
         quire_value_id *out),
        (EDITS(p), id, name, tensor, out))
HAND_ON(edits, remove_initializer, (void *ctx, quire_value_id id), (EDITS(p), id))
HAND_ON(edits, fresh_name, (void *ctx, quire_string base, quire_string *out), (EDITS(p), base, out))
#undef HAND_ON

quire_edit_api
kit_wrap_edits(kit_probe *p)
{
    return (quire_edit_api){.size = sizeof(quire_edit_api),
                            .ctx = p,
                            .create_node = create_node,
                            .erase_node = erase_node,
                            .move_node = move_node,
                            .set_operand = set_operand,
                            .replace_uses = replace_uses,
                            .interpose = interpose,
                            .take_name = take_name,
                            .set_type = set_type,
                            .add_initializer = add_initializer,
                            .remove_initializer = remove_initializer,
                            .fresh_name = fresh_name};
}
