/* options.c - see options.h. */
#include "plugin/options.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/nearest.h"
#include "base/real.h"

enum { ALLOWED_ROOM = 400, NEAREST_ROOM = 500, SHOWN = 100 };

const quire_option *
quire_option_at(const quire_quantizer *quantizer, uint32_t i)
{
    const size_t align = _Alignof(quire_option);
    const size_t stride = (quantizer->options->size + align - 1) / align * align;
    return (const quire_option *)((const char *)quantizer->options + i * stride);
}

/* --- values ----------------------------------------------------------------------------------- */

size_t
quire_option_value_size(uint32_t type, size_t *out_align)
{
    static const struct {
        size_t size, align;
    } types[] = {
        [QUIRE_OPTION_INT] = {sizeof(int64_t), _Alignof(int64_t)},
        [QUIRE_OPTION_FLOAT] = {sizeof(double), _Alignof(double)},
        [QUIRE_OPTION_BOOL] = {sizeof(int32_t), _Alignof(int32_t)},
        [QUIRE_OPTION_STRING] = {sizeof(quire_string), _Alignof(quire_string)},
        [QUIRE_OPTION_CHOICE] = {sizeof(int32_t), _Alignof(int32_t)},
    };
    if (type >= sizeof types / sizeof *types) return 0;
    *out_align = types[type].align;
    return types[type].size;
}

bool
quire_option_has_range(const quire_option *option)
{
    const bool is_number = option->type == QUIRE_OPTION_INT || option->type == QUIRE_OPTION_FLOAT;
    return is_number && (option->least != 0 || option->most != 0);
}

static bool
read_int(quire_bytes text, int64_t *out)
{
    const bool negative = text.len > 0 && text.ptr[0] == '-';
    int64_t value = 0;
    if (text.len == (negative ? 1 : 0)) return false;
    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        const int digit = text.ptr[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    /* Counted downwards, because there is one more negative number. */
    if (!negative && __builtin_sub_overflow(0, value, &value)) return false;
    *out = value;
    return true;
}

static bool
read_number(const quire_option *option, quire_bytes text, void *out)
{
    int64_t whole = 0;
    double real = 0;
    const bool is_int = option->type == QUIRE_OPTION_INT;
    if (is_int ? !read_int(text, &whole) : !quire_real_parse(text, &real)) return false;
    if (is_int) real = (double)whole;
    if (quire_option_has_range(option) && (real < option->least || real > option->most))
        return false;
    memcpy(out, is_int ? (const void *)&whole : (const void *)&real, sizeof(int64_t));
    return true;
}

/* The index of `text` among words ended by NULL. */
static bool
read_word(const char *const *words, quire_bytes text, void *out)
{
    for (int32_t i = 0; words[i] != NULL; i++) {
        if (!quire_bytes_equal(text, quire_bytes_of(words[i]))) continue;
        memcpy(out, &i, sizeof i);
        return true;
    }
    return false;
}

quire_status
quire_option_read(quire_ctx *ctx, const quire_option *option, quire_bytes text, quire_arena *arena,
                  void *out)
{
    static const char *const truths[] = {"false", "true", NULL};
    bool ok;
    if (option->type == QUIRE_OPTION_STRING) {
        quire_bytes copy;
        QUIRE_TRY(quire_arena_copy(ctx, arena, text, &copy));
        const quire_string string = {(const char *)copy.ptr, copy.len};
        memcpy(out, &string, sizeof string);
        return QUIRE_OK;
    }
    if (option->type == QUIRE_OPTION_BOOL) {
        ok = read_word(truths, text, out);
    } else if (option->type == QUIRE_OPTION_CHOICE) {
        ok = read_word(option->choices, text, out);
    } else {
        ok = read_number(option, text, out);
    }
    return ok ? QUIRE_OK : QUIRE_NONE;
}

/* --- parsing ---------------------------------------------------------------------------------- */

typedef struct parse {
    quire_ctx *ctx;
    const quire_quantizer *quantizer;
    quire_arena *arena;
    uint8_t *options;         /* the struct */
    bool *given;              /* by option */
    quire_option_given *list; /* in order; NULL: not wanted */
    size_t n_list;
    quire_bytes rest;
} parse;

static quire_bytes
option_name(const void *data, size_t i)
{
    return quire_bytes_of(quire_option_at(data, (uint32_t)i)->name);
}

static int
shown(quire_bytes text)
{
    return text.len < SHOWN ? (int)text.len : SHOWN;
}

static quire_status
refuse_unknown(const parse *p, quire_bytes name)
{
    char wanted[SHOWN + 1] = {0};
    char nearest[NEAREST_ROOM];
    const quire_quantizer *q = p->quantizer;
    memcpy(wanted, name.ptr, (size_t)shown(name));
    if (q->n_options == 0)
        return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                               "quantizer %s takes no options; \"%s\" was given", q->name, wanted);
    quire_names_nearest(wanted, q->n_options, option_name, q, nearest, sizeof nearest);
    return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                           "quantizer %s has no option \"%s\"; nearest: %s; quire plugin info %s "
                           "lists them",
                           q->name, wanted, nearest, q->name);
}

static quire_status
find_option(const parse *p, quire_bytes name, uint32_t *out)
{
    for (uint32_t i = 0; i < p->quantizer->n_options; i++) {
        if (!quire_bytes_equal(option_name(p->quantizer, i), name)) continue;
        *out = i;
        return QUIRE_OK;
    }
    return refuse_unknown(p, name);
}

static quire_bytes
skip(quire_bytes text, size_t n)
{
    return (quire_bytes){text.ptr + n, text.len - n};
}

/* Bytes in front of the first of `ends`. */
static quire_bytes
word(quire_bytes text, const char *ends)
{
    size_t n = 0;
    while (n < text.len && (text.ptr[n] == '\0' || strchr(ends, text.ptr[n]) == NULL))
        n++;
    return (quire_bytes){text.ptr, n};
}

static quire_bytes
trim(quire_bytes text)
{
    while (text.len > 0 && text.ptr[0] == ' ')
        text = skip(text, 1);
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

static quire_status
refuse_escape(const parse *p, const char *name)
{
    return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                           "option %s of quantizer %s: inside quotes, a backslash stands before a "
                           "quote or a backslash only",
                           name, p->quantizer->name);
}

/* What stands between quotes, undone; p->rest is behind the second. */
static quire_status
read_quoted(parse *p, const char *name, quire_bytes *out)
{
    const quire_bytes text = p->rest;
    uint8_t *copy;
    size_t n = 0;
    QUIRE_TRY(quire_arena_take(p->ctx, p->arena, text.len, &copy));
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            p->rest = skip(text, i + 1);
            *out = (quire_bytes){copy, n};
            return QUIRE_OK;
        }
        if (text.ptr[i] == '\\' && ++i < text.len && text.ptr[i] != '"' && text.ptr[i] != '\\')
            return refuse_escape(p, name);
        if (i < text.len) copy[n++] = text.ptr[i];
    }
    return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                           "option %s of quantizer %s: the closing quote is missing", name,
                           p->quantizer->name);
}

/* Index behind the quote that closes the one at text[at], or text.len. */
static size_t
pass_quoted(quire_bytes text, size_t at)
{
    for (size_t i = at + 1; i < text.len; i++) {
        if (text.ptr[i] == '"') return i + 1;
        if (text.ptr[i] == '\\') i++;
    }
    return text.len;
}

/* What stands between braces, as it is; p->rest is behind the one that closes the first. Braces in
 * quotes do not count. */
static quire_status
read_braced(parse *p, const char *name, quire_bytes *out)
{
    const quire_bytes text = p->rest;
    size_t depth = 0;
    for (size_t i = 0; i < text.len;) {
        const uint8_t c = text.ptr[i];
        if (c == '{') depth++;
        if (c == '}' && --depth == 0) {
            p->rest = skip(text, i + 1);
            *out = (quire_bytes){text.ptr + 1, i - 1};
            return QUIRE_OK;
        }
        i = c == '"' ? pass_quoted(text, i) : i + 1;
    }
    return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                           "option %s of quantizer %s: the brace that begins its value is not "
                           "closed; a value with a single brace stands in quotes",
                           name, p->quantizer->name);
}

/* A value, from behind the `=` to its comma or the end. */
static quire_status
read_value(parse *p, const char *name, quire_bytes *out)
{
    while (p->rest.len > 0 && p->rest.ptr[0] == ' ')
        p->rest = skip(p->rest, 1);
    const uint8_t first = p->rest.len > 0 ? p->rest.ptr[0] : ',';
    if (first != '"' && first != '{') {
        *out = word(p->rest, ",\"");
        p->rest = skip(p->rest, out->len);
        *out = trim(*out);
    } else {
        QUIRE_TRY(first == '"' ? read_quoted(p, name, out) : read_braced(p, name, out));
        while (p->rest.len > 0 && p->rest.ptr[0] == ' ')
            p->rest = skip(p->rest, 1);
    }
    if (p->rest.len == 0 || p->rest.ptr[0] == ',') return QUIRE_OK;
    if (first == '{')
        return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                               "option %s of quantizer %s: a comma or the end stands behind the "
                               "closing brace of a value",
                               name, p->quantizer->name);
    return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                           "option %s of quantizer %s: a quote in the middle; a value with quotes "
                           "stands in quotes as a whole, \\\" inside",
                           name, p->quantizer->name);
}

static quire_status
set(const parse *p, const quire_option *option, quire_bytes value)
{
    char allowed[ALLOWED_ROOM];
    const quire_status status =
        quire_option_read(p->ctx, option, value, p->arena, p->options + option->offset);
    if (status != QUIRE_NONE) return status;
    quire_option_allowed(p->ctx, option, allowed, sizeof allowed);
    return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                           "option %s of quantizer %s is \"%.*s\"; it takes %s", option->name,
                           p->quantizer->name, shown(value), (const char *)value.ptr, allowed);
}

/* `name=value`, or the name of a bool. */
static quire_status
parse_one(parse *p)
{
    const quire_bytes name = trim(word(p->rest, "=,"));
    quire_bytes value = quire_bytes_of("true");
    uint32_t i = 0;
    QUIRE_TRY(find_option(p, name, &i));
    const quire_option *option = quire_option_at(p->quantizer, i);
    p->rest = skip(p->rest, word(p->rest, "=,").len);
    const bool has_value = p->rest.len > 0 && p->rest.ptr[0] == '=';
    if (p->given[i])
        return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                               "option %s of quantizer %s is given twice", option->name,
                               p->quantizer->name);
    if (!has_value && option->type != QUIRE_OPTION_BOOL)
        return quire_fail_file(p->ctx, QUIRE_E_USAGE, NULL,
                               "option %s of quantizer %s needs a value: %s=VALUE", option->name,
                               p->quantizer->name, option->name);
    p->given[i] = true;
    if (has_value) {
        p->rest = skip(p->rest, 1);
        QUIRE_TRY(read_value(p, option->name, &value));
    }
    if (p->list != NULL) p->list[p->n_list++] = (quire_option_given){option, value};
    return set(p, option, value);
}

static quire_status
fill_defaults(const parse *p)
{
    for (uint32_t i = 0; i < p->quantizer->n_options; i++) {
        const quire_option *option = quire_option_at(p->quantizer, i);
        if (p->given[i]) continue;
        if (option->otherwise == NULL)
            return quire_fail_file(
                p->ctx, QUIRE_E_USAGE, NULL, "quantizer %s needs its option %s: %s:%s=VALUE",
                p->quantizer->name, option->name, p->quantizer->name, option->name);
        QUIRE_TRY(set(p, option, quire_bytes_of(option->otherwise)));
    }
    return QUIRE_OK;
}

static quire_status
parse_all(parse *p)
{
    while (p->rest.len > 0) {
        QUIRE_TRY(parse_one(p));
        if (p->rest.len == 0) break;
        p->rest = skip(p->rest, 1); /* the comma */
        if (p->rest.len == 0) return refuse_unknown(p, p->rest);
    }
    return fill_defaults(p);
}

quire_status
quire_options_given(quire_ctx *ctx, const quire_quantizer *quantizer, quire_bytes text,
                    quire_arena *arena, quire_option_given **out, size_t *out_n)
{
    parse p = {.ctx = ctx, .quantizer = quantizer, .arena = arena, .rest = text};
    QUIRE_TRY(quire_arena_take(ctx, arena, quantizer->options_size, &p.options));
    QUIRE_TRY(quire_arena_take(ctx, arena, quantizer->n_options * sizeof *p.given, &p.given));
    QUIRE_TRY(quire_arena_take(ctx, arena, quantizer->n_options * sizeof *p.list, &p.list));
    QUIRE_TRY(parse_all(&p));
    *out = p.list;
    *out_n = p.n_list;
    return QUIRE_OK;
}

quire_status
quire_options_parse(quire_ctx *ctx, const quire_quantizer *quantizer, quire_bytes text,
                    quire_arena *arena, void **out_options)
{
    parse p = {.ctx = ctx, .quantizer = quantizer, .arena = arena, .rest = text};
    QUIRE_TRY(quire_arena_take(ctx, arena, quantizer->options_size, &p.options));
    QUIRE_TRY(quire_arena_take(ctx, arena, quantizer->n_options * sizeof *p.given, &p.given));
    QUIRE_TRY(parse_all(&p));
    *out_options = p.options;
    return QUIRE_OK;
}
