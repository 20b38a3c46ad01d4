/* run.h - quantizers at work on a model: instances, the order of calls, and what they asked for.
 *
 * Order: every create, in declared order; every transform; every annotate; resolve, which is the
 * caller's; every validate; every adjust; every destroy, in reverse.
 * Around each callback the floating-point environment and the locale are saved and restored, and
 * what the plugin asks and answers is checked: ids, indices, sizes, strings, specs. A callback that
 * fails, or asks what it may not, ends the run with one error that names plugin, callback and slot.
 */
#ifndef QUIRE_PLUGIN_RUN_H
#define QUIRE_PLUGIN_RUN_H

#include <stdatomic.h>

#include "base/arena.h"
#include "graph/claim.h"
#include "passes/account.h"
#include "passes/resolve.h"
#include "plugin/registry.h"

struct quire_regroup;

typedef struct quire_request { /* one --quantizer NAME[:OPTIONS] */
    const quire_known_quantizer *known;
    void *options;    /* of quire_options_parse; must outlive the session */
    int32_t priority; /* added to that of each of its claims, as far as there are numbers */
} quire_request;

typedef struct quire_run_result {
    quire_claims claims; /* by who: the quantizer's name; reason: the rule text */
    quire_skip *skips;
    quire_finding *findings;
    size_t n_skips, n_findings, skips_room, findings_room;
    size_t n_errors; /* findings of severity error */
} quire_run_result;

/* The instances of one run. */
typedef struct quire_session quire_session;

/* Creates an instance of every request, in order. `registry`: where a quantizer finds others by
 * name; NULL: nowhere. Reports QUIRE_E_PLUGIN, QUIRE_E_NOMEM. All but `requests` must outlive the
 * session. */
QUIRE_MUST_USE quire_status quire_session_open(quire_ctx *ctx, quire_model *m,
                                               const quire_registry *registry,
                                               const quire_request *requests, size_t n,
                                               quire_session **out_session);
/* Calls `fn` with the name of every instance, as claims and findings have it: in declared order, each
 * before its children ("composable", "composable/1:embedding"). */
QUIRE_MUST_USE quire_status quire_session_each(const quire_session *session,
                                               quire_status (*fn)(void *data, const char *who),
                                               void *data);
/* Destroys them in reverse order; accepts NULL. */
void quire_session_close(quire_session *session);
/* All transforms, in order; after each that changed something the model is verified, its outputs
 * settled (edit.h). Reports as annotate does; QUIRE_E_PLUGIN too for a graph that may not be. After
 * a failure the model is as it was before the first transform. *out_changed: was anything edited?
 * Types are then to be inferred anew. */
QUIRE_MUST_USE quire_status quire_session_transform(quire_session *session, bool *out_changed);
/* Undoes all transforms, for a run that fails later; nothing where there were none. What was made
 * of the transformed model (claims) holds no more. After that the session can only be closed. */
void quire_session_undo(quire_session *session);
/* All annotates, in order. Needs infer-types. Claims get canonical specs and are appended; of
 * several claims of one quantizer on a slot all are kept in order (resolve takes the last). Reports
 * QUIRE_E_PLUGIN for a fault of a plugin, what a plugin may return as it is (host.h), and what
 * failed in the host: QUIRE_E_NOMEM, or QUIRE_E_IO, QUIRE_E_INVALID where weights cannot be read.
 * What was claimed until then stays in the result. After a failure the session can only be
 * closed. */
QUIRE_MUST_USE quire_status quire_session_annotate(quire_session *session,
                                                   quire_run_result *io_result);
/* All validates on the resolved graph; findings are appended and told as diagnostics, after the
 * validate that made them. Reports as annotate does. */
QUIRE_MUST_USE quire_status quire_session_validate(quire_session *session, const quire_resolved *r,
                                                   quire_run_result *io_result);
/* Does any of them adjust? */
bool quire_session_adjusts(const quire_session *session);
/* All adjusts, in order, on the groups of `regroup`. Reports as annotate does. */
QUIRE_MUST_USE quire_status quire_session_adjust(quire_session *session,
                                                 struct quire_regroup *regroup,
                                                 quire_run_result *io_result);
/* Accepts a result that is all zero. */
void quire_run_result_deinit(quire_ctx *ctx, quire_run_result *result);

/* --- the tables handed to plugins (host_*.c) ----------------------------------------------
 *
 * For run.c and the tests.
 */

enum { QUIRE_HOST_RECENT = 4 }; /* strings and specs that are remembered */

typedef struct quire_host_row { /* a spec as the plugin wrote it, and what it became */
    quire_qspec given;          /* its bytes; what its pointers point at may have changed since */
    quire_spec raw;
    quire_spec_ref ref;
} quire_host_row;

typedef struct quire_host_string {
    quire_sym sym;
    quire_bytes bytes; /* of the symbol; they never move */
} quire_host_string;

/* What the functions of the tables work on: `ctx` of each table. One view serves one callback of
 * one instance; it may be opened again. The caller sets the first members, the rest zero. */
typedef struct quire_host_view {
    quire_ctx *ctx;
    quire_model *m;
    const char *who;                    /* the quantizer that is called */
    const quire_known_quantizer *flags; /* it, if its options are flags; else NULL */
    quire_run_result *result;       /* of annotate, validate and adjust; NULL for the graph alone */
    const quire_resolved *resolved; /* of validate */
    struct quire_regroup *regroup;  /* of adjust   */
    quire_arena *arena;             /* strings and arrays handed out; emptied by close */
    /* Outcome, to be read after the callback. */
    quire_status fault;    /* what the first refused call was told; QUIRE_OK: none */
    quire_status ends;     /* how the run ends for it: QUIRE_E_PLUGIN, or what failed in the host */
    char fault_path[300];  /* the text of the slot it was about, or "" */
    char fault_text[1001]; /* the sentence */
    /* Private. */
    size_t n_filed; /* claims, skips and findings of this callback */
    bool live;      /* the callback runs; outside of it every call is refused */
    /* Only the thread that opens a view may use it; what another one called, or NULL. Nothing else
     * is touched for a stranger. */
    _Atomic(uintptr_t) home;
    _Atomic(const char *) stranger;
    quire_ctx inner; /* what inner functions report is kept in fault_text */
    quire_sym who_sym;
    quire_host_string recent[QUIRE_HOST_RECENT];
    quire_host_row rows[QUIRE_HOST_RECENT];
    uint32_t next_recent, next_row, last_row; /* last_row: of the spec that was taken last */
    const struct quire_host_shape **shapes;   /* by value; NULL: not asked for yet */
    uint32_t n_shapes;                        /* room; a transform may have made values since */
    struct quire_host_names *names;           /* that fresh_name gave */
    bool has_edited;                          /* some edit was made, in any callback */
    struct quire_host_reading *reading;       /* where the last read_floats stopped */
    struct quire_host_earlier *earlier;       /* the claims of those that ran before, by slot */
    size_t n_earlier;                         /* how many of result->claims those are */
    quire_place *members;                     /* of all groups, after resolution */
    struct quire_host_members *group_members; /* by group that adjust asked for */
    uint32_t n_group_members;                 /* room */
} quire_host_view;

/* The callback begins: forgets the outcome, and calls are served. */
void quire_host_view_open(quire_host_view *view);
/* The callback is over: calls are refused, what was handed out is gone. */
void quire_host_view_close(quire_host_view *view);
/* A call by another thread becomes the fault, unless there is one. Close does it, too. */
void quire_host_view_settle(quire_host_view *view);

quire_graph_api quire_host_graph_api(quire_host_view *view);
quire_claim_api quire_host_claim_api(quire_host_view *view);
quire_edit_api quire_host_edit_api(quire_host_view *view);
quire_resolved_api quire_host_resolved_api(quire_host_view *view);
quire_group_api quire_host_group_api(quire_host_view *view);

#endif
