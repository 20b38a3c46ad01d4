/* sparse_check.c - do the indices of a sparse tensor name places of it, each once, in order? */
#include "base/diag.h"
#include "graph/fields.h"
#include "graph/tensor.h"

enum { MAX_SPARSE_RANK = 64 };

typedef struct sparse {
    quire_ctx *ctx;
    const quire_model *m;
    const quire_tensor_rec *dense, *values, *indices;
    const char *path;
    uint64_t columns; /* numbers per index: 1 (linear) or the rank */
} sparse;

static quire_status
check_shapes(sparse *s)
{
    const quire_tensor_rec *v = s->values;
    const quire_tensor_rec *i = s->indices;
    if (v->rank != 1)
        return quire_fail(s->ctx, QUIRE_E_INVALID, s->path,
                          "a sparse tensor's values have rank %u; they are a vector", v->rank);
    const bool linear = i->rank == 1 && i->dims[0] == v->dims[0];
    const bool tuples =
        i->rank == 2 && i->dims[0] == v->dims[0] && i->dims[1] == (int64_t)s->dense->rank;
    if (i->dtype != QUIRE_DTYPE_INT64 || (!linear && !tuples)) {
        return quire_fail(s->ctx, QUIRE_E_INVALID, s->path,
                          "a sparse tensor's indices are int64 of shape [%lld] or [%lld, %u]",
                          (long long)v->dims[0], (long long)v->dims[0], s->dense->rank);
    }
    if (i->form == QUIRE_FORM_EXTERNAL)
        return quire_fail(s->ctx, QUIRE_E_UNSUPPORTED, s->path,
                          "a sparse tensor's indices are external data; keep them in the model");
    s->columns = linear ? 1 : s->dense->rank;
    return QUIRE_OK;
}

/* The linear index of one tuple; false if it lies outside. */
static bool
linear_index(const sparse *s, const int64_t *tuple, uint64_t *out)
{
    if (s->columns == 1 && s->indices->rank == 1) {
        *out = (uint64_t)tuple[0];
        return tuple[0] >= 0 && *out < s->dense->n_elements;
    }
    uint64_t index = 0;
    for (uint32_t k = 0; k < s->dense->rank; k++) {
        if (tuple[k] < 0 || tuple[k] >= s->dense->dims[k]) return false;
        index = index * (uint64_t)s->dense->dims[k] + (uint64_t)tuple[k];
    }
    *out = index;
    return true;
}

static quire_status
check_order(const sparse *s)
{
    quire_tensor_reader reader;
    int64_t tuple[MAX_SPARSE_RANK];
    uint64_t before = 0;
    QUIRE_TRY(quire_tensor_reader_init(s->ctx, &reader, s->m, s->dense->indices));
    for (int64_t i = 0; i < s->values->dims[0]; i++) {
        uint64_t at;
        QUIRE_TRY(
            quire_tensor_reader_next(s->ctx, &reader, tuple, (size_t)s->columns * sizeof *tuple));
        if (!linear_index(s, tuple, &at))
            return quire_fail(s->ctx, QUIRE_E_INVALID, s->path,
                              "sparse index %lld lies outside the tensor", (long long)i);
        if (i > 0 && at <= before)
            return quire_fail(s->ctx, QUIRE_E_INVALID, s->path,
                              "sparse index %lld is not above the one before; they rise",
                              (long long)i);
        before = at;
    }
    return QUIRE_OK;
}

quire_status
quire_sparse_check(quire_ctx *ctx, const quire_model *m, quire_tensor t, const char *path)
{
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    sparse s = {.ctx = ctx,
                .m = m,
                .dense = r,
                .values = quire_tensor_at(m, r->values),
                .indices = quire_tensor_at(m, r->indices),
                .path = path};
    QUIRE_TRY(check_shapes(&s));
    return s.values->dims[0] > 0 ? check_order(&s) : QUIRE_OK;
}
