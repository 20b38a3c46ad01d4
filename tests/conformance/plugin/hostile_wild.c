/* hostile_wild.c - writes where nothing is: what only a process of its own contains (--isolate). */
#include "hostile.h"

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    (void)c;
    static volatile uintptr_t nowhere = 16;
    *(volatile int *)nowhere = 1;
    return QUIRE_OK;
}

HOSTILE_CHOICES("now", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-wild"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-wild")
