/* hostile_options.c - an option whose value lies behind the struct that is made for it. */
#include "hostile.h"

static const quire_option table[] = {{.size = sizeof(quire_option),
                                      .type = QUIRE_OPTION_STRING,
                                      .name = "far",
                                      .help = "a value far away",
                                      .otherwise = "text",
                                      .offset = 1u << 16}};

static const quire_quantizer quantizer = {.size = sizeof(quire_quantizer),
                                          .options_size = 16,
                                          .name = "hostile-options",
                                          .summary = "breaks a rule",
                                          .options = table,
                                          .n_options = 1,
                                          .create = hostile_create,
                                          .destroy = hostile_destroy,
                                          .support = hostile_support,
                                          .annotate = hostile_annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-options")
