/* resolve.c - the steps of a resolution in their order, and looking at its result. */
#include "passes/resolving.h"

quire_status
quire_take_array(quire_ctx *ctx, size_t n, size_t size, void *out_array)
{
    void *array = NULL;
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) return quire_nomem(ctx);
    if (bytes > 0) array = quire_alloc(ctx->alloc, bytes);
    if (bytes > 0 && array == NULL) return quire_nomem(ctx);
    memcpy(out_array, &array, sizeof array);
    return QUIRE_OK;
}

quire_status
quire_take_filled(quire_ctx *ctx, size_t n, size_t size, int byte, void *out_array)
{
    void *array = NULL;
    QUIRE_TRY(quire_take_array(ctx, n, size, &array));
    if (array != NULL) memset(array, byte, n * size);
    memcpy(out_array, &array, sizeof array);
    return QUIRE_OK;
}

int
quire_compare_bytes(quire_bytes a, quire_bytes b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int order = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

int
quire_compare_syms(const quire_model *m, quire_sym a, quire_sym b)
{
    if (a.id == b.id) return 0;
    return quire_compare_bytes(quire_sym_bytes(m, a), quire_sym_bytes(m, b));
}

/* Rank of the ABSENT slot with this text, 0 if nobody claims it. */
static uint32_t
rank_of_absent(const quire_resolving *r, quire_sym text)
{
    size_t low = 0;
    size_t high = r->n_absent;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (quire_compare_syms(r->m, r->absent[mid], text) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low == r->n_absent || r->absent[low].id != text.id) return 0;
    return r->out->order.n + 1 + (uint32_t)low;
}

uint32_t
quire_resolving_rank(const quire_resolving *r, quire_slot slot)
{
    const quire_slot_order *order = &r->out->order;
    if (slot.kind == QUIRE_SLOT_ABSENT) return rank_of_absent(r, (quire_sym){slot.id});
    if (slot.kind == QUIRE_SLOT_RESULT && slot.id >= order->n_values) return 0;
    if (slot.kind == QUIRE_SLOT_USE && slot.id >= order->n_uses) return 0;
    return quire_slot_rank(order, slot);
}

uint32_t
quire_resolving_find(const quire_resolving *r, quire_slot slot)
{
    const uint32_t rank = quire_resolving_rank(r, slot);
    return rank == 0 ? QUIRE_NO_ANNOTATION : r->out->annotation_of_rank[rank] - 1;
}

/* --- who may share ----------------------------------------------------------------------------- */

static bool
is_body(const quire_model *m, quire_graph g)
{
    return quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY;
}

bool
quire_takes_part(const quire_model *m, const quire_annotation *a)
{
    if (a->slot.kind == QUIRE_SLOT_USE) {
        const quire_use_rec *use = quire_use_at(m, (quire_use){a->slot.id});
        return use->node.id != 0 || !is_body(m, use->graph);
    }
    const quire_value_rec *value = quire_value_at(m, (quire_value){a->slot.id});
    const bool formal = value->def_kind == QUIRE_DEF_INPUT && is_body(m, value->graph);
    return !formal && (a->flags & QUIRE_CLAIM_NOSHARE) == 0;
}

bool
quire_is_sharing_operand(const quire_model *m, const quire_annotation *a)
{
    return a->slot.kind == QUIRE_SLOT_USE && (a->flags & QUIRE_CLAIM_NOSHARE) == 0 &&
           quire_use_at(m, (quire_use){a->slot.id})->node.id != 0;
}

/* --- errors of single annotations ------------------------------------------------------------- */

static bool
is_fixed_and_observed(const quire_resolving *r, const quire_annotation *a)
{
    if (quire_annotation_kind(r->m, a) != QUIRE_SPEC_FIXED) return false;
    return quire_spec_at(r->m, a->spec.row)->observer.id != 0;
}

static bool
is_absent(const quire_resolving *r, const quire_annotation *a)
{
    return a->slot.kind == QUIRE_SLOT_ABSENT ||
           (a->slot.kind == QUIRE_SLOT_USE && quire_slot_value(r->m, a->slot).id == 0);
}

static quire_status
check_singles(quire_resolving *r)
{
    const quire_resolved *out = r->out;
    const uint32_t n = (uint32_t)out->n_annotations;
    r->out->work += n;
    for (uint32_t i = 0; i < n; i++) {
        if (is_fixed_and_observed(r, &out->annotations[i]))
            return quire_tell_annotation(r, QUIRE_NAMED_FIXED_OBSERVER, i);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (is_absent(r, &out->annotations[i]))
            return quire_tell_annotation(r, QUIRE_NAMED_ABSENT_OPERAND, i);
    }
    return QUIRE_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static quire_status
resolve(quire_resolving *r, const quire_claims *claims)
{
    QUIRE_TRY(quire_slot_order_make(r->ctx, r->m, &r->out->order));
    QUIRE_TRY(quire_resolve_winners(r, claims));
    QUIRE_TRY(quire_resolve_chains(r));
    QUIRE_TRY(quire_resolve_groups(r));
    QUIRE_TRY(quire_resolve_derived(r));
    QUIRE_TRY(check_singles(r));
    return quire_resolve_carriers(r);
}

quire_status
quire_resolve(quire_ctx *ctx, quire_model *m, const quire_claims *claims,
              const quire_resolve_options *options, quire_resolved *out)
{
    static const quire_resolve_options errors = {.conflict = QUIRE_CONFLICT_ERROR};
    *out = (quire_resolved){0};
    quire_resolving r = {
        .ctx = ctx, .m = m, .options = options != NULL ? options : &errors, .out = out};
    const quire_status status = resolve(&r, claims);
    quire_ungrow(ctx->alloc, &r.absent, &r.absent_room, sizeof *r.absent);
    quire_free(ctx->alloc, r.place_of_who, r.n_whos * sizeof *r.place_of_who);
    if (status != QUIRE_OK && status != QUIRE_NONE) quire_resolved_deinit(ctx, out);
    return status;
}

void
quire_resolved_deinit(quire_ctx *ctx, quire_resolved *r)
{
    const quire_allocator *alloc = ctx->alloc;
    quire_claims_deinit(ctx, &r->claims);
    quire_free(alloc, r->annotations, r->annotations_room * sizeof *r->annotations);
    quire_free(alloc, r->annotation_of_rank, r->n_ranks * sizeof *r->annotation_of_rank);
    quire_free(alloc, r->groups, r->n_groups * sizeof *r->groups);
    quire_free(alloc, r->members, r->n_members * sizeof *r->members);
    quire_free(alloc, r->links, r->n_links * sizeof *r->links);
    quire_free(alloc, r->error_slots, r->error_slots_room * sizeof *r->error_slots);
    quire_text_free(ctx, &r->message);
    quire_slot_order_deinit(ctx, &r->order);
    *r = (quire_resolved){0};
}

const quire_annotation *
quire_resolved_at(const quire_resolved *r, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT && slot.id >= r->order.n_values) return NULL;
    if (slot.kind == QUIRE_SLOT_USE && slot.id >= r->order.n_uses) return NULL;
    const uint32_t rank = r->n_ranks == 0 ? 0 : quire_slot_rank(&r->order, slot);
    const uint32_t index = rank == 0 ? 0 : r->annotation_of_rank[rank];
    return index == 0 ? NULL : &r->annotations[index - 1];
}

/* Rank of the slot of claim number i; ABSENT slots are behind all that have one. */
static uint32_t
rank_of_claim(const quire_resolved *r, size_t i)
{
    const uint32_t rank = quire_slot_rank(&r->order, r->claims.ptr[i].slot);
    return rank == 0 ? UINT32_MAX : rank;
}

const quire_claim *
quire_resolved_claims(const quire_resolved *r, quire_slot slot, size_t *out_n)
{
    const bool foreign = (slot.kind == QUIRE_SLOT_RESULT && slot.id >= r->order.n_values) ||
                         (slot.kind == QUIRE_SLOT_USE && slot.id >= r->order.n_uses);
    const uint32_t rank = foreign ? 0 : quire_slot_rank(&r->order, slot);
    size_t low = 0;
    size_t high = rank == 0 ? 0 : r->claims.n;
    *out_n = 0;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (rank_of_claim(r, mid) < rank) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    while (rank != 0 && low + *out_n < r->claims.n && rank_of_claim(r, low + *out_n) == rank)
        ++*out_n;
    return *out_n > 0 ? r->claims.ptr + low : NULL;
}

const quire_spec *
quire_resolved_spec(const quire_model *m, const quire_resolved *r, const quire_annotation *a)
{
    return quire_spec_at(m, a->group == QUIRE_NO_GROUP ? a->spec.row : r->groups[a->group].spec);
}
