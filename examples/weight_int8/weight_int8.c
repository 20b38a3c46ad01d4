/* weight_int8.c - a quantizer: int8 weights for MatMul and Gemm, one scale per output channel, and an
 * int32 bias for a Gemm whose input is quantized too. docs/plugins.md explains it piece by piece.
 */
#include <string.h>

#include "quire/plugin.h"

enum { FLOAT = 1, UINT8 = 2, INT8 = 3, INT32 = 6 }; /* TensorProto.DataType */

typedef struct options {
    int32_t inputs; /* a bool: quantize the inputs too */
} options;

typedef struct weight_int8 {
    const quire_host *host;
    options options;
} weight_int8;

/* A MatMul or Gemm, of which only operand 1 is sure to be there. */
typedef struct layer {
    quire_place input, weight, bias;
    quire_value_view w, b; /* the tensors of weight and bias */
    int32_t axis;          /* of the weight: output channels */
    int has_bias;          /* that is added as it is, one element per channel */
} layer;

static quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static int
is(quire_string s, const char *other)
{
    return s.len == strlen(other) && memcmp(s.ptr, other, s.len) == 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Attribute `name` is not there, or has the value that leaves things as they are. */
static int
is_plain(const quire_graph_api *g, quire_node_id node, const char *name, int64_t i, float f)
{
    quire_attribute a = {.size = sizeof a};
    if (g->attribute(g->ctx, node, name, &a) != QUIRE_OK) return 1;
    return a.i == i && a.f == f;
}

static quire_status
read_operand(const quire_graph_api *g, quire_node_id node, uint32_t k, quire_place *place,
             quire_value_view *tensor)
{
    quire_value_id value;
    const quire_status status = g->operand(g->ctx, node, k, place, &value);
    tensor->size = sizeof *tensor;
    if (status != QUIRE_OK) return status;
    return value != 0 ? g->value(g->ctx, value, tensor) : QUIRE_OK;
}

/* QUIRE_NONE: another kind of node. */
static quire_status
read_layer(const quire_graph_api *g, quire_node_id node, layer *l)
{
    quire_node_view n = {.size = sizeof n};
    quire_status status = g->node(g->ctx, node, &n);
    memset(l, 0, sizeof *l);
    if (status != QUIRE_OK) return status;
    const int gemm = is(n.op_type, "Gemm");
    if (n.domain.len != 0 || n.n_operands < 2 || !(gemm || is(n.op_type, "MatMul")))
        return QUIRE_NONE;
    l->axis = is_plain(g, node, "transB", 0, 0) ? 1 : 0;
    status = g->operand(g->ctx, node, 0, &l->input, NULL);
    if (status == QUIRE_OK) status = read_operand(g, node, 1, &l->weight, &l->w);
    if (status == QUIRE_OK && n.n_operands > 2) status = read_operand(g, node, 2, &l->bias, &l->b);
    l->has_bias = l->b.rank == 1 && l->w.rank == 2 && l->b.dims[0] == l->w.dims[l->axis] &&
                  is_plain(g, node, "alpha", 0, 1) && is_plain(g, node, "beta", 0, 1);
    return status;
}

/* --- asking ----------------------------------------------------------------------------------- */

static quire_qspec
per_channel(uint32_t kind, int32_t dtype, int32_t axis)
{
    quire_qspec spec = {.size = sizeof spec, .kind = kind, .dtype = dtype};
    spec.symmetric = 1;
    spec.granularity = QUIRE_QSPEC_PER_AXIS;
    spec.axis = axis;
    spec.observer = text("minmax");
    return spec;
}

static quire_qspec
weight_spec(int32_t axis)
{
    quire_qspec spec = per_channel(QUIRE_QSPEC_QUANTIZED, INT8, axis);
    spec.qmin = -127; /* so that a weight and its negative have codes alike */
    spec.qmax = 127;
    return spec;
}

static quire_qspec
input_spec(void)
{
    quire_qspec spec = {.size = sizeof spec, .kind = QUIRE_QSPEC_QUANTIZED, .dtype = UINT8};
    spec.zero_point = QUIRE_QSPEC_ZERO_POINT_INT;
    spec.observer = text("minmax");
    return spec;
}

/* *out_is_quantized: somebody before, or we, asked for the input to be quantized. */
static quire_status
claim_input(const weight_int8 *w, const quire_claim_api *c, const layer *l, int *out_is_quantized)
{
    quire_string who;
    quire_qspec spec = {.size = sizeof spec};
    const quire_status status = c->claimed(c->ctx, l->input, 0, &who, &spec);
    *out_is_quantized = status == QUIRE_OK ? spec.kind != QUIRE_QSPEC_FLOAT : w->options.inputs;
    if (status != QUIRE_NONE || !w->options.inputs) return status == QUIRE_NONE ? QUIRE_OK : status;
    spec = input_spec();
    return c->claim(c->ctx, l->input, &spec, 0, 0, text("input"));
}

static quire_status
claim_layer(const weight_int8 *w, const quire_claim_api *c, quire_node_id node, const layer *l)
{
    const quire_place sources[2] = {l->input, l->weight};
    quire_qspec spec = weight_spec(l->axis);
    int input_is_quantized;
    if (!l->w.constant || l->w.rank != 2 || l->w.dtype != FLOAT)
        return c->skip(c->ctx, node, text("not-constant"),
                       text("the weight is no constant float matrix"));
    quire_status status = c->claim(c->ctx, l->weight, &spec, 0, 0, text("weight"));
    if (status == QUIRE_OK) status = claim_input(w, c, l, &input_is_quantized);
    if (status != QUIRE_OK || !input_is_quantized || !l->has_bias) return status;
    spec = per_channel(QUIRE_QSPEC_DERIVED, INT32, 0);
    spec.formula = text("bias");
    spec.targets = sources;
    spec.n_targets = 2;
    return c->claim(c->ctx, l->bias, &spec, 0, 0, text("scale = input scale x weight scale"));
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    layer l;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_status status = read_layer(g, n, &l);
        if (status == QUIRE_NONE) continue;
        if (status == QUIRE_OK) status = claim_layer(self, c, n, &l);
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

/* --- checking what came of it ----------------------------------------------------------------- */

static quire_status
validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    layer l;
    (void)self;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_qspec spec = {.size = sizeof spec};
        quire_status status = read_layer(g, n, &l);
        if (status == QUIRE_OK) status = r->spec(r->ctx, l.weight, &spec, NULL);
        if (status == QUIRE_OK && spec.kind != QUIRE_QSPEC_FLOAT && spec.dtype != INT8)
            status = r->finding(r->ctx, QUIRE_ERROR, l.weight,
                                text("this engine multiplies by int8 weights only"));
        if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    }
    return QUIRE_OK;
}

/* --- the plugin ------------------------------------------------------------------------------- */

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    weight_int8 *w = host->realloc(host->ctx, NULL, 0, sizeof *w);
    if (w == NULL) {
        const quire_place nowhere = {0, 0};
        host->report(host->ctx, QUIRE_ERROR, nowhere, text("out of memory"));
        return QUIRE_E_NOMEM;
    }
    w->host = host;
    w->options = *(const options *)given;
    *out_self = w;
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    weight_int8 *w = self;
    w->host->realloc(w->host->ctx, w, sizeof *w, 0);
}

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    static const struct {
        const char *op;
        uint32_t operand;
        int32_t axis;
    } rows[] = {{"MatMul", 1, 1}, {"Gemm", 1, 1}, {"Gemm", 1, 0}, {"MatMul", 0, 0}, {"Gemm", 0, 0}};
    (void)self;
    if (row >= sizeof rows / sizeof *rows) return QUIRE_NONE;
    out->op = rows[row].op;
    out->is_result = 0;
    out->index = rows[row].operand;
    out->spec = rows[row].operand == 1 ? weight_spec(rows[row].axis) : input_spec();
    return QUIRE_OK;
}

static const quire_option option_rows[] = {
    {.size = sizeof(quire_option),
     .type = QUIRE_OPTION_BOOL,
     .name = "inputs",
     .help = "quantize the inputs to uint8, too",
     .otherwise = "false",
     .offset = offsetof(options, inputs)},
};

static const quire_quantizer quantizer = {
    .size = sizeof quantizer,
    .options_size = sizeof(options),
    .name = "weight-int8",
    .summary = "int8 weights for MatMul and Gemm",
    .options = option_rows,
    .n_options = 1,
    .create = create,
    .destroy = destroy,
    .support = support,
    .annotate = annotate,
    .validate = validate,
};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

static const quire_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = QUIRE_ABI_MAJOR,
    .abi_minor = QUIRE_ABI_MINOR,
    .id = "org.example.weight-int8",
    .name = "weight-int8",
    .version = "1.0",
    .license = "Apache-2.0",
    .summary = "a quantizer as docs/plugins.md builds it",
    .get_interface = get_interface,
};

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &plugin : NULL;
}
