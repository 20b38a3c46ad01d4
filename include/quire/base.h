/* quire/base.h - what every public header shares: status codes, diagnostics, allocator, strings.
 *
 * Strings that cross this interface are UTF-8 and end in NUL unless a length stands beside them.
 * Nothing here owns memory. All of it may be used from several threads, each with its own context.
 */
#ifndef QUIRE_BASE_H
#define QUIRE_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QUIRE_API                 __attribute__((visibility("default")))
#define QUIRE_MUST_USE            __attribute__((warn_unused_result))
#define QUIRE_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define QUIRE_API
#define QUIRE_MUST_USE
#define QUIRE_PRINTF(text, first)
#endif

/* What the program may do next; the diagnostic says what the person should do.
 * QUIRE_STATUS_TABLE(X) has one row per code: name, value, exit code of the command line,
 * meaning. */
#define QUIRE_STATUS_TABLE(X)                                                                      \
    X(OK, 0, 0, "done")                                                                            \
    X(NONE, 1, 1, "worked, and the answer is no")                                                  \
    X(E_USAGE, 2, 2, "the call or its options are wrong")                                          \
    X(E_INVALID, 3, 3, "an input is missing, unreadable or malformed")                             \
    X(E_UNSUPPORTED, 4, 3, "an input is valid but not handled")                                    \
    X(E_LIMIT, 5, 3, "an input is over a stated limit")                                            \
    X(E_IO, 6, 4, "reading failed after opening, or writing failed")                               \
    X(E_NOMEM, 7, 4, "out of memory")                                                              \
    X(E_PLUGIN, 8, 4, "a plugin failed")                                                           \
    X(E_CANCELED, 9, 130, "the caller asked to stop")                                              \
    X(E_INTERNAL, 10, 70, "a bug of quire")

#ifndef QUIRE_PLUGIN_H /* quire/plugin.h, which includes nothing, says the same */
typedef enum quire_status {
#define QUIRE_STATUS_ENUM(name, value, exit_code, meaning) QUIRE_##name = value,
    QUIRE_STATUS_TABLE(QUIRE_STATUS_ENUM)
#undef QUIRE_STATUS_ENUM
} quire_status;
typedef enum quire_severity { QUIRE_NOTE, QUIRE_WARNING, QUIRE_ERROR } quire_severity;
#endif

/* "E_INVALID" and the like; never NULL. */
QUIRE_API const char *quire_status_name(quire_status status);
/* Exit code of the command line for `status` (design: 0 yes, 1 no, 2 usage, 3 input, 4 environment,
 * 70 our bug). */
QUIRE_API int quire_status_exit_code(quire_status status);

/* One message. `file` and `path` may be NULL. The strings live until the sink returns.
 * All three are one line of printable UTF-8: every other byte of a name in them is written \xNN. */
typedef struct quire_diagnostic {
    quire_severity severity;
    quire_status status;
    const char *file;    /* the model or data file it is about                            */
    const char *path;    /* place inside the graph, e.g. graph.node[3] "conv".attribute   */
    const char *message; /* found, allowed, what to do                                    */
} quire_diagnostic;

typedef void (*quire_sink_fn)(void *data, const quire_diagnostic *diagnostic);

/* Calls work(data, i) for every i below n, each once, from as many threads at a time as it likes,
 * and returns when all calls have; what they wrote is then seen by the caller. It may be handed the
 * same work by several callers at a time. */
typedef void (*quire_parallel_fn)(void *pool, uint64_t n, void (*work)(void *data, uint64_t i),
                                  void *data);

/* realloc in one callback: `old_size` 0 allocates, `new_size` 0 frees and returns NULL.
 * Returns NULL when memory is out, leaving the old block as it was. Must be thread-safe if the
 * contexts that share it run on several threads. Alignment as malloc's. */
typedef struct quire_allocator {
    void *(*realloc)(void *data, void *ptr, size_t old_size, size_t new_size);
    void *data;
} quire_allocator;

#ifdef __cplusplus
}
#endif

#endif
