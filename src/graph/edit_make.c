/* edit_make.c - making values, operators and nodes: see edit.h. A node is visible from its graph
 * only once nothing can fail any more. */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/attr_make.h"
#include "graph/edit_inner.h"

/* The bytes are kept by the symbol table, so they must live as long as the model. */
quire_status
quire_edit_intern(quire_ctx *ctx, quire_model *m, quire_bytes text, quire_sym *out)
{
    *out = quire_syms_find(&m->syms, text);
    if (out->id != 0) return QUIRE_OK;
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(ctx, &m->arena, text, &copy));
    return quire_syms_intern(ctx, &m->syms, copy, out);
}

quire_status
quire_edit_add_value(quire_ctx *ctx, quire_model *m, quire_graph g, quire_sym name,
                     uint32_t def_kind, uint32_t def, uint32_t slot, quire_value *out_value)
{
    QUIRE_TRY(quire_table_add(ctx, &m->values, 1, &out_value->id));
    *quire_edit_value(m, *out_value) = (quire_value_rec){
        .name = name, .graph = g, .def_kind = def_kind, .def = def, .slot = slot, .rank = -1};
    m->syms.entries[name.id].flags |= QUIRE_SYM_IS_NAME;
    return QUIRE_OK;
}

/* --- operators -------------------------------------------------------------------------------- */

static uint32_t
kind_of_op(const quire_model *m, quire_sym domain, quire_sym type)
{
    static const struct {
        const char *domain, *type;
    } known[QUIRE_N_OP_KINDS] = {
        [QUIRE_OP_OTHER] = {NULL, NULL},
#define X(name, op_domain, op_type) [QUIRE_OP_##name] = {op_domain, op_type},
#include "graph/op_defs.inc"
#undef X
    };
    quire_bytes d = quire_sym_bytes(m, domain);
    if (quire_bytes_equal(d, quire_bytes_of("ai.onnx"))) d.len = 0;
    for (uint32_t k = 1; k < QUIRE_N_OP_KINDS; k++) {
        if (quire_bytes_equal(quire_sym_bytes(m, type), quire_bytes_of(known[k].type)) &&
            quire_bytes_equal(d, quire_bytes_of(known[k].domain))) {
            return k;
        }
    }
    return QUIRE_OP_OTHER;
}

/* The slot of the operator, or the empty one where it belongs. Decides no order: ids are given
 * as they come. */
static uint32_t *
op_slot(const quire_model *m, const quire_op_rec *wanted)
{
    const size_t mask = m->op_slots_room - 1;
    const uint64_t mixed = (wanted->type.id * 0x9e3779b97f4a7c15u) ^
                           (wanted->domain.id * 0xc2b2ae3d27d4eb4fu) ^
                           (wanted->overload.id * 0x165667b19e3779f9u);
    for (size_t i = (size_t)(mixed ^ mixed >> 29) & mask;; i = (i + 1) & mask) {
        const quire_op_rec *r = quire_op_at(m, (quire_op){m->op_slots[i]});
        const bool same = r->type.id == wanted->type.id && r->domain.id == wanted->domain.id &&
                          r->overload.id == wanted->overload.id;
        if (m->op_slots[i] == 0 || same) return &m->op_slots[i];
    }
}

void
quire_edit_rehash_ops(quire_model *m)
{
    if (m->op_slots_room == 0) return;
    memset(m->op_slots, 0, m->op_slots_room * sizeof *m->op_slots);
    for (uint32_t i = 1; i < m->ops.count; i++)
        *op_slot(m, quire_op_at(m, (quire_op){i})) = i;
}

/* Keeps the table at most half full. */
static quire_status
grow_op_slots(quire_ctx *ctx, quire_model *m)
{
    if (2 * (size_t)m->ops.count < m->op_slots_room) return QUIRE_OK;
    const size_t room = m->op_slots_room == 0 ? 64 : 2 * m->op_slots_room;
    uint32_t *slots = quire_alloc(m->alloc, room * sizeof *slots);
    if (slots == NULL) return quire_nomem(ctx);
    quire_free(m->alloc, m->op_slots, m->op_slots_room * sizeof *m->op_slots);
    m->op_slots = slots;
    m->op_slots_room = room;
    quire_edit_rehash_ops(m);
    return QUIRE_OK;
}

quire_status
quire_edit_add_op(quire_ctx *ctx, quire_model *m, quire_sym domain, quire_sym type,
                  quire_sym overload, quire_op *out_op)
{
    quire_op_rec wanted = {domain, type, overload, QUIRE_OP_OTHER};
    QUIRE_TRY(grow_op_slots(ctx, m));
    uint32_t *slot = op_slot(m, &wanted);
    if (*slot == 0) {
        uint32_t id;
        wanted.kind = kind_of_op(m, domain, type);
        QUIRE_TRY(quire_table_add(ctx, &m->ops, 1, &id));
        *(quire_op_rec *)quire_table_at(&m->ops, id) = wanted;
        *slot = id;
    }
    out_op->id = *slot;
    return QUIRE_OK;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static quire_status
make_op(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_op *out)
{
    quire_sym domain = {0};
    quire_sym type;
    if (make->domain[0] != '\0')
        QUIRE_TRY(quire_edit_intern(ctx, m, quire_bytes_of(make->domain), &domain));
    QUIRE_TRY(quire_edit_intern(ctx, m, quire_bytes_of(make->op_type), &type));
    return quire_edit_add_op(ctx, m, domain, type, (quire_sym){0}, out);
}

static quire_status
make_results(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_node n,
             quire_value *out_first)
{
    QUIRE_TRY(quire_table_add(ctx, &m->values, make->n_outputs, &out_first->id));
    for (uint32_t k = 0; k < make->n_outputs; k++) {
        quire_sym name;
        QUIRE_TRY(quire_edit_intern(ctx, m, make->outputs[k], &name));
        m->syms.entries[name.id].flags |= QUIRE_SYM_IS_NAME;
        *quire_edit_value(m, (quire_value){out_first->id + k}) =
            (quire_value_rec){.name = name,
                              .graph = make->graph,
                              .def_kind = QUIRE_DEF_RESULT,
                              .def = n.id,
                              .slot = k,
                              .rank = -1};
    }
    return QUIRE_OK;
}

static quire_status
make_attrs(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_attr *out_first)
{
    QUIRE_TRY(quire_table_add(ctx, &m->attrs, make->n_attrs, &out_first->id));
    for (uint32_t k = 0; k < make->n_attrs; k++) {
        quire_attr_rec *a = quire_edit_attr(m, (quire_attr){out_first->id + k});
        QUIRE_TRY(quire_edit_intern(ctx, m, quire_bytes_of(make->attrs[k].name), &a->name));
        QUIRE_TRY(quire_attr_fill(ctx, m, &make->attrs[k], a));
    }
    return QUIRE_OK;
}

/* Everything of a new node that can fail; nothing here is visible from the graph yet. */
static quire_status
prepare_node(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_node *out_node)
{
    quire_node_rec r = {.graph = make->graph,
                        .n_in = make->n_inputs,
                        .n_out = make->n_outputs,
                        .n_attr = make->n_attrs,
                        .flags = QUIRE_NEW | QUIRE_TOUCHED};
    if (make->name.len > 0) {
        QUIRE_TRY(quire_edit_intern(ctx, m, make->name, &r.name));
        m->syms.entries[r.name.id].flags |= QUIRE_SYM_IS_NAME;
    }
    QUIRE_TRY(make_op(ctx, m, make, &r.op));
    QUIRE_TRY(quire_table_add(ctx, &m->nodes, 1, &out_node->id));
    QUIRE_TRY(make_results(ctx, m, make, *out_node, &r.out));
    QUIRE_TRY(make_attrs(ctx, m, make, &r.attr));
    QUIRE_TRY(quire_table_add(ctx, &m->uses, make->n_inputs, &r.in.id));
    *quire_edit_node(m, *out_node) = r;
    return QUIRE_OK;
}

quire_status
quire_node_create(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_node before,
                  quire_node *out_node)
{
    quire_node n = {0};
    QUIRE_TRY(prepare_node(ctx, m, make, &n));
    for (uint32_t k = 0; k < make->n_inputs; k++) {
        const quire_use use = {quire_node_at(m, n)->in.id + k};
        *quire_edit_use(m, use) = (quire_use_rec){.node = n, .graph = make->graph, .index = k};
        quire_edit_link_use(m, use, make->inputs[k]);
    }
    quire_edit_link_node(m, n, before);
    quire_edit_touch_graph(m, make->graph);
    *out_node = n;
    return QUIRE_OK;
}
