/* base.h - the context, and the few words every file uses.
 *
 * A context carries what a call may touch: the allocator, the file operations, the sink for
 * diagnostics. It is the caller's; nothing in quire keeps global state. One context is used by one
 * thread at a time.
 */
#ifndef QUIRE_BASE_BASE_H
#define QUIRE_BASE_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "quire/base.h"

struct quire_io;

typedef struct quire_ctx {
    const quire_allocator *alloc; /* never NULL                                        */
    const struct quire_io *io;    /* file operations, see io.h; never NULL              */
    quire_sink_fn sink;           /* may be NULL                                        */
    void *sink_data;
    const char *file;             /* the file diagnostics are about now; may be NULL    */
    const volatile int *canceled; /* set to non-zero from a signal handler; may be NULL */
    void (*progress)(void *data, const char *what, uint64_t done, uint64_t total); /* may be NULL */
    void *progress_data;
    /* Threads of the caller's for long work (inorder.h): `parallel` NULL or n_threads below 2 is
     * none. What is called from them: `io`, and `progress`, which is called by one at a time. */
    quire_parallel_fn parallel;
    void *pool;
    uint32_t n_threads;
    uint32_t log_level; /* remarks of plugins on their work are told up to this level; 0: none */
} quire_ctx;

/* A context on libc: malloc, POSIX files, no sink. */
quire_ctx quire_ctx_default(void);

#define QUIRE_TRY(expr)                                                                            \
    do {                                                                                           \
        const quire_status quire_try_status = (expr);                                              \
        if (quire_try_status != QUIRE_OK) return quire_try_status;                                 \
    } while (0)

/* Borrowed bytes; not NUL-terminated. `ptr` may be NULL when `len` is 0. */
typedef struct quire_bytes {
    const uint8_t *ptr;
    size_t len;
} quire_bytes;

static inline quire_bytes
quire_bytes_of(const char *text)
{
    return (quire_bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool
quire_bytes_equal(quire_bytes a, quire_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Checked sizes: false on overflow, and *out is then untouched. */
static inline bool
quire_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *out = product;
    return true;
}

static inline bool
quire_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *out = sum;
    return true;
}

#endif
