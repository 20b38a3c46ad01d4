/* spec.c - canonical form of specs, and their text. Reading the text is spec_parse.c. */
#include "graph/spec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "graph/spec_text.h"

/* --- canonical form --------------------------------------------------------------------------- */

bool
quire_spec_type_range(int32_t dtype, int64_t *out_min, int64_t *out_max)
{
    const quire_dtype_info *info = quire_dtype_describe(dtype);
    if (info->spec == NULL || info->bits == 0 || info->bits > 32) return false;
    if (info->spec[0] != 'u' && info->spec[0] != 'i') return false;
    const int64_t span = (int64_t)1 << info->bits;
    *out_min = info->spec[0] == 'i' ? -span / 2 : 0;
    *out_max = *out_min + span - 1;
    return true;
}

static bool
is_float_type(int32_t dtype)
{
    const char *text = quire_dtype_describe(dtype)->spec;
    return text != NULL && (text[0] == 'f' || text[0] == 'b');
}

static quire_status
check_range(quire_ctx *ctx, quire_spec *s, const char *path)
{
    int64_t min;
    int64_t max;
    if (!quire_spec_type_range(s->dtype, &min, &max)) {
        if (!is_float_type(s->dtype)) {
            return quire_fail(ctx, QUIRE_E_INVALID, path,
                              "dtype: found number %" PRId32
                              "; allowed is an integer type of up to 32 bits or "
                              "a float type",
                              s->dtype);
        }
        if (s->qmin != 0 || s->qmax != 0) {
            return quire_fail(ctx, QUIRE_E_INVALID, path,
                              "range: found %" PRId64 "..%" PRId64 "; codes of type %s have none",
                              s->qmin, s->qmax, quire_dtype_describe(s->dtype)->spec);
        }
        return QUIRE_OK;
    }
    if (s->qmin == 0 && s->qmax == 0) {
        s->qmin = min;
        s->qmax = max;
    }
    if (s->qmin >= s->qmax || s->qmin < min || s->qmax > max) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "range: found %" PRId64 "..%" PRId64 "; allowed is LO..HI with LO < HI"
                          " within %" PRId64 "..%" PRId64 " of %s",
                          s->qmin, s->qmax, min, max, quire_dtype_describe(s->dtype)->spec);
    }
    return QUIRE_OK;
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
                          "zp: found int; allowed are float and none with codes of type %s",
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
                          "axis: found %" PRId32 "; allowed is 0 and more", s->axis);
    }
    if (s->granularity == QUIRE_PER_BLOCK && s->block == 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path, "block: found 0; allowed is 1 and more");
    }
    return QUIRE_OK;
}

static quire_status
check_scale(quire_ctx *ctx, quire_spec *s, const char *path)
{
    if (s->scale_type == 0) s->scale_type = QUIRE_DTYPE_FLOAT;
    if (!is_float_type(s->scale_type)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "scale: found type number %" PRId32 "; allowed are float types",
                          s->scale_type);
    }
    s->dynamic = s->dynamic != 0;
    return QUIRE_OK;
}

static quire_status
check_fixed(quire_ctx *ctx, const quire_spec *s, const char *path)
{
    double scale;
    memcpy(&scale, &s->fixed_scale, sizeof scale);
    if (!(scale > 0) || isinf(scale)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "fixed: found scale %g; allowed is a finite number above 0", scale);
    }
    const bool none = s->zero_point == QUIRE_ZERO_POINT_NONE;
    if (none && s->fixed_zero_point != 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "fixed: found zero point %" PRId64 "; allowed is 0 with zp=none",
                          s->fixed_zero_point);
    }
    if (s->zero_point == QUIRE_ZERO_POINT_INT &&
        (s->fixed_zero_point < s->qmin || s->fixed_zero_point > s->qmax)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "fixed: found zero point %" PRId64 "; allowed is %" PRId64 "..%" PRId64,
                          s->fixed_zero_point, s->qmin, s->qmax);
    }
    if (s->observer.id != 0) {
        return quire_fail(
            ctx, QUIRE_E_INVALID, path,
            "observer: found one; allowed is none with fixed, which observes nothing");
    }
    return QUIRE_OK;
}

static quire_status
check_derived(quire_ctx *ctx, const quire_spec *s, const char *path)
{
    if (s->n_targets == 0 || s->n_targets > QUIRE_SPEC_MAX_TARGETS) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "derived: found %" PRIu32 " sources; allowed are 1 to %d", s->n_targets,
                          QUIRE_SPEC_MAX_TARGETS);
    }
    if (s->formula.id == 0) {
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
    if (s->observer.id != 0) r.observer_options = s->observer_options;
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
    QUIRE_TRY(check_range(ctx, &s, path));
    QUIRE_TRY(check_zero_point(ctx, &s, path));
    QUIRE_TRY(check_granularity(ctx, &s, path));
    QUIRE_TRY(check_scale(ctx, &s, path));
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

/* --- text of slots ---------------------------------------------------------------------------- */

bool
quire_slot_is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
}

void
quire_slot_print_name(quire_writer *w, quire_bytes name)
{
    bool plain = name.len > 0;
    for (size_t i = 0; i < name.len && plain; i++)
        plain = quire_slot_is_plain(name.ptr[i]);
    if (plain) {
        quire_write_bytes(w, name);
        return;
    }
    quire_write_str(w, "\"");
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            quire_writef(w, "\\x%02x", (unsigned)c);
        } else {
            quire_write(w, &c, 1);
        }
    }
    quire_write_str(w, "\"");
}

quire_value
quire_node_first_result(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value v = quire_node_result(m, n, k);
        if (quire_value_name(m, v).len > 0) return v;
    }
    return (quire_value){0};
}

static void
print_node_name(quire_writer *w, const quire_model *m, quire_node n)
{
    const quire_value v = quire_node_first_result(m, n);
    quire_slot_print_name(w, v.id != 0 ? quire_value_name(m, v) : (quire_bytes){NULL, 0});
}

/* `function D:N:O` or `training[k]` as one component; nothing for the main graph. */
static void
print_root(quire_writer *w, const quire_model *m, quire_graph g)
{
    char text[QUIRE_ROOT_ROOM];
    const quire_bytes root = quire_root_text(m, g, text);
    if (root.len == 0) return;
    quire_slot_print_name(w, root);
    quire_write_str(w, "/");
}

quire_bytes
quire_root_text(const quire_model *m, quire_graph g, char out[QUIRE_ROOT_ROOM])
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    int n = 0;
    if (r->kind == QUIRE_GRAPH_FUNCTION) {
        const quire_bytes domain = quire_sym_bytes(m, r->domain),
                          name = quire_sym_bytes(m, r->name);
        const quire_bytes overload = quire_sym_bytes(m, r->overload);
        n = snprintf(out, QUIRE_ROOT_ROOM, "function %.*s:%.*s:%.*s", (int)domain.len,
                     (const char *)domain.ptr, (int)name.len, (const char *)name.ptr,
                     (int)overload.len, (const char *)overload.ptr);
    }
    for (size_t k = 0; k < m->n_training && r->kind == QUIRE_GRAPH_TRAINING; k++) {
        if (m->training[k].initialization.id == g.id)
            n = snprintf(out, QUIRE_ROOT_ROOM, "training[%zu].initialization", k);
        if (m->training[k].algorithm.id == g.id)
            n = snprintf(out, QUIRE_ROOT_ROOM, "training[%zu].algorithm", k);
    }
    if (n < 0) n = 0;
    return (quire_bytes){(const uint8_t *)out,
                         n < QUIRE_ROOT_ROOM ? (size_t)n : QUIRE_ROOT_ROOM - 1};
}

/* Graphs nest at most 32 deep, so the recursion is bounded. */
static void
print_path(quire_writer *w, const quire_model *m, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    if (r->kind != QUIRE_GRAPH_BODY) {
        print_root(w, m, g);
        return;
    }
    print_path(w, m, r->parent);
    print_node_name(w, m, r->owner);
    quire_write_str(w, "/");
    quire_slot_print_name(w, quire_sym_bytes(m, quire_attr_at(m, r->attr)->name));
    quire_write_str(w, "/");
}

void
quire_slot_print(quire_writer *w, const quire_model *m, quire_slot slot)
{
    if (!slot.is_use) {
        const quire_value v = {slot.id};
        print_path(w, m, quire_value_at(m, v)->graph);
        quire_slot_print_name(w, quire_value_name(m, v));
        return;
    }
    const quire_use_rec *u = quire_use_at(m, (quire_use){slot.id});
    print_path(w, m, u->graph);
    if (u->node.id == 0) {
        quire_writef(w, "->%" PRIu32, u->index);
        return;
    }
    print_node_name(w, m, u->node);
    quire_writef(w, "<-%" PRIu32, u->index);
}

/* --- text of specs ---------------------------------------------------------------------------- */

/* A decimal of up to six characters if it reads back as the same number, else hexadecimal. */
static void
print_number(quire_writer *w, uint64_t bits)
{
    double x;
    char text[64];
    memcpy(&x, &bits, sizeof x);
    for (int digits = 1; digits <= 6; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strlen(text) <= 6 && strtod(text, NULL) == x) {
            quire_write_str(w, text);
            return;
        }
    }
    quire_writef(w, "%a", x);
}

static void
print_source(quire_writer *w, const quire_model *m, const quire_spec *s)
{
    if (s->kind == QUIRE_SPEC_FIXED) {
        quire_write_str(w, " fixed(");
        print_number(w, s->fixed_scale);
        quire_writef(w, ", %" PRId64 ")", s->fixed_zero_point);
    } else if (s->kind == QUIRE_SPEC_DERIVED) {
        quire_write_str(w, " derived ");
        quire_write_bytes(w, quire_sym_bytes(m, s->formula));
        for (uint32_t i = 0; i < s->n_targets; i++) {
            quire_write_str(w, i == 0 ? "(" : ", ");
            quire_slot_print(w, m, s->targets[i]);
        }
        quire_write_str(w, ")");
    } else if (s->observer.id != 0) {
        quire_write_str(w, " observer=");
        quire_write_bytes(w, quire_sym_bytes(m, s->observer));
        if (s->observer_options.id == 0) return;
        quire_write_str(w, "(");
        quire_write_bytes(w, quire_sym_bytes(m, s->observer_options));
        quire_write_str(w, ")");
    }
}

void
quire_spec_print(quire_writer *w, const quire_model *m, const quire_spec *s)
{
    static const char *const zero_points[] = {"none", "int", "float"};
    int64_t min = 0;
    int64_t max = 0;
    if (s->kind == QUIRE_SPEC_FLOAT) {
        quire_write_str(w, "float");
        return;
    }
    if (s->kind == QUIRE_SPEC_SHARED) {
        quire_write_str(w, "= ");
        quire_slot_print(w, m, s->targets[0]);
        return;
    }
    quire_write_str(w, quire_dtype_describe(s->dtype)->spec);
    if (s->granularity == QUIRE_PER_TENSOR) quire_write_str(w, " tensor");
    if (s->granularity != QUIRE_PER_TENSOR) quire_writef(w, " axis=%" PRId32, s->axis);
    if (s->granularity == QUIRE_PER_BLOCK) quire_writef(w, " block=%" PRIu32, s->block);
    quire_writef(w, " %s zp=%s", s->symmetric ? "symmetric" : "affine", zero_points[s->zero_point]);
    if (quire_spec_type_range(s->dtype, &min, &max) && (s->qmin != min || s->qmax != max)) {
        quire_writef(w, " range=%" PRId64 "..%" PRId64, s->qmin, s->qmax);
    }
    if (s->scale_type != QUIRE_DTYPE_FLOAT)
        quire_writef(w, " scale=%s", quire_dtype_describe(s->scale_type)->spec);
    if (s->dynamic) quire_write_str(w, " dynamic");
    print_source(w, m, s);
}
