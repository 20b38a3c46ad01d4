/* cmd_explain.c - quire explain: what a recipe does with a model, and why; nothing is written. */
#include "base/diag.h"
#include "graph/import.h"
#include "options.h"
#include "plugin/explain.h"
#include "plugins.h"

static const option_row rows[] = {
    PLUGINS_ROW,
    CONFLICT_ROW("differing specs of one priority: exit code 1, or take the first (error)"),
    FORMAT_ROW("of the answer (text)"),
};

enum { PLUGIN, CONFLICT, FORMAT };

typedef struct request {
    const char *recipe, *model;
    plugin_files plugins;
    quire_conflict_rule conflict;
    quire_format format;
} request;

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    request *r = state;
    switch (row) {
    case PLUGIN: return plugins_take(c, &r->plugins, value);
    case CONFLICT: return options_conflict(c, value, &r->conflict);
    default: return options_format(c, value, &r->format);
    }
}

static quire_status
explain_with(cli *c, const request *r, quire_model *m, const quire_registry *registry,
             const quire_recipe *recipe)
{
    const quire_annotators by = {
        .recipe = r->recipe, .conflict = r->conflict, .keeps_errors = true};
    quire_annotations a;
    QUIRE_TRY(quire_annotate_with(&c->ctx, m, registry, &by, &a));
    quire_status status = quire_explain(&c->out, m, registry, recipe, &a, r->format);
    const bool no = a.account.n_errors > 0;
    quire_annotations_deinit(&c->ctx, &a);
    if (status == QUIRE_OK) status = quire_writer_finish(&c->out);
    return status == QUIRE_OK && no ? QUIRE_NONE : status;
}

static quire_status
explain_model(cli *c, const request *r, const quire_recipe *recipe, quire_model *m)
{
    quire_registry registry;
    c->ctx.file = r->model;
    QUIRE_TRY(plugins_open(&c->ctx, &r->plugins, NULL, &registry));
    const quire_status status = explain_with(c, r, m, &registry, recipe);
    quire_registry_deinit(&registry);
    return status;
}

static quire_status
explain(cli *c, const request *r)
{
    quire_recipe recipe;
    quire_model *m;
    QUIRE_TRY(quire_recipe_load(&c->ctx, r->recipe, &recipe));
    quire_status status = quire_model_load(&c->ctx, r->model, &m);
    if (status == QUIRE_OK) {
        status = explain_model(c, r, &recipe, m);
        quire_model_destroy(&c->ctx, m);
    }
    quire_recipe_deinit(&c->ctx, &recipe);
    return status;
}

quire_status
cmd_explain(cli *c, int argc, char **argv)
{
    request r = {0};
    char **args;
    int n;
    quire_status status =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &r, &args, &n);
    const bool helped = status == QUIRE_NONE;
    if (status == QUIRE_OK && n != 2)
        status = cli_usage(c, "quire explain takes a recipe and a model, %d argument%s given", n,
                           n == 1 ? " was" : "s were");
    if (status == QUIRE_OK) {
        r.recipe = args[0];
        r.model = args[1];
        status = explain(c, &r);
    }
    plugins_free(c, &r.plugins);
    return helped ? QUIRE_OK : status;
}
