/* table_check.h - are the tables in a written file what quantize-tables made?
 *
 * Decodes them from the file and compares with the hash taken while they were made; knows nothing
 * of how they were.
 */
#ifndef QUIRE_PASSES_TABLE_CHECK_H
#define QUIRE_PASSES_TABLE_CHECK_H

#include "passes/tables.h"

/* Finds every quantized table's initializers in `written` by name, and decodes them, a chunk at a
 * time. Anything that is not there, or not the same, is QUIRE_E_INTERNAL. Also reports QUIRE_E_IO,
 * QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status quire_tables_check(quire_ctx *ctx, const quire_tables *tables,
                                               const quire_model *written);

#endif
