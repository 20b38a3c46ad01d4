/* short_quantizer.c - a quantizer without its last member. */
#include "plain.h"

static const quire_quantizer quantizer = {.size = QUIRE_SIZE_TO(quire_quantizer, validate),
                                          .name = "short-quantizer",
                                          .summary = "of too few members",
                                          PLAIN_CALLBACKS};

PLAIN_ONE("short-quantizer", &quantizer)
