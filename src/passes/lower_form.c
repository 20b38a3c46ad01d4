/* lower_form.c - see lower_form.h.
 *
 * Nodes are made in order before the lookup. A form is a chain of steps from the gathered codes to
 * the result; what a step needs besides (constants, shapes) it makes itself, as Constant nodes
 * named after the result, so that the only new initializers are the table's. In the body of a
 * function (lower_call.c) the same nodes read its formals and have plain names.
 */
#include "passes/form.h"

#include <stdio.h>

#include "base/diag.h"
#include "graph/edit.h"
#include "passes/index_rank.h"
#include "passes/table_codes.h"

typedef quire_form form;

/* --- nodes ------------------------------------------------------------------------------------ */

/* What a new node computes, less its operands. */
typedef struct node_op {
    const char *type, *suffix; /* the result is called R.suffix */
    const quire_attr_make *attrs;
    uint32_t n_attrs;
    int32_t dtype, rank;
} node_op;

/* Functions have a scope of their own, and of each suffix one value. */
quire_status
quire_form_name(const quire_form *f, const char *suffix, quire_bytes *out)
{
    const quire_bytes r = quire_value_name(f->m, f->result);
    quire_bytes base;
    if (f->in_function) return quire_arena_copy(f->ctx, &f->m->arena, quire_bytes_of(suffix), out);
    QUIRE_TRY(quire_arena_format(f->ctx, &f->m->arena, &base, "%.*s.%s", (int)r.len,
                                 (const char *)r.ptr, suffix));
    return quire_model_fresh_name(f->ctx, f->m, base, out);
}

static quire_status
add_node(form *f, const node_op *op, const quire_value *in, uint32_t n_in, bool names_lookup,
         quire_value *out)
{
    const quire_node_rec *lookup = quire_node_at(f->m, f->site->lookup);
    const bool named = names_lookup && !f->in_function;
    quire_bytes name;
    quire_node n;
    QUIRE_TRY(quire_form_name(f, names_lookup && f->in_function ? "result" : op->suffix, &name));
    const quire_node_make make = {
        .graph = f->graph,
        .domain = "",
        .op_type = op->type,
        .name = named ? quire_sym_bytes(f->m, lookup->name) : (quire_bytes){NULL, 0},
        .inputs = in,
        .n_inputs = n_in,
        .outputs = &name,
        .n_outputs = 1,
        .attrs = op->attrs,
        .n_attrs = op->n_attrs,
    };
    QUIRE_TRY(quire_node_create(f->ctx, f->m, &make, f->before, &n));
    *out = quire_node_result(f->m, n, 0);
    if (!f->in_function) quire_value_set_type(f->m, *out, op->dtype, op->rank);
    return QUIRE_OK;
}

static quire_status
add_unary(form *f, const node_op *op, quire_value in, quire_value *out)
{
    return add_node(f, op, &in, 1, false, out);
}

static quire_status
add_binary(form *f, const node_op *op, quire_value a, quire_value b, quire_value *out)
{
    return add_node(f, op, (const quire_value[]){a, b}, 2, false, out);
}

/* A node of the chain: the last one has the lookup's name. */
static quire_status
add_step(form *f, const node_op *op, const quire_value *in, uint32_t n_in, quire_value *out)
{
    return add_node(f, op, in, n_in, f->last, out);
}

static quire_status
add_cast(form *f, const char *suffix, int32_t dtype, int32_t rank, quire_value in, quire_value *out)
{
    const quire_attr_make to = {.name = "to", .kind = QUIRE_MAKE_INT, .i = dtype};
    return add_unary(f, &(node_op){"Cast", suffix, &to, 1, dtype, rank}, in, out);
}

static quire_status
add_constant(form *f, const char *suffix, const quire_tensor_make *make, quire_value *out)
{
    quire_tensor t;
    QUIRE_TRY(quire_tensor_create(f->ctx, f->m, make, &t));
    const quire_attr_make value = {.name = "value", .kind = QUIRE_MAKE_TENSOR, .tensor = t};
    return add_node(f, &(node_op){"Constant", suffix, &value, 1, make->dtype, (int32_t)make->rank},
                    NULL, 0, false, out);
}

static quire_status
add_byte(form *f, const char *suffix, uint32_t value, quire_value *out)
{
    const uint8_t byte = (uint8_t)value;
    return add_constant(
        f, suffix,
        &(quire_tensor_make){.dtype = QUIRE_DTYPE_UINT8, .data = {.u.ptr = &byte, .len = 1}}, out);
}

/* Below opset 9 a Constant has floating-point elements only. */
static quire_status
add_cast_integers(form *f, const char *suffix, const int64_t *values, int64_t n, quire_value *out)
{
    double numbers[QUIRE_FORM_MAX_OUTER + 1];
    char name[32];
    for (int64_t i = 0; i < n; i++)
        numbers[i] = (double)values[i];
    (void)snprintf(name, sizeof name, "%s_float", suffix);
    const quire_blob data = {.u.ptr = (const uint8_t *)numbers,
                             .len = (uint64_t)n * sizeof *numbers};
    const quire_tensor_make make = {
        .dtype = QUIRE_DTYPE_DOUBLE, .rank = 1, .dims = &n, .data = data};
    QUIRE_TRY(add_constant(f, name, &make, out));
    return add_cast(f, suffix, QUIRE_DTYPE_INT64, 1, *out, out);
}

/* A vector of n integers, at most QUIRE_FORM_MAX_OUTER + 1. */
static quire_status
add_integers(form *f, const char *suffix, const int64_t *values, int64_t n, quire_value *out)
{
    if (f->site->opset < 9) return add_cast_integers(f, suffix, values, n, out);
    const quire_blob data = {.u.ptr = (const uint8_t *)values, .len = (uint64_t)n * sizeof *values};
    const quire_tensor_make make = {
        .dtype = QUIRE_DTYPE_INT64, .rank = 1, .dims = &n, .data = data};
    return add_constant(f, suffix, &make, out);
}

static quire_status
add_integer(form *f, const char *suffix, int64_t value, quire_value *out)
{
    return add_integers(f, suffix, &value, 1, out);
}

/* --- gathering -------------------------------------------------------------------------------- */

/* Rank of a gathered row: of rows the result's, of blocks one more. */
static int32_t
gathered_rank(const form *f)
{
    return f->rank < 0 ? -1 : f->rank + (f->rows.choice.block != 0 ? 1 : 0);
}

static quire_status
gather(form *f, const char *suffix, quire_value table, int32_t rank, quire_value *out)
{
    const node_op op = {.type = f->gather_nd ? "GatherND" : "Gather",
                        .suffix = suffix,
                        .dtype = quire_value_at(f->m, table)->elem_type,
                        .rank = rank};
    return add_binary(f, &op, table, f->indices, out);
}

/* --- unpacking -------------------------------------------------------------------------------- */

/* Cuts `axis` of `in` (-1: the last, from opset 11 on) down to its first n entries. */
static quire_status
cut_by_inputs(form *f, const node_op *op, quire_value in, int64_t axis, int64_t n, quire_value *out)
{
    quire_value operands[4] = {in};
    QUIRE_TRY(add_integer(f, "cut_starts", 0, &operands[1]));
    QUIRE_TRY(add_integer(f, "cut_ends", n, &operands[2]));
    QUIRE_TRY(add_integer(f, "cut_axes", axis, &operands[3]));
    return add_step(f, op, operands, 4, out);
}

/* The same in the spelling of Slice-1. */
static quire_status
cut_by_attributes(form *f, const node_op *op, quire_value in, int64_t axis, int64_t n,
                  quire_value *out)
{
    const int64_t zero = 0;
    const quire_attr_make attrs[] = {
        {.name = "axes", .kind = QUIRE_MAKE_INTS, .ints = &axis, .n_ints = 1},
        {.name = "ends", .kind = QUIRE_MAKE_INTS, .ints = &n, .n_ints = 1},
        {.name = "starts", .kind = QUIRE_MAKE_INTS, .ints = &zero, .n_ints = 1},
    };
    node_op with = *op;
    with.attrs = attrs;
    with.n_attrs = 3;
    return add_step(f, &with, &in, 1, out);
}

static quire_status
cut(form *f, const char *suffix, quire_value in, int64_t axis, uint64_t n, quire_value *out)
{
    const quire_value_rec *r = quire_value_at(f->m, in);
    const node_op op = {.type = "Slice", .suffix = suffix, .dtype = r->elem_type, .rank = r->rank};
    if (f->site->opset >= 10) return cut_by_inputs(f, &op, in, axis, (int64_t)n, out);
    return cut_by_attributes(f, &op, in, axis, (int64_t)n, out);
}

/* Plane k of packed codes: bits [k * bits, (k + 1) * bits) of every byte. */
static quire_status
add_plane(form *f, quire_value packed, uint32_t k, quire_value mask, quire_value *out)
{
    const quire_attr_make right = {
        .name = "direction", .kind = QUIRE_MAKE_STRING, .s = quire_bytes_of("RIGHT")};
    const uint32_t bits = f->rows.choice.bits;
    const int32_t rank = gathered_rank(f);
    char suffix[32];
    quire_value v = packed, shift;
    if (k > 0) {
        (void)snprintf(suffix, sizeof suffix, "shift_%u", (unsigned)k);
        QUIRE_TRY(add_byte(f, suffix, k * bits, &shift));
        (void)snprintf(suffix, sizeof suffix, "shifted_%u", (unsigned)k);
        QUIRE_TRY(add_binary(f, &(node_op){"BitShift", suffix, &right, 1, QUIRE_DTYPE_UINT8, rank},
                             v, shift, &v));
    }
    *out = v;
    if ((k + 1) * bits == 8) return QUIRE_OK; /* nothing is above the last plane */
    (void)snprintf(suffix, sizeof suffix, "plane_%u", (unsigned)k);
    const char *type = f->site->opset >= 18 ? "BitwiseAnd" : "Mod";
    return add_binary(f, &(node_op){type, suffix, NULL, 0, QUIRE_DTYPE_UINT8, rank}, v, mask, out);
}

/* Packed bytes of a group become its codes, one each, in column order. Planes without a column are
 * left out. */
static quire_status
unpack(form *f, quire_value packed, quire_value *out)
{
    const size_t bytes = f->rows.group_bytes, columns = f->rows.group_columns;
    const uint32_t n = (uint32_t)((columns + bytes - 1) / bytes);
    const uint32_t mask = f->site->opset >= 18 ? f->rows.max_code : f->rows.max_code + 1;
    const quire_attr_make axis = {.name = "axis", .kind = QUIRE_MAKE_INT, .i = -1};
    const node_op concat = {"Concat", "unpacked_codes",  &axis,
                            1,        QUIRE_DTYPE_UINT8, gathered_rank(f)};
    quire_value planes[8], mask_value;
    *out = packed;
    if (f->rows.choice.bits == 8) return QUIRE_OK;
    QUIRE_TRY(add_byte(f, f->site->opset >= 18 ? "mask" : "modulus", mask, &mask_value));
    for (uint32_t k = 0; k < n; k++)
        QUIRE_TRY(add_plane(f, packed, k, mask_value, &planes[k]));
    *out = planes[0];
    if (n > 1) QUIRE_TRY(add_node(f, &concat, planes, n, false, out));
    return n * bytes == columns ? QUIRE_OK : cut(f, "cut_codes", *out, -1, columns, out);
}

/* --- steps from decoded groups to the result -------------------------------------------------- */

typedef quire_status (*step)(form *f, quire_value in, quire_value *out);

static quire_status
multiply(form *f, quire_value in, quire_value *out)
{
    quire_value operands[2] = {in};
    const int32_t rank = gathered_rank(f);
    QUIRE_TRY(gather(f, "gathered_scales", f->scales, rank, &operands[1]));
    if (f->rows.choice.scale == QUIRE_ROW_SCALE_F16) {
        QUIRE_TRY(add_cast(f, "float_scales", QUIRE_DTYPE_FLOAT, rank, operands[1], &operands[1]));
    }
    return add_step(f, &(node_op){"Mul", "decoded", NULL, 0, QUIRE_DTYPE_FLOAT, rank}, operands, 2,
                    out);
}

/* Shape of the indices less GatherND's last entry, which addresses the row, then `columns`. In a
 * Reshape a 0 copies the dimension of its input at that place, which is the indices' too: empty
 * indices stay empty. */
static quire_status
add_shape(form *f, uint64_t columns, quire_value *out)
{
    const quire_attr_make axis = {.name = "axis", .kind = QUIRE_MAKE_INT, .i = 0};
    const node_op shape = {
        .type = "Shape", .suffix = "indices_shape", .dtype = QUIRE_DTYPE_INT64, .rank = 1};
    const node_op slice = {
        .type = "Slice", .suffix = "outer_shape", .dtype = QUIRE_DTYPE_INT64, .rank = 1};
    const node_op concat = {"Concat", "shape", &axis, 1, QUIRE_DTYPE_INT64, 1};
    quire_value outer, width, bounds[4];
    QUIRE_TRY(add_unary(f, &shape, f->indices, &outer));
    if (f->gather_nd) {
        bounds[0] = outer;
        QUIRE_TRY(add_integer(f, "outer_starts", 0, &bounds[1]));
        QUIRE_TRY(add_integer(f, "outer_ends", -1, &bounds[2]));
        QUIRE_TRY(add_integer(f, "outer_axes", 0, &bounds[3]));
        QUIRE_TRY(add_node(f, &slice, bounds, 4, false, &outer));
    }
    QUIRE_TRY(add_integer(f, "width", (int64_t)columns, &width));
    return add_binary(f, &concat, outer, width, out);
}

/* The same dimensions where their number is certain: zeros. Optimisers follow a constant shape, and
 * the result keeps the shape the lookup's had. */
static quire_status
add_constant_shape(form *f, uint64_t columns, quire_value *out)
{
    int64_t dims[QUIRE_FORM_MAX_OUTER + 1] = {0};
    dims[f->outer] = (int64_t)columns;
    return add_integers(f, "shape", dims, f->outer + 1, out);
}

static quire_status
reshape(form *f, const char *suffix, quire_value in, uint64_t columns, quire_value *out)
{
    const node_op op = {
        .type = "Reshape", .suffix = suffix, .dtype = QUIRE_DTYPE_FLOAT, .rank = f->rank};
    quire_value operands[2] = {in};
    QUIRE_TRY(f->outer >= 0 ? add_constant_shape(f, columns, &operands[1])
                            : add_shape(f, columns, &operands[1]));
    return add_step(f, &op, operands, 2, out);
}

uint64_t
quire_form_padded_width(const form *f)
{
    return (uint64_t)f->rows.n_groups * f->rows.group_columns;
}

/* [..., S, N] to [..., S * N] */
static quire_status
join_blocks(form *f, quire_value in, quire_value *out)
{
    return reshape(f, "joined", in, quire_form_padded_width(f), out);
}

/* Cuts [..., S, N] into S tensors of [..., 1, N]. */
static quire_status
split_blocks(form *f, quire_value in, quire_value *blocks)
{
    const uint32_t n = (uint32_t)f->rows.n_groups;
    const quire_attr_make attrs[] = {
        {.name = "axis", .kind = QUIRE_MAKE_INT, .i = -2},
        {.name = "num_outputs", .kind = QUIRE_MAKE_INT, .i = n},
    };
    quire_bytes *names;
    char suffix[32];
    quire_node node;
    QUIRE_TRY(quire_arena_take(f->ctx, &f->m->arena, n * sizeof *names, &names));
    for (uint32_t k = 0; k < n; k++) {
        (void)snprintf(suffix, sizeof suffix, "block_%u", (unsigned)k);
        QUIRE_TRY(quire_form_name(f, suffix, &names[k]));
    }
    const quire_node_make make = {.graph = f->graph,
                                  .domain = "",
                                  .op_type = "Split",
                                  .inputs = &in,
                                  .n_inputs = 1,
                                  .outputs = names,
                                  .n_outputs = n,
                                  .attrs = attrs,
                                  .n_attrs = f->site->opset >= 18 ? 2 : 1};
    QUIRE_TRY(quire_node_create(f->ctx, f->m, &make, f->before, &node));
    for (uint32_t k = 0; k < n; k++) {
        blocks[k] = quire_node_result(f->m, node, k);
        if (!f->in_function)
            quire_value_set_type(f->m, blocks[k], QUIRE_DTYPE_FLOAT, gathered_rank(f));
    }
    return QUIRE_OK;
}

/* [..., 1, S * N] to [..., S * N] */
static quire_status
squeeze(form *f, quire_value in, quire_value *out)
{
    const int64_t axis = -2;
    const quire_attr_make axes = {
        .name = "axes", .kind = QUIRE_MAKE_INTS, .ints = &axis, .n_ints = 1};
    quire_value operands[2] = {in};
    if (f->site->opset < 13) {
        const node_op op = {"Squeeze", "joined", &axes, 1, QUIRE_DTYPE_FLOAT, f->rank};
        return add_step(f, &op, operands, 1, out);
    }
    QUIRE_TRY(add_integer(f, "squeeze_axes", axis, &operands[1]));
    return add_step(f, &(node_op){"Squeeze", "joined", NULL, 0, QUIRE_DTYPE_FLOAT, f->rank},
                    operands, 2, out);
}

/* join_blocks without a shape: for bodies whose results must have one before they run. */
static quire_status
join_blocks_apart(form *f, quire_value in, quire_value *out)
{
    const uint32_t n = (uint32_t)f->rows.n_groups;
    const quire_attr_make last = {.name = "axis", .kind = QUIRE_MAKE_INT, .i = -1};
    const node_op concat = {"Concat", "side_by_side",    &last,
                            1,        QUIRE_DTYPE_FLOAT, gathered_rank(f)};
    quire_value *blocks, row;
    QUIRE_TRY(quire_arena_take(f->ctx, &f->m->arena, n * sizeof *blocks, &blocks));
    QUIRE_TRY(split_blocks(f, in, blocks));
    QUIRE_TRY(add_node(f, &concat, blocks, n, false, &row));
    return squeeze(f, row, out);
}

static quire_status
cut_columns(form *f, quire_value in, quire_value *out)
{
    return cut(f, "cut", in, f->outer, f->rows.width, out);
}

/* [..., S, N] to [rows, S * N]: below opset 11 only an axis that is counted from the front can be
 * cut. What follows reads the indices' shape: the zeros of a constant one would copy from the flat
 * tensor. */
static quire_status
flatten(form *f, quire_value in, quire_value *out)
{
    const node_op op = {.type = "Reshape", .suffix = "flat", .dtype = QUIRE_DTYPE_FLOAT, .rank = 2};
    const int64_t dims[] = {-1, (int64_t)quire_form_padded_width(f)};
    quire_value operands[2] = {in};
    QUIRE_TRY(add_integers(f, "flat_shape", dims, 2, &operands[1]));
    return add_step(f, &op, operands, 2, out);
}

static quire_status
cut_flat(form *f, quire_value in, quire_value *out)
{
    return cut(f, "flat_cut", in, 1, f->rows.width, out);
}

static quire_status
unflatten(form *f, quire_value in, quire_value *out)
{
    return reshape(f, "unflattened", in, f->rows.width, out);
}

static quire_status
add_last_cast(form *f, const char *suffix, int32_t dtype, quire_value in, quire_value *out)
{
    const quire_attr_make to = {.name = "to", .kind = QUIRE_MAKE_INT, .i = dtype};
    return add_step(f, &(node_op){"Cast", suffix, &to, 1, dtype, f->rank}, &in, 1, out);
}

/* Rounds to what the table stored. */
static quire_status
narrow(form *f, quire_value in, quire_value *out)
{
    return add_last_cast(f, "stored", f->site->table->dtype, in, out);
}

static quire_status
widen(form *f, quire_value in, quire_value *out)
{
    return add_last_cast(f, "widened", QUIRE_DTYPE_FLOAT, in, out);
}

enum { MAX_STEPS = 6 };

static size_t
list_steps(const form *f, step steps[MAX_STEPS])
{
    const bool ragged = quire_form_padded_width(f) != f->rows.width;
    size_t n = 0;
    steps[n++] = multiply;
    if (f->rows.choice.block != 0 && ragged && f->outer < 0 && f->site->opset < 11) {
        steps[n++] = flatten;
        steps[n++] = cut_flat;
        steps[n++] = unflatten;
    } else if (f->rows.choice.block != 0) {
        const bool apart = f->outer < 0 && f->in_scan;
        steps[n++] = apart && f->site->opset >= 11 ? join_blocks_apart : join_blocks;
        if (ragged) steps[n++] = cut_columns;
    }
    if (f->site->table->dtype != QUIRE_DTYPE_FLOAT) {
        steps[n++] = narrow;
        if (f->site->type == QUIRE_DTYPE_FLOAT) steps[n++] = widen;
    }
    return n;
}

/* --- rewrites --------------------------------------------------------------------------------- */

quire_status
quire_form_of(quire_ctx *ctx, quire_model *m, const quire_lower_site *site, quire_form *out)
{
    const quire_found_table *t = site->table;
    form f = {.ctx = ctx, .m = m, .site = site, .graph = quire_node_at(m, site->lookup)->graph};
    QUIRE_TRY(quire_table_format(ctx, t, &f.rows));
    f.before = site->lookup;
    f.in_scan = quire_graph_in_scan(m, f.graph);
    f.result = quire_node_result(m, site->lookup, 0);
    f.codes = t->codes;
    f.scales = t->scales;
    f.zero_points = t->zero_points;
    f.indices = quire_node_input(m, site->lookup, 1);
    f.gather_nd = quire_node_kind(m, site->lookup) == QUIRE_OP_GATHER_ND;
    const int32_t rank = quire_value_at(m, f.indices)->rank;
    const int32_t certain = quire_index_rank(m, f.indices) - (f.gather_nd ? 1 : 0);
    f.rank = rank < 0 ? -1 : rank + (f.gather_nd ? 0 : 1);
    f.outer = certain >= 0 && certain <= QUIRE_FORM_MAX_OUTER ? certain : -1;
    *out = f;
    return QUIRE_OK;
}

quire_status
quire_form_finish(quire_form *f, quire_value v)
{
    const int32_t known = quire_value_at(f->m, f->result)->rank;
    QUIRE_TRY(quire_value_replace_all_uses(f->ctx, f->m, f->result, v));
    QUIRE_TRY(quire_value_take_name(f->ctx, f->m, v, f->result));
    quire_value_set_type(f->m, v, f->site->type, known < 0 ? f->rank : known);
    return quire_node_erase(f->ctx, f->m, f->site->lookup);
}

/* Codes less zero point, as float32: exact for integer zero points, rounded once for others. */
static quire_status
add_centered(form *f, quire_value *out)
{
    const int32_t rank = gathered_rank(f);
    const node_op sub = {"Sub", "centered", NULL, 0, QUIRE_DTYPE_FLOAT, rank};
    quire_value codes, zero_points;
    QUIRE_TRY(gather(f, "gathered_codes", f->codes, rank, &codes));
    QUIRE_TRY(unpack(f, codes, &codes));
    QUIRE_TRY(add_cast(f, "float_codes", QUIRE_DTYPE_FLOAT, rank, codes, &codes));
    QUIRE_TRY(gather(f, "gathered_zero_points", f->zero_points, rank, &zero_points));
    if (f->rows.choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
        QUIRE_TRY(
            add_cast(f, "float_zero_points", QUIRE_DTYPE_FLOAT, rank, zero_points, &zero_points));
    }
    return add_binary(f, &sub, codes, zero_points, out);
}

quire_status
quire_form_build(quire_form *f, quire_value *out)
{
    step steps[MAX_STEPS];
    QUIRE_TRY(add_centered(f, out));
    const size_t n = list_steps(f, steps);
    for (size_t i = 0; i < n; i++) {
        f->last = i + 1 == n;
        QUIRE_TRY(steps[i](f, *out, out));
    }
    return QUIRE_OK;
}

quire_status
quire_lower_standard(quire_ctx *ctx, quire_model *m, const quire_lower_site *site)
{
    form f;
    quire_value v;
    QUIRE_TRY(quire_form_of(ctx, m, site, &f));
    QUIRE_TRY(quire_form_build(&f, &v));
    return quire_form_finish(&f, v);
}

quire_status
quire_lower_dequantized(quire_ctx *ctx, quire_model *m, const quire_lower_site *site)
{
    form f;
    quire_value v;
    if (site->type == site->table->dtype) {
        return quire_use_set(ctx, m, quire_node_operand(m, site->lookup, 0), site->table->codes);
    }
    QUIRE_TRY(quire_form_of(ctx, m, site, &f));
    QUIRE_TRY(gather(&f, "gathered", f.codes, f.rank, &v));
    f.last = true;
    QUIRE_TRY(widen(&f, v, &v));
    return quire_form_finish(&f, v);
}
