/* plugins.c - see plugins.h. */
#include "plugins.h"

#include "base/alloc.h"

quire_status
plugins_take(cli *c, plugin_files *files, const char *value)
{
    QUIRE_TRY(quire_grow(&c->ctx, &files->paths, &files->room, files->n + 1, sizeof value));
    files->paths[files->n++] = value;
    return QUIRE_OK;
}

void
plugins_free(cli *c, plugin_files *files)
{
    quire_ungrow(c->ctx.alloc, &files->paths, &files->room, sizeof *files->paths);
}

static quire_status
load_all(quire_ctx *ctx, const plugin_files *files, quire_registry *registry)
{
    for (size_t i = 0; i < files->n; i++)
        QUIRE_TRY(quire_registry_load(ctx, registry, files->paths[i]));
    return quire_registry_search(ctx, registry);
}

quire_status
plugins_open(quire_ctx *ctx, const plugin_files *files, const quire_watch *watch,
             quire_registry *out_registry)
{
    QUIRE_TRY(quire_registry_init(ctx, out_registry));
    out_registry->watch = watch;
    const quire_status status = load_all(ctx, files, out_registry);
    if (status != QUIRE_OK) quire_registry_deinit(out_registry);
    return status;
}
