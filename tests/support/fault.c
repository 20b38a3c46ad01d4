/* fault.c - see fault.h. */
#include "support/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAGIC = 0x51a7e5 };

/* Before every block; keeps what follows aligned. */
typedef struct head {
    size_t size;
    size_t magic;
} head;

_Static_assert(sizeof(head) % 16 == 0, "blocks are aligned as malloc's");

static void
give_back(fault_alloc *fault, void *ptr, size_t size)
{
    if (ptr == NULL) return;
    head *h = (head *)ptr - 1;
    if (h->magic != MAGIC || h->size != size) {
        fault->n_wrong++;
        return;
    }
    memset(h, 0x5a, sizeof *h + size);
    free(h);
    fault->n_live--;
    fault->live_size -= size;
}

static void *
take(fault_alloc *fault, size_t size)
{
    head *h = malloc(sizeof *h + size);
    if (h == NULL) return NULL;
    *h = (head){.size = size, .magic = MAGIC};
    memset(h + 1, 0xa5, size);
    fault->n_live++;
    fault->live_size += size;
    if (fault->live_size > fault->peak_size) fault->peak_size = fault->live_size;
    return h + 1;
}

static bool
is_due(size_t n_calls, size_t fail_at, bool sticky)
{
    return fail_at != 0 && (n_calls == fail_at || (sticky && n_calls > fail_at));
}

/* Always moves, so that a pointer kept from before is noticed. */
static void *
fault_realloc(void *data, void *ptr, size_t old_size, size_t new_size)
{
    fault_alloc *fault = data;
    if (new_size > old_size && is_due(++fault->n_calls, fault->fail_at, fault->sticky)) {
        fault->n_failed++;
        return NULL;
    }
    void *fresh = new_size == 0 ? NULL : take(fault, new_size);
    if (fresh != NULL && ptr != NULL) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    if (fresh != NULL || new_size == 0) give_back(fault, ptr, old_size);
    return fresh;
}

void
fault_alloc_init(fault_alloc *fault, size_t fail_at, bool sticky)
{
    *fault = (fault_alloc){.fail_at = fail_at, .sticky = sticky};
    fault->allocator = (quire_allocator){.realloc = fault_realloc, .data = fault};
}

bool
fault_alloc_is_clean(const fault_alloc *fault)
{
    return fault->n_live == 0 && fault->live_size == 0 && fault->n_wrong == 0;
}

/* ---- file operations ------------------------------------------------------------------------- */

/* Sets errno and says whether this call fails instead of being made. */
static bool
count(fault_io *fault, fault_op op)
{
    fault->n_by_op[op]++;
    if ((fault->ops & 1u << op) == 0) return false;
    if (!is_due(++fault->n_calls, fault->fail_at, fault->sticky)) return false;
    fault->n_failed++;
    fault->failed = op;
    errno = fault->error;
    return true;
}

static bool
fails(fault_io *fault, fault_op op)
{
    pthread_mutex_lock(&fault->lock);
    const bool failed = count(fault, op);
    pthread_mutex_unlock(&fault->lock);
    return failed;
}

/* The same for calls that a signal may interrupt. */
static bool
fails_or_stops(fault_io *fault, fault_op op)
{
    pthread_mutex_lock(&fault->lock);
    if (fault->interrupt) fault->interrupted = !fault->interrupted;
    const bool stopped = fault->interrupt && fault->interrupted;
    const bool failed = !stopped && count(fault, op);
    pthread_mutex_unlock(&fault->lock);
    if (stopped) errno = EINTR;
    return stopped || failed;
}

static size_t
transfer(const fault_io *fault, size_t n)
{
    return fault->max_transfer != 0 && n > fault->max_transfer ? fault->max_transfer : n;
}

static int
note_open(fault_io *fault, int fd)
{
    if (fd < 0 || fd >= (int)(sizeof fault->is_open / sizeof *fault->is_open)) return fd;
    fault->is_open[fd] = true;
    fault->n_open++;
    return fd;
}

static int
fault_open(void *data, int dir, const char *path, int flags, unsigned mode)
{
    if (fails_or_stops(data, FAULT_OPEN)) return -1;
    return note_open(data, quire_io_posix.open(NULL, dir, path, flags, mode));
}

static int
fault_open_beneath(void *data, int dir, const char *path)
{
    if (fails(data, FAULT_OPEN_BENEATH)) return -1;
    return note_open(data, quire_io_posix.open_beneath(NULL, dir, path));
}

static int
fault_fstat(void *data, int fd, struct stat *out)
{
    return fails(data, FAULT_FSTAT) ? -1 : quire_io_posix.fstat(NULL, fd, out);
}

static int
fault_stat(void *data, int dir, const char *path, struct stat *out, int flags)
{
    return fails(data, FAULT_STAT) ? -1 : quire_io_posix.stat(NULL, dir, path, out, flags);
}

static ssize_t
fault_readlink(void *data, int dir, const char *path, char *out, size_t room)
{
    return fails(data, FAULT_READLINK) ? -1 : quire_io_posix.readlink(NULL, dir, path, out, room);
}

static ssize_t
fault_read(void *data, int fd, void *buf, size_t n)
{
    if (fails_or_stops(data, FAULT_READ)) return -1;
    return quire_io_posix.read(NULL, fd, buf, transfer(data, n));
}

static ssize_t
fault_pread(void *data, int fd, void *buf, size_t n, off_t off)
{
    if (fails_or_stops(data, FAULT_PREAD)) return -1;
    return quire_io_posix.pread(NULL, fd, buf, transfer(data, n), off);
}

static ssize_t
fault_write(void *data, int fd, const void *buf, size_t n)
{
    if (fails_or_stops(data, FAULT_WRITE)) return -1;
    return quire_io_posix.write(NULL, fd, buf, transfer(data, n));
}

static ssize_t
fault_pwrite(void *data, int fd, const void *buf, size_t n, off_t off)
{
    if (fails_or_stops(data, FAULT_PWRITE)) return -1;
    return quire_io_posix.pwrite(NULL, fd, buf, transfer(data, n), off);
}

static ssize_t
fault_copy_range(void *data, int in, off_t *in_off, int out, off_t *out_off, size_t n)
{
    if (fails_or_stops(data, FAULT_COPY_RANGE)) return -1;
    return quire_io_posix.copy_range(NULL, in, in_off, out, out_off, transfer(data, n));
}

static int
fault_start_writeback(void *data, int fd, off_t off, off_t n)
{
    return fails(data, FAULT_START_WRITEBACK) ? -1
                                              : quire_io_posix.start_writeback(NULL, fd, off, n);
}

static int
fault_allocate(void *data, int fd, off_t size)
{
    return fails_or_stops(data, FAULT_ALLOCATE) ? errno : quire_io_posix.allocate(NULL, fd, size);
}

static int
fault_free_space(void *data, int fd, uint64_t *out_bytes)
{
    return fails(data, FAULT_FREE_SPACE) ? -1 : quire_io_posix.free_space(NULL, fd, out_bytes);
}

static int
fault_set_blocking(void *data, int fd)
{
    return fails(data, FAULT_SET_BLOCKING) ? -1 : quire_io_posix.set_blocking(NULL, fd);
}

static int
fault_fsync(void *data, int fd)
{
    const fault_io *fault = data;
    if (fails(data, FAULT_FSYNC)) return -1;
    return fault->lazy ? 0 : quire_io_posix.fsync(NULL, fd);
}

static int
fault_fchmod(void *data, int fd, unsigned mode)
{
    return fails(data, FAULT_FCHMOD) ? -1 : quire_io_posix.fchmod(NULL, fd, mode);
}

static int
fault_fchown(void *data, int fd, uid_t user, gid_t group)
{
    return fails(data, FAULT_FCHOWN) ? -1 : quire_io_posix.fchown(NULL, fd, user, group);
}

/* As the kernel's: a descriptor is gone also when closing it fails. */
static int
fault_close(void *data, int fd)
{
    fault_io *fault = data;
    const bool known = fd >= 0 && fd < (int)(sizeof fault->is_open / sizeof *fault->is_open);
    if (!known || !fault->is_open[fd]) {
        fault->n_bad_close++;
        errno = EBADF;
        return -1;
    }
    fault->is_open[fd] = false;
    fault->n_open--;
    const int result = quire_io_posix.close(NULL, fd);
    return fails(fault, FAULT_CLOSE) ? -1 : result;
}

static int
fault_rename(void *data, int dir, const char *from, const char *to)
{
    return fails(data, FAULT_RENAME) ? -1 : quire_io_posix.rename(NULL, dir, from, to);
}

static int
fault_unlink(void *data, int dir, const char *path)
{
    return fails(data, FAULT_UNLINK) ? -1 : quire_io_posix.unlink(NULL, dir, path);
}

static int
fault_mkdir(void *data, int dir, const char *path, unsigned mode)
{
    return fails(data, FAULT_MKDIR) ? -1 : quire_io_posix.mkdir(NULL, dir, path, mode);
}

void
fault_io_init(fault_io *fault, size_t fail_at, bool sticky, int error)
{
    *fault = (fault_io){.fail_at = fail_at, .sticky = sticky, .error = error, .ops = FAULT_ALL};
    pthread_mutex_init(&fault->lock, NULL);
    fault->io = (quire_io){
        .open = fault_open,
        .open_beneath = fault_open_beneath,
        .fstat = fault_fstat,
        .stat = fault_stat,
        .readlink = fault_readlink,
        .read = fault_read,
        .pread = fault_pread,
        .write = fault_write,
        .pwrite = fault_pwrite,
        .copy_range = fault_copy_range,
        .start_writeback = fault_start_writeback,
        .allocate = fault_allocate,
        .free_space = fault_free_space,
        .set_blocking = fault_set_blocking,
        .fsync = fault_fsync,
        .fchmod = fault_fchmod,
        .fchown = fault_fchown,
        .close = fault_close,
        .rename = fault_rename,
        .unlink = fault_unlink,
        .mkdir = fault_mkdir,
        .data = fault,
    };
}

bool
fault_io_is_clean(const fault_io *fault)
{
    return fault->n_open == 0 && fault->n_bad_close == 0;
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void
keep(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text == NULL ? "" : text);
}

void
fault_log_sink(void *data, const quire_diagnostic *diagnostic)
{
    fault_log *log = data;
    if (diagnostic->severity == QUIRE_ERROR) {
        log->n_errors++;
        log->status = diagnostic->status;
    } else {
        log->n_others++;
    }
    keep(log->file, sizeof log->file, diagnostic->file);
    keep(log->path, sizeof log->path, diagnostic->path);
    keep(log->message, sizeof log->message, diagnostic->message);
}

quire_ctx
fault_ctx(fault_alloc *alloc, fault_io *io, fault_log *log)
{
    quire_ctx ctx = quire_ctx_default();
    if (alloc != NULL) ctx.alloc = &alloc->allocator;
    if (io != NULL) ctx.io = &io->io;
    if (log != NULL) {
        *log = (fault_log){0};
        ctx.sink = fault_log_sink;
        ctx.sink_data = log;
    }
    return ctx;
}
