/* fault.h - what a test puts under a context so that it fails: allocator, file operations, sink.
 *
 * Each counts its calls. Fail the n-th, for n = 1, 2, ... until nothing fails any more, and every
 * allocation and every system call has failed once; "sticky" fails all from the n-th on. What is
 * leaked, freed with a wrong size or closed twice is seen. File operations may come from several
 * threads at a time.
 */
#ifndef QUIRE_TESTS_FAULT_H
#define QUIRE_TESTS_FAULT_H

#include <pthread.h>

#include "base/base.h"
#include "base/io.h"

typedef struct fault_alloc {
    quire_allocator allocator; /* for the context */
    size_t n_calls;            /* that allocate or grow; shrinking and freeing never fail */
    size_t fail_at;            /* 1 is the first; 0: never */
    bool sticky;
    size_t n_failed;
    size_t n_live, live_size; /* blocks and bytes that were not given back */
    size_t peak_size;
    size_t n_wrong; /* blocks given back with a size, or from a place, that is not theirs */
} fault_alloc;

void fault_alloc_init(fault_alloc *fault, size_t fail_at, bool sticky);
/* Nothing leaked, no wrong size. */
bool fault_alloc_is_clean(const fault_alloc *fault);

/* The members of quire_io, in its order. */
#define FAULT_OPS(X)                                                                               \
    X(OPEN)                                                                                        \
    X(OPEN_BENEATH)                                                                                \
    X(FSTAT)                                                                                       \
    X(STAT)                                                                                        \
    X(READLINK)                                                                                    \
    X(READ)                                                                                        \
    X(PREAD)                                                                                       \
    X(WRITE)                                                                                       \
    X(PWRITE)                                                                                      \
    X(COPY_RANGE)                                                                                  \
    X(START_WRITEBACK)                                                                             \
    X(ALLOCATE)                                                                                    \
    X(FREE_SPACE)                                                                                  \
    X(SET_BLOCKING)                                                                                \
    X(FSYNC)                                                                                       \
    X(FCHMOD)                                                                                      \
    X(FCHOWN)                                                                                      \
    X(CLOSE)                                                                                       \
    X(RENAME)                                                                                      \
    X(UNLINK)                                                                                      \
    X(MKDIR)

typedef enum fault_op {
#define FAULT_OP_ENUM(name) FAULT_##name,
    FAULT_OPS(FAULT_OP_ENUM)
#undef FAULT_OP_ENUM
        FAULT_N_OPS
} fault_op;

#define FAULT_ALL ((1u << FAULT_N_OPS) - 1)

typedef struct fault_io {
    quire_io io;          /* for the context */
    pthread_mutex_t lock; /* of what follows */
    size_t n_calls;       /* of the operations in `ops` */
    size_t fail_at;       /* 1 is the first; 0: never */
    bool sticky;
    int error;           /* errno of the failure */
    uint32_t ops;        /* 1 << fault_op: the ones that count and fail */
    size_t max_transfer; /* bytes per read, pread, write, pwrite, copy_range; 0: as asked */
    bool interrupt; /* each open, read, pread, write, pwrite, copy_range, allocate: first EINTR */
    bool interrupted;
    bool lazy; /* fsync does nothing: for campaigns, where no machine is going to lose power */
    size_t n_failed;
    fault_op failed; /* the last that failed */
    size_t n_by_op[FAULT_N_OPS];
    size_t n_open;      /* descriptors opened and not closed */
    size_t n_bad_close; /* of descriptors that were not opened here, or twice */
    bool is_open[1024];
} fault_io;

void fault_io_init(fault_io *fault, size_t fail_at, bool sticky, int error);
/* Every descriptor closed, each once. */
bool fault_io_is_clean(const fault_io *fault);

/* A sink that counts and remembers. */
typedef struct fault_log {
    size_t n_errors, n_others;
    quire_status status; /* of the last error */
    char file[256];      /* of the last diagnostic; "" for NULL */
    char path[256];
    char message[1100];
} fault_log;

void fault_log_sink(void *log, const quire_diagnostic *diagnostic);

/* A context on these; each may be NULL for the real thing. */
quire_ctx fault_ctx(fault_alloc *alloc, fault_io *io, fault_log *log);

#endif
