/* ledger_text.c - the ledger for people: requests, nodes, tensors, sums. */
#include "passes/ledger_write.h"

static const char *
plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* Beside quantizers a rule that no later one overrides has asked, and may still have lost. */
static void
write_rule(quire_writer *w, const ledger *l, const quire_rule *rule)
{
    const quire_rules *rules = &l->a->rules;
    const bool alone = l->a->kind == QUIRE_FROM_RULES;
    quire_write_str(w, "  ");
    ledger_print_text(w, quire_bytes_of(rules->name));
    quire_writef(w, ":%u  ", (unsigned)rule->line);
    ledger_print_text(w, rule->select);
    quire_writef(w, ": %u selected, %u %s, %u %s, %u refused", (unsigned)rule->n_selected,
                 (unsigned)rule->n_held, alone ? "annotated" : "asked for",
                 (unsigned)(rule->n_claimed - rule->n_held),
                 alone ? "overridden" : "left to later rules", (unsigned)rule->n_refused);
    if (rule->reason.len > 0) {
        quire_write_str(w, " (");
        ledger_print_text(w, rule->reason);
        quire_write_str(w, ")");
    }
    quire_write_str(w, "\n");
}

static void
write_claimants(quire_writer *w, const ledger *l)
{
    for (size_t i = 0; i < l->n_claimants; i++) {
        const ledger_claimant *claimant = &l->claimants[i];
        const size_t n = claimant->hold + claimant->lost;
        if (ledger_is_rule(l->m, l->a, claimant->who)) continue;
        quire_write_str(w, "  ");
        ledger_print_text(w, quire_sym_bytes(l->m, claimant->who));
        quire_writef(w, ": %zu request%s, %zu hold, %zu lost", n, plural(n), claimant->hold,
                     claimant->lost);
        if (claimant->left_alone > 0)
            quire_writef(w, "; %zu node%s left alone", claimant->left_alone,
                         plural(claimant->left_alone));
        quire_write_str(w, "\n");
    }
}

static void
write_claim(quire_writer *w, const quire_model *m, const quire_claim *claim, size_t n)
{
    const quire_spec spec = quire_spec_of_ref(m, claim->spec);
    quire_spec_print(w, m, &spec);
    quire_write_str(w, " ");
    quire_claim_print_sponsors(w, m, claim, n);
}

static void
write_lost(quire_writer *w, const ledger *l)
{
    const quire_claims *claims = &l->a->resolved.claims;
    if (l->lost > 0) quire_write_str(w, "overridden\n");
    for (size_t i = 0; i < claims->n; i++) {
        const quire_claim *claim = &claims->ptr[i];
        if ((claim->flags & QUIRE_CLAIM_LOST) == 0) continue;
        const quire_annotation *at = ledger_find(l->a, claim->slot);
        quire_write_str(w, "  ");
        quire_slot_print(w, l->m, claim->slot);
        quire_write_str(w, ": ");
        write_claim(w, l->m, claim, 1);
        quire_write_str(w, at != NULL ? "; what holds is asked " : "; nothing holds any more");
        if (at != NULL)
            quire_claim_print_sponsors(w, l->m, ledger_claims(l->a, at), at->n_sponsors);
        quire_write_str(w, "\n");
    }
}

static void
write_refused(quire_writer *w, const ledger *l)
{
    const quire_rules *rules = &l->a->rules;
    if (rules->n_refusals > 0) quire_write_str(w, "refused\n");
    for (size_t i = 0; i < rules->n_refusals; i++) {
        const quire_refusal *refusal = &rules->refusals[i];
        quire_write_str(w, "  ");
        quire_slot_print(w, l->m, refusal->slot);
        quire_writef(w, ": %s, by ", quire_reason_code(refusal->reason));
        ledger_print_text(w, quire_bytes_of(rules->name));
        quire_writef(w, ":%u\n", (unsigned)rules->rules[refusal->rule].line);
    }
}

static void
write_left_alone(quire_writer *w, const ledger *l)
{
    const quire_account *account = &l->a->account;
    if (account->n_skips > 0) quire_write_str(w, "left alone\n");
    for (size_t i = 0; i < account->n_skips; i++) {
        const quire_skip *skip = &account->skips[i];
        quire_write_str(w, "  ");
        ledger_print_node(w, l->m, skip->node);
        quire_write_str(w, " (");
        ledger_print_op(w, l->m, skip->node);
        quire_write_str(w, "): ");
        ledger_print_said(w, l->m, skip->who, skip->reason, skip->text);
        quire_write_str(w, "\n");
    }
}

static void
write_findings(quire_writer *w, const ledger *l)
{
    const quire_account *account = &l->a->account;
    if (account->n_findings > 0) quire_write_str(w, "findings\n");
    for (size_t i = 0; i < account->n_findings; i++) {
        const quire_finding *finding = &account->findings[i];
        quire_writef(w, "  %s: ", ledger_severity(finding->severity));
        if (finding->slot.id != 0) {
            quire_slot_print(w, l->m, finding->slot);
            quire_write_str(w, ": ");
        }
        ledger_print_said(w, l->m, finding->who, (quire_sym){0}, finding->text);
        quire_write_str(w, "\n");
    }
}

static void
write_requests(quire_writer *w, const ledger *l)
{
    const quire_rules *rules = &l->a->rules;
    quire_write_str(w, "requests\n");
    write_claimants(w, l);
    for (size_t i = 0; i < rules->n_rules; i++)
        write_rule(w, l, &rules->rules[i]);
    if (l->a->kind == QUIRE_FROM_NOTHING) quire_write_str(w, "  none\n");
    write_lost(w, l);
    write_refused(w, l);
    write_left_alone(w, l);
}

/* `SLOT by WHO` of every annotated slot of n; the claimants only where they change. */
static void
write_annotated(quire_writer *w, const ledger *l, quire_node n)
{
    const quire_node_rec *r = quire_node_at(l->m, n);
    const char *between = ": ";
    for (uint32_t k = 0; k < r->n_in + r->n_out; k++) {
        const quire_annotation *at = ledger_find(l->a, ledger_slot_of_node(l->m, n, k));
        if (at == NULL) continue;
        quire_write_str(w, between);
        quire_slot_print(w, l->m, at->slot);
        quire_write_str(w, " ");
        quire_claim_print_sponsors(w, l->m, ledger_claims(l->a, at), at->n_sponsors);
        between = ", ";
    }
}

static void
write_node(quire_writer *w, const ledger *l, quire_node n, const ledger_node *node)
{
    quire_write_str(w, "  ");
    ledger_print_node(w, l->m, n);
    quire_write_str(w, " (");
    ledger_print_op(w, l->m, n);
    quire_write_str(w, ") ");
    if (node->n_annotated > 0) {
        quire_write_str(w, "annotated");
        write_annotated(w, l, n);
    } else {
        quire_write_str(w, quire_reason_code(node->reason));
        if (node->reason_slot.id != 0) quire_write_str(w, ": ");
        if (node->reason_slot.id != 0) quire_slot_print(w, l->m, node->reason_slot);
    }
    quire_write_str(w, "\n");
}

static void
write_nodes(quire_writer *w, const ledger *l)
{
    quire_write_str(w, "nodes\n");
    for (quire_node n = quire_walk_next(l->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(l->m, n)) {
        const ledger_node node = ledger_judge_node(l, n);
        if (node.eligible || node.n_annotated > 0) write_node(w, l, n, &node);
    }
}

static void
write_tensors(quire_writer *w, const ledger *l)
{
    bool any = false;
    for (size_t i = 0; i < l->a->resolved.n_annotations; i++) {
        const quire_annotation *at = &l->a->resolved.annotations[i];
        if (!ledger_is_loose(l->m, at)) continue;
        if (!any) quire_write_str(w, "inputs, initializers and outputs\n");
        any = true;
        quire_write_str(w, "  ");
        quire_slot_print(w, l->m, at->slot);
        quire_write_str(w, " annotated ");
        quire_claim_print_sponsors(w, l->m, ledger_claims(l->a, at), at->n_sponsors);
        quire_write_str(w, "\n");
    }
}

static void
write_sums(quire_writer *w, const ledger *l)
{
    const quire_resolved *r = &l->a->resolved;
    const size_t requests = l->hold + l->lost;
    quire_writef(w, "sums\n  %zu request%s: %zu hold, %zu overridden; %zu slot%s refused\n",
                 requests, plural(requests), l->hold, l->lost, l->a->rules.n_refusals,
                 plural(l->a->rules.n_refusals));
    quire_writef(w, "  %zu slot%s annotated: %zu in %zu group%s, %zu float\n", r->n_annotations,
                 plural(r->n_annotations), r->n_annotations - l->n_float, r->n_groups,
                 plural(r->n_groups), l->n_float);
    quire_writef(w, "  %zu node%s, %zu eligible: %zu annotated, %zu left\n", l->nodes,
                 plural(l->nodes), l->eligible, l->annotated, l->eligible - l->annotated);
    for (int i = 0; i < QUIRE_N_REASONS; i++) {
        if (l->left[i] > 0)
            quire_writef(w, "    %zu %s: %s\n", l->left[i], quire_reason_code((quire_reason)i),
                         quire_reason_text((quire_reason)i));
    }
}

void
ledger_write_text(quire_writer *w, const ledger *l)
{
    write_requests(w, l);
    write_nodes(w, l);
    write_tensors(w, l);
    write_findings(w, l);
    write_sums(w, l);
}
