/* edit_start.c - the random graph a sequence of edits starts from: made in arrays, printed as
 * text, read by the parser, and found again by position. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "property/edit_world.h"

enum { MAX_DEPTH = 3, TEXT_ROOM = 1 << 15, MOST_NODES = 24, MOST_BODIES = 8 };

typedef struct starter {
    naive_graph *n;
    uint64_t random;
    char text[TEXT_ROOM];
    size_t len;
} starter;

/* --- making ----------------------------------------------------------------------------------- */

static void grow_graph(starter *s, int graph, int depth);

static int
grow_body(starter *s, int owner, int parent, int depth)
{
    const int body = naive_add_graph(s->n, owner, parent);
    grow_graph(s, body, depth + 1);
    return body;
}

/* Bodies are made when their owner has its place, so that they may capture what is before it. */
static void
grow_node(starter *s, int graph, int depth)
{
    int in[NAIVE_IN];
    const int n_bodies =
        depth < MAX_DEPTH && s->n->n_graphs < MOST_BODIES && edit_draw(&s->random, 3) == 0
            ? 1 + (int)edit_draw(&s->random, 2)
            : 0;
    const int n_in = n_bodies > 0 ? 1 : 1 + (int)edit_draw(&s->random, NAIVE_IN);
    for (int k = 0; k < n_in; k++)
        in[k] = edit_pick_visible(s->n, &s->random, graph, s->n->graphs[graph].n_order);
    const int n_out = n_bodies > 0 ? 1 : 1 + (int)edit_draw(&s->random, NAIVE_OUT);
    const int made = naive_add_node(s->n, graph, NAIVE_NONE, in, n_in, n_out);
    s->n->nodes[made].op = (int)edit_draw(&s->random, 5);
    s->n->nodes[made].n_bodies = n_bodies;
    for (int k = 0; k < n_bodies; k++)
        s->n->nodes[made].body[k] = grow_body(s, made, graph, depth);
}

/* Outputs are results of the graph's own nodes, each once; others may have a value info. */
static void
grow_outputs(starter *s, int graph)
{
    naive_subgraph *g = &s->n->graphs[graph];
    const int wanted = 1 + (int)edit_draw(&s->random, 2);
    for (int i = g->n_order - 1; i >= 0 && g->n_out < wanted; i--) {
        if (i > 0 && edit_draw(&s->random, 2) == 0) continue;
        g->out[g->n_out++] = (naive_place){.value = s->n->nodes[g->order[i]].out[0]};
    }
    for (int v = 0; v < s->n->n_values; v++) {
        naive_value *value = &s->n->values[v];
        bool output = false;
        for (int k = 0; k < g->n_out; k++)
            output |= g->out[k].value == v;
        if (value->graph == graph && value->kind == NAIVE_RESULT && !output)
            value->info = edit_draw(&s->random, 3) == 0;
    }
}

static void
grow_graph(starter *s, int graph, int depth)
{
    const bool main = graph == 0;
    const int n_inputs = main ? 2 : (int)edit_draw(&s->random, 3);
    const int n_inits = (int)edit_draw(&s->random, 3);
    const naive_kind kind = main && s->n->ir_version < 4 ? NAIVE_DECLARED : NAIVE_INITIALIZER;
    for (int k = 0; k < n_inputs; k++)
        naive_add_value(s->n, graph, NAIVE_INPUT);
    for (int k = 0; k < n_inits && !s->n->graphs[graph].is_function; k++)
        naive_add_value(s->n, graph, kind);
    if (s->n->graphs[graph].is_function) naive_add_value(s->n, graph, NAIVE_INPUT);
    const int n_nodes = (main ? 3 : 1) + (int)edit_draw(&s->random, 3);
    for (int k = 0; k < n_nodes && (k == 0 || s->n->n_nodes < MOST_NODES); k++)
        grow_node(s, graph, depth);
    grow_outputs(s, graph);
}

static void
grow(starter *s)
{
    naive_add_graph(s->n, NAIVE_NONE, NAIVE_NONE);
    s->n->ir_version = edit_draw(&s->random, 4) == 0 ? 3 : 8;
    for (int key = 0; key < NAIVE_KEYS; key++)
        s->n->metadata[key] = (int)edit_draw(&s->random, 3);
    grow_graph(s, 0, 0);
    if (s->n->ir_version < 8 || edit_draw(&s->random, 2) == 0) return;
    const int function = naive_add_graph(s->n, NAIVE_NONE, NAIVE_NONE);
    s->n->graphs[function].is_function = true;
    grow_graph(s, function, 0);
}

/* --- printing --------------------------------------------------------------------------------- */

QUIRE_PRINTF(2, 3)
static void
say(starter *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(s->text + s->len, sizeof s->text - s->len, format, args);
    va_end(args);
    s->len += (size_t)n;
    if (s->len < sizeof s->text) return;
    fputs("the text of a random graph is too long\n", stderr);
    abort();
}

static void say_graph(starter *s, int graph);

static void
say_node(starter *s, int node)
{
    static const char *const names[NAIVE_BODIES] = {"one", "two"};
    const naive_node *n = &s->n->nodes[node];
    for (int k = 0; k < n->n_out; k++)
        say(s, "%s%s", k > 0 ? ", " : "", s->n->values[n->out[k]].name);
    say(s, " = test.Op%d (", n->op);
    for (int k = 0; k < n->n_in; k++)
        say(s, "%s%s", k > 0 ? ", " : "", s->n->values[n->in[k].value].name);
    say(s, ")");
    for (int k = 0; k < n->n_bodies; k++) {
        say(s, "%s%s = ", k > 0 ? ", " : " <", names[k]);
        say_graph(s, n->body[k]);
    }
    say(s, n->n_bodies > 0 ? ">\n" : "\n");
}

static void
say_formals(starter *s, int graph)
{
    const bool typed = !s->n->graphs[graph].is_function;
    const char *separator = "(";
    for (int v = 0; v < s->n->n_values; v++) {
        const naive_value *value = &s->n->values[v];
        const bool declared = value->kind == NAIVE_DECLARED;
        if (value->graph != graph || (!declared && value->kind != NAIVE_INPUT)) continue;
        say(s, "%s%s%s%s", separator, typed ? "float[1] " : "", value->name,
            declared ? " = {1.0}" : "");
        separator = ", ";
    }
    if (*separator == '(') say(s, "(");
    say(s, ") => (");
    for (int k = 0; k < s->n->graphs[graph].n_out; k++)
        say(s, "%s%s%s", k > 0 ? ", " : "", typed ? "float[1] " : "",
            s->n->values[s->n->graphs[graph].out[k].value].name);
    say(s, ")");
}

static void
say_graph(starter *s, int graph)
{
    const char *separator = "<";
    say(s, "g%d ", graph);
    say_formals(s, graph);
    for (int v = 0; v < s->n->n_values; v++) {
        const naive_value *value = &s->n->values[v];
        if (value->graph != graph || (value->kind != NAIVE_INITIALIZER && !value->info)) continue;
        say(s, "%sfloat[1] %s%s", separator, value->name, value->info ? "" : " = {1.0}");
        separator = ", ";
    }
    say(s, "%s{\n", *separator == ',' ? ">" : " ");
    for (int i = 0; i < s->n->graphs[graph].n_order; i++)
        say_node(s, s->n->graphs[graph].order[i]);
    say(s, "}");
}

static void
say_model(starter *s)
{
    const char *separator = ", metadata_props: [";
    say(s, "<ir_version: %d, opset_import: [\"\" : 17, \"test\" : 1]", s->n->ir_version);
    for (int key = 0; key < NAIVE_KEYS; key++) {
        char name[8];
        char value[16];
        edit_metadata_text(key, s->n->metadata[key], name, value);
        if (s->n->metadata[key] == 0) continue;
        say(s, "%s\"%s\": \"%s\"", separator, name, value);
        separator = ", ";
    }
    say(s, "%s>\n", separator[2] == '\0' ? "]" : "");
    say_graph(s, 0);
    for (int i = 1; i < s->n->n_graphs; i++) {
        if (!s->n->graphs[i].is_function) continue;
        say(s, "\n<domain: \"test\", opset_import: [\"\" : 17, \"test\" : 1]>\n");
        say_graph(s, i);
    }
    say(s, "\n");
}

/* --- finding again ---------------------------------------------------------------------------- */

static void find_graph(edit_world *w, int graph, quire_graph g);

static void
find_node(edit_world *w, int node, quire_node found)
{
    const naive_node *n = &w->now.naive.nodes[node];
    const quire_node_rec *r = quire_node_at(w->m, found);
    w->now.nodes[node] = found;
    for (int k = 0; k < n->n_out; k++)
        w->now.values[n->out[k]] = quire_node_result(w->m, found, (uint32_t)k);
    for (int k = 0; k < n->n_bodies; k++)
        find_graph(w, n->body[k],
                   quire_attr_at(w->m, (quire_attr){r->attr.id + (uint32_t)k})->graphs[0]);
}

static void
find_graph(edit_world *w, int graph, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(w->m, g);
    size_t n_inputs = 0;
    size_t n_inits = 0;
    w->now.graphs[graph] = g;
    for (int v = 0; v < w->now.naive.n_values; v++) {
        const naive_value *value = &w->now.naive.values[v];
        if (value->graph != graph || value->kind == NAIVE_RESULT) continue;
        if (value->kind != NAIVE_INITIALIZER) {
            w->now.values[v] = r->inputs[n_inputs++].value;
        } else {
            w->now.values[v] = r->inits[n_inits++].value;
        }
    }
    quire_node n = r->first;
    for (int i = 0; i < w->now.naive.graphs[graph].n_order; i++) {
        find_node(w, w->now.naive.graphs[graph].order[i], n);
        n = quire_node_at(w->m, n)->next;
    }
}

static void
tell(void *data, const quire_diagnostic *d)
{
    edit_world *w = data;
    w->n_told++;
    if (getenv("EDIT_SHOWS_DIAGNOSTICS") != NULL) fprintf(stderr, "(%s)\n", d->message);
}

void
edit_world_start(edit_world *w, uint64_t seed)
{
    static starter s;
    *w = (edit_world){.ctx = quire_ctx_default()};
    w->ctx.sink = tell;
    w->ctx.sink_data = w;
    s.n = &w->now.naive;
    s.random = seed * 0x9e3779b97f4a7c15u + 1;
    s.len = 0;
    grow(&s);
    say_model(&s);
    const quire_bytes text = {(const uint8_t *)s.text, s.len};
    if (quire_model_parse(&w->ctx, text, NULL, &w->m) != QUIRE_OK) {
        fprintf(stderr, "the random graph of seed %llu is refused:\n%s", (unsigned long long)seed,
                s.text);
        abort();
    }
    find_graph(w, 0, w->m->main);
    for (int i = 1; i < w->now.naive.n_graphs; i++) {
        if (w->now.naive.graphs[i].is_function) find_graph(w, i, w->m->functions[0]);
    }
    for (int v = 0; v < w->now.naive.n_values; v++) {
        const quire_value_rec *r = quire_value_at(w->m, w->now.values[v]);
        w->now.naive.values[v].elem_type = r->elem_type;
        w->now.naive.values[v].rank = r->rank;
    }
}

void
edit_world_end(edit_world *w)
{
    quire_model_destroy(&w->ctx, w->m);
    w->m = NULL;
}
