/* spec_line.c - the words of a line: what slots, specs and claims are read with. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/real.h"
#include "graph/spec_text.h"

enum { FOUND_ROOM = 80 };

/* --- the line --------------------------------------------------------------------------------- */

quire_status
quire_line_open(quire_slot_reader *reader, const char *where, quire_bytes text,
                quire_line *out_line)
{
    QUIRE_TRY(quire_grow(reader->ctx, &reader->scratch, &reader->scratch_room, text.len + 1, 1));
    const uint8_t *start = reader->line != NULL ? reader->line : text.ptr;
    *out_line = (quire_line){reader, where, start, text.ptr, text.ptr + text.len, reader->scratch};
    return QUIRE_OK;
}

quire_ctx
quire_line_place(const quire_line *t, const uint8_t *at, char out_path[QUIRE_PLACE_ROOM])
{
    const size_t column = (size_t)(at - t->start) + 1;
    quire_ctx ctx = *t->reader->ctx;
    if (t->reader->origin != NULL) ctx.file = NULL;
    snprintf(out_path, QUIRE_PLACE_ROOM, "%.500s%scolumn %zu", t->where != NULL ? t->where : "",
             t->where != NULL ? ": " : "", column);
    return ctx;
}

quire_status
quire_line_fail(quire_line *t, const char *format, ...)
{
    char message[1024];
    char path[QUIRE_PLACE_ROOM];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    quire_ctx ctx = quire_line_place(t, t->p, path);
    return quire_fail(&ctx, QUIRE_E_INVALID, path, "%s", message);
}

/* --- words ------------------------------------------------------------------------------------ */

/* Of the C locale, whatever locale the program set. */
static bool
is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word_byte(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '-';
}

void
quire_line_blanks(quire_line *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
        t->p++;
}

bool
quire_line_take(quire_line *t, const char *text)
{
    const size_t n = strlen(text);
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, text, n) != 0) return false;
    t->p += n;
    return true;
}

quire_status
quire_line_expect(quire_line *t, const char *text)
{
    quire_line_blanks(t);
    if (quire_line_take(t, text)) return QUIRE_OK;
    return quire_line_fail(t, "expected '%s'", text);
}

quire_bytes
quire_line_word(quire_line *t)
{
    const uint8_t *start = t->p;
    while (t->p < t->end && is_word_byte(*t->p))
        t->p++;
    return (quire_bytes){start, (size_t)(t->p - start)};
}

bool
quire_line_keyword(quire_line *t, const char *word)
{
    const uint8_t *at = t->p;
    if (quire_bytes_equal(quire_line_word(t), quire_bytes_of(word))) return true;
    t->p = at;
    return false;
}

/* What is wanted is not here. */
static quire_status
expected(quire_line *t, const char *what)
{
    char found[FOUND_ROOM];
    const bool foreign = t->p < t->end && *t->p >= 0x80;
    quire_escape(found, sizeof found, t->p, (size_t)(t->end - t->p));
    return quire_line_fail(t, "expected %s, found \"%s\"%s", what, found,
                           foreign ? "; what is not ASCII is quoted, \"\\xNN\" for each byte" : "");
}

/* --- numbers ---------------------------------------------------------------------------------- */

quire_status
quire_line_int(quire_line *t, int64_t *out)
{
    const uint8_t *p = t->p;
    const bool negative = p < t->end && *p == '-';
    const uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t x = 0;
    bool fits = true;
    if (negative) p++;
    const uint8_t *const digits = p;
    for (; p < t->end && is_digit(*p); p++) {
        const uint64_t digit = (uint64_t)(*p - '0');
        fits = fits && x <= (limit - digit) / 10;
        if (fits) x = 10 * x + digit;
    }
    if (p == digits || !fits) return expected(t, "a 64-bit integer");
    *out = negative ? -(int64_t)(x - (x > 0)) - (x > 0) : (int64_t)x;
    t->p = p;
    return QUIRE_OK;
}

quire_status
quire_line_double(quire_line *t, double *out)
{
    const uint8_t *end = t->p;
    while (end < t->end && (is_word_byte(*end) || *end == '+'))
        end++;
    if (!quire_real_parse((quire_bytes){t->p, (size_t)(end - t->p)}, out))
        return expected(t, "a finite number such as 0.1 or 0x1p-8");
    t->p = end;
    return QUIRE_OK;
}

/* --- names ------------------------------------------------------------------------------------ */

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

quire_status
quire_line_quoted(quire_line *t, quire_bytes *out)
{
    uint8_t *const name = t->scratch;
    size_t n = 0;
    for (t->p++; t->p < t->end && *t->p != '"'; t->p++) {
        if (*t->p != '\\') {
            name[n++] = *t->p;
            continue;
        }
        const int high = t->end - t->p > 3 && t->p[1] == 'x' ? hex_digit(t->p[2]) : -1;
        const int low = high >= 0 ? hex_digit(t->p[3]) : -1;
        if (low < 0) return quire_line_fail(t, "expected \\xNN with two hexadecimal digits");
        name[n++] = (uint8_t)(high * 16 + low);
        t->p += 3;
    }
    if (t->p == t->end) return quire_line_fail(t, "expected '\"' to end the name");
    t->p++;
    t->scratch += n;
    *out = (quire_bytes){name, n};
    return QUIRE_OK;
}

quire_status
quire_line_name(quire_line *t, bool (*is_plain)(uint8_t), const char *what, quire_bytes *out)
{
    if (t->p < t->end && *t->p == '"') return quire_line_quoted(t, out);
    const uint8_t *start = t->p;
    while (t->p < t->end && is_plain(*t->p))
        t->p++;
    *out = (quire_bytes){start, (size_t)(t->p - start)};
    if (out->len > 0) return QUIRE_OK;
    return expected(t, what);
}

quire_status
quire_line_keep(quire_line *t, quire_bytes text, quire_sym *out)
{
    quire_model *m = t->reader->m;
    *out = quire_syms_find(&m->syms, text);
    if (out->id != 0) return QUIRE_OK;
    quire_ctx own = *t->reader->ctx; /* names live as long as the model: its allocator */
    own.alloc = m->alloc;
    QUIRE_TRY(quire_arena_copy(&own, &m->arena, text, &text));
    return quire_syms_intern(&own, &m->syms, text, out);
}
