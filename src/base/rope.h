/* rope.h - bytes to write, as a list of where they are.
 *
 * An export is built as a rope before anything is written: memory that is borrowed, ranges of
 * sources (bulk weights), runs of zeros. Its length is known, it can be read like a source (the
 * receipt of a dry run does), hashed, or written to a file in one go, bulk copied file to file.
 *
 * Length-delimited protobuf fields nest: open, add the body, close; the header is filled in then.
 */
#ifndef QUIRE_BASE_ROPE_H
#define QUIRE_BASE_ROPE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/source.h"

enum { QUIRE_ROPE_MEMORY, QUIRE_ROPE_SOURCE, QUIRE_ROPE_ZEROS };

typedef struct quire_rope_piece {
    uint64_t at; /* offset in the rope         */
    uint64_t len;
    const quire_source *source; /* QUIRE_ROPE_SOURCE          */
    union {
        const uint8_t *ptr; /* QUIRE_ROPE_MEMORY          */
        uint64_t off;       /* QUIRE_ROPE_SOURCE          */
    } u;
    uint32_t kind;
} quire_rope_piece;

typedef struct quire_rope {
    quire_arena arena;
    quire_rope_piece *pieces;
    size_t n_pieces, pieces_room;
    uint64_t size;
    uint8_t *spare; /* small copies and headers are cut from here, one after the other */
    size_t n_spare;
} quire_rope;

typedef struct quire_rope_mark { /* an open length-delimited field */
    size_t piece;
    uint64_t size; /* of the rope at open */
    uint32_t field;
} quire_rope_mark;

void quire_rope_init(quire_rope *rope, const quire_allocator *alloc);
void quire_rope_deinit(quire_rope *rope);

/* Borrowed until the rope dies. Neighbours in memory become one piece. */
QUIRE_MUST_USE quire_status quire_rope_add(quire_ctx *ctx, quire_rope *rope, quire_bytes bytes);
/* Copied. */
QUIRE_MUST_USE quire_status quire_rope_add_copy(quire_ctx *ctx, quire_rope *rope,
                                                quire_bytes bytes);
/* A range of `source`, which is borrowed until the rope dies. */
QUIRE_MUST_USE quire_status quire_rope_add_source(quire_ctx *ctx, quire_rope *rope,
                                                  const quire_source *source, uint64_t off,
                                                  uint64_t len);
QUIRE_MUST_USE quire_status quire_rope_add_zeros(quire_ctx *ctx, quire_rope *rope, uint64_t len);

/* A field of number `field` with wire type 2; what is added until close is its body (nothing: a
 * field of length 0). Offsets (`at`) of pieces are final only after quire_rope_finish. Reports
 * QUIRE_E_LIMIT for a body above 2^31 - 1. */
QUIRE_MUST_USE quire_status quire_rope_open(quire_ctx *ctx, quire_rope *rope, uint32_t field,
                                            quire_rope_mark *out_mark);
QUIRE_MUST_USE quire_status quire_rope_close(quire_ctx *ctx, quire_rope *rope,
                                             quire_rope_mark mark);
/* Computes the pieces' offsets; call when all is added. */
void quire_rope_finish(quire_rope *rope);

/* Index of the piece that holds byte `off`, which is inside the finished rope: the last one that does
 * not start behind it. An empty piece is never that, the next one starts where it does. */
size_t quire_rope_piece_at(const quire_rope *rope, uint64_t off);

/* Reads a finished rope like a file. The rope must outlive the source. */
quire_source quire_rope_as_source(const quire_rope *rope, const char *name);

#endif
