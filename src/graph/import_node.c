/* import_node.c - nodes and attributes become records, in two steps: see importer.h. */
#include "graph/importer.h"

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
    QUIRE_TRY(importer_intern(im, text, &name));
    im->m->syms.entries[name.id].flags |= QUIRE_SYM_IS_NAME;
    *quire_edit_value(im->m, v) = (quire_value_rec){.name = name,
                                                    .graph = r->graph,
                                                    .def_kind = QUIRE_DEF_RESULT,
                                                    .def = n.id,
                                                    .slot = k,
                                                    .rank = -1};
    return text.len == 0 ? QUIRE_OK : importer_define(im, r->graph, name, v, where);
}

/* Attribute k's record with what its message says; bodies and tensors come in the second step. */
quire_status
importer_add_attribute(importer *im, quire_attr a, const quire_field *field)
{
    quire_attr_rec r = {.src = field->body, .whole = field->whole};
    quire_cursor c = quire_cursor_over(im->m, r.src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        switch (f.number) {
        case ATTR_NAME: QUIRE_TRY(importer_intern(im, f.body, &r.name)); break;
        case ATTR_REF_NAME: QUIRE_TRY(importer_intern(im, f.body, &r.ref_name)); break;
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
            QUIRE_TRY(importer_intern(im, f.body, &operand));
            *quire_edit_use(im->m, (quire_use){r->in.id + at.in}) = (quire_use_rec){
                .value = {operand.id}, .node = n, .graph = r->graph, .index = at.in};
            at.in++;
            break;
        case NODE_OUTPUT: QUIRE_TRY(add_result(im, n, at.out++, f.body, where)); break;
        case NODE_ATTRIBUTE:
            QUIRE_TRY(importer_add_attribute(im, (quire_attr){r->attr.id + at.attr++}, &f));
            break;
        case NODE_NAME: QUIRE_TRY(importer_intern(im, f.body, &r->name)); break;
        case NODE_OP_TYPE: QUIRE_TRY(importer_intern(im, f.body, &type)); break;
        case NODE_DOMAIN: QUIRE_TRY(importer_intern(im, f.body, &domain)); break;
        case NODE_OVERLOAD: QUIRE_TRY(importer_intern(im, f.body, &overload)); break;
        case NODE_DEVICES: im->m->flags |= QUIRE_HAS_DEVICES; break;
        default: break;
        }
    }
    if (type.id <= QUIRE_SYM_EMPTY) return FAIL(im, where, "a node without an op_type");
    if (r->n_in + r->n_out == 0) return FAIL(im, where, "a node without inputs and outputs");
    if (r->name.id != 0) im->m->syms.entries[r->name.id].flags |= QUIRE_SYM_IS_NAME;
    return quire_edit_add_op(im->ctx, im->m, domain, type, overload, &r->op);
}

quire_status
importer_define_node(importer *im, quire_graph g, const quire_field *f, const place *outer)
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
            QUIRE_TRY(importer_read_body(im, &like, &f, where, &r->graphs[n_graphs++]));
            break;
        case ATTR_T:
        case ATTR_TENSORS:
            QUIRE_TRY(quire_tensor_import(im->ctx, im->m, &f, importer_place_text(where, path),
                                          &r->tensors[n_tensors++]));
            break;
        case ATTR_SPARSE_TENSOR:
        case ATTR_SPARSE_TENSORS:
            QUIRE_TRY(quire_sparse_import(im->ctx, im->m, &f, importer_place_text(where, path),
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

quire_status
importer_read_attributes(importer *im, quire_node owner, quire_attr first, uint32_t n,
                         const place *outer)
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

quire_status
importer_resolve_nodes(importer *im, quire_graph g, const place *outer)
{
    size_t index = 0;
    for (quire_node n = quire_graph_at(im->m, g)->first; n.id != 0;
         n = quire_node_at(im->m, n)->next) {
        const quire_node_rec *r = quire_node_at(im->m, n);
        const place where = {outer, "node", index++, quire_sym_bytes(im->m, r->name)};
        QUIRE_TRY(resolve_operands(im, n, &where));
        QUIRE_TRY(importer_read_attributes(im, n, r->attr, r->n_attr, &where));
    }
    return QUIRE_OK;
}
