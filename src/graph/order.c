/* order.c - disorder and cycles among the nodes of a graph.
 *
 * A sound model costs one look at every use. Only when a use comes too early are the dependencies of
 * all nodes laid out as edges (user to definer, both lifted to the graph of the definer) and the
 * strongly connected components found: a use that comes too early inside a component is a cycle, any
 * other is disorder. Both searches keep their own stack: depth is what the file says.
 */
#include "graph/order.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/path.h"

enum { MAX_SHOWN = 8 }; /* nodes of a cycle that a message spells out */

typedef struct edges {
    uint32_t n;           /* node ids are below it                      */
    uint32_t *first, *to; /* edges of node i: to[first[i]..first[i+1]) */
    size_t n_to;
} edges;

typedef struct search {
    const quire_model *m;
    edges deps;
    uint32_t *component; /* by node, 0: not finished                           */
    uint32_t *low;       /* Tarjan's low link; later the predecessor in a walk */
    uint32_t *next;      /* next edge to follow; later marks of a walk         */
    uint32_t *stack, *path;
    uint8_t *told; /* by component: its cycle was reported               */
} search;

/* The node of graph `g` that is, or holds, the user of `u`; 0 if there is none. */
static quire_node
lifted_user(const quire_model *m, const quire_use_rec *u, quire_graph g)
{
    quire_node node = u->node;
    quire_graph at = u->graph;
    while (at.id != g.id) {
        const quire_graph_rec *inner = quire_graph_at(m, at);
        if (inner->owner.id == 0) return (quire_node){0};
        node = inner->owner;
        at = quire_node_at(m, node)->graph;
    }
    return node;
}

/* The dependency that use `id` means: *out_user reads what *out_def defines, in one graph. */
static bool
dependency(const quire_model *m, uint32_t id, quire_node *out_user, quire_node *out_def)
{
    const quire_use_rec *u = quire_use_at(m, (quire_use){id});
    if (u->value.id == 0) return false;
    const quire_value_rec *value = quire_value_at(m, u->value);
    if (value->def_kind != QUIRE_DEF_RESULT) return false;
    if (u->node.id != 0 && (quire_node_at(m, u->node)->flags & QUIRE_DEAD)) return false;
    *out_def = (quire_node){value->def};
    *out_user = lifted_user(m, u, value->graph);
    return out_user->id != 0;
}

static bool
comes_too_early(const quire_model *m, quire_node user, quire_node def)
{
    return quire_node_at(m, user)->order <= quire_node_at(m, def)->order;
}

static bool
any_too_early(const quire_model *m)
{
    quire_node user, def;
    for (uint32_t id = 1; id < m->uses.count; id++) {
        if (dependency(m, id, &user, &def) && comes_too_early(m, user, def)) return true;
    }
    return false;
}

static void
search_free(quire_ctx *ctx, search *s)
{
    const size_t bytes = (size_t)s->deps.n * sizeof(uint32_t);
    quire_free(ctx->alloc, s->deps.first, bytes + sizeof(uint32_t));
    quire_free(ctx->alloc, s->deps.to, s->deps.n_to * sizeof(uint32_t));
    quire_free(ctx->alloc, s->component, bytes);
    quire_free(ctx->alloc, s->low, bytes);
    quire_free(ctx->alloc, s->next, bytes);
    quire_free(ctx->alloc, s->stack, bytes);
    quire_free(ctx->alloc, s->path, bytes);
    quire_free(ctx->alloc, s->told, s->deps.n);
}

static quire_status
take(quire_ctx *ctx, size_t n, size_t size, void *out_array)
{
    void *array = quire_alloc(ctx->alloc, n * size);
    if (array == NULL) return quire_nomem(ctx);
    memset(array, 0, n * size);
    memcpy(out_array, &array, sizeof array);
    return QUIRE_OK;
}

static quire_status
search_take(quire_ctx *ctx, search *s)
{
    const size_t n = s->deps.n;
    QUIRE_TRY(take(ctx, n + 1, sizeof(uint32_t), &s->deps.first));
    QUIRE_TRY(take(ctx, s->deps.n_to, sizeof(uint32_t), &s->deps.to));
    QUIRE_TRY(take(ctx, n, sizeof(uint32_t), &s->component));
    QUIRE_TRY(take(ctx, n, sizeof(uint32_t), &s->low));
    QUIRE_TRY(take(ctx, n, sizeof(uint32_t), &s->next));
    QUIRE_TRY(take(ctx, n, sizeof(uint32_t), &s->stack));
    QUIRE_TRY(take(ctx, n, sizeof(uint32_t), &s->path));
    return take(ctx, n, 1, &s->told);
}

/* Edges by user, each user's in the order of its uses. */
static void
lay_out_edges(search *s)
{
    quire_node user, def;
    edges *e = &s->deps;
    for (uint32_t id = 1; id < s->m->uses.count; id++) {
        if (dependency(s->m, id, &user, &def)) e->first[user.id + 1]++;
    }
    for (uint32_t i = 0; i < e->n; i++)
        e->first[i + 1] += e->first[i];
    for (uint32_t i = 0; i < e->n; i++)
        s->next[i] = e->first[i];
    for (uint32_t id = 1; id < s->m->uses.count; id++) {
        if (dependency(s->m, id, &user, &def)) e->to[s->next[user.id]++] = def.id;
    }
    for (uint32_t i = 0; i < e->n; i++)
        s->next[i] = e->first[i];
}

/* Tarjan's algorithm from `root`. Numbers count visits; component ids count finished components. */
static void
find_components(search *s, uint32_t *visit, uint32_t root, uint32_t *io_visits,
                uint32_t *io_components)
{
    uint32_t n_stack = 0, n_path = 0;
    s->path[n_path++] = root;
    while (n_path > 0) {
        const uint32_t node = s->path[n_path - 1];
        if (visit[node] == 0) {
            visit[node] = s->low[node] = ++*io_visits;
            s->stack[n_stack++] = node;
        }
        uint32_t descend = 0;
        while (descend == 0 && s->next[node] < s->deps.first[node + 1]) {
            const uint32_t to = s->deps.to[s->next[node]++];
            if (visit[to] == 0) {
                descend = to;
            } else if (s->component[to] == 0 && visit[to] < s->low[node]) {
                s->low[node] = visit[to];
            }
        }
        if (descend != 0) {
            s->path[n_path++] = descend;
            continue;
        }
        n_path--;
        if (n_path > 0 && s->low[node] < s->low[s->path[n_path - 1]]) {
            s->low[s->path[n_path - 1]] = s->low[node];
        }
        if (s->low[node] != visit[node]) continue;
        ++*io_components;
        uint32_t member;
        do {
            member = s->stack[--n_stack];
            s->component[member] = *io_components;
        } while (member != node);
    }
}

static quire_status
find_all_components(quire_ctx *ctx, search *s)
{
    uint32_t *visit = NULL, visits = 0, components = 0;
    QUIRE_TRY(take(ctx, s->deps.n, sizeof *visit, &visit));
    for (uint32_t node = 1; node < s->deps.n; node++) {
        if (visit[node] == 0) find_components(s, visit, node, &visits, &components);
    }
    quire_free(ctx->alloc, visit, s->deps.n * sizeof *visit);
    return QUIRE_OK;
}

/* Breadth first from `from` to `to` inside their component; afterwards low[] leads back. Each component
 * is walked once, so all walks together are linear. */
static void
walk_component(search *s, uint32_t from, uint32_t to)
{
    const uint32_t component = s->component[from];
    uint32_t head = 0, tail = 0;
    s->stack[tail++] = from;
    s->low[from] = 0;
    s->next[from] = UINT32_MAX;
    while (head < tail && s->next[to] != UINT32_MAX) {
        const uint32_t node = s->stack[head++];
        for (uint32_t e = s->deps.first[node]; e < s->deps.first[node + 1]; e++) {
            const uint32_t next = s->deps.to[e];
            if (s->component[next] != component || s->next[next] == UINT32_MAX) continue;
            s->next[next] = UINT32_MAX;
            s->low[next] = node;
            s->stack[tail++] = next;
        }
    }
}

static size_t
append_label(const quire_model *m, quire_node node, const char *before, char *out, size_t room)
{
    const quire_bytes label = quire_node_label(m, node);
    const quire_bytes type = quire_sym_bytes(m, quire_op_at(m, quire_node_at(m, node)->op)->type);
    const int n = snprintf(out, room, "%s\"%.*s\" (%.*s)", before,
                           (int)(label.len < 60 ? label.len : 60), (const char *)label.ptr,
                           (int)(type.len < 30 ? type.len : 30), (const char *)type.ptr);
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* The cycle user -> def -> ... -> user, as found by walk_component(def, user). */
static void
tell_cycle(quire_ctx *ctx, const search *s, quire_status status, quire_node user, quire_node def)
{
    uint32_t length = 1;
    for (uint32_t at = user.id; at != def.id; at = s->low[at])
        s->path[length++] = at;
    char text[1024], path[QUIRE_PATH_ROOM];
    size_t used = append_label(s->m, user, "", text, sizeof text);
    used += append_label(s->m, def, " reads ", text + used, sizeof text - used);
    uint32_t shown = 2;
    for (uint32_t i = length - 1; i >= 1 && user.id != def.id && shown < MAX_SHOWN; i--, shown++) {
        used += append_label(s->m, (quire_node){s->path[i]}, " reads ", text + used,
                             sizeof text - used);
    }
    (void)quire_fail(ctx, status, quire_path_of_node(s->m, user, path),
                     "is in a cycle of %u node%s: %s%s; a graph must not have cycles",
                     (unsigned)length, length == 1 ? "" : "s", text,
                     length >= MAX_SHOWN ? " reads ..." : "");
}

static void
tell_disorder(quire_ctx *ctx, const search *s, quire_status status, uint32_t use, quire_node user,
              quire_node def)
{
    char where[QUIRE_PATH_ROOM], definer[QUIRE_PATH_ROOM];
    const quire_use_rec *u = quire_use_at(s->m, (quire_use){use});
    const quire_bytes name = quire_value_name(s->m, u->value);
    const quire_node reader = u->node.id != 0 ? u->node : user;
    (void)quire_fail(ctx, status, quire_path_of_node(s->m, reader, where),
                     "reads \"%.*s\", which is defined later by %s; the nodes of a graph must be "
                     "sorted so that every value is defined before it is used",
                     (int)(name.len < 200 ? name.len : 200), (const char *)name.ptr,
                     quire_path_of_node(s->m, def, definer));
}

static void
tell_all(quire_ctx *ctx, search *s, quire_status status, unsigned *io_budget)
{
    quire_node user, def;
    for (uint32_t id = 1; id<s->m->uses.count && * io_budget> 0; id++) {
        if (!dependency(s->m, id, &user, &def) || !comes_too_early(s->m, user, def)) continue;
        const uint32_t component = s->component[user.id];
        if (component != s->component[def.id]) {
            tell_disorder(ctx, s, status, id, user, def);
        } else if (!s->told[component - 1]) {
            s->told[component - 1] = 1;
            walk_component(s, def.id, user.id);
            tell_cycle(ctx, s, status, user, def);
        } else {
            continue;
        }
        --*io_budget;
    }
}

quire_status
quire_order_check(quire_ctx *ctx, const quire_model *m, quire_status status, unsigned *io_budget)
{
    if (!any_too_early(m)) return QUIRE_OK;
    search s = {.m = m, .deps = {.n = m->nodes.count, .n_to = m->uses.count}};
    quire_status done = search_take(ctx, &s);
    if (done == QUIRE_OK) {
        lay_out_edges(&s);
        done = find_all_components(ctx, &s);
    }
    if (done == QUIRE_OK) {
        tell_all(ctx, &s, status, io_budget);
        done = status;
    }
    search_free(ctx, &s);
    return done;
}
