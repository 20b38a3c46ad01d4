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

/* One operator. The runtime keeps a pointer to it as long as any session that knows it. */
typedef struct lookup_op {
    OrtCustomOp op; /* first: the runtime hands it back */
    const ort_calls *calls;
    ort_element type; /* of the result */
    char name[LOOKUP_NAME_ROOM];
} lookup_op;

/* Fills all LOOKUP_N_OPS. `calls` must live as long as they do. */
void lookup_ops_init(lookup_op *ops, const ort_calls *calls);

#endif
