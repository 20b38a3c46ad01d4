/* cut.h - a writer into a buffer of fixed size: what does not fit is left out. */
#ifndef QUIRE_PLUGIN_CUT_H
#define QUIRE_PLUGIN_CUT_H

#include "base/writer.h"

typedef struct quire_cut {
    char *out; /* always ends in NUL */
    size_t len, room;
} quire_cut;

/* `room` is at least 1; `cut` and `out` must outlive the writer. */
void quire_writer_to_cut(quire_writer *writer, quire_ctx *ctx, quire_cut *cut, char *out,
                         size_t room);

#endif
