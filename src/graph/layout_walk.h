/* layout_walk.h - takes one side of a receipt apart: the model along its spine, its data files
 * along the payloads in them.
 *
 * Pieces know what they are called only as a place in the model file: names are read when a piece
 * is printed, and most never are. The key is what they are matched by.
 */
#ifndef QUIRE_GRAPH_LAYOUT_WALK_H
#define QUIRE_GRAPH_LAYOUT_WALK_H

#include "base/arena.h"
#include "graph/layout.h"
#include "graph/window.h"

#define QUIRE_PIECE_KINDS(X)                                                                       \
    X(OTHER, "other")                                                                              \
    X(MODEL, "model")                                                                              \
    X(GRAPH, "graph")                                                                              \
    X(NODE, "node")                                                                                \
    X(ATTRIBUTE, "attribute")                                                                      \
    X(INITIALIZER, "initializer")                                                                  \
    X(PAYLOAD, "payload")                                                                          \
    X(VALUE_INFO, "value_info")                                                                    \
    X(INPUT, "input")                                                                              \
    X(OUTPUT, "output")                                                                            \
    X(METADATA, "metadata")                                                                        \
    X(OPSET_IMPORT, "opset_import")                                                                \
    X(FUNCTION, "function")                                                                        \
    X(GAP, "gap")

typedef enum quire_piece_kind {
#define QUIRE_PIECE_ENUM(name, text) QUIRE_PIECE_##name,
    QUIRE_PIECE_KINDS(QUIRE_PIECE_ENUM)
#undef QUIRE_PIECE_ENUM
        QUIRE_N_PIECE_KINDS
} quire_piece_kind;

/* In name.len: the piece is called after field name.off of its message. */
#define QUIRE_PIECE_NUMBERED UINT32_MAX

typedef struct quire_span { /* of the model file */
    uint32_t off, len;
} quire_span;

typedef struct quire_piece {
    uint64_t off, len; /* in its file                                                    */
    uint64_t key;      /* equal: the same thing; several with one key are told apart by order */
    quire_span name;
    uint32_t scope;      /* which text stands before the name                               */
    uint32_t file;       /* index into the side's files                                     */
    uint32_t mate;       /* 1 + index of the matching piece of the other side; 0: none      */
    uint32_t next, head; /* lists of the receipt: 1 + index                                 */
    uint8_t kind;        /* quire_piece_kind                                                */
    bool frame;          /* tag and length of a container                                   */
} quire_piece;

typedef struct quire_scope { /* a message that others are named inside of */
    uint64_t hash;
    quire_bytes text; /* "loop_out/body/", cut if it is absurdly long */
} quire_scope;

typedef struct quire_walk {
    quire_ctx *ctx;
    const quire_layout_side *side;
    quire_window window; /* on the model */
    quire_arena arena;
    quire_piece *pieces;  /* by file, then offset: they tile the side */
    quire_scope *scopes;  /* [0]: the model */
    quire_piece *extents; /* payloads in data files, as tensors mention them */
    size_t n_pieces, pieces_room, n_scopes, scopes_room, n_extents, extents_room;
    uint32_t file_hint, n_training;
} quire_walk;

/* Walks a side that passed the wire check. quire_walk_deinit is due even after a failure. Reports
 * QUIRE_E_IO, QUIRE_E_NOMEM, QUIRE_E_CANCELED, QUIRE_E_LIMIT (a model of 4 GiB or more). */
QUIRE_MUST_USE quire_status quire_walk_side(quire_ctx *ctx, const quire_layout_side *side,
                                            quire_walk *walk);
void quire_walk_deinit(quire_walk *walk);

/* What to call a piece; lives in `arena`. */
QUIRE_MUST_USE quire_status quire_walk_name(quire_walk *walk, const quire_piece *piece,
                                            quire_arena *arena, quire_bytes *out_name);

/* The text of a kind. */
const char *quire_piece_kind_text(quire_piece_kind kind);

/* layout_files.c: turns walk->extents into pieces that tile the data files; what nothing
 * mentions is a gap, what two tensors mention belongs to the one that starts first. */
QUIRE_MUST_USE quire_status quire_walk_files(quire_walk *walk);
/* Appends a piece: its key from scope, name, kind and part. */
QUIRE_MUST_USE quire_status quire_walk_add(quire_walk *walk, quire_piece piece, uint64_t name_hash,
                                           uint32_t part);

#endif
