/* lower_call.c - target quire: a lookup becomes a call of a model-local function.
 *
 * The function's body is the standard form, so any runtime that knows functions runs the model;
 * where libquire_ort is registered, its operators of the same names take the functions' place
 * (src/ort). Those have to have names that are known beforehand, while there are as many bodies as
 * there are widths, blocks and types. So functions are numbered, Lookup, Lookup_1, Lookup_2, ... in
 * the order in which the model needs them, and a call says in attributes, which no body reads, what
 * its function does. The element type of the result is in the name, because ONNX Runtime wants to
 * know an operator's result from the operator alone.
 */
#include "base/diag.h"
#include "graph/edit.h"
#include "passes/form.h"
#include "passes/index_rank.h"

/* What tells one body from another; all there is, and nothing that no body depends on. */
typedef struct body_key {
    uint64_t planes;      /* of a packed group, where codes are unpacked...                   */
    uint64_t columns;     /* ...and its columns, where the planes hold more                   */
    uint64_t joined, cut; /* blocks: columns of all blocks of a row; the width where it differs */
    int64_t blocks;       /* ...and their number, where they are split and put side by side   */
    uint32_t bits, zero_point, scale;
    int32_t stored, type; /* element types of the table and of the result                     */
    int32_t outer;        /* blocks: known dimensions of the indices                          */
    uint32_t gather_nd, is_blocked;
} body_key; /* without padding */

typedef struct quire_call_function {
    struct quire_call_function *next; /* made before */
    body_key key;
    const char *name;
} quire_call_function;

static body_key
key_of(const quire_form *f)
{
    const quire_row_choice *c = &f->rows.choice;
    body_key k;
    memset(&k, 0, sizeof k); /* compared as bytes */
    k.bits = c->bits;
    k.zero_point = (uint32_t)c->zero_point;
    k.scale = (uint32_t)c->scale;
    k.stored = f->site->table->dtype;
    k.type = f->site->type;
    k.gather_nd = f->gather_nd;
    k.is_blocked = c->block != 0;
    if (c->bits < 8) {
        k.planes = (f->rows.group_columns + f->rows.group_bytes - 1) / f->rows.group_bytes;
        if (k.planes * f->rows.group_bytes != f->rows.group_columns)
            k.columns = f->rows.group_columns;
    }
    if (c->block == 0) return k;
    k.joined = quire_form_padded_width(f);
    if (k.joined != f->rows.width) k.cut = f->rows.width;
    k.outer = f->outer;
    if (f->outer < 0 && f->in_scan) k.blocks = (int64_t)f->rows.n_groups;
    return k;
}

static const char *
base_name(int32_t type)
{
    if (type == QUIRE_DTYPE_FLOAT16) return "LookupFloat16";
    return type == QUIRE_DTYPE_BFLOAT16 ? "LookupBFloat16" : "Lookup";
}

static const char *const inputs[] = {"codes", "scales", "zero_points", "indices"};
static const char *const attributes[] = {"bits",        "block",       "width",
                                         "stored_type", "index_depth", "index_rank"};
enum {
    N_INPUTS = sizeof inputs / sizeof *inputs,
    N_ATTRIBUTES = sizeof attributes / sizeof *attributes
};

static quire_status
make_function(const quire_form *call, quire_bytes *out_name)
{
    static const quire_function_make make = {.domain = "ai.quire",
                                             .version = 1,
                                             .inputs = inputs,
                                             .n_inputs = N_INPUTS,
                                             .attributes = attributes,
                                             .n_attributes = N_ATTRIBUTES};
    quire_form f = *call;
    quire_value result;
    QUIRE_TRY(quire_function_create(f.ctx, f.m, &make, &f.graph));
    const quire_graph_input *formals = quire_graph_at(f.m, f.graph)->inputs;
    f.in_function = true;
    f.before = (quire_node){0};
    f.codes = formals[0].value;
    f.scales = formals[1].value;
    f.zero_points = formals[2].value;
    f.indices = formals[3].value;
    QUIRE_TRY(quire_form_build(&f, &result));
    return quire_function_finish(f.ctx, f.m, f.graph, base_name(f.site->type), result, out_name);
}

/* The function of that body, made at its first call. */
static quire_status
find_function(const quire_form *f, const char **out_name)
{
    const body_key key = key_of(f);
    quire_call_function *made;
    quire_bytes name;
    for (made = *f->site->functions; made != NULL; made = made->next) {
        *out_name = made->name;
        if (memcmp(&made->key, &key, sizeof key) == 0) return QUIRE_OK;
    }
    QUIRE_TRY(make_function(f, &name));
    QUIRE_TRY(quire_arena_copy(f->ctx, &f->m->arena, name, &name)); /* ends in NUL */
    QUIRE_TRY(quire_arena_take(f->ctx, &f->m->arena, sizeof *made, &made));
    *made = (quire_call_function){*f->site->functions, key, (const char *)name.ptr};
    *f->site->functions = made;
    *out_name = made->name;
    return QUIRE_OK;
}

static quire_status
add_call(quire_form *f, const char *function, quire_value *out)
{
    const int32_t certain = quire_index_rank(f->m, f->indices);
    const int32_t stated = quire_value_at(f->m, f->indices)->rank;
    const int64_t values[] = {f->rows.choice.bits,    f->rows.choice.block,
                              (int64_t)f->rows.width, f->site->table->dtype,
                              f->gather_nd ? 1 : 0,   certain >= 0 ? certain : stated};
    const quire_value operands[] = {f->codes, f->scales, f->zero_points, f->indices};
    quire_attr_make attrs[N_ATTRIBUTES];
    quire_bytes name;
    quire_node n;
    for (size_t k = 0; k < N_ATTRIBUTES; k++) {
        attrs[k] = (quire_attr_make){.name = attributes[k], .kind = QUIRE_MAKE_INT, .i = values[k]};
    }
    QUIRE_TRY(quire_form_name(f, "looked_up", &name));
    const quire_node_make make = {
        .graph = f->graph,
        .domain = "ai.quire",
        .op_type = function,
        .name = quire_sym_bytes(f->m, quire_node_at(f->m, f->site->lookup)->name),
        .inputs = operands,
        .n_inputs = N_INPUTS,
        .outputs = &name,
        .n_outputs = 1,
        .attrs = attrs,
        .n_attrs = N_ATTRIBUTES,
    };
    QUIRE_TRY(quire_node_create(f->ctx, f->m, &make, f->before, &n));
    *out = quire_node_result(f->m, n, 0);
    return QUIRE_OK;
}

quire_status
quire_lower_call(quire_ctx *ctx, quire_model *m, const quire_lower_site *site)
{
    const char *function;
    quire_form f;
    quire_value v;
    QUIRE_TRY(quire_form_of(ctx, m, site, &f));
    QUIRE_TRY(find_function(&f, &function));
    QUIRE_TRY(add_call(&f, function, &v));
    return quire_form_finish(&f, v);
}
