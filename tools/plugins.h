/* plugins.h - the option --plugin FILE of verbs that work with quantizers, and the quantizers there are. */
#ifndef QUIRE_TOOLS_PLUGINS_H
#define QUIRE_TOOLS_PLUGINS_H

#include "cli.h"
#include "plugin/registry.h"

typedef struct plugin_files { /* of --plugin, in order; zero-initialized: none */
    const char **paths;       /* of the command line */
    size_t n, room;
} plugin_files;

/* A row of a verb's option_row table. */
#define PLUGINS_ROW                                                                                \
    {                                                                                              \
        "plugin", 0, "FILE", "a plugin to load besides the installed ones; may be repeated"        \
    }

/* One more --plugin. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status plugins_take(cli *c, plugin_files *files, const char *value);
void plugins_free(cli *c, plugin_files *files);
/* The built-in quantizers, those of the files, those of QUIRE_PLUGIN_PATH and of the installed
 * plugins; `watch` may be NULL. quire_registry_deinit ends it, unless it failed. */
QUIRE_MUST_USE quire_status plugins_open(quire_ctx *ctx, const plugin_files *files,
                                         const quire_watch *watch, quire_registry *out_registry);

#endif
