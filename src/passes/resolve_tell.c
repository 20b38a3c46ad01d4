/* resolve_tell.c - named errors in words: where, which specs, who asked, the chain, what to do. */
#include "passes/resolving.h"

enum {
    MOST_SPONSORS = 3, /* named in a message; and of a chain, the steps at its beginning */
    MOST_STEPS = 8,
};

static const struct {
    const char *text, *advice;
} named[QUIRE_N_NAMED_ERRORS] = {
    [QUIRE_NAMED_NONE] = {"", ""},
#define X(name, text, advice) [QUIRE_NAMED_##name] = {text, advice},
#include "passes/named_errors.inc"
#undef X
};

const char *
quire_named_error_text(quire_named_error name)
{
    return named[name].text;
}

typedef struct telling {
    quire_resolving *r;
    quire_writer w;
} telling;

/* Begins the message; there will be up to n_slots slots. */
static quire_status
begin(telling *t, quire_resolving *r, quire_named_error name, size_t n_slots)
{
    quire_resolved *out = r->out;
    t->r = r;
    QUIRE_TRY(quire_take_array(r->ctx, n_slots, sizeof *out->error_slots, &out->error_slots));
    out->error_slots_room = n_slots;
    out->error = name;
    quire_writer_to_text(&t->w, r->ctx, &out->message);
    quire_write_str(&t->w, named[name].text);
    return QUIRE_OK;
}

static void
touch(telling *t, quire_slot slot)
{
    quire_resolved *out = t->r->out;
    const size_t n = out->n_error_slots;
    if (n > 0 && quire_slot_equal(out->error_slots[n - 1], slot)) return;
    out->error_slots[out->n_error_slots++] = slot;
}

static quire_status
end(telling *t)
{
    quire_writef(&t->w, "; %s", named[t->r->out->error].advice);
    QUIRE_TRY(quire_writer_finish(&t->w));
    return QUIRE_NONE;
}

static void
write_slot(telling *t, quire_slot slot)
{
    quire_slot_print(&t->w, t->r->m, slot);
}

/* " by WHO (line N)" of claims[0..n), which say the same. */
static void
write_claimants(telling *t, const quire_claim *claims, uint32_t n)
{
    const uint32_t shown = n < MOST_SPONSORS ? n : MOST_SPONSORS;
    bool first = true;
    quire_write_str(&t->w, " ");
    quire_claim_print_sponsors(&t->w, t->r->m, claims, shown);
    if (shown < n) quire_writef(&t->w, " and %u more", (unsigned)(n - shown));
    for (uint32_t i = 0; i < shown; i++) {
        if (claims[i].line == 0) continue;
        quire_writef(&t->w, "%s%u", first ? " (line " : ", line ", (unsigned)claims[i].line);
        first = false;
    }
    if (!first) quire_write_str(&t->w, ")");
}

static void
write_spec(telling *t, quire_spec_ref ref)
{
    const quire_spec spec = quire_spec_of_ref(t->r->m, ref);
    quire_write_str(&t->w, "\"");
    quire_spec_print(&t->w, t->r->m, &spec);
    quire_write_str(&t->w, "\"");
}

/* `"SPEC" by WHO (line N)` of what holds at a. */
static void
write_annotation(telling *t, uint32_t a)
{
    const quire_annotation *annotation = &t->r->out->annotations[a];
    write_spec(t, annotation->spec);
    write_claimants(t, t->r->out->claims.ptr + annotation->claims, annotation->n_sponsors);
}

quire_status
quire_tell_conflict(quire_resolving *r, const quire_claim *a, const quire_claim *b, size_t n_top)
{
    telling t;
    const quire_spec x = quire_spec_of_ref(r->m, a->spec);
    const quire_spec y = quire_spec_of_ref(r->m, b->spec);
    QUIRE_TRY(begin(&t, r, QUIRE_NAMED_CONFLICT, 1));
    touch(&t, a->slot);
    quire_write_str(&t.w, " at ");
    write_slot(&t, a->slot);
    quire_writef(&t.w, ": %s: ", quire_spec_difference(&x, &y));
    write_spec(&t, a->spec);
    write_claimants(&t, a, 1);
    quire_write_str(&t.w, " against ");
    write_spec(&t, b->spec);
    write_claimants(&t, b, 1);
    quire_writef(&t.w, ", %s of priority %d", n_top == 2 ? "both" : "two of several",
                 (int)a->priority);
    return end(&t);
}

/* `SLOT = TARGET by WHO (line N)`. */
static void
write_pointer(telling *t, uint32_t a)
{
    const quire_annotation *annotation = &t->r->out->annotations[a];
    write_slot(t, annotation->slot);
    quire_write_str(&t->w, " = ");
    write_slot(t, annotation->spec.target);
    write_claimants(t, t->r->out->claims.ptr + annotation->claims, annotation->n_sponsors);
}

quire_status
quire_tell_shared_cycle(quire_resolving *r, uint32_t first)
{
    const quire_annotation *annotations = r->out->annotations;
    telling t;
    size_t n = 1;
    for (uint32_t a = annotations[first].target; a != first; a = annotations[a].target)
        n++;
    QUIRE_TRY(begin(&t, r, QUIRE_NAMED_SHARED_CYCLE, n));
    uint32_t a = first;
    for (size_t i = 0; i < n; i++, a = annotations[a].target) {
        touch(&t, annotations[a].slot);
        if (i == MOST_STEPS && n > MOST_STEPS + 1)
            quire_writef(&t.w, ", ... (%zu more)", n - MOST_STEPS - 1);
        if (i >= MOST_STEPS && i + 1 < n) continue;
        quire_write_str(&t.w, i == 0 ? ": " : ", ");
        write_pointer(&t, a);
    }
    return end(&t);
}

quire_status
quire_tell_target(quire_resolving *r, quire_named_error name, uint32_t a, quire_slot target)
{
    telling t;
    const quire_slot slot = r->out->annotations[a].slot;
    const bool in_model = target.kind == QUIRE_SLOT_RESULT || target.kind == QUIRE_SLOT_USE;
    QUIRE_TRY(begin(&t, r, name, 2));
    touch(&t, slot);
    quire_write_str(&t.w, " at ");
    write_slot(&t, slot);
    quire_write_str(&t.w, ": ");
    write_annotation(&t, a);
    quire_write_str(&t.w, " points at ");
    write_slot(&t, target);
    touch(&t, target);
    if (name == QUIRE_NAMED_TARGET_FLOAT) {
        quire_write_str(&t.w, ", which is ");
        write_annotation(&t, quire_resolving_find(r, target));
    } else {
        quire_write_str(&t.w,
                        in_model ? ", which nobody annotates" : ", which the model does not have");
    }
    return end(&t);
}

/* `CARRIER is derived from SOURCE by WHO`, and how the source leads on to the next carrier. */
static void
write_derivation(telling *t, uint32_t carrier, quire_slot source, uint32_t next)
{
    const quire_annotation *annotations = t->r->out->annotations;
    const quire_annotation *a = &annotations[carrier];
    write_slot(t, a->slot);
    quire_write_str(&t->w, " is derived from ");
    write_slot(t, source);
    write_claimants(t, t->r->out->claims.ptr + a->claims, a->n_sponsors);
    if (quire_slot_equal(source, annotations[next].slot)) return;
    quire_write_str(&t->w, ", ");
    write_slot(t, source);
    quire_write_str(&t->w, " shares with ");
    write_slot(t, annotations[next].slot);
}

/* The annotation that holds the derived spec of a group. */
static uint32_t
carrier_of(const quire_resolved *out, uint32_t group)
{
    return out->annotations[out->members[out->groups[group].members]].end;
}

quire_status
quire_tell_derived_cycle(quire_resolving *r, const uint32_t *groups, const uint32_t *via, size_t n)
{
    const quire_annotation *annotations = r->out->annotations;
    telling t;
    QUIRE_TRY(begin(&t, r, QUIRE_NAMED_DERIVED_CYCLE, 2 * n));
    for (size_t i = 0; i < n; i++) {
        const uint32_t carrier = carrier_of(r->out, groups[i]);
        const uint32_t next = carrier_of(r->out, groups[(i + 1) % n]);
        const quire_slot source =
            quire_spec_at(r->m, annotations[carrier].spec.row)->targets[via[i]];
        touch(&t, annotations[carrier].slot);
        if (i + 1 < n || !quire_slot_equal(source, annotations[next].slot)) touch(&t, source);
        if (i == MOST_STEPS && n > MOST_STEPS + 1)
            quire_writef(&t.w, "; ... (%zu more)", n - MOST_STEPS - 1);
        if (i >= MOST_STEPS && i + 1 < n) continue;
        quire_write_str(&t.w, i == 0 ? ": " : "; ");
        write_derivation(&t, carrier, source, next);
    }
    return end(&t);
}

quire_status
quire_tell_annotation(quire_resolving *r, quire_named_error name, uint32_t a)
{
    telling t;
    QUIRE_TRY(begin(&t, r, name, 1));
    touch(&t, r->out->annotations[a].slot);
    quire_write_str(&t.w, " at ");
    write_slot(&t, r->out->annotations[a].slot);
    quire_write_str(&t.w, ": ");
    write_annotation(&t, a);
    return end(&t);
}
