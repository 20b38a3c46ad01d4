/* cmd_plugin.c - quire plugin: which quantizers there are, and what they can be told. */
#include "cmd_plugin.h"
#include "base/diag.h"
#include "options.h"
#include "plugin/options.h"
#include "plugin/supports.h"
#include "plugins.h"

enum { NAME_WIDTH = 18, PLUGIN_WIDTH = 22 };

/* --- list ------------------------------------------------------------------------------------- */

static void
list_one(quire_writer *w, const char *name, const quire_known_plugin *known, const char *kind,
         const char *summary)
{
    char plugin[300];
    const quire_plugin *p = known->plugin;
    snprintf(plugin, sizeof plugin, "%s %.200s", p->name, p->version);
    quire_writef(w, "%-*s %-*s %s%s", NAME_WIDTH, name, PLUGIN_WIDTH, plugin, kind, summary);
    if (known->path != NULL) quire_writef(w, "  [%s]", known->path);
    quire_write_str(w, "\n");
}

static quire_status
list(cli *c, const quire_registry *registry, const char *unused)
{
    (void)unused;
    for (size_t i = 0; i < registry->n_quantizers; i++) {
        const quire_known_quantizer *q = registry->quantizers[i];
        list_one(&c->out, q->quantizer->name, q->plugin, "", q->quantizer->summary);
    }
    for (size_t i = 0; i < registry->n_formulas; i++) {
        const quire_known_formula *f = registry->formulas[i];
        list_one(&c->out, f->formula->name, f->plugin, "formula: ", f->formula->summary);
    }
    return QUIRE_OK;
}

/* --- info ------------------------------------------------------------------------------------- */

static void
describe_plugin(quire_writer *w, const quire_known_plugin *known)
{
    const quire_plugin *p = known->plugin;
    quire_writef(w, "plugin %s %s: %s\n", p->name, p->version, p->summary);
    quire_writef(w, "  id         %s\n", p->id);
    quire_writef(w, "  license    %s\n", p->license);
    quire_writef(w, "  interface  %u.%u\n", p->abi_major, p->abi_minor);
    quire_writef(w, "  file       %s\n", known->path == NULL ? "built in" : known->path);
}

static quire_status
describe_supports(cli *c, quire_model *m, quire_instance *i, quire_arena *arena)
{
    quire_support_row *supports;
    size_t n;
    QUIRE_TRY(quire_supports_read(i, arena, &supports, &n));
    for (size_t k = 0; k < n; k++) {
        quire_write_str(&c->out, k == 0 ? "  asks for   " : "             ");
        quire_support_print(&c->out, m, &supports[k]);
        quire_write_str(&c->out, "\n");
    }
    return QUIRE_OK;
}

/* By an instance with the default options. */
static quire_status
ask_instance(cli *c, const quire_registry *registry, const quire_known_quantizer *known,
             quire_model *m, quire_arena *arena)
{
    void *options;
    quire_instance *i = NULL;
    QUIRE_TRY(quire_options_parse(&c->ctx, known->quantizer, quire_bytes_of(""), arena, &options));
    quire_status status = quire_instance_create(&c->ctx, m, registry, known, options, NULL, &i);
    if (status == QUIRE_OK) status = describe_supports(c, m, i, arena);
    if (i != NULL) quire_instance_destroy(i);
    quire_instance_free(i);
    return status;
}

static bool
has_defaults(const quire_quantizer *q)
{
    for (uint32_t i = 0; i < q->n_options; i++) {
        if (quire_option_at(q, i)->otherwise == NULL) return false;
    }
    return true;
}

static quire_status
describe_quantizer(cli *c, const quire_registry *registry, const quire_known_quantizer *known)
{
    const quire_quantizer *q = known->quantizer;
    quire_model *m;
    quire_arena arena;
    quire_writef(&c->out, "quantizer %s: %s\n", q->name, q->summary);
    if (q->n_options == 0) quire_write_str(&c->out, "  no options\n");
    quire_options_help(&c->out, q);
    if (!has_defaults(q)) return QUIRE_OK;
    QUIRE_TRY(quire_model_create(&c->ctx, &m));
    quire_arena_init(&arena, c->ctx.alloc);
    const quire_status status = ask_instance(c, registry, known, m, &arena);
    quire_arena_deinit(&arena);
    quire_model_destroy(&c->ctx, m);
    return status;
}

static void
describe_formula(quire_writer *w, const quire_formula *f)
{
    quire_writef(w, "formula %s: %s\n  of         %u", f->name, f->summary, f->least_sources);
    if (f->most_sources > f->least_sources) quire_writef(w, " to %u", f->most_sources);
    quire_writef(w, " source%s\n", f->most_sources == 1 ? "" : "s");
}

/* All that a plugin offers. */
static quire_status
describe_offers(cli *c, const quire_registry *registry, const quire_known_plugin *known)
{
    size_t n = 0;
    for (size_t i = 0; i < registry->n_quantizers; i++) {
        if (registry->quantizers[i]->plugin != known) continue;
        QUIRE_TRY(describe_quantizer(c, registry, registry->quantizers[i]));
        n++;
    }
    for (size_t i = 0; i < registry->n_formulas; i++) {
        if (registry->formulas[i]->plugin != known) continue;
        describe_formula(&c->out, registry->formulas[i]->formula);
        n++;
    }
    if (n == 0) quire_write_str(&c->out, "no quantizers and no formulas\n");
    return QUIRE_OK;
}

static quire_status
describe_file(cli *c, const quire_registry *registry, const char *path)
{
    const quire_known_plugin *known = NULL;
    for (size_t i = 0; i < registry->n_plugins; i++) {
        const char *at = registry->plugins[i]->path;
        if (at != NULL && strcmp(at, path) == 0) known = registry->plugins[i];
    }
    if (known == NULL) return quire_bug(&c->ctx, "a plugin was loaded and is not there");
    describe_plugin(&c->out, known);
    return describe_offers(c, registry, known);
}

static bool
is_path(const char *text)
{
    const size_t n = strlen(text);
    return strchr(text, '/') != NULL || (n > 3 && strcmp(text + n - 3, ".so") == 0);
}

static quire_status
info(cli *c, const quire_registry *registry, const char *what)
{
    const quire_known_quantizer *known;
    if (is_path(what)) return describe_file(c, registry, what);
    const quire_known_formula *formula =
        quire_registry_find_formula(registry, quire_bytes_of(what));
    if (formula != NULL && quire_registry_find(registry, quire_bytes_of(what)) == NULL) {
        describe_formula(&c->out, formula->formula);
        describe_plugin(&c->out, formula->plugin);
        return QUIRE_OK;
    }
    QUIRE_TRY(quire_registry_get(&c->ctx, registry, quire_bytes_of(what), &known));
    QUIRE_TRY(describe_quantizer(c, registry, known));
    describe_plugin(&c->out, known->plugin);
    return QUIRE_OK;
}

/* --- the verb --------------------------------------------------------------------------------- */

static const option_row rows[] = {PLUGINS_ROW};

static const cli_verb verbs[] = {
    {"plugin list", cmd_plugin, "[--plugin FILE]", "list the quantizers there are"},
    {"plugin info", cmd_plugin, "NAME|FILE", "a quantizer and its options, or all of a plugin's"},
    {"plugin new", cmd_plugin_new, "[-o FOLDER] NAME",
     "write a plugin that compiles, to be changed"},
    {"plugin check", cmd_plugin_check, "[options] FILE",
     "does a plugin keep the rules? One verdict per test"},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static const struct task {
    quire_status (*work)(cli *c, const quire_registry *registry, const char *argument);
    int n_args;
} tasks[] = {{list, 0}, {info, 1}};
enum { N_TASKS = sizeof tasks / sizeof *tasks }; /* the others have a file of their own */

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    (void)row;
    return plugins_take(c, state, value);
}

/* A file that is to be described is loaded first, under the name it was given: later names of the
 * same file are passed over. */
static quire_status
take_first(cli *c, plugin_files *files, const char *path)
{
    QUIRE_TRY(plugins_take(c, files, path));
    memmove(files->paths + 1, files->paths, (files->n - 1) * sizeof *files->paths);
    files->paths[0] = path;
    return QUIRE_OK;
}

static quire_status
work(cli *c, const struct task *task, plugin_files *files, const char *argument)
{
    quire_registry registry;
    if (task->n_args > 0 && is_path(argument)) QUIRE_TRY(take_first(c, files, argument));
    QUIRE_TRY(plugins_open(&c->ctx, files, NULL, &registry));
    const quire_status status = task->work(c, &registry, argument);
    quire_registry_deinit(&registry);
    return status;
}

static quire_status
parse_and_work(cli *c, int argc, char **argv, const struct task *task, plugin_files *files)
{
    char **args;
    int n;
    const quire_status parsed =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, files, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != task->n_args)
        return cli_usage(c, "quire %s takes %s; %d argument%s given", c->verb->name,
                         task->n_args == 0 ? "no arguments" : c->verb->arguments, n,
                         n == 1 ? " was" : "s were");
    return work(c, task, files, args[0]);
}

static quire_status
run(cli *c, size_t verb, int argc, char **argv)
{
    plugin_files files = {0};
    c->verb = &verbs[verb];
    if (verb >= N_TASKS) return c->verb->run(c, argc, argv);
    const quire_status status = parse_and_work(c, argc, argv, &tasks[verb], &files);
    plugins_free(c, &files);
    return status;
}

quire_status
cmd_plugin(cli *c, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_verbs_list(&c->out, verbs, N_VERBS);
        return QUIRE_OK;
    }
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(strchr(verbs[i].name, ' ') + 1, word) == 0) return run(c, i, argc - 1, argv + 1);
    }
    return cli_usage(c, "quire plugin is followed by list, info, new or check, not by \"%s\"",
                     word);
}
