/* pool.c - see pool.h. */
#include "pool.h"

#include "plugin/parallel.h"

typedef struct task {
    void (*work)(void *data, uint64_t i);
    void *data;
} task;

static quire_status
run_one(void *arg, uint32_t i)
{
    const task *t = arg;
    t->work(t->data, i);
    return QUIRE_OK;
}

/* Threads live as long as the call: it is made for work of some milliseconds and more. Where none
 * can be started, this thread does it all. */
static void
run_all(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    quire_ctx quiet = quire_ctx_default();
    task t = {work, data};
    quire_parallel_outcome outcome;
    (void)pool;
    if (n <= QUIRE_MAX_THREADS &&
        quire_parallel_run(&quiet, (uint32_t)n, (uint32_t)n, run_one, &t, &outcome) == QUIRE_OK)
        return;
    for (uint64_t i = 0; i < n; i++)
        work(data, i);
}

quire_status
pool_take(cli *c, const char *value)
{
    uint64_t n;
    QUIRE_TRY(options_number(c, "threads", value, QUIRE_MAX_THREADS, &n));
    if (n == 0) return cli_usage(c, "--threads is 0; it takes 1 to %d", QUIRE_MAX_THREADS);
    c->ctx.n_threads = (uint32_t)n;
    return QUIRE_OK;
}

quire_status
pool_use(cli *c)
{
    if (c->ctx.n_threads == 0) QUIRE_TRY(quire_parallel_threads(&c->ctx, &c->ctx.n_threads));
    c->ctx.parallel = run_all;
    return QUIRE_OK;
}
