/* process.c - see process.h. */
#include "plugin/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/io.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAKES_ALL_ADDRESSES 1 /* a sanitizer's shadow memory is no use of memory */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TAKES_ALL_ADDRESSES 1
#endif
#endif
#ifndef TAKES_ALL_ADDRESSES
#define TAKES_ALL_ADDRESSES 0
#endif

/* --- in the child ----------------------------------------------------------------------------- */

/* Bytes of address space this process has; 0: not known. */
static uint64_t
used_addresses(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fscanf(file, "%llu", &pages) != 1) pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
limit_memory(uint32_t mib)
{
    const uint64_t used = used_addresses();
    if (mib == 0 || used == 0 || TAKES_ALL_ADDRESSES) return;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0) return;
    const rlim_t wanted = (rlim_t)(used + ((uint64_t)mib << 20));
    if (limit.rlim_max == RLIM_INFINITY || wanted < limit.rlim_max) limit.rlim_max = wanted;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_AS, &limit);
}

static void
become_child(uint32_t mib)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL, SIGABRT,
                                 SIGTRAP, SIGSYS, SIGTERM, SIGINT, SIGHUP};
    const struct rlimit none = {0, 0};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    limit_memory(mib);
}

/* --- in the parent ---------------------------------------------------------------------------- */

quire_status
quire_process_start(quire_ctx *ctx, const quire_process_work *work, quire_process *out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return quire_fail(ctx, QUIRE_E_IO, NULL, "there is no pipe to %s: %s", work->name,
                          quire_io_error_text(errno));
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become_child(work->mib);
        work->run(work->data, ends[1]);
        _exit(0);
    }
    const int error = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return quire_fail(ctx, QUIRE_E_IO, NULL, "%s cannot be started: %s", work->name,
                          quire_io_error_text(error));
    }
    (void)setpgid(pid, pid); /* before it may have done so itself */
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *out = (quire_process){.pid = pid, .fd = ends[0]};
    return QUIRE_OK;
}

/* What it started is killed while its number still is its own: before it is waited for. */
static void
reap(quire_process *p, int flags)
{
    siginfo_t info = {.si_pid = 0};
    if (p->has_ended) return;
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT | flags) != 0 && errno == EINTR)
        continue;
    if (info.si_pid != p->pid) return;
    (void)kill(-p->pid, SIGKILL);
    while (waitpid(p->pid, &p->wait_status, 0) < 0 && errno == EINTR)
        continue;
    p->has_ended = true;
}

void
quire_process_look(quire_process *p)
{
    reap(p, WNOHANG);
}

void
quire_process_kill(quire_process *p)
{
    if (p->has_ended) return;
    (void)kill(-p->pid, SIGKILL);
    (void)kill(p->pid, SIGKILL);
    reap(p, 0);
}

double
quire_process_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
