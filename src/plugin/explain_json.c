/* explain_json.c - an explanation for scripts: docs/explain.schema.json. */
#include "plugin/explain_parts.h"

static void
put_count(quire_json *j, const char *key, uint64_t n)
{
    quire_json_key(j, key);
    quire_json_u64(j, n);
}

static void
put_text(quire_json *j, const char *key, quire_bytes text)
{
    quire_json_key(j, key);
    ledger_put_text(j, text);
}

static void
put_claimant(quire_json *j, const explanation *e, uint32_t claimant)
{
    const explain_claimant *c = &e->claimants[claimant];
    const ledger_claimant *sums = &e->ledger.claimants[claimant];
    put_text(j, "by", quire_sym_bytes(e->m, sums->who));
    put_count(j, "hold", sums->hold);
    put_count(j, "lost", sums->lost);
    quire_json_key(j, "lost_to");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < c->n_lost_to; i++) {
        const explain_loss *loss = &e->losses[c->lost_to + i];
        quire_json_begin(j, '{');
        put_text(j, "by", quire_sym_bytes(e->m, e->ledger.claimants[loss->to].who));
        put_count(j, "requests", loss->n);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
    quire_json_key(j, "slots");
    quire_json_begin(j, '[');
    for (uint32_t i = 0; i < c->n_slots; i++)
        ledger_put_slot(j, e->m, c->slots[i]);
    quire_json_end(j, ']');
}

/* --- quantizers ------------------------------------------------------------------------------- */

static void
put_options(quire_json *j, const explain_quantizer *q)
{
    quire_json_key(j, "options");
    quire_json_begin(j, '[');
    for (uint32_t i = 0; i < q->n_options; i++) {
        quire_json_begin(j, '{');
        put_text(j, "name", quire_bytes_of(q->options[i].option->name));
        put_text(j, "value", q->options[i].value);
        quire_json_key(j, "default");
        quire_json_bool(j, q->options[i].is_default);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
}

static void
put_left_alone(quire_json *j, const explanation *e, const explain_quantizer *q)
{
    quire_json_key(j, "left_alone");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < q->n_reasons; i++) {
        quire_json_begin(j, '{');
        put_text(j, "reason", quire_sym_bytes(e->m, q->reasons[i].reason));
        put_count(j, "nodes", q->reasons[i].n);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
}

static void
put_quantizer(quire_json *j, const explanation *e, const explain_quantizer *q)
{
    quire_json_begin(j, '{');
    put_text(j, "name", q->declared->name);
    put_count(j, "line", q->declared->at.line);
    quire_json_key(j, "priority");
    quire_json_i64(j, q->declared->priority);
    put_options(j, q);
    quire_json_key(j, "requests");
    quire_json_begin(j, '[');
    for (uint32_t i = 0; i < e->ledger.n_claimants; i++) {
        if (!explain_is_of(e, i, q->declared->name)) continue;
        quire_json_begin(j, '{');
        put_claimant(j, e, i);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
    put_left_alone(j, e, q);
    quire_json_end(j, '}');
}

/* --- rules ------------------------------------------------------------------------------------ */

static void
put_refusals(quire_json *j, const explanation *e, uint32_t rule, size_t *io_at)
{
    size_t counts[QUIRE_N_REASONS];
    explain_count_refusals(e, rule, io_at, counts);
    quire_json_key(j, "refused");
    quire_json_begin(j, '[');
    for (int i = 0; i < QUIRE_N_REASONS; i++) {
        if (counts[i] == 0) continue;
        quire_json_begin(j, '{');
        put_text(j, "reason", quire_bytes_of(quire_reason_code((quire_reason)i)));
        put_count(j, "slots", counts[i]);
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
}

static void
put_rule(quire_json *j, const explanation *e, uint32_t index, size_t *io_at)
{
    const quire_rule *rule = &e->a->rules.rules[index];
    const uint32_t claimant = explain_find(e, rule->who);
    quire_json_begin(j, '{');
    put_count(j, "line", rule->at_select.line);
    put_text(j, "select", rule->select);
    put_text(j, "spec", rule->spec);
    quire_json_key(j, "priority");
    quire_json_i64(j, rule->priority);
    put_count(j, "selected", rule->n_selected);
    put_count(j, "asked", rule->n_claimed);
    put_count(j, "overridden", rule->n_claimed - rule->n_held);
    put_refusals(j, e, index, io_at);
    if (claimant != UINT32_MAX) put_claimant(j, e, claimant);
    quire_json_end(j, '}');
}

/* --- resolution ------------------------------------------------------------------------------- */

static void
put_claim(quire_json *j, const explanation *e, const quire_claim *claim)
{
    const quire_spec spec = quire_spec_of_ref(e->m, claim->spec);
    quire_json_begin(j, '{');
    quire_json_key(j, "spec");
    ledger_put_spec(j, e->m, &spec);
    put_text(j, "by", quire_sym_bytes(e->m, claim->who));
    quire_json_end(j, '}');
}

static void
put_conflicts(quire_json *j, const explanation *e)
{
    const quire_resolved *r = &e->a->resolved;
    quire_json_key(j, "conflicts");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < r->n_annotations && r->error == QUIRE_NAMED_NONE; i++) {
        const quire_annotation *at = &r->annotations[i];
        uint32_t next = 0;
        const quire_claim *other = explain_next_conflict(e, at, &next);
        if (other == NULL) continue;
        quire_json_begin(j, '{');
        quire_json_key(j, "slot");
        ledger_put_slot(j, e->m, at->slot);
        quire_json_key(j, "requests");
        quire_json_begin(j, '[');
        put_claim(j, e, ledger_claims(e->a, at));
        for (; other != NULL; other = explain_next_conflict(e, at, &next))
            put_claim(j, e, other);
        quire_json_end(j, ']');
        quire_json_end(j, '}');
    }
    quire_json_end(j, ']');
}

static void
put_error(quire_json *j, const quire_resolved *r)
{
    quire_json_key(j, "error");
    if (r->error == QUIRE_NAMED_NONE) {
        quire_json_null(j);
        return;
    }
    quire_json_begin(j, '{');
    put_text(j, "name", quire_bytes_of(quire_named_error_text(r->error)));
    put_text(j, "message", quire_bytes_of(r->message.ptr));
    quire_json_end(j, '}');
}

static void
put_resolution(quire_json *j, const explanation *e)
{
    const quire_resolved *r = &e->a->resolved;
    const bool whole = r->error == QUIRE_NAMED_NONE;
    quire_json_key(j, "resolution");
    quire_json_begin(j, '{');
    put_count(j, "hold", e->ledger.hold);
    put_count(j, "lost", e->ledger.lost);
    put_count(j, "annotated", whole ? r->n_annotations : 0);
    put_count(j, "groups", whole ? r->n_groups : 0);
    put_count(j, "float", whole ? e->ledger.n_float : 0);
    put_conflicts(j, e);
    put_error(j, r);
    quire_json_end(j, '}');
}

void
explain_write_json(quire_writer *w, const explanation *e)
{
    quire_json j = {.w = w};
    size_t refusal = 0;
    quire_json_begin(&j, '{');
    put_count(&j, "format_version", 1);
    put_text(&j, "recipe", quire_bytes_of(e->recipe->rules.path));
    quire_json_key(&j, "quantizers");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < e->recipe->n_quantizers; i++)
        put_quantizer(&j, e, &e->quantizers[i]);
    quire_json_end(&j, ']');
    quire_json_key(&j, "rules");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < e->a->rules.n_rules; i++)
        put_rule(&j, e, (uint32_t)i, &refusal);
    quire_json_end(&j, ']');
    put_resolution(&j, e);
    quire_json_end(&j, '}');
}
