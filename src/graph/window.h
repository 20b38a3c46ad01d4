/* window.h - reading a source here and there, mostly forwards, through one buffer.
 *
 * Reads grow while they follow each other and start small again after a jump, so that skipping
 * payloads costs little more than what lies between them. Sources in memory are not copied.
 */
#ifndef QUIRE_GRAPH_WINDOW_H
#define QUIRE_GRAPH_WINDOW_H

#include "base/base.h"
#include "base/source.h"

enum { QUIRE_WINDOW = 256 * 1024, QUIRE_WINDOW_MIN = 4096 };

typedef struct quire_window {
    const quire_source *source;
    const uint8_t *bytes; /* what the file holds at [base, end) */
    uint64_t base, end;
    size_t step;     /* what the next read takes                      */
    uint8_t *buffer; /* QUIRE_WINDOW bytes, allocated when first needed */
} quire_window;

/* `source` is borrowed. No memory is taken yet. */
void quire_window_init(quire_window *w, const quire_source *source);
void quire_window_deinit(quire_ctx *ctx, quire_window *w);

/* What quire_window_get does when the bytes are not there yet. */
QUIRE_MUST_USE quire_status quire_window_load(quire_ctx *ctx, quire_window *w, uint64_t off);

/* The bytes at `off`: at least `n` of them (n <= QUIRE_WINDOW_MIN), or all up to the end of the
 * source if that is nearer; *out_n says how many. Valid until the next call. Reports QUIRE_E_IO,
 * QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE static inline quire_status
quire_window_get(quire_ctx *ctx, quire_window *w, uint64_t off, size_t n, const uint8_t **out_bytes,
                 size_t *out_n)
{
    const bool inside = off >= w->base && off <= w->end;
    if (!inside || (w->end - off < n && w->end < w->source->size)) {
        QUIRE_TRY(quire_window_load(ctx, w, off));
    }
    *out_bytes = w->bytes + (size_t)(off - w->base);
    *out_n = (size_t)(w->end - off);
    return QUIRE_OK;
}

#endif
