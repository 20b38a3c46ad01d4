/* claim.c - lists of claims. Their text is claim_print.c and claim_parse.c. */
#include "graph/claim.h"

#include "base/alloc.h"

quire_status
quire_claims_add(quire_ctx *ctx, quire_claims *claims, const quire_claim *claim)
{
    QUIRE_TRY(quire_grow(ctx, &claims->ptr, &claims->room, claims->n + 1, sizeof *claims->ptr));
    claims->ptr[claims->n++] = *claim;
    return QUIRE_OK;
}

void
quire_claims_deinit(quire_ctx *ctx, quire_claims *claims)
{
    quire_ungrow(ctx->alloc, &claims->ptr, &claims->room, sizeof *claims->ptr);
    claims->n = 0;
}
