/* service_parallel.c - quire.host.parallel/1: numbered work of a plugin on several threads. */
#include <stdio.h>

#include "plugin/parallel.h"
#include "plugin/services_inner.h"

static void
warn_changed(const quire_services *s, const char *changed)
{
    const quire_host *host = &s->i->host.table;
    char text[200];
    if (changed == NULL) return;
    const int len =
        snprintf(text, sizeof text,
                 "work of quire.host.parallel/1 left %s changed; it was put back", changed);
    host->report(host->ctx, QUIRE_WARNING, (quire_place){0, 0}, (quire_string){text, (size_t)len});
}

/* Failures of the callback up to now: what a view refused, or what was told. */
static quire_status
earlier_failure(const quire_services *s)
{
    const quire_host_view *v = quire_instance_view(s->i);
    return s->i->failed != QUIRE_OK ? s->i->failed : v != NULL ? v->fault : QUIRE_OK;
}

static quire_status
run(void *ctx, uint32_t n, quire_status (*work)(void *arg, uint32_t i), void *arg)
{
    quire_services *s = ctx;
    quire_caught c;
    quire_ctx inner = quire_service_catch(s, &c);
    quire_parallel_outcome outcome = {QUIRE_OK, NULL};
    uint32_t n_threads = 1;
    if (!quire_service_at_home(s, "run")) return QUIRE_E_USAGE;
    const quire_status failed = earlier_failure(s);
    if (failed != QUIRE_OK) return failed;
    if (s->i->running == QUIRE_CALL_NONE && !s->i->is_creating)
        return quire_service_fail(s, QUIRE_E_PLUGIN,
                                  "run was called; it is there in callbacks other than destroy");
    if (work == NULL) return quire_service_fail(s, QUIRE_E_PLUGIN, "run: work: found NULL");
    quire_status status = quire_parallel_threads(&inner, &n_threads);
    if (status == QUIRE_OK) status = quire_parallel_run(&inner, n_threads, n, work, arg, &outcome);
    if (status != QUIRE_OK) return quire_service_fail(s, status, "run: %s", c.text);
    warn_changed(s, outcome.changed);
    return outcome.status;
}

void
quire_parallel_init(quire_services *s)
{
    s->parallel = (quire_host_parallel){
        .size = QUIRE_SIZE_TO(quire_host_parallel, run), .ctx = s, .run = run};
}
