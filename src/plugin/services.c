/* services.c - see services.h; and the log, which is no more than a report. */
#include "plugin/services_inner.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"

enum { MESSAGE_ROOM = 1001 };

/* --- who may call, and when ------------------------------------------------------------------- */

bool
quire_service_at_home(quire_services *s, const char *function)
{
    if (s->home == quire_this_thread()) return true;
    atomic_store(&s->stranger, function);
    return false;
}

/* As messages call what runs now. */
static const char *
running_name(const quire_instance *i)
{
    static const char *const names[] = {
#define X(name, text) text,
        QUIRE_CALLBACKS(X)
#undef X
    };
    if (i->running != QUIRE_CALL_NONE) return names[i->running];
    return i->is_creating ? "create" : "outside of its callbacks";
}

quire_status
quire_service_fail(quire_services *s, quire_status status, const char *format, ...)
{
    quire_instance *i = s->i;
    char text[MESSAGE_ROOM];
    va_list args;
    if (i->failed != QUIRE_OK) return i->failed;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)quire_host_fault(&i->host, running_name(i), status, NULL, "%s", text);
    return quire_instance_failed(i, status);
}

static void
catch_message(void *data, const quire_diagnostic *d)
{
    quire_caught *c = data;
    if (d->severity == QUIRE_ERROR && c->text[0] == '\0')
        snprintf(c->text, sizeof c->text, "%s", d->message);
}

quire_ctx
quire_service_catch(const quire_services *s, quire_caught *out_caught)
{
    quire_ctx inner = *s->i->ctx;
    out_caught->text[0] = '\0';
    inner.sink = catch_message;
    inner.sink_data = out_caught;
    return inner;
}

static const char *
callbacks_from(quire_callback first)
{
    return first == QUIRE_CALL_TRANSFORM ? "transform, annotate, validate and adjust"
                                         : "annotate, validate and adjust";
}

quire_host_view *
quire_service_enter(quire_services *s, const char *function, quire_callback first,
                    quire_status *out_answer)
{
    *out_answer = QUIRE_E_USAGE;
    if (!quire_service_at_home(s, function)) return NULL;
    quire_host_view *v = quire_instance_view(s->i);
    if (v == NULL || s->i->running < first) {
        *out_answer =
            quire_service_fail(s, QUIRE_E_PLUGIN, "%s was called; it is there in %s alone",
                               function, callbacks_from(first));
        return NULL;
    }
    if (quire_view_enter(v, function)) return v;
    *out_answer = quire_view_answer(v);
    return NULL;
}

void
quire_services_settle(quire_instance *i)
{
    quire_services *s = i->services;
    const char *function = s == NULL ? NULL : atomic_exchange(&s->stranger, NULL);
    if (function == NULL) return;
    (void)quire_service_fail(s, QUIRE_E_PLUGIN,
                             "%s was called from a thread that the callback does not run in; other "
                             "threads, and the work of quire.host.parallel/1, may call the "
                             "functions marked [any] only",
                             function);
}

/* --- quire.host.log/1 ------------------------------------------------------------------------- */

static uint32_t
log_level(void *ctx)
{
    const quire_services *s = ctx;
    return s->i->ctx->log_level;
}

static void
log_line(void *ctx, uint32_t level, quire_string text)
{
    const quire_services *s = ctx;
    const quire_host *host = &s->i->host.table;
    if ((level > 0 ? level : 1) > log_level(ctx)) return;
    host->report(host->ctx, QUIRE_NOTE, (quire_place){0, 0}, text);
}

void
quire_log_init(quire_services *s)
{
    s->log = (quire_host_log){.size = QUIRE_SIZE_TO(quire_host_log, line),
                              .ctx = s,
                              .level = log_level,
                              .line = log_line};
}

/* --- all of them ------------------------------------------------------------------------------ */

quire_status
quire_services_open(quire_instance *i)
{
    quire_services *s = quire_alloc(i->ctx->alloc, sizeof *s);
    if (s == NULL) return quire_nomem(i->ctx);
    memset(s, 0, sizeof *s);
    s->i = i;
    s->home = quire_this_thread();
    quire_log_init(s);
    quire_parallel_init(s);
    quire_select_init(s);
    quire_measure_init(s);
    quire_quantizers_init(s);
    i->services = s;
    return QUIRE_OK;
}

void
quire_services_close(quire_instance *i)
{
    quire_free(i->ctx->alloc, i->services, sizeof *i->services);
    i->services = NULL;
}

const void *
quire_services_get(quire_instance *i, const char *id)
{
    const quire_services *s = i->services;
    const struct {
        const char *id;
        const void *table;
    } tables[] = {
        {QUIRE_HOST_LOG_1, &s->log},
        {QUIRE_HOST_PARALLEL_1, &s->parallel},
        {QUIRE_HOST_SELECT_1, &s->select},
        {QUIRE_HOST_MEASURE_1, &s->measure},
        {QUIRE_HOST_QUANTIZERS_1, &s->quantizers},
    };
    for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) {
        if (strcmp(id, tables[k].id) == 0) return tables[k].table;
    }
    return NULL;
}
