/* wire.h - protobuf wire format: checking a whole file, and walking checked bytes.
 *
 * quire_wire_check reads a source once, with protoc-c's descriptors as the grammar, an explicit stack
 * and a window of constant size, and refuses everything the rest of quire would have to fear. After it,
 * quire_cursor walks messages in the skeleton without any check.
 */
#ifndef QUIRE_GRAPH_WIRE_H
#define QUIRE_GRAPH_WIRE_H

#include "base/base.h"
#include "base/source.h"
#include "graph/model.h"

typedef struct quire_wire_limits {
    uint64_t max_file;   /* default 2^31 - 1                                  */
    uint32_t max_depth;  /* nested messages, default 100                      */
    uint32_t max_graphs; /* nested graphs, default 32                         */
    uint64_t max_memory; /* projected, default 64 MiB + 32 x file size        */
} quire_wire_limits;
extern const quire_wire_limits quire_wire_limits_default;

typedef struct quire_wire_stats {
    uint64_t skeleton_size; /* file less bulk payloads       */
    uint64_t n_messages, n_unknown, projected_memory;
} quire_wire_stats;

typedef struct quire_wire_holes { /* grown with quire_grow         */
    quire_hole *ptr;
    size_t n, room;
} quire_wire_holes;

/* Checks that `source` is one well-formed ModelProto (what is refused: docs/errors.md). Bulk payloads - `bytes` fields and packed
 * scalar fields of QUIRE_BULK bytes and more in a TensorProto (but not dims) or AttributeProto, at any depth - are listed in *holes in file order, with `at` filled in.
 * Reports QUIRE_E_INVALID or QUIRE_E_LIMIT with the byte offset and the field path
 * (graph.node[12].attribute[0].t.dims), QUIRE_E_IO. Linear; memory constant but for the holes. */
QUIRE_MUST_USE quire_status quire_wire_check(quire_ctx *ctx, const quire_source *source,
                                             const quire_wire_limits *limits,
                                             quire_wire_stats *out_stats, quire_wire_holes *holes);

enum { QUIRE_WIRE_VARINT = 0, QUIRE_WIRE_I64 = 1, QUIRE_WIRE_LEN = 2, QUIRE_WIRE_I32 = 5 };

typedef struct quire_field {
    uint32_t number, wire;
    uint64_t scalar;   /* varint or fixed value                                             */
    quire_bytes body;  /* wire 2: in the skeleton, less the holes inside                     */
    quire_bytes whole; /* tag, length and body                                              */
    quire_blob bulk;   /* wire 2 and the body is one hole: where it is; else bulk.len is 0    */
    bool is_bulk;
} quire_field;

typedef struct quire_cursor {
    const quire_skeleton *skeleton;
    const uint8_t *p, *end;
    size_t hole; /* next hole at or after p */
} quire_cursor;

/* Over `bytes`: a view of the model's skeleton, or memory without holes. */
quire_cursor quire_cursor_over(const quire_model *m, quire_bytes bytes);
/* The next field; false at the end. Never fails on checked bytes; stops on unchecked garbage. */
bool quire_cursor_next(quire_cursor *cursor, quire_field *out_field);

/* Body of the last length-delimited field `number` of `message` that is in memory; false if there is none. */
bool quire_message_find(const quire_model *m, quire_bytes message, uint32_t number,
                        quire_bytes *out_body);
/* Values of a repeated varint field's occurrence, packed or single: up to `room` into out; returns how many there are. */
size_t quire_field_varints(const quire_field *field, int64_t *out, size_t room);

/* Checks `source` and reads it into the model's skeleton, whole less its bulk. Reports what quire_wire_check does, and
 * QUIRE_E_NOMEM. What is read so far belongs to the model even after a failure. */
QUIRE_MUST_USE quire_status quire_skeleton_load(quire_ctx *ctx, quire_model *m,
                                                const quire_source *source,
                                                const quire_wire_limits *limits);

/* File offset of a place in the skeleton (for messages and the receipt); 0 if ptr is not in it. */
uint64_t quire_skeleton_offset(const quire_skeleton *skeleton, const uint8_t *ptr);

static inline int64_t
quire_field_int(const quire_field *f)
{
    return (int64_t)f->scalar;
}

#endif
