/* hostile_settings.c - leaves the arithmetic and the locale of the whole process changed. */
#define _POSIX_C_SOURCE 200809L
#include <fenv.h>
#include <locale.h>

#include "hostile.h"

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    (void)c;
    if (hostile_how == 0) fesetround(FE_DOWNWARD);
    if (hostile_how == 1) {
        static volatile locale_t other; /* so that it is not lost: leaks are not the subject */
        other = newlocale(LC_ALL_MASK, "POSIX", (locale_t)0);
        uselocale(other);
    }
    return QUIRE_OK;
}

HOSTILE_CHOICES("arithmetic", "locale", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-settings"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-settings")
