/* export.c - a model becomes a rope: see export.h.
 *
 * A message is written as a list of entries ordered by field number: views of what stood in the
 * file, fields that protobuf-c packed from the record, and children. Ordering is a counting sort
 * that keeps the order within a number; fields unknown to the schema come last, as protobuf
 * writes them.
 */
#include "graph/export.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/carrier.h"
#include "graph/fields.h"
#include "graph/pb.h"

typedef enum entry_kind {
    ENTRY_VIEW,
    ENTRY_BODY,
    ENTRY_BLOB,
    ENTRY_NODE,
    ENTRY_ATTR,
    ENTRY_TENSOR,
    ENTRY_GRAPH,
    ENTRY_TRAINING,
    ENTRY_METADATA
} entry_kind;

typedef struct entry {
    uint32_t number; /* field number; UNKNOWN for fields the schema does not have */
    uint32_t kind;
    uint32_t id;       /* of the child; metadata: which of the model's changes */
    quire_bytes bytes; /* view: tag to end; body: without header */
} entry;

enum { UNKNOWN = 31 };

typedef struct exporter {
    quire_ctx *ctx;
    const quire_model *m;
    quire_rope *rope;
    quire_arena scratch; /* unpacked messages; reset after each record */
    entry *entries;      /* a stack: nested messages push above their parent's */
    size_t n, room;
} exporter;

/* --- views of the file ------------------------------------------------------------------------ */

/* Appends a view of the skeleton with the bulk that is missing from it. */
static quire_status
add_view(exporter *x, quire_bytes view)
{
    const quire_skeleton *s = &x->m->skeleton;
    quire_cursor c = quire_cursor_over(x->m, view);
    const uint8_t *from = view.ptr;
    const uint8_t *end = view.ptr + view.len;
    for (; c.hole < s->n_holes && s->ptr + s->holes[c.hole].at <= end; c.hole++) {
        const quire_hole *h = &s->holes[c.hole];
        QUIRE_TRY(
            quire_rope_add(x->ctx, x->rope, (quire_bytes){from, (size_t)(s->ptr + h->at - from)}));
        QUIRE_TRY(quire_rope_add_source(x->ctx, x->rope, &x->m->files[1].source, h->off, h->len));
        from = s->ptr + h->at;
    }
    return quire_rope_add(x->ctx, x->rope, (quire_bytes){from, (size_t)(end - from)});
}

static quire_status
push(exporter *x, uint32_t number, entry_kind kind, uint32_t id, quire_bytes bytes)
{
    QUIRE_TRY(quire_grow(x->ctx, &x->entries, &x->room, x->n + 1, sizeof *x->entries));
    x->entries[x->n++] = (entry){number, (uint32_t)kind, id, bytes};
    return QUIRE_OK;
}

static quire_status
push_child(exporter *x, uint32_t number, entry_kind kind, uint32_t id)
{
    return push(x, number, kind, id, (quire_bytes){NULL, 0});
}

static uint32_t
number_of(const ProtobufCMessageDescriptor *schema, uint32_t number)
{
    return protobuf_c_message_descriptor_get_field(schema, number) != NULL && number < UNKNOWN
               ? number
               : UNKNOWN;
}

/* Does the mask name this field as a child with a record of its own? */
static bool
is_child(uint32_t children, uint32_t number)
{
    return number < 32 && (children >> number & 1) != 0;
}

/* The fields of `src` that are no children and not bulk, end to end. */
static quire_status
own_fields(exporter *x, quire_bytes src, uint32_t children, quire_bytes *out)
{
    uint8_t *copy = quire_arena_alloc(&x->scratch, src.len + 1);
    if (copy == NULL) return quire_nomem(x->ctx);
    size_t n = 0;
    quire_cursor c = quire_cursor_over(x->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (is_child(children, f.number) || f.is_bulk) continue;
        memcpy(copy + n, f.whole.ptr, f.whole.len);
        n += f.whole.len;
    }
    *out = (quire_bytes){copy, n};
    return QUIRE_OK;
}

/* Pushes the fields of packed or verbatim bytes; `children` are left out, `bulk_only` takes just
 * the bulk. */
static quire_status
push_fields(exporter *x, const ProtobufCMessageDescriptor *schema, quire_bytes src,
            uint32_t children, bool bulk_only)
{
    quire_cursor c = quire_cursor_over(x->m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (is_child(children, f.number) || (bulk_only && !f.is_bulk)) continue;
        QUIRE_TRY(push(x, number_of(schema, f.number), ENTRY_VIEW, 0, f.whole));
    }
    return QUIRE_OK;
}

/* Packs `message` for as long as the rope lives and pushes its fields, and the bulk of `src`
 * beside them. */
static quire_status
push_packed(exporter *x, const ProtobufCMessage *message, quire_bytes src, uint32_t children)
{
    quire_bytes packed;
    QUIRE_TRY(quire_pb_pack(x->ctx, &x->rope->arena, message, &packed));
    QUIRE_TRY(push_fields(x, message->descriptor, packed, 0, false));
    QUIRE_TRY(push_fields(x, message->descriptor, src, children, true));
    quire_arena_reset(&x->scratch);
    return QUIRE_OK;
}

static quire_status
unpack_own(exporter *x, const ProtobufCMessageDescriptor *schema, quire_bytes src,
           uint32_t children, void *out_message)
{
    quire_bytes own;
    QUIRE_TRY(own_fields(x, src, children, &own));
    return quire_pb_unpack(x->ctx, &x->scratch, schema, own, out_message);
}

/* The string a symbol stands for: NULL where the field is absent. */
static quire_status
text_of(exporter *x, quire_sym sym, char **out)
{
    if (sym.id != 0) return quire_pb_string(x->ctx, &x->scratch, quire_sym_bytes(x->m, sym), out);
    *out = NULL;
    return QUIRE_OK;
}

/* --- writing entries in order ------------------------------------------------------------------ */

static quire_status write_entry(exporter *x, entry e);

/* Sorts the entries from `base` on by number, stably, into a copy above them. */
static quire_status
sort_entries(exporter *x, size_t base)
{
    const size_t n = x->n - base;
    QUIRE_TRY(quire_grow(x->ctx, &x->entries, &x->room, base + 2 * n, sizeof *x->entries));
    size_t at[UNKNOWN + 2] = {0};
    for (size_t i = 0; i < n; i++)
        at[x->entries[base + i].number + 1]++;
    for (size_t k = 1; k < UNKNOWN + 2; k++)
        at[k] += at[k - 1];
    for (size_t i = 0; i < n; i++) {
        const entry e = x->entries[base + i];
        x->entries[base + n + at[e.number]++] = e;
    }
    memcpy(&x->entries[base], &x->entries[base + n], n * sizeof *x->entries);
    return QUIRE_OK;
}

/* Writes the entries from `base` on and takes them off the stack. */
static quire_status
write_entries(exporter *x, size_t base)
{
    QUIRE_TRY(sort_entries(x, base));
    const size_t end = x->n;
    for (size_t i = base; i < end; i++)
        QUIRE_TRY(write_entry(x, x->entries[i]));
    x->n = base;
    return QUIRE_OK;
}

static quire_status
write_field(exporter *x, uint32_t number, size_t base)
{
    quire_rope_mark mark;
    QUIRE_TRY(quire_rope_open(x->ctx, x->rope, number, &mark));
    QUIRE_TRY(write_entries(x, base));
    return quire_rope_close(x->ctx, x->rope, mark);
}

/* A leaf message: as it stood, or through protobuf-c if touched, or from bare bytes if made
 * here. */
static quire_status
push_leaf(exporter *x, uint32_t number, const ProtobufCMessageDescriptor *schema, quire_bytes body,
          quire_bytes whole, uint32_t flags)
{
    if (flags & QUIRE_DEAD) return QUIRE_OK;
    if ((flags & (QUIRE_TOUCHED | QUIRE_NEW)) == 0 && whole.len > 0)
        return push(x, number, ENTRY_VIEW, 0, whole);
    ProtobufCMessage *message;
    QUIRE_TRY(quire_pb_unpack(x->ctx, &x->scratch, schema, body, &message));
    quire_bytes packed;
    QUIRE_TRY(quire_pb_pack(x->ctx, &x->rope->arena, message, &packed));
    quire_arena_reset(&x->scratch);
    return push(x, number, ENTRY_BODY, 0, packed);
}

/* --- tensors ---------------------------------------------------------------------------------- */

enum { SPARSE_CHILDREN = 1u << SPARSE_VALUES | 1u << SPARSE_INDICES };

static quire_status
set_dims(exporter *x, const quire_tensor_rec *r, size_t *n, int64_t **out)
{
    QUIRE_TRY(quire_arena_take(x->ctx, &x->scratch, r->rank * sizeof **out, out));
    if (r->rank > 0) memcpy(*out, r->dims, r->rank * sizeof **out);
    *n = r->rank;
    return QUIRE_OK;
}

static quire_status
write_sparse(exporter *x, const quire_tensor_rec *r, uint32_t number)
{
    const size_t base = x->n;
    Onnx__SparseTensorProto *proto;
    QUIRE_TRY(
        unpack_own(x, &onnx__sparse_tensor_proto__descriptor, r->src, SPARSE_CHILDREN, &proto));
    QUIRE_TRY(set_dims(x, r, &proto->n_dims, &proto->dims));
    QUIRE_TRY(push_packed(x, &proto->base, r->src, SPARSE_CHILDREN));
    if (r->values.id != 0) QUIRE_TRY(push_child(x, SPARSE_VALUES, ENTRY_TENSOR, r->values.id));
    if (r->indices.id != 0) QUIRE_TRY(push_child(x, SPARSE_INDICES, ENTRY_TENSOR, r->indices.id));
    return write_field(x, number, base);
}

static quire_status
add_entry(exporter *x, Onnx__TensorProto *proto, const char *key, quire_bytes value)
{
    Onnx__StringStringEntryProto *e;
    QUIRE_TRY(quire_arena_take(x->ctx, &x->scratch, sizeof *e, &e));
    onnx__string_string_entry_proto__init(e);
    QUIRE_TRY(quire_pb_string(x->ctx, &x->scratch, quire_bytes_of(key), &e->key));
    QUIRE_TRY(quire_pb_string(x->ctx, &x->scratch, value, &e->value));
    proto->external_data[proto->n_external_data++] = e;
    return QUIRE_OK;
}

static Onnx__StringStringEntryProto *
find_entry(const Onnx__TensorProto *proto, const char *key)
{
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *k = proto->external_data[i]->key;
        if (k != NULL && strcmp(k, key) == 0) return proto->external_data[i];
    }
    return NULL;
}

static quire_status
set_entry(exporter *x, Onnx__TensorProto *proto, const char *key, quire_bytes value)
{
    Onnx__StringStringEntryProto *e = find_entry(proto, key);
    if (e == NULL) return add_entry(x, proto, key, value);
    return quire_pb_string(x->ctx, &x->scratch, value, &e->value);
}

static quire_status
set_number(exporter *x, Onnx__TensorProto *proto, const char *key, uint64_t value)
{
    quire_bytes text;
    QUIRE_TRY(quire_arena_format(x->ctx, &x->scratch, &text, "%llu", (unsigned long long)value));
    return set_entry(x, proto, key, text);
}

static void
drop_entry(Onnx__TensorProto *proto, const char *key)
{
    size_t kept = 0;
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *k = proto->external_data[i]->key;
        if (k == NULL || strcmp(k, key) != 0)
            proto->external_data[kept++] = proto->external_data[i];
    }
    proto->n_external_data = kept;
}

/* A tensor whose place in the data file changed: location, offset and length anew; a checksum
 * would be of the old file. */
static quire_status
set_external(exporter *x, const quire_tensor_rec *r, Onnx__TensorProto *proto)
{
    Onnx__StringStringEntryProto **room;
    QUIRE_TRY(
        quire_arena_take(x->ctx, &x->scratch, (proto->n_external_data + 3) * sizeof *room, &room));
    if (proto->n_external_data > 0)
        memcpy(room, proto->external_data, proto->n_external_data * sizeof *room);
    proto->external_data = room;
    proto->has_data_location = 1;
    proto->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    QUIRE_TRY(set_entry(x, proto, "location", r->external->location));
    QUIRE_TRY(set_number(x, proto, "offset", r->external->offset));
    QUIRE_TRY(set_number(x, proto, "length", r->external->length));
    drop_entry(proto, "checksum");
    return QUIRE_OK;
}

static quire_status
write_dense(exporter *x, quire_tensor t, uint32_t number)
{
    const quire_tensor_rec *r = quire_tensor_at(x->m, t);
    const size_t base = x->n;
    Onnx__TensorProto *proto;
    QUIRE_TRY(unpack_own(x, &onnx__tensor_proto__descriptor, r->src, 0, &proto));
    QUIRE_TRY(set_dims(x, r, &proto->n_dims, &proto->dims));
    proto->has_data_type |= r->dtype != 0;
    proto->data_type = r->dtype;
    QUIRE_TRY(text_of(x, r->name, &proto->name));
    if (r->flags & QUIRE_MOVED) QUIRE_TRY(set_external(x, r, proto));
    QUIRE_TRY(push_packed(x, &proto->base, r->src, 0));
    if ((r->flags & QUIRE_NEW) != 0 && r->form == QUIRE_FORM_RAW)
        QUIRE_TRY(push_child(x, TENSOR_RAW_DATA, ENTRY_BLOB, t.id));
    return write_field(x, number, base);
}

static quire_status
write_blob(exporter *x, uint32_t number, quire_blob blob)
{
    quire_rope_mark mark;
    QUIRE_TRY(quire_rope_open(x->ctx, x->rope, number, &mark));
    if (blob.file == 0) {
        QUIRE_TRY(quire_rope_add(x->ctx, x->rope, (quire_bytes){blob.u.ptr, (size_t)blob.len}));
    } else {
        QUIRE_TRY(quire_rope_add_source(x->ctx, x->rope, &x->m->files[blob.file].source, blob.u.off,
                                        blob.len));
    }
    return quire_rope_close(x->ctx, x->rope, mark);
}

static quire_status
write_tensor(exporter *x, quire_tensor t, uint32_t number)
{
    const quire_tensor_rec *r = quire_tensor_at(x->m, t);
    if ((r->flags & (QUIRE_TOUCHED | QUIRE_NEW)) == 0) return add_view(x, r->whole);
    return r->form == QUIRE_FORM_SPARSE ? write_sparse(x, r, number) : write_dense(x, t, number);
}

/* --- attributes and nodes ----------------------------------------------------------------------- */

enum {
    ATTR_CHILDREN = 1u << ATTR_T | 1u << ATTR_G | 1u << ATTR_TENSORS | 1u << ATTR_GRAPHS |
                    1u << ATTR_SPARSE_TENSOR | 1u << ATTR_SPARSE_TENSORS,
    NODE_CHILDREN = 1u << NODE_ATTRIBUTE,
};

static uint32_t
tensor_field_of_type(int32_t type)
{
    switch (type) {
    case TYPE_TENSOR: return ATTR_T;
    case TYPE_SPARSE_TENSOR: return ATTR_SPARSE_TENSOR;
    case TYPE_SPARSE_TENSORS: return ATTR_SPARSE_TENSORS;
    default: return ATTR_TENSORS;
    }
}

static quire_status
push_own_attr(exporter *x, const quire_attr_rec *r)
{
    if ((r->flags & (QUIRE_TOUCHED | QUIRE_NEW)) == 0) {
        return push_fields(x, &onnx__attribute_proto__descriptor, r->src, ATTR_CHILDREN, false);
    }
    Onnx__AttributeProto *proto;
    QUIRE_TRY(unpack_own(x, &onnx__attribute_proto__descriptor, r->src, ATTR_CHILDREN, &proto));
    QUIRE_TRY(text_of(x, r->name, &proto->name));
    QUIRE_TRY(text_of(x, r->ref_name, &proto->ref_attr_name));
    return push_packed(x, &proto->base, r->src, ATTR_CHILDREN);
}

static quire_status
write_attr(exporter *x, quire_attr a, uint32_t number)
{
    const quire_attr_rec *r = quire_attr_at(x->m, a);
    if ((r->flags & (QUIRE_TOUCHED | QUIRE_INNER | QUIRE_NEW)) == 0) return add_view(x, r->whole);
    const size_t base = x->n;
    QUIRE_TRY(push_own_attr(x, r));
    const uint32_t graph_field = r->type == TYPE_GRAPH ? ATTR_G : ATTR_GRAPHS;
    for (uint32_t k = 0; k < r->n_graphs; k++)
        QUIRE_TRY(push_child(x, graph_field, ENTRY_GRAPH, r->graphs[k].id));
    const uint32_t tensor_field = tensor_field_of_type(r->type);
    for (uint32_t k = 0; k < r->n_tensors; k++)
        QUIRE_TRY(push_child(x, tensor_field, ENTRY_TENSOR, r->tensors[k].id));
    return write_field(x, number, base);
}

static quire_status
set_operands(exporter *x, const quire_node_rec *r, Onnx__NodeProto *proto)
{
    QUIRE_TRY(quire_arena_take(x->ctx, &x->scratch, r->n_in * sizeof *proto->input, &proto->input));
    proto->n_input = r->n_in;
    for (uint32_t k = 0; k < r->n_in; k++) {
        const quire_value v = quire_use_at(x->m, (quire_use){r->in.id + k})->value;
        const quire_sym name =
            v.id == 0 ? (quire_sym){QUIRE_SYM_EMPTY} : quire_value_at(x->m, v)->name;
        QUIRE_TRY(text_of(x, name, &proto->input[k]));
    }
    QUIRE_TRY(
        quire_arena_take(x->ctx, &x->scratch, r->n_out * sizeof *proto->output, &proto->output));
    proto->n_output = r->n_out;
    for (uint32_t k = 0; k < r->n_out; k++) {
        QUIRE_TRY(text_of(x, quire_value_at(x->m, (quire_value){r->out.id + k})->name,
                          &proto->output[k]));
    }
    return QUIRE_OK;
}

static quire_status
push_own_node(exporter *x, const quire_node_rec *r)
{
    if ((r->flags & QUIRE_TOUCHED) == 0)
        return push_fields(x, &onnx__node_proto__descriptor, r->src, NODE_CHILDREN, false);
    const quire_op_rec *op = quire_op_at(x->m, r->op);
    Onnx__NodeProto *proto;
    QUIRE_TRY(unpack_own(x, &onnx__node_proto__descriptor, r->src, NODE_CHILDREN, &proto));
    QUIRE_TRY(set_operands(x, r, proto));
    QUIRE_TRY(text_of(x, r->name, &proto->name));
    QUIRE_TRY(text_of(x, op->type, &proto->op_type));
    QUIRE_TRY(text_of(x, op->domain, &proto->domain));
    QUIRE_TRY(text_of(x, op->overload, &proto->overload));
    return push_packed(x, &proto->base, r->src, NODE_CHILDREN);
}

static quire_status
write_node(exporter *x, quire_node n, uint32_t number)
{
    const quire_node_rec *r = quire_node_at(x->m, n);
    if ((r->flags & (QUIRE_TOUCHED | QUIRE_INNER)) == 0) return add_view(x, r->whole);
    const size_t base = x->n;
    QUIRE_TRY(push_own_node(x, r));
    for (uint32_t k = 0; k < r->n_attr; k++)
        QUIRE_TRY(push_child(x, NODE_ATTRIBUTE, ENTRY_ATTR, r->attr.id + k));
    return write_field(x, number, base);
}

/* --- graphs and functions ----------------------------------------------------------------------- */

enum {
    GRAPH_CHILDREN = 1u << GRAPH_NODE | 1u << GRAPH_INITIALIZER | 1u << GRAPH_INPUT |
                     1u << GRAPH_OUTPUT | 1u << GRAPH_VALUE_INFO | 1u << GRAPH_ANNOTATION |
                     1u << GRAPH_SPARSE_INITIALIZER,
    FUNCTION_CHILDREN =
        1u << FUNCTION_NODE | 1u << FUNCTION_ATTRIBUTE_PROTO | 1u << FUNCTION_VALUE_INFO,
};

static quire_status
push_nodes(exporter *x, const quire_graph_rec *g, uint32_t number)
{
    for (quire_node n = g->first; n.id != 0; n = quire_node_at(x->m, n)->next) {
        QUIRE_TRY(push_child(x, number, ENTRY_NODE, n.id));
    }
    return QUIRE_OK;
}

static quire_status
push_infos(exporter *x, const quire_graph_rec *g, uint32_t number)
{
    for (size_t k = 0; k < g->n_infos; k++) {
        QUIRE_TRY(push_leaf(x, number, &onnx__value_info_proto__descriptor, g->infos[k].info,
                            g->infos[k].whole, g->infos[k].flags));
    }
    return QUIRE_OK;
}

static quire_status
push_interface(exporter *x, const quire_graph_rec *g)
{
    for (size_t k = 0; k < g->n_inits; k++) {
        const bool sparse = quire_tensor_at(x->m, g->inits[k].tensor)->form == QUIRE_FORM_SPARSE;
        if (g->inits[k].flags & QUIRE_DEAD) continue;
        QUIRE_TRY(push_child(x, sparse ? GRAPH_SPARSE_INITIALIZER : GRAPH_INITIALIZER, ENTRY_TENSOR,
                             g->inits[k].tensor.id));
    }
    for (size_t k = 0; k < g->n_inputs; k++) {
        QUIRE_TRY(push_leaf(x, GRAPH_INPUT, &onnx__value_info_proto__descriptor, g->inputs[k].info,
                            g->inputs[k].whole, g->inputs[k].flags));
    }
    for (size_t k = 0; k < g->n_outputs; k++) {
        QUIRE_TRY(push_leaf(x, GRAPH_OUTPUT, &onnx__value_info_proto__descriptor,
                            g->outputs[k].info, g->outputs[k].whole, g->outputs[k].flags));
    }
    for (size_t k = 0; k < g->n_notes; k++) {
        QUIRE_TRY(push_leaf(x, GRAPH_ANNOTATION, &onnx__tensor_annotation__descriptor,
                            g->notes[k].src, g->notes[k].whole, g->notes[k].flags));
    }
    return QUIRE_OK;
}

static quire_status
push_own_graph(exporter *x, const quire_graph_rec *g)
{
    if ((g->flags & QUIRE_TOUCHED) == 0)
        return push_fields(x, &onnx__graph_proto__descriptor, g->src, GRAPH_CHILDREN, false);
    Onnx__GraphProto *proto;
    QUIRE_TRY(unpack_own(x, &onnx__graph_proto__descriptor, g->src, GRAPH_CHILDREN, &proto));
    QUIRE_TRY(text_of(x, g->name, &proto->name));
    return push_packed(x, &proto->base, g->src, GRAPH_CHILDREN);
}

static quire_status
write_graph(exporter *x, quire_graph id, uint32_t number)
{
    const quire_graph_rec *g = quire_graph_at(x->m, id);
    if ((g->flags & (QUIRE_TOUCHED | QUIRE_INNER)) == 0) return add_view(x, g->whole);
    const size_t base = x->n;
    QUIRE_TRY(push_own_graph(x, g));
    QUIRE_TRY(push_nodes(x, g, GRAPH_NODE));
    QUIRE_TRY(push_interface(x, g));
    QUIRE_TRY(push_infos(x, g, GRAPH_VALUE_INFO));
    return write_field(x, number, base);
}

static quire_status
set_function_names(exporter *x, const quire_graph_rec *g, Onnx__FunctionProto *proto)
{
    QUIRE_TRY(text_of(x, g->name, &proto->name));
    QUIRE_TRY(text_of(x, g->domain, &proto->domain));
    QUIRE_TRY(text_of(x, g->overload, &proto->overload));
    QUIRE_TRY(
        quire_arena_take(x->ctx, &x->scratch, g->n_inputs * sizeof *proto->input, &proto->input));
    QUIRE_TRY(quire_arena_take(x->ctx, &x->scratch, g->n_outputs * sizeof *proto->output,
                               &proto->output));
    proto->n_input = g->n_inputs;
    proto->n_output = g->n_outputs;
    for (size_t k = 0; k < g->n_inputs; k++)
        QUIRE_TRY(text_of(x, quire_value_at(x->m, g->inputs[k].value)->name, &proto->input[k]));
    for (size_t k = 0; k < g->n_outputs; k++)
        QUIRE_TRY(text_of(x, g->outputs[k].name, &proto->output[k]));
    return QUIRE_OK;
}

static quire_status
push_own_function(exporter *x, const quire_graph_rec *g)
{
    if ((g->flags & QUIRE_TOUCHED) == 0)
        return push_fields(x, &onnx__function_proto__descriptor, g->src, FUNCTION_CHILDREN, false);
    Onnx__FunctionProto *proto;
    QUIRE_TRY(unpack_own(x, &onnx__function_proto__descriptor, g->src, FUNCTION_CHILDREN, &proto));
    QUIRE_TRY(set_function_names(x, g, proto));
    return push_packed(x, &proto->base, g->src, FUNCTION_CHILDREN);
}

static quire_status
write_function(exporter *x, quire_graph id)
{
    const quire_graph_rec *g = quire_graph_at(x->m, id);
    if ((g->flags & (QUIRE_TOUCHED | QUIRE_INNER)) == 0) return add_view(x, g->whole);
    const size_t base = x->n;
    QUIRE_TRY(push_own_function(x, g));
    QUIRE_TRY(push_nodes(x, g, FUNCTION_NODE));
    for (uint32_t k = 0; k < g->n_defaults; k++) {
        QUIRE_TRY(push_child(x, FUNCTION_ATTRIBUTE_PROTO, ENTRY_ATTR, g->defaults.id + k));
    }
    QUIRE_TRY(push_infos(x, g, FUNCTION_VALUE_INFO));
    return write_field(x, MODEL_FUNCTIONS, base);
}

/* --- training information and the model ----------------------------------------------------------- */

enum {
    TRAINING_CHILDREN = 1u << TRAINING_INITIALIZATION | 1u << TRAINING_ALGORITHM,
    MODEL_CHILDREN = 1u << MODEL_GRAPH | 1u << MODEL_TRAINING_INFO | 1u << MODEL_FUNCTIONS,
};

static bool
training_touched(const quire_model *m, const quire_training_rec *t)
{
    const uint32_t inner =
        quire_graph_at(m, t->initialization)->flags | quire_graph_at(m, t->algorithm)->flags;
    return ((t->flags | inner) & (QUIRE_TOUCHED | QUIRE_INNER)) != 0;
}

static quire_status
write_training(exporter *x, const quire_training_rec *t)
{
    if (!training_touched(x->m, t)) return add_view(x, t->whole);
    const size_t base = x->n;
    Onnx__TrainingInfoProto *proto;
    QUIRE_TRY(
        unpack_own(x, &onnx__training_info_proto__descriptor, t->src, TRAINING_CHILDREN, &proto));
    QUIRE_TRY(push_packed(x, &proto->base, t->src, TRAINING_CHILDREN));
    const quire_graph graphs[] = {t->initialization, t->algorithm};
    for (uint32_t k = 0; k < 2; k++) {
        if (graphs[k].id != 0) QUIRE_TRY(push_child(x, k + 1, ENTRY_GRAPH, graphs[k].id));
    }
    return write_field(x, MODEL_TRAINING_INFO, base);
}

static quire_status
write_string(exporter *x, uint32_t number, quire_bytes text)
{
    quire_rope_mark mark;
    QUIRE_TRY(quire_rope_open(x->ctx, x->rope, number, &mark));
    QUIRE_TRY(quire_rope_add(x->ctx, x->rope, text));
    return quire_rope_close(x->ctx, x->rope, mark);
}

/* The model's k-th change as an entry. */
static quire_status
write_metadata(exporter *x, uint32_t k)
{
    const quire_metadata_edit *e = x->m->metadata;
    quire_rope_mark mark;
    for (; k > 0; k--)
        e = e->next;
    QUIRE_TRY(quire_rope_open(x->ctx, x->rope, MODEL_METADATA, &mark));
    QUIRE_TRY(write_string(x, ENTRY_KEY, e->key));
    QUIRE_TRY(write_string(x, ENTRY_VALUE, e->value));
    return quire_rope_close(x->ctx, x->rope, mark);
}

/* One entry. Its number is also the field a child is written under. */
static quire_status
write_entry(exporter *x, entry e)
{
    switch ((entry_kind)e.kind) {
    case ENTRY_VIEW: return add_view(x, e.bytes);
    case ENTRY_BODY: return write_string(x, e.number, e.bytes);
    case ENTRY_BLOB:
        return write_blob(x, e.number, quire_tensor_at(x->m, (quire_tensor){e.id})->data);
    case ENTRY_NODE: return write_node(x, (quire_node){e.id}, e.number);
    case ENTRY_ATTR: return write_attr(x, (quire_attr){e.id}, e.number);
    case ENTRY_TENSOR: return write_tensor(x, (quire_tensor){e.id}, e.number);
    case ENTRY_GRAPH:
        return quire_graph_at(x->m, (quire_graph){e.id})->kind == QUIRE_GRAPH_FUNCTION
                   ? write_function(x, (quire_graph){e.id})
                   : write_graph(x, (quire_graph){e.id}, e.number);
    case ENTRY_TRAINING: return write_training(x, &x->m->training[e.id]);
    case ENTRY_METADATA: return write_metadata(x, e.id);
    }
    return quire_bug(x->ctx, "an export entry of unknown kind");
}

static bool
model_touched(const quire_model *m)
{
    bool touched = (m->flags & QUIRE_TOUCHED) != 0;
    for (size_t i = 0; i < m->n_opsets; i++)
        touched |= m->opsets[i].made.len > 0;
    touched |= (quire_graph_at(m, m->main)->flags & (QUIRE_TOUCHED | QUIRE_INNER)) != 0;
    for (size_t i = 0; i < m->n_functions; i++)
        touched |= (quire_graph_at(m, m->functions[i])->flags & (QUIRE_TOUCHED | QUIRE_INNER)) != 0;
    for (size_t i = 0; i < m->n_training; i++)
        touched |= training_touched(m, &m->training[i]);
    return touched;
}

static quire_status
push_made_opsets(exporter *x)
{
    for (size_t i = 0; i < x->m->n_opsets; i++) {
        const quire_bytes made = x->m->opsets[i].made;
        if (made.len > 0) QUIRE_TRY(push(x, MODEL_OPSET_IMPORT, ENTRY_BODY, 0, made));
    }
    return QUIRE_OK;
}

static quire_status
push_own_model(exporter *x)
{
    const quire_model *m = x->m;
    if ((m->flags & QUIRE_TOUCHED) == 0)
        return push_fields(x, &onnx__model_proto__descriptor, m->src, MODEL_CHILDREN, false);
    Onnx__ModelProto *proto;
    QUIRE_TRY(unpack_own(x, &onnx__model_proto__descriptor, m->src, MODEL_CHILDREN, &proto));
    proto->has_ir_version = 1;
    proto->ir_version = m->ir_version;
    return push_packed(x, &proto->base, m->src, MODEL_CHILDREN);
}

static bool
is_metadata(const exporter *x, const entry *e, quire_bytes key)
{
    quire_field f;
    quire_cursor c = quire_cursor_over(x->m, e->bytes);
    return e->kind == ENTRY_VIEW && e->number == MODEL_METADATA && quire_cursor_next(&c, &f) &&
           quire_metadata_is_entry(x->m, &f, key);
}

/* Puts an entry behind the last one of its number, or where that number belongs. */
static quire_status
insert(exporter *x, entry e)
{
    size_t at = 0;
    bool has_peer = false;
    for (size_t i = 0; i < x->n; i++) {
        const bool peer = x->entries[i].number == e.number;
        if (peer || (!has_peer && x->entries[i].number < e.number)) at = i + 1;
        has_peer |= peer;
    }
    QUIRE_TRY(push(x, e.number, e.kind, e.id, e.bytes));
    memmove(&x->entries[at + 1], &x->entries[at], (x->n - 1 - at) * sizeof e);
    x->entries[at] = e;
    return QUIRE_OK;
}

/* The last entry of the key becomes what the change says, the others go: a reader that takes the
 * first of several must not find an old value. */
static quire_status
change_metadata(exporter *x, const quire_metadata_edit *change, uint32_t k)
{
    const entry made = {.number = MODEL_METADATA, .kind = ENTRY_METADATA, .id = k};
    size_t n = 0;
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < x->n; i++) {
        if (is_metadata(x, &x->entries[i], change->key)) last = i;
    }
    for (size_t i = 0; i < x->n; i++) {
        if (i == last && !change->removed) {
            x->entries[n++] = made;
        } else if (last == SIZE_MAX || !is_metadata(x, &x->entries[i], change->key)) {
            x->entries[n++] = x->entries[i];
        }
    }
    x->n = n;
    return last == SIZE_MAX && !change->removed ? insert(x, made) : QUIRE_OK;
}

/* Linear in the model's own fields for every change; there is one, the annotations. */
static quire_status
change_all_metadata(exporter *x)
{
    uint32_t k = 0;
    for (const quire_metadata_edit *e = x->m->metadata; e != NULL; e = e->next)
        QUIRE_TRY(change_metadata(x, e, k++));
    return QUIRE_OK;
}

/* A model of which only metadata entries changed: every other field as and where it stood. */
static quire_status
write_in_place(exporter *x)
{
    QUIRE_TRY(push_fields(x, &onnx__model_proto__descriptor, x->m->src, 0, false));
    QUIRE_TRY(change_all_metadata(x));
    for (size_t i = 0; i < x->n; i++)
        QUIRE_TRY(write_entry(x, x->entries[i]));
    return QUIRE_OK;
}

static quire_status
write_model(exporter *x)
{
    const quire_model *m = x->m;
    if (!model_touched(m)) return m->metadata == NULL ? add_view(x, m->src) : write_in_place(x);
    QUIRE_TRY(push_own_model(x));
    QUIRE_TRY(change_all_metadata(x));
    QUIRE_TRY(push_made_opsets(x));
    QUIRE_TRY(push_child(x, MODEL_GRAPH, ENTRY_GRAPH, m->main.id));
    for (size_t i = 0; i < m->n_training; i++)
        QUIRE_TRY(push_child(x, MODEL_TRAINING_INFO, ENTRY_TRAINING, (uint32_t)i));
    for (size_t i = 0; i < m->n_functions; i++)
        QUIRE_TRY(push_child(x, MODEL_FUNCTIONS, ENTRY_GRAPH, m->functions[i].id));
    return write_entries(x, 0);
}

/* `function` 0: the whole model. */
static quire_status
run_exporter(quire_ctx *ctx, const quire_model *m, quire_graph function, quire_rope *rope)
{
    exporter x = {.ctx = ctx, .m = m, .rope = rope};
    quire_arena_init(&x.scratch, m->alloc);
    const quire_status status = function.id != 0 ? write_function(&x, function) : write_model(&x);
    quire_arena_deinit(&x.scratch);
    quire_ungrow(m->alloc, &x.entries, &x.room, sizeof *x.entries);
    if (status == QUIRE_OK) quire_rope_finish(rope);
    return status;
}

quire_status
quire_function_export(quire_ctx *ctx, const quire_model *m, quire_graph f, quire_rope *rope)
{
    return run_exporter(ctx, m, f, rope);
}

quire_status
quire_model_export(quire_ctx *ctx, const quire_model *m, quire_rope *rope)
{
    QUIRE_TRY(run_exporter(ctx, m, (quire_graph){0}, rope));
    if (rope->size <= INT32_MAX) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_LIMIT, NULL,
                      "the model would have %llu bytes; protobuf allows 2147483647: keep its "
                      "weights in external data",
                      (unsigned long long)rope->size);
}
