/* test_fake_quantize.c - fake-quantize and its gradients: values known from outside, every length,
 * shape and instruction set against the formulas element by element, any cut into ranges. Equality
 * with numpy, ONNX and torch is for tests/conformance/observe_reference.py and
 * tests/peers/observe.py.
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

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static const quire_isa isas[] = {QUIRE_ISA_SCALAR, QUIRE_ISA_AVX2, QUIRE_ISA_AVX512,
                                 QUIRE_ISA_NEON};
#define N_ISAS (sizeof isas / sizeof *isas)

static quire_fake_options
options_of(quire_fake_rule rule, quire_fake_zero_point zero, int32_t low, int32_t high)
{
    return (quire_fake_options){.size = sizeof(quire_fake_options),
                                .rule = rule,
                                .zero_point = zero,
                                .quant_min = low,
                                .quant_max = high,
                                .grad_factor = 1};
}

/* y of one x, and whether it was inside. */
static float
one(quire_fake_options o, float x, float scale, float zero, bool *out_inside)
{
    const int32_t whole = (int32_t)zero;
    const bool is_float = o.zero_point == QUIRE_FAKE_ZERO_POINT_F32;
    const quire_fake_params params = {&scale,
                                      is_float ? (const void *)&zero : (const void *)&whole};
    const quire_axis axis = {1, 1, 1};
    uint8_t mask = 7;
    float y = 77;

    ck_assert_int_eq(quire_fake_quantize(&o, &axis, &params, &x, 0, 1, &y, &mask), QUIRE_OK);
    ck_assert_int_le(mask, 1);
    *out_inside = mask;
    return y;
}

/* Figures that torch gave, and what follows from half to even. */
START_TEST(values_by_hand)
{
    const struct {
        quire_fake_rule rule;
        quire_fake_zero_point zero_point;
        float x, scale, zero, y;
        bool inside;
    } cases[] = {
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_F32, 0.3f, 1, 0.4f, 0.6f, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_F32, 0.3f, 1, 0.1f, -0.1f, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, 0.5f, 1, 1, 0, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_F32, 0.5f, 1, 1, 1, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, 1.5f, 1, 0, 2, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, 10.5f, 1, 0, 10, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, 10.6f, 1, 0, 10, false},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, -5.6f, 1, 0, -5, false},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, INFINITY, 1, 3, 7, false},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, -INFINITY, 1, 3, -8, false},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, NAN, 1, 3, -8, false},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_F32, INFINITY, 1, 3, 7, false},
        {QUIRE_FAKE_DIVIDE, QUIRE_FAKE_ZERO_POINT_I32, NAN, 1, 3, -8, false},
        {QUIRE_FAKE_DIVIDE, QUIRE_FAKE_ZERO_POINT_I32, 3e38f, 1e-3f, 0, 10 * 1e-3f, false},
        /* 45.5 / 7 is 6.5, a tie; 45.5 times float32(1 / 7) is more */
        {QUIRE_FAKE_DIVIDE, QUIRE_FAKE_ZERO_POINT_I32, 45.5f, 7, 0, 42, true},
        {QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, 45.5f, 7, 0, 49, true},
    };

    for (size_t i = 0; i < N_ISAS * (sizeof cases / sizeof *cases); i++) {
        const size_t k = i / N_ISAS;
        quire_fake_options o = options_of(cases[k].rule, cases[k].zero_point, -5, 10);
        bool inside = false;
        o.isa = isas[i % N_ISAS];
        if (!quire_isa_is_available(o.isa)) continue;
        const float y = one(o, cases[k].x, cases[k].scale, cases[k].zero, &inside);
        ck_assert_msg(y == cases[k].y, "case %zu: %.9g", k, (double)y);
        ck_assert_msg(inside == cases[k].inside, "case %zu", k);
    }
}
END_TEST

START_TEST(zeros_are_positive)
{
    bool inside;
    const quire_fake_options o =
        options_of(QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, -128, 127);
    const quire_fake_options f =
        options_of(QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_F32, -128, 127);

    ck_assert(!signbit(one(o, -0.0f, 1, 0, &inside)));
    ck_assert(!signbit(one(o, -0.25f, 1, 0, &inside)));
    ck_assert(!signbit(one(f, -0.25f, 1, 0, &inside)));
}
END_TEST

/* The formulas of quire/observe.h, for one element. */
typedef struct element {
    float y;
    bool inside;
    float dx;
    float of_scale;
    float of_zero;
} element;

/* To an integer, which has no -0.0. */
static float
rint_of(float x)
{
    return nearbyintf(x) + 0.0f;
}

static float
code_of(const quire_fake_options *o, float x, float s, float z, bool joint)
{
    if (joint) return rint_of(o->rule == QUIRE_FAKE_DIVIDE ? x / s + z : fmaf(x, 1 / s, z));
    return z + rint_of(o->rule == QUIRE_FAKE_DIVIDE ? x / s : x * (1 / s));
}

static float
clamped(const quire_fake_options *o, float t)
{
    if (!(t > (float)o->quant_min)) return (float)o->quant_min;
    return t < (float)o->quant_max ? t : (float)o->quant_max;
}

static element
element_of(const quire_fake_options *o, float x, float dy, float s, float z)
{
    const bool is_float = o->zero_point == QUIRE_FAKE_ZERO_POINT_F32;
    const bool divide = o->rule == QUIRE_FAKE_DIVIDE;
    const float t = code_of(o, x, s, z, is_float);
    const float q = clamped(o, t);
    const float u = code_of(o, x, s, z, is_float || !divide);
    const bool inside = u >= (float)o->quant_min && u <= (float)o->quant_max;
    const float d = clamped(o, u) - z;
    const float e = divide ? d * s - x : fmaf(d, s, -x);
    const float end = (u > (float)o->quant_max ? (float)o->quant_max : (float)o->quant_min) - z;
    element out = {.y = is_float ? (float)(((double)q - (double)z) * (double)s) : (q - z) * s,
                   .inside = t >= (float)o->quant_min && t <= (float)o->quant_max,
                   .dx = dy * (inside ? 1.0f : 0.0f)};

    if (inside) {
        out.of_scale = (divide ? dy * e / s : dy * e * (1 / s)) * o->grad_factor;
    } else {
        out.of_scale = dy * end * o->grad_factor;
        out.of_zero = dy * -1 * s * o->grad_factor;
    }
    return out;
}

/* A tensor between fences, and what is to come of it. */
typedef struct bench {
    quire_axis axis;
    uint64_t n;
    float *scales;
    void *zeros;
    float *x, *dy, *y, *dx;
    uint8_t *mask;
    element *wanted;
} bench;

static float
zero_of(const bench *b, const quire_fake_options *o, uint64_t c)
{
    if (!b->zeros) return 0;
    return o->zero_point == QUIRE_FAKE_ZERO_POINT_F32 ? ((float *)b->zeros)[c]
                                                      : (float)((int32_t *)b->zeros)[c];
}

static void
bench_fill(bench *b, const quire_fake_options *o, random_state *random)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, -0.0f, FLT_MAX, 1e-45f};
    static const float zero_lanes[] = {0, -0.0f};

    for (uint64_t c = 0; c < b->axis.channels; c++) {
        const int32_t z = (int32_t)random_below(random, 11) - 5;
        b->scales[c] =
            ldexpf(1 + (float)random_below(random, 1000) / 1000, (int)random_below(random, 9) - 6);
        if (o->zero_point == QUIRE_FAKE_ZERO_POINT_F32) {
            ((float *)b->zeros)[c] = (float)z + (float)random_below(random, 100) / 128;
        } else if (b->zeros) {
            ((int32_t *)b->zeros)[c] = z;
        }
    }
    for (uint64_t i = 0; i < b->n; i++) {
        const uint64_t c = i / b->axis.inner % b->axis.channels;
        b->x[i] = random_float(random) * 9;
        if (random_below(random, 3) == 0) { /* a tie, or next to one */
            b->x[i] = ((float)random_below(random, 40) - 20.5f) * b->scales[c];
        }
        if (random_below(random, 40) == 0) b->x[i] = odd[random_below(random, 6)];
        b->dy[i] = random_below(random, 50) ? random_float(random) : zero_lanes[i % 2];
        b->wanted[i] = element_of(o, b->x[i], b->dy[i], b->scales[c], zero_of(b, o, c));
    }
}

static void
bench_init(bench *b, const fenced *fences, quire_axis axis, bool symmetric, fenced_place place)
{
    const uint64_t n = axis.outer * axis.channels * axis.inner;

    *b = (bench){.axis = axis, .n = n};
    b->scales = fenced_put(&fences[0], axis.channels * 4, place);
    b->zeros = symmetric ? NULL : fenced_put(&fences[1], axis.channels * 4, place);
    b->x = fenced_put(&fences[2], n * 4, place);
    b->dy = fenced_put(&fences[3], n * 4, place);
    b->y = fenced_put(&fences[4], n * 4, place);
    b->dx = fenced_put(&fences[5], n * 4, place);
    b->mask = fenced_put(&fences[6], n, place);
    b->wanted = malloc(n * sizeof *b->wanted);
}

/* Assertions cost a system call each: only where something is wrong. */
static void
same_float(float got, float wanted, uint64_t i)
{
    if (isnan(wanted) ? isnan(got) : memcmp(&got, &wanted, sizeof got) == 0) return;
    ck_abort_msg("element %llu: %.9g, not %.9g", (unsigned long long)i, (double)got,
                 (double)wanted);
}

/* The forward direction in ranges cut at random, with and without a mask, in place; backward. */
static void
check_forward(const bench *b, const quire_fake_options *o, random_state *random)
{
    const quire_fake_params params = {b->scales, b->zeros};
    uint64_t first = 0;

    memset(b->mask, 9, b->n);
    while (first < b->n) {
        const uint64_t end = first + 1 + random_below(random, b->n - first);
        ck_assert_int_eq(quire_fake_quantize(o, &b->axis, &params, b->x, first, end, b->y, b->mask),
                         QUIRE_OK);
        first = end;
    }
    for (uint64_t i = 0; i < b->n; i++) {
        same_float(b->y[i], b->wanted[i].y, i);
        if (b->mask[i] != b->wanted[i].inside) ck_abort_msg("mask of %llu", (unsigned long long)i);
    }
    memcpy(b->y, b->x, b->n * 4);
    ck_assert_int_eq(quire_fake_quantize(o, &b->axis, &params, b->y, 0, b->n, b->y, NULL),
                     QUIRE_OK);
    memcpy(b->dx, b->dy, b->n * 4);
    ck_assert_int_eq(quire_fake_quantize_backward(b->dx, b->mask, b->n, o->isa, b->dx), QUIRE_OK);
    for (uint64_t i = 0; i < b->n; i++) {
        same_float(b->y[i], b->wanted[i].y, i);
        same_float(b->dx[i], b->dy[i] * (b->wanted[i].inside ? 1.0f : 0.0f), i);
    }
}

/* Sums of one block, as the header has them. */
static quire_fake_sums
block_plainly(const bench *b, uint64_t block, uint64_t c)
{
    const quire_axis *a = &b->axis;
    double scale[8] = {0}, zero[8] = {0};
    quire_fake_sums sums = {0, 0};

    for (uint64_t k = 0; k < QUIRE_FAKE_BLOCK; k++) {
        const uint64_t i = block * QUIRE_FAKE_BLOCK + k;
        if (i >= a->outer * a->inner) break;
        const element *e = &b->wanted[(i / a->inner * a->channels + c) * a->inner + i % a->inner];
        scale[k % 8] += (double)e->of_scale;
        zero[k % 8] += (double)e->of_zero;
    }
    sums = (quire_fake_sums){scale[0], zero[0]};
    for (int k = 1; k < 8; k++) {
        sums.scale += scale[k];
        sums.zero_point += zero[k];
    }
    return sums;
}

static void
check_gradients(const bench *b, const quire_fake_options *o, random_state *random)
{
    const quire_fake_params params = {b->scales, b->zeros};
    const uint64_t n = quire_fake_quantize_blocks(&b->axis);
    quire_fake_sums *sums = malloc(n * sizeof *sums);
    quire_fake_sums *totals = malloc(b->axis.channels * sizeof *totals);
    const bool in_place = random_below(random, 2);
    uint64_t first = 0;

    memcpy(b->dx, b->dy, b->n * 4);
    while (first < n) {
        const uint64_t end = first + 1 + random_below(random, n - first);
        ck_assert_int_eq(quire_fake_quantize_gradients(o, &b->axis, &params, b->x,
                                                       in_place ? b->dx : b->dy, first, end, b->dx,
                                                       sums),
                         QUIRE_OK);
        first = end;
    }
    for (uint64_t i = 0; i < b->n; i++)
        same_float(b->dx[i], b->wanted[i].dx, i);
    for (uint64_t c = 0; c < b->axis.channels; c++)
        totals[c] = (quire_fake_sums){0, 0};
    for (uint64_t k = 0; k < n; k++) {
        const quire_fake_sums wanted = block_plainly(b, k / b->axis.channels, k % b->axis.channels);
        if (memcmp(&sums[k], &wanted, sizeof wanted) != 0) ck_abort_msg("block");
        totals[k % b->axis.channels].scale += wanted.scale;
        totals[k % b->axis.channels].zero_point += wanted.zero_point;
    }
    quire_fake_sums *again = malloc(b->axis.channels * sizeof *again);
    ck_assert_int_eq(
        quire_fake_quantize_gradients(o, &b->axis, &params, b->x, b->dy, 0, n, NULL, sums),
        QUIRE_OK);
    quire_fake_quantize_totals(&b->axis, sums, again);
    ck_assert_int_eq(memcmp(again, totals, b->axis.channels * sizeof *again), 0);
    free(again);
    free(totals);
    free(sums);
}

static void
check_shape(random_state *random, const fenced *fences, quire_axis axis)
{
    for (int kind = 0; kind < 6; kind++) {
        quire_fake_options o =
            options_of((quire_fake_rule)(kind % 2),
                       kind < 4 ? QUIRE_FAKE_ZERO_POINT_I32 : QUIRE_FAKE_ZERO_POINT_F32, -5, 10);
        bench b;
        o.grad_factor = 0.37f;
        bench_init(&b, fences, axis, kind / 2 == 1, (fenced_place)random_below(random, 2));
        bench_fill(&b, &o, random);
        for (size_t k = 0; k < N_ISAS; k++) {
            o.isa = isas[k];
            if (!quire_isa_is_available(o.isa)) continue;
            check_forward(&b, &o, random);
            check_gradients(&b, &o, random);
        }
        free(b.wanted);
    }
}

static const fenced *
fences_make(void)
{
    static fenced fences[7];

    for (int k = 0; k < 7; k++)
        fences[k] = fenced_make(200000);
    return fences;
}

START_TEST(every_length_between_fences)
{
    const fenced *fences = fences_make();
    random_state random = {20};

    for (uint64_t n = 1; n < 25000; n = n < 140 ? n + 1 : n * 2 + 1)
        check_shape(&random, fences, (quire_axis){1, 1, n});
}
END_TEST

START_TEST(channels_of_any_shape)
{
    const fenced *fences = fences_make();
    random_state random = {21};

    for (int round = 0; round < 60; round++) {
        const uint64_t inner =
            random_below(&random, 3) ? 1 + random_below(&random, 4) : 1 + random_below(&random, 90);
        const uint64_t channels = random_below(&random, 4) ? 1 + random_below(&random, 40) : 300;
        check_shape(&random, fences,
                    (quire_axis){1 + random_below(&random, 6000 / (channels * inner) + 1), channels,
                                 inner});
    }
    check_shape(&random, fences, (quire_axis){5000, 2, 1}); /* two blocks each */
    check_shape(&random, fences, (quire_axis){100, 3, 53});
    check_shape(&random, fences, (quire_axis){2, 2, 4099});
    check_shape(&random, fences, (quire_axis){9, 2, 1001});
}
END_TEST

START_TEST(modes_of_the_caller_change_nothing)
{
    const fenced *fences = fences_make();
    const quire_axis axis = {30, 3, 50};
    random_state random = {22};
    quire_fake_sums wanted[3], sums[3], totals[3];
    bench b;

    for (int kind = 0; kind < 4; kind++) {
        quire_fake_options o =
            options_of((quire_fake_rule)(kind % 2), (quire_fake_zero_point)(kind / 2), -5, 10);
        bench_init(&b, fences, axis, false, FENCED_END);
        bench_fill(&b, &o, &random);
        const quire_fake_params params = {b.scales, b.zeros};
        for (uint64_t c = 0; c < 3; c++)
            wanted[c] = block_plainly(&b, 0, c);
        for (int mode = 0; mode < FP_MODES * (int)N_ISAS; mode++) {
            o.isa = isas[mode / FP_MODES];
            if (!quire_isa_is_available(o.isa)) continue;
            fp_mode_set(mode % FP_MODES);
            const unsigned before = fp_mode_get();
            const quire_status status =
                quire_fake_quantize(&o, &axis, &params, b.x, 0, b.n, b.y, b.mask);
            const quire_status second =
                quire_fake_quantize_gradients(&o, &axis, &params, b.x, b.dy, 0, 3, b.dx, sums);
            quire_fake_quantize_totals(&axis, sums, totals);
            const unsigned after = fp_mode_get();
            fp_mode_set(0);
            ck_assert_uint_eq(after, before);
            ck_assert(status == QUIRE_OK && second == QUIRE_OK);
            ck_assert_int_eq(memcmp(totals, wanted, sizeof totals), 0);
            for (uint64_t i = 0; i < b.n; i++) {
                same_float(b.y[i], b.wanted[i].y, i);
                same_float(b.dx[i], b.wanted[i].dx, i);
            }
        }
        free(b.wanted);
    }
}
END_TEST

START_TEST(sums_that_are_not_numbers)
{
    const float scale = 1;
    const quire_axis axis = {1, 1, 9};
    const quire_fake_params params = {&scale, NULL};
    const float x[9] = {1.25f, 2, 3};
    const float dy[9] = {1, -NAN, 0, 0, 0, INFINITY, 0, 0, 2};
    const uint64_t quiet = 0x7ff8000000000000u;

    for (size_t k = 0; k < N_ISAS; k++) {
        quire_fake_options o = options_of(QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, -5, 10);
        quire_fake_sums sums, total;
        o.isa = isas[k];
        if (!quire_isa_is_available(o.isa)) continue;
        ck_assert_int_eq(
            quire_fake_quantize_gradients(&o, &axis, &params, x, dy, 0, 1, NULL, &sums), QUIRE_OK);
        ck_assert_int_eq(memcmp(&sums.scale, &quiet, 8), 0);
        quire_fake_quantize_totals(&axis, &sums, &total);
        ck_assert_int_eq(memcmp(&total.scale, &quiet, 8), 0);
        ck_assert(total.zero_point == 0);
    }
}
END_TEST

START_TEST(zero_points_rounded)
{
    const struct {
        float value;
        int32_t wanted;
    } cases[] = {{-1.2f, -1}, {-1.5f, -2},  {-0.5f, 0}, {0.5f, 0},      {1.5f, 2},       {2.5f, 2},
                 {2.4f, 2},   {-4.5f, -4},  {9.5f, 10}, {10.5f, 10},    {-5.5f, -5},     {NAN, -5},
                 {3e38f, 10}, {-3e38f, -5}, {-3, -3},   {INFINITY, 10}, {-INFINITY, -5}, {2, 2}};

    for (int mode = 0; mode < FP_MODES; mode++) {
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            fp_mode_set(mode);
            const int32_t got = quire_fake_zero_point_round(cases[k].value, -5, 10);
            fp_mode_set(0);
            ck_assert_int_eq(got, cases[k].wanted);
        }
    }
}
END_TEST

START_TEST(wrong_calls)
{
    const float scale = 1;
    const quire_axis axis = {1, 1, 1};
    const quire_axis vast = {UINT64_MAX, 3, 1};
    const quire_fake_params params = {&scale, NULL};
    const quire_fake_options good =
        options_of(QUIRE_FAKE_INVERSE, QUIRE_FAKE_ZERO_POINT_I32, 0, 255);
    quire_fake_options bad[7];
    quire_fake_sums sums;
    float x = 1, y = 7;
    uint8_t mask = 1;

    for (int k = 0; k < 7; k++)
        bad[k] = good;
    bad[0].size--;
    bad[1].rule = (quire_fake_rule)2;
    bad[2].zero_point = (quire_fake_zero_point)2;
    bad[3].quant_min = 256;
    bad[4].quant_min = -(1 << 23) - 1;
    bad[5].quant_max = (1 << 23) + 1;
    bad[6].isa = (quire_isa)77;
    for (int k = 0; k < 7; k++) {
        ck_assert_int_eq(quire_fake_quantize(&bad[k], &axis, &params, &x, 0, 1, &y, NULL),
                         QUIRE_E_USAGE);
        ck_assert_int_eq(
            quire_fake_quantize_gradients(&bad[k], &axis, &params, &x, &x, 0, 1, &y, &sums),
            QUIRE_E_USAGE);
    }
    ck_assert_int_eq(quire_fake_quantize(&good, &axis, &params, &x, 1, 0, &y, NULL), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_fake_quantize(&good, &axis, &params, &x, 0, 2, &y, NULL), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_fake_quantize(&good, &vast, &params, &x, 0, 1, &y, NULL), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_fake_quantize_gradients(&good, &axis, &params, &x, &x, 0, 2, &y, &sums),
                     QUIRE_E_USAGE);
    ck_assert_int_eq(quire_fake_quantize_backward(&x, &mask, 1, (quire_isa)77, &y), QUIRE_E_USAGE);
    ck_assert(y == 7);
    const quire_axis none = {0, 3, 4};
    ck_assert_uint_eq(quire_fake_quantize_blocks(&none), 0);
    ck_assert_int_eq(quire_fake_quantize(&good, &none, &params, &x, 0, 0, &y, NULL), QUIRE_OK);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fake_quantize");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 300);
    tcase_add_test(all, values_by_hand);
    tcase_add_test(all, zeros_are_positive);
    tcase_add_test(all, every_length_between_fences);
    tcase_add_test(all, channels_of_any_shape);
    tcase_add_test(all, modes_of_the_caller_change_nothing);
    tcase_add_test(all, sums_that_are_not_numbers);
    tcase_add_test(all, zero_points_rounded);
    tcase_add_test(all, wrong_calls);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
