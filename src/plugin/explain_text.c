/* explain_text.c - an explanation for people. */
#include "plugin/explain_parts.h"

static void
write_who(quire_writer *w, const explanation *e, uint32_t claimant)
{
    ledger_print_text(w, quire_sym_bytes(e->m, e->ledger.claimants[claimant].who));
}

/* `A 2, B 1` */
static void
write_losses(quire_writer *w, const explanation *e, uint32_t claimant, const char *indent)
{
    const explain_claimant *c = &e->claimants[claimant];
    if (c->n_lost_to == 0) return;
    quire_writef(w, "%slost to", indent);
    for (size_t i = 0; i < c->n_lost_to; i++) {
        const explain_loss *loss = &e->losses[c->lost_to + i];
        quire_write_str(w, i == 0 ? " " : ", ");
        write_who(w, e, loss->to);
        quire_writef(w, ": %zu", loss->n);
    }
    quire_write_str(w, "\n");
}

static void
write_slots(quire_writer *w, const explanation *e, uint32_t claimant, const char *indent)
{
    const explain_claimant *c = &e->claimants[claimant];
    const ledger_claimant *sums = &e->ledger.claimants[claimant];
    if (c->n_slots == 0) return;
    quire_writef(w, "%sat", indent);
    for (uint32_t i = 0; i < c->n_slots; i++) {
        quire_write_str(w, i == 0 ? " " : ", ");
        quire_slot_print(w, e->m, c->slots[i]);
    }
    quire_write_str(w, sums->hold + sums->lost > c->n_slots ? ", ...\n" : "\n");
}

/* --- quantizers ------------------------------------------------------------------------------- */

static void
write_options(quire_writer *w, const explain_quantizer *q)
{
    for (uint32_t i = 0; i < q->n_options; i++) {
        const explain_option *option = &q->options[i];
        quire_writef(w, "  %s=", option->option->name);
        ledger_print_text(w, option->value);
        quire_write_str(w, option->is_default ? "  (default)\n" : "\n");
    }
}

static void
write_claimant(quire_writer *w, const explanation *e, uint32_t claimant)
{
    const ledger_claimant *sums = &e->ledger.claimants[claimant];
    const size_t n = sums->hold + sums->lost;
    quire_write_str(w, "  ");
    write_who(w, e, claimant);
    quire_writef(w, ": %zu request%s, %zu hold, %zu lost\n", n, n == 1 ? "" : "s", sums->hold,
                 sums->lost);
    write_slots(w, e, claimant, "    ");
    write_losses(w, e, claimant, "    ");
}

static void
write_left_alone(quire_writer *w, const explanation *e, const explain_quantizer *q)
{
    for (size_t i = 0; i < q->n_reasons; i++) {
        const size_t n = q->reasons[i].n;
        quire_writef(w, "  left alone %zu node%s: ", n, n == 1 ? "" : "s");
        ledger_print_text(w, quire_sym_bytes(e->m, q->reasons[i].reason));
        quire_write_str(w, "\n");
    }
}

static void
write_quantizer(quire_writer *w, const explanation *e, const explain_quantizer *q)
{
    const quire_recipe_quantizer *declared = q->declared;
    ledger_print_text(w, quire_bytes_of(e->recipe->rules.path));
    quire_writef(w, ":%u: quantizer %s", (unsigned)declared->at.line,
                 (const char *)declared->name.ptr);
    if (declared->priority != 0) quire_writef(w, ", priority %d", (int)declared->priority);
    quire_write_str(w, "\n");
    write_options(w, q);
    for (uint32_t i = 0; i < e->ledger.n_claimants; i++) {
        if (explain_is_of(e, i, declared->name)) write_claimant(w, e, i);
    }
    write_left_alone(w, e, q);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void
write_refusals(quire_writer *w, const explanation *e, uint32_t rule, size_t *io_at)
{
    size_t counts[QUIRE_N_REASONS];
    explain_count_refusals(e, rule, io_at, counts);
    for (int i = 0; i < QUIRE_N_REASONS; i++) {
        if (counts[i] > 0)
            quire_writef(w, "  refused %zu slot%s: %s\n", counts[i], counts[i] == 1 ? "" : "s",
                         quire_reason_code((quire_reason)i));
    }
}

static void
write_rule(quire_writer *w, const explanation *e, uint32_t index, size_t *io_at)
{
    const quire_rule *rule = &e->a->rules.rules[index];
    const uint32_t claimant = explain_find(e, rule->who);
    ledger_print_text(w, quire_bytes_of(e->a->rules.path));
    quire_writef(w, ":%u: rule ", (unsigned)rule->at_select.line);
    ledger_print_text(w, quire_sym_bytes(e->m, rule->who));
    if (rule->priority != 0) quire_writef(w, ", priority %d", (int)rule->priority);
    quire_write_str(w, "\n  ");
    ledger_print_text(w, rule->select);
    quire_write_str(w, "\n  ");
    ledger_print_text(w, rule->spec);
    quire_writef(w, "\n  %u selected, %u asked for, %u overridden by later rules, %u refused\n",
                 (unsigned)rule->n_selected, (unsigned)rule->n_claimed,
                 (unsigned)(rule->n_claimed - rule->n_held), (unsigned)rule->n_refused);
    write_refusals(w, e, index, io_at);
    if (claimant == UINT32_MAX) return;
    write_slots(w, e, claimant, "  ");
    write_losses(w, e, claimant, "  ");
}

/* --- resolution ------------------------------------------------------------------------------- */

static void
write_claim(quire_writer *w, const explanation *e, const quire_claim *claim)
{
    const quire_spec spec = quire_spec_of_ref(e->m, claim->spec);
    quire_write_str(w, "\"");
    quire_spec_print(w, e->m, &spec);
    quire_write_str(w, "\" by ");
    ledger_print_text(w, quire_sym_bytes(e->m, claim->who));
}

static void
write_conflicts(quire_writer *w, const explanation *e)
{
    const quire_resolved *r = &e->a->resolved;
    for (size_t i = 0; i < r->n_annotations; i++) {
        const quire_annotation *at = &r->annotations[i];
        uint32_t next = 0;
        const quire_claim *other = explain_next_conflict(e, at, &next);
        if (other == NULL) continue;
        quire_write_str(w, "  conflict at ");
        quire_slot_print(w, e->m, at->slot);
        quire_write_str(w, ": ");
        write_claim(w, e, ledger_claims(e->a, at));
        for (; other != NULL; other = explain_next_conflict(e, at, &next)) {
            quire_write_str(w, ", ");
            write_claim(w, e, other);
        }
        quire_write_str(w, "\n");
    }
}

static void
write_resolution(quire_writer *w, const explanation *e)
{
    const quire_resolved *r = &e->a->resolved;
    quire_writef(w, "resolution\n  %zu request%s: %zu hold, %zu lost\n",
                 e->ledger.hold + e->ledger.lost, e->ledger.hold + e->ledger.lost == 1 ? "" : "s",
                 e->ledger.hold, e->ledger.lost);
    if (r->error != QUIRE_NAMED_NONE) {
        quire_writef(w, "  %s\n", r->message.ptr);
        return;
    }
    quire_writef(w, "  %zu slot%s annotated: %zu in %zu group%s, %zu float\n", r->n_annotations,
                 r->n_annotations == 1 ? "" : "s", r->n_annotations - e->ledger.n_float,
                 r->n_groups, r->n_groups == 1 ? "" : "s", e->ledger.n_float);
    write_conflicts(w, e);
}

void
explain_write_text(quire_writer *w, const explanation *e)
{
    size_t refusal = 0;
    for (size_t i = 0; i < e->recipe->n_quantizers; i++)
        write_quantizer(w, e, &e->quantizers[i]);
    for (size_t i = 0; i < e->a->rules.n_rules; i++)
        write_rule(w, e, (uint32_t)i, &refusal);
    write_resolution(w, e);
}
