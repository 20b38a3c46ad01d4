/* import.c - an ONNX file becomes a model: see import.h.
 *
 * Every graph is read in two steps. First its own names are defined: inputs, initializers, results of its
 * nodes. Then operands are resolved, bodies read (their scope lies inside), outputs and value infos bound.
 * Between the steps an operand's record holds the symbol it names in place of the value.
 */
#include "graph/import.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "graph/edit.h"
#include "graph/external.h"
#include "graph/fields.h"
#include "graph/parse.h"
#include "graph/scope.h"
#include "graph/verify.h"

enum { MAX_GRAPH_DEPTH = 32, PATH_ROOM = 256, NEWEST_IR = 14 };

#define ONLY_ONE SIZE_MAX /* index of a field that is not repeated */

typedef struct importer {
    quire_ctx *ctx;
    quire_model *m;
    quire_scopes scopes;
} importer;

typedef struct
    place { /* where in the file, for messages: built outward only when something is wrong */
    const struct place *outer;
    const char *field;
    size_t index;
    quire_bytes name;
} place;

static size_t
place_write(const place *p, char *out, size_t room)
{
    size_t n = p->outer != NULL ? place_write(p->outer, out, room) : 0;
    if (n + 1 >= room) return n;
    int more = snprintf(out + n, room - n, "%s%s", n > 0 ? "." : "", p->field);
    n += more > 0 ? (size_t)more : 0;
    if (p->index != ONLY_ONE && n + 1 < room) {
        more = snprintf(out + n, room - n, "[%zu]", p->index);
        n += more > 0 ? (size_t)more : 0;
    }
    if (p->name.len > 0 && n + 1 < room) {
        more = snprintf(out + n, room - n, " \"%.*s\"", (int)(p->name.len < 80 ? p->name.len : 80),
                        (const char *)p->name.ptr);
        n += more > 0 ? (size_t)more : 0;
    }
    return n < room ? n : room - 1;
}

static const char *
place_text(const place *p, char out[PATH_ROOM])
{
    out[0] = '\0';
    if (p != NULL) place_write(p, out, PATH_ROOM);
    return out;
}

static quire_status
intern(importer *im, quire_bytes text, quire_sym *out)
{
    return quire_syms_intern(im->ctx, &im->m->syms, text, out);
}

#define FAIL(im, where, ...)                                                                       \
    quire_fail((im)->ctx, QUIRE_E_INVALID, place_text(where, (char[PATH_ROOM]){0}), __VA_ARGS__)

/* --- definitions ------------------------------------------------------------------------------ */

/* Is the outer value of `b` visible where body g is held, so that a definition in g would hide it? Node ids rise in file order.
 * A training graph may repeat names of the main graph: it runs beside it. */
static bool
is_hidden_by(const quire_model *m, const quire_binding *b, quire_graph g)
{
    while (quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY &&
           quire_graph_at(m, g)->parent.id != b->graph.id)
        g = quire_graph_at(m, g)->parent;
    if (quire_graph_at(m, g)->kind != QUIRE_GRAPH_BODY) return false;
    const quire_value_rec *v = quire_value_at(m, b->value);
    return v->def_kind != QUIRE_DEF_RESULT || v->def < quire_graph_at(m, g)->owner.id;
}

static quire_status
define(importer *im, quire_graph g, quire_sym name, quire_value v, const place *where)
{
    const quire_binding *b = quire_scopes_find(&im->scopes, name);
    const quire_bytes text = quire_sym_bytes(im->m, name);
    if (b != NULL && b->graph.id == g.id) {
        return FAIL(im, where,
                    "\"%.*s\" is defined twice in one graph; every name may be defined once",
                    (int)text.len, (const char *)text.ptr);
    }
    if (b != NULL && is_hidden_by(im->m, b, g)) {
        return FAIL(im, where,
                    "\"%.*s\" is a name of an enclosing graph already; a body may not hide it",
                    (int)text.len, (const char *)text.ptr);
    }
    return quire_scopes_define(im->ctx, &im->scopes, name, v, g);
}

static quire_sym
sym_of_field(importer *im, quire_bytes message, uint32_t number, quire_status *status)
{
    quire_sym sym = {0};
    quire_bytes text;
    if (quire_message_find(im->m, message, number, &text)) *status = intern(im, text, &sym);
    return sym;
}

static quire_status
name_of(importer *im, quire_bytes message, uint32_t number, quire_sym *out)
{
    quire_status status = QUIRE_OK;
    *out = sym_of_field(im, message, number, &status);
    return status;
}

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
    QUIRE_TRY(name_of(im, f->body, INFO_NAME, &name));
    const place where = {outer, "input", r->n_inputs, quire_sym_bytes(im->m, name)};
    if (name.id <= QUIRE_SYM_EMPTY) return FAIL(im, &where, "a graph input without a name");
    QUIRE_TRY(check_interface_type(im, g, f->body, &where));
    quire_value v;
    QUIRE_TRY(quire_edit_add_value(im->ctx, im->m, g, name, QUIRE_DEF_INPUT, g.id,
                                   (uint32_t)r->n_inputs, &v));
    QUIRE_TRY(define(im, g, name, v, &where));
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
    return define(im, g, name, *out, where);
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
    QUIRE_TRY((sparse ? quire_sparse_import : quire_tensor_import)(im->ctx, im->m, f,
                                                                   place_text(&where, path), &t));
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

/* --- nodes, first step ------------------------------------------------------------------------ */

typedef struct node_counts {
    uint32_t in, out, attr;
} node_counts;

static node_counts
count_node(const quire_model *m, quire_bytes src)
{
    node_counts n = {0, 0, 0};
    quire_cursor c = quire_cursor_over(m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        n.in += f.number == NODE_INPUT;
        n.out += f.number == NODE_OUTPUT;
        n.attr += f.number == NODE_ATTRIBUTE;
    }
    return n;
}

static quire_status
add_result(importer *im, quire_node n, uint32_t k, quire_bytes text, const place *where)
{
    const quire_node_rec *r = quire_node_at(im->m, n);
    const quire_value v = {r->out.id + k};
    quire_sym name;
    QUIRE_TRY(intern(im, text, &name));
    im->m->syms.entries[name.id].flags |= QUIRE_SYM_IS_NAME;
    *quire_edit_value(im->m, v) = (quire_value_rec){.name = name,
                                                    .graph = r->graph,
                                                    .def_kind = QUIRE_DEF_RESULT,
                                                    .def = n.id,
                                                    .slot = k,
                                                    .rank = -1};
    return text.len == 0 ? QUIRE_OK : define(im, r->graph, name, v, where);
}

/* Attribute k's record with what its message says; bodies and tensors come in the second step. */
static quire_status
add_attribute(importer *im, quire_attr a, const quire_field *field)
{
    quire_attr_rec r = {.src = field->body, .whole = field->whole};
    quire_cursor c = quire_cursor_over(im->m, r.src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        switch (f.number) {
        case ATTR_NAME: QUIRE_TRY(intern(im, f.body, &r.name)); break;
        case ATTR_REF_NAME: QUIRE_TRY(intern(im, f.body, &r.ref_name)); break;
        case ATTR_TYPE: r.type = (int32_t)f.scalar; break;
        case ATTR_I: r.u.i = (int64_t)f.scalar; break;
        case ATTR_F: {
            const uint32_t bits = (uint32_t)f.scalar;
            memcpy(&r.u.f, &bits, sizeof bits);
            break;
        }
        case ATTR_G:
        case ATTR_GRAPHS: r.n_graphs++; break;
        case ATTR_T:
        case ATTR_TENSORS:
        case ATTR_SPARSE_TENSOR:
        case ATTR_SPARSE_TENSORS: r.n_tensors++; break;
        default: break;
        }
    }
    *quire_edit_attr(im->m, a) = r;
    return QUIRE_OK;
}

static quire_status
fill_node(importer *im, quire_node n, const place *where)
{
    quire_node_rec *r = quire_edit_node(im->m, n);
    node_counts at = {0, 0, 0};
    quire_sym domain = {0};
    quire_sym type = {0};
    quire_sym overload = {0};
    quire_cursor c = quire_cursor_over(im->m, r->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        quire_sym operand;
        switch (f.number) {
        case NODE_INPUT:
            QUIRE_TRY(intern(im, f.body, &operand));
            *quire_edit_use(im->m, (quire_use){r->in.id + at.in}) = (quire_use_rec){
                .value = {operand.id}, .node = n, .graph = r->graph, .index = at.in};
            at.in++;
            break;
        case NODE_OUTPUT: QUIRE_TRY(add_result(im, n, at.out++, f.body, where)); break;
        case NODE_ATTRIBUTE:
            QUIRE_TRY(add_attribute(im, (quire_attr){r->attr.id + at.attr++}, &f));
            break;
        case NODE_NAME: QUIRE_TRY(intern(im, f.body, &r->name)); break;
        case NODE_OP_TYPE: QUIRE_TRY(intern(im, f.body, &type)); break;
        case NODE_DOMAIN: QUIRE_TRY(intern(im, f.body, &domain)); break;
        case NODE_OVERLOAD: QUIRE_TRY(intern(im, f.body, &overload)); break;
        case NODE_DEVICES: im->m->flags |= QUIRE_HAS_DEVICES; break;
        default: break;
        }
    }
    if (type.id <= QUIRE_SYM_EMPTY) return FAIL(im, where, "a node without an op_type");
    if (r->n_in + r->n_out == 0) return FAIL(im, where, "a node without inputs and outputs");
    if (r->name.id != 0) im->m->syms.entries[r->name.id].flags |= QUIRE_SYM_IS_NAME;
    return quire_edit_add_op(im->ctx, im->m, domain, type, overload, &r->op);
}

static quire_status
define_node(importer *im, quire_graph g, const quire_field *f, const place *outer)
{
    quire_model *m = im->m;
    const node_counts n = count_node(m, f->body);
    quire_node node;
    QUIRE_TRY(quire_table_add(im->ctx, &m->nodes, 1, &node.id));
    quire_node_rec *r = quire_edit_node(m, node);
    *r = (quire_node_rec){.src = f->body,
                          .whole = f->whole,
                          .graph = g,
                          .n_in = n.in,
                          .n_out = n.out,
                          .n_attr = n.attr};
    QUIRE_TRY(quire_table_add(im->ctx, &m->uses, n.in, &r->in.id));
    QUIRE_TRY(quire_table_add(im->ctx, &m->values, n.out, &r->out.id));
    QUIRE_TRY(quire_table_add(im->ctx, &m->attrs, n.attr, &r->attr.id));
    place where = {outer, "node", quire_graph_at(m, g)->n_nodes, {NULL, 0}};
    quire_message_find(m, f->body, NODE_NAME, &where.name);
    QUIRE_TRY(fill_node(im, node, &where));
    quire_edit_append_node(m, g, node);
    return QUIRE_OK;
}

/* --- nodes, second step ----------------------------------------------------------------------- */

static quire_status import_body(importer *im, const quire_graph_rec *like, const quire_field *f,
                                const place *where, quire_graph *out_graph);

static quire_status
resolve_operands(importer *im, quire_node n, const place *where)
{
    const quire_node_rec *r = quire_node_at(im->m, n);
    for (uint32_t k = 0; k < r->n_in; k++) {
        const quire_use use = {r->in.id + k};
        const quire_sym sym = {quire_use_at(im->m, use)->value.id};
        quire_edit_use(im->m, use)->value = (quire_value){0};
        if (sym.id == QUIRE_SYM_EMPTY) continue;
        const quire_binding *b = quire_scopes_find(&im->scopes, sym);
        if (b == NULL) {
            const quire_bytes text = quire_sym_bytes(im->m, sym);
            return FAIL(im, where, "input %u is \"%.*s\", which nothing in scope defines", k,
                        (int)text.len, (const char *)text.ptr);
        }
        quire_edit_link_use(im->m, use, b->value);
    }
    return QUIRE_OK;
}

/* Bit per kind of value an attribute message holds, indexed by AttributeType. */
static uint32_t
kinds_present(const quire_model *m, quire_bytes src)
{
    static const uint8_t type_of_field[24] = {[ATTR_F] = TYPE_FLOAT,
                                              [ATTR_I] = TYPE_INT,
                                              [ATTR_S] = TYPE_STRING,
                                              [ATTR_T] = TYPE_TENSOR,
                                              [ATTR_G] = TYPE_GRAPH,
                                              [ATTR_FLOATS] = TYPE_FLOATS,
                                              [ATTR_INTS] = TYPE_INTS,
                                              [ATTR_STRINGS] = TYPE_STRINGS,
                                              [ATTR_TENSORS] = TYPE_TENSORS,
                                              [ATTR_GRAPHS] = TYPE_GRAPHS,
                                              [ATTR_SPARSE_TENSOR] = TYPE_SPARSE_TENSOR,
                                              [ATTR_SPARSE_TENSORS] = TYPE_SPARSE_TENSORS,
                                              [ATTR_TP] = TYPE_TYPE_PROTO,
                                              [ATTR_TYPE_PROTOS] = TYPE_TYPE_PROTOS};
    uint32_t kinds = 0;
    quire_cursor c = quire_cursor_over(m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number < 24 && type_of_field[f.number] != 0) kinds |= 1u << type_of_field[f.number];
    }
    return kinds;
}

static quire_status
check_attribute(importer *im, quire_attr_rec *r, const place *where)
{
    const uint32_t kinds = kinds_present(im->m, r->src);
    if (r->name.id <= QUIRE_SYM_EMPTY) return FAIL(im, where, "an attribute without a name");
    if ((kinds & (kinds - 1)) != 0)
        return FAIL(im, where, "an attribute with values of two kinds; it may have one");
    if (r->ref_name.id != 0 && kinds != 0)
        return FAIL(im, where, "an attribute with both ref_attr_name and a value");
    if (r->type == 0 && kinds != 0)
        r->type = __builtin_ctz(kinds); /* files before IR 2 leave the type out */
    if (kinds != 0 && (r->type < 0 || r->type > 31 || kinds != 1u << r->type)) {
        return FAIL(im, where, "its type is %d, its value is of type %d", r->type,
                    __builtin_ctz(kinds));
    }
    return QUIRE_OK;
}

static quire_status
import_children(importer *im, quire_node owner, quire_attr a, const place *where)
{
    quire_attr_rec *r = quire_edit_attr(im->m, a);
    QUIRE_TRY(check_attribute(im, r, where));
    QUIRE_TRY(
        quire_arena_take(im->ctx, &im->m->arena, r->n_graphs * sizeof *r->graphs, &r->graphs));
    QUIRE_TRY(
        quire_arena_take(im->ctx, &im->m->arena, r->n_tensors * sizeof *r->tensors, &r->tensors));
    if (r->n_graphs + r->n_tensors == 0) return QUIRE_OK;
    char path[PATH_ROOM];
    uint32_t n_tensors = 0;
    uint32_t n_graphs = 0;
    quire_cursor c = quire_cursor_over(im->m, r->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        const quire_graph_rec like = {.kind = QUIRE_GRAPH_BODY,
                                      .owner = owner,
                                      .attr = a,
                                      .parent = quire_node_at(im->m, owner)->graph};
        switch (f.number) {
        case ATTR_G:
        case ATTR_GRAPHS:
            QUIRE_TRY(import_body(im, &like, &f, where, &r->graphs[n_graphs++]));
            break;
        case ATTR_T:
        case ATTR_TENSORS:
            QUIRE_TRY(quire_tensor_import(im->ctx, im->m, &f, place_text(where, path),
                                          &r->tensors[n_tensors++]));
            break;
        case ATTR_SPARSE_TENSOR:
        case ATTR_SPARSE_TENSORS:
            QUIRE_TRY(quire_sparse_import(im->ctx, im->m, &f, place_text(where, path),
                                          &r->tensors[n_tensors++]));
            break;
        default: break;
        }
    }
    return QUIRE_OK;
}

/* Attribute names are unique on their node. They borrow the scopes for as long as they are compared: a scope of no graph. */
static quire_status
check_attribute_names(importer *im, quire_attr first, uint32_t n, const place *outer)
{
    const quire_graph nowhere = {UINT32_MAX};
    const size_t mark = quire_scopes_mark(&im->scopes);
    for (uint32_t k = 0; k < n; k++) {
        const quire_sym name = quire_attr_at(im->m, (quire_attr){first.id + k})->name;
        const quire_binding *b = quire_scopes_find(&im->scopes, name);
        const place where = {outer, "attribute", k, quire_sym_bytes(im->m, name)};
        if (b != NULL && b->graph.id == nowhere.id)
            return FAIL(im, &where, "two attributes of this name; one may be");
        QUIRE_TRY(quire_scopes_define(im->ctx, &im->scopes, name, (quire_value){0}, nowhere));
    }
    quire_scopes_close(&im->scopes, mark);
    return QUIRE_OK;
}

static quire_status
import_attributes(importer *im, quire_node owner, quire_attr first, uint32_t n, const place *outer)
{
    if (n > 1) QUIRE_TRY(check_attribute_names(im, first, n, outer));
    for (uint32_t k = 0; k < n; k++) {
        const quire_attr a = {first.id + k};
        const place where = {outer, "attribute", k,
                             quire_sym_bytes(im->m, quire_attr_at(im->m, a)->name)};
        QUIRE_TRY(import_children(im, owner, a, &where));
    }
    return QUIRE_OK;
}

static quire_status
resolve_nodes(importer *im, quire_graph g, const place *outer)
{
    size_t index = 0;
    for (quire_node n = quire_graph_at(im->m, g)->first; n.id != 0;
         n = quire_node_at(im->m, n)->next) {
        const quire_node_rec *r = quire_node_at(im->m, n);
        const place where = {outer, "node", index++, quire_sym_bytes(im->m, r->name)};
        QUIRE_TRY(resolve_operands(im, n, &where));
        QUIRE_TRY(import_attributes(im, n, r->attr, r->n_attr, &where));
    }
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

static quire_status
resolve_graph(importer *im, quire_graph g, const place *outer)
{
    quire_graph_rec *r = quire_edit_graph(im->m, g);
    QUIRE_TRY(bind_infos(im, g));
    QUIRE_TRY(quire_table_add(im->ctx, &im->m->uses, (uint32_t)r->n_outputs, &r->out.id));
    QUIRE_TRY(resolve_nodes(im, g, outer));
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
    case GRAPH_NAME: return intern(im, f->body, &r->name);
    case GRAPH_OUTPUT:
        QUIRE_TRY(name_of(im, f->body, INFO_NAME, &name));
        r->outputs[r->n_outputs++] =
            (quire_graph_output){.name = name, .info = f->body, .whole = f->whole};
        return QUIRE_OK;
    case GRAPH_VALUE_INFO:
        QUIRE_TRY(name_of(im, f->body, INFO_NAME, &name));
        r->infos[r->n_infos++] =
            (quire_graph_info){.name = name, .info = f->body, .whole = f->whole};
        return QUIRE_OK;
    case GRAPH_ANNOTATION:
        QUIRE_TRY(name_of(im, f->body, ANNOTATION_TENSOR_NAME, &name));
        r->notes[r->n_notes++] =
            (quire_graph_note){.tensor_name = name, .src = f->body, .whole = f->whole};
        return QUIRE_OK;
    case GRAPH_INPUT: return import_input(im, g, f, where);
    default: return QUIRE_OK;
    }
}

static quire_status
define_graph(importer *im, quire_graph g, const place *where)
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
        if (f.number == GRAPH_NODE) QUIRE_TRY(define_node(im, g, &f, where));
    }
    return QUIRE_OK;
}

static quire_status
add_graph(importer *im, const quire_graph_rec *like, const quire_field *f, quire_graph *out_graph)
{
    QUIRE_TRY(quire_table_add(im->ctx, &im->m->graphs, 1, &out_graph->id));
    quire_graph_rec *g = quire_edit_graph(im->m, *out_graph);
    *g = *like;
    g->src = f->body;
    g->whole = f->whole;
    return QUIRE_OK;
}

/* A graph whose scope lies inside whatever is open now. */
static quire_status
import_body(importer *im, const quire_graph_rec *like, const quire_field *f, const place *where,
            quire_graph *out_graph)
{
    quire_graph g;
    QUIRE_TRY(add_graph(im, like, f, &g));
    if (like->kind == QUIRE_GRAPH_BODY)
        quire_edit_graph(im->m, g)->depth = quire_graph_at(im->m, like->parent)->depth + 1;
    if (quire_graph_at(im->m, g)->depth > MAX_GRAPH_DEPTH) {
        return quire_fail(im->ctx, QUIRE_E_LIMIT, NULL, "graphs nested deeper than %d",
                          MAX_GRAPH_DEPTH);
    }
    const size_t mark = quire_scopes_mark(&im->scopes);
    *out_graph = g; /* before its insides, which look outward through it */
    QUIRE_TRY(define_graph(im, g, where));
    QUIRE_TRY(resolve_graph(im, g, where));
    quire_scopes_close(&im->scopes, mark);
    return QUIRE_OK;
}

/* --- functions -------------------------------------------------------------------------------- */

static quire_status
import_opset(importer *im, quire_bytes message, quire_opset *out)
{
    *out = (quire_opset){.domain = {QUIRE_SYM_EMPTY}};
    quire_cursor c = quire_cursor_over(im->m, message);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == OPSET_VERSION) out->version = (int64_t)f.scalar;
        if (f.number == OPSET_DOMAIN && !quire_bytes_equal(f.body, quire_bytes_of("ai.onnx")))
            QUIRE_TRY(intern(im, f.body, &out->domain));
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
    case FUNCTION_NAME: return intern(im, f->body, &r->name);
    case FUNCTION_DOMAIN: return intern(im, f->body, &r->domain);
    case FUNCTION_OVERLOAD: return intern(im, f->body, &r->overload);
    case FUNCTION_INPUT:
        QUIRE_TRY(intern(im, f->body, &name));
        QUIRE_TRY(quire_edit_add_value(im->ctx, im->m, g, name, QUIRE_DEF_INPUT, g.id,
                                       (uint32_t)r->n_inputs, &v));
        r->inputs[r->n_inputs++] = (quire_graph_input){.value = v, .whole = f->whole};
        return define(im, g, name, v, where);
    case FUNCTION_OUTPUT:
        QUIRE_TRY(intern(im, f->body, &name));
        r->outputs[r->n_outputs++] = (quire_graph_output){.name = name, .whole = f->whole};
        return QUIRE_OK;
    case FUNCTION_VALUE_INFO:
        QUIRE_TRY(name_of(im, f->body, INFO_NAME, &name));
        r->infos[r->n_infos++] =
            (quire_graph_info){.name = name, .info = f->body, .whole = f->whole};
        return QUIRE_OK;
    case FUNCTION_ATTRIBUTE_PROTO:
        return add_attribute(im, (quire_attr){r->defaults.id + (*n_defaults)++}, f);
    default: return QUIRE_OK;
    }
}

static quire_status
import_function(importer *im, const quire_field *f, size_t index, quire_graph *out_graph)
{
    const quire_graph_rec like = {.kind = QUIRE_GRAPH_FUNCTION};
    quire_graph g;
    QUIRE_TRY(add_graph(im, &like, f, &g));
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
        if (field.number == FUNCTION_NODE) QUIRE_TRY(define_node(im, g, &field, &where));
    }
    QUIRE_TRY(resolve_graph(im, g, &where));
    QUIRE_TRY(import_attributes(im, (quire_node){0}, r->defaults, r->n_defaults, &where));
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
            QUIRE_TRY(import_body(im, &like, &field, &where, &out->initialization));
        if (field.number == TRAINING_ALGORITHM)
            QUIRE_TRY(import_body(im, &like, &field, &where, &out->algorithm));
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
        QUIRE_TRY(add_graph(im, &like, &f, &m->main));
        QUIRE_TRY(define_graph(im, m->main, &where));
        QUIRE_TRY(resolve_graph(im, m->main, &where));
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

static quire_status
read_model(quire_ctx *ctx, quire_model *m)
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

/* --- the file --------------------------------------------------------------------------------- */

static quire_status
remember_path(quire_ctx *ctx, quire_model *m, const char *path)
{
    m->path_size = strlen(path) + 1;
    m->path = quire_alloc(m->alloc, m->path_size);
    if (m->path == NULL) return quire_nomem(ctx);
    memcpy(m->path, path, m->path_size);
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        m->directory =
            ctx->io->open(ctx->io->data, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    } else {
        quire_bytes folder;
        const size_t len = slash == path ? 1 : (size_t)(slash - path);
        QUIRE_TRY(
            quire_arena_copy(ctx, &m->arena, (quire_bytes){(const uint8_t *)path, len}, &folder));
        m->directory = ctx->io->open(ctx->io->data, AT_FDCWD, (const char *)folder.ptr,
                                     O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    }
    return m->directory >= 0
               ? QUIRE_OK
               : quire_fail(ctx, QUIRE_E_INVALID, NULL, "the folder of the model cannot be opened");
}

/* Everything after the model took over the source. */
static quire_status
fill_model(quire_ctx *ctx, quire_model *m, const char *path, const quire_wire_limits *limits)
{
    const quire_source *source = &m->files[1].source;
    QUIRE_TRY(quire_skeleton_load(ctx, m, source, limits));
    if (path != NULL) QUIRE_TRY(remember_path(ctx, m, path));
    QUIRE_TRY(read_model(ctx, m));
    QUIRE_TRY(quire_external_resolve(ctx, m));
    return quire_model_verify(ctx, m, QUIRE_E_INVALID);
}

quire_status
quire_model_import(quire_ctx *ctx, quire_source source, const char *path,
                   const quire_wire_limits *limits, quire_model **out_model)
{
    quire_model *m = NULL;
    uint32_t file;
    quire_status status = quire_model_create(ctx, &m);
    if (status == QUIRE_OK) status = quire_model_add_file(ctx, m, source, path, true, &file);
    if (status != QUIRE_OK) {
        quire_source_close(ctx, &source);
        quire_model_destroy(ctx, m);
        return status;
    }
    status = fill_model(ctx, m, path, limits != NULL ? limits : &quire_wire_limits_default);
    if (status != QUIRE_OK) {
        quire_model_destroy(ctx, m);
        return status;
    }
    *out_model = m;
    return QUIRE_OK;
}

static quire_status
looks_like_text(quire_ctx *ctx, const quire_source *source, bool *out)
{
    uint8_t first = 0;
    QUIRE_TRY(quire_source_read(ctx, source, 0, &first, source->size == 0 ? 0 : 1));
    *out = first == '<' || first == '#';
    return QUIRE_OK;
}

enum { MAX_TEXT = 1 << 30 };

static quire_status
load_text(quire_ctx *ctx, quire_source *source, const char *path, quire_model **out_model)
{
    if (source->size > MAX_TEXT)
        return quire_fail(ctx, QUIRE_E_LIMIT, NULL, "a text model above 1 GiB");
    const size_t size = (size_t)source->size;
    uint8_t *text = quire_alloc(ctx->alloc, size);
    if (text == NULL) return quire_nomem(ctx);
    quire_status status = quire_source_read(ctx, source, 0, text, size);
    if (status == QUIRE_OK)
        status = quire_model_parse(ctx, (quire_bytes){text, size}, path, out_model);
    quire_free(ctx->alloc, text, size);
    return status;
}

/* Takes over `source`. */
static quire_status
load_source(quire_ctx *ctx, quire_source source, const char *path, quire_model **out_model)
{
    bool text;
    quire_status status = looks_like_text(ctx, &source, &text);
    if (status == QUIRE_OK && !text) return quire_model_import(ctx, source, path, NULL, out_model);
    if (status == QUIRE_OK) status = load_text(ctx, &source, path, out_model);
    quire_source_close(ctx, &source);
    return status;
}

quire_status
quire_model_load(quire_ctx *ctx, const char *path, quire_model **out_model)
{
    const bool standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "standard input" : path;
    const char *outer = ctx->file;
    quire_source source;
    ctx->file = name;
    quire_status status = standard_input ? quire_source_spool(ctx, STDIN_FILENO, name, &source)
                                         : quire_source_open(ctx, AT_FDCWD, path, &source);
    if (status == QUIRE_OK)
        status = load_source(ctx, source, standard_input ? NULL : path, out_model);
    ctx->file = outer;
    return status;
}
