/* endless.c - get_interface never says that there are no more. */
#include <stdio.h>

#include "plain.h"

enum { N = 1000 };

static const void *
get_interface(const char *id, uint32_t index)
{
    static char names[N][16];
    static quire_quantizer quantizers[N];
    const quire_quantizer made = {
        .size = sizeof made, .name = names[index % N], .summary = "one of many", PLAIN_CALLBACKS};
    if (strcmp(id, QUIRE_QUANTIZER_1) != 0) return NULL;
    snprintf(names[index % N], sizeof names[0], "many-%u", (unsigned)(index % N));
    quantizers[index % N] = made;
    return &quantizers[index % N];
}

static const quire_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = QUIRE_ABI_MAJOR,
                                    PLAIN_PLUGIN("endless"),
                                    .get_interface = get_interface};

PLAIN_ENTRY(&plugin)
