/* quantize_file.c - from one file to another, whoever annotates; the library's main entry point,
 * where flags do, is in src/plugin.
 *
 * Load, run the passes, save, and account for every byte. Everything that can fail after the model
 * was changed happens before the output is renamed into place: the written file is re-opened, its
 * tables are decoded and compared, the receipt and the report are made; then comes the rename, and
 * nothing after it.
 */
#include "passes/quantize_file.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/export.h"
#include "graph/import.h"
#include "graph/save.h"
#include "passes/pass.h"
#include "passes/quantize_options.h"
#include "passes/report.h"
#include "passes/table_check.h"
#include "passes/table_source.h"

static const char pipeline[] = "toposort-check,infer-types,find-tables,annotate-tables,"
                               "quantize-tables,lower-tables,sweep";

typedef struct job {
    quire_ctx *ctx;
    quire_quantize_options options; /* complete, whatever size the caller's is */
    quire_quantize_hooks hooks;
    const char *output;
    char *assumed; /* output of a dry run that names none */
    size_t assumed_size;
    quire_model *model;
    size_t n_files;      /* of the model as loaded: the files of the receipt's input side */
    quire_spool encoded; /* input given as text: what it would be as a file */
    bool has_encoded;
    quire_tables tables;
    quire_table_source source;
    quire_receipt receipt;
    bool has_receipt;
    quire_text report;
} job;

/* model.onnx becomes model.q.onnx. */
static quire_status
assume_output(job *j)
{
    static const char suffix[] = ".onnx", with[] = ".q.onnx";
    const char *input = strcmp(j->options.input, "-") == 0 ? "stdin" : j->options.input;
    size_t len = strlen(input);
    if (len >= strlen(suffix) && strcmp(input + len - strlen(suffix), suffix) == 0)
        len -= strlen(suffix);
    j->assumed_size = len + sizeof with;
    j->assumed = quire_alloc(j->ctx->alloc, j->assumed_size);
    if (j->assumed == NULL) return quire_nomem(j->ctx);
    memcpy(j->assumed, input, len);
    memcpy(j->assumed + len, with, sizeof with);
    j->output = j->assumed;
    return QUIRE_OK;
}

/* --- the receipt ------------------------------------------------------------------------------ */

static const char *
last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* What the receipt's sides need while it is made. */
typedef struct sides {
    quire_arena arena; /* names, and the arrays of files */
    quire_layout_side in, out;
} sides;

static quire_status
add_side_file(job *j, sides *s, quire_layout_side *side, quire_source source, quire_bytes name)
{
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(j->ctx, &s->arena, name, &copy));
    side->files[side->n_files++] =
        (quire_layout_file){.source = source, .name = (const char *)copy.ptr};
    return QUIRE_OK;
}

/* The data files among the first n files of m. */
static quire_status
add_data_files(job *j, sides *s, quire_layout_side *side, const quire_model *m, size_t n)
{
    for (size_t k = 1; k < n; k++) {
        const quire_file *file = &m->files[k];
        if (file->location.len == 0) continue;
        QUIRE_TRY(add_side_file(j, s, side, file->source, file->location));
    }
    return QUIRE_OK;
}

static quire_status
init_side(job *j, sides *s, quire_layout_side *side, size_t n_files, quire_source model,
          const char *path)
{
    *side = (quire_layout_side){NULL, 0};
    QUIRE_TRY(
        quire_arena_take(j->ctx, &s->arena, (n_files + 2) * sizeof *side->files, &side->files));
    return add_side_file(j, s, side, model, quire_bytes_of(last_component(path)));
}

static quire_status
make_in_side(job *j, sides *s)
{
    const quire_source model = j->has_encoded ? j->encoded.source : j->model->files[1].source;
    QUIRE_TRY(init_side(j, s, &s->in, j->n_files, model, j->options.input));
    return add_data_files(j, s, &s->in, j->model, j->n_files);
}

static quire_status
compare_sides(job *j, sides *s)
{
    QUIRE_TRY(make_in_side(j, s));
    QUIRE_TRY(quire_receipt_make(j->ctx, &s->in, &s->out, &j->receipt));
    j->has_receipt = true;
    return QUIRE_OK;
}

static quire_status
compare_with_written(job *j, sides *s, const quire_model *written)
{
    QUIRE_TRY(init_side(j, s, &s->out, written->n_files, written->files[1].source, j->output));
    QUIRE_TRY(add_data_files(j, s, &s->out, written, written->n_files));
    return compare_sides(j, s);
}

static quire_status
receipt_of_written(job *j, const quire_model *written)
{
    sides s;
    quire_arena_init(&s.arena, j->ctx->alloc);
    const quire_status status = compare_with_written(j, &s, written);
    quire_arena_deinit(&s.arena);
    return status;
}

/* A dry run: the planned ropes are read as if they were files. */
static quire_status
compare_with_plan(job *j, sides *s, quire_rope *model, quire_rope *data)
{
    quire_bytes data_name;
    QUIRE_TRY(quire_model_save_plan(j->ctx, j->model, j->output, model, data, &data_name));
    QUIRE_TRY(
        init_side(j, s, &s->out, j->n_files, quire_rope_as_source(model, j->output), j->output));
    if (data_name.len == 0) {
        QUIRE_TRY(add_data_files(j, s, &s->out, j->model, j->n_files));
    } else if (data->size > 0) {
        QUIRE_TRY(add_side_file(j, s, &s->out, quire_rope_as_source(data, "data file"), data_name));
    }
    return compare_sides(j, s);
}

static quire_status
receipt_of_plan(job *j)
{
    sides s;
    quire_rope model, data;
    quire_arena_init(&s.arena, j->ctx->alloc);
    quire_rope_init(&model, j->ctx->alloc);
    quire_rope_init(&data, j->ctx->alloc);
    const quire_status status = compare_with_plan(j, &s, &model, &data);
    quire_rope_deinit(&data);
    quire_rope_deinit(&model);
    quire_arena_deinit(&s.arena);
    return status;
}

/* A model given as text has no bytes to account for; those it would have are kept for the
 * receipt. */
static quire_status
copy_rope(job *j, const quire_rope *rope)
{
    uint8_t buffer[1 << 14];
    const quire_source source = quire_rope_as_source(rope, "encoded model");
    for (uint64_t at = 0, off; at < source.size;) {
        const uint64_t left = source.size - at;
        const size_t n = left < sizeof buffer ? (size_t)left : sizeof buffer;
        QUIRE_TRY(quire_source_read(j->ctx, &source, at, buffer, n));
        QUIRE_TRY(quire_spool_append(j->ctx, &j->encoded, buffer, n, &off));
        at += n;
    }
    return QUIRE_OK;
}

static quire_status
encode_text_input(job *j)
{
    quire_rope rope;
    if (j->model->src.len > 0) return QUIRE_OK;
    QUIRE_TRY(quire_spool_create(j->ctx, NULL, &j->encoded));
    j->has_encoded = true;
    quire_rope_init(&rope, j->ctx->alloc);
    quire_status status = quire_model_export(j->ctx, j->model, &rope);
    if (status == QUIRE_OK) status = copy_rope(j, &rope);
    quire_rope_deinit(&rope);
    return status;
}

/* --- the run ---------------------------------------------------------------------------------- */

static quire_status
make_report(job *j)
{
    const quire_report report = {.model = j->model,
                                 .tables = &j->tables,
                                 .annotations = quire_table_source_texts(&j->source),
                                 .source = quire_table_source_name(&j->source),
                                 .receipt = j->has_receipt ? &j->receipt : NULL,
                                 .dry_run = j->options.dry_run != 0,
                                 .input = j->options.input,
                                 .output = j->output};
    quire_writer w;
    quire_writer_to_text(&w, j->ctx, &j->report);
    QUIRE_TRY(quire_report_write(&w, &report, j->options.report_format));
    return quire_writer_finish(&w);
}

static size_t
count_tables(const quire_tables *tables)
{
    size_t n = 0;
    for (size_t i = 0; i < tables->n_tables; i++)
        n += tables->tables[i].quantized;
    return n;
}

/* Called with the staged file, before anything has its final name. */
static quire_status
verify_written(quire_ctx *ctx, void *data, const quire_model *written)
{
    job *j = data;
    QUIRE_TRY(quire_tables_check(ctx, &j->tables, written));
    QUIRE_TRY(receipt_of_written(j, written));
    QUIRE_TRY(make_report(j));
    return j->hooks.ready != NULL ? j->hooks.ready(ctx, j->hooks.data) : QUIRE_OK;
}

static quire_status
run_passes(job *j)
{
    quire_run run = {.model = j->model, .tables = &j->tables};
    const quire_manager_options manager = {0};
    j->tables.beside = j->output;
    j->tables.plan_only = j->options.dry_run != 0;
    /* Which tables stay as they are must be known before the output is laid out. */
    j->tables.made_when_saved = !j->options.keep_non_finite;
    QUIRE_TRY(
        quire_table_source_load(j->ctx, j->model, &j->tables, j->hooks.annotator, &j->source));
    return quire_pipeline_run(j->ctx, &run, pipeline, &manager);
}

/* No input is to be written over. */
static quire_status
check_output(job *j)
{
    const quire_quantize_options *o = &j->options;
    QUIRE_TRY(quire_save_check_path(j->ctx, j->model, j->output));
    if (j->hooks.check != NULL) QUIRE_TRY(j->hooks.check(j->ctx, j->model, j->hooks.data));
    if (o->annotations != NULL)
        QUIRE_TRY(quire_save_check_input(j->ctx, j->output, o->annotations, "annotation file"));
    if (o->recipe != NULL)
        QUIRE_TRY(quire_save_check_input(j->ctx, j->output, o->recipe, "recipe"));
    if (o->rules == NULL) return QUIRE_OK;
    return quire_save_check_input(j->ctx, j->output, o->rules, "rules file");
}

static quire_status
load(job *j)
{
    QUIRE_TRY(quire_model_load(j->ctx, j->options.input, &j->model));
    QUIRE_TRY(check_output(j));
    j->n_files = j->model->n_files;
    return encode_text_input(j);
}

static quire_status
work(job *j)
{
    if (j->output == NULL) QUIRE_TRY(assume_output(j));
    QUIRE_TRY(load(j));
    QUIRE_TRY(run_passes(j));
    if (count_tables(&j->tables) == 0 && !j->options.allow_empty) {
        QUIRE_TRY(make_report(j));
        return QUIRE_NONE;
    }
    QUIRE_TRY(quire_table_source_store(j->ctx, j->model, &j->tables, &j->source));
    if (j->options.dry_run) {
        QUIRE_TRY(receipt_of_plan(j));
        return make_report(j);
    }
    const quire_save_options save = {.path = j->output, .verify = verify_written, .data = j};
    return quire_model_save(j->ctx, j->model, &save);
}

static void
fill_result(const job *j, quire_quantize_result *out)
{
    quire_quantize_result r = {.size = out->size, .n_tables = (uint32_t)count_tables(&j->tables)};
    for (size_t i = 0; i < j->tables.n_lookups; i++)
        r.n_skipped += !j->tables.lookups[i].lowered;
    if (j->has_receipt) {
        r.input_bytes = j->receipt.input_bytes;
        r.output_bytes = j->receipt.output_bytes;
    }
    memcpy(out, &r, out->size < sizeof r ? out->size : sizeof r);
}

static void
deinit(job *j)
{
    quire_text_free(j->ctx, &j->report);
    if (j->has_receipt) quire_receipt_deinit(j->ctx, &j->receipt);
    quire_table_source_deinit(j->ctx, &j->source);
    quire_model_destroy(j->ctx, j->model);
    quire_tables_deinit(j->ctx, &j->tables);
    if (j->has_encoded) quire_spool_close(j->ctx, &j->encoded);
    quire_free(j->ctx->alloc, j->assumed, j->assumed_size);
}

quire_status
quire_quantize_report(quire_ctx *ctx, const quire_quantize_options *options,
                      const quire_quantize_hooks *hooks, quire_quantize_result *out_result,
                      quire_text *out_report)
{
    job j = {.ctx = ctx};
    const char *outer = ctx->file;
    *out_report = (quire_text){0};
    if (!quire_quantize_options_complete(options, &j.options))
        return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                               "the options' size is not one of this library's");
    QUIRE_TRY(quire_quantize_options_check(ctx, &j.options));
    j.hooks = *hooks;
    ctx->file = strcmp(j.options.input, "-") == 0 ? "standard input" : j.options.input;
    j.output = j.options.output;
    quire_tables_init(&j.tables, &j.options);
    const quire_status status = work(&j);
    if (status == QUIRE_OK || status == QUIRE_NONE) {
        if (out_result != NULL) fill_result(&j, out_result);
        *out_report = j.report;
        j.report = (quire_text){0};
    }
    deinit(&j);
    ctx->file = outer;
    return status;
}
