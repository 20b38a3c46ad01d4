/* origin.h - where the value a lookup gathers from comes from.
 *
 * One walk in graph order gives every value of the model its origin, so that following chains costs
 * nothing afterwards and no chain is ever followed by recursion. Valid until the graph changes.
 */
#ifndef QUIRE_PASSES_ORIGIN_H
#define QUIRE_PASSES_ORIGIN_H

#include "graph/model.h"

typedef enum quire_constness {
    QUIRE_RUNTIME,     /* depends on inputs, state or chance                          */
    QUIRE_OVERRIDABLE, /* constant unless the caller replaces an initializer          */
    QUIRE_CONSTANT,    /* the same in every run                                       */
} quire_constness;

enum {                               /* flags of origins */
       QUIRE_ORIGIN_SHAPE = 1u << 0, /* made of Shape or Size                             */
       QUIRE_ORIGIN_CODES = 1u << 1, /* integer codes, or what DequantizeLinear makes     */
};

typedef struct quire_origin {
    quire_value
        base; /* initializer or Constant result whose elements these are; 0: none or several */
    uint8_t
        type; /* element type of the value if there are only wrappers between it and base, else 0; 255: a type unknown to us */
    uint8_t constness; /* quire_constness */
    uint16_t flags;
} quire_origin;

typedef struct quire_origins {
    quire_origin *of; /* by value id */
    size_t n;
} quire_origins;

/* Fills *out_origins, to be freed in any case. Reports QUIRE_E_NOMEM, QUIRE_E_IO. Linear in nodes and
 * operands. */
QUIRE_MUST_USE quire_status quire_origins_make(quire_ctx *ctx, const quire_model *m,
                                               quire_origins *out_origins);
void quire_origins_free(quire_ctx *ctx, quire_origins *origins);

/* *out_type is the element type n makes of operand 0 of type `type` if n is a wrapper: Identity, a
 * Dropout that only runs in inference, a Cast from float16 or bfloat16 to float32; else 0. Reports
 * QUIRE_E_IO. */
QUIRE_MUST_USE quire_status quire_wrapper_type(quire_ctx *ctx, const quire_model *m, quire_node n,
                                               int32_t type, int32_t *out_type);

#endif
