/* lookups.c - see lookups.h. */
#include "quantizers/lookups.h"

#include <string.h>

#define TRY QUIRE_RETURN_IF_FAILED

enum { RUNTIME, OVERRIDABLE, CONSTANT }; /* constness, least to most */
enum {                                   /* flags of origins */
       IS_SHAPE = 1u,
       IS_CODES = 2u,       /* integer codes, or what is decoded from them                 */
       IS_INPUT = 4u,       /* an input of a graph                                         */
       IS_SCATTERED = 8u,   /* of tables: a Scatter reads it                               */
       IS_TRAINED = 16u,    /* of tables: read in the training information                 */
       IS_USED_ELSE = 32u,  /* of tables: something but a lookup that is taken reads it    */
       IS_UNREADABLE = 64u, /* of tables: the host does not hand its elements out: sparse  */
};
enum { MAIN, BODY, FUNCTION, TRAINING }; /* kinds of graphs */
enum { FLOAT = 1, UINT8 = 2, INT8 = 3, BOOL = 9, FLOAT16 = 10, BFLOAT16 = 16 };
enum { FIRST_SMALL = 17 }; /* float8 and all later types have at most 8 bits */

quire_status
quire_room_for(const quire_host *host, void *io_array, uint32_t *io_room, uint64_t n, size_t size)
{
    void *old, *grown;
    uint64_t room = *io_room < 64 ? 64 : *io_room;
    if (n <= *io_room) return QUIRE_OK;
    while (room < n)
        room *= 2;
    if (room > UINT32_MAX || room > SIZE_MAX / size) return QUIRE_E_NOMEM;
    memcpy(&old, io_array, sizeof old);
    grown = host->realloc(host->ctx, old, *io_room * size, (size_t)room * size);
    if (grown == NULL) return QUIRE_E_NOMEM;
    memset((char *)grown + *io_room * size, 0, ((size_t)room - *io_room) * size);
    memcpy(io_array, &grown, sizeof grown);
    *io_room = (uint32_t)room;
    return QUIRE_OK;
}

quire_status
quire_say(const quire_host *host, quire_status status, const char *text)
{
    const quire_place nowhere = {0, 0};
    host->report(host->ctx, QUIRE_ERROR, nowhere, quire_string_of(text));
    return status;
}

static bool
is(quire_string s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

/* --- operators -------------------------------------------------------------------------------- */

/* What the first result takes over from operand 0. */
typedef enum carry {
    CARRY_NOTHING,
    CARRY_ALL,        /* its elements, be they a shape, codes or a table      */
    CARRY_TABLE,      /* its elements, but not that they are a shape          */
    CARRY_SHAPE,      /* only that it is a shape                              */
    CARRY_JOINED,     /* a shape, if every operand is one or constant         */
    CARRY_DECODED,    /* codes, if it is not computed at run time        */
    CARRY_ARITHMETIC, /* the same for either operand                     */
    MAKES_SHAPE,
    MAKES_CONSTANT,
    MAKES_ANYTHING, /* random numbers, or what a body makes               */
} carry;

typedef struct op {
    const char *type;
    carry carry;
    bool scatters, looks_up;
} op;

static const op ops[] = {
    {"Gather", CARRY_SHAPE, false, true},
    {"GatherND", CARRY_NOTHING, false, true},
    {"ATen", CARRY_NOTHING, false, true},
    {"Identity", CARRY_ALL, false, false},
    {"Cast", CARRY_ALL, false, false},
    {"Dropout", CARRY_TABLE, false, false},
    {"Constant", MAKES_CONSTANT, false, false},
    {"Shape", MAKES_SHAPE, false, false},
    {"Size", MAKES_SHAPE, false, false},
    {"Concat", CARRY_JOINED, false, false},
    {"Slice", CARRY_ALL, false, false},
    {"Squeeze", CARRY_ALL, false, false},
    {"Unsqueeze", CARRY_ALL, false, false},
    {"Reshape", CARRY_TABLE, false, false},
    {"Transpose", CARRY_TABLE, false, false},
    {"QuantizeLinear", CARRY_TABLE, false, false},
    {"DequantizeLinear", CARRY_DECODED, false, false},
    {"Sub", CARRY_ARITHMETIC, false, false},
    {"Mul", CARRY_ARITHMETIC, false, false},
    {"Scatter", CARRY_TABLE, true, false},
    {"ScatterND", CARRY_TABLE, true, false},
    {"ScatterElements", CARRY_TABLE, true, false},
    {"RandomNormal", MAKES_ANYTHING, false, false},
    {"RandomNormalLike", MAKES_ANYTHING, false, false},
    {"RandomUniform", MAKES_ANYTHING, false, false},
    {"RandomUniformLike", MAKES_ANYTHING, false, false},
    {"Bernoulli", MAKES_ANYTHING, false, false},
    {"Multinomial", MAKES_ANYTHING, false, false},
    {"If", MAKES_ANYTHING, false, false},
    {"Loop", MAKES_ANYTHING, false, false},
    {"Scan", MAKES_ANYTHING, false, false},
    {"SequenceMap", MAKES_ANYTHING, false, false},
};
static const op other = {"", CARRY_NOTHING, false, false};

/* ATen counts in any domain: exporters had several. */
static const op *
op_of(const quire_node_view *n)
{
    const bool standard = n->domain.len == 0 || is(n->domain, "ai.onnx");
    for (size_t i = 0; n->op_type.len > 0 && i < sizeof ops / sizeof *ops; i++) {
        if (n->op_type.ptr[0] == ops[i].type[0] && is(n->op_type, ops[i].type))
            return standard || is(n->op_type, "ATen") ? &ops[i] : &other;
    }
    return &other;
}

/* --- origins of values ------------------------------------------------------------------------ */

static bool
holds_codes(int32_t dtype)
{
    return dtype == UINT8 || dtype == INT8 || dtype >= FIRST_SMALL;
}

static bool
is_table_type(int32_t dtype)
{
    return dtype == FLOAT || dtype == FLOAT16 || dtype == BFLOAT16;
}

static quire_origin_record
source_record(quire_value_id value, const quire_value_view *v, uint8_t constness)
{
    quire_origin_record o = {.is_known = 1, .constness = constness};
    if (constness == RUNTIME) return o;
    o.base = value;
    o.type = v->dtype > 0 && v->dtype < 255 ? (uint8_t)v->dtype : 255;
    o.flags = v->dtype > 0 && holds_codes(v->dtype) ? IS_CODES : 0;
    return o;
}

/* The record of a value; of one that no visited node makes, what the value itself says. The pointer
 * is valid until the next call. */
static quire_status
origin_at(quire_lookups *l, quire_value_id value, quire_origin_record **out)
{
    quire_value_view v = {.size = sizeof v};
    TRY(quire_room_for(l->host, &l->origins, &l->n_origins, (uint64_t)value + 1,
                       sizeof *l->origins));
    *out = &l->origins[value];
    if ((*out)->is_known || value == 0) return QUIRE_OK;
    TRY(l->api->value(l->api->ctx, value, &v));
    const uint8_t flags = (*out)->flags;
    **out = source_record(value, &v, v.constant ? CONSTANT : RUNTIME);
    (*out)->flags |= flags;
    return QUIRE_OK;
}

static quire_status
operand_origin(quire_lookups *l, quire_node_id node, uint32_t k, quire_origin_record *out)
{
    quire_value_id value = 0;
    quire_origin_record *o;
    TRY(l->api->operand(l->api->ctx, node, k, NULL, &value));
    TRY(origin_at(l, value, &o));
    *out = *o;
    return QUIRE_OK;
}

/* --- graphs ----------------------------------------------------------------------------------- */

/* An initializer that is also an input can be replaced by the caller; any other that the host does
 * not call constant is one it cannot read. */
static quire_status
enter_initializers(quire_lookups *l, quire_graph_id graph, const quire_graph_view *g)
{
    for (uint32_t k = 0; k < g->n_initializers; k++) {
        quire_value_view v = {.size = sizeof v};
        quire_value_id value = 0;
        quire_origin_record *o;
        TRY(l->api->initializer(l->api->ctx, graph, k, NULL, &value));
        TRY(origin_at(l, value, &o));
        if (o->constness == CONSTANT) continue;
        TRY(l->api->value(l->api->ctx, value, &v));
        const bool is_input = (o->flags & IS_INPUT) != 0;
        *o = source_record(value, &v, is_input ? OVERRIDABLE : CONSTANT);
        if (!is_input) o->flags |= IS_UNREADABLE;
    }
    return QUIRE_OK;
}

static quire_status
enter_graph(quire_lookups *l, quire_graph_id graph)
{
    quire_graph_view g = {.size = sizeof g};
    TRY(quire_room_for(l->host, &l->roots, &l->n_roots, (uint64_t)graph + 1, sizeof *l->roots));
    if (l->roots[graph] != 0) return QUIRE_OK;
    TRY(l->api->graph(l->api->ctx, graph, &g));
    const bool nested = g.kind == BODY && g.parent < l->n_roots && l->roots[g.parent] != 0;
    l->roots[graph] = nested ? l->roots[g.parent] : (uint8_t)(g.kind + 1);
    for (uint32_t k = 0; k < g.n_inputs; k++) {
        quire_value_id value = 0;
        quire_origin_record *o;
        TRY(l->api->input(l->api->ctx, graph, k, NULL, &value));
        TRY(origin_at(l, value, &o));
        o->flags |= IS_INPUT;
    }
    return enter_initializers(l, graph, &g);
}

/* --- nodes ------------------------------------------------------------------------------------ */

typedef struct visit {
    quire_lookups *l;
    quire_node_id node;
    quire_node_view view;
    const op *op;
    quire_origin_record first; /* of operand 0 */
} visit;

/* The element type the node makes of operand 0 if it is a wrapper, else 0: Identity, a widening
 * Cast, a Dropout without an operand that says it trains. */
static uint8_t
wrapper_type(const visit *v)
{
    quire_attribute to = {.size = sizeof to};
    const quire_graph_api *api = v->l->api;
    const uint8_t type = v->first.type;
    quire_value_id trains = 0;
    if (type == 0 || v->op == &other) return 0;
    if (is(v->view.op_type, "Identity")) return type;
    if (is(v->view.op_type, "Dropout")) {
        const bool given =
            v->view.n_operands > 2 &&
            (api->operand(api->ctx, v->node, 2, NULL, &trains) != QUIRE_OK || trains != 0);
        return given ? 0 : type;
    }
    if (!is(v->view.op_type, "Cast") || (type != FLOAT16 && type != BFLOAT16)) return 0;
    if (api->attribute(api->ctx, v->node, "to", &to) != QUIRE_OK) return 0;
    return to.i == FLOAT ? FLOAT : 0;
}

/* Least constness of the operands; *out_shape: all are shapes or constant, one at least a shape. */
static quire_status
join_operands(const visit *v, uint8_t *out_constness, bool *out_shape)
{
    bool some = false, all = true;
    uint32_t n_present = 0;
    uint8_t least = CONSTANT;
    for (uint32_t k = 0; k < v->view.n_operands; k++) {
        quire_value_id value = 0;
        quire_origin_record *o;
        TRY(v->l->api->operand(v->l->api->ctx, v->node, k, NULL, &value));
        if (value == 0) continue;
        TRY(origin_at(v->l, value, &o));
        n_present++;
        if (o->constness < least) least = o->constness;
        some = some || (o->flags & IS_SHAPE) != 0;
        all = all && ((o->flags & IS_SHAPE) != 0 || o->constness == CONSTANT);
    }
    *out_constness = n_present == 0 ? RUNTIME : least;
    *out_shape = some && all;
    return QUIRE_OK;
}

/* (codes - zero points) * scales on a whole table, written out. */
static quire_status
decode_by_hand(const visit *v, quire_origin_record *out)
{
    quire_origin_record second = {.base = 0};
    if (v->view.n_operands > 1) TRY(operand_origin(v->l, v->node, 1, &second));
    const quire_origin_record *codes = v->first.flags & IS_CODES ? &v->first : &second;
    if (!(codes->flags & IS_CODES) || v->first.constness == RUNTIME || second.constness == RUNTIME)
        return QUIRE_OK;
    out->base = codes->base;
    out->flags = IS_CODES;
    return QUIRE_OK;
}

/* Base and flags of the first result; `is_shape` is of the operands together. */
static quire_status
carry_over(const visit *v, bool is_shape, quire_origin_record *out)
{
    const uint8_t codes = v->first.flags & IS_CODES;
    switch (v->op->carry) {
    case CARRY_NOTHING:
    case MAKES_CONSTANT:
    case MAKES_ANYTHING: break;
    case CARRY_ALL:
        out->base = v->first.base;
        out->flags = v->first.flags & (IS_SHAPE | IS_CODES);
        break;
    case CARRY_TABLE:
        out->base = v->first.base;
        out->flags = codes;
        break;
    case CARRY_SHAPE: out->flags = v->first.flags & IS_SHAPE; break;
    case CARRY_JOINED: out->flags = is_shape ? IS_SHAPE : 0; break;
    case CARRY_DECODED:
        out->base = v->first.base;
        out->flags = v->first.constness != RUNTIME ? IS_CODES : codes;
        break;
    case CARRY_ARITHMETIC: return decode_by_hand(v, out);
    case MAKES_SHAPE: out->flags = IS_SHAPE; break;
    }
    return QUIRE_OK;
}

/* Constness and origin of the node's results. */
static quire_status
set_results(visit *v)
{
    quire_origin_record made = {.base = 0};
    bool is_shape;
    TRY(join_operands(v, &made.constness, &is_shape));
    if (v->op->carry == MAKES_ANYTHING) made.constness = RUNTIME;
    TRY(carry_over(v, is_shape, &made));
    made.type = wrapper_type(v);
    if (is(v->view.op_type, "Dropout") && v->first.type != 0 && made.type == 0)
        made.constness = RUNTIME; /* it trains: random */
    made.is_known = 1;
    for (uint32_t k = 0; k < v->view.n_results; k++) {
        quire_value_id value = 0;
        quire_origin_record *o;
        TRY(v->l->api->result(v->l->api->ctx, v->node, k, NULL, &value));
        if (value == 0) continue;
        TRY(quire_room_for(v->l->host, &v->l->origins, &v->l->n_origins, (uint64_t)value + 1,
                           sizeof *v->l->origins));
        o = &v->l->origins[value];
        *o = made;
        if (k > 0) *o = (quire_origin_record){.is_known = 1, .constness = made.constness};
    }
    return QUIRE_OK;
}

/* Marks the tables that the node's operands lead to. A wrapper only hands its table on; operand 0
 * of a lookup is judged with the lookup. */
static quire_status
mark_tables(const visit *v)
{
    quire_lookups *l = v->l;
    const bool trains = l->roots[v->view.graph] == TRAINING + 1;
    const bool wraps = wrapper_type(v) != 0;
    for (uint32_t k = 0; k < v->view.n_operands; k++) {
        quire_origin_record o;
        TRY(operand_origin(l, v->node, k, &o));
        if (o.type == 0 || o.base == 0) continue;
        uint8_t *flags = &l->origins[o.base].flags;
        if (trains) *flags |= IS_TRAINED;
        if (v->op->scatters && k == 0) *flags |= IS_SCATTERED;
        if (k > 0 || (!wraps && !v->op->looks_up)) *flags |= IS_USED_ELSE;
    }
    return QUIRE_OK;
}

static bool
is_aten_embedding(const visit *v)
{
    quire_attribute name = {.size = sizeof name};
    if (v->l->api->attribute(v->l->api->ctx, v->node, "operator", &name) != QUIRE_OK) return false;
    return is(name.s, "embedding") || is(name.s, "embedding_bag") || is(name.s, "_embedding_bag");
}

/* A node without a result looks nothing up. */
static quire_status
is_lookup(const visit *v, bool *out_lookup)
{
    *out_lookup = v->op->looks_up && (!is(v->view.op_type, "ATen") || is_aten_embedding(v));
    if (!*out_lookup) return QUIRE_OK;
    *out_lookup = false;
    for (uint32_t k = 0; k < v->view.n_results && !*out_lookup; k++) {
        quire_value_id value = 0;
        TRY(v->l->api->result(v->l->api->ctx, v->node, k, NULL, &value));
        *out_lookup = value != 0;
    }
    return QUIRE_OK;
}

static quire_status
add_lookup(const visit *v)
{
    quire_lookups *l = v->l;
    const bool shape = (v->first.flags & IS_SHAPE) != 0;
    TRY(quire_room_for(l->host, &l->of, &l->room, (uint64_t)l->n + 1, sizeof *l->of));
    quire_table_lookup *new = &l->of[l->n];
    *new = (quire_table_lookup){.node = v->node,
                                .table = shape ? 0 : v->first.base,
                                .on_nd = is(v->view.op_type, "GatherND")};
    if (v->view.n_operands > 0) TRY(l->api->operand(l->api->ctx, v->node, 0, &new->place, NULL));
    l->n++;
    return QUIRE_OK;
}

static quire_status
visit_node(quire_lookups *l, quire_node_id node)
{
    visit v = {.l = l, .node = node, .view = {.size = sizeof v.view}};
    bool lookup;
    TRY(l->api->node(l->api->ctx, node, &v.view));
    if (v.view.graph != l->last_graph) TRY(enter_graph(l, v.view.graph));
    l->last_graph = v.view.graph;
    v.op = op_of(&v.view);
    if (v.view.n_operands > 0) TRY(operand_origin(l, node, 0, &v.first));
    TRY(mark_tables(&v));
    TRY(is_lookup(&v, &lookup));
    if (lookup) TRY(add_lookup(&v));
    if (v.op->carry != MAKES_CONSTANT) return set_results(&v);
    return QUIRE_OK; /* what a Constant says of itself is right */
}

static quire_status
mark_outputs(quire_lookups *l, quire_graph_id graph)
{
    quire_graph_view g = {.size = sizeof g};
    TRY(l->api->graph(l->api->ctx, graph, &g));
    for (uint32_t k = 0; k < g.n_outputs; k++) {
        quire_value_id value = 0;
        quire_origin_record *o;
        TRY(l->api->output(l->api->ctx, graph, k, NULL, &value));
        TRY(origin_at(l, value, &o));
        if (o->type == 0 || o->base == 0) continue;
        l->origins[o->base].flags |= IS_USED_ELSE;
        if (l->roots[graph] == TRAINING + 1) l->origins[o->base].flags |= IS_TRAINED;
    }
    return QUIRE_OK;
}

/* --- judging ---------------------------------------------------------------------------------- */

static quire_left
left(const char *reason, const char *text)
{
    return (quire_left){reason, text};
}
static const quire_left taken = {NULL, NULL};

/* What is wrong with the data of a lookup, in the order of docs/reasons.md. */
static quire_left
judge_data(const quire_origin_record *data, uint8_t table)
{
    if (data->flags & IS_SHAPE) return left("shape", "the gathered data is a shape, not a table");
    if ((data->flags | table) & IS_CODES)
        return left("already-quantized", "the table holds integer codes, or scales of such codes");
    if (data->constness == RUNTIME)
        return left("not-constant", "the gathered data is computed from the model's inputs");
    if (data->constness == OVERRIDABLE)
        return left("overridable-initializer",
                    "the table is also a graph input, so a caller may replace it");
    if (table & IS_UNREADABLE) return left("sparse", "the table is stored as a sparse tensor");
    if (table & IS_SCATTERED)
        return left("scatter", "a Scatter writes rows of this table before it is read");
    if (table & IS_TRAINED)
        return left("training-info", "the model's training information refers to the table");
    if (data->type == 0)
        return left("computed", "the table is computed from constants when the model is loaded");
    return taken;
}

static quire_status
judge_table(quire_lookups *l, quire_value_id table, quire_left *out)
{
    quire_value_view v = {.size = sizeof v};
    TRY(l->api->value(l->api->ctx, table, &v));
    if (!is_table_type(v.dtype)) {
        *out = left("element-type", "the table is not float32, float16 or bfloat16");
    } else if (v.rank != 2) {
        *out = left("rank", "the table is not a matrix");
    }
    return QUIRE_OK;
}

/* An integer attribute, or what it is by default. */
static quire_status
attribute_int(quire_lookups *l, quire_node_id node, const char *name, int64_t *io_value)
{
    quire_attribute a = {.size = sizeof a};
    const quire_status status = l->api->attribute(l->api->ctx, node, name, &a);
    if (status == QUIRE_OK) *io_value = a.i;
    return status == QUIRE_NONE ? QUIRE_OK : status;
}

/* Can the last dimension of the indices be 1? Where it is not known, the lowering decides: it can
 * read the shapes that integer tensors hold. */
static quire_status
may_have_depth_one(quire_lookups *l, quire_node_id node, bool *out_may)
{
    quire_value_view v = {.size = sizeof v};
    quire_value_id indices = 0;
    int64_t batch_dims = 0;
    *out_may = false;
    TRY(attribute_int(l, node, "batch_dims", &batch_dims));
    TRY(l->api->operand(l->api->ctx, node, 1, NULL, &indices));
    if (indices == 0 || batch_dims != 0) return QUIRE_OK;
    TRY(l->api->value(l->api->ctx, indices, &v));
    *out_may = v.rank < 0 || (v.rank > 0 && (v.dims[v.rank - 1] == 1 || v.dims[v.rank - 1] == -1));
    return QUIRE_OK;
}

static quire_status
judge_indices(quire_lookups *l, const quire_table_lookup *lookup, uint32_t n_operands,
              quire_constant_indices constant, quire_left *out)
{
    quire_origin_record indices;
    int64_t axis = 0;
    bool one = true;
    if (!lookup->on_nd) TRY(attribute_int(l, lookup->node, "axis", &axis));
    if (axis != 0 && axis != -2) {
        *out = left("axis", "the lookup does not take rows");
        return QUIRE_OK;
    }
    if (n_operands < 2) {
        *out = left("index-depth", "the lookup has no indices");
        return QUIRE_OK;
    }
    if (lookup->on_nd) TRY(may_have_depth_one(l, lookup->node, &one));
    TRY(operand_origin(l, lookup->node, 1, &indices));
    if (!one) {
        *out = left("index-depth", "the indices of the GatherND do not name one row each");
    } else if (constant == QUIRE_CONSTANT_INDICES_LEFT && indices.constness == CONSTANT) {
        *out = left("constant-indices", "the indices are constant, so the result is");
    }
    return QUIRE_OK;
}

static quire_status
judge(quire_lookups *l, quire_table_lookup *lookup, quire_constant_indices constant)
{
    quire_node_view n = {.size = sizeof n};
    quire_origin_record data = {.base = 0};
    TRY(l->api->node(l->api->ctx, lookup->node, &n));
    if (l->roots[n.graph] == FUNCTION + 1) {
        lookup->left = left("in-function", "the lookup is in the body of a model-local function, "
                                           "which several calls share");
        return QUIRE_OK;
    }
    if (is(n.op_type, "ATen")) {
        lookup->left = left("aten", "an ATen node: no ONNX operator says what it does");
        return QUIRE_OK;
    }
    if (n.n_operands > 0) TRY(operand_origin(l, lookup->node, 0, &data));
    const uint8_t table = lookup->table != 0 ? l->origins[lookup->table].flags : 0;
    lookup->left = judge_data(&data, table);
    if (lookup->left.reason == NULL) TRY(judge_table(l, lookup->table, &lookup->left));
    if (lookup->left.reason == NULL)
        TRY(judge_indices(l, lookup, n.n_operands, constant, &lookup->left));
    return QUIRE_OK;
}

static quire_status
judge_all(quire_lookups *l, quire_constant_indices constant)
{
    for (uint32_t i = 0; i < l->n; i++) {
        quire_table_lookup *lookup = &l->of[i];
        TRY(judge(l, lookup, constant));
        if (lookup->left.reason != NULL && lookup->table != 0)
            l->origins[lookup->table].flags |= IS_USED_ELSE;
    }
    return QUIRE_OK;
}

quire_status
quire_lookups_find(const quire_host *host, const quire_graph_api *api,
                   quire_constant_indices indices, quire_lookups *out)
{
    quire_lookups *l = out;
    *l = (quire_lookups){.host = host, .api = api};
    for (quire_node_id n = api->next_node(api->ctx, 0); n != 0; n = api->next_node(api->ctx, n))
        TRY(visit_node(l, n));
    for (uint32_t g = 1; g < l->n_roots; g++) {
        if (l->roots[g] != 0) TRY(mark_outputs(l, g));
    }
    return judge_all(l, indices);
}

void
quire_lookups_free(quire_lookups *l)
{
    const quire_host *host = l->host;
    if (l->of != NULL) host->realloc(host->ctx, l->of, l->room * sizeof *l->of, 0);
    if (l->origins != NULL)
        host->realloc(host->ctx, l->origins, l->n_origins * sizeof *l->origins, 0);
    if (l->roots != NULL) host->realloc(host->ctx, l->roots, l->n_roots * sizeof *l->roots, 0);
    *l = (quire_lookups){.host = NULL};
}

bool
quire_lookups_table_stays(const quire_lookups *l, quire_value_id table)
{
    return (l->origins[table].flags & IS_USED_ELSE) != 0;
}
