/* spec.c - the types of codes, the canonical form of specs, and how two of them compare. */
#include "graph/spec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/real.h"

/* --- types of codes --------------------------------------------------------------------------- */

enum { MAX_ODD_BITS = 16 }; /* integers of these widths have numbers also without an ONNX type */

static bool
is_odd(int32_t dtype)
{
    return dtype > QUIRE_SPEC_INTEGERS && dtype < QUIRE_SPEC_INTEGERS + 2 * (MAX_ODD_BITS + 1);
}

const char *
quire_spec_type_text(int32_t dtype, char out[QUIRE_SPEC_TYPE_ROOM])
{
    const char *text = quire_dtype_describe(dtype)->spec;
    if (is_odd(dtype)) {
        const int number = dtype - QUIRE_SPEC_INTEGERS;
        snprintf(out, QUIRE_SPEC_TYPE_ROOM, "%c%d", number % 2 == 0 ? 'u' : 'i', number / 2);
    } else {
        snprintf(out, QUIRE_SPEC_TYPE_ROOM, "%s", text == NULL || text[0] == '\0' ? "?" : text);
    }
    return out;
}

int32_t
quire_spec_type_find(quire_bytes text)
{
    const int32_t known = quire_dtype_find_spec(text);
    int bits = 0;
    if (known != 0 || text.len < 2 || text.len > 3) return known;
    if ((text.ptr[0] != 'u' && text.ptr[0] != 'i') || text.ptr[1] == '0') return 0;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return 0;
        bits = 10 * bits + (text.ptr[i] - '0');
    }
    return bits > MAX_ODD_BITS ? 0 : QUIRE_SPEC_INTEGERS + 2 * bits + (text.ptr[0] == 'i');
}

bool
quire_spec_type_range(int32_t dtype, int64_t *out_min, int64_t *out_max)
{
    const quire_dtype_info *info = quire_dtype_describe(dtype);
    uint32_t bits = info->bits;
    bool is_signed = info->spec != NULL && info->spec[0] == 'i';
    if (is_odd(dtype)) {
        bits = (uint32_t)(dtype - QUIRE_SPEC_INTEGERS) / 2;
        is_signed = (dtype - QUIRE_SPEC_INTEGERS) % 2 != 0;
    } else if (info->spec == NULL || bits == 0 || bits > 32 ||
               (info->spec[0] != 'u' && info->spec[0] != 'i')) {
        return false;
    }
    const int64_t span = (int64_t)1 << bits;
    *out_min = is_signed ? -span / 2 : 0;
    *out_max = *out_min + span - 1;
    return true;
}

static bool
is_float_type(int32_t dtype)
{
    const char *text = quire_dtype_describe(dtype)->spec;
    return text != NULL && (text[0] == 'f' || text[0] == 'b');
}

/* Float types that are codes: those of fewer bits than float32 that hold values, not exponents. */
static bool
is_float_code(int32_t dtype)
{
    return is_float_type(dtype) && quire_dtype_describe(dtype)->bits <= 16 &&
           dtype != QUIRE_DTYPE_FLOAT8E8M0;
}

/* --- canonical form --------------------------------------------------------------------------- */

static quire_status
check_type(quire_ctx *ctx, const quire_spec *s, const char *path)
{
    static const char allowed[] = "integers of 1 to 16 bits, u32, i32, f16, bf16 and float types "
                                  "of 8, 6 and 4 bits";
    char text[QUIRE_SPEC_TYPE_ROOM];
    int64_t min, max;
    if (quire_spec_type_range(s->dtype, &min, &max) || is_float_code(s->dtype)) return QUIRE_OK;
    quire_spec_type_text(s->dtype, text);
    if (s->dtype == QUIRE_DTYPE_FLOAT) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "dtype: found f32, which quantizes nothing; write float to leave a slot "
                          "as it is; allowed are %s",
                          allowed);
    }
    if (text[0] != '?') {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "dtype: found %s, which is no type of codes; allowed are %s", text,
                          allowed);
    }
    return quire_fail(ctx, QUIRE_E_INVALID, path, "dtype: found number %" PRId32 "; allowed are %s",
                      s->dtype, allowed);
}

static quire_status
check_range(quire_ctx *ctx, quire_spec *s, const char *path)
{
    char text[QUIRE_SPEC_TYPE_ROOM];
    int64_t min, max;
    const bool absent = s->qmin == 0 && s->qmax == 0;
    quire_spec_type_text(s->dtype, text);
    if (!quire_spec_type_range(s->dtype, &min, &max)) {
        if (absent) return QUIRE_OK;
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "range: found %" PRId64 "..%" PRId64 "; codes of type %s have none",
                          s->qmin, s->qmax, text);
    }
    if (absent) {
        s->qmin = min;
        s->qmax = max;
    }
    if (s->qmin < s->qmax && s->qmin >= min && s->qmax <= max) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_INVALID, path,
                      "range: found %" PRId64 "..%" PRId64 "; allowed is LO..HI with LO < HI"
                      " within %" PRId64 "..%" PRId64 " of %s",
                      s->qmin, s->qmax, min, max, text);
}

static quire_status
check_zero_point(quire_ctx *ctx, quire_spec *s, const char *path)
{
    static const char *const names[] = {"none", "int", "float"};
    if (s->zero_point > QUIRE_ZERO_POINT_FLOAT || s->symmetric > 1) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "zp: found number %" PRIu32 "; allowed are int, float and none",
                          s->zero_point);
    }
    if (s->symmetric && s->zero_point != QUIRE_ZERO_POINT_NONE) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "zp: found %s; allowed is none with symmetric", names[s->zero_point]);
    }
    if (!s->symmetric && s->zero_point == QUIRE_ZERO_POINT_NONE) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "zp: found none; allowed are int and float with affine");
    }
    if (is_float_type(s->dtype) && s->zero_point == QUIRE_ZERO_POINT_INT) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "zp: found int; allowed is float (affine) or none (symmetric) with codes "
                          "of type %s",
                          quire_dtype_describe(s->dtype)->spec);
    }
    return QUIRE_OK;
}

static quire_status
check_granularity(quire_ctx *ctx, quire_spec *s, const char *path)
{
    if (s->granularity > QUIRE_PER_BLOCK) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "granularity: found number %" PRIu32 "; allowed are tensor, axis "
                          "and block",
                          s->granularity);
    }
    if (s->granularity == QUIRE_PER_TENSOR) s->axis = 0;
    if (s->granularity != QUIRE_PER_BLOCK) s->block = 0;
    if (s->axis < 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "axis: found %" PRId32 "; allowed is 0 to 2147483647", s->axis);
    }
    if (s->granularity == QUIRE_PER_BLOCK && s->block == 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path, "block: found 0; allowed is 1 to 4294967295");
    }
    return QUIRE_OK;
}

static quire_status
check_scale(quire_ctx *ctx, quire_spec *s, const char *path)
{
    char text[QUIRE_SPEC_TYPE_ROOM];
    if (s->scale_type == 0) s->scale_type = QUIRE_DTYPE_FLOAT;
    s->dynamic = s->dynamic != 0;
    if (is_float_type(s->scale_type)) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_INVALID, path,
                      "scale: found type %s (number %" PRId32 "); allowed are float types such as "
                      "f32, f16, bf16, f64, f8e8m0 and f8e4m3fn",
                      quire_spec_type_text(s->scale_type, text), s->scale_type);
}

static quire_status
check_observer(quire_ctx *ctx, quire_spec *s, const char *path)
{
    if (s->observer.id == QUIRE_SYM_EMPTY) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "observer: found an empty name; allowed is a name, or no observer");
    }
    if (s->observer.id == 0 || s->observer_options.id == QUIRE_SYM_EMPTY)
        s->observer_options = (quire_sym){0};
    return QUIRE_OK;
}

static double
double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static quire_status
check_fixed_zero_point(quire_ctx *ctx, quire_spec *s, const char *path)
{
    const int64_t found = s->fixed_zero_point;
    const double real = double_of((uint64_t)found);
    if (s->zero_point == QUIRE_ZERO_POINT_NONE && found != 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "fixed: found zero point %" PRId64 "; allowed is 0 with zp=none", found);
    }
    if (s->zero_point == QUIRE_ZERO_POINT_INT && (found < s->qmin || found > s->qmax)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "fixed: found zero point %" PRId64 "; allowed is %" PRId64 "..%" PRId64,
                          found, s->qmin, s->qmax);
    }
    if (s->zero_point != QUIRE_ZERO_POINT_FLOAT) return QUIRE_OK;
    if (!isfinite(real)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "fixed: found zero point %s; allowed is a finite number",
                          isnan(real) ? "nan" : "inf");
    }
    if (real == 0) s->fixed_zero_point = 0; /* not -0.0 */
    return QUIRE_OK;
}

static quire_status
check_fixed(quire_ctx *ctx, quire_spec *s, const char *path)
{
    char text[QUIRE_REAL_ROOM];
    const double scale = double_of(s->fixed_scale);
    if (scale > 0 && isfinite(scale)) return check_fixed_zero_point(ctx, s, path);
    return quire_fail(ctx, QUIRE_E_INVALID, path,
                      "fixed: found scale %s; allowed is a finite number above 0",
                      isnan(scale)   ? "nan"
                      : isinf(scale) ? "inf"
                                     : quire_real_print(scale, text));
}

static quire_status
check_derived(quire_ctx *ctx, const quire_spec *s, const char *path)
{
    if (s->n_targets == 0 || s->n_targets > QUIRE_SPEC_MAX_TARGETS) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "derived: found %" PRIu32 " sources; allowed are 1 to %d", s->n_targets,
                          QUIRE_SPEC_MAX_TARGETS);
    }
    if (s->formula.id <= QUIRE_SYM_EMPTY) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "derived: found no formula; allowed is the name of one");
    }
    if (s->observer.id != 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "observer: found one; allowed is none with derived");
    }
    return QUIRE_OK;
}

/* Keeps what `kind` uses, zeroes the rest; bytes between fields are zero too, since memcmp sees
 * them. */
static quire_spec
used_fields(const quire_spec *s)
{
    quire_spec r;
    memset(&r, 0, sizeof r);
    r.size = sizeof r;
    r.kind = s->kind;
    if (s->kind == QUIRE_SPEC_SHARED || s->kind == QUIRE_SPEC_DERIVED) {
        r.n_targets = s->n_targets;
        for (uint32_t i = 0; i < s->n_targets && i < QUIRE_SPEC_MAX_TARGETS; i++)
            r.targets[i] = s->targets[i];
    }
    if (s->kind == QUIRE_SPEC_SHARED || s->kind == QUIRE_SPEC_FLOAT) return r;
    r.dtype = s->dtype;
    r.symmetric = s->symmetric;
    r.qmin = s->qmin;
    r.qmax = s->qmax;
    r.zero_point = s->zero_point;
    r.granularity = s->granularity;
    r.axis = s->axis;
    r.block = s->block;
    r.scale_type = s->scale_type;
    r.dynamic = s->dynamic;
    r.observer = s->observer;
    r.observer_options = s->observer_options;
    if (s->kind == QUIRE_SPEC_DERIVED) r.formula = s->formula;
    if (s->kind != QUIRE_SPEC_FIXED) return r;
    r.fixed_scale = s->fixed_scale;
    r.fixed_zero_point = s->fixed_zero_point;
    return r;
}

quire_status
quire_spec_canonicalize(quire_ctx *ctx, quire_spec *spec, const char *path)
{
    quire_spec s = used_fields(spec);
    switch ((quire_spec_kind)spec->kind) {
    case QUIRE_SPEC_FLOAT: *spec = s; return QUIRE_OK;
    case QUIRE_SPEC_SHARED:
        if (s.n_targets != 1) {
            return quire_fail(ctx, QUIRE_E_INVALID, path,
                              "shared: found %" PRIu32 " targets; allowed is one slot",
                              s.n_targets);
        }
        *spec = s;
        return QUIRE_OK;
    case QUIRE_SPEC_QUANTIZED:
    case QUIRE_SPEC_FIXED:
    case QUIRE_SPEC_DERIVED: break;
    case QUIRE_SPEC_NONE:
    default:
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "kind: found number %" PRIu32 "; allowed are quantized, fixed, shared, "
                          "derived and float",
                          spec->kind);
    }
    QUIRE_TRY(check_type(ctx, &s, path));
    QUIRE_TRY(check_range(ctx, &s, path));
    QUIRE_TRY(check_zero_point(ctx, &s, path));
    QUIRE_TRY(check_granularity(ctx, &s, path));
    QUIRE_TRY(check_scale(ctx, &s, path));
    QUIRE_TRY(check_observer(ctx, &s, path));
    if (s.kind == QUIRE_SPEC_FIXED) QUIRE_TRY(check_fixed(ctx, &s, path));
    if (s.kind == QUIRE_SPEC_DERIVED) QUIRE_TRY(check_derived(ctx, &s, path));
    *spec = s;
    return QUIRE_OK;
}

bool
quire_spec_equal(const quire_spec *a, const quire_spec *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool
same_parameters(const quire_spec *a, const quire_spec *b)
{
    return a->fixed_scale == b->fixed_scale && a->fixed_zero_point == b->fixed_zero_point;
}

static bool
same_targets(const quire_spec *a, const quire_spec *b)
{
    return a->n_targets == b->n_targets && memcmp(a->targets, b->targets, sizeof a->targets) == 0;
}

/* The first field of the attribute tuple in which they differ, or NULL. */
static const char *
tuple_difference(const quire_spec *a, const quire_spec *b)
{
    if (a->kind != b->kind) return "kind";
    if (a->dtype != b->dtype) return "dtype";
    if (a->granularity != b->granularity) return "granularity";
    if (a->axis != b->axis) return "axis";
    if (a->block != b->block) return "block";
    if (a->symmetric != b->symmetric) return "symmetric";
    if (a->zero_point != b->zero_point) return "zp";
    if (a->qmin != b->qmin || a->qmax != b->qmax) return "range";
    if (a->scale_type != b->scale_type) return "scale";
    if (a->dynamic != b->dynamic) return "dynamic";
    return same_parameters(a, b) ? NULL : "fixed";
}

bool
quire_spec_agrees(const quire_spec *a, const quire_spec *b)
{
    if (a->kind != QUIRE_SPEC_QUANTIZED && a->kind != QUIRE_SPEC_FIXED) return false;
    return tuple_difference(a, b) == NULL;
}

const char *
quire_spec_difference(const quire_spec *a, const quire_spec *b)
{
    const char *field = tuple_difference(a, b);
    if (field != NULL) return field;
    if (a->observer.id != b->observer.id) return "observer";
    if (a->observer_options.id != b->observer_options.id) return "observer options";
    if (a->formula.id != b->formula.id) return "formula";
    if (!same_targets(a, b)) return a->kind == QUIRE_SPEC_SHARED ? "target" : "sources";
    return NULL;
}
