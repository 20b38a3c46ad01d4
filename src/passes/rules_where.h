/* rules_where.h - places in the text of a rules file, and messages that name them.
 *
 * Jansson tells line and column of mistakes of syntax only. For everything else the text, known to
 * be JSON by then, is walked token by token beside Jansson's values, which come in the order of the
 * text.
 */
#ifndef QUIRE_PASSES_RULES_WHERE_H
#define QUIRE_PASSES_RULES_WHERE_H

#include "passes/rules.h"

typedef struct quire_where { /* a place between two tokens of a JSON text */
    const uint8_t *p, *end;
    quire_text_place place; /* of *p */
} quire_where;

quire_where quire_where_begin(quire_bytes text);
/* Passes blanks; the place of the token that follows. */
quire_text_place quire_where_next(quire_where *w);
/* Passes one token: a string, a punctuation character, or a run of other characters. Also of a text
 * that is no JSON. */
void quire_where_token(quire_where *w);
/* Passes one value with everything in it. */
void quire_where_value(quire_where *w);
/* The place of the last token that begins before byte `offset`; the text need not be JSON. */
quire_text_place quire_where_before(quire_bytes text, size_t offset);

/* Reports "FILE:LINE:COLUMN: ..."; returns `status`. */
quire_status quire_rules_fail(quire_ctx *ctx, const quire_rules *rules, quire_text_place place,
                              quire_status status, const char *format, ...) QUIRE_PRINTF(5, 6);

enum { QUIRE_WHERE_ROOM = 4400 };

/* `FILE:LINE:COLUMN` */
void quire_rules_where(char out[QUIRE_WHERE_ROOM], const quire_rules *rules,
                       quire_text_place place);

/* A context for parsers of what stands inside a string of the file: what they report is told as
 * being about that place, and QUIRE_E_INVALID as QUIRE_E_USAGE. */
typedef struct quire_relay {
    quire_ctx ctx; /* hand this to the parser */
    const quire_ctx *outer;
    char where[QUIRE_WHERE_ROOM];
} quire_relay;

/* `relay` must not move while its context is in use. */
void quire_relay_init(quire_relay *relay, const quire_ctx *outer);
void quire_relay_aim(quire_relay *relay, const quire_rules *rules, quire_text_place place);
/* What the caller returns for what the parser returned. */
quire_status quire_relay_status(quire_status status);

#endif
