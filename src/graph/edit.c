/* edit.c - the one gate: links, lists and marks; see edit.h. What makes new things is in
 * edit_make.c and edit_init.c.
 *
 * Order of work in every function: allocate, then link, then mark. Marks run outward: a touched
 * node makes its graph, the attribute and node that hold that graph, and so on, QUIRE_INNER.
 *
 * QUIRE_PLANTED_BUG, 1 to 4, plants a mistake here or in snapshot.c: the property test of this
 * gate is built with each and has to notice (tests/property).
 */
#include "graph/edit.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/attr_make.h"
#include "graph/edit_inner.h"
#include "graph/layer.h"

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

/* --- links ------------------------------------------------------------------------------------ */

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

/* Takes `use` off its value's list; remembers the value if that was its last use. The room for
 * that is taken by quire_edit_reserve_orphans before anything changes. */
static void
unlink_use(quire_model *m, quire_use use)
{
    quire_use_rec *u = quire_edit_use(m, use);
    if (u->value.id == 0) return;
    quire_value_rec *v = quire_edit_value(m, u->value);
    if (u->prev.id != 0) quire_edit_use(m, u->prev)->next = u->next;
    if (u->next.id != 0 && QUIRE_PLANTED_BUG != 1) quire_edit_use(m, u->next)->prev = u->prev;
    if (v->first_use.id == use.id) v->first_use = u->next;
    if (--v->n_uses == 0) m->orphans[m->n_orphans++] = u->value;
    u->value = (quire_value){0};
    u->prev = u->next = (quire_use){0};
}

quire_status
quire_edit_reserve_orphans(quire_ctx *ctx, quire_model *m, size_t n)
{
    return quire_grow(ctx, &m->orphans, &m->orphans_room, m->n_orphans + n, sizeof *m->orphans);
}

enum { ORDER_GAP = 16 };

/* `n_nodes` from `first` on get numbers that divide `size` numbers from `base` on evenly. */
static void
renumber(quire_model *m, quire_node first, uint64_t n_nodes, uint64_t base, uint64_t size)
{
    const uint64_t step = size / (n_nodes + 1);
    quire_node n = first;
    for (uint64_t k = 1; k <= n_nodes; k++, n = quire_node_at(m, n)->next)
        quire_edit_node(m, n)->order = (uint32_t)(base + k * step);
}

/* Makes room for n, which has no number of its own: renumbers the smallest aligned range of numbers
 * around it that is not too full, where a range of 2^i numbers may hold (2 / 1.1)^i nodes. So n
 * insertions move O(n log n) nodes wherever they are (Bender, Cole, Demaine, Farach-Colton, Zito,
 * "Two simplified algorithms for maintaining order in a list", 2002). */
static void
make_room(quire_model *m, quire_node n)
{
    const uint64_t order = quire_node_at(m, n)->order;
    quire_node first = n, last = n;
    uint64_t n_nodes = 1;
    double most = 1;
    for (uint64_t size = 2;; size *= 2) {
        const uint64_t base = order & ~(size - 1);
        quire_node p = quire_node_at(m, first)->prev;
        for (; p.id != 0 && quire_node_at(m, p)->order >= base; p = quire_node_at(m, p)->prev)
            first = p, n_nodes++;
        p = quire_node_at(m, last)->next;
        for (; p.id != 0 && quire_node_at(m, p)->order < base + size; p = quire_node_at(m, p)->next)
            last = p, n_nodes++;
        most *= 2 / 1.1;
        const bool fits = (double)n_nodes <= most && n_nodes < size / 2;
        if (fits || size > UINT32_MAX) {
            renumber(m, first, n_nodes, base, size);
            return;
        }
    }
}

/* Puts n before `before` (0: last) in its graph's list. */
void
quire_edit_link_node(quire_model *m, quire_node n, quire_node before)
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
    if (r->order == low) make_room(m, n);
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
    quire_edit_link_node(m, n, (quire_node){0});
}

/* What speaks of v by name goes with it: value info, quantization annotations, sharding entries.
 * Nothing can fail once the nodes with sharding entries are rewritten. */
quire_status
quire_edit_drop_mentions(quire_ctx *ctx, quire_model *m, quire_value v)
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

static void
erase_value(quire_model *m, quire_value v)
{
    quire_layers_erased(m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
    quire_edit_value(m, v)->flags |= QUIRE_DEAD;
}

static void
erase_operands(quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_in; k++) {
        quire_layers_erased(m, (quire_slot){QUIRE_SLOT_USE, r->in.id + k});
        unlink_use(m, (quire_use){r->in.id + k});
    }
    for (uint32_t k = 0; k < r->n_out; k++) {
        erase_value(m, (quire_value){r->out.id + k});
    }
}

static void erase_bodies(quire_model *m, quire_node n);

static void
erase_graph(quire_model *m, quire_graph g)
{
    quire_graph_rec *r = quire_edit_graph(m, g);
    for (size_t k = 0; k < r->n_outputs; k++) {
        quire_layers_erased(m, (quire_slot){QUIRE_SLOT_USE, (uint32_t)(r->out.id + k)});
        unlink_use(m, (quire_use){(uint32_t)(r->out.id + k)});
    }
    for (quire_node n = r->first; n.id != 0; n = quire_node_at(m, n)->next) {
        erase_operands(m, n);
        erase_bodies(m, n);
        quire_edit_node(m, n)->flags |= QUIRE_DEAD;
    }
    for (size_t k = 0; k < r->n_inputs; k++)
        erase_value(m, r->inputs[k].value);
    for (size_t k = 0; k < r->n_inits; k++)
        erase_value(m, r->inits[k].value);
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
    QUIRE_TRY(quire_edit_reserve_orphans(ctx, m, has_bodies ? m->values.count : r->n_in));
    for (uint32_t k = 0; k < r->n_out; k++) {
        QUIRE_TRY(quire_edit_drop_mentions(ctx, m, (quire_value){r->out.id + k}));
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
    quire_edit_link_node(m, n, before);
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
    QUIRE_TRY(quire_edit_reserve_orphans(ctx, m, 1));
    unlink_use(m, use);
    quire_edit_link_use(m, use, value);
    touch_user(m, use);
    return QUIRE_OK;
}

quire_status
quire_value_replace_all_uses(quire_ctx *ctx, quire_model *m, quire_value from, quire_value to)
{
    if (from.id == to.id) return QUIRE_OK;
    QUIRE_TRY(quire_edit_reserve_orphans(ctx, m, 1));
    while (quire_value_at(m, from)->n_uses > 0) {
        const quire_use use = quire_value_at(m, from)->first_use;
        unlink_use(m, use);
        quire_edit_link_use(m, use, to);
        touch_user(m, use);
    }
    return QUIRE_OK;
}

void
quire_edit_touch_readers(quire_model *m, quire_value v)
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
    if (from.id == to.id) return QUIRE_OK;
    QUIRE_TRY(quire_edit_drop_mentions(ctx, m, to));
    b->name = a->name;
    b->info = a->info;
    b->info_at = a->info_at;
    b->elem_type = a->elem_type;
    b->rank = a->rank;
    a->name = (quire_sym){QUIRE_SYM_EMPTY};
    a->info = (quire_bytes){NULL, 0};
    a->info_at = 0;
    if (QUIRE_PLANTED_BUG != 3) {
        quire_layers_moved(m, (quire_slot){QUIRE_SLOT_RESULT, from.id},
                           (quire_slot){QUIRE_SLOT_RESULT, to.id});
    }
    quire_edit_touch_node(m, (quire_node){a->def});
    quire_edit_touch_node(m, (quire_node){b->def});
    quire_edit_touch_readers(m, to);
    quire_edit_touch_readers(m, from);
    return QUIRE_OK;
}

/* The node of `g` that the use belongs to, or in whose bodies it is; 0: an output of g, or
 * outside of it. */
static quire_node
user_in(const quire_model *m, quire_graph g, quire_use use)
{
    const quire_use_rec *u = quire_use_at(m, use);
    quire_node n = u->node;
    for (quire_graph at = u->graph; at.id != g.id && at.id != 0;) {
        n = quire_graph_at(m, at)->owner;
        at = quire_graph_at(m, at)->parent;
    }
    return n;
}

bool
quire_value_may_interpose(const quire_model *m, quire_value v, quire_node except)
{
    const quire_graph g = quire_value_at(m, v)->graph;
    const quire_node_rec *e = quire_node_at(m, except);
    bool reads = false;
    for (quire_use u = quire_value_at(m, v)->first_use; u.id != 0; u = quire_use_at(m, u)->next) {
        const bool own = quire_use_at(m, u)->node.id == except.id;
        const quire_node user = user_in(m, g, u);
        reads |= own;
        if (!own && user.id != 0 && quire_node_at(m, user)->order <= e->order) return false;
    }
    return reads && e->graph.id == g.id && e->n_out > 0 &&
           quire_value_at(m, e->out)->name.id > QUIRE_SYM_EMPTY;
}

quire_status
quire_value_interpose(quire_ctx *ctx, quire_model *m, quire_value v, quire_node except)
{
    if (!quire_value_may_interpose(m, v, except))
        return quire_bug(ctx, "interposing a node that is not the first reader of the value");
    QUIRE_TRY(quire_edit_reserve_orphans(ctx, m, 1));
    const quire_value result = quire_node_result(m, except, 0);
    quire_use next;
    for (quire_use u = quire_value_at(m, v)->first_use; u.id != 0; u = next) {
        next = quire_use_at(m, u)->next;
        if (quire_use_at(m, u)->node.id == except.id && QUIRE_PLANTED_BUG != 2) continue;
        unlink_use(m, u);
        quire_edit_link_use(m, u, result);
        touch_user(m, u);
    }
    return QUIRE_OK;
}

void
quire_value_set_type(quire_model *m, quire_value v, int32_t elem_type, int32_t rank)
{
    quire_edit_value(m, v)->elem_type = elem_type;
    quire_edit_value(m, v)->rank = rank;
}

void
quire_value_drop_info(quire_model *m, quire_value v)
{
    quire_value_rec *r = quire_edit_value(m, v);
    if (r->info_at == 0) return;
    quire_edit_graph(m, r->graph)->infos[r->info_at - 1].flags |= QUIRE_DEAD;
    quire_edit_touch_graph(m, r->graph);
    r->info = (quire_bytes){NULL, 0};
    r->info_at = 0;
}
