/* selected.c - see selected.h. */
#include "quantizers/selected.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY QUIRE_RETURN_IF_FAILED

enum { MESSAGE_ROOM = 900, SHOWN = 100 };

/* What was selected, sorted by kind and id. */
typedef struct places {
    quire_place *of;
    uint32_t n, room;
} places;

static int
compare(const void *one, const void *other)
{
    const quire_place *a = one, *b = other;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool
has(const places *p, quire_place place)
{
    return p->n > 0 && bsearch(&place, p->of, p->n, sizeof place, compare) != NULL;
}

static quire_status
say(const quire_host *host, quire_string expression, const char *what)
{
    char message[MESSAGE_ROOM];
    const int len = (int)(expression.len < SHOWN ? expression.len : SHOWN);
    (void)snprintf(message, sizeof message, "select \"%.*s\" %s", len, expression.ptr, what);
    return quire_say(host, QUIRE_E_USAGE, message);
}

static quire_status
say_nothing(const quire_host_select *service, const quire_host *host, quire_string expression)
{
    char what[MESSAGE_ROOM / 2];
    quire_string nearest = {NULL, 0};
    TRY(service->nearest(service->ctx, expression, &nearest));
    const int len = (int)(nearest.len < sizeof what / 2 ? nearest.len : sizeof what / 2);
    (void)snprintf(what, sizeof what, "selects nothing%s%.*s", len > 0 ? ": " : "", len,
                   nearest.ptr);
    return say(host, expression, what);
}

static quire_status
find_places(const quire_host_select *service, const quire_host *host, quire_string expression,
            places *out)
{
    const quire_place *found;
    size_t n;
    TRY(service->select(service->ctx, expression, &found, &n));
    if (n == 0) return say_nothing(service, host, expression);
    TRY(quire_room_for(host, &out->of, &out->room, n, sizeof *out->of));
    memcpy(out->of, found, n * sizeof *found);
    out->n = (uint32_t)n;
    qsort(out->of, out->n, sizeof *out->of, compare);
    return QUIRE_OK;
}

/* The slot that defines the table: an initializer, or the result of a Constant. */
static quire_status
slot_of(const quire_graph_api *g, quire_value_id table, quire_place *out)
{
    quire_value_view v = {.size = sizeof v};
    TRY(g->value(g->ctx, table, &v));
    return v.producer != 0 ? g->result(g->ctx, v.producer, v.index, out, NULL)
                           : g->initializer(g->ctx, v.graph, v.index, out, NULL);
}

static quire_status
mark(const quire_lookups *l, const places *p, quire_selected *out, bool *out_some)
{
    for (uint32_t i = 0; i < l->n; i++) {
        const quire_table_lookup *lookup = &l->of[i];
        quire_place slot = {0, 0};
        if (lookup->table == 0) continue;
        TRY(quire_room_for(l->host, &out->chosen, &out->n, (uint64_t)lookup->table + 1, 1));
        const quire_status status = slot_of(l->api, lookup->table, &slot);
        if (status != QUIRE_OK && status != QUIRE_NONE) return status;
        if (!has(p, lookup->place) && !has(p, slot)) continue;
        out->chosen[lookup->table] = 1;
        *out_some = true;
    }
    return QUIRE_OK;
}

quire_status
quire_selected_find(const quire_host_select *service, const quire_lookups *lookups,
                    quire_string expression, quire_selected *out)
{
    const quire_host *host = lookups->host;
    places p = {.of = NULL};
    bool some = false;
    *out = (quire_selected){.host = host};
    quire_status status = find_places(service, host, expression, &p);
    if (status == QUIRE_OK) status = mark(lookups, &p, out, &some);
    if (status == QUIRE_OK && !some)
        status = say(host, expression,
                     "selects slots, but none is a table, or operand 0 of a lookup of one");
    if (p.of != NULL) host->realloc(host->ctx, p.of, p.room * sizeof *p.of, 0);
    return status;
}

void
quire_selected_free(quire_selected *selected)
{
    const quire_host *host = selected->host;
    if (selected->chosen != NULL) host->realloc(host->ctx, selected->chosen, selected->n, 0);
    *selected = (quire_selected){.host = NULL};
}
