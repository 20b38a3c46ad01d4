/* short_plugin.c - a descriptor without its last member. */
#include "plain.h"

static const quire_quantizer quantizer = PLAIN_QUANTIZER("short-plugin");

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

static const quire_plugin plugin = {.size = QUIRE_SIZE_TO(quire_plugin, summary),
                                    .abi_major = QUIRE_ABI_MAJOR,
                                    PLAIN_PLUGIN("short-plugin"),
                                    .get_interface = get_interface};

PLAIN_ENTRY(&plugin)
