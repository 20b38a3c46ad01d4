/* annotate_file.c - a whole text file in memory. */
#include <fcntl.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/source.h"
#include "passes/annotate.h"

static quire_status
read_all(quire_ctx *ctx, const quire_source *source, uint64_t limit, quire_text *out)
{
    if (source->size > limit) {
        return quire_fail_file(ctx, QUIRE_E_LIMIT, source->name,
                               "the file has %llu bytes; at most %llu are read",
                               (unsigned long long)source->size, (unsigned long long)limit);
    }
    const size_t n = (size_t)source->size;
    quire_text text = {.ptr = quire_alloc(ctx->alloc, n + 1), .len = n, .room = n + 1};
    if (text.ptr == NULL) return quire_nomem(ctx);
    const quire_status status = quire_source_read(ctx, source, 0, text.ptr, n);
    text.ptr[n] = '\0';
    if (status == QUIRE_OK) {
        *out = text;
    } else {
        quire_text_free(ctx, &text);
    }
    return status;
}

quire_status
quire_read_text_file_up_to(quire_ctx *ctx, const char *path, uint64_t limit, quire_text *out)
{
    quire_source source;
    QUIRE_TRY(quire_source_open(ctx, AT_FDCWD, path, &source));
    const quire_status status = read_all(ctx, &source, limit, out);
    quire_source_close(ctx, &source);
    return status;
}

quire_status
quire_read_text_file(quire_ctx *ctx, const char *path, quire_text *out)
{
    return quire_read_text_file_up_to(ctx, path, (uint64_t)1 << 30, out);
}
