/* lookup.c - see lookup.h.
 *
 * A kernel is planned when its node is met, from the node's attributes and the types of its
 * operands; a run reads codes, scales, zero points and indices where the runtime has them and writes
 * into the runtime's output. Shapes of tables are checked once if the tables are constants of the
 * session, else in every run: in a body they are captured, and the runtime does not say what they
 * are.
 */
#include "ort/lookup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort/shapes.h"
#include "quire/kernels.h"

enum { CODES, SCALES, ZERO_POINTS, INDICES, N_INPUTS };

/* What a node says in attributes; named as in docs/lowering.md. */
#define ATTRIBUTES(X) X(bits) X(block) X(width) X(stored_type) X(index_depth) X(index_rank)

typedef struct attributes {
#define ATTRIBUTE(name) int64_t name;
    ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
} attributes;

typedef struct kernel {
    const ort_calls *calls;
    attributes node;
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

/* Which of two types operand `index` has: 0 or 1. */
static OrtStatus *
choose_type(const ort_calls *calls, const OrtKernelInfo *info, size_t index, ort_element first,
            ort_element second, int *out)
{
    ort_element type;

    ORT_TRY(type_of_input(calls, info, index, &type));
    *out = type == second;
    if (type == first || type == second) return NULL;
    return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT,
                    "operand %zu has element type %d; it may be %d or %d", index, (int)type,
                    (int)first, (int)second);
}

static OrtStatus *
describe_rows(const kernel *k, const OrtKernelInfo *info, quire_rows *rows)
{
    const ort_calls *calls = k->calls;
    const attributes *a = &k->node;
    int is_half, is_float;

    ORT_TRY(choose_type(calls, info, SCALES, ORT_ELEMENT_FLOAT, ORT_ELEMENT_FLOAT16, &is_half));
    ORT_TRY(choose_type(calls, info, ZERO_POINTS, ORT_ELEMENT_UINT8, ORT_ELEMENT_FLOAT, &is_float));
    if (a->bits < 0 || a->bits > 8 || a->block < 0 || a->block > 256 || a->width < 1)
        return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT,
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
    return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT, "stored_type %lld is no type of a table",
                    (long long)a->stored_type);
}

static OrtStatus *
make_plan(kernel *k, const OrtKernelInfo *info, ort_element out_type)
{
    const ort_calls *calls = k->calls;
    const char *why = "";
    quire_bag_options options = {
        .size = sizeof options, .mode = QUIRE_BAG_LOOKUP, .form = QUIRE_BAG_FIXED, .fixed = 1};
    quire_rows rows;
    int is_long;

    ORT_TRY(choose_type(calls, info, INDICES, ORT_ELEMENT_INT32, ORT_ELEMENT_INT64, &is_long));
    ORT_TRY(describe_rows(k, info, &rows));
    options.index = is_long ? QUIRE_BAG_I64 : QUIRE_BAG_I32;
    options.wrap = 1;
    if (k->node.index_depth < 0 || k->node.index_depth > 1)
        return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT, "index_depth is %lld; it may be 0 or 1",
                        (long long)k->node.index_depth);
    if (float_type(out_type, &options.out) &&
        quire_rows_layout_get(&rows, &k->layout, &why) == QUIRE_OK &&
        quire_bag_plan_init(&k->plan, &rows, &options, &why) == QUIRE_OK)
        return NULL;
    return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT, "%s", why);
}

/* --- tables ----------------------------------------------------------------------------------- */

/* Is s [rows, groups, last], or without the groups where the table is stored by rows? */
static bool
is_shape(const kernel *k, const shape *s, int64_t last)
{
    const bool by_rows = k->node.block == 0;

    if (s->rank != (by_rows ? 2u : 3u) || s->dims[s->rank - 1] != last) return false;
    return by_rows || (uint64_t)s->dims[1] == k->layout.n_groups;
}

static OrtStatus *
check_tables(const kernel *k, const OrtValue *const values[3], uint64_t *out_rows)
{
    static const char *const names[] = {"codes", "scales", "zero points"};
    shape s;

    for (size_t i = CODES; i <= ZERO_POINTS; i++) {
        ORT_TRY(shape_of_value(k->calls, values[i], &s));
        if (i == CODES && s.rank > 0) *out_rows = (uint64_t)s.dims[0];
        if (is_shape(k, &s, i == CODES ? (int64_t)k->layout.group_bytes : 1) &&
            (uint64_t)s.dims[0] == *out_rows)
            continue;
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
    const OrtValue *values[3];

    for (size_t i = CODES; i <= ZERO_POINTS; i++) {
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
kernel_create(const OrtCustomOp *base, const OrtApi *api, const OrtKernelInfo *info, void **out)
{
    const lookup_op *op = (const lookup_op *)base;
    OrtStatus *status;
    kernel *k = calloc(1, sizeof *k);

    (void)api;
    if (k == NULL) return ort_fail(op->calls, ORT_CODE_FAIL, "out of memory");
    k->calls = op->calls;
    status = read_attributes(k->calls, info, &k->node);
    if (status == NULL) status = make_plan(k, info, op->type);
    if (status == NULL) status = look_for_constants(k, info);
    if (status == NULL) {
        *out = k;
    } else {
        free(k);
    }
    return status;
}

static void
kernel_destroy(void *state)
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

/* Shape of the result, and how many rows that is. Dimensions are not negative in a run. */
static OrtStatus *
shape_of_result(const kernel *k, shape *s, uint64_t *out_n)
{
    const size_t depth = (size_t)k->node.index_depth;

    if (s->rank + 1 - depth > SHAPE_MAX_RANK || s->rank < depth)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT, "the indices have rank %zu", s->rank);
    if (depth == 1 && s->dims[s->rank - 1] != 1)
        return ort_fail(k->calls, ORT_CODE_INVALID_ARGUMENT,
                        "the last dimension of the indices is %lld, not 1",
                        (long long)s->dims[s->rank - 1]);
    s->rank -= depth;
    *out_n = 1;
    for (size_t i = 0; i < s->rank; i++)
        *out_n *= (uint64_t)s->dims[i];
    s->dims[s->rank++] = k->node.width;
    return NULL;
}

static OrtStatus *
read_tables(const kernel *k, OrtKernelContext *context, quire_bag_job *job)
{
    const OrtValue *values[3];
    void *data[3];

    for (size_t i = CODES; i <= ZERO_POINTS; i++) {
        ORT_TRY(k->calls->KernelContext_GetInput(context, i, &values[i]));
        ORT_TRY(k->calls->GetTensorMutableData(values[i], &data[i]));
    }
    job->rows = data[CODES];
    job->scales = data[SCALES];
    job->zero_points = data[ZERO_POINTS];
    job->n_rows = k->n_rows;
    return k->has_rows ? NULL : check_tables(k, values, &job->n_rows);
}

static OrtStatus *
kernel_compute(void *state, OrtKernelContext *context)
{
    const kernel *k = state;
    const ort_calls *calls = k->calls;
    const OrtValue *indices;
    OrtValue *result;
    quire_bag_job job = {0};
    void *data;
    shape s;

    ORT_TRY(read_tables(k, context, &job));
    ORT_TRY(calls->KernelContext_GetInput(context, INDICES, &indices));
    ORT_TRY(shape_of_value(calls, indices, &s));
    ORT_TRY(calls->GetTensorMutableData(indices, &data));
    job.indices = data;
    ORT_TRY(shape_of_result(k, &s, &job.n_indices));
    ORT_TRY(calls->KernelContext_GetOutput(context, 0, s.dims, s.rank, &result));
    ORT_TRY(calls->GetTensorMutableData(result, &job.out));
    job.n_bags = job.n_indices;
    return job.n_indices == 0 ? NULL : run_job(k, &job, context);
}

/* --- the shape of the result, when a model is loaded ------------------------------------------ */

static OrtStatus *
read_attribute(const ort_calls *calls, const OrtShapeInferContext *context, const char *name,
               int64_t *out)
{
    const OrtOpAttr *attribute;
    size_t size;

    ORT_TRY(calls->ShapeInferContext_GetAttribute(context, name, &attribute));
    return calls->ReadOpAttr(attribute, ORT_ATTRIBUTE_INT, out, sizeof *out, &size);
}

/* Are all dimensions known, as numbers or by name? The runtime shows a shape that is not known as
 * one without dimensions; only the node can say that there are none. */
static bool
is_known(const shape *s, const char *const *names, int64_t index_rank)
{
    for (size_t i = 0; i < s->rank; i++) {
        if (s->dims[i] < 0 && names[i][0] == '\0') return false;
    }
    return s->rank > 0 || index_rank == 0;
}

static OrtStatus *
set_result(const lookup_op *op, const OrtShapeInferContext *context, const shape *s,
           const char **names)
{
    const ort_calls *calls = op->calls;
    OrtTensorTypeAndShapeInfo *info;
    OrtStatus *status;

    ORT_TRY(calls->CreateTensorTypeAndShapeInfo(&info));
    status = calls->SetTensorElementType(info, op->type);
    if (status == NULL) status = calls->SetDimensions(info, s->dims, s->rank);
    if (status == NULL) status = calls->SetSymbolicDimensions(info, names, s->rank);
    if (status == NULL) status = calls->ShapeInferContext_SetOutputTypeShape(context, 0, info);
    calls->ReleaseTensorTypeAndShapeInfo(info);
    return status;
}

static OrtStatus *
infer(const lookup_op *op, const OrtShapeInferContext *context)
{
    const ort_calls *calls = op->calls;
    const char *names[SHAPE_MAX_RANK + 1];
    OrtTensorTypeAndShapeInfo *indices;
    int64_t width, depth, rank;
    shape s;

    ORT_TRY(read_attribute(calls, context, "width", &width));
    ORT_TRY(read_attribute(calls, context, "index_depth", &depth));
    ORT_TRY(read_attribute(calls, context, "index_rank", &rank));
    ORT_TRY(calls->ShapeInferContext_GetInputTypeShape(context, INDICES, &indices));
    ORT_TRY(shape_of_info(calls, indices, &s));
    ORT_TRY(calls->GetSymbolicDimensions(indices, names, s.rank));
    if (!is_known(&s, names, rank) || depth < 0 || depth > 1 || s.rank < (size_t)depth ||
        s.rank == SHAPE_MAX_RANK)
        return NULL;
    s.rank -= (size_t)depth;
    s.dims[s.rank] = width;
    names[s.rank++] = "";
    return set_result(op, context, &s, names);
}

static OrtStatus *
infer_result(const OrtCustomOp *base, OrtShapeInferContext *context)
{
    const lookup_op *op = (const lookup_op *)base;
    OrtStatus *status = infer(op, context);

    if (status != NULL) op->calls->ReleaseStatus(status);
    return NULL;
}

/* --- what an operator says of itself ---------------------------------------------------------- */

static const char *
get_name(const OrtCustomOp *base)
{
    return ((const lookup_op *)base)->name;
}

static const char *
get_provider(const OrtCustomOp *base)
{
    (void)base;
    return NULL;
}

static size_t
count_inputs(const OrtCustomOp *base)
{
    (void)base;
    return N_INPUTS;
}

static size_t
count_outputs(const OrtCustomOp *base)
{
    (void)base;
    return 1;
}

static ort_element
type_of_formal(const OrtCustomOp *base, size_t index)
{
    (void)base;
    return index == CODES ? ORT_ELEMENT_UINT8 : ORT_ELEMENT_ANY;
}

static ort_element
type_of_result(const OrtCustomOp *base, size_t index)
{
    (void)index;
    return ((const lookup_op *)base)->type;
}

static ort_formal
is_required(const OrtCustomOp *base, size_t index)
{
    (void)base;
    (void)index;
    return ORT_FORMAL_REQUIRED;
}

static ort_memory
default_memory(const OrtCustomOp *base, size_t index)
{
    (void)base;
    (void)index;
    return ORT_MEMORY_DEFAULT;
}

static int
version_one(const OrtCustomOp *base)
{
    (void)base;
    return 1;
}

static const OrtCustomOp lookup = {
    .version = ORT_API_VERSION,
    .GetName = get_name,
    .GetExecutionProviderType = get_provider,
    .GetInputType = type_of_formal,
    .GetInputTypeCount = count_inputs,
    .GetOutputType = type_of_result,
    .GetOutputTypeCount = count_outputs,
    .KernelDestroy = kernel_destroy,
    .GetInputCharacteristic = is_required,
    .GetOutputCharacteristic = is_required,
    .GetInputMemoryType = default_memory,
    .CreateKernelV2 = kernel_create,
    .KernelComputeV2 = kernel_compute,
    .InferOutputShapeFn = infer_result,
    .GetStartVersion = version_one,
    .GetEndVersion = version_one,
};

void
lookup_ops_init(lookup_op *ops, const ort_calls *calls)
{
    static const struct {
        const char *name;
        ort_element type;
        int n;
    } types[] = {
#define LOOKUP_ROW(name, type, n) {#name, type, n},
        LOOKUP_TYPES(LOOKUP_ROW)
#undef LOOKUP_ROW
    };

    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        for (int k = 0; k < types[t].n; k++) {
            lookup_op *o = ops++;
            *o = (lookup_op){.op = lookup, .calls = calls, .type = types[t].type};
            snprintf(o->name, sizeof o->name, k > 0 ? "%s_%d" : "%s", types[t].name, k);
        }
    }
}
