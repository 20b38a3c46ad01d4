/* ort_fake.c - see ort_fake.h. Memory is never taken by calloc, nor by malloc and a memset that a
 * compiler makes one of: the tests count calls of it, which are the library's.
 */
#include "support/ort_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RUNTIMES = 1024, TABLE_SIZE = 300 };

/* Entry 300 and up exist in newer runtimes; ours asks for none. */
struct OrtApi {
    void (*functions[TABLE_SIZE])(void);
};

fake_ort fake;

static OrtApi tables[MAX_RUNTIMES];
static size_t n_tables;

/* A pointer nobody may follow: what is behind `out` after an error. */
static void *const wild = (void *)(uintptr_t)0xfeedfeedfeedfee8u;

static void
expect(bool truth, const char *what)
{
    if (truth) return;
    fprintf(stderr, "ort_fake: %s\n", what);
    abort();
}

static void
stray(void)
{
    expect(false, "a function that is not in ort_api.h was called");
}

/* --- statuses --------------------------------------------------------------------------------- */

static OrtStatus *
fake_CreateStatus(ort_code code, const char *message)
{
    OrtStatus *status = malloc(sizeof *status);

    expect(status != NULL && message != NULL, "CreateStatus");
    status->code = code;
    snprintf(status->message, sizeof status->message, "%s", message);
    fake.n_statuses++;
    return status;
}

void
fake_status_free(OrtStatus *status)
{
    if (status == NULL) return;
    fake.n_statuses--;
    free(status);
}

static void
fake_ReleaseStatus(OrtStatus *status)
{
    fake_status_free(status);
}

/* What a call that may fail asks first. */
static OrtStatus *
turn(const char *name)
{
    char message[96];
    const size_t n = ++fake.n_calls;

    if (fake.fail_at == 0 || n < fake.fail_at || (n > fake.fail_at && !fake.sticky)) return NULL;
    fake.last = name;
    snprintf(message, sizeof message, "%s was made to fail", name);
    return fake_CreateStatus(ORT_CODE_FAIL, message);
}

#define TURN(name)                                                                                 \
    do {                                                                                           \
        OrtStatus *turn_ = turn(name);                                                             \
        if (turn_ != NULL) return turn_;                                                           \
    } while (0)

/* --- domains ---------------------------------------------------------------------------------- */

static void
meet(void)
{
    if (fake.meeting != NULL) pthread_barrier_wait(fake.meeting);
}

static OrtStatus *
fake_CreateCustomOpDomain(const char *domain, OrtCustomOpDomain **out)
{
    meet();
    TURN("CreateCustomOpDomain"); /* leaves *out alone, as the runtime does */
    *out = malloc(sizeof **out);
    expect(*out != NULL, "no memory");
    (*out)->n_ops = 0;
    snprintf((*out)->name, sizeof(*out)->name, "%s", domain);
    fake.n_domains++;
    fake.n_domains_made++;
    return NULL;
}

static OrtStatus *
fake_CustomOpDomain_Add(OrtCustomOpDomain *domain, const OrtCustomOp *op)
{
    meet();
    TURN("CustomOpDomain_Add");
    expect(domain->n_ops < FAKE_MAX_OPS, "too many operators");
    domain->ops[domain->n_ops++] = op;
    return NULL;
}

static OrtStatus *
fake_AddCustomOpDomain(OrtSessionOptions *options, OrtCustomOpDomain *domain)
{
    TURN("AddCustomOpDomain");
    expect(options->n_domains < 4, "too many domains");
    options->domains[options->n_domains++] = domain;
    return NULL;
}

static void
fake_ReleaseCustomOpDomain(OrtCustomOpDomain *domain)
{
    if (domain != NULL) fake.n_domains--;
    free(domain);
}

/* --- types and shapes ------------------------------------------------------------------------- */

static OrtTensorTypeAndShapeInfo *
new_info(void)
{
    OrtTensorTypeAndShapeInfo *info = malloc(sizeof *info);

    expect(info != NULL, "no memory");
    info->type = ORT_ELEMENT_ANY;
    info->rank = 0;
    fake.n_infos++;
    return info;
}

static OrtStatus *
fake_CreateTensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo **out)
{
    *out = wild;
    TURN("CreateTensorTypeAndShapeInfo");
    *out = new_info();
    return NULL;
}

static void
fake_ReleaseTensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo *info)
{
    if (info != NULL) fake.n_infos--;
    free(info);
}

static OrtStatus *
fake_SetTensorElementType(OrtTensorTypeAndShapeInfo *info, ort_element type)
{
    TURN("SetTensorElementType");
    info->type = type;
    return NULL;
}

static OrtStatus *
fake_SetDimensions(OrtTensorTypeAndShapeInfo *info, const int64_t *dims, size_t n)
{
    TURN("SetDimensions");
    expect(n <= FAKE_MAX_RANK, "rank");
    info->rank = n;
    memcpy(info->dims, dims, n * sizeof *dims);
    return NULL;
}

static OrtStatus *
fake_SetSymbolicDimensions(OrtTensorTypeAndShapeInfo *info, const char **names, size_t n)
{
    TURN("SetSymbolicDimensions");
    expect(n == info->rank, "names of another number of dimensions");
    for (size_t i = 0; i < n; i++) {
        expect(names[i] != NULL, "a name is NULL");
        info->names[i] = names[i];
    }
    return NULL;
}

static OrtStatus *
fake_GetTensorElementType(const OrtTensorTypeAndShapeInfo *info, ort_element *out)
{
    TURN("GetTensorElementType");
    *out = info->type;
    return NULL;
}

static OrtStatus *
fake_GetDimensionsCount(const OrtTensorTypeAndShapeInfo *info, size_t *out)
{
    *out = SIZE_MAX;
    TURN("GetDimensionsCount");
    *out = info->rank;
    return NULL;
}

static OrtStatus *
fake_GetDimensions(const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t n)
{
    TURN("GetDimensions");
    expect(n == info->rank, "another number of dimensions");
    memcpy(dims, info->dims, n * sizeof *dims);
    return NULL;
}

static OrtStatus *
fake_GetSymbolicDimensions(const OrtTensorTypeAndShapeInfo *info, const char **names, size_t n)
{
    TURN("GetSymbolicDimensions");
    expect(n == info->rank, "another number of names");
    memcpy(names, info->names, n * sizeof *names);
    return NULL;
}

static OrtStatus *
fake_CastTypeInfoToTensorInfo(const OrtTypeInfo *type, const OrtTensorTypeAndShapeInfo **out)
{
    TURN("CastTypeInfoToTensorInfo");
    *out = type->is_no_tensor ? NULL : &type->tensor;
    return NULL;
}

static void
fake_ReleaseTypeInfo(OrtTypeInfo *type)
{
    if (type != NULL) fake.n_types--;
    free(type);
}

/* --- values ----------------------------------------------------------------------------------- */

static OrtStatus *
fake_GetTensorMutableData(const OrtValue *value, void **out)
{
    *out = wild;
    TURN("GetTensorMutableData");
    *out = value->data;
    return NULL;
}

static OrtStatus *
fake_GetTensorTypeAndShape(const OrtValue *value, OrtTensorTypeAndShapeInfo **out)
{
    *out = wild;
    TURN("GetTensorTypeAndShape");
    *out = new_info();
    **out = value->info;
    return NULL;
}

/* --- a node ----------------------------------------------------------------------------------- */

static const OrtOpAttr *
find_attribute(const OrtKernelInfo *node, const char *name)
{
    for (size_t i = 0; i < FAKE_MAX_ATTRIBUTES && node->attributes[i].name != NULL; i++) {
        if (strcmp(node->attributes[i].name, name) == 0) return &node->attributes[i];
    }
    return NULL;
}

static OrtStatus *
fake_KernelInfoGetAttribute_int64(const OrtKernelInfo *info, const char *name, int64_t *out)
{
    const OrtOpAttr *attribute = find_attribute(info, name);

    TURN("KernelInfoGetAttribute_int64");
    if (attribute == NULL) return fake_CreateStatus(ORT_CODE_FAIL, "no attribute of that name");
    if (attribute->type != ORT_ATTRIBUTE_INT)
        return fake_CreateStatus(ORT_CODE_FAIL, "the attribute is no integer");
    *out = attribute->value;
    return NULL;
}

static OrtStatus *
fake_KernelInfo_GetInputTypeInfo(const OrtKernelInfo *info, size_t index, OrtTypeInfo **out)
{
    *out = wild;
    TURN("KernelInfo_GetInputTypeInfo");
    expect(index < FAKE_MAX_INPUTS, "no such operand");
    *out = malloc(sizeof **out);
    expect(*out != NULL, "no memory");
    **out = info->inputs[index];
    fake.n_types++;
    return NULL;
}

static OrtStatus *
fake_KernelInfoGetConstantInput_tensor(const OrtKernelInfo *info, size_t index, int *is_constant,
                                       const OrtValue **out)
{
    *out = wild;
    TURN("KernelInfoGetConstantInput_tensor");
    expect(index < FAKE_MAX_INPUTS, "no such operand");
    *is_constant = info->constants[index] != NULL;
    *out = info->constants[index];
    return NULL;
}

static OrtStatus *
fake_ShapeInferContext_GetInputTypeShape(const OrtShapeInferContext *context, size_t index,
                                         OrtTensorTypeAndShapeInfo **out)
{
    *out = wild;
    TURN("ShapeInferContext_GetInputTypeShape");
    expect(index < FAKE_MAX_INPUTS, "no such operand");
    *out = (OrtTensorTypeAndShapeInfo *)&context->inputs[index];
    return NULL;
}

static OrtStatus *
fake_ShapeInferContext_GetAttribute(const OrtShapeInferContext *context, const char *name,
                                    const OrtOpAttr **out)
{
    *out = wild;
    TURN("ShapeInferContext_GetAttribute");
    *out = find_attribute(context->node, name);
    return *out != NULL ? NULL : fake_CreateStatus(ORT_CODE_FAIL, "no attribute of that name");
}

static OrtStatus *
fake_ReadOpAttr(const OrtOpAttr *attribute, ort_attribute type, void *data, size_t size,
                size_t *out)
{
    TURN("ReadOpAttr");
    *out = sizeof attribute->value;
    if (attribute->type != type || size < sizeof attribute->value)
        return fake_CreateStatus(ORT_CODE_FAIL, "the attribute is no integer");
    memcpy(data, &attribute->value, sizeof attribute->value);
    return NULL;
}

static OrtStatus *
fake_ShapeInferContext_SetOutputTypeShape(const OrtShapeInferContext *context, size_t index,
                                          const OrtTensorTypeAndShapeInfo *info)
{
    OrtShapeInferContext *mine = (OrtShapeInferContext *)context;

    TURN("ShapeInferContext_SetOutputTypeShape");
    expect(index == 0, "no such output");
    mine->has_result = true;
    mine->result = *info;
    return NULL;
}

/* --- a run ------------------------------------------------------------------------------------ */

static OrtStatus *
fake_KernelContext_GetInput(const OrtKernelContext *context, size_t index, const OrtValue **out)
{
    *out = wild;
    TURN("KernelContext_GetInput");
    expect(index < FAKE_MAX_INPUTS, "no such operand");
    *out = context->inputs[index];
    return NULL;
}

static size_t
size_of_element(ort_element type)
{
    return type == ORT_ELEMENT_FLOAT ? 4 : 2;
}

/* As the runtime does, refuses what it has no memory for. */
static OrtStatus *
fake_KernelContext_GetOutput(OrtKernelContext *context, size_t index, const int64_t *dims, size_t n,
                             OrtValue **out)
{
    OrtValue *value = &context->output;
    uint64_t size = size_of_element(value->info.type);

    *out = wild;
    TURN("KernelContext_GetOutput");
    expect(index == 0 && n <= FAKE_MAX_RANK && value->data == NULL, "no such output");
    for (size_t i = 0; i < n; i++) {
        expect(dims[i] >= 0, "a dimension of the output is negative");
        if (__builtin_mul_overflow(size, (uint64_t)dims[i], &size)) size = UINT64_MAX;
        value->info.dims[i] = dims[i];
    }
    value->info.rank = n;
    if (size > 1u << 30) return fake_CreateStatus(ORT_CODE_FAIL, "no memory for the output");
    *out = context->has_no_output ? NULL : value;
    if (size > 0) value->data = malloc(size);
    expect(size == 0 || value->data != NULL, "no memory");
    if (size > 0) memset(value->data, 0xa5, size);
    return NULL;
}

void
fake_context_clear(OrtKernelContext *context)
{
    free(context->output.data);
    context->output.data = NULL;
    context->n_parts = 0;
}

typedef struct share {
    OrtKernelContext *context;
    void (*work)(void *data, size_t i);
    void *data;
    size_t first, step, n;
} share;

static void *
share_run(void *arg)
{
    const share *s = arg;

    for (size_t i = s->first; i < s->n; i += s->step) {
        s->work(s->data, i);
        s->context->n_parts++;
    }
    return NULL;
}

static void
run_threads(share s, size_t n_threads)
{
    pthread_t threads[64];
    share shares[64];

    expect(n_threads >= 1 && n_threads <= 64, "threads");
    for (size_t t = 0; t < n_threads; t++) {
        shares[t] = s;
        shares[t].first = t;
        shares[t].step = n_threads;
        expect(pthread_create(&threads[t], NULL, share_run, &shares[t]) == 0, "no thread");
    }
    for (size_t t = 0; t < n_threads; t++)
        pthread_join(threads[t], NULL);
}

static OrtStatus *
fake_KernelContext_ParallelFor(const OrtKernelContext *context, void (*work)(void *data, size_t i),
                               size_t n, size_t n_batches, void *data)
{
    OrtKernelContext *mine = (OrtKernelContext *)context;
    share s = {mine, work, data, 0, 1, n};

    TURN("KernelContext_ParallelFor");
    expect(n_batches == 0, "batches");
    switch (context->pool) {
    case FAKE_POOL_IN_ORDER: share_run(&s); break;
    case FAKE_POOL_BACKWARDS:
        for (size_t i = n; i-- > 0; mine->n_parts++)
            work(data, i);
        break;
    case FAKE_POOL_THREADS: run_threads(s, context->n_threads); break;
    case FAKE_POOL_HALF:
        s.step = 2;
        share_run(&s);
        return fake_CreateStatus(ORT_CODE_FAIL, "half of it is done");
    }
    return NULL;
}

/* --- the runtime ------------------------------------------------------------------------------ */

static const OrtApi *
get_api(uint32_t version)
{
    if (fake.version != 0 && version > fake.version) return NULL;
    return &tables[n_tables - 1];
}

static const char *
get_version_string(void)
{
    return "1.2.3";
}

const OrtApiBase *
fake_runtime(void)
{
    static const OrtApiBase base = {get_api, get_version_string};

    expect(n_tables < MAX_RUNTIMES, "too many runtimes");
    OrtApi *api = &tables[n_tables++];
    for (size_t i = 0; i < TABLE_SIZE; i++)
        api->functions[i] = stray;
#define FAKE_ENTRY(number, name, result, parameters)                                               \
    api->functions[number] = (void (*)(void))fake_##name;
    ORT_API_TABLE(FAKE_ENTRY)
#undef FAKE_ENTRY
    fake.version = 0;
    fake.n_calls = 0;
    fake.fail_at = 0;
    fake.sticky = false;
    fake.last = NULL;
    fake.meeting = NULL;
    return &base;
}
