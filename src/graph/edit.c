/* edit.c - the one gate: see edit.h.
 *
 * Order of work in every function: allocate, then link, then mark. Marks run outward: a touched node makes
 * its graph, the attribute and node that hold that graph, and so on, QUIRE_INNER.
 */
#include "graph/edit.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/attr_make.h"
#include "graph/layer.h"
#include "graph/tensor.h"

/* --- marks ------------------------------------------------------------------------------------ */

static void
mark_around(quire_model *m, quire_graph g)
{
    while (g.id != 0) {
        quire_graph_rec *r = quire_edit_graph(m, g);
        if (r->flags & QUIRE_INNER) return;
        r->flags |= QUIRE_INNER;
        if (r->kind != QUIRE_GRAPH_BODY) return;
        quire_edit_node(m, r->owner)->flags |= QUIRE_INNER;
        quire_edit_attr(m, r->attr)->flags |= QUIRE_INNER;
        g = r->parent;
    }
}

void
quire_edit_touch_node(quire_model *m, quire_node n)
{
    quire_edit_node(m, n)->flags |= QUIRE_TOUCHED;
    mark_around(m, quire_node_at(m, n)->graph);
}

void
quire_edit_touch_graph(quire_model *m, quire_graph g)
{
    mark_around(m, g);
    quire_edit_graph(m, g)->flags |= QUIRE_TOUCHED;
}

void
quire_model_touch_all(quire_model *m)
{
    m->flags |= QUIRE_TOUCHED;
    for (uint32_t i = 1; i < m->nodes.count; i++)
        quire_edit_node(m, (quire_node){i})->flags |= QUIRE_TOUCHED | QUIRE_INNER;
    for (uint32_t i = 1; i < m->attrs.count; i++)
        quire_edit_attr(m, (quire_attr){i})->flags |= QUIRE_TOUCHED | QUIRE_INNER;
    for (uint32_t i = 1; i < m->tensors.count; i++)
        quire_edit_tensor(m, (quire_tensor){i})->flags |= QUIRE_TOUCHED;
    for (size_t i = 0; i < m->n_training; i++)
        m->training[i].flags |= QUIRE_TOUCHED;
    for (uint32_t i = 1; i < m->graphs.count; i++) {
        quire_graph_rec *g = quire_edit_graph(m, (quire_graph){i});
        g->flags |= QUIRE_TOUCHED | QUIRE_INNER;
        for (size_t k = 0; k < g->n_inputs; k++)
            g->inputs[k].flags |= QUIRE_TOUCHED;
        for (size_t k = 0; k < g->n_outputs; k++)
            g->outputs[k].flags |= QUIRE_TOUCHED;
        for (size_t k = 0; k < g->n_infos; k++)
            g->infos[k].flags |= QUIRE_TOUCHED;
        for (size_t k = 0; k < g->n_notes; k++)
            g->notes[k].flags |= QUIRE_TOUCHED;
    }
}

static bool
tensor_touched(const quire_model *m, quire_tensor t)
{
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    const uint32_t inner =
        quire_tensor_at(m, r->values)->flags | quire_tensor_at(m, r->indices)->flags;
    return ((r->flags | inner) & QUIRE_TOUCHED) != 0;
}

static void
mark_node_tensors(quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        quire_attr_rec *a = quire_edit_attr(m, (quire_attr){r->attr.id + k});
        for (uint32_t i = 0; i < a->n_tensors; i++) {
            if (!tensor_touched(m, a->tensors[i])) continue;
            quire_edit_tensor(m, a->tensors[i])->flags |= QUIRE_TOUCHED;
            a->flags |= QUIRE_INNER;
            quire_edit_node(m, n)->flags |= QUIRE_INNER;
            mark_around(m, r->graph);
        }
    }
}

void
quire_edit_mark_tensors(quire_model *m)
{
    for (uint32_t i = 1; i < m->nodes.count; i++) {
        if ((quire_node_at(m, (quire_node){i})->flags & QUIRE_DEAD) == 0)
            mark_node_tensors(m, (quire_node){i});
    }
    for (uint32_t i = 1; i < m->graphs.count; i++) {
        const quire_graph_rec *g = quire_graph_at(m, (quire_graph){i});
        for (size_t k = 0; k < g->n_inits; k++) {
            if (!tensor_touched(m, g->inits[k].tensor)) continue;
            quire_edit_tensor(m, g->inits[k].tensor)->flags |= QUIRE_TOUCHED;
            mark_around(m, (quire_graph){i});
        }
    }
}

/* --- building, shared with import and parse --------------------------------------------------- */

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

/* The slot of the operator, or the empty one where it belongs. Decides no order: ids are given as they come. */
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

/* Keeps the table at most half full. */
static quire_status
grow_op_slots(quire_ctx *ctx, quire_model *m)
{
    if (2 * (size_t)m->ops.count < m->op_slots_room) return QUIRE_OK;
    const size_t room = m->op_slots_room == 0 ? 64 : 2 * m->op_slots_room;
    uint32_t *slots = quire_alloc(m->alloc, room * sizeof *slots);
    if (slots == NULL) return quire_nomem(ctx);
    memset(slots, 0, room * sizeof *slots);
    quire_free(m->alloc, m->op_slots, m->op_slots_room * sizeof *m->op_slots);
    m->op_slots = slots;
    m->op_slots_room = room;
    for (uint32_t i = 1; i < m->ops.count; i++)
        *op_slot(m, quire_op_at(m, (quire_op){i})) = i;
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

void
quire_edit_link_use(quire_model *m, quire_use use, quire_value value)
{
    quire_use_rec *u = quire_edit_use(m, use);
    quire_value_rec *v = quire_edit_value(m, value);
    u->value = value;
    u->prev = u->next = (quire_use){0};
    if (value.id == 0) return;
    u->next = v->first_use;
    if (v->first_use.id != 0) quire_edit_use(m, v->first_use)->prev = use;
    v->first_use = use;
    v->n_uses++;
}

/* Takes `use` off its value's list; remembers the value if that was its last use. The room for that is
 * taken by reserve_orphans before anything changes. */
static void
unlink_use(quire_model *m, quire_use use)
{
    quire_use_rec *u = quire_edit_use(m, use);
    if (u->value.id == 0) return;
    quire_value_rec *v = quire_edit_value(m, u->value);
    if (u->prev.id != 0) quire_edit_use(m, u->prev)->next = u->next;
    if (u->next.id != 0) quire_edit_use(m, u->next)->prev = u->prev;
    if (v->first_use.id == use.id) v->first_use = u->next;
    if (--v->n_uses == 0) m->orphans[m->n_orphans++] = u->value;
    u->value = (quire_value){0};
    u->prev = u->next = (quire_use){0};
}

static quire_status
reserve_orphans(quire_ctx *ctx, quire_model *m, size_t n)
{
    return quire_grow(ctx, &m->orphans, &m->orphans_room, m->n_orphans + n, sizeof *m->orphans);
}

enum { ORDER_GAP = 16 };

static void
renumber(quire_model *m, quire_graph g)
{
    uint32_t order = 0;
    for (quire_node n = quire_graph_at(m, g)->first; n.id != 0; n = quire_node_at(m, n)->next) {
        quire_edit_node(m, n)->order = order += ORDER_GAP;
    }
}

/* Puts n before `before` (0: last) in its graph's list. */
static void
link_node(quire_model *m, quire_node n, quire_node before)
{
    quire_node_rec *r = quire_edit_node(m, n);
    quire_graph_rec *g = quire_edit_graph(m, r->graph);
    const quire_node prev = before.id != 0 ? quire_node_at(m, before)->prev : g->last;
    r->prev = prev;
    r->next = before;
    if (prev.id != 0) {
        quire_edit_node(m, prev)->next = n;
    } else {
        g->first = n;
    }
    if (before.id != 0) {
        quire_edit_node(m, before)->prev = n;
    } else {
        g->last = n;
    }
    g->n_nodes++;
    const uint32_t low = quire_node_at(m, prev)->order;
    if (before.id == 0 && low < UINT32_MAX - ORDER_GAP) {
        r->order = low + ORDER_GAP;
        return;
    }
    const uint32_t high = before.id != 0 ? quire_node_at(m, before)->order : UINT32_MAX;
    r->order = low + (high - low) / 2;
    if (r->order == low) renumber(m, r->graph);
}

static void
unlink_node(quire_model *m, quire_node n)
{
    quire_node_rec *r = quire_edit_node(m, n);
    quire_graph_rec *g = quire_edit_graph(m, r->graph);
    if (r->prev.id != 0) {
        quire_edit_node(m, r->prev)->next = r->next;
    } else {
        g->first = r->next;
    }
    if (r->next.id != 0) {
        quire_edit_node(m, r->next)->prev = r->prev;
    } else {
        g->last = r->prev;
    }
    g->n_nodes--;
}

void
quire_edit_append_node(quire_model *m, quire_graph g, quire_node n)
{
    quire_edit_node(m, n)->graph = g;
    link_node(m, n, (quire_node){0});
}

/* What speaks of v by name goes with it: value info, quantization annotations, sharding entries. Nothing can fail once
 * the nodes with sharding entries are rewritten. */
static quire_status
drop_mentions(quire_ctx *ctx, quire_model *m, quire_value v)
{
    const quire_value_rec *r = quire_value_at(m, v);
    quire_graph_rec *g = quire_edit_graph(m, r->graph);
    if (r->name.id <= QUIRE_SYM_EMPTY) return QUIRE_OK;
    QUIRE_TRY(quire_sharding_drop(ctx, m, r->graph, r->name));
    if (r->info_at != 0) g->infos[r->info_at - 1].flags |= QUIRE_DEAD;
    for (size_t k = 0; k < g->n_notes; k++) {
        if (g->notes[k].tensor_name.id == r->name.id) g->notes[k].flags |= QUIRE_DEAD;
    }
    return QUIRE_OK;
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* The bytes are kept by the symbol table, so they must live as long as the model. */
static quire_status
intern_copy(quire_ctx *ctx, quire_model *m, quire_bytes text, quire_sym *out)
{
    *out = quire_syms_find(&m->syms, text);
    if (out->id != 0) return QUIRE_OK;
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(ctx, &m->arena, text, &copy));
    return quire_syms_intern(ctx, &m->syms, copy, out);
}

static quire_status
make_op(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_op *out)
{
    quire_sym domain = {0};
    quire_sym type;
    if (make->domain[0] != '\0')
        QUIRE_TRY(intern_copy(ctx, m, quire_bytes_of(make->domain), &domain));
    QUIRE_TRY(intern_copy(ctx, m, quire_bytes_of(make->op_type), &type));
    return quire_edit_add_op(ctx, m, domain, type, (quire_sym){0}, out);
}

static quire_status
make_results(quire_ctx *ctx, quire_model *m, const quire_node_make *make, quire_node n,
             quire_value *out_first)
{
    QUIRE_TRY(quire_table_add(ctx, &m->values, make->n_outputs, &out_first->id));
    for (uint32_t k = 0; k < make->n_outputs; k++) {
        quire_sym name;
        QUIRE_TRY(intern_copy(ctx, m, make->outputs[k], &name));
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
        QUIRE_TRY(intern_copy(ctx, m, quire_bytes_of(make->attrs[k].name), &a->name));
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
        QUIRE_TRY(intern_copy(ctx, m, make->name, &r.name));
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
    link_node(m, n, before);
    quire_edit_touch_graph(m, make->graph);
    *out_node = n;
    return QUIRE_OK;
}

static void
erase_operands(quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_in; k++) {
        quire_layers_erased(m, (quire_slot){1, r->in.id + k});
        unlink_use(m, (quire_use){r->in.id + k});
    }
    for (uint32_t k = 0; k < r->n_out; k++) {
        quire_layers_erased(m, (quire_slot){0, r->out.id + k});
        quire_edit_value(m, (quire_value){r->out.id + k})->flags |= QUIRE_DEAD;
    }
}

static void erase_bodies(quire_model *m, quire_node n);

static void
erase_graph(quire_model *m, quire_graph g)
{
    quire_graph_rec *r = quire_edit_graph(m, g);
    for (size_t k = 0; k < r->n_outputs; k++) {
        quire_layers_erased(m, (quire_slot){1, (uint32_t)(r->out.id + k)});
        unlink_use(m, (quire_use){(uint32_t)(r->out.id + k)});
    }
    for (quire_node n = r->first; n.id != 0; n = quire_node_at(m, n)->next) {
        erase_operands(m, n);
        erase_bodies(m, n);
        quire_edit_node(m, n)->flags |= QUIRE_DEAD;
    }
    r->flags |= QUIRE_DEAD;
}

/* Recursion is bounded by the nesting of graphs, 32. */
static void
erase_bodies(quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){r->attr.id + k});
        for (uint32_t i = 0; i < a->n_graphs; i++)
            erase_graph(m, a->graphs[i]);
    }
}

quire_status
quire_node_erase(quire_ctx *ctx, quire_model *m, quire_node n)
{
    quire_node_rec *r = quire_edit_node(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        if (quire_value_at(m, (quire_value){r->out.id + k})->n_uses > 0)
            return quire_bug(ctx, "erasing a node whose result is used");
    }
    bool has_bodies = false;
    for (uint32_t k = 0; k < r->n_attr; k++)
        has_bodies |= quire_attr_at(m, (quire_attr){r->attr.id + k})->n_graphs > 0;
    QUIRE_TRY(reserve_orphans(ctx, m, has_bodies ? m->values.count : r->n_in));
    for (uint32_t k = 0; k < r->n_out; k++) {
        QUIRE_TRY(drop_mentions(ctx, m, (quire_value){r->out.id + k}));
    }
    erase_operands(m, n);
    erase_bodies(m, n);
    unlink_node(m, n);
    r->flags |= QUIRE_DEAD;
    quire_edit_touch_graph(m, r->graph);
    return QUIRE_OK;
}

quire_status
quire_node_move_before(quire_ctx *ctx, quire_model *m, quire_node n, quire_node before)
{
    if (before.id != 0 && quire_node_at(m, n)->graph.id != quire_node_at(m, before)->graph.id) {
        return quire_bug(ctx, "moving a node into another graph");
    }
    if (n.id == before.id) return QUIRE_OK;
    unlink_node(m, n);
    link_node(m, n, before);
    quire_edit_touch_graph(m, quire_node_at(m, n)->graph);
    return QUIRE_OK;
}

/* --- uses ------------------------------------------------------------------------------------- */

static void
touch_user(quire_model *m, quire_use use)
{
    const quire_use_rec *u = quire_use_at(m, use);
    if (u->node.id != 0) {
        quire_edit_touch_node(m, u->node);
    } else {
        quire_edit_touch_graph(m, u->graph);
    }
}

quire_status
quire_use_set(quire_ctx *ctx, quire_model *m, quire_use use, quire_value value)
{
    QUIRE_TRY(reserve_orphans(ctx, m, 1));
    unlink_use(m, use);
    quire_edit_link_use(m, use, value);
    touch_user(m, use);
    return QUIRE_OK;
}

quire_status
quire_value_replace_all_uses(quire_ctx *ctx, quire_model *m, quire_value from, quire_value to)
{
    if (from.id == to.id) return QUIRE_OK;
    QUIRE_TRY(reserve_orphans(ctx, m, 1));
    while (quire_value_at(m, from)->n_uses > 0) {
        const quire_use use = quire_value_at(m, from)->first_use;
        unlink_use(m, use);
        quire_edit_link_use(m, use, to);
        touch_user(m, use);
    }
    return QUIRE_OK;
}

static void
touch_readers(quire_model *m, quire_value v)
{
    for (quire_use u = quire_value_at(m, v)->first_use; u.id != 0; u = quire_use_at(m, u)->next)
        touch_user(m, u);
}

quire_status
quire_value_take_name(quire_ctx *ctx, quire_model *m, quire_value to, quire_value from)
{
    quire_value_rec *a = quire_edit_value(m, from);
    quire_value_rec *b = quire_edit_value(m, to);
    if (a->def_kind != QUIRE_DEF_RESULT || b->def_kind != QUIRE_DEF_RESULT)
        return quire_bug(ctx, "only results of nodes swap names");
    b->name = a->name;
    b->info = a->info;
    b->info_at = a->info_at;
    b->elem_type = a->elem_type;
    b->rank = a->rank;
    a->name = (quire_sym){QUIRE_SYM_EMPTY};
    a->info = (quire_bytes){NULL, 0};
    a->info_at = 0;
    quire_edit_touch_node(m, (quire_node){a->def});
    quire_edit_touch_node(m, (quire_node){b->def});
    touch_readers(m, to);
    touch_readers(m, from);
    return QUIRE_OK;
}

void
quire_value_set_type(quire_model *m, quire_value v, int32_t elem_type, int32_t rank)
{
    quire_edit_value(m, v)->elem_type = elem_type;
    quire_edit_value(m, v)->rank = rank;
}

/* --- tensors and initializers ----------------------------------------------------------------- */

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
    if (make->name.len > 0) QUIRE_TRY(intern_copy(ctx, m, make->name, &r.name));
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

/* Room for one more element in an array that lives in the arena: a copy of double size when full. */
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
    QUIRE_TRY(drop_mentions(ctx, m, v));
    for (size_t k = 0; k < g->n_inits; k++) {
        if (g->inits[k].value.id == v.id) g->inits[k].flags |= QUIRE_DEAD;
    }
    drop_input(g, v);
    quire_edit_tensor(m, r->init)->flags |= QUIRE_DEAD;
    r->flags |= QUIRE_DEAD;
    quire_layers_erased(m, (quire_slot){0, v.id});
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

/* --- outputs ---------------------------------------------------------------------------------- */

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

/* A public name belongs to its output slot: a value that is called so and is not behind the slot any more gets
 * another name. What the caller sees of the model is not renamed. */
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
    QUIRE_TRY(intern_copy(ctx, m, fresh, &r->name));
    m->syms.entries[r->name.id].flags |= QUIRE_SYM_IS_NAME;
    touch_readers(m, holder);
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
    touch_readers(m, v);
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
