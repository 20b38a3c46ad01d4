/* save_recipe.c - see save_recipe.h. */
#include "save_recipe.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "graph/save.h"
#include "plugin/recipe_write.h"

/* --- where it may go -------------------------------------------------------------------------- */

static quire_status
refuse(quire_ctx *ctx, const char *path, const char *what)
{
    return quire_fail_file(ctx, QUIRE_E_USAGE, path,
                           "--save-recipe would write over %s; name another file", what);
}

/* The folder of a path; {0} device and inode if it cannot be looked at. */
static quire_status
stat_folder(quire_ctx *ctx, const char *path, const char **out_name, struct stat *out)
{
    const char *slash = strrchr(path, '/');
    const size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 2;
    char *folder = quire_alloc(ctx->alloc, len + 1);
    if (folder == NULL) return quire_nomem(ctx);
    memcpy(folder, slash != NULL ? path : "./", len);
    folder[len] = '\0';
    *out_name = slash != NULL ? slash + 1 : path;
    if (ctx->io->stat(ctx->io->data, AT_FDCWD, folder, out, 0) != 0) *out = (struct stat){0};
    quire_free(ctx->alloc, folder, len + 1);
    return QUIRE_OK;
}

/* Of two files that need not be there yet. */
static quire_status
same_place(quire_ctx *ctx, const char *a, const char *b, bool *out)
{
    struct stat of_a, of_b;
    const char *name_a, *name_b;
    QUIRE_TRY(stat_folder(ctx, a, &name_a, &of_a));
    QUIRE_TRY(stat_folder(ctx, b, &name_b, &of_b));
    *out = strcmp(a, b) == 0 || (strcmp(name_a, name_b) == 0 && of_a.st_ino != 0 &&
                                 of_a.st_ino == of_b.st_ino && of_a.st_dev == of_b.st_dev);
    return QUIRE_OK;
}

/* What graph/save.h finds, told in the words of this option. */
static quire_status
tell_found(quire_ctx *ctx, const char *path, const char *what, quire_status found)
{
    if (found == QUIRE_OK) return QUIRE_OK;
    if (found == QUIRE_E_USAGE) return refuse(ctx, path, what);
    if (found == QUIRE_E_NOMEM) return quire_nomem(ctx);
    return quire_fail_file(ctx, found, path, "it cannot be looked at");
}

static quire_status
check_read(quire_ctx *ctx, quire_ctx *quiet, const char *path, const char *other)
{
    if (other == NULL) return QUIRE_OK;
    return tell_found(ctx, path, "a file that is read",
                      quire_save_check_input(quiet, path, other, ""));
}

quire_status
save_recipe_check(quire_ctx *ctx, const save_recipe *s, const quire_model *m, const char *output,
                  const annotators *a, const char *rules)
{
    quire_ctx quiet = *ctx;
    bool same = false;
    quiet.sink = NULL;
    if (s->path == NULL) return QUIRE_OK;
    QUIRE_TRY(tell_found(ctx, s->path, "the model that is read, or its data",
                         quire_save_check_path(&quiet, m, s->path)));
    QUIRE_TRY(check_read(ctx, &quiet, s->path, rules));
    QUIRE_TRY(check_read(ctx, &quiet, s->path, a->recipe));
    for (size_t i = 0; i < a->plugins.n; i++)
        QUIRE_TRY(check_read(ctx, &quiet, s->path, a->plugins.paths[i]));
    if (output == NULL) return QUIRE_OK;
    QUIRE_TRY(same_place(ctx, s->path, output, &same));
    if (same) return refuse(ctx, s->path, "the output");
    return tell_found(ctx, s->path, "the output",
                      quire_save_check_input(&quiet, s->path, output, ""));
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Plugins are loaded once more for the run itself, and their warnings told then. */
static void
pass_errors_on(void *data, const quire_diagnostic *diagnostic)
{
    cli *c = data;
    if (diagnostic->severity == QUIRE_ERROR && c->ctx.sink != NULL)
        c->ctx.sink(c->ctx.sink_data, diagnostic);
}

static quire_status
make(cli *c, const annotators *a, const char *rules, quire_text *out)
{
    const quire_annotators by = annotators_by(a, rules, QUIRE_CONFLICT_ERROR);
    quire_registry registry;
    quire_writer w;
    quire_ctx quiet = c->ctx;
    quiet.sink = pass_errors_on;
    quiet.sink_data = c;
    QUIRE_TRY(plugins_open(&quiet, &a->plugins, NULL, &registry));
    quire_writer_to_text(&w, &c->ctx, out);
    quire_status status = quire_recipe_write(&w, &registry, &by);
    if (status == QUIRE_OK) status = quire_writer_finish(&w);
    quire_registry_deinit(&registry);
    return status;
}

static quire_status
stage(cli *c, save_recipe *s, const quire_text *text)
{
    QUIRE_TRY(quire_staged_create(&c->ctx, s->path, &s->staged));
    s->is_staged = true;
    QUIRE_TRY(quire_staged_write(&c->ctx, &s->staged, text->ptr, text->len));
    return quire_staged_sync(&c->ctx, &s->staged);
}

quire_status
save_recipe_stage(cli *c, save_recipe *s, const annotators *a, const char *rules)
{
    quire_text text = {0};
    if (s->path == NULL) return QUIRE_OK;
    if (strcmp(s->path, "-") == 0)
        return cli_usage(c, "--save-recipe cannot be standard output; name a file");
    quire_status status = make(c, a, rules, &text);
    if (status == QUIRE_OK) status = stage(c, s, &text);
    quire_text_free(&c->ctx, &text);
    return status;
}

quire_status
save_recipe_commit(quire_ctx *ctx, save_recipe *s)
{
    return s->is_staged ? quire_staged_commit(ctx, &s->staged) : QUIRE_OK;
}

void
save_recipe_end(cli *c, save_recipe *s)
{
    if (s->is_staged) quire_staged_abandon(&c->ctx, &s->staged);
    s->is_staged = false;
}
