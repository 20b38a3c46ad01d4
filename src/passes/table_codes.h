/* table_codes.h - the elements of one table become codes, scales and zero points, a chunk at a
 * time, on as many threads as the context has.
 *
 * Knows rows and files, not lookups: quantize_tables.c decides what is done and puts the result
 * into the graph, table_making.c says where the bytes go, table_check.c compares them with the
 * written file.
 */
#ifndef QUIRE_PASSES_TABLE_CODES_H
#define QUIRE_PASSES_TABLE_CODES_H

#include "kernels/rows.h"
#include "passes/tables.h"

/* The initializers a table becomes. Target dequantized: only the first, which is then the float
 * table. */
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
    const quire_quantize_options *options;
    quire_found_table *table;
    uint64_t done, total; /* payload bytes before this table and of all, for the progress */
    bool look_only;       /* only look for NaN and Inf: nothing is put, no figures */
    /* Takes n bytes of a part, `off` from its start: each part front to back. One call at a time,
     * from any thread. */
    quire_status (*put)(quire_ctx *ctx, void *data, quire_part part, uint64_t off,
                        const void *bytes, size_t n);
    void *data;
    bool finite; /* false: the table holds NaN or Inf, first at (row, column) */
    uint64_t row, column;
} quire_table_job;

/* Reads the table, puts the parts and fills in the table's figures and its check. NaN and Inf are
 * no error here: *job says so and what was put is unused. Reports QUIRE_E_INVALID for a float16
 * scale that would be infinite, QUIRE_E_NOMEM, QUIRE_E_CANCELED, QUIRE_E_IO and what put does. */
QUIRE_MUST_USE quire_status quire_table_quantize(quire_ctx *ctx, quire_table_job *job);

/* What is worked on at a time, whatever the number of threads: about QUIRE_TABLE_CHUNK elements, at
 * least one row; and how much memory all that are at work may take. */
enum { QUIRE_TABLE_CHUNK = 1 << 19, QUIRE_TABLE_ROOM = 96 << 20 };
static inline uint64_t
quire_table_chunk_rows(const quire_found_table *t)
{
    const uint64_t fit = t->width > 0 ? QUIRE_TABLE_CHUNK / t->width : 1;
    const uint64_t rows = fit > 0 ? fit : 1;
    return rows < t->rows ? rows : t->rows;
}

/* How many chunks; and how many rows chunk i has. */
uint64_t quire_table_n_chunks(const quire_found_table *t);
size_t quire_table_rows_of(const quire_found_table *t, uint64_t i);

/* Adds room for n things of `size` bytes to a layout, at a multiple of QUIRE_TABLE_ALIGN. False: it
 * does not fit. */
enum { QUIRE_TABLE_ALIGN = 64 };
bool quire_table_add_room(size_t *io_total, uint64_t n, uint64_t size, size_t *out_at);
/* Bytes of all parts for n rows, and where in them each part begins. False: it does not fit. */
bool quire_table_chunk_layout(const quire_part_shape parts[QUIRE_N_PARTS], uint64_t n,
                              size_t out_at[QUIRE_N_PARTS], size_t *out_size);
/* XXH3-64 of n rows of all parts, laid out as above for chunk_rows rows. The check of a table is
 * that of these numbers, 8 bytes each, chunk by chunk. */
uint64_t quire_table_chunk_digest(const quire_part_shape parts[QUIRE_N_PARTS],
                                  const size_t at[QUIRE_N_PARTS], const uint8_t *memory, size_t n);

#endif
