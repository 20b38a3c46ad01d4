/* origin.c - origins in one forward walk: a value is defined before it is used, so every operand is known. */
#include "passes/origin.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/tensor.h"

static const quire_origin runtime = {.constness = QUIRE_RUNTIME};

/* --- wrappers -------------------------------------------------------------------------------- */

/* The boolean operand k is absent or constantly false. */
static quire_status
operand_is_false(quire_ctx *ctx, const quire_model *m, quire_node n, uint32_t k, bool *out_false)
{
    const quire_value v = quire_node_input(m, n, k);
    uint8_t value = 0;
    *out_false = v.id == 0;
    if (*out_false) return QUIRE_OK;
    const quire_tensor t = quire_value_constant(m, v, NULL);
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    if (t.id == 0 || r->dtype != QUIRE_DTYPE_BOOL || r->n_elements != 1) return QUIRE_OK;
    if (r->form == QUIRE_FORM_SPARSE) return QUIRE_OK;
    QUIRE_TRY(quire_tensor_read_all(ctx, m, t, &value, 1));
    *out_false = value == 0;
    return QUIRE_OK;
}

/* Training is an operand from opset 12 on; between 7 and 11 a Dropout never trains; below, is_test says. */
static quire_status
dropout_is_inference(quire_ctx *ctx, const quire_model *m, quire_node n, bool *out_inference)
{
    const int64_t opset = quire_graph_opset(m, quire_node_at(m, n)->graph, "");
    *out_inference = opset >= 7 || quire_node_int(m, n, "is_test", 0) != 0;
    return opset >= 12 ? operand_is_false(ctx, m, n, 2, out_inference) : QUIRE_OK;
}

static bool
is_half(int32_t type)
{
    return type == QUIRE_DTYPE_FLOAT16 || type == QUIRE_DTYPE_BFLOAT16;
}

quire_status
quire_wrapper_type(quire_ctx *ctx, const quire_model *m, quire_node n, int32_t type,
                   int32_t *out_type)
{
    const quire_op_kind kind = quire_node_kind(m, n);
    bool wraps = kind == QUIRE_OP_IDENTITY;
    *out_type = 0;
    if (type == 0) return QUIRE_OK;
    if (kind == QUIRE_OP_DROPOUT) QUIRE_TRY(dropout_is_inference(ctx, m, n, &wraps));
    if (wraps) *out_type = type;
    if (kind == QUIRE_OP_CAST && is_half(type) &&
        quire_node_int(m, n, "to", 0) == QUIRE_DTYPE_FLOAT) {
        *out_type = QUIRE_DTYPE_FLOAT;
    }
    return QUIRE_OK;
}

/* --- values nobody computes ------------------------------------------------------------------ */

static bool
holds_codes(int32_t dtype)
{
    return quire_dtype_describe(dtype)->bits <= 8 && dtype != QUIRE_DTYPE_BOOL &&
           dtype != QUIRE_DTYPE_STRING && dtype != QUIRE_DTYPE_UNDEFINED;
}

static quire_origin
origin_of_tensor(const quire_model *m, quire_value v, quire_tensor t, quire_constness constness)
{
    const int32_t dtype = quire_tensor_at(m, t)->dtype;
    const bool known = dtype > 0 && dtype < QUIRE_DTYPE_END;
    return (quire_origin){.base = v,
                          .type = known ? (uint8_t)dtype : UINT8_MAX,
                          .constness = (uint8_t)constness,
                          .flags = known && holds_codes(dtype) ? QUIRE_ORIGIN_CODES : 0};
}

static quire_origin
origin_of_source(const quire_model *m, quire_value v)
{
    bool overridable;
    const quire_tensor t = quire_value_constant(m, v, &overridable);
    if (t.id != 0) return origin_of_tensor(m, v, t, QUIRE_CONSTANT);
    if (!overridable) return runtime;
    return origin_of_tensor(m, v, quire_value_at(m, v)->init, QUIRE_OVERRIDABLE);
}

/* --- results --------------------------------------------------------------------------------- */

static bool
has_body(const quire_model *m, const quire_node_rec *r)
{
    for (uint32_t k = 0; k < r->n_attr; k++) {
        if (quire_attr_at(m, (quire_attr){r->attr.id + k})->n_graphs > 0) return true;
    }
    return false;
}

static bool
is_random(const quire_model *m, quire_node n)
{
    static const char *const names[] = {"RandomNormal",      "RandomNormalLike", "RandomUniform",
                                        "RandomUniformLike", "Bernoulli",        "Multinomial"};
    const quire_bytes type = quire_sym_bytes(m, quire_op_at(m, quire_node_at(m, n)->op)->type);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (quire_bytes_equal(type, quire_bytes_of(names[i]))) return true;
    }
    return false;
}

/* The least constant of the operands; a node without any, with a body or with dice is not constant. */
static quire_constness
joined_constness(const quire_origins *o, const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    uint8_t joined = QUIRE_CONSTANT;
    uint32_t n_present = 0;
    for (uint32_t k = 0; k < r->n_in && joined != QUIRE_RUNTIME; k++) {
        const quire_value v = quire_node_input(m, n, k);
        if (v.id == 0) continue;
        n_present++;
        if (o->of[v.id].constness < joined) joined = o->of[v.id].constness;
    }
    if (n_present == 0 || joined == QUIRE_RUNTIME) return QUIRE_RUNTIME;
    return has_body(m, r) || is_random(m, n) ? QUIRE_RUNTIME : (quire_constness)joined;
}

/* Every operand is made of shapes or constant, and one at least is a shape. */
static bool
joins_shapes(const quire_origins *o, const quire_model *m, quire_node n)
{
    bool some = false;
    for (uint32_t k = 0; k < quire_node_at(m, n)->n_in; k++) {
        const quire_origin *in = &o->of[quire_node_input(m, n, k).id];
        const bool shape = (in->flags & QUIRE_ORIGIN_SHAPE) != 0;
        if (!shape && in->constness != QUIRE_CONSTANT) return false;
        some = some || shape;
    }
    return some;
}

/* Code arithmetic written out: (codes - zero points) * scales on a whole table. */
static quire_origin
decoded(const quire_origin *a, const quire_origin *b)
{
    const quire_origin *codes = a->flags & QUIRE_ORIGIN_CODES ? a : b;
    if (!(codes->flags & QUIRE_ORIGIN_CODES) || a->constness == QUIRE_RUNTIME ||
        b->constness == QUIRE_RUNTIME) {
        return runtime;
    }
    return (quire_origin){.base = codes->base, .flags = QUIRE_ORIGIN_CODES};
}

/* What the first result of an operator takes over from operand 0. Dropout, Reshape and the like hand
 * elements on, but a shape behind them is not looked for. */
typedef enum carry {
    CARRY_NOTHING,
    CARRY_ALL,     /* its elements, be they a shape, codes or a table   */
    CARRY_TABLE,   /* its elements, but not that they are a shape       */
    CARRY_SHAPE,   /* only that it is a shape                           */
    CARRY_JOINED,  /* a shape if all operands are, or are constant      */
    CARRY_DECODED, /* codes, if it is not computed at run time          */
    CARRY_ARITHMETIC,
    IS_SHAPE,
} carry;

static const carry carry_of_kind[QUIRE_N_OP_KINDS] = {
    [QUIRE_OP_SHAPE] = IS_SHAPE,
    [QUIRE_OP_SIZE] = IS_SHAPE,
    [QUIRE_OP_GATHER] = CARRY_SHAPE,
    [QUIRE_OP_CONCAT] = CARRY_JOINED,
    [QUIRE_OP_IDENTITY] = CARRY_ALL,
    [QUIRE_OP_CAST] = CARRY_ALL,
    [QUIRE_OP_SLICE] = CARRY_ALL,
    [QUIRE_OP_SQUEEZE] = CARRY_ALL,
    [QUIRE_OP_UNSQUEEZE] = CARRY_ALL,
    [QUIRE_OP_DROPOUT] = CARRY_TABLE,
    [QUIRE_OP_RESHAPE] = CARRY_TABLE,
    [QUIRE_OP_TRANSPOSE] = CARRY_TABLE,
    [QUIRE_OP_QUANTIZE_LINEAR] = CARRY_TABLE,
    [QUIRE_OP_SCATTER] = CARRY_TABLE,
    [QUIRE_OP_SCATTER_ND] = CARRY_TABLE,
    [QUIRE_OP_SCATTER_ELEMENTS] = CARRY_TABLE,
    [QUIRE_OP_DEQUANTIZE_LINEAR] = CARRY_DECODED,
    [QUIRE_OP_SUB] = CARRY_ARITHMETIC,
    [QUIRE_OP_MUL] = CARRY_ARITHMETIC,
};

/* Base and flags of n's first result; type and constness are filled in by the caller. */
static quire_origin
carried(const quire_origins *o, const quire_model *m, quire_node n)
{
    const quire_origin *first = &o->of[quire_node_input(m, n, 0).id];
    const uint16_t codes = first->flags & QUIRE_ORIGIN_CODES;
    quire_origin result = runtime;
    switch (carry_of_kind[quire_node_kind(m, n)]) {
    case CARRY_NOTHING: return runtime;
    case CARRY_ALL: return (quire_origin){.base = first->base, .flags = first->flags};
    case CARRY_TABLE: return (quire_origin){.base = first->base, .flags = codes};
    case CARRY_SHAPE: result.flags = first->flags & QUIRE_ORIGIN_SHAPE; return result;
    case CARRY_JOINED: result.flags = joins_shapes(o, m, n) ? QUIRE_ORIGIN_SHAPE : 0; return result;
    case CARRY_DECODED:
        result.base = first->base;
        result.flags = first->constness != QUIRE_RUNTIME ? QUIRE_ORIGIN_CODES : codes;
        return result;
    case CARRY_ARITHMETIC: return decoded(first, &o->of[quire_node_input(m, n, 1).id]);
    case IS_SHAPE: result.flags = QUIRE_ORIGIN_SHAPE; return result;
    }
    return runtime;
}

static quire_status
visit(quire_ctx *ctx, const quire_origins *o, const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    if (r->n_out == 0) return QUIRE_OK;
    if (quire_node_kind(m, n) == QUIRE_OP_CONSTANT) {
        const quire_tensor t = quire_value_constant(m, r->out, NULL);
        o->of[r->out.id] = t.id != 0 ? origin_of_tensor(m, r->out, t, QUIRE_CONSTANT)
                                     : (quire_origin){.constness = QUIRE_CONSTANT};
        return QUIRE_OK;
    }
    quire_origin result = carried(o, m, n);
    int32_t type;
    const int32_t data = o->of[quire_node_input(m, n, 0).id].type;
    QUIRE_TRY(quire_wrapper_type(ctx, m, n, data, &type));
    result.type = (uint8_t)type;
    result.constness = (uint8_t)joined_constness(o, m, n);
    if (quire_node_kind(m, n) == QUIRE_OP_DROPOUT && data != 0 && type == 0) {
        result.constness = QUIRE_RUNTIME; /* it trains: random */
    }
    o->of[r->out.id] = result;
    for (uint32_t k = 1; k < r->n_out; k++) {
        o->of[r->out.id + k] = (quire_origin){.constness = result.constness};
    }
    return QUIRE_OK;
}

quire_status
quire_origins_make(quire_ctx *ctx, const quire_model *m, quire_origins *out_origins)
{
    quire_origins *o = out_origins;
    *o = (quire_origins){.n = m->values.count};
    o->of = quire_alloc(ctx->alloc, o->n * sizeof *o->of);
    if (o->of == NULL) return quire_nomem(ctx);
    o->of[0] = runtime;
    for (uint32_t id = 1; id < o->n; id++) {
        const bool computed = quire_value_at(m, (quire_value){id})->def_kind == QUIRE_DEF_RESULT;
        o->of[id] = computed ? runtime : origin_of_source(m, (quire_value){id});
    }
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0; n = quire_walk_next(m, n)) {
        QUIRE_TRY(visit(ctx, o, m, n));
    }
    return QUIRE_OK;
}

void
quire_origins_free(quire_ctx *ctx, quire_origins *origins)
{
    if (origins->of != NULL) quire_free(ctx->alloc, origins->of, origins->n * sizeof *origins->of);
    *origins = (quire_origins){0};
}
