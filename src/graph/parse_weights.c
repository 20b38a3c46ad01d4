/* parse_weights.c - the model file that a complete text refers to for its weights. */
#include <errno.h>
#include <fcntl.h>

#include "base/diag.h"
#include "base/io.h"
#include "graph/text.h"

/* Descriptor of the folder of the text; -1 with errno. */
static int
open_folder(quire_text_parser *t)
{
    quire_bytes folder = quire_bytes_of(".");
    const char *slash = strrchr(t->path, '/');
    if (slash != NULL)
        folder = (quire_bytes){(const uint8_t *)t->path,
                               slash == t->path ? 1 : (size_t)(slash - t->path)};
    if (quire_arena_copy(t->build.ctx, &t->build.arena, folder, &folder) != QUIRE_OK) return -1;
    return quire_io_open(t->build.ctx->io, AT_FDCWD, (const char *)folder.ptr,
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

/* Beneath the folder, and no links, like external data (external.h). */
quire_status
quire_text_open_weights(quire_text_parser *t)
{
    quire_ctx *ctx = t->build.ctx;
    quire_bytes name;
    if (t->has_weights || t->is_check) return QUIRE_OK;
    if (t->path == NULL)
        return quire_text_fail(
            t, "a text that is not read from a file has no folder to find the model's file in");
    QUIRE_TRY(quire_arena_copy(ctx, &t->build.arena, t->weights_name, &name));
    const int folder = open_folder(t);
    int fd = -1;
    if (folder >= 0 && strlen((const char *)name.ptr) == name.len) {
        fd = ctx->io->open_beneath(ctx->io->data, folder, (const char *)name.ptr);
    }
    const int error = errno;
    if (folder >= 0) quire_io_close(ctx->io, folder);
    if (fd < 0) {
        return quire_text_fail(
            t, "the model's file \"%.*s\" cannot be opened: %s; it belongs beside the text",
            (int)name.len, (const char *)name.ptr, quire_io_error_text(error));
    }
    QUIRE_TRY(quire_source_open_fd(ctx, fd, (const char *)name.ptr, &t->weights));
    t->has_weights = true;
    return QUIRE_OK;
}
