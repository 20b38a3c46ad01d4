/* save.c - see save.h.
 *
 * Order: data first (its name depends on its content), then the model, verified under its temporary name; the rename of
 * the model is the commit point. Data files this save made are taken back if anything after them fails.
 */
#include "graph/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/commit.h"
#include "base/diag.h"
#include "base/io.h"
#include "base/temp.h"
#include "graph/edit.h"
#include "graph/export.h"
#include "graph/external.h"
#include "graph/import.h"
#include "graph/verify.h"

typedef struct saver {
    quire_ctx *ctx;
    quire_model *m;
    const quire_save_options *options;
    const char *base_name; /* last component of the output path          */
    char *directory;       /* of the output path; as temp_split gives it */
    size_t directory_size;
    int dir;               /* open descriptor of it                      */
    bool same_folder;      /* as the input's                             */
    quire_bytes data_name; /* new data file, empty if none               */
    quire_bytes *made;     /* data files that were not there before      */
    size_t n_made, made_room;
    quire_bytes *stale; /* data files of the output that is replaced  */
    size_t n_stale, stale_room;
} saver;

/* --- the path --------------------------------------------------------------------------------- */

/* Is there a file `name` in folder `dir`? Not knowing is an error: what is taken to be absent may
 * be overwritten. `shown` is for the message. */
static quire_status
look_at(quire_ctx *ctx, int dir, const char *name, const char *shown, int flags, struct stat *out,
        bool *out_there)
{
    *out_there = ctx->io->stat(ctx->io->data, dir, name, out, flags) == 0;
    if (*out_there || errno == ENOENT || errno == ENOTDIR) return QUIRE_OK;
    return quire_fail_file(ctx, QUIRE_E_IO, shown, "it cannot be looked at: %s",
                           quire_io_error_text(errno));
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static quire_status
is_an_input(quire_ctx *ctx, const char *path, const char *what)
{
    return quire_fail_file(ctx, QUIRE_E_USAGE, path,
                           "the output is the %s itself; name another file with -o", what);
}

quire_status
quire_save_check_path(quire_ctx *ctx, const quire_model *m, const char *path)
{
    if (strcmp(path, "-") == 0)
        return quire_fail(ctx, QUIRE_E_USAGE, NULL,
                          "the output cannot be standard output; name a file with -o");
    struct stat there, text;
    bool is_there, is_text = false;
    QUIRE_TRY(look_at(ctx, AT_FDCWD, path, path, 0, &there, &is_there));
    if (!is_there) return QUIRE_OK;
    /* A model that was text has no source of its own any more, only a path. */
    if (m->path != NULL) QUIRE_TRY(look_at(ctx, AT_FDCWD, m->path, path, 0, &text, &is_text));
    if (is_text && same_file(&text, &there)) return is_an_input(ctx, path, "input");
    for (size_t i = 1; i < m->n_files; i++) {
        const quire_source *source = &m->files[i].source;
        if (source->fd < 0 || !same_file(&source->opened, &there)) continue;
        return is_an_input(ctx, path, i == 1 ? "input" : "input's data file");
    }
    return QUIRE_OK;
}

quire_status
quire_save_check_input(quire_ctx *ctx, const char *path, const char *input, const char *what)
{
    struct stat there, other;
    bool is_there, is_other;
    QUIRE_TRY(look_at(ctx, AT_FDCWD, path, path, 0, &there, &is_there));
    if (!is_there) return QUIRE_OK;
    QUIRE_TRY(look_at(ctx, AT_FDCWD, input, path, 0, &other, &is_other));
    return is_other && same_file(&there, &other) ? is_an_input(ctx, path, what) : QUIRE_OK;
}

/* Is the output's folder the input's? */
static quire_status
compare_folders(saver *s)
{
    struct stat a;
    struct stat b;
    const quire_io *io = s->ctx->io;
    if (s->m->directory < 0) return QUIRE_OK;
    if (io->fstat(io->data, s->m->directory, &a) != 0 || io->fstat(io->data, s->dir, &b) != 0) {
        return quire_fail_file(s->ctx, QUIRE_E_IO, s->options->path,
                               "its folder cannot be looked at: %s", quire_io_error_text(errno));
    }
    s->same_folder = a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return QUIRE_OK;
}

static quire_status
open_folder(saver *s)
{
    QUIRE_TRY(quire_temp_split(s->ctx, s->options->path, &s->directory, &s->directory_size,
                               &s->base_name));
    s->dir =
        quire_io_open(s->ctx->io, AT_FDCWD, s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (s->dir >= 0) return compare_folders(s);
    return quire_fail_file(s->ctx, QUIRE_E_IO, s->options->path,
                           "its folder cannot be opened: %s; make it or name another",
                           quire_io_error_text(errno));
}

static quire_status
is_there(saver *s, const char *name, bool *out)
{
    struct stat st;
    return look_at(s->ctx, s->dir, name, name, AT_SYMLINK_NOFOLLOW, &st, out);
}

static quire_status
path_in_folder(saver *s, const char *name, quire_bytes *out)
{
    return quire_arena_format(s->ctx, &s->m->arena, out, "%s/%s", s->directory, name);
}

static quire_status
remember(saver *s, quire_bytes **list, size_t *n, size_t *room, quire_bytes name)
{
    QUIRE_TRY(quire_grow(s->ctx, list, room, *n + 1, sizeof **list));
    return quire_arena_copy(s->ctx, &s->m->arena, name, &(*list)[(*n)++]);
}

/* --- a new data file -------------------------------------------------------------------------- */

static quire_status
name_of_data(saver *s, const char *base_name, uint64_t hash, quire_bytes *out)
{
    return quire_arena_format(s->ctx, &s->m->arena, out, "%s.%08x.data", base_name,
                              (unsigned)(hash >> 32));
}

static quire_status
commit_data(saver *s, quire_staged *staged, const quire_rope *rope)
{
    uint64_t hash;
    QUIRE_TRY(quire_staged_write_rope(s->ctx, staged, rope, &hash));
    QUIRE_TRY(name_of_data(s, s->base_name, hash, &s->data_name));
    const char *name = (const char *)s->data_name.ptr;
    QUIRE_TRY(quire_staged_set_name(s->ctx, staged, name));
    bool was_there;
    QUIRE_TRY(is_there(s, name, &was_there));
    if (!was_there) QUIRE_TRY(remember(s, &s->made, &s->n_made, &s->made_room, s->data_name));
    QUIRE_TRY(quire_staged_commit(s->ctx, staged));
    return quire_external_set_location(s->ctx, s->m, s->data_name);
}

static quire_status
write_new_data(saver *s, const quire_rope *rope)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(s->ctx, s->options->path, &staged));
    const quire_status status = commit_data(s, &staged, rope);
    quire_staged_abandon(s->ctx, &staged);
    return status;
}

static quire_status
save_new_data(saver *s)
{
    quire_rope rope;
    quire_rope_init(&rope, s->m->alloc);
    quire_status status = quire_external_layout(s->ctx, s->m, &rope);
    if (status == QUIRE_OK && rope.n_pieces > 0) {
        quire_rope_finish(&rope);
        status = write_new_data(s, &rope);
    }
    quire_rope_deinit(&rope);
    return status;
}

/* --- copies of unchanged data files ----------------------------------------------------------- */

enum { COMPARE_CHUNK = 1 << 18 };

static quire_status
same_content(saver *s, const quire_source *a, const quire_source *b, bool *out)
{
    *out = a->size == b->size;
    uint8_t *buffer = quire_alloc(s->ctx->alloc, 2 * COMPARE_CHUNK);
    if (buffer == NULL) return quire_nomem(s->ctx);
    quire_status status = QUIRE_OK;
    for (uint64_t at = 0; status == QUIRE_OK && *out && at < a->size; at += COMPARE_CHUNK) {
        const size_t n = a->size - at < COMPARE_CHUNK ? (size_t)(a->size - at) : COMPARE_CHUNK;
        status = quire_source_read(s->ctx, a, at, buffer, n);
        if (status == QUIRE_OK)
            status = quire_source_read(s->ctx, b, at, buffer + COMPARE_CHUNK, n);
        *out = memcmp(buffer, buffer + COMPARE_CHUNK, n) == 0;
    }
    quire_free(s->ctx->alloc, buffer, 2 * COMPARE_CHUNK);
    return status;
}

static quire_status
check_same(saver *s, const quire_file *file, const char *path)
{
    quire_source there;
    bool same = false;
    QUIRE_TRY(quire_source_open(s->ctx, AT_FDCWD, path, &there));
    const quire_status status = same_content(s, &file->source, &there, &same);
    quire_source_close(s->ctx, &there);
    if (status != QUIRE_OK || same) return status;
    return quire_fail_file(
        s->ctx, QUIRE_E_USAGE, path,
        "the output needs a copy of the input's data file here, and another file has that name; "
        "move it or choose another folder");
}

/* Makes the folders of a relative name that are not there. */
static quire_status
make_folders(saver *s, const char *name, const char *path)
{
    char part[4096];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const size_t n = (size_t)(slash - name);
        if (n == 0 || n >= sizeof part) continue;
        memcpy(part, name, n);
        part[n] = '\0';
        if (s->ctx->io->mkdir(s->ctx->io->data, s->dir, part, 0777) == 0 || errno == EEXIST)
            continue;
        return quire_fail_file(s->ctx, QUIRE_E_IO, path, "its folder cannot be made: %s",
                               quire_io_error_text(errno));
    }
    return QUIRE_OK;
}

static quire_status
write_copy(saver *s, const quire_file *file, const char *path)
{
    quire_staged staged;
    quire_rope rope;
    QUIRE_TRY(quire_staged_create(s->ctx, path, &staged));
    quire_rope_init(&rope, s->m->alloc);
    quire_status status = quire_rope_add_source(s->ctx, &rope, &file->source, 0, file->source.size);
    quire_rope_finish(&rope);
    if (status == QUIRE_OK) status = quire_staged_write_rope(s->ctx, &staged, &rope, NULL);
    if (status == QUIRE_OK)
        status = remember(s, &s->made, &s->n_made, &s->made_room, file->location);
    if (status == QUIRE_OK) status = quire_staged_commit(s->ctx, &staged);
    quire_rope_deinit(&rope);
    quire_staged_abandon(s->ctx, &staged);
    return status;
}

static quire_status
copy_data_files(saver *s)
{
    for (size_t i = 2; i < s->m->n_files; i++) {
        const quire_file *file = &s->m->files[i];
        if (file->location.len == 0) continue;
        quire_bytes path;
        const char *name = (const char *)file->location.ptr;
        QUIRE_TRY(path_in_folder(s, name, &path));
        bool was_there;
        QUIRE_TRY(is_there(s, name, &was_there));
        if (was_there) {
            QUIRE_TRY(check_same(s, file, (const char *)path.ptr));
            continue;
        }
        QUIRE_TRY(make_folders(s, name, (const char *)path.ptr));
        QUIRE_TRY(write_copy(s, file, (const char *)path.ptr));
    }
    return QUIRE_OK;
}

/* --- the output that is replaced --------------------------------------------------------------- */

static bool
is_data_of(const char *base_name, quire_bytes location)
{
    const size_t n = strlen(base_name);
    if (location.len != n + 14 || memcmp(location.ptr, base_name, n) != 0 || location.ptr[n] != '.')
        return false;
    for (size_t i = n + 1; i < n + 9; i++) {
        const uint8_t c = location.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return memcmp(location.ptr + n + 9, ".data", 5) == 0;
}

static bool
is_read_by_input(const saver *s, quire_bytes location)
{
    for (size_t i = 2; i < s->m->n_files; i++) {
        if (quire_bytes_equal(s->m->files[i].location, location) && s->same_folder) return true;
    }
    return false;
}

/* Notes the data files of our naming that the present output names. A file that is no model has none. */
static quire_status
note_stale(saver *s)
{
    bool was_there;
    QUIRE_TRY(is_there(s, s->base_name, &was_there));
    if (!was_there) return QUIRE_OK;
    quire_ctx quiet = *s->ctx;
    quiet.sink = NULL;
    quire_model *old = NULL;
    if (quire_model_load(&quiet, s->options->path, &old) != QUIRE_OK) return QUIRE_OK;
    quire_status status = QUIRE_OK;
    for (size_t i = 2; status == QUIRE_OK && i < old->n_files; i++) {
        const quire_bytes location = old->files[i].location;
        if (is_data_of(s->base_name, location) && !is_read_by_input(s, location))
            status = remember(s, &s->stale, &s->n_stale, &s->stale_room, location);
    }
    quire_model_destroy(s->ctx, old);
    return status;
}

static void
remove_all(saver *s, const quire_bytes *names, size_t n, quire_bytes except)
{
    for (size_t i = 0; i < n; i++) {
        if (!quire_bytes_equal(names[i], except))
            s->ctx->io->unlink(s->ctx->io->data, s->dir, (const char *)names[i].ptr);
    }
}

/* --- the model -------------------------------------------------------------------------------- */

/* Reading back tells errors; a warning about the model was told when it was first read. */
static void
pass_errors(void *data, const quire_diagnostic *d)
{
    const quire_ctx *outer = data;
    if (d->severity == QUIRE_ERROR && outer->sink != NULL) outer->sink(outer->sink_data, d);
}

static quire_status
verify_written(saver *s, const quire_staged *staged)
{
    quire_source source;
    quire_model *written = NULL;
    quire_ctx again = *s->ctx;
    again.sink = pass_errors;
    again.sink_data = s->ctx;
    QUIRE_TRY(quire_staged_open(&again, staged, &source));
    QUIRE_TRY(quire_model_import(&again, source, s->options->path, NULL, &written));
    quire_status status = QUIRE_OK;
    if (s->options->verify != NULL) status = s->options->verify(&again, s->options->data, written);
    quire_model_destroy(&again, written);
    return status;
}

static quire_status
check_inputs(saver *s)
{
    for (size_t i = 1; i < s->m->n_files; i++) {
        if (s->m->files[i].owned)
            QUIRE_TRY(quire_source_check_unchanged(s->ctx, &s->m->files[i].source));
    }
    return QUIRE_OK;
}

static quire_status
write_model(saver *s, quire_staged *staged)
{
    quire_rope rope;
    quire_rope_init(&rope, s->m->alloc);
    quire_status status = quire_model_export(s->ctx, s->m, &rope);
    if (status == QUIRE_OK) status = quire_staged_write_rope(s->ctx, staged, &rope, NULL);
    quire_rope_deinit(&rope);
    QUIRE_TRY(status);
    QUIRE_TRY(check_inputs(s));
    QUIRE_TRY(quire_staged_sync(s->ctx, staged));
    QUIRE_TRY(verify_written(s, staged));
    return quire_staged_commit(s->ctx, staged);
}

static quire_status
save_model(saver *s)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(s->ctx, s->options->path, &staged));
    const quire_status status = write_model(s, &staged);
    quire_staged_abandon(s->ctx, &staged);
    return status;
}

/* Makes the model fit to be written: interface names settled, the verifier content. */
static quire_status
prepare(quire_ctx *ctx, quire_model *m)
{
    QUIRE_TRY(quire_model_settle_outputs(ctx, m));
    return quire_model_verify(ctx, m, QUIRE_E_INTERNAL);
}

static quire_status
save_all(saver *s)
{
    QUIRE_TRY(open_folder(s));
    QUIRE_TRY(prepare(s->ctx, s->m));
    QUIRE_TRY(note_stale(s));
    if (quire_external_changed(s->m)) {
        QUIRE_TRY(save_new_data(s));
    } else if (!s->same_folder) {
        QUIRE_TRY(copy_data_files(s));
    }
    return save_model(s);
}

quire_status
quire_model_save(quire_ctx *ctx, quire_model *m, const quire_save_options *options)
{
    saver s = {.ctx = ctx, .m = m, .options = options, .dir = -1};
    const quire_status status = save_all(&s);
    if (status == QUIRE_OK) {
        remove_all(&s, s.stale, s.n_stale, s.data_name);
    } else {
        remove_all(&s, s.made, s.n_made, (quire_bytes){NULL, 0});
    }
    if (s.dir >= 0) quire_io_close(ctx->io, s.dir);
    quire_free(ctx->alloc, s.directory, s.directory_size);
    quire_ungrow(ctx->alloc, &s.made, &s.made_room, sizeof *s.made);
    quire_ungrow(ctx->alloc, &s.stale, &s.stale_room, sizeof *s.stale);
    return status;
}

quire_status
quire_model_save_plan(quire_ctx *ctx, quire_model *m, const char *path, quire_rope *model,
                      quire_rope *data, quire_bytes *out_data_name)
{
    const char *slash = strrchr(path, '/');
    saver s = {.ctx = ctx, .m = m};
    *out_data_name = (quire_bytes){NULL, 0};
    QUIRE_TRY(prepare(ctx, m));
    if (quire_external_changed(m)) {
        QUIRE_TRY(quire_external_layout(ctx, m, data));
        QUIRE_TRY(name_of_data(&s, slash != NULL ? slash + 1 : path, 0, out_data_name));
        QUIRE_TRY(quire_external_set_location(ctx, m, *out_data_name));
    }
    quire_rope_finish(data);
    return quire_model_export(ctx, m, model);
}
