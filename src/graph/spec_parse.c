/* spec_parse.c - reading the text of specs: the grammar of docs/text-form.md. */
#include <inttypes.h>

#include "graph/spec_text.h"

static quire_status
take_granularity(quire_line *t, quire_spec *s)
{
    int64_t k;
    quire_line_blanks(t);
    if (quire_line_keyword(t, "tensor")) return QUIRE_OK;
    if (!quire_line_take(t, "axis=")) return quire_line_fail(t, "expected 'tensor' or 'axis=K'");
    QUIRE_TRY(quire_line_int(t, &k));
    if (k < 0 || k > INT32_MAX)
        return quire_line_fail(t, "axis: found %" PRId64 "; allowed is 0 to 2147483647", k);
    s->axis = (int32_t)k;
    s->granularity = QUIRE_PER_AXIS;
    quire_line_blanks(t);
    if (!quire_line_take(t, "block=")) return QUIRE_OK;
    QUIRE_TRY(quire_line_int(t, &k));
    if (k < 1 || k > UINT32_MAX)
        return quire_line_fail(t, "block: found %" PRId64 "; allowed is 1 to 4294967295", k);
    s->block = (uint32_t)k;
    s->granularity = QUIRE_PER_BLOCK;
    return QUIRE_OK;
}

static quire_status
take_zero_point(quire_line *t, quire_spec *s)
{
    quire_line_blanks(t);
    if (quire_line_keyword(t, "symmetric")) {
        s->symmetric = 1;
    } else if (!quire_line_keyword(t, "affine")) {
        return quire_line_fail(t, "expected 'affine' or 'symmetric'");
    }
    QUIRE_TRY(quire_line_expect(t, "zp="));
    if (quire_line_keyword(t, "int")) {
        s->zero_point = QUIRE_ZERO_POINT_INT;
    } else if (quire_line_keyword(t, "float")) {
        s->zero_point = QUIRE_ZERO_POINT_FLOAT;
    } else if (!quire_line_keyword(t, "none")) {
        return quire_line_fail(t, "zp: expected int, float or none");
    }
    return QUIRE_OK;
}

/* range=, scale= and dynamic, each of which may be left out. */
static quire_status
take_optional(quire_line *t, quire_spec *s)
{
    quire_line_blanks(t);
    if (quire_line_take(t, "range=")) {
        QUIRE_TRY(quire_line_int(t, &s->qmin));
        if (!quire_line_take(t, ".."))
            return quire_line_fail(t, "expected '..' between the ends of the range");
        QUIRE_TRY(quire_line_int(t, &s->qmax));
        if (s->qmin == 0 && s->qmax == 0) /* which the record has for no range at all */
            return quire_line_fail(t, "range: found 0..0; allowed is LO..HI with LO < HI");
    }
    quire_line_blanks(t);
    s->scale_type = QUIRE_DTYPE_FLOAT;
    if (quire_line_take(t, "scale=")) {
        s->scale_type = quire_spec_type_find(quire_line_word(t));
        if (s->scale_type == 0)
            return quire_line_fail(t, "scale: expected a type such as f32 or f16");
    }
    quire_line_blanks(t);
    s->dynamic = quire_line_keyword(t, "dynamic");
    return QUIRE_OK;
}

static bool
is_word_byte(uint8_t c)
{
    return c != ':' && quire_slot_is_plain(c);
}

/* Options as they stand up to the parenthesis that closes them, or quoted. */
static quire_status
take_options(quire_line *t, quire_bytes *out)
{
    if (t->p < t->end && *t->p == '"') {
        QUIRE_TRY(quire_line_quoted(t, out));
        return quire_line_expect(t, ")");
    }
    const uint8_t *start = t->p;
    size_t open = 1;
    for (; t->p < t->end && *t->p != '\n'; t->p++) {
        if (*t->p == '(') open++;
        if (*t->p == ')' && --open == 0) break;
    }
    if (open != 0) return quire_line_fail(t, "observer: expected ')' after the options");
    *out = (quire_bytes){start, (size_t)(t->p - start)};
    t->p++;
    return QUIRE_OK;
}

static quire_status
take_observer(quire_line *t, quire_spec *s)
{
    quire_bytes text;
    QUIRE_TRY(quire_line_name(t, is_word_byte, "the name of an observer", &text));
    QUIRE_TRY(quire_line_keep(t, text, &s->observer));
    if (!quire_line_take(t, "(")) return QUIRE_OK;
    QUIRE_TRY(take_options(t, &text));
    return quire_line_keep(t, text, &s->observer_options);
}

static quire_status
take_fixed(quire_line *t, quire_spec *s)
{
    double scale, zero_point;
    s->kind = QUIRE_SPEC_FIXED;
    QUIRE_TRY(quire_line_expect(t, "("));
    quire_line_blanks(t);
    QUIRE_TRY(quire_line_double(t, &scale));
    memcpy(&s->fixed_scale, &scale, sizeof scale);
    QUIRE_TRY(quire_line_expect(t, ","));
    quire_line_blanks(t);
    if (s->zero_point == QUIRE_ZERO_POINT_FLOAT) {
        QUIRE_TRY(quire_line_double(t, &zero_point));
        memcpy(&s->fixed_zero_point, &zero_point, sizeof zero_point);
    } else {
        QUIRE_TRY(quire_line_int(t, &s->fixed_zero_point));
    }
    return quire_line_expect(t, ")");
}

static quire_status
take_derived(quire_line *t, quire_spec *s)
{
    s->kind = QUIRE_SPEC_DERIVED;
    quire_line_blanks(t);
    quire_bytes name;
    QUIRE_TRY(quire_line_name(t, is_word_byte, "the name of a formula", &name));
    QUIRE_TRY(quire_line_keep(t, name, &s->formula));
    QUIRE_TRY(quire_line_expect(t, "("));
    do {
        if (s->n_targets == QUIRE_SPEC_MAX_TARGETS)
            return quire_line_fail(t, "derived: more than %d sources", QUIRE_SPEC_MAX_TARGETS);
        QUIRE_TRY(quire_line_slot(t, &s->targets[s->n_targets++]));
        quire_line_blanks(t);
    } while (quire_line_take(t, ","));
    return quire_line_expect(t, ")");
}

static quire_status
take_source(quire_line *t, quire_spec *s)
{
    quire_line_blanks(t);
    if (quire_line_take(t, "observer=")) {
        QUIRE_TRY(take_observer(t, s));
        quire_line_blanks(t);
    }
    if (quire_line_keyword(t, "fixed")) return take_fixed(t, s);
    if (quire_line_keyword(t, "derived")) return take_derived(t, s);
    return QUIRE_OK;
}

static quire_status
take_fields(quire_line *t, quire_spec *s)
{
    s->kind = QUIRE_SPEC_QUANTIZED;
    const uint8_t *const start = t->p;
    s->dtype = quire_spec_type_find(quire_line_word(t));
    if (s->dtype == 0) {
        t->p = start;
        return quire_line_fail(t, "expected 'float', '= SLOT' or a type such as u8, i8, u3 or "
                                  "f8e4m3fn");
    }
    QUIRE_TRY(take_granularity(t, s));
    QUIRE_TRY(take_zero_point(t, s));
    QUIRE_TRY(take_optional(t, s));
    return take_source(t, s);
}

static quire_status
take_any(quire_line *t, quire_spec *s)
{
    if (quire_line_keyword(t, "float")) {
        s->kind = QUIRE_SPEC_FLOAT;
        return QUIRE_OK;
    }
    if (!quire_line_take(t, "=")) return take_fields(t, s);
    s->kind = QUIRE_SPEC_SHARED;
    s->n_targets = 1;
    return quire_line_slot(t, &s->targets[0]);
}

quire_status
quire_line_spec(quire_line *t, quire_spec *out)
{
    char path[QUIRE_PLACE_ROOM];
    quire_spec s;
    memset(&s, 0, sizeof s);
    quire_line_blanks(t);
    const uint8_t *const start = t->p;
    uint8_t *const scratch = t->scratch;
    QUIRE_TRY(take_any(t, &s));
    t->scratch = scratch;
    quire_ctx ctx = quire_line_place(t, start, path);
    QUIRE_TRY(quire_spec_canonicalize(&ctx, &s, path));
    *out = s;
    return QUIRE_OK;
}

quire_status
quire_spec_parse(quire_slot_reader *reader, const char *where, quire_bytes *io_text,
                 quire_spec *out_spec)
{
    quire_line t;
    QUIRE_TRY(quire_line_open(reader, where, *io_text, &t));
    QUIRE_TRY(quire_line_spec(&t, out_spec));
    *io_text = (quire_bytes){t.p, (size_t)(t.end - t.p)};
    return QUIRE_OK;
}
