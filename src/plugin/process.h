/* process.h - a copy of this process, for work that may crash, run on or take all memory: it sends
 * what it found through a pipe, and how it ended is looked at here.
 *
 * The child has a group of its own, which is killed with it, and dies with this process. A crash
 * there is one, whatever handlers this process has, and leaves no core.
 */
#ifndef QUIRE_PLUGIN_PROCESS_H
#define QUIRE_PLUGIN_PROCESS_H

#include <sys/types.h>

#include "base/base.h"

typedef struct quire_process {
    pid_t pid;
    int fd; /* what it sends, without waiting; the owner's to close */
    bool has_ended;
    int wait_status; /* of waitpid, once it has ended */
} quire_process;

typedef struct quire_process_work {
    const char *name; /* for errors: "an isolated process" */
    uint32_t mib;     /* of address space beyond what this process has; 0: no limit */
    void (*run)(void *data, int fd); /* in the child, which ends when this returns: exit code 0 */
    void *data;
} quire_process_work;

/* Reports QUIRE_E_IO if there is no process or pipe to be had; then there is nothing to close. */
QUIRE_MUST_USE quire_status quire_process_start(quire_ctx *ctx, const quire_process_work *work,
                                                quire_process *out);

/* Notes if it has ended, and kills what it started and left behind. Waits for nothing. */
void quire_process_look(quire_process *p);

/* Afterwards it has ended. */
void quire_process_kill(quire_process *p);

/* Seconds of a clock that nobody sets, for deadlines. */
double quire_process_clock(void);

#endif
