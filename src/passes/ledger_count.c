/* ledger_count.c - counts requests by claimant and nodes by what became of them. */
#include "passes/ledger_count.h"

#include "base/alloc.h"
#include "base/diag.h"

/* --- nodes ------------------------------------------------------------------------------------ */

quire_slot
ledger_slot_of_node(const quire_model *m, quire_node n, uint32_t k)
{
    const quire_node_rec *r = quire_node_at(m, n);
    if (k < r->n_in) return (quire_slot){QUIRE_SLOT_USE, r->in.id + k};
    const quire_value v = {r->out.id + k - r->n_in};
    return (quire_slot){QUIRE_SLOT_RESULT, quire_value_name(m, v).len > 0 ? v.id : 0};
}

static quire_reason
refusal_of(const ledger *l, quire_slot slot)
{
    size_t n = 0;
    if (l->has_removed) (void)quire_resolved_claims(&l->a->resolved, slot, &n);
    if (n > 0) return QUIRE_REASON_REMOVED;
    if (l->refusal_of_rank == NULL) return QUIRE_REASON_NONE;
    const uint32_t rank = quire_slot_rank(&l->a->resolved.order, slot);
    const uint32_t index = l->refusal_of_rank[rank];
    return index != 0 ? l->a->rules.refusals[index - 1].reason : QUIRE_REASON_NONE;
}

/* A refusal of one of its slots is the reason; of several, the first that is not about an integer
 * tensor, of which there is one beside almost every float one. */
static void
consider(ledger_node *node, quire_slot slot, quire_reason refusal)
{
    const bool better = node->reason == QUIRE_REASON_NONE ||
                        (node->reason == QUIRE_REASON_NOT_FLOAT && refusal != node->reason);
    if (refusal == QUIRE_REASON_NONE || !better) return;
    node->reason = refusal;
    node->reason_slot = slot;
}

ledger_node
ledger_judge_node(const ledger *l, quire_node n)
{
    const quire_node_rec *r = quire_node_at(l->m, n);
    ledger_node node = {0};
    bool has_float = false;
    for (uint32_t k = 0; k < r->n_in + r->n_out; k++) {
        const quire_slot slot = ledger_slot_of_node(l->m, n, k);
        if (slot.id == 0) continue;
        const ledger_type type = ledger_type_of(l->m, quire_slot_value(l->m, slot));
        node.eligible = node.eligible || type != LEDGER_OTHER;
        has_float = has_float || type == LEDGER_FLOAT;
        node.n_annotated += ledger_find(l->a, slot) != NULL ? 1 : 0;
        consider(&node, slot, refusal_of(l, slot));
    }
    const bool unexplained =
        node.reason == QUIRE_REASON_NONE || node.reason == QUIRE_REASON_NOT_FLOAT;
    if (node.n_annotated > 0) {
        node.reason = QUIRE_REASON_NONE;
    } else if (unexplained && n.id < l->n_left_room && l->is_left_alone[n.id]) {
        node.reason = QUIRE_REASON_LEFT_ALONE;
        node.reason_slot = (quire_slot){0};
    } else if (node.reason == QUIRE_REASON_NONE) {
        node.reason = has_float ? QUIRE_REASON_NO_REQUEST : QUIRE_REASON_TYPE_UNKNOWN;
    }
    return node;
}

static void
count_nodes(ledger *l)
{
    for (quire_node n = quire_walk_next(l->m, (quire_node){0}); n.id != 0;
         n = quire_walk_next(l->m, n)) {
        const ledger_node node = ledger_judge_node(l, n);
        l->nodes++;
        l->annotated += node.n_annotated > 0 ? 1 : 0;
        if (!node.eligible && node.n_annotated == 0) continue;
        l->eligible++;
        if (node.n_annotated == 0) l->left[node.reason]++;
    }
}

bool
ledger_is_loose(const quire_model *m, const quire_annotation *annotation)
{
    return quire_slot_node(m, annotation->slot).id == 0;
}

/* --- requests --------------------------------------------------------------------------------- */

/* `places`: by symbol, index + 1 into claimants. The entry is valid until the next call. */
static quire_status
find_claimant(ledger *l, uint32_t *places, quire_sym who, ledger_claimant **out)
{
    uint32_t *place = &places[who.id];
    if (*place == 0) {
        QUIRE_TRY(quire_grow(l->ctx, &l->claimants, &l->claimants_room, l->n_claimants + 1,
                             sizeof *l->claimants));
        l->claimants[l->n_claimants] = (ledger_claimant){.who = who};
        *place = (uint32_t)++l->n_claimants;
    }
    *out = &l->claimants[*place - 1];
    return QUIRE_OK;
}

static quire_status
count_left_alone(ledger *l, uint32_t *places)
{
    const quire_account *account = &l->a->account;
    ledger_claimant *claimant;
    for (size_t i = 0; i < account->n_quantizers; i++)
        QUIRE_TRY(find_claimant(l, places, account->quantizers[i], &claimant));
    for (size_t i = 0; i < account->n_skips; i++) {
        const quire_skip *skip = &account->skips[i];
        QUIRE_TRY(quire_grow(l->ctx, &l->is_left_alone, &l->n_left_room, (size_t)skip->node.id + 1,
                             sizeof *l->is_left_alone));
        l->is_left_alone[skip->node.id] = true;
        QUIRE_TRY(find_claimant(l, places, skip->who, &claimant));
        claimant->left_alone++;
    }
    return QUIRE_OK;
}

static quire_status
count_claims(ledger *l, uint32_t *places)
{
    const quire_claims *claims = &l->a->resolved.claims;
    ledger_claimant *claimant;
    for (size_t i = 0; i < claims->n; i++) {
        const bool lost = (claims->ptr[i].flags & QUIRE_CLAIM_LOST) != 0;
        QUIRE_TRY(find_claimant(l, places, claims->ptr[i].who, &claimant));
        claimant->hold += lost ? 0 : 1;
        claimant->lost += lost ? 1 : 0;
        l->hold += lost ? 0 : 1;
        l->lost += lost ? 1 : 0;
    }
    return QUIRE_OK;
}

static quire_status
count_requests(ledger *l)
{
    uint32_t *places = NULL;
    size_t room = 0;
    quire_status status = quire_grow(l->ctx, &places, &room, l->m->syms.n, sizeof *places);
    if (status == QUIRE_OK) status = count_left_alone(l, places);
    if (status == QUIRE_OK) status = count_claims(l, places);
    quire_ungrow(l->ctx->alloc, &places, &room, sizeof *places);
    return status;
}

static quire_status
place_refusals(ledger *l)
{
    const quire_rules *rules = &l->a->rules;
    if (rules->n_refusals == 0) return QUIRE_OK;
    QUIRE_TRY(quire_grow(l->ctx, &l->refusal_of_rank, &l->n_ranks,
                         (size_t)l->a->resolved.order.n + 1, sizeof *l->refusal_of_rank));
    for (size_t i = rules->n_refusals; i-- > 0;) {
        const quire_slot slot = rules->refusals[i].slot;
        l->refusal_of_rank[quire_slot_rank(&l->a->resolved.order, slot)] = (uint32_t)i + 1;
    }
    return QUIRE_OK;
}

quire_status
ledger_init(quire_ctx *ctx, const quire_model *m, const quire_annotations *a, ledger *out)
{
    *out = (ledger){.ctx = ctx, .m = m, .a = a};
    quire_status status = count_requests(out);
    if (status == QUIRE_OK) status = place_refusals(out);
    size_t n_claims = 0; /* on slots that are annotated */
    for (size_t i = 0; i < a->resolved.n_annotations; i++) {
        const quire_annotation *at = &a->resolved.annotations[i];
        out->n_float += at->group == QUIRE_NO_GROUP ? 1 : 0;
        n_claims += (size_t)at->n_sponsors + at->n_losers;
    }
    out->has_removed = n_claims < a->resolved.claims.n;
    if (status == QUIRE_OK) count_nodes(out);
    if (status != QUIRE_OK) ledger_deinit(out);
    return status;
}

void
ledger_deinit(ledger *l)
{
    quire_ungrow(l->ctx->alloc, &l->claimants, &l->claimants_room, sizeof *l->claimants);
    quire_ungrow(l->ctx->alloc, &l->is_left_alone, &l->n_left_room, sizeof *l->is_left_alone);
    quire_ungrow(l->ctx->alloc, &l->refusal_of_rank, &l->n_ranks, sizeof *l->refusal_of_rank);
}
