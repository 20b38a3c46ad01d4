/* no_name.c - a quantizer without a name. */
#include "plain.h"

static const quire_quantizer quantizer = PLAIN_QUANTIZER(NULL);

PLAIN_ONE("no-name", &quantizer)
