/* commit.c - the life of a staged file; what is written to it is up to commit_write.c.
 *
 * Create (temporary on disk) - write - sync - commit (renamed) - abandon (everything released).
 * `temp_name` is set exactly while the temporary is on disk. What goes wrong before the rename
 * leaves the destination as it was; what goes wrong after it is only a warning.
 */
#include "base/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "base/temp.h"

enum { PATH_ROOM = 4096, LINKS_MAX = 40 };

/* ---- the destination ------------------------------------------------------------------------- */

static quire_status
fail_path(quire_ctx *ctx, const char *path, const char *what, int error)
{
    return quire_fail_file(ctx, QUIRE_E_IO, path, "%s: %s; choose another place for the output",
                           what, quire_io_error_text(error));
}

/* Replaces the path in `at` by the target of the link it is; 0, or an errno value (ENOENT, EINVAL:
 * it is none). */
static int
follow_once(const quire_io *io, char at[PATH_ROOM])
{
    char target[PATH_ROOM];
    const ssize_t len = io->readlink(io->data, AT_FDCWD, at, target, sizeof target);
    if (len < 0) return errno;
    const char *slash = strrchr(at, '/');
    const size_t keep = target[0] == '/' || slash == NULL ? 0 : (size_t)(slash - at) + 1;
    if ((size_t)len >= PATH_ROOM - keep) return ENAMETOOLONG;
    memcpy(at + keep, target, (size_t)len);
    at[keep + (size_t)len] = 0;
    return 0;
}

static quire_status
follow_links(quire_ctx *ctx, const char *path, char out[PATH_ROOM])
{
    const size_t len = strlen(path);
    int error = len < PATH_ROOM ? 0 : ENAMETOOLONG;
    if (error == 0) memcpy(out, path, len + 1);
    for (int i = 0; error == 0 && i < LINKS_MAX; i++)
        error = follow_once(ctx->io, out);
    if (error == 0) error = ELOOP;
    /* Anything else that is wrong with the directory is told when it is opened. */
    if (error == EINVAL || error == ENOENT || error == ENOTDIR) return QUIRE_OK;
    return fail_path(ctx, path, "cannot find out where the output goes", error);
}

static bool
is_file_name(const char *name)
{
    return name[0] != 0 && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static quire_status
copy_name(quire_ctx *ctx, const char *name, char **out_copy, size_t *out_size)
{
    const size_t size = strlen(name) + 1;
    char *copy = quire_alloc(ctx->alloc, size);
    if (copy == NULL) return quire_nomem(ctx);
    memcpy(copy, name, size);
    *out_copy = copy;
    *out_size = size;
    return QUIRE_OK;
}

/* Gives the temporary the owner and mode of the file it replaces. Where the group cannot be
 * kept, it gets no more than others have: a file must not become readable for a group that could
 * not read it. */
static quire_status
inherit(quire_ctx *ctx, const char *path, int fd, const struct stat *replaced)
{
    const quire_io *io = ctx->io;
    unsigned mode = replaced->st_mode & 0777;
    struct stat own;
    if (io->fstat(io->data, fd, &own) != 0) {
        return fail_path(ctx, path, "cannot examine a new temporary file", errno);
    }
    const bool same_group = own.st_gid == replaced->st_gid;
    if ((own.st_uid != replaced->st_uid || !same_group) &&
        io->fchown(io->data, fd, replaced->st_uid, replaced->st_gid) != 0 && !same_group &&
        io->fchown(io->data, fd, (uid_t)-1, replaced->st_gid) != 0) {
        mode = (mode & 0707) | (mode & 07) << 3;
    }
    if (io->fchmod(io->data, fd, mode) == 0) return QUIRE_OK;
    return fail_path(ctx, path, "cannot give the output the mode of the file it replaces", errno);
}

static quire_status
open_temporary(quire_ctx *ctx, const char *path, quire_staged *staged, const struct stat *replaced)
{
    char name[QUIRE_TEMP_NAME_ROOM];
    int fd;
    /* A new file gets its mode from the umask; one that replaces a file is private until it has
     * that one's mode. */
    const unsigned mode = replaced == NULL ? 0666 : 0600;
    const int error = quire_temp_create(ctx->io, staged->dir, staged->final_name, mode, name, &fd);
    if (error != 0) {
        return fail_path(ctx, path, "cannot create a temporary file beside the output", error);
    }
    staged->fd = fd;
    const quire_status status = copy_name(ctx, name, &staged->temp_name, &staged->temp_size);
    if (status != QUIRE_OK) {
        ctx->io->unlink(ctx->io->data, staged->dir, name);
        return status;
    }
    return replaced == NULL ? QUIRE_OK : inherit(ctx, path, fd, replaced);
}

static quire_status
create(quire_ctx *ctx, const char *path, quire_staged *staged)
{
    const quire_io *io = ctx->io;
    char target[PATH_ROOM];
    const char *name;
    struct stat replaced;
    QUIRE_TRY(follow_links(ctx, path, target));
    QUIRE_TRY(quire_temp_split(ctx, target, &staged->directory, &staged->directory_size, &name));
    if (!is_file_name(name)) {
        return quire_fail_file(ctx, QUIRE_E_IO, path,
                               "the output is named like a directory; give it a file name");
    }
    QUIRE_TRY(copy_name(ctx, name, &staged->final_name, &staged->final_size));
    staged->dir =
        quire_io_open(io, AT_FDCWD, staged->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (staged->dir < 0) return fail_path(ctx, path, "cannot open the output's directory", errno);

    if (io->stat(io->data, staged->dir, name, &replaced, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return open_temporary(ctx, path, staged, NULL);
        return fail_path(ctx, path, "cannot examine what the output would replace", errno);
    }
    if (!S_ISREG(replaced.st_mode)) {
        return quire_fail_file(ctx, QUIRE_E_IO, path,
                               "the output would replace something that is not a regular file; "
                               "choose another name");
    }
    return open_temporary(ctx, path, staged, &replaced);
}

quire_status
quire_staged_create(quire_ctx *ctx, const char *path, quire_staged *out_staged)
{
    *out_staged = (quire_staged){.fd = -1, .dir = -1};
    const quire_status status = create(ctx, path, out_staged);
    if (status != QUIRE_OK) quire_staged_abandon(ctx, out_staged);
    return status;
}

quire_status
quire_staged_set_name(quire_ctx *ctx, quire_staged *staged, const char *name)
{
    char *copy = NULL;
    size_t size = 0;
    if (!is_file_name(name)) return quire_bug(ctx, "\"%s\" is no file name", name);
    QUIRE_TRY(copy_name(ctx, name, &copy, &size));
    quire_free(ctx->alloc, staged->final_name, staged->final_size);
    staged->final_name = copy;
    staged->final_size = size;
    return QUIRE_OK;
}

/* The destination, for messages. */
static const char *
shown(const quire_staged *staged, char out[PATH_ROOM])
{
    const bool here = strcmp(staged->directory, ".") == 0;
    const bool root = strcmp(staged->directory, "/") == 0;
    snprintf(out, PATH_ROOM, "%s%s%s", here ? "" : staged->directory, here || root ? "" : "/",
             staged->final_name);
    return out;
}

static quire_status
fail_staged(quire_ctx *ctx, const quire_staged *staged, const char *what, int error)
{
    char path[PATH_ROOM];
    return quire_fail_file(ctx, QUIRE_E_IO, shown(staged, path), "%s: %s; check the disk and retry",
                           what, quire_io_error_text(error));
}

quire_status
quire_staged_write_failed(quire_ctx *ctx, const quire_staged *staged, int error, uint64_t size)
{
    char path[PATH_ROOM];
    return quire_temp_write_failed(ctx, shown(staged, path), staged->fd, error, size);
}

/* ---- the end --------------------------------------------------------------------------------- */

quire_status
quire_staged_sync(quire_ctx *ctx, quire_staged *staged)
{
    /* After a failed fsync the kernel may have dropped the pages: a second one that succeeds would
     * prove nothing. */
    if (staged->broken) return quire_bug(ctx, "a file that could not be written is to be kept");
    if (ctx->io->fsync(ctx->io->data, staged->fd) != 0) {
        const int error = errno;
        staged->broken = true;
        return fail_staged(ctx, staged, "cannot bring the output to the disk", error);
    }
    staged->synced = true;
    return QUIRE_OK;
}

static quire_status
check_same(quire_ctx *ctx, const quire_staged *staged, const quire_source *source)
{
    struct stat own;
    if (ctx->io->fstat(ctx->io->data, staged->fd, &own) != 0) {
        return fail_staged(ctx, staged, "cannot examine the temporary file", errno);
    }
    if (own.st_dev == source->opened.st_dev && own.st_ino == source->opened.st_ino &&
        source->size == staged->written) {
        return QUIRE_OK;
    }
    return quire_fail_file(
        ctx, QUIRE_E_IO, source->name,
        "the temporary file has %llu bytes and not the %llu that were written to "
        "it; leave it alone and run again",
        (unsigned long long)source->size, (unsigned long long)staged->written);
}

quire_status
quire_staged_open(quire_ctx *ctx, const quire_staged *staged, quire_source *out_source)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const int fd = quire_io_open(ctx->io, staged->dir, staged->temp_name, flags, 0);
    if (fd < 0) return fail_staged(ctx, staged, "cannot read back what was written", errno);
    quire_source source;
    QUIRE_TRY(quire_source_open_fd(ctx, fd, staged->temp_name, &source));
    const quire_status status = check_same(ctx, staged, &source);
    if (status == QUIRE_OK) {
        *out_source = source;
    } else {
        quire_source_close(ctx, &source);
    }
    return status;
}

static void
forget_temporary(quire_ctx *ctx, quire_staged *staged)
{
    quire_free(ctx->alloc, staged->temp_name, staged->temp_size);
    staged->temp_name = NULL;
    staged->temp_size = 0;
}

/* The rename itself is on the disk when the directory is. Not every file system knows how. */
static void
sync_directory(quire_ctx *ctx, const quire_staged *staged)
{
    if (ctx->io->fsync(ctx->io->data, staged->dir) == 0 || errno == EINVAL) return;
    quire_tell(ctx, QUIRE_WARNING, NULL,
               "%s is complete, but its directory was not brought to the disk: %s; after a power "
               "failure look whether it is there",
               staged->final_name, quire_io_error_text(errno));
}

quire_status
quire_staged_commit(quire_ctx *ctx, quire_staged *staged)
{
    const quire_io *io = ctx->io;
    if (staged->temp_name == NULL) return quire_bug(ctx, "an output is committed twice");
    if (!staged->synced) QUIRE_TRY(quire_staged_sync(ctx, staged));
    const int error = quire_io_close(io, staged->fd);
    staged->fd = -1;
    if (error != 0) {
        staged->broken = true;
        return fail_staged(ctx, staged, "cannot close the output", error);
    }
    if (io->rename(io->data, staged->dir, staged->temp_name, staged->final_name) != 0) {
        return fail_staged(ctx, staged, "cannot give the output its name", errno);
    }
    forget_temporary(ctx, staged);
    sync_directory(ctx, staged);
    return QUIRE_OK;
}

static void
remove_temporary(quire_ctx *ctx, quire_staged *staged)
{
    const quire_io *io = ctx->io;
    if (staged->temp_name == NULL) return;
    if (io->unlink(io->data, staged->dir, staged->temp_name) != 0 && errno != ENOENT) {
        quire_tell(ctx, QUIRE_WARNING, NULL,
                   "cannot remove the temporary file %s/%s: %s; remove it", staged->directory,
                   staged->temp_name, quire_io_error_text(errno));
    }
    forget_temporary(ctx, staged);
}

void
quire_staged_abandon(quire_ctx *ctx, quire_staged *staged)
{
    if (staged->directory == NULL) return;
    if (staged->fd >= 0) quire_io_close(ctx->io, staged->fd);
    remove_temporary(ctx, staged);
    if (staged->dir >= 0) quire_io_close(ctx->io, staged->dir);
    quire_free(ctx->alloc, staged->directory, staged->directory_size);
    quire_free(ctx->alloc, staged->final_name, staged->final_size);
    *staged = (quire_staged){.fd = -1, .dir = -1};
}
