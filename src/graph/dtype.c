/* dtype.c - the table of ONNX element types. */
#include "graph/dtype.h"

static const quire_dtype_info infos[QUIRE_DTYPE_END] = {
#define X(name, number, bits, onnx, spec, family) [number] = {onnx, spec, bits, family},
#include "graph/dtype_defs.inc"
#undef X
};

static const quire_dtype_info unknown = {NULL, "", 0, 0};

const quire_dtype_info *
quire_dtype_describe(int32_t dtype)
{
    if (dtype <= QUIRE_DTYPE_UNDEFINED || dtype >= QUIRE_DTYPE_END) return &unknown;
    return &infos[dtype];
}

int32_t
quire_dtype_find_onnx(quire_bytes text)
{
    for (int32_t d = 1; d < QUIRE_DTYPE_END; d++) {
        if (quire_bytes_equal(text, quire_bytes_of(infos[d].onnx))) return d;
    }
    return QUIRE_DTYPE_UNDEFINED;
}

int32_t
quire_dtype_find_spec(quire_bytes text)
{
    for (int32_t d = 1; d < QUIRE_DTYPE_END && text.len > 0; d++) {
        if (quire_bytes_equal(text, quire_bytes_of(infos[d].spec))) return d;
    }
    return QUIRE_DTYPE_UNDEFINED;
}

bool
quire_dtype_bytes(int32_t dtype, uint64_t n, uint64_t *out_bytes)
{
    const uint32_t bits = quire_dtype_describe(dtype)->bits;
    uint64_t total;
    if (bits == 0 || !quire_mul_u64(n, bits, &total)) return false;
    *out_bytes = total / 8 + (total % 8 != 0);
    return true;
}
