/* cmd_quantize.c - quire quantize and quire tables: one table of options, one recipe. */
#include <stdlib.h>

#include "annotators.h"
#include "base/alloc.h"
#include "base/diag.h"
#include "base/real.h"
#include "graph/carrier.h"
#include "graph/edit.h"
#include "graph/import.h"
#include "graph/save.h"
#include "options.h"
#include "passes/pass.h"
#include "passes/quantize_file.h"
#include "passes/quantize_options.h"
#include "passes/report.h"
#include "passes/table_source.h"
#include "plugin/table_flags.h"
#include "pool.h"
#include "save_recipe.h"

static const option_row rows[] = {
    {"output", 'o', "FILE", "where the quantized model goes"},
    {"annotations", 0, "FILE", "quantize as this text says (else the model's own entry, if any)"},
    {"rules", 0, "FILE", "quantize as these rules say"},
    RECIPE_ROW,
    SAVE_RECIPE_ROW,
    ANNOTATORS_ROWS,
    {"bits", 0, "8|4|2", "bits per code (8)"},
    {"block", 0, "N", "one scale per N columns: 16, 32, 64, 128 or 256 (one per row)"},
    {"zero-point", 0, "int|float", "kind of zero point (int)"},
    {"scales", 0, "f32|f16", "type of the scales (f32)"},
    {"search", 0, "minmax|mse", "how scales are found (minmax at 8 bits, mse below)"},
    {"non-finite", 0, "error|keep-float", "a table with NaN or Inf (error)"},
    {"min-sqnr", 0, "DB", "more bits, or none, for tables that would lose more than this"},
    {"min-elements", 0, "N", "leave smaller tables alone (1024)"},
    {"target", 0, "onnx|dequantized|quire", "what lookups become (onnx)"},
    {"only", 0, "GLOB", "only tables whose name matches; repeatable"},
    {"skip", 0, "GLOB", "not these; repeatable"},
    {"bits-for", 0, "GLOB=8|4|2|float", "bits of matching tables, the last match wins; repeatable"},
    {"allow-empty", 0, NULL, "no table is success: write the model"},
    {"dry-run", 0, NULL, "report only; read no weights, write nothing"},
    {"format", 0, "text|json", "of the report (text)"},
    POOL_ROW,
    ISOLATION_ROWS,
};

enum {
    OUTPUT,
    ANNOTATIONS,
    RULES,
    RECIPE,
    SAVE,
    QUANTIZER,
    PLUGIN,
    BITS,
    BLOCK,
    ZERO_POINT,
    SCALES,
    SEARCH,
    NON_FINITE,
    MIN_SQNR,
    MIN_ELEMENTS,
    TARGET,
    ONLY,
    SKIP,
    BITS_FOR,
    ALLOW_EMPTY,
    DRY_RUN,
    FORMAT,
    THREADS,
    ISOLATION
};

typedef struct
    request { /* the options and the lists they point to; at most one element per argument */
    quire_quantize_options options;
    annotators by;
    save_recipe save;
    quire_table_flags flags;
    const char **only, **skip;
    quire_bits_for *bits_for;
    char *globs; /* texts of bits_for, cut at their last '=' */
    size_t room, globs_used, globs_room;
} request;

static quire_status
take_bits(cli *c, const char *text, uint32_t *out)
{
    static const char *const words[] = {"8", "4", "2"};
    static const uint32_t bits[] = {8, 4, 2};
    size_t i;
    QUIRE_TRY(options_word(c, "bits", text, words, 3, &i));
    *out = bits[i];
    return QUIRE_OK;
}

static quire_status
take_block(cli *c, const char *text, uint32_t *out)
{
    static const char *const words[] = {"16", "32", "64", "128", "256"};
    size_t i;
    QUIRE_TRY(options_word(c, "block", text, words, 5, &i));
    *out = 16u << i;
    return QUIRE_OK;
}

static quire_status
take_decibels(cli *c, const char *text, double *out)
{
    if (quire_real_parse(quire_bytes_of(text), out) && *out >= 0 && *out <= 1000) return QUIRE_OK;
    return cli_usage(c, "--min-sqnr is \"%s\"; it takes a number from 0 to 1000", text);
}

static quire_status
take_bits_for(cli *c, request *r, const char *text)
{
    static const char *const words[] = {"8", "4", "2", "float"};
    static const uint32_t bits[] = {8, 4, 2, 0};
    const char *equals = strrchr(text, '=');
    size_t i;
    if (equals == NULL || equals == text)
        return cli_usage(c, "--bits-for is \"%s\"; it takes GLOB=8, GLOB=4, GLOB=2 or GLOB=float",
                         text);
    QUIRE_TRY(options_word(c, "bits-for", equals + 1, words, 4, &i));
    char *glob = r->globs + r->globs_used;
    const size_t n = (size_t)(equals - text);
    memcpy(glob, text, n);
    glob[n] = '\0';
    r->globs_used += n + 1;
    r->bits_for[r->options.n_bits_for++] = (quire_bits_for){glob, bits[i]};
    return QUIRE_OK;
}

/* An option with two spellings: 0 for the first, 1 for the second. */
static quire_status
take_choice(cli *c, const char *option, const char *text, const char *first, const char *second,
            int *out)
{
    const char *const words[] = {first, second};
    size_t i;
    QUIRE_TRY(options_word(c, option, text, words, 2, &i));
    *out = (int)i;
    return QUIRE_OK;
}

/* Notes the first option about tables: annotations leave nothing for them to say. */
static void
note_table_option(quire_quantize_options *o, size_t row)
{
    static const char *const names[] = {
        [BITS] = "--bits",         [BLOCK] = "--block",   [ZERO_POINT] = "--zero-point",
        [SCALES] = "--scales",     [SEARCH] = "--search", [MIN_ELEMENTS] = "--min-elements",
        [MIN_SQNR] = "--min-sqnr", [ONLY] = "--only",     [SKIP] = "--skip",
        [BITS_FOR] = "--bits-for",
    };
    if (row >= sizeof names / sizeof *names || o->table_option != NULL) return;
    o->table_option = names[row];
}

static void
note_flag(quire_table_flags *flags, size_t row, const char *value)
{
    static const struct {
        size_t row, flag;
    } flag_of[QUIRE_N_TABLE_FLAGS] = {
#define X(id, name) {id, QUIRE_TABLE_FLAG_##id},
        QUIRE_TABLE_FLAGS(X)
#undef X
    };
    for (size_t i = 0; i < QUIRE_N_TABLE_FLAGS; i++) {
        if (flag_of[i].row == row) flags->given[flag_of[i].flag] = value;
    }
}

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    request *r = state;
    quire_quantize_options *o = &r->options;
    int choice = 0;
    note_table_option(o, row);
    note_flag(&r->flags, row, value);
    switch (row) {
    case OUTPUT: o->output = value; return QUIRE_OK;
    case ANNOTATIONS: return annotators_take_file(c, "--annotations", value, &o->annotations);
    case RULES: return annotators_take_file(c, "--rules", value, &o->rules);
    case RECIPE:
        o->recipe = value;
        return annotators_take_file(c, "--recipe", value, &r->by.recipe);
    case SAVE: return annotators_take_file(c, "--save-recipe", value, &r->save.path);
    case QUANTIZER: return annotators_take_quantizer(c, &r->by, value);
    case PLUGIN: return plugins_take(c, &r->by.plugins, value);
    case BITS: return take_bits(c, value, &o->bits);
    case BLOCK: return take_block(c, value, &o->block);
    case ZERO_POINT:
        return take_choice(c, "zero-point", value, "int", "float", &o->zero_point_float);
    case SCALES: return take_choice(c, "scales", value, "f32", "f16", &o->scale_f16);
    case SEARCH: return take_choice(c, "search", value, "minmax", "mse", &o->search);
    case NON_FINITE:
        return take_choice(c, "non-finite", value, "error", "keep-float", &o->keep_non_finite);
    case MIN_SQNR: return take_decibels(c, value, &o->min_sqnr);
    case MIN_ELEMENTS: return options_number(c, "min-elements", value, INT64_MAX, &o->min_elements);
    case TARGET: return options_target(c, value, &o->target);
    case ONLY: r->only[o->n_only++] = value; return QUIRE_OK;
    case SKIP: r->skip[o->n_skip++] = value; return QUIRE_OK;
    case BITS_FOR: return take_bits_for(c, r, value);
    case ALLOW_EMPTY: o->allow_empty = 1; return QUIRE_OK;
    case DRY_RUN: o->dry_run = 1; return QUIRE_OK;
    case FORMAT:
        QUIRE_TRY(take_choice(c, "format", value, "text", "json", &choice));
        o->report_format = choice == 0 ? QUIRE_FORMAT_TEXT : QUIRE_FORMAT_JSON;
        return QUIRE_OK;
    case THREADS: return pool_take(c, value);
    default: return annotators_take_isolation(c, &r->by, row - ISOLATION, value);
    }
}

static quire_status
request_init(cli *c, request *r, int argc, char **argv)
{
    *r = (request){.options = QUIRE_QUANTIZE_OPTIONS_INIT, .room = (size_t)argc};
    for (int i = 0; i < argc; i++)
        r->globs_room += strlen(argv[i]) + 1;
    r->only = quire_alloc(c->ctx.alloc, r->room * sizeof *r->only);
    r->skip = quire_alloc(c->ctx.alloc, r->room * sizeof *r->skip);
    r->bits_for = quire_alloc(c->ctx.alloc, r->room * sizeof *r->bits_for);
    r->globs = quire_alloc(c->ctx.alloc, r->globs_room);
    if (r->only == NULL || r->skip == NULL || r->bits_for == NULL || r->globs == NULL)
        return quire_nomem(&c->ctx);
    quire_quantize_options *o = &r->options;
    r->flags.options = o;
    o->only = r->only;
    o->skip = r->skip;
    o->bits_for = r->bits_for;
    return QUIRE_OK;
}

static void
request_deinit(cli *c, request *r)
{
    quire_free(c->ctx.alloc, r->only, r->room * sizeof *r->only);
    quire_free(c->ctx.alloc, r->skip, r->room * sizeof *r->skip);
    quire_free(c->ctx.alloc, r->bits_for, r->room * sizeof *r->bits_for);
    quire_free(c->ctx.alloc, r->globs, r->globs_room);
    annotators_deinit(c, &r->by);
}

/* Fills the request from the command line; QUIRE_NONE: help was printed. */
static quire_status
read_request(cli *c, request *r, int argc, char **argv)
{
    char **args;
    int n;
    QUIRE_TRY(request_init(c, r, argc, argv));
    QUIRE_TRY(options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, r, &args, &n));
    if (n != 1)
        return cli_usage(
            c, n == 0 ? "the input model is missing" : "one input model is taken, %d were given",
            n);
    r->options.input = args[0];
    return pool_use(c);
}

/* --- who annotates ---------------------------------------------------------------------------- */

typedef struct quantizing {
    cli *c;
    request *r;
    quire_annotator annotator;
} quantizing;

static const char *
name_of_source(const request *r)
{
    if (r->options.annotations != NULL) return "--annotations";
    if (r->options.rules != NULL) return "--rules";
    if (r->by.recipe != NULL) return "--recipe";
    return r->by.n_quantizers > 0 ? "--quantizer" : NULL;
}

/* One source: the others say the same thing in other words. */
static quire_status
check_sources(cli *c, const request *r)
{
    const quire_quantize_options *o = &r->options;
    const char *names[] = {
        o->annotations != NULL ? "--annotations" : NULL, o->rules != NULL ? "--rules" : NULL,
        r->by.recipe != NULL ? "--recipe" : NULL, r->by.n_quantizers > 0 ? "--quantizer" : NULL};
    const char *first = name_of_source(r);
    if (o->annotations != NULL && o->rules != NULL)
        return quire_quantize_options_check_source(&c->ctx, o);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] != NULL && names[i] != first)
            return cli_usage(c, "%s and %s both say how tables are quantized; give one of them",
                             first, names[i]);
    }
    if (o->table_option != NULL && annotators_any(&r->by))
        return cli_usage(c, "%s and %s both say how tables are quantized; give one of them",
                         o->table_option, first);
    return QUIRE_OK;
}

static quire_status
check_saving(cli *c, const request *r)
{
    if (r->save.path == NULL) return QUIRE_OK;
    if (r->options.annotations != NULL)
        return cli_usage(c, "--save-recipe saves quantizers and rules; an annotation text is no "
                            "recipe, but can be kept as it is");
    return annotators_check_saving(c, &r->by, r->save.path, r->options.dry_run);
}

static quire_status
run_annotators(quire_ctx *ctx, quire_model *m, void *data, quire_annotations *out)
{
    const quantizing *q = data;
    (void)ctx;
    return annotators_annotate(q->c, m, &q->r->by, NULL, QUIRE_CONFLICT_ERROR, out);
}

/* Quantizers that were named decide, else flags, unless there is a file of annotations or rules, or
 * the model's entry. */
static quire_status
quantizing_init(cli *c, request *r, quantizing *q)
{
    *q = (quantizing){.c = c, .r = r, .annotator = quire_table_flags_annotator(&r->flags)};
    if (annotators_any(&r->by))
        q->annotator = (quire_annotator){.annotate = run_annotators, .data = q};
    QUIRE_TRY(check_sources(c, r));
    return check_saving(c, r);
}

static quire_status
refuse_entry(quire_ctx *ctx)
{
    return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                           "--save-recipe saves no annotations, and the model's own annotations "
                           "(metadata entry %s) say how tables are quantized; name a recipe or a "
                           "quantizer instead, or remove the entry",
                           QUIRE_ANNOTATIONS_KEY);
}

/* With the model as loaded: what must not be written over, and an entry that decides. */
static quire_status
check_model(quire_ctx *ctx, const quire_model *m, void *data)
{
    const quantizing *q = data;
    const request *r = q->r;
    quire_bytes entry;
    const bool of_flags = name_of_source(r) == NULL;
    if (of_flags && r->save.path != NULL && r->options.table_option == NULL &&
        quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &entry))
        return refuse_entry(ctx);
    return save_recipe_check(ctx, &r->save, m, r->options.output, &r->by, r->options.rules);
}

/* --- quantize --------------------------------------------------------------------------------- */

static quire_status
commit_recipe(quire_ctx *ctx, void *data)
{
    quantizing *q = data;
    return save_recipe_commit(ctx, &q->r->save);
}

/* Flags are saved as the quantizer they come to. */
static quire_status
stage_recipe(cli *c, request *r)
{
    annotators by = r->by;
    quire_text text = {0};
    if (r->save.path == NULL || name_of_source(r) != NULL)
        return save_recipe_stage(c, &r->save, &by, r->options.rules);
    quire_status status = quire_table_flags_text(&c->ctx, &r->flags, &text);
    const char *of_flags[] = {text.ptr};
    by.quantizers = of_flags;
    by.n_quantizers = 1;
    if (status == QUIRE_OK) status = save_recipe_stage(c, &r->save, &by, NULL);
    quire_text_free(&c->ctx, &text);
    return status;
}

static quire_status
quantize_with(cli *c, request *r, quantizing *q)
{
    const quire_quantize_hooks hooks = {
        .annotator = &q->annotator, .check = check_model, .ready = commit_recipe, .data = q};
    QUIRE_TRY(stage_recipe(c, r));
    /* The report takes the place of the text that is still empty: the file is there by now, and
     * copying could fail. */
    quire_text_free(&c->ctx, &c->text);
    return quire_quantize_report(&c->ctx, &r->options, &hooks, NULL, &c->text);
}

static quire_status
quantize(cli *c, request *r)
{
    quantizing q;
    if (r->options.output == NULL && !r->options.dry_run)
        return cli_usage(c, "the output is missing; name it with -o FILE, or use --dry-run");
    quire_status status = quantizing_init(c, r, &q);
    if (status == QUIRE_OK) status = quantize_with(c, r, &q);
    save_recipe_end(c, &r->save);
    return status;
}

/* A verb over a request: help is success. */
static quire_status
with_request(cli *c, int argc, char **argv, quire_status (*work)(cli *c, request *r))
{
    request r;
    quire_status status = read_request(c, &r, argc, argv);
    const bool helped = status == QUIRE_NONE;
    if (status == QUIRE_OK) status = work(c, &r);
    request_deinit(c, &r);
    return helped ? QUIRE_OK : status;
}

quire_status
cmd_quantize(cli *c, int argc, char **argv)
{
    return with_request(c, argc, argv, quantize);
}

/* --- tables ----------------------------------------------------------------------------------- */

static quire_status
survey_with(cli *c, const quantizing *q, quire_run *run, quire_table_source *source)
{
    const request *r = q->r;
    const quire_manager_options manager = {0};
    QUIRE_TRY(quire_table_source_load(&c->ctx, run->model, run->tables, &q->annotator, source));
    QUIRE_TRY(quire_pipeline_run(
        &c->ctx, run, "toposort-check,infer-types,find-tables,annotate-tables", &manager));
    const quire_report report = {.model = run->model,
                                 .tables = run->tables,
                                 .annotations = quire_table_source_texts(source),
                                 .source = quire_table_source_name(source),
                                 .survey = true,
                                 .input = r->options.input};
    return quire_report_write(&c->out, &report, r->options.report_format);
}

static quire_status
survey(cli *c, const quantizing *q, quire_model *m)
{
    quire_tables tables;
    quire_table_source source = {0};
    quire_tables_init(&tables, &q->r->options);
    quire_run run = {.model = m, .tables = &tables};
    const quire_status status = survey_with(c, q, &run, &source);
    quire_table_source_deinit(&c->ctx, &source);
    quire_tables_deinit(&c->ctx, &tables);
    return status;
}

static quire_status
load_and_survey(cli *c, quantizing *q)
{
    quire_model *m;
    const request *r = q->r;
    QUIRE_TRY(quire_quantize_options_check_source(&c->ctx, &r->options));
    QUIRE_TRY(quire_model_load(&c->ctx, r->options.input, &m));
    c->ctx.file = r->options.input;
    quire_status status = check_model(&c->ctx, m, q);
    if (status == QUIRE_OK) status = survey(c, q, m);
    quire_model_destroy(&c->ctx, m);
    return status;
}

static quire_status
list_tables(cli *c, request *r)
{
    quantizing q;
    if (r->save.path != NULL)
        return cli_usage(c, "quire tables writes nothing; --save-recipe is for quire quantize");
    quire_status status = quantizing_init(c, r, &q);
    return status == QUIRE_OK ? load_and_survey(c, &q) : status;
}

quire_status
cmd_tables(cli *c, int argc, char **argv)
{
    return with_request(c, argc, argv, list_tables);
}
