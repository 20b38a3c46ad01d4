/* host.h - the table of functions every plugin gets (quire_host), and what it says through them.
 *
 * A plugin may report from any thread, and the context's sink is no thread's but the caller's:
 * messages are kept, and told when the callback is over. One table serves one instance, so that
 * what it allocated can be counted.
 */
#ifndef QUIRE_PLUGIN_HOST_H
#define QUIRE_PLUGIN_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "graph/model.h"
#include "plugin/registry.h"

typedef struct quire_host_state {
    quire_host table; /* for the plugin; table.ctx is this struct, which must not move */
    quire_ctx *ctx;
    const quire_model *m; /* names the slots of messages; may be NULL */
    const quire_known_quantizer *known;
    const char *noun; /* what is called: "quantizer", set by init, or "formula" */
    const char *who; /* the quantizer's name in messages; set by init, to be changed before calls */
    const char *where; /* known->where; a child's: its parent's */
    /* What get_service gives; NULL: nothing. May be called from any thread. */
    const void *(*service)(void *data, const char *id);
    void *service_data;
    /* What the instance holds through realloc; zero again after destroy. */
    atomic_size_t n_blocks, n_bytes;
    atomic_bool lost_message; /* there was no memory to keep one: a failure may look unexplained */
    /* Private. */
    pthread_mutex_t lock; /* of the messages */
    struct quire_host_message *first, *last;
    size_t n_messages, n_dropped;
} quire_host_state;

/* `known` must outlive the state. */
void quire_host_init(quire_host_state *state, quire_ctx *ctx, const quire_model *m,
                     const quire_known_quantizer *known);
/* Messages that were not told are forgotten. */
void quire_host_deinit(quire_host_state *state);

/* To be called before every callback, with its name: whoever watches the registry is told. */
void quire_host_calls(const quire_host_state *state, const char *callback);
/* To be called after every callback, with its name ("annotate") and what it returned. Notes and
 * warnings are told; of a failure one error is told, with the first error the plugin reported and
 * its slot:
 *     plugin "acme" (quantizer "int8"), annotate: axis 3 of a tensor with 2
 * Returns QUIRE_OK and QUIRE_NONE as they are; QUIRE_E_CANCELED, QUIRE_E_NOMEM and, if the plugin
 * said why, QUIRE_E_USAGE too, told; QUIRE_E_PLUGIN for any other status, and for a plugin that
 * reported an error and then returned success. */
QUIRE_MUST_USE quire_status quire_host_returned(quire_host_state *state, const char *callback,
                                                quire_status status);
/* Tells the notes and warnings there are; errors stay. */
void quire_host_tell(quire_host_state *state, const char *callback);
/* Takes the errors out, the first one's text cut to the room; false: there was none. What is no
 * error stays. */
bool quire_host_take_error(quire_host_state *state, char *out, size_t room);
/* Did the plugin report an error that was not told yet? */
bool quire_host_has_error(quire_host_state *state);
/* As quire_host_returned, where the caller found the fault (an answer that may not be): tells it as the plugin's,
 * after its notes and warnings. `status` is QUIRE_E_PLUGIN, or what failed in the host meanwhile;
 * `path` is a slot's text or NULL. Returns `status`. */
quire_status quire_host_fault(quire_host_state *state, const char *callback, quire_status status,
                              const char *path, const char *format, ...) QUIRE_PRINTF(5, 6);

#endif
