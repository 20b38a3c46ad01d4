/* print_tensor.c - tensors and value infos: `float[2] w = {1,2}`, `["location": "model.onnx",
 * ...]`, `float[N] x`. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/fields.h"
#include "graph/print_text.h"
#include "graph/tensor.h"

/* What a TensorProto says, as far as the syntax can. */
typedef struct tensor {
    quire_bytes body;
    quire_field name, data; /* data: the one payload field                            */
    int32_t dtype;
    size_t n_payloads; /* payload fields that are there                          */
    bool has_name, external, has_dtype;
} tensor;

static bool
is_payload(uint32_t number)
{
    return (number >= TENSOR_FLOAT_DATA && number <= TENSOR_INT64_DATA) ||
           number == TENSOR_RAW_DATA || number == TENSOR_DOUBLE_DATA ||
           number == TENSOR_UINT64_DATA;
}

static tensor
look(const quire_printer *p, quire_bytes body)
{
    tensor t = {.body = body};
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == TENSOR_NAME) {
            t.name = f;
            t.has_name = true;
        } else if (f.number == TENSOR_DATA_TYPE) {
            t.has_dtype = f.scalar <= INT32_MAX;
            t.dtype = t.has_dtype ? (int32_t)f.scalar : 0;
        } else if (f.number == TENSOR_DATA_LOCATION) {
            t.external = f.scalar == 1;
        } else if (is_payload(f.number)) {
            t.data = f;
            t.n_payloads++;
        }
    }
    return t;
}

/* Type and dimensions; dims that stand packed come back through the remarks. */
static void
print_head(quire_printer *p, const tensor *t)
{
    const char *type = quire_dtype_describe(t->dtype)->onnx;
    const char *separator = "[";
    quire_cursor c = quire_cursor_over(p->m, t->body);
    quire_write_str(&p->own, type != NULL ? type : "float");
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != TENSOR_DIMS || f.wire != QUIRE_WIRE_VARINT || f.scalar > INT64_MAX)
            continue;
        quire_writef(&p->own, "%s%" PRId64, separator, (int64_t)f.scalar);
        separator = ",";
    }
    if (*separator == ',') quire_write_str(&p->own, "]");
}

/* --- values ----------------------------------------------------------------------------------- */

static uint64_t
little_endian(const uint8_t *bytes, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)bytes[i] << (8 * i);
    return x;
}

static void
print_number(quire_writer *w, int32_t dtype, uint64_t bits, size_t unit)
{
    const char family = quire_dtype_describe(dtype)->family;
    if (family == 'f') {
        float x;
        const uint32_t low = (uint32_t)bits;
        memcpy(&x, &low, sizeof x);
        quire_print_float(w, x, false);
    } else if (family == 'd') {
        double x;
        memcpy(&x, &bits, sizeof x);
        if (x != x && bits >> 63 != 0) quire_write_str(w, "-");
        quire_write_double(w, x);
    } else if (family == 'u' || dtype == QUIRE_DTYPE_UINT64) {
        quire_writef(w, "%" PRIu64, bits);
    } else {
        const bool is_signed = dtype == QUIRE_DTYPE_INT8 || dtype == QUIRE_DTYPE_INT16 ||
                               dtype == QUIRE_DTYPE_INT32 || family == 'l';
        const unsigned shift = is_signed ? (unsigned)(64 - 8 * unit) : 0;
        quire_writef(w, "%" PRId64, (int64_t)(bits << shift) >> shift);
    }
}

/* Fixed-size elements of raw or typed data. */
static void
print_fixed(quire_writer *w, int32_t dtype, const uint8_t *bytes, size_t n, size_t unit)
{
    for (size_t at = 0; at + unit <= n; at += unit) {
        if (at > 0) quire_write_str(w, ",");
        print_number(w, dtype, little_endian(bytes + at, unit), unit);
    }
}

/* Varints of typed data. */
static void
print_varints(quire_writer *w, int32_t dtype, const uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        if (at > 0) quire_write_str(w, ",");
        uint64_t x = 0;
        for (unsigned shift = 0; at < n; shift += 7) {
            const uint8_t byte = bytes[at++];
            if (shift < 64) x |= (uint64_t)(byte & 0x7f) << shift;
            if (byte < 0x80) break;
        }
        if (quire_dtype_describe(dtype)->family == 'u') {
            quire_writef(w, "%" PRIu64, x);
        } else {
            quire_writef(w, "%" PRId64, (int64_t)x);
        }
    }
}

static bool
is_varint_field(uint32_t number)
{
    return number == TENSOR_INT32_DATA || number == TENSOR_INT64_DATA ||
           number == TENSOR_UINT64_DATA;
}

static quire_status
print_payload(quire_printer *p, const tensor *t)
{
    const quire_field *f = &t->data;
    quire_bytes bytes = f->body;
    uint8_t *bulk = NULL;
    if (f->is_bulk) {
        bulk = quire_alloc(p->ctx->alloc, (size_t)f->bulk.len);
        if (bulk == NULL) return quire_nomem(p->ctx);
        bytes = (quire_bytes){bulk, (size_t)f->bulk.len};
        const quire_status status = quire_blob_read(p->ctx, p->m, f->bulk, 0, bulk, bytes.len);
        if (status != QUIRE_OK) {
            quire_free(p->ctx->alloc, bulk, bytes.len);
            return status;
        }
    }
    quire_write_str(&p->own, "{");
    if (f->number != TENSOR_RAW_DATA && is_varint_field(f->number)) {
        print_varints(&p->own, t->dtype, bytes.ptr, bytes.len);
    } else {
        print_fixed(&p->own, t->dtype, bytes.ptr, bytes.len, quire_text_unit(t->dtype));
    }
    quire_write_str(&p->own, "}");
    quire_free(p->ctx->alloc, bulk, bytes.len);
    return QUIRE_OK;
}

static void
print_strings(quire_printer *p, const tensor *t)
{
    const char *separator = "{";
    quire_cursor c = quire_cursor_over(p->m, t->body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != TENSOR_STRING_DATA) continue;
        quire_write_str(&p->own, separator);
        quire_print_quoted(&p->own, f.body);
        separator = ", ";
    }
    quire_write_str(&p->own, *separator == '{' ? "{}" : "}");
}

/* Can every string stand in quotes? */
static bool
strings_are_readable(const quire_printer *p, const tensor *t)
{
    quire_cursor c = quire_cursor_over(p->m, t->body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (is_payload(f.number) &&
            (f.number != TENSOR_STRING_DATA || f.is_bulk || !quire_print_is_readable(f.body)))
            return false;
    }
    return true;
}

/* --- references ------------------------------------------------------------------------------- */

/* Two readable strings? */
static bool
read_entry(const quire_printer *p, quire_bytes body, quire_field *key, quire_field *value)
{
    return quire_print_find(p->m, body, ENTRY_KEY, key) &&
           quire_print_find(p->m, body, ENTRY_VALUE, value) && quire_print_is_readable(key->body) &&
           quire_print_is_readable(value->body);
}

/* `["location": "x", ...]`; false if the entries cannot be said so. *out_own: the location is the
 * model's own file. */
static bool
print_external(quire_printer *p, const tensor *t, bool *out_own)
{
    quire_field key;
    quire_field value;
    const char *separator = "[";
    *out_own = false;
    quire_cursor c = quire_cursor_over(p->m, t->body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != TENSOR_EXTERNAL_DATA) continue;
        if (!read_entry(p, f.body, &key, &value)) return false;
        quire_write_str(&p->own, separator);
        quire_print_quoted(&p->own, key.body);
        quire_write_str(&p->own, ": ");
        quire_print_quoted(&p->own, value.body);
        separator = ", ";
        if (p->own_name == NULL || !quire_bytes_equal(key.body, quire_bytes_of("location")))
            continue;
        *out_own = quire_bytes_equal(value.body, quire_bytes_of(p->own_name));
    }
    if (*separator == '[') return false;
    quire_write_str(&p->own, "]");
    return true;
}

static void
print_reference(quire_printer *p, uint64_t off, uint64_t len)
{
    quire_write_str(&p->own, "[\"location\": ");
    quire_print_quoted(&p->own, quire_bytes_of(p->own_name));
    quire_writef(&p->own, ", \"offset\": \"%" PRIu64 "\", \"length\": \"%" PRIu64 "\"]", off, len);
}

/* --- the data --------------------------------------------------------------------------------- */

/* How the data are written; `remark` is the word that has to stand before it. */
typedef struct spelling {
    enum { ELIDED, VALUES, STRINGS, REFERENCE, EXTERNAL, LEFT_OUT } how;
    const char *remark;
    uint64_t off, len;
} spelling;

static uint64_t
payload_size(const quire_field *f)
{
    return f->is_bulk ? f->bulk.len : f->body.len;
}

/* How many values the payload holds; counts varints as bytes, which is enough to tell small from
 * large. */
static uint64_t
count_values(const tensor *t)
{
    const size_t unit = t->data.number != TENSOR_RAW_DATA && is_varint_field(t->data.number)
                            ? 1
                            : quire_text_unit(t->dtype);
    return unit == 0 ? 0 : payload_size(&t->data) / unit;
}

enum { MAX_INLINE = 16, MAX_BRIEF = 4096 };

static spelling
choose(const quire_printer *p, const tensor *t)
{
    const uint64_t most = p->options.max_inline != 0 ? p->options.max_inline : MAX_INLINE;
    const bool raw = t->data.number == TENSOR_RAW_DATA;
    spelling s = {.how = ELIDED, .len = payload_size(&t->data)};
    const size_t unit = quire_text_unit(t->dtype);
    if (!t->has_dtype || quire_dtype_describe(t->dtype)->onnx == NULL) return s;
    if (t->dtype == QUIRE_DTYPE_STRING) {
        if (strings_are_readable(p, t)) s.how = STRINGS;
        return s;
    }
    if (t->external) {
        s.how = t->n_payloads == 0 ? EXTERNAL : ELIDED;
        return s;
    }
    s.remark = raw ? NULL : "typed";
    if (t->n_payloads == 0) {
        s.how = VALUES;
        return s;
    }
    const bool known = raw || t->data.number == quire_typed_field(t->dtype);
    if (t->n_payloads > 1 || t->data.wire != QUIRE_WIRE_LEN || !known || unit == 0) return s;
    if (!(is_varint_field(t->data.number)) && s.len % unit != 0) return s;
    const bool small = count_values(t) <= most;
    if (!small && quire_print_find_weights(p, &t->data, &s.off)) {
        s.how = REFERENCE;
    } else {
        s.how = !small && p->options.brief && count_values(t) > MAX_BRIEF ? LEFT_OUT : VALUES;
    }
    return s;
}

static quire_status
print_data(quire_printer *p, const tensor *t, const spelling *s)
{
    bool own;
    switch (s->how) {
    case ELIDED: quire_write_str(&p->own, "..."); return QUIRE_OK;
    case LEFT_OUT: quire_write_str(&p->own, "{...}"); return QUIRE_OK;
    case STRINGS: print_strings(p, t); return QUIRE_OK;
    case REFERENCE: print_reference(p, s->off, s->len); return QUIRE_OK;
    case EXTERNAL:
        if (!print_external(p, t, &own)) quire_write_str(&p->own, "...");
        return QUIRE_OK;
    case VALUES: break;
    }
    if (t->n_payloads > 0) return print_payload(p, t);
    quire_write_str(&p->own, "{}");
    return QUIRE_OK;
}

/* An external tensor whose entries cannot be said, or whose location needs telling from the model's
 * own file. */
static void
settle_external(quire_printer *p, const tensor *t, spelling *s)
{
    bool own = false;
    if (s->how != EXTERNAL) return;
    quire_print_begin(p);
    if (!print_external(p, t, &own)) s->how = ELIDED;
    if (own && s->how == EXTERNAL) s->remark = "external";
}

quire_status
quire_print_tensor(quire_printer *p, quire_bytes body, bool initializer)
{
    const tensor t = look(p, body);
    spelling s = choose(p, &t);
    settle_external(p, &t, &s);
    if (p->options.brief) s.remark = NULL;
    quire_print_begin(p);
    if (s.remark != NULL) quire_writef(&p->own, "#: %s\n", s.remark);
    print_head(p, &t);
    if (t.has_name && (initializer || t.name.body.len > 0)) {
        quire_write_str(&p->own, " ");
        quire_print_name(&p->own, t.name.body);
    } else if (initializer) {
        quire_write_str(&p->own, " \"\"");
    }
    quire_write_str(&p->own, initializer || s.how == REFERENCE || s.how == EXTERNAL ? " = " : " ");
    QUIRE_TRY(print_data(p, &t, &s));
    const uint32_t weights_field = s.how == REFERENCE ? t.data.number : 0;
    p->has_references |= s.how == REFERENCE;
    QUIRE_TRY(quire_print_remarks(p, initializer ? QUIRE_PRINT_INIT : QUIRE_PRINT_TENSOR, body, 0,
                                  weights_field, s.remark));
    const size_t skip = s.remark == NULL ? 0 : strlen(s.remark) + 4;
    quire_write(p->w, p->text + skip, p->n_text - skip);
    return p->w->status;
}

/* --- value infos ------------------------------------------------------------------------------ */

quire_status
quire_print_info(quire_printer *p, quire_bytes body)
{
    quire_field name = {0};
    quire_field type;
    (void)quire_print_find(p->m, body, INFO_NAME, &name);
    quire_print_begin(p);
    if (quire_print_find(p->m, body, INFO_TYPE, &type)) {
        if (quire_print_type(&p->own, p->m, type.body)) {
            quire_write_str(&p->own, " ");
        } else {
            quire_print_begin(p);
        }
    }
    quire_print_name(&p->own, name.body);
    QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_INFO, body, 0, 0, NULL));
    quire_write(p->w, p->text, p->n_text);
    return p->w->status;
}
