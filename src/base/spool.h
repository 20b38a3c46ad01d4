/* spool.h - an unlinked temporary file for intermediate data, growing at the end. What is made before
 * it is known where it goes lives here: it may not fit in memory.
 */
#ifndef QUIRE_BASE_SPOOL_H
#define QUIRE_BASE_SPOOL_H

#include "base/source.h"

typedef struct quire_spool {
    quire_source source; /* readable at any time up to source.size */
    int fd;
} quire_spool;

/* Beside `path`; if that is NULL or fails, in TMPDIR, else /tmp. */
QUIRE_MUST_USE quire_status quire_spool_create(quire_ctx *ctx, const char *path,
                                               quire_spool *out_spool);
/* Appends; *out_off is where. After a failure only quire_spool_close is of use. */
QUIRE_MUST_USE quire_status quire_spool_append(quire_ctx *ctx, quire_spool *spool,
                                               const void *bytes, size_t n, uint64_t *out_off);
/* Appends sources whose bytes are made now, one behind the other; out_offs[n] is where. After a
 * failure only quire_spool_close is of use. Reports QUIRE_E_IO and what making them does. */
QUIRE_MUST_USE quire_status quire_spool_make(quire_ctx *ctx, quire_spool *spool,
                                             const quire_source *const *sources, size_t n,
                                             uint64_t *out_offs);
/* Safe on a zeroed spool and twice. */
void quire_spool_close(quire_ctx *ctx, quire_spool *spool);

#endif
