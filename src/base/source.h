/* source.h - bytes to read: a file, memory, or standard input spooled to an unlinked file.
 *
 * Read with pread, never mapped: a file truncated under us is an error message, not a signal. A
 * source records (device, inode, size, times) when opened and can tell whether the file changed
 * since.
 */
#ifndef QUIRE_BASE_SOURCE_H
#define QUIRE_BASE_SOURCE_H

#include <sys/stat.h>

#include "base/base.h"

struct quire_source;

/* Where bytes go that are made while they are written. */
typedef struct quire_taker {
    /* Puts n bytes at `at` of what is being written. In any order, but one call at a time; from any
     * thread. Reports to `ctx`: QUIRE_E_IO, QUIRE_E_CANCELED. */
    quire_status (*put)(quire_ctx *ctx, const struct quire_taker *taker, uint64_t at,
                        const void *bytes, size_t n);
    void *data;
} quire_taker;

/* Of a source whose bytes are not there before they are written: it has a size, and is written
 * whole. */
typedef struct quire_making {
    /* The source's first byte will be at `at` of what is being written. All sources of a rope are
     * placed before the first is made. */
    void (*place)(const struct quire_source *source, uint64_t at);
    /* Makes all bytes of the source, and maybe of others that were placed, and puts them where they
     * belong. For a source that was made with another there is nothing left to do. */
    quire_status (*make)(quire_ctx *ctx, const struct quire_source *source,
                         const quire_taker *taker);
} quire_making;

typedef struct quire_source {
    uint64_t size;
    /* Reads exactly n bytes at off; reports QUIRE_E_IO (short file, read error). */
    quire_status (*read)(quire_ctx *ctx, const struct quire_source *source, uint64_t off, void *buf,
                         size_t n);
    const void *memory;         /* memory source, else NULL                                   */
    int fd;                     /* file source: its descriptor, for copy_file_range; else -1  */
    const char *name;           /* for messages; owned by whoever opened it                   */
    struct stat opened;         /* file source: as it was when opened                         */
    void *data;                 /* free for other implementations                             */
    const quire_making *making; /* NULL: the bytes are there, else read fails         */
} quire_source;

/* Opens `path` (as openat, dir may be AT_FDCWD) for reading. Missing, unreadable or not a regular
 * file: QUIRE_E_INVALID, reported. `path` is kept as the name. */
QUIRE_MUST_USE quire_status quire_source_open(quire_ctx *ctx, int dir, const char *path,
                                              quire_source *out_source);
/* Takes over an open descriptor of a regular file (checked: QUIRE_E_INVALID). Closes it on
 * failure. */
QUIRE_MUST_USE quire_status quire_source_open_fd(quire_ctx *ctx, int fd, const char *name,
                                                 quire_source *out_source);
/* Reads descriptor `fd` (standard input) to its end into an unlinked temporary file in TMPDIR or
 * /tmp. `fd` stays open. Reports QUIRE_E_IO, QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status quire_source_spool(quire_ctx *ctx, int fd, const char *name,
                                               quire_source *out_source);
/* A view of the first `size` bytes of an open file, which must outlive the source and is not closed
 * with it; `name` is for messages. */
quire_source quire_source_of_file(int fd, uint64_t size, const char *name);
/* A view of memory that must outlive the source. */
quire_source quire_source_of_memory(const void *ptr, size_t len, const char *name);
/* QUIRE_E_IO, reported, if the file was written to, moved or removed since it was opened (size,
 * modification time, status change time). Sources that are not files never change. */
QUIRE_MUST_USE quire_status quire_source_check_unchanged(quire_ctx *ctx,
                                                         const quire_source *source);
/* Safe on a zeroed, a closed and a memory source. */
void quire_source_close(quire_ctx *ctx, quire_source *source);

static inline quire_status
quire_source_read(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    return n == 0 ? QUIRE_OK : source->read(ctx, source, off, buf, n);
}

#endif
