/* cmd_select.c - quire select: the slots an expression is true of. */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/import.h"
#include "options.h"
#include "passes/pass.h"
#include "passes/selector.h"

enum { NEAREST_ROOM = 800 };

static const option_row select_rows[] = {
    FORMAT_ROW("a list for people or a document for scripts (text)"),
};

static quire_status
take_select(cli *c, void *state, size_t row, const char *value)
{
    (void)row;
    return options_format(c, value, state);
}

static quire_status
infer_types(cli *c, quire_model *m)
{
    const quire_quantize_options options = QUIRE_QUANTIZE_OPTIONS_INIT;
    quire_tables tables;
    quire_tables_init(&tables, &options);
    quire_run run = {.model = m, .tables = &tables};
    const quire_status status = quire_pass_infer_types(&c->ctx, &run);
    quire_tables_deinit(&c->ctx, &tables);
    return status;
}

static quire_status
tell_none(cli *c, const quire_selector *selector, const quire_model *m,
          const quire_slot_order *order)
{
    char why[NEAREST_ROOM];
    QUIRE_TRY(quire_selector_tell_nearest(&c->ctx, selector, m, order, why, sizeof why));
    return quire_fail(&c->ctx, QUIRE_E_USAGE, NULL, "no slot is selected: %s", why);
}

static quire_status
list(cli *c, const quire_selector *selector, const quire_model *m, const quire_slot_order *order,
     quire_format format)
{
    quire_slot *slots;
    size_t n;
    QUIRE_TRY(quire_selector_find(&c->ctx, selector, m, order, &slots, &n));
    const quire_status status = n == 0
                                    ? tell_none(c, selector, m, order)
                                    : quire_selector_list(&c->out, selector, m, slots, n, format);
    quire_free(c->ctx.alloc, slots, n * sizeof *slots);
    return status;
}

static quire_status
select_in(cli *c, const quire_selector *selector, quire_model *m, quire_format format)
{
    quire_slot_order order;
    QUIRE_TRY(infer_types(c, m));
    QUIRE_TRY(quire_slot_order_make(&c->ctx, m, &order));
    const quire_status status = list(c, selector, m, &order, format);
    quire_slot_order_deinit(&c->ctx, &order);
    return status;
}

static quire_status
load_and_select(cli *c, const quire_selector *selector, const char *path, quire_format format)
{
    quire_model *m;
    QUIRE_TRY(quire_model_load(&c->ctx, path, &m));
    c->ctx.file = path;
    const quire_status status = select_in(c, selector, m, format);
    quire_model_destroy(&c->ctx, m);
    return status;
}

quire_status
cmd_select(cli *c, int argc, char **argv)
{
    quire_format format = QUIRE_FORMAT_TEXT;
    quire_selector *selector;
    char **args;
    int n;
    const quire_status parsed =
        options_parse(c, argc, argv, select_rows, sizeof select_rows / sizeof *select_rows,
                      take_select, &format, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != 2) {
        return cli_usage(c,
                         "quire select takes an expression, in quotes, and a model; %d "
                         "arguments were given",
                         n);
    }
    QUIRE_TRY(
        quire_selector_parse(&c->ctx, quire_bytes_of(args[0]), NULL, QUIRE_E_USAGE, &selector));
    const quire_status status = load_and_select(c, selector, args[1], format);
    quire_selector_destroy(&c->ctx, selector);
    return status;
}
