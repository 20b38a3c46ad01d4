/* hostile.h - what the hostile plugins share: a quantizer with one option, `how`, which says
 * what it does wrong, and small helpers. Each includes this, defines the callbacks it needs,
 * and ends with HOSTILE(...).
 */
#ifndef QUIRE_TESTS_PLUGIN_HOSTILE_H
#define QUIRE_TESTS_PLUGIN_HOSTILE_H

#include <string.h>

#include "quire/plugin.h"

typedef struct hostile_options {
    int32_t how; /* index into the plugin's choices */
} hostile_options;

static const quire_host *hostile_host; /* of the last instance: these plugins run once */
static int32_t hostile_how;

static inline quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static inline quire_status
hostile_create(const quire_host *host, const void *options, void **out_self)
{
    hostile_host = host;
    hostile_how = ((const hostile_options *)options)->how;
    *out_self = &hostile_how;
    return QUIRE_OK;
}

static inline void
hostile_destroy(void *self)
{
    (void)self;
}

static inline quire_status
hostile_support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    (void)row;
    (void)out;
    return QUIRE_NONE;
}

static inline quire_status
hostile_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    (void)c;
    return QUIRE_OK;
}

/* Result 0 of the first node; {0, 0} where there is none. */
static inline quire_place
first_result(const quire_graph_api *g)
{
    quire_place place = {0, 0};
    (void)g->result(g->ctx, g->next_node(g->ctx, 0), 0, &place, NULL);
    return place;
}

/* uint8 per tensor by minmax: nothing is wrong with it. */
static inline quire_qspec
plain_spec(void)
{
    quire_qspec spec = {.size = sizeof spec,
                        .kind = QUIRE_QSPEC_QUANTIZED,
                        .dtype = 2,
                        .zero_point = QUIRE_QSPEC_ZERO_POINT_INT};
    spec.observer = text("minmax");
    return spec;
}

/* The values of the option `how`; the first is the default. */
#define HOSTILE_CHOICES(first, ...)                                                                \
    static const char *const hostile_choices[] = {first, __VA_ARGS__};                             \
    static const quire_option hostile_table[] = {{.size = sizeof(quire_option),                    \
                                                  .type = QUIRE_OPTION_CHOICE,                     \
                                                  .name = "how",                                   \
                                                  .help = "what it does wrong",                    \
                                                  .otherwise = first,                              \
                                                  .choices = hostile_choices,                      \
                                                  .offset = offsetof(hostile_options, how)}};
/* What a quantizer is initialized with, beside the callbacks that do the harm. */
#define HOSTILE_QUANTIZER(its_name)                                                                \
    .size = sizeof(quire_quantizer), .options_size = sizeof(hostile_options), .name = its_name,    \
    .summary = "breaks a rule", .options = hostile_table, .n_options = 1, .create = hostile_create
#define HOSTILE_PLUGIN(its_name)                                                                   \
    static const quire_plugin plugin = {.size = sizeof plugin,                                     \
                                        .abi_major = QUIRE_ABI_MAJOR,                              \
                                        .abi_minor = QUIRE_ABI_MINOR,                              \
                                        .id = "org.example." its_name,                             \
                                        .name = its_name,                                          \
                                        .version = "1.0",                                          \
                                        .license = "Apache-2.0",                                   \
                                        .summary = "a hostile plugin of the tests",                \
                                        .get_interface = get_interface};                           \
    const quire_plugin *quire_plugin_entry(uint32_t host_major, uint32_t host_minor)               \
    {                                                                                              \
        (void)host_major;                                                                          \
        (void)host_minor;                                                                          \
        return &plugin;                                                                            \
    }

#endif
