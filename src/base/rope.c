/* rope.c - building a list of pieces, and reading it like a file.
 *
 * A header is one piece, taken out of the flow when its field is opened (its `ptr` is NULL until it
 * is closed); it is filled in at close, when the length of the body is known, and only then counts.
 */
#include "base/rope.h"

#include "base/alloc.h"
#include "base/diag.h"

enum { SPARE_ROOM = 4096, SMALL_COPY = 1024, HEADER_ROOM = 10, BODY_MAX = INT32_MAX };

void
quire_rope_init(quire_rope *rope, const quire_allocator *alloc)
{
    *rope = (quire_rope){0};
    quire_arena_init(&rope->arena, alloc);
}

void
quire_rope_deinit(quire_rope *rope)
{
    const quire_allocator *alloc = rope->arena.alloc;
    quire_ungrow(alloc, &rope->pieces, &rope->pieces_room, sizeof *rope->pieces);
    quire_arena_deinit(&rope->arena);
    quire_rope_init(rope, alloc);
}

/* Does `b` carry on where `a` ends? */
static bool
continues(const quire_rope_piece *a, const quire_rope_piece *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case QUIRE_ROPE_MEMORY: return a->u.ptr != NULL && a->u.ptr + a->len == b->u.ptr;
    case QUIRE_ROPE_SOURCE: return a->source == b->source && a->u.off + a->len == b->u.off;
    default: return true;
    }
}

static quire_status
push(quire_ctx *ctx, quire_rope *rope, quire_rope_piece piece)
{
    QUIRE_TRY(quire_grow(ctx, &rope->pieces, &rope->pieces_room, rope->n_pieces + 1,
                         sizeof *rope->pieces));
    rope->pieces[rope->n_pieces++] = piece;
    return QUIRE_OK;
}

static quire_status
add_size(quire_ctx *ctx, quire_rope *rope, uint64_t len)
{
    if (len <= (uint64_t)INT64_MAX - rope->size) {
        rope->size += len;
        return QUIRE_OK;
    }
    return quire_fail(
        ctx, QUIRE_E_LIMIT, NULL,
        "an output of more than 2^63 - 1 bytes was asked for; no file can be that long");
}

static quire_status
add_piece(quire_ctx *ctx, quire_rope *rope, quire_rope_piece piece)
{
    if (piece.len == 0) return QUIRE_OK;
    QUIRE_TRY(add_size(ctx, rope, piece.len));
    quire_rope_piece *last = rope->n_pieces == 0 ? NULL : &rope->pieces[rope->n_pieces - 1];
    if (last != NULL && continues(last, &piece)) {
        last->len += piece.len;
        return QUIRE_OK;
    }
    const quire_status status = push(ctx, rope, piece);
    if (status != QUIRE_OK) rope->size -= piece.len;
    return status;
}

quire_status
quire_rope_add(quire_ctx *ctx, quire_rope *rope, quire_bytes bytes)
{
    const quire_rope_piece piece = {
        .kind = QUIRE_ROPE_MEMORY, .len = bytes.len, .u = {.ptr = bytes.ptr}};
    return add_piece(ctx, rope, piece);
}

/* `n` bytes right behind those cut before, if they still fit there. NULL: out of memory. */
static uint8_t *
cut_spare(quire_rope *rope, size_t n)
{
    if (n > rope->n_spare) {
        uint8_t *fresh = quire_arena_alloc(&rope->arena, SPARE_ROOM);
        if (fresh == NULL) return NULL;
        rope->spare = fresh;
        rope->n_spare = SPARE_ROOM;
    }
    uint8_t *ptr = rope->spare;
    rope->spare += n;
    rope->n_spare -= n;
    return ptr;
}

quire_status
quire_rope_add_copy(quire_ctx *ctx, quire_rope *rope, quire_bytes bytes)
{
    if (bytes.len == 0) return QUIRE_OK;
    uint8_t *copy = bytes.len <= SMALL_COPY ? cut_spare(rope, bytes.len)
                                            : quire_arena_alloc(&rope->arena, bytes.len);
    if (copy == NULL) return quire_nomem(ctx);
    memcpy(copy, bytes.ptr, bytes.len);
    return quire_rope_add(ctx, rope, (quire_bytes){copy, bytes.len});
}

quire_status
quire_rope_add_source(quire_ctx *ctx, quire_rope *rope, const quire_source *source, uint64_t off,
                      uint64_t len)
{
    if (off > source->size || len > source->size - off) {
        return quire_bug(ctx, "%llu bytes at %llu of a source of %llu bytes",
                         (unsigned long long)len, (unsigned long long)off,
                         (unsigned long long)source->size);
    }
    const quire_rope_piece piece = {
        .kind = QUIRE_ROPE_SOURCE, .len = len, .source = source, .u = {.off = off}};
    return add_piece(ctx, rope, piece);
}

quire_status
quire_rope_add_zeros(quire_ctx *ctx, quire_rope *rope, uint64_t len)
{
    return add_piece(ctx, rope, (quire_rope_piece){.kind = QUIRE_ROPE_ZEROS, .len = len});
}

quire_status
quire_rope_open(quire_ctx *ctx, quire_rope *rope, uint32_t field, quire_rope_mark *out_mark)
{
    const quire_rope_mark mark = {.piece = rope->n_pieces, .size = rope->size, .field = field};
    QUIRE_TRY(push(ctx, rope, (quire_rope_piece){.kind = QUIRE_ROPE_MEMORY}));
    *out_mark = mark;
    return QUIRE_OK;
}

static size_t
put_varint(uint8_t *out, uint64_t x)
{
    size_t n = 0;
    for (; x >= 0x80; x >>= 7)
        out[n++] = (uint8_t)(x | 0x80);
    out[n++] = (uint8_t)x;
    return n;
}

quire_status
quire_rope_close(quire_ctx *ctx, quire_rope *rope, quire_rope_mark mark)
{
    if (mark.piece >= rope->n_pieces || rope->pieces[mark.piece].u.ptr != NULL) {
        return quire_bug(ctx, "field %u of a rope is closed twice", (unsigned)mark.field);
    }
    const uint64_t body = rope->size - mark.size;
    if (body > BODY_MAX) {
        return quire_fail(
            ctx, QUIRE_E_LIMIT, NULL,
            "a protobuf message would hold %llu bytes; at most %d are allowed; keep the "
            "weights in external data",
            (unsigned long long)body, BODY_MAX);
    }
    uint8_t header[HEADER_ROOM];
    size_t n = put_varint(header, (uint64_t)mark.field << 3 | 2);
    n += put_varint(header + n, body);
    uint8_t *ptr = cut_spare(rope, n);
    if (ptr == NULL) return quire_nomem(ctx);
    QUIRE_TRY(add_size(ctx, rope, n));
    memcpy(ptr, header, n);
    rope->pieces[mark.piece].u.ptr = ptr;
    rope->pieces[mark.piece].len = n;
    return QUIRE_OK;
}

void
quire_rope_finish(quire_rope *rope)
{
    uint64_t at = 0;
    for (size_t i = 0; i < rope->n_pieces; i++) {
        rope->pieces[i].at = at;
        at += rope->pieces[i].len;
    }
}

size_t
quire_rope_piece_at(const quire_rope *rope, uint64_t off)
{
    size_t low = 0, high = rope->n_pieces;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (rope->pieces[middle].at <= off) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static quire_status
read_piece(quire_ctx *ctx, const quire_rope_piece *piece, uint64_t skip, uint8_t *out, size_t n)
{
    switch (piece->kind) {
    case QUIRE_ROPE_MEMORY: memcpy(out, piece->u.ptr + skip, n); return QUIRE_OK;
    case QUIRE_ROPE_SOURCE:
        return quire_source_read(ctx, piece->source, piece->u.off + skip, out, n);
    default: memset(out, 0, n); return QUIRE_OK;
    }
}

static quire_status
rope_read(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    const quire_rope *rope = source->data;
    uint8_t *out = buf;
    if (off > source->size || n > source->size - off) {
        return quire_fail_file(ctx, QUIRE_E_IO, source->name,
                               "cannot read %zu bytes at %llu: there are only %llu", n,
                               (unsigned long long)off, (unsigned long long)source->size);
    }
    for (size_t i = n == 0 ? 0 : quire_rope_piece_at(rope, off); n > 0; i++) {
        const quire_rope_piece *piece = &rope->pieces[i];
        const uint64_t skip = off - piece->at;
        const uint64_t rest = piece->len - skip;
        const size_t part = rest < n ? (size_t)rest : n;
        if (part != 0) QUIRE_TRY(read_piece(ctx, piece, skip, out, part));
        out += part;
        off += part;
        n -= part;
    }
    return QUIRE_OK;
}

quire_source
quire_rope_as_source(const quire_rope *rope, const char *name)
{
    /* `data` is free for all kinds of sources and hence not const; this one only reads. */
    return (quire_source){
        .size = rope->size, .read = rope_read, .fd = -1, .name = name, .data = (void *)rope};
}
