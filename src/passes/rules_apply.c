/* rules_apply.c - rules over a model: what each selects, what of that can be annotated, and which
 * rule holds on each slot. */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "passes/rules_where.h"

/* The claim that holds on a slot so far. */
typedef struct holder {
    size_t claim;  /* index into the claims + 1; 0: none */
    uint32_t rule; /* index of the rule that made it     */
} holder;

typedef struct asked { /* the text of a rule's spec, read */
    quire_spec_ref ref;
    quire_spec spec;
    uint32_t flags; /* QUIRE_CLAIM_NOSHARE or 0 */
} asked;

typedef struct applier {
    quire_ctx *ctx;
    quire_rules *rules;
    quire_model *m;
    quire_claims *claims;
    quire_relay relay; /* of what selectors and the slot reader report */
    quire_slot_reader reader;
    quire_slot_order order;
    holder *holders; /* by rank */
} applier;

/* --- specs ------------------------------------------------------------------------------------ */

static quire_bytes
trim(quire_bytes text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* What stands after the spec: nothing, or `noshare`. */
static quire_status
take_rest(applier *a, const quire_rule *rule, quire_bytes rest, asked *out)
{
    rest = trim(rest);
    out->flags = quire_bytes_equal(rest, quire_bytes_of("noshare")) ? QUIRE_CLAIM_NOSHARE : 0;
    if (rest.len == 0 || out->flags != 0) return QUIRE_OK;
    const int shown = rest.len < 40 ? (int)rest.len : 40;
    return quire_rules_fail(
        a->ctx, a->rules, rule->at_spec, QUIRE_E_USAGE,
        "column %zu: after the spec comes \"%.*s\"; only noshare may follow it (claimant and "
        "priority are the rule's)",
        (size_t)(rest.ptr - rule->spec.ptr) + 1, shown, (const char *)rest.ptr);
}

/* Reads the spec as of a slot of node `self`. */
static quire_status
read_spec(applier *a, const quire_rule *rule, quire_node self, asked *out)
{
    quire_bytes text = rule->spec;
    quire_relay_aim(&a->relay, a->rules, rule->at_spec);
    a->reader.self = self;
    QUIRE_TRY(quire_relay_status(quire_spec_parse(&a->reader, NULL, &text, &out->spec)));
    QUIRE_TRY(take_rest(a, rule, text, out));
    return quire_spec_intern(a->ctx, a->m, &out->spec, &out->ref);
}

/* --- one slot --------------------------------------------------------------------------------- */

static bool
is_float_tensor(int32_t elem_type)
{
    return elem_type == QUIRE_DTYPE_FLOAT || elem_type == QUIRE_DTYPE_FLOAT16 ||
           elem_type == QUIRE_DTYPE_BFLOAT16 || elem_type == QUIRE_DTYPE_DOUBLE;
}

static bool
has_axis(const quire_value_rec *v, const quire_spec *spec)
{
    return spec->granularity == QUIRE_PER_TENSOR || v->rank < 0 || spec->axis < v->rank;
}

/* Why `slot` cannot be annotated with `spec`, or NONE. */
static quire_reason
judge(const quire_model *m, quire_slot slot, const quire_spec *spec)
{
    const quire_value value = quire_slot_value(m, slot);
    if (value.id == 0) return QUIRE_REASON_ABSENT;
    if (spec->kind == QUIRE_SPEC_FLOAT) return QUIRE_REASON_NONE;
    const quire_value_rec *v = quire_value_at(m, value);
    if (v->elem_type == QUIRE_DTYPE_UNDEFINED) return QUIRE_REASON_TYPE_UNKNOWN;
    if (!is_float_tensor(v->elem_type)) return QUIRE_REASON_NOT_FLOAT;
    return has_axis(v, spec) ? QUIRE_REASON_NONE : QUIRE_REASON_AXIS_BEYOND_RANK;
}

static quire_status
refuse(applier *a, uint32_t rule, quire_slot slot, quire_reason reason)
{
    quire_rules *rules = a->rules;
    QUIRE_TRY(quire_grow(a->ctx, &rules->refusals, &rules->refusals_room, rules->n_refusals + 1,
                         sizeof *rules->refusals));
    rules->refusals[rules->n_refusals++] =
        (quire_refusal){.slot = slot, .rule = rule, .reason = reason};
    rules->rules[rule].n_refused++;
    return QUIRE_OK;
}

/* The claim of an earlier rule on the slot loses. */
static quire_status
hold(applier *a, uint32_t rule, const quire_claim *claim)
{
    holder *held = &a->holders[quire_slot_rank(&a->order, claim->slot)];
    QUIRE_TRY(quire_claims_add(a->ctx, a->claims, claim));
    if (held->claim != 0) {
        a->claims->ptr[held->claim - 1].flags |= QUIRE_CLAIM_LOST;
        a->rules->rules[held->rule].n_held--;
    }
    *held = (holder){.claim = a->claims->n, .rule = rule};
    a->rules->rules[rule].n_claimed++;
    a->rules->rules[rule].n_held++;
    return QUIRE_OK;
}

/* --- one rule --------------------------------------------------------------------------------- */

/* The claim of a rule but for slot and spec. */
static quire_status
begin_claim(applier *a, const quire_rule *rule, quire_claim *out)
{
    quire_bytes who;
    quire_bytes reason;
    *out = (quire_claim){.priority = rule->priority};
    QUIRE_TRY(quire_arena_format(a->ctx, &a->m->arena, &who, "%s:%u", a->rules->name,
                                 (unsigned)rule->line));
    QUIRE_TRY(quire_syms_intern(a->ctx, &a->m->syms, who, &out->who));
    if (rule->reason.len == 0) return QUIRE_OK;
    QUIRE_TRY(quire_arena_copy(a->ctx, &a->m->arena, rule->reason, &reason));
    return quire_syms_intern(a->ctx, &a->m->syms, reason, &out->reason);
}

static quire_status
apply_slots(applier *a, uint32_t index, const quire_slot *slots, size_t n)
{
    const quire_rule *rule = &a->rules->rules[index];
    const bool by_node = memchr(rule->spec.ptr, '$', rule->spec.len) != NULL;
    quire_node self = {0};
    asked wanted;
    quire_claim claim;
    QUIRE_TRY(begin_claim(a, rule, &claim));
    a->rules->rules[index].who = claim.who;
    for (size_t i = 0; i < n; i++) {
        const quire_node node = by_node ? quire_slot_node(a->m, slots[i]) : (quire_node){0};
        if (i == 0 || node.id != self.id) QUIRE_TRY(read_spec(a, rule, node, &wanted));
        self = node;
        const quire_reason reason = judge(a->m, slots[i], &wanted.spec);
        if (reason != QUIRE_REASON_NONE) {
            QUIRE_TRY(refuse(a, index, slots[i], reason));
            continue;
        }
        claim.slot = slots[i];
        claim.spec = wanted.ref;
        claim.flags = wanted.flags;
        QUIRE_TRY(hold(a, index, &claim));
    }
    return QUIRE_OK;
}

/* "3 not-float, 1 absent"; of the refusals from `first` on. */
static void
count_refusals(const quire_rules *rules, size_t first, char *out, size_t room)
{
    size_t counts[QUIRE_N_REASONS] = {0};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = first; i < rules->n_refusals; i++)
        counts[rules->refusals[i].reason]++;
    for (int i = 0; i < QUIRE_N_REASONS && used < room; i++) {
        if (counts[i] == 0) continue;
        const int n = snprintf(out + used, room - used, "%s%zu %s", used > 0 ? ", " : "", counts[i],
                               quire_reason_code((quire_reason)i));
        used += n > 0 ? (size_t)n : 0;
    }
}

static quire_status
check_counts(applier *a, const quire_rule *rule, size_t first_refusal)
{
    char reasons[256];
    count_refusals(a->rules, first_refusal, reasons, sizeof reasons);
    if (rule->n_claimed == 0) {
        return quire_rules_fail(a->ctx, a->rules, rule->at_select, QUIRE_E_USAGE,
                                "none of the %u slots the rule selects can be annotated: %s",
                                (unsigned)rule->n_selected, reasons);
    }
    if (rule->expect < 0 || rule->expect == (int64_t)rule->n_claimed) return QUIRE_OK;
    return quire_rules_fail(
        a->ctx, a->rules, rule->at_expect, QUIRE_E_USAGE,
        "\"expect\" is %" PRId64
        ", but %u of the slots selected can be annotated%s%s%s; correct it, or \"select\"",
        rule->expect, (unsigned)rule->n_claimed, reasons[0] != '\0' ? " (and left out: " : "",
        reasons, reasons[0] != '\0' ? ")" : "");
}

static quire_status
fail_empty(applier *a, const quire_rule *rule)
{
    char nearest[700] = "";
    QUIRE_TRY(quire_selector_tell_nearest(&a->relay.ctx, rule->selector, a->m, &a->order, nearest,
                                          sizeof nearest));
    return quire_rules_fail(a->ctx, a->rules, rule->at_select, QUIRE_E_USAGE,
                            "the rule selects nothing%s%s", nearest[0] != '\0' ? ": " : "",
                            nearest);
}

static quire_status
apply_rule(applier *a, uint32_t index)
{
    quire_rule *rule = &a->rules->rules[index];
    const size_t first_refusal = a->rules->n_refusals;
    quire_slot *slots;
    size_t n;
    quire_relay_aim(&a->relay, a->rules, rule->at_select);
    QUIRE_TRY(quire_selector_find(&a->relay.ctx, rule->selector, a->m, &a->order, &slots, &n));
    rule->n_selected = (uint32_t)n;
    rule->n_claimed = rule->n_refused = rule->n_held = 0;
    quire_status status = n == 0 ? fail_empty(a, rule) : apply_slots(a, index, slots, n);
    quire_free(a->ctx->alloc, slots, n * sizeof *slots);
    return status != QUIRE_OK ? status : check_counts(a, rule, first_refusal);
}

/* --- all rules -------------------------------------------------------------------------------- */

static quire_status
apply_all(applier *a)
{
    quire_status status = QUIRE_OK;
    const size_t bytes = ((size_t)a->order.n + 1) * sizeof(holder);
    a->holders = quire_alloc(a->ctx->alloc, bytes);
    if (a->holders == NULL) return quire_nomem(a->ctx);
    memset(a->holders, 0, bytes);
    for (size_t i = 0; i < a->rules->n_rules && status == QUIRE_OK; i++) {
        status = quire_check_canceled(a->ctx);
        if (status == QUIRE_OK) status = apply_rule(a, (uint32_t)i);
    }
    quire_free(a->ctx->alloc, a->holders, bytes);
    return status;
}

quire_status
quire_rules_apply(quire_ctx *ctx, quire_rules *rules, quire_model *m, quire_claims *io_claims)
{
    applier a = {.ctx = ctx, .rules = rules, .m = m, .claims = io_claims};
    quire_relay_init(&a.relay, ctx);
    rules->n_refusals = 0;
    QUIRE_TRY(quire_slot_order_make(ctx, m, &a.order));
    quire_status status = quire_slot_reader_init(&a.relay.ctx, m, QUIRE_MISSING_REFUSED, &a.reader);
    if (status == QUIRE_OK) {
        status = apply_all(&a);
        quire_slot_reader_deinit(&a.reader);
    }
    quire_slot_order_deinit(ctx, &a.order);
    return status;
}
