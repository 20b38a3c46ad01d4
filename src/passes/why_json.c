/* why_json.c - the answer about one slot for scripts: docs/why.schema.json. */
#include "passes/why.h"

static void
put_place(quire_json *j, const why *y)
{
    const quire_node node = quire_slot_node(y->m, y->slot);
    const quire_value v = quire_slot_value(y->m, y->slot);
    quire_writer w;
    quire_json_key(j, "place");
    quire_json_text(j, why_place(y->m, y->slot));
    quire_json_key(j, "node");
    if (node.id == 0) {
        quire_json_null(j);
    } else {
        quire_json_open_text(j, &w);
        ledger_print_node(&w, y->m, node);
        quire_json_close_text(j, &w);
    }
    quire_json_key(j, "op");
    if (node.id == 0) {
        quire_json_null(j);
    } else {
        quire_json_open_text(j, &w);
        ledger_print_op(&w, y->m, node);
        quire_json_close_text(j, &w);
    }
    quire_json_key(j, "tensor");
    if (v.id == 0) quire_json_null(j);
    if (v.id != 0) ledger_put_slot(j, y->m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
    quire_json_key(j, "type");
    if (v.id == 0) quire_json_null(j);
    if (v.id != 0) quire_json_text(j, why_type(y->m, v));
}

static void
put_claims(quire_json *j, const why *y, const char *key, const quire_claim *claims, uint32_t n)
{
    quire_json_key(j, key);
    quire_json_begin(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        const quire_spec spec = quire_spec_of_ref(y->m, claims[i].spec);
        quire_json_begin(j, '{');
        quire_json_key(j, "by");
        ledger_put_text(j, quire_sym_bytes(y->m, claims[i].who));
        quire_json_key(j, "spec");
        ledger_put_spec(j, y->m, &spec);
        quire_json_key(j, "priority");
        quire_json_i64(j, claims[i].priority);
        quire_json_key(j, "noshare");
        quire_json_bool(j, (claims[i].flags & QUIRE_CLAIM_NOSHARE) != 0);
        quire_json_key(j, "reason");
        if (claims[i].reason.id != 0) ledger_put_text(j, quire_sym_bytes(y->m, claims[i].reason));
        if (claims[i].reason.id == 0) quire_json_null(j);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
}

static void
put_members(quire_json *j, const why *y, const quire_group *group)
{
    const quire_resolved *r = &y->a->resolved;
    quire_json_key(j, "slots");
    quire_json_begin(j, '[');
    for (uint32_t i = 0; i < group->n_members; i++)
        ledger_put_slot(j, y->m, r->annotations[r->members[group->members + i]].slot);
    quire_json_end(j, ']');
}

static void
put_group(quire_json *j, const why *y)
{
    const quire_resolved *r = &y->a->resolved;
    quire_json_key(j, "group");
    if (y->at == NULL || y->at->group == QUIRE_NO_GROUP) {
        quire_json_null(j);
        return;
    }
    const quire_group *group = &r->groups[y->at->group];
    quire_json_begin(j, '{');
    quire_json_key(j, "number");
    quire_json_u64(j, y->at->group);
    quire_json_key(j, "spec");
    ledger_put_spec(j, y->m, quire_spec_at(y->m, group->spec));
    quire_json_key(j, "carrier");
    ledger_put_slot(j, y->m, r->annotations[group->carrier].slot);
    put_members(j, y, group);
    quire_json_key(j, "observers_differ");
    quire_json_u64(j, group->n_observers_differ);
    quire_json_end(j, '}');
}

static void
put_link(quire_json *j, const why *y, const quire_link *link)
{
    const quire_resolved *r = &y->a->resolved;
    const bool explicit = link->kind == QUIRE_LINK_EXPLICIT;
    const quire_annotation *sharer = &r->annotations[why_sharer(y->a, link)];
    quire_json_begin(j, '{');
    quire_json_key(j, "from");
    ledger_put_slot(j, y->m, r->annotations[link->a].slot);
    quire_json_key(j, "to");
    ledger_put_slot(j, y->m, r->annotations[link->b].slot);
    quire_json_key(j, "kind");
    quire_json_text(j, explicit ? "shared" : "tensor");
    quire_json_key(j, "tensor");
    if (explicit) {
        quire_json_null(j);
    } else {
        const quire_value v = quire_slot_value(y->m, r->annotations[link->a].slot);
        ledger_put_slot(j, y->m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
    }
    quire_json_key(j, "by");
    ledger_put_claimants(j, y->m, ledger_claims(y->a, sharer), explicit ? sharer->n_sponsors : 0);
    quire_json_end(j, '}');
}

static void
put_reason(quire_json *j, const why *y)
{
    quire_json_key(j, "reason");
    if (y->at != NULL) {
        quire_json_null(j);
    } else {
        quire_json_begin(j, '{');
        quire_json_key(j, "code");
        quire_json_text(j, quire_reason_code(y->reason));
        quire_json_key(j, "message");
        quire_json_text(j, y->message);
        quire_json_end(j, '}');
    }
    quire_json_key(j, "table");
    if (y->at != NULL || y->table == NULL || !y->table->is_lookup) {
        quire_json_null(j);
        return;
    }
    quire_json_begin(j, '{');
    quire_json_key(j, "eligible");
    quire_json_bool(j, y->table->eligible);
    quire_json_key(j, "reason");
    if (y->table->eligible) quire_json_null(j);
    if (!y->table->eligible) quire_json_text(j, quire_reason_code(y->table->reason));
    quire_json_key(j, "message");
    ledger_put_text(j, y->table->message);
    quire_json_end(j, '}');
}

static void
put_neighbours(quire_json *j, const why *y)
{
    const quire_resolved *r = &y->a->resolved;
    quire_json_key(j, "beside");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < r->n_annotations; i++) {
        if (why_is_neighbour(y, &r->annotations[i]))
            ledger_put_annotation(j, y->m, y->a, &r->annotations[i]);
    }
    quire_json_end(j, ']');
}

static void
put_said(quire_json *j, const why *y)
{
    const quire_account *account = &y->a->account;
    if (y->a->kind != QUIRE_FROM_QUANTIZERS) return;
    quire_json_key(j, "left_alone");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < account->n_skips; i++) {
        if (!why_concerns(y, &account->skips[i])) continue;
        quire_json_begin(j, '{');
        ledger_put_said(j, y->m, account->skips[i].who, account->skips[i].reason,
                        account->skips[i].text);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
    quire_json_key(j, "findings");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < account->n_findings; i++) {
        if (why_finds(y, &account->findings[i])) ledger_put_finding(j, y->m, &account->findings[i]);
    }
    quire_json_end(j, ']');
}

void
why_write_json(quire_writer *w, const why *y)
{
    quire_json j = {.w = w};
    const uint32_t n_sponsors = y->at != NULL ? y->at->n_sponsors : 0;
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "slot");
    ledger_put_slot(&j, y->m, y->slot);
    put_place(&j, y);
    quire_json_key(&j, "spec");
    if (y->at == NULL) quire_json_null(&j);
    if (y->at != NULL) ledger_put_spec(&j, y->m, quire_resolved_spec(y->m, &y->a->resolved, y->at));
    put_claims(&j, y, "sponsors", y->claims, n_sponsors);
    put_claims(&j, y, "losers", y->claims != NULL ? y->claims + n_sponsors : NULL,
               (uint32_t)y->n_claims - n_sponsors);
    put_group(&j, y);
    quire_json_key(&j, "chain");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < y->n_chain; i++)
        put_link(&j, y, &y->chain[i]);
    quire_json_end(&j, ']');
    put_reason(&j, y);
    put_neighbours(&j, y);
    put_said(&j, y);
    quire_json_end(&j, '}');
}
