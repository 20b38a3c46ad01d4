/* why_text.c - the answer about one slot for people. */
#include "passes/why.h"

enum { MOST_MEMBERS = 16 }; /* of a group; JSON has them all */

static const char *
plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void
write_slot_of(quire_writer *w, const why *y, uint32_t annotation)
{
    quire_slot_print(w, y->m, y->a->resolved.annotations[annotation].slot);
}

/* `  operand 1 of y (Gather), reads W: float, rank 2` */
static void
write_place(quire_writer *w, const why *y)
{
    const quire_node node = quire_slot_node(y->m, y->slot);
    const quire_value v = quire_slot_value(y->m, y->slot);
    quire_writef(w, "  %s", why_place(y->m, y->slot));
    if (y->slot.kind == QUIRE_SLOT_USE)
        quire_writef(w, " %u", (unsigned)quire_use_at(y->m, (quire_use){y->slot.id})->index);
    if (node.id != 0) {
        quire_write_str(w, " of ");
        ledger_print_node(w, y->m, node);
        quire_write_str(w, " (");
        ledger_print_op(w, y->m, node);
        quire_write_str(w, ")");
    }
    if (y->slot.kind == QUIRE_SLOT_USE && v.id != 0) {
        quire_write_str(w, ", reads ");
        quire_slot_print(w, y->m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
    }
    if (v.id != 0) quire_writef(w, "; type %s", why_type(y->m, v));
    if (v.id != 0 && quire_value_at(y->m, v)->rank >= 0)
        quire_writef(w, ", rank %d", (int)quire_value_at(y->m, v)->rank);
    quire_write_str(w, "\n");
}

static void
write_claim(quire_writer *w, const why *y, const char *what, const quire_claim *claim)
{
    const quire_spec spec = quire_spec_of_ref(y->m, claim->spec);
    quire_writef(w, "  %s ", what);
    quire_claim_print_sponsors(w, y->m, claim, 1);
    quire_write_str(w, ": ");
    quire_spec_print(w, y->m, &spec);
    if (claim->reason.id != 0) {
        quire_write_str(w, " (");
        ledger_print_text(w, quire_sym_bytes(y->m, claim->reason));
        quire_write_str(w, ")");
    }
    quire_write_str(w, "\n");
}

static void
write_claims(quire_writer *w, const why *y)
{
    for (size_t i = 0; i < y->n_claims; i++) {
        const bool lost = (y->claims[i].flags & QUIRE_CLAIM_LOST) != 0;
        write_claim(w, y, lost ? "lost: asked" : "asked", &y->claims[i]);
    }
}

static void
write_link(quire_writer *w, const why *y, const quire_link *link)
{
    const quire_resolved *r = &y->a->resolved;
    quire_write_str(w, "    ");
    write_slot_of(w, y, link->a);
    quire_write_str(w, " -- ");
    write_slot_of(w, y, link->b);
    if (link->kind == QUIRE_LINK_IMPLICIT) {
        const quire_value v = quire_slot_value(y->m, r->annotations[link->a].slot);
        quire_write_str(w, ": the same tensor ");
        quire_slot_print(w, y->m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
        quire_write_str(w, ", and specs that agree\n");
        return;
    }
    const uint32_t sharer = why_sharer(y->a, link);
    const quire_annotation *at = &r->annotations[sharer];
    quire_write_str(w, ": ");
    write_slot_of(w, y, sharer);
    quire_write_str(w, " = ");
    write_slot_of(w, y, at->target);
    quire_write_str(w, " asked ");
    quire_claim_print_sponsors(w, y->m, ledger_claims(y->a, at), at->n_sponsors);
    quire_write_str(w, "\n");
}

static void
write_chain(quire_writer *w, const why *y)
{
    const quire_group *group = &y->a->resolved.groups[y->at->group];
    if (y->n_chain == 0) {
        quire_write_str(w, "  it carries the group's spec itself\n");
        return;
    }
    quire_write_str(w, "  joined to ");
    write_slot_of(w, y, group->carrier);
    quire_writef(w, ", which carries the spec, by %zu link%s\n", y->n_chain, plural(y->n_chain));
    for (size_t i = 0; i < y->n_chain; i++)
        write_link(w, y, &y->chain[i]);
}

static void
write_group(quire_writer *w, const why *y)
{
    const quire_resolved *r = &y->a->resolved;
    if (y->at->group == QUIRE_NO_GROUP) {
        quire_write_str(w, "  float: in no group\n");
        return;
    }
    const quire_group *group = &r->groups[y->at->group];
    const uint32_t shown = group->n_members < MOST_MEMBERS ? group->n_members : MOST_MEMBERS;
    quire_writef(w, "  group %u of %zu: %u slot%s:", (unsigned)y->at->group, r->n_groups,
                 (unsigned)group->n_members, plural(group->n_members));
    for (uint32_t i = 0; i < shown; i++) {
        quire_write_str(w, i == 0 ? " " : ", ");
        write_slot_of(w, y, r->members[group->members + i]);
    }
    if (shown < group->n_members)
        quire_writef(w, " and %u more", (unsigned)(group->n_members - shown));
    quire_write_str(w, "\n");
    if (group->n_observers_differ > 0)
        quire_writef(w, "  %u of them asked for another observer\n",
                     (unsigned)group->n_observers_differ);
    write_chain(w, y);
}

static void
write_table(quire_writer *w, const why *y)
{
    if (y->table == NULL || !y->table->is_lookup) return;
    if (y->table->eligible) {
        quire_write_str(w, "  quire quantize, without annotations, makes the table of this lookup "
                           "small by its own defaults\n");
        return;
    }
    quire_writef(w, "  quire tables: %s: ", quire_reason_code(y->table->reason));
    ledger_print_text(w, y->table->message);
    quire_write_str(w, "\n");
}

static void
write_neighbours(quire_writer *w, const why *y)
{
    const quire_resolved *r = &y->a->resolved;
    bool any = false;
    for (size_t i = 0; i < r->n_annotations; i++) {
        const quire_annotation *other = &r->annotations[i];
        if (!why_is_neighbour(y, other)) continue;
        if (!any) quire_write_str(w, "  annotated beside it, at its node or tensor\n");
        any = true;
        quire_write_str(w, "    ");
        quire_slot_print(w, y->m, other->slot);
        quire_write_str(w, ": ");
        quire_spec_print(w, y->m, quire_resolved_spec(y->m, r, other));
        quire_write_str(w, " ");
        quire_claim_print_sponsors(w, y->m, ledger_claims(y->a, other), other->n_sponsors);
        quire_write_str(w, "\n");
    }
}

/* What quantizers said beside their claims. */
static void
write_said(quire_writer *w, const why *y)
{
    const quire_account *account = &y->a->account;
    for (size_t i = 0; i < account->n_skips; i++) {
        const quire_skip *skip = &account->skips[i];
        if (!why_concerns(y, skip)) continue;
        quire_write_str(w, "  its node was left alone: ");
        ledger_print_said(w, y->m, skip->who, skip->reason, skip->text);
        quire_write_str(w, "\n");
    }
    for (size_t i = 0; i < account->n_findings; i++) {
        const quire_finding *finding = &account->findings[i];
        if (!why_finds(y, finding)) continue;
        quire_writef(w, "  %s ", ledger_severity(finding->severity));
        ledger_print_said(w, y->m, finding->who, (quire_sym){0}, finding->text);
        quire_write_str(w, "\n");
    }
}

void
why_write_text(quire_writer *w, const why *y)
{
    quire_slot_print(w, y->m, y->slot);
    quire_write_str(w, ": ");
    if (y->at == NULL) {
        quire_writef(w, "not annotated\n");
        write_place(w, y);
        quire_writef(w, "  %s: %s\n", quire_reason_code(y->reason), y->message);
        if (y->a->kind == QUIRE_FROM_NOTHING)
            quire_write_str(w, "  the model has no annotations, and no others were given\n");
        write_claims(w, y);
        write_said(w, y);
        write_table(w, y);
        write_neighbours(w, y);
        return;
    }
    quire_spec_print(w, y->m, quire_resolved_spec(y->m, &y->a->resolved, y->at));
    quire_write_str(w, (y->at->flags & QUIRE_CLAIM_NOSHARE) != 0 ? " noshare\n" : "\n");
    write_place(w, y);
    write_claims(w, y);
    write_group(w, y);
    write_said(w, y);
}
