/* unresolved.c - needs a function that nobody has: told when it is loaded, not when it is called. */
#include "plain.h"

quire_status quire_function_that_nobody_has(void *self);

static void
destroy(void *self)
{
    plain_destroy(self);
    (void)quire_function_that_nobody_has(self);
}

static const quire_quantizer quantizer = {.size = sizeof quantizer,
                                          .name = "unresolved",
                                          .summary = "cannot be loaded",
                                          .create = plain_create,
                                          .destroy = destroy,
                                          .support = plain_support,
                                          .annotate = plain_annotate};

PLAIN_ONE("unresolved", &quantizer)
