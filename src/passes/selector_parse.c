/* selector_parse.c - the text of a selector as a tree of terms, by descent. The grammar is in
 * selector.h, the words in selector_defs.inc.
 */
#include "base/diag.h"
#include "base/nearest.h"
#include "graph/utf8.h"
#include "passes/selector_words.h"

typedef enum argument_kind {
    ARGUMENT_NOTHING,
    ARGUMENT_GLOB,
    ARGUMENT_REGEX,
    ARGUMENT_TYPE,
    ARGUMENT_FACTOR,
    ARGUMENT_PAIR,
    ARGUMENT_TEXT,
    ARGUMENT_INDEX,
    ARGUMENT_NUMBER
} argument_kind;

static const struct {
    const char *word;
    quire_atom_class class_of;
    argument_kind argument;
} atoms[] = {
#define X(name, word, class, argument) {word, QUIRE_ATOM_CLASS_##class, ARGUMENT_##argument},
#include "passes/selector_defs.inc"
#undef X
};

const char *
quire_atom_word(quire_atom atom)
{
    return atoms[atom].word;
}

quire_atom_class
quire_atom_class_of(quire_atom atom)
{
    return atoms[atom].class_of;
}

/* --- what follows an atom's word -------------------------------------------------------------- */

static quire_status
take_pattern(quire_parser *p, quire_term *t, bool is_regex)
{
    quire_pattern_fault fault;
    if (!is_regex && p->text.len - p->at >= 3 && memcmp(p->text.ptr + p->at, "re:", 3) == 0) {
        p->at += 3;
        is_regex = true;
    }
    QUIRE_TRY(quire_words_argument(p, is_regex ? "a regular expression" : "a name or glob",
                                   &t->argument));
    const quire_status status =
        quire_pattern_compile(p->ctx, &p->selector->patterns, &p->selector->arena, t->argument,
                              is_regex, &t->pattern, &fault);
    if (status != QUIRE_NONE) return status;
    return quire_words_fail(p, (size_t)(t->argument.ptr - p->text.ptr) + fault.at, "%s", fault.why);
}

static quire_status
take_type(quire_parser *p, quire_term *t)
{
    const size_t at = p->at;
    QUIRE_TRY(quire_words_argument(p, "an element type such as f32 or int64", &t->argument));
    t->dtype = quire_dtype_find_spec(t->argument);
    if (t->dtype == 0) t->dtype = quire_dtype_find_onnx(t->argument);
    if (t->dtype != 0) return QUIRE_OK;
    return quire_words_fail(p, at,
                            "no element type is called that; f32, f16, u8, i64, bool are some");
}

static quire_status
take_comparison(quire_parser *p, quire_term *t)
{
    static const struct {
        const char *sign;
        quire_comparison comparison;
    } signs[] = {{">=", QUIRE_COMPARE_GE}, {"<=", QUIRE_COMPARE_LE}, {"!=", QUIRE_COMPARE_NE},
                 {">", QUIRE_COMPARE_GT},  {"<", QUIRE_COMPARE_LT},  {"=", QUIRE_COMPARE_EQ}};
    quire_words_skip_blanks(p);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const size_t n = strlen(signs[i].sign);
        if (p->text.len - p->at < n || memcmp(p->text.ptr + p->at, signs[i].sign, n) != 0) continue;
        p->at += n;
        quire_words_skip_blanks(p);
        t->comparison = signs[i].comparison;
        return quire_words_number(p, "the number behind a comparison", UINT64_MAX, &t->number);
    }
    return quire_words_fail(
        p, p->at, "a comparison is missing behind %s: >= <= > < = or !=", atoms[t->atom].word);
}

/* The text with \" and \\ undone; everything else is the slot's own. */
static quire_status
take_slot(quire_parser *p, quire_term *t)
{
    uint8_t *plain;
    size_t n = 0;
    quire_bytes raw;
    QUIRE_TRY(quire_words_argument(p, "the text of a slot", &raw));
    QUIRE_TRY(quire_arena_take(p->ctx, &p->selector->arena, raw.len + 1, &plain));
    const bool quoted = raw.ptr[-1] == '"';
    for (size_t i = 0; i < raw.len; i++) {
        const bool escape = quoted && raw.ptr[i] == '\\' && i + 1 < raw.len;
        if (escape && (raw.ptr[i + 1] == '"' || raw.ptr[i + 1] == '\\')) i++;
        plain[n++] = raw.ptr[i];
    }
    t->argument = (quire_bytes){plain, n};
    return QUIRE_OK;
}

/* --- the expression --------------------------------------------------------------------------- */

static quire_status parse_or(quire_parser *p, quire_term **out);
static quire_status parse_atom(quire_parser *p, quire_term **out);

static quire_status
new_term(quire_parser *p, quire_term_kind kind, size_t start, quire_term **out)
{
    QUIRE_TRY(quire_arena_take(p->ctx, &p->selector->arena, sizeof **out, out));
    **out = (quire_term){.kind = kind, .text = {p->text.ptr + start, 0}};
    return QUIRE_OK;
}

static void
end_term(const quire_parser *p, quire_term *t)
{
    t->text.len = (size_t)(p->text.ptr + p->at - t->text.ptr);
}

static quire_status
go_deeper(quire_parser *p, size_t at)
{
    if (++p->depth <= QUIRE_SELECTOR_MAX_DEPTH) return QUIRE_OK;
    return quire_words_fail(p, at, "nested more than %d deep", QUIRE_SELECTOR_MAX_DEPTH);
}

static quire_status
parse_group(quire_parser *p, quire_term **out)
{
    const size_t open = p->at++;
    QUIRE_TRY(go_deeper(p, open));
    QUIRE_TRY(parse_or(p, out));
    if (!quire_words_take(p, ')'))
        return quire_words_fail(p, open, "this parenthesis is not closed");
    p->depth--;
    return QUIRE_OK;
}

/* F of consumer-of and producer-of. */
static quire_status
parse_operand(quire_parser *p, const quire_term *t, quire_term **out)
{
    const size_t at = p->at;
    if (quire_words_see(p, '(')) return parse_group(p, out);
    if (quire_words_next(p).len == 0 || quire_words_is_keyword(quire_words_next(p))) {
        return quire_words_fail(p, at, "%s: takes an atom, or an expression in parentheses",
                                atoms[t->atom].word);
    }
    QUIRE_TRY(go_deeper(p, at));
    QUIRE_TRY(parse_atom(p, out));
    p->depth--;
    return QUIRE_OK;
}

static quire_status
parse_pair(quire_parser *p, quire_term *t)
{
    const size_t open = p->at;
    if (!quire_words_take(p, '('))
        return quire_words_fail(p, open, "between takes (A, B) behind its colon");
    QUIRE_TRY(go_deeper(p, open));
    QUIRE_TRY(parse_or(p, &t->first));
    if (!quire_words_take(p, ','))
        return quire_words_fail(p, p->at, "a comma and a second expression are missing");
    QUIRE_TRY(parse_or(p, &t->first->next));
    if (!quire_words_take(p, ')'))
        return quire_words_fail(p, open, "this parenthesis is not closed");
    p->depth--;
    return QUIRE_OK;
}

static quire_status
parse_after_colon(quire_parser *p, quire_term *t, argument_kind argument)
{
    switch (argument) {
    case ARGUMENT_GLOB: return take_pattern(p, t, false);
    case ARGUMENT_REGEX: return take_pattern(p, t, true);
    case ARGUMENT_TYPE: return take_type(p, t);
    case ARGUMENT_TEXT: return take_slot(p, t);
    case ARGUMENT_INDEX:
        t->has_number = true;
        return quire_words_number(p, "the number behind the colon", UINT32_MAX, &t->number);
    case ARGUMENT_FACTOR:
    case ARGUMENT_PAIR: {
        p->in_atom++;
        const quire_status status =
            argument == ARGUMENT_PAIR ? parse_pair(p, t) : parse_operand(p, t, &t->first);
        p->in_atom--;
        return status;
    }
    case ARGUMENT_NOTHING:
    case ARGUMENT_NUMBER: break;
    }
    return quire_words_fail(p, p->at - 1, "%s takes no colon", atoms[t->atom].word);
}

static quire_status
parse_argument(quire_parser *p, quire_term *t)
{
    const argument_kind argument = atoms[t->atom].argument;
    if (argument == ARGUMENT_NUMBER && !quire_words_see(p, ':')) return take_comparison(p, t);
    if (quire_words_take(p, ':')) return parse_after_colon(p, t, argument);
    if (argument != ARGUMENT_NOTHING && argument != ARGUMENT_INDEX)
        return quire_words_fail(p, p->at, "a colon is missing behind %s", atoms[t->atom].word);
    if (quire_words_at_end(p) || quire_words_ends(p->text.ptr[p->at])) return QUIRE_OK;
    return quire_words_fail(p, p->at, "%s ends here; a blank is missing", atoms[t->atom].word);
}

static quire_bytes
atom_word(const void *data, size_t i)
{
    (void)data;
    return quire_bytes_of(atoms[i].word);
}

static quire_status
unknown_word(quire_parser *p)
{
    char wanted[64], nearest[128];
    const quire_bytes word = quire_words_next(p);
    if (word.len == 0 || quire_words_is_keyword(word))
        return quire_words_fail(p, p->at, "an expression is missing");
    const uint8_t *colon = memchr(word.ptr, ':', word.len);
    const size_t len = colon != NULL ? (size_t)(colon - word.ptr) : word.len;
    quire_escape(wanted, sizeof wanted, word.ptr, len);
    quire_names_nearest(wanted, QUIRE_N_ATOMS, atom_word, NULL, nearest, sizeof nearest);
    return quire_words_fail(
        p, p->at,
        "\"%s\" is no word of selectors; nearest: %s; names are written op:NAME, "
        "name:NAME or tensor:NAME",
        wanted, nearest);
}

static quire_status
parse_atom(quire_parser *p, quire_term **out)
{
    const quire_bytes letters = quire_words_letters(p);
    uint32_t atom = 0;
    while (atom < QUIRE_N_ATOMS && !quire_words_is(letters, atoms[atom].word))
        atom++;
    if (atom == QUIRE_N_ATOMS) return unknown_word(p);
    QUIRE_TRY(new_term(p, QUIRE_TERM_ATOM, p->at, out));
    (*out)->atom = atom;
    p->at += letters.len;
    QUIRE_TRY(parse_argument(p, *out));
    end_term(p, *out);
    if (p->in_atom > 0) return QUIRE_OK;
    if (atoms[atom].class_of == QUIRE_ATOM_CLASS_NODE) p->selector->names_node = true;
    if (atoms[atom].class_of == QUIRE_ATOM_CLASS_PLACE) p->selector->names_place = true;
    return QUIRE_OK;
}

static quire_status
parse_factor(quire_parser *p, quire_term **out)
{
    const size_t at = p->at;
    if (quire_words_see(p, '(')) return parse_group(p, out);
    if (!quire_words_take_keyword(p, "not")) return parse_atom(p, out);
    QUIRE_TRY(go_deeper(p, at));
    quire_words_skip_blanks(p);
    QUIRE_TRY(new_term(p, QUIRE_TERM_NOT, at, out));
    QUIRE_TRY(parse_factor(p, &(*out)->first));
    end_term(p, *out);
    p->depth--;
    return QUIRE_OK;
}

static bool
ends_list(const quire_parser *p)
{
    return quire_words_at_end(p) || quire_words_see(p, ')') || quire_words_see(p, ',');
}

/* One operand stands for itself; several become a list. Each call of `parse` begins behind blanks
 * and leaves none. */
static quire_status
parse_list(quire_parser *p, quire_term_kind kind, quire_term **out)
{
    quire_term **last = out;
    const size_t start = p->at;
    for (;;) {
        quire_words_skip_blanks(p);
        QUIRE_TRY(kind == QUIRE_TERM_OR ? parse_list(p, QUIRE_TERM_AND, last)
                                        : parse_factor(p, last));
        quire_words_skip_blanks(p);
        if (kind == QUIRE_TERM_OR && !quire_words_take_keyword(p, "or")) break;
        if (kind == QUIRE_TERM_AND && !quire_words_take_keyword(p, "and") &&
            (ends_list(p) || quire_words_is(quire_words_next(p), "or")))
            break;
        last = &(*last)->next;
    }
    if ((*out)->next == NULL) return QUIRE_OK;
    quire_term *list;
    QUIRE_TRY(new_term(p, kind, start, &list));
    list->first = *out;
    end_term(p, list);
    *out = list;
    return QUIRE_OK;
}

static quire_status
parse_or(quire_parser *p, quire_term **out)
{
    quire_words_skip_blanks(p);
    return parse_list(p, QUIRE_TERM_OR, out);
}

static quire_status
parse(quire_parser *p)
{
    QUIRE_TRY(parse_or(p, &p->selector->root));
    if (quire_words_at_end(p)) return QUIRE_OK;
    return quire_words_see(p, ',')
               ? quire_words_fail(p, p->at, "a comma belongs into between:(A, B) alone")
               : quire_words_fail(p, p->at, "this parenthesis was not opened");
}

/* --- whole selectors -------------------------------------------------------------------------- */

static quire_status
check_length(quire_ctx *ctx, quire_bytes text, const char *where, quire_status status)
{
    if (text.len <= QUIRE_SELECTOR_MAX_TEXT) return QUIRE_OK;
    return quire_fail_file(ctx, status, where,
                           "column %d: a selector of %zu bytes; it may have %d, so make it several",
                           QUIRE_SELECTOR_MAX_TEXT + 1, text.len, QUIRE_SELECTOR_MAX_TEXT);
}

/* Names in models are UTF-8 without NUL, and the text is shown in messages and documents. */
static quire_status
check_utf8(quire_ctx *ctx, quire_bytes text, const char *where, quire_status status)
{
    quire_utf8 state = {0};
    const size_t good = quire_utf8_check(&state, text.ptr, text.len);
    if (good == text.len && state.need == 0) return QUIRE_OK;
    return quire_fail_file(
        ctx, status, where,
        "column %zu: a selector is UTF-8; other bytes of a name are written \\xNN", good + 1);
}

static quire_status
fill(quire_ctx *ctx, quire_bytes text, const char *where, quire_status status,
     quire_selector *selector)
{
    QUIRE_TRY(quire_arena_copy(ctx, &selector->arena, text, &selector->text));
    quire_parser p = {
        .ctx = ctx, .selector = selector, .where = where, .status = status, .text = selector->text};
    return parse(&p);
}

quire_status
quire_selector_parse(quire_ctx *ctx, quire_bytes text, const char *where, quire_status status,
                     quire_selector **out)
{
    QUIRE_TRY(check_length(ctx, text, where, status));
    QUIRE_TRY(check_utf8(ctx, text, where, status));
    quire_selector *selector = quire_alloc(ctx->alloc, sizeof *selector);
    if (selector == NULL) return quire_nomem(ctx);
    *selector = (quire_selector){.alloc = ctx->alloc, .patterns = {.alloc = ctx->alloc}};
    quire_arena_init(&selector->arena, ctx->alloc);
    const quire_status parsed = fill(ctx, text, where, status, selector);
    if (parsed != QUIRE_OK) {
        quire_selector_destroy(ctx, selector);
        return parsed;
    }
    *out = selector;
    return QUIRE_OK;
}

void
quire_selector_destroy(quire_ctx *ctx, quire_selector *selector)
{
    (void)ctx;
    if (selector == NULL) return;
    quire_pattern_pool_deinit(&selector->patterns);
    quire_arena_deinit(&selector->arena);
    quire_free(selector->alloc, selector, sizeof *selector);
}

quire_bytes
quire_selector_text(const quire_selector *selector)
{
    return selector->text;
}
