/* selector_words.c - see selector_words.h. */
#include "passes/selector_words.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"

/* --- mistakes --------------------------------------------------------------------------------- */

enum {
    WINDOW = 30,                /* bytes shown on either side of the mistake */
    HALF_ROOM = 4 * WINDOW + 8, /* all of them as \xNN */
    WINDOW_ROOM = 2 * HALF_ROOM + 8
};

static bool
continues_character(quire_bytes text, size_t at)
{
    return at < text.len && (text.ptr[at] & 0xc0) == 0x80;
}

/* The text around `at`, with ^ before it. */
static void
print_window(quire_bytes text, size_t at, char out[WINDOW_ROOM])
{
    char before[HALF_ROOM], behind[HALF_ROOM];
    size_t from = at > WINDOW ? at - WINDOW : 0;
    size_t to = text.len - at > WINDOW ? at + WINDOW : text.len;
    while (from > 0 && from < at && continues_character(text, from))
        from++;
    while (to > at && continues_character(text, to))
        to--;
    quire_escape(before, sizeof before, text.ptr + from, at - from);
    quire_escape(behind, sizeof behind, text.ptr + at, to - at);
    snprintf(out, WINDOW_ROOM, "%s%s^%s%s", from > 0 ? "..." : "", before, behind,
             to < text.len ? "..." : "");
}

quire_status
quire_words_fail(quire_parser *p, size_t at, const char *format, ...)
{
    char message[512], window[WINDOW_ROOM];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    print_window(p->text, at, window);
    return quire_fail_file(p->ctx, p->status, p->where, "column %zu: %s: %s", at + 1, message,
                           window);
}

/* --- words ------------------------------------------------------------------------------------ */

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool
quire_words_at_end(const quire_parser *p)
{
    return p->at == p->text.len;
}

bool
quire_words_see(const quire_parser *p, char c)
{
    return !quire_words_at_end(p) && p->text.ptr[p->at] == (uint8_t)c;
}

bool
quire_words_take(quire_parser *p, char c)
{
    if (!quire_words_see(p, c)) return false;
    p->at++;
    return true;
}

void
quire_words_skip_blanks(quire_parser *p)
{
    while (!quire_words_at_end(p) && is_blank(p->text.ptr[p->at]))
        p->at++;
}

bool
quire_words_ends(uint8_t c)
{
    return is_blank(c) || c == '(' || c == ')' || c == ',';
}

/* The letters that begin here: where an atom's own word would stand. */
quire_bytes
quire_words_letters(const quire_parser *p)
{
    size_t end = p->at;
    while (end < p->text.len &&
           ((p->text.ptr[end] >= 'a' && p->text.ptr[end] <= 'z') || p->text.ptr[end] == '-'))
        end++;
    return (quire_bytes){p->text.ptr + p->at, end - p->at};
}

/* The whole word, whatever it is made of. */
quire_bytes
quire_words_next(const quire_parser *p)
{
    size_t end = p->at;
    while (end < p->text.len && !quire_words_ends(p->text.ptr[end]))
        end++;
    return (quire_bytes){p->text.ptr + p->at, end - p->at};
}

bool
quire_words_is(quire_bytes bytes, const char *text)
{
    return quire_bytes_equal(bytes, quire_bytes_of(text));
}

bool
quire_words_is_keyword(quire_bytes word)
{
    return quire_words_is(word, "and") || quire_words_is(word, "or") || quire_words_is(word, "not");
}

bool
quire_words_take_keyword(quire_parser *p, const char *keyword)
{
    if (!quire_words_is(quire_words_next(p), keyword)) return false;
    p->at += strlen(keyword);
    return true;
}

/* --- arguments -------------------------------------------------------------------------------- */

static quire_status
take_quoted(quire_parser *p, quire_bytes *out)
{
    const size_t open = p->at++;
    const size_t start = p->at;
    while (!quire_words_at_end(p) && !quire_words_see(p, '"'))
        p->at += quire_words_see(p, '\\') && p->at + 1 < p->text.len ? 2 : 1;
    if (quire_words_at_end(p)) return quire_words_fail(p, open, "this quote is not closed");
    *out = (quire_bytes){p->text.ptr + start, p->at++ - start};
    if (!quire_words_at_end(p) && !quire_words_ends(p->text.ptr[p->at]))
        return quire_words_fail(p, p->at, "a blank is missing behind the quote");
    if (out->len == 0) return quire_words_fail(p, open, "nothing between the quotes");
    return QUIRE_OK;
}

/* A word or a text in quotes; `what` is what the atom wants. */
quire_status
quire_words_argument(quire_parser *p, const char *what, quire_bytes *out)
{
    if (quire_words_see(p, '"')) return take_quoted(p, out);
    const quire_bytes word = quire_words_next(p);
    if (word.len == 0 && !quire_words_see(p, '('))
        return quire_words_fail(p, p->at, "%s is missing", what);
    if (quire_words_is_keyword(word))
        return quire_words_fail(p, p->at, "%s is missing; if it is this word, put it in quotes",
                                what);
    const uint8_t *quote = memchr(word.ptr, '"', word.len);
    if (quote != NULL) {
        return quire_words_fail(p, (size_t)(quote - p->text.ptr),
                                "a quote inside a word; put the whole word in quotes");
    }
    p->at += word.len;
    if (quire_words_see(p, '('))
        return quire_words_fail(p, p->at,
                                "a parenthesis inside a word; put the whole word in quotes");
    *out = word;
    return QUIRE_OK;
}

quire_status
quire_words_number(quire_parser *p, const char *what, uint64_t limit, uint64_t *out)
{
    const size_t at = p->at;
    const quire_bytes word = quire_words_next(p);
    uint64_t number = 0;
    if (word.len == 0 || word.ptr[0] < '0' || word.ptr[0] > '9')
        return quire_words_fail(p, at, "%s is missing", what);
    for (; p->at < at + word.len; p->at++) {
        const uint8_t c = p->text.ptr[p->at];
        if (c < '0' || c > '9') return quire_words_fail(p, p->at, "%s has digits alone", what);
        if (!quire_mul_u64(number, 10, &number) || !quire_add_u64(number, c - '0', &number) ||
            number > limit)
            return quire_words_fail(p, at, "%s is at most %llu", what, (unsigned long long)limit);
    }
    *out = number;
    return QUIRE_OK;
}
