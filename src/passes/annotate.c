/* annotate.c - the claims of a run from one source, resolved; the result into the model's entry. */
#include "passes/annotate.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/carrier.h"
#include "graph/edit.h"
#include "graph/layer.h"
#include "passes/pass.h"

/* --- sources ---------------------------------------------------------------------------------- */

static quire_status
parse_text(quire_ctx *ctx, quire_model *m, const char *origin, quire_bytes text,
           quire_claims *io_claims)
{
    quire_slot_reader reader;
    QUIRE_TRY(quire_slot_reader_init(ctx, m, QUIRE_MISSING_REFUSED, &reader));
    reader.origin = origin;
    const quire_status status = quire_claims_parse(&reader, text, io_claims);
    quire_slot_reader_deinit(&reader);
    return status;
}

static quire_status
claims_of_file(quire_ctx *ctx, quire_model *m, const char *path, quire_claims *io_claims)
{
    quire_text text;
    QUIRE_TRY(quire_read_text_file(ctx, path, &text));
    const quire_bytes bytes = {(const uint8_t *)text.ptr, text.len};
    const quire_status status = parse_text(ctx, m, path, bytes, io_claims);
    quire_text_free(ctx, &text);
    return status;
}

static quire_status
claims_of_entry(quire_ctx *ctx, quire_model *m, quire_bytes entry, quire_claims *io_claims)
{
    quire_bytes origin;
    const char *file = ctx->file != NULL ? ctx->file : m->path;
    QUIRE_TRY(quire_arena_format(ctx, &m->arena, &origin, "%s%s%s", file != NULL ? file : "",
                                 file != NULL ? ": " : "", QUIRE_ANNOTATIONS_KEY));
    return parse_text(ctx, m, (const char *)origin.ptr, entry, io_claims);
}

static quire_status
claims_of_rules(quire_ctx *ctx, quire_model *m, quire_rules *rules, quire_claims *io_claims)
{
    quire_tables none = {0}; /* passes share it; infer-types does not look at it */
    quire_run run = {.model = m, .tables = &none};
    QUIRE_TRY(quire_pass_infer_types(ctx, &run));
    return quire_rules_apply(ctx, rules, m, io_claims);
}

/* --- loading ---------------------------------------------------------------------------------- */

static quire_status
collect(quire_ctx *ctx, quire_model *m, const char *text, quire_annotations *a,
        quire_claims *io_claims)
{
    quire_bytes entry;
    if (a->kind == QUIRE_FROM_RULES) return claims_of_rules(ctx, m, &a->rules, io_claims);
    if (a->kind == QUIRE_FROM_TEXT) return claims_of_file(ctx, m, text, io_claims);
    if (!quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &entry)) return QUIRE_OK;
    a->kind = QUIRE_FROM_ENTRY;
    return claims_of_entry(ctx, m, entry, io_claims);
}

static quire_status
collect_and_resolve(quire_ctx *ctx, quire_model *m, const char *text,
                    const quire_resolve_options *options, quire_annotations *a)
{
    const quire_resolve_options strict = {0};
    const quire_status named = a->kind == QUIRE_FROM_RULES ? QUIRE_E_USAGE : QUIRE_E_INVALID;
    quire_claims claims = {0};
    quire_status status = collect(ctx, m, text, a, &claims);
    if (status == QUIRE_OK && a->kind != QUIRE_FROM_NOTHING) {
        status = quire_resolve_or_fail(ctx, m, &claims, options != NULL ? options : &strict, named,
                                       &a->resolved);
    }
    quire_claims_deinit(ctx, &claims);
    return status;
}

quire_status
quire_annotations_by_rules(quire_ctx *ctx, quire_model *m, const quire_rules *rules,
                           const quire_resolve_options *options, quire_annotations *out)
{
    quire_annotations a = {.kind = QUIRE_FROM_RULES, .rules = *rules};
    const quire_status status = collect_and_resolve(ctx, m, NULL, options, &a);
    if (status == QUIRE_OK) {
        *out = a;
    } else {
        quire_rules_deinit(ctx, &a.rules);
    }
    return status;
}

quire_status
quire_annotations_load(quire_ctx *ctx, quire_model *m, const char *text, const char *rules,
                       const quire_resolve_options *options, quire_annotations *out)
{
    quire_annotations a = {.kind = text != NULL ? QUIRE_FROM_TEXT : QUIRE_FROM_NOTHING};
    quire_rules read;
    if (rules != NULL) {
        QUIRE_TRY(quire_rules_load(ctx, rules, &read));
        return quire_annotations_by_rules(ctx, m, &read, options, out);
    }
    QUIRE_TRY(collect_and_resolve(ctx, m, text, options, &a));
    *out = a;
    return QUIRE_OK;
}

void
quire_annotations_deinit(quire_ctx *ctx, quire_annotations *a)
{
    if (a->rules.path != NULL) quire_rules_deinit(ctx, &a->rules);
    quire_account_deinit(ctx, &a->account);
    if (a->kind != QUIRE_FROM_NOTHING) quire_resolved_deinit(ctx, &a->resolved);
    *a = (quire_annotations){0};
}

/* --- storing ---------------------------------------------------------------------------------- */

static quire_status
print_claims(quire_ctx *ctx, const quire_model *m, const quire_claims *claims, quire_text *text)
{
    quire_writer w;
    quire_writer_to_text(&w, ctx, text);
    quire_claims_print(&w, m, claims);
    return quire_writer_finish(&w);
}

static bool
is_empty(const quire_claims *result)
{
    for (size_t i = 0; i < result->n; i++) {
        if ((result->ptr[i].flags & QUIRE_CLAIM_LOST) == 0) return false;
    }
    return true;
}

quire_status
quire_annotations_store(quire_ctx *ctx, quire_model *m, const quire_claims *result)
{
    quire_text text = {0};
    if (is_empty(result)) return quire_model_set_metadata(ctx, m, QUIRE_ANNOTATIONS_KEY, NULL);
    quire_status status = print_claims(ctx, m, result, &text);
    const quire_bytes bytes = {(const uint8_t *)text.ptr, text.len};
    if (status == QUIRE_OK)
        status = quire_model_set_metadata(ctx, m, QUIRE_ANNOTATIONS_KEY, &bytes);
    quire_text_free(ctx, &text);
    return status;
}
