/* commit.h - output files: complete under their final name, or not there at all.
 *
 * A staged file is a temporary in the destination's directory; commit fsyncs, renames, and fsyncs
 * the directory. Abandoning it removes the temporary. The mode is that of the file replaced, else
 * 0666 less the umask. A destination that is a symbolic link is resolved first and its target
 * replaced.
 */
#ifndef QUIRE_BASE_COMMIT_H
#define QUIRE_BASE_COMMIT_H

#include "base/arena.h"
#include "base/base.h"
#include "base/rope.h"

typedef struct quire_staged {
    int fd, dir;      /* temporary and its directory; -1: none */
    char *directory;  /* allocated, as opened                  */
    char *final_name; /* last component; may be set late       */
    char *temp_name;
    size_t directory_size, final_size, temp_size;
    uint64_t written;
    bool synced; /* nothing was written since the last successful fsync */
    bool broken; /* a write or fsync failed: can only be abandoned      */
} quire_staged;

/* A temporary beside `path`. Reports QUIRE_E_IO (missing or unwritable directory, no space,
 * `path` is there and not a regular file), QUIRE_E_NOMEM. After a failure there is nothing to
 * abandon. */
QUIRE_MUST_USE quire_status quire_staged_create(quire_ctx *ctx, const char *path,
                                                quire_staged *out_staged);
/* Another file name in the same directory as the final one (for names that depend on content). */
QUIRE_MUST_USE quire_status quire_staged_set_name(quire_ctx *ctx, quire_staged *staged,
                                                  const char *name);
/* Appends a finished rope; room on the disk is claimed first. Through memory in chunks of at most
 * 1 MiB, bulk from file to file where the kernel can; bytes that are made while they are written
 * (source.h) go straight to their place. `out_hash` (may be NULL) receives XXH3-64 of what this
 * call wrote; asking for it means that all passes through memory. Reports QUIRE_E_IO,
 * QUIRE_E_NOMEM, QUIRE_E_CANCELED, and what making bytes does. */
QUIRE_MUST_USE quire_status quire_staged_write_rope(quire_ctx *ctx, quire_staged *staged,
                                                    const quire_rope *rope, uint64_t *out_hash);
/* Appends bytes. Reports QUIRE_E_IO. */
QUIRE_MUST_USE quire_status quire_staged_write(quire_ctx *ctx, quire_staged *staged,
                                               const void *bytes, size_t n);
/* Reports that writing failed with errno value `error`, of a file that was to have `size` bytes. */
QUIRE_MUST_USE quire_status quire_staged_write_failed(quire_ctx *ctx, const quire_staged *staged,
                                                      int error, uint64_t size);
/* fsync; after it the temporary can be re-opened and verified through quire_staged_open. */
QUIRE_MUST_USE quire_status quire_staged_sync(quire_ctx *ctx, quire_staged *staged);
/* The temporary, opened anew, as a source; its name is valid until commit or abandon. QUIRE_E_IO
 * if it is not the file, or not of the length, that was written. */
QUIRE_MUST_USE quire_status quire_staged_open(quire_ctx *ctx, const quire_staged *staged,
                                              quire_source *out_source);
/* fsync if that was not done, rename to the final name (the commit point), fsync the directory. A
 * failure before the rename is QUIRE_E_IO and leaves what was there; one after it is a warning. */
QUIRE_MUST_USE quire_status quire_staged_commit(quire_ctx *ctx, quire_staged *staged);
/* Removes the temporary if it is still there and releases everything. Safe after any failure and
 * after commit. */
void quire_staged_abandon(quire_ctx *ctx, quire_staged *staged);

#endif
