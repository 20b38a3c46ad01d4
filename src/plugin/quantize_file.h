/* quantize_file.h - quire_quantize_file on a context of the caller's: other file operations, other
 * allocators. */
#ifndef QUIRE_PLUGIN_QUANTIZE_FILE_H
#define QUIRE_PLUGIN_QUANTIZE_FILE_H

#include "base/base.h"
#include "quire/quire.h"

/* As quire_quantize_file; allocator, sink, progress and canceled of `options` are not looked at. */
QUIRE_MUST_USE quire_status quire_quantize_run(quire_ctx *ctx,
                                               const quire_quantize_options *options,
                                               quire_quantize_result *out_result);

#endif
