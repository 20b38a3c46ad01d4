/* index_rank.h - how many dimensions the indices of a lookup have, as far as that is certain. */
#ifndef QUIRE_PASSES_INDEX_RANK_H
#define QUIRE_PASSES_INDEX_RANK_H

#include "graph/model.h"

/* Rank of v, read by a node of graph g, or less than 0 unless every runtime will find the same.
 * What value infos inside the graph say is hearsay: exporters get it wrong and runtimes only warn;
 * a fed input of the wrong rank is refused. In a Scan the body's results need a shape before it
 * runs, so there the model's word is taken where nothing better is known. */
int32_t quire_index_rank(const quire_model *m, quire_graph g, quire_value v);

#endif
