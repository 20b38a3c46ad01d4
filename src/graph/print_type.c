/* print_type.c - names, strings, numbers and types in ONNX's syntax. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "graph/fields.h"
#include "graph/print_text.h"
#include "graph/utf8.h"

bool
quire_print_find(const quire_model *m, quire_bytes body, uint32_t number, quire_field *out)
{
    bool found = false;
    quire_cursor c = quire_cursor_over(m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != number) continue;
        *out = f;
        found = true;
    }
    return found;
}

bool
quire_print_is_readable(quire_bytes s)
{
    quire_utf8 state = {0};
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] < 0x20 && s.ptr[i] != '\n' && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
            return false;
    }
    return quire_utf8_check(&state, s.ptr, s.len) == s.len && state.need == 0;
}

/* The syntax knows two escapes: \" and \\. Everything else stands as it is. */
void
quire_print_quoted(quire_writer *w, quire_bytes s)
{
    quire_write_str(w, "\"");
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') quire_write_str(w, "\\");
        quire_write(w, &s.ptr[i], 1);
    }
    quire_write_str(w, "\"");
}

static bool
is_word(quire_bytes name)
{
    if (name.len == 0 || quire_text_is_digit(name.ptr[0])) return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!quire_text_is_alnum(name.ptr[i]) && name.ptr[i] != '_') return false;
    }
    return true;
}

/* Quoted unless it is a word that cannot be taken for a type or a number. */
void
quire_print_name(quire_writer *w, quire_bytes name)
{
    static const char *const numbers[] = {"inf", "nan", "infinity"};
    bool plain = is_word(name) && !quire_text_is_type(name);
    for (size_t i = 0; i < 3 && plain; i++) {
        plain = name.len != strlen(numbers[i]) ||
                strncasecmp((const char *)name.ptr, numbers[i], name.len) != 0;
    }
    if (plain) {
        quire_write_bytes(w, name);
    } else {
        quire_print_quoted(w, name);
    }
}

/* Does quire_write_float write the finite x without point and exponent? */
static bool
looks_whole(float x)
{
    char text[48];
    if (fabsf(x) < 1e6f) return x == (float)(int)x;
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) break;
    }
    return strspn(text, "-0123456789") == strlen(text);
}

void
quire_print_float(quire_writer *w, float x, bool with_point)
{
    if (isnan(x)) {
        quire_write_str(w, signbit(x) ? "-nan" : "nan");
        return;
    }
    quire_write_float(w, x);
    if (with_point && !isinf(x) && looks_whole(x)) quire_write_str(w, ".0");
}

/* --- types ------------------------------------------------------------------------------------ */

static void
print_dim(quire_writer *w, const quire_model *m, quire_bytes dim)
{
    quire_cursor c = quire_cursor_over(m, dim);
    bool any = false;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (any || (f.number != 1 && f.number != 2)) continue;
        any = true;
        if (f.number == 1) {
            quire_writef(w, "%" PRId64, (int64_t)f.scalar);
        } else {
            quire_print_name(w, f.body);
        }
    }
    if (!any) quire_write_str(w, "?");
}

/* The shape behind an element type: `[]` if it is absent, nothing if there are no dimensions. */
static void
print_shape(quire_writer *w, const quire_model *m, quire_bytes tensor)
{
    quire_field shape;
    const char *separator = "[";
    if (!quire_print_find(m, tensor, 2, &shape)) {
        quire_write_str(w, "[]");
        return;
    }
    quire_cursor c = quire_cursor_over(m, shape.body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != 1) continue;
        quire_write_str(w, separator);
        print_dim(w, m, f.body);
        separator = ",";
    }
    if (*separator == ',') quire_write_str(w, "]");
}

static bool
print_element(quire_writer *w, const quire_model *m, quire_bytes message, uint32_t number)
{
    quire_field f;
    if (!quire_print_find(m, message, number, &f) || f.wire != QUIRE_WIRE_VARINT ||
        f.scalar > INT32_MAX)
        return false;
    const char *name = quire_dtype_describe((int32_t)f.scalar)->onnx;
    if (name == NULL) return false;
    quire_write_str(w, name);
    return true;
}

static bool
print_inner(quire_writer *w, const quire_model *m, quire_bytes message, uint32_t number)
{
    quire_field f;
    return quire_print_find(m, message, number, &f) && quire_print_type(w, m, f.body);
}

static bool
print_opaque(quire_writer *w, const quire_model *m, quire_bytes message)
{
    quire_field domain;
    quire_field name;
    const bool has_domain = quire_print_find(m, message, 1, &domain);
    const bool has_name = quire_print_find(m, message, 2, &name);
    if (!has_name) return !has_domain;
    for (size_t i = 0; i < name.body.len + (has_domain ? domain.body.len : 0); i++) {
        const uint8_t c = i < name.body.len ? name.body.ptr[i] : domain.body.ptr[i - name.body.len];
        if (!quire_text_is_alnum(c) && c != '_' && c != '.') return false;
    }
    if (!is_word(name.body)) return false;
    if (has_domain && (domain.body.len == 0 || !quire_text_is_alpha(domain.body.ptr[0])))
        return false;
    for (size_t i = 1; has_domain && i < domain.body.len; i++) {
        const bool after_point = domain.body.ptr[i - 1] == '.';
        if (after_point && !quire_text_is_alpha(domain.body.ptr[i])) return false;
        if (domain.body.ptr[i] == '.' && i + 1 == domain.body.len) return false;
    }
    if (has_domain) quire_write_bytes(w, domain.body);
    if (has_domain) quire_write_str(w, ",");
    quire_write_bytes(w, name.body);
    return true;
}

/* Types nest as deep as messages may, at most 100. */
bool
quire_print_type(quire_writer *w, const quire_model *m, quire_bytes type)
{
    static const char *const words[10] = {
        NULL, NULL, NULL, NULL, "seq(", "map(", NULL, "opaque(", "sparse_tensor(", "optional("};
    quire_cursor c = quire_cursor_over(m, type);
    quire_field f;
    bool any = false;
    bool ok = true;
    while (quire_cursor_next(&c, &f)) {
        if (f.number == 6 || any || f.wire != QUIRE_WIRE_LEN) continue;
        any = true;
        if (f.number == 1) {
            ok = print_element(w, m, f.body, 1);
            print_shape(w, m, f.body);
            continue;
        }
        if (f.number > 9 || words[f.number] == NULL) return false;
        quire_write_str(w, words[f.number]);
        if (f.number == 4 || f.number == 9) ok = print_inner(w, m, f.body, 1);
        if (f.number == 7) ok = print_opaque(w, m, f.body);
        if (f.number == 5) {
            ok = print_element(w, m, f.body, 1);
            quire_write_str(w, ", ");
            ok = ok && print_inner(w, m, f.body, 2);
        }
        if (f.number == 8) {
            ok = print_element(w, m, f.body, 1);
            print_shape(w, m, f.body);
        }
        quire_write_str(w, ")");
    }
    return any && ok;
}
