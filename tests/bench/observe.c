/* observe.c - ranges, histograms and fake-quantize timed against a plain read of the same array.
 *
 *     bench_observe [--kib KIB] [--repeats N] [--isa NAME]
 *
 * Of each: GB/s of float32 (or float16) input, and time as a multiple of the read's. Repeats are
 * interleaved, medians are printed; times are of the thread's processor time.
 */
#include "quire/observe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_REPEATS 1001

/* One array, its uses, and room for what comes of them. */
typedef struct data {
    uint64_t n; /* of float32 elements */
    quire_isa isa;
    float *x, *dy, *y;
    uint16_t *half;
    uint8_t *mask;
    float *scales;
    int32_t *zeros;
    float *float_zeros;
    quire_range *ranges;
    quire_histogram *histograms;
    quire_fake_sums *sums;
    uint64_t read;
} data;

#define CHANNELS 768 /* n is a multiple of it */

static void
must(quire_status status)
{
    if (status == QUIRE_OK) return;
    fprintf(stderr, "bench_observe: %s\n", quire_status_name(status));
    exit(quire_status_exit_code(status));
}

/* A vector that every processor has, so that reading is all there is to it. */
typedef uint64_t words __attribute__((vector_size(16), may_alias));

static void
run_read(data *d)
{
    const words *x = (const words *)(const void *)d->x;
    words a = {0}, b = {0}, c = {0}, e = {0};

    for (uint64_t i = 0; i + 4 <= d->n / 4; i += 4) {
        a |= x[i];
        b |= x[i + 1];
        c |= x[i + 2];
        e |= x[i + 3];
    }
    a |= b | c | e;
    d->read += a[0] + a[1];
}

static void
observe(data *d, quire_axis axis, quire_float_type type, int histogram)
{
    const quire_observe_options o = {.size = sizeof o, .isa = d->isa};
    const void *x = type == QUIRE_FLOAT_F32 ? (const void *)d->x : (const void *)d->half;

    if (histogram) {
        must(quire_histogram_update(d->histograms, &axis, type, x, &o));
    } else {
        must(quire_range_update(d->ranges, &axis, type, x, &o));
    }
}

static quire_axis
whole(const data *d)
{
    return (quire_axis){1, 1, d->n};
}

static quire_axis
rows(const data *d)
{
    return (quire_axis){1, CHANNELS, d->n / CHANNELS};
}

static quire_axis
columns(const data *d)
{
    return (quire_axis){d->n / CHANNELS, CHANNELS, 1};
}

static quire_axis
images(const data *d)
{
    return (quire_axis){d->n / CHANNELS, CHANNELS / 48, 48};
}

static void
run_range(data *d)
{
    observe(d, whole(d), QUIRE_FLOAT_F32, 0);
}

static void
run_range_half(data *d)
{
    observe(d, whole(d), QUIRE_FLOAT_F16, 0);
}

static void
run_range_rows(data *d)
{
    observe(d, rows(d), QUIRE_FLOAT_F32, 0);
}

static void
run_range_columns(data *d)
{
    observe(d, columns(d), QUIRE_FLOAT_F32, 0);
}

static void
run_range_images(data *d)
{
    observe(d, images(d), QUIRE_FLOAT_F32, 0);
}

static void
run_histogram(data *d)
{
    observe(d, whole(d), QUIRE_FLOAT_F32, 1);
}

static void
run_histogram_half(data *d)
{
    observe(d, whole(d), QUIRE_FLOAT_F16, 1);
}

static void
run_histogram_columns(data *d)
{
    observe(d, columns(d), QUIRE_FLOAT_F32, 1);
}

static void
fake(data *d, quire_axis axis, quire_fake_rule rule, int float_zeros, uint8_t *mask)
{
    const quire_fake_options o = {.size = sizeof o,
                                  .rule = rule,
                                  .zero_point = float_zeros ? QUIRE_FAKE_ZERO_POINT_F32
                                                            : QUIRE_FAKE_ZERO_POINT_I32,
                                  .quant_min = -128,
                                  .quant_max = 127,
                                  .isa = d->isa};
    const quire_fake_params p = {d->scales, float_zeros ? (const void *)d->float_zeros
                                                        : (const void *)d->zeros};

    must(quire_fake_quantize(&o, &axis, &p, d->x, 0, d->n, d->y, mask));
}

static void
run_fake(data *d)
{
    fake(d, whole(d), QUIRE_FAKE_INVERSE, 0, NULL);
}

static void
run_fake_mask(data *d)
{
    fake(d, whole(d), QUIRE_FAKE_INVERSE, 0, d->mask);
}

static void
run_fake_divide(data *d)
{
    fake(d, whole(d), QUIRE_FAKE_DIVIDE, 0, NULL);
}

static void
run_fake_rows(data *d)
{
    fake(d, rows(d), QUIRE_FAKE_INVERSE, 0, d->mask);
}

static void
run_fake_columns(data *d)
{
    fake(d, columns(d), QUIRE_FAKE_INVERSE, 0, d->mask);
}

static void
run_fake_float(data *d)
{
    fake(d, rows(d), QUIRE_FAKE_INVERSE, 1, d->mask);
}

static void
run_backward(data *d)
{
    must(quire_fake_quantize_backward(d->dy, d->mask, d->n, d->isa, d->y));
}

static void
gradients(data *d, quire_axis axis)
{
    const quire_fake_options o = {
        .size = sizeof o, .quant_min = -128, .quant_max = 127, .grad_factor = 0.01f, .isa = d->isa};
    const quire_fake_params p = {d->scales, d->zeros};

    must(quire_fake_quantize_gradients(&o, &axis, &p, d->x, d->dy, 0,
                                       quire_fake_quantize_blocks(&axis), d->y, d->sums));
}

static void
run_gradients(data *d)
{
    gradients(d, whole(d));
}

static void
run_gradients_rows(data *d)
{
    gradients(d, rows(d));
}

static void
run_gradients_columns(data *d)
{
    gradients(d, columns(d));
}

static const struct {
    const char *name;
    void (*run)(data *d);
    double bytes; /* of input per element */
} cases[] = {
    {"plain read", run_read, 4},
    {"range", run_range, 4},
    {"range, float16", run_range_half, 2},
    {"range, channels as rows", run_range_rows, 4},
    {"range, channels as columns", run_range_columns, 4},
    {"range, 16 channels of 48", run_range_images, 4},
    {"histogram", run_histogram, 4},
    {"histogram, float16", run_histogram_half, 2},
    {"histogram, channels as columns", run_histogram_columns, 4},
    {"fake-quantize", run_fake, 4},
    {"fake-quantize, mask", run_fake_mask, 4},
    {"fake-quantize, divide", run_fake_divide, 4},
    {"fake-quantize, rows, mask", run_fake_rows, 4},
    {"fake-quantize, columns, mask", run_fake_columns, 4},
    {"fake-quantize, float zeros, mask", run_fake_float, 4},
    {"backward by mask", run_backward, 4},
    {"gradients", run_gradients, 4},
    {"gradients, rows", run_gradients_rows, 4},
    {"gradients, columns", run_gradients_columns, 4},
};
#define N_CASES (sizeof cases / sizeof *cases)

static void *
get(size_t size)
{
    void *p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!p) exit(4);
    memset(p, 0, size);
    return p;
}

/* About normal: the sum of four uniform numbers. */
static float
random_normal(uint64_t *state)
{
    float sum = 0;

    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    for (int k = 0; k < 4; k++)
        sum += (float)(*state >> (16 * k) & 0xffff) / 32768 - 1;
    return sum;
}

static void
data_fill(data *d)
{
    uint64_t state = 20261121;
    quire_axis most = columns(d);

    d->x = get(d->n * 4);
    d->dy = get(d->n * 4);
    d->y = get(d->n * 4);
    d->half = get(d->n * 2);
    d->mask = get(d->n);
    d->scales = get(CHANNELS * 4);
    d->zeros = get(CHANNELS * 4);
    d->float_zeros = get(CHANNELS * 4);
    d->ranges = get(CHANNELS * sizeof *d->ranges);
    d->histograms = get(CHANNELS * sizeof *d->histograms);
    d->sums = get((quire_fake_quantize_blocks(&most) + d->n / QUIRE_FAKE_BLOCK + CHANNELS) *
                  sizeof *d->sums);
    for (uint64_t i = 0; i < d->n; i++) {
        d->x[i] = random_normal(&state);
        d->dy[i] = random_normal(&state);
        d->half[i] = (uint16_t)(0x3000 + (i * 2654435761u >> 20) % 0xc00); /* 0.125 to 1 */
    }
    quire_range_init(d->ranges, CHANNELS);
    for (int c = 0; c < CHANNELS; c++) {
        d->scales[c] = 0.02f;
        d->zeros[c] = c % 5 - 2;
        d->float_zeros[c] = (float)(c % 5) - 1.75f;
        must(quire_histogram_init(&d->histograms[c], QUIRE_HISTOGRAM_SIDE,
                                  get(2 * QUIRE_HISTOGRAM_SIDE * 8)));
    }
}

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
measure(data *d, int repeats)
{
    static double seconds[N_CASES][MAX_REPEATS];

    for (int r = -1; r < repeats; r++) {
        for (size_t k = 0; k < N_CASES; k++) {
            const double start = now();
            cases[k].run(d);
            if (r >= 0) seconds[k][r] = now() - start;
        }
    }
    for (size_t k = 0; k < N_CASES; k++)
        qsort(seconds[k], (size_t)repeats, sizeof(double), by_value);
    printf("%-34s %8s %8s\n", "", "GB/s", "of read");
    for (size_t k = 0; k < N_CASES; k++) {
        const double median = seconds[k][repeats / 2];
        printf("%-34s %8.2f %7.2fx\n", cases[k].name, (double)d->n * cases[k].bytes / median / 1e9,
               median / seconds[0][repeats / 2]);
    }
}

int
main(int argc, char **argv)
{
    data d = {.isa = QUIRE_ISA_AUTO};
    uint64_t kib = 65536;
    int repeats = 21;

    for (int k = 1; k + 1 < argc; k += 2) {
        if (strcmp(argv[k], "--kib") == 0) kib = strtoull(argv[k + 1], NULL, 10);
        if (strcmp(argv[k], "--repeats") == 0) repeats = atoi(argv[k + 1]);
        for (quire_isa isa = QUIRE_ISA_AUTO; isa <= QUIRE_ISA_NEON; isa++) {
            if (strcmp(argv[k], "--isa") == 0 && strcmp(argv[k + 1], quire_isa_name(isa)) == 0) {
                d.isa = isa;
            }
        }
    }
    if (repeats < 1 || repeats > MAX_REPEATS || kib < 3 ||
        !quire_isa_is_available(d.isa ? d.isa : QUIRE_ISA_SCALAR)) {
        fprintf(stderr, "bench_observe [--kib KIB] [--repeats N] [--isa NAME]\n");
        return 2;
    }
    d.n = kib * 1024 / 4 / CHANNELS * CHANNELS;
    data_fill(&d);
    printf("%" PRIu64 " float32 elements, %s\n", d.n, quire_isa_name(d.isa));
    measure(&d, repeats);
    return d.read == 1; /* so that the read is made */
}
