/* diff_content.c - compares bytes where they are and reads payloads in chunks. */
#include "graph/diff_content.h"

#include "base/diag.h"
#include "graph/fields.h"
#include "graph/tensor.h"
#include "graph/wire.h"

enum { CHUNK = 12288 }; /* whole elements of any type: 1 to 16 bytes, or 4 in 3 bytes */

/* ---- bytes */

static quire_status
equal_blobs(const quire_two *t, quire_blob a, quire_blob b, bool *out_equal)
{
    uint8_t left[CHUNK], right[CHUNK];
    *out_equal = a.len == b.len;
    for (uint64_t done = 0; done < a.len && *out_equal;) {
        const size_t n = a.len - done < CHUNK ? (size_t)(a.len - done) : CHUNK;
        QUIRE_TRY(quire_check_canceled(t->ctx));
        QUIRE_TRY(quire_blob_read(t->ctx, t->a, a, done, left, n));
        QUIRE_TRY(quire_blob_read(t->ctx, t->b, b, done, right, n));
        *out_equal = memcmp(left, right, n) == 0;
        done += n;
    }
    return QUIRE_OK;
}

/* The holes of a view: those behind its start, up to its end. */
static size_t
holes_in(const quire_model *m, quire_bytes view, const quire_hole **out_first, uint64_t *out_start)
{
    const quire_skeleton *s = &m->skeleton;
    const uintptr_t from = (uintptr_t)s->ptr, p = (uintptr_t)view.ptr;
    *out_first = NULL;
    *out_start = 0;
    if (s->n_holes == 0 || view.len == 0 || p < from || p >= from + s->len) return 0;
    const uint64_t start = p - from, end = start + view.len;
    size_t low = 0, high = s->n_holes;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->holes[middle].at > start) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    size_t n = 0;
    while (low + n < s->n_holes && s->holes[low + n].at <= end)
        n++;
    *out_first = s->holes + low;
    *out_start = start;
    return n;
}

quire_status
quire_content_equal(const quire_two *t, quire_bytes a, quire_bytes b, bool *out_equal)
{
    const quire_hole *x, *y;
    uint64_t start_a, start_b;
    *out_equal = quire_bytes_equal(a, b);
    if (!*out_equal) return QUIRE_OK;
    const size_t n = holes_in(t->a, a, &x, &start_a);
    *out_equal = n == holes_in(t->b, b, &y, &start_b);
    for (size_t i = 0; i < n && *out_equal; i++) {
        *out_equal = x[i].at - start_a == y[i].at - start_b;
        if (!*out_equal) break;
        const quire_blob p = {.file = 1, .u.off = x[i].off, .len = x[i].len};
        const quire_blob q = {.file = 1, .u.off = y[i].off, .len = y[i].len};
        QUIRE_TRY(equal_blobs(t, p, q, out_equal));
    }
    return QUIRE_OK;
}

/* ---- fields */

static uint32_t
bit_of(uint32_t number)
{
    return number < 64 ? number : 0;
}

static bool
next_of(quire_cursor *c, uint32_t bit, quire_field *f)
{
    while (quire_cursor_next(c, f)) {
        if (bit_of(f->number) == bit) return true;
    }
    return false;
}

static quire_status
equal_fields(const quire_two *t, quire_bytes a, quire_bytes b, uint32_t bit, bool *out_equal)
{
    quire_cursor x = quire_cursor_over(t->a, a), y = quire_cursor_over(t->b, b);
    quire_field f, g;
    for (*out_equal = true; *out_equal;) {
        const bool more = next_of(&x, bit, &f);
        *out_equal = more == next_of(&y, bit, &g);
        if (!more || !*out_equal) break;
        QUIRE_TRY(quire_content_equal(t, f.whole, g.whole, out_equal));
    }
    return QUIRE_OK;
}

static uint64_t
present(const quire_model *m, quire_bytes message)
{
    uint64_t bits = 0;
    quire_cursor c = quire_cursor_over(m, message);
    for (quire_field f; quire_cursor_next(&c, &f);)
        bits |= UINT64_C(1) << bit_of(f.number);
    return bits;
}

quire_status
quire_content_fields(const quire_two *t, quire_bytes a, quire_bytes b, uint64_t skip,
                     uint64_t *out_fields)
{
    const uint64_t bits = (present(t->a, a) | present(t->b, b)) & ~skip;
    uint64_t differ = 0;
    for (uint32_t i = 0; i < 64; i++) {
        bool equal = true;
        if ((bits >> i & 1) != 0) QUIRE_TRY(equal_fields(t, a, b, i, &equal));
        if (!equal) differ |= UINT64_C(1) << i;
    }
    *out_fields = differ;
    return QUIRE_OK;
}

/* ---- tensors */

bool
quire_content_same_dims(const quire_two *t, quire_tensor a, quire_tensor b)
{
    const quire_tensor_rec *x = quire_tensor_at(t->a, a), *y = quire_tensor_at(t->b, b);
    if (x->rank != y->rank) return false;
    return x->rank == 0 || memcmp(x->dims, y->dims, x->rank * sizeof *x->dims) == 0;
}

/* Reads both as raw_data would spell them. */
static quire_status
equal_elements(const quire_two *t, quire_tensor a, quire_tensor b, bool *out_equal)
{
    uint8_t left[CHUNK], right[CHUNK];
    quire_tensor_reader x, y;
    uint64_t size = 0;
    const quire_tensor_rec *r = quire_tensor_at(t->a, a);
    if (!quire_dtype_bytes(r->dtype, r->n_elements, &size)) return quire_bug(t->ctx, "tensor size");
    QUIRE_TRY(quire_tensor_reader_init(t->ctx, &x, t->a, a));
    QUIRE_TRY(quire_tensor_reader_init(t->ctx, &y, t->b, b));
    *out_equal = true;
    for (uint64_t done = 0; done < size && *out_equal;) {
        const size_t n = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
        QUIRE_TRY(quire_check_canceled(t->ctx));
        QUIRE_TRY(quire_tensor_reader_next(t->ctx, &x, left, n));
        QUIRE_TRY(quire_tensor_reader_next(t->ctx, &y, right, n));
        *out_equal = memcmp(left, right, n) == 0;
        done += n;
    }
    return QUIRE_OK;
}

/* Are equal payload bytes the only way to be equal? Not if numbers are varints. */
static bool
is_plain(const quire_tensor_rec *r)
{
    return r->typed_field == 0 || r->typed_field == TENSOR_FLOAT_DATA ||
           r->typed_field == TENSOR_DOUBLE_DATA;
}

static quire_status
equal_dense(const quire_two *t, quire_tensor a, quire_tensor b, bool *out_equal)
{
    const quire_tensor_rec *x = quire_tensor_at(t->a, a), *y = quire_tensor_at(t->b, b);
    if (quire_dtype_describe(x->dtype)->bits == 0) { /* strings, and what nobody knows */
        const uint64_t keep = UINT64_C(1) << TENSOR_STRING_DATA | UINT64_C(1) << TENSOR_RAW_DATA;
        uint64_t differ;
        QUIRE_TRY(quire_content_fields(t, x->src, y->src, ~keep, &differ));
        *out_equal = differ == 0;
        return QUIRE_OK;
    }
    const bool blobs = x->data.len > 0 && y->data.len > 0 && x->typed_field == y->typed_field;
    if (blobs) {
        QUIRE_TRY(equal_blobs(t, x->data, y->data, out_equal));
        if (*out_equal || is_plain(x)) return QUIRE_OK;
    }
    return equal_elements(t, a, b, out_equal);
}

quire_status
quire_content_values(const quire_two *t, quire_tensor a, quire_tensor b, bool *out_equal)
{
    const quire_tensor_rec *x = quire_tensor_at(t->a, a), *y = quire_tensor_at(t->b, b);
    const bool sparse = x->form == QUIRE_FORM_SPARSE;
    *out_equal = sparse == (y->form == QUIRE_FORM_SPARSE);
    if (!*out_equal) return QUIRE_OK;
    if (!sparse) return equal_dense(t, a, b, out_equal);
    /* Parts of a sparse tensor are dense. */
    const quire_tensor parts[2][2] = {{x->values, y->values}, {x->indices, y->indices}};
    for (int i = 0; i < 2 && *out_equal; i++) {
        const quire_tensor_rec *p = quire_tensor_at(t->a, parts[i][0]),
                               *q = quire_tensor_at(t->b, parts[i][1]);
        *out_equal = p->dtype == q->dtype && quire_content_same_dims(t, parts[i][0], parts[i][1]);
        if (*out_equal && parts[i][0].id != 0 && parts[i][1].id != 0) {
            QUIRE_TRY(equal_dense(t, parts[i][0], parts[i][1], out_equal));
        }
    }
    return QUIRE_OK;
}

quire_status
quire_content_tensors(const quire_two *t, quire_tensor a, quire_tensor b, bool *out_equal)
{
    *out_equal = quire_tensor_at(t->a, a)->dtype == quire_tensor_at(t->b, b)->dtype &&
                 quire_content_same_dims(t, a, b);
    return *out_equal ? quire_content_values(t, a, b, out_equal) : QUIRE_OK;
}
