/* selector_words.h - the text of a selector in words, and its mistakes. Only for selector_parse.c.
 *
 * A word ends at a blank, a parenthesis or a comma. Text in quotes ends at the next `"` without a
 * backslash before it, and is handed on with its backslashes: globs and regular expressions both
 * read \" as a quote.
 */
#ifndef QUIRE_PASSES_SELECTOR_WORDS_H
#define QUIRE_PASSES_SELECTOR_WORDS_H

#include "passes/selector_parts.h"

typedef struct quire_parser {
    quire_ctx *ctx;
    quire_selector *selector;
    const char *where; /* may be NULL */
    quire_status status;
    quire_bytes text;
    size_t at;
    unsigned depth;   /* of parentheses, `not` and atoms inside atoms */
    unsigned in_atom; /* inside consumer-of, producer-of or between */
} quire_parser;

/* Reports a mistake at byte `at` with the parser's status, "column N: ...: text with ^"; returns
 * the status. */
quire_status quire_words_fail(quire_parser *p, size_t at, const char *format, ...)
    QUIRE_PRINTF(3, 4);

bool quire_words_at_end(const quire_parser *p);
bool quire_words_see(const quire_parser *p, char c); /* is c the next byte? */
bool quire_words_take(quire_parser *p, char c);      /* advances past it if it is */
void quire_words_skip_blanks(quire_parser *p);
bool quire_words_ends(uint8_t c); /* does a word end before c? */
/* The small letters and hyphens that begin here: where an atom's own word would stand. */
quire_bytes quire_words_letters(const quire_parser *p);
/* The whole word, whatever it is made of; empty if none begins here. */
quire_bytes quire_words_next(const quire_parser *p);
bool quire_words_is(quire_bytes word, const char *text);
bool quire_words_is_keyword(quire_bytes word); /* and, or, not */
bool quire_words_take_keyword(quire_parser *p, const char *keyword);

/* A word or a text in quotes, without them; `what` is what the atom wants. */
QUIRE_MUST_USE quire_status quire_words_argument(quire_parser *p, const char *what,
                                                 quire_bytes *out);
/* A decimal number. */
QUIRE_MUST_USE quire_status quire_words_number(quire_parser *p, const char *what, uint64_t limit,
                                               uint64_t *out);

#endif
