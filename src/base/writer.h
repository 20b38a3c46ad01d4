/* writer.h - text out: a callback, with printf on top.
 *
 * Errors stick: after the first failed write nothing more is written and quire_writer_finish tells.
 * Floats are printed shortest round-trip through quire_write_double/float, never %f, so that the
 * same value gives the same bytes everywhere.
 */
#ifndef QUIRE_BASE_WRITER_H
#define QUIRE_BASE_WRITER_H

#include "base/base.h"

typedef struct quire_writer {
    quire_ctx *ctx;
    quire_status (*write)(quire_ctx *ctx, void *data, const void *bytes, size_t n);
    void *data;
    quire_status status; /* first failure */
    size_t n;            /* used of buffer */
    uint8_t buffer[4096];
} quire_writer;

/* Growing memory as a destination. */
typedef struct quire_text {
    char *ptr; /* NUL-terminated once finished */
    size_t len, room;
} quire_text;

/* Any other destination; `write` reports its failures. */
void quire_writer_to(quire_writer *writer, quire_ctx *ctx,
                     quire_status (*write)(quire_ctx *ctx, void *data, const void *bytes, size_t n),
                     void *data);
void quire_writer_to_text(quire_writer *writer, quire_ctx *ctx, quire_text *text);
void quire_writer_to_fd(quire_writer *writer, quire_ctx *ctx, int fd);
void quire_text_free(quire_ctx *ctx, quire_text *text);

void quire_write(quire_writer *writer, const void *bytes, size_t n);
void quire_write_str(quire_writer *writer, const char *text);
void quire_write_bytes(quire_writer *writer, quire_bytes bytes);
void quire_writef(quire_writer *writer, const char *format, ...) QUIRE_PRINTF(2, 3);
/* Shortest decimal that reads back as the same float/double; "inf", "-inf", "nan". */
void quire_write_float(quire_writer *writer, float x);
void quire_write_double(quire_writer *writer, double x);
/* Flushes; the first failure, or QUIRE_OK. */
QUIRE_MUST_USE quire_status quire_writer_finish(quire_writer *writer);

#endif
