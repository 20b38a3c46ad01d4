/* report_annotations.c - see report_annotations.h. */
#include "passes/report_annotations.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "passes/report_parts.h"

/* --- texts ------------------------------------------------------------------------------------ */

typedef struct text_maker {
    quire_writer w;
    const quire_model *m;
    const quire_resolved *r;
    quire_annotation_texts *out;
} text_maker;

/* Everything written since the last call. */
static quire_status
end_text(text_maker *t, size_t *io_start, quire_bytes *out)
{
    QUIRE_TRY(quire_writer_finish(&t->w));
    out->len = t->out->all.len - *io_start;
    *io_start = t->out->all.len;
    return QUIRE_OK;
}

/* A sponsor as the text spells it, less the word `by` before it. */
static quire_status
write_sponsor(text_maker *t, const quire_claim *claim)
{
    quire_text *all = &t->out->all;
    const size_t start = all->len, skip = strlen("by ");
    quire_claim plain = *claim;
    plain.priority = 0;
    plain.flags = 0;
    quire_claim_print_sponsors(&t->w, t->m, &plain, 1);
    QUIRE_TRY(quire_writer_finish(&t->w));
    all->len -= skip;
    memmove(all->ptr + start, all->ptr + start + skip, all->len - start);
    return QUIRE_OK;
}

static quire_status
write_sponsors(text_maker *t, const quire_annotation *a)
{
    for (uint32_t k = 0; k < a->n_sponsors; k++) {
        if (k > 0) quire_write_str(&t->w, ",");
        QUIRE_TRY(quire_writer_finish(&t->w));
        QUIRE_TRY(write_sponsor(t, &t->r->claims.ptr[a->claims + k]));
    }
    return QUIRE_OK;
}

static quire_status
make_text(text_maker *t, const quire_annotation *a, quire_annotation_text *out)
{
    const quire_spec spec = quire_spec_of_ref(t->m, a->spec);
    size_t start = t->out->all.len;
    out->is_float = spec.kind == QUIRE_SPEC_FLOAT;
    quire_slot_print(&t->w, t->m, a->slot);
    QUIRE_TRY(end_text(t, &start, &out->slot));
    quire_spec_print(&t->w, t->m, &spec);
    QUIRE_TRY(end_text(t, &start, &out->spec));
    QUIRE_TRY(write_sponsors(t, a));
    return end_text(t, &start, &out->by);
}

/* Lengths are known, the text no longer moves. */
static void
place_texts(quire_annotation_texts *texts)
{
    const uint8_t *at = (const uint8_t *)texts->all.ptr;
    for (size_t i = 0; i < texts->n; i++) {
        quire_annotation_text *t = &texts->of[i];
        quire_bytes *const parts[] = {&t->slot, &t->spec, &t->by};
        for (size_t k = 0; k < 3; k++) {
            parts[k]->ptr = at;
            at += parts[k]->len;
        }
    }
}

quire_status
quire_annotation_texts_make(quire_ctx *ctx, const quire_model *m, const quire_resolved *r,
                            quire_annotation_texts *out)
{
    text_maker t = {.m = m, .r = r, .out = out};
    *out = (quire_annotation_texts){0};
    if (r->n_annotations == 0) return QUIRE_OK;
    out->of = quire_alloc(ctx->alloc, r->n_annotations * sizeof *out->of);
    if (out->of == NULL) return quire_nomem(ctx);
    out->n = r->n_annotations;
    quire_writer_to_text(&t.w, ctx, &out->all);
    for (size_t i = 0; i < out->n; i++)
        QUIRE_TRY(make_text(&t, &r->annotations[i], &out->of[i]));
    place_texts(out);
    return QUIRE_OK;
}

void
quire_annotation_texts_deinit(quire_ctx *ctx, quire_annotation_texts *texts)
{
    quire_text_free(ctx, &texts->all);
    quire_free(ctx->alloc, texts->of, texts->n * sizeof *texts->of);
    *texts = (quire_annotation_texts){0};
}

/* --- what became of them ---------------------------------------------------------------------- */

/* The slot was an operand of a node that is gone. */
static bool
is_gone(const quire_report *r, quire_slot slot)
{
    if (slot.kind != QUIRE_SLOT_USE) return false;
    const quire_node n = quire_use_at(r->model, (quire_use){slot.id})->node;
    return n.id != 0 && (quire_node_at(r->model, n)->flags & QUIRE_DEAD) != 0;
}

report_outcome
report_outcome_of(const quire_report *r, size_t i)
{
    const quire_annotated *a = &r->tables->annotated[i];
    const quire_lookup *l = a->lookup != 0 ? &r->tables->lookups[a->lookup - 1] : NULL;
    if (a->table != 0 && report_has_table(r, &r->tables->tables[a->table - 1]))
        return (report_outcome){.lowered = true};
    if (r->annotations->of[i].is_float) {
        return (report_outcome){.reason = QUIRE_REASON_ANNOTATED_FLOAT,
                                .message = quire_bytes_of("the annotation says float")};
    }
    if (l != NULL && l->reason != QUIRE_REASON_NONE)
        return (report_outcome){.reason = l->reason, .message = l->message, .of_lookup = true};
    if (a->overruled) {
        return (report_outcome){
            .reason = QUIRE_REASON_SPEC,
            .message = quire_bytes_of("the lookups that read it obey annotations of their own")};
    }
    report_outcome o = {.reason = QUIRE_REASON_NO_LOWERING};
    if (is_gone(r, r->tables->resolved->annotations[i].slot))
        o.message = quire_bytes_of("no lowering for this kind of slot; its node was replaced");
    return o;
}

static quire_bytes
message_of(const report_outcome *o)
{
    return o->message.len > 0 ? o->message : quire_bytes_of(quire_reason_text(o->reason));
}

static void
put_annotation(quire_json *j, const quire_report *r, size_t i)
{
    const quire_annotation_text *t = &r->annotations->of[i];
    const report_outcome o = report_outcome_of(r, i);
    quire_json_begin(j, '{');
    quire_json_key(j, "slot");
    quire_json_string(j, t->slot);
    quire_json_key(j, "spec");
    quire_json_string(j, t->spec);
    quire_json_key(j, "by");
    quire_json_string(j, t->by);
    quire_json_key(j, "lowered");
    quire_json_bool(j, o.lowered);
    quire_json_key(j, "reason");
    o.lowered ? quire_json_null(j) : quire_json_text(j, quire_reason_code(o.reason));
    quire_json_key(j, "message");
    o.lowered ? quire_json_null(j) : quire_json_string(j, message_of(&o));
    quire_json_end(j, '}');
}

void
report_put_annotations(quire_json *j, const quire_report *r)
{
    if (r->annotations == NULL) return;
    quire_json_key(j, "annotations");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < r->annotations->n; i++)
        put_annotation(j, r, i);
    quire_json_end(j, ']');
}

/* Lookups tell their reasons themselves, and float is what was asked for. */
void
report_write_annotations(quire_writer *w, const quire_report *r)
{
    bool any = false;
    for (size_t i = 0; r->annotations != NULL && i < r->annotations->n; i++) {
        const report_outcome o = report_outcome_of(r, i);
        if (o.lowered || o.of_lookup || o.reason == QUIRE_REASON_ANNOTATED_FLOAT) continue;
        if (!any) quire_write_str(w, "\nannotated, not lowered yet\n");
        any = true;
        const quire_annotation_text *t = &r->annotations->of[i];
        quire_writef(w, "  %-24s ", quire_reason_code(o.reason));
        quire_write_bytes(w, t->slot);
        quire_write_str(w, " ");
        quire_write_bytes(w, t->spec);
        if (o.message.len > 0) quire_write_str(w, ": ");
        quire_write_bytes(w, o.message);
        quire_write_str(w, "\n");
    }
}
