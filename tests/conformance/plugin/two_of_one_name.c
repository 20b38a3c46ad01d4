/* two_of_one_name.c - two quantizers of one name. */
#include "plain.h"

static const quire_quantizer quantizers[] = {PLAIN_QUANTIZER("twin"), PLAIN_QUANTIZER("twin")};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index < 2 ? &quantizers[index] : NULL;
}

static const quire_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = QUIRE_ABI_MAJOR,
                                    PLAIN_PLUGIN("two-of-one-name"),
                                    .get_interface = get_interface};

PLAIN_ENTRY(&plugin)
