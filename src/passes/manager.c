/* manager.c - the registry of passes, and one pass with everything around it.
 *
 * What changed is told by comparing texts, not by asking the pass: a pass cannot be wrong about it.
 */
#include "passes/manager.h"

#include <time.h>

#include "base/diag.h"
#include "graph/print.h"
#include "graph/verify.h"

static const quire_pass passes[] = {
#define X(symbol, name, summary) {name, summary, quire_pass_##symbol},
#include "passes/pass_defs.inc"
#undef X
};

enum { N_PASSES = sizeof passes / sizeof *passes };

const quire_pass *
quire_pass_at(size_t i)
{
    return i < N_PASSES ? &passes[i] : NULL;
}

const quire_pass *
quire_pass_find(quire_bytes name)
{
    for (size_t i = 0; i < N_PASSES; i++) {
        if (quire_bytes_equal(quire_bytes_of(passes[i].name), name)) return &passes[i];
    }
    return NULL;
}

static uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static quire_status
run_and_verify(quire_ctx *ctx, quire_run *run, const quire_pass *pass, bool verify,
               uint64_t *out_ns)
{
    const uint64_t start = now_ns();
    QUIRE_TRY(pass->run(ctx, run));
    *out_ns = now_ns() - start;
    if (!verify && !QUIRE_VERIFY_EACH) return QUIRE_OK;
    const quire_status status = quire_model_verify(ctx, run->model, QUIRE_E_INTERNAL);
    if (status != QUIRE_E_INTERNAL) return status;
    return quire_bug(ctx, "pass %s left a graph that breaks the rules above", pass->name);
}

static quire_status
text_of(quire_ctx *ctx, const quire_model *m, quire_text *text)
{
    const quire_print_options options = {.layers = true, .brief = true};
    quire_writer w;
    quire_writer_to_text(&w, ctx, text);
    QUIRE_TRY(quire_model_print(ctx, m, &options, &w));
    return quire_writer_finish(&w);
}

static quire_status
run_and_compare(quire_ctx *ctx, quire_run *run, const quire_pass *pass,
                const quire_manager_options *options, quire_text *before, quire_text *after,
                uint64_t *out_ns)
{
    QUIRE_TRY(text_of(ctx, run->model, before));
    QUIRE_TRY(run_and_verify(ctx, run, pass, options->verify_each, out_ns));
    QUIRE_TRY(text_of(ctx, run->model, after));
    if (before->len == after->len && memcmp(before->ptr, after->ptr, after->len) == 0)
        return QUIRE_OK;
    quire_writef(options->out, "# after %s\n", pass->name);
    quire_write(options->out, after->ptr, after->len);
    return QUIRE_OK;
}

quire_status
quire_manager_run(quire_ctx *ctx, quire_run *run, const quire_pass *pass,
                  const quire_manager_options *options, uint64_t *out_ns)
{
    *out_ns = 0;
    QUIRE_TRY(quire_check_canceled(ctx));
    if (!options->print_changed)
        return run_and_verify(ctx, run, pass, options->verify_each, out_ns);
    quire_text before = {0}, after = {0};
    const quire_status status = run_and_compare(ctx, run, pass, options, &before, &after, out_ns);
    quire_text_free(ctx, &before);
    quire_text_free(ctx, &after);
    return status;
}
