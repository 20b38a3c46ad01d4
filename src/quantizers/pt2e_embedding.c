/* pt2e_embedding.c - the quantizer `pt2e-embedding`: what PyTorch's EmbeddingQuantizer (PT2E) asks.
 *
 * Operand 0 of every Gather that takes rows of a constant float matrix, whatever its size: uint8,
 * one scale and one float zero point a row, PerChannelMinMaxObserver with eps 2^-12. That eps makes
 * the scale of every row not wider than 255 x 2^-12 equal to 1, so that the row decodes to its
 * least element; `validate` says of which tables and how many rows.
 */
#include "quantizers/lookups.h"
#include "quantizers/quantizers.h"

#include <stdio.h>
#include <string.h>

#define TRY QUIRE_RETURN_IF_FAILED

enum { UINT8 = 2 };
enum { CHUNK = 1 << 16 }; /* elements read at a time */

static const char observer_options[] = "eps=0x1p-12";
static const float eps = 0x1p-12f;

/* A slot asked for, and the table behind it; the first slot of a table stands for the others. */
typedef struct asked {
    quire_place place;
    quire_value_id table;
} asked;

typedef struct pt2e {
    const quire_host *host;
    asked *of; /* by the last annotate */
    uint32_t n, room;
} pt2e;

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    (void)given;
    pt2e *p = host->realloc(host->ctx, NULL, 0, sizeof *p);
    if (p == NULL) return QUIRE_E_NOMEM;
    *p = (pt2e){.host = host};
    *out_self = p;
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    pt2e *p = self;
    const quire_host *host = p->host;
    if (p->of != NULL) host->realloc(host->ctx, p->of, p->room * sizeof *p->of, 0);
    host->realloc(host->ctx, p, sizeof *p, 0);
}

static quire_qspec
weight_spec(void)
{
    return (quire_qspec){
        .size = sizeof(quire_qspec),
        .kind = QUIRE_QSPEC_QUANTIZED,
        .dtype = UINT8,
        .zero_point = QUIRE_QSPEC_ZERO_POINT_FLOAT,
        .granularity = QUIRE_QSPEC_PER_AXIS,
        .observer = quire_string_of("minmax"),
        .observer_options = quire_string_of(observer_options),
    };
}

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    if (row > 0) return QUIRE_NONE;
    out->op = "Gather";
    out->is_result = 0;
    out->index = 0;
    out->spec = weight_spec();
    return QUIRE_OK;
}

/* --- annotate --------------------------------------------------------------------------------- */

static quire_status
ask(pt2e *p, const quire_claim_api *claims, const quire_table_lookup *lookup)
{
    const quire_qspec spec = weight_spec();
    TRY(claims->claim(claims->ctx, lookup->place, &spec, 0, 0, quire_string_of("")));
    TRY(quire_room_for(p->host, &p->of, &p->room, (uint64_t)p->n + 1, sizeof *p->of));
    p->of[p->n++] = (asked){lookup->place, lookup->table};
    return QUIRE_OK;
}

static quire_status
look_at(pt2e *p, const quire_claim_api *claims, const quire_table_lookup *lookup)
{
    const char *reason = lookup->left.reason, *text = lookup->left.text;
    if (reason == NULL && lookup->on_nd) {
        reason = "gather-nd"; /* our own */
        text = "nothing that the peer knows becomes a GatherND; quantizer embedding takes it";
    }
    if (reason == NULL) return ask(p, claims, lookup);
    return claims->skip(claims->ctx, lookup->node, quire_string_of(reason), quire_string_of(text));
}

static quire_status
annotate(void *self, const quire_graph_api *graph, const quire_claim_api *claims)
{
    pt2e *p = self;
    quire_lookups l;
    quire_status status = quire_lookups_find(p->host, graph, QUIRE_CONSTANT_INDICES_TAKEN, &l);
    p->n = 0;
    for (uint32_t i = 0; status == QUIRE_OK && i < l.n; i++)
        status = look_at(p, claims, &l.of[i]);
    quire_lookups_free(&l);
    return status;
}

/* --- validate --------------------------------------------------------------------------------- */

typedef struct counter {
    const quire_graph_api *graph;
    quire_value_id table;
    uint64_t rows, width;
    uint64_t n_flat; /* rows whose elements differ but whose scale becomes 1 */
    float *chunk;
} counter;

/* A scale as the observer computes it, and what eps says of it. */
static bool
is_flat(float least, float most)
{
    return least != most && (most - least) / 255.0f <= eps;
}

static quire_status
count_flat(counter *c)
{
    const uint64_t n_elements = c->rows * c->width;
    uint64_t column = 0;
    float least = 0, most = 0;
    for (uint64_t done = 0; done < n_elements;) {
        const size_t n = n_elements - done < CHUNK ? (size_t)(n_elements - done) : CHUNK;
        TRY(c->graph->read_floats(c->graph->ctx, c->table, done, n, c->chunk));
        for (size_t i = 0; i < n; i++) {
            const float x = c->chunk[i];
            if (column == 0 || x < least) least = x;
            if (column == 0 || x > most) most = x;
            if (++column < c->width) continue;
            c->n_flat += is_flat(least, most) ? 1 : 0;
            column = 0;
        }
        done += n;
    }
    return QUIRE_OK;
}

/* Does the slot get what was asked for here? Another claim may have won. */
static quire_status
is_in_force(const quire_resolved_api *resolved, quire_place place, bool *out_ours)
{
    quire_qspec spec = {.size = sizeof spec};
    uint32_t group;
    const quire_status status = resolved->spec(resolved->ctx, place, &spec, &group);
    const size_t len = strlen(observer_options);
    *out_ours = status == QUIRE_OK && spec.kind == QUIRE_QSPEC_QUANTIZED &&
                spec.observer_options.len == len &&
                memcmp(spec.observer_options.ptr, observer_options, len) == 0;
    return status == QUIRE_NONE ? QUIRE_OK : status;
}

static quire_status
find_loss(const quire_graph_api *graph, const quire_resolved_api *resolved, const asked *a,
          float *chunk)
{
    quire_value_view v = {.size = sizeof v};
    char text[256];
    TRY(graph->value(graph->ctx, a->table, &v));
    if (v.rank != 2 || v.dims[0] <= 0 || v.dims[1] <= 0) return QUIRE_OK;
    counter c = {graph, a->table, (uint64_t)v.dims[0], (uint64_t)v.dims[1], 0, chunk};
    TRY(count_flat(&c));
    if (c.n_flat == 0) return QUIRE_OK;
    (void)snprintf(
        text, sizeof text,
        "%llu of %llu rows are not wider than 255 x 2^-12: the observer's eps gives them "
        "scale 1, and their elements nearly all decode to the row's least; quantizer "
        "embedding keeps them",
        (unsigned long long)c.n_flat, (unsigned long long)c.rows);
    return resolved->finding(resolved->ctx, QUIRE_WARNING, a->place, quire_string_of(text));
}

static quire_status
find_losses(const pt2e *p, const quire_graph_api *graph, const quire_resolved_api *resolved,
            float *chunk)
{
    for (uint32_t i = 0; i < p->n; i++) {
        bool ours;
        if (i > 0 && p->of[i].table == p->of[i - 1].table) continue;
        TRY(is_in_force(resolved, p->of[i].place, &ours));
        if (ours) TRY(find_loss(graph, resolved, &p->of[i], chunk));
    }
    return QUIRE_OK;
}

static quire_status
validate(void *self, const quire_graph_api *graph, const quire_resolved_api *resolved)
{
    pt2e *p = self;
    const quire_host *host = p->host;
    if (p->n == 0) return QUIRE_OK;
    float *chunk = host->realloc(host->ctx, NULL, 0, CHUNK * sizeof *chunk);
    if (chunk == NULL) return QUIRE_E_NOMEM;
    const quire_status status = find_losses(p, graph, resolved, chunk);
    host->realloc(host->ctx, chunk, CHUNK * sizeof *chunk, 0);
    return status;
}

const quire_quantizer quire_quantizer_pt2e_embedding = {
    .size = sizeof(quire_quantizer),
    .name = "pt2e-embedding",
    .summary = "what PT2E's EmbeddingQuantizer asks for: uint8 rows with float zero points",
    .create = create,
    .destroy = destroy,
    .support = support,
    .annotate = annotate,
    .validate = validate,
};
