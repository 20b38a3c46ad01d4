/* import_model.c - functions, training information and the model itself: see importer.h. */
#include "graph/importer.h"

enum { NEWEST_IR = 14 };

/* --- functions -------------------------------------------------------------------------------- */

static quire_status
import_opset(importer *im, quire_bytes message, quire_opset *out)
{
    *out = (quire_opset){.domain = {QUIRE_SYM_EMPTY}};
    quire_cursor c = quire_cursor_over(im->m, message);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == OPSET_VERSION) out->version = (int64_t)f.scalar;
        if (f.number == OPSET_DOMAIN && !quire_bytes_equal(f.body, quire_bytes_of("ai.onnx")))
            QUIRE_TRY(importer_intern(im, f.body, &out->domain));
    }
    return QUIRE_OK;
}

/* Imports of a model or function. A domain imported twice at one version is accepted. */
static quire_status
import_opsets(importer *im, quire_bytes src, uint32_t number, quire_opset **out, size_t *out_n)
{
    size_t n = 0;
    quire_cursor c = quire_cursor_over(im->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);)
        n += f.number == number;
    QUIRE_TRY(quire_arena_take(im->ctx, &im->m->arena, n * sizeof **out, out));
    c = quire_cursor_over(im->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != number) continue;
        quire_opset *o = &(*out)[*out_n];
        QUIRE_TRY(import_opset(im, f.body, o));
        const place where = {NULL, "opset_import", *out_n, quire_sym_bytes(im->m, o->domain)};
        if (o->version <= 0 || o->version > INT32_MAX)
            return FAIL(im, &where, "opset version %lld; versions start at 1",
                        (long long)o->version);
        for (size_t k = 0; k < *out_n && k < 64; k++) {
            if ((*out)[k].domain.id == o->domain.id && (*out)[k].version != o->version) {
                return FAIL(im, &where,
                            "the domain is imported at versions %lld and %lld; one may be",
                            (long long)(*out)[k].version, (long long)o->version);
            }
        }
        (*out_n)++;
    }
    return QUIRE_OK;
}

static quire_status
take_function_arrays(importer *im, quire_graph_rec *g)
{
    size_t counts[32] = {0};
    quire_cursor c = quire_cursor_over(im->m, g->src);
    for (quire_field f; quire_cursor_next(&c, &f);)
        counts[f.number < 31 ? f.number : 31]++;
    quire_arena *a = &im->m->arena;
    g->inputs_room = counts[FUNCTION_INPUT];
    g->outputs_room = counts[FUNCTION_OUTPUT];
    g->infos_room = counts[FUNCTION_VALUE_INFO];
    g->n_defaults = (uint32_t)counts[FUNCTION_ATTRIBUTE_PROTO];
    QUIRE_TRY(quire_table_add(im->ctx, &im->m->attrs, g->n_defaults, &g->defaults.id));
    QUIRE_TRY(quire_arena_take(im->ctx, a, g->inputs_room * sizeof *g->inputs, &g->inputs));
    QUIRE_TRY(quire_arena_take(im->ctx, a, g->outputs_room * sizeof *g->outputs, &g->outputs));
    return quire_arena_take(im->ctx, a, g->infos_room * sizeof *g->infos, &g->infos);
}

static quire_status
define_function_field(importer *im, quire_graph g, const quire_field *f, uint32_t *n_defaults,
                      const place *where)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    quire_sym name;
    quire_value v;
    switch (f->number) {
    case FUNCTION_NAME: return importer_intern(im, f->body, &r->name);
    case FUNCTION_DOMAIN: return importer_intern(im, f->body, &r->domain);
    case FUNCTION_OVERLOAD: return importer_intern(im, f->body, &r->overload);
    case FUNCTION_INPUT:
        QUIRE_TRY(importer_intern(im, f->body, &name));
        QUIRE_TRY(quire_edit_add_value(im->ctx, im->m, g, name, QUIRE_DEF_INPUT, g.id,
                                       (uint32_t)r->n_inputs, &v));
        r->inputs[r->n_inputs++] = (quire_graph_input){.value = v, .whole = f->whole};
        return importer_define(im, g, name, v, where);
    case FUNCTION_OUTPUT:
        QUIRE_TRY(importer_intern(im, f->body, &name));
        r->outputs[r->n_outputs++] = (quire_graph_output){.name = name, .whole = f->whole};
        return QUIRE_OK;
    case FUNCTION_VALUE_INFO:
        QUIRE_TRY(importer_name(im, f->body, INFO_NAME, &name));
        r->infos[r->n_infos++] =
            (quire_graph_info){.name = name, .info = f->body, .whole = f->whole};
        return QUIRE_OK;
    case FUNCTION_ATTRIBUTE_PROTO:
        return importer_add_attribute(im, (quire_attr){r->defaults.id + (*n_defaults)++}, f);
    default: return QUIRE_OK;
    }
}

static quire_status
import_function(importer *im, const quire_field *f, size_t index, quire_graph *out_graph)
{
    const quire_graph_rec like = {.kind = QUIRE_GRAPH_FUNCTION};
    quire_graph g;
    QUIRE_TRY(importer_add_graph(im, &like, f, &g));
    *out_graph = g;
    place where = {NULL, "function", index, {NULL, 0}};
    quire_message_find(im->m, f->body, FUNCTION_NAME, &where.name);
    const size_t mark = quire_scopes_mark(&im->scopes);
    uint32_t n_defaults = 0;
    QUIRE_TRY(take_function_arrays(im, quire_edit_graph(im->m, g)));
    quire_cursor c = quire_cursor_over(im->m, f->body);
    for (quire_field field; quire_cursor_next(&c, &field);)
        QUIRE_TRY(define_function_field(im, g, &field, &n_defaults, &where));
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    QUIRE_TRY(import_opsets(im, f->body, FUNCTION_OPSET_IMPORT, &r->opsets, &r->n_opsets));
    c = quire_cursor_over(im->m, f->body);
    for (quire_field field; quire_cursor_next(&c, &field);) {
        if (field.number == FUNCTION_NODE) QUIRE_TRY(importer_define_node(im, g, &field, &where));
    }
    QUIRE_TRY(importer_resolve_graph(im, g, &where));
    QUIRE_TRY(importer_read_attributes(im, (quire_node){0}, r->defaults, r->n_defaults, &where));
    quire_scopes_close(&im->scopes, mark);
    return QUIRE_OK;
}

/* --- the model -------------------------------------------------------------------------------- */

static quire_status
import_training(importer *im, const quire_field *f, quire_training_rec *out)
{
    *out = (quire_training_rec){.src = f->body, .whole = f->whole};
    const quire_graph_rec like = {.kind = QUIRE_GRAPH_TRAINING, .parent = im->m->main};
    const place where = {NULL, "training_info", (size_t)(out - im->m->training), {NULL, 0}};
    quire_cursor c = quire_cursor_over(im->m, f->body);
    for (quire_field field; quire_cursor_next(&c, &field);) {
        if (field.number == TRAINING_INITIALIZATION)
            QUIRE_TRY(importer_read_body(im, &like, &field, &where, &out->initialization));
        if (field.number == TRAINING_ALGORITHM)
            QUIRE_TRY(importer_read_body(im, &like, &field, &where, &out->algorithm));
    }
    return QUIRE_OK;
}

static quire_status
count_model(importer *im)
{
    quire_model *m = im->m;
    size_t n_training = 0;
    size_t n_functions = 0;
    size_t n_graphs = 0;
    quire_cursor c = quire_cursor_over(m, m->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        n_training += f.number == MODEL_TRAINING_INFO;
        n_functions += f.number == MODEL_FUNCTIONS;
        n_graphs += f.number == MODEL_GRAPH;
        if (f.number == MODEL_IR_VERSION) m->ir_version = (int64_t)f.scalar;
    }
    if (m->ir_version <= 0)
        return quire_fail(im->ctx, QUIRE_E_INVALID, NULL,
                          "no ir_version: this is not an ONNX model");
    if (m->ir_version > NEWEST_IR) {
        quire_tell(im->ctx, QUIRE_WARNING, NULL,
                   "ir_version %lld is newer than %d, the newest known; what it adds is carried "
                   "along unread",
                   (long long)m->ir_version, NEWEST_IR);
    }
    if (n_graphs == 0)
        return quire_fail(im->ctx, QUIRE_E_INVALID, NULL, "no graph: this is not an ONNX model");
    QUIRE_TRY(quire_arena_take(im->ctx, &m->arena, n_training * sizeof *m->training, &m->training));
    return quire_arena_take(im->ctx, &m->arena, n_functions * sizeof *m->functions, &m->functions);
}

/* The main graph's scope stays open for the training graphs, which see its names. */
static quire_status
import_graphs(importer *im)
{
    quire_model *m = im->m;
    const quire_graph_rec like = {.kind = QUIRE_GRAPH_MAIN};
    const place where = {NULL, "graph", ONLY_ONE, {NULL, 0}};
    quire_cursor c = quire_cursor_over(m, m->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != MODEL_GRAPH) continue;
        QUIRE_TRY(importer_add_graph(im, &like, &f, &m->main));
        QUIRE_TRY(importer_define_graph(im, m->main, &where));
        QUIRE_TRY(importer_resolve_graph(im, m->main, &where));
    }
    c = quire_cursor_over(m, m->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == MODEL_TRAINING_INFO)
            QUIRE_TRY(import_training(im, &f, &m->training[m->n_training++]));
    }
    quire_scopes_close(&im->scopes, 0);
    c = quire_cursor_over(m, m->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != MODEL_FUNCTIONS) continue;
        QUIRE_TRY(import_function(im, &f, m->n_functions, &m->functions[m->n_functions]));
        m->n_functions++;
    }
    return QUIRE_OK;
}

quire_status
importer_read_model(quire_ctx *ctx, quire_model *m)
{
    importer im = {.ctx = ctx, .m = m};
    quire_status status = count_model(&im);
    if (status == QUIRE_OK)
        status = import_opsets(&im, m->src, MODEL_OPSET_IMPORT, &m->opsets, &m->n_opsets);
    if (status == QUIRE_OK && m->ir_version >= 3 && m->n_opsets == 0) {
        status =
            quire_fail(ctx, QUIRE_E_INVALID, NULL,
                       "no opset_import; from ir_version 3 on a model must import at least one");
    }
    if (status == QUIRE_OK) status = import_graphs(&im);
    quire_scopes_deinit(m->alloc, &im.scopes);
    return status;
}
