/* fake_quantize.h - the inner loops of fake-quantize, by instruction set; the formulas are in
 * quire/observe.h. Everything assumes the environment of fp_env.h.
 */
#ifndef QUIRE_KERNELS_FAKE_QUANTIZE_H
#define QUIRE_KERNELS_FAKE_QUANTIZE_H

#include "kernels/half.h"
#include "quire/observe.h"

#include <float.h>
#include <stdbool.h>

_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must round to float");

/* Parts of a sum: element i of a block goes to part i mod 8. */
#define QUIRE_FAKE_PARTS 8

/* What is the same for all elements of a call. */
typedef struct quire_fake_rules {
    bool divide;
    bool zero_is_float;
    float low; /* quant_min  */
    float high;
    float factor;
} quire_fake_rules;

/* Of a channel. */
typedef struct quire_fake_channel {
    float scale;
    float inverse;
    float zero;
} quire_fake_channel;

/* Channels of neighbouring elements, or `uniform`: one for all of them. */
typedef struct quire_fake_columns {
    const float *scales;
    const float *inverses;
    const float *zeros;
    bool uniform;
} quire_fake_columns;

/* Of a block so far. */
typedef struct quire_fake_parts {
    double scale[QUIRE_FAKE_PARTS];
    double zero[QUIRE_FAKE_PARTS];
} quire_fake_parts;

typedef struct quire_fake_table {
    /* y and mask (or NULL) of x[n]; element i is of column i. y may be x. */
    void (*forward)(const quire_fake_rules *r, const quire_fake_columns *columns, const float *x,
                    size_t n, float *y, uint8_t *mask);
    /* dx[n] = dy[n] * mask[n]; dx may be dy. */
    void (*backward)(const float *dy, const uint8_t *mask, size_t n, float *dx);
    /* Gradients of elements i to i + n - 1 of a block, i a multiple of QUIRE_FAKE_PARTS. dx (or
     * NULL) may be dy. */
    void (*gradients)(const quire_fake_rules *r, const quire_fake_channel *channel, const float *x,
                      const float *dy, size_t n, float *dx, quire_fake_parts *io);
} quire_fake_table;

extern const quire_fake_table quire_fake_scalar;
extern const quire_fake_table quire_fake_avx2;

/* That of an instruction set, or NULL if it is not available. AUTO is looked up. */
const quire_fake_table *quire_fake_table_choose(quire_isa isa);

/* What `options` asks for, or NULL if they or the axis are not valid. */
const quire_fake_table *quire_fake_table_get(const quire_fake_options *options,
                                             const quire_axis *axis, quire_fake_rules *out);

/* Channel c of `params`, with its reciprocal. */
quire_fake_channel quire_fake_channel_get(const quire_fake_options *options,
                                          const quire_fake_params *params, uint64_t c);

#endif
