/* dtype.h - ONNX element types as a table. The numbers are TensorProto.DataType's. */
#ifndef QUIRE_GRAPH_DTYPE_H
#define QUIRE_GRAPH_DTYPE_H

#include "base/base.h"

typedef enum quire_dtype {
    QUIRE_DTYPE_UNDEFINED = 0,
#define X(name, number, bits, onnx, spec, family) QUIRE_DTYPE_##name = number,
#include "graph/dtype_defs.inc"
#undef X
    QUIRE_DTYPE_END
} quire_dtype;

typedef struct quire_dtype_info {
    const char *onnx; /* name in ONNX textual syntax ("float16"); NULL for a number unknown to us */
    const char
        *spec;     /* name in annotations ("f16"); "" if it has none                             */
    uint32_t bits; /* per element; 0 for strings                                                 */
    char family;   /* typed field that holds it, see dtype_defs.inc                              */
} quire_dtype_info;

/* Never NULL; for an unknown number all fields are zero. */
const quire_dtype_info *quire_dtype_describe(int32_t dtype);
/* By ONNX or spec text; 0 if there is none. */
int32_t quire_dtype_find_onnx(quire_bytes text);
int32_t quire_dtype_find_spec(quire_bytes text);
/* Bytes of n elements in raw_data, ceil(n * bits / 8); false on overflow, strings, unknown types. */
bool quire_dtype_bytes(int32_t dtype, uint64_t n, uint64_t *out_bytes);

#endif
