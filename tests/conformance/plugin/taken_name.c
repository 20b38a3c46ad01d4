/* taken_name.c - a quantizer that is called as one that is built in. */
#include "plain.h"

static const quire_quantizer quantizer = PLAIN_QUANTIZER("embedding");

PLAIN_ONE("taken-name", &quantizer)
