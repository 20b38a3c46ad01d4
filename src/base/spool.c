/* spool.c - see spool.h. */
#include "base/spool.h"

#include "base/io.h"
#include "base/temp.h"

quire_status
quire_spool_create(quire_ctx *ctx, const char *path, quire_spool *out_spool)
{
    quire_spool spool;
    QUIRE_TRY(quire_temp_open_unlinked(ctx, path, &spool.fd));
    QUIRE_TRY(quire_source_open_fd(ctx, spool.fd, "temporary file", &spool.source));
    *out_spool = spool;
    return QUIRE_OK;
}

quire_status
quire_spool_append(quire_ctx *ctx, quire_spool *spool, const void *bytes, size_t n,
                   uint64_t *out_off)
{
    const uint64_t off = spool->source.size;
    const int error = quire_io_pwrite_all(ctx->io, spool->fd, bytes, n, off);
    if (error != 0) {
        return quire_temp_write_failed(ctx, spool->source.name, spool->fd, error, off + n);
    }
    spool->source.size = off + n;
    *out_off = off;
    return QUIRE_OK;
}

typedef struct spooling {
    quire_spool *spool;
    uint64_t end; /* of the spool when all is made */
} spooling;

static quire_status
put_in_spool(quire_ctx *ctx, const quire_taker *taker, uint64_t at, const void *bytes, size_t n)
{
    const spooling *s = taker->data;
    const int error = quire_io_pwrite_all(ctx->io, s->spool->fd, bytes, n, at);
    if (error == 0) return QUIRE_OK;
    return quire_temp_write_failed(ctx, s->spool->source.name, s->spool->fd, error, s->end);
}

quire_status
quire_spool_make(quire_ctx *ctx, quire_spool *spool, const quire_source *const *sources, size_t n,
                 uint64_t *out_offs)
{
    spooling s = {.spool = spool, .end = spool->source.size};
    const quire_taker taker = {.put = put_in_spool, .data = &s};
    for (size_t i = 0; i < n; i++) {
        sources[i]->making->place(sources[i], s.end);
        out_offs[i] = s.end;
        s.end += sources[i]->size;
    }
    for (size_t i = 0; i < n; i++)
        QUIRE_TRY(sources[i]->making->make(ctx, sources[i], &taker));
    spool->source.size = s.end;
    return QUIRE_OK;
}

void
quire_spool_close(quire_ctx *ctx, quire_spool *spool)
{
    quire_source_close(ctx, &spool->source);
    spool->fd = -1;
}
