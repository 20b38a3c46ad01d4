/* path.c - see path.h. */
#include "graph/path.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"

quire_bytes
quire_node_label(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_bytes name = quire_value_name(m, (quire_value){r->out.id + k});
        if (name.len > 0) return name;
    }
    return (quire_bytes){NULL, 0};
}

static uint32_t
index_in_graph(const quire_model *m, quire_node n)
{
    uint32_t index = 0;
    for (quire_node p = quire_node_at(m, n)->prev; p.id != 0; p = quire_node_at(m, p)->prev)
        index++;
    return index;
}

typedef struct text { /* a buffer that stops when full */
    char *out;
    size_t n;
} text;

QUIRE_PRINTF(2, 3)
static void
put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int more = vsnprintf(t->out + t->n, QUIRE_PATH_ROOM - t->n, format, args);
    va_end(args);
    if (more > 0)
        t->n = t->n + (size_t)more < QUIRE_PATH_ROOM ? t->n + (size_t)more : QUIRE_PATH_ROOM - 1;
}

typedef struct shown { /* a name, fit to be shown */
    char text[100];
} shown;

static shown
show(const quire_model *m, quire_sym sym)
{
    const quire_bytes name = quire_sym_bytes(m, sym);
    shown s;
    quire_escape(s.text, sizeof s.text, name.ptr, name.len);
    return s;
}

static void put_graph(const quire_model *m, quire_graph g, text *t);

static void
put_node(const quire_model *m, quire_node n, text *t)
{
    const quire_node_rec *r = quire_node_at(m, n);
    put_graph(m, r->graph, t);
    put(t, ".node[%u]", index_in_graph(m, n));
    if (r->name.id > QUIRE_SYM_EMPTY) put(t, " \"%s\"", show(m, r->name).text);
    put(t, " (%s)", show(m, quire_op_at(m, r->op)->type).text);
}

/* Recursion is bounded by the nesting of graphs. */
static void
put_graph(const quire_model *m, quire_graph g, text *t)
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    switch (r->kind) {
    case QUIRE_GRAPH_BODY:
        put_node(m, r->owner, t);
        put(t, ".%s", show(m, quire_attr_at(m, r->attr)->name).text);
        break;
    case QUIRE_GRAPH_FUNCTION: put(t, "function \"%s\"", show(m, r->name).text); break;
    case QUIRE_GRAPH_TRAINING: put(t, "training_info.graph"); break;
    default: put(t, "graph"); break;
    }
}

const char *
quire_path_of_node(const quire_model *m, quire_node n, char out[QUIRE_PATH_ROOM])
{
    text t = {out, 0};
    out[0] = '\0';
    put_node(m, n, &t);
    return out;
}

const char *
quire_path_of_value(const quire_model *m, quire_value v, char out[QUIRE_PATH_ROOM])
{
    static const char *const places[] = {"value", "output", "input",
                                         "initializer"}; /* by definition kind */
    const quire_value_rec *r = quire_value_at(m, v);
    text t = {out, 0};
    out[0] = '\0';
    if (r->def_kind == QUIRE_DEF_RESULT) {
        put_node(m, (quire_node){r->def}, &t);
    } else {
        put_graph(m, r->graph, &t);
    }
    put(&t, ".%s[%u] \"%s\"", places[r->def_kind], r->slot, show(m, r->name).text);
    return out;
}

static quire_status
root_path(quire_ctx *ctx, const quire_model *m, quire_graph root, quire_arena *arena,
          quire_bytes *out)
{
    const quire_graph_rec *r = quire_graph_at(m, root);
    if (r->kind == QUIRE_GRAPH_FUNCTION) {
        const quire_bytes d = quire_sym_bytes(m, r->domain);
        const quire_bytes n = quire_sym_bytes(m, r->name);
        const quire_bytes o = quire_sym_bytes(m, r->overload);
        return quire_arena_format(ctx, arena, out, "function %.*s:%.*s:%.*s/", (int)d.len,
                                  (const char *)d.ptr, (int)n.len, (const char *)n.ptr, (int)o.len,
                                  (const char *)o.ptr);
    }
    for (size_t i = 0; i < m->n_training; i++) {
        const bool initialization = m->training[i].initialization.id == root.id;
        if (!initialization && m->training[i].algorithm.id != root.id) continue;
        return quire_arena_format(ctx, arena, out, "training[%zu]/%s/", i,
                                  initialization ? "initialization" : "algorithm");
    }
    *out = (quire_bytes){(const uint8_t *)"", 0};
    return QUIRE_OK;
}

enum { MAX_DEPTH = 64 };

quire_status
quire_path_of_graph(quire_ctx *ctx, const quire_model *m, quire_graph g, quire_arena *arena,
                    quire_bytes *out_path)
{
    quire_graph chain[MAX_DEPTH];
    size_t n = 0;
    for (; quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY && n < MAX_DEPTH;
         g = quire_graph_at(m, g)->parent)
        chain[n++] = g;
    QUIRE_TRY(root_path(ctx, m, g, arena, out_path));
    while (n-- > 0) {
        const quire_graph_rec *r = quire_graph_at(m, chain[n]);
        const quire_bytes outer = *out_path;
        const quire_bytes label = quire_node_label(m, r->owner);
        const quire_bytes attr = quire_sym_bytes(m, quire_attr_at(m, r->attr)->name);
        QUIRE_TRY(quire_arena_format(
            ctx, arena, out_path, "%.*s%.*s/%.*s/", (int)outer.len, (const char *)outer.ptr,
            (int)label.len, (const char *)label.ptr, (int)attr.len, (const char *)attr.ptr));
    }
    return QUIRE_OK;
}
