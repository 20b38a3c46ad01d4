/* bytes.c - see bytes.h. */
#include "support/bytes.h"

#include <stdlib.h>

#include "base/rope.h"
#include "graph/export.h"

uint8_t *
support_bytes(const quire_model *m, size_t *out_n)
{
    quire_ctx ctx = quire_ctx_default();
    quire_rope rope;
    ctx.alloc = m->alloc; /* an export gives back memory of both */
    quire_rope_init(&rope, ctx.alloc);
    if (quire_model_export(&ctx, m, &rope) != QUIRE_OK) abort();
    const quire_source source = quire_rope_as_source(&rope, "model");
    uint8_t *bytes = malloc(rope.size + 1);
    if (bytes == NULL) abort();
    if (quire_source_read(&ctx, &source, 0, bytes, (size_t)rope.size) != QUIRE_OK) abort();
    *out_n = (size_t)rope.size;
    quire_rope_deinit(&rope);
    return bytes;
}
