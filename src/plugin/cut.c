/* cut.c - see cut.h. */
#include "plugin/cut.h"

static quire_status
write_cut(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    quire_cut *cut = data;
    const size_t left = cut->room - 1 - cut->len;
    (void)ctx;
    if (n > left) n = left;
    memcpy(cut->out + cut->len, bytes, n);
    cut->len += n;
    cut->out[cut->len] = '\0';
    return QUIRE_OK;
}

void
quire_writer_to_cut(quire_writer *writer, quire_ctx *ctx, quire_cut *cut, char *out, size_t room)
{
    *cut = (quire_cut){.out = out, .room = room};
    out[0] = '\0';
    quire_writer_to(writer, ctx, write_cut, cut);
}
