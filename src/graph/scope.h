/* scope.h - names while a model is built: which value a name means here. Only for import.c and parse*.c.
 *
 * One binding per symbol, the innermost; opening a scope is free, closing one undoes what was defined in it.
 */
#ifndef QUIRE_GRAPH_SCOPE_H
#define QUIRE_GRAPH_SCOPE_H

#include "graph/model.h"

typedef struct quire_binding {
    quire_sym sym;
    quire_value value;
    quire_graph graph; /* the scope it belongs to */
    uint32_t outer;    /* the binding it hides: index + 1, 0 none */
} quire_binding;

typedef struct quire_scopes {
    quire_binding *stack;
    size_t n, stack_room;
    uint32_t *top; /* by symbol id: index + 1 of its innermost binding */
    size_t top_room;
} quire_scopes;

void quire_scopes_deinit(const quire_allocator *alloc, quire_scopes *scopes);
/* Binds `sym` to v in scope g. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_scopes_define(quire_ctx *ctx, quire_scopes *scopes, quire_sym sym,
                                                quire_value v, quire_graph g);
/* The innermost binding, or NULL. */
const quire_binding *quire_scopes_find(const quire_scopes *scopes, quire_sym sym);
static inline size_t
quire_scopes_mark(const quire_scopes *scopes)
{
    return scopes->n;
}
/* Forgets everything defined since the mark. */
void quire_scopes_close(quire_scopes *scopes, size_t mark);

#endif
