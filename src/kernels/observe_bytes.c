/* observe_bytes.c - the byte form of a histogram; quire/observe.h says what is where. */
#include "kernels/observe_histogram.h"

#define VERSION 1

static const char magic[8] = {'q', 'u', 'i', 'r', 'e', 'h', 's', 't'};

static void
put(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t k = 0; k < size; k++)
        at[k] = (uint8_t)(value >> (8 * k));
}

static uint64_t
get(const uint8_t *at, size_t size)
{
    uint64_t value = 0;

    for (size_t k = 0; k < size; k++)
        value |= (uint64_t)at[k] << (8 * k);
    return value;
}

/* Bins from the first that is not empty to the last, as indices of counts. */
static uint32_t
bins_used(const quire_histogram *h, uint32_t *out_first)
{
    uint32_t first = 0;
    uint32_t end = 2 * h->side;

    while (first < end && h->counts[first] == 0)
        first++;
    while (end > first && h->counts[end - 1] == 0)
        end--;
    *out_first = first;
    return end - first;
}

size_t
quire_histogram_size(const quire_histogram *h)
{
    uint32_t first;

    return QUIRE_HISTOGRAM_HEADER + 8 * (size_t)bins_used(h, &first);
}

void
quire_histogram_write(const quire_histogram *h, void *out)
{
    const quire_range *r = &h->range;
    uint8_t *at = out;
    uint32_t first;
    const uint32_t n = bins_used(h, &first);

    memcpy(at, magic, sizeof magic);
    put(at + 8, VERSION, 4);
    put(at + 12, h->side, 4);
    put(at + 16, (uint32_t)h->exponent, 4);
    put(at + 20, n, 4);
    put(at + 24, r->n, 8);
    put(at + 32, r->n_nan, 8);
    put(at + 40, r->n_plus_infinity, 8);
    put(at + 48, r->n_minus_infinity, 8);
    put(at + 56, r->first_non_finite, 8);
    put(at + 64, quire_f32_bits(r->min), 4);
    put(at + 68, quire_f32_bits(r->max), 4);
    put(at + 72, n ? first - h->side : 0, 4);
    put(at + 76, 0, 4);
    for (uint32_t k = 0; k < n; k++)
        put(at + QUIRE_HISTOGRAM_HEADER + 8 * (size_t)k, h->counts[first + k], 8);
}

quire_status
quire_histogram_read_side(const void *bytes, size_t size, uint32_t *out_side, const char **out_why)
{
    const uint8_t *at = bytes;

    *out_why = "is no histogram: it does not start with \"quirehst\"";
    if (size < QUIRE_HISTOGRAM_HEADER || memcmp(at, magic, sizeof magic) != 0) {
        return QUIRE_E_INVALID;
    }
    *out_why = "is a histogram of another version: only version 1 is known";
    if (get(at + 8, 4) != VERSION) return QUIRE_E_INVALID;
    *out_why = "has a side that is no power of two from 16 to 65536";
    if (!quire_histogram_side_is_valid((uint32_t)get(at + 12, 4))) return QUIRE_E_INVALID;
    *out_side = (uint32_t)get(at + 12, 4);
    return QUIRE_OK;
}

/* The header but for magic, version and side. */
static void
header_read(const uint8_t *at, quire_histogram *h)
{
    h->exponent = (int32_t)(uint32_t)get(at + 16, 4);
    h->range = (quire_range){.n = get(at + 24, 8),
                             .n_nan = get(at + 32, 8),
                             .n_plus_infinity = get(at + 40, 8),
                             .n_minus_infinity = get(at + 48, 8),
                             .first_non_finite = get(at + 56, 8),
                             .min = quire_f32_from_bits((uint32_t)get(at + 64, 4)),
                             .max = quire_f32_from_bits((uint32_t)get(at + 68, 4))};
}

/* NaN and infinities by kind make up no more than all, and are there if the first of them is. */
static bool
range_adds_up(const quire_range *r)
{
    uint64_t n = 0;

    if (__builtin_add_overflow(r->n_nan, r->n_plus_infinity, &n)) return false;
    if (__builtin_add_overflow(n, r->n_minus_infinity, &n)) return false;
    return n <= r->n && (n || r->first_non_finite == UINT64_MAX);
}

static bool
counts_add_up(const quire_histogram *h)
{
    uint64_t n = 0;

    for (size_t k = 0; k < 2 * (size_t)h->side; k++) {
        if (__builtin_add_overflow(n, h->counts[k], &n)) return false;
    }
    return n == quire_histogram_n_finite(&h->range);
}

static bool
is_finite(float x)
{
    return (quire_f32_bits(x) & QUIRE_F32_INFINITY) != QUIRE_F32_INFINITY;
}

/* The range is that of elements in `n` bins from index `first` of counts on. */
static bool
range_fits_bins(const quire_histogram *h, uint32_t first, uint32_t n)
{
    const quire_range *r = &h->range;
    const int32_t side = (int32_t)h->side;

    if (n == 0) {
        quire_range none;
        quire_range_init(&none, 1);
        return quire_f32_bits(r->min) == quire_f32_bits(none.min) &&
               quire_f32_bits(r->max) == quire_f32_bits(none.max);
    }
    if (!is_finite(r->min) || !is_finite(r->max)) return false;
    if (quire_order_of(r->min) > quire_order_of(r->max)) return false;
    if (h->exponent != quire_histogram_exponent_for(h->side, r)) return false;
    if (quire_histogram_n_finite(r) == 1 && quire_f32_bits(r->min) != quire_f32_bits(r->max)) {
        return false;
    }
    return quire_bin_of(quire_f32_bits(r->min), h->exponent) == (int32_t)first - side &&
           quire_bin_of(quire_f32_bits(r->max), h->exponent) == (int32_t)(first + n) - 1 - side;
}

/* Fills counts; false if the bins are not within the histogram or have an empty end. */
static bool
counts_read(const uint8_t *at, size_t size, quire_histogram *h, uint32_t *out_first,
            uint32_t *out_n)
{
    const uint64_t n = get(at + 20, 4);
    const uint64_t first = (uint32_t)(get(at + 72, 4) + h->side);

    if (n > 2 * (uint64_t)h->side || size != QUIRE_HISTOGRAM_HEADER + 8 * n) return false;
    if (first > 2 * (uint64_t)h->side - n || (n == 0 && first != h->side)) return false;
    memset(h->counts, 0, 2 * (size_t)h->side * sizeof *h->counts);
    for (uint64_t k = 0; k < n; k++)
        h->counts[first + k] = get(at + QUIRE_HISTOGRAM_HEADER + 8 * k, 8);
    *out_first = (uint32_t)first;
    *out_n = (uint32_t)n;
    return n == 0 || (h->counts[first] && h->counts[first + n - 1]);
}

quire_status
quire_histogram_read(const void *bytes, size_t size, uint64_t *counts, quire_histogram *out,
                     const char **out_why)
{
    const uint8_t *at = bytes;
    quire_histogram h = {.counts = counts};
    uint32_t first, n;

    if (quire_histogram_read_side(bytes, size, &h.side, out_why) != QUIRE_OK) {
        return QUIRE_E_INVALID;
    }
    header_read(at, &h);
    *out_why = "does not have the bins it says it has";
    if (get(at + 76, 4) != 0 || !counts_read(at, size, &h, &first, &n)) return QUIRE_E_INVALID;
    *out_why = "has counts that do not add up";
    if (!range_adds_up(&h.range) || !counts_add_up(&h)) return QUIRE_E_INVALID;
    *out_why = "has a range that does not go with its bins";
    if (n == 0 && h.exponent != QUIRE_HISTOGRAM_LEAST) return QUIRE_E_INVALID;
    if (!range_fits_bins(&h, first, n)) return QUIRE_E_INVALID;
    *out = h;
    return QUIRE_OK;
}
