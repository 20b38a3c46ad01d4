/* commit_write.c - bytes and ropes into a staged file: small pieces together, bulk from file to file
 * where the kernel can, what is made while it is written straight to its place.
 */
#include <errno.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/alloc.h"
#include "base/commit.h"
#include "base/diag.h"
#include "base/io.h"

enum {
    COALESCE = 256 << 10,  /* small pieces are written together up to this many bytes */
    BULK = 64 << 10,       /* a piece from this length on is written by itself        */
    CHUNK = 1 << 20,       /* of bulk, through memory                                 */
    COPY_CHUNK = 16 << 20, /* of bulk, from file to file                              */
    WRITEBACK = 64 << 20,  /* so much is left to the kernel at a time to write        */
};

typedef struct output {
    quire_ctx *ctx;
    quire_staged *staged;
    XXH3_state_t *hash; /* may be NULL */
    uint8_t *buffer;    /* CHUNK bytes; the first `n`, at most COALESCE, wait to be written */
    size_t n;
    uint64_t start, total; /* length of the file before and after */
    uint64_t hashed;       /* everything up to here is in the hash */
    uint64_t dirty;        /* bytes written since the kernel was told to write */
    bool through_memory;   /* the kernel cannot copy, or the bytes are hashed */
} output;

static quire_status
fail_write(const output *o, int error)
{
    return quire_staged_write_failed(o->ctx, o->staged, error, o->total);
}

/* What is written goes on its way to the disk while the next is made: the fsync at the end then has
 * less to wait for. The kernel knows which pages are new, so it is asked for the whole range: what
 * is made is written here and there by turns. */
static void
write_back(output *o, uint64_t n)
{
    const quire_io *io = o->ctx->io;
    o->dirty += n;
    if (o->dirty < WRITEBACK) return;
    o->dirty = 0;
    (void)io->start_writeback(io->data, o->staged->fd, (off_t)o->start,
                              (off_t)(o->total - o->start));
}

/* Every chunk that was written passes here. */
static quire_status
written(output *o, uint64_t n)
{
    write_back(o, n);
    o->staged->written += n;
    if (o->ctx->progress != NULL) {
        o->ctx->progress(o->ctx->progress_data, "writing", o->staged->written - o->start,
                         o->total - o->start);
    }
    return quire_check_canceled(o->ctx);
}

static quire_status
emit(output *o, const uint8_t *bytes, size_t n)
{
    const int error = quire_io_pwrite_all(o->ctx->io, o->staged->fd, bytes, n, o->staged->written);
    if (error != 0) return fail_write(o, error);
    if (o->hash != NULL) XXH3_64bits_update(o->hash, bytes, n);
    o->hashed += n;
    return written(o, n);
}

static quire_status
flush(output *o)
{
    const size_t n = o->n;
    o->n = 0;
    return n == 0 ? QUIRE_OK : emit(o, o->buffer, n);
}

static bool
is_unsupported(int error)
{
    return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
           error == EPERM || error == ETXTBSY;
}

/* Copies as much of a source piece as the kernel will; the rest is up to the caller. */
static quire_status
copy_file(output *o, const quire_rope_piece *piece, uint64_t *done)
{
    const quire_io *io = o->ctx->io;
    off_t off = (off_t)piece->u.off;
    off_t to = (off_t)o->staged->written;
    while (*done < piece->len && !o->through_memory) {
        const uint64_t rest = piece->len - *done;
        const size_t n = rest < COPY_CHUNK ? (size_t)rest : COPY_CHUNK;
        const ssize_t got =
            io->copy_range(io->data, piece->source->fd, &off, o->staged->fd, &to, n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && !is_unsupported(errno)) return fail_write(o, errno);
        if (got <= 0) {
            /* 0 is the end of a file that became shorter: reading it will say so. */
            o->through_memory = true;
            return QUIRE_OK;
        }
        *done += (uint64_t)got;
        QUIRE_TRY(written(o, (uint64_t)got));
    }
    return QUIRE_OK;
}

/* Bytes [done, done + n) of a piece that is not in memory, into `out`. */
static quire_status
fetch(output *o, const quire_rope_piece *piece, uint64_t done, uint8_t *out, size_t n)
{
    if (piece->kind == QUIRE_ROPE_SOURCE) {
        return quire_source_read(o->ctx, piece->source, piece->u.off + done, out, n);
    }
    memset(out, 0, n);
    return QUIRE_OK;
}

static quire_status
put_bulk(output *o, const quire_rope_piece *piece)
{
    uint64_t done = 0;
    QUIRE_TRY(flush(o));
    if (piece->kind == QUIRE_ROPE_SOURCE && piece->source->fd >= 0) {
        QUIRE_TRY(copy_file(o, piece, &done));
    }
    while (done < piece->len) {
        const uint64_t rest = piece->len - done;
        const size_t n = rest < CHUNK ? (size_t)rest : CHUNK;
        const uint8_t *bytes = o->buffer;
        if (piece->kind == QUIRE_ROPE_MEMORY) {
            bytes = piece->u.ptr + done;
        } else {
            QUIRE_TRY(fetch(o, piece, done, o->buffer, n));
        }
        QUIRE_TRY(emit(o, bytes, n));
        done += n;
    }
    return QUIRE_OK;
}

static quire_status
put_small(output *o, const quire_rope_piece *piece)
{
    const size_t n = (size_t)piece->len;
    if (n > COALESCE - o->n) QUIRE_TRY(flush(o));
    if (piece->kind == QUIRE_ROPE_MEMORY) {
        if (n != 0) memcpy(o->buffer + o->n, piece->u.ptr, n);
    } else {
        QUIRE_TRY(fetch(o, piece, 0, o->buffer + o->n, n));
    }
    o->n += n;
    return QUIRE_OK;
}

/* --- bytes that are made while they are written ------------------------------------------------ */

static bool
is_made(const quire_rope_piece *piece)
{
    return piece->kind == QUIRE_ROPE_SOURCE && piece->source->making != NULL;
}

static void
place_made(const output *o, const quire_rope *rope)
{
    for (size_t i = 0; i < rope->n_pieces; i++) {
        const quire_rope_piece *piece = &rope->pieces[i];
        if (is_made(piece)) piece->source->making->place(piece->source, o->start + piece->at);
    }
}

static quire_status
put_made_bytes(quire_ctx *ctx, const quire_taker *taker, uint64_t at, const void *bytes, size_t n)
{
    output *o = taker->data;
    if (at < o->staged->written || at > o->total || n > o->total - at)
        return quire_bug(ctx, "%zu bytes were made for %llu of a file of %llu", n,
                         (unsigned long long)at, (unsigned long long)o->total);
    const int error = quire_io_pwrite_all(ctx->io, o->staged->fd, bytes, n, at);
    if (error != 0) return fail_write(o, error);
    if (at == o->hashed) {
        if (o->hash != NULL) XXH3_64bits_update(o->hash, bytes, n);
        o->hashed += n;
    }
    write_back(o, n);
    return quire_check_canceled(ctx);
}

/* Reads back what was written out of order, for the hash. */
static quire_status
catch_up(output *o)
{
    const quire_source own =
        quire_source_of_file(o->staged->fd, o->staged->written, o->staged->temp_name);
    while (o->hash != NULL && o->hashed < o->staged->written) {
        const uint64_t rest = o->staged->written - o->hashed;
        const size_t n = rest < CHUNK ? (size_t)rest : CHUNK;
        QUIRE_TRY(quire_source_read(o->ctx, &own, o->hashed, o->buffer, n));
        XXH3_64bits_update(o->hash, o->buffer, n);
        o->hashed += n;
    }
    o->hashed = o->staged->written;
    return QUIRE_OK;
}

static quire_status
put_made(output *o, const quire_rope_piece *piece)
{
    const quire_taker taker = {.put = put_made_bytes, .data = o};
    QUIRE_TRY(flush(o));
    QUIRE_TRY(piece->source->making->make(o->ctx, piece->source, &taker));
    o->staged->written += piece->len;
    return catch_up(o);
}

/* --- ropes ------------------------------------------------------------------------------------- */

/* So that a disk that is too small is told at once, not after an hour. */
static quire_status
claim_room(output *o)
{
    int error;
    if (o->total == o->start) return QUIRE_OK;
    do {
        error = o->ctx->io->allocate(o->ctx->io->data, o->staged->fd, (off_t)o->total);
    } while (error == EINTR);
    return error == 0 || is_unsupported(error) ? QUIRE_OK : fail_write(o, error);
}

static quire_status
put_piece(output *o, const quire_rope_piece *piece)
{
    if (is_made(piece)) return put_made(o, piece);
    return piece->len < BULK ? put_small(o, piece) : put_bulk(o, piece);
}

static quire_status
put_rope(output *o, const quire_rope *rope)
{
    QUIRE_TRY(claim_room(o));
    place_made(o, rope);
    for (size_t i = 0; i < rope->n_pieces; i++)
        QUIRE_TRY(put_piece(o, &rope->pieces[i]));
    QUIRE_TRY(flush(o));
    if (o->staged->written == o->total) return QUIRE_OK;
    return quire_bug(o->ctx, "a rope of %llu bytes gave %llu", (unsigned long long)rope->size,
                     (unsigned long long)(o->staged->written - o->start));
}

quire_status
quire_staged_write_rope(quire_ctx *ctx, quire_staged *staged, const quire_rope *rope,
                        uint64_t *out_hash)
{
    XXH3_state_t hash;
    XXH3_INITSTATE(&hash);
    XXH3_64bits_reset(&hash);
    output o = {
        .ctx = ctx,
        .staged = staged,
        .hash = out_hash == NULL ? NULL : &hash,
        .buffer = quire_alloc(ctx->alloc, CHUNK),
        .start = staged->written,
        .total = staged->written + rope->size,
        .hashed = staged->written,
        .through_memory = out_hash != NULL,
    };
    if (o.buffer == NULL) return quire_nomem(ctx);
    staged->synced = false;
    const quire_status status = put_rope(&o, rope);
    quire_free(ctx->alloc, o.buffer, CHUNK);
    if (status != QUIRE_OK) {
        staged->broken = true;
    } else if (out_hash != NULL) {
        *out_hash = XXH3_64bits_digest(&hash);
    }
    return status;
}

quire_status
quire_staged_write(quire_ctx *ctx, quire_staged *staged, const void *bytes, size_t n)
{
    staged->synced = false;
    const int error = quire_io_pwrite_all(ctx->io, staged->fd, bytes, n, staged->written);
    if (error == 0) {
        staged->written += n;
        return QUIRE_OK;
    }
    staged->broken = true;
    return quire_staged_write_failed(ctx, staged, error, staged->written + n);
}
