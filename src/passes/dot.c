/* dot.c - the annotated graph as a picture, in Graphviz's language.
 *
 * A node is a box, coloured by the group of its first result; graph inputs, initializers and
 * outputs have shapes of their own. An edge is an operand, coloured and numbered by its group. What
 * nobody annotated is grey. Colours repeat after N_COLOURS groups; the numbers do not.
 */
#include "passes/ledger_parts.h"

static const char *const colours[] = {
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf",
    "#8c564b", "#e377c2", "#bcbd22", "#393b79", "#637939", "#843c39",
};

enum { N_COLOURS = sizeof colours / sizeof *colours };

typedef struct dot {
    quire_writer *w;
    quire_writer text; /* into a quoted string */
    const quire_model *m;
    const quire_annotations *a;
} dot;

/* --- strings ---------------------------------------------------------------------------------- */

/* Writer callback: data is the writer of the document. */
static quire_status
pass_quoted(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    (void)ctx;
    quire_writer *w = data;
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"' || p[i] == '\\') quire_write_str(w, "\\");
        quire_write(w, p + i, 1);
    }
    return w->status;
}

static quire_writer *
open_text(dot *d)
{
    quire_writer_to(&d->text, d->w->ctx, pass_quoted, d->w);
    d->text.status = d->w->status; /* what failed is told once */
    return &d->text;
}

static void
close_text(dot *d)
{
    const quire_status written = quire_writer_finish(&d->text);
    if (d->w->status == QUIRE_OK) d->w->status = written;
}

static void
put_name(dot *d, quire_bytes name)
{
    ledger_print_text(open_text(d), name);
    close_text(d);
}

/* --- groups ----------------------------------------------------------------------------------- */

static const char *
colour_of(const quire_annotation *at)
{
    if (at == NULL || at->group == QUIRE_NO_GROUP) return "#909090";
    return colours[at->group % N_COLOURS];
}

/* `g3`, `float`, or nothing. */
static void
put_group(dot *d, const quire_annotation *at)
{
    if (at == NULL) return;
    if (at->group == QUIRE_NO_GROUP) {
        quire_write_str(d->w, "float");
    } else {
        quire_writef(d->w, "g%u", (unsigned)at->group);
    }
}

static const quire_annotation *
result_at(const dot *d, quire_value v)
{
    return ledger_find(d->a, (quire_slot){QUIRE_SLOT_RESULT, v.id});
}

/* `color=..., fillcolor=...` of a box about `at`. */
static void
put_fill(dot *d, const quire_annotation *at)
{
    quire_writef(d->w, "color=\"%s\", fillcolor=\"%s\"", colour_of(at),
                 at == NULL || at->group == QUIRE_NO_GROUP ? "white" : colour_of(at));
    if (at != NULL && at->group != QUIRE_NO_GROUP) quire_write_str(d->w, ", fontcolor=white");
}

/* --- boxes ------------------------------------------------------------------------------------ */

static void
put_node(dot *d, quire_node n)
{
    const quire_node_rec *r = quire_node_at(d->m, n);
    const quire_annotation *shown = NULL;
    quire_writef(d->w, "n%u [label=\"", (unsigned)n.id);
    ledger_print_op(open_text(d), d->m, n);
    close_text(d);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value v = {r->out.id + k};
        if (quire_value_name(d->m, v).len == 0) continue;
        const quire_annotation *at = result_at(d, v);
        quire_write_str(d->w, "\\n");
        put_name(d, quire_value_name(d->m, v));
        if (at != NULL) quire_write_str(d->w, " ");
        put_group(d, at);
        if (shown == NULL) shown = at;
    }
    quire_write_str(d->w, "\", ");
    put_fill(d, shown);
    quire_write_str(d->w, "];\n");
}

static void
put_value(dot *d, quire_value v, const char *shape)
{
    const quire_annotation *at = result_at(d, v);
    if (v.id == 0) return;
    quire_writef(d->w, "v%u [shape=%s, label=\"", (unsigned)v.id, shape);
    put_name(d, quire_value_name(d->m, v));
    if (at != NULL) quire_write_str(d->w, " ");
    put_group(d, at);
    quire_write_str(d->w, "\", ");
    put_fill(d, at);
    quire_write_str(d->w, "];\n");
}

static void
put_interface(dot *d, const quire_graph_rec *r)
{
    for (size_t k = 0; k < r->n_inputs; k++)
        put_value(d, r->inputs[k].value, "ellipse");
    for (size_t k = 0; k < r->n_inits; k++) {
        const quire_value v = r->inits[k].value;
        if (v.id != 0 && quire_value_at(d->m, v)->def_kind == QUIRE_DEF_INITIALIZER)
            put_value(d, v, "cylinder");
    }
    for (uint32_t k = 0; k < r->n_outputs; k++) {
        quire_writef(d->w, "o%u [shape=doubleoctagon, color=\"#909090\", label=\"",
                     (unsigned)(r->out.id + k));
        put_name(d, quire_sym_bytes(d->m, r->outputs[k].name));
        quire_write_str(d->w, "\"];\n");
    }
}

/* --- graphs ----------------------------------------------------------------------------------- */

static void put_graph(dot *d, quire_graph g);

static void
put_bodies(dot *d, quire_node n)
{
    const quire_node_rec *r = quire_node_at(d->m, n);
    for (uint32_t i = 0; i < r->n_attr; i++) {
        const quire_attr_rec *attr = quire_attr_at(d->m, (quire_attr){r->attr.id + i});
        for (uint32_t k = 0; k < attr->n_graphs; k++)
            put_graph(d, attr->graphs[k]);
    }
}

static void
put_title(dot *d, const quire_graph_rec *r)
{
    quire_writer *text = open_text(d);
    if (r->kind == QUIRE_GRAPH_BODY) {
        ledger_print_node(text, d->m, r->owner);
        quire_write_str(text, " (");
        ledger_print_op(text, d->m, r->owner);
        quire_write_str(text, ") ");
        ledger_print_text(text, quire_sym_bytes(d->m, quire_attr_at(d->m, r->attr)->name));
    } else {
        quire_write_str(text, r->kind == QUIRE_GRAPH_FUNCTION ? "function " : "");
        quire_write_str(text, r->kind == QUIRE_GRAPH_TRAINING ? "training " : "");
        if (r->name.id != 0) ledger_print_text(text, quire_sym_bytes(d->m, r->name));
    }
    close_text(d);
}

/* Graphs nest at most 32 deep, so the recursion is bounded. */
static void
put_graph(dot *d, quire_graph g)
{
    if (g.id == 0) return;
    const quire_graph_rec *r = quire_graph_at(d->m, g);
    quire_writef(d->w, "subgraph cluster_%u {\nlabel=\"", (unsigned)g.id);
    put_title(d, r);
    quire_write_str(d->w, "\";\n");
    put_interface(d, r);
    for (quire_node n = r->first; n.id != 0; n = quire_node_at(d->m, n)->next) {
        put_node(d, n);
        put_bodies(d, n);
    }
    quire_write_str(d->w, "}\n");
}

static void
put_graphs(dot *d)
{
    put_graph(d, d->m->main);
    for (size_t k = 0; k < d->m->n_training; k++) {
        put_graph(d, d->m->training[k].initialization);
        put_graph(d, d->m->training[k].algorithm);
    }
    for (size_t k = 0; k < d->m->n_functions; k++)
        put_graph(d, d->m->functions[k]);
}

/* --- edges ------------------------------------------------------------------------------------ */

static void
put_edge(dot *d, quire_use use, const char *to, uint32_t to_id)
{
    const quire_value v = quire_use_at(d->m, use)->value;
    if (v.id == 0) return;
    const quire_annotation *at = ledger_find(d->a, (quire_slot){QUIRE_SLOT_USE, use.id});
    const quire_node from = quire_value_node(d->m, v);
    quire_writef(d->w, "%s%u -> %s%u [color=\"%s\"", from.id != 0 ? "n" : "v",
                 (unsigned)(from.id != 0 ? from.id : v.id), to, (unsigned)to_id, colour_of(at));
    if (at != NULL) {
        quire_writef(d->w, ", penwidth=2, fontcolor=\"%s\", label=\"", colour_of(at));
        put_group(d, at);
        quire_write_str(d->w, "\"");
    }
    quire_write_str(d->w, "];\n");
}

static void
put_edges(dot *d)
{
    for (quire_node n = quire_walk_next(d->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(d->m, n)) {
        const quire_node_rec *r = quire_node_at(d->m, n);
        for (uint32_t k = 0; k < r->n_in; k++)
            put_edge(d, (quire_use){r->in.id + k}, "n", n.id);
    }
    for (uint32_t g = 1; g < d->m->graphs.count; g++) {
        const quire_graph_rec *r = quire_graph_at(d->m, (quire_graph){g});
        if ((r->flags & QUIRE_DEAD) != 0) continue;
        for (uint32_t k = 0; k < r->n_outputs; k++)
            put_edge(d, (quire_use){r->out.id + k}, "o", r->out.id + k);
    }
}

static void
put_legend(dot *d)
{
    const quire_resolved *r = &d->a->resolved;
    if (r->n_groups == 0) return;
    quire_write_str(d->w, "subgraph cluster_legend {\nlabel=\"groups\";\n");
    for (size_t g = 0; g < r->n_groups; g++) {
        const quire_group *group = &r->groups[g];
        quire_writef(d->w, "l%zu [shape=note, label=\"g%zu: ", g, g);
        quire_spec_print(open_text(d), d->m, quire_spec_at(d->m, group->spec));
        close_text(d);
        quire_writef(d->w, "\\n%u slot%s\", ", (unsigned)group->n_members,
                     group->n_members == 1 ? "" : "s");
        put_fill(d, &r->annotations[group->carrier]);
        quire_write_str(d->w, "];\n");
        if (g > 0) quire_writef(d->w, "l%zu -> l%zu [style=invis];\n", g - 1, g); /* one below */
    }
    quire_write_str(d->w, "}\n");
}

quire_status
quire_dot_write(quire_writer *w, quire_model *m, const quire_annotations *a)
{
    dot d = {.w = w, .m = m, .a = a};
    quire_write_str(w, "digraph quire {\n"
                       "node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\"];\n"
                       "edge [fontname=\"sans-serif\"];\n"
                       "graph [fontname=\"sans-serif\", color=\"#c0c0c0\"];\n");
    put_graphs(&d);
    put_edges(&d);
    put_legend(&d);
    quire_write_str(w, "}\n");
    return w->status;
}
