/* hostile_descriptor.c - a descriptor whose summary does not end. */
#include "hostile.h"

enum { LENGTH = 10000 };
static char endless[LENGTH + 1];

static const quire_quantizer quantizer = {.size = sizeof(quire_quantizer),
                                          .name = "hostile-descriptor",
                                          .summary = endless,
                                          .create = hostile_create,
                                          .destroy = hostile_destroy,
                                          .support = hostile_support,
                                          .annotate = hostile_annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    memset(endless, 'x', LENGTH);
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-descriptor")
