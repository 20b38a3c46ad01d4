/* diag.c - formats a diagnostic on the stack, so that "out of memory" can be told too, and hands it
 * to the sink. Everything a sink sees is one line of printable UTF-8.
 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_ROOM = 1001, FILE_ROOM = 4097 };

/* The well-formed UTF-8 character at `p`: its length and code point; 0 if there is none. */
static size_t
decode(const uint8_t *p, size_t len, uint32_t *out_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > len || p[0] > 0xf4) return 0;
    uint32_t code = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
    *out_code = code;
    return n;
}

/* Not: controls (C0, DEL, C1), line separators, marks that turn the direction of text. */
static bool
is_plain(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
    if (code >= 0x2028 && code <= 0x202e) return false;
    if (code >= 0x2066 && code <= 0x2069) return false;
    return code != 0x200e && code != 0x200f && code != 0x061c;
}

static void
put_hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        *out++ = '\\';
        *out++ = 'x';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
}

void
quire_escape(char *out, size_t room, const uint8_t *name, size_t len)
{
    if (room == 0) return;
    size_t used = 0;
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        uint32_t code = 0;
        n = decode(name + i, len - i, &code);
        const bool plain = n != 0 && is_plain(code);
        if (n == 0) n = 1;
        const size_t need = plain ? n : 4 * n;
        if (need >= room - used) break;
        if (plain) {
            memcpy(out + used, name + i, n);
        } else {
            put_hex(out + used, name + i, n);
        }
        used += need;
    }
    out[used] = 0;
}

static const char *
escape_text(char *out, size_t room, const char *text)
{
    if (text == NULL) return NULL;
    quire_escape(out, room, (const uint8_t *)text, strlen(text));
    return out;
}

static void
report(quire_ctx *ctx, quire_diagnostic about, const char *format, va_list args)
{
    /* Longer than what is shown, so that the cut is made by quire_escape, between characters. */
    char raw[TEXT_ROOM + 8];
    char message[TEXT_ROOM], path[TEXT_ROOM], file[FILE_ROOM];
    if (ctx->sink == NULL) return;
    if (vsnprintf(raw, sizeof raw, format, args) < 0) snprintf(raw, sizeof raw, "%s", format);
    about.message = escape_text(message, sizeof message, raw);
    about.path = escape_text(path, sizeof path, about.path);
    about.file = escape_text(file, sizeof file, about.file);
    ctx->sink(ctx->sink_data, &about);
}

quire_status
quire_fail(quire_ctx *ctx, quire_status status, const char *path, const char *format, ...)
{
    const quire_diagnostic about = {
        .severity = QUIRE_ERROR, .status = status, .file = ctx->file, .path = path};
    va_list args;
    va_start(args, format);
    report(ctx, about, format, args);
    va_end(args);
    return status;
}

quire_status
quire_fail_file(quire_ctx *ctx, quire_status status, const char *file, const char *format, ...)
{
    const quire_diagnostic about = {.severity = QUIRE_ERROR, .status = status, .file = file};
    va_list args;
    va_start(args, format);
    report(ctx, about, format, args);
    va_end(args);
    return status;
}

void
quire_tell(quire_ctx *ctx, quire_severity severity, const char *path, const char *format, ...)
{
    const quire_diagnostic about = {
        .severity = severity, .status = QUIRE_OK, .file = ctx->file, .path = path};
    va_list args;
    va_start(args, format);
    report(ctx, about, format, args);
    va_end(args);
}

quire_status
quire_nomem(quire_ctx *ctx)
{
    return quire_fail(ctx, QUIRE_E_NOMEM, NULL,
                      "out of memory; close other programs or raise the memory limit");
}

quire_status
quire_bug(quire_ctx *ctx, const char *format, ...)
{
    const quire_diagnostic about = {
        .severity = QUIRE_ERROR, .status = QUIRE_E_INTERNAL, .file = ctx->file};
    char text[TEXT_ROOM];
    va_list args;
    va_start(args, format);
    snprintf(text, sizeof text, "internal error, please report it: %s", format);
    report(ctx, about, text, args);
    va_end(args);
    return QUIRE_E_INTERNAL;
}

quire_status
quire_check_canceled(quire_ctx *ctx)
{
    if (ctx->canceled == NULL || *ctx->canceled == 0) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_CANCELED, NULL, "canceled; no output was written");
}
