/* writer.c - a buffer before a callback; numbers printed the same everywhere.
 *
 * printf and strtod follow the locale of the program that uses us; the decimal point is put right
 * afterwards.
 */
#include "base/writer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"

static quire_status
text_write(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    quire_text *text = data;
    if (n >= SIZE_MAX - text->len) return quire_nomem(ctx);
    QUIRE_TRY(quire_grow(ctx, &text->ptr, &text->room, text->len + n + 1, 1));
    if (n != 0) memcpy(text->ptr + text->len, bytes, n);
    text->len += n;
    text->ptr[text->len] = 0;
    return QUIRE_OK;
}

static quire_status
fd_write(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    const int fd = (int)(intptr_t)data;
    const int error = quire_io_write_all(ctx->io, fd, bytes, n);
    if (error == 0) return QUIRE_OK;
    return quire_fail_file(ctx, QUIRE_E_IO, fd == 1 ? "standard output" : NULL,
                           "cannot write to descriptor %d: %s; check where it leads and retry", fd,
                           quire_io_error_text(error));
}

/* The buffer is left alone: it is large, and what is in it is never read before it is written. */
void
quire_writer_to(quire_writer *writer, quire_ctx *ctx,
                quire_status (*write)(quire_ctx *, void *, const void *, size_t), void *data)
{
    writer->ctx = ctx;
    writer->write = write;
    writer->data = data;
    writer->status = QUIRE_OK;
    writer->n = 0;
}

void
quire_writer_to_text(quire_writer *writer, quire_ctx *ctx, quire_text *text)
{
    *text = (quire_text){0};
    quire_writer_to(writer, ctx, text_write, text);
}

void
quire_writer_to_fd(quire_writer *writer, quire_ctx *ctx, int fd)
{
    quire_writer_to(writer, ctx, fd_write, (void *)(intptr_t)fd);
}

void
quire_text_free(quire_ctx *ctx, quire_text *text)
{
    quire_ungrow(ctx->alloc, &text->ptr, &text->room, 1);
    text->len = 0;
}

static void
pass_on(quire_writer *writer, const void *bytes, size_t n)
{
    if (writer->status != QUIRE_OK) return;
    writer->status = writer->write(writer->ctx, writer->data, bytes, n);
}

static void
flush(quire_writer *writer)
{
    if (writer->n != 0) pass_on(writer, writer->buffer, writer->n);
    writer->n = 0;
}

void
quire_write(quire_writer *writer, const void *bytes, size_t n)
{
    if (n == 0 || writer->status != QUIRE_OK) return;
    if (n > sizeof writer->buffer - writer->n) flush(writer);
    if (n > sizeof writer->buffer) {
        pass_on(writer, bytes, n);
        return;
    }
    memcpy(writer->buffer + writer->n, bytes, n);
    writer->n += n;
}

void
quire_write_str(quire_writer *writer, const char *text)
{
    quire_write(writer, text, strlen(text));
}

void
quire_write_bytes(quire_writer *writer, quire_bytes bytes)
{
    quire_write(writer, bytes.ptr, bytes.len);
}

/* A text of `len` bytes that is longer than the buffer. */
static void
write_long(quire_writer *writer, size_t len, const char *format, va_list args)
{
    char *text = quire_alloc(writer->ctx->alloc, len + 1);
    if (text == NULL) {
        writer->status = quire_nomem(writer->ctx);
        return;
    }
    vsnprintf(text, len + 1, format, args);
    quire_write(writer, text, len);
    quire_free(writer->ctx->alloc, text, len + 1);
}

void
quire_writef(quire_writer *writer, const char *format, ...)
{
    char text[512];
    va_list args, again;
    if (writer->status != QUIRE_OK) return;
    va_start(args, format);
    va_copy(again, args);
    const int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0) {
        writer->status = quire_bug(writer->ctx, "a text cannot be formatted: %s", format);
    } else if ((size_t)len < sizeof text) {
        quire_write(writer, text, (size_t)len);
    } else {
        write_long(writer, (size_t)len, format, again);
    }
    va_end(again);
}

/* Whatever the locale has for a decimal point, one or more bytes, becomes a point. */
static void
write_number(quire_writer *writer, const char *text)
{
    const size_t whole = strspn(text, "+-0123456789e");
    const size_t mark = strcspn(text + whole, "+-0123456789e");
    quire_write(writer, text, whole);
    if (mark != 0) quire_write(writer, ".", 1);
    quire_write_str(writer, text + whole + mark);
}

/* Small whole numbers, infinities, NaN; false if `x` is none of these. */
static bool
write_easy(quire_writer *writer, double x)
{
    char text[32];
    if (isnan(x)) {
        quire_write_str(writer, "nan");
    } else if (isinf(x)) {
        quire_write_str(writer, x < 0 ? "-inf" : "inf");
    } else if (fabs(x) < 1e6 && x == (double)(int)x && !(x == 0 && signbit(x))) {
        snprintf(text, sizeof text, "%d", (int)x);
        quire_write_str(writer, text);
    } else {
        return false;
    }
    return true;
}

void
quire_write_float(quire_writer *writer, float x)
{
    char text[40];
    if (write_easy(writer, (double)x)) return;
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) break;
    }
    write_number(writer, text);
}

void
quire_write_double(quire_writer *writer, double x)
{
    char text[40];
    if (write_easy(writer, x)) return;
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    write_number(writer, text);
}

quire_status
quire_writer_finish(quire_writer *writer)
{
    flush(writer);
    /* A text ends in a NUL also when nothing was written. */
    if (writer->write == text_write) pass_on(writer, NULL, 0);
    return writer->status;
}
