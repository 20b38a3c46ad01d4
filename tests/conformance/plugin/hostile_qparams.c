/* hostile_qparams.c - a formula whose answers are no parameters, or go beyond their arrays; and a
 * quantizer that asks for it, from a slot whose parameters are known.
 */
#include "hostile.h"

#include <math.h>

static quire_status
check(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *sources,
      uint32_t n)
{
    (void)host;
    (void)spec;
    (void)sources;
    (void)n;
    return QUIRE_OK;
}

static quire_status
derive(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *source_specs,
       const quire_qparams *const *sources, uint32_t n, quire_qparams *io_out)
{
    (void)host;
    (void)spec;
    (void)source_specs;
    (void)n;
    for (uint32_t i = 0; i < io_out->n; i++) {
        io_out->scale[i] = 0.5;
        io_out->zero_point[i] = 0;
    }
    switch (hostile_how) {
    case 0: io_out->scale[0] = NAN; break;
    case 1: io_out->scale[0] = 0; break;
    case 2: io_out->scale[0] = -1; break;
    case 3: io_out->scale[0] = 1e300; break;
    case 4: io_out->zero_point[0] = 300; break;
    case 5: io_out->scale[io_out->n] = 1; break;
    case 6: io_out->n = 7; break;
    case 7: sources[0]->scale[0] = 2; break;
    default: return 77;
    }
    return QUIRE_OK;
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    quire_place result = first_result(g);
    quire_place input;
    quire_status status = g->input(g->ctx, g->main_graph(g->ctx), 0, &input, NULL);
    quire_qspec spec = plain_spec();
    (void)self;
    spec.kind = QUIRE_QSPEC_FIXED;
    spec.observer = text("");
    spec.fixed_scale = 0.25;
    if (status == QUIRE_OK) status = c->claim(c->ctx, input, &spec, 0, 0, text("known"));
    spec = plain_spec();
    spec.kind = QUIRE_QSPEC_DERIVED;
    spec.observer = text("");
    spec.formula = text("hostile");
    spec.targets = &input;
    spec.n_targets = 1;
    if (status == QUIRE_OK) status = c->claim(c->ctx, result, &spec, 0, 0, text("derived"));
    return status;
}

HOSTILE_CHOICES("nan", "zero", "negative", "infinite", "zero-point", "overrun", "count", "input",
                "status", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-qparams"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const quire_formula formula = {.size = sizeof(quire_formula),
                                      .name = "hostile",
                                      .summary = "no parameters",
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

HOSTILE_PLUGIN("hostile-qparams")
