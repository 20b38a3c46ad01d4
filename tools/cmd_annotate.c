/* cmd_annotate.c - quire annotate: a model annotated by quantizers and rules, and the ledger of who
 * asked for what. */
#include "annotators.h"
#include "base/diag.h"
#include "graph/carrier.h"
#include "graph/import.h"
#include "graph/save.h"
#include "options.h"
#include "passes/ledger.h"
#include "save_recipe.h"

static const option_row rows[] = {
    ANNOTATORS_ROWS,
    {"rules", 0, "FILE", "the rules, as JSON (docs/rules.schema.json)"},
    RECIPE_ROW,
    SAVE_RECIPE_ROW,
    CONFLICT_ROW("differing specs of one priority: fail, or take the first (error)"),
    {"output", 'o', "FILE", "where the annotated model goes"},
    FORMAT_ROW("of the ledger (text)"),
    {"dry-run", 0, NULL, "the ledger only; write nothing"},
    ISOLATION_ROWS,
};

enum { QUANTIZER, PLUGIN, RULES, RECIPE, SAVE, CONFLICT, OUTPUT, FORMAT, DRY_RUN, ISOLATION };

typedef struct request {
    const char *input, *rules, *output;
    annotators by;
    save_recipe save;
    quire_conflict_rule conflict;
    quire_format format;
    bool dry_run;
} request;

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    request *r = state;
    switch (row) {
    case QUANTIZER: return annotators_take_quantizer(c, &r->by, value);
    case PLUGIN: return plugins_take(c, &r->by.plugins, value);
    case RULES: return annotators_take_file(c, "--rules", value, &r->rules);
    case RECIPE: return annotators_take_file(c, "--recipe", value, &r->by.recipe);
    case SAVE: return annotators_take_file(c, "--save-recipe", value, &r->save.path);
    case CONFLICT: return options_conflict(c, value, &r->conflict);
    case OUTPUT: r->output = value; return QUIRE_OK;
    case FORMAT: return options_format(c, value, &r->format);
    case DRY_RUN: r->dry_run = true; return QUIRE_OK;
    default: return annotators_take_isolation(c, &r->by, row - ISOLATION, value);
    }
}

/* --- the work --------------------------------------------------------------------------------- */

typedef struct saving {
    const quire_model *m; /* in which the entry was stored */
    save_recipe *recipe;
} saving;

/* The file has the entry that was stored; then the recipe can have its name. */
static quire_status
verify_entry(quire_ctx *ctx, void *data, const quire_model *written)
{
    const saving *s = data;
    const quire_model *m = s->m;
    quire_bytes meant = {0};
    quire_bytes found = {0};
    const bool one = quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &meant);
    const bool other = quire_model_metadata(written, QUIRE_ANNOTATIONS_KEY, &found);
    if (!one || !other || !quire_bytes_equal(meant, found))
        return quire_bug(ctx, "the written model has not the annotations it was given");
    return save_recipe_commit(ctx, s->recipe);
}

static quire_status
store_and_save(cli *c, request *r, quire_model *m, const quire_annotations *a)
{
    saving s = {m, &r->save};
    const quire_save_options save = {.path = r->output, .verify = verify_entry, .data = &s};
    quire_bytes old;
    if (quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &old)) {
        quire_tell(&c->ctx, QUIRE_NOTE, NULL,
                   "the model was annotated already; its entry of %zu bytes is replaced", old.len);
    }
    QUIRE_TRY(quire_annotations_store(&c->ctx, m, &a->resolved.claims));
    return quire_model_save(&c->ctx, m, &save);
}

static quire_status
account(cli *c, request *r, quire_model *m, const quire_annotations *a)
{
    QUIRE_TRY(quire_ledger_write(&c->out, m, a, r->format));
    QUIRE_TRY(quire_writer_finish(&c->out)); /* nothing but the file can fail from here on */
    if (a->resolved.n_annotations == 0 || a->account.n_errors > 0) return QUIRE_NONE;
    return r->dry_run ? QUIRE_OK : store_and_save(c, r, m, a);
}

static quire_status
annotate(cli *c, request *r, quire_model *m)
{
    quire_annotations a;
    c->ctx.file = r->input;
    if (r->output != NULL) {
        QUIRE_TRY(quire_save_check_path(&c->ctx, m, r->output));
        if (r->rules != NULL)
            QUIRE_TRY(quire_save_check_input(&c->ctx, r->output, r->rules, "rules file"));
        if (r->by.recipe != NULL)
            QUIRE_TRY(quire_save_check_input(&c->ctx, r->output, r->by.recipe, "recipe"));
    }
    QUIRE_TRY(save_recipe_check(&c->ctx, &r->save, m, r->output, &r->by, r->rules));
    QUIRE_TRY(annotators_annotate(c, m, &r->by, r->rules, r->conflict, &a));
    const quire_status status = account(c, r, m, &a);
    quire_annotations_deinit(&c->ctx, &a);
    return status;
}

static quire_status
check(cli *c, const request *r, int n_args)
{
    if (n_args != 1) return cli_usage(c, "quire annotate takes one model, %d were given", n_args);
    if (r->rules == NULL && !annotators_any(&r->by))
        return cli_usage(c, "nothing says how to annotate; name it with --rules FILE, --recipe "
                            "FILE or --quantizer NAME");
    if (r->rules != NULL && r->by.recipe != NULL)
        return cli_usage(c, "--rules and --recipe are both given; a recipe has rules of its own");
    if (r->output == NULL && !r->dry_run)
        return cli_usage(c, "the output is missing; name it with -o FILE, or use --dry-run");
    return annotators_check_saving(c, &r->by, r->save.path, r->dry_run);
}

static quire_status
load_and_annotate(cli *c, request *r)
{
    quire_model *m;
    QUIRE_TRY(quire_model_load(&c->ctx, r->input, &m));
    quire_status status = save_recipe_stage(c, &r->save, &r->by, r->rules);
    if (status == QUIRE_OK) status = annotate(c, r, m);
    quire_model_destroy(&c->ctx, m);
    save_recipe_end(c, &r->save);
    return status;
}

quire_status
cmd_annotate(cli *c, int argc, char **argv)
{
    request r = {0};
    char **args;
    int n;
    quire_status status =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &r, &args, &n);
    if (status == QUIRE_OK) status = check(c, &r, n);
    if (status == QUIRE_OK) {
        r.input = args[0];
        status = load_and_annotate(c, &r);
    } else if (status == QUIRE_NONE) {
        status = QUIRE_OK;
    }
    annotators_deinit(c, &r.by);
    return status;
}
