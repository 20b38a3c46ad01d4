/* run.c - the instances of a run and the order of their callbacks; see run.h. */
#include "plugin/run.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/edit.h"
#include "graph/verify.h"
#include "plugin/guarded.h"
#include "plugin/instance.h"

struct quire_session {
    quire_ctx *ctx;
    quire_model *m;
    quire_snapshot *before; /* the first transform; NULL: there was none */
    size_t n, n_opened;
    quire_instance *instances[];
};

/* --- creating and destroying --------------------------------------------------------------------- */

static size_t
session_size(size_t n)
{
    return sizeof(quire_session) + n * sizeof(quire_instance *);
}

static quire_status
create_all(quire_session *s, const quire_registry *registry, const quire_request *requests)
{
    for (size_t k = 0; k < s->n; k++) {
        const quire_status status =
            quire_instance_create(s->ctx, s->m, registry, requests[k].known, requests[k].options,
                                  NULL, &s->instances[s->n_opened]);
        if (s->instances[s->n_opened] != NULL) {
            s->instances[s->n_opened]->priority = requests[k].priority;
            s->n_opened++;
        }
        QUIRE_TRY(status);
    }
    return QUIRE_OK;
}

quire_status
quire_session_open(quire_ctx *ctx, quire_model *m, const quire_registry *registry,
                   const quire_request *requests, size_t n, quire_session **out_session)
{
    *out_session = NULL;
    quire_session *s = quire_alloc(ctx->alloc, session_size(n));
    if (s == NULL) return quire_nomem(ctx);
    *s = (quire_session){.ctx = ctx, .m = m, .n = n};
    const quire_status status = create_all(s, registry, requests);
    if (status == QUIRE_OK) {
        *out_session = s;
    } else {
        quire_session_close(s);
    }
    return status;
}

/* Recursion ends at QUIRE_MAX_CHILD_DEPTH. */
static quire_status
each_in_tree(const quire_instance *i, quire_status (*fn)(void *data, const char *who), void *data)
{
    QUIRE_TRY(fn(data, i->who));
    for (size_t k = 0; k < i->n_children; k++)
        QUIRE_TRY(each_in_tree(i->children[k], fn, data));
    return QUIRE_OK;
}

quire_status
quire_session_each(const quire_session *session, quire_status (*fn)(void *data, const char *who),
                   void *data)
{
    for (size_t k = 0; k < session->n_opened; k++)
        QUIRE_TRY(each_in_tree(session->instances[k], fn, data));
    return QUIRE_OK;
}

void
quire_session_close(quire_session *session)
{
    if (session == NULL) return;
    for (size_t k = session->n_opened; k-- > 0;)
        quire_instance_destroy(session->instances[k]);
    for (size_t k = session->n_opened; k-- > 0;)
        quire_instance_free(session->instances[k]);
    quire_snapshot_destroy(session->ctx, session->before);
    quire_free(session->ctx->alloc, session, session_size(session->n));
}

/* --- around callbacks ---------------------------------------------------------------------------- */

/* Tables that were used when their callback was over: by what ran meanwhile, or by threads. */
static quire_status
check_kept_tables(const quire_session *s)
{
    for (size_t k = 0; k < s->n_opened; k++)
        QUIRE_TRY(quire_instance_check(s->instances[k]));
    return QUIRE_OK;
}

/* --- transforms ---------------------------------------------------------------------------------- */

/* What is wrong with a model: the first violation, and how many there are. */
typedef struct violations {
    unsigned n;
    char path[600];
    char text[1000];
} violations;

static void
count_violation(void *data, const quire_diagnostic *diagnostic)
{
    violations *v = data;
    if (diagnostic->severity != QUIRE_ERROR || v->n++ > 0) return;
    snprintf(v->text, sizeof v->text, "%s", diagnostic->message);
    if (diagnostic->path != NULL) snprintf(v->path, sizeof v->path, "%s", diagnostic->path);
}

/* Names that outputs are given are part of what is verified, and of what annotations speak of. */
static quire_status
settle_and_verify(quire_session *s, quire_instance *i)
{
    violations found = {.n = 0};
    quire_ctx quiet = *s->ctx;
    char more[40] = "";
    if (!QUIRE_GUARD(VERIFIER)) return QUIRE_OK;
    quiet.sink = count_violation;
    quiet.sink_data = &found;
    quire_status status = quire_model_settle_outputs(&quiet, s->m);
    if (status == QUIRE_OK) status = quire_model_verify(&quiet, s->m, QUIRE_E_PLUGIN);
    if (status == QUIRE_OK) return QUIRE_OK;
    if (status == QUIRE_E_NOMEM) return quire_nomem(s->ctx);
    if (found.n > 1) snprintf(more, sizeof more, " (and %u more)", found.n - 1);
    return quire_host_fault(&i->host, "transform", QUIRE_E_PLUGIN,
                            found.path[0] != '\0' ? found.path : NULL,
                            "left a graph that may not be: %s%s; it is undone", found.text, more);
}

static quire_status
transform(quire_session *s, quire_instance *i, bool *io_changed)
{
    QUIRE_TRY(quire_check_canceled(s->ctx));
    if (i->quantizer->transform == NULL) return QUIRE_OK;
    if (s->before == NULL) QUIRE_TRY(quire_snapshot_take(s->ctx, s->m, &s->before));
    QUIRE_TRY(quire_instance_transform(i));
    QUIRE_TRY(check_kept_tables(s));
    quire_instance *editor = quire_instance_editor(i);
    if (editor == NULL) return QUIRE_OK;
    *io_changed = true;
    return settle_and_verify(s, editor);
}

quire_status
quire_session_transform(quire_session *session, bool *out_changed)
{
    *out_changed = false;
    for (size_t k = 0; k < session->n; k++) {
        const quire_status status = transform(session, session->instances[k], out_changed);
        if (status == QUIRE_OK) continue;
        quire_session_undo(session);
        return status;
    }
    return QUIRE_OK;
}

void
quire_session_undo(quire_session *session)
{
    if (session->before != NULL) quire_snapshot_restore(session->m, session->before);
}

/* --- the other callbacks ------------------------------------------------------------------------- */

/* Adds the priority that was declared to the claims from `begin` on, as far as there are numbers. */
static void
raise_claims(quire_run_result *r, size_t begin, int32_t priority)
{
    for (size_t i = begin; i < r->claims.n; i++) {
        int32_t *at = &r->claims.ptr[i].priority;
        if (__builtin_add_overflow(*at, priority, at)) *at = priority < 0 ? INT32_MIN : INT32_MAX;
    }
}

quire_status
quire_session_annotate(quire_session *session, quire_run_result *io_result)
{
    for (size_t k = 0; k < session->n; k++) {
        QUIRE_TRY(quire_check_canceled(session->ctx));
        const size_t begin = io_result->claims.n;
        QUIRE_TRY(quire_instance_annotate(session->instances[k], io_result));
        raise_claims(io_result, begin, session->instances[k]->priority);
        QUIRE_TRY(check_kept_tables(session));
    }
    return QUIRE_OK;
}

quire_status
quire_session_validate(quire_session *session, const quire_resolved *r, quire_run_result *io_result)
{
    for (size_t k = 0; k < session->n; k++) {
        QUIRE_TRY(quire_check_canceled(session->ctx));
        QUIRE_TRY(quire_instance_validate(session->instances[k], r, io_result));
        QUIRE_TRY(check_kept_tables(session));
    }
    return QUIRE_OK;
}

bool
quire_session_adjusts(const quire_session *session)
{
    for (size_t k = 0; k < session->n; k++) {
        if (session->instances[k]->quantizer->adjust != NULL) return true;
    }
    return false;
}

quire_status
quire_session_adjust(quire_session *session, struct quire_regroup *regroup,
                     quire_run_result *io_result)
{
    for (size_t k = 0; k < session->n; k++) {
        QUIRE_TRY(quire_check_canceled(session->ctx));
        QUIRE_TRY(quire_instance_adjust(session->instances[k], regroup, io_result));
        QUIRE_TRY(check_kept_tables(session));
    }
    return QUIRE_OK;
}

void
quire_run_result_deinit(quire_ctx *ctx, quire_run_result *result)
{
    quire_claims_deinit(ctx, &result->claims);
    quire_ungrow(ctx->alloc, &result->skips, &result->skips_room, sizeof *result->skips);
    quire_ungrow(ctx->alloc, &result->findings, &result->findings_room, sizeof *result->findings);
    *result = (quire_run_result){0};
}
