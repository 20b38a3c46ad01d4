/* parse_tensor.c - the data of tensors: values between braces, or a reference to where they are. */
#include <inttypes.h>

#include "base/alloc.h"
#include "graph/fields.h"
#include "graph/text.h"

size_t
quire_text_unit(int32_t dtype)
{
    const quire_dtype_info *info = quire_dtype_describe(dtype);
    switch (info->family) {
    case 'f': return 4;
    case 'd': return 8;
    case 'i':
    case 'l':
    case 'u': return info->bits <= 8 ? 1 : info->bits / 8;
    default: return 0;
    }
}

static quire_status
push(quire_text_parser *t, uint64_t bits, size_t size)
{
    QUIRE_TRY(quire_grow(t->build.ctx, &t->scratch, &t->scratch_room, t->n_scratch + size, 1));
    for (size_t i = 0; i < size; i++)
        t->scratch[t->n_scratch++] = (uint8_t)(bits >> (8 * i));
    return QUIRE_OK;
}

static quire_status
push_varint(quire_text_parser *t, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        QUIRE_TRY(push(t, x | 0x80, 1));
    return push(t, x, 1);
}

static bool
is_signed(int32_t dtype)
{
    return dtype == QUIRE_DTYPE_INT8 || dtype == QUIRE_DTYPE_INT16 || dtype == QUIRE_DTYPE_INT32;
}

/* Does the integer fit the bytes that raw_data has for one value? */
static bool
fits(int32_t dtype, size_t unit, int64_t x)
{
    if (unit == 8) return true;
    const int64_t span = (int64_t)1 << (8 * unit);
    return is_signed(dtype) ? x >= -span / 2 && x < span / 2 : x >= 0 && x < span;
}

static quire_status
parse_integer(quire_text_parser *t, int32_t dtype, quire_bytes number, bool raw)
{
    const size_t unit = quire_text_unit(dtype);
    int64_t x;
    QUIRE_TRY(quire_text_int_of(t, number, &x));
    const bool narrow = quire_typed_field(dtype) == TENSOR_INT32_DATA;
    if (raw ? !fits(dtype, unit, x) : narrow && (x < INT32_MIN || x > INT32_MAX)) {
        t->p = number.ptr;
        return quire_text_fail(t, "%" PRId64 " does not fit an element of type %s", x,
                               quire_dtype_describe(dtype)->onnx);
    }
    return raw ? push(t, (uint64_t)x, unit) : push_varint(t, (uint64_t)x);
}

static quire_status
parse_value(quire_text_parser *t, int32_t dtype, bool raw)
{
    const char family = quire_dtype_describe(dtype)->family;
    bool is_float;
    const quire_bytes number = quire_text_number(t, &is_float);
    if (number.len == 0 || (is_float && family != 'f' && family != 'd')) {
        t->p = number.ptr;
        return quire_text_fail(t, "expected a value of type %s", quire_dtype_describe(dtype)->onnx);
    }
    if (family == 'f') {
        float x;
        uint32_t bits;
        QUIRE_TRY(quire_text_float_of(t, number, &x));
        memcpy(&bits, &x, sizeof bits);
        return push(t, bits, sizeof bits);
    }
    if (family == 'd') {
        double x;
        uint64_t bits;
        QUIRE_TRY(quire_text_double_of(t, number, &x));
        memcpy(&bits, &x, sizeof bits);
        return push(t, bits, sizeof bits);
    }
    return parse_integer(t, dtype, number, raw);
}

static quire_status
parse_strings(quire_text_parser *t, quire_text_message *m)
{
    quire_bytes s;
    if (quire_text_match(t, '}')) return QUIRE_OK;
    do {
        QUIRE_TRY(quire_text_string(t, &s));
        QUIRE_TRY(quire_text_put_bytes(&t->build, m, TENSOR_STRING_DATA, s));
    } while (quire_text_match(t, ','));
    return quire_text_expect(t, '}');
}

static quire_status
parse_values(quire_text_parser *t, int32_t dtype, bool raw, quire_text_message *m)
{
    if (dtype == QUIRE_DTYPE_STRING) return parse_strings(t, m);
    t->n_scratch = 0;
    if (!quire_text_match(t, '}')) {
        do {
            QUIRE_TRY(parse_value(t, dtype, raw));
        } while (quire_text_match(t, ','));
        QUIRE_TRY(quire_text_expect(t, '}'));
    }
    if (!raw && t->n_scratch == 0) return QUIRE_OK;
    return quire_text_put_bytes(&t->build, m, raw ? TENSOR_RAW_DATA : quire_typed_field(dtype),
                                (quire_bytes){t->scratch, t->n_scratch});
}

/* --- references ------------------------------------------------------------------------------- */

typedef struct reference {
    quire_text_message entries; /* as external_data */
    quire_bytes location, offset, length;
} reference;

static quire_status
parse_entry(quire_text_parser *t, reference *r)
{
    quire_text_message entry = {NULL, NULL};
    quire_bytes key;
    quire_bytes value;
    QUIRE_TRY(quire_text_string(t, &key));
    QUIRE_TRY(quire_text_expect(t, ':'));
    QUIRE_TRY(quire_text_string(t, &value));
    if (quire_bytes_equal(key, quire_bytes_of("location"))) r->location = value;
    if (quire_bytes_equal(key, quire_bytes_of("offset"))) r->offset = value;
    if (quire_bytes_equal(key, quire_bytes_of("length"))) r->length = value;
    QUIRE_TRY(quire_text_put_bytes(&t->build, &entry, ENTRY_KEY, key));
    QUIRE_TRY(quire_text_put_bytes(&t->build, &entry, ENTRY_VALUE, value));
    return quire_text_put_leaf(&t->build, &r->entries, TENSOR_EXTERNAL_DATA, &entry);
}

/* Decimal digits of a string that the arena holds. */
static bool
read_number(quire_bytes text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!quire_text_is_digit(text.ptr[i]) || i > 18) return false;
        *out = *out * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return text.len > 0;
}

static quire_status
parse_reference(quire_text_parser *t, const quire_text_type *type,
                const quire_text_remarks *remarks, quire_text_message *m)
{
    reference r = {{NULL, NULL}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    const uint8_t *from = t->p - 1;
    uint64_t off;
    uint64_t len;
    do {
        QUIRE_TRY(parse_entry(t, &r));
    } while (quire_text_match(t, ','));
    QUIRE_TRY(quire_text_expect(t, ']'));
    const bool own = t->weights_name.ptr != NULL && quire_bytes_equal(r.location, t->weights_name);
    if (!own || quire_text_has_remark(remarks, "external")) {
        quire_text_append(m, &r.entries);
        return quire_text_put_int(&t->build, m, TENSOR_DATA_LOCATION, 1);
    }
    if (!read_number(r.offset, &off) || !read_number(r.length, &len)) {
        t->p = from;
        return quire_text_fail(
            t,
            "a reference into the model's own file needs an offset and a length in decimal digits");
    }
    const uint8_t *after = t->p;
    t->p = from;
    QUIRE_TRY(quire_text_open_weights(t));
    t->p = after;
    if (!t->is_check && (off > t->weights.size || len > t->weights.size - off)) {
        t->p = from;
        return quire_text_fail(t, "%" PRIu64 " bytes at %" PRIu64 " of a file of %" PRIu64 " bytes",
                               len, off, t->weights.size);
    }
    const uint32_t field = quire_text_has_remark(remarks, "typed")
                               ? quire_typed_field(type->elem_type)
                               : TENSOR_RAW_DATA;
    return quire_text_put_weights(&t->build, m, field, off, len);
}

quire_status
quire_text_parse_data(quire_text_parser *t, const quire_text_type *type,
                      const quire_text_remarks *remarks, quire_text_message *m)
{
    if (!type->is_tensor || !type->has_shape)
        return quire_text_fail(t, "expected the type of a tensor with its dimensions");
    for (size_t i = 0; i < type->n_dims; i++) {
        if (type->dims[i] < 0) return quire_text_fail(t, "expected dimensions that are numbers");
        QUIRE_TRY(quire_text_put_int(&t->build, m, TENSOR_DIMS, type->dims[i]));
    }
    QUIRE_TRY(quire_text_put_int(&t->build, m, TENSOR_DATA_TYPE, type->elem_type));
    if (quire_text_match_elision(t)) return QUIRE_OK;
    if (quire_text_match(t, '[')) return parse_reference(t, type, remarks, m);
    if (!quire_text_match(t, '{'))
        return quire_text_fail(t, "expected the values of a tensor, '{', or a reference, '['");
    if (quire_text_match_elision(t)) {
        return quire_text_fail(
            t,
            "the values were left out when this text was printed with --brief; print it without");
    }
    const bool typed =
        type->elem_type == QUIRE_DTYPE_STRING || quire_text_has_remark(remarks, "typed");
    return parse_values(t, type->elem_type,
                        (t->raw || quire_text_has_remark(remarks, "raw")) && !typed, m);
}
