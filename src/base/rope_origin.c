/* rope_origin.c - follows a range through ropes down to the source that holds it. */
#include "base/rope_origin.h"

/* One step: the range must lie in neighbouring pieces that continue each other in one source. */
static bool
below(const quire_rope *rope, uint64_t off, uint64_t len, const quire_source **out_source,
      uint64_t *out_off)
{
    if (len == 0 || rope->n_pieces == 0) return false;
    size_t i = quire_rope_piece_at(rope, off);
    const quire_rope_piece *first = &rope->pieces[i];
    if (first->kind != QUIRE_ROPE_SOURCE) return false;
    const uint64_t start = first->u.off + (off - first->at);
    for (uint64_t end = first->at + first->len; end < off + len;) {
        const quire_rope_piece *next = &rope->pieces[++i];
        if (next->len == 0) continue;
        if (next->kind != QUIRE_ROPE_SOURCE || next->source != first->source) return false;
        if (next->u.off != start + (end - off)) return false;
        end += next->len;
    }
    *out_source = first->source;
    *out_off = start;
    return true;
}

bool
quire_rope_origin(const quire_source *source, uint64_t off, uint64_t len,
                  const quire_source **out_source, uint64_t *out_off)
{
    if (off > source->size || len > source->size - off) return false;
    /* What a rope looks like as a source: its reader is the same for all of them. */
    static const quire_rope none;
    const quire_source rope = quire_rope_as_source(&none, NULL);
    while (source->read == rope.read) {
        if (!below(source->data, off, len, &source, &off)) return false;
    }
    *out_source = source;
    *out_off = off;
    return true;
}
