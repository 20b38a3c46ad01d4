/* observe_histogram.c - counts in bins of a power of two, which grow by folding.
 *
 * An update goes chunk by chunk: the chunk's range first, then the exponent it needs, then its
 * bins. Long runs count into four short tables in turn, so that an increment need not wait for the
 * one before it in the same bin.
 */
#include "kernels/observe_histogram.h"

#define CHUNK      2048  /* elements made float32, and put in order, at a time              */
#define PART       512   /* of them whose bins are made at a time                           */
#define CLOSE      64    /* elements of a channel side by side, up to which it is close     */
#define STRIP      16    /* channels that are close, taken together                         */
#define ROWS       512   /* elements of each of them at a time                              */
#define AHEAD      16    /* rows between asking for a line and needing it                   */
#define TABLES     4     /* of 16-bit counts                                                */
#define TABLE_SIDE 1024  /* greatest side that has them                                     */
#define TABLE_FULL 61440 /* increments per table before they are emptied: below 2^16        */
#define LONG_RUN   32768 /* elements of a channel in one update that make tables worth while */

quire_status
quire_histogram_init(quire_histogram *out, uint32_t side, uint64_t *counts)
{
    if (!quire_histogram_side_is_valid(side)) return QUIRE_E_USAGE;
    memset(counts, 0, 2 * (size_t)side * sizeof *counts);
    *out = (quire_histogram){.counts = counts, .side = side, .exponent = QUIRE_HISTOGRAM_LEAST};
    quire_range_init(&out->range, 1);
    return QUIRE_OK;
}

int32_t
quire_histogram_exponent_for(uint32_t side, const quire_range *range)
{
    const uint32_t min = quire_f32_bits(range->min) & ~QUIRE_F32_SIGN;
    const uint32_t max = quire_f32_bits(range->max) & ~QUIRE_F32_SIGN;
    const uint32_t size = min > max ? min : max;
    int32_t above = QUIRE_HISTOGRAM_LEAST; /* size < 2^above */

    if (quire_histogram_n_finite(range) == 0 || size == 0) return QUIRE_HISTOGRAM_LEAST;
    above = size >> 23 ? (int32_t)(size >> 23) - 126 : 32 - __builtin_clz(size) - 149;
    above -= __builtin_ctz(side);
    return above > QUIRE_HISTOGRAM_LEAST ? above : QUIRE_HISTOGRAM_LEAST;
}

/* From 0 outwards on either side: a bin's new place is never farther out. */
static void
coarsen(quire_histogram *h, int32_t exponent)
{
    const int32_t side = (int32_t)h->side;
    const int32_t shift = exponent - h->exponent < 31 ? exponent - h->exponent : 31;
    uint64_t *zero = h->counts + h->side;

    h->exponent = exponent;
    if (shift == 0) return;
    for (int32_t i = 0; i < side; i++) {
        const uint64_t right = zero[i];
        const uint64_t left = zero[-1 - i];
        zero[i] = 0;
        zero[-1 - i] = 0;
        zero[i >> shift] += right;
        zero[-1 - (i >> shift)] += left;
    }
}

quire_status
quire_histogram_merge(quire_histogram *into, const quire_histogram *from)
{
    const int32_t exponent = into->exponent > from->exponent ? into->exponent : from->exponent;
    const int32_t side = (int32_t)into->side;
    int32_t shift = exponent - from->exponent;

    if (into->side != from->side) return QUIRE_E_USAGE;
    if (quire_range_merge(&into->range, &from->range, 1) != QUIRE_OK) return QUIRE_E_LIMIT;
    coarsen(into, exponent);
    if (shift > 31) shift = 31;
    for (int32_t i = 0; i < side; i++) {
        into->counts[side + (i >> shift)] += from->counts[side + i];
        into->counts[side - 1 - (i >> shift)] += from->counts[side - 1 - i];
    }
    return QUIRE_OK;
}

/* One array on its way into the histograms. */
typedef struct scan {
    const quire_observe_table *table;
    const quire_axis *axis;
    quire_float_type type;
    const char *x;
    uint64_t at;
    bool found;
} scan;

/* Counts of one histogram that are not in it yet. */
typedef struct pending {
    uint64_t n;
    bool used;
    uint16_t counts[TABLES][2 * TABLE_SIDE];
} pending;

static void
pending_flush(pending *p, quire_histogram *h)
{
    if (p->n == 0) return;
    for (size_t k = 0; k < 2 * (size_t)h->side; k++) {
        uint32_t sum = 0;
        for (int t = 0; t < TABLES; t++)
            sum += p->counts[t][k];
        h->counts[k] += sum;
    }
    memset(p->counts, 0, sizeof p->counts);
    p->n = 0;
}

static void
count_pending(pending *p, const uint32_t *bins, size_t n)
{
    for (size_t i = 0; i + TABLES <= n; i += TABLES) {
        p->counts[0][bins[i]]++;
        p->counts[1][bins[i + 1]]++;
        p->counts[2][bins[i + 2]]++;
        p->counts[3][bins[i + 3]]++;
    }
    for (size_t i = n / TABLES * TABLES; i < n; i++)
        p->counts[0][bins[i]]++;
    p->n += n;
}

/* Counts x[n], finite and small enough. */
static void
count(const scan *s, quire_histogram *h, pending *p, const float *x, size_t n)
{
    uint32_t bins[PART];

    for (size_t first = 0; first < n; first += PART) {
        const size_t part = n - first < PART ? n - first : PART;
        s->table->bins(x + first, part, h->side, h->exponent, bins);
        if (p->used) {
            count_pending(p, bins, part);
        } else {
            for (size_t i = 0; i < part; i++)
                h->counts[bins[i]]++;
        }
    }
}

/* Drops NaN and infinities: x[n] becomes out[<= n]. */
static size_t
finite_keep(const float *x, size_t n, float *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const float v = x[i];
        out[kept] = v;
        kept += (quire_f32_bits(v) & QUIRE_F32_INFINITY) != QUIRE_F32_INFINITY;
    }
    return kept;
}

/* `x` may be `room`, for n floats. */
static void
chunk_add(scan *s, quire_histogram *h, pending *p, const float *x, size_t n, float *room,
          quire_positions positions)
{
    quire_range range;

    quire_range_init(&range, 1);
    if (quire_range_add(s->table, &range, QUIRE_FLOAT_F32, x, n, positions)) {
        s->found = true;
        n = finite_keep(x, n, room);
        x = room;
    }
    (void)!quire_range_merge(&h->range, &range, 1); /* looked at before: it fits */
    const int32_t exponent = quire_histogram_exponent_for(h->side, &h->range);
    if (exponent != h->exponent || p->n + n > (uint64_t)TABLES * TABLE_FULL) pending_flush(p, h);
    coarsen(h, exponent);
    count(s, h, p, x, n);
}

/* Elements first to first + n - 1 of channel c, side by side in `out`. */
static void
gather(const scan *s, uint64_t c, uint64_t first, size_t n, float *out)
{
    const quire_axis *a = s->axis;
    const size_t size = quire_float_size(s->type);
    uint64_t o = first / a->inner;
    uint64_t i = first % a->inner;

    for (size_t k = 0; k < n; o++, i = 0) {
        const char *from = s->x + ((o * a->channels + c) * a->inner + i) * size;
        const size_t run = a->inner - i < n - k ? (size_t)(a->inner - i) : n - k;
        s->table->widen(s->type, from, run, out + k);
        k += run;
    }
}

/* Elements first to end - 1 of channel c, into h. */
static void
channel_add(scan *s, quire_histogram *h, pending *p, uint64_t c, uint64_t first, uint64_t end)
{
    const quire_axis *a = s->axis;
    const uint64_t inner = a->inner;
    float room[CHUNK];

    while (first < end) {
        const uint64_t row = first / inner;
        const uint64_t column = first % inner;
        const uint64_t rest = inner - column;
        const uint64_t at = (row * a->channels + c) * inner + column;
        uint64_t n = end - first < CHUNK ? end - first : CHUNK;

        if (column && rest < n) n = rest; /* a chunk spans whole runs or lies within one */
        if (s->type == QUIRE_FLOAT_F32 && rest >= n) {
            const float *x = (const float *)(const void *)s->x + at;
            chunk_add(s, h, p, x, (size_t)n, room, (quire_positions){s->at + at, n, 0});
        } else {
            const uint64_t run = column ? n : inner;
            gather(s, c, first, (size_t)n, room);
            chunk_add(s, h, p, room, (size_t)n, room,
                      (quire_positions){s->at + at, run, inner * a->channels});
        }
        first += n;
    }
    pending_flush(p, h);
}

/* Elements of channels that are close, those of each side by side. */
typedef union strip {
    float wide[STRIP][ROWS];
    uint16_t half[STRIP][ROWS];
} strip;

/* Elements first to first + n - 1 of n_channels channels, from `channel` on. Rows are the outer
 * loop, so that every line of memory is read once. */
static void
strip_gather(const scan *s, uint64_t channel, size_t n_channels, uint64_t first, size_t n,
             strip *out)
{
    const quire_axis *a = s->axis;
    const float *wide = (const float *)(const void *)s->x;
    const uint16_t *half = (const uint16_t *)(const void *)s->x;
    const uint64_t ahead = AHEAD * a->channels * a->inner;
    uint64_t i = first % a->inner;
    uint64_t at = (first / a->inner * a->channels + channel) * a->inner + i;

    for (size_t k = 0; k < n; k++) {
        quire_observe_fetch(s->x, (at + ahead) * quire_float_size(s->type));
        if (s->type == QUIRE_FLOAT_F32) {
            for (size_t c = 0; c < n_channels; c++)
                out->wide[c][k] = wide[at + c * a->inner];
        } else {
            for (size_t c = 0; c < n_channels; c++)
                out->half[c][k] = half[at + c * a->inner];
        }
        at++;
        if (++i < a->inner) continue;
        i = 0;
        at += (a->channels - 1) * a->inner;
    }
}

/* `first` is the start of a run. */
static void
strip_add(scan *s, quire_histogram *h, pending *p, uint64_t channel, size_t n_channels,
          uint64_t first, size_t n)
{
    const quire_axis *a = s->axis;
    float room[ROWS];
    strip of;

    strip_gather(s, channel, n_channels, first, n, &of);
    for (size_t c = 0; c < n_channels; c++) {
        const uint64_t at = (first / a->inner * a->channels + channel + c) * a->inner;
        const quire_positions positions = {s->at + at, a->inner, a->inner * a->channels};
        if (s->type != QUIRE_FLOAT_F32) s->table->widen(s->type, of.half[c], n, room);
        chunk_add(s, &h[channel + c], p, s->type == QUIRE_FLOAT_F32 ? of.wide[c] : room, n, room,
                  positions);
    }
}

static void
close_channels_add(scan *s, quire_histogram *h, pending *p)
{
    const quire_axis *a = s->axis;
    const uint64_t n = a->outer * a->inner;
    const uint64_t step = ROWS / a->inner * a->inner;

    p->used = false;
    p->n = 0;
    for (uint64_t first = 0; first < n; first += step) {
        const uint64_t count = n - first < step ? n - first : step;
        for (uint64_t c = 0; c < a->channels; c += STRIP) {
            const uint64_t left = a->channels - c;
            strip_add(s, h, p, c, (size_t)(left < STRIP ? left : STRIP), first, (size_t)count);
        }
    }
}

static void
channels_add(scan *s, quire_histogram *h)
{
    const quire_axis *a = s->axis;
    const uint64_t n = a->outer * a->inner;
    pending p;

    if (a->inner <= CLOSE && a->channels > 1) {
        close_channels_add(s, h, &p);
        return;
    }
    for (uint64_t c = 0; c < a->channels; c++) {
        p.used = n >= LONG_RUN && h[c].side <= TABLE_SIDE;
        p.n = 0;
        if (p.used) memset(p.counts, 0, sizeof p.counts);
        channel_add(s, &h[c], &p, c, 0, n);
    }
}

quire_status
quire_histogram_update(quire_histogram *histograms, const quire_axis *axis, quire_float_type type,
                       const void *x, const quire_observe_options *options)
{
    const uint64_t n = axis->outer * axis->channels * axis->inner;
    const quire_axis whole = {.outer = 1, .channels = 1, .inner = n};
    scan s = {.table = quire_observe_table_get(axis, type, options),
              .axis = axis->channels == 1 ? &whole : axis,
              .type = type,
              .x = x,
              .at = options->at};

    if (!s.table) return QUIRE_E_USAGE;
    if (n == 0) return QUIRE_OK;
    for (uint64_t c = 0; c < axis->channels; c++) {
        if (histograms[c].range.n > UINT64_MAX - n / axis->channels) return QUIRE_E_LIMIT;
    }
    channels_add(&s, histograms);
    return s.found && options->non_finite == QUIRE_NON_FINITE_REFUSE ? QUIRE_E_INVALID : QUIRE_OK;
}
