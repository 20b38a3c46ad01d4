/* pipeline.c - "a,b,c": names looked up, all of them before the first pass runs; then run in order. */
#include "base/alloc.h"
#include "base/diag.h"
#include "base/nearest.h"
#include "passes/manager.h"
#include "passes/pass.h"

typedef struct step {
    const quire_pass *pass;
    uint64_t ns;
} step;

typedef struct step_list {
    step *ptr;
    size_t n, room;
} step_list;

static quire_bytes
pass_name(const void *data, size_t i)
{
    (void)data;
    return quire_bytes_of(quire_pass_at(i)->name);
}

static quire_status
unknown_pass(quire_ctx *ctx, quire_bytes name)
{
    char wanted[64], nearest[256];
    const size_t len = name.len < sizeof wanted ? name.len : sizeof wanted - 1;
    size_t n = 0;
    while (quire_pass_at(n) != NULL)
        n++;
    if (len > 0) memcpy(wanted, name.ptr, len);
    wanted[len] = '\0';
    quire_names_nearest(wanted, n, pass_name, NULL, nearest, sizeof nearest);
    if (len == 0) {
        return quire_fail_file(
            ctx, QUIRE_E_USAGE, NULL,
            "the list of passes has an empty name; write names separated by commas");
    }
    return quire_fail_file(ctx, QUIRE_E_USAGE, NULL, "there is no pass \"%s\"; nearest names: %s",
                           wanted, nearest);
}

static quire_bytes
trim(quire_bytes text)
{
    while (text.len > 0 && text.ptr[0] == ' ')
        text = (quire_bytes){text.ptr + 1, text.len - 1};
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

static quire_status
parse(quire_ctx *ctx, const char *pipeline, step_list *steps)
{
    for (const char *p = pipeline;; p++) {
        const size_t len = strcspn(p, ",");
        const quire_bytes name = trim((quire_bytes){(const uint8_t *)p, len});
        const quire_pass *pass = quire_pass_find(name);
        if (pass == NULL) return unknown_pass(ctx, name);
        QUIRE_TRY(quire_grow(ctx, &steps->ptr, &steps->room, steps->n + 1, sizeof *steps->ptr));
        steps->ptr[steps->n++] = (step){.pass = pass};
        p += len;
        if (*p == '\0') return QUIRE_OK;
    }
}

static void
print_times(const step_list *steps, quire_writer *out)
{
    uint64_t total = 0;
    for (size_t i = 0; i < steps->n; i++) {
        total += steps->ptr[i].ns;
        quire_writef(out, "%10.3f ms  %s\n", (double)steps->ptr[i].ns / 1e6,
                     steps->ptr[i].pass->name);
    }
    quire_writef(out, "%10.3f ms  total\n", (double)total / 1e6);
}

static quire_status
run_all(quire_ctx *ctx, quire_run *run, step_list *steps, const quire_manager_options *options)
{
    for (size_t i = 0; i < steps->n; i++) {
        step *s = &steps->ptr[i];
        QUIRE_TRY(quire_manager_run(ctx, run, s->pass, options, &s->ns));
    }
    if (options->times) print_times(steps, options->out);
    return QUIRE_OK;
}

quire_status
quire_pipeline_run(quire_ctx *ctx, quire_run *run, const char *pipeline,
                   const quire_manager_options *options)
{
    step_list steps = {0};
    quire_status status = parse(ctx, pipeline, &steps);
    if (status == QUIRE_OK) status = run_all(ctx, run, &steps, options);
    quire_ungrow(ctx->alloc, &steps.ptr, &steps.room, sizeof *steps.ptr);
    return status;
}
