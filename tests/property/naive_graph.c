/* naive_graph.c - see naive_graph.h. */
#include "property/naive_graph.h"

#include <stdio.h>
#include <string.h>

/* --- making ----------------------------------------------------------------------------------- */

int
naive_add_graph(naive_graph *n, int owner, int parent)
{
    n->graphs[n->n_graphs] = (naive_subgraph){.alive = true, .owner = owner, .parent = parent};
    return n->n_graphs++;
}

int
naive_add_value(naive_graph *n, int graph, naive_kind kind)
{
    static const char letters[] = "xwwv";
    naive_value *v = &n->values[n->n_values];
    *v = (naive_value){
        .alive = true, .kind = kind, .graph = graph, .node = NAIVE_NONE, .rank = NAIVE_NONE};
    snprintf(v->name, sizeof v->name, "%c%d", letters[kind], n->n_names++ % 100000);
    return n->n_values++;
}

static void
insert(naive_subgraph *g, int at, int node)
{
    for (int i = g->n_order; i > at; i--)
        g->order[i] = g->order[i - 1];
    g->order[at] = node;
    g->n_order++;
}

int
naive_add_node(naive_graph *n, int graph, int before, const int *in, int n_in, int n_out)
{
    const int made = n->n_nodes++;
    naive_node *node = &n->nodes[made];
    *node = (naive_node){.alive = true, .graph = graph, .n_in = n_in, .n_out = n_out};
    for (int k = 0; k < n_in; k++)
        node->in[k] = (naive_place){.value = in[k]};
    for (int k = 0; k < n_out; k++) {
        node->out[k] = naive_add_value(n, graph, NAIVE_RESULT);
        n->values[node->out[k]].node = made;
    }
    naive_subgraph *g = &n->graphs[graph];
    insert(g, before == NAIVE_NONE ? g->n_order : naive_position(n, before), made);
    return made;
}

/* --- asking ----------------------------------------------------------------------------------- */

int
naive_position(const naive_graph *n, int node)
{
    const naive_subgraph *g = &n->graphs[n->nodes[node].graph];
    int at = 0;
    while (at < g->n_order && g->order[at] != node)
        at++;
    return at;
}

bool
naive_sees(const naive_graph *n, int v, int graph, int at)
{
    const naive_value *value = &n->values[v];
    if (!value->alive || value->name[0] == '\0') return false;
    while (graph != value->graph) {
        const int owner = n->graphs[graph].owner;
        if (owner == NAIVE_NONE) return false;
        at = naive_position(n, owner);
        graph = n->graphs[graph].parent;
    }
    return value->kind != NAIVE_RESULT || naive_position(n, value->node) < at;
}

bool
naive_is_valid(const naive_graph *n)
{
    for (int i = 0; i < n->n_nodes; i++) {
        const naive_node *node = &n->nodes[i];
        for (int k = 0; node->alive && k < node->n_in; k++) {
            const int v = node->in[k].value;
            if (v != NAIVE_NONE && !naive_sees(n, v, node->graph, naive_position(n, i)))
                return false;
        }
    }
    for (int i = 0; i < n->n_graphs; i++) {
        const naive_subgraph *g = &n->graphs[i];
        for (int k = 0; g->alive && k < g->n_out; k++) {
            if (!naive_sees(n, g->out[k].value, i, g->n_order)) return false;
        }
    }
    return true;
}

void
naive_count_uses(const naive_graph *n, int counts[NAIVE_VALUES])
{
    memset(counts, 0, NAIVE_VALUES * sizeof *counts);
    for (int i = 0; i < n->n_nodes; i++) {
        for (int k = 0; n->nodes[i].alive && k < n->nodes[i].n_in; k++) {
            if (n->nodes[i].in[k].value != NAIVE_NONE) counts[n->nodes[i].in[k].value]++;
        }
    }
    for (int i = 0; i < n->n_graphs; i++) {
        for (int k = 0; n->graphs[i].alive && k < n->graphs[i].n_out; k++)
            counts[n->graphs[i].out[k].value]++;
    }
}

int
naive_count_records(const naive_graph *n, int layer)
{
    int count = 0;
    for (int i = 0; i < n->n_nodes; i++) {
        for (int k = 0; n->nodes[i].alive && k < n->nodes[i].n_in; k++)
            count += n->nodes[i].in[k].record[layer] != 0;
    }
    for (int i = 0; i < n->n_graphs; i++) {
        for (int k = 0; n->graphs[i].alive && k < n->graphs[i].n_out; k++)
            count += n->graphs[i].out[k].record[layer] != 0;
    }
    for (int i = 0; i < n->n_values; i++)
        count += n->values[i].alive && n->values[i].record[layer] != 0;
    return count;
}

/* The node of `graph` that holds a place in graph `inner` at `node`; NAIVE_NONE: an output of
 * it. */
static int
holder(const naive_graph *n, int graph, int inner, int node)
{
    while (inner != graph) {
        node = n->graphs[inner].owner;
        inner = n->graphs[inner].parent;
    }
    return node;
}

bool
naive_is_first_reader(const naive_graph *n, int v, int node)
{
    const int graph = n->values[v].graph;
    bool reads = false;
    if (n->nodes[node].graph != graph || n->nodes[node].n_out == 0) return false;
    if (n->values[n->nodes[node].out[0]].name[0] == '\0') return false;
    for (int i = 0; i < n->n_nodes; i++) {
        for (int k = 0; n->nodes[i].alive && k < n->nodes[i].n_in; k++) {
            if (n->nodes[i].in[k].value != v) continue;
            if (i == node) {
                reads = true;
                continue;
            }
            const int user = holder(n, graph, n->nodes[i].graph, i);
            if (naive_position(n, user) <= naive_position(n, node)) return false;
        }
    }
    for (int i = 0; i < n->n_graphs; i++) {
        for (int k = 0; n->graphs[i].alive && k < n->graphs[i].n_out; k++) {
            if (n->graphs[i].out[k].value != v) continue;
            const int user = holder(n, graph, i, NAIVE_NONE);
            if (user != NAIVE_NONE && naive_position(n, user) <= naive_position(n, node))
                return false;
        }
    }
    return reads;
}

/* --- editing ---------------------------------------------------------------------------------- */

static void
redirect(naive_graph *n, int from, int to, int except)
{
    for (int i = 0; i < n->n_nodes; i++) {
        for (int k = 0; n->nodes[i].alive && k < n->nodes[i].n_in && i != except; k++) {
            if (n->nodes[i].in[k].value == from) n->nodes[i].in[k].value = to;
        }
    }
    for (int i = 0; i < n->n_graphs; i++) {
        for (int k = 0; n->graphs[i].alive && k < n->graphs[i].n_out; k++) {
            if (n->graphs[i].out[k].value == from) n->graphs[i].out[k].value = to;
        }
    }
}

void
naive_replace(naive_graph *n, int from, int to)
{
    redirect(n, from, to, NAIVE_NONE);
}

void
naive_interpose(naive_graph *n, int v, int node)
{
    redirect(n, v, n->nodes[node].out[0], node);
}

static void
erase_graph(naive_graph *n, int graph)
{
    n->graphs[graph].alive = false;
    for (int i = 0; i < n->n_values; i++) {
        if (n->values[i].graph == graph) n->values[i].alive = false;
    }
    for (int i = 0; i < n->n_nodes; i++) {
        if (n->nodes[i].graph != graph || !n->nodes[i].alive) continue;
        n->nodes[i].alive = false;
        for (int k = 0; k < n->nodes[i].n_bodies; k++)
            erase_graph(n, n->nodes[i].body[k]);
    }
}

static void
take_out(naive_graph *n, int node)
{
    naive_subgraph *g = &n->graphs[n->nodes[node].graph];
    const int at = naive_position(n, node);
    for (int i = at; i + 1 < g->n_order; i++)
        g->order[i] = g->order[i + 1];
    g->n_order--;
}

void
naive_erase(naive_graph *n, int node)
{
    take_out(n, node);
    n->nodes[node].alive = false;
    for (int k = 0; k < n->nodes[node].n_out; k++)
        n->values[n->nodes[node].out[k]].alive = false;
    for (int k = 0; k < n->nodes[node].n_bodies; k++)
        erase_graph(n, n->nodes[node].body[k]);
}

void
naive_move(naive_graph *n, int node, int before)
{
    if (node == before) return;
    naive_subgraph *g = &n->graphs[n->nodes[node].graph];
    take_out(n, node);
    insert(g, before == NAIVE_NONE ? g->n_order : naive_position(n, before), node);
}

void
naive_remove_initializer(naive_graph *n, int v)
{
    n->values[v].alive = false;
}

void
naive_take_name(naive_graph *n, int to, int from)
{
    naive_value *a = &n->values[from];
    naive_value *b = &n->values[to];
    memcpy(b->name, a->name, sizeof b->name);
    b->elem_type = a->elem_type;
    b->rank = a->rank;
    b->info = a->info;
    a->info = false;
    a->name[0] = '\0';
    for (int layer = 0; layer < NAIVE_LAYERS; layer++) {
        if (a->record[layer] == 0) continue;
        b->record[layer] = a->record[layer];
        a->record[layer] = 0;
    }
}

void
naive_note_lost(naive_graph *n, const naive_graph *before)
{
    int now[NAIVE_VALUES];
    int then[NAIVE_VALUES];
    naive_count_uses(n, now);
    naive_count_uses(before, then);
    for (int i = 0; i < before->n_values; i++)
        n->values[i].lost |= then[i] > 0 && now[i] == 0;
}
