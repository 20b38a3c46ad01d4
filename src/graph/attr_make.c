/* attr_make.c - see attr_make.h. */
#include "graph/attr_make.h"

#include "base/diag.h"
#include "graph/pb.h"
#include "graph/wire.h"

quire_status
quire_attr_fill(quire_ctx *ctx, quire_model *m, const quire_attr_make *make, quire_attr_rec *a)
{
    static const Onnx__AttributeProto__AttributeType types[] = {
        [QUIRE_MAKE_INT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
        [QUIRE_MAKE_INTS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,
        [QUIRE_MAKE_FLOAT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
        [QUIRE_MAKE_STRING] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
        [QUIRE_MAKE_TENSOR] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR,
    };
    Onnx__AttributeProto proto = ONNX__ATTRIBUTE_PROTO__INIT;
    const quire_bytes name = quire_sym_bytes(m, a->name);
    QUIRE_TRY(quire_pb_string(ctx, &m->arena, name, &proto.name));
    proto.has_type = 1;
    proto.type = types[make->kind];
    a->type = (int32_t)types[make->kind];
    a->flags = QUIRE_NEW | QUIRE_TOUCHED;
    proto.has_i = make->kind == QUIRE_MAKE_INT;
    proto.i = make->i;
    a->u.i = make->i;
    proto.has_f = make->kind == QUIRE_MAKE_FLOAT;
    proto.f = make->f;
    if (make->kind == QUIRE_MAKE_FLOAT) a->u.f = make->f;
    int64_t *ints = NULL;
    if (make->kind == QUIRE_MAKE_INTS && make->n_ints > 0) {
        QUIRE_TRY(quire_arena_take(ctx, &m->arena, make->n_ints * sizeof *ints, &ints));
        memcpy(ints, make->ints, make->n_ints * sizeof *ints);
        proto.n_ints = make->n_ints;
        proto.ints = ints;
    }
    quire_bytes text = {NULL, 0};
    if (make->kind == QUIRE_MAKE_STRING)
        QUIRE_TRY(quire_arena_copy(ctx, &m->arena, make->s, &text));
    proto.has_s = make->kind == QUIRE_MAKE_STRING;
    memcpy(&proto.s.data, &text.ptr, sizeof text.ptr);
    proto.s.len = text.len;
    if (make->kind == QUIRE_MAKE_TENSOR) {
        QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *a->tensors, &a->tensors));
        a->tensors[0] = make->tensor;
        a->n_tensors = 1;
    }
    return quire_pb_pack(ctx, &m->arena, &proto.base, &a->src);
}

quire_status
quire_info_make(quire_ctx *ctx, quire_model *m, quire_tensor t, quire_bytes *out_info)
{
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    Onnx__TensorShapeProto__Dimension *dims;
    Onnx__TensorShapeProto__Dimension **pointers;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, r->rank * sizeof *dims, &dims));
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, r->rank * sizeof *pointers, &pointers));
    for (uint32_t k = 0; k < r->rank; k++) {
        onnx__tensor_shape_proto__dimension__init(&dims[k]);
        dims[k].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dims[k].dim_value = r->dims[k];
        pointers[k] = &dims[k];
    }
    shape.n_dim = r->rank;
    shape.dim = pointers;
    Onnx__TypeProto__Tensor tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
    tensor.has_elem_type = 1;
    tensor.elem_type = r->dtype;
    tensor.shape = &shape;
    Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor;
    Onnx__ValueInfoProto info = ONNX__VALUE_INFO_PROTO__INIT;
    QUIRE_TRY(quire_pb_string(ctx, &m->arena, quire_sym_bytes(m, r->name), &info.name));
    info.type = &type;
    return quire_pb_pack(ctx, &m->arena, &info.base, out_info);
}

/* The sharding entries of a node that do not name `name`; true if one did. */
static bool
drop_from_configuration(Onnx__NodeDeviceConfigurationProto *c, quire_bytes name)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n_sharding_spec; i++) {
        const char *tensor = c->sharding_spec[i]->tensor_name;
        const bool drop = tensor != NULL && quire_bytes_equal(quire_bytes_of(tensor), name);
        if (!drop) c->sharding_spec[kept++] = c->sharding_spec[i];
    }
    const bool changed = kept != c->n_sharding_spec;
    c->n_sharding_spec = kept;
    return changed;
}

enum { NODE_ATTRIBUTE = 5, NODE_DEVICE_CONFIGURATIONS = 10 };

/* The node's own message without its attributes, which are records of their own. */
static quire_status
without_attributes(quire_ctx *ctx, quire_model *m, quire_bytes src, bool *out_has_devices,
                   quire_bytes *out)
{
    uint8_t *copy;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, src.len, &copy));
    size_t n = 0;
    quire_cursor c = quire_cursor_over(m, src);
    *out_has_devices = false;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == NODE_DEVICE_CONFIGURATIONS) *out_has_devices = true;
        if (f.number == NODE_ATTRIBUTE) continue;
        memcpy(copy + n, f.whole.ptr, f.whole.len);
        n += f.whole.len;
    }
    *out = (quire_bytes){copy, n};
    return QUIRE_OK;
}

static quire_status
drop_from_node(quire_ctx *ctx, quire_model *m, quire_node n, quire_bytes name)
{
    quire_node_rec *r = quire_edit_node(m, n);
    bool has_devices;
    quire_bytes own;
    QUIRE_TRY(without_attributes(ctx, m, r->src, &has_devices, &own));
    if (!has_devices) return QUIRE_OK;
    Onnx__NodeProto *proto;
    QUIRE_TRY(quire_pb_unpack(ctx, &m->arena, &onnx__node_proto__descriptor, own, &proto));
    bool changed = false;
    for (size_t i = 0; i < proto->n_device_configurations; i++) {
        changed |= drop_from_configuration(proto->device_configurations[i], name);
    }
    if (!changed) return QUIRE_OK;
    QUIRE_TRY(quire_pb_pack(ctx, &m->arena, &proto->base, &r->src));
    quire_edit_touch_node(m, n);
    return QUIRE_OK;
}

quire_status
quire_sharding_drop(quire_ctx *ctx, quire_model *m, quire_graph g, quire_sym name)
{
    if ((m->flags & QUIRE_HAS_DEVICES) == 0) return QUIRE_OK;
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0; n = quire_walk_next(m, n)) {
        if (!quire_graph_within(m, quire_node_at(m, n)->graph, g)) continue;
        QUIRE_TRY(drop_from_node(ctx, m, n, quire_sym_bytes(m, name)));
    }
    return QUIRE_OK;
}
