/* cmd_model.c - quire print, opt and passes: a model as text, a model through passes. */
#include "graph/edit.h"
#include "graph/import.h"
#include "graph/print.h"
#include "graph/save.h"
#include "options.h"
#include "passes/ledger.h"
#include "passes/pass.h"
#include "passes/table_source.h"
#include "plugin/table_flags.h"

/* --- print ------------------------------------------------------------------------------------ */

static const option_row print_rows[] = {
    {"brief", 0, NULL, "for reading: leave out the #: lines that make the text complete"},
    {"layers", 0, NULL, "show the specs of slots"},
    {"max-inline", 0, "N", "spell out tensors of up to N elements (16)"},
    {"dot", 0, NULL, "a picture for Graphviz: the graph, coloured by sharing group"},
    {"annotations", 0, "FILE", "for --dot: annotate by this text (the model's own entry)"},
    {"rules", 0, "FILE", "for --dot: annotate by these rules"},
};

enum { BRIEF, LAYERS, MAX_INLINE, DOT, ANNOTATIONS, RULES };

typedef struct print_request {
    quire_print_options options;
    bool dot, of_text; /* of_text: an option was given that --dot has no use for */
    const char *annotations, *rules;
} print_request;

static quire_status
take_print(cli *c, void *state, size_t row, const char *value)
{
    print_request *r = state;
    r->of_text = r->of_text || row <= MAX_INLINE;
    switch (row) {
    case BRIEF: r->options.brief = true; return QUIRE_OK;
    case LAYERS: r->options.layers = true; return QUIRE_OK;
    case DOT: r->dot = true; return QUIRE_OK;
    case ANNOTATIONS: r->annotations = value; return QUIRE_OK;
    case RULES: r->rules = value; return QUIRE_OK;
    default: return options_number(c, "max-inline", value, 1u << 20, &r->options.max_inline);
    }
}

static quire_status
check_print(cli *c, const print_request *r)
{
    const bool annotated = r->annotations != NULL || r->rules != NULL;
    if (annotated && !r->dot)
        return cli_usage(c, "--annotations and --rules are for --dot; quire annotate writes them "
                            "into a model");
    if (r->annotations != NULL && r->rules != NULL)
        return cli_usage(c, "--annotations and --rules are both given; choose one");
    if (r->dot && r->of_text)
        return cli_usage(c, "--dot is a picture; --brief, --layers and --max-inline are for text");
    return QUIRE_OK;
}

static quire_status
print_dot(cli *c, const print_request *r, const char *path, quire_model *m)
{
    quire_annotations a;
    c->ctx.file = r->annotations == NULL && r->rules == NULL ? path : NULL;
    QUIRE_TRY(quire_annotations_load(&c->ctx, m, r->annotations, r->rules, NULL, &a));
    const quire_status status = quire_dot_write(&c->out, m, &a);
    quire_annotations_deinit(&c->ctx, &a);
    return status;
}

quire_status
cmd_print(cli *c, int argc, char **argv)
{
    print_request r = {0};
    char **args;
    int n;
    quire_model *m;
    const quire_status parsed =
        options_parse(c, argc, argv, print_rows, sizeof print_rows / sizeof *print_rows, take_print,
                      &r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != 1) return cli_usage(c, "quire print takes one model, %d were given", n);
    QUIRE_TRY(check_print(c, &r));
    QUIRE_TRY(quire_model_load(&c->ctx, args[0], &m));
    const quire_status status =
        r.dot ? print_dot(c, &r, args[0], m) : quire_model_print(&c->ctx, m, &r.options, &c->out);
    quire_model_destroy(&c->ctx, m);
    return status;
}

/* --- opt -------------------------------------------------------------------------------------- */

static const option_row opt_rows[] = {
    {"output", 'o', "FILE", "where the model goes"},
    {"passes", 0, "A,B,...", "the passes to run, in order; quire passes lists them"},
    {"reencode", 0, NULL,
     "write every record from memory, none verbatim: the test of losslessness"},
    {"bits", 0, "8|4|2", "for the table passes (8)"},
    {"min-elements", 0, "N", "for annotate-tables: leave smaller tables alone (1024)"},
    {"target", 0, "onnx|dequantized|quire", "for lower-tables (onnx)"},
    {"verify-each", 0, NULL, "run the verifier after every pass"},
    {"print-changed", 0, NULL,
     "print the model after every pass that changed it, to standard error"},
    {"layers", 0, NULL, "print the resulting model's text with its specs to standard output"},
    {"times", 0, NULL, "print a table of times per pass, to standard error"},
};

typedef struct opt_request {
    const char *output, *passes;
    bool reencode, layers;
    quire_manager_options manager;
    quire_quantize_options quantize;
} opt_request;

static quire_status
take_opt(cli *c, void *state, size_t row, const char *value)
{
    static const char *const bits[] = {"8", "4", "2"};
    opt_request *r = state;
    size_t i;
    switch (row) {
    case 0: r->output = value; return QUIRE_OK;
    case 1: r->passes = value; return QUIRE_OK;
    case 2: r->reencode = true; return QUIRE_OK;
    case 3:
        QUIRE_TRY(options_word(c, "bits", value, bits, 3, &i));
        r->quantize.bits = 8u >> i;
        return QUIRE_OK;
    case 4: return options_number(c, "min-elements", value, UINT64_MAX, &r->quantize.min_elements);
    case 5: return options_target(c, value, &r->quantize.target);
    case 6: r->manager.verify_each = true; return QUIRE_OK;
    case 7: r->manager.print_changed = true; return QUIRE_OK;
    case 8: r->layers = true; return QUIRE_OK;
    default: r->manager.times = true; return QUIRE_OK;
    }
}

static quire_status
finish_opt(cli *c, const opt_request *r, quire_model *m)
{
    const quire_print_options print = {.brief = true, .layers = true};
    const quire_save_options save = {.path = r->output};
    if (r->reencode) quire_model_touch_all(m);
    if (r->layers) QUIRE_TRY(quire_model_print(&c->ctx, m, &print, &c->out));
    return r->output != NULL ? quire_model_save(&c->ctx, m, &save) : QUIRE_OK;
}

static quire_status
run_passes(cli *c, opt_request *r, quire_model *m, quire_tables *tables)
{
    quire_writer err;
    quire_writer_to_fd(&err, &c->ctx, 2);
    r->manager.out = &err;
    quire_run run = {.model = m, .tables = tables};
    const quire_status status =
        r->passes != NULL ? quire_pipeline_run(&c->ctx, &run, r->passes, &r->manager) : QUIRE_OK;
    const quire_status written = quire_writer_finish(&err);
    return status != QUIRE_OK ? status : written;
}

/* annotate-tables does what the flags ask for, whatever the model's entry says: opt reads none. */
static quire_status
annotate_and_run(cli *c, opt_request *r, quire_model *m, quire_tables *tables)
{
    const quire_table_flags flags = {.options = &r->quantize};
    quire_annotator annotator = quire_table_flags_annotator(&flags);
    quire_table_source source;
    if (r->passes == NULL || strstr(r->passes, "annotate-tables") == NULL)
        return run_passes(c, r, m, tables);
    annotator.yields = false;
    quire_status status = quire_table_source_load(&c->ctx, m, tables, &annotator, &source);
    if (status == QUIRE_OK) status = run_passes(c, r, m, tables);
    quire_table_source_deinit(&c->ctx, &source);
    return status;
}

static quire_status
optimize(cli *c, opt_request *r, quire_model *m, const char *input)
{
    quire_tables tables;
    c->ctx.file = input;
    if (r->output != NULL) QUIRE_TRY(quire_save_check_path(&c->ctx, m, r->output));
    quire_tables_init(&tables, &r->quantize);
    tables.beside = r->output;
    quire_status status = annotate_and_run(c, r, m, &tables);
    if (status == QUIRE_OK) status = finish_opt(c, r, m);
    quire_tables_deinit(&c->ctx, &tables);
    return status;
}

quire_status
cmd_opt(cli *c, int argc, char **argv)
{
    opt_request r = {.quantize = QUIRE_QUANTIZE_OPTIONS_INIT};
    char **args;
    int n;
    quire_model *m;
    const quire_status parsed = options_parse(
        c, argc, argv, opt_rows, sizeof opt_rows / sizeof *opt_rows, take_opt, &r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != 1) return cli_usage(c, "quire opt takes one model, %d were given", n);
    if (r.output == NULL && !r.layers)
        return cli_usage(c, "the output is missing; name it with -o FILE");
    QUIRE_TRY(quire_model_load(&c->ctx, args[0], &m));
    const quire_status status = optimize(c, &r, m, args[0]);
    quire_model_destroy(&c->ctx, m);
    return status;
}

/* --- passes ----------------------------------------------------------------------------------- */

quire_status
cmd_passes(cli *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; quire_pass_at(i) != NULL; i++)
        quire_writef(&c->out, "%-16s %s\n", quire_pass_at(i)->name, quire_pass_at(i)->summary);
    return QUIRE_OK;
}
