/* cmd_plugin_new.c - quire plugin new: a folder with a plugin that compiles, passes the checks, and
 * is to be changed. The folder is new and complete, or not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/io.h"
#include "cmd_plugin.h"
#include "options.h"
#include "plugin/descriptor.h"
#include "plugin/registry.h"
#include "skeleton.inc"

static const option_row rows[] = {{"output", 'o', "FOLDER", "where it goes (./NAME)"}};

static const struct piece {
    const char *suffix; /* of the file, behind NAME; NULL: `file` is its whole name */
    const char *file;
    const unsigned char *text;
    size_t len;
} pieces[] = {
    {".c", NULL, skeleton_quantizer_c, sizeof skeleton_quantizer_c},
    {NULL, "CMakeLists.txt", skeleton_CMakeLists_txt, sizeof skeleton_CMakeLists_txt},
    {NULL, "README.md", skeleton_README_md, sizeof skeleton_README_md},
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

typedef struct request {
    cli *c;
    const char *name, *folder;
    const char *paths[N_PIECES];
    quire_arena arena; /* of the paths */
    size_t n_begun;    /* files there are */
} request;

/* --- the name --------------------------------------------------------------------------------- */

static bool
is_name(const char *name)
{
    const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && name[n] == '\0' && n <= QUIRE_PLUGIN_NAME_MAX && name[0] != '-';
}

/* A plugin with the name of a quantizer of ours would not be loaded. */
static quire_status
check_free(cli *c, const char *name)
{
    quire_registry registry;
    QUIRE_TRY(quire_registry_init(&c->ctx, &registry));
    const bool taken = quire_registry_find(&registry, quire_bytes_of(name)) != NULL;
    quire_registry_deinit(&registry);
    if (!taken) return QUIRE_OK;
    return cli_usage(c, "a quantizer of quire's own is called \"%s\"; choose another name", name);
}

static quire_status
check_name(cli *c, const char *name)
{
    char shown[200];
    if (is_name(name)) return check_free(c, name);
    quire_escape(shown, sizeof shown, (const uint8_t *)name, strlen(name));
    return cli_usage(c,
                     "\"%s\" is no name for a plugin; it takes 1 to %d small letters, digits and "
                     "hyphens, and does not begin with a hyphen",
                     shown, QUIRE_PLUGIN_NAME_MAX);
}

/* --- the files -------------------------------------------------------------------------------- */

/* Every @NAME@ becomes the name. */
static void
write_piece(quire_writer *w, const struct piece *piece, const char *name)
{
    static const char mark[] = "@NAME@";
    quire_bytes rest = {piece->text, piece->len};
    for (;;) {
        const uint8_t *at = memmem(rest.ptr, rest.len, mark, sizeof mark - 1);
        if (at == NULL) break;
        const size_t n = (size_t)(at - rest.ptr);
        quire_write(w, rest.ptr, n);
        quire_write_str(w, name);
        rest.ptr += n + sizeof mark - 1;
        rest.len -= n + sizeof mark - 1;
    }
    quire_write_bytes(w, rest);
}

static quire_status
fail_write(quire_ctx *ctx, const char *path, int error)
{
    return quire_fail_file(ctx, QUIRE_E_IO, path, "it cannot be written: %s",
                           quire_io_error_text(error));
}

static quire_status
write_bytes(quire_ctx *ctx, const char *path, quire_bytes bytes)
{
    const int fd =
        quire_io_open(ctx->io, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return fail_write(ctx, path, errno);
    int error = quire_io_write_all(ctx->io, fd, bytes.ptr, bytes.len);
    const int closed = quire_io_close(ctx->io, fd);
    if (error == 0) error = closed;
    return error == 0 ? QUIRE_OK : fail_write(ctx, path, error);
}

static quire_status
write_file(quire_ctx *ctx, const char *path, const struct piece *piece, const char *name)
{
    quire_text text;
    quire_writer w;
    quire_writer_to_text(&w, ctx, &text);
    write_piece(&w, piece, name);
    quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK)
        status = write_bytes(ctx, path, (quire_bytes){(const uint8_t *)text.ptr, text.len});
    quire_text_free(ctx, &text);
    return status;
}

static quire_status
name_files(request *r)
{
    for (size_t i = 0; i < N_PIECES; i++) {
        const struct piece *p = &pieces[i];
        quire_bytes path;
        QUIRE_TRY(quire_arena_format(&r->c->ctx, &r->arena, &path, "%s/%s%s", r->folder,
                                     p->file != NULL ? p->file : r->name,
                                     p->suffix != NULL ? p->suffix : ""));
        r->paths[i] = (const char *)path.ptr;
    }
    return QUIRE_OK;
}

static quire_status
write_files(request *r)
{
    for (size_t i = 0; i < N_PIECES; i++) {
        r->n_begun++;
        QUIRE_TRY(write_file(&r->c->ctx, r->paths[i], &pieces[i], r->name));
    }
    return QUIRE_OK;
}

/* The folder was made here, so what is in it was, too. */
static void
take_back(request *r)
{
    const quire_io *io = r->c->ctx.io;
    while (r->n_begun > 0)
        (void)io->unlink(io->data, AT_FDCWD, r->paths[--r->n_begun]);
    (void)rmdir(r->folder);
}

static quire_status
make_folder(request *r)
{
    quire_ctx *ctx = &r->c->ctx;
    if (ctx->io->mkdir(ctx->io->data, AT_FDCWD, r->folder, 0777) == 0) return QUIRE_OK;
    if (errno == EEXIST)
        return quire_fail_file(ctx, QUIRE_E_USAGE, r->folder,
                               "it is there already, and nothing is written over; name another "
                               "folder with -o");
    return quire_fail_file(ctx, QUIRE_E_IO, r->folder, "the folder cannot be made: %s",
                           quire_io_error_text(errno));
}

static quire_status
make(request *r)
{
    QUIRE_TRY(name_files(r));
    QUIRE_TRY(make_folder(r));
    const quire_status status = write_files(r);
    if (status != QUIRE_OK) take_back(r);
    return status;
}

/* --- the verb --------------------------------------------------------------------------------- */

static void
say_what_next(quire_writer *w, const request *r)
{
    for (size_t i = 0; i < N_PIECES; i++)
        quire_writef(w, "%s\n", r->paths[i]);
    quire_writef(w, "\nnext:\n  cmake -S %s -B %s/build && cmake --build %s/build\n", r->folder,
                 r->folder, r->folder);
    quire_writef(w, "  quire plugin check %s/build/%s.so\n", r->folder, r->name);
    quire_writef(w, "  quire annotate --plugin %s/build/%s.so --quantizer %s MODEL -o ANNOTATED\n",
                 r->folder, r->name, r->name);
}

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    request *r = state;
    (void)c, (void)row;
    r->folder = value;
    return QUIRE_OK;
}

static quire_status
check_and_make(cli *c, request *r)
{
    QUIRE_TRY(check_name(c, r->name));
    if (r->folder == NULL) r->folder = r->name;
    quire_arena_init(&r->arena, c->ctx.alloc);
    const quire_status status = make(r);
    if (status == QUIRE_OK) say_what_next(&c->out, r);
    quire_arena_deinit(&r->arena);
    return status;
}

quire_status
cmd_plugin_new(cli *c, int argc, char **argv)
{
    request r = {.c = c};
    char **args;
    int n;
    const quire_status parsed =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != 1)
        return cli_usage(c, "quire plugin new takes one name; %d argument%s given", n,
                         n == 1 ? " was" : "s were");
    r.name = args[0];
    return check_and_make(c, &r);
}
