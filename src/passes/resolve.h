/* resolve.h - from claims to at most one annotation per slot, and from annotations to sharing
 * groups.
 *
 * The outcome depends on the graph and the set of claims alone: not on the order of nodes, claims
 * or execution.
 *
 * Winners. Of the claims on a slot that are not flagged LOST, those with the highest priority hold;
 * if their specs are equal they are sponsors of one annotation, else that is a `conflict`, or, with
 * QUIRE_CONFLICT_FIRST, the spec of the claimant declared earliest holds (those not declared come
 * after the declared ones, ascending by bytes), with all its sponsors. All others are losers. The
 * annotation is `noshare` if one of its sponsors asked for it.
 *
 * Groups. The *end* of a shared slot is found by following targets until a spec that is not
 * `shared`; of any other slot it is the slot itself. Two annotated slots are linked
 *   - explicitly, if one is `shared` with the other;
 *   - implicitly, if both are about the same tensor, one of them is an operand without `noshare`,
 *     the other is not a result with `noshare`, and the specs at their ends agree on the attribute
 *     tuple (quire_spec_agrees: so neither is float or derived). Formals of bodies of If, Loop and
 *     Scan (their graph inputs) and outputs of those bodies are linked to nothing implicitly; a
 *     captured value is the same tensor inside and outside.
 * A group is a connected component: every annotated slot that is not float is in exactly one.
 * Groups are numbered by their least slot. All members have one spec up to the observer; the
 * group's is that of the member with a spec of its own (not shared) of the highest priority, of
 * equals the least by the bytes of the printed observer, of equals the least slot.
 *
 * Time is linear in slots and claims (`work` counts), memory about 200 bytes a claim. No
 * recursion.
 */
#ifndef QUIRE_PASSES_RESOLVE_H
#define QUIRE_PASSES_RESOLVE_H

#include "graph/claim.h"
#include "graph/slot.h"

typedef enum quire_named_error {
    QUIRE_NAMED_NONE,
#define X(name, text, advice) QUIRE_NAMED_##name,
#include "passes/named_errors.inc"
#undef X
    QUIRE_N_NAMED_ERRORS
} quire_named_error;

const char *quire_named_error_text(quire_named_error name); /* "conflict"; "" for none */

typedef enum quire_conflict_rule { QUIRE_CONFLICT_ERROR, QUIRE_CONFLICT_FIRST } quire_conflict_rule;

typedef struct quire_resolve_options {
    quire_conflict_rule conflict;
    const char *const *declared; /* claimants in declared order, for QUIRE_CONFLICT_FIRST */
    size_t n_declared;
} quire_resolve_options;

#define QUIRE_NO_GROUP UINT32_MAX

typedef struct quire_annotation { /* what holds of one slot */
    quire_slot slot;
    quire_spec_ref spec;
    int32_t priority;
    uint32_t flags;  /* QUIRE_CLAIM_NOSHARE if one of its sponsors asked for it */
    uint32_t claims; /* its run in resolved->claims: n_sponsors that hold, then n_losers */
    uint32_t n_sponsors, n_losers;
    uint32_t target; /* shared: index of the annotation it points at; else its own index */
    uint32_t end;    /* index of the annotation at the end of its chain */
    uint32_t group;  /* QUIRE_NO_GROUP: float */
} quire_annotation;

typedef enum quire_link_kind { QUIRE_LINK_EXPLICIT, QUIRE_LINK_IMPLICIT } quire_link_kind;

/* A valid link; explicit: a is shared with b; implicit: a is the operand without noshare. */
typedef struct quire_link {
    uint32_t kind;
    uint32_t a, b; /* indices of annotations */
} quire_link;

typedef struct quire_group {
    uint32_t spec;               /* row of the pool: with the chosen observer */
    uint32_t carrier;            /* index of the annotation whose spec that is */
    uint32_t members, n_members; /* run in resolved->members, ascending */
    uint32_t n_observers_differ; /* members with a spec of their own and another observer */
} quire_group;

typedef struct quire_resolved {
    quire_claims claims; /* every claim, sorted: slot, sponsors (by claimant), then losers (by
                                    * falling priority, then claimant); ABSENT slots last */
    quire_annotation *annotations; /* in slot order */
    size_t n_annotations, annotations_room;
    uint32_t *annotation_of_rank; /* by rank in `order`: index of the annotation + 1; 0: none */
    size_t n_ranks;               /* its length */
    quire_group *groups;          /* by least slot */
    size_t n_groups;
    uint32_t *members; /* indices of annotations */
    size_t n_members;
    /* A spanning tree of every group: that of group g is the run of n_members - 1 links at
     * `members` - g. Every explicit link is in it. */
    quire_link *links;
    size_t n_links;
    uint64_t work; /* elementary steps done; at most a constant times (slots + claims) */
    /* When quire_resolve returned QUIRE_NONE (groups, members and links are then undefined): */
    quire_named_error error;
    quire_slot *error_slots; /* what it touches, in the order the message tells them */
    size_t n_error_slots, error_slots_room;
    quire_text message;     /* one line: slots, values, who asked, the chain, what to do */
    quire_slot_order order; /* of the model, as it was */
} quire_resolved;

/* Resolves `claims` over m. QUIRE_OK; or QUIRE_NONE: a named error, told in *out and not reported;
 * or a failure, reported: QUIRE_E_NOMEM, QUIRE_E_LIMIT above 2^32 - 2 claims, QUIRE_E_INTERNAL for
 * a claim on a NAMED or erased slot. quire_resolved_deinit in every case but a failure. The model's
 * symbols and pool are read, the graph is not changed. Claims of one claimant on one slot that are
 * equal in spec, priority and flags count once; that differ: the last in the list holds and the
 * others are losers (last match wins inside one quantizer). `options` may be NULL: conflicts are
 * errors. */
QUIRE_MUST_USE quire_status quire_resolve(quire_ctx *ctx, quire_model *m,
                                          const quire_claims *claims,
                                          const quire_resolve_options *options,
                                          quire_resolved *out);
void quire_resolved_deinit(quire_ctx *ctx, quire_resolved *r);
/* The same; a named error is reported as `status` with its message, and freed. Differing observers
 * are told as notes, one a group; from the 17th on they are only counted. */
QUIRE_MUST_USE quire_status quire_resolve_or_fail(quire_ctx *ctx, quire_model *m,
                                                  const quire_claims *claims,
                                                  const quire_resolve_options *options,
                                                  quire_status status, quire_resolved *out);

/* The annotation of a slot, or NULL. */
const quire_annotation *quire_resolved_at(const quire_resolved *r, quire_slot slot);
/* All claims on a slot, those that hold first; *out_n 0: none. A slot without annotation can have
 * losers. Logarithmic in the claims. */
const quire_claim *quire_resolved_claims(const quire_resolved *r, quire_slot slot, size_t *out_n);
/* The spec in force at an annotation: its group's, or its own if float. */
const quire_spec *quire_resolved_spec(const quire_model *m, const quire_resolved *r,
                                      const quire_annotation *a);
/* The links of the path through r->links from annotation `from` to `to` of one group, in order;
 * *out_links (n entries of quire_link, oriented so that each begins where the one before ended: a
 * is left, b is reached) is freed with quire_free(alloc, ptr, n * sizeof). n log n in the members
 * of the group. */
QUIRE_MUST_USE quire_status quire_resolved_chain(quire_ctx *ctx, const quire_resolved *r,
                                                 uint32_t from, uint32_t to, quire_link **out_links,
                                                 size_t *out_n);
/* `{format_version, groups[] {slots[], spec, observers_differ[]}, float[], losers[] {slot, spec,
 * by, priority, noshare}, error: null | {name, slots[], message}}`; with an error the lists are
 * empty. */
void quire_resolved_write_json(quire_writer *w, const quire_model *m, const quire_resolved *r);

#endif
