/* window.c - the part of a window that is not asked a hundred times per node. */
#include "graph/window.h"

#include "base/alloc.h"
#include "base/diag.h"

void
quire_window_init(quire_window *w, const quire_source *source)
{
    static const uint8_t nothing[1];
    *w = (quire_window){.source = source, .bytes = nothing, .step = QUIRE_WINDOW / 2};
    if (source->memory != NULL) {
        w->bytes = source->memory;
        w->end = source->size;
    }
}

void
quire_window_deinit(quire_ctx *ctx, quire_window *w)
{
    quire_free(ctx->alloc, w->buffer, QUIRE_WINDOW);
    w->buffer = NULL;
}

quire_status
quire_window_load(quire_ctx *ctx, quire_window *w, uint64_t off)
{
    QUIRE_TRY(quire_check_canceled(ctx));
    if (off > w->source->size) return quire_bug(ctx, "read behind the end of %s", w->source->name);
    if (w->buffer == NULL) w->buffer = quire_alloc(ctx->alloc, QUIRE_WINDOW);
    if (w->buffer == NULL) return quire_nomem(ctx);
    if (off < w->base || off > w->end) {
        w->step = QUIRE_WINDOW_MIN;
    } else if (w->step < QUIRE_WINDOW) {
        w->step *= 2;
    }
    const uint64_t left = w->source->size - off;
    const size_t n = left < w->step ? (size_t)left : w->step;
    QUIRE_TRY(quire_source_read(ctx, w->source, off, w->buffer, n));
    w->bytes = w->buffer;
    w->base = off;
    w->end = off + n;
    return QUIRE_OK;
}
