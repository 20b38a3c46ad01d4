/* scope.c - see scope.h. */
#include "graph/scope.h"

#include "base/alloc.h"

void
quire_scopes_deinit(const quire_allocator *alloc, quire_scopes *scopes)
{
    quire_ungrow(alloc, &scopes->stack, &scopes->stack_room, sizeof *scopes->stack);
    quire_ungrow(alloc, &scopes->top, &scopes->top_room, sizeof *scopes->top);
}

quire_status
quire_scopes_define(quire_ctx *ctx, quire_scopes *scopes, quire_sym sym, quire_value v,
                    quire_graph g)
{
    QUIRE_TRY(
        quire_grow(ctx, &scopes->stack, &scopes->stack_room, scopes->n + 1, sizeof *scopes->stack));
    QUIRE_TRY(
        quire_grow(ctx, &scopes->top, &scopes->top_room, (size_t)sym.id + 1, sizeof *scopes->top));
    scopes->stack[scopes->n] = (quire_binding){sym, v, g, scopes->top[sym.id]};
    scopes->top[sym.id] = (uint32_t)++scopes->n;
    return QUIRE_OK;
}

const quire_binding *
quire_scopes_find(const quire_scopes *scopes, quire_sym sym)
{
    if (sym.id >= scopes->top_room || scopes->top[sym.id] == 0) return NULL;
    return &scopes->stack[scopes->top[sym.id] - 1];
}

void
quire_scopes_close(quire_scopes *scopes, size_t mark)
{
    while (scopes->n > mark) {
        const quire_binding *b = &scopes->stack[--scopes->n];
        scopes->top[b->sym.id] = b->outer;
    }
}
