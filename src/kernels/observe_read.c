/* observe_read.c - what a histogram tells: edges, ranks, quantiles. */
#include "kernels/observe_histogram.h"

#include "kernels/fp_env.h"

#include <math.h>

double
quire_histogram_edge(const quire_histogram *h, int64_t bin)
{
    return ldexp((double)bin, h->exponent);
}

/* Edges of a bin that is not empty, as far as its elements can reach. */
static void
bin_span(const quire_histogram *h, int64_t bin, double *out_low, double *out_high)
{
    const double low = quire_histogram_edge(h, bin);
    const double high = quire_histogram_edge(h, bin + 1);
    const double min = (double)h->range.min;
    const double max = (double)h->range.max;

    *out_low = low > min ? low : min;
    *out_high = high < max ? high : max;
}

static quire_status
rank_find(const quire_histogram *h, uint64_t rank, double *out_low, double *out_high)
{
    const int64_t side = h->side;
    uint64_t before = 0;

    for (int64_t bin = -side; bin < side; bin++) {
        before += h->counts[side + bin];
        if (before > rank) {
            bin_span(h, bin, out_low, out_high);
            return QUIRE_OK;
        }
    }
    return QUIRE_NONE;
}

/* Fewer elements than `wanted` come before the bin that is found, or it is the last. */
static quire_status
quantile_find(const quire_histogram *h, double part, double *out)
{
    const int64_t side = h->side;
    const double wanted = part * (double)quire_histogram_n_finite(&h->range);
    uint64_t before = 0;

    if (quire_histogram_n_finite(&h->range) == 0) return QUIRE_NONE;
    for (int64_t bin = -side; bin < side; bin++) {
        const uint64_t count = h->counts[side + bin];
        if (count && (double)(before + count) >= wanted) {
            const double share = (wanted - (double)before) / (double)count;
            double low, high;
            bin_span(h, bin, &low, &high);
            *out = share < 1 ? low + (high - low) * share : high;
            return QUIRE_OK;
        }
        before += count;
    }
    *out = (double)h->range.max;
    return QUIRE_OK;
}

quire_status
quire_histogram_rank(const quire_histogram *h, uint64_t rank, double *out_low, double *out_high)
{
    quire_fp_env saved;

    quire_fp_enter(&saved);
    const quire_status status = rank_find(h, rank, out_low, out_high);
    quire_fp_leave(&saved);
    return status;
}

quire_status
quire_histogram_quantile(const quire_histogram *h, double part, double *out)
{
    quire_fp_env saved;

    if (!(part >= 0 && part <= 1)) return QUIRE_E_USAGE;
    quire_fp_enter(&saved);
    const quire_status status = quantile_find(h, part, out);
    quire_fp_leave(&saved);
    return status;
}
