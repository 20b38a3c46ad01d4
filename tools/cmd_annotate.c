/* cmd_annotate.c - quire annotate: a model annotated by rules, and the ledger of who asked for
 * what. */
#include "base/diag.h"
#include "graph/carrier.h"
#include "graph/import.h"
#include "graph/save.h"
#include "options.h"
#include "passes/annotate.h"
#include "passes/ledger.h"

static const option_row rows[] = {
    {"rules", 0, "FILE", "the rules, as JSON (docs/rules.schema.json)"},
    {"output", 'o', "FILE", "where the annotated model goes"},
    {"format", 0, "text|json", "of the ledger (text)"},
    {"dry-run", 0, NULL, "the ledger only; write nothing"},
};

enum { RULES, OUTPUT, FORMAT, DRY_RUN };

typedef struct request {
    const char *input, *rules, *output;
    quire_format format;
    bool dry_run;
} request;

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    static const char *const formats[] = {"text", "json"};
    request *r = state;
    size_t i = 0;
    switch (row) {
    case RULES: r->rules = value; return QUIRE_OK;
    case OUTPUT: r->output = value; return QUIRE_OK;
    case FORMAT:
        QUIRE_TRY(options_word(c, "format", value, formats, 2, &i));
        r->format = i == 0 ? QUIRE_FORMAT_TEXT : QUIRE_FORMAT_JSON;
        return QUIRE_OK;
    case DRY_RUN: r->dry_run = true; return QUIRE_OK;
    default: return cli_usage(c, "an option without a meaning");
    }
}

/* --- the work --------------------------------------------------------------------------------- */

/* The file has the entry that was stored; `data` is the model it was stored in. */
static quire_status
verify_entry(quire_ctx *ctx, void *data, const quire_model *written)
{
    const quire_model *m = data;
    quire_bytes meant = {0};
    quire_bytes found = {0};
    const bool one = quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &meant);
    const bool other = quire_model_metadata(written, QUIRE_ANNOTATIONS_KEY, &found);
    if (one && other && quire_bytes_equal(meant, found)) return QUIRE_OK;
    return quire_bug(ctx, "the written model has not the annotations it was given");
}

static quire_status
store_and_save(cli *c, const request *r, quire_model *m, const quire_annotations *a)
{
    const quire_save_options save = {.path = r->output, .verify = verify_entry, .data = m};
    quire_bytes old;
    if (quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &old)) {
        quire_tell(&c->ctx, QUIRE_NOTE, NULL,
                   "the model was annotated already; its entry of %zu bytes is replaced", old.len);
    }
    QUIRE_TRY(quire_annotations_store(&c->ctx, m, &a->resolved.claims));
    return quire_model_save(&c->ctx, m, &save);
}

static quire_status
account(cli *c, const request *r, quire_model *m, const quire_annotations *a)
{
    QUIRE_TRY(quire_ledger_write(&c->out, m, a, r->format));
    QUIRE_TRY(quire_writer_finish(&c->out)); /* nothing but the file can fail from here on */
    if (a->resolved.n_annotations == 0) return QUIRE_NONE;
    return r->dry_run ? QUIRE_OK : store_and_save(c, r, m, a);
}

static quire_status
annotate(cli *c, const request *r, quire_model *m)
{
    quire_annotations a;
    c->ctx.file = r->input;
    if (r->output != NULL) {
        QUIRE_TRY(quire_save_check_path(&c->ctx, m, r->output));
        QUIRE_TRY(quire_save_check_input(&c->ctx, r->output, r->rules, "rules file"));
    }
    QUIRE_TRY(quire_annotations_load(&c->ctx, m, NULL, r->rules, NULL, &a));
    const quire_status status = account(c, r, m, &a);
    quire_annotations_deinit(&c->ctx, &a);
    return status;
}

quire_status
cmd_annotate(cli *c, int argc, char **argv)
{
    request r = {0};
    char **args;
    int n;
    quire_model *m;
    const quire_status parsed =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != 1) return cli_usage(c, "quire annotate takes one model, %d were given", n);
    if (r.rules == NULL) return cli_usage(c, "the rules are missing; name them with --rules FILE");
    if (r.output == NULL && !r.dry_run)
        return cli_usage(c, "the output is missing; name it with -o FILE, or use --dry-run");
    r.input = args[0];
    QUIRE_TRY(quire_model_load(&c->ctx, r.input, &m));
    const quire_status status = annotate(c, &r, m);
    quire_model_destroy(&c->ctx, m);
    return status;
}
