/* quantize_file.c - the library's main entry point: a recipe decides, else options, which are flags,
 * and flags are options of a quantizer.
 */
#include "plugin/quantize_file.h"

#include "passes/quantize_file.h"
#include "passes/quantize_options.h"
#include "plugin/annotate_with.h"
#include "plugin/table_flags.h"

static quire_status
annotate_by(quire_ctx *ctx, quire_model *m, quire_registry *registry, const char *recipe,
            quire_annotations *out)
{
    const quire_annotators by = {.recipe = recipe};
    QUIRE_TRY(quire_registry_search(ctx, registry));
    return quire_annotate_with(ctx, m, registry, &by, out);
}

static quire_status
annotate_by_recipe(quire_ctx *ctx, quire_model *m, void *data, quire_annotations *out)
{
    const quire_quantize_options *o = data;
    quire_registry registry;
    QUIRE_TRY(quire_registry_init(ctx, &registry));
    const quire_status status = annotate_by(ctx, m, &registry, o->recipe, out);
    quire_registry_deinit(&registry);
    return status;
}

quire_status
quire_quantize_run(quire_ctx *ctx, const quire_quantize_options *options,
                   quire_quantize_result *out_result)
{
    quire_text report;
    quire_quantize_options o;
    (void)quire_quantize_options_complete(options, &o); /* a wrong size is refused below */
    const quire_table_flags flags = {.options = &o};
    quire_annotator annotator = quire_table_flags_annotator(&flags);
    if (o.recipe != NULL) annotator = (quire_annotator){.annotate = annotate_by_recipe, .data = &o};
    const quire_quantize_hooks hooks = {.annotator = &annotator};
    const quire_status status = quire_quantize_report(ctx, options, &hooks, out_result, &report);
    if ((status == QUIRE_OK || status == QUIRE_NONE) && options->report != NULL)
        options->report(options->report_data, report.ptr, report.len);
    quire_text_free(ctx, &report);
    return status;
}

quire_status
quire_quantize_file(const quire_quantize_options *options, quire_quantize_result *out_result)
{
    quire_ctx ctx = quire_ctx_default();
    quire_quantize_options o;
    if (options == NULL || !quire_quantize_options_complete(options, &o)) return QUIRE_E_USAGE;
    if (o.allocator != NULL) ctx.alloc = o.allocator;
    ctx.sink = o.sink;
    ctx.sink_data = o.sink_data;
    ctx.progress = o.progress;
    ctx.progress_data = o.progress_data;
    ctx.canceled = o.canceled;
    ctx.parallel = o.parallel;
    ctx.pool = o.pool;
    ctx.n_threads = o.n_threads;
    return quire_quantize_run(&ctx, &o, out_result);
}

const char *
quire_version(void)
{
    return QUIRE_VERSION;
}
