/* index_rank.h - how many dimensions the indices of a lookup have, as far as that is certain. */
#ifndef QUIRE_PASSES_INDEX_RANK_H
#define QUIRE_PASSES_INDEX_RANK_H

#include "graph/model.h"

/* Rank of v, or less than 0 unless every runtime will find the same: what follows from inputs of
 * the main graph, initializers and operators. What value infos inside the graph say is hearsay:
 * exporters get it wrong and runtimes only warn; a fed input of the wrong rank is refused. */
int32_t quire_index_rank(const quire_model *m, quire_value v);
/* Is g, or a graph around it, the body of a Scan? ONNX Runtime wants to know the shapes of its
 * results before it runs. */
bool quire_graph_in_scan(const quire_model *m, quire_graph g);

#endif
