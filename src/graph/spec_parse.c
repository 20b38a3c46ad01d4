/* spec_parse.c - reading the text of slots and specs: the grammar of docs/text-form.md, one
 * line. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "graph/spec_text.h"

typedef struct parser {
    quire_ctx *ctx;
    quire_model *m;
    const char *path; /* for messages */
    const uint8_t *start, *p, *end;
} parser;

static quire_status fail(parser *t, const char *format, ...) QUIRE_PRINTF(2, 3);

static quire_status
fail(parser *t, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return quire_fail(t->ctx, QUIRE_E_INVALID, t->path, "column %zu: %s",
                      (size_t)(t->p - t->start) + 1, message);
}

/* Of the C locale, whatever locale the program set. */
static bool
is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alnum(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
skip_blanks(parser *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
        t->p++;
}

/* Takes `text` if it is next. */
static bool
take(parser *t, const char *text)
{
    const size_t n = strlen(text);
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, text, n) != 0) return false;
    t->p += n;
    return true;
}

static quire_status
expect(parser *t, const char *text)
{
    skip_blanks(t);
    if (take(t, text)) return QUIRE_OK;
    return fail(t, "expected '%s'", text);
}

/* Letters, digits and `_.-` as far as they go. */
static quire_bytes
take_word(parser *t)
{
    const uint8_t *start = t->p;
    while (t->p < t->end && (is_alnum(*t->p) || *t->p == '_' || *t->p == '.' || *t->p == '-'))
        t->p++;
    return (quire_bytes){start, (size_t)(t->p - start)};
}

/* Takes `word` if it is the whole next word. */
static bool
take_keyword(parser *t, const char *word)
{
    const uint8_t *at = t->p;
    if (quire_bytes_equal(take_word(t), quire_bytes_of(word))) return true;
    t->p = at;
    return false;
}

static quire_status
take_int(parser *t, int64_t *out)
{
    char text[32] = {0};
    size_t n = 0;
    const uint8_t *p = t->p;
    if (p < t->end && *p == '-') text[n++] = (char)*p++;
    while (p < t->end && is_digit(*p) && n + 1 < sizeof text)
        text[n++] = (char)*p++;
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (n == 0 || !is_digit((unsigned char)text[n - 1]) || errno != 0)
        return fail(t, "expected a 64-bit integer");
    t->p = p;
    return QUIRE_OK;
}

static quire_status
take_double(parser *t, uint64_t *out_bits)
{
    char text[64] = {0};
    size_t n = 0;
    while (t->p + n < t->end && n + 1 < sizeof text &&
           (is_alnum(t->p[n]) || strchr("+-.", t->p[n]))) {
        text[n] = (char)t->p[n];
        n++;
    }
    char *end;
    const double x = strtod(text, &end);
    if (n == 0 || *end != 0) return fail(t, "expected a number");
    memcpy(out_bits, &x, sizeof x);
    t->p += n;
    return QUIRE_OK;
}

/* --- slots ------------------------------------------------------------------------------------ */

enum { MAX_COMPONENTS = 2 * 32 + 2 };

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static quire_status
take_quoted(parser *t, quire_bytes *out)
{
    void *room;
    QUIRE_TRY(quire_arena_take(t->ctx, &t->m->arena, (size_t)(t->end - t->p), &room));
    uint8_t *name = room;
    size_t n = 0;
    for (t->p++; t->p < t->end && *t->p != '"'; t->p++) {
        if (*t->p != '\\') {
            name[n++] = *t->p;
            continue;
        }
        const int high = t->end - t->p > 3 && t->p[1] == 'x' ? hex_digit(t->p[2]) : -1;
        const int low = high >= 0 ? hex_digit(t->p[3]) : -1;
        if (low < 0) return fail(t, "expected \\xNN with two hexadecimal digits");
        name[n++] = (uint8_t)(high * 16 + low);
        t->p += 3;
    }
    if (t->p == t->end) return fail(t, "expected '\"' to end the name");
    t->p++;
    *out = (quire_bytes){name, n};
    return QUIRE_OK;
}

/* A path component or name: quoted, or plain as far as it goes (it ends before `<-`). */
static quire_status
take_name(parser *t, quire_bytes *out)
{
    if (t->p < t->end && *t->p == '"') return take_quoted(t, out);
    const uint8_t *start = t->p;
    while (t->p < t->end && quire_slot_is_plain(*t->p))
        t->p++;
    *out = (quire_bytes){start, (size_t)(t->p - start)};
    return out->len > 0 ? QUIRE_OK : fail(t, "expected the name of a value");
}

/* The living value of graph g called `name`; 0 if there is none. Linear in the values. */
static quire_value
find_value(const quire_model *m, quire_graph g, quire_bytes name)
{
    const quire_sym sym = quire_syms_find(&m->syms, name);
    for (uint32_t id = 1; id < m->values.count && sym.id != 0 && name.len > 0; id++) {
        const quire_value_rec *v = quire_value_at(m, (quire_value){id});
        if (v->name.id == sym.id && v->graph.id == g.id && (v->flags & QUIRE_DEAD) == 0)
            return (quire_value){id};
    }
    return (quire_value){0};
}

/* Finds the node named by its first present result. */
static quire_status
find_node(parser *t, quire_graph g, quire_bytes name, quire_node *out)
{
    const quire_value v = find_value(t->m, g, name);
    const quire_node n = quire_value_node(t->m, v);
    if (v.id == 0 || n.id == 0) {
        return fail(t, "no node of this graph has a result called \"%.*s\"", (int)name.len,
                    (const char *)name.ptr);
    }
    const quire_value first = quire_node_first_result(t->m, n);
    if (first.id != v.id) {
        const quire_bytes right = quire_value_name(t->m, first);
        return fail(t, "a node is named by its first result: \"%.*s\", not \"%.*s\"",
                    (int)right.len, (const char *)right.ptr, (int)name.len, (const char *)name.ptr);
    }
    *out = n;
    return QUIRE_OK;
}

/* Enters the body that attribute `attr` of the node called `result` holds. */
static quire_status
enter_body(parser *t, quire_bytes result, quire_bytes attr, quire_graph *io_graph)
{
    quire_node n;
    QUIRE_TRY(find_node(t, *io_graph, result, &n));
    const quire_node_rec *r = quire_node_at(t->m, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(t->m, (quire_attr){r->attr.id + k});
        if (!quire_bytes_equal(quire_sym_bytes(t->m, a->name), attr) || a->n_graphs == 0) continue;
        *io_graph = a->graphs[0];
        return QUIRE_OK;
    }
    return fail(t, "the node \"%.*s\" has no body called \"%.*s\"", (int)result.len,
                (const char *)result.ptr, (int)attr.len, (const char *)attr.ptr);
}

/* Is `name` the component of a function or training graph? Sets *out_graph then. */
static bool
find_root(const quire_model *m, quire_bytes name, quire_graph *out_graph)
{
    char text[QUIRE_ROOT_ROOM];
    for (size_t i = 0; i < m->n_functions + 2 * m->n_training; i++) {
        quire_graph g;
        if (i < m->n_functions) {
            g = m->functions[i];
        } else {
            const quire_training_rec *r = &m->training[(i - m->n_functions) / 2];
            g = (i - m->n_functions) % 2 == 0 ? r->initialization : r->algorithm;
        }
        if (g.id != 0 && quire_bytes_equal(quire_root_text(m, g, text), name)) {
            *out_graph = g;
            return true;
        }
    }
    return false;
}

/* Components before the last name: a root, then pairs of result and attribute. */
static quire_status
walk_path(parser *t, const quire_bytes *components, size_t n, quire_graph *out_graph)
{
    *out_graph = t->m->main;
    size_t k = n % 2 == 1 && find_root(t->m, components[0], out_graph) ? 1 : 0;
    if ((n - k) % 2 != 0)
        return fail(t, "a path has a result and an attribute for every enclosing body");
    for (; k < n; k += 2)
        QUIRE_TRY(enter_body(t, components[k], components[k + 1], out_graph));
    return QUIRE_OK;
}

static quire_status
take_output(parser *t, quire_graph g, quire_slot *out)
{
    int64_t k;
    const quire_graph_rec *r = quire_graph_at(t->m, g);
    QUIRE_TRY(take_int(t, &k));
    if (k < 0 || (uint64_t)k >= r->n_outputs) {
        return fail(t, "output %" PRId64 " of a graph that has %zu", k, r->n_outputs);
    }
    *out = (quire_slot){1, r->out.id + (uint32_t)k};
    return QUIRE_OK;
}

static quire_status
take_operand(parser *t, quire_graph g, quire_bytes name, quire_slot *out)
{
    int64_t k;
    quire_node n;
    QUIRE_TRY(find_node(t, g, name, &n));
    QUIRE_TRY(take_int(t, &k));
    const quire_node_rec *r = quire_node_at(t->m, n);
    if (k < 0 || k >= (int64_t)r->n_in)
        return fail(t, "operand %" PRId64 " of a node that has %" PRIu32, k, r->n_in);
    *out = (quire_slot){1, r->in.id + (uint32_t)k};
    return QUIRE_OK;
}

static quire_status
take_slot(parser *t, quire_slot *out)
{
    quire_bytes components[MAX_COMPONENTS];
    quire_graph g;
    size_t n = 0;
    skip_blanks(t);
    for (;;) {
        if (take(t, "->")) {
            QUIRE_TRY(walk_path(t, components, n, &g));
            return take_output(t, g, out);
        }
        if (n == MAX_COMPONENTS)
            return fail(t, "a path of more than %d components", MAX_COMPONENTS);
        QUIRE_TRY(take_name(t, &components[n++]));
        if (!take(t, "/")) break;
    }
    QUIRE_TRY(walk_path(t, components, n - 1, &g));
    if (take(t, "<-")) return take_operand(t, g, components[n - 1], out);
    const quire_value v = find_value(t->m, g, components[n - 1]);
    if (v.id == 0) {
        return fail(t, "no value of this graph is called \"%.*s\"", (int)components[n - 1].len,
                    (const char *)components[n - 1].ptr);
    }
    *out = (quire_slot){0, v.id};
    return QUIRE_OK;
}

/* --- specs ------------------------------------------------------------------------------------ */

/* Keeps `text` beyond the caller's buffer. */
static quire_status
keep(parser *t, quire_bytes text, quire_sym *out)
{
    *out = quire_syms_find(&t->m->syms, text);
    if (out->id != 0) return QUIRE_OK;
    QUIRE_TRY(quire_arena_copy(t->ctx, &t->m->arena, text, &text));
    return quire_syms_intern(t->ctx, &t->m->syms, text, out);
}

static quire_status
take_granularity(parser *t, quire_spec *s)
{
    int64_t k;
    skip_blanks(t);
    if (take_keyword(t, "tensor")) return QUIRE_OK;
    if (!take(t, "axis=")) return fail(t, "expected 'tensor' or 'axis=K'");
    QUIRE_TRY(take_int(t, &k));
    if (k < 0 || k > INT32_MAX) return fail(t, "axis: found %" PRId64 "; allowed is 0 and more", k);
    s->axis = (int32_t)k;
    s->granularity = QUIRE_PER_AXIS;
    skip_blanks(t);
    if (!take(t, "block=")) return QUIRE_OK;
    QUIRE_TRY(take_int(t, &k));
    if (k < 1 || k > UINT32_MAX)
        return fail(t, "block: found %" PRId64 "; allowed is 1 and more", k);
    s->block = (uint32_t)k;
    s->granularity = QUIRE_PER_BLOCK;
    return QUIRE_OK;
}

static quire_status
take_zero_point(parser *t, quire_spec *s)
{
    skip_blanks(t);
    if (take_keyword(t, "symmetric")) {
        s->symmetric = 1;
    } else if (!take_keyword(t, "affine")) {
        return fail(t, "expected 'affine' or 'symmetric'");
    }
    QUIRE_TRY(expect(t, "zp="));
    if (take_keyword(t, "int")) {
        s->zero_point = QUIRE_ZERO_POINT_INT;
    } else if (take_keyword(t, "float")) {
        s->zero_point = QUIRE_ZERO_POINT_FLOAT;
    } else if (!take_keyword(t, "none")) {
        return fail(t, "zp: expected int, float or none");
    }
    return QUIRE_OK;
}

/* range=, scale= and dynamic, each of which may be left out. */
static quire_status
take_optional(parser *t, quire_spec *s)
{
    skip_blanks(t);
    if (take(t, "range=")) {
        QUIRE_TRY(take_int(t, &s->qmin));
        if (!take(t, "..")) return fail(t, "expected '..' between the ends of the range");
        QUIRE_TRY(take_int(t, &s->qmax));
    }
    skip_blanks(t);
    s->scale_type = QUIRE_DTYPE_FLOAT;
    if (take(t, "scale=")) {
        s->scale_type = quire_dtype_find_spec(take_word(t));
        if (s->scale_type == 0) return fail(t, "scale: expected a type such as f32 or f16");
    }
    skip_blanks(t);
    s->dynamic = take_keyword(t, "dynamic");
    return QUIRE_OK;
}

static quire_status
take_observer(parser *t, quire_spec *s)
{
    const quire_bytes name = take_word(t);
    if (name.len == 0) return fail(t, "observer: expected a name");
    QUIRE_TRY(keep(t, name, &s->observer));
    if (!take(t, "(")) return QUIRE_OK;
    const uint8_t *start = t->p;
    size_t open = 1;
    for (; t->p < t->end && *t->p != '\n'; t->p++) {
        if (*t->p == '(') open++;
        if (*t->p == ')' && --open == 0) break;
    }
    if (open != 0) return fail(t, "observer: expected ')' after the options");
    QUIRE_TRY(keep(t, (quire_bytes){start, (size_t)(t->p - start)}, &s->observer_options));
    t->p++;
    return QUIRE_OK;
}

static quire_status
take_fixed(parser *t, quire_spec *s)
{
    s->kind = QUIRE_SPEC_FIXED;
    QUIRE_TRY(expect(t, "("));
    skip_blanks(t);
    QUIRE_TRY(take_double(t, &s->fixed_scale));
    QUIRE_TRY(expect(t, ","));
    skip_blanks(t);
    QUIRE_TRY(take_int(t, &s->fixed_zero_point));
    return expect(t, ")");
}

static quire_status
take_derived(parser *t, quire_spec *s)
{
    s->kind = QUIRE_SPEC_DERIVED;
    skip_blanks(t);
    const quire_bytes name = take_word(t);
    if (name.len == 0) return fail(t, "derived: expected the name of a formula");
    QUIRE_TRY(keep(t, name, &s->formula));
    QUIRE_TRY(expect(t, "("));
    do {
        if (s->n_targets == QUIRE_SPEC_MAX_TARGETS)
            return fail(t, "derived: more than %d sources", QUIRE_SPEC_MAX_TARGETS);
        QUIRE_TRY(take_slot(t, &s->targets[s->n_targets++]));
        skip_blanks(t);
    } while (take(t, ","));
    return expect(t, ")");
}

static quire_status
take_source(parser *t, quire_spec *s)
{
    skip_blanks(t);
    if (take(t, "observer=")) {
        QUIRE_TRY(take_observer(t, s));
        skip_blanks(t);
        if (!take_keyword(t, "fixed") && !take_keyword(t, "derived")) return QUIRE_OK;
        return fail(t, "fixed or derived with observer options: allowed is one of them");
    }
    if (take_keyword(t, "fixed")) return take_fixed(t, s);
    if (take_keyword(t, "derived")) return take_derived(t, s);
    return QUIRE_OK;
}

static quire_status
take_spec(parser *t, quire_spec *s)
{
    skip_blanks(t);
    if (take_keyword(t, "float")) {
        s->kind = QUIRE_SPEC_FLOAT;
        return QUIRE_OK;
    }
    if (take(t, "=")) {
        s->kind = QUIRE_SPEC_SHARED;
        s->n_targets = 1;
        return take_slot(t, &s->targets[0]);
    }
    s->kind = QUIRE_SPEC_QUANTIZED;
    s->dtype = quire_dtype_find_spec(take_word(t));
    if (s->dtype == 0)
        return fail(t, "expected 'float', '= SLOT' or a type such as u8, i8 or f8e4m3fn");
    QUIRE_TRY(take_granularity(t, s));
    QUIRE_TRY(take_zero_point(t, s));
    QUIRE_TRY(take_optional(t, s));
    return take_source(t, s);
}

static parser
parser_over(quire_ctx *ctx, quire_model *m, const char *path, quire_bytes text)
{
    return (parser){ctx, m, path, text.ptr, text.ptr, text.ptr + text.len};
}

static void
advance(const parser *t, quire_bytes *io_text)
{
    *io_text = (quire_bytes){t->p, (size_t)(t->end - t->p)};
}

quire_status
quire_slot_parse(quire_ctx *ctx, quire_model *m, const char *path, quire_bytes *io_text,
                 quire_slot *out_slot)
{
    parser t = parser_over(ctx, m, path, *io_text);
    QUIRE_TRY(take_slot(&t, out_slot));
    advance(&t, io_text);
    return QUIRE_OK;
}

quire_status
quire_spec_parse(quire_ctx *ctx, quire_model *m, const char *path, quire_bytes *io_text,
                 quire_spec *out_spec)
{
    parser t = parser_over(ctx, m, path, *io_text);
    quire_spec s;
    memset(&s, 0, sizeof s);
    QUIRE_TRY(take_spec(&t, &s));
    QUIRE_TRY(quire_spec_canonicalize(ctx, &s, path));
    *out_spec = s;
    advance(&t, io_text);
    return QUIRE_OK;
}
