/* hostile_status.c - returns numbers that are no status, or not that of its callback. */
#include "hostile.h"

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    static const quire_status answers[] = {0x7fffffff, -1, QUIRE_NONE, QUIRE_E_IO};
    (void)self;
    (void)g;
    (void)c;
    return answers[hostile_how];
}

HOSTILE_CHOICES("huge", "negative", "none", "unsaid", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-status"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-status")
