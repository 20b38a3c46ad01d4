/* table_making.h - tables whose parts are made while the model is written.
 *
 * The sizes of the parts are known before the data are read, so the output can be laid out first;
 * each part then is a source that is made when it is written (base/source.h), and goes straight to
 * its place. All parts of a table are made at once; those that are to be embedded although the
 * table is external, and all of a small table, into memory.
 */
#ifndef QUIRE_PASSES_TABLE_MAKING_H
#define QUIRE_PASSES_TABLE_MAKING_H

#include "passes/table_codes.h"

struct quire_table_making;

typedef struct quire_part_making {
    struct quire_table_making *table;
    uint64_t size;
    uint64_t at;     /* of what is being written, once it is placed        */
    uint8_t *memory; /* of a small part, in the model's arena; else NULL */
} quire_part_making;

typedef struct quire_table_making {
    const quire_model *m;
    quire_tables *tables;
    quire_found_table *table;
    quire_part_making parts[QUIRE_N_PARTS];
    bool is_made;
    /* Of a table that holds NaN or Inf, where the options say that it is left alone then: made, but
     * worth nothing. */
    bool is_left;
    uint64_t row, column;
} quire_table_making;

/* Bytes; smaller parts are embedded wherever the table was. */
enum { QUIRE_PART_IN_MEMORY = 1024 };

/* In the arena of m. Reports QUIRE_E_NOMEM, QUIRE_E_LIMIT, QUIRE_E_UNSUPPORTED. */
QUIRE_MUST_USE quire_status quire_table_making_create(quire_ctx *ctx, quire_model *m,
                                                      quire_tables *tables,
                                                      quire_found_table *table,
                                                      quire_table_making **out);
/* A part, to be written; if it is in memory, to be read, too, once it is made. Lives as long as the
 * making. */
quire_source quire_table_part_source(quire_table_making *making, quire_part part);
/* Makes the table: parts that are not in memory must have been placed, or there is none. Reports as
 * quire_table_quantize; QUIRE_E_INVALID for NaN and Inf, if the options say that they are an
 * error. */
QUIRE_MUST_USE quire_status quire_table_make(quire_ctx *ctx, quire_table_making *making,
                                             const quire_taker *taker);

#endif
