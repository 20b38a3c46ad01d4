/* import.c - opening files and turning them into models: see import.h. What a model's messages become is in import_*.c. */
#include "graph/import.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "graph/external.h"
#include "graph/importer.h"
#include "graph/parse.h"
#include "graph/verify.h"

static quire_status
remember_path(quire_ctx *ctx, quire_model *m, const char *path)
{
    m->path_size = strlen(path) + 1;
    m->path = quire_alloc(m->alloc, m->path_size);
    if (m->path == NULL) return quire_nomem(ctx);
    memcpy(m->path, path, m->path_size);
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        m->directory =
            ctx->io->open(ctx->io->data, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    } else {
        quire_bytes folder;
        const size_t len = slash == path ? 1 : (size_t)(slash - path);
        QUIRE_TRY(
            quire_arena_copy(ctx, &m->arena, (quire_bytes){(const uint8_t *)path, len}, &folder));
        m->directory = ctx->io->open(ctx->io->data, AT_FDCWD, (const char *)folder.ptr,
                                     O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    }
    return m->directory >= 0
               ? QUIRE_OK
               : quire_fail(ctx, QUIRE_E_INVALID, NULL, "the folder of the model cannot be opened");
}

/* Everything after the model took over the source. */
static quire_status
fill_model(quire_ctx *ctx, quire_model *m, const char *path, const quire_wire_limits *limits)
{
    const quire_source *source = &m->files[1].source;
    QUIRE_TRY(quire_skeleton_load(ctx, m, source, limits));
    if (path != NULL) QUIRE_TRY(remember_path(ctx, m, path));
    QUIRE_TRY(importer_read_model(ctx, m));
    QUIRE_TRY(quire_external_resolve(ctx, m));
    return quire_model_verify(ctx, m, QUIRE_E_INVALID);
}

quire_status
quire_model_import(quire_ctx *ctx, quire_source source, const char *path,
                   const quire_wire_limits *limits, quire_model **out_model)
{
    quire_model *m = NULL;
    uint32_t file;
    quire_status status = quire_model_create(ctx, &m);
    if (status == QUIRE_OK) status = quire_model_add_file(ctx, m, source, path, true, &file);
    if (status != QUIRE_OK) {
        quire_source_close(ctx, &source);
        quire_model_destroy(ctx, m);
        return status;
    }
    status = fill_model(ctx, m, path, limits != NULL ? limits : &quire_wire_limits_default);
    if (status != QUIRE_OK) {
        quire_model_destroy(ctx, m);
        return status;
    }
    *out_model = m;
    return QUIRE_OK;
}

static quire_status
looks_like_text(quire_ctx *ctx, const quire_source *source, bool *out)
{
    uint8_t first = 0;
    QUIRE_TRY(quire_source_read(ctx, source, 0, &first, source->size == 0 ? 0 : 1));
    *out = first == '<' || first == '#';
    return QUIRE_OK;
}

enum { MAX_TEXT = 1 << 30 };

static quire_status
load_text(quire_ctx *ctx, quire_source *source, const char *path, quire_model **out_model)
{
    if (source->size > MAX_TEXT)
        return quire_fail(ctx, QUIRE_E_LIMIT, NULL, "a text model above 1 GiB");
    const size_t size = (size_t)source->size;
    uint8_t *text = quire_alloc(ctx->alloc, size);
    if (text == NULL) return quire_nomem(ctx);
    quire_status status = quire_source_read(ctx, source, 0, text, size);
    if (status == QUIRE_OK)
        status = quire_model_parse(ctx, (quire_bytes){text, size}, path, out_model);
    quire_free(ctx->alloc, text, size);
    return status;
}

/* Takes over `source`. */
static quire_status
load_source(quire_ctx *ctx, quire_source source, const char *path, quire_model **out_model)
{
    bool text;
    quire_status status = looks_like_text(ctx, &source, &text);
    if (status == QUIRE_OK && !text) return quire_model_import(ctx, source, path, NULL, out_model);
    if (status == QUIRE_OK) status = load_text(ctx, &source, path, out_model);
    quire_source_close(ctx, &source);
    return status;
}

quire_status
quire_model_load(quire_ctx *ctx, const char *path, quire_model **out_model)
{
    const bool standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "standard input" : path;
    const char *outer = ctx->file;
    quire_source source;
    ctx->file = name;
    quire_status status = standard_input ? quire_source_spool(ctx, STDIN_FILENO, name, &source)
                                         : quire_source_open(ctx, AT_FDCWD, path, &source);
    if (status == QUIRE_OK)
        status = load_source(ctx, source, standard_input ? NULL : path, out_model);
    ctx->file = outer;
    return status;
}
