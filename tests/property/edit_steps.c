/* edit_steps.c - one edit each, of a model and its naive twin: see edit_steps.h. */
#include "property/edit_steps.h"

#include <stdarg.h>
#include <stdio.h>

void
edit_told(const edit_run *r, const char *format, ...)
{
    va_list args;
    if (!r->told) return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

static int
draw(edit_run *r, int n)
{
    return (int)edit_draw(&r->random, (uint32_t)n);
}

/* --- choosing --------------------------------------------------------------------------------- */

static int
pick_graph(edit_run *r)
{
    const naive_graph *n = &r->w.now.naive;
    const int first = draw(r, n->n_graphs);
    for (int i = 0; i < n->n_graphs; i++) {
        const int g = (first + i) % n->n_graphs;
        if (n->graphs[g].alive) return g;
    }
    return 0;
}

static int
pick_node(edit_run *r)
{
    const naive_graph *n = &r->w.now.naive;
    const int first = draw(r, n->n_nodes);
    for (int i = 0; i < n->n_nodes; i++) {
        const int node = (first + i) % n->n_nodes;
        if (n->nodes[node].alive) return node;
    }
    return NAIVE_NONE;
}

static int
pick_value(edit_run *r)
{
    const naive_graph *n = &r->w.now.naive;
    const int first = draw(r, n->n_values);
    for (int i = 0; i < n->n_values; i++) {
        const int v = (first + i) % n->n_values;
        if (n->values[v].alive) return v;
    }
    return NAIVE_NONE;
}

/* A result, in `graph` unless that is NAIVE_NONE, other than `but`. */
static int
pick_result(edit_run *r, int graph, int but)
{
    const naive_graph *n = &r->w.now.naive;
    const int first = draw(r, n->n_values);
    for (int i = 0; i < n->n_values; i++) {
        const int v = (first + i) % n->n_values;
        const bool here = graph == NAIVE_NONE || n->values[v].graph == graph;
        if (n->values[v].alive && n->values[v].kind == NAIVE_RESULT && here && v != but) return v;
    }
    return NAIVE_NONE;
}

static int
pick_place_in(edit_run *r, int graph)
{
    const naive_subgraph *g = &r->w.now.naive.graphs[graph];
    const int at = draw(r, g->n_order + 1);
    return at == g->n_order ? NAIVE_NONE : g->order[at];
}

static const char *
name_of(const edit_run *r, int v)
{
    if (v == NAIVE_NONE) return "\"\"";
    return r->w.now.naive.values[v].name[0] == '\0' ? "(nameless)" : r->w.now.naive.values[v].name;
}

static const char *
name_of_node(const edit_run *r, int node)
{
    return node == NAIVE_NONE ? "the end" : name_of(r, r->w.now.naive.nodes[node].out[0]);
}

static bool
is_unused(const edit_run *r, int node)
{
    int counts[NAIVE_VALUES];
    const naive_node *n = &r->w.now.naive.nodes[node];
    naive_count_uses(&r->w.now.naive, counts);
    int uses = 0;
    for (int k = 0; k < n->n_out; k++)
        uses += counts[n->out[k]];
    return uses == 0;
}

/* What the gate must have answered; when it refuses, once, and told. */
static void
expect_status(edit_run *r, quire_status status, bool allowed, unsigned n_told)
{
    edit_expect(&r->w, status == (allowed ? QUIRE_OK : QUIRE_E_INTERNAL),
                "the gate answers %d where it should %s", (int)status,
                allowed ? "agree" : "refuse");
    edit_expect(&r->w, r->w.n_told - n_told == (allowed ? 0u : 1u), "%u diagnostics were told",
                r->w.n_told - n_told);
}

/* --- edits ------------------------------------------------------------------------------------ */

/* The model's node for one that the naive side has just got. */
static void
create_twin(edit_run *r, int node, int before)
{
    edit_side *now = &r->w.now;
    const naive_node *n = &now->naive.nodes[node];
    char op[16];
    quire_value in[NAIVE_IN];
    quire_bytes out[NAIVE_OUT];
    quire_attr_make attr = {.name = "a", .kind = QUIRE_MAKE_INT, .i = node};
    for (int k = 0; k < n->n_in; k++)
        in[k] = edit_value_of(&r->w, n->in[k].value);
    for (int k = 0; k < n->n_out; k++)
        out[k] = quire_bytes_of(now->naive.values[n->out[k]].name);
    snprintf(op, sizeof op, "Op%d", n->op);
    const quire_node_make make = {.graph = now->graphs[n->graph],
                                  .domain = "test",
                                  .op_type = op,
                                  .inputs = in,
                                  .n_inputs = (uint32_t)n->n_in,
                                  .outputs = out,
                                  .n_outputs = (uint32_t)n->n_out,
                                  .attrs = &attr,
                                  .n_attrs = node % 2};
    const unsigned n_told = r->w.n_told;
    expect_status(r,
                  quire_node_create(&r->w.ctx, r->w.m, &make,
                                    before == NAIVE_NONE ? (quire_node){0} : now->nodes[before],
                                    &now->nodes[node]),
                  true, n_told);
    for (int k = 0; k < n->n_out && !r->w.failed; k++)
        now->values[n->out[k]] = quire_node_result(r->w.m, now->nodes[node], (uint32_t)k);
}

static bool
has_room(const edit_run *r)
{
    const naive_graph *n = &r->w.now.naive;
    return n->n_nodes < NAIVE_NODES && n->n_values + NAIVE_OUT <= NAIVE_VALUES;
}

static void
make_node(edit_run *r, int graph, int before, const int *in, int n_in)
{
    naive_graph *n = &r->w.now.naive;
    const int node = naive_add_node(n, graph, before, in, n_in, 1 + draw(r, NAIVE_OUT));
    n->nodes[node].op = draw(r, 12);
    edit_told(r, "create %s = Op%d (", name_of_node(r, node), n->nodes[node].op);
    for (int k = 0; k < n_in; k++)
        edit_told(r, "%s%s", k > 0 ? ", " : "", name_of(r, in[k]));
    edit_told(r, ") in g%d before %s\n", graph, name_of_node(r, before));
    create_twin(r, node, before);
}

static void
step_create(edit_run *r)
{
    naive_graph *n = &r->w.now.naive;
    int in[NAIVE_IN];
    if (!has_room(r)) return;
    const int graph = pick_graph(r);
    const int before = pick_place_in(r, graph);
    const int at = before == NAIVE_NONE ? n->graphs[graph].n_order : naive_position(n, before);
    const int n_in = 1 + draw(r, NAIVE_IN);
    for (int k = 0; k < n_in; k++)
        in[k] = draw(r, 8) == 0 ? NAIVE_NONE : edit_pick_visible(n, &r->random, graph, at);
    make_node(r, graph, before, in, n_in);
}

static void
step_set(edit_run *r)
{
    naive_graph *n = &r->w.now.naive;
    const bool output = draw(r, 4) == 0;
    const int node = output ? NAIVE_NONE : pick_node(r);
    if (!output && node == NAIVE_NONE) return;
    const int graph = output ? pick_graph(r) : n->nodes[node].graph;
    const int at = output ? n->graphs[graph].n_order : naive_position(n, node);
    const int k = draw(r, output ? n->graphs[graph].n_out : n->nodes[node].n_in);
    const int v =
        !output && draw(r, 6) == 0 ? NAIVE_NONE : edit_pick_visible(n, &r->random, graph, at);
    if (output && v == NAIVE_NONE) return;
    edit_told(r, "set %s %d of %s%d to %s\n", output ? "output" : "operand", k,
              output ? "g" : name_of_node(r, node), output ? graph : node, name_of(r, v));
    const quire_use use =
        output ? edit_output_of(&r->w, graph, k) : edit_operand_of(&r->w, node, k);
    const unsigned n_told = r->w.n_told;
    expect_status(r, quire_use_set(&r->w.ctx, r->w.m, use, edit_value_of(&r->w, v)), true, n_told);
    naive_place *place = output ? &n->graphs[graph].out[k] : &n->nodes[node].in[k];
    place->value = v;
}

/* False, and nothing is done, if something would read what is not defined yet. */
static bool
replace(edit_run *r, int from, int to)
{
    static naive_graph after;
    after = r->w.now.naive;
    naive_replace(&after, from, to);
    if (!naive_is_valid(&after)) return false;
    edit_told(r, "replace %s by %s\n", name_of(r, from), name_of(r, to));
    const unsigned n_told = r->w.n_told;
    expect_status(r,
                  quire_value_replace_all_uses(&r->w.ctx, r->w.m, edit_value_of(&r->w, from),
                                               edit_value_of(&r->w, to)),
                  true, n_told);
    r->w.now.naive = after;
    return true;
}

static void
step_replace(edit_run *r)
{
    for (int tries = 0; tries < 6; tries++) {
        const int from = pick_value(r);
        const int to = pick_value(r);
        if (from != NAIVE_NONE && to != NAIVE_NONE && replace(r, from, to)) return;
    }
}

static void
interpose(edit_run *r, int v, int node)
{
    const bool allowed = naive_is_first_reader(&r->w.now.naive, v, node);
    const unsigned n_told = r->w.n_told;
    edit_told(r, "interpose %s between %s and its readers%s\n", name_of_node(r, node),
              name_of(r, v), allowed ? "" : " (to be refused)");
    expect_status(
        r, quire_value_interpose(&r->w.ctx, r->w.m, edit_value_of(&r->w, v), r->w.now.nodes[node]),
        allowed, n_told);
    if (allowed) naive_interpose(&r->w.now.naive, v, node);
}

/* A new reader right behind the definition. */
static void
step_interpose(edit_run *r)
{
    naive_graph *n = &r->w.now.naive;
    int in[NAIVE_IN];
    const int v = pick_value(r);
    if (v == NAIVE_NONE || n->values[v].name[0] == '\0' || !has_room(r)) return;
    const int graph = n->values[v].graph;
    const int at = n->values[v].kind == NAIVE_RESULT ? naive_position(n, n->values[v].node) + 1 : 0;
    const int before = at < n->graphs[graph].n_order ? n->graphs[graph].order[at] : NAIVE_NONE;
    const int n_in = 1 + draw(r, NAIVE_IN);
    for (int k = 0; k < n_in; k++)
        in[k] = draw(r, 2) == 0 ? v : edit_pick_visible(n, &r->random, graph, at);
    in[draw(r, n_in)] = v;
    make_node(r, graph, before, in, n_in);
    if (!r->w.failed) interpose(r, v, n->n_nodes - 1);
}

/* Any node and value, which the gate must often refuse. */
static void
step_interpose_any(edit_run *r)
{
    const int node = pick_node(r);
    if (node == NAIVE_NONE) return;
    const naive_node *n = &r->w.now.naive.nodes[node];
    const int v = draw(r, 4) == 0 ? pick_value(r) : n->in[draw(r, n->n_in)].value;
    if (v != NAIVE_NONE) interpose(r, v, node);
}

static void
step_erase(edit_run *r)
{
    int node = pick_node(r);
    const bool any = draw(r, 4) == 0;
    for (int tries = 0; tries < 8 && !any && node != NAIVE_NONE && !is_unused(r, node); tries++)
        node = pick_node(r);
    if (node == NAIVE_NONE) return;
    const bool allowed = is_unused(r, node);
    const unsigned n_told = r->w.n_told;
    edit_told(r, "erase %s%s\n", name_of_node(r, node), allowed ? "" : " (to be refused)");
    expect_status(r, quire_node_erase(&r->w.ctx, r->w.m, r->w.now.nodes[node]), allowed, n_told);
    if (allowed) naive_erase(&r->w.now.naive, node);
}

static void
step_move(edit_run *r)
{
    static naive_graph after;
    for (int tries = 0; tries < 4; tries++) {
        const int node = pick_node(r);
        if (node == NAIVE_NONE) return;
        const int before = pick_place_in(r, r->w.now.naive.nodes[node].graph);
        after = r->w.now.naive;
        naive_move(&after, node, before);
        if (!naive_is_valid(&after)) continue;
        edit_told(r, "move %s before %s\n", name_of_node(r, node), name_of_node(r, before));
        const quire_node to = before == NAIVE_NONE ? (quire_node){0} : r->w.now.nodes[before];
        const unsigned n_told = r->w.n_told;
        expect_status(r, quire_node_move_before(&r->w.ctx, r->w.m, r->w.now.nodes[node], to), true,
                      n_told);
        r->w.now.naive = after;
        return;
    }
}

static void
step_add_initializer(edit_run *r)
{
    naive_graph *n = &r->w.now.naive;
    const int graph = pick_graph(r);
    if (!has_room(r) || n->graphs[graph].is_function) return;
    const bool declared = n->ir_version < 4 && graph == 0;
    const int v = naive_add_value(n, graph, declared ? NAIVE_DECLARED : NAIVE_INITIALIZER);
    const int64_t dims[] = {2, 3};
    const uint8_t data[24] = {1};
    n->values[v].elem_type = 1;
    n->values[v].rank = draw(r, 2) == 0 ? 2 : 1;
    const uint32_t rank = (uint32_t)n->values[v].rank;
    const quire_tensor_make make = {.name = quire_bytes_of(n->values[v].name),
                                    .dtype = 1,
                                    .rank = rank,
                                    .dims = dims,
                                    .data = {.file = 0, .u.ptr = data, .len = rank == 2 ? 24 : 8}};
    quire_tensor t;
    const unsigned n_told = r->w.n_told;
    edit_told(r, "add initializer %s to g%d\n", name_of(r, v), graph);
    expect_status(r, quire_tensor_create(&r->w.ctx, r->w.m, &make, &t), true, n_told);
    if (r->w.failed) return;
    expect_status(r,
                  quire_graph_add_initializer(&r->w.ctx, r->w.m, r->w.now.graphs[graph], t,
                                              &r->w.now.values[v]),
                  true, n_told);
}

static void
step_remove_initializer(edit_run *r)
{
    int counts[NAIVE_VALUES];
    naive_graph *n = &r->w.now.naive;
    naive_count_uses(n, counts);
    const int first = draw(r, n->n_values);
    for (int i = 0; i < n->n_values; i++) {
        const int v = (first + i) % n->n_values;
        const naive_kind kind = n->values[v].kind;
        if (!n->values[v].alive || (kind != NAIVE_INITIALIZER && kind != NAIVE_DECLARED)) continue;
        const bool allowed = counts[v] == 0;
        const unsigned n_told = r->w.n_told;
        if (!allowed && draw(r, 4) != 0) continue;
        edit_told(r, "remove initializer %s%s\n", name_of(r, v), allowed ? "" : " (to be refused)");
        expect_status(r, quire_graph_remove_initializer(&r->w.ctx, r->w.m, edit_value_of(&r->w, v)),
                      allowed, n_told);
        if (allowed) naive_remove_initializer(n, v);
        return;
    }
}

/* What a rewrite does: the readers of one result read another, which then takes its name. */
static void
step_take_name(edit_run *r)
{
    int counts[NAIVE_VALUES];
    naive_graph *n = &r->w.now.naive;
    const int from = pick_result(r, NAIVE_NONE, NAIVE_NONE);
    if (from == NAIVE_NONE || n->values[from].name[0] == '\0') return;
    const int to = pick_result(r, n->values[from].graph, from);
    naive_count_uses(n, counts);
    if (to == NAIVE_NONE || (counts[from] > 0 && !replace(r, from, to))) return;
    edit_told(r, "%s takes the name of %s\n", name_of(r, to), name_of(r, from));
    const unsigned n_told = r->w.n_told;
    expect_status(r,
                  quire_value_take_name(&r->w.ctx, r->w.m, edit_value_of(&r->w, to),
                                        edit_value_of(&r->w, from)),
                  true, n_told);
    naive_take_name(n, to, from);
}

static void
step_record(edit_run *r)
{
    naive_graph *n = &r->w.now.naive;
    const int layer = draw(r, NAIVE_LAYERS);
    const int record = draw(r, 4) == 0 ? 0 : 1 + draw(r, 1000);
    const int node = pick_node(r);
    const int what = node == NAIVE_NONE ? 2 : draw(r, 4);
    quire_slot slot = {QUIRE_SLOT_USE, 0};
    if (what == 0) {
        const int k = draw(r, n->nodes[node].n_in);
        n->nodes[node].in[k].record[layer] = record;
        slot.id = edit_operand_of(&r->w, node, k).id;
    } else if (what == 2) {
        const int graph = pick_graph(r);
        const int k = draw(r, n->graphs[graph].n_out);
        n->graphs[graph].out[k].record[layer] = record;
        slot.id = edit_output_of(&r->w, graph, k).id;
    } else {
        const int v = pick_value(r);
        if (v == NAIVE_NONE) return;
        n->values[v].record[layer] = record;
        slot = (quire_slot){QUIRE_SLOT_RESULT, edit_value_of(&r->w, v).id};
    }
    edit_told(r, "record %d in layer %d for slot %u/%u\n", record, layer, slot.kind, slot.id);
    edit_set_record(&r->w, slot, layer, record);
}

static void
step_type(edit_run *r)
{
    const int v = pick_value(r);
    if (v == NAIVE_NONE) return;
    naive_value *value = &r->w.now.naive.values[v];
    value->elem_type = draw(r, 12);
    value->rank = draw(r, 5) - 1;
    edit_told(r, "type of %s: %d, rank %d\n", name_of(r, v), value->elem_type, value->rank);
    quire_value_set_type(r->w.m, edit_value_of(&r->w, v), value->elem_type, value->rank);
}

static void
step_metadata(edit_run *r)
{
    char name[8];
    char text[16];
    const int key = draw(r, NAIVE_KEYS);
    const int value = draw(r, 4);
    edit_metadata_text(key, value, name, text);
    const quire_bytes bytes = quire_bytes_of(text);
    const unsigned n_told = r->w.n_told;
    edit_told(r, "metadata %s: %s\n", name, value == 0 ? "none" : text);
    expect_status(r, quire_model_set_metadata(&r->w.ctx, r->w.m, name, value == 0 ? NULL : &bytes),
                  true, n_told);
    r->w.now.naive.metadata[key] = value;
}

/* --- snapshots -------------------------------------------------------------------------------- */

void
edit_take(edit_run *r, edit_saved *s)
{
    const unsigned n_told = r->w.n_told;
    quire_snapshot_destroy(&r->w.ctx, s->snapshot);
    s->snapshot = NULL;
    expect_status(r, quire_snapshot_take(&r->w.ctx, r->w.m, &s->snapshot), true, n_told);
    s->side = r->w.now;
    s->n_orphans = r->w.m->n_orphans;
}

void
edit_restore(edit_run *r, const edit_saved *s)
{
    quire_snapshot_restore(r->w.m, s->snapshot);
    r->w.now = s->side;
    edit_expect(&r->w, r->w.m->n_orphans == s->n_orphans, "%zu orphans in place of %zu",
                r->w.m->n_orphans, s->n_orphans);
}

static void
step_take(edit_run *r)
{
    const int k = draw(r, EDIT_SAVED);
    edit_told(r, "take snapshot %d\n", k);
    edit_take(r, &r->saved[k]);
}

static void
step_restore(edit_run *r)
{
    const int k = draw(r, EDIT_SAVED);
    if (r->saved[k].snapshot == NULL) return;
    edit_told(r, "restore snapshot %d\n", k);
    edit_restore(r, &r->saved[k]);
}

const edit_kind edit_kinds[] = {
    {step_create, 5, false},
    {step_set, 4, false},
    {step_replace, 2, false},
    {step_interpose, 3, false},
    {step_interpose_any, 2, false},
    {step_erase, 4, false},
    {step_move, 3, false},
    {step_add_initializer, 2, false},
    {step_remove_initializer, 2, false},
    {step_take_name, 3, false},
    {step_record, 7, false},
    {step_type, 1, false},
    {step_metadata, 1, false},
    {step_take, 2, false},
    {step_restore, 2, true},
};

const int edit_n_kinds = sizeof edit_kinds / sizeof *edit_kinds;
