/* cmd_why.c - quire why: the account of one slot. */
#include "annotators.h"
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/import.h"
#include "options.h"
#include "passes/ledger.h"
#include "passes/pass.h"
#include "passes/slot_nearest.h"
#include "passes/table_source.h"
#include "plugin/table_flags.h"

static const option_row rows[] = {
    {"annotations", 0, "FILE", "annotate by this text (the model's own entry)"},
    {"rules", 0, "FILE", "annotate by these rules"},
    ANNOTATORS_ROWS,
    RECIPE_ROW,
    FORMAT_ROW("of the answer (text)"),
};

enum { ANNOTATIONS, RULES, QUANTIZER, PLUGIN, RECIPE, FORMAT };

typedef struct request {
    const char *slot, *model, *annotations, *rules;
    annotators by;
    quire_format format;
} request;

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    request *r = state;
    switch (row) {
    case ANNOTATIONS: r->annotations = value; return QUIRE_OK;
    case RULES: r->rules = value; return QUIRE_OK;
    case QUANTIZER: return annotators_take_quantizer(c, &r->by, value);
    case PLUGIN: return plugins_take(c, &r->by.plugins, value);
    case RECIPE: return annotators_take_file(c, "--recipe", value, &r->by.recipe);
    default: return options_format(c, value, &r->format);
    }
}

/* --- the slot --------------------------------------------------------------------------------- */

/* Reads the whole of `text` as a slot that exists; {0, 0} if it is anything else. */
static quire_status
try_slot(quire_slot_reader *reader, quire_bytes text, quire_slot *out)
{
    *out = (quire_slot){0};
    const quire_status status = quire_slot_parse(reader, NULL, &text, out);
    if (status != QUIRE_OK && status != QUIRE_E_INVALID) return status;
    const bool exists = out->kind == QUIRE_SLOT_RESULT || out->kind == QUIRE_SLOT_USE;
    if (status != QUIRE_OK || text.len > 0 || !exists) *out = (quire_slot){0};
    return QUIRE_OK;
}

/* The name of a value just as it stands in the file, `<-K` after it or not: quoted for the reader. */
static quire_status
quote(quire_ctx *ctx, const char *name, quire_text *out)
{
    const char *arrow = NULL;
    quire_writer w;
    for (const char *at = name; (at = strstr(at, "<-")) != NULL; at++)
        arrow = at;
    const size_t len = arrow != NULL ? (size_t)(arrow - name) : strlen(name);
    quire_writer_to_text(&w, ctx, out);
    quire_write_str(&w, "\"");
    for (size_t i = 0; i < len; i++)
        quire_writef(&w, "\\x%02x", (unsigned)(uint8_t)name[i]);
    quire_write_str(&w, "\"");
    if (arrow != NULL) quire_write_str(&w, arrow);
    return quire_writer_finish(&w);
}

static quire_status
try_both(quire_slot_reader *reader, const char *name, quire_slot *out)
{
    quire_text quoted = {0};
    QUIRE_TRY(try_slot(reader, quire_bytes_of(name), out));
    if (out->id != 0) return QUIRE_OK;
    quire_status status = quote(reader->ctx, name, &quoted);
    const quire_bytes text = {(const uint8_t *)quoted.ptr, quoted.len};
    if (status == QUIRE_OK) status = try_slot(reader, text, out);
    quire_text_free(reader->ctx, &quoted);
    return status;
}

static quire_status
no_such_slot(cli *c, const quire_model *m, const char *name)
{
    const quire_bytes wanted = quire_bytes_of(name);
    quire_slot_order order;
    quire_near_slots near;
    quire_text text;
    quire_writer w;
    QUIRE_TRY(quire_slot_order_make(&c->ctx, m, &order));
    quire_slots_nearest(&c->ctx, m, &order, &wanted, 1, &near);
    quire_slot_order_deinit(&c->ctx, &order);
    quire_writer_to_text(&w, &c->ctx, &text);
    for (uint32_t i = 0; i < near.n; i++) {
        quire_write_str(&w, i == 0 ? "; nearest: " : ", ");
        quire_slot_print(&w, m, near.slots[i]);
    }
    quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK)
        status = quire_fail(&c->ctx, QUIRE_E_USAGE, NULL, "the model has no slot %s%s",
                            name[0] != '\0' ? name : "\"\"", near.n > 0 ? text.ptr : "");
    quire_text_free(&c->ctx, &text);
    return status;
}

static quire_status
find_slot(cli *c, quire_model *m, const char *name, quire_slot *out)
{
    quire_slot_reader reader;
    quire_ctx quiet = c->ctx; /* a text that is no slot may still be a name */
    quiet.sink = NULL;
    quire_status status = quire_slot_reader_init(&quiet, m, QUIRE_MISSING_NAMED, &reader);
    if (status == QUIRE_OK) {
        status = try_both(&reader, name, out);
        quire_slot_reader_deinit(&reader);
    }
    if (status != QUIRE_OK) return quire_nomem(&c->ctx); /* nothing else was in the way */
    return out->id != 0 ? QUIRE_OK : no_such_slot(c, m, name);
}

/* --- what quire tables says ------------------------------------------------------------------- */

static void
look_up(quire_model *m, quire_slot slot, const quire_tables *tables, quire_why_table *out)
{
    const quire_node node = quire_slot_node(m, slot);
    for (size_t i = 0; i < tables->n_lookups; i++) {
        const quire_lookup *l = &tables->lookups[i];
        if (l->node.id != node.id) continue;
        const char *text = quire_reason_text(l->reason);
        *out = (quire_why_table){.is_lookup = true,
                                 .eligible = l->reason == QUIRE_REASON_NONE,
                                 .reason = l->reason,
                                 .message = l->message.len > 0 ? l->message : quire_bytes_of(text)};
    }
}

/* As `quire tables` without options. */
static quire_status
survey_tables(cli *c, quire_run *run)
{
    const quire_table_flags flags = {.options = run->tables->options};
    const quire_annotator annotator = quire_table_flags_annotator(&flags);
    const quire_manager_options manager = {0};
    quire_table_source source;
    quire_status status =
        quire_table_source_load(&c->ctx, run->model, run->tables, &annotator, &source);
    if (status == QUIRE_OK)
        status = quire_pipeline_run(
            &c->ctx, run, "toposort-check,infer-types,find-tables,annotate-tables", &manager);
    quire_table_source_deinit(&c->ctx, &source);
    return status;
}

/* Fills in types; of lookups in a model that nothing annotates, also what its tables are. */
static quire_status
survey(cli *c, quire_model *m, quire_slot slot, bool of_tables, quire_why_table *out)
{
    const quire_quantize_options defaults = QUIRE_QUANTIZE_OPTIONS_INIT;
    const quire_manager_options manager = {0};
    quire_tables tables;
    *out = (quire_why_table){0};
    quire_tables_init(&tables, &defaults);
    quire_run run = {.model = m, .tables = &tables};
    const quire_status status = of_tables
                                    ? survey_tables(c, &run)
                                    : quire_pipeline_run(&c->ctx, &run, "infer-types", &manager);
    if (status == QUIRE_OK && of_tables) look_up(m, slot, &tables, out);
    quire_tables_deinit(&c->ctx, &tables);
    return status;
}

/* --- the verb --------------------------------------------------------------------------------- */

/* May a lookup read its table here? */
static bool
is_data(const quire_model *m, quire_slot slot)
{
    if (slot.kind != QUIRE_SLOT_USE) return false;
    const quire_use_rec *use = quire_use_at(m, (quire_use){slot.id});
    return use->node.id != 0 && use->index == 0;
}

static quire_status
tell(cli *c, const request *r, quire_model *m, quire_slot slot, const quire_annotations *a)
{
    quire_why_table table;
    const bool of_tables = a->kind == QUIRE_FROM_NOTHING && is_data(m, slot);
    c->ctx.file = r->model;
    QUIRE_TRY(survey(c, m, slot, of_tables, &table));
    return quire_why_write(&c->out, m, a, slot, of_tables ? &table : NULL, r->format);
}

static quire_status
load(cli *c, const request *r, quire_model *m, quire_annotations *out)
{
    if (annotators_any(&r->by)) {
        c->ctx.file = r->model;
        return annotators_annotate(c, m, &r->by, r->rules, QUIRE_CONFLICT_ERROR, out);
    }
    c->ctx.file = r->annotations == NULL && r->rules == NULL ? r->model : NULL;
    return quire_annotations_load(&c->ctx, m, r->annotations, r->rules, NULL, out);
}

static quire_status
why(cli *c, const request *r, quire_model *m)
{
    quire_slot slot;
    quire_annotations a;
    QUIRE_TRY(find_slot(c, m, r->slot, &slot));
    QUIRE_TRY(load(c, r, m, &a));
    const quire_status status = tell(c, r, m, slot, &a);
    quire_annotations_deinit(&c->ctx, &a);
    return status;
}

static quire_status
check(cli *c, const request *r, int n_args)
{
    if (n_args != 2)
        return cli_usage(c, "quire why takes a slot and a model, %d argument%s given", n_args,
                         n_args == 1 ? " was" : "s were");
    if (r->annotations != NULL && r->rules != NULL)
        return cli_usage(c, "--annotations and --rules are both given; choose one");
    if (r->annotations != NULL && r->by.n_quantizers > 0)
        return cli_usage(c, "--annotations and --quantizer are both given; choose one");
    if (r->by.recipe != NULL && (r->annotations != NULL || r->rules != NULL))
        return cli_usage(c, "--recipe and %s are both given; choose one",
                         r->rules != NULL ? "--rules" : "--annotations");
    return QUIRE_OK;
}

static quire_status
load_and_tell(cli *c, const request *r)
{
    quire_model *m;
    QUIRE_TRY(quire_model_load(&c->ctx, r->model, &m));
    const quire_status status = why(c, r, m);
    quire_model_destroy(&c->ctx, m);
    return status;
}

quire_status
cmd_why(cli *c, int argc, char **argv)
{
    request r = {0};
    char **args;
    int n;
    quire_status status =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &r, &args, &n);
    if (status == QUIRE_OK) status = check(c, &r, n);
    if (status == QUIRE_OK) {
        r.slot = args[0];
        r.model = args[1];
        status = load_and_tell(c, &r);
    } else if (status == QUIRE_NONE) {
        status = QUIRE_OK;
    }
    annotators_deinit(c, &r.by);
    return status;
}
