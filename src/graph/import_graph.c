/* import_graph.c - graphs become records, in two steps: see importer.h. */
#include "graph/importer.h"

enum { MAX_GRAPH_DEPTH = 32 };

/* --- arrays of a graph ------------------------------------------------------------------------ */

static quire_status
take_arrays(importer *im, quire_graph_rec *g)
{
    size_t counts[32] = {0};
    quire_cursor c = quire_cursor_over(im->m, g->src);
    for (quire_field f; quire_cursor_next(&c, &f);)
        counts[f.number < 31 ? f.number : 31]++;
    g->inputs_room = counts[GRAPH_INPUT];
    g->outputs_room = counts[GRAPH_OUTPUT];
    g->inits_room = counts[GRAPH_INITIALIZER] + counts[GRAPH_SPARSE_INITIALIZER];
    g->infos_room = counts[GRAPH_VALUE_INFO];
    g->notes_room = counts[GRAPH_ANNOTATION];
    quire_arena *a = &im->m->arena;
    QUIRE_TRY(quire_arena_take(im->ctx, a, g->inputs_room * sizeof *g->inputs, &g->inputs));
    QUIRE_TRY(quire_arena_take(im->ctx, a, g->outputs_room * sizeof *g->outputs, &g->outputs));
    QUIRE_TRY(quire_arena_take(im->ctx, a, g->inits_room * sizeof *g->inits, &g->inits));
    QUIRE_TRY(quire_arena_take(im->ctx, a, g->infos_room * sizeof *g->infos, &g->infos));
    return quire_arena_take(im->ctx, a, g->notes_room * sizeof *g->notes, &g->notes);
}

/* What the main graph takes and gives must be a type that exists. */
static quire_status
check_interface_type(importer *im, quire_graph g, quire_bytes info, const place *where)
{
    const char *fault = g.id == im->m->main.id ? quire_info_fault(im->m, info) : NULL;
    return fault == NULL ? QUIRE_OK : FAIL(im, where, "%s", fault);
}

static quire_status
import_input(importer *im, quire_graph g, const quire_field *f, const place *outer)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    quire_sym name;
    QUIRE_TRY(importer_name(im, f->body, INFO_NAME, &name));
    const place where = {outer, "input", r->n_inputs, quire_sym_bytes(im->m, name)};
    if (name.id <= QUIRE_SYM_EMPTY) return FAIL(im, &where, "a graph input without a name");
    QUIRE_TRY(check_interface_type(im, g, f->body, &where));
    quire_value v;
    QUIRE_TRY(quire_edit_add_value(im->ctx, im->m, g, name, QUIRE_DEF_INPUT, g.id,
                                   (uint32_t)r->n_inputs, &v));
    QUIRE_TRY(importer_define(im, g, name, v, &where));
    quire_value_rec *value = quire_edit_value(im->m, v);
    value->info = f->body;
    quire_info_read(im->m, f->body, &value->elem_type, &value->rank);
    r->inputs[r->n_inputs++] = (quire_graph_input){.value = v, .info = f->body, .whole = f->whole};
    return QUIRE_OK;
}

/* The value an initializer gives: a new one, or the graph input of that name, whose default it is. */
static quire_status
value_of_initializer(importer *im, quire_graph g, quire_sym name, uint32_t slot, const place *where,
                     quire_value *out)
{
    const quire_binding *b = quire_scopes_find(&im->scopes, name);
    if (b != NULL && b->graph.id == g.id) {
        const quire_value_rec *v = quire_value_at(im->m, b->value);
        if (v->def_kind == QUIRE_DEF_INPUT && v->init.id == 0) {
            *out = b->value;
            return QUIRE_OK;
        }
    }
    QUIRE_TRY(
        quire_edit_add_value(im->ctx, im->m, g, name, QUIRE_DEF_INITIALIZER, g.id, slot, out));
    return importer_define(im, g, name, *out, where);
}

static quire_status
import_initializer(importer *im, quire_graph g, const quire_field *f, const place *outer)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    const bool sparse = f->number == GRAPH_SPARSE_INITIALIZER;
    place where = {outer, sparse ? "sparse_initializer" : "initializer", r->n_inits, {NULL, 0}};
    quire_bytes name = {NULL, 0};
    quire_bytes named = f->body;
    if (sparse && !quire_message_find(im->m, f->body, SPARSE_VALUES, &named))
        return FAIL(im, &where, "a sparse tensor without values");
    if (quire_message_find(im->m, named, TENSOR_NAME, &name)) where.name = name;
    char path[PATH_ROOM];
    quire_tensor t;
    QUIRE_TRY((sparse ? quire_sparse_import : quire_tensor_import)(
        im->ctx, im->m, f, importer_place_text(&where, path), &t));
    if (name.len == 0) return FAIL(im, &where, "an initializer without a name");
    quire_value v;
    QUIRE_TRY(value_of_initializer(im, g, quire_tensor_at(im->m, t)->name, (uint32_t)r->n_inits,
                                   &where, &v));
    quire_value_rec *value = quire_edit_value(im->m, v);
    value->init = t;
    if (value->elem_type == 0) value->elem_type = quire_tensor_at(im->m, t)->dtype;
    value->rank = (int32_t)quire_tensor_at(im->m, t)->rank;
    r->inits[r->n_inits++] = (quire_graph_init){.value = v, .tensor = t};
    return QUIRE_OK;
}

/* --- graphs, second step ---------------------------------------------------------------------- */

static quire_status
resolve_output(importer *im, quire_graph g, size_t k, const place *outer)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    const quire_sym name = r->outputs[k].name;
    const quire_bytes text = quire_sym_bytes(im->m, name);
    const place where = {outer, "output", k, text};
    const quire_binding *b =
        name.id <= QUIRE_SYM_EMPTY ? NULL : quire_scopes_find(&im->scopes, name);
    if (b == NULL || b->graph.id != g.id) {
        return FAIL(
            im, &where,
            "nothing in this graph defines the output; a graph returns only its own values");
    }
    QUIRE_TRY(check_interface_type(im, g, r->outputs[k].info, &where));
    const quire_use use = {(uint32_t)(r->out.id + k)};
    *quire_edit_use(im->m, use) = (quire_use_rec){.graph = g, .index = (uint32_t)k};
    quire_edit_link_use(im->m, use, b->value);
    im->m->syms.entries[name.id].flags |= QUIRE_SYM_IS_NAME;
    quire_value_rec *v = quire_edit_value(im->m, b->value);
    if (v->info.len == 0) {
        v->info = r->outputs[k].info;
        if (v->init.id == 0) quire_info_read(im->m, v->info, &v->elem_type, &v->rank);
    }
    return QUIRE_OK;
}

static quire_status
bind_infos(importer *im, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(im->m, g);
    for (size_t k = 0; k < r->n_infos; k++) {
        const quire_binding *b = quire_scopes_find(&im->scopes, r->infos[k].name);
        if (b == NULL || b->graph.id != g.id) continue; /* about nothing: kept, without effect */
        quire_value_rec *v = quire_edit_value(im->m, b->value);
        if (v->info_at == 0) v->info_at = (uint32_t)k + 1;
        if (v->info.len > 0) continue;
        v->info = r->infos[k].info;
        if (v->init.id == 0) quire_info_read(im->m, v->info, &v->elem_type, &v->rank);
    }
    return QUIRE_OK;
}

quire_status
importer_resolve_graph(importer *im, quire_graph g, const place *outer)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    QUIRE_TRY(bind_infos(im, g));
    QUIRE_TRY(quire_table_add(im->ctx, &im->m->uses, (uint32_t)r->n_outputs, &r->out.id));
    QUIRE_TRY(importer_resolve_nodes(im, g, outer));
    for (size_t k = 0; k < r->n_outputs; k++)
        QUIRE_TRY(resolve_output(im, g, k, outer));
    return QUIRE_OK;
}

/* One field of a GraphProto, first step. Nodes come after everything else, so that a file with another order of fields reads the same. */
static quire_status
define_field(importer *im, quire_graph g, const quire_field *f, const place *where)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    quire_sym name;
    switch (f->number) {
    case GRAPH_NAME: return importer_intern(im, f->body, &r->name);
    case GRAPH_OUTPUT:
        QUIRE_TRY(importer_name(im, f->body, INFO_NAME, &name));
        r->outputs[r->n_outputs++] =
            (quire_graph_output){.name = name, .info = f->body, .whole = f->whole};
        return QUIRE_OK;
    case GRAPH_VALUE_INFO:
        QUIRE_TRY(importer_name(im, f->body, INFO_NAME, &name));
        r->infos[r->n_infos++] =
            (quire_graph_info){.name = name, .info = f->body, .whole = f->whole};
        return QUIRE_OK;
    case GRAPH_ANNOTATION:
        QUIRE_TRY(importer_name(im, f->body, ANNOTATION_TENSOR_NAME, &name));
        r->notes[r->n_notes++] =
            (quire_graph_note){.tensor_name = name, .src = f->body, .whole = f->whole};
        return QUIRE_OK;
    case GRAPH_INPUT: return import_input(im, g, f, where);
    default: return QUIRE_OK;
    }
}

quire_status
importer_define_graph(importer *im, quire_graph g, const place *where)
{
    const quire_bytes src = quire_graph_at(im->m, g)->src;
    QUIRE_TRY(take_arrays(im, quire_edit_graph(im->m, g)));
    quire_cursor c = quire_cursor_over(im->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);)
        QUIRE_TRY(define_field(im, g, &f, where));
    c = quire_cursor_over(im->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == GRAPH_INITIALIZER || f.number == GRAPH_SPARSE_INITIALIZER)
            QUIRE_TRY(import_initializer(im, g, &f, where));
    }
    c = quire_cursor_over(im->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == GRAPH_NODE) QUIRE_TRY(importer_define_node(im, g, &f, where));
    }
    return QUIRE_OK;
}

quire_status
importer_add_graph(importer *im, const quire_graph_rec *like, const quire_field *f,
                   quire_graph *out_graph)
{
    QUIRE_TRY(quire_table_add(im->ctx, &im->m->graphs, 1, &out_graph->id));
    quire_graph_rec *g = quire_edit_graph(im->m, *out_graph);
    *g = *like;
    g->src = f->body;
    g->whole = f->whole;
    return QUIRE_OK;
}

/* A graph whose scope lies inside whatever is open now. */
quire_status
importer_read_body(importer *im, const quire_graph_rec *like, const quire_field *f,
                   const place *where, quire_graph *out_graph)
{
    quire_graph g;
    QUIRE_TRY(importer_add_graph(im, like, f, &g));
    if (like->kind == QUIRE_GRAPH_BODY)
        quire_edit_graph(im->m, g)->depth = quire_graph_at(im->m, like->parent)->depth + 1;
    if (quire_graph_at(im->m, g)->depth > MAX_GRAPH_DEPTH) {
        return quire_fail(im->ctx, QUIRE_E_LIMIT, NULL, "graphs nested deeper than %d",
                          MAX_GRAPH_DEPTH);
    }
    const size_t mark = quire_scopes_mark(&im->scopes);
    *out_graph = g; /* before its insides, which look outward through it */
    QUIRE_TRY(importer_define_graph(im, g, where));
    QUIRE_TRY(importer_resolve_graph(im, g, where));
    quire_scopes_close(&im->scopes, mark);
    return QUIRE_OK;
}
