/* edit_world.c - comparing a model with its naive twin: see edit_world.h. */
#include "property/edit_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/rope.h"
#include "graph/carrier.h"
#include "graph/export.h"
#include "graph/import.h"

uint32_t
edit_draw(uint64_t *random, uint32_t n)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    const uint64_t mixed = (*random ^ *random >> 32) * 0x9e3779b97f4a7c15u;
    return (uint32_t)((mixed >> 33) % n);
}

int
edit_pick_visible(const naive_graph *n, uint64_t *random, int graph, int at)
{
    const int first = (int)edit_draw(random, (uint32_t)n->n_values);
    for (int i = 0; i < n->n_values; i++) {
        const int v = (first + i) % n->n_values;
        if (naive_sees(n, v, graph, at)) return v;
    }
    return NAIVE_NONE;
}

void
edit_expect(edit_world *w, bool condition, const char *format, ...)
{
    if (condition || w->failed) return;
    w->failed = true;
    va_list args;
    va_start(args, format);
    vsnprintf(w->message, sizeof w->message, format, args);
    va_end(args);
}

quire_value
edit_value_of(const edit_world *w, int v)
{
    return v == NAIVE_NONE ? (quire_value){0} : w->now.values[v];
}

quire_use
edit_operand_of(const edit_world *w, int node, int k)
{
    return quire_node_operand(w->m, w->now.nodes[node], (uint32_t)k);
}

quire_use
edit_output_of(const edit_world *w, int graph, int k)
{
    return (quire_use){quire_graph_at(w->m, w->now.graphs[graph])->out.id + (uint32_t)k};
}

void
edit_metadata_text(int key, int value, char out_key[8], char out_value[16])
{
    snprintf(out_key, 8, "k%d", key % 100);
    snprintf(out_value, 16, "m%d", value);
}

/* --- layers ----------------------------------------------------------------------------------- */

static const char *const layer_names[NAIVE_LAYERS] = {"0", "1"};
static const size_t layer_sizes[NAIVE_LAYERS] = {sizeof(uint32_t), 3 * sizeof(uint32_t)};

static void
make_record(int record, uint32_t out[3])
{
    for (uint32_t k = 0; k < 3; k++)
        out[k] = (uint32_t)record * (k + 1);
}

void
edit_set_record(edit_world *w, quire_slot slot, int layer, int record)
{
    uint32_t bytes[3];
    quire_layer *l = quire_layer_find(w->m, layer_names[layer]);
    if (record == 0) {
        if (l != NULL) quire_layer_clear(l, slot);
        return;
    }
    make_record(record, bytes);
    const quire_status got =
        quire_layer_get(&w->ctx, w->m, layer_names[layer], layer_sizes[layer], &l);
    edit_expect(w, got == QUIRE_OK, "a layer is not made");
    if (got != QUIRE_OK) return;
    edit_expect(w, quire_layer_set(&w->ctx, l, slot, bytes) == QUIRE_OK, "a record is not set");
}

static void
compare_records(edit_world *w, quire_slot slot, const int records[NAIVE_LAYERS])
{
    for (int layer = 0; layer < NAIVE_LAYERS; layer++) {
        uint32_t bytes[3];
        const quire_layer *l = quire_layer_find(w->m, layer_names[layer]);
        const void *found = l == NULL ? NULL : quire_layer_record(l, slot);
        make_record(records[layer], bytes);
        edit_expect(w, (found != NULL) == (records[layer] != 0),
                    "layer %d: slot %u/%u has %s record", layer, slot.kind, slot.id,
                    found != NULL ? "a" : "no");
        if (found != NULL && records[layer] != 0) {
            edit_expect(w, memcmp(found, bytes, layer_sizes[layer]) == 0,
                        "layer %d: slot %u/%u has the record of another", layer, slot.kind,
                        slot.id);
        }
    }
}

static void
count_records(edit_world *w)
{
    for (int layer = 0; layer < NAIVE_LAYERS; layer++) {
        const quire_layer *l = quire_layer_find(w->m, layer_names[layer]);
        quire_slot *slots = NULL;
        size_t n = 0;
        if (l != NULL && quire_layer_slots(&w->ctx, l, &slots, &n) != QUIRE_OK) n = SIZE_MAX;
        const int wanted = naive_count_records(&w->now.naive, layer);
        edit_expect(w, n == (size_t)wanted, "layer %d has %zu records in place of %d", layer, n,
                    wanted);
        quire_free(w->ctx.alloc, slots, n * sizeof *slots);
    }
}

/* --- values and uses -------------------------------------------------------------------------- */

static void
compare_place(edit_world *w, quire_use use, const naive_place *p, quire_node node,
              quire_graph graph, int k)
{
    const quire_use_rec *u = quire_use_at(w->m, use);
    edit_expect(w, u->value.id == edit_value_of(w, p->value).id,
                "use %u reads value %u in place of %u", use.id, u->value.id,
                edit_value_of(w, p->value).id);
    edit_expect(w, u->node.id == node.id && u->graph.id == graph.id && u->index == (uint32_t)k,
                "use %u is another's", use.id);
    compare_records(w, (quire_slot){QUIRE_SLOT_USE, use.id}, p->record);
}

/* The list of uses, both ways; it has no more entries than it says. */
static void
compare_uses(edit_world *w, quire_value v, int wanted)
{
    const quire_value_rec *r = quire_value_at(w->m, v);
    edit_expect(w, r->n_uses == (uint32_t)wanted, "value %u has %u uses in place of %d", v.id,
                r->n_uses, wanted);
    quire_use before = {0};
    quire_use u = r->first_use;
    for (int i = 0; i < wanted && u.id != 0; i++) {
        const quire_use_rec *use = quire_use_at(w->m, u);
        edit_expect(w, use->value.id == v.id && use->prev.id == before.id,
                    "the list of uses of value %u is broken at use %u", v.id, u.id);
        before = u;
        u = use->next;
    }
    edit_expect(w, u.id == 0, "the list of uses of value %u does not end", v.id);
}

static bool
is_orphan(const quire_model *m, quire_value v)
{
    size_t i = 0;
    while (i < m->n_orphans && m->orphans[i].id != v.id)
        i++;
    return i < m->n_orphans;
}

static void
compare_value(edit_world *w, int i, int n_uses)
{
    const naive_value *n = &w->now.naive.values[i];
    const quire_value v = w->now.values[i];
    const quire_value_rec *r = quire_value_at(w->m, v);
    edit_expect(w, ((r->flags & QUIRE_DEAD) == 0) == n->alive, "value %u (%s) is %s", v.id, n->name,
                n->alive ? "dead" : "alive");
    if (!n->alive) return;
    edit_expect(w, quire_bytes_equal(quire_value_name(w->m, v), quire_bytes_of(n->name)),
                "value %u is not called \"%s\"", v.id, n->name);
    edit_expect(w, r->graph.id == w->now.graphs[n->graph].id, "value %u is in another graph", v.id);
    edit_expect(w, r->elem_type == n->elem_type && r->rank == n->rank, "value %u has another type",
                v.id);
    edit_expect(w, (r->info_at != 0) == n->info, "value %u has %s value info", v.id,
                n->info ? "no" : "a");
    edit_expect(w, !n->lost || is_orphan(w->m, v), "value %u lost its last use unnoticed", v.id);
    compare_uses(w, v, n_uses);
    compare_records(w, (quire_slot){QUIRE_SLOT_RESULT, v.id}, n->record);
}

/* --- nodes and graphs ------------------------------------------------------------------------- */

static void
compare_node(edit_world *w, int i)
{
    const naive_node *n = &w->now.naive.nodes[i];
    const quire_node_rec *r = quire_node_at(w->m, w->now.nodes[i]);
    const quire_graph g = w->now.graphs[n->graph];
    char op[16];
    edit_expect(w, ((r->flags & QUIRE_DEAD) == 0) == n->alive, "node %u is %s", w->now.nodes[i].id,
                n->alive ? "dead" : "alive");
    if (!n->alive) return;
    snprintf(op, sizeof op, "Op%d", n->op);
    const quire_bytes type = quire_sym_bytes(w->m, quire_op_at(w->m, r->op)->type);
    edit_expect(w, n->n_bodies > 0 || quire_bytes_equal(type, quire_bytes_of(op)),
                "node %u has another operator", w->now.nodes[i].id);
    edit_expect(
        w, r->graph.id == g.id && r->n_in == (uint32_t)n->n_in && r->n_out == (uint32_t)n->n_out,
        "node %u has another form", w->now.nodes[i].id);
    for (int k = 0; k < n->n_in; k++)
        compare_place(w, edit_operand_of(w, i, k), &n->in[k], w->now.nodes[i], g, k);
    for (int k = 0; k < n->n_out; k++)
        edit_expect(w, r->out.id + (uint32_t)k == w->now.values[n->out[k]].id,
                    "node %u has another result", w->now.nodes[i].id);
}

static void
compare_order(edit_world *w, int i)
{
    const naive_subgraph *n = &w->now.naive.graphs[i];
    const quire_graph_rec *r = quire_graph_at(w->m, w->now.graphs[i]);
    quire_node before = {0};
    quire_node at = r->first;
    for (int k = 0; k < n->n_order; k++) {
        const quire_node_rec *node = quire_node_at(w->m, at);
        edit_expect(w, at.id == w->now.nodes[n->order[k]].id,
                    "graph %u: node %u runs as number %d in place of %u", w->now.graphs[i].id,
                    at.id, k, w->now.nodes[n->order[k]].id);
        if (w->failed) return;
        edit_expect(w, node->prev.id == before.id, "node %u: its predecessor is wrong", at.id);
        edit_expect(w, before.id == 0 || quire_node_at(w->m, before)->order < node->order,
                    "node %u: its order key does not rise", at.id);
        before = at;
        at = node->next;
    }
    edit_expect(w, at.id == 0 && r->last.id == before.id, "graph %u ends elsewhere",
                w->now.graphs[i].id);
    edit_expect(w, r->n_nodes == (uint32_t)n->n_order, "graph %u counts its nodes wrong",
                w->now.graphs[i].id);
}

/* Living entries of an interface are the values of these kinds, in the order in which they were
 * made. */
static void
compare_interface(edit_world *w, int i, bool inputs)
{
    const quire_graph_rec *r = quire_graph_at(w->m, w->now.graphs[i]);
    const size_t n = inputs ? r->n_inputs : r->n_inits;
    size_t at = 0;
    for (int v = 0; v < w->now.naive.n_values; v++) {
        const naive_value *value = &w->now.naive.values[v];
        const bool here = value->kind == NAIVE_DECLARED ||
                          value->kind == (inputs ? NAIVE_INPUT : NAIVE_INITIALIZER);
        if (!value->alive || value->graph != i || !here) continue;
        while (at < n && ((inputs ? r->inputs[at].flags : r->inits[at].flags) & QUIRE_DEAD) != 0)
            at++;
        const quire_value found = at == n  ? (quire_value){0}
                                  : inputs ? r->inputs[at].value
                                           : r->inits[at].value;
        edit_expect(w, found.id == w->now.values[v].id, "graph %u: %s %zu is value %u, not %u",
                    w->now.graphs[i].id, inputs ? "input" : "initializer", at, found.id,
                    w->now.values[v].id);
        at++;
    }
    for (; at < n; at++) {
        edit_expect(w, ((inputs ? r->inputs[at].flags : r->inits[at].flags) & QUIRE_DEAD) != 0,
                    "graph %u has an %s too many", w->now.graphs[i].id,
                    inputs ? "input" : "initializer");
    }
}

static void
compare_infos(edit_world *w, int i)
{
    const quire_graph_rec *r = quire_graph_at(w->m, w->now.graphs[i]);
    size_t living = 0;
    size_t wanted = 0;
    for (size_t k = 0; k < r->n_infos; k++)
        living += (r->infos[k].flags & QUIRE_DEAD) == 0;
    for (int v = 0; v < w->now.naive.n_values; v++) {
        const naive_value *value = &w->now.naive.values[v];
        wanted += value->alive && value->graph == i && value->info;
    }
    edit_expect(w, living == wanted, "graph %u has %zu value infos in place of %zu",
                w->now.graphs[i].id, living, wanted);
}

static void
compare_graph(edit_world *w, int i)
{
    const naive_subgraph *n = &w->now.naive.graphs[i];
    const quire_graph_rec *r = quire_graph_at(w->m, w->now.graphs[i]);
    edit_expect(w, ((r->flags & QUIRE_DEAD) == 0) == n->alive, "graph %u is %s",
                w->now.graphs[i].id, n->alive ? "dead" : "alive");
    if (!n->alive || w->failed) return;
    compare_order(w, i);
    compare_interface(w, i, true);
    compare_interface(w, i, false);
    compare_infos(w, i);
    for (int k = 0; k < n->n_out; k++)
        compare_place(w, edit_output_of(w, i, k), &n->out[k], (quire_node){0}, w->now.graphs[i], k);
}

static void
compare_metadata(edit_world *w)
{
    for (int key = 0; key < NAIVE_KEYS; key++) {
        char name[8];
        char value[16];
        quire_bytes found = {NULL, 0};
        const int wanted = w->now.naive.metadata[key];
        edit_metadata_text(key, wanted, name, value);
        const bool has = quire_model_metadata(w->m, name, &found);
        edit_expect(w, has == (wanted != 0), "metadata entry %s is %s", name,
                    has ? "there" : "missing");
        if (has)
            edit_expect(w, quire_bytes_equal(found, quire_bytes_of(value)),
                        "metadata entry %s has another value", name);
    }
}

void
edit_world_compare(edit_world *w)
{
    int counts[NAIVE_VALUES];
    const naive_graph *n = &w->now.naive;
    for (int i = 0; i < n->n_graphs && !w->failed; i++)
        compare_graph(w, i);
    for (int i = 0; i < n->n_nodes && !w->failed; i++)
        compare_node(w, i);
    naive_count_uses(n, counts);
    for (int i = 0; i < n->n_values && !w->failed; i++)
        compare_value(w, i, counts[i]);
    if (w->failed) return;
    count_records(w);
    compare_metadata(w);
}

/* --- what is written -------------------------------------------------------------------------- */

static bool
same_name(const quire_model *a, quire_sym x, const quire_model *b, quire_sym y)
{
    return quire_bytes_equal(quire_sym_bytes(a, x), quire_sym_bytes(b, y));
}

static void
compare_written_node(edit_world *w, quire_node n, const quire_model *again, quire_node twin)
{
    const quire_node_rec *a = quire_node_at(w->m, n);
    const quire_node_rec *b = quire_node_at(again, twin);
    edit_expect(
        w, same_name(w->m, quire_op_at(w->m, a->op)->type, again, quire_op_at(again, b->op)->type),
        "node %u is written with another operator", n.id);
    edit_expect(w, a->n_in == b->n_in && a->n_out == b->n_out && a->n_attr == b->n_attr,
                "node %u is written in another form", n.id);
    for (uint32_t k = 0; k < a->n_in && !w->failed; k++) {
        const quire_value x = quire_node_input(w->m, n, k);
        const quire_value y = quire_node_input(again, twin, k);
        edit_expect(w,
                    (x.id == 0) == (y.id == 0) &&
                        (x.id == 0 || same_name(w->m, quire_value_at(w->m, x)->name, again,
                                                quire_value_at(again, y)->name)),
                    "node %u is written with another operand %u", n.id, k);
    }
    for (uint32_t k = 0; k < a->n_out && !w->failed; k++) {
        edit_expect(w,
                    same_name(w->m, quire_value_at(w->m, quire_node_result(w->m, n, k))->name,
                              again,
                              quire_value_at(again, quire_node_result(again, twin, k))->name),
                    "node %u is written with another result %u", n.id, k);
    }
}

static size_t
count_living_inits(const quire_model *m)
{
    size_t n = 0;
    for (uint32_t g = 1; g < m->graphs.count; g++) {
        const quire_graph_rec *r = quire_graph_at(m, (quire_graph){g});
        for (size_t k = 0; k < r->n_inits && (r->flags & QUIRE_DEAD) == 0; k++)
            n += (r->inits[k].flags & QUIRE_DEAD) == 0;
    }
    return n;
}

static void
compare_written(edit_world *w, const quire_model *again)
{
    quire_node a = quire_walk_next(w->m, (quire_node){0});
    quire_node b = quire_walk_next(again, (quire_node){0});
    for (; a.id != 0 && b.id != 0 && !w->failed;
         a = quire_walk_next(w->m, a), b = quire_walk_next(again, b))
        compare_written_node(w, a, again, b);
    edit_expect(w, a.id == 0 && b.id == 0, "other nodes are written");
    edit_expect(w, count_living_inits(w->m) == count_living_inits(again),
                "other initializers are written");
    for (int key = 0; key < NAIVE_KEYS; key++) {
        char name[8];
        char value[16];
        quire_bytes x = {NULL, 0};
        quire_bytes y = {NULL, 0};
        edit_metadata_text(key, 0, name, value);
        const bool same =
            quire_model_metadata(w->m, name, &x) == quire_model_metadata(again, name, &y);
        edit_expect(w, same && quire_bytes_equal(x, y), "metadata entry %s is not written", name);
    }
}

void
edit_world_write_and_read(edit_world *w)
{
    quire_rope rope;
    quire_model *again = NULL;
    quire_rope_init(&rope, w->ctx.alloc);
    quire_status status = quire_model_settle_outputs(&w->ctx, w->m);
    if (status == QUIRE_OK) status = quire_model_export(&w->ctx, w->m, &rope);
    if (status == QUIRE_OK) {
        status =
            quire_model_import(&w->ctx, quire_rope_as_source(&rope, "rope"), NULL, NULL, &again);
    }
    edit_expect(w, status == QUIRE_OK, "the model cannot be written and read: status %d",
                (int)status);
    if (status == QUIRE_OK) compare_written(w, again);
    quire_model_destroy(&w->ctx, again);
    quire_rope_deinit(&rope);
}
