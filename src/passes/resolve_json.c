/* resolve_json.c - the outcome of a resolution for scripts: slots and specs in the text's
 * spelling. */
#include "base/json.h"
#include "graph/utf8.h"
#include "passes/resolving.h"

typedef struct outcome {
    quire_json json;
    const quire_model *m;
    const quire_resolved *r;
} outcome;

static void
write_slot(outcome *o, quire_slot slot)
{
    quire_writer text;
    quire_json_open_text(&o->json, &text);
    quire_slot_print(&text, o->m, slot);
    quire_json_close_text(&o->json, &text);
}

static void
write_spec(outcome *o, const quire_spec *spec)
{
    quire_writer text;
    quire_json_open_text(&o->json, &text);
    quire_spec_print(&text, o->m, spec);
    quire_json_close_text(&o->json, &text);
}

/* Has the member a spec of its own with another observer than its group's? */
static bool
differs(const quire_annotation *a, const quire_group *group)
{
    return !quire_annotation_is_shared(a) && a->spec.row != group->spec;
}

static void
write_members(outcome *o, const char *key, const quire_group *group, bool only_differing)
{
    quire_json_key(&o->json, key);
    quire_json_begin(&o->json, '[');
    for (uint32_t i = 0; i < group->n_members; i++) {
        const quire_annotation *a = &o->r->annotations[o->r->members[group->members + i]];
        if (!only_differing || differs(a, group)) write_slot(o, a->slot);
    }
    quire_json_end(&o->json, ']');
}

static void
write_groups(outcome *o)
{
    const size_t n = o->r->error == QUIRE_NAMED_NONE ? o->r->n_groups : 0;
    quire_json_key(&o->json, "groups");
    quire_json_begin(&o->json, '[');
    for (size_t g = 0; g < n; g++) {
        const quire_group *group = &o->r->groups[g];
        quire_json_begin(&o->json, '{');
        write_members(o, "slots", group, false);
        quire_json_key(&o->json, "spec");
        write_spec(o, quire_spec_at(o->m, group->spec));
        write_members(o, "observers_differ", group, true);
        quire_json_end(&o->json, '}');
    }
    quire_json_end(&o->json, ']');
}

static void
write_float(outcome *o)
{
    const size_t n = o->r->error == QUIRE_NAMED_NONE ? o->r->n_annotations : 0;
    quire_json_key(&o->json, "float");
    quire_json_begin(&o->json, '[');
    for (size_t i = 0; i < n; i++) {
        if (o->r->annotations[i].group == QUIRE_NO_GROUP) write_slot(o, o->r->annotations[i].slot);
    }
    quire_json_end(&o->json, ']');
}

/* Claimants are UTF-8 but for what a text spells as \xNN: that is kept, so that the document is
 * JSON. */
static void
write_claimant(outcome *o, quire_bytes who)
{
    quire_utf8 state = {0};
    quire_writer text;
    const bool readable = quire_utf8_check(&state, who.ptr, who.len) == who.len && state.need == 0;
    quire_json_open_text(&o->json, &text);
    for (size_t i = 0; i < who.len; i++) {
        if (readable || who.ptr[i] < 0x80) {
            quire_write(&text, &who.ptr[i], 1);
        } else {
            quire_writef(&text, "\\x%02x", (unsigned)who.ptr[i]);
        }
    }
    quire_json_close_text(&o->json, &text);
}

static void
write_loser(outcome *o, const quire_claim *claim)
{
    const quire_spec spec = quire_spec_of_ref(o->m, claim->spec);
    quire_json_begin(&o->json, '{');
    quire_json_key(&o->json, "slot");
    write_slot(o, claim->slot);
    quire_json_key(&o->json, "spec");
    write_spec(o, &spec);
    quire_json_key(&o->json, "by");
    write_claimant(o, quire_sym_bytes(o->m, claim->who));
    quire_json_key(&o->json, "priority");
    quire_json_i64(&o->json, claim->priority);
    quire_json_key(&o->json, "noshare");
    quire_json_bool(&o->json, (claim->flags & QUIRE_CLAIM_NOSHARE) != 0);
    quire_json_end(&o->json, '}');
}

static void
write_losers(outcome *o)
{
    const size_t n = o->r->error == QUIRE_NAMED_NONE ? o->r->claims.n : 0;
    quire_json_key(&o->json, "losers");
    quire_json_begin(&o->json, '[');
    for (size_t i = 0; i < n; i++) {
        if (o->r->claims.ptr[i].flags & QUIRE_CLAIM_LOST) write_loser(o, &o->r->claims.ptr[i]);
    }
    quire_json_end(&o->json, ']');
}

static void
write_error(outcome *o)
{
    const quire_resolved *r = o->r;
    quire_json_key(&o->json, "error");
    if (r->error == QUIRE_NAMED_NONE) {
        quire_json_null(&o->json);
        return;
    }
    quire_json_begin(&o->json, '{');
    quire_json_key(&o->json, "name");
    quire_json_text(&o->json, quire_named_error_text(r->error));
    quire_json_key(&o->json, "slots");
    quire_json_begin(&o->json, '[');
    for (size_t i = 0; i < r->n_error_slots; i++)
        write_slot(o, r->error_slots[i]);
    quire_json_end(&o->json, ']');
    quire_json_key(&o->json, "message");
    quire_json_string(&o->json, (quire_bytes){(const uint8_t *)r->message.ptr, r->message.len});
    quire_json_end(&o->json, '}');
}

void
quire_resolved_write_json(quire_writer *w, const quire_model *m, const quire_resolved *r)
{
    outcome o = {.json = {.w = w}, .m = m, .r = r};
    quire_json_begin(&o.json, '{');
    quire_json_key(&o.json, "format_version");
    quire_json_u64(&o.json, 1);
    write_groups(&o);
    write_float(&o);
    write_losers(&o);
    write_error(&o);
    quire_json_end(&o.json, '}');
}
