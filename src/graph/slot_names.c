/* slot_names.c - finding what the parts of a slot's text mean, each in constant time.
 *
 * One open-addressing table of ids holds the living values by (graph, name), the bodies by (node,
 * attribute, index) and the functions by (domain, name, overload). Ids of graphs are told from
 * those of values by an offset. Nothing depends on the order of the table.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/nearest.h"
#include "graph/spec_text.h"

typedef struct key {
    uint32_t kind, a, b, c;
} key;

enum { KEY_VALUE, KEY_BODY, KEY_FUNCTION };

static uint64_t
hash_of(key k)
{
    uint64_t h = ((uint64_t)k.a << 32 | k.b) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29 ^ ((uint64_t)k.c << 2 | k.kind)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 32) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

/* An absent field and an empty one are the same. */
static uint32_t
sym_id(quire_sym sym)
{
    return sym.id == QUIRE_SYM_NONE ? QUIRE_SYM_EMPTY : sym.id;
}

static bool
graph_has_key(const quire_model *m, quire_graph g, key k)
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    if (k.kind == KEY_FUNCTION) {
        return r->kind == QUIRE_GRAPH_FUNCTION && sym_id(r->domain) == k.a &&
               sym_id(r->name) == k.b && sym_id(r->overload) == k.c;
    }
    if (k.kind != KEY_BODY || r->kind != QUIRE_GRAPH_BODY || r->owner.id != k.a) return false;
    const quire_attr_rec *a = quire_attr_at(m, r->attr);
    return a->name.id == k.b && k.c < a->n_graphs && a->graphs[k.c].id == g.id;
}

static bool
has_key(const quire_model *m, uint32_t entry, key k)
{
    if (entry >= m->values.count)
        return graph_has_key(m, (quire_graph){entry - m->values.count}, k);
    const quire_value_rec *v = quire_value_at(m, (quire_value){entry});
    return k.kind == KEY_VALUE && v->graph.id == k.a && v->name.id == k.b;
}

static uint32_t
find(const quire_slot_reader *reader, key k)
{
    if (reader->n_places == 0) return 0;
    const size_t mask = reader->n_places - 1;
    size_t at = (size_t)hash_of(k) & mask;
    while (reader->places[at] != 0 && !has_key(reader->m, reader->places[at], k))
        at = (at + 1) & mask;
    return reader->places[at];
}

static void
put(quire_slot_reader *reader, key k, uint32_t entry)
{
    const size_t mask = reader->n_places - 1;
    size_t at = (size_t)hash_of(k) & mask;
    while (reader->places[at] != 0)
        at = (at + 1) & mask;
    reader->places[at] = entry;
}

static void
put_values(quire_slot_reader *reader)
{
    const quire_model *m = reader->m;
    for (uint32_t id = 1; id < m->values.count; id++) {
        const quire_value_rec *v = quire_value_at(m, (quire_value){id});
        if ((v->flags & QUIRE_DEAD) != 0 || v->name.id <= QUIRE_SYM_EMPTY) continue;
        put(reader, (key){KEY_VALUE, v->graph.id, v->name.id, 0}, id);
    }
}

/* Bodies of erased nodes are put, too; no path leads to them. */
static void
put_bodies(quire_slot_reader *reader)
{
    const quire_model *m = reader->m;
    for (uint32_t id = 1; id < m->attrs.count; id++) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){id});
        for (uint32_t k = 0; k < a->n_graphs; k++) {
            const quire_graph g = a->graphs[k];
            const uint32_t owner = quire_graph_at(m, g)->owner.id;
            put(reader, (key){KEY_BODY, owner, a->name.id, k}, m->values.count + g.id);
        }
    }
}

static void
put_functions(quire_slot_reader *reader)
{
    const quire_model *m = reader->m;
    for (size_t k = 0; k < m->n_functions; k++) {
        const quire_graph_rec *r = quire_graph_at(m, m->functions[k]);
        const key function = {KEY_FUNCTION, sym_id(r->domain), sym_id(r->name),
                              sym_id(r->overload)};
        put(reader, function, m->values.count + m->functions[k].id);
    }
}

quire_status
quire_slot_names_make(quire_slot_reader *reader)
{
    const quire_model *m = reader->m;
    const size_t n = (size_t)m->values.count + m->graphs.count;
    size_t room = 16;
    if ((uint64_t)m->values.count + m->graphs.count > UINT32_MAX) {
        return quire_fail(reader->ctx, QUIRE_E_LIMIT, NULL,
                          "%zu values and graphs; at most 4294967295 can be named", n);
    }
    while (room < 2 * n)
        room *= 2;
    reader->places = quire_alloc(reader->ctx->alloc, room * sizeof *reader->places);
    if (reader->places == NULL) return quire_nomem(reader->ctx);
    memset(reader->places, 0, room * sizeof *reader->places);
    reader->n_places = room;
    put_values(reader);
    put_bodies(reader);
    put_functions(reader);
    return QUIRE_OK;
}

void
quire_slot_names_free(quire_slot_reader *reader)
{
    quire_free(reader->ctx->alloc, reader->places, reader->n_places * sizeof *reader->places);
    reader->places = NULL;
    reader->n_places = 0;
}

quire_value
quire_slot_names_value(const quire_slot_reader *reader, quire_graph g, quire_bytes name)
{
    const quire_sym sym = quire_syms_find(&reader->m->syms, name);
    if (sym.id <= QUIRE_SYM_EMPTY) return (quire_value){0};
    return (quire_value){find(reader, (key){KEY_VALUE, g.id, sym.id, 0})};
}

quire_graph
quire_slot_names_body(const quire_slot_reader *reader, quire_node n, quire_bytes name)
{
    size_t base = name.len;
    uint64_t index = 0;
    quire_body_has_index(name, &base, &index);
    const quire_sym sym = quire_syms_find(&reader->m->syms, (quire_bytes){name.ptr, base});
    if (sym.id == 0 || index > UINT32_MAX) return (quire_graph){0};
    const uint32_t entry = find(reader, (key){KEY_BODY, n.id, sym.id, (uint32_t)index});
    return (quire_graph){entry == 0 ? 0 : entry - reader->m->values.count};
}

/* --- functions and training graphs ------------------------------------------------------------ */

enum { PART_ROOM = 1024 };

/* Undoes `%3a` and `%25`, and finds the symbol; 0 if it is none of the model's. */
static uint32_t
part_sym(const quire_model *m, quire_bytes part)
{
    uint8_t plain[PART_ROOM];
    size_t n = 0;
    if (memchr(part.ptr, '%', part.len) == NULL) return quire_syms_find(&m->syms, part).id;
    for (size_t i = 0; i < part.len; i++) {
        if (n == PART_ROOM) return 0;
        plain[n] = part.ptr[i];
        if (part.ptr[i] == '%' && part.len - i >= 3) {
            plain[n] = memcmp(part.ptr + i, "%3a", 3) == 0 ? ':' : '%';
            i += 2;
        }
        n++;
    }
    return quire_syms_find(&m->syms, (quire_bytes){plain, n}).id;
}

static quire_graph
find_function(const quire_slot_reader *reader, quire_bytes text)
{
    const uint8_t *const end = text.ptr + text.len;
    const uint8_t *const first = memchr(text.ptr, ':', text.len);
    const uint8_t *const last = memrchr(text.ptr, ':', text.len);
    if (first == NULL || first == last) return (quire_graph){0};
    const quire_bytes domain = {text.ptr, (size_t)(first - text.ptr)};
    const quire_bytes name = {first + 1, (size_t)(last - first - 1)};
    const quire_bytes overload = {last + 1, (size_t)(end - last - 1)};
    const key k = {KEY_FUNCTION, part_sym(reader->m, domain),
                   quire_syms_find(&reader->m->syms, name).id, part_sym(reader->m, overload)};
    const uint32_t entry = k.a == 0 || k.b == 0 || k.c == 0 ? 0 : find(reader, k);
    return (quire_graph){entry == 0 ? 0 : entry - reader->m->values.count};
}

static quire_graph
find_training(const quire_model *m, quire_bytes text)
{
    const quire_bytes ends[] = {quire_bytes_of(".initialization"), quire_bytes_of(".algorithm")};
    for (size_t k = 0; k < 2; k++) {
        const size_t n = ends[k].len;
        size_t base;
        uint64_t index;
        if (text.len < n || memcmp(text.ptr + text.len - n, ends[k].ptr, n) != 0) continue;
        const quire_bytes numbered = {text.ptr, text.len - n};
        if (!quire_body_has_index(numbered, &base, &index) || index >= m->n_training) break;
        if (!quire_bytes_equal((quire_bytes){text.ptr, base}, quire_bytes_of("training"))) break;
        return k == 0 ? m->training[index].initialization : m->training[index].algorithm;
    }
    return (quire_graph){0};
}

quire_graph
quire_slot_names_root(const quire_slot_reader *reader, quire_bytes name)
{
    static const char function[] = "function ";
    const size_t n = sizeof function - 1;
    if (name.len < n || memcmp(name.ptr, function, n) != 0) return find_training(reader->m, name);
    return find_function(reader, (quire_bytes){name.ptr + n, name.len - n});
}

/* --- names near to one that is not there ------------------------------------------------------ */

typedef struct candidates {
    const quire_model *m;
    uint32_t *ids;
    size_t n, room;
} candidates;

static quire_bytes
candidate(const void *data, size_t i)
{
    const candidates *c = data;
    return quire_value_name(c->m, (quire_value){c->ids[i]});
}

static bool
is_candidate(const quire_model *m, quire_value v, quire_graph g, bool of_nodes)
{
    const quire_value_rec *r = quire_value_at(m, v);
    if (r->graph.id != g.id || (r->flags & QUIRE_DEAD) != 0 || r->name.id <= QUIRE_SYM_EMPTY)
        return false;
    const quire_node n = quire_value_node(m, v);
    return !of_nodes || (n.id != 0 && quire_node_first_result(m, n).id == v.id);
}

quire_status
quire_slot_names_nearest(const quire_slot_reader *reader, quire_graph g, quire_bytes wanted,
                         bool of_nodes, char *out, size_t room)
{
    const quire_model *m = reader->m;
    candidates c = {.m = m};
    char text[256];
    quire_escape(text, sizeof text, wanted.ptr, wanted.len);
    quire_status status = QUIRE_OK;
    for (uint32_t id = 1; id < m->values.count && status == QUIRE_OK; id++) {
        if (!is_candidate(m, (quire_value){id}, g, of_nodes)) continue;
        status = quire_grow(reader->ctx, &c.ids, &c.room, c.n + 1, sizeof *c.ids);
        if (status == QUIRE_OK) c.ids[c.n++] = id;
    }
    if (status == QUIRE_OK) quire_names_nearest(text, c.n, candidate, &c, out, room);
    quire_ungrow(reader->ctx->alloc, &c.ids, &c.room, sizeof *c.ids);
    return status;
}
