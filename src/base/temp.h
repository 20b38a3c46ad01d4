/* temp.h - temporary files, and what to say when writing to one fails.
 *
 * Shared by source.c (standard input), commit.c (staged files) and spool.c.
 */
#ifndef QUIRE_BASE_TEMP_H
#define QUIRE_BASE_TEMP_H

#include "base/base.h"
#include "base/io.h"

enum { QUIRE_TEMP_NAME_ROOM = 256 };

/* Creates `.STEM.PID.RANDOM.tmp` (STEM cut to fit) for reading and writing in directory `dir`;
 * never follows a link, never opens what is there. Returns 0 or an errno value; not reported. */
int quire_temp_create(const quire_io *io, int dir, const char *stem, unsigned mode,
                      char out_name[QUIRE_TEMP_NAME_ROOM], int *out_fd);

/* An empty file without a name, for reading and writing: in the directory of `path` if that is not
 * NULL and allows it, else in TMPDIR, else in /tmp. Reports QUIRE_E_IO, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_temp_open_unlinked(quire_ctx *ctx, const char *path, int *out_fd);

/* The directory of `path` as the context's allocator gives it (`*out_size` to free it), and
 * where its last component starts. "a" is in ".", "/a" in "/". Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_temp_split(quire_ctx *ctx, const char *path, char **out_directory,
                                             size_t *out_size, const char **out_name);

/* Reports that writing to `fd`, shown as `file`, failed: QUIRE_E_IO. `needed` is the size the
 * file was to have (0: not known); said, with the free space, if room is what was missing. */
quire_status quire_temp_write_failed(quire_ctx *ctx, const char *file, int fd, int error,
                                     uint64_t needed);

#endif
