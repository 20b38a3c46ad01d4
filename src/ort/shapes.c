/* shapes.c - see shapes.h. */
#include "ort/shapes.h"

#include <stdarg.h>
#include <stdio.h>

OrtStatus *
ort_fail(const ort_calls *calls, ort_code code, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return calls->CreateStatus(code, text);
}

OrtStatus *
shape_of_info(const ort_calls *calls, const OrtTensorTypeAndShapeInfo *info, shape *out)
{
    ORT_TRY(calls->GetTensorElementType(info, &out->type));
    ORT_TRY(calls->GetDimensionsCount(info, &out->rank));
    if (out->rank > SHAPE_MAX_RANK) {
        return ort_fail(calls, ORT_CODE_INVALID_ARGUMENT,
                        "an operand has rank %zu; ranks above %d are not handled", out->rank,
                        (int)SHAPE_MAX_RANK);
    }
    return calls->GetDimensions(info, out->dims, out->rank);
}

OrtStatus *
shape_of_value(const ort_calls *calls, const OrtValue *value, shape *out)
{
    OrtTensorTypeAndShapeInfo *info;
    OrtStatus *status;

    ORT_TRY(calls->GetTensorTypeAndShape(value, &info));
    status = shape_of_info(calls, info, out);
    calls->ReleaseTensorTypeAndShapeInfo(info);
    return status;
}

bool
shape_count(const shape *s, uint64_t *out)
{
    bool fits = true, empty = false; /* of nothing there may be any number */

    *out = 1;
    for (size_t i = 0; i < s->rank; i++) {
        if (s->dims[i] < 0) return false;
        empty = empty || s->dims[i] == 0;
        fits = !__builtin_mul_overflow(*out, (uint64_t)s->dims[i], out) && fits;
    }
    return fits || empty;
}
