/* text_lex.c - the words of the text form: names, strings, numbers, comments, and where an error
 * is. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/text.h"

void
quire_text_parser_init(quire_text_parser *t, quire_ctx *ctx, quire_bytes text)
{
    *t = (quire_text_parser){
        .build = {.ctx = ctx}, .start = text.ptr, .p = text.ptr, .end = text.ptr + text.len};
    quire_arena_init(&t->build.arena, ctx->alloc);
}

void
quire_text_parser_deinit(quire_text_parser *t)
{
    const quire_allocator *alloc = t->build.ctx->alloc;
    quire_ungrow(alloc, &t->scratch, &t->scratch_room, 1);
    quire_arena_deinit(&t->build.arena);
}

quire_status
quire_text_fail(quire_text_parser *t, const char *format, ...)
{
    char message[512];
    va_list args;
    size_t line = 1;
    size_t column = 1;
    for (const uint8_t *p = t->start; p < t->p; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    snprintf(t->where, sizeof t->where, "%zu:%zu", line, column);
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return quire_fail(t->build.ctx, QUIRE_E_INVALID, t->where, "%s", message);
}

/* --- blanks and comments ---------------------------------------------------------------------- */

static bool
starts(const uint8_t *p, const uint8_t *end, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(end - p) >= n && memcmp(p, text, n) == 0;
}

static void
note_remark(quire_text_parser *t, const uint8_t *line, const uint8_t *end)
{
    if (t->pending.ptr == NULL) t->pending.ptr = line;
    t->pending.end = end;
}

int
quire_text_peek(quire_text_parser *t)
{
    while (t->p < t->end) {
        if (quire_text_is_space(*t->p)) {
            t->p++;
            continue;
        }
        if (*t->p != '#') return *t->p;
        const uint8_t *line = t->p;
        while (t->p < t->end && *t->p != '\n')
            t->p++;
        if (starts(line, t->p, "#:")) note_remark(t, line, t->p);
    }
    return 0;
}

bool
quire_text_match(quire_text_parser *t, char c)
{
    if (quire_text_peek(t) != c) return false;
    t->p++;
    return true;
}

quire_status
quire_text_expect(quire_text_parser *t, char c)
{
    if (quire_text_match(t, c)) return QUIRE_OK;
    if (t->p == t->end) return quire_text_fail(t, "expected '%c', found the end of the text", c);
    return quire_text_fail(t, "expected '%c', found '%c'", c, *t->p);
}

quire_status
quire_text_close(quire_text_parser *t, char c)
{
    quire_text_peek(t);
    if (t->pending.ptr != NULL && t->p < t->end && *t->p == c) {
        t->p = t->pending.ptr;
        return quire_text_fail(t, "nothing follows here that a '#:' line could change");
    }
    return quire_text_expect(t, c);
}

bool
quire_text_match_elision(quire_text_parser *t)
{
    quire_text_peek(t);
    if (!starts(t->p, t->end, "...")) return false;
    t->p += 3;
    return true;
}

quire_text_remarks
quire_text_take_remarks(quire_text_parser *t)
{
    quire_text_peek(t);
    const quire_text_remarks taken = t->pending;
    t->pending = (quire_text_remarks){NULL, NULL};
    return taken;
}

bool
quire_text_has_remark(const quire_text_remarks *remarks, const char *word)
{
    const size_t n = strlen(word);
    for (const uint8_t *p = remarks->ptr; p != NULL && p < remarks->end;) {
        const uint8_t *line = memchr(p, '\n', (size_t)(remarks->end - p));
        const uint8_t *next = line == NULL ? remarks->end : line + 1;
        const uint8_t *end = next;
        while (p < end && quire_text_is_space(*p))
            p++;
        while (end > p && quire_text_is_space(end[-1]))
            end--;
        const bool is_remark = starts(p, end, "#:");
        if (is_remark) p += 2;
        while (p < end && quire_text_is_space(*p))
            p++;
        if (is_remark && (size_t)(end - p) == n && memcmp(p, word, n) == 0) return true;
        p = next;
    }
    return false;
}

/* --- names and strings ------------------------------------------------------------------------ */

quire_bytes
quire_text_peek_word(quire_text_parser *t)
{
    quire_text_peek(t);
    const uint8_t *p = t->p;
    if (p < t->end && (quire_text_is_alpha(*p) || *p == '_')) {
        while (p < t->end && (quire_text_is_alnum(*p) || *p == '_'))
            p++;
    }
    return (quire_bytes){t->p, (size_t)(p - t->p)};
}

quire_status
quire_text_string(quire_text_parser *t, quire_bytes *out)
{
    if (quire_text_peek(t) != '"') return quire_text_fail(t, "expected a quoted string");
    const uint8_t *end = t->p + 1;
    while (end < t->end && *end != '"')
        end += *end == '\\' ? 2 : 1;
    if (end >= t->end) return quire_text_fail(t, "this string has no end");
    uint8_t *copy;
    size_t n = 0;
    QUIRE_TRY(quire_arena_take(t->build.ctx, &t->build.arena, (size_t)(end - t->p), &copy));
    for (const uint8_t *p = t->p + 1; p < end; p++) {
        if (*p == '\\') p++;
        copy[n++] = *p;
    }
    t->p = end + 1;
    *out = (quire_bytes){copy, n};
    return QUIRE_OK;
}

quire_status
quire_text_name(quire_text_parser *t, const char *what, quire_bytes *out)
{
    if (quire_text_peek(t) == '"') return quire_text_string(t, out);
    *out = quire_text_peek_word(t);
    if (out->len == 0) return quire_text_fail(t, "expected %s", what);
    t->p += out->len;
    return QUIRE_OK;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static bool
is_special(const uint8_t *p, size_t n)
{
    const char *s = (const char *)p;
    return (n == 3 && (strncasecmp(s, "inf", 3) == 0 || strncasecmp(s, "nan", 3) == 0)) ||
           (n == 8 && strncasecmp(s, "infinity", 8) == 0);
}

quire_bytes
quire_text_number(quire_text_parser *t, bool *out_float)
{
    quire_text_peek(t);
    const uint8_t *from = t->p;
    const uint8_t *p = from;
    *out_float = false;
    if (p < t->end && *p == '-') p++;
    const uint8_t *word = p;
    while (p < t->end && quire_text_is_alpha(*p))
        p++;
    if (is_special(word, (size_t)(p - word)) && (p == t->end || !quire_text_is_alnum(*p))) {
        *out_float = true;
        t->p = p;
        return (quire_bytes){from, (size_t)(p - from)};
    }
    p = word;
    if (p == t->end || !quire_text_is_digit(*p)) return (quire_bytes){from, 0};
    for (; p < t->end && (quire_text_is_digit(*p) || (*p == '.' && !*out_float)); p++)
        *out_float |= *p == '.';
    if (p < t->end && (*p == 'e' || *p == 'E')) {
        *out_float = true;
        p++;
        if (p < t->end && (*p == '+' || *p == '-')) p++;
        while (p < t->end && quire_text_is_digit(*p))
            p++;
    }
    t->p = p;
    return (quire_bytes){from, (size_t)(p - from)};
}

/* A NUL-terminated copy with the point that strtod wants in this locale; NULL: too long. */
static const char *
for_strtod(quire_bytes number, char *room, size_t size)
{
    const char *point = localeconv()->decimal_point;
    size_t n = 0;
    for (size_t i = 0; i < number.len; i++) {
        const bool is_point = number.ptr[i] == '.';
        const size_t more = is_point ? strlen(point) : 1;
        if (n + more >= size) return NULL;
        memcpy(room + n, is_point ? point : (const char *)number.ptr + i, more);
        n += more;
    }
    room[n] = 0;
    return room;
}

static quire_status
bad_number(quire_text_parser *t, quire_bytes number, const char *what)
{
    t->p = number.ptr;
    return quire_text_fail(t, "expected %s", what);
}

quire_status
quire_text_int_of(quire_text_parser *t, quire_bytes number, int64_t *out)
{
    char room[32];
    const char *text = for_strtod(number, room, sizeof room);
    char *end = NULL;
    errno = 0;
    if (text != NULL) *out = strtoll(text, &end, 10);
    if (text != NULL && errno == ERANGE && *text != '-') {
        errno = 0;
        *out = (int64_t)strtoull(text, &end, 10); /* the upper half of uint64 */
    }
    if (text == NULL || end == text || *end != 0 || errno != 0)
        return bad_number(t, number, "a 64-bit integer");
    return QUIRE_OK;
}

quire_status
quire_text_float_of(quire_text_parser *t, quire_bytes number, float *out)
{
    char room[512];
    const char *text = for_strtod(number, room, sizeof room);
    char *end = NULL;
    errno = 0;
    if (text != NULL) *out = strtof(text, &end);
    if (text == NULL || end == text || *end != 0 || (errno == ERANGE && isinf(*out))) {
        return bad_number(t, number, "a number that float can hold");
    }
    return QUIRE_OK;
}

quire_status
quire_text_double_of(quire_text_parser *t, quire_bytes number, double *out)
{
    char room[1100];
    const char *text = for_strtod(number, room, sizeof room);
    char *end = NULL;
    errno = 0;
    if (text != NULL) *out = strtod(text, &end);
    if (text == NULL || end == text || *end != 0 || (errno == ERANGE && isinf(*out))) {
        return bad_number(t, number, "a number that double can hold");
    }
    return QUIRE_OK;
}

quire_status
quire_text_int(quire_text_parser *t, int64_t *out)
{
    bool is_float;
    const quire_bytes number = quire_text_number(t, &is_float);
    if (number.len == 0 || is_float) return bad_number(t, number, "an integer");
    return quire_text_int_of(t, number, out);
}
