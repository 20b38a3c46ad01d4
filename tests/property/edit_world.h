/* edit_world.h - a random model and its naive twin: made together, compared part by part. */
#ifndef QUIRE_TESTS_EDIT_WORLD_H
#define QUIRE_TESTS_EDIT_WORLD_H

#include "graph/edit.h"
#include "graph/layer.h"
#include "property/naive_graph.h"

typedef struct edit_side { /* what a snapshot of the test has to remember */
    naive_graph naive;
    quire_graph graphs[NAIVE_GRAPHS]; /* what the naive numbers are called in the model */
    quire_node nodes[NAIVE_NODES];
    quire_value values[NAIVE_VALUES];
} edit_side;

typedef struct edit_world {
    quire_ctx ctx;
    quire_model *m;
    edit_side now;
    unsigned n_told; /* diagnostics */
    bool failed;
    char message[400]; /* the first thing that was not as expected */
} edit_world;

uint32_t edit_draw(uint64_t *random, uint32_t n); /* 0 .. n-1 */
/* Some living, named value that a node of `graph` at position `at` may read; or NAIVE_NONE. */
int edit_pick_visible(const naive_graph *n, uint64_t *random, int graph, int at);

/* A random graph: bodies in bodies, captures, initializers; from ir_version 8, or 3. `w` must not
 * move until edit_world_end. */
void edit_world_start(edit_world *w, uint64_t seed);
void edit_world_end(edit_world *w);

QUIRE_PRINTF(3, 4) void edit_expect(edit_world *w, bool condition, const char *format, ...);
/* Do the model and its twin agree in everything? */
void edit_world_compare(edit_world *w);
/* Does the model, written and read again, say what it says in memory? Settles its outputs. */
void edit_world_write_and_read(edit_world *w);

quire_value edit_value_of(const edit_world *w, int v); /* 0 for NAIVE_NONE */
quire_use edit_operand_of(const edit_world *w, int node, int k);
quire_use edit_output_of(const edit_world *w, int graph, int k);
/* Layers are called "0" and "1"; a record is made from a number above 0. */
void edit_set_record(edit_world *w, quire_slot slot, int layer, int record);
void edit_metadata_text(int key, int value, char out_key[8], char out_value[16]);

#endif
