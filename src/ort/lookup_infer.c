/* lookup_infer.c - the shape of a lookup's result, when a model is loaded. */
#include <stdbool.h>

#include "ort/lookup.h"
#include "ort/shapes.h"

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

/* `names` has room for SHAPE_MAX_RANK. */
static OrtStatus *
read_indices(const ort_calls *calls, const OrtShapeInferContext *context, shape *s,
             const char **names)
{
    OrtTensorTypeAndShapeInfo *info; /* the context's */

    ORT_TRY(calls->ShapeInferContext_GetInputTypeShape(context, LOOKUP_INDICES, &info));
    ORT_TRY(shape_of_info(calls, info, s));
    ORT_TRY(calls->GetSymbolicDimensions(info, names, s->rank));
    for (size_t i = 0; i < s->rank; i++) {
        if (names[i] == NULL) names[i] = "";
    }
    return NULL;
}

static OrtStatus *
infer(const lookup_op *op, const OrtShapeInferContext *context)
{
    const ort_calls *calls = op->calls;
    const char *names[SHAPE_MAX_RANK];
    int64_t width, depth, rank;
    shape s;

    ORT_TRY(read_attribute(calls, context, "width", &width));
    ORT_TRY(read_attribute(calls, context, "index_depth", &depth));
    ORT_TRY(read_attribute(calls, context, "index_rank", &rank));
    ORT_TRY(read_indices(calls, context, &s, names));
    if (!is_known(&s, names, rank) || width < 1 || depth < 0 || depth > 1 ||
        s.rank < (size_t)depth || s.rank == SHAPE_MAX_RANK)
        return NULL;
    s.rank -= (size_t)depth;
    s.dims[s.rank] = width;
    names[s.rank++] = "";
    return set_result(op, context, &s, names);
}

OrtStatus *
lookup_infer(const OrtCustomOp *base, OrtShapeInferContext *context)
{
    const lookup_op *op = (const lookup_op *)base;
    OrtStatus *status = infer(op, context);

    if (status != NULL) op->calls->ReleaseStatus(status);
    return NULL;
}
