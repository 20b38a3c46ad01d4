/* edit_function.c - model-local functions, and the imports they need, made by the gate: see edit.h.
 *
 * What the file will say of a function besides its nodes is packed at once and kept as the source
 * of its record; the exporter adds nodes and names. A function becomes part of the model when it is
 * finished, because only then is it known whether the model has it already.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "base/rope.h"
#include "graph/edit_inner.h"
#include "graph/export.h"
#include "graph/pb.h"

/* --- imports ---------------------------------------------------------------------------------- */

static quire_status
pack_opset(quire_ctx *ctx, quire_model *m, const char *domain, int64_t version, quire_bytes *out)
{
    Onnx__OperatorSetIdProto proto = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    QUIRE_TRY(quire_pb_string(ctx, &m->arena, quire_bytes_of(domain), &proto.domain));
    proto.has_version = 1;
    proto.version = version;
    return quire_pb_pack(ctx, &m->arena, &proto.base, out);
}

/* The array is made anew, not grown: a snapshot keeps the old one. */
static quire_status
import_domain(quire_ctx *ctx, quire_model *m, const char *domain, int64_t version)
{
    const int64_t known = quire_graph_opset(m, m->main, domain);
    quire_opset *opsets;
    quire_opset added = {.version = version};
    if (known == version) return QUIRE_OK;
    if (known != 0) {
        return quire_fail(ctx, QUIRE_E_UNSUPPORTED, NULL,
                          "the model imports %s at version %lld; what is to be added to it is of "
                          "version %lld",
                          domain, (long long)known, (long long)version);
    }
    QUIRE_TRY(quire_edit_intern(ctx, m, quire_bytes_of(domain), &added.domain));
    QUIRE_TRY(pack_opset(ctx, m, domain, version, &added.made));
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, (m->n_opsets + 1) * sizeof *opsets, &opsets));
    if (m->n_opsets > 0) memcpy(opsets, m->opsets, m->n_opsets * sizeof *opsets);
    opsets[m->n_opsets] = added;
    m->opsets = opsets;
    m->n_opsets++;
    return QUIRE_OK;
}

/* --- a function without nodes ----------------------------------------------------------------- */

static quire_status
copy_texts(quire_ctx *ctx, quire_model *m, const char *const *texts, uint32_t n, char ***out)
{
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, n * sizeof **out, out));
    for (uint32_t k = 0; k < n; k++)
        QUIRE_TRY(quire_pb_string(ctx, &m->arena, quire_bytes_of(texts[k]), &(*out)[k]));
    return QUIRE_OK;
}

/* Attributes and the import of ONNX: what the record does not know. */
static quire_status
pack_rest(quire_ctx *ctx, quire_model *m, const quire_function_make *make, int64_t opset,
          quire_bytes *out)
{
    Onnx__FunctionProto proto = ONNX__FUNCTION_PROTO__INIT;
    Onnx__OperatorSetIdProto import = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *imports[] = {&import};
    QUIRE_TRY(copy_texts(ctx, m, make->attributes, make->n_attributes, &proto.attribute));
    QUIRE_TRY(quire_pb_string(ctx, &m->arena, quire_bytes_of(""), &import.domain));
    proto.n_attribute = make->n_attributes;
    import.has_version = 1;
    import.version = opset;
    proto.n_opset_import = 1;
    proto.opset_import = imports;
    return quire_pb_pack(ctx, &m->arena, &proto.base, out);
}

static quire_status
add_inputs(quire_ctx *ctx, quire_model *m, quire_graph g, const quire_function_make *make,
           quire_graph_rec *r)
{
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, make->n_inputs * sizeof *r->inputs, &r->inputs));
    r->inputs_room = make->n_inputs;
    for (uint32_t k = 0; k < make->n_inputs; k++) {
        quire_sym name;
        quire_value v;
        QUIRE_TRY(quire_edit_intern(ctx, m, quire_bytes_of(make->inputs[k]), &name));
        QUIRE_TRY(quire_edit_add_value(ctx, m, g, name, QUIRE_DEF_INPUT, g.id, k, &v));
        r->inputs[r->n_inputs++] = (quire_graph_input){.value = v, .flags = QUIRE_NEW};
    }
    return QUIRE_OK;
}

quire_status
quire_function_create(quire_ctx *ctx, quire_model *m, const quire_function_make *make,
                      quire_graph *out_function)
{
    quire_graph_rec r = {.kind = QUIRE_GRAPH_FUNCTION, .flags = QUIRE_NEW | QUIRE_TOUCHED};
    const int64_t opset = quire_graph_opset(m, m->main, "");
    quire_graph g;
    QUIRE_TRY(import_domain(ctx, m, make->domain, make->version));
    QUIRE_TRY(quire_edit_intern(ctx, m, quire_bytes_of(make->domain), &r.domain));
    QUIRE_TRY(pack_rest(ctx, m, make, opset, &r.src));
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *r.opsets, &r.opsets));
    r.opsets[0] = (quire_opset){.domain = {QUIRE_SYM_EMPTY}, .version = opset};
    r.n_opsets = 1;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *r.outputs, &r.outputs));
    r.outputs_room = 1;
    QUIRE_TRY(quire_table_add(ctx, &m->uses, 1, &r.out.id));
    QUIRE_TRY(quire_table_add(ctx, &m->graphs, 1, &g.id));
    QUIRE_TRY(add_inputs(ctx, m, g, make, &r));
    *quire_edit_graph(m, g) = r;
    *out_function = g;
    return QUIRE_OK;
}

/* --- its name --------------------------------------------------------------------------------- */

static bool
is_called(const quire_model *m, quire_sym domain, quire_sym type)
{
    for (uint32_t i = 1; i < m->ops.count; i++) {
        const quire_op_rec *op = quire_op_at(m, (quire_op){i});
        if (op->domain.id == domain.id && op->type.id == type.id) return true;
    }
    return false;
}

/* The function of that domain and name, whatever its overload; 0: none. */
static quire_graph
find_function(const quire_model *m, quire_sym domain, quire_sym name)
{
    for (size_t k = 0; k < m->n_functions; k++) {
        const quire_graph_rec *r = quire_graph_at(m, m->functions[k]);
        if (r->domain.id == domain.id && r->name.id == name.id) return m->functions[k];
    }
    return (quire_graph){0};
}

/* Is what will be written of f what stands in the file of `other`? */
static quire_status
compare_bytes(quire_ctx *ctx, const quire_model *m, quire_graph f, quire_bytes other,
              quire_rope *rope, bool *out_same)
{
    quire_arena scratch;
    uint8_t *copy;
    *out_same = false;
    QUIRE_TRY(quire_function_export(ctx, m, f, rope));
    if (rope->size != other.len) return QUIRE_OK;
    const quire_source source = quire_rope_as_source(rope, "function");
    quire_arena_init(&scratch, m->alloc);
    quire_status status = quire_arena_take(ctx, &scratch, other.len, &copy);
    if (status == QUIRE_OK) status = quire_source_read(ctx, &source, 0, copy, other.len);
    *out_same = status == QUIRE_OK && memcmp(copy, other.ptr, other.len) == 0;
    quire_arena_deinit(&scratch);
    return status;
}

static quire_status
is_same(quire_ctx *ctx, const quire_model *m, quire_graph f, quire_graph other, bool *out_same)
{
    const quire_graph_rec *r = quire_graph_at(m, other);
    quire_rope rope;
    *out_same = false;
    if ((r->flags & (QUIRE_TOUCHED | QUIRE_INNER)) != 0) return QUIRE_OK;
    quire_rope_init(&rope, m->alloc);
    const quire_status status = compare_bytes(ctx, m, f, r->whole, &rope, out_same);
    quire_rope_deinit(&rope);
    return status;
}

/* --- becoming the model's --------------------------------------------------------------------- */

static void
set_result(quire_model *m, quire_graph f, quire_value result)
{
    quire_graph_rec *r = quire_edit_graph(m, f);
    *quire_edit_use(m, r->out) = (quire_use_rec){.graph = f};
    quire_edit_link_use(m, r->out, result);
    r->outputs[0] =
        (quire_graph_output){.name = quire_value_at(m, result)->name, .flags = QUIRE_NEW};
    r->n_outputs = 1;
}

static quire_status
drop(quire_ctx *ctx, quire_model *m, quire_graph f)
{
    quire_graph_rec *r = quire_edit_graph(m, f);
    QUIRE_TRY(quire_use_set(ctx, m, r->out, (quire_value){0}));
    r->n_outputs = 0;
    while (r->last.id != 0)
        QUIRE_TRY(quire_node_erase(ctx, m, r->last));
    for (size_t k = 0; k < r->n_inputs; k++)
        quire_edit_value(m, r->inputs[k].value)->flags |= QUIRE_DEAD;
    r->n_inputs = 0;
    r->flags |= QUIRE_DEAD;
    return QUIRE_OK;
}

/* The array is made anew, not grown: a snapshot keeps the old one. */
static quire_status
publish(quire_ctx *ctx, quire_model *m, quire_graph f)
{
    quire_graph *functions;
    QUIRE_TRY(
        quire_arena_take(ctx, &m->arena, (m->n_functions + 1) * sizeof *functions, &functions));
    if (m->n_functions > 0) memcpy(functions, m->functions, m->n_functions * sizeof *functions);
    functions[m->n_functions] = f;
    m->functions = functions;
    m->n_functions++;
    return QUIRE_OK;
}

static quire_status
nth_name(quire_ctx *ctx, quire_model *m, const char *base, unsigned k, quire_sym *out)
{
    quire_bytes name = quire_bytes_of(base);
    if (k > 0) QUIRE_TRY(quire_arena_format(ctx, &m->arena, &name, "%s_%u", base, k));
    return quire_edit_intern(ctx, m, name, out);
}

quire_status
quire_function_finish(quire_ctx *ctx, quire_model *m, quire_graph f, const char *base,
                      quire_value result, quire_bytes *out_name)
{
    quire_graph_rec *r = quire_edit_graph(m, f);
    set_result(m, f, result);
    for (unsigned k = 0;; k++) {
        bool same = false;
        QUIRE_TRY(nth_name(ctx, m, base, k, &r->name));
        const quire_graph other = find_function(m, r->domain, r->name);
        *out_name = quire_sym_bytes(m, r->name);
        if (other.id == 0 && !is_called(m, r->domain, r->name)) return publish(ctx, m, f);
        if (other.id != 0) QUIRE_TRY(is_same(ctx, m, f, other, &same));
        if (same) return drop(ctx, m, f);
    }
}
