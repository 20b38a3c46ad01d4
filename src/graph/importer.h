/* importer.h - what the files of import share: names in scope, and places for messages. Only for import*.c.
 *
 * Every graph is read in two steps. First its own names are defined: inputs, initializers, results of its
 * nodes. Then operands are resolved, bodies read (their scope lies inside), outputs and value infos bound.
 * Between the steps an operand's record holds the symbol it names in place of the value.
 */
#ifndef QUIRE_GRAPH_IMPORTER_H
#define QUIRE_GRAPH_IMPORTER_H

#include "base/diag.h"
#include "graph/edit.h"
#include "graph/fields.h"
#include "graph/scope.h"

enum { PATH_ROOM = 256 };

#define ONLY_ONE SIZE_MAX /* index of a field that is not repeated */

typedef struct importer {
    quire_ctx *ctx;
    quire_model *m;
    quire_scopes scopes;
} importer;

/* Where in the file, for messages: a chain on the stack, written out only when something is wrong. */
typedef struct place {
    const struct place *outer;
    const char *field;
    size_t index;
    quire_bytes name;
} place;

const char *importer_place_text(const place *p, char out[PATH_ROOM]);

/* Reports QUIRE_E_INVALID at a place. */
#define FAIL(im, where, ...)                                                                       \
    quire_fail((im)->ctx, QUIRE_E_INVALID, importer_place_text(where, (char[PATH_ROOM]){0}),       \
               __VA_ARGS__)

/* --- import_names.c */

QUIRE_MUST_USE quire_status importer_intern(importer *im, quire_bytes text, quire_sym *out);
/* The string field `number` of a message as a symbol; {0} where it is absent. */
QUIRE_MUST_USE quire_status importer_name(importer *im, quire_bytes message, uint32_t number,
                                          quire_sym *out);
/* Defines `name` in graph g. Refuses a second definition, and a node's result that hides a
 * name of an enclosing graph; formal inputs and initializers of a body may, as in onnx's checker. */
QUIRE_MUST_USE quire_status importer_define(importer *im, quire_graph g, quire_sym name,
                                            quire_value v, const place *where);

/* --- import_node.c */

/* First step: the node's record, its results defined, operands as symbols. */
QUIRE_MUST_USE quire_status importer_define_node(importer *im, quire_graph g, const quire_field *f,
                                                 const place *outer);
/* Fills attribute a's record from its message, but for bodies and tensors. */
QUIRE_MUST_USE quire_status importer_add_attribute(importer *im, quire_attr a,
                                                   const quire_field *field);
/* Second step: operands become uses, attributes get their bodies and tensors. */
QUIRE_MUST_USE quire_status importer_resolve_nodes(importer *im, quire_graph g, const place *outer);
QUIRE_MUST_USE quire_status importer_read_attributes(importer *im, quire_node owner,
                                                     quire_attr first, uint32_t n,
                                                     const place *outer);

/* --- import_graph.c */

/* A record like `like` for the graph in field f. */
QUIRE_MUST_USE quire_status importer_add_graph(importer *im, const quire_graph_rec *like,
                                               const quire_field *f, quire_graph *out_graph);
/* The two steps of a graph. */
QUIRE_MUST_USE quire_status importer_define_graph(importer *im, quire_graph g, const place *where);
QUIRE_MUST_USE quire_status importer_resolve_graph(importer *im, quire_graph g, const place *outer);
/* All of a graph whose scope lies inside whatever is open now. */
QUIRE_MUST_USE quire_status importer_read_body(importer *im, const quire_graph_rec *like,
                                               const quire_field *f, const place *where,
                                               quire_graph *out_graph);

/* --- import_model.c */

/* The records of a model whose skeleton is loaded. */
QUIRE_MUST_USE quire_status importer_read_model(quire_ctx *ctx, quire_model *m);

#endif
