/* quantize_file.h - quire_quantize_file for callers who annotate (plugin/quantize_file.h: by the
 * options). */
#ifndef QUIRE_PASSES_QUANTIZE_FILE_H
#define QUIRE_PASSES_QUANTIZE_FILE_H

#include "base/base.h"
#include "base/writer.h"
#include "passes/annotate.h"
#include "quire/quire.h"

/* What a caller of another layer has to say in a run. */
typedef struct quire_quantize_hooks {
    const quire_annotator *annotator; /* decides about tables; never NULL */
    /* Called with the model as loaded, before any work: a failure ends the run. May be NULL. */
    quire_status (*check)(quire_ctx *ctx, const quire_model *m, void *data);
    /* Called when everything is written and verified, before the output gets its name: what goes
     * with it can take its own. A failure ends the run. May be NULL. */
    quire_status (*ready)(quire_ctx *ctx, void *data);
    void *data; /* of check and ready */
} quire_quantize_hooks;

/* As quire_quantize_file, but the report is handed over: it was complete before the output got its
 * name, and nothing can fail behind that. Empty unless OK or NONE; freed with quire_text_free.
 * Allocator, sink, report, progress and canceled of `options` are not looked at. */
QUIRE_MUST_USE quire_status quire_quantize_report(quire_ctx *ctx,
                                                  const quire_quantize_options *options,
                                                  const quire_quantize_hooks *hooks,
                                                  quire_quantize_result *out_result,
                                                  quire_text *out_report);
#endif
