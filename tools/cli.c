/* cli.c - see cli.h. */
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

/* The signal that asked us to stop; written by the handler, so it cannot live in the cli. */
static volatile int stop_signal;

static void
on_signal(int number)
{
    if (stop_signal != 0) _exit(128 + number); /* asked twice: at once */
    stop_signal = number;
}

static void
catch_signals(void)
{
    const int stop[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
        sigaction(stop[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* these arrive as errors of write() */
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

/* A model may have thousands of data files; the usual limit of open files is 1024. */
static void
allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = 8192;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void
cli_init(cli *c)
{
    *c = (cli){.ctx = quire_ctx_default()};
    c->ctx.sink = cli_sink;
    c->ctx.sink_data = c;
    c->ctx.canceled = &stop_signal;
    c->ctx.progress = cli_progress;
    c->ctx.progress_data = c;
    quire_writer_to_text(&c->out, &c->ctx, &c->text);
    catch_signals();
    allow_many_files();
}

static void
clear_progress(cli *c)
{
    if (c->progress_shown) fputs("\r\033[K", stderr);
    c->progress_shown = false;
}

static void
format_line(char *line, const quire_diagnostic *d)
{
    static const char *const words[] = {"note", "warning", "error"};
    snprintf(line, CLI_LINE_ROOM, "quire: %s: %s%s%s%s%s", words[d->severity],
             d->file != NULL ? d->file : "", d->file != NULL ? ": " : "",
             d->path != NULL && d->path[0] != '\0' ? d->path : "",
             d->path != NULL && d->path[0] != '\0' ? ": " : "", d->message);
}

void
cli_sink(void *data, const quire_diagnostic *d)
{
    cli *c = data;
    char line[CLI_LINE_ROOM];
    format_line(line, d);
    if (d->severity == QUIRE_ERROR) {
        if (c->n_errors++ == 0) memcpy(c->first_error, line, sizeof line);
        if (c->verbosity <= 0 || c->n_errors == 1) return;
    }
    if (d->severity == QUIRE_NOTE && c->verbosity <= 0) return;
    if (d->severity == QUIRE_WARNING && c->verbosity < 0) return;
    clear_progress(c);
    fprintf(stderr, "%s\n", line);
}

double
cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void
cli_progress(void *data, const char *what, uint64_t done, uint64_t total)
{
    cli *c = data;
    if (c->verbosity < 0 || total == 0 || !isatty(STDERR_FILENO)) return;
    const double now = cli_seconds();
    if (c->progress_what != what) c->progress_start = now;
    c->progress_what = what;
    const double spent = now - c->progress_start;
    if (spent < 1.0 || done == 0) return;
    const double left = spent * ((double)total / (double)done - 1);
    fprintf(stderr, "\r\033[K%s %u%%, %.0f s left", what,
            (unsigned)(100 * ((double)done / (double)total)), left);
    c->progress_shown = true;
}

quire_status
cli_usage(cli *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const quire_diagnostic d = {.severity = QUIRE_ERROR, .status = QUIRE_E_USAGE, .message = text};
    cli_sink(c, &d);
    return QUIRE_E_USAGE;
}

static void
print_error(const cli *c, quire_status status)
{
    if (c->n_errors == 0) {
        fprintf(stderr, "quire: error: %s\n", quire_status_name(status));
    } else if (c->n_errors > 1 && c->verbosity <= 0) {
        fprintf(stderr, "%s (and %u more; -v shows them)\n", c->first_error, c->n_errors - 1);
    } else {
        fprintf(stderr, "%s\n", c->first_error);
    }
}

/* The answer goes out whole or the failure is told: a full disk behind a redirection is no success. */
static quire_status
print_answer(cli *c)
{
    const int error = quire_io_write_all(c->ctx.io, STDOUT_FILENO, c->text.ptr, c->text.len);
    if (error == 0) return QUIRE_OK;
    const quire_diagnostic d = {.severity = QUIRE_ERROR,
                                .status = QUIRE_E_IO,
                                .file = "standard output",
                                .message = quire_io_error_text(error)};
    cli_sink(c, &d);
    return QUIRE_E_IO;
}

int
cli_finish(cli *c, quire_status status)
{
    const bool answered = status == QUIRE_OK || status == QUIRE_NONE;
    const quire_status written = answered ? quire_writer_finish(&c->out) : QUIRE_OK;
    clear_progress(c);
    if (written != QUIRE_OK) status = written;
    if (status == QUIRE_OK || status == QUIRE_NONE) {
        const quire_status printed = print_answer(c);
        if (printed != QUIRE_OK) status = printed;
    }
    if (status != QUIRE_OK && (status != QUIRE_NONE || c->n_errors > 0)) print_error(c, status);
    quire_text_free(&c->ctx, &c->text);
    return status == QUIRE_E_CANCELED && stop_signal != 0 ? 128 + stop_signal
                                                          : quire_status_exit_code(status);
}

const cli_verb *
cli_verb_find(const cli_verb *verbs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    }
    return NULL;
}

void
cli_verbs_list(quire_writer *w, const cli_verb *verbs, size_t n)
{
    size_t widest = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t width = strlen(verbs[i].name) + strlen(verbs[i].arguments);
        if (width > widest) widest = width;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t left = widest - strlen(verbs[i].name) + 1;
        quire_writef(w, "  quire %s %-*s %s\n", verbs[i].name, (int)left, verbs[i].arguments,
                     verbs[i].summary);
    }
}
