/* account.c - see account.h. */
#include "passes/account.h"

#include "base/alloc.h"

void
quire_account_deinit(quire_ctx *ctx, quire_account *account)
{
    quire_ungrow(ctx->alloc, &account->quantizers, &account->quantizers_room,
                 sizeof *account->quantizers);
    quire_ungrow(ctx->alloc, &account->skips, &account->skips_room, sizeof *account->skips);
    quire_ungrow(ctx->alloc, &account->findings, &account->findings_room,
                 sizeof *account->findings);
    *account = (quire_account){0};
}
