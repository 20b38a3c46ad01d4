/* resolving.h - what the steps of one resolution share: winners, chains, groups, derived, in this
 * order.
 *
 * Slots are handled by rank: that of the model's slot order, and behind it, ascending by their
 * text, the ABSENT slots that somebody claims. A step returns QUIRE_OK; QUIRE_NONE if it told a
 * named error; or a failure it reported.
 */
#ifndef QUIRE_PASSES_RESOLVING_H
#define QUIRE_PASSES_RESOLVING_H

#include "base/alloc.h"
#include "base/diag.h"
#include "passes/resolve.h"

#define QUIRE_NO_ANNOTATION UINT32_MAX

typedef struct quire_resolving {
    quire_ctx *ctx;
    const quire_model *m;
    const quire_resolve_options *options;
    quire_resolved *out;
    quire_sym
        *absent; /* ABSENT slots that are claimed, ascending by text; rank: order.n + 1 + index */
    size_t n_absent, absent_room;
    uint32_t *place_of_who; /* QUIRE_CONFLICT_FIRST: by symbol, place among the declared */
    size_t n_whos;
} quire_resolving;

/* Room for n elements in *(T **)out_array; NULL for none. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_take_array(quire_ctx *ctx, size_t n, size_t size,
                                             void *out_array);
/* The same with every byte set to `byte`. */
QUIRE_MUST_USE quire_status quire_take_filled(quire_ctx *ctx, size_t n, size_t size, int byte,
                                              void *out_array);

/* Below, at or above 0, by bytes. */
int quire_compare_bytes(quire_bytes a, quire_bytes b);
int quire_compare_syms(const quire_model *m, quire_sym a, quire_sym b);

/* 0: a slot that the graph does not have, and that nobody claims. */
uint32_t quire_resolving_rank(const quire_resolving *r, quire_slot slot);
/* The annotation of `slot`, or QUIRE_NO_ANNOTATION. Needs the winners. */
uint32_t quire_resolving_find(const quire_resolving *r, quire_slot slot);
static inline bool
quire_annotation_is_shared(const quire_annotation *a)
{
    return a->spec.row == 0;
}
static inline uint32_t
quire_annotation_kind(const quire_model *m, const quire_annotation *a)
{
    return a->spec.row == 0 ? QUIRE_SPEC_SHARED : quire_spec_at(m, a->spec.row)->kind;
}

/* May an operand that shares be linked implicitly with other slots of its tensor: with this one? */
bool quire_takes_part(const quire_model *m, const quire_annotation *a);
/* Does it link itself with the other slots of its tensor: an operand of a node without noshare? */
bool quire_is_sharing_operand(const quire_model *m, const quire_annotation *a);

/* Sorts the claims and finds which hold: out->claims, annotations, annotation_of_rank. */
QUIRE_MUST_USE quire_status quire_resolve_winners(quire_resolving *r, const quire_claims *claims);
/* Follows `shared`: target and end of every annotation. Tells cycles and bad targets. */
QUIRE_MUST_USE quire_status quire_resolve_chains(quire_resolving *r);
/* Links, groups, members, and the spec of each group. */
QUIRE_MUST_USE quire_status quire_resolve_groups(quire_resolving *r);
/* Chooses the carrier of every group. Needs groups and members. */
QUIRE_MUST_USE quire_status quire_resolve_carriers(quire_resolving *r);
/* Are groups derived from each other in a circle? */
QUIRE_MUST_USE quire_status quire_resolve_derived(quire_resolving *r);

/* Telling. Each writes out->error, error_slots and message, and returns QUIRE_NONE, or reports
 * QUIRE_E_NOMEM. */

/* Two claims on one slot, of out->claims, and how many compete at their priority. */
quire_status quire_tell_conflict(quire_resolving *r, const quire_claim *a, const quire_claim *b,
                                 size_t n_top);
/* Annotation `first` and those its chain leads through until `first` again. */
quire_status quire_tell_shared_cycle(quire_resolving *r, uint32_t first);
/* Annotation a points at `target`, which is not annotated, or float. */
quire_status quire_tell_target(quire_resolving *r, quire_named_error name, uint32_t a,
                               quire_slot target);
/* groups[0..n): each is derived from the next through its source number via[i], the last from the
 * first. */
quire_status quire_tell_derived_cycle(quire_resolving *r, const uint32_t *groups,
                                      const uint32_t *via, size_t n);
/* An error of one annotation by itself. */
quire_status quire_tell_annotation(quire_resolving *r, quire_named_error name, uint32_t a);

#endif
