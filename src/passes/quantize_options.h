/* quantize_options.h - options of a run as they are used: complete, and checked before anything is read. */
#ifndef QUIRE_PASSES_QUANTIZE_OPTIONS_H
#define QUIRE_PASSES_QUANTIZE_OPTIONS_H

#include "base/base.h"
#include "quire/quire.h"

/* Members that the caller's struct is too old to have keep their defaults. False if the size is
 * none this library has had. */
bool quire_quantize_options_complete(const quire_quantize_options *given,
                                     quire_quantize_options *out);
/* Reports QUIRE_E_USAGE for a value that is not allowed, and for two sources of how tables are
 * quantized. */
QUIRE_MUST_USE quire_status quire_quantize_options_check(quire_ctx *ctx,
                                                         const quire_quantize_options *o);
/* The sources alone; `quire tables` needs no output. */
QUIRE_MUST_USE quire_status quire_quantize_options_check_source(quire_ctx *ctx,
                                                                const quire_quantize_options *o);
/* An option that says how tables are quantized, as the caller calls it, or as it is called in
 * quire.h if it only differs from its default. NULL: there is none. */
const char *quire_quantize_table_option(const quire_quantize_options *o);

#endif
