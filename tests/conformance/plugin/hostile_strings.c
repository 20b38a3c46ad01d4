/* hostile_strings.c - strings that have no end, and none. */
#include "hostile.h"

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    static char many[1 << 20];
    const quire_qspec spec = plain_spec();
    const quire_string none = {NULL, 10};
    const quire_string huge = {many, sizeof many};
    (void)self;
    memset(many, 'x', sizeof many);
    if (hostile_how == 1) return c->claim(c->ctx, first_result(g), &spec, 0, 0, none);
    return c->claim(c->ctx, first_result(g), &spec, 0, 0, huge);
}

HOSTILE_CHOICES("huge", "none", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-strings"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-strings")
