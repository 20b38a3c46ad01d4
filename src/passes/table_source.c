/* table_source.c - see table_source.h. */
#include "passes/table_source.h"

#include "base/diag.h"
#include "graph/carrier.h"
#include "graph/layer.h"
#include "passes/follower.h"
#include "passes/ledger_parts.h"
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
    if (s->annotations.kind != QUIRE_FROM_FLAGS)
        QUIRE_TRY(quire_annotation_texts_make(ctx, m, r, &s->texts));
    tables->resolved = r;
    tables->account = &s->annotations.account;
    return QUIRE_OK;
}

quire_status
quire_table_source_load(quire_ctx *ctx, quire_model *m, quire_tables *tables,
                        const quire_annotator *annotator, quire_table_source *out)
{
    const quire_quantize_options *o = tables->options;
    const quire_resolve_options options = {.conflict = QUIRE_CONFLICT_ERROR};
    *out = (quire_table_source){.is_loaded = false};
    if (annotator->yields) {
        QUIRE_TRY(check_entry(ctx, m, o));
        QUIRE_TRY(
            quire_annotations_load(ctx, m, o->annotations, o->rules, &options, &out->annotations));
    }
    if (out->annotations.kind == QUIRE_FROM_NOTHING)
        QUIRE_TRY(annotator->annotate(ctx, m, annotator->data, &out->annotations));
    out->is_loaded = true;
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
    case QUIRE_FROM_NOTHING: return "nothing";
    case QUIRE_FROM_ENTRY: return "entry";
    case QUIRE_FROM_TEXT: return "annotations";
    case QUIRE_FROM_RULES: return "rules";
    case QUIRE_FROM_QUANTIZERS: return "quantizers";
    case QUIRE_FROM_FLAGS: return "flags";
    }
    return "";
}

const quire_annotation_texts *
quire_table_source_texts(const quire_table_source *source)
{
    return source->annotations.kind != QUIRE_FROM_FLAGS ? &source->texts : NULL;
}

static bool
some_is_quantized(const quire_tables *tables)
{
    for (size_t i = 0; i < tables->n_tables; i++) {
        if (tables->tables[i].quantized) return true;
    }
    return false;
}

/* Did only quantizers ask for it? */
static bool
is_of_quantizers(const quire_model *m, const quire_annotations *a,
                 const quire_annotation *annotation)
{
    for (uint32_t i = 0; i < annotation->n_sponsors; i++) {
        const quire_claim *claim = &a->resolved.claims.ptr[annotation->claims + i];
        if (ledger_is_rule(m, a, claim->who)) return false;
    }
    return true;
}

/* Lets go of what quantizers asked for at the operands of lookups that were left alone. What was
 * lowered is gone already. */
static void
drop_refused(const quire_model *m, const quire_tables *tables, const quire_annotations *a)
{
    quire_layer *layer = quire_layer_find(m, FOLLOWER_LAYER);
    for (size_t i = 0; layer != NULL && i < tables->n_annotated; i++) {
        const uint32_t lookup = tables->annotated[i].lookup;
        const quire_annotation *annotation = &a->resolved.annotations[i];
        if (lookup == 0 || annotation->slot.kind != QUIRE_SLOT_USE) continue;
        const quire_node node = quire_slot_node(m, annotation->slot);
        if (node.id != tables->lookups[lookup - 1].node.id) continue;
        if (is_of_quantizers(m, a, annotation)) quire_layer_clear(layer, annotation->slot);
    }
}

quire_status
quire_table_source_store(quire_ctx *ctx, quire_model *m, const quire_tables *tables,
                         const quire_table_source *source)
{
    const quire_source_kind kind = source->annotations.kind;
    quire_claims left = {0};
    if (kind == QUIRE_FROM_ENTRY && !some_is_quantized(tables)) return QUIRE_OK;
    if (kind == QUIRE_FROM_QUANTIZERS || kind == QUIRE_FROM_FLAGS)
        drop_refused(m, tables, &source->annotations);
    quire_status status = quire_annotations_left(ctx, m, &source->annotations.resolved, &left);
    if (status == QUIRE_OK) status = quire_annotations_store(ctx, m, &left);
    quire_claims_deinit(ctx, &left);
    return status;
}
