/* loader.c - plugins from files. The dynamic loader reads them itself and closes nothing: code that
 * was in the process once stays there.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/io.h"
#include "plugin/guard.h"
#include "plugin/registry.h"

#ifndef QUIRE_PLUGIN_FOLDER
#error "the build says where installed plugins are: QUIRE_PLUGIN_FOLDER"
#endif

/* --- one file --------------------------------------------------------------------------------- */

/* dlopen would wait at a pipe, and its words for a missing file are its own. */
static quire_status
check_file(quire_ctx *ctx, const char *path)
{
    struct stat info;
    if (ctx->io->stat(ctx->io->data, AT_FDCWD, path, &info, 0) != 0)
        return quire_fail_file(ctx, QUIRE_E_INVALID, path, "the plugin cannot be read: %s",
                               quire_io_error_text(errno));
    if (!S_ISREG(info.st_mode))
        return quire_fail_file(ctx, QUIRE_E_INVALID, path,
                               "it is no file; a plugin is a shared object");
    return QUIRE_OK;
}

/* dlerror puts the path in front of what it says. */
static const char *
loader_error(const char *path)
{
    const char *text = dlerror();
    if (text == NULL) return "for no stated reason";
    const size_t n = strlen(path);
    if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0) return text + n + 2;
    return text;
}

typedef const quire_plugin *(*entry_fn)(uint32_t host_major, uint32_t host_minor);

static quire_status
open_plugin(quire_ctx *ctx, const char *path, const char *name, const quire_plugin **out)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return quire_fail_file(ctx, QUIRE_E_PLUGIN, name, "it cannot be loaded: %s",
                               loader_error(path));
    void *symbol = dlsym(library, "quire_plugin_entry");
    if (symbol == NULL)
        return quire_fail_file(ctx, QUIRE_E_PLUGIN, name,
                               "it is no plugin: it exports no quire_plugin_entry");
    entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry); /* C has no cast from data to code */
    *out = entry(QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    if (*out != NULL) return QUIRE_OK;
    return quire_fail_file(ctx, QUIRE_E_PLUGIN, name,
                           "the plugin says that it cannot serve interface %d.%d, which this is; "
                           "build it against this version's quire/plugin.h",
                           QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
}

static quire_status
open_guarded(quire_ctx *ctx, const char *path, const char *name, const quire_plugin **out)
{
    quire_guard guard;
    quire_guard_enter(&guard);
    const quire_status status = open_plugin(ctx, path, name, out);
    const char *changed = quire_guard_leave(&guard);
    if (status == QUIRE_OK && changed != NULL)
        quire_tell(ctx, QUIRE_WARNING, NULL,
                   "%s: loading it changed %s, which was put back; was it linked with "
                   "-ffast-math?",
                   name, changed);
    return status;
}

quire_status
quire_registry_load(quire_ctx *ctx, quire_registry *registry, const char *path)
{
    const quire_plugin *plugin = NULL;
    quire_arena scratch;
    quire_bytes file;
    QUIRE_TRY(check_file(ctx, path));
    quire_arena_init(&scratch, ctx->alloc);
    if (registry->watch != NULL)
        registry->watch->entering(registry->watch->data, path, NULL, "load");
    /* A name without a slash would be looked for along the system's folders. */
    quire_status status = quire_arena_format(ctx, &scratch, &file, "%s%s",
                                             strchr(path, '/') == NULL ? "./" : "", path);
    if (status == QUIRE_OK) status = open_guarded(ctx, (const char *)file.ptr, path, &plugin);
    if (status == QUIRE_OK) status = quire_registry_add(ctx, registry, plugin, path);
    quire_arena_deinit(&scratch);
    return status;
}

/* --- folders ---------------------------------------------------------------------------------- */

/* A plugin of a folder that cannot be used does not stop the others: its error is a warning. */
static void
mild_sink(void *data, const quire_diagnostic *diagnostic)
{
    const quire_ctx *ctx = data;
    quire_diagnostic mild = *diagnostic;
    if (mild.severity == QUIRE_ERROR && mild.status != QUIRE_E_NOMEM) {
        mild.severity = QUIRE_WARNING;
        mild.status = QUIRE_OK;
    }
    if (ctx->sink != NULL) ctx->sink(ctx->sink_data, &mild);
}

static quire_status
load_mildly(quire_ctx *ctx, quire_registry *registry, const char *path)
{
    quire_ctx mild = *ctx;
    mild.sink = mild_sink;
    mild.sink_data = ctx;
    const quire_status status = quire_registry_load(&mild, registry, path);
    return status == QUIRE_E_NOMEM ? status : QUIRE_OK;
}

typedef struct listing {
    quire_arena arena; /* of the paths */
    const char **paths;
    size_t n, room;
} listing;

static bool
is_shared_object(const char *name)
{
    const size_t n = strlen(name);
    return name[0] != '.' && n > 3 && strcmp(name + n - 3, ".so") == 0;
}

static quire_status
list_folder(quire_ctx *ctx, DIR *folder, const char *name, listing *l)
{
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        quire_bytes path;
        if (!is_shared_object(entry->d_name)) continue;
        QUIRE_TRY(quire_arena_format(ctx, &l->arena, &path, "%s/%s", name, entry->d_name));
        QUIRE_TRY(quire_grow(ctx, &l->paths, &l->room, l->n + 1, sizeof *l->paths));
        l->paths[l->n++] = (const char *)path.ptr;
    }
    return QUIRE_OK;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static quire_status
load_listed(quire_ctx *ctx, quire_registry *registry, DIR *folder, const char *name, listing *l)
{
    QUIRE_TRY(list_folder(ctx, folder, name, l));
    if (l->n > 0) qsort(l->paths, l->n, sizeof *l->paths, compare);
    for (size_t i = 0; i < l->n; i++)
        QUIRE_TRY(load_mildly(ctx, registry, l->paths[i]));
    return QUIRE_OK;
}

static quire_status
search_folder(quire_ctx *ctx, quire_registry *registry, const char *name)
{
    DIR *folder = opendir(name);
    if (folder == NULL) {
        if (errno != ENOENT)
            quire_tell(ctx, QUIRE_WARNING, NULL, "%s: plugins are not looked for there: %s", name,
                       quire_io_error_text(errno));
        return QUIRE_OK;
    }
    listing l = {0};
    quire_arena_init(&l.arena, ctx->alloc);
    const quire_status status = load_listed(ctx, registry, folder, name, &l);
    quire_ungrow(ctx->alloc, &l.paths, &l.room, sizeof *l.paths);
    quire_arena_deinit(&l.arena);
    closedir(folder);
    return status;
}

/* Folders with colons between them; an empty one is none. */
static quire_status
search_path(quire_ctx *ctx, quire_registry *registry, const char *path, quire_arena *arena)
{
    while (*path != '\0') {
        const size_t n = strcspn(path, ":");
        quire_bytes name;
        QUIRE_TRY(quire_arena_copy(ctx, arena, (quire_bytes){(const uint8_t *)path, n}, &name));
        if (n > 0) QUIRE_TRY(search_folder(ctx, registry, (const char *)name.ptr));
        path += n;
        if (*path == ':') path++;
    }
    return QUIRE_OK;
}

quire_status
quire_registry_search(quire_ctx *ctx, quire_registry *registry)
{
    const char *path = getenv("QUIRE_PLUGIN_PATH");
    quire_arena arena;
    quire_arena_init(&arena, ctx->alloc);
    quire_status status = QUIRE_OK;
    if (path != NULL) status = search_path(ctx, registry, path, &arena);
    if (status == QUIRE_OK) status = search_folder(ctx, registry, QUIRE_PLUGIN_FOLDER);
    quire_arena_deinit(&arena);
    return status;
}
