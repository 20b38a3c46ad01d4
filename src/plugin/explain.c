/* explain.c - counts; explain_text.c and explain_json.c write. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "plugin/explain_parts.h"
#include "plugin/recipe_text.h"

/* --- claimants -------------------------------------------------------------------------------- */

uint32_t
explain_find(const explanation *e, quire_sym who)
{
    return e->claimant_of[who.id] - 1; /* 0 wraps around to UINT32_MAX */
}

bool
explain_is_of(const explanation *e, uint32_t claimant, quire_bytes name)
{
    const quire_bytes who = quire_sym_bytes(e->m, e->ledger.claimants[claimant].who);
    if (who.len < name.len || memcmp(who.ptr, name.ptr, name.len) != 0) return false;
    return who.len == name.len || who.ptr[name.len] == '/';
}

void
explain_count_refusals(const explanation *e, uint32_t index, size_t *io_at,
                       size_t counts[QUIRE_N_REASONS])
{
    const quire_rules *rules = &e->a->rules;
    memset(counts, 0, QUIRE_N_REASONS * sizeof *counts);
    for (; *io_at < rules->n_refusals && rules->refusals[*io_at].rule == index; ++*io_at)
        counts[rules->refusals[*io_at].reason]++;
}

/* --- conflicts -------------------------------------------------------------------------------- */

static bool
is_rule(const explanation *e, const quire_claim *claim)
{
    return e->rule_of[claim->who.id] != 0;
}

/* Has its claimant another claim on the slot that speaks for it: one that holds, or a later rule? */
static bool
speaks_elsewhere(const explanation *e, const quire_annotation *at, const quire_claim *claim)
{
    const quire_claim *claims = ledger_claims(e->a, at);
    for (uint32_t i = 0; i < at->n_sponsors + at->n_losers; i++) {
        const bool both_rules = is_rule(e, claim) && is_rule(e, &claims[i]);
        const bool holds = i < at->n_sponsors;
        if (&claims[i] == claim) continue;
        if (holds && (both_rules || claims[i].who.id == claim->who.id)) return true;
        if (both_rules && e->rule_of[claims[i].who.id] > e->rule_of[claim->who.id]) return true;
    }
    return false;
}

const quire_claim *
explain_next_conflict(const explanation *e, const quire_annotation *annotation, uint32_t *io_at)
{
    const quire_claim *losers = ledger_claims(e->a, annotation) + annotation->n_sponsors;
    while (*io_at < annotation->n_losers) {
        const quire_claim *claim = &losers[(*io_at)++];
        if (claim->priority == annotation->priority && !speaks_elsewhere(e, annotation, claim))
            return claim;
    }
    return NULL;
}

/* --- counting --------------------------------------------------------------------------------- */

static quire_status
note_loss(explanation *e, const quire_claim *from, const quire_claim *to)
{
    QUIRE_TRY(quire_grow(e->ctx, &e->losses, &e->losses_room, e->n_losses + 1, sizeof *e->losses));
    e->losses[e->n_losses++] =
        (explain_loss){explain_find(e, from->who), explain_find(e, to->who), 1};
    return QUIRE_OK;
}

/* A rule loses to the last rule on the slot, everything else to what holds. */
static quire_status
note_losses(explanation *e, const quire_annotation *at)
{
    const quire_claim *claims = ledger_claims(e->a, at);
    const quire_claim *last = NULL;
    const uint32_t n = at->n_sponsors + at->n_losers;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t rule = e->rule_of[claims[i].who.id];
        if (rule != 0 && (last == NULL || rule > e->rule_of[last->who.id])) last = &claims[i];
    }
    for (uint32_t i = at->n_sponsors; i < n; i++) {
        const bool by_rule = is_rule(e, &claims[i]) && last != &claims[i];
        QUIRE_TRY(note_loss(e, &claims[i], by_rule ? last : claims));
    }
    return QUIRE_OK;
}

static int
compare_losses(const void *a, const void *b)
{
    const explain_loss *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

/* One record for each pair. */
static void
sum_losses(explanation *e)
{
    size_t n = 0;
    if (e->n_losses > 1) qsort(e->losses, e->n_losses, sizeof *e->losses, compare_losses);
    for (size_t i = 0; i < e->n_losses; i++) {
        if (n > 0 && compare_losses(&e->losses[n - 1], &e->losses[i]) == 0) {
            e->losses[n - 1].n++;
            continue;
        }
        explain_claimant *from = &e->claimants[e->losses[i].from];
        if (from->n_lost_to++ == 0) from->lost_to = n;
        e->losses[n++] = e->losses[i];
    }
    e->n_losses = n;
}

static void
note_slots(explanation *e)
{
    const quire_claims *claims = &e->a->resolved.claims;
    for (size_t i = 0; i < claims->n; i++) {
        explain_claimant *c = &e->claimants[explain_find(e, claims->ptr[i].who)];
        const bool again = c->n_slots > 0 &&
                           c->slots[c->n_slots - 1].id == claims->ptr[i].slot.id &&
                           c->slots[c->n_slots - 1].kind == claims->ptr[i].slot.kind;
        if (c->n_slots < EXPLAIN_SLOTS && !again) c->slots[c->n_slots++] = claims->ptr[i].slot;
    }
}

static quire_status
count(explanation *e)
{
    const quire_rules *rules = &e->a->rules;
    const size_t n_syms = e->m->syms.n;
    const size_t n = e->ledger.n_claimants;
    QUIRE_TRY(
        quire_arena_take(e->ctx, &e->arena, n_syms * sizeof *e->claimant_of, &e->claimant_of));
    QUIRE_TRY(quire_arena_take(e->ctx, &e->arena, n_syms * sizeof *e->rule_of, &e->rule_of));
    QUIRE_TRY(quire_arena_take(e->ctx, &e->arena, n * sizeof *e->claimants, &e->claimants));
    for (size_t i = 0; i < n; i++)
        e->claimant_of[e->ledger.claimants[i].who.id] = (uint32_t)i + 1;
    for (size_t i = 0; i < rules->n_rules; i++)
        e->rule_of[rules->rules[i].who.id] = (uint32_t)i + 1;
    note_slots(e);
    for (size_t i = 0; i < e->a->resolved.n_annotations; i++)
        QUIRE_TRY(note_losses(e, &e->a->resolved.annotations[i]));
    sum_losses(e);
    return QUIRE_OK;
}

/* --- options ---------------------------------------------------------------------------------- */

static quire_status
read_options(explanation *e, const quire_registry *registry, explain_quantizer *out)
{
    const quire_known_quantizer *known;
    quire_option_given *given;
    const char *text;
    size_t n;
    QUIRE_TRY(quire_recipe_text(e->ctx, registry, e->recipe, out->declared, &e->arena, &text));
    QUIRE_TRY(quire_registry_get(e->ctx, registry, out->declared->name, &known));
    const quire_quantizer *q = known->quantizer;
    const char *colon = strchr(text, ':');
    QUIRE_TRY(quire_options_given(e->ctx, q, quire_bytes_of(colon != NULL ? colon + 1 : ""),
                                  &e->arena, &given, &n));
    out->n_options = q->n_options;
    QUIRE_TRY(
        quire_arena_take(e->ctx, &e->arena, q->n_options * sizeof *out->options, &out->options));
    for (uint32_t i = 0; i < q->n_options; i++) {
        const quire_option *option = quire_option_at(q, i);
        const char *otherwise = option->otherwise != NULL ? option->otherwise : "";
        out->options[i] = (explain_option){option, quire_bytes_of(otherwise), true};
        for (size_t k = 0; k < n; k++) {
            if (given[k].option == option)
                out->options[i] = (explain_option){option, given[k].value, false};
        }
    }
    return QUIRE_OK;
}

/* `places`: by symbol, index + 1 into q->reasons; zero before and after. */
static quire_status
count_reasons(explanation *e, uint32_t *places, explain_quantizer *q)
{
    const quire_account *account = &e->a->account;
    for (size_t i = 0; i < account->n_skips; i++) {
        const quire_skip *skip = &account->skips[i];
        uint32_t *place = &places[skip->reason.id];
        if (!explain_is_of(e, explain_find(e, skip->who), q->declared->name)) continue;
        if (*place == 0) {
            QUIRE_TRY(quire_grow(e->ctx, &q->reasons, &q->reasons_room, q->n_reasons + 1,
                                 sizeof *q->reasons));
            q->reasons[q->n_reasons] = (explain_reason){skip->reason, 0};
            *place = (uint32_t)++q->n_reasons;
        }
        q->reasons[*place - 1].n++;
    }
    for (size_t i = 0; i < q->n_reasons; i++)
        places[q->reasons[i].reason.id] = 0;
    return QUIRE_OK;
}

static quire_status
read_quantizers(explanation *e, const quire_registry *registry)
{
    const size_t n = e->recipe->n_quantizers;
    uint32_t *places;
    QUIRE_TRY(quire_arena_take(e->ctx, &e->arena, n * sizeof *e->quantizers, &e->quantizers));
    QUIRE_TRY(quire_arena_take(e->ctx, &e->arena, e->m->syms.n * sizeof *places, &places));
    for (size_t i = 0; i < n; i++) {
        e->quantizers[i].declared = &e->recipe->quantizers[i];
        QUIRE_TRY(read_options(e, registry, &e->quantizers[i]));
        QUIRE_TRY(count_reasons(e, places, &e->quantizers[i]));
    }
    return QUIRE_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

quire_status
quire_explain(quire_writer *w, quire_model *m, const quire_registry *registry,
              const quire_recipe *recipe, const quire_annotations *a, quire_format format)
{
    explanation e = {.ctx = w->ctx, .m = m, .recipe = recipe, .a = a};
    QUIRE_TRY(ledger_init(w->ctx, m, a, &e.ledger));
    quire_arena_init(&e.arena, w->ctx->alloc);
    quire_status status = count(&e);
    if (status == QUIRE_OK) status = read_quantizers(&e, registry);
    if (status == QUIRE_OK && format == QUIRE_FORMAT_TEXT) explain_write_text(w, &e);
    if (status == QUIRE_OK && format == QUIRE_FORMAT_JSON) explain_write_json(w, &e);
    for (size_t i = 0; e.quantizers != NULL && i < recipe->n_quantizers; i++) {
        explain_quantizer *q = &e.quantizers[i];
        quire_ungrow(w->ctx->alloc, &q->reasons, &q->reasons_room, sizeof *q->reasons);
    }
    quire_ungrow(w->ctx->alloc, &e.losses, &e.losses_room, sizeof *e.losses);
    quire_arena_deinit(&e.arena);
    ledger_deinit(&e.ledger);
    return status;
}
