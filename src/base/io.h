/* io.h - the file operations quire uses, as a table, so that tests can make each one fail.
 *
 * Members have POSIX semantics: -1 and errno on failure. `quire_io_posix` is the real one. Every
 * member takes the table's `data` first. No other file of quire calls open, read, write, rename,
 * ... Where a context has threads (base.h), pread is called from several at a time.
 */
#ifndef QUIRE_BASE_IO_H
#define QUIRE_BASE_IO_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/base.h"

typedef struct quire_io {
    int (*open)(void *data, int dir, const char *path, int flags, unsigned mode); /* openat */
    /* openat2 beneath `dir`, no symbolic links, no magic links; emulated component by component
     * where the kernel lacks it (`..` is then refused with EXDEV). Read-only, not blocking. */
    int (*open_beneath)(void *data, int dir, const char *path);
    int (*fstat)(void *data, int fd, struct stat *out);
    int (*stat)(void *data, int dir, const char *path, struct stat *out, int flags); /* fstatat */
    ssize_t (*readlink)(void *data, int dir, const char *path, char *out, size_t room);
    ssize_t (*read)(void *data, int fd, void *buf, size_t n);
    ssize_t (*pread)(void *data, int fd, void *buf, size_t n, off_t off);
    ssize_t (*write)(void *data, int fd, const void *buf, size_t n);
    ssize_t (*pwrite)(void *data, int fd, const void *buf, size_t n, off_t off);
    ssize_t (*copy_range)(void *data, int in, off_t *in_off, int out, off_t *out_off, size_t n);
    /* The kernel may begin to bring these bytes to the disk. A hint: nothing is waited for. */
    int (*start_writeback)(void *data, int fd, off_t off, off_t n);
    /* Room for `size` bytes from the start on, as posix_fallocate but never emulated: EOPNOTSUPP.
     * 0 or an errno value; errno is not set. */
    int (*allocate)(void *data, int fd, off_t size);
    /* fstatvfs: what we may still use */
    int (*free_space)(void *data, int fd, uint64_t *out_bytes);
    int (*set_blocking)(void *data, int fd); /* clears O_NONBLOCK */
    int (*fsync)(void *data, int fd);
    int (*fchmod)(void *data, int fd, unsigned mode);
    int (*fchown)(void *data, int fd, uid_t user, gid_t group);
    int (*close)(void *data, int fd);
    int (*rename)(void *data, int dir, const char *from, const char *to);
    int (*unlink)(void *data, int dir, const char *path);
    int (*mkdir)(void *data, int dir, const char *path, unsigned mode);
    void *data;
} quire_io;

extern const quire_io quire_io_posix;

/* The calls above with their EINTR repeated and, for write, all of it written. The result of
 * quire_io_open is a descriptor or -1 with errno; the others give 0 or an errno value. close is
 * never repeated: the descriptor is gone either way. */
int quire_io_open(const quire_io *io, int dir, const char *path, int flags, unsigned mode);
int quire_io_write_all(const quire_io *io, int fd, const void *bytes, size_t n);
int quire_io_pwrite_all(const quire_io *io, int fd, const void *bytes, size_t n, uint64_t off);
int quire_io_close(const quire_io *io, int fd);

/* The untranslated text of an errno value; never NULL. */
const char *quire_io_error_text(int error);

#endif
