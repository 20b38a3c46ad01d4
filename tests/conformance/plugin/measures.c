/* measures.c - a quantizer that asks for nothing and says what quire.host.measure/1 says of every
 * operand 0 of a Gather, in full precision, for the form that its options give: what is compared with
 * numpy by test_measure.py. Its log and its work on several threads are seen there, too.
 */
#include <stdio.h>

#include "plain.h"

typedef struct options {
    int64_t bits, block;
    int32_t float_zero_point, half, mse;
    quire_string observer_options;
} options;

typedef struct measures {
    const quire_host *host;
    options set;
} measures;

static quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    measures *m = host->realloc(host->ctx, NULL, 0, sizeof *m);
    if (m == NULL) return QUIRE_E_NOMEM;
    m->host = host;
    memcpy(&m->set, given, sizeof m->set);
    *out_self = m;
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    measures *m = self;
    m->host->realloc(m->host->ctx, m, sizeof *m, 0);
}

static quire_qspec
spec_of(const options *o)
{
    quire_qspec spec = {.size = sizeof spec, .kind = QUIRE_QSPEC_QUANTIZED};
    spec.dtype = o->bits == 8 ? 2 : o->bits == 4 ? 21 : 25;
    spec.zero_point =
        o->float_zero_point ? QUIRE_QSPEC_ZERO_POINT_FLOAT : QUIRE_QSPEC_ZERO_POINT_INT;
    spec.granularity = o->block != 0 ? QUIRE_QSPEC_PER_BLOCK : QUIRE_QSPEC_PER_AXIS;
    spec.axis = o->block != 0 ? 1 : 0;
    spec.block = (uint32_t)o->block;
    spec.scale_type = o->half ? 10 : 1;
    spec.observer = text(o->mse ? "mse" : "minmax");
    spec.observer_options = o->observer_options;
    return spec;
}

static quire_status
measure(const measures *m, const quire_graph_api *g, const quire_claim_api *c, quire_node_id node)
{
    const quire_host_measure *service = m->host->get_service(m->host->ctx, QUIRE_HOST_MEASURE_1);
    const quire_host_log *log = m->host->get_service(m->host->ctx, QUIRE_HOST_LOG_1);
    const quire_qspec spec = spec_of(&m->set);
    quire_value_id value;
    char line[64];
    double db = 0;
    quire_status status = g->operand(g->ctx, node, 0, NULL, &value);
    if (status != QUIRE_OK) return status;
    status = service->sqnr(service->ctx, value, &spec, &db);
    if (status == QUIRE_NONE) return c->skip(c->ctx, node, text("no-format"), text(""));
    if (status != QUIRE_OK) return status;
    (void)snprintf(line, sizeof line, "%.17g", db);
    log->line(log->ctx, 1, text(line));
    return c->skip(c->ctx, node, text("measured"), text(line));
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_node_view view = {.size = sizeof view};
        quire_status status = g->node(g->ctx, n, &view);
        if (status == QUIRE_OK && view.op_type.len == 6 &&
            memcmp(view.op_type.ptr, "Gather", 6) == 0)
            status = measure(self, g, c, n);
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

#define OPTION(its_name, its_type, default_text, member)                                           \
    {                                                                                              \
        .size = sizeof(quire_option), .type = its_type, .name = its_name, .help = its_name,        \
        .otherwise = default_text, .offset = offsetof(options, member)                             \
    }
static const quire_option option_rows[] = {
    OPTION("bits", QUIRE_OPTION_INT, "8", bits),
    OPTION("block", QUIRE_OPTION_INT, "0", block),
    OPTION("float-zp", QUIRE_OPTION_BOOL, "false", float_zero_point),
    OPTION("half", QUIRE_OPTION_BOOL, "false", half),
    OPTION("mse", QUIRE_OPTION_BOOL, "false", mse),
    OPTION("observer", QUIRE_OPTION_STRING, "", observer_options),
};

static const quire_quantizer quantizer = {.size = sizeof(quire_quantizer),
                                          .options_size = sizeof(options),
                                          .name = "measures",
                                          .summary = "says what formats cost",
                                          .options = option_rows,
                                          .n_options = 6,
                                          .create = create,
                                          .destroy = destroy,
                                          .support = plain_support,
                                          .annotate = annotate};

PLAIN_ONE("measures", &quantizer)
