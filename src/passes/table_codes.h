/* table_codes.h - the elements of one table become codes, scales and zero points, a chunk at a
 * time.
 *
 * Knows rows and files, not lookups: quantize_tables.c decides what is done and puts the result
 * into the graph, table_check.c decodes it again from the written file.
 */
#ifndef QUIRE_PASSES_TABLE_CODES_H
#define QUIRE_PASSES_TABLE_CODES_H

#include "kernels/rows.h"
#include "passes/tables.h"

/* The initializers a table becomes, and the spool each grows in. Target dequantized: only the
 * first, which is then the float table. */
typedef enum quire_part {
    QUIRE_PART_CODES,
    QUIRE_PART_SCALES,
    QUIRE_PART_ZERO_POINTS,
    QUIRE_N_PARTS
} quire_part;

typedef struct quire_part_shape {
    int32_t dtype;
    uint32_t rank;
    int64_t dims[3];
    uint64_t row_size; /* bytes of one row of the table      */
    uint64_t size;     /* bytes of all; 0: there is no such part */
} quire_part_shape;

/* Where a part is in its spool. */
typedef struct quire_part_place {
    uint64_t off[QUIRE_N_PARTS];
} quire_part_place;

/* How the rows of t are laid out, from what its spec decided. Reports QUIRE_E_UNSUPPORTED for a
 * table without columns. */
QUIRE_MUST_USE quire_status quire_table_format(quire_ctx *ctx, const quire_found_table *t,
                                               quire_row_format *out_format);
/* Element type, shape and size of the parts. Reports QUIRE_E_LIMIT. */
QUIRE_MUST_USE quire_status quire_table_parts(quire_ctx *ctx, const quire_found_table *t,
                                              const quire_row_format *f, quire_target target,
                                              quire_part_shape out_parts[QUIRE_N_PARTS]);

typedef struct quire_table_job {
    const quire_model *m;
    quire_tables *tables;
    quire_found_table *table;
    uint64_t done, total; /* payload bytes before this table and of all, for the progress */
    bool look_only;       /* only look for NaN and Inf: nothing is appended, no figures */
    quire_part_place place;
    bool finite; /* false: the table holds NaN or Inf, first at (row, column) */
    uint64_t row, column;
} quire_table_job;

/* Reads the table, appends the parts to the spools and fills in the table's figures and hash. NaN
 * and Inf are no error here: *job says so and what was appended is unused. Reports QUIRE_E_INVALID
 * for a float16 scale that would be infinite, QUIRE_E_IO, QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status quire_table_quantize(quire_ctx *ctx, quire_table_job *job);

/* Rows to work on at a time: about QUIRE_TABLE_CHUNK elements, at least one row. */
enum { QUIRE_TABLE_CHUNK = 1 << 19 };
static inline uint64_t
quire_table_chunk_rows(const quire_found_table *t)
{
    const uint64_t fit = t->width > 0 ? QUIRE_TABLE_CHUNK / t->width : 1;
    const uint64_t rows = fit > 0 ? fit : 1;
    return rows < t->rows ? rows : t->rows;
}

#endif
