/* annotation_ways.c - which annotation holds on the ways from lookups to tables; see follower.h.
 *
 * One walk in graph order: what holds at a value is its own annotation, else that of the operand of
 * the wrapper that makes it, else what holds at the value behind the wrapper.
 */
#include "base/alloc.h"
#include "passes/follower.h"

/* --- annotations by place --------------------------------------------------------------------- */

static uint32_t
annotation_at(const follower *f, quire_slot_kind kind, uint32_t id)
{
    const quire_slot slot = {.kind = kind, .id = id};
    const uint32_t *record =
        f->layer != NULL && id != 0 ? quire_layer_record(f->layer, slot) : NULL;
    return record != NULL ? *record : 0;
}

uint32_t
follower_operand(const follower *f, quire_node n)
{
    if (quire_node_at(f->m, n)->n_in == 0) return 0;
    return annotation_at(f, QUIRE_SLOT_USE, quire_node_operand(f->m, n, 0).id);
}

uint32_t
follower_value(const follower *f, quire_value v)
{
    return annotation_at(f, QUIRE_SLOT_RESULT, v.id);
}

const quire_spec *
follower_spec(const follower *f, uint32_t annotation)
{
    return quire_resolved_spec(f->m, f->resolved, &f->resolved->annotations[annotation - 1]);
}

uint32_t
follower_lookup(const follower *f, const quire_lookup *l)
{
    const uint32_t own = follower_operand(f, l->node);
    return own != 0 ? own : f->nearest[quire_node_input(f->m, l->node, 0).id];
}

/* --- ways to tables --------------------------------------------------------------------------- */

/* n's result 0 is the elements of a table; n is a wrapper unless it is the Constant itself. */
static quire_status
visit(follower *f, quire_node n)
{
    const quire_value v = quire_node_result(f->m, n, 0);
    const quire_origin *origin = &f->origins.of[v.id];
    uint32_t found = follower_value(f, v);
    if (origin->base.id != v.id) {
        QUIRE_TRY(quire_grow(f->ctx, &f->wrappers, &f->wrappers_room, f->n_wrappers + 1,
                             sizeof *f->wrappers));
        f->wrappers[f->n_wrappers++] = n;
        if (found == 0) found = follower_operand(f, n);
        if (found == 0) found = f->nearest[quire_node_input(f->m, n, 0).id];
    }
    f->nearest[v.id] = found;
    return QUIRE_OK;
}

quire_status
follower_find_nearest(follower *f)
{
    for (uint32_t id = 1; id < f->origins.n; id++) {
        const quire_value v = {id};
        if (f->origins.of[id].type == 0) continue;
        if (quire_value_at(f->m, v)->def_kind == QUIRE_DEF_RESULT) continue;
        f->nearest[id] = follower_value(f, v);
    }
    for (quire_node n = quire_walk_next(f->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(f->m, n)) {
        const quire_value v = quire_node_result(f->m, n, 0);
        if (v.id != 0 && f->origins.of[v.id].type != 0) QUIRE_TRY(visit(f, n));
    }
    return QUIRE_OK;
}
