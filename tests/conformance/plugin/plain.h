/* plain.h - a quantizer that asks for nothing, for plugins that are wrong somewhere else. */
#ifndef QUIRE_TESTS_PLUGIN_PLAIN_H
#define QUIRE_TESTS_PLUGIN_PLAIN_H

#include <string.h>

#include "quire/plugin.h"

static inline quire_status
plain_create(const quire_host *host, const void *options, void **out_self)
{
    (void)host;
    (void)options;
    *out_self = NULL;
    return QUIRE_OK;
}

static inline void
plain_destroy(void *self)
{
    (void)self;
}

static inline quire_status
plain_support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    (void)row;
    (void)out;
    return QUIRE_NONE;
}

static inline quire_status
plain_annotate(void *self, const quire_graph_api *graph, const quire_claim_api *claims)
{
    (void)self;
    (void)graph;
    (void)claims;
    return QUIRE_OK;
}

/* What a quantizer is initialized with, behind its size, options_size and name. */
#define PLAIN_CALLBACKS                                                                            \
    .create = plain_create, .destroy = plain_destroy, .support = plain_support,                    \
    .annotate = plain_annotate

#define PLAIN_QUANTIZER(its_name)                                                                  \
    {                                                                                              \
        .size = sizeof(quire_quantizer), .name = its_name, .summary = "asks for nothing",          \
        PLAIN_CALLBACKS                                                                            \
    }

/* What a plugin is initialized with, behind its size and major version. */
#define PLAIN_PLUGIN(its_name)                                                                     \
    .abi_minor = QUIRE_ABI_MINOR, .id = "org.example." its_name, .name = its_name,                 \
    .version = "1.0", .license = "Apache-2.0", .summary = "a plugin of the tests"

/* An entry that gives `plugin` to everybody. */
#define PLAIN_ENTRY(plugin)                                                                        \
    const quire_plugin *quire_plugin_entry(uint32_t host_major, uint32_t host_minor)               \
    {                                                                                              \
        (void)host_major;                                                                          \
        (void)host_minor;                                                                          \
        return (plugin);                                                                           \
    }

/* A plugin of one quantizer, its entry and all. */
#define PLAIN_ONE(its_name, quantizer)                                                             \
    static const void *get_interface(const char *id, uint32_t index)                               \
    {                                                                                              \
        return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? (quantizer) : NULL;              \
    }                                                                                              \
    static const quire_plugin plugin = {.size = sizeof plugin,                                     \
                                        .abi_major = QUIRE_ABI_MAJOR,                              \
                                        PLAIN_PLUGIN(its_name),                                    \
                                        .get_interface = get_interface};                           \
    PLAIN_ENTRY(&plugin)

#endif
