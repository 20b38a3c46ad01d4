/* instance.h - one quantizer at work on a model: what it is called with, and what its calls come to.
 *
 * An instance has a view and its tables for each callback, so that tables kept beyond their callback
 * are refused also inside a later one. A quantizer may create others (services.h): its children.
 * Children's callbacks are called by their parent, inside its own callback of the same name; what
 * stands around a call (views opened, settings saved, faults told) is done for the whole tree at
 * once by the callback of its root.
 */
#ifndef QUIRE_PLUGIN_INSTANCE_H
#define QUIRE_PLUGIN_INSTANCE_H

#include "plugin/host.h"
#include "plugin/run.h"

/* Callbacks that get tables: name. */
#define QUIRE_CALLBACKS(X)                                                                         \
    X(TRANSFORM, "transform")                                                                      \
    X(ANNOTATE, "annotate")                                                                        \
    X(VALIDATE, "validate")                                                                        \
    X(ADJUST, "adjust")

typedef enum quire_callback {
#define X(name, text) QUIRE_CALL_##name,
    QUIRE_CALLBACKS(X)
#undef X
        QUIRE_CALL_NONE, /* no callback runs, or one without tables: create, destroy */
} quire_callback;
enum { QUIRE_N_CALLBACKS = QUIRE_CALL_NONE, QUIRE_MAX_CHILD_DEPTH = 8 };

struct quire_services;

typedef struct quire_instance { /* must not move: the plugin knows its tables */
    quire_ctx *ctx;
    quire_model *m;
    const quire_registry *registry; /* where children are found by name; NULL: nowhere */
    const quire_known_quantizer *known;
    const quire_quantizer *quantizer; /* known->quantizer */
    const char *who;                  /* "embedding", of a child "composable/1:embedding" */
    void *self;                       /* the plugin's */
    bool is_created;                  /* create succeeded, destroy was not called yet */
    bool is_creating;                 /* create runs */
    quire_host_state host;
    quire_arena keep;  /* what lives as long as the instance: `who`, options of children */
    quire_arena arena; /* what the views hand out; emptied by the end of each callback */
    quire_callback running;
    quire_status failed; /* a failure told already while this callback runs; see below */
    quire_host_view views[QUIRE_N_CALLBACKS];
    quire_graph_api graphs[QUIRE_N_CALLBACKS];
    quire_edit_api edit;              /* of transform */
    quire_claim_api claims;           /* of annotate  */
    quire_resolved_api resolved;      /* of validate  */
    quire_group_api groups;           /* of adjust    */
    struct quire_instance *parent;    /* NULL: declared by the person */
    struct quire_instance **children; /* [number - 1]; destroyed ones stay */
    size_t n_children, children_room;
    int32_t priority;                /* of the request: added to that of every claim */
    uint32_t number;                 /* among its parent's, from 1; 0: no child */
    uint32_t depth;                  /* 0: no child */
    struct quire_services *services; /* services.c's */
} quire_instance;

/* Creates an instance: checks the quantizer, and calls its create. `options` (of
 * quire_options_parse), `registry` and the model must outlive it; `parent` is NULL or an instance
 * whose create runs, and then owns it. Reports QUIRE_E_PLUGIN, QUIRE_E_NOMEM, and what a plugin may
 * return as it is (host.h). After a failure *out_instance is NULL, or one that can only be destroyed
 * and freed (if it is a child: by its parent), and a parent has `failed`. */
QUIRE_MUST_USE quire_status quire_instance_create(quire_ctx *ctx, quire_model *m,
                                                  const quire_registry *registry,
                                                  const quire_known_quantizer *known,
                                                  const void *options, quire_instance *parent,
                                                  quire_instance **out_instance);
/* Calls destroy: of children that are left, the last first, then its own. The memory stays, so that
 * tables that were kept can be refused. May be called again, without effect. */
void quire_instance_destroy(quire_instance *i);
/* Frees it and its children; destroy was called. Accepts NULL. Not for children. */
void quire_instance_free(quire_instance *i);

/* The callbacks, of an instance that is no child. Each returns QUIRE_OK without a call where the
 * quantizer has none. What ends badly is told as one error: the status says which (run.h).
 * transform: neither snapshot nor verifier. */
QUIRE_MUST_USE quire_status quire_instance_transform(quire_instance *i);
QUIRE_MUST_USE quire_status quire_instance_annotate(quire_instance *i, quire_run_result *io_result);
QUIRE_MUST_USE quire_status quire_instance_validate(quire_instance *i, const quire_resolved *r,
                                                    quire_run_result *io_result);
/* `regroup`: what the group tables work on (host_groups.c). */
QUIRE_MUST_USE quire_status quire_instance_adjust(quire_instance *i, struct quire_regroup *regroup,
                                                  quire_run_result *io_result);
/* Who of it and its children edited the graph: NULL: nobody; itself where several did. */
quire_instance *quire_instance_editor(quire_instance *i);
/* Tables of it or its children that were used when their callback was over, by what ran meanwhile
 * or by threads: told, QUIRE_E_PLUGIN. */
QUIRE_MUST_USE quire_status quire_instance_check(quire_instance *i);

/* --- for services.c -------------------------------------------------------------------------- */

/* The view of the callback that runs now: arena, inner context, refusals (host_view.h). NULL: none
 * with tables runs. */
quire_host_view *quire_instance_view(quire_instance *i);
/* The child of that number; NULL: there is none, or it was destroyed. */
quire_instance *quire_instance_child(const quire_instance *i, uint32_t number);
/* Something failed that was told through i->ctx while i's callback runs: the callback ends with
 * `status`, whatever it returns, and nothing more is told. Returns the first such status. */
quire_status quire_instance_failed(quire_instance *i, quire_status status);

#endif
