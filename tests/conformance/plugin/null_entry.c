/* null_entry.c - a plugin that can serve no host. */
#include "quire/plugin.h"

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_major;
    (void)host_minor;
    return NULL;
}
