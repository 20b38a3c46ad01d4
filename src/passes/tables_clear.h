/* tables_clear.h - forgetting what an earlier find-tables of the same run found. */
#ifndef QUIRE_PASSES_TABLES_CLEAR_H
#define QUIRE_PASSES_TABLES_CLEAR_H

#include "passes/tables.h"

/* Empties lookups and tables; options and the spool stay. */
void quire_tables_clear(quire_ctx *ctx, quire_tables *tables);

#endif
