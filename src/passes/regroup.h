/* regroup.h - sharing groups that are edited: what `adjust` of quantizers works on, and how what
 * comes of it is written down as annotations.
 *
 * A regrouping is a partition of the annotated slots that are not float into groups of one spec
 * each; at first that of a resolution. Its groups have numbers: those of the resolution, and behind
 * them those of groups made since. A number is given once; a group without members is gone.
 *
 * Writing down. Every group that was edited becomes explicit: its least slot carries the group's
 * spec, the others are `shared` with it, all `noshare`, each by the one who edited it last, with
 * the priority the slot's annotation had and the reason "adjust". What held there before is kept as
 * a loser; also what an earlier editor made of the group. One thing more can join what was edited
 * with what was not: an operand without `noshare` that reads a tensor about which an edited group
 * has an operand or a graph output, with a spec that agrees. Its group is written down the same way,
 * unchanged. docs/decisions/0007-adjust.md shows that these are all, so that every partition the
 * edits allow can be said.
 *
 * An edit costs what it touches: detach and remove a constant time, join the smaller of the groups;
 * one of another editor first writes down what the one before made of the group. Not thread-safe.
 */
#ifndef QUIRE_PASSES_REGROUP_H
#define QUIRE_PASSES_REGROUP_H

#include "passes/account.h"
#include "passes/resolve.h"

typedef struct quire_regroup quire_regroup;

/* Begins with the groups of `r`, which must outlive the regrouping and stay as it is. Linear in the
 * slots. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_regroup_start(quire_ctx *ctx, quire_model *m,
                                                const quire_resolved *r, quire_regroup **out);
/* Accepts NULL. */
void quire_regroup_destroy(quire_ctx *ctx, quire_regroup *g);

/* --- looking ---------------------------------------------------------------------------------- */

uint32_t quire_regroup_n_groups(const quire_regroup *g); /* numbers given so far */
/* QUIRE_NO_GROUP: not annotated (any more), or float. */
uint32_t quire_regroup_of(const quire_regroup *g, quire_slot slot);
/* 0: gone. */
uint32_t quire_regroup_n_members(const quire_regroup *g, uint32_t group);
/* Row of the pool; the group must not be gone. */
uint32_t quire_regroup_spec(const quire_regroup *g, uint32_t group);
/* The members of a group, ascending: begin with *io_at 0; false ends. The group must not be edited
 * meanwhile. The first step sorts where edits have left the group unsorted. */
bool quire_regroup_next_member(quire_regroup *g, uint32_t group, uint32_t *io_at,
                               quire_slot *out_slot);
/* Changes with every edit of the group's members. */
uint64_t quire_regroup_version(const quire_regroup *g, uint32_t group);
/* Steps done since the start, for tests of what an edit costs. */
uint64_t quire_regroup_work(const quire_regroup *g);

/* --- editing ----------------------------------------------------------------------------------
 *
 * `who` edits. Group numbers are below quire_regroup_n_groups. QUIRE_NONE: the group is gone, or
 * the slot is in none. Reports QUIRE_E_USAGE for what a group does not allow, QUIRE_E_INVALID for
 * a spec that may not be, QUIRE_E_LIMIT, QUIRE_E_NOMEM. An edit that fails, and one that would
 * change nothing, changes nothing.
 */

/* Known parameters in place of an observer, or of a formula; computed in advance, not when the model
 * runs. Per-tensor groups only. `zero_point` as in quire_spec.fixed_zero_point. */
QUIRE_MUST_USE quire_status quire_regroup_set_fixed(quire_ctx *ctx, quire_regroup *g,
                                                    uint32_t group, double scale,
                                                    int64_t zero_point, quire_sym who);
/* Of a group of kind quantized or fixed; a fixed one becomes quantized. `observer` 0: none. */
QUIRE_MUST_USE quire_status quire_regroup_set_observer(quire_ctx *ctx, quire_regroup *g,
                                                       uint32_t group, quire_sym observer,
                                                       quire_sym options, quire_sym who);
/* A group of its own for the slot, with the same spec; its number. A slot that is alone stays where
 * it is. */
QUIRE_MUST_USE quire_status quire_regroup_detach(quire_ctx *ctx, quire_regroup *g, quire_slot slot,
                                                 quire_sym who, uint32_t *out_group);
/* The slot is annotated no more. A source of a group that is derived is refused. */
QUIRE_MUST_USE quire_status quire_regroup_remove(quire_ctx *ctx, quire_regroup *g, quire_slot slot,
                                                 quire_sym who);
/* Members of `from` join `into` and take on its spec; `from` is gone. Refused where `into` would
 * then derive from itself. Equal numbers: nothing happens. */
QUIRE_MUST_USE quire_status quire_regroup_join(quire_ctx *ctx, quire_regroup *g, uint32_t into,
                                               uint32_t from, quire_sym who);

/* --- writing down ------------------------------------------------------------------------------ */

/* Puts the annotations of the edited groups in place: *io_resolved, the resolution it was started
 * with, is replaced by that of the claims as they are now, whose groups and specs are those of the
 * regrouping. Slots that were removed are told in `account` (which may be NULL) as notes. Without
 * an edit nothing happens. Linear; to be called once, then only destroy. Reports QUIRE_E_NOMEM,
 * QUIRE_E_LIMIT; *io_resolved is then as before. */
QUIRE_MUST_USE quire_status quire_regroup_finish(quire_ctx *ctx, quire_regroup *g,
                                                 quire_resolved *io_resolved,
                                                 quire_account *io_account);

#endif
