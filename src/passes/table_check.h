/* table_check.h - are the tables in a written file what quantize-tables made?
 *
 * Compares the bytes of their parts in the file with the check taken while they were made: what
 * decoded to the figures then decodes to them now (docs/decisions/0010-one-pass.md). Knows nothing
 * of how they were made.
 */
#ifndef QUIRE_PASSES_TABLE_CHECK_H
#define QUIRE_PASSES_TABLE_CHECK_H

#include "passes/tables.h"

/* Finds every quantized table's initializers in `written` by name, and reads them, a chunk at a
 * time, on the context's threads. Anything that is not there, or not the same, is
 * QUIRE_E_INTERNAL. Also reports QUIRE_E_IO, QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status quire_tables_check(quire_ctx *ctx, const quire_tables *tables,
                                               const quire_model *written);

#endif
