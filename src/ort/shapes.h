/* shapes.h - reading shapes through the runtime's interface. Shapes have a fixed room, so that a run
 * of a kernel takes no memory of its own.
 */
#ifndef QUIRE_ORT_SHAPES_H
#define QUIRE_ORT_SHAPES_H

#include <stdbool.h>

#include "ort/ort_api.h"

enum { SHAPE_MAX_RANK = 64 };

typedef struct shape {
    ort_element type;
    size_t rank;
    int64_t dims[SHAPE_MAX_RANK]; /* -1: not known, when a model is loaded */
} shape;

/* Of a tensor; an error if its rank is above SHAPE_MAX_RANK. */
OrtStatus *shape_of_value(const ort_calls *calls, const OrtValue *value, shape *out);
OrtStatus *shape_of_info(const ort_calls *calls, const OrtTensorTypeAndShapeInfo *info, shape *out);

/* The number of elements. False if a dimension is negative, or the number is above 2^64 - 1. */
bool shape_count(const shape *s, uint64_t *out);

/* A status whose message is made as by printf, cut at 400 bytes; the caller's. */
OrtStatus *ort_fail(const ort_calls *calls, ort_code code, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

/* Returns what went wrong to the caller's caller, whose it is then. */
#define ORT_TRY(call)                                                                              \
    do {                                                                                           \
        OrtStatus *ort_status_ = (call);                                                           \
        if (ort_status_ != NULL) return ort_status_;                                               \
    } while (0)

#endif
