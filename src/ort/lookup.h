/* lookup.h - the operators of the domain ai.quire: lookups of quantized tables. */
#ifndef QUIRE_ORT_LOOKUP_H
#define QUIRE_ORT_LOOKUP_H

#include "ort/ort_api.h"

/* Results' types: X(first name, element type, number of names). There are NAME, NAME_1, NAME_2, ...;
 * each costs the runtime some tenths of a millisecond whenever a session is made, and a model needs
 * as many as it has forms of tables. */
#define LOOKUP_TYPES(X)                                                                            \
    X(Lookup, ORT_ELEMENT_FLOAT, 16)                                                               \
    X(LookupFloat16, ORT_ELEMENT_FLOAT16, 8)                                                       \
    X(LookupBFloat16, ORT_ELEMENT_BFLOAT16, 8)

enum {
    LOOKUP_NAME_ROOM = 24,
#define LOOKUP_COUNT(name, type, n) +(n)
    LOOKUP_N_OPS = LOOKUP_TYPES(LOOKUP_COUNT)
#undef LOOKUP_COUNT
};

/* Operands, in order. */
enum { LOOKUP_CODES, LOOKUP_SCALES, LOOKUP_ZERO_POINTS, LOOKUP_INDICES, LOOKUP_N_INPUTS };

/* One operator. The runtime keeps a pointer to it as long as any session that knows it. */
typedef struct lookup_op {
    OrtCustomOp op;         /* first: the runtime hands it back */
    const ort_calls *calls; /* borrowed, as lookup_ops_init says */
    ort_element type;       /* of the result */
    char name[LOOKUP_NAME_ROOM];
} lookup_op;

/* Fills all LOOKUP_N_OPS. `calls` must live as long as they do, and as long as their kernels. */
void lookup_ops_init(lookup_op *ops, const ort_calls *calls);

/* The members of an OrtCustomOp that do something; `op` is a lookup_op. */

/* Plans a node. On success `*out` is for lookup_kernel_destroy; on an error nothing is left. */
OrtStatus *lookup_kernel_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info,
                                void **out);
/* Any number of threads may run one kernel at a time. */
OrtStatus *lookup_kernel_compute(void *kernel, OrtKernelContext *context);
void lookup_kernel_destroy(void *kernel);

/* Sets the shape of the result if all of it is known, else nothing. Always NULL: a shape that cannot
 * be told now is none of the errors; what is wrong with a node its kernel tells. */
OrtStatus *lookup_infer(const OrtCustomOp *op, OrtShapeInferContext *context);

#endif
