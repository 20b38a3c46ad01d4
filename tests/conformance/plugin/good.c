/* good.c - a plugin as it should be: one quantizer with an option of every type. It asks for integer
 * codes at the first result of every node of one operator.
 */
#include <string.h>

#include "quire/plugin.h"

typedef struct options {
    int64_t bits;
    double scale;
    quire_string op;
    int32_t dynamic, range;
} options;

typedef struct good {
    const quire_host *host;
    options options; /* its texts live as long as the instance */
} good;

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    static const char no_memory[] = "out of memory";
    good *self = host->realloc(host->ctx, NULL, 0, sizeof *self);
    if (self == NULL) {
        host->report(host->ctx, QUIRE_ERROR, (quire_place){0, 0},
                     (quire_string){no_memory, sizeof no_memory - 1});
        return QUIRE_E_NOMEM;
    }
    self->host = host;
    memcpy(&self->options, given, sizeof self->options);
    *out_self = self;
    return QUIRE_OK;
}

static void
destroy(void *data)
{
    good *self = data;
    self->host->realloc(self->host->ctx, self, sizeof *self, 0);
}

static quire_qspec
spec_of(const good *self)
{
    const int64_t codes = (int64_t)1 << self->options.bits;
    const quire_qspec spec = {.size = sizeof spec,
                              .kind = QUIRE_QSPEC_QUANTIZED,
                              .dtype = 2, /* UINT8 */
                              .qmin = self->options.range == 1 ? 1 : 0,
                              .qmax = codes - 1,
                              .zero_point = QUIRE_QSPEC_ZERO_POINT_INT,
                              .dynamic = (uint32_t)self->options.dynamic};
    return spec;
}

static quire_status
support(void *data, uint32_t row, quire_support *out)
{
    const good *self = data;
    if (row > 0) return QUIRE_NONE;
    out->op = "Relu";
    out->is_result = 1;
    out->index = 0;
    out->spec = spec_of(self);
    return QUIRE_OK;
}

static quire_status
annotate(void *data, const quire_graph_api *graph, const quire_claim_api *claims)
{
    static const char rule[] = "result";
    const good *self = data;
    const quire_qspec spec = spec_of(self);
    const quire_string op = self->options.op;
    for (quire_node_id n = 0; (n = graph->next_node(graph->ctx, n)) != 0;) {
        quire_node_view node = {.size = sizeof node};
        quire_place place;
        quire_status status = graph->node(graph->ctx, n, &node);
        if (status != QUIRE_OK) return status;
        if (node.op_type.len != op.len || memcmp(node.op_type.ptr, op.ptr, op.len) != 0) continue;
        status = graph->result(graph->ctx, n, 0, &place, NULL);
        if (status != QUIRE_OK) return status;
        status =
            claims->claim(claims->ctx, place, &spec, 0, 0, (quire_string){rule, sizeof rule - 1});
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

static const char *const ranges[] = {"full", "narrow", NULL};

static const quire_option table[] = {
    {sizeof(quire_option), QUIRE_OPTION_INT, "bits", "of a code", "8", 1, 8, NULL,
     offsetof(options, bits)},
    {sizeof(quire_option), QUIRE_OPTION_FLOAT, "scale", "a number nobody reads", "0.5", 0, 1, NULL,
     offsetof(options, scale)},
    {sizeof(quire_option), QUIRE_OPTION_STRING, "op", "operator whose results are quantized",
     "Relu", 0, 0, NULL, offsetof(options, op)},
    {sizeof(quire_option), QUIRE_OPTION_BOOL, "dynamic", "scales are computed when the model runs",
     "false", 0, 0, NULL, offsetof(options, dynamic)},
    {sizeof(quire_option), QUIRE_OPTION_CHOICE, "range", "narrow leaves the least code out", "full",
     0, 0, ranges, offsetof(options, range)},
};

static const quire_quantizer quantizer = {
    .size = sizeof quantizer,
    .options_size = sizeof(options),
    .name = "good",
    .summary = "results of one operator as unsigned codes",
    .options = table,
    .n_options = sizeof table / sizeof *table,
    .create = create,
    .destroy = destroy,
    .support = support,
    .annotate = annotate,
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
    .id = "org.example.good",
    .name = "good-plugin",
    .version = "1.2.3",
    .license = "Apache-2.0",
    .summary = "what the tests expect to work",
    .get_interface = get_interface,
};

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &plugin : NULL;
}
