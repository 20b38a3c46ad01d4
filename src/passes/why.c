/* why.c - the answer to "why is this slot annotated so, or not at all". */
#include "passes/why.h"

#include "base/alloc.h"
#include "graph/dtype.h"

const char *
why_place(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_USE) return quire_slot_node(m, slot).id != 0 ? "operand" : "output";
    switch (quire_value_at(m, (quire_value){slot.id})->def_kind) {
    case QUIRE_DEF_INPUT: return "input";
    case QUIRE_DEF_INITIALIZER: return "initializer";
    default: return "result";
    }
}

const char *
why_type(const quire_model *m, quire_value v)
{
    const int32_t type = quire_value_at(m, v)->elem_type;
    const quire_dtype_info *row = type != QUIRE_DTYPE_UNDEFINED ? quire_dtype_describe(type) : NULL;
    return row != NULL && row->onnx != NULL ? row->onnx : "unknown";
}

uint32_t
why_sharer(const quire_annotations *a, const quire_link *link)
{
    return link->a != link->b && a->resolved.annotations[link->a].target == link->b ? link->a
                                                                                    : link->b;
}

bool
why_is_neighbour(const why *y, const quire_annotation *other)
{
    const quire_node node = quire_slot_node(y->m, y->slot);
    const quire_value tensor = quire_slot_value(y->m, y->slot);
    if (quire_slot_equal(other->slot, y->slot)) return false;
    if (node.id != 0 && quire_slot_node(y->m, other->slot).id == node.id) return true;
    return tensor.id != 0 && quire_slot_value(y->m, other->slot).id == tensor.id;
}

bool
why_concerns(const why *y, const quire_skip *skip)
{
    return skip->node.id == quire_slot_node(y->m, y->slot).id;
}

bool
why_finds(const why *y, const quire_finding *finding)
{
    return quire_slot_equal(finding->slot, y->slot);
}

/* --- reasons ---------------------------------------------------------------------------------- */

/* The rule that selected the slot and had to leave it, if there is one. */
static quire_reason
refusal(const why *y)
{
    const quire_rules *rules = &y->a->rules;
    for (size_t i = 0; i < rules->n_refusals; i++) {
        if (quire_slot_equal(rules->refusals[i].slot, y->slot)) return rules->refusals[i].reason;
    }
    return QUIRE_REASON_NONE;
}

static void
find_reason(why *y)
{
    const quire_value v = quire_slot_value(y->m, y->slot);
    y->reason = y->n_claims > 0 ? QUIRE_REASON_REMOVED : refusal(y);
    if (y->reason == QUIRE_REASON_NONE && v.id == 0) y->reason = QUIRE_REASON_ABSENT;
    if (y->reason == QUIRE_REASON_NONE) {
        const ledger_type type = ledger_type_of(y->m, v);
        y->reason = type == LEDGER_FLOAT     ? QUIRE_REASON_NO_REQUEST
                    : type == LEDGER_UNKNOWN ? QUIRE_REASON_TYPE_UNKNOWN
                                             : QUIRE_REASON_NOT_FLOAT;
    }
    y->message = y->reason == QUIRE_REASON_NO_REQUEST ? "nobody asked for this slot"
                                                      : quire_reason_text(y->reason);
}

/* --- the answer ------------------------------------------------------------------------------- */

static quire_status
find_chain(quire_ctx *ctx, why *y)
{
    const quire_resolved *r = &y->a->resolved;
    if (y->at == NULL || y->at->group == QUIRE_NO_GROUP) return QUIRE_OK;
    const uint32_t from = (uint32_t)(y->at - r->annotations);
    return quire_resolved_chain(ctx, r, from, r->groups[y->at->group].carrier, &y->chain,
                                &y->n_chain);
}

quire_status
quire_why_write(quire_writer *w, quire_model *m, const quire_annotations *a, quire_slot slot,
                const quire_why_table *table, quire_format format)
{
    why y = {.m = m, .a = a, .slot = slot, .at = ledger_find(a, slot), .table = table};
    if (a->kind != QUIRE_FROM_NOTHING)
        y.claims = quire_resolved_claims(&a->resolved, slot, &y.n_claims);
    QUIRE_TRY(find_chain(w->ctx, &y));
    if (y.at == NULL) find_reason(&y);
    if (format == QUIRE_FORMAT_JSON) {
        why_write_json(w, &y);
    } else {
        why_write_text(w, &y);
    }
    quire_free(w->ctx->alloc, y.chain, y.n_chain * sizeof *y.chain);
    return w->status;
}
