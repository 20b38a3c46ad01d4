/* plugin_check_run.c - a test in a process of its own: limits, and the verdict it sends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/io.h"
#include "plugin/process.h"
#include "plugin_check.h"

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

typedef struct job {
    const kit *given;
    const kit_test *test;
} job;

static void
work(void *data, int fd)
{
    static kit k; /* large */
    const job *j = data;
    kit_outcome out = {.verdict = KIT_PASS};
    be_quiet();
    k = *j->given;
    kit_voice_init(&k.voice);
    if (kit_load(&k) && j->test != NULL) j->test->run(&k);
    if (k.verdict == KIT_SKIP && k.n_tested > 0) {
        k.verdict = KIT_PASS;
        k.reason[0] = '\0';
    }
    out.verdict = k.verdict;
    memcpy(out.reason, k.reason, sizeof out.reason);
    (void)quire_io_write_all(&quire_io_posix, fd, &out, sizeof out);
}

/* --- the parent ------------------------------------------------------------------------------- */

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

/* `*io_n` bytes of the outcome have come. */
static quire_status
wait_for(quire_ctx *ctx, quire_process *c, double deadline, kit_outcome *out, size_t *io_n)
{
    enum { TICK_MS = 20 };
    while (!c->has_ended && quire_process_clock() < deadline) {
        struct pollfd what = {.fd = c->fd, .events = POLLIN};
        (void)poll(*io_n < sizeof *out ? &what : NULL, *io_n < sizeof *out ? 1 : 0, TICK_MS);
        quire_process_look(c);
        read_some(c->fd, (uint8_t *)out, io_n, sizeof *out);
        QUIRE_TRY(quire_check_canceled(ctx));
    }
    return QUIRE_OK;
}

/* It was killed if it did not end in time; `whole`: all of an outcome has come. */
static void
judge(const quire_process *c, bool in_time, bool whole, const kit_limits *limits, kit_outcome *out)
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
    const int number = WIFSIGNALED(c->wait_status) ? WTERMSIG(c->wait_status) : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        name = names[i].number == number ? names[i].name : name;
    if (in_time && number == 0 && WEXITSTATUS(c->wait_status) == 0 && whole &&
        out->verdict <= KIT_FAIL) {
        out->reason[sizeof out->reason - 1] = '\0';
        return;
    }
    *out = (kit_outcome){.verdict = KIT_FAIL};
    if (!in_time)
        snprintf(out->reason, sizeof out->reason, "no end within %u s", limits->seconds);
    else if (number != 0)
        snprintf(out->reason, sizeof out->reason, "killed by signal %d (%s)", number, name);
    else
        snprintf(out->reason, sizeof out->reason, "it ended the process, with exit code %d",
                 WEXITSTATUS(c->wait_status));
}

quire_status
kit_run(quire_ctx *ctx, const kit *k, const kit_test *test, const kit_limits *limits,
        kit_outcome *out)
{
    job j = {k, test};
    quire_process c;
    size_t n = 0;
    *out = (kit_outcome){.verdict = KIT_FAIL};
    QUIRE_TRY(quire_process_start(ctx, &(quire_process_work){"a test", limits->mib, work, &j}, &c));
    const quire_status status = wait_for(ctx, &c, quire_process_clock() + limits->seconds, out, &n);
    const bool in_time = c.has_ended;
    quire_process_kill(&c);
    close(c.fd);
    QUIRE_TRY(status);
    judge(&c, in_time, n == sizeof *out, limits, out);
    return QUIRE_OK;
}
