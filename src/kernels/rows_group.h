/* rows_group.h - one group of columns: its parameters and the arithmetic of its codes.
 *
 * Shared by the row kernels; not for their callers (rows.h). Everything assumes the environment of
 * fp_env.h. Loops run over QUIRE_ROW_CHUNK elements at a time, tails padded, so that a compiler or
 * a later instruction set turns them into whole vectors and tails go through the same code.
 */
#ifndef QUIRE_KERNELS_ROWS_GROUP_H
#define QUIRE_KERNELS_ROWS_GROUP_H

#include "kernels/rows.h"

#include <float.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must round to float");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are little-endian as stored");

#define QUIRE_ROW_CHUNK 16

/* 1.5 * 2^23: adding and subtracting it rounds |x| < 2^22 half to even, to an integer. */
#define QUIRE_ROW_ROUNDER 12582912.0f

/* The stored parameters of a group and what follows from them. */
typedef struct quire_row_params {
    float scale;      /* as stored, widened                                            */
    float zero_point; /* as stored; an integer for QUIRE_ROW_ZERO_POINT_INT            */
    float inverse;    /* float32(1 / scale); used with float zero points only          */
    float low;        /* codes below low or above high would decode to an infinite     */
    float high;       /* value in the table's type                                     */
} quire_row_params;

typedef struct quire_row_range {
    float lo;
    float hi;
} quire_row_range;

/* Least and greatest of x[n], n > 0. False if an element is NaN or infinite. Of zeros of both
 * signs the negative one is the least, and the greatest is the positive one. */
bool quire_row_range_find(const float *x, size_t n, quire_row_range *out);

/* `scale` as it will be stored: rounded to the scale type, at least its floor, widened again.
 * Infinite if the scale type cannot hold it. */
float quire_row_scale_stored(const quire_row_format *f, float scale);

/* A stored scale and zero point with their derived fields. */
quire_row_params quire_row_params_make(const quire_row_format *f, float scale, float zero_point);

/* Does choice.eps replace the scale of this group by 1, though its elements differ? Float zero
 * points only. */
bool quire_row_flattened(const quire_row_format *f, quire_row_range range);

/* Min-max parameters of a group. `scale` is infinite if a float16 scale cannot hold it. */
quire_row_params quire_row_params_minmax(const quire_row_format *f, quire_row_range range);

/* The parameters of least squared error over x[n] that the search meets; `minmax`, whose scale is
 * finite, unless some are strictly better. */
struct quire_row_kernels;
quire_row_params quire_row_params_search(const struct quire_row_kernels *k,
                                         const quire_row_format *f, const float *x, size_t n,
                                         quire_row_range range, quire_row_params minmax);

/* Scale and zero point of group number `g`, counted over all rows of the arrays. What is loaded
 * has no derived fields: it decodes, and codes are made after quire_row_params_make. */
quire_row_params quire_row_params_load(const quire_row_format *f, quire_row_arrays in, size_t g);

/* Stores the scale and zero point of `p`, which the format can hold exactly, as group `g`. */
void quire_row_params_store(const quire_row_format *f, quire_row_params p, quire_row_arrays out,
                            size_t g);

/* Clamped and rounded, NaN to `low`. `low` and `high` are integers below 2^22. */
static inline float
quire_row_round_clamped(float value, float low, float high)
{
    value = value > low ? value : low;
    value = value < high ? value : high;
    return (value + QUIRE_ROW_ROUNDER) - QUIRE_ROW_ROUNDER;
}

/* The code of `x`, as a float. */
static inline float
quire_row_code_int(const quire_row_params *p, float x)
{
    const float zp = p->zero_point;

    return quire_row_round_clamped(x / p->scale, p->low - zp, p->high - zp) + zp;
}

static inline float
quire_row_code_float(const quire_row_params *p, float x)
{
    return quire_row_round_clamped(x * p->inverse + p->zero_point, p->low, p->high);
}

/* The value of a code, before it is rounded to the table's type. */
static inline float
quire_row_decode(const quire_row_params *p, float code)
{
    return (code - p->zero_point) * p->scale;
}

/* A value rounded to float16 and widened again. Below 2^-14 float16 is a
 * grid of 2^-24, the spacing of float32 around 0.75; from 65520 on it is infinite. */
static inline float
quire_row_round_f16(float value)
{
    const uint32_t bits = quire_f32_bits(value);
    const uint32_t size = bits & 0x7fffffffu;
    const uint32_t normal = (bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu;
    const uint32_t large = (bits & 0x80000000u) | 0x7f800000u;
    const uint32_t subnormal =
        quire_f32_bits((value + 0.75f) - 0.75f) | (bits & 0x80000000u); /* it loses the sign of 0 */

    return quire_f32_from_bits(size < 0x38800000u   ? subnormal
                               : size < 0x477ff000u ? normal
                                                    : large);
}

/* The same for bfloat16. */
static inline float
quire_row_round_bf16(float value)
{
    const uint32_t bits = quire_f32_bits(value);

    return quire_f32_from_bits((bits + 0x7fffu + ((bits >> 16) & 1u)) & ~0xffffu);
}

static inline float
quire_row_round_stored(quire_row_dtype dtype, float value)
{
    switch (dtype) {
    case QUIRE_ROW_DTYPE_F32: break;
    case QUIRE_ROW_DTYPE_F16: return quire_row_round_f16(value);
    case QUIRE_ROW_DTYPE_BF16: return quire_row_round_bf16(value);
    }
    return value;
}

#endif
