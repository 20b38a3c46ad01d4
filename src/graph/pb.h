/* pb.h - protobuf-c on arenas. Only src/graph includes this; generated names go no further. */
#ifndef QUIRE_GRAPH_PB_H
#define QUIRE_GRAPH_PB_H

#include "base/arena.h"
#include "onnx.pb-c.h"

/* Unpacks checked bytes; everything lives in `arena` and is dropped with it, never freed singly. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_pb_unpack(quire_ctx *ctx, quire_arena *arena,
                                            const ProtobufCMessageDescriptor *descriptor,
                                            quire_bytes bytes, void *out_message);
/* Packs into `arena`. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_pb_pack(quire_ctx *ctx, quire_arena *arena,
                                          const ProtobufCMessage *message, quire_bytes *out_bytes);
/* `bytes` as a NUL-terminated string in `arena`. */
QUIRE_MUST_USE quire_status quire_pb_string(quire_ctx *ctx, quire_arena *arena, quire_bytes bytes,
                                            char **out_text);

#endif
