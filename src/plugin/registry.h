/* registry.h - the quantizers and formulas there are: built in, and those of plugins that were
 * loaded; found by name.
 *
 * Plugins stay loaded until the process ends (their code may be needed by what they registered with
 * the C library), so the registry only grows. A file is loaded once. Nothing a plugin says is
 * believed before it is checked: sizes, versions, strings (NUL within 4096 bytes), option tables.
 */
#ifndef QUIRE_PLUGIN_REGISTRY_H
#define QUIRE_PLUGIN_REGISTRY_H

#include "base/base.h"
#include "quire/plugin.h"

/* Who wants to know which code of a plugin is about to run: --isolate, for its message. */
typedef struct quire_watch {
    /* `quantizer` NULL: the plugin as a whole. `where`: "load", "create", "annotate", ... */
    void (*entering)(void *data, const char *plugin, const char *quantizer, const char *where);
    void *data;
} quire_watch;

typedef struct quire_known_plugin {
    const quire_plugin *plugin;
    const char *path;         /* of the shared object; NULL: built in */
    const quire_watch *watch; /* the registry's */
} quire_known_plugin;

typedef struct quire_known_quantizer {
    const quire_quantizer *quantizer;
    const quire_known_plugin *plugin;
    const char *where; /* FILE:LINE:COLUMN of the recipe that declares it; NULL: none does */
    bool of_flags;     /* its options are flags of the command line, and called so in messages */
} quire_known_quantizer;

typedef struct quire_known_formula {
    const quire_formula *formula;
    const quire_known_plugin *plugin;
} quire_known_formula;

typedef struct quire_registry {
    const quire_allocator *alloc;
    quire_known_plugin **plugins;
    quire_known_quantizer **quantizers; /* in order of loading; built-ins first */
    quire_known_formula **formulas;     /* in order of loading; built-ins first */
    size_t n_plugins, n_quantizers, n_formulas;
    size_t plugins_room, quantizers_room, formulas_room;
    const quire_watch *watch; /* NULL: nobody; to be set right after _init, must outlive it */
} quire_registry;

/* With the built-in quantizers. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_registry_init(quire_ctx *ctx, quire_registry *registry);
/* Ends the life of all that the registry found; the code stays in the process. */
void quire_registry_deinit(quire_registry *registry);
/* Loads one shared object; one that is there already is no failure. QUIRE_E_PLUGIN with a sentence:
 * no shared object, no entry symbol, another major version, a struct that is too short, a quantizer
 * or formula whose name is taken, a bad option table. QUIRE_E_INVALID: no such file. After a failure the
 * registry is as before. */
QUIRE_MUST_USE quire_status quire_registry_load(quire_ctx *ctx, quire_registry *registry,
                                                const char *path);
/* Loads every *.so of the folders in QUIRE_PLUGIN_PATH (colons between them) and of the library's
 * own plugin folder, by name; a folder that is not there is skipped, a plugin that fails is a
 * warning. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_registry_search(quire_ctx *ctx, quire_registry *registry);
/* Adds a plugin whose code is in the process already; `path` NULL: it is called built in. The
 * failures of quire_registry_load that are about what it says. */
QUIRE_MUST_USE quire_status quire_registry_add(quire_ctx *ctx, quire_registry *registry,
                                               const quire_plugin *plugin, const char *path);
/* Is the text of this quantizer about an option that was given as a flag? Such texts begin with the
 * option's name and a blank; what the person wrote has two dashes before it. */
bool quire_known_names_flag(const quire_known_quantizer *known, quire_bytes text);
/* By quantizer name; NULL if there is none. Valid until the registry's end. */
const quire_known_quantizer *quire_registry_find(const quire_registry *registry, quire_bytes name);
const quire_known_formula *quire_registry_find_formula(const quire_registry *registry,
                                                       quire_bytes name);
/* Up to three names of formulas near to `name`, as `"a", "b"`. */
void quire_registry_nearest_formulas(const quire_registry *registry, quire_bytes name, char *out,
                                     size_t room);
/* As quire_registry_find; QUIRE_E_USAGE with the nearest names. */
QUIRE_MUST_USE quire_status quire_registry_get(quire_ctx *ctx, const quire_registry *registry,
                                               quire_bytes name, const quire_known_quantizer **out);

#endif
