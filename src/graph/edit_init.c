/* edit_init.c - tensors and initializers made, added and removed, and names for what is made:
 * see edit.h. */
#include "base/diag.h"
#include "graph/attr_make.h"
#include "graph/edit_inner.h"
#include "graph/layer.h"

quire_status
quire_tensor_create(quire_ctx *ctx, quire_model *m, const quire_tensor_make *make,
                    quire_tensor *out_tensor)
{
    quire_tensor_rec r = {.dtype = make->dtype,
                          .rank = make->rank,
                          .n_elements = 1,
                          .data = make->data,
                          .form = make->external ? QUIRE_FORM_EXTERNAL : QUIRE_FORM_RAW,
                          .flags = QUIRE_NEW | QUIRE_TOUCHED};
    for (uint32_t k = 0; k < make->rank; k++) {
        if (!quire_mul_u64(r.n_elements, (uint64_t)make->dims[k], &r.n_elements)) {
            return quire_fail(ctx, QUIRE_E_LIMIT, NULL,
                              "a tensor of more than 2^64 elements was to be made");
        }
    }
    if (make->name.len > 0) QUIRE_TRY(quire_edit_intern(ctx, m, make->name, &r.name));
    quire_bytes dims;
    QUIRE_TRY(quire_arena_copy(
        ctx, &m->arena, (quire_bytes){(const uint8_t *)make->dims, make->rank * sizeof *make->dims},
        &dims));
    r.dims = (const int64_t *)(const void *)dims.ptr;
    if (make->data.file == 0) {
        quire_bytes data;
        QUIRE_TRY(quire_arena_copy(ctx, &m->arena,
                                   (quire_bytes){make->data.u.ptr, (size_t)make->data.len}, &data));
        r.data.u.ptr = data.ptr;
    }
    QUIRE_TRY(quire_table_add(ctx, &m->tensors, 1, &out_tensor->id));
    *quire_edit_tensor(m, *out_tensor) = r;
    return QUIRE_OK;
}

/* Room for one more element in an array that lives in the arena: a copy of double size when
 * full. */
static quire_status
arena_grow(quire_ctx *ctx, quire_model *m, void *array, size_t *room, size_t n, size_t size)
{
    if (n < *room) return QUIRE_OK;
    void *old;
    memcpy(&old, array, sizeof old);
    const size_t wanted = n < 8 ? 16 : 2 * n;
    void *copy;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, wanted * size, &copy));
    if (n > 0) memcpy(copy, old, n * size);
    memcpy(array, &copy, sizeof copy);
    *room = wanted;
    return QUIRE_OK;
}

/* Below ir_version 4 every initializer is a graph input, too. */
static quire_status
add_matching_input(quire_ctx *ctx, quire_model *m, quire_graph_rec *g, quire_tensor t,
                   quire_value v)
{
    quire_bytes info;
    QUIRE_TRY(quire_info_make(ctx, m, t, &info));
    QUIRE_TRY(arena_grow(ctx, m, &g->inputs, &g->inputs_room, g->n_inputs, sizeof *g->inputs));
    quire_value_rec *r = quire_edit_value(m, v);
    r->def_kind = QUIRE_DEF_INPUT;
    r->slot = (uint32_t)g->n_inputs;
    r->info = info;
    g->inputs[g->n_inputs++] = (quire_graph_input){.value = v, .info = info, .flags = QUIRE_NEW};
    return QUIRE_OK;
}

quire_status
quire_graph_add_initializer(quire_ctx *ctx, quire_model *m, quire_graph g, quire_tensor tensor,
                            quire_value *out_value)
{
    quire_graph_rec *r = quire_edit_graph(m, g);
    const quire_tensor_rec *t = quire_tensor_at(m, tensor);
    quire_value v;
    QUIRE_TRY(arena_grow(ctx, m, &r->inits, &r->inits_room, r->n_inits, sizeof *r->inits));
    QUIRE_TRY(quire_edit_add_value(ctx, m, g, t->name, QUIRE_DEF_INITIALIZER, g.id,
                                   (uint32_t)r->n_inits, &v));
    quire_value_rec *value = quire_edit_value(m, v);
    value->init = tensor;
    value->elem_type = t->dtype;
    value->rank = (int32_t)t->rank;
    if (m->ir_version < 4 && g.id == m->main.id)
        QUIRE_TRY(add_matching_input(ctx, m, r, tensor, v));
    r->inits[r->n_inits++] = (quire_graph_init){.value = v, .tensor = tensor, .flags = QUIRE_NEW};
    quire_edit_touch_graph(m, g);
    *out_value = v;
    return QUIRE_OK;
}

static void
drop_input(quire_graph_rec *g, quire_value v)
{
    for (size_t k = 0; k < g->n_inputs; k++) {
        if (g->inputs[k].value.id == v.id) g->inputs[k].flags |= QUIRE_DEAD;
    }
}

quire_status
quire_graph_remove_initializer(quire_ctx *ctx, quire_model *m, quire_value v)
{
    quire_value_rec *r = quire_edit_value(m, v);
    if (r->init.id == 0 || r->n_uses > 0)
        return quire_bug(ctx, "removing an initializer that is used or is none");
    quire_graph_rec *g = quire_edit_graph(m, r->graph);
    QUIRE_TRY(quire_edit_drop_mentions(ctx, m, v));
    for (size_t k = 0; k < g->n_inits; k++) {
        if (g->inits[k].value.id == v.id) g->inits[k].flags |= QUIRE_DEAD;
    }
    drop_input(g, v);
    quire_edit_tensor(m, r->init)->flags |= QUIRE_DEAD;
    r->flags |= QUIRE_DEAD;
    quire_layers_erased(m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
    quire_edit_touch_graph(m, r->graph);
    return QUIRE_OK;
}

quire_status
quire_model_fresh_name(quire_ctx *ctx, quire_model *m, quire_bytes base, quire_bytes *out_name)
{
    if (!quire_model_has_name(m, base)) return quire_arena_copy(ctx, &m->arena, base, out_name);
    for (unsigned k = 1;; k++) {
        QUIRE_TRY(quire_arena_format(ctx, &m->arena, out_name, "%.*s.%u", (int)base.len,
                                     (const char *)base.ptr, k));
        if (!quire_model_has_name(m, *out_name)) return QUIRE_OK;
    }
}
