/* tables.c - the life of a quire_tables. What is in it: find_tables.c and the passes after it. */
#include "passes/tables.h"

#include "base/alloc.h"
#include "passes/tables_clear.h"

void
quire_tables_init(quire_tables *tables, const quire_quantize_options *options)
{
    *tables = (quire_tables){.options = options};
}

void
quire_tables_clear(quire_ctx *ctx, quire_tables *tables)
{
    for (size_t i = 0; i < tables->n_tables; i++) {
        quire_found_table *t = &tables->tables[i];
        quire_ungrow(ctx->alloc, &t->other_uses, &t->other_uses_room, sizeof *t->other_uses);
    }
    quire_ungrow(ctx->alloc, &tables->lookups, &tables->lookups_room, sizeof *tables->lookups);
    quire_ungrow(ctx->alloc, &tables->tables, &tables->tables_room, sizeof *tables->tables);
    quire_free(ctx->alloc, tables->annotated, tables->n_annotated * sizeof *tables->annotated);
    tables->annotated = NULL;
    tables->functions = NULL;
    tables->n_annotated = tables->n_lookups = tables->n_tables = 0;
}

void
quire_tables_deinit(quire_ctx *ctx, quire_tables *tables)
{
    quire_tables_clear(ctx, tables);
    if (tables->has_spool) quire_spool_close(ctx, &tables->spool);
    tables->has_spool = false;
}
