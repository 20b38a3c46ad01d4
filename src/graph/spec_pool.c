/* spec_pool.c - the specs of a model, each kept once: rows in an array, found through a hash of
 * their bytes, which are equal iff the specs are.
 */
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/spec.h"

typedef struct quire_spec_pool {
    quire_spec *rows; /* row k is rows[k - 1] */
    uint32_t *places; /* open addressing: rows; a power of two, at most half full */
    size_t n, rows_room, places_room;
} quire_spec_pool;

/* The place of `spec`, or the free one where it belongs. */
static uint32_t *
place_of(const quire_spec_pool *pool, const quire_spec *spec)
{
    const size_t mask = pool->places_room - 1;
    size_t at = (size_t)XXH3_64bits(spec, sizeof *spec) & mask;
    while (pool->places[at] != 0 && !quire_spec_equal(&pool->rows[pool->places[at] - 1], spec))
        at = (at + 1) & mask;
    return &pool->places[at];
}

static quire_status
grow_places(quire_ctx *ctx, quire_spec_pool *pool)
{
    const size_t room = pool->places_room == 0 ? 16 : 2 * pool->places_room;
    uint32_t *places = quire_alloc(ctx->alloc, room * sizeof *places);
    if (places == NULL) return quire_nomem(ctx);
    memset(places, 0, room * sizeof *places);
    quire_free(ctx->alloc, pool->places, pool->places_room * sizeof *places);
    pool->places = places;
    pool->places_room = room;
    for (size_t i = 0; i < pool->n; i++)
        *place_of(pool, &pool->rows[i]) = (uint32_t)i + 1;
    return QUIRE_OK;
}

/* NULL when memory is out; not reported. */
static quire_spec_pool *
pool_of(quire_model *m)
{
    if (m->spec_pool == NULL) {
        m->spec_pool = quire_alloc(m->alloc, sizeof *m->spec_pool);
        if (m->spec_pool != NULL) *m->spec_pool = (quire_spec_pool){0};
    }
    return m->spec_pool;
}

static quire_status
add_row(quire_ctx *ctx, quire_spec_pool *pool, const quire_spec *spec, uint32_t *out_row)
{
    if (2 * (pool->n + 1) > pool->places_room) QUIRE_TRY(grow_places(ctx, pool));
    uint32_t *place = place_of(pool, spec);
    if (*place == 0) {
        QUIRE_TRY(quire_grow(ctx, &pool->rows, &pool->rows_room, pool->n + 1, sizeof *pool->rows));
        pool->rows[pool->n++] = *spec;
        *place = (uint32_t)pool->n;
    }
    *out_row = *place;
    return QUIRE_OK;
}

quire_status
quire_spec_intern(quire_ctx *ctx, quire_model *m, const quire_spec *spec, quire_spec_ref *out_ref)
{
    quire_ctx own = *ctx; /* the pool lives as long as the model: its allocator */
    own.alloc = m->alloc;
    *out_ref = (quire_spec_ref){0};
    if (spec->kind == QUIRE_SPEC_SHARED) {
        out_ref->target = spec->targets[0];
        return QUIRE_OK;
    }
    quire_spec_pool *pool = pool_of(m);
    if (pool == NULL) return quire_nomem(ctx);
    return add_row(&own, pool, spec, &out_ref->row);
}

const quire_spec *
quire_spec_at(const quire_model *m, uint32_t row)
{
    return &m->spec_pool->rows[row - 1];
}

uint32_t
quire_spec_rows(const quire_model *m)
{
    return m->spec_pool == NULL ? 0 : (uint32_t)m->spec_pool->n;
}

quire_spec
quire_spec_of_ref(const quire_model *m, quire_spec_ref ref)
{
    quire_spec s;
    if (ref.row != 0) return *quire_spec_at(m, ref.row);
    memset(&s, 0, sizeof s);
    s.size = sizeof s;
    s.kind = QUIRE_SPEC_SHARED;
    s.n_targets = 1;
    s.targets[0] = ref.target;
    return s;
}

void
quire_spec_pool_destroy(quire_model *m)
{
    quire_spec_pool *pool = m->spec_pool;
    if (pool == NULL) return;
    quire_ungrow(m->alloc, &pool->rows, &pool->rows_room, sizeof *pool->rows);
    quire_free(m->alloc, pool->places, pool->places_room * sizeof *pool->places);
    quire_free(m->alloc, pool, sizeof *pool);
    m->spec_pool = NULL;
}
