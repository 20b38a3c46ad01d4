/* services_inner.h - what the files of the services have in common. Only for them. */
#ifndef QUIRE_PLUGIN_SERVICES_INNER_H
#define QUIRE_PLUGIN_SERVICES_INNER_H

#include "plugin/host_view.h"
#include "plugin/services.h"

typedef struct quire_last_claim { /* where the last search for a child's claim ended */
    uint32_t child, k;
    size_t first, at; /* claims: where the search began, and the k-th of the child, or behind it */
} quire_last_claim;

/* `ctx` of every table. */
typedef struct quire_services {
    quire_instance *i;
    uintptr_t home;                 /* the thread all callbacks run in */
    _Atomic(const char *) stranger; /* what another thread called; NULL: nothing */
    uint32_t n_descendants;         /* children of the whole tree, kept at its root */
    quire_last_claim last_claim;
    quire_host_log log;
    quire_host_parallel parallel;
    quire_host_select select;
    quire_host_measure measure;
    quire_host_quantizers quantizers;
} quire_services;

void quire_log_init(quire_services *s);
void quire_parallel_init(quire_services *s);
void quire_select_init(quire_services *s);
void quire_measure_init(quire_services *s);
void quire_quantizers_init(quire_services *s);

/* A call of `function` by the thread that may: true. Else it is noted, and the answer is
 * QUIRE_E_USAGE. */
bool quire_service_at_home(quire_services *s, const char *function);
/* A fault where no view need be open: in create, and whenever. Ends the callback with `status`;
 * tells it at once, in the plugin's name. Returns what the plugin is to be told. */
quire_status quire_service_fail(quire_services *s, quire_status status, const char *format, ...)
    QUIRE_PRINTF(3, 4);
/* A context whose first error goes into `out_caught`, to be told with quire_service_fail. */
typedef struct quire_caught {
    char text[1001];
} quire_caught;
quire_ctx quire_service_catch(const quire_services *s, quire_caught *out_caught);
/* The view of the callback that runs, entered, if it is `first` or one that comes after it. NULL:
 * *out_answer says what the plugin is told. */
quire_host_view *quire_service_enter(quire_services *s, const char *function, quire_callback first,
                                     quire_status *out_answer);

#endif
