/* hostile_ids.c - ids that are none of the model's. */
#include "hostile.h"

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    quire_node_view node = {.size = sizeof node};
    quire_value_view value = {.size = sizeof value};
    quire_graph_view graph = {.size = sizeof graph};
    const quire_qspec spec = plain_spec();
    (void)self;
    switch (hostile_how) {
    case 0: return g->node(g->ctx, 123456789, &node);
    case 1: return g->value(g->ctx, 0, &value);
    case 2: return g->graph(g->ctx, 4000000000u, &graph);
    default: return c->claim(c->ctx, (quire_place){77, 1}, &spec, 0, 0, text("nowhere"));
    }
}

HOSTILE_CHOICES("node", "value", "graph", "place", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-ids"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-ids")
