/* ledger_json.c - the ledger for scripts: docs/ledger.schema.json. */
#include "passes/ledger_write.h"

static void
put_count(quire_json *j, const char *key, uint64_t n)
{
    quire_json_key(j, key);
    quire_json_u64(j, n);
}

static void
put_words(quire_json *j, const char *key, quire_bytes text)
{
    quire_json_key(j, key);
    if (text.len > 0) {
        ledger_put_text(j, text);
    } else {
        quire_json_null(j);
    }
}

static void
put_rule(quire_json *j, const quire_rules *rules, const quire_rule *rule)
{
    quire_writer w;
    quire_json_begin(j, '{');
    quire_json_key(j, "rule");
    quire_json_open_text(j, &w);
    ledger_print_text(&w, quire_bytes_of(rules->name));
    quire_writef(&w, ":%u", (unsigned)rule->line);
    quire_json_close_text(j, &w);
    put_words(j, "select", rule->select);
    put_words(j, "spec", rule->spec);
    quire_json_key(j, "priority");
    quire_json_i64(j, rule->priority);
    put_words(j, "reason", rule->reason);
    quire_json_key(j, "expect");
    if (rule->expect >= 0) quire_json_i64(j, rule->expect);
    if (rule->expect < 0) quire_json_null(j);
    put_count(j, "selected", rule->n_selected);
    put_count(j, "annotated", rule->n_held);
    put_count(j, "overridden", rule->n_claimed - rule->n_held);
    put_count(j, "refused", rule->n_refused);
    quire_json_end(j, '}');
}

static void
put_request(quire_json *j, const quire_model *m, const quire_claim *claim)
{
    const quire_spec spec = quire_spec_of_ref(m, claim->spec);
    quire_json_begin(j, '{');
    quire_json_key(j, "slot");
    ledger_put_slot(j, m, claim->slot);
    quire_json_key(j, "spec");
    ledger_put_spec(j, m, &spec);
    quire_json_key(j, "by");
    ledger_put_text(j, quire_sym_bytes(m, claim->who));
    quire_json_key(j, "priority");
    quire_json_i64(j, claim->priority);
    quire_json_key(j, "noshare");
    quire_json_bool(j, (claim->flags & QUIRE_CLAIM_NOSHARE) != 0);
    put_words(j, "reason",
              claim->reason.id != 0 ? quire_sym_bytes(m, claim->reason) : (quire_bytes){0});
    quire_json_key(j, "outcome");
    quire_json_text(j, (claim->flags & QUIRE_CLAIM_LOST) != 0 ? "lost" : "holds");
    quire_json_end(j, '}');
}

static void
put_refusal(quire_json *j, const ledger *l, const quire_refusal *refusal)
{
    const quire_rules *rules = &l->a->rules;
    quire_writer w;
    quire_json_begin(j, '{');
    quire_json_key(j, "slot");
    ledger_put_slot(j, l->m, refusal->slot);
    quire_json_key(j, "by");
    quire_json_open_text(j, &w);
    ledger_print_text(&w, quire_bytes_of(rules->name));
    quire_writef(&w, ":%u", (unsigned)rules->rules[refusal->rule].line);
    quire_json_close_text(j, &w);
    quire_json_key(j, "reason");
    quire_json_text(j, quire_reason_code(refusal->reason));
    quire_json_key(j, "message");
    quire_json_text(j, quire_reason_text(refusal->reason));
    quire_json_end(j, '}');
}

static void
put_node(quire_json *j, const ledger *l, quire_node n, const ledger_node *node)
{
    const quire_node_rec *r = quire_node_at(l->m, n);
    quire_writer w;
    quire_json_begin(j, '{');
    quire_json_key(j, "node");
    quire_json_open_text(j, &w);
    ledger_print_node(&w, l->m, n);
    quire_json_close_text(j, &w);
    quire_json_key(j, "op");
    quire_json_open_text(j, &w);
    ledger_print_op(&w, l->m, n);
    quire_json_close_text(j, &w);
    quire_json_key(j, "annotated");
    quire_json_begin(j, '[');
    for (uint32_t k = 0; k < r->n_in + r->n_out; k++) {
        const quire_annotation *at = ledger_find(l->a, ledger_slot_of_node(l->m, n, k));
        if (at != NULL) ledger_put_annotation(j, l->m, l->a, at);
    }
    quire_json_end(j, ']');
    put_words(j, "reason", quire_bytes_of(quire_reason_code(node->reason)));
    quire_json_key(j, "slot");
    if (node->reason != QUIRE_REASON_NONE && node->reason_slot.id != 0) {
        ledger_put_slot(j, l->m, node->reason_slot);
    } else {
        quire_json_null(j);
    }
    quire_json_end(j, '}');
}

static void
put_requests(quire_json *j, const ledger *l)
{
    const quire_rules *rules = &l->a->rules;
    quire_json_key(j, "rules");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < rules->n_rules; i++)
        put_rule(j, rules, &rules->rules[i]);
    quire_json_end(j, ']');
    quire_json_key(j, "requests");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < l->a->resolved.claims.n; i++)
        put_request(j, l->m, &l->a->resolved.claims.ptr[i]);
    quire_json_end(j, ']');
    quire_json_key(j, "refused");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < rules->n_refusals; i++)
        put_refusal(j, l, &rules->refusals[i]);
    quire_json_end(j, ']');
}

static void
put_quantizer(quire_json *j, const ledger *l, const ledger_claimant *claimant)
{
    quire_json_begin(j, '{');
    quire_json_key(j, "by");
    ledger_put_text(j, quire_sym_bytes(l->m, claimant->who));
    put_count(j, "requests", claimant->hold + claimant->lost);
    put_count(j, "hold", claimant->hold);
    put_count(j, "lost", claimant->lost);
    put_count(j, "left_alone", claimant->left_alone);
    quire_json_end(j, '}');
}

static void
put_skip(quire_json *j, const ledger *l, const quire_skip *skip)
{
    quire_writer w;
    quire_json_begin(j, '{');
    quire_json_key(j, "node");
    quire_json_open_text(j, &w);
    ledger_print_node(&w, l->m, skip->node);
    quire_json_close_text(j, &w);
    quire_json_key(j, "op");
    quire_json_open_text(j, &w);
    ledger_print_op(&w, l->m, skip->node);
    quire_json_close_text(j, &w);
    ledger_put_said(j, l->m, skip->who, skip->reason, skip->text);
    quire_json_end(j, '}');
}

/* What quantizers asked for in sum, left alone and found. */
static void
put_account(quire_json *j, const ledger *l)
{
    const quire_account *account = &l->a->account;
    if (l->a->kind != QUIRE_FROM_QUANTIZERS) return;
    quire_json_key(j, "quantizers");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < l->n_claimants; i++) {
        if (!ledger_is_rule(l->m, l->a, l->claimants[i].who)) put_quantizer(j, l, &l->claimants[i]);
    }
    quire_json_end(j, ']');
    quire_json_key(j, "left_alone");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < account->n_skips; i++)
        put_skip(j, l, &account->skips[i]);
    quire_json_end(j, ']');
    quire_json_key(j, "findings");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < account->n_findings; i++)
        ledger_put_finding(j, l->m, &account->findings[i]);
    quire_json_end(j, ']');
}

static void
put_nodes(quire_json *j, const ledger *l)
{
    quire_json_key(j, "nodes");
    quire_json_begin(j, '[');
    for (quire_node n = quire_walk_next(l->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(l->m, n)) {
        const ledger_node node = ledger_judge_node(l, n);
        if (node.eligible || node.n_annotated > 0) put_node(j, l, n, &node);
    }
    quire_json_end(j, ']');
    quire_json_key(j, "tensors");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < l->a->resolved.n_annotations; i++) {
        const quire_annotation *at = &l->a->resolved.annotations[i];
        if (ledger_is_loose(l->m, at)) ledger_put_annotation(j, l->m, l->a, at);
    }
    quire_json_end(j, ']');
}

static void
put_sums(quire_json *j, const ledger *l)
{
    quire_json_key(j, "sums");
    quire_json_begin(j, '{');
    put_count(j, "requests", l->hold + l->lost);
    put_count(j, "hold", l->hold);
    put_count(j, "lost", l->lost);
    put_count(j, "refused", l->a->rules.n_refusals);
    put_count(j, "slots", l->a->resolved.n_annotations);
    put_count(j, "groups", l->a->resolved.n_groups);
    put_count(j, "float", l->n_float);
    put_count(j, "nodes", l->nodes);
    put_count(j, "eligible", l->eligible);
    put_count(j, "annotated", l->annotated);
    quire_json_key(j, "left");
    quire_json_begin(j, '{');
    for (int i = 0; i < QUIRE_N_REASONS; i++) {
        if (l->left[i] > 0) put_count(j, quire_reason_code((quire_reason)i), l->left[i]);
    }
    quire_json_end(j, '}');
    quire_json_end(j, '}');
}

void
ledger_write_json(quire_writer *w, const ledger *l)
{
    static const char *const sources[] = {[QUIRE_FROM_NOTHING] = "nothing",
                                          [QUIRE_FROM_ENTRY] = "entry",
                                          [QUIRE_FROM_TEXT] = "text",
                                          [QUIRE_FROM_RULES] = "rules",
                                          [QUIRE_FROM_QUANTIZERS] = "quantizers",
                                          [QUIRE_FROM_FLAGS] = "flags"};
    quire_json j = {.w = w};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "source");
    quire_json_text(&j, sources[l->a->kind]);
    put_requests(&j, l);
    put_account(&j, l);
    put_nodes(&j, l);
    put_sums(&j, l);
    quire_json_end(&j, '}');
}
