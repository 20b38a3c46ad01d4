/* first.c - a plugin compiled against plugin-1.0.h, the header as it was first released, and
 * loaded into today's program: every callback, a formula, and every service there was.
 */
#include "plugin-1.0.h"

#include <string.h>

typedef struct options {
    int64_t priority;
    quire_string op;
} options;

typedef struct first {
    const quire_host *host;
    options options;
} first;

static quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static quire_status
fail(const first *self, const char *why)
{
    self->host->report(self->host->ctx, QUIRE_ERROR, (quire_place){0, 0}, text(why));
    return QUIRE_E_INVALID;
}

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    static const char *const services[] = {QUIRE_HOST_LOG_1, QUIRE_HOST_PARALLEL_1,
                                           QUIRE_HOST_SELECT_1, QUIRE_HOST_MEASURE_1,
                                           QUIRE_HOST_QUANTIZERS_1};
    first *self = host->realloc(host->ctx, NULL, 0, sizeof *self);
    if (self == NULL) return QUIRE_E_NOMEM;
    self->host = host;
    self->options = *(const options *)given;
    *out_self = self;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        const uint32_t *table = host->get_service(host->ctx, services[i]);
        if (table != NULL && *table > sizeof(uint32_t)) continue;
        (void)fail(self, services[i]);
        host->realloc(host->ctx, self, sizeof *self, 0);
        return QUIRE_E_INVALID;
    }
    return QUIRE_OK;
}

static void
destroy(void *data)
{
    first *self = data;
    self->host->realloc(self->host->ctx, self, sizeof *self, 0);
}

static quire_qspec
input_spec(void)
{
    quire_qspec spec = {.size = sizeof spec,
                        .kind = QUIRE_QSPEC_QUANTIZED,
                        .dtype = 2,
                        .zero_point = QUIRE_QSPEC_ZERO_POINT_INT};
    spec.observer = text("minmax");
    return spec;
}

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    if (row > 0) return QUIRE_NONE;
    out->op = "Relu";
    out->spec = input_spec();
    return QUIRE_OK;
}

/* Puts a Neg in front of the first node's operand, and two Negs are what there was. */
static quire_status
transform(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    const quire_node_id node = g->next_node(g->ctx, 0);
    quire_node_view view = {.size = sizeof view};
    quire_value_id value, made;
    quire_string name;
    quire_node_id neg;
    (void)self;
    quire_status status = g->node(g->ctx, node, &view);
    if (status == QUIRE_OK) status = g->operand(g->ctx, node, 0, NULL, &value);
    for (int i = 0; i < 2 && status == QUIRE_OK; i++) {
        status = e->fresh_name(e->ctx, text("first"), &name);
        const quire_new_node new_node = {.size = sizeof new_node,
                                         .graph = view.graph,
                                         .before = node,
                                         .op_type = text("Neg"),
                                         .operands = &value,
                                         .n_operands = 1,
                                         .n_results = 1,
                                         .results = &name};
        if (status == QUIRE_OK) status = e->create_node(e->ctx, &new_node, &neg);
        if (status == QUIRE_OK) status = g->result(g->ctx, neg, 0, NULL, &made);
        if (status == QUIRE_OK) value = made;
    }
    return status == QUIRE_OK ? e->set_operand(e->ctx, node, 0, value) : status;
}

static quire_status
claim_node(const first *self, const quire_graph_api *g, const quire_claim_api *c,
           quire_node_id node)
{
    quire_place input, result;
    quire_qspec spec = input_spec();
    quire_status status = g->operand(g->ctx, node, 0, &input, NULL);
    if (status == QUIRE_OK) status = g->result(g->ctx, node, 0, &result, NULL);
    if (status == QUIRE_OK)
        status = c->claim(c->ctx, input, &spec, (int32_t)self->options.priority,
                          QUIRE_CLAIM_NO_IMPLICIT_SHARING, text("input"));
    spec = (quire_qspec){.size = sizeof spec, .kind = QUIRE_QSPEC_DERIVED, .symmetric = 1};
    spec.dtype = c->type(c->ctx, text("i32"));
    spec.formula = text("first-double");
    spec.targets = &input;
    spec.n_targets = 1;
    return status == QUIRE_OK ? c->claim(c->ctx, result, &spec, 0, 0, text("result")) : status;
}

static quire_status
annotate(void *data, const quire_graph_api *g, const quire_claim_api *c)
{
    const first *self = data;
    for (quire_node_id n = 0; (n = g->next_node(g->ctx, n)) != 0;) {
        quire_node_view node = {.size = sizeof node};
        quire_status status = g->node(g->ctx, n, &node);
        if (status != QUIRE_OK) return status;
        const int ours = node.op_type.len == self->options.op.len &&
                         memcmp(node.op_type.ptr, self->options.op.ptr, node.op_type.len) == 0;
        status = ours ? claim_node(self, g, c, n)
                      : c->skip(c->ctx, n, text("not-asked"), text("another operator"));
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

static quire_status
validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    quire_qspec spec = {.size = sizeof spec};
    const quire_place *members;
    uint32_t n;
    (void)g;
    for (uint32_t k = 0; k < r->n_groups(r->ctx); k++) {
        quire_status status = r->group(r->ctx, k, &members, &n);
        if (status == QUIRE_OK) status = r->spec(r->ctx, members[0], &spec, NULL);
        if (status == QUIRE_OK && spec.kind == QUIRE_QSPEC_DERIVED)
            status = r->finding(r->ctx, QUIRE_NOTE, members[0], text("derived"));
        if (status != QUIRE_OK) return status;
    }
    return r->n_groups(r->ctx) > 0 ? QUIRE_OK : fail(self, "no groups");
}

static quire_status
adjust(void *self, const quire_graph_api *g, const quire_group_api *groups)
{
    quire_qspec spec = {.size = sizeof spec};
    quire_status status = groups->spec(groups->ctx, 0, &spec);
    (void)self;
    (void)g;
    if (status != QUIRE_OK || spec.kind != QUIRE_QSPEC_QUANTIZED) return status;
    return groups->set_fixed(groups->ctx, 0, 0.25, 128);
}

static const quire_option rows[] = {{.size = sizeof(quire_option),
                                     .type = QUIRE_OPTION_INT,
                                     .name = "priority",
                                     .help = "of the inputs",
                                     .otherwise = "0",
                                     .least = -9,
                                     .most = 9,
                                     .offset = offsetof(options, priority)},
                                    {.size = sizeof(quire_option),
                                     .type = QUIRE_OPTION_STRING,
                                     .name = "op",
                                     .help = "operator to annotate",
                                     .otherwise = "Relu",
                                     .offset = offsetof(options, op)}};

static const quire_quantizer quantizer = {.size = sizeof quantizer,
                                          .options_size = sizeof(options),
                                          .name = "first",
                                          .summary = "of the first release",
                                          .options = rows,
                                          .n_options = 2,
                                          .create = create,
                                          .destroy = destroy,
                                          .support = support,
                                          .transform = transform,
                                          .annotate = annotate,
                                          .validate = validate,
                                          .adjust = adjust};

static quire_status
check(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *sources,
      uint32_t n)
{
    (void)spec;
    if (n == 1 && sources[0]->granularity == QUIRE_QSPEC_PER_TENSOR) return QUIRE_OK;
    host->report(host->ctx, QUIRE_ERROR, (quire_place){0, 0}, text("one source per tensor"));
    return QUIRE_E_INVALID;
}

static quire_status
derive(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *source_specs,
       const quire_qparams *const *sources, uint32_t n, quire_qparams *io_out)
{
    (void)host;
    (void)spec;
    (void)source_specs;
    (void)n;
    for (uint32_t i = 0; i < io_out->n; i++)
        io_out->scale[i] = 2 * sources[0]->scale[0];
    return QUIRE_OK;
}

static const quire_formula formula = {.size = sizeof formula,
                                      .name = "first-double",
                                      .summary = "twice the scale",
                                      .least_sources = 1,
                                      .most_sources = 1,
                                      .check = check,
                                      .derive = derive};

static const void *
get_interface(const char *id, uint32_t index)
{
    if (index > 0) return NULL;
    if (strcmp(id, QUIRE_QPARAMS_1) == 0) return &formula;
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 ? &quantizer : NULL;
}

static const quire_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = QUIRE_ABI_MAJOR,
                                    .abi_minor = QUIRE_ABI_MINOR,
                                    .id = "org.example.first",
                                    .name = "first",
                                    .version = "1.0",
                                    .license = "Apache-2.0",
                                    .summary = "compiled against the first header",
                                    .get_interface = get_interface};

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &plugin : NULL;
}
