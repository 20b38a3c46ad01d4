/* lookup_kernel.c - a lookup in a session: planned once, run many times.
 *
 * A kernel is planned when its node is met, from the node's attributes and the types of its
 * operands; a run reads codes, scales, zero points and indices where the runtime has them and writes
 * into the runtime's output. Tables are checked once if they are constants of the session, else in
 * every run: in a body they are captured, and the runtime does not say what they are. Nothing that
 * the runtime hands out is kept from one call to the next, and only a kernel itself is allocated.
 */
#include "ort/lookup.h"

#include <stdbool.h>
#include <stdlib.h>

#include "ort/shapes.h"
#include "quire/kernels.h"

/* What a node says in attributes; named as in docs/lowering.md. */
#define ATTRIBUTES(X) X(bits) X(block) X(width) X(stored_type) X(index_depth) X(index_rank)

typedef struct attributes {
#define ATTRIBUTE(name) int64_t name;
    ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
} attributes;

typedef struct kernel {
    const ort_calls *calls; /* borrowed from the operator */
    attributes node;
    ort_element types[LOOKUP_N_INPUTS]; /* of the operands */
    quire_rows_layout layout;
    quire_bag_plan plan;
    bool has_rows; /* the tables are constants, and this is how many rows they have */
    uint64_t n_rows;
} kernel;

/* --- planning --------------------------------------------------------------------------------- */

static OrtStatus *
read_attributes(const ort_calls *calls, const OrtKernelInfo *info, attributes *out)
{
#define READ(name) ORT_TRY(calls->KernelInfoGetAttribute_int64(info, #name, &out->name));
    ATTRIBUTES(READ)
#undef READ
    return NULL;
}

static OrtStatus *
type_of_input(const ort_calls *calls, const OrtKernelInfo *info, size_t index, ort_element *out)
{
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    OrtTypeInfo *type;
    OrtStatus *status;

    ORT_TRY(calls->KernelInfo_GetInputTypeInfo(info, index, &type));
    status = calls->CastTypeInfoToTensorInfo(type, &tensor);
    if (status == NULL && tensor == NULL)
        status = ort_fail(calls, ORT_CODE_INVALID_ARGUMENT, "operand %zu is no tensor", index);
    if (status == NULL) status = calls->GetTensorElementType(tensor, out);
    calls->ReleaseTypeInfo(type);
    return status;
}

static bool
float_type(int64_t element, quire_float_type *out)
{
    switch (element) {
    case ORT_ELEMENT_FLOAT: *out = QUIRE_FLOAT_F32; return true;
    case ORT_ELEMENT_FLOAT16: *out = QUIRE_FLOAT_F16; return true;
    case ORT_ELEMENT_BFLOAT16: *out = QUIRE_FLOAT_BF16; return true;
    default: return false;
    }
}

/* Each operand has one of two types. */
static OrtStatus *
read_types(const ort_calls *calls, const OrtKernelInfo *info, ort_element *types)
{
    static const ort_element allowed[LOOKUP_N_INPUTS][2] = {
        [LOOKUP_CODES] = {ORT_ELEMENT_UINT8, ORT_ELEMENT_UINT8},
        [LOOKUP_SCALES] = {ORT_ELEMENT_FLOAT, ORT_ELEMENT_FLOAT16},
        [LOOKUP_ZERO_POINTS] = {ORT_ELEMENT_UINT8, ORT_ELEMENT_FLOAT},
        [LOOKUP_INDICES] = {ORT_ELEMENT_INT32, ORT_ELEMENT_INT64},
    };

    for (size_t i = 0; i < LOOKUP_N_INPUTS; i++) {
        ORT_TRY(type_of_input(calls, info, i, &types[i]));
        if (types[i] == allowed[i][0] || types[i] == allowed[i][1]) continue;
        return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT,
                        "operand %zu has element type %d; it may be %d or %d", i, (int)types[i],
                        (int)allowed[i][0], (int)allowed[i][1]);
    }
    return NULL;
}

static OrtStatus *
describe_rows(const kernel *k, quire_rows *rows)
{
    const attributes *a = &k->node;
    const bool is_half = k->types[LOOKUP_SCALES] == ORT_ELEMENT_FLOAT16;
    const bool is_float = k->types[LOOKUP_ZERO_POINTS] == ORT_ELEMENT_FLOAT;

    if (a->bits < 0 || a->bits > 8 || a->block < 0 || a->block > 256 || a->width < 1)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                        "bits %lld, block %lld, width %lld: no such table", (long long)a->bits,
                        (long long)a->block, (long long)a->width);
    *rows =
        (quire_rows){.size = sizeof *rows,
                     .storage = QUIRE_ROWS_SPLIT,
                     .bits = (uint32_t)a->bits,
                     .block = (uint32_t)a->block,
                     .scale = is_half ? QUIRE_FLOAT_F16 : QUIRE_FLOAT_F32,
                     .zero_point = is_float ? QUIRE_ROWS_ZERO_POINT_F32 : QUIRE_ROWS_ZERO_POINT_U8,
                     .width = (uint64_t)a->width};
    if (float_type(a->stored_type, &rows->value)) return NULL;
    return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT, "stored_type %lld is no type of a table",
                    (long long)a->stored_type);
}

/* k->node and k->types are known. */
static OrtStatus *
make_plan(kernel *k, ort_element out_type)
{
    const bool is_long = k->types[LOOKUP_INDICES] == ORT_ELEMENT_INT64;
    const char *why = "the type of the result is none of ours";
    quire_bag_options options = {.size = sizeof options,
                                 .mode = QUIRE_BAG_LOOKUP,
                                 .form = QUIRE_BAG_FIXED,
                                 .fixed = 1,
                                 .index = is_long ? QUIRE_BAG_I64 : QUIRE_BAG_I32,
                                 .wrap = 1};
    quire_rows rows;

    ORT_TRY(describe_rows(k, &rows));
    if (k->node.index_depth < 0 || k->node.index_depth > 1)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                        "index_depth is %lld; it may be 0 or 1", (long long)k->node.index_depth);
    if (float_type(out_type, &options.out) &&
        quire_rows_layout_get(&rows, &k->layout, &why) == QUIRE_OK &&
        quire_bag_plan_init(&k->plan, &rows, &options, &why) == QUIRE_OK)
        return NULL;
    return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT, "%s", why);
}

/* --- tables ----------------------------------------------------------------------------------- */

/* Is s [rows, groups, last], or without the groups where the table is stored by rows? */
static bool
is_shape(const kernel *k, const shape *s, int64_t last)
{
    const bool by_rows = k->node.block == 0;

    if (s->rank != (by_rows ? 2u : 3u) || s->dims[0] < 0 || s->dims[s->rank - 1] != last)
        return false;
    return by_rows || (uint64_t)s->dims[1] == k->layout.n_groups;
}

/* Has an operand the type that the node was planned with? */
static OrtStatus *
check_type(const kernel *k, size_t index, const shape *s)
{
    if (s->type == k->types[index]) return NULL;
    return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                    "operand %zu has element type %d, and the node was planned for %d", index,
                    (int)s->type, (int)k->types[index]);
}

/* values[i] is operand i. Sets the number of rows, which all three have. */
static OrtStatus *
check_tables(const kernel *k, const OrtValue *const values[LOOKUP_INDICES], uint64_t *out_rows)
{
    static const char *const names[] = {"codes", "scales", "zero points"};
    shape s;

    for (size_t i = LOOKUP_CODES; i < LOOKUP_INDICES; i++) {
        const int64_t last = i == LOOKUP_CODES ? (int64_t)k->layout.group_bytes : 1;
        ORT_TRY(shape_of_value(k->calls, values[i], &s));
        ORT_TRY(check_type(k, i, &s));
        const bool good = is_shape(k, &s, last);
        if (good && i == LOOKUP_CODES) *out_rows = (uint64_t)s.dims[0];
        if (good && (uint64_t)s.dims[0] == *out_rows) continue;
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                        "the %s do not have the shape of a table of %lld columns, %lld bits and "
                        "block %lld",
                        names[i], (long long)k->node.width, (long long)k->node.bits,
                        (long long)k->node.block);
    }
    return NULL;
}

static OrtStatus *
look_for_constants(kernel *k, const OrtKernelInfo *info)
{
    const OrtValue *values[LOOKUP_INDICES];

    for (size_t i = LOOKUP_CODES; i < LOOKUP_INDICES; i++) {
        int is_constant = 0;
        ORT_TRY(k->calls->KernelInfoGetConstantInput_tensor(info, i, &is_constant, &values[i]));
        if (!is_constant) return NULL;
    }
    ORT_TRY(check_tables(k, values, &k->n_rows));
    k->has_rows = true;
    return NULL;
}

/* --- a kernel's life -------------------------------------------------------------------------- */

static OrtStatus *
plan(kernel *k, const OrtKernelInfo *info, ort_element out_type)
{
    ORT_TRY(read_attributes(k->calls, info, &k->node));
    ORT_TRY(read_types(k->calls, info, k->types));
    ORT_TRY(make_plan(k, out_type));
    return look_for_constants(k, info);
}

OrtStatus *
lookup_kernel_create(const OrtCustomOp *base, const OrtApi *api, const OrtKernelInfo *info,
                     void **out)
{
    const lookup_op *op = (const lookup_op *)base;
    OrtStatus *status;
    kernel *k = calloc(1, sizeof *k);

    (void)api; /* op->calls are of it */
    if (k == NULL) return ort_fail(op->calls, ORT_CODE_FAIL, "out of memory");
    k->calls = op->calls;
    status = plan(k, info, op->type);
    if (status == NULL) {
        *out = k;
    } else {
        free(k);
    }
    return status;
}

void
lookup_kernel_destroy(void *state)
{
    free(state);
}

/* --- a run ------------------------------------------------------------------------------------ */

/* The session's threads, as the kernels want them. */
typedef struct pool {
    const ort_calls *calls;
    const OrtKernelContext *context;
} pool;

typedef struct work {
    void (*run)(void *data, uint64_t i);
    void *data;
} work;

static void
work_run(void *data, size_t i)
{
    const work *w = data;

    w->run(w->data, i);
}

/* A part that is done twice gives the same: what the runtime refused is done here. */
static void
pool_run(void *data, uint64_t n, void (*run)(void *data, uint64_t i), void *run_data)
{
    const pool *p = data;
    work w = {run, run_data};
    OrtStatus *status = p->calls->KernelContext_ParallelFor(p->context, work_run, (size_t)n, 0, &w);

    if (status == NULL) return;
    p->calls->ReleaseStatus(status);
    for (uint64_t i = 0; i < n; i++)
        run(run_data, i);
}

static OrtStatus *
run_job(const kernel *k, const quire_bag_job *job, OrtKernelContext *context)
{
    const quire_bag_task task = {.plan = &k->plan, .job = job};
    pool p = {k->calls, context};
    quire_bag_fault fault;
    uint64_t which;
    char text[160];

    if (quire_bag_run_batch(&task, 1, pool_run, &p, &which, &fault) == QUIRE_OK) return NULL;
    quire_bag_fault_print(&fault, text, sizeof text);
    return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT, "%s", text);
}

/* Makes the shape of the indices that of the result, and counts the indices. */
static OrtStatus *
shape_of_result(const kernel *k, shape *s, uint64_t *out_n)
{
    const size_t depth = (size_t)k->node.index_depth;

    if (s->rank + 1 - depth > SHAPE_MAX_RANK || s->rank < depth)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT, "the indices have rank %zu", s->rank);
    if (!shape_count(s, out_n))
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                        "the indices have dimensions that no tensor has");
    if (depth == 1 && s->dims[s->rank - 1] != 1)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                        "the last dimension of the indices is %lld, not 1",
                        (long long)s->dims[s->rank - 1]);
    s->rank -= depth;
    s->dims[s->rank++] = k->node.width;
    return NULL;
}

static OrtStatus *
read_operand(const kernel *k, OrtKernelContext *context, size_t index, const OrtValue **value,
             void **data)
{
    ORT_TRY(k->calls->KernelContext_GetInput(context, index, value));
    if (*value == NULL)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT, "operand %zu is missing", index);
    return k->calls->GetTensorMutableData(*value, data);
}

static OrtStatus *
read_tables(const kernel *k, OrtKernelContext *context, quire_bag_job *job)
{
    const OrtValue *values[LOOKUP_INDICES];
    void *data[LOOKUP_INDICES];

    for (size_t i = LOOKUP_CODES; i < LOOKUP_INDICES; i++)
        ORT_TRY(read_operand(k, context, i, &values[i], &data[i]));
    job->rows = data[LOOKUP_CODES];
    job->scales = data[LOOKUP_SCALES];
    job->zero_points = data[LOOKUP_ZERO_POINTS];
    job->n_rows = k->n_rows;
    return k->has_rows ? NULL : check_tables(k, values, &job->n_rows);
}

/* Also tells the shape of the result. */
static OrtStatus *
read_indices(const kernel *k, OrtKernelContext *context, quire_bag_job *job, shape *out)
{
    const OrtValue *value;
    void *data;

    ORT_TRY(read_operand(k, context, LOOKUP_INDICES, &value, &data));
    ORT_TRY(shape_of_value(k->calls, value, out));
    ORT_TRY(check_type(k, LOOKUP_INDICES, out));
    ORT_TRY(shape_of_result(k, out, &job->n_indices));
    job->indices = data;
    job->n_bags = job->n_indices;
    return NULL;
}

OrtStatus *
lookup_kernel_compute(void *state, OrtKernelContext *context)
{
    const kernel *k = state;
    const ort_calls *calls = k->calls;
    OrtValue *result;
    quire_bag_job job = {0};
    shape s;

    ORT_TRY(read_tables(k, context, &job));
    ORT_TRY(read_indices(k, context, &job, &s));
    ORT_TRY(calls->KernelContext_GetOutput(context, 0, s.dims, s.rank, &result));
    if (result == NULL)
        return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT, "there is no place for the result");
    ORT_TRY(calls->GetTensorMutableData(result, &job.out));
    return job.n_indices == 0 ? NULL : run_job(k, &job, context);
}
