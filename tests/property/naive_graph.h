/* naive_graph.h - a graph kept in plain arrays, to compare the edit gate with.
 *
 * Written to be obviously right, not fast: everything is looked up by searching, a snapshot is an
 * assignment. Shares no code with what it is compared with, and includes nothing of it. Numbers
 * are indices of the arrays here; what they are called on the other side is the test's business.
 */
#ifndef QUIRE_TESTS_NAIVE_GRAPH_H
#define QUIRE_TESTS_NAIVE_GRAPH_H

#include <stdbool.h>

enum {
    NAIVE_NONE = -1,
    NAIVE_GRAPHS = 12,
    NAIVE_NODES = 64,
    NAIVE_VALUES = 128,
    NAIVE_IN = 3,
    NAIVE_OUT = 2,
    NAIVE_BODIES = 2,
    NAIVE_LAYERS = 2,
    NAIVE_KEYS = 4,
    NAIVE_NAME = 12
};

/* An operand of a node or an output of a graph. */
typedef struct naive_place {
    int value;                /* NAIVE_NONE: omitted            */
    int record[NAIVE_LAYERS]; /* 0: the layer says nothing      */
} naive_place;

typedef enum naive_kind {
    NAIVE_INPUT,
    NAIVE_INITIALIZER,
    NAIVE_DECLARED, /* an initializer that is an input, too */
    NAIVE_RESULT
} naive_kind;

typedef struct naive_value {
    bool alive;
    naive_kind kind;
    int graph, node;       /* node: of a result                                  */
    char name[NAIVE_NAME]; /* "": it gave its name away                          */
    int elem_type, rank;
    bool info; /* its graph has a value info for it                                  */
    bool lost; /* its last use went away in some edit (there may be others since)  */
    int record[NAIVE_LAYERS];
} naive_value;

typedef struct naive_node {
    bool alive;
    int graph, op;
    int n_in, n_out, n_bodies;
    naive_place in[NAIVE_IN];
    int out[NAIVE_OUT];
    int body[NAIVE_BODIES];
} naive_node;

typedef struct naive_subgraph {
    bool alive, is_function;
    int owner, parent; /* node that holds it, graph around it; NAIVE_NONE */
    int n_order, n_out;
    int order[NAIVE_NODES]; /* nodes as they run */
    naive_place out[NAIVE_OUT];
} naive_subgraph;

typedef struct naive_graph {
    int ir_version;
    int n_graphs, n_nodes, n_values, n_names;
    naive_subgraph graphs[NAIVE_GRAPHS]; /* [0]: main */
    naive_node nodes[NAIVE_NODES];
    naive_value values[NAIVE_VALUES];
    int metadata[NAIVE_KEYS]; /* 0: no entry; else a number that stands for its value */
} naive_graph;

/* Making. The caller sees to room: a node needs one place and n_out values. */
int naive_add_graph(naive_graph *n, int owner, int parent);
int naive_add_value(naive_graph *n, int graph, naive_kind kind);
/* Before node `before`, or last. */
int naive_add_node(naive_graph *n, int graph, int before, const int *in, int n_in, int n_out);

/* Asking. */
int naive_position(const naive_graph *n, int node); /* in the order of its graph */
/* Can a node of `graph` at position `at` read v? */
bool naive_sees(const naive_graph *n, int v, int graph, int at);
/* Is all that is read defined before? */
bool naive_is_valid(const naive_graph *n);
void naive_count_uses(const naive_graph *n, int counts[NAIVE_VALUES]);
int naive_count_records(const naive_graph *n, int layer);
/* Is `node` a reader of v in v's graph that runs before everything else that reads v? */
bool naive_is_first_reader(const naive_graph *n, int v, int node);

/* Editing. */
void naive_replace(naive_graph *n, int from, int to);
void naive_interpose(naive_graph *n, int v, int node);
void naive_erase(naive_graph *n, int node);
void naive_move(naive_graph *n, int node, int before);
void naive_remove_initializer(naive_graph *n, int v);
void naive_take_name(naive_graph *n, int to, int from);
/* After an edit: notes which values lost their last use by it. */
void naive_note_lost(naive_graph *n, const naive_graph *before);

#endif
