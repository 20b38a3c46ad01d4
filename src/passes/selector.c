/* selector.c - from a selector and a model to slots. */
#include "base/diag.h"
#include "passes/selector_parts.h"

/* An expression that names no place means operands if it speaks of nodes, else what defines
 * tensors. */
static bool
is_meant(const quire_selector *selector, const quire_model *m, quire_slot slot)
{
    if (selector->names_place) return true;
    if (!selector->names_node) return slot.kind == QUIRE_SLOT_RESULT;
    return slot.kind == QUIRE_SLOT_USE && quire_use_at(m, (quire_use){slot.id})->node.id != 0;
}

static quire_status
list_slots(const quire_selector *selector, const quire_selection *s, const quire_set *set,
           quire_slot **out_slots, size_t *out_n)
{
    size_t n = 0;
    for (uint32_t rank = 1; rank <= s->order->n; rank++)
        n += quire_set_has(set, rank) && is_meant(selector, s->m, s->order->slot_of_rank[rank]);
    quire_slot *slots = quire_alloc(s->ctx->alloc, n * sizeof *slots);
    if (slots == NULL && n > 0) return quire_nomem(s->ctx);
    *out_n = 0;
    for (uint32_t rank = 1; rank <= s->order->n; rank++) {
        const quire_slot slot = s->order->slot_of_rank[rank];
        if (quire_set_has(set, rank) && is_meant(selector, s->m, slot)) slots[(*out_n)++] = slot;
    }
    *out_slots = slots;
    return QUIRE_OK;
}

quire_status
quire_selector_find(quire_ctx *ctx, const quire_selector *selector, const quire_model *m,
                    const quire_slot_order *order, quire_slot **out_slots, size_t *out_n)
{
    const quire_selection s = {ctx, m, order};
    quire_set set;
    QUIRE_TRY(quire_set_init(ctx, order->n, &set));
    quire_status status = quire_term_evaluate(&s, selector->root, &set);
    if (status == QUIRE_OK) status = list_slots(selector, &s, &set, out_slots, out_n);
    quire_set_deinit(ctx, &set);
    return status;
}
