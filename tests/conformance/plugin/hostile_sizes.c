/* hostile_sizes.c - structs whose size is no size: the host would write behind what there is. */
#include "hostile.h"

/* Only the first members are there; what lies behind is somebody else's. */
typedef struct short_view {
    uint32_t size;
    quire_graph_id graph;
    unsigned char others[sizeof(quire_node_view)];
} short_view;

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    short_view view = {.size = hostile_how == 0 ? offsetof(short_view, others) : 1u << 20};
    quire_status status;
    (void)self;
    if (hostile_how == 2) {
        quire_qspec spec = plain_spec();
        spec.size = 0;
        return c->claim(c->ctx, first_result(g), &spec, 0, 0, text("no size"));
    }
    status = g->node(g->ctx, g->next_node(g->ctx, 0), (quire_node_view *)(void *)&view);
    return status == QUIRE_OK && view.others[0] == 0 ? QUIRE_OK : status;
}

HOSTILE_CHOICES("short", "huge", "none", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-sizes"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-sizes")
