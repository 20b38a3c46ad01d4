/* regrouping.h - the inside of a regrouping, for regroup*.c alone.
 *
 * Members of a group are a list in a *set*. A group has a set; joining gives `into` the larger of
 * the two sets and relabels the members of the smaller, so that a slot is relabelled log n times at
 * most. Annotations are named by their index in the resolution, which is the order of slots.
 */
#ifndef QUIRE_PASSES_REGROUPING_H
#define QUIRE_PASSES_REGROUPING_H

#include "base/alloc.h"
#include "base/diag.h"
#include "passes/regroup.h"
#include "passes/resolving.h"

typedef struct quire_regroup_set {
    uint32_t group;      /* that has it */
    uint32_t head, tail; /* QUIRE_NO_ANNOTATION: empty */
    uint32_t n;
    bool is_sorted; /* the list is ascending */
} quire_regroup_set;

typedef struct quire_regroup_group {
    uint32_t set;     /* QUIRE_NO_GROUP: gone */
    uint32_t spec;    /* row of the pool */
    quire_sym editor; /* who edited it last, 0: nobody */
    bool is_pending;  /* what the editor made of it has not been claimed yet */
    uint64_t seen;    /* by the search of that number */
    uint64_t version;
} quire_regroup_group;

typedef struct quire_regroup_removal {
    quire_slot slot;
    quire_sym who;
} quire_regroup_removal;

struct quire_regroup {
    quire_model *m;
    const quire_resolved *r;
    size_t n_annotations;
    uint32_t *set_of; /* by annotation; QUIRE_NO_GROUP: float, or removed */
    uint32_t *next, *prev;
    uint32_t *held;      /* by annotation: the claim that was made for it, index + 1 */
    uint32_t *n_derived; /* by annotation: sources in specs of groups that name it */
    quire_regroup_set *sets;
    quire_regroup_group *groups;
    uint32_t n_groups; /* of both */
    size_t sets_room, groups_room;
    quire_claims claims; /* made in writing down */
    quire_regroup_removal *removals;
    size_t n_removals, removals_room;
    uint32_t *stack; /* of a search through what groups derive from; by group */
    size_t stack_room;
    uint64_t n_searches;
    bool is_edited;
    quire_sym reason; /* "adjust" */
    uint64_t work;
};

/* The annotation of a slot that is in a group; QUIRE_NO_ANNOTATION. */
uint32_t quire_regroup_find(const quire_regroup *g, quire_slot slot);
static inline quire_slot
quire_regroup_slot(const quire_regroup *g, uint32_t annotation)
{
    return g->r->annotations[annotation].slot;
}
static inline bool
quire_regroup_is_gone(const quire_regroup *g, uint32_t group)
{
    return g->groups[group].set == QUIRE_NO_GROUP;
}
static inline quire_regroup_set *
quire_regroup_set_of(const quire_regroup *g, uint32_t group)
{
    return &g->sets[g->groups[group].set];
}

/* Lists. An annotation that is appended is in no set. */
void quire_regroup_append(quire_regroup *g, uint32_t set, uint32_t annotation);
void quire_regroup_unlink(quire_regroup *g, uint32_t annotation);
/* All of `from` goes to the end of `into`. */
void quire_regroup_concat(quire_regroup *g, uint32_t into, uint32_t from);
void quire_regroup_sort(quire_regroup *g, uint32_t set);

/* The claims of an edited group that have not been made yet. */
QUIRE_MUST_USE quire_status quire_regroup_claim(quire_ctx *ctx, quire_regroup *g, uint32_t group);

#endif
