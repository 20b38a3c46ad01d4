/* rules_where.c - see rules_where.h. */
#include "passes/rules_where.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"

/* --- walking ---------------------------------------------------------------------------------- */

quire_where
quire_where_begin(quire_bytes text)
{
    return (quire_where){text.ptr, text.ptr + text.len, {1, 1}};
}

static void
step(quire_where *w)
{
    const bool starts_character = (*w->p & 0xc0) != 0x80;
    if (*w->p == '\n') {
        w->place.line++;
        w->place.column = 1;
    } else if (starts_character) {
        w->place.column++;
    }
    w->p++;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_punctuation(uint8_t c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
}

quire_text_place
quire_where_next(quire_where *w)
{
    while (w->p < w->end && is_blank(*w->p))
        step(w);
    return w->place;
}

static void
pass_string(quire_where *w)
{
    step(w);
    while (w->p < w->end && *w->p != '"') {
        if (*w->p == '\\' && w->p + 1 < w->end) step(w);
        step(w);
    }
    if (w->p < w->end) step(w);
}

void
quire_where_token(quire_where *w)
{
    quire_where_next(w);
    if (w->p == w->end) return;
    if (*w->p == '"') {
        pass_string(w);
    } else if (is_punctuation(*w->p)) {
        step(w);
    } else {
        while (w->p < w->end && !is_blank(*w->p) && !is_punctuation(*w->p) && *w->p != '"')
            step(w);
    }
}

void
quire_where_value(quire_where *w)
{
    size_t depth = 0;
    do {
        quire_where_next(w);
        if (w->p == w->end) return;
        const uint8_t first = *w->p;
        quire_where_token(w);
        if (first == '{' || first == '[') depth++;
        if (first == '}' || first == ']') depth--;
    } while (depth > 0);
}

quire_text_place
quire_where_before(quire_bytes text, size_t offset)
{
    quire_where w = quire_where_begin(text);
    quire_text_place last = quire_where_next(&w);
    while (w.p < w.end && (size_t)(w.p - text.ptr) < offset) {
        last = w.place;
        quire_where_token(&w);
        quire_where_next(&w);
    }
    return last;
}

/* --- messages --------------------------------------------------------------------------------- */

void
quire_rules_where(char out[QUIRE_WHERE_ROOM], const quire_rules *rules, quire_text_place place)
{
    char path[QUIRE_WHERE_ROOM - 32];
    quire_escape(path, sizeof path, (const uint8_t *)rules->path, strlen(rules->path));
    snprintf(out, QUIRE_WHERE_ROOM, "%s:%u:%u", path, (unsigned)place.line, (unsigned)place.column);
}

quire_status
quire_rules_fail(quire_ctx *ctx, const quire_rules *rules, quire_text_place place,
                 quire_status status, const char *format, ...)
{
    char where[QUIRE_WHERE_ROOM];
    char message[1100];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    quire_rules_where(where, rules, place);
    return quire_fail_file(ctx, status, where, "%s", message);
}

quire_status
quire_relay_status(quire_status status)
{
    return status == QUIRE_E_INVALID ? QUIRE_E_USAGE : status;
}

static void
relay_sink(void *data, const quire_diagnostic *diagnostic)
{
    const quire_relay *r = data;
    quire_diagnostic told = *diagnostic;
    told.file = r->where;
    told.status = quire_relay_status(told.status);
    r->outer->sink(r->outer->sink_data, &told);
}

void
quire_relay_init(quire_relay *relay, const quire_ctx *outer)
{
    relay->ctx = *outer;
    relay->outer = outer;
    relay->where[0] = '\0';
    if (outer->sink == NULL) return;
    relay->ctx.sink = relay_sink;
    relay->ctx.sink_data = relay;
}

void
quire_relay_aim(quire_relay *relay, const quire_rules *rules, quire_text_place place)
{
    quire_rules_where(relay->where, rules, place);
}
