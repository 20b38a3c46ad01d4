/* pb.c - see pb.h. */
#include "graph/pb.h"

#include "base/diag.h"

static void *
pb_alloc(void *data, size_t size)
{
    return quire_arena_alloc(data, size);
}

static void
pb_free(void *data, void *ptr)
{
    (void)data;
    (void)ptr;
}

quire_status
quire_pb_unpack(quire_ctx *ctx, quire_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                quire_bytes bytes, void *out_message)
{
    ProtobufCAllocator allocator = {pb_alloc, pb_free, arena};
    static const uint8_t nothing = 0; /* protobuf-c adds 0 to the pointer, which must not be NULL */
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, bytes.len,
                                                          bytes.len > 0 ? bytes.ptr : &nothing);
    if (message == NULL)
        return quire_nomem(ctx); /* the bytes were checked, so memory is what is missing */
    memcpy(out_message, &message, sizeof message);
    return QUIRE_OK;
}

quire_status
quire_pb_pack(quire_ctx *ctx, quire_arena *arena, const ProtobufCMessage *message,
              quire_bytes *out_bytes)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = quire_arena_alloc(arena, size + 1);
    if (bytes == NULL) return quire_nomem(ctx);
    protobuf_c_message_pack(message, bytes);
    *out_bytes = (quire_bytes){bytes, size};
    return QUIRE_OK;
}

quire_status
quire_pb_string(quire_ctx *ctx, quire_arena *arena, quire_bytes bytes, char **out_text)
{
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(ctx, arena, bytes, &copy));
    memcpy(out_text, &copy.ptr, sizeof copy.ptr);
    return QUIRE_OK;
}
