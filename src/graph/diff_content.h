/* diff_content.h - are two things of two models the same? Only for diff*.c. */
#ifndef QUIRE_GRAPH_DIFF_CONTENT_H
#define QUIRE_GRAPH_DIFF_CONTENT_H

#include "graph/model.h"

typedef struct quire_two { /* the models, in the order of the question */
    quire_ctx *ctx;
    const quire_model *a, *b;
} quire_two;

/* Two views of the skeletons, with the payloads that belong in them. */
QUIRE_MUST_USE quire_status quire_content_equal(const quire_two *t, quire_bytes a, quire_bytes b,
                                                bool *out_equal);
/* Bit i of *out_fields: fields i of the two messages differ, in number, order or content. Bit 0:
 * fields above 63 do. Fields in `skip` are not looked at. */
QUIRE_MUST_USE quire_status quire_content_fields(const quire_two *t, quire_bytes a, quire_bytes b,
                                                 uint64_t skip, uint64_t *out_fields);
/* Are the elements the same? Types and dims are. However they are stored. */
QUIRE_MUST_USE quire_status quire_content_values(const quire_two *t, quire_tensor a, quire_tensor b,
                                                 bool *out_equal);
/* Type, dims and elements. */
QUIRE_MUST_USE quire_status quire_content_tensors(const quire_two *t, quire_tensor a,
                                                  quire_tensor b, bool *out_equal);
bool quire_content_same_dims(const quire_two *t, quire_tensor a, quire_tensor b);

#endif
