/* ort_case.h - a node `Lookup` in a runtime that is none (support/ort_fake.h): its table has 8 bits,
 * is stored by rows, and what it looks up can be said in one line. For tests of src/ort.
 */
#ifndef QUIRE_TESTS_ORT_CASE_H
#define QUIRE_TESTS_ORT_CASE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/ort_fake.h"

OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base);

enum { CODES, SCALES, ZERO_POINTS, INDICES, N_OPERANDS };

typedef struct ort_case {
    OrtSessionOptions options;
    const OrtCustomOp *op;
    OrtKernelInfo node;
    OrtValue operands[N_OPERANDS]; /* their data is of the exact size, and the case's */
    OrtKernelContext context;
    void *kernel;
    int64_t n_rows, width;
} ort_case;

static inline int64_t
case_code(int64_t row, int64_t column)
{
    return (row * 7 + column * 3) % 256;
}

static inline float
case_scale(int64_t row)
{
    return ldexpf(1, (int)(row % 5) - 3);
}

static inline int64_t
case_zero_point(int64_t row)
{
    return row * 11 % 256;
}

/* Exact in float32. */
static inline float
case_answer(int64_t row, int64_t column)
{
    return (float)(case_code(row, column) - case_zero_point(row)) * case_scale(row);
}

static inline void
ort_expect_good(OrtStatus *status)
{
    ck_assert_msg(status == NULL, "said \"%s\"", status != NULL ? status->message : "");
}

static inline const OrtCustomOp *
ort_op(const OrtSessionOptions *options, const char *name)
{
    ck_assert_uint_ge(options->n_domains, 1);
    for (size_t i = 0; i < options->domains[0]->n_ops; i++) {
        const OrtCustomOp *op = options->domains[0]->ops[i];
        if (strcmp(op->GetName(op), name) == 0) return op;
    }
    return NULL;
}

/* Gives operand `index` a type, dimensions and room for `size` bytes. */
static inline void *
ort_case_set(ort_case *c, size_t index, ort_element type, size_t rank, const int64_t *dims,
             size_t size)
{
    OrtValue *v = &c->operands[index];

    v->info.type = type;
    v->info.rank = rank;
    memcpy(v->info.dims, dims, rank * sizeof *dims);
    free(v->data);
    v->data = size > 0 ? malloc(size) : NULL;
    c->node.inputs[index].tensor = v->info;
    c->context.inputs[index] = v;
    return v->data;
}

/* n indices of both signs, as a vector. */
static inline int64_t *
ort_case_set_indices(ort_case *c, int64_t n)
{
    int64_t *at =
        (int64_t *)ort_case_set(c, INDICES, ORT_ELEMENT_INT64, 1, &n, (size_t)n * sizeof *at);

    for (int64_t i = 0; i < n && c->n_rows > 0; i++)
        at[i] = i * i % (2 * c->n_rows) - c->n_rows;
    return at;
}

static inline void
ort_case_set_table(ort_case *c, int64_t n_rows, int64_t width)
{
    const size_t n = (size_t)n_rows;
    const int64_t dims[] = {n_rows, width}, by_row[] = {n_rows, 1};
    uint8_t *codes =
        (uint8_t *)ort_case_set(c, CODES, ORT_ELEMENT_UINT8, 2, dims, n * (size_t)width);
    float *scales =
        (float *)ort_case_set(c, SCALES, ORT_ELEMENT_FLOAT, 2, by_row, n * sizeof *scales);
    uint8_t *zero_points = (uint8_t *)ort_case_set(c, ZERO_POINTS, ORT_ELEMENT_UINT8, 2, by_row, n);

    c->n_rows = n_rows;
    c->width = width;
    for (int64_t r = 0; r < n_rows; r++) {
        scales[r] = case_scale(r);
        zero_points[r] = (uint8_t)case_zero_point(r);
        for (int64_t k = 0; k < width; k++)
            codes[r * width + k] = (uint8_t)case_code(r, k);
    }
    const OrtOpAttr attributes[] = {{"bits", ORT_ATTRIBUTE_INT, 8},
                                    {"block", ORT_ATTRIBUTE_INT, 0},
                                    {"width", ORT_ATTRIBUTE_INT, width},
                                    {"stored_type", ORT_ATTRIBUTE_INT, ORT_ELEMENT_FLOAT},
                                    {"index_depth", ORT_ATTRIBUTE_INT, 0},
                                    {"index_rank", ORT_ATTRIBUTE_INT, 1}};
    memcpy(c->node.attributes, attributes, sizeof attributes);
}

static inline void
ort_case_open(ort_case *c, int64_t n_rows, int64_t width)
{
    const OrtApiBase *base = fake_runtime();

    memset(c, 0, sizeof *c);
    ort_expect_good(RegisterCustomOps(&c->options, base));
    c->op = ort_op(&c->options, "Lookup");
    ck_assert_ptr_nonnull(c->op);
    c->context.output.info.type = ORT_ELEMENT_FLOAT;
    c->context.n_threads = 1;
    ort_case_set_table(c, n_rows, width);
    ort_case_set_indices(c, 5);
}

static inline void
ort_case_close(ort_case *c)
{
    if (c->kernel != NULL) c->op->KernelDestroy(c->kernel);
    fake_context_clear(&c->context);
    for (size_t i = 0; i < N_OPERANDS; i++)
        free(c->operands[i].data);
}

static inline OrtOpAttr *
ort_case_attribute(ort_case *c, const char *name)
{
    OrtOpAttr *attribute = c->node.attributes;

    while (strcmp(attribute->name, name) != 0)
        attribute++;
    return attribute;
}

/* Makes the tables constants of the session. */
static inline void
ort_case_fix_tables(ort_case *c)
{
    for (size_t i = CODES; i < INDICES; i++)
        c->node.constants[i] = &c->operands[i];
}

static inline OrtStatus *
ort_case_create(ort_case *c)
{
    return c->op->CreateKernelV2(c->op, NULL, &c->node, &c->kernel);
}

static inline OrtStatus *
ort_case_run(ort_case *c)
{
    return c->op->KernelComputeV2(c->kernel, &c->context);
}

/* The result of indices that are a vector. */
static inline bool
ort_case_is_right(const ort_case *c)
{
    const OrtValue *out = &c->context.output;
    const int64_t *indices = c->operands[INDICES].data;
    const float *values = out->data;

    if (out->info.rank != 2 || out->info.dims[0] != c->operands[INDICES].info.dims[0] ||
        out->info.dims[1] != c->width)
        return false;
    for (int64_t i = 0; i < out->info.dims[0]; i++) {
        const int64_t row = indices[i] < 0 ? indices[i] + c->n_rows : indices[i];
        for (int64_t k = 0; k < c->width; k++) {
            if (values[i * c->width + k] != case_answer(row, k)) return false;
        }
    }
    return true;
}

/* A status was returned, and says something of this; it is freed. */
static inline void
ort_expect(OrtStatus *status, const char *part)
{
    ck_assert_msg(status != NULL, "no error; it was to say: %s", part);
    ck_assert_msg(strstr(status->message, part) != NULL, "said \"%s\", not \"%s\"", status->message,
                  part);
    fake_status_free(status);
}

/* The runtime has back all that was lent. */
static inline void
ort_expect_clean(void)
{
    ck_assert_uint_eq(fake.n_statuses, 0);
    ck_assert_uint_eq(fake.n_infos, 0);
    ck_assert_uint_eq(fake.n_types, 0);
}

#endif
