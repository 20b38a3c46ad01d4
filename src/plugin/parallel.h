/* parallel.h - one function called for many numbers, on threads that live for that call.
 *
 * Knows nothing of plugins. Each number is worked on with the plain floating-point environment and
 * locale, whatever the one before left behind, so that what comes out does not depend on which
 * thread took which number. The caller's thread takes none: a function that may not be called from
 * inside the work is told by the thread it is called from.
 */
#ifndef QUIRE_PLUGIN_PARALLEL_H
#define QUIRE_PLUGIN_PARALLEL_H

#include "base/base.h"

enum { QUIRE_MAX_THREADS = 256 };

/* How many threads a call may use: what the environment variable QUIRE_THREADS says (1 to
 * QUIRE_MAX_THREADS), else the processors there are for this process. Reports QUIRE_E_USAGE for
 * another text in the variable. */
QUIRE_MUST_USE quire_status quire_parallel_threads(quire_ctx *ctx, uint32_t *out_n);

typedef struct quire_parallel_outcome {
    quire_status status; /* QUIRE_OK, or what the least number that failed returned */
    const char *changed; /* a setting that some work left changed ("the rounding mode"), or NULL */
} quire_parallel_outcome;

/* work(arg, i) for every i below n, each once, on up to `n_threads` threads; returns when all have
 * returned, however many failed. Reports QUIRE_E_NOMEM if not even one thread can be started;
 * nothing was called then. */
QUIRE_MUST_USE quire_status quire_parallel_run(quire_ctx *ctx, uint32_t n_threads, uint32_t n,
                                               quire_status (*work)(void *arg, uint32_t i),
                                               void *arg, quire_parallel_outcome *out);

#endif
