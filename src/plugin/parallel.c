/* parallel.c - see parallel.h. */
#include "plugin/parallel.h"

#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/diag.h"
#include "plugin/guard.h"

/* --- how many --------------------------------------------------------------------------------- */

static uint32_t
n_processors(void)
{
    cpu_set_t set;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > QUIRE_MAX_THREADS ? QUIRE_MAX_THREADS : (uint32_t)n;
}

quire_status
quire_parallel_threads(quire_ctx *ctx, uint32_t *out_n)
{
    const char *text = getenv("QUIRE_THREADS");
    uint32_t n = 0;
    *out_n = n_processors();
    if (text == NULL || text[0] == '\0') return QUIRE_OK;
    for (const char *p = text; *p != '\0' && n <= QUIRE_MAX_THREADS; p++)
        n = *p >= '0' && *p <= '9' ? 10 * n + (uint32_t)(*p - '0') : QUIRE_MAX_THREADS + 1;
    if (n < 1 || n > QUIRE_MAX_THREADS)
        return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                               "the environment variable QUIRE_THREADS is \"%.64s\"; allowed is a "
                               "number from 1 to %d",
                               text, QUIRE_MAX_THREADS);
    *out_n = n;
    return QUIRE_OK;
}

/* --- working ---------------------------------------------------------------------------------- */

typedef struct job {
    quire_status (*work)(void *arg, uint32_t i);
    void *arg;
    uint32_t n;
    atomic_uint_fast64_t next;     /* the number that is taken next; beyond n there is none */
    _Atomic(const char *) changed; /* see quire_parallel_outcome */
    pthread_mutex_t lock;          /* of what follows */
    uint32_t least;                /* that failed */
    quire_status status;
} job;

static void
note_failure(job *j, uint32_t i, quire_status status)
{
    pthread_mutex_lock(&j->lock);
    if (j->status == QUIRE_OK || i < j->least) {
        j->least = i;
        j->status = status;
    }
    pthread_mutex_unlock(&j->lock);
}

static void *
take_numbers(void *data)
{
    job *j = data;
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    for (uint64_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;) {
        fesetenv(FE_DFL_ENV);
        (void)uselocale(plain); /* 0, where there is no memory for one, changes nothing */
        const quire_status status = j->work(j->arg, (uint32_t)i);
        const char *changed = quire_guard_changed_arithmetic();
        if (changed != NULL) atomic_store(&j->changed, changed);
        if (status != QUIRE_OK) note_failure(j, (uint32_t)i, status);
    }
    (void)uselocale(LC_GLOBAL_LOCALE);
    if (plain != (locale_t)0) freelocale(plain);
    return NULL;
}

/* Signals are for the threads the program started. */
static uint32_t
start_threads(job *j, uint32_t n_threads, pthread_t *threads)
{
    sigset_t all, before;
    uint32_t n = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (n < n_threads && pthread_create(&threads[n], NULL, take_numbers, j) == 0)
        n++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n;
}

quire_status
quire_parallel_run(quire_ctx *ctx, uint32_t n_threads, uint32_t n,
                   quire_status (*work)(void *arg, uint32_t i), void *arg,
                   quire_parallel_outcome *out)
{
    pthread_t threads[QUIRE_MAX_THREADS];
    job j = {.work = work, .arg = arg, .n = n, .status = QUIRE_OK};
    const uint32_t wanted = n < n_threads ? n : n_threads;
    *out = (quire_parallel_outcome){QUIRE_OK, NULL};
    if (n == 0) return QUIRE_OK;
    pthread_mutex_init(&j.lock, NULL);
    const uint32_t started = start_threads(&j, wanted, threads);
    for (uint32_t k = 0; k < started; k++)
        pthread_join(threads[k], NULL);
    pthread_mutex_destroy(&j.lock);
    *out = (quire_parallel_outcome){j.status, atomic_load(&j.changed)};
    if (started > 0) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_NOMEM, NULL, "no thread can be started");
}
