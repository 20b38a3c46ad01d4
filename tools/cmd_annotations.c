/* cmd_annotations.c - quire annotations: the text of a model's annotations, out of it, into it,
 * resolved. Comparing is in cmd_annotations_compare.c.
 */
#include "cmd_annotations.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/commit.h"
#include "base/diag.h"
#include "base/io.h"
#include "base/source.h"
#include "graph/import.h"
#include "graph/save.h"
#include "passes/annotate.h"

/* --- files ------------------------------------------------------------------------------------ */

static quire_status
write_file(cli *c, const char *path, const quire_text *text)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(&c->ctx, path, &staged));
    quire_status status = quire_staged_write(&c->ctx, &staged, text->ptr, text->len);
    if (status == QUIRE_OK) status = quire_staged_commit(&c->ctx, &staged);
    quire_staged_abandon(&c->ctx, &staged);
    return status;
}

/* All of standard input; at most 1 GiB. */
static quire_status
read_stdin(cli *c, quire_text *out)
{
    const uint64_t limit = (uint64_t)1 << 30;
    quire_source source;
    QUIRE_TRY(quire_source_spool(&c->ctx, STDIN_FILENO, "standard input", &source));
    const size_t n = (size_t)source.size;
    quire_status status = QUIRE_OK;
    *out = (quire_text){0};
    if (source.size > limit)
        status = quire_fail_file(&c->ctx, QUIRE_E_LIMIT, source.name,
                                 "it has %llu bytes; at most %llu are read",
                                 (unsigned long long)source.size, (unsigned long long)limit);
    if (status == QUIRE_OK) status = quire_grow(&c->ctx, &out->ptr, &out->room, n + 1, 1);
    if (status == QUIRE_OK) status = quire_source_read(&c->ctx, &source, 0, out->ptr, n);
    out->len = n;
    quire_source_close(&c->ctx, &source);
    if (status != QUIRE_OK) quire_text_free(&c->ctx, out);
    return status;
}

quire_status
annotations_read_text(cli *c, const char *path, quire_text *out)
{
    return strcmp(path, "-") == 0 ? read_stdin(c, out) : quire_read_text_file(&c->ctx, path, out);
}

quire_status
annotations_parse(cli *c, quire_model *m, quire_slot_missing missing, const char *origin,
                  quire_bytes text, quire_claims *io_claims)
{
    quire_slot_reader reader;
    QUIRE_TRY(quire_slot_reader_init(&c->ctx, m, missing, &reader));
    reader.origin = origin;
    const quire_status status = quire_claims_parse(&reader, text, io_claims);
    quire_slot_reader_deinit(&reader);
    return status;
}

quire_status
annotations_parse_file(cli *c, quire_model *m, quire_slot_missing missing, const char *path,
                       quire_claims *io_claims)
{
    quire_text text;
    QUIRE_TRY(annotations_read_text(c, path, &text));
    const quire_bytes bytes = {(const uint8_t *)text.ptr, text.len};
    const char *origin = strcmp(path, "-") == 0 ? "standard input" : path;
    const quire_status status = annotations_parse(c, m, missing, origin, bytes, io_claims);
    quire_text_free(&c->ctx, &text);
    return status;
}

/* --- export ----------------------------------------------------------------------------------- */

static quire_status
export_to_file(cli *c, const char *path, const quire_model *m, const quire_resolved *resolved)
{
    quire_text text;
    quire_writer w;
    quire_writer_to_text(&w, &c->ctx, &text);
    quire_claims_print(&w, m, &resolved->claims);
    quire_status status = quire_writer_finish(&w);
    quire_writef(&c->out, "%s: %zu slot%s\n", path, resolved->n_annotations,
                 resolved->n_annotations == 1 ? "" : "s");
    if (status == QUIRE_OK) status = quire_writer_finish(&c->out); /* can fail: before the file */
    if (status == QUIRE_OK) status = write_file(c, path, &text);
    quire_text_free(&c->ctx, &text);
    return status;
}

static quire_status
export_loaded(cli *c, const request *r, quire_model *m)
{
    quire_annotations a;
    quire_status status = QUIRE_OK;
    c->ctx.file = r->args[0];
    if (r->output != NULL) QUIRE_TRY(quire_save_check_path(&c->ctx, m, r->output));
    QUIRE_TRY(quire_annotations_load(&c->ctx, m, NULL, NULL, NULL, &a));
    if (a.kind == QUIRE_FROM_NOTHING)
        quire_tell(&c->ctx, QUIRE_NOTE, NULL, "the model has no annotations: an empty text");
    if (r->output != NULL) {
        status = export_to_file(c, r->output, m, &a.resolved);
    } else {
        quire_claims_print(&c->out, m, &a.resolved.claims);
    }
    quire_annotations_deinit(&c->ctx, &a);
    return status;
}

static quire_status
with_model(cli *c, const request *r, quire_status (*work)(cli *c, const request *r, quire_model *m))
{
    quire_model *m;
    QUIRE_TRY(quire_model_load(&c->ctx, r->args[0], &m));
    const quire_status status = work(c, r, m);
    quire_model_destroy(&c->ctx, m);
    return status;
}

static quire_status
export_text(cli *c, const request *r)
{
    return with_model(c, r, export_loaded);
}

/* --- import ----------------------------------------------------------------------------------- */

static quire_status
resolve_strictly(cli *c, const request *r, quire_model *m, quire_resolved *out)
{
    const quire_resolve_options strict = {0};
    quire_claims claims = {0};
    quire_status status = annotations_parse_file(c, m, QUIRE_MISSING_REFUSED, r->args[1], &claims);
    c->ctx.file = r->args[1];
    if (status == QUIRE_OK)
        status = quire_resolve_or_fail(&c->ctx, m, &claims, &strict, QUIRE_E_INVALID, out);
    c->ctx.file = NULL;
    quire_claims_deinit(&c->ctx, &claims);
    return status;
}

static quire_status
import_loaded(cli *c, const request *r, quire_model *m)
{
    const quire_save_options save = {.path = r->output};
    quire_resolved resolved;
    QUIRE_TRY(quire_save_check_path(&c->ctx, m, r->output));
    QUIRE_TRY(quire_save_check_input(&c->ctx, r->output, r->args[1], "annotation file"));
    QUIRE_TRY(resolve_strictly(c, r, m, &resolved));
    c->ctx.file = r->args[0];
    quire_status status = quire_annotations_store(&c->ctx, m, &resolved.claims);
    quire_writef(&c->out, "%s: %zu slot%s in %zu group%s\n", r->output, resolved.n_annotations,
                 resolved.n_annotations == 1 ? "" : "s", resolved.n_groups,
                 resolved.n_groups == 1 ? "" : "s");
    if (status == QUIRE_OK) status = quire_writer_finish(&c->out); /* can fail: before the file */
    if (status == QUIRE_OK) status = quire_model_save(&c->ctx, m, &save);
    quire_resolved_deinit(&c->ctx, &resolved);
    return status;
}

static quire_status
import_text(cli *c, const request *r)
{
    if (r->output == NULL) return cli_usage(c, "the output is missing; name it with -o FILE");
    return with_model(c, r, import_loaded);
}

/* --- resolve ---------------------------------------------------------------------------------- */

static quire_status
write_outcome(cli *c, const request *r, const quire_model *m, const quire_resolved *resolved)
{
    if (r->format == QUIRE_FORMAT_JSON) {
        quire_resolved_write_json(&c->out, m, resolved);
    } else if (resolved->error != QUIRE_NAMED_NONE) {
        quire_writef(&c->out, "error: %s\n", resolved->message.ptr);
    } else {
        quire_claims_print(&c->out, m, &resolved->claims);
    }
    return resolved->error != QUIRE_NAMED_NONE ? QUIRE_NONE : QUIRE_OK;
}

static quire_status
resolve_loaded(cli *c, const request *r, quire_model *m)
{
    quire_claims claims = {0};
    quire_resolved resolved;
    quire_status status = annotations_parse_file(c, m, QUIRE_MISSING_REFUSED, r->args[1], &claims);
    if (status == QUIRE_OK) status = quire_resolve(&c->ctx, m, &claims, &r->resolve, &resolved);
    quire_claims_deinit(&c->ctx, &claims);
    if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    status = write_outcome(c, r, m, &resolved);
    quire_resolved_deinit(&c->ctx, &resolved);
    return status;
}

static quire_status
resolve_text(cli *c, const request *r)
{
    return with_model(c, r, resolve_loaded);
}

/* --- command line ----------------------------------------------------------------------------- */

#define OUTPUT_ROW(help)                                                                           \
    {                                                                                              \
        "output", 'o', "FILE", help                                                                \
    }

static const option_row export_rows[] = {OUTPUT_ROW("where the text goes (standard output)")};
static const option_row import_rows[] = {OUTPUT_ROW("where the annotated model goes")};
static const option_row compare_rows[] = {FORMAT_ROW("of the answer (text)")};
static const option_row resolve_rows[] = {
    FORMAT_ROW("of the answer (text)"),
    CONFLICT_ROW("equal priorities, different specs: an error, or the claimant declared first "
                 "holds (error)"),
    {"declared", 0, "A,B,...", "claimants in declared order, for --conflict first"},
};

/* Verbs of the verb, and by the same index what they do. */
static const cli_verb verbs[] = {
    {"annotations export", cmd_annotations, "MODEL [-o FILE]", "print a model's annotations"},
    {"annotations import", cmd_annotations, "MODEL FILE -o OUT",
     "resolve a text's requests and write the model with the result"},
    {"annotations check", cmd_annotations, "MODEL FILE",
     "is the model annotated as the file says? 0 yes, 1 no: what differs"},
    {"annotations diff", cmd_annotations, "A B",
     "how the annotations of two models or texts differ; 0 not at all"},
    {"annotations resolve", cmd_annotations, "MODEL REQUESTS",
     "resolve requests of several claimants; 1 and the named error, if there is one"},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static const struct task {
    quire_status (*work)(cli *c, const request *r);
    const option_row *rows;
    size_t n_rows;
    int n_args;
} tasks[N_VERBS] = {
    {export_text, export_rows, 1, 1},        {import_text, import_rows, 1, 2},
    {annotations_check, compare_rows, 1, 2}, {annotations_diff, compare_rows, 1, 2},
    {resolve_text, resolve_rows, 3, 2},
};

typedef struct parsing {
    request request;
    const struct task *task;
    const char **declared; /* with room for n_declared; its texts are in `names` */
    char *names;
    size_t n_declared, names_size;
} parsing;

/* "a,b,c": cut in place. */
static quire_status
take_declared(cli *c, parsing *p, const char *value)
{
    if (p->names != NULL) return cli_usage(c, "--declared is given twice; give all in one");
    p->names_size = strlen(value) + 1;
    p->n_declared = 1;
    for (const char *at = value; *at != '\0'; at++)
        p->n_declared += *at == ',' ? 1 : 0;
    p->names = quire_alloc(c->ctx.alloc, p->names_size);
    p->declared = quire_alloc(c->ctx.alloc, p->n_declared * sizeof *p->declared);
    if (p->names == NULL || p->declared == NULL) return quire_nomem(&c->ctx);
    memcpy(p->names, value, p->names_size);
    char *at = p->names;
    for (size_t i = 0; i < p->n_declared; i++) {
        p->declared[i] = at;
        at += strcspn(at, ",");
        if (at == p->declared[i])
            return cli_usage(c, "--declared is \"%s\"; it takes names with commas between them",
                             value);
        *at++ = '\0';
    }
    p->request.resolve.declared = p->declared;
    p->request.resolve.n_declared = p->n_declared;
    return QUIRE_OK;
}

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    parsing *p = state;
    const char *name = p->task->rows[row].name;
    if (strcmp(name, "declared") == 0) return take_declared(c, p, value);
    if (strcmp(name, "format") == 0) return options_format(c, value, &p->request.format);
    if (strcmp(name, "conflict") == 0)
        return options_conflict(c, value, &p->request.resolve.conflict);
    p->request.output = value;
    return QUIRE_OK;
}

/* *out_helped: help was printed, and nothing else is to be done. */
static quire_status
parse_and_work(cli *c, int argc, char **argv, parsing *p, bool *out_helped)
{
    char **args;
    int n;
    const struct task *task = p->task;
    const quire_status parsed =
        options_parse(c, argc, argv, task->rows, task->n_rows, take, p, &args, &n);
    *out_helped = parsed == QUIRE_NONE;
    QUIRE_TRY(parsed);
    if (n != task->n_args)
        return cli_usage(c, "quire %s takes %s; %d argument%s given", c->verb->name,
                         c->verb->arguments, n, n == 1 ? " was" : "s were");
    p->request.args = args;
    return task->work(c, &p->request);
}

static quire_status
run(cli *c, size_t verb, int argc, char **argv)
{
    parsing p = {.task = &tasks[verb]};
    bool helped = false;
    c->verb = &verbs[verb];
    const quire_status status = parse_and_work(c, argc, argv, &p, &helped);
    quire_free(c->ctx.alloc, p.names, p.names_size);
    quire_free(c->ctx.alloc, p.declared, p.n_declared * sizeof *p.declared);
    return helped ? QUIRE_OK : status;
}

quire_status
cmd_annotations(cli *c, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_verbs_list(&c->out, verbs, N_VERBS);
        return QUIRE_OK;
    }
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(strchr(verbs[i].name, ' ') + 1, word) == 0) return run(c, i, argc - 1, argv + 1);
    }
    return cli_usage(c,
                     "quire annotations is followed by export, import, check, diff or resolve, "
                     "not by \"%s\"",
                     word);
}
