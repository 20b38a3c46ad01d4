/* edit_inner.h - what the files of the gate share. Only for edit*.c and snapshot.c. */
#ifndef QUIRE_GRAPH_EDIT_INNER_H
#define QUIRE_GRAPH_EDIT_INNER_H

#include "graph/edit.h"

/* Which mistake is planted, for tests that have to notice: see edit.c. */
#ifndef QUIRE_PLANTED_BUG
#define QUIRE_PLANTED_BUG 0
#endif

/* Room for `n` more orphans. Taken before anything changes: unlinking cannot fail. */
QUIRE_MUST_USE quire_status quire_edit_reserve_orphans(quire_ctx *ctx, quire_model *m, size_t n);
/* The symbol of `text`, whose bytes are copied: the symbol table keeps them as long as the
 * model. */
QUIRE_MUST_USE quire_status quire_edit_intern(quire_ctx *ctx, quire_model *m, quire_bytes text,
                                              quire_sym *out);
/* Puts n before `before` (0: last) into the list of its graph. */
void quire_edit_link_node(quire_model *m, quire_node n, quire_node before);
/* What speaks of v by name goes with it: value info, quantization annotations, sharding entries.
 * Nothing can fail once the nodes with sharding entries are rewritten. */
QUIRE_MUST_USE quire_status quire_edit_drop_mentions(quire_ctx *ctx, quire_model *m, quire_value v);
void quire_edit_touch_readers(quire_model *m, quire_value v);
/* Makes the hash of operators anew from their table. */
void quire_edit_rehash_ops(quire_model *m);

#endif
