/* builtin.c - the descriptor of the quantizers and formulas that come with quire. */
#include "quantizers/quantizers.h"

#include <string.h>

static const quire_quantizer *const quantizers[] = {
    &quire_quantizer_embedding,
    &quire_quantizer_pt2e_embedding,
    &quire_quantizer_composable,
};

static const void *
get_interface(const char *id, uint32_t index)
{
    if (strcmp(id, QUIRE_QPARAMS_1) == 0) return index == 0 ? &quire_formula_bias : NULL;
    if (strcmp(id, QUIRE_QUANTIZER_1) != 0) return NULL;
    return index < sizeof quantizers / sizeof *quantizers ? quantizers[index] : NULL;
}

static const quire_plugin builtin = {
    .size = sizeof builtin,
    .abi_major = QUIRE_ABI_MAJOR,
    .abi_minor = QUIRE_ABI_MINOR,
    .id = "quire.builtin",
    .name = "quire",
    .version = "1",
    .license = "Apache-2.0",
    .summary = "the quantizers that come with quire",
    .get_interface = get_interface,
};

const quire_plugin *
quire_builtin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &builtin : NULL;
}
