/* foreign_major.c - built for an interface that does not exist yet. */
#include "plain.h"

static const void *
get_interface(const char *id, uint32_t index)
{
    (void)id;
    (void)index;
    return NULL;
}

static const quire_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = QUIRE_ABI_MAJOR + 1,
                                    PLAIN_PLUGIN("foreign-major"),
                                    .get_interface = get_interface};

PLAIN_ENTRY(&plugin)

/* So that nothing of plain.h is unused. */
extern const quire_quantizer foreign_major_unused;
const quire_quantizer foreign_major_unused = PLAIN_QUANTIZER("unused");
