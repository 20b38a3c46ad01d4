/* observe_histogram.h - what the files about histograms share. */
#ifndef QUIRE_KERNELS_OBSERVE_HISTOGRAM_H
#define QUIRE_KERNELS_OBSERVE_HISTOGRAM_H

#include "kernels/observe_table.h"

/* The least exponent: every float32 is a multiple of 2^-149. */
#define QUIRE_HISTOGRAM_LEAST (-149)

static inline bool
quire_histogram_side_is_valid(uint32_t side)
{
    return side >= QUIRE_HISTOGRAM_SIDE_MIN && side <= QUIRE_HISTOGRAM_SIDE_MAX &&
           (side & (side - 1)) == 0;
}

static inline uint64_t
quire_histogram_n_finite(const quire_range *range)
{
    return range->n - range->n_nan - range->n_plus_infinity - range->n_minus_infinity;
}

/* The exponent of a histogram that has seen what `range` has. */
int32_t quire_histogram_exponent_for(uint32_t side, const quire_range *range);

#endif
