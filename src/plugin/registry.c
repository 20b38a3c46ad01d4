/* registry.c - the lists of plugins, quantizers and formulas; loading from files is in loader.c. */
#include "plugin/registry.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "base/nearest.h"
#include "plugin/builtin.h"
#include "plugin/descriptor.h"
#include "plugin/guard.h"
#include "plugin/options.h"

enum { MAX_INTERFACES = 256 /* of a kind, of one plugin */, NAME_ROOM = 128, NEAREST_ROOM = 500 };

static quire_bytes
name_at(const void *data, size_t i)
{
    const quire_registry *registry = data;
    return quire_bytes_of(registry->quantizers[i]->quantizer->name);
}

const quire_known_quantizer *
quire_registry_find(const quire_registry *registry, quire_bytes name)
{
    for (size_t i = 0; i < registry->n_quantizers; i++) {
        if (quire_bytes_equal(name_at(registry, i), name)) return registry->quantizers[i];
    }
    return NULL;
}

quire_status
quire_registry_get(quire_ctx *ctx, const quire_registry *registry, quire_bytes name,
                   const quire_known_quantizer **out)
{
    char wanted[NAME_ROOM] = {0};
    char nearest[NEAREST_ROOM];
    *out = quire_registry_find(registry, name);
    if (*out != NULL) return QUIRE_OK;
    memcpy(wanted, name.ptr, name.len < sizeof wanted ? name.len : sizeof wanted - 1);
    quire_names_nearest(wanted, registry->n_quantizers, name_at, registry, nearest, sizeof nearest);
    return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                           "no quantizer is called \"%s\"; nearest: %s; quire plugin list shows "
                           "all, --plugin FILE adds those of a file",
                           wanted, nearest);
}

static quire_bytes
formula_name_at(const void *data, size_t i)
{
    const quire_registry *registry = data;
    return quire_bytes_of(registry->formulas[i]->formula->name);
}

const quire_known_formula *
quire_registry_find_formula(const quire_registry *registry, quire_bytes name)
{
    for (size_t i = 0; i < registry->n_formulas; i++) {
        if (quire_bytes_equal(formula_name_at(registry, i), name)) return registry->formulas[i];
    }
    return NULL;
}

void
quire_registry_nearest_formulas(const quire_registry *registry, quire_bytes name, char *out,
                                size_t room)
{
    char wanted[NAME_ROOM] = {0};
    memcpy(wanted, name.ptr, name.len < sizeof wanted ? name.len : sizeof wanted - 1);
    quire_names_nearest(wanted, registry->n_formulas, formula_name_at, registry, out, room);
}

bool
quire_known_names_flag(const quire_known_quantizer *known, quire_bytes text)
{
    const quire_quantizer *q = known->quantizer;
    for (uint32_t i = 0; known->of_flags && i < q->n_options; i++) {
        const quire_bytes name = quire_bytes_of(quire_option_at(q, i)->name);
        if (text.len > name.len && text.ptr[name.len] == ' ' &&
            memcmp(text.ptr, name.ptr, name.len) == 0)
            return true;
    }
    return false;
}

/* --- adding ----------------------------------------------------------------------------------- */

/* `other`: the plugin that has something of this name, or NULL. */
static quire_status
check_free(quire_ctx *ctx, const char *kind, const char *name, const quire_known_plugin *other,
           const quire_known_plugin *plugin)
{
    if (other == NULL) return QUIRE_OK;
    if (other == plugin)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "two %ss of the plugin are called %s; a name is taken once", kind, name);
    return quire_fail(
        ctx, QUIRE_E_PLUGIN, NULL, "its %s %s is there already, %s%s; a name is taken once", kind,
        name, other->path == NULL ? "built in" : "from ", other->path == NULL ? "" : other->path);
}

static quire_status
add_quantizer(quire_ctx *ctx, quire_registry *registry, const void *descriptor,
              const quire_known_plugin *plugin, uint32_t index)
{
    const quire_quantizer *quantizer = descriptor;
    QUIRE_TRY(quire_quantizer_check(ctx, quantizer, index));
    const quire_known_quantizer *other =
        quire_registry_find(registry, quire_bytes_of(quantizer->name));
    QUIRE_TRY(check_free(ctx, "quantizer", quantizer->name, other != NULL ? other->plugin : NULL,
                         plugin));
    QUIRE_TRY(quire_grow(ctx, &registry->quantizers, &registry->quantizers_room,
                         registry->n_quantizers + 1, sizeof(quire_known_quantizer *)));
    quire_known_quantizer *known = quire_alloc(registry->alloc, sizeof *known);
    if (known == NULL) return quire_nomem(ctx);
    *known = (quire_known_quantizer){.quantizer = quantizer, .plugin = plugin};
    registry->quantizers[registry->n_quantizers++] = known;
    return QUIRE_OK;
}

static quire_status
add_formula(quire_ctx *ctx, quire_registry *registry, const void *descriptor,
            const quire_known_plugin *plugin, uint32_t index)
{
    const quire_formula *formula = descriptor;
    QUIRE_TRY(quire_formula_check(ctx, formula, index));
    const quire_known_formula *other =
        quire_registry_find_formula(registry, quire_bytes_of(formula->name));
    QUIRE_TRY(
        check_free(ctx, "formula", formula->name, other != NULL ? other->plugin : NULL, plugin));
    QUIRE_TRY(quire_grow(ctx, &registry->formulas, &registry->formulas_room,
                         registry->n_formulas + 1, sizeof(quire_known_formula *)));
    quire_known_formula *known = quire_alloc(registry->alloc, sizeof *known);
    if (known == NULL) return quire_nomem(ctx);
    *known = (quire_known_formula){.formula = formula, .plugin = plugin};
    registry->formulas[registry->n_formulas++] = known;
    return QUIRE_OK;
}

static const void *
interface_of(const quire_plugin *plugin, const char *id, uint32_t index)
{
    quire_guard guard;
    quire_guard_enter(&guard);
    const void *descriptor = plugin->get_interface(id, index);
    (void)quire_guard_leave(&guard);
    return descriptor;
}

typedef struct interface { /* a kind of thing that plugins offer */
    const char *id, *kind;
    quire_status (*add)(quire_ctx *ctx, quire_registry *registry, const void *descriptor,
                        const quire_known_plugin *plugin, uint32_t index);
} interface;

static const interface interfaces[] = {
    {QUIRE_QUANTIZER_1, "quantizer", add_quantizer},
    {QUIRE_QPARAMS_1, "formula", add_formula},
};

static quire_status
add_all(quire_ctx *ctx, quire_registry *registry, const interface *kind,
        const quire_known_plugin *known)
{
    const void *descriptor;
    for (uint32_t i = 0; (descriptor = interface_of(known->plugin, kind->id, i)) != NULL; i++) {
        if (i == MAX_INTERFACES)
            return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                              "the plugin has more than %d %ss, or get_interface has no end: it "
                              "answers NULL behind the last",
                              MAX_INTERFACES, kind->kind);
        QUIRE_TRY(kind->add(ctx, registry, descriptor, known, i));
    }
    return QUIRE_OK;
}

static quire_status
add_interfaces(quire_ctx *ctx, quire_registry *registry, const quire_known_plugin *known)
{
    for (size_t i = 0; i < sizeof interfaces / sizeof *interfaces; i++)
        QUIRE_TRY(add_all(ctx, registry, &interfaces[i], known));
    return QUIRE_OK;
}

static void
free_plugin(const quire_allocator *alloc, quire_known_plugin *known)
{
    if (known == NULL) return;
    if (known->path != NULL) quire_free(alloc, (void *)known->path, strlen(known->path) + 1);
    quire_free(alloc, known, sizeof *known);
}

static quire_status
make_plugin(quire_ctx *ctx, const quire_plugin *plugin, const char *path, const quire_watch *watch,
            quire_known_plugin **out)
{
    const size_t size = path == NULL ? 0 : strlen(path) + 1;
    quire_known_plugin *known = quire_alloc(ctx->alloc, sizeof *known);
    char *copy = quire_alloc(ctx->alloc, size);
    if (known == NULL || (copy == NULL && size > 0)) {
        quire_free(ctx->alloc, known, sizeof *known);
        quire_free(ctx->alloc, copy, size);
        return quire_nomem(ctx);
    }
    if (copy != NULL) memcpy(copy, path, size);
    *known = (quire_known_plugin){.plugin = plugin, .path = copy, .watch = watch};
    *out = known;
    return QUIRE_OK;
}

/* Forgets all quantizers and formulas behind these. */
static void
shorten(quire_registry *registry, size_t n_quantizers, size_t n_formulas)
{
    while (registry->n_quantizers > n_quantizers)
        quire_free(registry->alloc, registry->quantizers[--registry->n_quantizers],
                   sizeof(quire_known_quantizer));
    while (registry->n_formulas > n_formulas)
        quire_free(registry->alloc, registry->formulas[--registry->n_formulas],
                   sizeof(quire_known_formula));
}

static quire_status
add(quire_ctx *ctx, quire_registry *registry, const quire_plugin *plugin, const char *path)
{
    const size_t n_quantizers = registry->n_quantizers;
    const size_t n_formulas = registry->n_formulas;
    quire_known_plugin *known = NULL;
    QUIRE_TRY(quire_plugin_check(ctx, plugin));
    QUIRE_TRY(quire_grow(ctx, &registry->plugins, &registry->plugins_room, registry->n_plugins + 1,
                         sizeof(quire_known_plugin *)));
    QUIRE_TRY(make_plugin(ctx, plugin, path, registry->watch, &known));
    const quire_status status = add_interfaces(ctx, registry, known);
    if (status != QUIRE_OK) {
        shorten(registry, n_quantizers, n_formulas);
        free_plugin(registry->alloc, known);
        return status;
    }
    registry->plugins[registry->n_plugins++] = known;
    return QUIRE_OK;
}

quire_status
quire_registry_add(quire_ctx *ctx, quire_registry *registry, const quire_plugin *plugin,
                   const char *path)
{
    for (size_t i = 0; i < registry->n_plugins; i++) {
        if (registry->plugins[i]->plugin == plugin) return QUIRE_OK;
    }
    const char *file = ctx->file;
    ctx->file = path != NULL ? path : "built-in plugin";
    const quire_status status = add(ctx, registry, plugin, path);
    ctx->file = file;
    return status;
}

/* --- life ------------------------------------------------------------------------------------- */

quire_status
quire_registry_init(quire_ctx *ctx, quire_registry *registry)
{
    *registry = (quire_registry){.alloc = ctx->alloc};
    const quire_plugin *builtin = quire_builtin_entry(QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    const quire_status status = quire_registry_add(ctx, registry, builtin, NULL);
    if (status != QUIRE_OK) quire_registry_deinit(registry);
    return status;
}

void
quire_registry_deinit(quire_registry *registry)
{
    shorten(registry, 0, 0);
    while (registry->n_plugins > 0)
        free_plugin(registry->alloc, registry->plugins[--registry->n_plugins]);
    quire_ungrow(registry->alloc, &registry->quantizers, &registry->quantizers_room,
                 sizeof(quire_known_quantizer *));
    quire_ungrow(registry->alloc, &registry->formulas, &registry->formulas_room,
                 sizeof(quire_known_formula *));
    quire_ungrow(registry->alloc, &registry->plugins, &registry->plugins_room,
                 sizeof(quire_known_plugin *));
}
