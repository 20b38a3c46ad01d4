/* host_graph.c - the graph as plugins read it: by ids that are checked, into structs of theirs. */
#include <inttypes.h>

#include "base/arena.h"
#include "base/diag.h"
#include "graph/tensor.h"
#include "kernels/half.h"
#include "plugin/host_view.h"

enum { MAX_ATTRIBUTE_NAME = 4096, CHUNK = 4096 };

/* --- graphs and nodes -------------------------------------------------------------------------- */

static quire_graph_id
main_graph(void *ctx)
{
    quire_host_view *v = ctx;
    return quire_view_enter(v, "main_graph") ? v->m->main.id : 0;
}

static quire_status
graph(void *ctx, quire_graph_id id, quire_graph_view *out)
{
    quire_host_view *v = ctx;
    const uint32_t known = QUIRE_SIZE_TO(quire_graph_view, n_outputs);
    if (!quire_view_enter(v, "graph") || !quire_view_graph(v, "graph", id) ||
        !quire_view_struct(v, "graph: out", out, known))
        return quire_view_answer(v);
    const quire_graph_rec *r = quire_graph_at(v->m, (quire_graph){id});
    *out = (quire_graph_view){.size = known,
                              .kind = r->kind,
                              .parent = r->parent.id,
                              .owner = r->owner.id,
                              .name = quire_view_text(v, r->name),
                              .n_inputs = (uint32_t)r->n_inputs,
                              .n_initializers = (uint32_t)r->n_inits,
                              .n_outputs = (uint32_t)r->n_outputs};
    return QUIRE_OK;
}

static quire_node_id
next_node(void *ctx, quire_node_id after)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "next_node")) return 0;
    if (after != 0 && !quire_view_node(v, "next_node", after)) return 0;
    return quire_walk_next(v->m, (quire_node){after}).id;
}

static quire_status
node(void *ctx, quire_node_id id, quire_node_view *out)
{
    quire_host_view *v = ctx;
    const uint32_t known = QUIRE_SIZE_TO(quire_node_view, n_attributes);
    if (!quire_view_enter(v, "node") || !quire_view_node(v, "node", id) ||
        !quire_view_struct(v, "node: out", out, known))
        return quire_view_answer(v);
    const quire_node_rec *r = quire_node_at(v->m, (quire_node){id});
    const quire_op_rec *op = quire_op_at(v->m, r->op);
    *out = (quire_node_view){.size = known,
                             .graph = r->graph.id,
                             .domain = quire_view_text(v, op->domain),
                             .op_type = quire_view_text(v, op->type),
                             .overload = quire_view_text(v, op->overload),
                             .name = quire_view_text(v, r->name),
                             .n_operands = r->n_in,
                             .n_results = r->n_out,
                             .n_attributes = r->n_attr};
    return QUIRE_OK;
}

/* --- values ------------------------------------------------------------------------------------ */

/* The tensor of a value whose elements can be read as numbers; 0: none. */
static quire_tensor
readable(const quire_model *m, quire_value value)
{
    const quire_tensor t = quire_value_constant(m, value, NULL);
    if (t.id == 0) return t;
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    const uint32_t bits = quire_dtype_describe(r->dtype)->bits;
    const bool can =
        r->form != QUIRE_FORM_SPARSE && bits != 0 && !(r->form == QUIRE_FORM_TYPED && bits == 6);
    return can ? t : (quire_tensor){0};
}

/* The rank of a value; its dims too, as far as there is room. -1: unknown. */
static int32_t
find_dims(const quire_model *m, quire_value value, int64_t *dims, int32_t room)
{
    int32_t rank;
    quire_value_dims(m, value, dims, room, &rank);
    if (rank >= 0) return rank;
    const quire_tensor t = quire_value_constant(m, value, NULL);
    if (t.id == 0) return -1;
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    for (uint32_t k = 0; k < r->rank && (int32_t)k < room; k++)
        dims[k] = r->dims[k];
    return (int32_t)r->rank;
}

static quire_status
take_i64(quire_host_view *v, size_t n, int64_t **out)
{
    const quire_status status = quire_arena_take(&v->inner, v->arena, n * sizeof **out, out);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

/* What a value's view says of its shape, and what that was made from: edits may change it. */
typedef struct quire_host_shape {
    const uint8_t *info; /* of the value's record then */
    int32_t stated;      /* its rank then */
    int32_t rank;
    int64_t dims[];
} quire_host_shape;

static quire_status
make_shape(quire_host_view *v, quire_value value, const quire_host_shape **out_shape)
{
    quire_host_shape *shape;
    const quire_value_rec *r = quire_value_at(v->m, value);
    const int32_t found = find_dims(v->m, value, NULL, 0);
    const int32_t rank = found >= 0 ? found : r->rank;
    const size_t n = rank > 0 ? (size_t)rank : 0;
    const quire_status status =
        quire_arena_take(&v->inner, v->arena, sizeof *shape + n * sizeof shape->dims[0], &shape);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    *shape = (quire_host_shape){.info = r->info.ptr, .stated = r->rank, .rank = rank};
    if (found >= 0) (void)find_dims(v->m, value, shape->dims, rank);
    for (size_t k = 0; k < n; k++) {
        if (found < 0 || shape->dims[k] < 0) shape->dims[k] = -1;
    }
    *out_shape = shape;
    return QUIRE_OK;
}

/* Doubles, so that a transform which makes values and looks at them stays linear. */
static quire_status
grow_shapes(quire_host_view *v)
{
    const quire_host_shape **shapes;
    const uint64_t twice = 2 * (uint64_t)v->n_shapes;
    const uint64_t n = v->m->values.count > twice ? v->m->values.count : twice;
    const quire_status status =
        quire_arena_take(&v->inner, v->arena, (size_t)n * sizeof *shapes, &shapes);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    if (v->n_shapes > 0) memcpy(shapes, v->shapes, v->n_shapes * sizeof *shapes);
    v->shapes = shapes;
    v->n_shapes = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    return QUIRE_OK;
}

/* Each is made once, whatever is asked how often. */
static quire_status
shape_of(quire_host_view *v, quire_value value, const quire_host_shape **out_shape)
{
    const quire_value_rec *r = quire_value_at(v->m, value);
    if (value.id >= v->n_shapes) QUIRE_TRY(grow_shapes(v));
    const quire_host_shape *known = v->shapes[value.id];
    if (known == NULL || known->info != r->info.ptr || known->stated != r->rank)
        QUIRE_TRY(make_shape(v, value, &v->shapes[value.id]));
    *out_shape = v->shapes[value.id];
    return QUIRE_OK;
}

static quire_status
value(void *ctx, quire_value_id id, quire_value_view *out)
{
    quire_host_view *v = ctx;
    const uint32_t known = QUIRE_SIZE_TO(quire_value_view, constant);
    const quire_host_shape *shape = NULL;
    if (!quire_view_enter(v, "value") || !quire_view_value(v, "value", id) ||
        !quire_view_struct(v, "value: out", out, known))
        return quire_view_answer(v);
    const quire_value at = {id};
    const quire_value_rec *r = quire_value_at(v->m, at);
    const quire_tensor constant = quire_value_constant(v->m, at, NULL);
    QUIRE_TRY(shape_of(v, at, &shape));
    *out = (quire_value_view){.size = known,
                              .graph = r->graph.id,
                              .name = quire_view_text(v, r->name),
                              .producer = quire_value_node(v->m, at).id,
                              .index = r->slot,
                              .dtype = r->elem_type,
                              .rank = shape->rank,
                              .dims = shape->rank >= 0 ? shape->dims : NULL,
                              .n_uses = r->n_uses,
                              .constant = readable(v->m, at).id != 0};
    if (out->dtype == 0 && constant.id != 0) out->dtype = quire_tensor_at(v->m, constant)->dtype;
    return QUIRE_OK;
}

/* --- what belongs to nodes and graphs ----------------------------------------------------------- */

static void
give(quire_place *out_place, quire_place place, quire_value_id *out_value, quire_value_id value_id)
{
    if (out_place != NULL) *out_place = place;
    if (out_value != NULL) *out_value = value_id;
}

static quire_status
give_none(quire_place *out_place, quire_value_id *out_value)
{
    give(out_place, (quire_place){0, 0}, out_value, 0);
    return QUIRE_NONE;
}

/* A value as what defines a tensor; one without a name, or that was removed, is none. */
static quire_status
give_value(const quire_host_view *v, quire_value at, quire_place *out_place,
           quire_value_id *out_value)
{
    const bool gone = at.id == 0 || (quire_value_at(v->m, at)->flags & QUIRE_DEAD) != 0 ||
                      quire_value_at(v->m, at)->name.id <= QUIRE_SYM_EMPTY;
    const uint32_t id = gone ? 0 : at.id;
    give(out_place, (quire_place){QUIRE_SLOT_RESULT, id}, out_value, id);
    return QUIRE_OK;
}

static quire_status
give_use(const quire_host_view *v, uint32_t use, quire_place *out_place, quire_value_id *out_value)
{
    give(out_place, (quire_place){QUIRE_SLOT_USE, use}, out_value,
         quire_use_at(v->m, (quire_use){use})->value.id);
    return QUIRE_OK;
}

static quire_status
operand(void *ctx, quire_node_id id, uint32_t k, quire_place *out_place, quire_value_id *out_value)
{
    quire_host_view *v = ctx;
    (void)give_none(out_place, out_value);
    if (!quire_view_enter(v, "operand") || !quire_view_node(v, "operand", id))
        return quire_view_answer(v);
    const quire_node_rec *r = quire_node_at(v->m, (quire_node){id});
    if (k >= r->n_in) return QUIRE_NONE;
    return give_use(v, r->in.id + k, out_place, out_value);
}

static quire_status
result(void *ctx, quire_node_id id, uint32_t k, quire_place *out_place, quire_value_id *out_value)
{
    quire_host_view *v = ctx;
    (void)give_none(out_place, out_value);
    if (!quire_view_enter(v, "result") || !quire_view_node(v, "result", id))
        return quire_view_answer(v);
    const quire_node_rec *r = quire_node_at(v->m, (quire_node){id});
    if (k >= r->n_out) return QUIRE_NONE;
    return give_value(v, (quire_value){r->out.id + k}, out_place, out_value);
}

static quire_status
input(void *ctx, quire_graph_id id, uint32_t k, quire_place *out_place, quire_value_id *out_value)
{
    quire_host_view *v = ctx;
    (void)give_none(out_place, out_value);
    if (!quire_view_enter(v, "input") || !quire_view_graph(v, "input", id))
        return quire_view_answer(v);
    const quire_graph_rec *r = quire_graph_at(v->m, (quire_graph){id});
    if (k >= r->n_inputs) return QUIRE_NONE;
    return give_value(v, r->inputs[k].value, out_place, out_value);
}

static quire_status
initializer(void *ctx, quire_graph_id id, uint32_t k, quire_place *out_place,
            quire_value_id *out_value)
{
    quire_host_view *v = ctx;
    (void)give_none(out_place, out_value);
    if (!quire_view_enter(v, "initializer") || !quire_view_graph(v, "initializer", id))
        return quire_view_answer(v);
    const quire_graph_rec *r = quire_graph_at(v->m, (quire_graph){id});
    if (k >= r->n_inits) return QUIRE_NONE;
    return give_value(v, r->inits[k].value, out_place, out_value);
}

static quire_status
output(void *ctx, quire_graph_id id, uint32_t k, quire_place *out_place, quire_value_id *out_value)
{
    quire_host_view *v = ctx;
    (void)give_none(out_place, out_value);
    if (!quire_view_enter(v, "output") || !quire_view_graph(v, "output", id))
        return quire_view_answer(v);
    const quire_graph_rec *r = quire_graph_at(v->m, (quire_graph){id});
    if (k >= r->n_outputs) return QUIRE_NONE;
    return give_use(v, r->out.id + k, out_place, out_value);
}

/* The use of `value` that `after` is; false, refused, if it is none. */
static bool
find_use(quire_host_view *v, quire_value_id id, quire_place after, quire_use *out_use)
{
    quire_slot slot;
    if (!quire_view_slot(v, "next_use", after, &slot)) return false;
    *out_use = (quire_use){slot.id};
    if (slot.kind == QUIRE_SLOT_USE && quire_use_at(v->m, *out_use)->value.id == id) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                            "next_use: this place does not read value %" PRIu32, id);
    return false;
}

static quire_place
next_use(void *ctx, quire_value_id id, quire_place after, quire_node_id *out_user,
         uint32_t *out_index)
{
    quire_host_view *v = ctx;
    const quire_place none = {0, 0};
    quire_use use;
    if (out_user != NULL) *out_user = 0;
    if (out_index != NULL) *out_index = 0;
    if (!quire_view_enter(v, "next_use") || !quire_view_value(v, "next_use", id)) return none;
    if (after.kind == 0 && after.id == 0) {
        use = quire_value_at(v->m, (quire_value){id})->first_use;
    } else {
        if (!find_use(v, id, after, &use)) return none;
        use = quire_use_at(v->m, use)->next;
    }
    if (use.id == 0) return none;
    const quire_use_rec *r = quire_use_at(v->m, use);
    if (out_user != NULL) *out_user = r->node.id;
    if (out_index != NULL) *out_index = r->index;
    return (quire_place){QUIRE_SLOT_USE, use.id};
}

/* --- attributes --------------------------------------------------------------------------------- */

enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_GRAPH = 5, TYPE_INTS = 7 };

static quire_status
give_ints(quire_host_view *v, quire_attr at, quire_attribute *out)
{
    int64_t *ints;
    const size_t n = quire_attr_ints(v->m, at, NULL, 0);
    QUIRE_TRY(take_i64(v, n, &ints));
    (void)quire_attr_ints(v->m, at, ints, n);
    out->ints = ints;
    out->n_ints = n;
    return QUIRE_OK;
}

static quire_status
give_attribute(quire_host_view *v, quire_attr at, quire_attribute *out)
{
    const quire_attr_rec *r = quire_attr_at(v->m, at);
    *out = (quire_attribute){.size = QUIRE_SIZE_TO(quire_attribute, graph)};
    if (r->ref_name.id != 0) return QUIRE_OK; /* who calls the function decides it */
    out->type = r->type;
    if (r->type == TYPE_INT) out->i = r->u.i;
    if (r->type == TYPE_FLOAT) out->f = r->u.f;
    if (r->type == TYPE_GRAPH && r->n_graphs > 0) out->graph = r->graphs[0].id;
    if (r->type == TYPE_STRING) {
        const quire_bytes s = quire_attr_string(v->m, at);
        out->s = (quire_string){(const char *)s.ptr, s.len};
    }
    return r->type == TYPE_INTS ? give_ints(v, at, out) : QUIRE_OK;
}

static quire_status
attribute(void *ctx, quire_node_id id, const char *name, quire_attribute *out)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "attribute") || !quire_view_node(v, "attribute", id) ||
        !quire_view_struct(v, "attribute: out", out, QUIRE_SIZE_TO(quire_attribute, graph)))
        return quire_view_answer(v);
    if (name == NULL || strnlen(name, MAX_ATTRIBUTE_NAME) == MAX_ATTRIBUTE_NAME) {
        return quire_view_refuse(v, QUIRE_E_USAGE, (quire_slot){0, 0},
                                 "attribute: name: found %s; allowed are up to %d bytes and NUL",
                                 name == NULL ? "NULL" : "a longer one", MAX_ATTRIBUTE_NAME - 1);
    }
    const quire_attr at = quire_node_find_attr(v->m, (quire_node){id}, name);
    return at.id == 0 ? QUIRE_NONE : give_attribute(v, at, out);
}

/* --- weights ------------------------------------------------------------------------------------ */

typedef struct quire_host_reading {
    quire_value value; /* 0: none */
    uint64_t next;     /* element the reader stands at */
    quire_row_dtype dtype;
    quire_tensor_reader reader;
} quire_host_reading;

static bool
row_dtype_of(int32_t dtype, quire_row_dtype *out)
{
    *out = dtype == QUIRE_DTYPE_FLOAT16    ? QUIRE_ROW_DTYPE_F16
           : dtype == QUIRE_DTYPE_BFLOAT16 ? QUIRE_ROW_DTYPE_BF16
                                           : QUIRE_ROW_DTYPE_F32;
    return dtype == QUIRE_DTYPE_FLOAT || *out != QUIRE_ROW_DTYPE_F32;
}

/* The next n elements, widened; out NULL: they are passed over. */
static quire_status
read_on(quire_host_view *v, quire_host_reading *at, uint64_t n, float *out)
{
    uint8_t bytes[CHUNK];
    const size_t size = quire_row_dtype_size(at->dtype);
    while (n > 0) {
        const size_t part = n < CHUNK / size ? (size_t)n : CHUNK / size;
        QUIRE_TRY(quire_tensor_reader_next(&v->inner, &at->reader, bytes, part * size));
        if (out != NULL) {
            quire_row_widen(at->dtype, bytes, part, out);
            out += part;
        }
        at->next += part;
        n -= part;
    }
    return QUIRE_OK;
}

/* Goes to element `first`. Where elements have a fixed place at once; else forwards, which is
 * linear for who reads front to back. */
static quire_status
seek(quire_host_view *v, quire_host_reading *at, quire_value value_id, quire_tensor t,
     uint64_t first)
{
    const quire_tensor_rec *r = quire_tensor_at(v->m, t);
    if (at->value.id != value_id.id || first < at->next) {
        at->value = (quire_value){0};
        QUIRE_TRY(quire_tensor_reader_init(&v->inner, &at->reader, v->m, t));
        at->value = value_id;
        at->next = 0;
    }
    if (r->form == QUIRE_FORM_TYPED) return read_on(v, at, first - at->next, NULL);
    at->reader.byte = first * quire_row_dtype_size(at->dtype);
    at->next = first;
    return QUIRE_OK;
}

static quire_status
read_at(quire_host_view *v, quire_value value_id, quire_tensor t, uint64_t first, size_t n,
        float *out)
{
    if (v->reading == NULL)
        QUIRE_TRY(quire_arena_take(&v->inner, v->arena, sizeof *v->reading, &v->reading));
    (void)row_dtype_of(quire_tensor_at(v->m, t)->dtype, &v->reading->dtype);
    QUIRE_TRY(seek(v, v->reading, value_id, t, first));
    return read_on(v, v->reading, n, out);
}

static quire_status
check_reading(quire_host_view *v, quire_value at, quire_tensor t, uint64_t first, size_t n,
              const float *out)
{
    const quire_slot slot = {QUIRE_SLOT_RESULT, at.id};
    quire_row_dtype dtype;
    if (t.id == 0) {
        return quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                 "read_floats: its elements cannot be read: allowed is a value "
                                 "whose view says constant");
    }
    const quire_tensor_rec *r = quire_tensor_at(v->m, t);
    if (!row_dtype_of(r->dtype, &dtype)) {
        return quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                 "read_floats: found elements of type %s; allowed are float, "
                                 "float16 and bfloat16",
                                 quire_dtype_describe(r->dtype)->spec);
    }
    if (first > r->n_elements || n > r->n_elements - first) {
        return quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                 "read_floats: found elements %" PRIu64 " and the %zu behind it; "
                                 "there are %" PRIu64,
                                 first, n, r->n_elements);
    }
    if (out == NULL && n > 0)
        return quire_view_refuse(v, QUIRE_E_USAGE, slot, "read_floats: out: found NULL");
    return QUIRE_OK;
}

static quire_status
read_floats(void *ctx, quire_value_id id, uint64_t first, size_t n, float *out)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "read_floats") || !quire_view_value(v, "read_floats", id))
        return quire_view_answer(v);
    const quire_value at = {id};
    const quire_tensor t = readable(v->m, at);
    QUIRE_TRY(check_reading(v, at, t, first, n, out));
    if (n == 0) return QUIRE_OK;
    const quire_status status = read_at(v, at, t, first, n, out);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

quire_graph_api
quire_host_graph_api(quire_host_view *view)
{
    return (quire_graph_api){.size = QUIRE_SIZE_TO(quire_graph_api, read_floats),
                             .ctx = view,
                             .main_graph = main_graph,
                             .graph = graph,
                             .next_node = next_node,
                             .node = node,
                             .value = value,
                             .operand = operand,
                             .result = result,
                             .input = input,
                             .initializer = initializer,
                             .output = output,
                             .next_use = next_use,
                             .attribute = attribute,
                             .read_floats = read_floats};
}
