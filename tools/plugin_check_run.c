/* plugin_check_run.c - a test in a process of its own: limits, and the verdict it sends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/io.h"
#include "plugin_check.h"

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

const kit_test kit_tests[] = {
#define X(function, name, sentence) {name, sentence, kit_test_##function},
#include "plugin_check_tests.inc"
#undef X
};
const size_t kit_n_tests = sizeof kit_tests / sizeof *kit_tests;

void
kit_say(kit *k, kit_verdict verdict, const char *format, ...)
{
    char text[KIT_REASON_ROOM];
    va_list args;
    if (verdict <= k->verdict) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    k->verdict = verdict;
    quire_escape(k->reason, sizeof k->reason, (const uint8_t *)text, strlen(text));
}

static void
keep_error(void *data, const quire_diagnostic *d)
{
    kit_voice *voice = data;
    if (d->severity != QUIRE_ERROR || voice->error[0] != '\0') return;
    snprintf(voice->error, sizeof voice->error, "%s%s%s", d->path != NULL ? d->path : "",
             d->path != NULL ? ": " : "", d->message);
}

void
kit_voice_init(kit_voice *voice)
{
    *voice = (kit_voice){.ctx = quire_ctx_default()};
    voice->ctx.sink = keep_error;
    voice->ctx.sink_data = voice;
}

/* --- the child -------------------------------------------------------------------------------- */

static void
limit(const kit_limits *limits)
{
    unsigned long long pages = 0;
    struct rlimit most = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &most);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return;
    const bool known = fscanf(file, "%llu", &pages) == 1;
    fclose(file);
    if (!known || TAKES_ALL_ADDRESSES || getrlimit(RLIMIT_AS, &most) != 0) return;
    most.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)limits->mib << 20);
    if (most.rlim_max == RLIM_INFINITY || most.rlim_cur <= most.rlim_max)
        (void)setrlimit(RLIMIT_AS, &most);
}

/* What is written is kept for the test that asks for it. */
static void
be_quiet(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        const int kept = fd == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                                 : memfd_create("written", MFD_CLOEXEC);
        if (kept >= 0) (void)dup2(kept, fd);
    }
}

static void
work(const kit *given, const kit_test *test, const kit_limits *limits, int fd)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL, SIGABRT,
                                 SIGTRAP, SIGSYS, SIGTERM, SIGINT, SIGHUP};
    static kit k; /* large */
    kit_outcome out = {.verdict = KIT_PASS};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0);
    be_quiet();
    limit(limits);
    k = *given;
    kit_voice_init(&k.voice);
    if (kit_load(&k) && test != NULL) test->run(&k);
    if (k.verdict == KIT_SKIP && k.n_tested > 0) {
        k.verdict = KIT_PASS;
        k.reason[0] = '\0';
    }
    out.verdict = k.verdict;
    memcpy(out.reason, k.reason, sizeof out.reason);
    (void)quire_io_write_all(&quire_io_posix, fd, &out, sizeof out);
}

/* --- the parent ------------------------------------------------------------------------------- */

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Bytes there are, up to all of an outcome. */
static void
read_some(int fd, uint8_t *into, size_t *io_n, size_t room)
{
    while (*io_n < room) {
        const ssize_t n = read(fd, into + *io_n, room - *io_n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        *io_n += (size_t)n;
    }
}

typedef struct child {
    pid_t pid;
    int fd, status;
    bool ended;
    size_t n; /* bytes of the outcome */
} child;

/* If it has ended: what it started goes with it, while its number still is its own. */
static void
reap(child *c)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0) return;
    if (info.si_pid != c->pid) return;
    (void)kill(-c->pid, SIGKILL);
    c->ended = waitpid(c->pid, &c->status, 0) == c->pid;
}

static quire_status
wait_for(quire_ctx *ctx, child *c, double deadline, kit_outcome *out)
{
    enum { TICK_MS = 20 };
    while (!c->ended && now() < deadline) {
        struct pollfd what = {.fd = c->fd, .events = POLLIN};
        (void)poll(c->n < sizeof *out ? &what : NULL, c->n < sizeof *out ? 1 : 0, TICK_MS);
        reap(c);
        read_some(c->fd, (uint8_t *)out, &c->n, sizeof *out);
        QUIRE_TRY(quire_check_canceled(ctx));
    }
    return QUIRE_OK;
}

static void
judge(const child *c, const kit_limits *limits, kit_outcome *out)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGABRT, "abort"},
                 {SIGSEGV, "memory that is not there, or not to be "
                           "written to"},
                 {SIGBUS, "memory that is not there"},
                 {SIGFPE, "arithmetic"},
                 {SIGILL, "no instruction"},
                 {SIGTRAP, "trap"},
                 {SIGKILL, "killed"}};
    const char *name = "signal";
    const int number = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        name = names[i].number == number ? names[i].name : name;
    const bool whole = c->n == sizeof *out && out->verdict <= KIT_FAIL;
    if (c->ended && number == 0 && WEXITSTATUS(c->status) == 0 && whole) {
        out->reason[sizeof out->reason - 1] = '\0';
        return;
    }
    *out = (kit_outcome){.verdict = KIT_FAIL};
    if (!c->ended)
        snprintf(out->reason, sizeof out->reason, "no end within %u s", limits->seconds);
    else if (number != 0)
        snprintf(out->reason, sizeof out->reason, "killed by signal %d (%s)", number, name);
    else
        snprintf(out->reason, sizeof out->reason, "it ended the process, with exit code %d",
                 WEXITSTATUS(c->status));
}

static quire_status
finish(quire_ctx *ctx, child *c, const kit_limits *limits, kit_outcome *out)
{
    const quire_status status = wait_for(ctx, c, now() + limits->seconds, out);
    if (!c->ended) {
        (void)kill(-c->pid, SIGKILL);
        (void)kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
            continue;
    }
    close(c->fd);
    QUIRE_TRY(status);
    judge(c, limits, out);
    return QUIRE_OK;
}

quire_status
kit_run(quire_ctx *ctx, const kit *k, const kit_test *test, const kit_limits *limits,
        kit_outcome *out)
{
    int ends[2];
    *out = (kit_outcome){.verdict = KIT_FAIL};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return quire_fail(ctx, QUIRE_E_IO, NULL, "there is no pipe to a test: %s",
                          quire_io_error_text(errno));
    child c = {.pid = fork(), .fd = ends[0]};
    if (c.pid == 0) {
        close(ends[0]);
        work(k, test, limits, ends[1]);
        _exit(0);
    }
    const int error = errno;
    close(ends[1]);
    if (c.pid < 0) {
        close(ends[0]);
        return quire_fail(ctx, QUIRE_E_IO, NULL, "no process can be started for a test: %s",
                          quire_io_error_text(error));
    }
    (void)setpgid(c.pid, c.pid);
    (void)fcntl(c.fd, F_SETFL, O_NONBLOCK);
    return finish(ctx, &c, limits, out);
}
