/* hostile_floods.c - more of everything than anybody can read or keep. */
#include "hostile.h"

enum { MANY = 300000 };

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    const quire_qspec spec = plain_spec();
    const quire_place place = first_result(g);
    quire_status status = QUIRE_OK;
    (void)self;
    for (int i = 0; i < MANY && status == QUIRE_OK; i++) {
        if (hostile_how == 0)
            hostile_host->report(hostile_host->ctx, QUIRE_NOTE, place, text("look at me"));
        if (hostile_how == 1) status = c->claim(c->ctx, place, &spec, 0, 0, text("again"));
        if (hostile_how == 2)
            status = c->skip(c->ctx, g->next_node(g->ctx, 0), text("again"), text("and again"));
    }
    return status;
}

static quire_status
validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    quire_status status = QUIRE_OK;
    (void)self;
    for (int i = 0; hostile_how == 3 && i < MANY && status == QUIRE_OK; i++)
        status = r->finding(r->ctx, QUIRE_NOTE, first_result(g), text("found it again"));
    return status;
}

HOSTILE_CHOICES("messages", "claims", "skips", "findings", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-floods"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate, .validate = validate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-floods")
