/* tensor_import.c - a TensorProto becomes a record; its size claims are checked here, before anything reads it. */
#include "base/diag.h"
#include "graph/edit.h"
#include "graph/external.h"
#include "graph/fields.h"

enum { MAX_RANK = 64 };

static quire_status
read_dims(quire_ctx *ctx, quire_model *m, quire_bytes src, uint32_t number, const char *path,
          quire_tensor_rec *r)
{
    size_t rank = 0;
    quire_cursor c = quire_cursor_over(m, src);
    for (quire_field f; quire_cursor_next(&c, &f);)
        rank += f.number == number ? quire_field_varints(&f, NULL, 0) : 0;
    if (rank > MAX_RANK)
        return quire_fail(ctx, QUIRE_E_LIMIT, path, "a tensor of %zu dims; at most %d are read",
                          rank, MAX_RANK);
    int64_t *dims;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, rank * sizeof *dims, &dims));
    size_t n = 0;
    c = quire_cursor_over(m, src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == number) n += quire_field_varints(&f, dims + n, rank - n);
    }
    r->dims = dims;
    r->rank = (uint32_t)rank;
    r->n_elements = 1;
    bool overflow = false;
    bool empty = false;
    for (size_t k = 0; k < rank; k++) {
        if (dims[k] < 0)
            return quire_fail(ctx, QUIRE_E_INVALID, path,
                              "dims[%zu] is %lld; a dimension is never negative", k,
                              (long long)dims[k]);
        empty |= dims[k] == 0;
        overflow |= !quire_mul_u64(r->n_elements, (uint64_t)dims[k], &r->n_elements) ||
                    r->n_elements > INT64_MAX;
    }
    if (empty) r->n_elements = 0;
    if (overflow && !empty)
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "the product of dims exceeds 2^63 - 1 elements");
    return QUIRE_OK;
}

/* What the fields of one TensorProto hold besides name, type and dims. */
typedef struct payload {
    uint32_t typed_field; /* 0: none */
    uint64_t typed_bytes; /* of packed fixed-width data */
    uint64_t typed_count; /* values, where they can be counted in memory */
    bool countable, has_raw, external, has_segment, has_entries;
    quire_blob raw;
    unsigned n_typed_fields;
} payload;

static void
note_typed(const quire_field *f, payload *p)
{
    const uint64_t len = f->is_bulk ? f->bulk.len : f->body.len;
    if (f->wire == QUIRE_WIRE_LEN && len == 0 && f->number != TENSOR_STRING_DATA) return;
    if (p->typed_field != f->number) p->n_typed_fields++;
    p->typed_field = f->number;
    const uint32_t width = f->number == TENSOR_FLOAT_DATA    ? 4
                           : f->number == TENSOR_DOUBLE_DATA ? 8
                                                             : 0;
    if (f->number == TENSOR_STRING_DATA || f->wire != QUIRE_WIRE_LEN) {
        p->typed_count++;
    } else if (width != 0) {
        p->typed_count += len / width;
    } else if (f->is_bulk) {
        p->countable = false; /* varints that stay in the file are counted when they are read */
    } else {
        p->typed_count += quire_field_varints(f, NULL, 0);
    }
}

static quire_status
read_payload(quire_ctx *ctx, quire_model *m, quire_tensor_rec *r, payload *p)
{
    quire_cursor c = quire_cursor_over(m, r->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        switch (f.number) {
        case TENSOR_DATA_TYPE: r->dtype = (int32_t)f.scalar; break;
        case TENSOR_NAME: QUIRE_TRY(quire_syms_intern(ctx, &m->syms, f.body, &r->name)); break;
        case TENSOR_RAW_DATA:
            p->has_raw = true;
            p->raw = f.is_bulk ? f.bulk : (quire_blob){.u.ptr = f.body.ptr, .len = f.body.len};
            break;
        case TENSOR_FLOAT_DATA:
        case TENSOR_INT32_DATA:
        case TENSOR_STRING_DATA:
        case TENSOR_INT64_DATA:
        case TENSOR_DOUBLE_DATA:
        case TENSOR_UINT64_DATA: note_typed(&f, p); break;
        case TENSOR_SEGMENT: p->has_segment = true; break;
        case TENSOR_EXTERNAL_DATA: p->has_entries = true; break;
        case TENSOR_DATA_LOCATION: p->external = f.scalar == 1; break;
        default: break;
        }
    }
    return QUIRE_OK;
}

uint32_t
quire_typed_field(int32_t dtype)
{
    switch (quire_dtype_describe(dtype)->family) {
    case 'f': return TENSOR_FLOAT_DATA;
    case 'i': return TENSOR_INT32_DATA;
    case 'l': return TENSOR_INT64_DATA;
    case 'd': return TENSOR_DOUBLE_DATA;
    case 'u': return TENSOR_UINT64_DATA;
    case 's': return TENSOR_STRING_DATA;
    default: return 0;
    }
}

/* Values a typed field must hold: complex numbers take two, below 8 bits one value holds a byte (6 bits: one element). */
static uint64_t
typed_values(const quire_tensor_rec *r)
{
    const uint32_t bits = quire_dtype_describe(r->dtype)->bits;
    if (r->dtype == QUIRE_DTYPE_COMPLEX64 || r->dtype == QUIRE_DTYPE_COMPLEX128)
        return 2 * r->n_elements;
    if (bits == 4 || bits == 2) return (r->n_elements + 8 / bits - 1) / (8 / bits);
    return r->n_elements;
}

static quire_status
check_typed(quire_ctx *ctx, const quire_tensor_rec *r, const payload *p, const char *path)
{
    const uint32_t wanted = quire_typed_field(r->dtype);
    if (p->n_typed_fields > 1 || (wanted != 0 && p->typed_field != wanted)) {
        return quire_fail(
            ctx, QUIRE_E_INVALID, path,
            "data in field %u (or in several); %s belongs in field %u alone", p->typed_field,
            quire_dtype_describe(r->dtype)->onnx == NULL ? "this type"
                                                         : quire_dtype_describe(r->dtype)->onnx,
            wanted);
    }
    if (p->countable && wanted != 0 && p->typed_count != typed_values(r)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path, "%llu values of data; its dims ask for %llu",
                          (unsigned long long)p->typed_count, (unsigned long long)typed_values(r));
    }
    return QUIRE_OK;
}

static quire_status
check_raw(quire_ctx *ctx, const quire_tensor_rec *r, const payload *p, const char *path)
{
    uint64_t need;
    if (r->dtype == QUIRE_DTYPE_STRING)
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "raw_data in a tensor of strings; they belong in string_data");
    if (quire_dtype_describe(r->dtype)->bits == 0)
        return QUIRE_OK; /* a type unknown to us is carried, not read */
    if (!quire_dtype_bytes(r->dtype, r->n_elements, &need) || need != p->raw.len) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "raw_data has %llu bytes; %llu elements of %s take %llu",
                          (unsigned long long)p->raw.len, (unsigned long long)r->n_elements,
                          quire_dtype_describe(r->dtype)->onnx, (unsigned long long)need);
    }
    return QUIRE_OK;
}

static quire_status
settle_form(quire_ctx *ctx, quire_model *m, quire_tensor_rec *r, const payload *p, const char *path)
{
    if (p->has_segment)
        return quire_fail(
            ctx, QUIRE_E_UNSUPPORTED, path,
            "the tensor is stored in segments, which no known writer uses; store it whole");
    if (p->external) {
        if (p->has_raw || p->typed_field != 0)
            return quire_fail(ctx, QUIRE_E_INVALID, path,
                              "data_location is EXTERNAL, yet data is in the file, too");
        if (r->dtype == QUIRE_DTYPE_STRING)
            return quire_fail(ctx, QUIRE_E_INVALID, path, "strings cannot be external data");
        r->form = QUIRE_FORM_EXTERNAL;
        return quire_external_parse(ctx, m, r->src, path, &r->external);
    }
    if (p->has_raw && p->typed_field != 0)
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "both raw_data and field %u hold data; one may", p->typed_field);
    if (p->has_raw) {
        r->form = QUIRE_FORM_RAW;
        r->data = p->raw;
        return check_raw(ctx, r, p, path);
    }
    r->form = QUIRE_FORM_TYPED;
    r->typed_field = p->typed_field;
    if (p->typed_field == 0 && r->n_elements > 0 && r->dtype != QUIRE_DTYPE_UNDEFINED) {
        return quire_fail(ctx, QUIRE_E_INVALID, path, "no data; its dims ask for %llu elements",
                          (unsigned long long)r->n_elements);
    }
    return p->typed_field == 0 ? QUIRE_OK : check_typed(ctx, r, p, path);
}

quire_status
quire_tensor_import(quire_ctx *ctx, quire_model *m, const quire_field *field, const char *path,
                    quire_tensor *out_tensor)
{
    quire_tensor_rec r = {.src = field->body, .whole = field->whole};
    payload p = {.countable = true};
    QUIRE_TRY(read_dims(ctx, m, r.src, TENSOR_DIMS, path, &r));
    QUIRE_TRY(read_payload(ctx, m, &r, &p));
    QUIRE_TRY(settle_form(ctx, m, &r, &p, path));
    QUIRE_TRY(quire_table_add(ctx, &m->tensors, 1, &out_tensor->id));
    *quire_edit_tensor(m, *out_tensor) = r;
    return QUIRE_OK;
}

quire_status
quire_sparse_import(quire_ctx *ctx, quire_model *m, const quire_field *field, const char *path,
                    quire_tensor *out_tensor)
{
    quire_tensor_rec r = {.src = field->body, .whole = field->whole, .form = QUIRE_FORM_SPARSE};
    QUIRE_TRY(read_dims(ctx, m, r.src, SPARSE_DIMS, path, &r));
    quire_cursor c = quire_cursor_over(m, r.src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == SPARSE_VALUES) QUIRE_TRY(quire_tensor_import(ctx, m, &f, path, &r.values));
        if (f.number == SPARSE_INDICES)
            QUIRE_TRY(quire_tensor_import(ctx, m, &f, path, &r.indices));
    }
    if (r.values.id == 0 || r.indices.id == 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "a sparse tensor has values and indices; one is missing");
    }
    r.name = quire_tensor_at(m, r.values)->name;
    r.dtype = quire_tensor_at(m, r.values)->dtype;
    QUIRE_TRY(quire_table_add(ctx, &m->tensors, 1, &out_tensor->id));
    *quire_edit_tensor(m, *out_tensor) = r;
    return quire_sparse_check(ctx, m, *out_tensor, path);
}

/* One dimension of a shape. */
static bool
is_negative(const quire_model *m, quire_bytes dimension)
{
    bool negative = false;
    quire_cursor c = quire_cursor_over(m, dimension);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == 1 && f.wire == QUIRE_WIRE_VARINT) negative = (int64_t)f.scalar < 0;
    }
    return negative;
}

const char *
quire_info_fault(const quire_model *m, quire_bytes info)
{
    quire_bytes type;
    quire_bytes tensor;
    quire_bytes shape;
    if (!quire_message_find(m, info, INFO_TYPE, &type)) return NULL;
    if (!quire_message_find(m, type, 1, &tensor)) return NULL; /* a sequence, map, optional, ... */
    int32_t elem_type;
    int32_t rank;
    quire_info_read(m, info, &elem_type, &rank);
    if (elem_type != 0 && quire_dtype_describe(elem_type)->onnx == NULL)
        return "its element type is unknown";
    if (!quire_message_find(m, tensor, 2, &shape)) return NULL;
    quire_cursor c = quire_cursor_over(m, shape);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == 1 && is_negative(m, f.body)) return "a dimension is negative";
    }
    return NULL;
}

void
quire_info_read(const quire_model *m, quire_bytes info, int32_t *out_elem_type, int32_t *out_rank)
{
    quire_bytes type;
    quire_bytes tensor;
    quire_bytes shape;
    *out_elem_type = 0;
    *out_rank = -1;
    if (!quire_message_find(m, info, INFO_TYPE, &type) || !quire_message_find(m, type, 1, &tensor))
        return;
    quire_cursor c = quire_cursor_over(m, tensor);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == 1 && f.wire == QUIRE_WIRE_VARINT) *out_elem_type = (int32_t)f.scalar;
    }
    if (!quire_message_find(m, tensor, 2, &shape)) return;
    *out_rank = 0;
    c = quire_cursor_over(m, shape);
    for (quire_field f; quire_cursor_next(&c, &f);)
        *out_rank += f.number == 1;
}
