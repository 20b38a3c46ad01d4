/* temp.c - temporary files: named ones that nobody else can have, nameless ones that need no
 * clearing up.
 */
#include "base/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"

enum { ATTEMPTS = 100, STEM_ROOM = 180 };

int
quire_temp_create(const quire_io *io, int dir, const char *stem, unsigned mode,
                  char out_name[QUIRE_TEMP_NAME_ROOM], int *out_fd)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t random = (uint64_t)attempt;
        (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
        snprintf(out_name, QUIRE_TEMP_NAME_ROOM, ".%.*s.%ld.%016llx.tmp", STEM_ROOM, stem,
                 (long)getpid(), (unsigned long long)random);
        *out_fd = quire_io_open(io, dir, out_name, flags, mode);
        if (*out_fd >= 0) return 0;
        if (errno != EEXIST) return errno;
    }
    return EEXIST;
}

quire_status
quire_temp_split(quire_ctx *ctx, const char *path, char **out_directory, size_t *out_size,
                 const char **out_name)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash == NULL ? "." : slash == path ? "/" : path;
    const size_t len = directory == path ? (size_t)(slash - path) : 1;
    char *copy = quire_alloc(ctx->alloc, len + 1);
    if (copy == NULL) return quire_nomem(ctx);
    memcpy(copy, directory, len);
    copy[len] = 0;
    *out_directory = copy;
    *out_size = len + 1;
    *out_name = slash == NULL ? path : slash + 1;
    return QUIRE_OK;
}

/* 0 or an errno value. */
static int
open_in(const quire_io *io, const char *directory, int *out_fd)
{
    const int dir = quire_io_open(io, AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir < 0) return errno;
    char name[QUIRE_TEMP_NAME_ROOM];
    int fd;
    int error = quire_temp_create(io, dir, "quire", 0600, name, &fd);
    if (error == 0 && io->unlink(io->data, dir, name) != 0) {
        error = errno;
        quire_io_close(io, fd);
    }
    quire_io_close(io, dir);
    if (error == 0) *out_fd = fd;
    return error;
}

quire_status
quire_temp_open_unlinked(quire_ctx *ctx, const char *path, int *out_fd)
{
    if (path != NULL) {
        char *directory = NULL;
        size_t size = 0;
        const char *name;
        QUIRE_TRY(quire_temp_split(ctx, path, &directory, &size, &name));
        const int error = open_in(ctx->io, directory, out_fd);
        quire_free(ctx->alloc, directory, size);
        if (error == 0) return QUIRE_OK;
    }
    const char *named = getenv("TMPDIR");
    if (named != NULL && named[0] != 0 && open_in(ctx->io, named, out_fd) == 0) return QUIRE_OK;
    const int error = open_in(ctx->io, "/tmp", out_fd);
    if (error == 0) return QUIRE_OK;
    return quire_fail_file(ctx, QUIRE_E_IO, "/tmp",
                           "cannot create a temporary file: %s; set TMPDIR to a directory that can "
                           "be written to",
                           quire_io_error_text(error));
}

quire_status
quire_temp_write_failed(quire_ctx *ctx, const char *file, int fd, int error, uint64_t needed)
{
    const char *text = quire_io_error_text(error);
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    uint64_t room = 0;
    if (!full) {
        return quire_fail_file(ctx, QUIRE_E_IO, file, "cannot write: %s; check the disk and retry",
                               text);
    }
    if (ctx->io->free_space(ctx->io->data, fd, &room) != 0) {
        return quire_fail_file(ctx, QUIRE_E_IO, file,
                               "cannot write: %s; %llu bytes needed; make room or raise the limit",
                               text, (unsigned long long)needed);
    }
    return quire_fail_file(ctx, QUIRE_E_IO, file,
                           "cannot write: %s; %llu bytes needed, %llu free; make room or raise the "
                           "limit",
                           text, (unsigned long long)needed, (unsigned long long)room);
}
