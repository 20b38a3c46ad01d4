/* threads.c - see threads.h. */
#include "support/threads.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct task {
    void (*work)(void *data, uint64_t i);
    void *data;
    uint64_t i;
} task;

static void *
run(void *arg)
{
    const task *t = arg;
    t->work(t->data, t->i);
    return NULL;
}

void
threads_run(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    pthread_t threads[THREADS_MAX];
    task tasks[THREADS_MAX];
    (void)pool;
    if (n > THREADS_MAX) abort();
    for (uint64_t i = 0; i < n; i++) {
        tasks[i] = (task){work, data, i};
        if (pthread_create(&threads[i], NULL, run, &tasks[i]) != 0) abort();
    }
    for (uint64_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

void
threads_run_backwards(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    (void)pool;
    while (n-- > 0)
        work(data, n);
}
