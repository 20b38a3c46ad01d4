/* half.h - float16 and bfloat16 to and from float32, and the element types of tables.
 *
 * Integer arithmetic only: independent of the floating-point environment and of the instruction
 * set. Rounding is half to even; values beyond the largest finite one become infinite; a NaN stays
 * a NaN (quiet, sign and leading payload bits kept).
 */
#ifndef QUIRE_KERNELS_HALF_H
#define QUIRE_KERNELS_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How a table stores its elements. The values are ours, not ONNX's. */
typedef enum quire_row_dtype {
    QUIRE_ROW_DTYPE_F32,
    QUIRE_ROW_DTYPE_F16,
    QUIRE_ROW_DTYPE_BF16
} quire_row_dtype;

static inline uint32_t
quire_f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float
quire_f32_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Exact: every float16 is a float32. */
float quire_f32_from_f16(uint16_t half);

/* `value` rounded once to float16. */
uint16_t quire_f16_from_f32(float value);

/* Exact: every bfloat16 is a float32. */
float quire_f32_from_bf16(uint16_t brain);

/* `value` rounded once to bfloat16. */
uint16_t quire_bf16_from_f32(float value);

/* Bytes of one element: 4 or 2. */
size_t quire_row_dtype_size(quire_row_dtype dtype);

/* Widens `n` elements of `dtype` at `in` (any alignment) to float32, exactly: NaN and infinity
 * are kept. `out` may not overlap `in`. */
void quire_row_widen(quire_row_dtype dtype, const void *in, size_t n, float *out);

/* The same, one element at a time on every processor. */
void quire_row_widen_plain(quire_row_dtype dtype, const void *in, size_t n, float *out);

/* Rounds `n` float32 values to elements of `dtype` at `out` (any alignment), one at a time. */
void quire_row_narrow_plain(quire_row_dtype dtype, const float *in, size_t n, void *out);

#endif
