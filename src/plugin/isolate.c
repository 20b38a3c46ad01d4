/* isolate.c - starts the isolated process, waits for its answer, and takes the answer over. */
#include "plugin/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "passes/pass.h"
#include "passes/recipe.h"
#include "plugin/guarded.h"
#include "plugin/isolate_wire.h"
#include "plugin/process.h"

enum { MAX_ANSWER = 1 << 30, TICK_MS = 50, TEXT_ROOM = 600 };

/* --- the child -------------------------------------------------------------------------------- */

typedef struct job {
    quire_ctx *ctx;
    quire_model *m;
    const quire_isolation *isolation;
} job;

/* It says nothing but through the pipe. */
static void
run(void *data, int fd)
{
    const job *j = data;
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int k = 0; k <= 2 && nowhere >= 0; k++)
        (void)dup2(nowhere, k);
    quire_isolated_work(j->ctx, j->m, j->isolation, fd);
}

/* --- waiting ---------------------------------------------------------------------------------- */

typedef struct child {
    quire_process process;
    double deadline; /* of the clock of processes; 0: none */
    bool is_late, is_endless;
    quire_text text;
} child;

static bool
is_past(double deadline)
{
    return deadline != 0 && quire_process_clock() > deadline;
}

/* What there is; *out_end: nothing will come any more. */
static quire_status
read_some(quire_ctx *ctx, child *c, bool *out_end)
{
    enum { PIECE = 1 << 16 };
    *out_end = false;
    while (!c->is_endless) {
        QUIRE_TRY(quire_grow(ctx, &c->text.ptr, &c->text.room, c->text.len + PIECE, 1));
        const ssize_t n =
            ctx->io->read(ctx->io->data, c->process.fd, c->text.ptr + c->text.len, PIECE);
        if (n < 0 && errno == EINTR) continue;
        *out_end = n == 0 || (n < 0 && errno != EAGAIN);
        if (n <= 0) return QUIRE_OK;
        c->text.len += (size_t)n;
        c->is_endless = c->text.len > MAX_ANSWER;
    }
    return QUIRE_OK;
}

/* Until it has ended, or has to be. A pipe that something it started holds open is not waited
 * for. */
static quire_status
wait_for(quire_ctx *ctx, child *c)
{
    bool end = false;
    while (!end) {
        struct pollfd what = {.fd = c->process.fd, .events = POLLIN};
        (void)poll(&what, 1, TICK_MS);
        quire_process_look(&c->process);
        const bool ended = c->process.has_ended;
        QUIRE_TRY(read_some(ctx, c, &end));
        end = end || ended || c->is_endless;
        QUIRE_TRY(quire_check_canceled(ctx));
        c->is_late = !end && is_past(c->deadline);
        end = end || c->is_late;
    }
    /* The pipe is closed: it is about to end, unless the plugin closed it. */
    while (!c->process.has_ended && !c->is_late && !c->is_endless) {
        const struct timespec tick = {0, 1000000};
        quire_process_look(&c->process);
        if (!c->process.has_ended) (void)nanosleep(&tick, NULL);
        QUIRE_TRY(quire_check_canceled(ctx));
        c->is_late = !c->process.has_ended && is_past(c->deadline);
    }
    return QUIRE_OK;
}

/* --- what became of it ------------------------------------------------------------------------ */

static const char *
signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGABRT, " (SIGABRT)"}, {SIGSEGV, " (SIGSEGV)"}, {SIGBUS, " (SIGBUS)"},
                 {SIGFPE, " (SIGFPE)"},   {SIGILL, " (SIGILL)"},   {SIGTRAP, " (SIGTRAP)"},
                 {SIGKILL, " (SIGKILL)"}, {SIGSYS, " (SIGSYS)"},   {SIGPIPE, " (SIGPIPE)"},
                 {SIGTERM, " (SIGTERM)"}, {SIGALRM, " (SIGALRM)"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == number) return names[i].name;
    }
    return "";
}

static quire_status
fail(quire_ctx *ctx, const quire_isolation *isolation, const child *c,
     const quire_isolated_answer *answer)
{
    const char *who = answer->who[0] != '\0' ? answer->who : "the isolated process";
    char where[60] = "";
    if (answer->where[0] != '\0') snprintf(where, sizeof where, " in %s", answer->where);
    if (c->is_late)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "%s did not come to an end%s within %u s and was stopped; "
                          "--isolate-timeout allows more",
                          who, where, isolation->seconds);
    if (c->is_endless)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "%s answered without end%s and was stopped",
                          who, where);
    if (WIFSIGNALED(c->process.wait_status))
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "%s was killed by signal %d%s%s", who,
                          WTERMSIG(c->process.wait_status),
                          signal_name(WTERMSIG(c->process.wait_status)), where);
    if (answer->nonsense != NULL)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "%s: the answer of its process cannot be used, line %zu: %s", who,
                          answer->line, answer->nonsense);
    return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                      "%s ended its process%s with exit code %d instead of returning", who, where,
                      WEXITSTATUS(c->process.wait_status));
}

/* --- taking the answer over ------------------------------------------------------------------- */

typedef struct sentence { /* the first error of what was told */
    char text[TEXT_ROOM];
} sentence;

static void
keep_sentence(void *data, const quire_diagnostic *d)
{
    sentence *s = data;
    if (d->severity != QUIRE_ERROR || s->text[0] != '\0') return;
    snprintf(s->text, sizeof s->text, "%s%s%s", d->path != NULL ? d->path : "",
             d->path != NULL ? ": " : "", d->message);
}

/* What rules refused is part of the ledger; they were applied in the child, and told all there. */
static quire_status
read_rules(quire_ctx *ctx, quire_model *m, const quire_annotators *by, quire_rules *out)
{
    quire_claims claims = {0};
    quire_recipe recipe;
    if (by->rules != NULL) {
        QUIRE_TRY(quire_rules_load(ctx, by->rules, out));
    } else if (by->recipe != NULL) {
        QUIRE_TRY(quire_recipe_load(ctx, by->recipe, &recipe));
        *out = recipe.rules;
    }
    if (out->n_rules == 0) return QUIRE_OK;
    const quire_status status = quire_rules_apply(ctx, out, m, &claims);
    quire_claims_deinit(ctx, &claims);
    return status;
}

static quire_status
read_claims(quire_ctx *ctx, quire_model *m, quire_bytes text, quire_resolved *out)
{
    quire_claims claims = {0};
    quire_slot_reader reader;
    QUIRE_TRY(quire_slot_reader_init(ctx, m, QUIRE_MISSING_REFUSED, &reader));
    reader.origin = "annotations";
    quire_status status = quire_claims_parse(&reader, text, &claims);
    quire_slot_reader_deinit(&reader);
    if (status == QUIRE_OK)
        status = quire_resolve_or_fail(ctx, m, &claims, NULL, QUIRE_E_PLUGIN, out);
    quire_claims_deinit(ctx, &claims);
    return status;
}

static quire_status
infer_types(quire_ctx *ctx, quire_model *m)
{
    quire_tables none = {0};
    quire_run run = {.model = m, .tables = &none};
    return quire_pass_infer_types(ctx, &run);
}

/* What is wrong with the text is the child's fault, and one error. */
static quire_status
build(quire_ctx *ctx, quire_model *m, const quire_annotators *by,
      const quire_isolated_answer *answer, quire_annotations *io_a)
{
    sentence said = {""};
    quire_ctx inner = *ctx;
    inner.sink = keep_sentence;
    inner.sink_data = &said;
    inner.file = NULL;
    quire_status status = infer_types(&inner, m);
    if (status == QUIRE_OK) status = read_rules(&inner, m, by, &io_a->rules);
    if (status == QUIRE_OK) status = read_claims(&inner, m, answer->annotations, &io_a->resolved);
    if (status == QUIRE_OK) return QUIRE_OK;
    if (status == QUIRE_E_NOMEM) return quire_nomem(ctx);
    return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "%s: the answer of its process cannot be used: %s",
                      answer->who[0] != '\0' ? answer->who : "the isolated process", said.text);
}

static quire_status
take_over(quire_ctx *ctx, quire_model *m, const quire_isolation *isolation,
          const quire_annotators *by, const child *c, quire_isolated_answer *answer,
          quire_annotations *out)
{
    const bool exited =
        WIFEXITED(c->process.wait_status) && WEXITSTATUS(c->process.wait_status) == 0;
    const bool whole = answer->complete && answer->nonsense == NULL && exited;
    if (!whole || c->is_late || c->is_endless) return fail(ctx, isolation, c, answer);
    if (answer->status != QUIRE_OK) {
        if (answer->n_errors == 0 || answer->status == QUIRE_NONE)
            return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "%s failed without a message",
                              answer->who[0] != '\0' ? answer->who : "the isolated process");
        return answer->status == QUIRE_E_INTERNAL ? QUIRE_E_PLUGIN : answer->status;
    }
    /* A recipe may be rules alone. */
    const bool by_quantizers = answer->account.n_quantizers > 0;
    quire_annotations a = {.kind = by_quantizers ? QUIRE_FROM_QUANTIZERS : QUIRE_FROM_RULES};
    const quire_status status = build(ctx, m, by, answer, &a);
    a.account = answer->account;
    answer->account = (quire_account){0};
    if (status == QUIRE_OK) {
        *out = a;
    } else {
        quire_annotations_deinit(ctx, &a);
    }
    return status;
}

static quire_status
receive(quire_ctx *ctx, quire_model *m, const quire_isolation *isolation,
        const quire_annotators *by, child *c, quire_annotations *out)
{
    quire_isolated_answer answer = {.complete = false};
    const quire_status waited = wait_for(ctx, c);
    quire_process_kill(&c->process);
    QUIRE_TRY(waited);
    const quire_bytes text = {(const uint8_t *)c->text.ptr, c->text.len};
    quire_status status = quire_isolated_read(ctx, m, text, &answer);
    if (status == QUIRE_OK) status = take_over(ctx, m, isolation, by, c, &answer, out);
    quire_account_deinit(ctx, &answer.account);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

quire_status
quire_annotate_isolated(quire_ctx *ctx, quire_model *m, const quire_isolation *isolation,
                        const quire_annotators *by, quire_annotations *out)
{
    job j = {ctx, m, isolation};
    const quire_process_work work = {"an isolated process", isolation->mib, run, &j};
    child c = {.deadline = 0};
    if (!QUIRE_GUARD(ISOLATION)) return isolation->work(ctx, m, NULL, isolation->data, out);
    QUIRE_TRY(quire_process_start(ctx, &work, &c.process));
    if (isolation->seconds != 0) c.deadline = quire_process_clock() + isolation->seconds;
    const quire_status status = receive(ctx, m, isolation, by, &c, out);
    close(c.process.fd);
    quire_ungrow(ctx->alloc, &c.text.ptr, &c.text.room, 1);
    return status;
}
