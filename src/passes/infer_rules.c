/* infer_rules.c - the table of infer_defs.inc and the meaning of its words.
 *
 * A rule must hold for every opset: a type that depends on the version is left out. Attributes
 * that refer to a parameter of their function (ref_attr_name) have no value here, so what depends
 * on them is unknown.
 */
#include "passes/infer_rules.h"

#include "base/alloc.h"
#include "base/diag.h"

enum { MAX_RANK = 64, ATTR_TYPE_INT = 2, ATTR_TYPE_INTS = 7 };

/* How an element type follows; infer_defs.inc explains the words. */
typedef enum elem_rule {
    ELEM_NONE,
    ELEM_SAME0,
    ELEM_SAME1,
    ELEM_SAME2,
    ELEM_SAME3,
    ELEM_SAME4,
    ELEM_SAME5,
    ELEM_SAME6,
    ELEM_SAME7,
    ELEM_ANY,
    ELEM_TO,
    ELEM_DTYPE,
    ELEM_DTYPE_INT32,
    ELEM_LIKE,
    ELEM_WINDOW,
    ELEM_STASH,
    ELEM_QUANTIZE,
    ELEM_DEQUANTIZE,
    ELEM_CONSTANT,
    ELEM_FILL,
    ELEM_SCALE_CODES,
    ELEM_BOOL,
    ELEM_INT32,
    ELEM_INT64,
    ELEM_FLOAT,
    ELEM_UINT8,
    ELEM_STRING,
} elem_rule;

typedef enum rank_rule {
    RANK_NONE,
    RANK_SAME0,
    RANK_SAME1,
    RANK_0,
    RANK_1,
    RANK_2,
    RANK_3,
    RANK_4,
    RANK_BROADCAST,
    RANK_MATMUL,
    RANK_GATHER,
    RANK_ONE_HOT,
    RANK_REDUCE,
    RANK_ARG,
    RANK_SQUEEZE,
    RANK_UNSQUEEZE,
    RANK_RESHAPE,
    RANK_EXPAND,
    RANK_FILL,
    RANK_SHAPE_ATTR,
    RANK_CONSTANT,
} rank_rule;

struct quire_infer_rule {
    const char *domain, *op;
    elem_rule elem;
    rank_rule rank;
    elem_rule other_elems; /* results 1 and up */
    rank_rule other_ranks;
};

static const quire_infer_rule rules[] = {
#define X(domain, op, elem, rank, other_elems, other_ranks)                                        \
    {domain, op, ELEM_##elem, RANK_##rank, ELEM_##other_elems, RANK_##other_ranks},
#include "passes/infer_defs.inc"
#undef X
};

enum { N_RULES = sizeof rules / sizeof *rules };

/* --- finding rows ----------------------------------------------------------------------------- */

static bool
same_domain(quire_bytes a, const char *b)
{
    if (quire_bytes_equal(a, quire_bytes_of("ai.onnx"))) a.len = 0;
    return quire_bytes_equal(a, quire_bytes_of(b));
}

/* first_of_type: by symbol, index + 1 of the first row with that op_type; rows of one op_type
 * stand in a chain through `next`. */
typedef struct rule_index {
    uint16_t *first_of_type;
    uint16_t next[N_RULES];
} rule_index;

static void
fill_index(const quire_model *m, rule_index *index)
{
    memset(index->first_of_type, 0, m->syms.n * sizeof *index->first_of_type);
    for (size_t i = 0; i < N_RULES; i++) {
        const quire_sym type = quire_syms_find(&m->syms, quire_bytes_of(rules[i].op));
        if (type.id == 0) continue;
        index->next[i] = index->first_of_type[type.id];
        index->first_of_type[type.id] = (uint16_t)(i + 1);
    }
}

static const quire_infer_rule *
rule_of_op(const quire_model *m, const rule_index *index, quire_op op)
{
    const quire_op_rec *r = quire_op_at(m, op);
    const quire_bytes domain = quire_sym_bytes(m, r->domain);
    for (uint16_t i = index->first_of_type[r->type.id]; i != 0; i = index->next[i - 1]) {
        if (same_domain(domain, rules[i - 1].domain)) return &rules[i - 1];
    }
    return NULL;
}

quire_status
quire_infer_rules_find(quire_ctx *ctx, const quire_model *m, const quire_infer_rule ***out_rules)
{
    const size_t index_size = m->syms.n * sizeof(uint16_t);
    const size_t size = m->ops.count * sizeof(const quire_infer_rule *);
    const quire_infer_rule **found = quire_alloc(ctx->alloc, size);
    rule_index index = {.first_of_type = quire_alloc(ctx->alloc, index_size)};
    if (found == NULL || index.first_of_type == NULL) {
        quire_free(ctx->alloc, found, size);
        quire_free(ctx->alloc, index.first_of_type, index_size);
        return quire_nomem(ctx);
    }
    fill_index(m, &index);
    for (uint32_t id = 0; id < m->ops.count; id++)
        found[id] = id == 0 ? NULL : rule_of_op(m, &index, (quire_op){id});
    quire_free(ctx->alloc, index.first_of_type, index_size);
    *out_rules = found;
    return QUIRE_OK;
}

/* --- element types ---------------------------------------------------------------------------- */

static int32_t
elem_of_operand(const quire_model *m, quire_node n, uint32_t k)
{
    return quire_value_at(m, quire_node_input(m, n, k))->elem_type;
}

static int32_t
known_dtype(int64_t number)
{
    return number > 0 && number < QUIRE_DTYPE_END ? (int32_t)number : 0;
}

/* An element type given by an integer attribute; `otherwise` if there is no such attribute. */
static int32_t
elem_of_attr(const quire_model *m, quire_node n, const char *name, int32_t otherwise)
{
    const quire_attr a = quire_node_find_attr(m, n, name);
    return a.id == 0 ? otherwise : known_dtype(quire_node_int(m, n, name, 0));
}

static int32_t
first_known(const quire_model *m, quire_node n)
{
    for (uint32_t k = 0; k < quire_node_at(m, n)->n_in; k++) {
        if (elem_of_operand(m, n, k) != 0) return elem_of_operand(m, n, k);
    }
    return 0;
}

/* An `output_dtype` of 0 says nothing; one that refers to a parameter could say anything. */
static int32_t
elem_of_codes(const quire_model *m, quire_node n, int32_t otherwise)
{
    const quire_attr_rec *a = quire_attr_at(m, quire_node_find_attr(m, n, "output_dtype"));
    if (a->ref_name.id != 0) return 0;
    const int64_t stated = quire_node_int(m, n, "output_dtype", 0);
    return stated != 0 ? known_dtype(stated) : otherwise;
}

static int32_t
elem_of_quantized(const quire_model *m, quire_node n)
{
    const bool given = quire_node_input(m, n, 2).id != 0;
    return elem_of_codes(m, n, given ? elem_of_operand(m, n, 2) : QUIRE_DTYPE_UINT8);
}

/* A Constant's value, by the name of its one attribute; {0, 0}: a tensor. */
typedef struct constant_form {
    const char *attribute;
    int32_t elem, rank;
} constant_form;

static const constant_form constant_forms[] = {
    {"value_float", QUIRE_DTYPE_FLOAT, 0},   {"value_floats", QUIRE_DTYPE_FLOAT, 1},
    {"value_int", QUIRE_DTYPE_INT64, 0},     {"value_ints", QUIRE_DTYPE_INT64, 1},
    {"value_string", QUIRE_DTYPE_STRING, 0}, {"value_strings", QUIRE_DTYPE_STRING, 1},
};

static const constant_form *
form_of_constant(const quire_model *m, quire_node n)
{
    for (size_t i = 0; i < sizeof constant_forms / sizeof *constant_forms; i++) {
        if (quire_node_find_attr(m, n, constant_forms[i].attribute).id != 0)
            return &constant_forms[i];
    }
    return NULL;
}

static const quire_tensor_rec *
constant_tensor(const quire_model *m, quire_node n)
{
    return quire_tensor_at(m, quire_value_constant(m, quire_node_result(m, n, 0), NULL));
}

static int32_t
elem_of_constant(const quire_model *m, quire_node n)
{
    const constant_form *form = form_of_constant(m, n);
    return form != NULL ? form->elem : constant_tensor(m, n)->dtype;
}

static int32_t
elem_of_fill(const quire_model *m, quire_node n)
{
    const quire_attr a = quire_node_find_attr(m, n, "value");
    if (a.id == 0) return QUIRE_DTYPE_FLOAT;
    const quire_attr_rec *r = quire_attr_at(m, a);
    return r->n_tensors == 1 ? quire_tensor_at(m, r->tensors[0])->dtype : 0;
}

static int32_t
elem_by(const quire_model *m, quire_node n, elem_rule rule, uint32_t k)
{
    switch (rule) {
    case ELEM_NONE: return 0;
    case ELEM_SAME0:
    case ELEM_SAME1:
    case ELEM_SAME2:
    case ELEM_SAME3:
    case ELEM_SAME4:
    case ELEM_SAME5:
    case ELEM_SAME6:
    case ELEM_SAME7: return elem_of_operand(m, n, (uint32_t)(rule - ELEM_SAME0));
    case ELEM_ANY: return first_known(m, n);
    case ELEM_TO: return elem_of_attr(m, n, "to", 0);
    case ELEM_DTYPE: return elem_of_attr(m, n, "dtype", QUIRE_DTYPE_FLOAT);
    case ELEM_DTYPE_INT32: return elem_of_attr(m, n, "dtype", QUIRE_DTYPE_INT32);
    case ELEM_LIKE: return elem_of_attr(m, n, "dtype", elem_of_operand(m, n, 0));
    case ELEM_WINDOW: return elem_of_attr(m, n, "output_datatype", QUIRE_DTYPE_FLOAT);
    case ELEM_STASH: return elem_of_attr(m, n, "stash_type", QUIRE_DTYPE_FLOAT);
    case ELEM_QUANTIZE: return elem_of_quantized(m, n);
    case ELEM_DEQUANTIZE: return elem_of_codes(m, n, elem_of_operand(m, n, 1));
    case ELEM_CONSTANT: return elem_of_constant(m, n);
    case ELEM_FILL: return elem_of_fill(m, n);
    case ELEM_SCALE_CODES: return k == 1 ? QUIRE_DTYPE_FLOAT : QUIRE_DTYPE_UINT8;
    case ELEM_BOOL: return QUIRE_DTYPE_BOOL;
    case ELEM_INT32: return QUIRE_DTYPE_INT32;
    case ELEM_INT64: return QUIRE_DTYPE_INT64;
    case ELEM_FLOAT: return QUIRE_DTYPE_FLOAT;
    case ELEM_UINT8: return QUIRE_DTYPE_UINT8;
    case ELEM_STRING: return QUIRE_DTYPE_STRING;
    }
    return 0;
}

int32_t
quire_infer_elem(const quire_model *m, quire_node n, const quire_infer_rule *rule, uint32_t k)
{
    return elem_by(m, n, k == 0 ? rule->elem : rule->other_elems, k);
}

/* --- ranks ------------------------------------------------------------------------------------ */

static int32_t
rank_of_operand(const quire_model *m, quire_node n, uint32_t k)
{
    const quire_value v = quire_node_input(m, n, k);
    return v.id == 0 ? QUIRE_RANK_UNKNOWN : quire_value_at(m, v)->rank;
}

/* A rank that came out of a sum; anything outlandish is a model that does not hold together. */
static int32_t
checked_rank(int64_t rank)
{
    return rank >= 0 && rank <= MAX_RANK ? (int32_t)rank : QUIRE_RANK_UNKNOWN;
}

static int32_t
highest_rank(const quire_model *m, quire_node n)
{
    int32_t highest = QUIRE_RANK_UNKNOWN;
    for (uint32_t k = 0; k < quire_node_at(m, n)->n_in; k++) {
        const int32_t rank = rank_of_operand(m, n, k);
        if (rank == QUIRE_RANK_UNKNOWN) return QUIRE_RANK_UNKNOWN;
        if (rank > highest) highest = rank;
    }
    return highest;
}

static int32_t
rank_of_product(int32_t a, int32_t b)
{
    if (a < 1 || b < 1) return QUIRE_RANK_UNKNOWN;
    if (a == 1) return b - 1;
    return b == 1 ? a - 1 : a > b ? a : b;
}

static int32_t
gathered_rank(const quire_model *m, quire_node n)
{
    const int64_t data = rank_of_operand(m, n, 0);
    const int64_t indices = rank_of_operand(m, n, 1);
    return data >= 1 && indices >= 0 ? checked_rank(data - 1 + indices) : QUIRE_RANK_UNKNOWN;
}

/* How many integers operand k, or else the attribute, holds; -1: neither is there, -2: not known.
 */
enum { COUNT_ABSENT = -1, COUNT_UNKNOWN = -2 };

static int64_t
count_of(const quire_model *m, quire_node n, uint32_t k, const char *attribute)
{
    const quire_value v = quire_node_input(m, n, k);
    if (v.id != 0) {
        const quire_tensor t = quire_value_constant(m, v, NULL);
        const quire_tensor_rec *r = quire_tensor_at(m, t);
        return t.id != 0 && r->rank == 1 && r->dims[0] <= MAX_RANK ? r->dims[0] : COUNT_UNKNOWN;
    }
    const quire_attr a = quire_node_find_attr(m, n, attribute);
    if (a.id == 0) return COUNT_ABSENT;
    const quire_attr_rec *r = quire_attr_at(m, a);
    if (r->type != ATTR_TYPE_INTS || r->ref_name.id != 0) return COUNT_UNKNOWN;
    return (int64_t)quire_attr_ints(m, a, NULL, 0);
}

/* `removed` dimensions go, or become 1 where the attribute keepdims says so, which is its
 * default. */
static int32_t
reduced_rank(const quire_model *m, quire_node n, int64_t removed)
{
    const int64_t rank = rank_of_operand(m, n, 0);
    const quire_attr_rec *a = quire_attr_at(m, quire_node_find_attr(m, n, "keepdims"));
    if (rank == QUIRE_RANK_UNKNOWN || (a->type != 0 && a->type != ATTR_TYPE_INT) ||
        a->ref_name.id != 0)
        return QUIRE_RANK_UNKNOWN;
    if (quire_node_int(m, n, "keepdims", 1) != 0) return (int32_t)rank;
    if (removed == COUNT_ABSENT && quire_node_find_attr(m, n, "noop_with_empty_axes").id == 0)
        removed = rank;
    return removed > 0 || rank == 0 ? checked_rank(rank - removed) : QUIRE_RANK_UNKNOWN;
}

/* Squeeze without axes removes whatever is 1. */
static int32_t
rank_with_axes(const quire_model *m, quire_node n, int64_t sign)
{
    const int64_t rank = rank_of_operand(m, n, 0);
    const int64_t axes = count_of(m, n, 1, "axes");
    return rank >= 0 && axes >= 0 ? checked_rank(rank + sign * axes) : QUIRE_RANK_UNKNOWN;
}

static int32_t
expanded_rank(const quire_model *m, quire_node n)
{
    const int64_t rank = rank_of_operand(m, n, 0);
    const int64_t wanted = count_of(m, n, 1, "");
    if (rank < 0 || wanted < 0) return QUIRE_RANK_UNKNOWN;
    return checked_rank(rank > wanted ? rank : wanted);
}

static int32_t
rank_of_constant(const quire_model *m, quire_node n)
{
    const constant_form *form = form_of_constant(m, n);
    if (form != NULL) return form->rank;
    const quire_tensor_rec *t = constant_tensor(m, n);
    return t->dtype == 0 ? QUIRE_RANK_UNKNOWN : checked_rank(t->rank);
}

static int32_t
rank_by(const quire_model *m, quire_node n, rank_rule rule)
{
    const int32_t rank = rank_of_operand(m, n, 0);
    switch (rule) {
    case RANK_NONE: return QUIRE_RANK_UNKNOWN;
    case RANK_SAME0: return rank;
    case RANK_SAME1: return rank_of_operand(m, n, 1);
    case RANK_0:
    case RANK_1:
    case RANK_2:
    case RANK_3:
    case RANK_4: return (int32_t)(rule - RANK_0);
    case RANK_BROADCAST: return highest_rank(m, n);
    case RANK_MATMUL: return rank_of_product(rank, rank_of_operand(m, n, 1));
    case RANK_GATHER: return gathered_rank(m, n);
    case RANK_ONE_HOT: return rank < 0 ? rank : checked_rank(rank + 1);
    case RANK_REDUCE: return reduced_rank(m, n, count_of(m, n, 1, "axes"));
    case RANK_ARG: return reduced_rank(m, n, 1);
    case RANK_SQUEEZE: return rank_with_axes(m, n, -1);
    case RANK_UNSQUEEZE: return rank_with_axes(m, n, 1);
    case RANK_RESHAPE: return checked_rank(count_of(m, n, 1, "shape"));
    case RANK_EXPAND: return expanded_rank(m, n);
    case RANK_FILL: return checked_rank(count_of(m, n, 0, ""));
    case RANK_SHAPE_ATTR: return checked_rank(count_of(m, n, UINT32_MAX, "shape"));
    case RANK_CONSTANT: return rank_of_constant(m, n);
    }
    return QUIRE_RANK_UNKNOWN;
}

int32_t
quire_infer_rank(const quire_model *m, quire_node n, const quire_infer_rule *rule, uint32_t k)
{
    return rank_by(m, n, k == 0 ? rule->rank : rule->other_ranks);
}
