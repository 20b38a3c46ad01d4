/* resolve_or_fail.c - a resolution for callers that cannot go on with a named error; notes about
 * observers. */
#include "passes/resolving.h"

enum { MOST_NOTES = 16 };

/* The first member whose own observer is not the group's. */
static const quire_annotation *
first_differing(const quire_resolved *r, const quire_group *group)
{
    const uint32_t *member = r->members + group->members;
    while (quire_annotation_is_shared(&r->annotations[*member]) ||
           r->annotations[*member].spec.row == group->spec)
        member++;
    return &r->annotations[*member];
}

static quire_status
note_group(quire_ctx *ctx, const quire_model *m, const quire_resolved *r, const quire_group *group)
{
    const quire_annotation *carrier = &r->annotations[group->carrier];
    const quire_annotation *other = first_differing(r, group);
    quire_text text;
    quire_writer w;
    quire_writer_to_text(&w, ctx, &text);
    quire_write_str(&w, "observers differ in one group: \"");
    quire_spec_print(&w, m, quire_spec_at(m, group->spec));
    quire_write_str(&w, "\" of ");
    quire_slot_print(&w, m, carrier->slot);
    quire_write_str(&w, " holds for all, not \"");
    quire_spec_print(&w, m, quire_spec_at(m, other->spec.row));
    quire_write_str(&w, "\" of ");
    quire_slot_print(&w, m, other->slot);
    if (group->n_observers_differ > 1)
        quire_writef(&w, " and %u more", (unsigned)group->n_observers_differ - 1);
    const quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) quire_tell(ctx, QUIRE_NOTE, NULL, "%s", text.ptr);
    quire_text_free(ctx, &text);
    return status;
}

static quire_status
note_observers(quire_ctx *ctx, const quire_model *m, const quire_resolved *r)
{
    size_t n = 0;
    for (size_t g = 0; g < r->n_groups; g++) {
        if (r->groups[g].n_observers_differ == 0) continue;
        if (n++ < MOST_NOTES) QUIRE_TRY(note_group(ctx, m, r, &r->groups[g]));
    }
    if (n > MOST_NOTES)
        quire_tell(ctx, QUIRE_NOTE, NULL, "observers differ in %zu more groups", n - MOST_NOTES);
    return QUIRE_OK;
}

quire_status
quire_resolve_or_fail(quire_ctx *ctx, quire_model *m, const quire_claims *claims,
                      const quire_resolve_options *options, quire_status status,
                      quire_resolved *out)
{
    const quire_status resolved = quire_resolve(ctx, m, claims, options, out);
    if (resolved == QUIRE_NONE) quire_fail(ctx, status, NULL, "%s", out->message.ptr);
    if (resolved == QUIRE_NONE) quire_resolved_deinit(ctx, out);
    if (resolved != QUIRE_OK) return resolved == QUIRE_NONE ? status : resolved;
    const quire_status noted = note_observers(ctx, m, out);
    if (noted != QUIRE_OK) quire_resolved_deinit(ctx, out);
    return noted;
}
