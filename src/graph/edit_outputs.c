/* edit_outputs.c - the public names of graph outputs, settled before an export: see edit.h. */
#include "base/diag.h"
#include "graph/edit_inner.h"

/* The living value of g that is called `name`, other than v; 0 if there is none. */
static quire_value
holder_of_name(const quire_model *m, quire_graph g, quire_sym name, quire_value v)
{
    for (uint32_t i = 1; i < m->values.count; i++) {
        const quire_value_rec *r = quire_value_at(m, (quire_value){i});
        const bool here = r->name.id == name.id && r->graph.id == g.id && i != v.id;
        if (here && (r->flags & QUIRE_DEAD) == 0) return (quire_value){i};
    }
    return (quire_value){0};
}

/* A public name belongs to its output slot: a value that is called so and is not behind the slot
 * any more gets another name. What the caller sees of the model is not renamed. */
static quire_status
free_name(quire_ctx *ctx, quire_model *m, quire_graph g, quire_sym name, quire_value v)
{
    const quire_value holder = holder_of_name(m, g, name, v);
    if (holder.id == 0) return QUIRE_OK;
    quire_value_rec *r = quire_edit_value(m, holder);
    if (r->def_kind == QUIRE_DEF_INPUT)
        return quire_bug(ctx, "an output cannot take an input's name");
    quire_bytes fresh;
    QUIRE_TRY(quire_model_fresh_name(ctx, m, quire_sym_bytes(m, name), &fresh));
    QUIRE_TRY(quire_edit_intern(ctx, m, fresh, &r->name));
    m->syms.entries[r->name.id].flags |= QUIRE_SYM_IS_NAME;
    quire_edit_touch_readers(m, holder);
    if (r->def_kind == QUIRE_DEF_RESULT) {
        quire_edit_touch_node(m, (quire_node){r->def});
        return QUIRE_OK;
    }
    quire_edit_tensor(m, r->init)->name = r->name;
    quire_edit_tensor(m, r->init)->flags |= QUIRE_TOUCHED;
    quire_edit_touch_graph(m, g);
    return QUIRE_OK;
}

static bool
names_another_output(const quire_model *m, const quire_graph_rec *g, size_t k)
{
    const quire_value v = quire_use_at(m, (quire_use){(uint32_t)(g->out.id + k)})->value;
    for (quire_use u = quire_value_at(m, v)->first_use; u.id != 0; u = quire_use_at(m, u)->next) {
        const quire_use_rec *r = quire_use_at(m, u);
        if (r->node.id == 0 && u.id != g->out.id + k) return true;
    }
    return false;
}

static quire_status
put_identity(quire_ctx *ctx, quire_model *m, quire_graph g, quire_use slot, quire_sym name)
{
    const quire_value v = quire_use_at(m, slot)->value;
    const quire_bytes output = quire_sym_bytes(m, name);
    const quire_node_make make = {.graph = g,
                                  .domain = "",
                                  .op_type = "Identity",
                                  .inputs = &v,
                                  .n_inputs = 1,
                                  .outputs = &output,
                                  .n_outputs = 1};
    quire_node n;
    QUIRE_TRY(quire_node_create(ctx, m, &make, (quire_node){0}, &n));
    return quire_use_set(ctx, m, slot, quire_node_result(m, n, 0));
}

static quire_status
settle_output(quire_ctx *ctx, quire_model *m, quire_graph g, size_t k)
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    const quire_use slot = {(uint32_t)(r->out.id + k)};
    const quire_value v = quire_use_at(m, slot)->value;
    const quire_value_rec *value = quire_value_at(m, v);
    const quire_sym name = r->outputs[k].name;
    if (value->name.id == name.id) return QUIRE_OK;
    QUIRE_TRY(free_name(ctx, m, g, name, v));
    if (value->def_kind != QUIRE_DEF_RESULT || value->graph.id != g.id ||
        names_another_output(m, r, k)) {
        return put_identity(ctx, m, g, slot, name);
    }
    quire_edit_value(m, v)->name = name;
    quire_edit_touch_node(m, quire_value_node(m, v));
    quire_edit_touch_readers(m, v);
    return QUIRE_OK;
}

quire_status
quire_model_settle_outputs(quire_ctx *ctx, quire_model *m)
{
    const uint32_t n_graphs = m->graphs.count;
    for (uint32_t i = 1; i < n_graphs; i++) {
        const quire_graph g = {i};
        const uint32_t flags = quire_graph_at(m, g)->flags;
        if ((flags & QUIRE_DEAD) != 0 || (flags & (QUIRE_TOUCHED | QUIRE_INNER)) == 0) continue;
        for (size_t k = 0; k < quire_graph_at(m, g)->n_outputs; k++)
            QUIRE_TRY(settle_output(ctx, m, g, k));
    }
    return QUIRE_OK;
}
