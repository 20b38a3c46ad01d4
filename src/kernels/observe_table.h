/* observe_table.h - the inner loops of observation, by instruction set, and what they share.
 *
 * Integer arithmetic on the bits of elements: nothing depends on the floating-point environment.
 * Bits of a 16-bit element are its own in the upper half of 32: their order is kept, as signed and
 * as unsigned numbers.
 */
#ifndef QUIRE_KERNELS_OBSERVE_TABLE_H
#define QUIRE_KERNELS_OBSERVE_TABLE_H

#include "kernels/half.h"
#include "quire/observe.h"

#include <stdbool.h>

#define QUIRE_F32_SIGN     0x80000000u
#define QUIRE_F32_INFINITY 0x7f800000u

/* Three figures that both extremes follow from: see quire_extremes_range. */
typedef struct quire_extremes {
    uint32_t high; /* greatest of the bits as signed numbers */
    uint32_t far;  /* greatest as unsigned numbers           */
    uint32_t near; /* least as unsigned numbers              */
} quire_extremes;

#define QUIRE_EXTREMES_NONE ((quire_extremes){QUIRE_F32_SIGN, 0, UINT32_MAX})

/* Columns that column_extremes takes at a time. */
#define QUIRE_OBSERVE_COLUMNS 32

typedef struct quire_observe_table {
    /* Takes in x[n]. */
    void (*extremes)(quire_float_type type, const void *x, size_t n, quire_extremes *io);
    /* Takes in QUIRE_OBSERVE_COLUMNS columns of n_rows rows, `stride` bytes apart, each into its
     * own of io[]. */
    void (*column_extremes)(quire_float_type type, const void *x, size_t stride, size_t n_rows,
                            quire_extremes *io);
    /* Numbers in `counts` of the bins of x[n], finite and below side * 2^exponent in size. */
    void (*bins)(const float *x, size_t n, uint32_t side, int32_t exponent, uint32_t *out);
    /* Widens x[n], exactly. */
    void (*widen)(quire_float_type type, const void *x, size_t n, float *out);
} quire_observe_table;

extern const quire_observe_table quire_observe_scalar;
extern const quire_observe_table quire_observe_avx2;

/* That of an instruction set, or NULL if it is not available. AUTO is resolved. */
const quire_observe_table *quire_observe_table_of(quire_isa isa);

/* What `options` asks for, or NULL if they, the axis or the type are not valid. */
const quire_observe_table *quire_observe_table_get(const quire_axis *axis, quire_float_type type,
                                                   const quire_observe_options *options);

/* Elements of the whole tensor in `*out`; false if they, as float32, exceed 63 bits of bytes. */
bool quire_axis_size(const quire_axis *axis, uint64_t *out);

/* Takes in x[n], float32, element i of which has position at + (i / run) * gap + i % run. True if a
 * NaN or infinity was among them. */
typedef struct quire_positions {
    uint64_t at;
    uint64_t run;
    uint64_t gap;
} quire_positions;
bool quire_range_add(const quire_observe_table *t, quire_range *range, quire_float_type type,
                     const void *x, uint64_t n, quire_positions positions);

/* Whether both ranges together have no count above 64 bits. */
bool quire_range_fits(const quire_range *a, const quire_range *b);

/* Asks for a line that is needed soon. Any address: nothing is read. */
static inline void
quire_observe_fetch(const void *x, uint64_t bytes)
{
    __builtin_prefetch((const void *)((uintptr_t)x + bytes));
}

static inline size_t
quire_float_size(quire_float_type type)
{
    return type == QUIRE_FLOAT_F32 ? 4 : 2;
}

static inline uint32_t
quire_observe_bits(quire_float_type type, const void *x, size_t i)
{
    if (type == QUIRE_FLOAT_F32) return quire_f32_bits(((const float *)x)[i]);
    return (uint32_t)((const uint16_t *)x)[i] << 16;
}

/* Least bits of a positive element that is not finite. */
static inline uint32_t
quire_observe_limit(quire_float_type type)
{
    return type == QUIRE_FLOAT_F16 ? 0x7c000000u : QUIRE_F32_INFINITY;
}

static inline void
quire_extremes_add(quire_extremes *e, uint32_t bits)
{
    if ((int32_t)bits > (int32_t)e->high) e->high = bits;
    if (bits > e->far) e->far = bits;
    if (bits < e->near) e->near = bits;
}

static inline bool
quire_extremes_are_finite(quire_extremes e, uint32_t limit)
{
    return (int32_t)e.high < (int32_t)limit && e.far < (limit | QUIRE_F32_SIGN);
}

/* Numbers in the order of elements: -0.0 before +0.0. */
static inline int32_t
quire_order_of(float x)
{
    const uint32_t bits = quire_f32_bits(x);

    return (int32_t)(bits & QUIRE_F32_SIGN ? ~bits | QUIRE_F32_SIGN : bits);
}

/* The bin of a finite element below side * 2^exponent in size, which keeps the shift from falling
 * below 0: floor(x / 2^exponent). */
static inline int32_t
quire_bin_of(uint32_t bits, int32_t exponent)
{
    const uint32_t biased = (bits >> 23) & 0xff;
    const uint32_t size = (bits & 0x7fffffu) | (biased ? 0x800000u : 0);
    const uint32_t shift = (uint32_t)(exponent + 150 - (int32_t)(biased ? biased : 1));
    const bool negative = (bits & QUIRE_F32_SIGN) && size;
    const uint32_t whole = shift < 32 ? (size - negative) >> shift : 0;

    return negative ? ~(int32_t)whole : (int32_t)whole;
}

#endif
