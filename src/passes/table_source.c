/* table_source.c - see table_source.h. */
#include "passes/table_source.h"

#include "base/diag.h"
#include "graph/carrier.h"
#include "passes/quantize_options.h"

static quire_status
check_entry(quire_ctx *ctx, const quire_model *m, const quire_quantize_options *o)
{
    const char *option = quire_quantize_table_option(o);
    quire_bytes entry;
    if (option == NULL || o->annotations != NULL || o->rules != NULL) return QUIRE_OK;
    if (!quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &entry)) return QUIRE_OK;
    return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                           "%s and the model's own annotations (metadata entry %s) both say how "
                           "tables are quantized; leave the option out",
                           option, QUIRE_ANNOTATIONS_KEY);
}

static quire_status
attach(quire_ctx *ctx, quire_model *m, quire_tables *tables, quire_table_source *s)
{
    const quire_resolved *r = &s->annotations.resolved;
    QUIRE_TRY(quire_annotations_attach(ctx, m, r));
    QUIRE_TRY(quire_annotation_texts_make(ctx, m, r, &s->texts));
    tables->resolved = r;
    return QUIRE_OK;
}

quire_status
quire_table_source_load(quire_ctx *ctx, quire_model *m, quire_tables *tables,
                        quire_table_source *out)
{
    const quire_quantize_options *o = tables->options;
    const quire_resolve_options options = {.conflict = QUIRE_CONFLICT_ERROR};
    *out = (quire_table_source){.is_loaded = false};
    QUIRE_TRY(check_entry(ctx, m, o));
    QUIRE_TRY(
        quire_annotations_load(ctx, m, o->annotations, o->rules, &options, &out->annotations));
    out->is_loaded = true;
    if (out->annotations.kind == QUIRE_FROM_NOTHING) return QUIRE_OK;
    return attach(ctx, m, tables, out);
}

void
quire_table_source_deinit(quire_ctx *ctx, quire_table_source *source)
{
    quire_annotation_texts_deinit(ctx, &source->texts);
    if (source->is_loaded) quire_annotations_deinit(ctx, &source->annotations);
    source->is_loaded = false;
}

const char *
quire_table_source_name(const quire_table_source *source)
{
    switch (source->annotations.kind) {
    case QUIRE_FROM_NOTHING: return "flags";
    case QUIRE_FROM_ENTRY: return "entry";
    case QUIRE_FROM_TEXT: return "annotations";
    case QUIRE_FROM_RULES: return "rules";
    }
    return "";
}

const quire_annotation_texts *
quire_table_source_texts(const quire_table_source *source)
{
    return source->annotations.kind != QUIRE_FROM_NOTHING ? &source->texts : NULL;
}

static bool
some_is_quantized(const quire_tables *tables)
{
    for (size_t i = 0; i < tables->n_tables; i++) {
        if (tables->tables[i].quantized) return true;
    }
    return false;
}

quire_status
quire_table_source_store(quire_ctx *ctx, quire_model *m, const quire_tables *tables,
                         const quire_table_source *source)
{
    const quire_source_kind kind = source->annotations.kind;
    quire_claims left = {0};
    if (kind == QUIRE_FROM_NOTHING) return QUIRE_OK;
    if (kind == QUIRE_FROM_ENTRY && !some_is_quantized(tables)) return QUIRE_OK;
    quire_status status = quire_annotations_left(ctx, m, &source->annotations.resolved, &left);
    if (status == QUIRE_OK) status = quire_annotations_store(ctx, m, &left);
    quire_claims_deinit(ctx, &left);
    return status;
}
