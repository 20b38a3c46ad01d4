/* skeleton.c - the model file in memory, less what is too big to be there. */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/wire.h"

/* Takes the holes over from the check; they stay with the model whatever happens next. */
static quire_status
find_holes(quire_ctx *ctx, quire_model *m, const quire_source *source,
           const quire_wire_limits *limits, uint64_t *out_size)
{
    quire_wire_stats stats = {0};
    quire_wire_holes holes = {NULL, 0, 0};
    const quire_status status = quire_wire_check(ctx, source, limits, &stats, &holes);
    m->hole_memory = holes.ptr;
    m->holes_room = holes.room;
    m->skeleton.n_holes = holes.n;
    *out_size = stats.skeleton_size;
    return status;
}

static quire_status
read_between_holes(quire_ctx *ctx, quire_model *m, const quire_source *source)
{
    const size_t n_holes = m->skeleton.n_holes;
    uint64_t from = 0;
    uint64_t at = 0;
    for (size_t i = 0; i <= n_holes; i++) {
        const uint64_t to = i < n_holes ? m->hole_memory[i].off : source->size;
        const size_t n = (size_t)(to - from);
        QUIRE_TRY(quire_source_read(ctx, source, from, m->skeleton_memory + at, n));
        at += n;
        if (i < n_holes) from = to + m->hole_memory[i].len;
    }
    return QUIRE_OK;
}

quire_status
quire_skeleton_load(quire_ctx *ctx, quire_model *m, const quire_source *source,
                    const quire_wire_limits *limits)
{
    uint64_t size = 0;
    QUIRE_TRY(find_holes(ctx, m, source, limits, &size));
    m->skeleton_memory = quire_alloc(m->alloc, (size_t)size + 1);
    if (m->skeleton_memory == NULL) return quire_nomem(ctx);
    m->skeleton_room = (size_t)size + 1;
    QUIRE_TRY(read_between_holes(ctx, m, source));
    m->skeleton.ptr = m->skeleton_memory;
    m->skeleton.len = (size_t)size;
    m->skeleton.holes = m->hole_memory;
    m->src = (quire_bytes){m->skeleton_memory, (size_t)size};
    return QUIRE_OK;
}
