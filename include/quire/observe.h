/* quire/observe.h - what a tensor holds, and what quantizing it would do: ranges, histograms,
 * fake-quantize with its gradients.
 *
 * Pure functions on arrays, for calibration and for training with quantization. A tensor of any
 * rank is seen along one axis, as [outer, channels, inner]; a whole tensor is one channel:
 *
 *     const quire_axis whole = {.outer = 1, .channels = 1, .inner = n};
 *     const quire_observe_options options = {.size = sizeof options};
 *     uint64_t counts[2 * QUIRE_HISTOGRAM_SIDE];
 *     quire_histogram h;
 *     if (quire_histogram_init(&h, QUIRE_HISTOGRAM_SIDE, counts) != QUIRE_OK) ...
 *     for each batch
 *         if (quire_histogram_update(&h, &whole, QUIRE_FLOAT_F32, batch, &options) != QUIRE_OK) ...
 *     quire_histogram_quantile(&h, 0.999, &high);
 *
 * States are merged in any order and any tree: the bits are those of one run over everything. So
 * threads and machines each fill a state of their own.
 *
 * Nothing here allocates, starts a thread, reads a file or keeps anything; every function may be
 * called from any thread. Arrays do not overlap unless said and have the alignment of their type;
 * elements are in row-major order without gaps. Results have the same bits on every instruction
 * set, and whatever rounding mode or flush-to-zero the calling thread has set. QUIRE_E_USAGE: the
 * options are none of those described, name an instruction set that is not available (also by
 * QUIRE_ISA), or the sizes do not fit 63 bits; nothing was written.
 */
#ifndef QUIRE_OBSERVE_H
#define QUIRE_OBSERVE_H

#include "quire/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor seen along one axis: the product of the dimensions before it, its length, the product of
 * those behind it. Element (o, c, i) is at (o * channels + c) * inner + i. Zero is allowed. */
typedef struct quire_axis {
    uint64_t outer;
    uint64_t channels;
    uint64_t inner;
} quire_axis;

/* What an update does about NaN and infinities. They are counted, and the first is remembered, in
 * either case; they never take part in least, greatest or counts of bins. */
typedef enum quire_non_finite {
    QUIRE_NON_FINITE_COUNT,  /* no more than that                                              */
    QUIRE_NON_FINITE_REFUSE, /* QUIRE_E_INVALID after the whole array went into the state, if
                                the array had any                                              */
} quire_non_finite;

/* Set `size`; zero is the default of every other member. */
typedef struct quire_observe_options {
    uint32_t size;
    quire_non_finite non_finite;
    quire_isa isa; /* AUTO: QUIRE_ISA from the environment, else the best there is          */
    uint64_t at;   /* position of the array's first element, for quire_range.first_non_finite */
} quire_observe_options;

/* ---- ranges ---------------------------------------------------------------------------------- */

/* What was seen of a tensor, or of one channel. Comparisons are of bits: NaN and infinity cannot
 * hide, -0.0 is less than +0.0, float16 and bfloat16 are widened exactly. */
typedef struct quire_range {
    uint64_t n;                /* elements, finite or not                                     */
    uint64_t n_nan;            /* of them NaN                                                 */
    uint64_t n_plus_infinity;  /* of them +Inf                                                */
    uint64_t n_minus_infinity; /* of them -Inf                                                */
    uint64_t first_non_finite; /* least position of a NaN or infinity: options.at + its index in
                                  the array; UINT64_MAX if there is none                      */
    float min;                 /* least finite element; +Inf if there is none                 */
    float max;                 /* greatest finite element; -Inf if there is none              */
} quire_range;

/* Sets ranges[channels] to have seen nothing. */
QUIRE_API void quire_range_init(quire_range *ranges, uint64_t channels);

/* Takes the elements of `x` in: of channel c into ranges[c].
 * QUIRE_E_INVALID as options.non_finite says. QUIRE_E_LIMIT if a count would exceed 64 bits: the
 * ranges are as before. */
QUIRE_API QUIRE_MUST_USE quire_status quire_range_update(quire_range *ranges,
                                                         const quire_axis *axis,
                                                         quire_float_type type, const void *x,
                                                         const quire_observe_options *options);

/* into[c] has then seen what from[c] has too, for c < channels. Associative and commutative.
 * QUIRE_E_LIMIT if a count would exceed 64 bits: `into` is as before. */
QUIRE_API QUIRE_MUST_USE quire_status quire_range_merge(quire_range *into, const quire_range *from,
                                                        uint64_t channels);

/* ---- histograms ------------------------------------------------------------------------------ */

#define QUIRE_HISTOGRAM_SIDE     1024  /* a good choice: 16 KiB, 512 bins or more over a range */
#define QUIRE_HISTOGRAM_SIDE_MIN 16    /* powers of two from this                              */
#define QUIRE_HISTOGRAM_SIDE_MAX 65536 /* to this                                              */

/* Counts of finite elements. Bin i, for -side <= i < side, holds those in [i * 2^k, (i + 1) * 2^k)
 * with k = exponent, and is counts[side + i]; -0.0 counts as 0. k is the least integer, from -149
 * on, with |x| < side * 2^k for every x seen: where a greater one comes k rises, and bins fold by
 * pairs. So the state is a function of which elements were seen, not of their order, batches or
 * merges. Members may be read; they are changed by the functions below only. */
typedef struct quire_histogram {
    uint64_t *counts; /* [2 * side], the caller's                                             */
    uint32_t side;    /* a power of two                                                       */
    int32_t exponent; /* k                                                                    */
    quire_range range;
} quire_histogram;

/* An empty histogram over counts[2 * side], which are cleared. QUIRE_E_USAGE if `side` is none of
 * those above. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_init(quire_histogram *out, uint32_t side,
                                                           uint64_t *counts);

/* Takes the elements of `x` in: of channel c into histograms[c], ranges included.
 * Otherwise as quire_range_update. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_update(quire_histogram *histograms,
                                                             const quire_axis *axis,
                                                             quire_float_type type, const void *x,
                                                             const quire_observe_options *options);

/* `into` has then seen what `from` has too. Associative and commutative. QUIRE_E_USAGE if the sides
 * differ, QUIRE_E_LIMIT if a count would exceed 64 bits: `into` is as before. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_merge(quire_histogram *into,
                                                            const quire_histogram *from);

/* Where bin `bin` begins and the one before it ends: bin * 2^k, exactly. */
QUIRE_API double quire_histogram_edge(const quire_histogram *h, int64_t bin);

/* The finite element of this rank, 0 the least, lies in [*out_low, *out_high], both within what was
 * seen: the edges of its bin, narrowed to least and greatest. QUIRE_NONE if there are not so many
 * finite elements. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_rank(const quire_histogram *h, uint64_t rank,
                                                           double *out_low, double *out_high);

/* The value below which the fraction `part` of the n finite elements lies, if those of a bin were
 * spread evenly over it, narrowed as above: of the first bin which, with those before it, has at
 * least r = part * n of them, `b` before it and `c` in it, low + (high - low) * ((r - b) / c), in
 * double. 0 gives the least element, 1 the greatest. QUIRE_E_USAGE if `part` is not in [0, 1],
 * QUIRE_NONE if nothing finite was seen. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_quantile(const quire_histogram *h,
                                                               double part, double *out);

/* The byte form, for shards: the same bytes for the same state. All little-endian:
 *     0   8   "quirehst"
 *     8   4   version, 1
 *    12   4   side
 *    16   4   exponent
 *    20   4   m, the bins that are written
 *    24   8   n, n_nan, n_plus_infinity, n_minus_infinity, first_non_finite: 8 bytes each
 *    64   4   bits of min as float32
 *    68   4   bits of max
 *    72   4   the first bin written, from -side on; 0 if m is 0
 *    76   4   0
 *    80   8m  counts of the m bins; neither the first nor the last is 0 */
#define QUIRE_HISTOGRAM_HEADER 80

/* Bytes of the byte form. */
QUIRE_API size_t quire_histogram_size(const quire_histogram *h);

/* Writes them at `out`, any alignment. */
QUIRE_API void quire_histogram_write(const quire_histogram *h, void *out);

/* The side of the histogram whose byte form starts with the `size` bytes at `bytes`, for the memory
 * to read it into; the first QUIRE_HISTOGRAM_HEADER bytes suffice. QUIRE_E_INVALID, with the reason
 * in `*out_why` (static text), if it is none of this version. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_read_side(const void *bytes, size_t size,
                                                                uint32_t *out_side,
                                                                const char **out_why);

/* Reads a byte form, which takes all of `size`, into `out` over counts[2 * side]. QUIRE_E_INVALID,
 * with the reason in `*out_why` (static text), unless counts add up, the range goes with the bins
 * and the exponent is the least: `counts` is unspecified then, `*out` as before. */
QUIRE_API QUIRE_MUST_USE quire_status quire_histogram_read(const void *bytes, size_t size,
                                                           uint64_t *counts, quire_histogram *out,
                                                           const char **out_why);

/* ---- fake-quantize --------------------------------------------------------------------------- */

/* How an element x becomes a code, with scale s and zero point z of its channel, float32 throughout
 * and rounded half to even unless said; rint() rounds to an integer, half to even; fma() rounds
 * once.
 *
 *   INVERSE: torch's arithmetic, with r = 1 / s
 *       integer z:  t = z + rint(x * r)       float z:  t = rint(fma(x, r, z))
 *   DIVIDE: that of ONNX QuantizeLinear and DequantizeLinear (which know integer z only)
 *       integer z:  t = z + rint(x / s)       float z:  t = rint(x / s + z)
 *
 *   then, in both,
 *       q = t clamped to [quant_min, quant_max], NaN to quant_min, as an integer: never -0.0
 *       inside = quant_min <= t <= quant_max
 *       y = (q - z) * s; with float z in double, rounded to float32 at the end.
 *
 * INVERSE has the bits of torch 2.13 on x86-64 with FMA, with two exceptions, both where torch's
 * conversion to int64 overflows (t >= 2^63, and gradients or per-channel forward only): there torch
 * takes quant_min, this header quant_max. */
typedef enum quire_fake_rule { QUIRE_FAKE_INVERSE, QUIRE_FAKE_DIVIDE } quire_fake_rule;

typedef enum quire_fake_zero_point {
    QUIRE_FAKE_ZERO_POINT_I32, /* at most 2^23 in size; in [quant_min, quant_max] as a rule */
    QUIRE_FAKE_ZERO_POINT_F32  /* as in torch's per_channel_affine_float_qparams            */
} quire_fake_zero_point;

/* Set `size`. QUIRE_E_USAGE unless quant_min <= quant_max, both at most 2^23 in size. */
typedef struct quire_fake_options {
    uint32_t size;
    quire_fake_rule rule;
    quire_fake_zero_point zero_point;
    int32_t quant_min;
    int32_t quant_max;
    float grad_factor; /* gradients only: what those of scale and zero point are multiplied with */
    quire_isa isa;     /* AUTO: QUIRE_ISA from the environment, else the best there is           */
} quire_fake_options;

/* Scale and zero point of each channel. Scales are meant to be positive and normal; other values,
 * too, go through the formulas as they are. */
typedef struct quire_fake_params {
    const float *scales;     /* [channels]                                                    */
    const void *zero_points; /* [channels] of int32_t or float; NULL: symmetric, all zero     */
} quire_fake_params;

/* y = fake-quantize of x, of elements first to end - 1 of the tensor; x, y and mask begin at its
 * element 0. mask[i] is 1 where `inside`, else 0; NULL if it is not wanted. y may be x.
 * QUIRE_E_USAGE too if first > end or end is beyond the tensor. */
QUIRE_API QUIRE_MUST_USE quire_status quire_fake_quantize(const quire_fake_options *options,
                                                          const quire_axis *axis,
                                                          const quire_fake_params *params,
                                                          const float *x, uint64_t first,
                                                          uint64_t end, float *y, uint8_t *mask);

/* dx[i] = dy[i] * mask[i] for i < n: the gradient of x, straight through. dx may be dy. mask[i] is
 * 0 or 1. QUIRE_E_USAGE for an `isa` that is not available. */
QUIRE_API QUIRE_MUST_USE quire_status quire_fake_quantize_backward(const float *dy,
                                                                   const uint8_t *mask, uint64_t n,
                                                                   quire_isa isa, float *dx);

/* Gradients of scale and zero point, learned step sizes: those of one block, or of one channel. */
typedef struct quire_fake_sums {
    double scale;
    double zero_point;
} quire_fake_sums;

/* Elements of a channel, in the order of the tensor, go into blocks of this many. */
#define QUIRE_FAKE_BLOCK 4096

/* Blocks of all channels: ceil(outer * inner / QUIRE_FAKE_BLOCK) * channels. Block b of channel c
 * has number b * channels + c. */
QUIRE_API uint64_t quire_fake_quantize_blocks(const quire_axis *axis);

/* Of the blocks numbered first to end - 1: gradients of x into dx (NULL if not wanted; may be dy),
 * and sums of those of scale and zero point into sums[number]. x, dy, dx and sums begin at element
 * 0 and block 0: runs over different ranges, on any threads, make together what one makes.
 *
 * With g = grad_factor, float32 each, from left to right:
 *   INVERSE: t = rint(fma(x, r, z)), q and `inside` of this t, e = fma(q - z, s, -x)
 *   DIVIDE:  t, q as in the forward direction, e = (q - z) * s - x
 *       dx      = dy * (inside ? 1 : 0)
 *       scale:    inside: dy * e * r * g (INVERSE), dy * e / s * g (DIVIDE)
 *                 else dy * (quant_min - z) * g where t is below or NaN, dy * (quant_max - z) * g
 *       zero point: inside: +0, else dy * -1 * s * g
 * which are torch's _fake_quantize_learnable_* for INVERSE, element by element, for zero points
 * that quire_fake_zero_point_round has rounded. Sums are in double: element i of a block goes to
 * part i mod 8, in order; parts are added from 0 to 7. A sum that is NaN is the quiet NaN without
 * payload.
 * QUIRE_E_USAGE too if first > end or end is beyond the blocks. */
QUIRE_API QUIRE_MUST_USE quire_status
quire_fake_quantize_gradients(const quire_fake_options *options, const quire_axis *axis,
                              const quire_fake_params *params, const float *x, const float *dy,
                              uint64_t first, uint64_t end, float *dx, quire_fake_sums *sums);

/* totals[c] = the sums of channel c's blocks, added in order, from 0.0. */
QUIRE_API void quire_fake_quantize_totals(const quire_axis *axis, const quire_fake_sums *sums,
                                          quire_fake_sums *totals);

/* A learned zero point as the integer it stands for: rounded half to even, clamped to
 * [quant_min, quant_max], NaN to quant_min. Torch does so in the forward direction and per channel;
 * its per-tensor gradients take trunc(value + 0.5) instead, one more for negative integers. */
QUIRE_API int32_t quire_fake_zero_point_round(float value, int32_t quant_min, int32_t quant_max);

#ifdef __cplusplus
}
#endif

#endif
