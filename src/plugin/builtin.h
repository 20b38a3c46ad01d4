/* builtin.h - the entry of the quantizers that are linked in.
 *
 * They are written like any vendor's and see quire/plugin.h alone (src/quantizers); their entry has
 * a name of its own because a program may export quire_plugin_entry itself.
 */
#ifndef QUIRE_PLUGIN_BUILTIN_H
#define QUIRE_PLUGIN_BUILTIN_H

#include "quire/plugin.h"

const quire_plugin *quire_builtin_entry(uint32_t host_major, uint32_t host_minor);

#endif
