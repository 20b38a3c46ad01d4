/* commit.c - staged files and spools.
 *
 * The life of a staged file: create (temporary on disk) - write - sync - commit (renamed) - abandon
 * (everything released). `temp_name` is set exactly while the temporary is on disk. What goes wrong
 * before the rename leaves the destination as it was; what goes wrong after it is only a warning.
 */
#include "base/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "base/temp.h"

enum {
    PATH_ROOM = 4096,
    LINKS_MAX = 40,
    COALESCE = 256 << 10,  /* small pieces are written together up to this many bytes */
    BULK = 64 << 10,       /* a piece from this length on is written by itself        */
    CHUNK = 1 << 20,       /* of bulk, through memory                                 */
    COPY_CHUNK = 16 << 20, /* of bulk, from file to file                              */
    WRITEBACK = 8 << 20,   /* so much is left to the kernel at a time to write        */
};

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

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct output {
    quire_ctx *ctx;
    quire_staged *staged;
    XXH3_state_t *hash; /* may be NULL */
    uint8_t *buffer;    /* CHUNK bytes; the first `n`, at most COALESCE, wait to be written */
    size_t n;
    uint64_t start, total;     /* length of the file before and after */
    uint64_t hashed;           /* everything up to here is in the hash */
    uint64_t dirty, dirty_end; /* written one behind the other since the kernel was told to write */
    bool through_memory;       /* the kernel cannot copy, or the bytes are hashed */
} output;

static quire_status
fail_write(quire_ctx *ctx, const output *o, int error)
{
    char path[PATH_ROOM];
    return quire_temp_write_failed(ctx, shown(o->staged, path), o->staged->fd, error, o->total);
}

/* What is written goes on its way to the disk while the next is made: the fsync at the end then has
 * less to wait for. */
static void
write_back(output *o, uint64_t at, uint64_t n)
{
    const quire_io *io = o->ctx->io;
    if (at != o->dirty_end) o->dirty = at;
    o->dirty_end = at + n;
    if (o->dirty_end - o->dirty < WRITEBACK) return;
    (void)io->start_writeback(io->data, o->staged->fd, (off_t)o->dirty,
                              (off_t)(o->dirty_end - o->dirty));
    o->dirty = o->dirty_end;
}

/* Every chunk that was written passes here. */
static quire_status
written(output *o, uint64_t n)
{
    write_back(o, o->staged->written, n);
    o->staged->written += n;
    if (o->ctx->progress != NULL) {
        o->ctx->progress(o->ctx->progress_data, "writing", o->staged->written - o->start,
                         o->total - o->start);
    }
    return quire_check_canceled(o->ctx);
}

static quire_status
emit(output *o, const uint8_t *bytes, size_t n)
{
    const int error = quire_io_pwrite_all(o->ctx->io, o->staged->fd, bytes, n, o->staged->written);
    if (error != 0) return fail_write(o->ctx, o, error);
    if (o->hash != NULL) XXH3_64bits_update(o->hash, bytes, n);
    o->hashed += n;
    return written(o, n);
}

static quire_status
flush(output *o)
{
    const size_t n = o->n;
    o->n = 0;
    return n == 0 ? QUIRE_OK : emit(o, o->buffer, n);
}

static bool
is_unsupported(int error)
{
    return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
           error == EPERM || error == ETXTBSY;
}

/* Copies as much of a source piece as the kernel will; the rest is up to the caller. */
static quire_status
copy_file(output *o, const quire_rope_piece *piece, uint64_t *done)
{
    const quire_io *io = o->ctx->io;
    off_t off = (off_t)piece->u.off;
    off_t to = (off_t)o->staged->written;
    while (*done < piece->len && !o->through_memory) {
        const uint64_t rest = piece->len - *done;
        const size_t n = rest < COPY_CHUNK ? (size_t)rest : COPY_CHUNK;
        const ssize_t got =
            io->copy_range(io->data, piece->source->fd, &off, o->staged->fd, &to, n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && !is_unsupported(errno)) return fail_write(o->ctx, o, errno);
        if (got <= 0) {
            /* 0 is the end of a file that became shorter: reading it will say so. */
            o->through_memory = true;
            return QUIRE_OK;
        }
        *done += (uint64_t)got;
        QUIRE_TRY(written(o, (uint64_t)got));
    }
    return QUIRE_OK;
}

/* Bytes [done, done + n) of a piece that is not in memory, into `out`. */
static quire_status
fetch(output *o, const quire_rope_piece *piece, uint64_t done, uint8_t *out, size_t n)
{
    if (piece->kind == QUIRE_ROPE_SOURCE) {
        return quire_source_read(o->ctx, piece->source, piece->u.off + done, out, n);
    }
    memset(out, 0, n);
    return QUIRE_OK;
}

static quire_status
put_bulk(output *o, const quire_rope_piece *piece)
{
    uint64_t done = 0;
    QUIRE_TRY(flush(o));
    if (piece->kind == QUIRE_ROPE_SOURCE && piece->source->fd >= 0) {
        QUIRE_TRY(copy_file(o, piece, &done));
    }
    while (done < piece->len) {
        const uint64_t rest = piece->len - done;
        const size_t n = rest < CHUNK ? (size_t)rest : CHUNK;
        const uint8_t *bytes = o->buffer;
        if (piece->kind == QUIRE_ROPE_MEMORY) {
            bytes = piece->u.ptr + done;
        } else {
            QUIRE_TRY(fetch(o, piece, done, o->buffer, n));
        }
        QUIRE_TRY(emit(o, bytes, n));
        done += n;
    }
    return QUIRE_OK;
}

static quire_status
put_small(output *o, const quire_rope_piece *piece)
{
    const size_t n = (size_t)piece->len;
    if (n > COALESCE - o->n) QUIRE_TRY(flush(o));
    if (piece->kind == QUIRE_ROPE_MEMORY) {
        if (n != 0) memcpy(o->buffer + o->n, piece->u.ptr, n);
    } else {
        QUIRE_TRY(fetch(o, piece, 0, o->buffer + o->n, n));
    }
    o->n += n;
    return QUIRE_OK;
}

/* --- bytes that are made while they are written ------------------------------------------------ */

static bool
is_made(const quire_rope_piece *piece)
{
    return piece->kind == QUIRE_ROPE_SOURCE && piece->source->making != NULL;
}

static void
place_made(const output *o, const quire_rope *rope)
{
    for (size_t i = 0; i < rope->n_pieces; i++) {
        const quire_rope_piece *piece = &rope->pieces[i];
        if (is_made(piece)) piece->source->making->place(piece->source, o->start + piece->at);
    }
}

static quire_status
put_made_bytes(quire_ctx *ctx, const quire_taker *taker, uint64_t at, const void *bytes, size_t n)
{
    output *o = taker->data;
    if (at < o->staged->written || at > o->total || n > o->total - at)
        return quire_bug(ctx, "%zu bytes were made for %llu of a file of %llu", n,
                         (unsigned long long)at, (unsigned long long)o->total);
    const int error = quire_io_pwrite_all(ctx->io, o->staged->fd, bytes, n, at);
    if (error != 0) return fail_write(ctx, o, error);
    if (at == o->hashed) {
        if (o->hash != NULL) XXH3_64bits_update(o->hash, bytes, n);
        o->hashed += n;
    }
    write_back(o, at, n);
    return quire_check_canceled(ctx);
}

/* Reads back what was written out of order, for the hash. */
static quire_status
catch_up(output *o)
{
    const quire_source own =
        quire_source_of_file(o->staged->fd, o->staged->written, o->staged->temp_name);
    while (o->hash != NULL && o->hashed < o->staged->written) {
        const uint64_t rest = o->staged->written - o->hashed;
        const size_t n = rest < CHUNK ? (size_t)rest : CHUNK;
        QUIRE_TRY(quire_source_read(o->ctx, &own, o->hashed, o->buffer, n));
        XXH3_64bits_update(o->hash, o->buffer, n);
        o->hashed += n;
    }
    o->hashed = o->staged->written;
    return QUIRE_OK;
}

static quire_status
put_made(output *o, const quire_rope_piece *piece)
{
    const quire_taker taker = {.put = put_made_bytes, .data = o};
    QUIRE_TRY(flush(o));
    QUIRE_TRY(piece->source->making->make(o->ctx, piece->source, &taker));
    o->staged->written += piece->len;
    return catch_up(o);
}

/* --- ropes ------------------------------------------------------------------------------------- */

/* So that a disk that is too small is told at once, not after an hour. */
static quire_status
claim_room(output *o)
{
    int error;
    if (o->total == o->start) return QUIRE_OK;
    do {
        error = o->ctx->io->allocate(o->ctx->io->data, o->staged->fd, (off_t)o->total);
    } while (error == EINTR);
    return error == 0 || is_unsupported(error) ? QUIRE_OK : fail_write(o->ctx, o, error);
}

static quire_status
put_piece(output *o, const quire_rope_piece *piece)
{
    if (is_made(piece)) return put_made(o, piece);
    return piece->len < BULK ? put_small(o, piece) : put_bulk(o, piece);
}

static quire_status
put_rope(output *o, const quire_rope *rope)
{
    QUIRE_TRY(claim_room(o));
    place_made(o, rope);
    for (size_t i = 0; i < rope->n_pieces; i++)
        QUIRE_TRY(put_piece(o, &rope->pieces[i]));
    QUIRE_TRY(flush(o));
    if (o->staged->written == o->total) return QUIRE_OK;
    return quire_bug(o->ctx, "a rope of %llu bytes gave %llu", (unsigned long long)rope->size,
                     (unsigned long long)(o->staged->written - o->start));
}

quire_status
quire_staged_write_rope(quire_ctx *ctx, quire_staged *staged, const quire_rope *rope,
                        uint64_t *out_hash)
{
    XXH3_state_t hash;
    XXH3_INITSTATE(&hash);
    XXH3_64bits_reset(&hash);
    output o = {
        .ctx = ctx,
        .staged = staged,
        .hash = out_hash == NULL ? NULL : &hash,
        .buffer = quire_alloc(ctx->alloc, CHUNK),
        .start = staged->written,
        .total = staged->written + rope->size,
        .hashed = staged->written,
        .through_memory = out_hash != NULL,
    };
    if (o.buffer == NULL) return quire_nomem(ctx);
    staged->synced = false;
    const quire_status status = put_rope(&o, rope);
    quire_free(ctx->alloc, o.buffer, CHUNK);
    if (status != QUIRE_OK) {
        staged->broken = true;
    } else if (out_hash != NULL) {
        *out_hash = XXH3_64bits_digest(&hash);
    }
    return status;
}

quire_status
quire_staged_write(quire_ctx *ctx, quire_staged *staged, const void *bytes, size_t n)
{
    output o = {.ctx = ctx, .staged = staged, .total = staged->written + n};
    staged->synced = false;
    const int error = quire_io_pwrite_all(ctx->io, staged->fd, bytes, n, staged->written);
    if (error == 0) {
        staged->written += n;
        return QUIRE_OK;
    }
    staged->broken = true;
    return fail_write(ctx, &o, error);
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

/* ---- spools ---------------------------------------------------------------------------------- */

quire_status
quire_spool_create(quire_ctx *ctx, const char *path, quire_spool *out_spool)
{
    quire_spool spool;
    QUIRE_TRY(quire_temp_open_unlinked(ctx, path, &spool.fd));
    QUIRE_TRY(quire_source_open_fd(ctx, spool.fd, "temporary file", &spool.source));
    *out_spool = spool;
    return QUIRE_OK;
}

quire_status
quire_spool_append(quire_ctx *ctx, quire_spool *spool, const void *bytes, size_t n,
                   uint64_t *out_off)
{
    const uint64_t off = spool->source.size;
    const int error = quire_io_pwrite_all(ctx->io, spool->fd, bytes, n, off);
    if (error != 0) {
        return quire_temp_write_failed(ctx, spool->source.name, spool->fd, error, off + n);
    }
    spool->source.size = off + n;
    *out_off = off;
    return QUIRE_OK;
}

typedef struct spooling {
    quire_spool *spool;
    uint64_t end; /* of the spool when all is made */
} spooling;

static quire_status
put_in_spool(quire_ctx *ctx, const quire_taker *taker, uint64_t at, const void *bytes, size_t n)
{
    const spooling *s = taker->data;
    const int error = quire_io_pwrite_all(ctx->io, s->spool->fd, bytes, n, at);
    if (error == 0) return QUIRE_OK;
    return quire_temp_write_failed(ctx, s->spool->source.name, s->spool->fd, error, s->end);
}

quire_status
quire_spool_make(quire_ctx *ctx, quire_spool *spool, const quire_source *const *sources, size_t n,
                 uint64_t *out_offs)
{
    spooling s = {.spool = spool, .end = spool->source.size};
    const quire_taker taker = {.put = put_in_spool, .data = &s};
    for (size_t i = 0; i < n; i++) {
        sources[i]->making->place(sources[i], s.end);
        out_offs[i] = s.end;
        s.end += sources[i]->size;
    }
    for (size_t i = 0; i < n; i++)
        QUIRE_TRY(sources[i]->making->make(ctx, sources[i], &taker));
    spool->source.size = s.end;
    return QUIRE_OK;
}

void
quire_spool_close(quire_ctx *ctx, quire_spool *spool)
{
    quire_source_close(ctx, &spool->source);
    spool->fd = -1;
}
