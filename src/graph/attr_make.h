/* attr_make.h - messages that edit.c makes: attributes, value infos. Only for src/graph. */
#ifndef QUIRE_GRAPH_ATTR_MAKE_H
#define QUIRE_GRAPH_ATTR_MAKE_H

#include "graph/edit.h"

/* Fills a new attribute's record and packs its AttributeProto into the arena (a tensor stays a record of its own). */
QUIRE_MUST_USE quire_status quire_attr_fill(quire_ctx *ctx, quire_model *m,
                                            const quire_attr_make *make, quire_attr_rec *a);
/* A ValueInfoProto with name, element type and shape of initializer t. */
QUIRE_MUST_USE quire_status quire_info_make(quire_ctx *ctx, quire_model *m, quire_tensor t,
                                            quire_bytes *out_info);
/* Removes sharding entries that name `name` from nodes of g and its bodies (marked touched). */
QUIRE_MUST_USE quire_status quire_sharding_drop(quire_ctx *ctx, quire_model *m, quire_graph g,
                                                quire_sym name);

#endif
