/* path.h - where something is, as text for messages, reports and annotation texts. */
#ifndef QUIRE_GRAPH_PATH_H
#define QUIRE_GRAPH_PATH_H

#include "graph/model.h"

enum { QUIRE_PATH_ROOM = 512 };

/* For messages: graph.node[12] "conv" (Conv), body path included; cut to fit. Returns `out`. */
const char *quire_path_of_node(const quire_model *m, quire_node n, char out[QUIRE_PATH_ROOM]);
const char *quire_path_of_value(const quire_model *m, quire_value v, char out[QUIRE_PATH_ROOM]);
/* For reports (shapes: section 9): "" for the main graph, `first-result/attribute/` per enclosing body, `function DOMAIN:NAME:OVERLOAD/`
 * (a training graph: `training[k]/`). In the arena. Names are as they are, not quoted. */
QUIRE_MUST_USE quire_status quire_path_of_graph(quire_ctx *ctx, const quire_model *m, quire_graph g,
                                                quire_arena *arena, quire_bytes *out_path);
/* Name of n's first present result ("" if it has none). */
quire_bytes quire_node_label(const quire_model *m, quire_node n);

#endif
