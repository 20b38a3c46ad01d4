/* spec_print.c - specs as text: the grammar of docs/text-form.md. Reading it is spec_parse.c. */
#include <inttypes.h>

#include "base/real.h"
#include "graph/spec.h"
#include "graph/spec_text.h"

/* Names of observers and formulas are words; any other is quoted. */
static void
print_word(quire_writer *w, quire_bytes text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++)
        plain = text.ptr[i] != ':' && quire_slot_is_plain(text.ptr[i]);
    if (plain) {
        quire_write_bytes(w, text);
    } else {
        quire_slot_print_quoted(w, text);
    }
}

/* Can options stand as they are? Printable, parentheses in pairs, no quotation mark in front. */
static bool
is_bare(quire_bytes options)
{
    size_t open = 0;
    for (size_t i = 0; i < options.len; i++) {
        const uint8_t c = options.ptr[i];
        if (c < 0x20 || c > 0x7e || (c == ')' && open == 0)) return false;
        if (c == '(') open++;
        if (c == ')') open--;
    }
    return open == 0 && (options.len == 0 || options.ptr[0] != '"');
}

void
quire_spec_print_observer(quire_writer *w, const quire_model *m, const quire_spec *s)
{
    if (s->observer.id == 0) return;
    print_word(w, quire_sym_bytes(m, s->observer));
    if (s->observer_options.id == 0) return;
    const quire_bytes options = quire_sym_bytes(m, s->observer_options);
    quire_write_str(w, "(");
    if (is_bare(options)) {
        quire_write_bytes(w, options);
    } else {
        quire_slot_print_quoted(w, options);
    }
    quire_write_str(w, ")");
}

static void
print_real(quire_writer *w, uint64_t bits)
{
    double x;
    char text[QUIRE_REAL_ROOM];
    memcpy(&x, &bits, sizeof x);
    quire_write_str(w, quire_real_print(x, text));
}

static void
print_fixed(quire_writer *w, const quire_spec *s)
{
    quire_write_str(w, " fixed(");
    print_real(w, s->fixed_scale);
    quire_write_str(w, ", ");
    if (s->zero_point == QUIRE_ZERO_POINT_FLOAT) {
        print_real(w, (uint64_t)s->fixed_zero_point);
    } else {
        quire_writef(w, "%" PRId64, s->fixed_zero_point);
    }
    quire_write_str(w, ")");
}

static void
print_derived(quire_writer *w, const quire_model *m, const quire_spec *s)
{
    quire_write_str(w, " derived ");
    print_word(w, quire_sym_bytes(m, s->formula));
    for (uint32_t i = 0; i < s->n_targets; i++) {
        quire_write_str(w, i == 0 ? "(" : ", ");
        quire_slot_print(w, m, s->targets[i]);
    }
    quire_write_str(w, ")");
}

/* Every field but kind-specific ones, each only where it is not the default. */
static void
print_fields(quire_writer *w, const quire_spec *s)
{
    static const char *const zero_points[] = {"none", "int", "float"};
    char text[QUIRE_SPEC_TYPE_ROOM];
    int64_t min, max;
    quire_write_str(w, quire_spec_type_text(s->dtype, text));
    if (s->granularity == QUIRE_PER_TENSOR) quire_write_str(w, " tensor");
    if (s->granularity != QUIRE_PER_TENSOR) quire_writef(w, " axis=%" PRId32, s->axis);
    if (s->granularity == QUIRE_PER_BLOCK) quire_writef(w, " block=%" PRIu32, s->block);
    quire_writef(w, " %s zp=%s", s->symmetric ? "symmetric" : "affine", zero_points[s->zero_point]);
    if (quire_spec_type_range(s->dtype, &min, &max) && (s->qmin != min || s->qmax != max))
        quire_writef(w, " range=%" PRId64 "..%" PRId64, s->qmin, s->qmax);
    if (s->scale_type != QUIRE_DTYPE_FLOAT)
        quire_writef(w, " scale=%s", quire_spec_type_text(s->scale_type, text));
    if (s->dynamic) quire_write_str(w, " dynamic");
}

void
quire_spec_print(quire_writer *w, const quire_model *m, const quire_spec *s)
{
    if (s->kind == QUIRE_SPEC_FLOAT) {
        quire_write_str(w, "float");
        return;
    }
    if (s->kind == QUIRE_SPEC_SHARED) {
        quire_write_str(w, "= ");
        quire_slot_print(w, m, s->targets[0]);
        return;
    }
    print_fields(w, s);
    if (s->observer.id != 0) {
        quire_write_str(w, " observer=");
        quire_spec_print_observer(w, m, s);
    }
    if (s->kind == QUIRE_SPEC_FIXED) print_fixed(w, s);
    if (s->kind == QUIRE_SPEC_DERIVED) print_derived(w, m, s);
}
