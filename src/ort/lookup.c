/* lookup.c - what the operators say of themselves; see lookup.h. */
#include "ort/lookup.h"

#include <stdio.h>

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
    return LOOKUP_N_INPUTS;
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
    return index == LOOKUP_CODES ? ORT_ELEMENT_UINT8 : ORT_ELEMENT_ANY;
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
    .KernelDestroy = lookup_kernel_destroy,
    .GetInputCharacteristic = is_required,
    .GetOutputCharacteristic = is_required,
    .GetInputMemoryType = default_memory,
    .CreateKernelV2 = lookup_kernel_create,
    .KernelComputeV2 = lookup_kernel_compute,
    .InferOutputShapeFn = lookup_infer,
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
