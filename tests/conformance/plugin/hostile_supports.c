/* hostile_supports.c - support rows without end. */
#include "hostile.h"

enum { PATIENCE = 200000 }; /* so that a host without a limit comes to an end in a test */

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    if (row == PATIENCE) return QUIRE_NONE;
    out->op = hostile_how == 1 ? "" : "Relu";
    out->index = row;
    out->spec = plain_spec();
    return QUIRE_OK;
}

HOSTILE_CHOICES("endless", "no-name", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-supports"),
                                          .destroy = hostile_destroy, .support = support,
                                          .annotate = hostile_annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-supports")
