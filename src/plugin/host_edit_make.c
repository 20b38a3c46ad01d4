/* host_edit_make.c - nodes and constants that a transform makes: descriptions by plugins, checked
 * whole before anything is made of them.
 */
#include <inttypes.h>
#include <stdalign.h>

#include "base/arena.h"
#include "plugin/host_edit.h"

enum {
    MAX_RANK = 1024,
    MAX_ITEMS = 1 << 16, /* operands, results or attributes of a node */
    SHOWN = 100
};
#define MAX_BYTES INT32_MAX /* of a tensor: a protobuf file holds no more */

static const quire_slot no_slot = {0, 0};

static quire_bytes
bytes_of(quire_string s)
{
    return (quire_bytes){(const uint8_t *)s.ptr, s.len};
}

/* A copy that ends in NUL and lives as long as the callback. */
static quire_status
take_text(quire_host_view *v, quire_string s, const char **out)
{
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(&v->inner, v->arena, bytes_of(s), &copy));
    *out = (const char *)copy.ptr;
    return QUIRE_OK;
}

/* `n` things at `ptr`, which is NULL only where there are none. */
static bool
check_count(quire_host_view *v, const char *what, const void *ptr, size_t n, size_t most)
{
    if (n <= most && (ptr != NULL || n == 0)) return true;
    if (n > most) {
        (void)quire_view_refuse(v, QUIRE_E_LIMIT, no_slot,
                                "create_node: %s: found %zu; allowed are %zu", what, n, most);
    } else {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot, "create_node: %s: found %zu at NULL",
                                what, n);
    }
    return false;
}

/* --- tensors ----------------------------------------------------------------------------------- */

static bool
refuse_dim(quire_host_view *v, const char *function, uint32_t k, int64_t dim)
{
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "%s: tensor: dims[%" PRIu32 "]: found %" PRId64
                            "; allowed is 0 or more, and less than 2^63 elements",
                            function, k, dim);
    return false;
}

static bool
check_dims(quire_host_view *v, const char *function, const quire_new_tensor *t, uint64_t *out_n)
{
    if (t->rank > MAX_RANK || (t->rank > 0 && t->dims == NULL)) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                "%s: tensor: found rank %" PRIu32 " and dims %s; allowed are up to "
                                "%d dims",
                                function, t->rank, t->dims == NULL ? "NULL" : "set", MAX_RANK);
        return false;
    }
    *out_n = 1;
    for (uint32_t k = 0; k < t->rank; k++) {
        if (t->dims[k] < 0 || !quire_mul_u64(*out_n, (uint64_t)t->dims[k], out_n) ||
            *out_n > INT64_MAX)
            return refuse_dim(v, function, k, t->dims[k]);
    }
    return true;
}

static bool
check_tensor(quire_host_view *v, const char *function, const quire_new_tensor *t)
{
    uint64_t n;
    uint64_t need = 0;
    if (!quire_view_struct(v, function, t, QUIRE_SIZE_TO(quire_new_tensor, n_bytes))) return false;
    if (quire_dtype_describe(t->dtype)->bits == 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                "%s: tensor: dtype: found %" PRId32 "; allowed are numbers of "
                                "TensorProto.DataType, but no strings",
                                function, t->dtype);
        return false;
    }
    if (!check_dims(v, function, t, &n)) return false;
    if (!quire_dtype_bytes(t->dtype, n, &need) || need > MAX_BYTES) {
        (void)quire_view_refuse(
            v, QUIRE_E_LIMIT, no_slot,
            "%s: tensor: found %" PRIu64 " elements of %s; allowed are %" PRId32 " bytes", function,
            n, quire_dtype_describe(t->dtype)->onnx, (int32_t)MAX_BYTES);
        return false;
    }
    if (t->n_bytes == need && (t->data != NULL || need == 0)) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "%s: tensor: n_bytes: found %zu at %s; %" PRIu64
                            " elements of %s take %" PRIu64,
                            function, t->n_bytes, t->data == NULL ? "NULL" : "data", n,
                            quire_dtype_describe(t->dtype)->onnx, need);
    return false;
}

static quire_status
make_tensor(quire_host_view *v, quire_bytes name, const quire_new_tensor *t, quire_tensor *out)
{
    static const int64_t no_dims[1] = {0};
    static const uint8_t no_data[1] = {0};
    const quire_tensor_make make = {
        .name = name,
        .dtype = t->dtype,
        .rank = t->rank,
        .dims = t->rank > 0 ? t->dims : no_dims,
        .data = {.u = {.ptr = t->n_bytes > 0 ? t->data : no_data}, .len = t->n_bytes}};
    return quire_tensor_create(&v->inner, v->m, &make, out);
}

/* --- initializers ------------------------------------------------------------------------------ */

static bool
check_place(quire_host_view *v, quire_graph_id graph)
{
    if (!quire_view_graph(v, "add_initializer", graph)) return false;
    if (quire_graph_root(v->m, (quire_graph){graph}).id != graph ||
        quire_graph_at(v->m, (quire_graph){graph})->kind != QUIRE_GRAPH_FUNCTION)
        return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "add_initializer: graph %" PRIu32 " is a function, which has no "
                            "initializers; create a Constant node",
                            graph);
    return false;
}

static quire_status
add(quire_host_view *v, quire_graph graph, quire_bytes name, const quire_new_tensor *tensor,
    quire_value *out)
{
    quire_tensor made;
    QUIRE_TRY(make_tensor(v, name, tensor, &made));
    return quire_graph_add_initializer(&v->inner, v->m, graph, made, out);
}

quire_status
quire_edit_add_initializer(void *ctx, quire_graph_id graph, quire_string name,
                           const quire_new_tensor *tensor, quire_value_id *out_value)
{
    quire_host_view *v = ctx;
    quire_value made;
    if (out_value != NULL) *out_value = 0;
    if (!quire_view_enter(v, "add_initializer") || !check_place(v, graph) ||
        !quire_edit_new_name(v, "add_initializer: name", name) ||
        !check_tensor(v, "add_initializer", tensor))
        return quire_view_answer(v);
    const quire_status status = add(v, (quire_graph){graph}, bytes_of(name), tensor, &made);
    if (status == QUIRE_OK && out_value != NULL) *out_value = made.id;
    return quire_edit_done(v, status);
}

/* --- attributes -------------------------------------------------------------------------------- */

/* AttributeProto.AttributeType of what can be made. */
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_TENSOR = 4, TYPE_INTS = 7 };

static const quire_new_attribute *
attribute_at(const quire_new_node *node, uint32_t k)
{
    enum { ALIGN = alignof(quire_new_attribute) };
    const size_t stride = ((size_t)node->attributes->size + ALIGN - 1) / ALIGN * ALIGN;
    const char *first = (const char *)node->attributes;
    return (const quire_new_attribute *)(const void *)(first + k * stride);
}

static bool
check_content(quire_host_view *v, const quire_new_attribute *a)
{
    switch (a->type) {
    case TYPE_FLOAT:
    case TYPE_INT: return true;
    case TYPE_STRING: return quire_view_string(v, no_slot, "create_node: attribute: s", a->s);
    case TYPE_INTS:
        return check_count(v, "attribute: n_ints", a->ints, a->n_ints, MAX_BYTES / sizeof *a->ints);
    case TYPE_TENSOR: return check_tensor(v, "create_node: attribute", a->tensor);
    default: break;
    }
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "create_node: attribute \"%.*s\": type: found %" PRId32
                            "; allowed are 1 (float), 2 (int), 3 (string), 4 (tensor) and 7 (ints)",
                            a->name.len < SHOWN ? (int)a->name.len : SHOWN, a->name.ptr, a->type);
    return false;
}

static bool
check_attributes(quire_host_view *v, const quire_new_node *node)
{
    const uint32_t least = QUIRE_SIZE_TO(quire_new_attribute, tensor);
    if (!check_count(v, "n_attributes", node->attributes, node->n_attributes, MAX_ITEMS))
        return false;
    for (uint32_t k = 0; k < node->n_attributes; k++) {
        const quire_new_attribute *a = attribute_at(node, k);
        if (!quire_view_struct(v, "create_node: attribute", a, least)) return false;
        if (a->size != node->attributes->size) {
            (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                    "create_node: attribute %" PRIu32 ": found size %" PRIu32
                                    "; allowed is that of the first, %" PRIu32,
                                    k, a->size, node->attributes->size);
            return false;
        }
        if (!quire_edit_text(v, "create_node: attribute: name", a->name)) return false;
        if (a->name.len == 0) {
            (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                    "create_node: attribute %" PRIu32 " has no name (\"\")", k);
            return false;
        }
        if (!check_content(v, a)) return false;
    }
    return true;
}

static quire_status
make_attribute(quire_host_view *v, const quire_new_attribute *a, quire_attr_make *out)
{
    *out = (quire_attr_make){.i = a->i, .f = a->f};
    QUIRE_TRY(take_text(v, a->name, &out->name));
    switch (a->type) {
    case TYPE_FLOAT: out->kind = QUIRE_MAKE_FLOAT; return QUIRE_OK;
    case TYPE_INT: out->kind = QUIRE_MAKE_INT; return QUIRE_OK;
    case TYPE_STRING:
        out->kind = QUIRE_MAKE_STRING;
        out->s = bytes_of(a->s);
        return QUIRE_OK;
    case TYPE_INTS:
        out->kind = QUIRE_MAKE_INTS;
        out->ints = a->ints;
        out->n_ints = a->n_ints;
        return QUIRE_OK;
    default: break;
    }
    out->kind = QUIRE_MAKE_TENSOR;
    return make_tensor(v, (quire_bytes){NULL, 0}, a->tensor, &out->tensor);
}

/* --- nodes ------------------------------------------------------------------------------------- */

/* Where the node is to stand. */
static bool
check_position(quire_host_view *v, const quire_new_node *node)
{
    if (!quire_view_graph(v, "create_node", node->graph)) return false;
    if (node->before == 0) return true;
    if (!quire_view_node(v, "create_node: before", node->before)) return false;
    if (quire_node_at(v->m, (quire_node){node->before})->graph.id == node->graph) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "create_node: before: node %" PRIu32 " is not in graph %" PRIu32,
                            node->before, node->graph);
    return false;
}

/* The operator, in a domain that the model imports: readers refuse others. */
static bool
check_operator(quire_host_view *v, const quire_new_node *node)
{
    quire_bytes domain = bytes_of(node->domain);
    if (!quire_edit_text(v, "create_node: domain", node->domain) ||
        !quire_edit_text(v, "create_node: op_type", node->op_type) ||
        !quire_edit_text(v, "create_node: name", node->name))
        return false;
    if (node->op_type.len == 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot, "create_node: op_type: found \"\"");
        return false;
    }
    if (quire_bytes_equal(domain, quire_bytes_of("ai.onnx"))) domain.len = 0;
    const char *text;
    const quire_status status = take_text(v, (quire_string){node->domain.ptr, domain.len}, &text);
    if (status != QUIRE_OK) {
        (void)quire_view_failed(v, status);
        return false;
    }
    if (quire_graph_opset(v->m, (quire_graph){node->graph}, text) != 0) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "create_node: domain: found \"%.100s\", of which the model imports no "
                            "version; allowed are domains of its opset_import",
                            text);
    return false;
}

static bool
check_operands(quire_host_view *v, const quire_new_node *node)
{
    if (!check_count(v, "n_operands", node->operands, node->n_operands, MAX_ITEMS)) return false;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        if (node->operands[k] != 0 &&
            !quire_edit_readable(v, "create_node", (quire_graph){node->graph}, node->operands[k]))
            return false;
    }
    return true;
}

/* Two strings of one kind that are equal; `what` names the kind. `name_at` gives string k. */
static quire_status
check_distinct(quire_host_view *v, const char *what, const quire_new_node *node, uint32_t n,
               quire_string (*name_at)(const quire_new_node *, uint32_t))
{
    quire_syms seen;
    quire_status status = quire_syms_init(&v->inner, &seen);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    for (uint32_t k = 0; k < n && status == QUIRE_OK; k++) {
        const quire_string name = name_at(node, k);
        const size_t before = seen.n;
        quire_sym sym;
        if (name.len == 0) continue;
        status = quire_syms_intern(&v->inner, &seen, bytes_of(name), &sym);
        if (status != QUIRE_OK) {
            status = quire_view_failed(v, status);
        } else if (seen.n == before) {
            status = quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                       "create_node: %s: found \"%.*s\" twice", what,
                                       name.len < SHOWN ? (int)name.len : SHOWN, name.ptr);
        }
    }
    quire_syms_deinit(&seen);
    return status;
}

static quire_string
result_name_at(const quire_new_node *node, uint32_t k)
{
    return node->results[k];
}

static quire_string
attribute_name_at(const quire_new_node *node, uint32_t k)
{
    return attribute_at(node, k)->name;
}

/* An omitted result has the name "". */
static bool
check_results(quire_host_view *v, const quire_new_node *node)
{
    uint32_t n_named = 0;
    if (!check_count(v, "n_results", node->results, node->n_results, MAX_ITEMS)) return false;
    for (uint32_t k = 0; k < node->n_results; k++) {
        const quire_string name = node->results[k];
        const bool omitted = name.len == 0;
        if (!omitted && !quire_edit_new_name(v, "create_node: results", name)) return false;
        n_named += !omitted;
    }
    if (n_named > 0) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "create_node: results: found no name; a node has one result at least");
    return false;
}

static bool
check_node(quire_host_view *v, const quire_new_node *node)
{
    if (!quire_view_struct(v, "create_node", node, QUIRE_SIZE_TO(quire_new_node, n_attributes)) ||
        !check_position(v, node) || !check_operator(v, node) || !check_operands(v, node) ||
        !check_results(v, node) || !check_attributes(v, node))
        return false;
    if (node->n_results > 1 &&
        check_distinct(v, "results", node, node->n_results, result_name_at) != QUIRE_OK)
        return false;
    return node->n_attributes < 2 ||
           check_distinct(v, "attributes", node, node->n_attributes, attribute_name_at) == QUIRE_OK;
}

static quire_status
make_lists(quire_host_view *v, const quire_new_node *node, quire_node_make *out)
{
    quire_value *inputs;
    quire_bytes *outputs;
    quire_attr_make *attrs;
    QUIRE_TRY(quire_arena_take(&v->inner, v->arena, node->n_operands * sizeof *inputs, &inputs));
    QUIRE_TRY(quire_arena_take(&v->inner, v->arena, node->n_results * sizeof *outputs, &outputs));
    QUIRE_TRY(quire_arena_take(&v->inner, v->arena, node->n_attributes * sizeof *attrs, &attrs));
    for (uint32_t k = 0; k < node->n_operands; k++)
        inputs[k] = (quire_value){node->operands[k]};
    for (uint32_t k = 0; k < node->n_results; k++)
        outputs[k] = bytes_of(node->results[k]);
    for (uint32_t k = 0; k < node->n_attributes; k++)
        QUIRE_TRY(make_attribute(v, attribute_at(node, k), &attrs[k]));
    out->inputs = inputs;
    out->outputs = outputs;
    out->attrs = attrs;
    return QUIRE_OK;
}

static quire_status
make_node(quire_host_view *v, const quire_new_node *node, quire_node *out)
{
    quire_node_make make = {.graph = {node->graph},
                            .name = bytes_of(node->name),
                            .n_inputs = node->n_operands,
                            .n_outputs = node->n_results,
                            .n_attrs = node->n_attributes};
    QUIRE_TRY(take_text(v, node->domain, &make.domain));
    QUIRE_TRY(take_text(v, node->op_type, &make.op_type));
    QUIRE_TRY(make_lists(v, node, &make));
    return quire_node_create(&v->inner, v->m, &make, (quire_node){node->before}, out);
}

quire_status
quire_edit_create_node(void *ctx, const quire_new_node *node, quire_node_id *out_node)
{
    quire_host_view *v = ctx;
    quire_node made;
    if (out_node != NULL) *out_node = 0;
    if (!quire_view_enter(v, "create_node") || !check_node(v, node)) return quire_view_answer(v);
    const quire_status status = make_node(v, node, &made);
    if (status == QUIRE_OK && out_node != NULL) *out_node = made.id;
    return quire_edit_done(v, status);
}
