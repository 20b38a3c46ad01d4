/* @NAME@.c - a quantizer plugin for quire: int8 weights for MatMul, one scale per column.
 *
 * It compiles as C99 and later and as C++11 and later. Make it yours from here: support() says what
 * it can ask for at all, annotate() asks, validate() objects to what came of it.
 */
#include <string.h>

#include "quire/plugin.h"

enum { FLOAT = 1, INT8 = 3 }; /* TensorProto.DataType */

typedef struct settings { /* filled in by quire: see option_rows */
    int64_t min_elements;
} settings;

typedef struct instance {
    const quire_host *host;
    settings set;
} instance;

static quire_string
text(const char *s)
{
    quire_string string;
    string.ptr = s;
    string.len = strlen(s);
    return string;
}

/* Every callback that fails says why, once. */
static quire_status
fail(const quire_host *host, quire_status status, const char *why)
{
    const quire_place nowhere = {0, 0};
    host->report(host->ctx, QUIRE_ERROR, nowhere, text(why));
    return status;
}

/* --- life ------------------------------------------------------------------------------------- */

static quire_status
create(const quire_host *host, const void *options, void **out_self)
{
    instance *self = (instance *)host->realloc(host->ctx, NULL, 0, sizeof *self);
    if (self == NULL) return fail(host, QUIRE_E_NOMEM, "out of memory");
    self->host = host;
    self->set = *(const settings *)options;
    *out_self = self;
    return QUIRE_OK;
}

static void
destroy(void *data)
{
    instance *self = (instance *)data;
    self->host->realloc(self->host->ctx, self, sizeof *self, 0);
}

/* --- asking ----------------------------------------------------------------------------------- */

static quire_qspec
weight_spec(void)
{
    quire_qspec spec;
    memset(&spec, 0, sizeof spec);
    spec.size = sizeof spec;
    spec.kind = QUIRE_QSPEC_QUANTIZED;
    spec.dtype = INT8;
    spec.symmetric = 1;
    spec.granularity = QUIRE_QSPEC_PER_AXIS;
    spec.axis = 1;
    spec.observer = text("minmax");
    return spec;
}

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    if (row > 0) return QUIRE_NONE;
    out->op = "MatMul";
    out->is_result = 0;
    out->index = 1;
    out->spec = weight_spec();
    return QUIRE_OK;
}

/* The weight of a MatMul: its place and tensor. QUIRE_NONE: another node, or one without. */
static quire_status
read_weight(const quire_graph_api *g, quire_node_id n, quire_place *place, quire_value_view *tensor)
{
    quire_node_view node;
    quire_value_id value;
    node.size = sizeof node;
    tensor->size = sizeof *tensor;
    quire_status status = g->node(g->ctx, n, &node);
    if (status != QUIRE_OK) return status;
    if (node.domain.len != 0 || node.op_type.len != 6 || memcmp(node.op_type.ptr, "MatMul", 6) != 0)
        return QUIRE_NONE;
    status = g->operand(g->ctx, n, 1, place, &value);
    if (status != QUIRE_OK) return status;
    return value != 0 ? g->value(g->ctx, value, tensor) : QUIRE_NONE;
}

static quire_status
claim_weight(const instance *self, const quire_claim_api *c, quire_node_id n, quire_place place,
             const quire_value_view *w)
{
    const quire_qspec spec = weight_spec();
    if (!w->constant || w->dtype != FLOAT || w->rank != 2)
        return c->skip(c->ctx, n, text("not-constant"),
                       text("the weight is no constant float matrix"));
    if (w->dims[0] * w->dims[1] < self->set.min_elements)
        return c->skip(c->ctx, n, text("too-small"), text("see the option min-elements"));
    return c->claim(c->ctx, place, &spec, 0, 0, text("weight"));
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    quire_node_id n;
    for (n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_place place;
        quire_value_view weight;
        quire_status status = read_weight(g, n, &place, &weight);
        if (status == QUIRE_OK) status = claim_weight((const instance *)self, c, n, place, &weight);
        if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    }
    return QUIRE_OK;
}

/* --- checking what came of it ----------------------------------------------------------------- */

static quire_status
validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    quire_node_id n;
    (void)self;
    for (n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_place place;
        quire_value_view weight;
        quire_qspec spec;
        quire_status status = read_weight(g, n, &place, &weight);
        spec.size = sizeof spec;
        if (status == QUIRE_OK) status = r->spec(r->ctx, place, &spec, NULL);
        if (status == QUIRE_OK && spec.kind != QUIRE_QSPEC_FLOAT && spec.dtype != INT8)
            status = r->finding(r->ctx, QUIRE_ERROR, place, text("weights are int8 here"));
        if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    }
    return QUIRE_OK;
}

/* --- the plugin ------------------------------------------------------------------------------- */

/* size, type, name, help, default, least, most, choices, offset */
static const quire_option option_rows[] = {
    {sizeof(quire_option), QUIRE_OPTION_INT, "min-elements", "smaller weights are left alone", "1",
     0, 1000000000, NULL, offsetof(settings, min_elements)},
};

/* In the order of the header. */
static const quire_quantizer quantizer = {
    sizeof(quire_quantizer),
    sizeof(settings),
    "@NAME@",
    "int8 weights for MatMul",
    option_rows,
    sizeof option_rows / sizeof option_rows[0],
    0,
    create,
    destroy,
    support,
    NULL, /* transform */
    annotate,
    validate,
    NULL, /* adjust */
};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

static const quire_plugin plugin = {
    sizeof(quire_plugin),
    QUIRE_ABI_MAJOR,
    QUIRE_ABI_MINOR,
    "org.example.@NAME@", /* id: a domain of yours, reversed */
    "@NAME@",
    "0.1",        /* version */
    "Apache-2.0", /* license */
    "int8 weights for MatMul",
    get_interface,
};

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &plugin : NULL;
}
