/* annotators.c - see annotators.h. */
#include "annotators.h"

#include "base/alloc.h"
#include "options.h"

quire_status
annotators_take_file(cli *c, const char *option, const char *path, const char **io_path)
{
    if (*io_path != NULL) {
        return cli_usage(c, "%s is given twice, \"%s\" and \"%s\"; it takes one file", option,
                         *io_path, path);
    }
    *io_path = path;
    return QUIRE_OK;
}

quire_status
annotators_check_saving(cli *c, const annotators *a, const char *path, bool dry_run)
{
    if (path == NULL) return QUIRE_OK;
    if (dry_run)
        return cli_usage(c, "--dry-run writes nothing, so --save-recipe has nothing to do; leave "
                            "one of them out");
    if (a->isolate)
        return cli_usage(c, "--save-recipe asks the plugins for their options in this process; it "
                            "does not go with --isolate");
    return QUIRE_OK;
}

bool
annotators_any(const annotators *a)
{
    return a->recipe != NULL || a->n_quantizers > 0;
}

quire_status
annotators_take_quantizer(cli *c, annotators *a, const char *value)
{
    QUIRE_TRY(
        quire_grow(&c->ctx, &a->quantizers, &a->room, a->n_quantizers + 1, sizeof *a->quantizers));
    a->quantizers[a->n_quantizers++] = value;
    return QUIRE_OK;
}

quire_status
annotators_take_isolation(cli *c, annotators *a, size_t row, const char *value)
{
    static const struct {
        const char *name;
        uint64_t most;
    } numbers[N_ISOLATION_ROWS] = {
        {"isolate", 0}, {"isolate-timeout", 1000000}, {"isolate-memory", 1 << 24}};
    uint64_t number = 0;
    a->isolate = true;
    if (row == 0) return QUIRE_OK;
    QUIRE_TRY(options_number(c, numbers[row].name, value, numbers[row].most, &number));
    if (number == 0)
        return cli_usage(c, "--%s takes a number from 1 to %llu", numbers[row].name,
                         (unsigned long long)numbers[row].most);
    *(row == 1 ? &a->isolate_seconds : &a->isolate_mib) = (uint32_t)number;
    return QUIRE_OK;
}

typedef struct job { /* what is done here, or in a process of its own */
    const plugin_files *plugins;
    const quire_annotators *by;
} job;

static quire_status
annotate(quire_ctx *ctx, quire_model *m, const quire_watch *watch, void *data,
         quire_annotations *out)
{
    const job *j = data;
    quire_registry registry;
    QUIRE_TRY(plugins_open(ctx, j->plugins, watch, &registry));
    const quire_status status = quire_annotate_with(ctx, m, &registry, j->by, out);
    quire_registry_deinit(&registry);
    return status;
}

quire_annotators
annotators_by(const annotators *a, const char *rules, quire_conflict_rule conflict)
{
    return (quire_annotators){.quantizers = a->quantizers,
                              .n_quantizers = a->n_quantizers,
                              .recipe = a->recipe,
                              .rules = rules,
                              .conflict = conflict};
}

quire_status
annotators_annotate(cli *c, quire_model *m, const annotators *a, const char *rules,
                    quire_conflict_rule conflict, quire_annotations *out)
{
    enum { SECONDS = 60, MIB = 4096 };
    const quire_annotators by = annotators_by(a, rules, conflict);
    job j = {.plugins = &a->plugins, .by = &by};
    const quire_isolation isolation = {.seconds =
                                           a->isolate_seconds != 0 ? a->isolate_seconds : SECONDS,
                                       .mib = a->isolate_mib != 0 ? a->isolate_mib : MIB,
                                       .work = annotate,
                                       .data = &j};
    if (a->isolate && annotators_any(a))
        return quire_annotate_isolated(&c->ctx, m, &isolation, &by, out);
    return annotate(&c->ctx, m, NULL, &j, out);
}

void
annotators_deinit(cli *c, annotators *a)
{
    quire_ungrow(c->ctx.alloc, &a->quantizers, &a->room, sizeof *a->quantizers);
    plugins_free(c, &a->plugins);
}
