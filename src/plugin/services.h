/* services.h - the services of a host, by id: the tables an instance gets from its host's
 * get_service. They live as long as the instance.
 */
#ifndef QUIRE_PLUGIN_SERVICES_H
#define QUIRE_PLUGIN_SERVICES_H

#include "plugin/instance.h"

/* Makes i->services, for the thread that calls it; called before the plugin's create. Reports
 * QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_services_open(quire_instance *i);
/* Frees them; accepts an instance that has none. */
void quire_services_close(quire_instance *i);
/* The table called `id` for this instance, or NULL. May be called from any thread. */
const void *quire_services_get(quire_instance *i, const char *id);
/* If another thread called what only the instance's own may call: tells it, and the instance has
 * `failed`. To be called when a callback is over. */
void quire_services_settle(quire_instance *i);

#endif
