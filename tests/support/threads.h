/* threads.h - a quire_parallel_fn for tests. */
#ifndef QUIRE_TESTS_THREADS_H
#define QUIRE_TESTS_THREADS_H

#include <stdint.h>

enum { THREADS_MAX = 64 };

/* A thread for each i, at most THREADS_MAX of them. */
void threads_run(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data);
/* One after the other, the last first, on this thread. */
void threads_run_backwards(void *pool, uint64_t n, void (*work)(void *data, uint64_t i),
                           void *data);

#endif
