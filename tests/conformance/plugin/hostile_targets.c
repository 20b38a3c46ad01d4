/* hostile_targets.c - specs whose targets are not what they say. */
#include "hostile.h"

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    quire_place many[9];
    quire_qspec spec = {.size = sizeof spec, .kind = QUIRE_QSPEC_DERIVED, .dtype = 6};
    (void)self;
    for (int i = 0; i < 9; i++)
        many[i] = first_result(g);
    spec.symmetric = 1;
    spec.formula = text("bias");
    spec.targets = hostile_how == 1 ? NULL : many;
    spec.n_targets = hostile_how == 1 ? 2 : hostile_how == 0 ? UINT32_MAX : 9;
    return c->claim(c->ctx, first_result(g), &spec, 0, 0, text("targets"));
}

HOSTILE_CHOICES("countless", "nowhere", "nine", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-targets"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-targets")
