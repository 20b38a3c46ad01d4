/* io.c - the file operations as the kernel has them, and loops around what signals interrupt. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BENEATH_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

static int
posix_open(void *data, int dir, const char *path, int flags, unsigned mode)
{
    (void)data;
    return openat(dir, path, flags, (mode_t)mode);
}

/* Closes a directory we opened on the way; errno stays. */
static void
leave(int at, int dir)
{
    const int error = errno;
    if (at != dir) close(at);
    errno = error;
}

/* Without openat2: one component after the other, none of them a link. No `..`: what it means can
 * change while we walk. */
static int
open_by_component(int dir, const char *path)
{
    const int step_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int at = dir;
    while (true) {
        char name[NAME_MAX + 1];
        path += strspn(path, "/");
        const size_t len = strcspn(path, "/");
        errno = len > NAME_MAX ? ENAMETOOLONG : 0;
        if (len == 2 && memcmp(path, "..", 2) == 0) errno = EXDEV;
        if (errno != 0) {
            leave(at, dir);
            return -1;
        }
        memcpy(name, path, len);
        name[len] = 0;
        path += len;
        const bool last = path[0] == 0;
        const int next =
            openat(at, len == 0 ? "." : name, last ? BENEATH_FLAGS | O_NOFOLLOW : step_flags);
        leave(at, dir);
        if (last || next < 0) return next;
        at = next;
    }
}

static int
posix_open_beneath(void *data, int dir, const char *path)
{
    (void)data;
    struct open_how how = {
        .flags = BENEATH_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    const long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    /* EPERM: sandboxes that do not know the call answer so. */
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)fd;
    if (path[0] == '/') errno = EXDEV;
    if (path[0] == 0) errno = ENOENT;
    return path[0] == '/' || path[0] == 0 ? -1 : open_by_component(dir, path);
}

static int
posix_fstat(void *data, int fd, struct stat *out)
{
    (void)data;
    return fstat(fd, out);
}

static int
posix_stat(void *data, int dir, const char *path, struct stat *out, int flags)
{
    (void)data;
    return fstatat(dir, path, out, flags);
}

static ssize_t
posix_readlink(void *data, int dir, const char *path, char *out, size_t room)
{
    (void)data;
    return readlinkat(dir, path, out, room);
}

static ssize_t
posix_read(void *data, int fd, void *buf, size_t n)
{
    (void)data;
    return read(fd, buf, n);
}

static ssize_t
posix_pread(void *data, int fd, void *buf, size_t n, off_t off)
{
    (void)data;
    return pread(fd, buf, n, off);
}

static ssize_t
posix_write(void *data, int fd, const void *buf, size_t n)
{
    (void)data;
    return write(fd, buf, n);
}

static ssize_t
posix_pwrite(void *data, int fd, const void *buf, size_t n, off_t off)
{
    (void)data;
    return pwrite(fd, buf, n, off);
}

static ssize_t
posix_copy_range(void *data, int in, off_t *in_off, int out, off_t *out_off, size_t n)
{
    (void)data;
    return copy_file_range(in, in_off, out, out_off, n, 0);
}

static int
posix_start_writeback(void *data, int fd, off_t off, off_t n)
{
    (void)data;
    return sync_file_range(fd, off, n, SYNC_FILE_RANGE_WRITE);
}

/* Not posix_fallocate: where the file system cannot, libc writes into every block instead. */
static int
posix_allocate(void *data, int fd, off_t size)
{
    (void)data;
    return fallocate(fd, 0, 0, size) == 0 ? 0 : errno;
}

static int
posix_free_space(void *data, int fd, uint64_t *out_bytes)
{
    struct statvfs fs;
    (void)data;
    if (fstatvfs(fd, &fs) != 0) return -1;
    *out_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

static int
posix_set_blocking(void *data, int fd)
{
    (void)data;
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return (flags & O_NONBLOCK) == 0 ? 0 : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static int
posix_fsync(void *data, int fd)
{
    (void)data;
    return fsync(fd);
}

static int
posix_fchmod(void *data, int fd, unsigned mode)
{
    (void)data;
    return fchmod(fd, (mode_t)mode);
}

static int
posix_fchown(void *data, int fd, uid_t user, gid_t group)
{
    (void)data;
    return fchown(fd, user, group);
}

static int
posix_close(void *data, int fd)
{
    (void)data;
    return close(fd);
}

static int
posix_rename(void *data, int dir, const char *from, const char *to)
{
    (void)data;
    return renameat(dir, from, dir, to);
}

static int
posix_unlink(void *data, int dir, const char *path)
{
    (void)data;
    return unlinkat(dir, path, 0);
}

static int
posix_mkdir(void *data, int dir, const char *path, unsigned mode)
{
    (void)data;
    return mkdirat(dir, path, (mode_t)mode);
}

const quire_io quire_io_posix = {
    .open = posix_open,
    .open_beneath = posix_open_beneath,
    .fstat = posix_fstat,
    .stat = posix_stat,
    .readlink = posix_readlink,
    .read = posix_read,
    .pread = posix_pread,
    .write = posix_write,
    .pwrite = posix_pwrite,
    .copy_range = posix_copy_range,
    .start_writeback = posix_start_writeback,
    .allocate = posix_allocate,
    .free_space = posix_free_space,
    .set_blocking = posix_set_blocking,
    .fsync = posix_fsync,
    .fchmod = posix_fchmod,
    .fchown = posix_fchown,
    .close = posix_close,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
};

int
quire_io_open(const quire_io *io, int dir, const char *path, int flags, unsigned mode)
{
    int fd;
    do {
        fd = io->open(io->data, dir, path, flags, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

int
quire_io_write_all(const quire_io *io, int fd, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        const ssize_t done = io->write(io->data, fd, at, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno;
        if (done == 0) return EIO;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

int
quire_io_pwrite_all(const quire_io *io, int fd, const void *bytes, size_t n, uint64_t off)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        const ssize_t done = io->pwrite(io->data, fd, at, n, (off_t)off);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno;
        if (done == 0) return EIO;
        at += done;
        off += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

int
quire_io_close(const quire_io *io, int fd)
{
    return io->close(io->data, fd) == 0 || errno == EINTR ? 0 : errno;
}

const char *
quire_io_error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text == NULL ? "Unknown error" : text;
}
