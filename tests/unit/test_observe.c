/* test_observe.c - ranges and histograms: values known from outside, every length and instruction
 * set against a plain count, merges in any order and tree, the byte form. Equality with numpy over
 * shapes and types is for tests/conformance/observe_reference.py.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "quire/observe.h"
#include "support/fenced.h"
#include "support/fp_modes.h"
#include "support/random.h"

#define SIDE 16

static const quire_isa isas[] = {QUIRE_ISA_SCALAR, QUIRE_ISA_AVX2, QUIRE_ISA_AVX512,
                                 QUIRE_ISA_NEON};
#define N_ISAS (sizeof isas / sizeof *isas)

static quire_observe_options
options_of(quire_isa isa)
{
    return (quire_observe_options){.size = sizeof(quire_observe_options), .isa = isa};
}

static quire_axis
whole(uint64_t n)
{
    return (quire_axis){.outer = 1, .channels = 1, .inner = n};
}

static uint32_t
bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float
float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static quire_range
range_of(const float *x, uint64_t n, quire_isa isa)
{
    const quire_observe_options options = options_of(isa);
    const quire_axis axis = whole(n);
    quire_range r;

    quire_range_init(&r, 1);
    ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_OK);
    return r;
}

static void
same_range(const quire_range *a, const quire_range *b)
{
    ck_assert_uint_eq(a->n, b->n);
    ck_assert_uint_eq(a->n_nan, b->n_nan);
    ck_assert_uint_eq(a->n_plus_infinity, b->n_plus_infinity);
    ck_assert_uint_eq(a->n_minus_infinity, b->n_minus_infinity);
    ck_assert_uint_eq(a->first_non_finite, b->first_non_finite);
    ck_assert_uint_eq(bits_of(a->min), bits_of(b->min));
    ck_assert_uint_eq(bits_of(a->max), bits_of(b->max));
}

/* What quire/observe.h says of a range, in comparisons of floats. */
static quire_range
range_plainly(const float *x, uint64_t n)
{
    quire_range r = {.n = n, .first_non_finite = UINT64_MAX, .min = INFINITY, .max = -INFINITY};

    for (uint64_t i = 0; i < n; i++) {
        const bool negative = signbit(x[i]) != 0;
        if (!isfinite(x[i])) {
            r.n_nan += isnan(x[i]) != 0;
            r.n_plus_infinity += !isnan(x[i]) && !negative;
            r.n_minus_infinity += !isnan(x[i]) && negative;
            if (r.first_non_finite == UINT64_MAX) r.first_non_finite = i;
            continue;
        }
        if (x[i] < r.min || (x[i] == r.min && negative)) r.min = x[i];
        if (x[i] > r.max || (x[i] == r.max && !negative)) r.max = x[i];
    }
    return r;
}

START_TEST(what_a_range_says)
{
    const float x[] = {1, -0.0f, 3, NAN, 0.0f, INFINITY, -2, -INFINITY, -NAN};

    for (size_t k = 0; k < N_ISAS; k++) {
        if (!quire_isa_is_available(isas[k])) continue;
        const quire_range r = range_of(x, 9, isas[k]);
        ck_assert_uint_eq(r.n, 9);
        ck_assert_uint_eq(r.n_nan, 2);
        ck_assert_uint_eq(r.n_plus_infinity, 1);
        ck_assert_uint_eq(r.n_minus_infinity, 1);
        ck_assert_uint_eq(r.first_non_finite, 3);
        ck_assert(r.min == -2 && r.max == 3);
    }
}
END_TEST

START_TEST(zeros_have_an_order)
{
    const float both[] = {0.0f, -0.0f, 0.0f};
    const float negative[] = {-0.0f, -0.0f};

    for (size_t k = 0; k < N_ISAS; k++) {
        if (!quire_isa_is_available(isas[k])) continue;
        quire_range r = range_of(both, 3, isas[k]);
        ck_assert_uint_eq(bits_of(r.min), 0x80000000u);
        ck_assert_uint_eq(bits_of(r.max), 0);
        r = range_of(negative, 2, isas[k]);
        ck_assert_uint_eq(bits_of(r.max), 0x80000000u);
        r = range_of(both, 1, isas[k]);
        ck_assert_uint_eq(bits_of(r.min), 0);
    }
}
END_TEST

START_TEST(nothing_seen)
{
    const quire_range r = range_of(NULL, 0, QUIRE_ISA_AUTO);

    ck_assert_uint_eq(r.n, 0);
    ck_assert(r.min == INFINITY && r.max == -INFINITY);
    ck_assert_uint_eq(r.first_non_finite, UINT64_MAX);
}
END_TEST

/* Ordinary, of one sign, or with something odd in it. */
static void
array_fill(random_state *random, float *x, uint64_t n)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.0f, FLT_MAX, -FLT_MAX, 1e-45f};
    const uint64_t kind = random_below(random, 5);

    for (uint64_t i = 0; i < n; i++) {
        x[i] = random_float(random);
        if (kind == 1) x[i] = fabsf(x[i]);
        if (kind == 2) x[i] = -fabsf(x[i]);
        if (kind == 3 && random_below(random, 20) == 0) x[i] = odd[random_below(random, 8)];
        if (kind == 4 && i + 1 == n) x[i] = odd[random_below(random, 8)];
    }
}

START_TEST(every_length_between_fences)
{
    const fenced f = fenced_make(100000);
    random_state random = {77};
    float x[20000];

    for (uint64_t n = 1; n < 20000; n = n < 300 ? n + 1 : n * 3 + 1) {
        array_fill(&random, x, n);
        const quire_range wanted = range_plainly(x, n);
        for (int place = FENCED_END; place <= FENCED_START; place++) {
            float *at = fenced_put(&f, n * sizeof *x, (fenced_place)place);
            memcpy(at, x, n * sizeof *x);
            for (size_t k = 0; k < N_ISAS; k++) {
                if (!quire_isa_is_available(isas[k])) continue;
                const quire_range r = range_of(at, n, isas[k]);
                same_range(&r, &wanted);
            }
        }
    }
}
END_TEST

/* Channels of a shape, one by one, against plain ranges of what belongs to them. */
static void
check_channels(random_state *random, const fenced *f, quire_axis a, quire_isa isa)
{
    const uint64_t n = a.outer * a.channels * a.inner;
    float *x = fenced_put(f, n * sizeof *x, FENCED_END);
    float *one = malloc(a.outer * a.inner * sizeof *one);
    quire_range *ranges = malloc(a.channels * sizeof *ranges);
    const quire_observe_options options = options_of(isa);

    array_fill(random, x, n);
    quire_range_init(ranges, a.channels);
    ck_assert_int_eq(quire_range_update(ranges, &a, QUIRE_FLOAT_F32, x, &options), QUIRE_OK);
    for (uint64_t c = 0; c < a.channels; c++) {
        uint64_t k = 0;
        for (uint64_t o = 0; o < a.outer; o++)
            for (uint64_t i = 0; i < a.inner; i++)
                one[k++] = x[(o * a.channels + c) * a.inner + i];
        quire_range wanted = range_plainly(one, k);
        if (wanted.first_non_finite != UINT64_MAX) {
            const uint64_t at = wanted.first_non_finite;
            wanted.first_non_finite = (at / a.inner * a.channels + c) * a.inner + at % a.inner;
        }
        same_range(&ranges[c], &wanted);
    }
    free(ranges);
    free(one);
}

START_TEST(channels_of_any_shape)
{
    const fenced f = fenced_make(200000);
    random_state random = {5};

    for (int round = 0; round < 300; round++) {
        const uint64_t inner =
            random_below(&random, 3) ? 1 + random_below(&random, 4) : 1 + random_below(&random, 90);
        const uint64_t channels = 1 + random_below(&random, 70);
        const quire_axis a = {1 + random_below(&random, 30000 / (channels * inner) + 1), channels,
                              inner};
        for (size_t k = 0; k < N_ISAS; k++) {
            if (quire_isa_is_available(isas[k])) check_channels(&random, &f, a, isas[k]);
        }
    }
}
END_TEST

START_TEST(halves_are_widened)
{
    const uint16_t f16[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x7e00};
    const uint16_t bf16[] = {0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80, 0xff80, 0x7fc0};
    const quire_axis axis = whole(7);

    for (size_t k = 0; k < N_ISAS; k++) {
        const quire_observe_options options = options_of(isas[k]);
        quire_range r;
        if (!quire_isa_is_available(isas[k])) continue;
        quire_range_init(&r, 1);
        ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F16, f16, &options), QUIRE_OK);
        ck_assert(r.min == -2 && r.max == 65504);
        ck_assert_uint_eq(r.n_nan + r.n_plus_infinity * 10 + r.n_minus_infinity * 100, 111);
        quire_range_init(&r, 1);
        ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_BF16, bf16, &options), QUIRE_OK);
        ck_assert(r.min == -2 && r.max == float_of(0x7f7f0000u));
        ck_assert_uint_eq(r.n_nan + r.n_plus_infinity * 10 + r.n_minus_infinity * 100, 111);
        ck_assert_uint_eq(r.first_non_finite, 4);
    }
}
END_TEST

/* A float16 as it is defined. */
static float
f16_plainly(uint16_t half)
{
    const int exponent = half >> 10 & 31;
    const float sign = half & 0x8000 ? -1.0f : 1.0f;
    const float mantissa = (float)(half & 0x3ff);

    if (exponent == 31) return half & 0x3ff ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexpf(1024 + mantissa, exponent - 25) : ldexpf(mantissa, -24));
}

START_TEST(halves_of_every_length)
{
    const fenced f = fenced_make(4096);
    random_state random = {78};
    float x[300];

    for (uint64_t n = 1; n < 300; n++) {
        uint16_t *half = fenced_put(&f, n * sizeof *half, FENCED_END);
        const quire_float_type type = n % 2 ? QUIRE_FLOAT_F16 : QUIRE_FLOAT_BF16;
        const uint64_t signs = random_below(&random, 3);
        for (uint64_t i = 0; i < n; i++) {
            half[i] = (uint16_t)random_below(&random, 0x7c00);
            if (signs == 0) half[i] |= 0x8000;
            if (signs == 1) half[i] |= (uint16_t)(random_below(&random, 2) << 15);
            if (random_below(&random, 500) == 0) half[i] |= 0x7f80;
            x[i] = n % 2 ? f16_plainly(half[i]) : float_of((uint32_t)half[i] << 16);
        }
        const quire_range wanted = range_plainly(x, n);
        for (size_t k = 0; k < N_ISAS; k++) {
            const quire_observe_options options = options_of(isas[k]);
            const quire_axis axis = whole(n);
            quire_range r;
            if (!quire_isa_is_available(isas[k])) continue;
            quire_range_init(&r, 1);
            ck_assert_int_eq(quire_range_update(&r, &axis, type, half, &options), QUIRE_OK);
            same_range(&r, &wanted);
        }
    }
}
END_TEST

START_TEST(refusing_still_counts)
{
    const float x[] = {1, NAN};
    const quire_axis axis = whole(2);
    quire_observe_options options = options_of(QUIRE_ISA_AUTO);
    quire_range r;

    options.non_finite = QUIRE_NON_FINITE_REFUSE;
    options.at = 100;
    quire_range_init(&r, 1);
    ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_E_INVALID);
    ck_assert_uint_eq(r.n, 2);
    ck_assert_uint_eq(r.first_non_finite, 101);
    ck_assert(r.max == 1);
    const quire_axis first = whole(1); /* what came before does not count */
    ck_assert_int_eq(quire_range_update(&r, &first, QUIRE_FLOAT_F32, x, &options), QUIRE_OK);
}
END_TEST

START_TEST(wrong_calls)
{
    const float x[] = {1};
    const quire_axis axis = whole(1);
    const quire_axis vast = {UINT64_MAX, 3, 1};
    quire_observe_options options = options_of(QUIRE_ISA_AUTO);
    uint64_t counts[2 * SIDE];
    quire_histogram h;
    quire_range r;

    quire_range_init(&r, 1);
    ck_assert_int_eq(quire_range_update(&r, &vast, QUIRE_FLOAT_F32, x, &options), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_range_update(&r, &axis, (quire_float_type)3, x, &options),
                     QUIRE_E_USAGE);
    options.at = UINT64_MAX;
    ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_E_USAGE);
    options = options_of((quire_isa)77);
    ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_E_USAGE);
    options = options_of(QUIRE_ISA_AUTO);
    options.size--;
    ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_E_USAGE);
    options.size++;
    options.non_finite = (quire_non_finite)2;
    ck_assert_int_eq(quire_range_update(&r, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_E_USAGE);
    ck_assert_uint_eq(r.n, 0);
    for (uint32_t side = 0; side < 20; side++) {
        ck_assert_int_eq(quire_histogram_init(&h, side, counts),
                         side == 16 ? QUIRE_OK : QUIRE_E_USAGE);
    }
    ck_assert_int_eq(quire_histogram_init(&h, 131072, counts), QUIRE_E_USAGE);
}
END_TEST

START_TEST(counts_that_would_overflow)
{
    const float x[] = {1, 2};
    const quire_axis axis = whole(2);
    const quire_observe_options options = options_of(QUIRE_ISA_AUTO);
    uint64_t counts[2 * SIDE], others[2 * SIDE];
    quire_histogram h, other;

    ck_assert_int_eq(quire_histogram_init(&h, SIDE, counts), QUIRE_OK);
    ck_assert_int_eq(quire_histogram_init(&other, SIDE, others), QUIRE_OK);
    ck_assert_int_eq(quire_histogram_update(&other, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_OK);
    h.range.n = h.range.n_nan = UINT64_MAX - 1;
    ck_assert_int_eq(quire_range_update(&h.range, &axis, QUIRE_FLOAT_F32, x, &options),
                     QUIRE_E_LIMIT);
    ck_assert_int_eq(quire_histogram_update(&h, &axis, QUIRE_FLOAT_F32, x, &options),
                     QUIRE_E_LIMIT);
    ck_assert_int_eq(quire_histogram_merge(&h, &other), QUIRE_E_LIMIT);
    ck_assert_int_eq(quire_range_merge(&h.range, &other.range, 1), QUIRE_E_LIMIT);
    ck_assert_uint_eq(h.range.n, UINT64_MAX - 1);
    ck_assert_int_eq(h.exponent, -149);
}
END_TEST

/* A histogram with memory of its own. */
typedef struct shard {
    quire_histogram h;
    uint64_t counts[2 * 1024];
} shard;

static void
shard_init(shard *s, uint32_t side)
{
    ck_assert_int_eq(quire_histogram_init(&s->h, side, s->counts), QUIRE_OK);
}

static void
shard_add(shard *s, const float *x, uint64_t n, uint64_t at, quire_isa isa)
{
    quire_observe_options options = options_of(isa);
    const quire_axis axis = whole(n);

    options.at = at;
    ck_assert_int_eq(quire_histogram_update(&s->h, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_OK);
}

START_TEST(bins_by_hand)
{
    const float x[] = {0, 0.5f, 1, 14.99f, -0.0f, -0.5f, -1, -1.5f, -14};
    const float more = 16;
    shard s;

    for (size_t k = 0; k < N_ISAS; k++) {
        if (!quire_isa_is_available(isas[k])) continue;
        shard_init(&s, SIDE);
        shard_add(&s, x, 9, 0, isas[k]); /* width 1 */
        ck_assert_int_eq(s.h.exponent, 0);
        const uint64_t *zero = s.counts + SIDE;
        ck_assert_uint_eq(zero[0], 3);
        ck_assert_uint_eq(zero[1], 1);
        ck_assert_uint_eq(zero[14], 1);
        ck_assert_uint_eq(zero[-1], 2); /* [-1, 0) */
        ck_assert_uint_eq(zero[-2], 1);
        ck_assert_uint_eq(zero[-14], 1);
        shard_add(&s, &more, 1, 9, isas[k]); /* width 2 */
        ck_assert_int_eq(s.h.exponent, 1);
        ck_assert_uint_eq(zero[0], 4);
        ck_assert_uint_eq(zero[7], 1);
        ck_assert_uint_eq(zero[8], 1);
        ck_assert_uint_eq(zero[-1], 3);
        ck_assert_uint_eq(zero[-7], 1);
        ck_assert(quire_histogram_edge(&s.h, -7) == -14);
    }
}
END_TEST

START_TEST(bins_of_extremes)
{
    const float x[] = {1e-45f, -1e-45f, 2e-44f, FLT_MAX, -FLT_MAX};
    shard s;

    for (size_t k = 0; k < N_ISAS; k++) {
        if (!quire_isa_is_available(isas[k])) continue;
        shard_init(&s, SIDE);
        shard_add(&s, x, 2, 0, isas[k]);
        ck_assert_int_eq(s.h.exponent, -149);
        ck_assert_uint_eq(s.counts[SIDE + 1], 1);
        ck_assert_uint_eq(s.counts[SIDE - 1], 1);
        shard_add(&s, x + 2, 1, 2, isas[k]); /* 14 * 2^-149 */
        ck_assert_int_eq(s.h.exponent, -149);
        ck_assert_uint_eq(s.counts[SIDE + 14], 1);
        shard_add(&s, x + 3, 2, 3, isas[k]);
        ck_assert_int_eq(s.h.exponent, 124);
        ck_assert_uint_eq(s.counts[SIDE + 15], 1);
        ck_assert_uint_eq(s.counts[0], 1);
        ck_assert_uint_eq(s.counts[SIDE], 2);
        ck_assert_uint_eq(s.counts[SIDE - 1], 1);
    }
}
END_TEST

START_TEST(bins_of_subnormals)
{
    float x[40];
    shard s;

    for (uint32_t i = 0; i < 40; i++)
        x[i] = float_of(i / 2 * 16 | (i % 2) << 31); /* 16 * 2^-149 apart */
    for (size_t k = 0; k < N_ISAS; k++) {
        if (!quire_isa_is_available(isas[k])) continue;
        shard_init(&s, 1024);
        shard_add(&s, x, 40, 0, isas[k]);
        ck_assert_int_eq(s.h.exponent, -149);
        ck_assert_uint_eq(s.counts[1024], 2); /* zeros of both signs */
        for (uint32_t i = 1; i < 20; i++) {
            ck_assert_uint_eq(s.counts[1024 + i * 16], 1);
            ck_assert_uint_eq(s.counts[1024 - i * 16], 1);
        }
    }
}
END_TEST

/* One long run, in which bins fold on the way, equals many short ones. */
START_TEST(long_runs)
{
    const uint64_t n = 400000;
    float *x = malloc(n * sizeof *x);
    shard whole_run, parts;

    for (uint64_t i = 0; i < n; i++)
        x[i] = i < 300000 ? 0.5f : i % 100000 == 7 ? (float)i : -0.25f;
    for (size_t k = 0; k < N_ISAS; k++) {
        if (!quire_isa_is_available(isas[k])) continue;
        shard_init(&whole_run, 1024);
        shard_init(&parts, 1024);
        shard_add(&whole_run, x, n, 0, isas[k]);
        for (uint64_t i = 0; i < n; i += 1000)
            shard_add(&parts, x + i, 1000, i, QUIRE_ISA_SCALAR);
        ck_assert_uint_eq(parts.counts[1024] + parts.counts[1023], n - 1);
        ck_assert_int_eq(memcmp(parts.counts, whole_run.counts, sizeof parts.counts), 0);
        ck_assert_int_eq(parts.h.exponent, whole_run.h.exponent);
    }
    free(x);
}
END_TEST

/* Where the first NaN of a channel is, in the tensor. */
START_TEST(positions_in_channels)
{
    const uint64_t inners[] = {1, 3, 64, 65, 700, 3000};
    const quire_observe_options options = options_of(QUIRE_ISA_AUTO);
    shard shards[2];

    for (size_t k = 0; k < 6; k++) {
        const quire_axis axis = {5, 2, inners[k]};
        const uint64_t at =
            (3 * 2 + 1) * inners[k] + inners[k] - 1; /* channel 1, its last but one */
        float *x = calloc(10 * inners[k], sizeof *x);
        quire_histogram h[2];
        x[at] = NAN;
        x[9 * inners[k]] = NAN;
        for (int c = 0; c < 2; c++)
            ck_assert_int_eq(quire_histogram_init(&h[c], SIDE, shards[c].counts), QUIRE_OK);
        ck_assert_int_eq(quire_histogram_update(h, &axis, QUIRE_FLOAT_F32, x, &options), QUIRE_OK);
        ck_assert_uint_eq(h[0].range.first_non_finite, UINT64_MAX);
        ck_assert_uint_eq(h[1].range.first_non_finite, at);
        ck_assert_uint_eq(h[1].range.n_nan, 2);
        free(x);
    }
}
END_TEST

/* The bytes of a state, which the caller frees. */
static uint8_t *
bytes_of(const quire_histogram *h, size_t *out_size)
{
    *out_size = quire_histogram_size(h);
    uint8_t *bytes = malloc(*out_size);
    quire_histogram_write(h, bytes);
    return bytes;
}

static void
same_bytes(const quire_histogram *h, const uint8_t *wanted, size_t wanted_size)
{
    size_t size;
    uint8_t *bytes = bytes_of(h, &size);

    ck_assert_uint_eq(size, wanted_size);
    ck_assert_int_eq(memcmp(bytes, wanted, size), 0);
    free(bytes);
}

/* Elements in a random order of pieces, each into one of some shards, which are then merged in a
 * random tree: some of them by way of bytes. */
static void
merge_somehow(random_state *random, const float *x, uint64_t n, uint32_t side,
              const uint8_t *wanted, size_t wanted_size)
{
    static shard shards[8];
    static uint8_t bytes[QUIRE_HISTOGRAM_HEADER + 8 * 2048];
    uint64_t n_shards = 1 + random_below(random, 8);
    uint64_t left = n;
    const uint64_t turn = random_below(random, n);
    const char *why;

    for (uint64_t k = 0; k < n_shards; k++)
        shard_init(&shards[k], side);
    while (left) { /* from `turn` on, around the end */
        const uint64_t at = (turn + n - left) % n;
        uint64_t count = 1 + random_below(random, 500);
        if (count > left) count = left;
        if (count > n - at) count = n - at;
        const quire_isa isa = random_below(random, 2) ? QUIRE_ISA_SCALAR : QUIRE_ISA_AUTO;
        shard_add(&shards[random_below(random, n_shards)], x + at, count, at, isa);
        left -= count;
    }
    for (; n_shards > 1; n_shards--) {
        shard *into = &shards[random_below(random, n_shards - 1)];
        shard *from = &shards[n_shards - 1];
        const size_t size = quire_histogram_size(&from->h);
        quire_histogram_write(&from->h, bytes);
        ck_assert_int_eq(quire_histogram_read(bytes, size, from->counts, &from->h, &why), QUIRE_OK);
        ck_assert_int_eq(quire_histogram_merge(&into->h, &from->h), QUIRE_OK);
    }
    same_bytes(&shards[0].h, wanted, wanted_size);
}

START_TEST(merges_in_any_order_and_tree)
{
    static float x[30000];
    random_state random = {20261121};
    shard at_once;
    size_t size;

    for (int round = 0; round < 40; round++) {
        const uint64_t n = 1 + random_below(&random, round % 4 ? 3000 : 30000);
        const uint32_t side = 16u << random_below(&random, 7);
        array_fill(&random, x, n);
        for (uint64_t i = 0; i < n; i++)
            x[i] = ldexpf(x[i], (int)(i / 300 % 13) - 6);
        shard_init(&at_once, side);
        shard_add(&at_once, x, n, 0, QUIRE_ISA_SCALAR);
        uint8_t *wanted = bytes_of(&at_once.h, &size);
        for (int way = 0; way < 5; way++)
            merge_somehow(&random, x, n, side, wanted, size);
        free(wanted);
    }
}
END_TEST

START_TEST(merging_with_nothing_and_with_itself)
{
    const float x[] = {1, 2, 3};
    shard s, empty, other;

    shard_init(&s, SIDE);
    shard_init(&empty, SIDE);
    shard_init(&other, 2 * SIDE);
    shard_add(&s, x, 3, 0, QUIRE_ISA_AUTO);
    ck_assert_int_eq(quire_histogram_merge(&s.h, &empty.h), QUIRE_OK);
    ck_assert_int_eq(quire_histogram_merge(&empty.h, &s.h), QUIRE_OK);
    ck_assert_int_eq(memcmp(s.counts, empty.counts, 2 * SIDE * 8), 0);
    ck_assert_int_eq(quire_histogram_merge(&s.h, &s.h), QUIRE_OK);
    ck_assert_uint_eq(s.h.range.n, 6);
    ck_assert_uint_eq(s.counts[SIDE + 8], 2); /* 1.0, in bins of 1 / 8 */
    ck_assert_uint_eq(s.counts[SIDE + 4], 2);
    ck_assert_int_eq(quire_histogram_merge(&s.h, &other.h), QUIRE_E_USAGE);
}
END_TEST

START_TEST(merging_what_is_far_apart)
{
    const float tiny[] = {3e-45f, -3e-45f};
    const float vast[] = {ldexpf(1.5f, 110), -1}; /* bins 2^256 times as wide */
    shard a, b;

    shard_init(&a, SIDE);
    shard_init(&b, SIDE);
    shard_add(&a, tiny, 2, 0, QUIRE_ISA_AUTO);
    shard_add(&b, vast, 2, 0, QUIRE_ISA_AUTO);
    ck_assert_int_eq(quire_histogram_merge(&b.h, &a.h), QUIRE_OK);
    ck_assert_uint_eq(b.counts[SIDE], 1);
    ck_assert_uint_eq(b.counts[SIDE - 1], 2);
    ck_assert_uint_eq(b.counts[SIDE + 12], 1);
}
END_TEST

START_TEST(ranks_and_quantiles)
{
    const float x[] = {-3, 0, 1, 2, 3, 4, 5, 6, 7, 7.5f};
    double low = 0, high = 0, q = 0;
    shard s;

    shard_init(&s, SIDE); /* bins of 1 / 2 */
    ck_assert_int_eq(quire_histogram_rank(&s.h, 0, &low, &high), QUIRE_NONE);
    ck_assert_int_eq(quire_histogram_quantile(&s.h, 0.5, &q), QUIRE_NONE);
    shard_add(&s, x, 10, 0, QUIRE_ISA_AUTO);
    ck_assert_int_eq(s.h.exponent, -1);
    ck_assert_int_eq(quire_histogram_rank(&s.h, 0, &low, &high), QUIRE_OK);
    ck_assert(low == -3 && high == -2.5);
    ck_assert_int_eq(quire_histogram_rank(&s.h, 4, &low, &high), QUIRE_OK);
    ck_assert(low == 3 && high == 3.5);
    ck_assert_int_eq(quire_histogram_rank(&s.h, 9, &low, &high), QUIRE_OK);
    ck_assert(low == 7.5 && high == 7.5);
    ck_assert_int_eq(quire_histogram_rank(&s.h, 10, &low, &high), QUIRE_NONE);
    const double wanted[][2] = {{0, -3}, {0.05, -2.75}, {0.1, -2.5}, {0.45, 3.25}, {1, 7.5}};
    for (size_t k = 0; k < 5; k++) {
        ck_assert_int_eq(quire_histogram_quantile(&s.h, wanted[k][0], &q), QUIRE_OK);
        ck_assert_msg(fabs(q - wanted[k][1]) < 1e-12, "%g: %.17g", wanted[k][0], q);
    }
    ck_assert_int_eq(quire_histogram_quantile(&s.h, -0.1, &q), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_histogram_quantile(&s.h, 1.1, &q), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_histogram_quantile(&s.h, NAN, &q), QUIRE_E_USAGE);
}
END_TEST

/* The byte form, spelt out. */
START_TEST(bytes_by_hand)
{
    const uint8_t wanted[] = {'q',  'u',  'i',  'r',  'e', 'h', 's',  't',
                              1,    0,    0,    0,    16,  0,   0,    0, /* version, side */
                              0xfd, 0xff, 0xff, 0xff, 4,   0,   0,    0, /* 2^-3, 4 bins  */
                              4,    0,    0,    0,    0,   0,   0,    0,
                              0,    0,    0,    0,    0,   0,   0,    0, /* n, NaN        */
                              1,    0,    0,    0,    0,   0,   0,    0,
                              0,    0,    0,    0,    0,   0,   0,    0, /* +Inf, -Inf    */
                              9,    0,    0,    0,    0,   0,   0,    0,
                              0,    0,    0x80, 0x3f, 0,   0,   0xb0, 0x3f, /* 1, 1.375      */
                              8,    0,    0,    0,    0,   0,   0,    0,    /* from bin 8 on */
                              2,    0,    0,    0,    0,   0,   0,    0,
                              0,    0,    0,    0,    0,   0,   0,    0, /* 1, 1.0625     */
                              0,    0,    0,    0,    0,   0,   0,    0,
                              1,    0,    0,    0,    0,   0,   0,    0}; /* 1.375         */
    const float x[] = {1, 1.0625f, INFINITY, 1.375f};
    uint32_t side = 0;
    const char *why = NULL;
    shard s;

    shard_init(&s, SIDE);
    shard_add(&s, x, 4, 7, QUIRE_ISA_AUTO);
    same_bytes(&s.h, wanted, sizeof wanted);
    ck_assert_int_eq(quire_histogram_read_side(wanted, QUIRE_HISTOGRAM_HEADER, &side, &why),
                     QUIRE_OK);
    ck_assert_uint_eq(side, 16);
}
END_TEST

/* Whatever is read is a state: it is written as the same bytes. */
static void
read_is_faithful(const uint8_t *bytes, size_t size)
{
    static shard s;
    const quire_histogram none = {0};
    const char *why = NULL;
    uint32_t side = 0;
    quire_histogram h = none;

    if (quire_histogram_read_side(bytes, size, &side, &why) != QUIRE_OK || side > 1024) return;
    if (quire_histogram_read(bytes, size, s.counts, &h, &why) == QUIRE_OK) {
        same_bytes(&h, bytes, size);
    } else {
        ck_assert_ptr_nonnull(why);
        ck_assert_int_eq(memcmp(&h, &none, sizeof h), 0);
    }
}

/* No bit may be another one but in the least and greatest element and the place of the first that is
 * not finite, where there is one. */
static void
check_every_bit(const quire_histogram *h)
{
    static shard other;
    const bool empty = h->range.n == 0;
    const char *why = NULL;
    size_t size;
    uint8_t *bytes = bytes_of(h, &size);

    for (size_t cut = 0; cut < size; cut++) {
        ck_assert_int_eq(quire_histogram_read(bytes, cut, other.counts, &other.h, &why),
                         QUIRE_E_INVALID);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (empty || bit < 56 * 8 || bit >= 72 * 8) {
            ck_assert_int_eq(quire_histogram_read(bytes, size, other.counts, &other.h, &why),
                             QUIRE_E_INVALID);
        }
        read_is_faithful(bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(bytes);
}

START_TEST(damaged_bytes_are_refused)
{
    const float x[] = {1, 1.0625f, INFINITY, 1.375f, -1, 0.5f};
    random_state random = {3};
    shard s, other;
    size_t size;
    const char *why = NULL;
    uint8_t copy[1000] = {0};

    shard_init(&s, SIDE);
    check_every_bit(&s.h);
    shard_add(&s, x, 6, 0, QUIRE_ISA_AUTO);
    check_every_bit(&s.h);
    uint8_t *bytes = bytes_of(&s.h, &size);
    memcpy(copy, bytes, size);
    copy[20]++; /* one bin more, which is empty */
    ck_assert_int_eq(quire_histogram_read(copy, size + 8, other.counts, &other.h, &why),
                     QUIRE_E_INVALID);
    memcpy(copy, bytes, size);
    copy[QUIRE_HISTOGRAM_HEADER]--; /* the least element is in the next bin, says the count */
    copy[QUIRE_HISTOGRAM_HEADER + 8]++;
    ck_assert_int_eq(copy[QUIRE_HISTOGRAM_HEADER], 0);
    ck_assert_int_eq(quire_histogram_read(copy, size, other.counts, &other.h, &why),
                     QUIRE_E_INVALID);
    for (int round = 0; round < 5000; round++) {
        memcpy(copy, bytes, size);
        for (uint64_t k = 1 + random_below(&random, 3); k; k--)
            copy[random_below(&random, size)] = (uint8_t)random_below(&random, 256);
        read_is_faithful(copy, size);
    }
    free(bytes);
}
END_TEST

/* Fields that go with each other but with no state. */
START_TEST(bytes_of_no_state_are_refused)
{
    const float x[] = {0, 0.25f};
    const char *why = NULL;
    shard s, other;
    size_t size;

    shard_init(&s, SIDE);
    shard_add(&s, x, 2, 0, QUIRE_ISA_AUTO); /* 2^-5: bins 0 and 8 */
    uint8_t *bytes = bytes_of(&s.h, &size);
    bytes[16]++; /* 2^-4, and nine bins less the last four: the element in bin 4 */
    bytes[20] = 5;
    memcpy(bytes + QUIRE_HISTOGRAM_HEADER + 32, bytes + QUIRE_HISTOGRAM_HEADER + 64, 8);
    ck_assert_int_eq(quire_histogram_read(bytes, size - 32, other.counts, &other.h, &why),
                     QUIRE_E_INVALID);
    ck_assert_str_eq(why, "has a range that does not go with its bins");
    free(bytes);
}
END_TEST

START_TEST(modes_of_the_caller_change_nothing)
{
    static float x[5000];
    random_state random = {9};
    uint8_t *wanted = NULL;
    size_t size = 0;
    double quantile = 0, q = 0;
    shard s;

    for (int i = 0; i < 5000; i++)
        x[i] = i % 3 ? random_float(&random) : float_of((uint32_t)random_below(&random, 1 << 23));
    for (size_t k = 0; k < N_ISAS; k++) {
        for (int mode = 0; mode < FP_MODES && quire_isa_is_available(isas[k]); mode++) {
            shard_init(&s, 1024);
            fp_mode_set(mode);
            const unsigned before = fp_mode_get();
            shard_add(&s, x, 5000, 0, isas[k]);
            ck_assert_int_eq(quire_histogram_quantile(&s.h, 0.3, &q), QUIRE_OK);
            ck_assert_uint_eq(fp_mode_get(), before);
            fp_mode_set(0);
            if (!wanted) {
                wanted = bytes_of(&s.h, &size);
                quantile = q;
            }
            same_bytes(&s.h, wanted, size);
            ck_assert(q == quantile);
        }
    }
    free(wanted);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("observe");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 300);
    tcase_add_test(all, what_a_range_says);
    tcase_add_test(all, zeros_have_an_order);
    tcase_add_test(all, nothing_seen);
    tcase_add_test(all, every_length_between_fences);
    tcase_add_test(all, channels_of_any_shape);
    tcase_add_test(all, halves_are_widened);
    tcase_add_test(all, halves_of_every_length);
    tcase_add_test(all, refusing_still_counts);
    tcase_add_test(all, wrong_calls);
    tcase_add_test(all, counts_that_would_overflow);
    tcase_add_test(all, bins_by_hand);
    tcase_add_test(all, bins_of_extremes);
    tcase_add_test(all, bins_of_subnormals);
    tcase_add_test(all, long_runs);
    tcase_add_test(all, positions_in_channels);
    tcase_add_test(all, merges_in_any_order_and_tree);
    tcase_add_test(all, merging_with_nothing_and_with_itself);
    tcase_add_test(all, merging_what_is_far_apart);
    tcase_add_test(all, ranks_and_quantiles);
    tcase_add_test(all, bytes_by_hand);
    tcase_add_test(all, damaged_bytes_are_refused);
    tcase_add_test(all, bytes_of_no_state_are_refused);
    tcase_add_test(all, modes_of_the_caller_change_nothing);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
