/* source.c - sources over a file, over memory, and over what comes through a pipe. */
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "base/temp.h"

enum { SPOOL_CHUNK = 1 << 20 };

static quire_status
fail_outside(quire_ctx *ctx, const quire_source *source, uint64_t off, size_t n)
{
    return quire_fail_file(ctx, QUIRE_E_IO, source->name,
                           "cannot read %zu bytes at %llu: there are only %llu", n,
                           (unsigned long long)off, (unsigned long long)source->size);
}

static bool
is_inside(const quire_source *source, uint64_t off, size_t n)
{
    return off <= source->size && n <= source->size - off;
}

static quire_status
memory_read(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    if (!is_inside(source, off, n)) return fail_outside(ctx, source, off, n);
    if (n != 0) memcpy(buf, (const uint8_t *)source->memory + off, n);
    return QUIRE_OK;
}

static quire_status
file_read(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    uint8_t *out = buf;
    if (!is_inside(source, off, n)) return fail_outside(ctx, source, off, n);
    while (n > 0) {
        const ssize_t done = ctx->io->pread(ctx->io->data, source->fd, out, n, (off_t)off);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            return quire_fail_file(ctx, QUIRE_E_IO, source->name,
                                   "cannot read %zu bytes at %llu: %s; check the disk and retry", n,
                                   (unsigned long long)off, quire_io_error_text(errno));
        }
        if (done == 0) {
            return quire_fail_file(ctx, QUIRE_E_IO, source->name,
                                   "the file ends at byte %llu, but had %llu when it was opened; "
                                   "leave it alone while it is read",
                                   (unsigned long long)off, (unsigned long long)source->size);
        }
        out += done;
        off += (uint64_t)done;
        n -= (size_t)done;
    }
    return QUIRE_OK;
}

/* What the file is, and that reading from it will wait for data. */
static quire_status
take_file(quire_ctx *ctx, int fd, const char *name, quire_source *out_source)
{
    const quire_io *io = ctx->io;
    struct stat opened;
    if (io->fstat(io->data, fd, &opened) != 0) {
        return quire_fail_file(ctx, QUIRE_E_IO, name, "cannot tell the size: %s; check the disk",
                               quire_io_error_text(errno));
    }
    if (!S_ISREG(opened.st_mode)) {
        return quire_fail_file(ctx, QUIRE_E_INVALID, name,
                               "not a regular file but a %s; only regular files can be read here",
                               S_ISDIR(opened.st_mode) ? "directory" : "device, pipe or socket");
    }
    if (io->set_blocking(io->data, fd) != 0) {
        return quire_fail_file(ctx, QUIRE_E_IO, name, "cannot set how to read: %s; check the disk",
                               quire_io_error_text(errno));
    }
    *out_source = (quire_source){.size = (uint64_t)opened.st_size,
                                 .read = file_read,
                                 .fd = fd,
                                 .name = name,
                                 .opened = opened};
    return QUIRE_OK;
}

quire_status
quire_source_open_fd(quire_ctx *ctx, int fd, const char *name, quire_source *out_source)
{
    const quire_status status = take_file(ctx, fd, name, out_source);
    if (status != QUIRE_OK) quire_io_close(ctx->io, fd);
    return status;
}

quire_status
quire_source_open(quire_ctx *ctx, int dir, const char *path, quire_source *out_source)
{
    /* Not blocking: opening a named pipe must not wait for a writer. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const int fd = quire_io_open(ctx->io, dir, path, flags, 0);
    if (fd < 0) {
        return quire_fail_file(ctx, QUIRE_E_INVALID, path,
                               "cannot open for reading: %s; check the name and its permissions",
                               quire_io_error_text(errno));
    }
    return quire_source_open_fd(ctx, fd, path, out_source);
}

static quire_status
pump(quire_ctx *ctx, int in, const char *name, int out, uint8_t *buffer)
{
    const quire_io *io = ctx->io;
    uint64_t total = 0;
    while (true) {
        QUIRE_TRY(quire_check_canceled(ctx));
        const ssize_t n = io->read(io->data, in, buffer, SPOOL_CHUNK);
        if (n == 0) return QUIRE_OK;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            return quire_fail_file(ctx, QUIRE_E_IO, name,
                                   "cannot read: %s; check where it comes from",
                                   quire_io_error_text(errno));
        }
        total += (uint64_t)n;
        const int error = quire_io_write_all(io, out, buffer, (size_t)n);
        if (error != 0) return quire_temp_write_failed(ctx, "temporary file", out, error, total);
    }
}

quire_status
quire_source_spool(quire_ctx *ctx, int fd, const char *name, quire_source *out_source)
{
    int temp;
    uint8_t *buffer = quire_alloc(ctx->alloc, SPOOL_CHUNK);
    if (buffer == NULL) return quire_nomem(ctx);
    quire_status status = quire_temp_open_unlinked(ctx, NULL, &temp);
    if (status == QUIRE_OK) {
        status = pump(ctx, fd, name, temp, buffer);
        if (status != QUIRE_OK) {
            quire_io_close(ctx->io, temp);
        } else {
            status = quire_source_open_fd(ctx, temp, name, out_source);
        }
    }
    quire_free(ctx->alloc, buffer, SPOOL_CHUNK);
    return status;
}

quire_source
quire_source_of_memory(const void *ptr, size_t len, const char *name)
{
    return (quire_source){.size = len, .read = memory_read, .memory = ptr, .fd = -1, .name = name};
}

quire_source
quire_source_of_file(int fd, uint64_t size, const char *name)
{
    return (quire_source){.size = size, .read = file_read, .fd = fd, .name = name};
}

static bool
same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

quire_status
quire_source_check_unchanged(quire_ctx *ctx, const quire_source *source)
{
    const struct stat *then = &source->opened;
    struct stat now;
    if (source->fd < 0) return QUIRE_OK;
    if (ctx->io->fstat(ctx->io->data, source->fd, &now) != 0) {
        return quire_fail_file(ctx, QUIRE_E_IO, source->name,
                               "cannot tell whether the file changed: %s; check the disk",
                               quire_io_error_text(errno));
    }
    const bool same = now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
                      now.st_size == then->st_size && same_time(now.st_mtim, then->st_mtim) &&
                      same_time(now.st_ctim, then->st_ctim);
    if (same) return QUIRE_OK;
    return quire_fail_file(ctx, QUIRE_E_IO, source->name,
                           "the file changed while it was read (%lld bytes, now %lld); run again "
                           "when it is complete",
                           (long long)then->st_size, (long long)now.st_size);
}

void
quire_source_close(quire_ctx *ctx, quire_source *source)
{
    /* A zeroed source is none: its descriptor 0 is not ours. */
    if (source->read != NULL && source->fd >= 0) quire_io_close(ctx->io, source->fd);
    *source = (quire_source){.fd = -1};
}
