/* test_bags.c - what quire/kernels.h says of bags, one thing at a time: faults, outputs, special
 * numbers, tables beyond 4 GiB, batches, plans, instruction sets. That every way to ask gives the
 * same answer is for property/test_bag_ways.c.
 */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels/half.h"
#include "support/isa.h"

static uint64_t seed = 88172645463325252u;

static uint64_t
random_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

static quire_bag_plan
plan_make(const quire_rows *rows, const quire_bag_options *options)
{
    quire_bag_plan plan;
    const char *why = "";

    ck_assert_msg(quire_bag_plan_init(&plan, rows, options, &why) == QUIRE_OK, "%s", why);
    return plan;
}

static quire_bag_options
lookups(quire_isa isa)
{
    return (quire_bag_options){.size = sizeof(quire_bag_options),
                               .mode = QUIRE_BAG_LOOKUP,
                               .index = QUIRE_BAG_I64,
                               .form = QUIRE_BAG_FIXED,
                               .isa = isa,
                               .fixed = 1};
}

/* --- a small table of float32: faults --- */

typedef struct small {
    quire_rows rows;
    quire_bag_options options;
    float values[4][2];
    float out[4][2];
} small;

static void
small_make(small *s, quire_bag_form form)
{
    *s = (small){.rows = {.size = sizeof s->rows, .storage = QUIRE_ROWS_FLOAT32, .width = 2},
                 .options = {.size = sizeof s->options,
                             .index = QUIRE_BAG_I64,
                             .offset = QUIRE_BAG_I64,
                             .form = form},
                 .values = {{1, 2}, {3, 4}, {5, 6}, {7, 8}}};
    if (form == QUIRE_BAG_FIXED) s->options.fixed = 2;
    memset(s->out, 0xff, sizeof s->out);
}

/* Run, check and batch say the same. */
static quire_status
small_run(small *s, const void *ids, uint64_t n, const void *offsets, uint64_t n_bags,
          quire_bag_fault *fault)
{
    const quire_bag_job job = {.rows = s->values,
                               .n_rows = 4,
                               .indices = ids,
                               .n_indices = n,
                               .offsets = offsets,
                               .n_bags = n_bags,
                               .out = s->out};
    const quire_bag_plan plan = plan_make(&s->rows, &s->options);
    const quire_bag_task task = {&plan, &job};
    quire_bag_fault other[2];
    uint64_t k = 9;

    ck_assert_int_eq(quire_bag_run_batch(&task, 1, NULL, NULL, &k, &other[1]),
                     quire_bag_check(&plan, &job, &other[0]));
    memset(s->out, 0xff, sizeof s->out);
    const quire_status status = quire_bag_run(&plan, &job, 0, n_bags, fault);
    ck_assert_int_eq(quire_bag_check(&plan, &job, &other[0]), status);
    for (int i = 0; i < 2 && status == QUIRE_E_INVALID; i++) {
        ck_assert_int_eq(other[i].kind, fault->kind);
        ck_assert_uint_eq(other[i].position, fault->position);
        ck_assert_int_eq(other[i].value, fault->value);
        ck_assert_uint_eq(other[i].limit, fault->limit);
    }
    return status;
}

START_TEST(a_bad_index_is_told_and_what_came_before_it_is_done)
{
    const int64_t bad[] = {-1, 4, -5, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
    quire_bag_fault f;
    small s;

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        EACH_ISA(isa)
        {
            const int64_t ids[] = {0, 1, 2, bad[k], 3};
            small_make(&s, QUIRE_BAG_OFFSETS);
            s.options.isa = isa;
            ck_assert_int_eq(small_run(&s, ids, 5, (int64_t[]){0, 2, 4}, 3, &f), QUIRE_E_INVALID);
            ck_assert_int_eq(f.kind, QUIRE_BAG_FAULT_INDEX);
            ck_assert_uint_eq(f.position, 3);
            ck_assert_int_eq(f.value, bad[k]);
            ck_assert_uint_eq(f.limit, 4);
            ck_assert(s.out[0][0] == 4 && s.out[0][1] == 6);
            ck_assert(isnan(s.out[1][0]) && isnan(s.out[2][0]));
        }
    }
}
END_TEST

START_TEST(a_bad_index_of_32_bits_is_told)
{
    const int32_t bad[] = {-1, 4, INT32_MIN, INT32_MAX};
    quire_bag_fault f;
    small s;

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        for (int wrap = 0; wrap < 2; wrap++) {
            const int32_t ids[] = {3, bad[k]};
            small_make(&s, QUIRE_BAG_FIXED);
            s.options.index = QUIRE_BAG_I32;
            s.options.fixed = 1;
            s.options.wrap = (uint32_t)wrap;
            s.options.mode = QUIRE_BAG_LOOKUP;
            if (wrap && bad[k] == -1) {
                ck_assert_int_eq(small_run(&s, ids, 2, NULL, 2, &f), QUIRE_OK);
                ck_assert(s.out[1][0] == 7);
                continue;
            }
            ck_assert_int_eq(small_run(&s, ids, 2, NULL, 2, &f), QUIRE_E_INVALID);
            ck_assert_uint_eq(f.position, 1);
            ck_assert_int_eq(f.value, bad[k]);
            ck_assert(s.out[0][0] == 7 && isnan(s.out[1][0]));
        }
    }
}
END_TEST

/* The checks look at several indices at a time. */
START_TEST(an_index_that_is_the_number_of_rows_is_found_wherever_it_is)
{
    enum { N = 41 };
    int64_t wide[N];
    int32_t narrow[N];
    quire_bag_fault f;
    small s;

    for (int at = 0; at < N; at++) {
        for (int k = 0; k < N; k++)
            narrow[k] = (int32_t)(wide[k] = k == at ? 4 : k % 4);
        for (int type = QUIRE_BAG_I32; type <= QUIRE_BAG_I64; type++) {
            small_make(&s, QUIRE_BAG_OFFSETS);
            s.options.index = (quire_bag_index)type;
            const void *ids = type == QUIRE_BAG_I32 ? (const void *)narrow : wide;
            ck_assert_int_eq(small_run(&s, ids, N, (int64_t[]){0}, 1, &f), QUIRE_E_INVALID);
            ck_assert_uint_eq(f.position, (uint64_t)at);
            ck_assert_int_eq(f.value, 4);
        }
    }
}
END_TEST

/* A bag of many windows, whose last index is bad, does not begin to be written. */
START_TEST(a_long_bag_with_a_bad_index_is_not_touched)
{
    enum { N = 5000 };
    static int64_t ids[N];
    quire_bag_fault f;
    small s;

    EACH_ISA(isa)
    {
        memset(ids, 0, sizeof ids);
        ids[N - 1] = 4;
        small_make(&s, QUIRE_BAG_OFFSETS);
        s.options.isa = isa;
        ck_assert_int_eq(small_run(&s, ids, N, (int64_t[]){0, 1}, 2, &f), QUIRE_E_INVALID);
        ck_assert_uint_eq(f.position, N - 1);
        ck_assert(s.out[0][0] == 1 && isnan(s.out[1][0]) && isnan(s.out[1][1]));
    }
}
END_TEST

START_TEST(bad_offsets_are_told)
{
    const struct {
        quire_bag_form form;
        uint64_t n_bags;
        int64_t offsets[4];
        quire_bag_fault fault;
    } cases[] = {
        {QUIRE_BAG_OFFSETS, 3, {1, 2, 3}, {QUIRE_BAG_FAULT_OFFSET, 0, 1, 4}},
        {QUIRE_BAG_OFFSETS, 3, {0, 3, 2}, {QUIRE_BAG_FAULT_OFFSET, 2, 2, 4}},
        {QUIRE_BAG_OFFSETS, 3, {0, 3, 5}, {QUIRE_BAG_FAULT_OFFSET, 2, 5, 4}},
        {QUIRE_BAG_OFFSETS, 3, {0, -1, 2}, {QUIRE_BAG_FAULT_OFFSET, 1, -1, 4}},
        {QUIRE_BAG_OFFSETS, 3, {0, 0, INT64_MIN}, {QUIRE_BAG_FAULT_OFFSET, 2, INT64_MIN, 4}},
        {QUIRE_BAG_OFFSETS, 0, {0}, {QUIRE_BAG_FAULT_END, 0, 0, 4}},
        {QUIRE_BAG_OFFSETS_LAST, 3, {0, 1, 2, 3}, {QUIRE_BAG_FAULT_END, 3, 3, 4}},
        {QUIRE_BAG_OFFSETS_LAST, 3, {0, 1, 2, 5}, {QUIRE_BAG_FAULT_OFFSET, 3, 5, 4}},
        {QUIRE_BAG_OFFSETS_LAST, 0, {0}, {QUIRE_BAG_FAULT_END, 0, 0, 4}},
        {QUIRE_BAG_OFFSETS_LAST, 0, {4}, {QUIRE_BAG_FAULT_OFFSET, 0, 4, 4}},
        {QUIRE_BAG_LENGTHS, 3, {1, 1, 1}, {QUIRE_BAG_FAULT_END, 2, 3, 4}},
        {QUIRE_BAG_LENGTHS, 3, {1, 2, 2}, {QUIRE_BAG_FAULT_LENGTH, 2, 2, 1}},
        {QUIRE_BAG_LENGTHS, 3, {1, -1, 4}, {QUIRE_BAG_FAULT_LENGTH, 1, -1, 3}},
        {QUIRE_BAG_LENGTHS, 3, {1, INT64_MAX, 4}, {QUIRE_BAG_FAULT_LENGTH, 1, INT64_MAX, 3}},
        {QUIRE_BAG_LENGTHS, 0, {0}, {QUIRE_BAG_FAULT_END, 0, 0, 4}},
        {QUIRE_BAG_FIXED, 3, {0}, {QUIRE_BAG_FAULT_END, 2, 6, 4}},
        {QUIRE_BAG_FIXED, 1, {0}, {QUIRE_BAG_FAULT_END, 0, 2, 4}},
        {QUIRE_BAG_FIXED, 0, {0}, {QUIRE_BAG_FAULT_END, 0, 0, 4}},
    };
    const int64_t ids[] = {0, 1, 2, 3};
    int32_t narrow[4];
    quire_bag_fault f;
    small s;

    for (size_t k = 0; k < 2 * sizeof cases / sizeof *cases; k++) {
        const int64_t *wide = cases[k / 2].offsets;
        const quire_bag_fault *want = &cases[k / 2].fault;
        if (k % 2 && (want->value > INT32_MAX || want->value < INT32_MIN)) continue;
        for (int i = 0; i < 4; i++)
            narrow[i] = (int32_t)wide[i];
        small_make(&s, cases[k / 2].form);
        if (k % 2) s.options.offset = QUIRE_BAG_I32;
        const void *offsets = k % 2 ? (const void *)narrow : wide;
        ck_assert_int_eq(small_run(&s, ids, 4, offsets, cases[k / 2].n_bags, &f), QUIRE_E_INVALID);
        ck_assert_msg(f.kind == want->kind && f.position == want->position &&
                          f.value == want->value && f.limit == want->limit,
                      "case %zu: %d at %d: %d of %d", k / 2, f.kind, (int)f.position, (int)f.value,
                      (int)f.limit);
    }
}
END_TEST

START_TEST(a_range_tells_of_its_own_bags_and_of_lengths_before_them)
{
    const int64_t ids[] = {9, 1, 2, 9};
    const int64_t lengths[] = {1, 2, 1};
    quire_bag_fault f;
    small s;

    small_make(&s, QUIRE_BAG_LENGTHS);
    const quire_bag_plan plan = plan_make(&s.rows, &s.options);
    quire_bag_job job = {.rows = s.values,
                         .n_rows = 4,
                         .indices = ids,
                         .n_indices = 4,
                         .offsets = lengths,
                         .n_bags = 3,
                         .out = s.out};
    ck_assert_int_eq(quire_bag_run(&plan, &job, 1, 2, &f), QUIRE_OK);
    ck_assert(isnan(s.out[0][0]) && s.out[1][0] == 8 && isnan(s.out[2][0]));
    ck_assert_int_eq(quire_bag_run(&plan, &job, 1, 1, &f), QUIRE_OK);
    ck_assert_int_eq(quire_bag_run(&plan, &job, 2, 3, &f), QUIRE_E_INVALID);
    ck_assert_uint_eq(f.position, 3);
    job.offsets = (int64_t[]){-1, 2, 1};
    ck_assert_int_eq(quire_bag_run(&plan, &job, 1, 2, &f), QUIRE_E_INVALID);
    ck_assert_int_eq(f.kind, QUIRE_BAG_FAULT_LENGTH);
    ck_assert_int_eq(quire_bag_run(&plan, &job, 2, 1, &f), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 4, &f), QUIRE_E_USAGE);
}
END_TEST

START_TEST(the_padding_index_is_one_of_the_rows)
{
    const int64_t paddings[] = {4, -5, INT64_MIN, INT64_MAX};
    const int64_t ids[] = {0, 1, 3};
    quire_bag_fault f;
    small s;

    for (size_t k = 0; k < 4; k++) {
        small_make(&s, QUIRE_BAG_OFFSETS);
        s.options.padding = 1;
        s.options.padding_index = paddings[k];
        ck_assert_int_eq(small_run(&s, ids, 3, (int64_t[]){0}, 1, &f), QUIRE_E_INVALID);
        ck_assert_int_eq(f.kind, QUIRE_BAG_FAULT_PADDING);
        ck_assert_int_eq(f.value, paddings[k]);
        ck_assert_uint_eq(f.limit, 4);
    }
    s.options.padding_index = -4; /* row 0 */
    ck_assert_int_eq(small_run(&s, ids, 3, (int64_t[]){0}, 1, &f), QUIRE_OK);
    ck_assert(s.out[0][0] == 10);
}
END_TEST

START_TEST(faults_are_told_in_words)
{
    const struct {
        quire_bag_fault fault;
        const char *words;
    } cases[] = {
        {{QUIRE_BAG_FAULT_INDEX, 7, -2, 1000}, "index 7 is -2, and the table has 1000 rows"},
        {{QUIRE_BAG_FAULT_OFFSET, 3, 9, 8},
         "offset 3 is 9: offsets start at 0, do not fall and end at 8, the number of indices"},
        {{QUIRE_BAG_FAULT_LENGTH, 1, -4, 3},
         "length 1 is -4: lengths are not below 0, and there are 3 indices left for it"},
        {{QUIRE_BAG_FAULT_END, 2, 3, 4}, "the bags end at index 3, and there are 4 indices"},
        {{QUIRE_BAG_FAULT_PADDING, 0, 5, 4}, "the padding index is 5, and the table has 4 rows"},
    };
    const quire_bag_fault longest = {QUIRE_BAG_FAULT_OFFSET, UINT64_MAX, INT64_MIN, UINT64_MAX};
    char text[160];

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        quire_bag_fault_print(&cases[k].fault, text, sizeof text);
        ck_assert_str_eq(text, cases[k].words);
    }
    for (int kind = QUIRE_BAG_FAULT_INDEX; kind <= QUIRE_BAG_FAULT_PADDING; kind++) {
        quire_bag_fault fault = longest;
        fault.kind = (quire_bag_fault_kind)kind;
        quire_bag_fault_print(&fault, text, sizeof text);
        ck_assert_uint_lt(strlen(text), sizeof text - 1);
    }
    quire_bag_fault_print(&cases[0].fault, text, 8);
    ck_assert_str_eq(text, "index 7");
}
END_TEST

START_TEST(nothing_asked_is_nothing_done)
{
    quire_bag_fault f;
    small s;

    for (int form = QUIRE_BAG_OFFSETS; form <= QUIRE_BAG_FIXED; form++) {
        small_make(&s, (quire_bag_form)form);
        ck_assert_int_eq(small_run(&s, NULL, 0, (int64_t[]){0}, 0, &f), QUIRE_OK);
    }
    small_make(&s, QUIRE_BAG_OFFSETS);
    ck_assert_int_eq(small_run(&s, NULL, 0, (int64_t[]){0, 0}, 2, &f), QUIRE_OK);
    ck_assert(s.out[0][0] == 0 && s.out[1][1] == 0 && isnan(s.out[2][0]));
    s.options.form = QUIRE_BAG_FIXED;
    ck_assert_int_eq(small_run(&s, NULL, 0, NULL, 3, &f), QUIRE_OK);
    ck_assert(s.out[2][1] == 0 && isnan(s.out[3][0]));
}
END_TEST

START_TEST(a_table_without_rows_has_empty_bags)
{
    const quire_rows storages[] = {
        {.storage = QUIRE_ROWS_FLOAT16},
        {.storage = QUIRE_ROWS_SPLIT, .bits = 4, .block = 16},
        {.storage = QUIRE_ROWS_FUSED, .bits = 8, .scale_first = 1},
    };
    const quire_bag_job job = {.offsets = (int32_t[]){0, 0}, .n_bags = 2, .out = (float[200]){1}};
    const quire_bag_options options = {.size = sizeof options};
    quire_bag_fault f;

    for (size_t k = 0; k < 3; k++) {
        quire_rows rows = storages[k];
        rows.size = sizeof rows;
        rows.width = 100;
        const quire_bag_plan plan = plan_make(&rows, &options);
        ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 2, &f), QUIRE_OK);
        ck_assert(((float *)job.out)[0] == 0);
    }
}
END_TEST

/* --- skipped rows --- */

START_TEST(skipped_rows_count_as_stated)
{
    const int64_t ids[] = {1, -1, 2, -1, -1, 3, 1};
    const int64_t ends[] = {0, 3, 5, 5, 7};
    float weights[] = {2, 100, 3, 100, 100, 5, 7};
    quire_bag_fault f;
    small s;

    EACH_ISA(isa)
    {
        small_make(&s, QUIRE_BAG_OFFSETS_LAST);
        s.options.isa = isa;
        s.options.pruned = 1;
        s.options.mode = QUIRE_BAG_MEAN; /* of 3 rows, one of them pruned */
        ck_assert_int_eq(small_run(&s, ids, 7, ends, 4, &f), QUIRE_OK);
        ck_assert(s.out[0][0] == 8.0f / 3 && s.out[1][0] == 0 && s.out[3][0] == 5);
        s.options.padding = 1; /* row 3 as if it were not there */
        s.options.padding_index = -1;
        ck_assert_int_eq(small_run(&s, ids, 7, ends, 4, &f), QUIRE_OK);
        ck_assert(s.out[0][0] == 8.0f / 3 && s.out[1][0] == 0 && s.out[3][0] == 3);

        small_make(&s, QUIRE_BAG_OFFSETS_LAST);
        s.options.isa = isa;
        s.options.pruned = 1;
        s.options.weights = QUIRE_BAG_WEIGHTS_F32;
        const quire_bag_plan plan = plan_make(&s.rows, &s.options);
        const quire_bag_job job = {s.values, NULL, NULL, 4, ids, 7, ends, 4, weights, s.out};
        ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 4, &f), QUIRE_OK);
        ck_assert(s.out[0][0] == 2 * 3 + 3 * 5 && s.out[3][1] == 5 * 8 + 7 * 4);
    }
}
END_TEST

/* What a maximum starts with is its first row, however many skipped indices come before it. */
START_TEST(a_maximum_of_negative_numbers_is_negative)
{
    enum { N = 3000 };
    static int64_t ids[N];
    quire_bag_fault f;
    small s;

    for (int before = 0; before < N; before += 97) {
        EACH_ISA(isa)
        {
            small_make(&s, QUIRE_BAG_OFFSETS);
            s.options.isa = isa;
            s.options.mode = QUIRE_BAG_MAX;
            s.options.pruned = 1;
            for (int k = 0; k < 8; k++)
                s.values[k / 2][k % 2] = (float)(-8 + k);
            for (int k = 0; k < N; k++)
                ids[k] = k < before ? -1 : k % 2;
            ck_assert_int_eq(small_run(&s, ids, N, (int64_t[]){0}, 1, &f), QUIRE_OK);
            ck_assert(s.out[0][0] == -6 || (before == N - 1 && s.out[0][0] == -8 + 2 * (N % 2)));
        }
    }
}
END_TEST

START_TEST(a_maximum_keeps_a_nan_that_comes_first)
{
    const int64_t ids[] = {0, 1, 2, 1, 0, 2, 3, 1};
    quire_bag_fault f;
    small s;

    EACH_ISA(isa)
    {
        small_make(&s, QUIRE_BAG_FIXED);
        s.options.isa = isa;
        s.options.mode = QUIRE_BAG_MAX;
        s.values[0][0] = NAN;
        s.values[1][1] = -INFINITY;
        s.values[2][1] = -0.0f;
        s.values[3][1] = +0.0f;
        ck_assert_int_eq(small_run(&s, ids, 8, NULL, 4, &f), QUIRE_OK);
        ck_assert(isnan(s.out[0][0]) && s.out[0][1] == 2);
        ck_assert(s.out[1][0] == 5 && signbit(s.out[1][1])); /* -0 against -infinity */
        ck_assert(isnan(s.out[2][0]) && s.out[2][1] == 2);
        ck_assert(s.out[3][0] == 7 && s.out[3][1] == 0);
    }
}
END_TEST

/* --- every code of the small floats --- */

static void
look_up(const quire_rows *rows, const void *table, quire_isa isa, quire_float_type type, void *out)
{
    quire_bag_options options = lookups(isa);
    const int64_t zero = 0;
    const quire_bag_job job = {
        .rows = table, .n_rows = 1, .indices = &zero, .n_indices = 1, .n_bags = 1, .out = out};
    quire_bag_fault fault;

    options.out = type;
    const quire_bag_plan plan = plan_make(rows, &options);
    ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 1, &fault), QUIRE_OK);
}

/* A float of `exponent_bits` and `mantissa_bits`, by its definition. */
static float
float_of(uint32_t bits, int exponent_bits, int mantissa_bits)
{
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int largest = (1 << exponent_bits) - 1;
    const int exponent = (int)(bits >> mantissa_bits) & largest;
    const int mantissa = (int)(bits & ((1u << mantissa_bits) - 1));
    float size = ldexpf((float)mantissa, 1 - bias - mantissa_bits);

    if (exponent) {
        size = ldexpf((float)(mantissa | 1 << mantissa_bits), exponent - bias - mantissa_bits);
    }
    if (exponent_bits == 4) { /* E4M3FN */
        if (exponent == largest && mantissa == 7) size = NAN;
    } else if (exponent == largest) {
        size = mantissa ? NAN : INFINITY;
    }
    return bits >> (exponent_bits + mantissa_bits) ? -size : size;
}

START_TEST(every_narrow_float_is_what_it_is)
{
    static const struct {
        quire_rows_storage storage;
        int exponent_bits, mantissa_bits;
    } kinds[] = {{QUIRE_ROWS_FLOAT16, 5, 10},
                 {QUIRE_ROWS_BFLOAT16, 8, 7},
                 {QUIRE_ROWS_FLOAT8E4M3FN, 4, 3},
                 {QUIRE_ROWS_FLOAT8E5M2, 5, 2}};
    static uint16_t halves[65536];
    static uint8_t bytes[256];
    static float out[65536];

    for (uint32_t k = 0; k < 65536; k++)
        halves[k] = (uint16_t)(bytes[k % 256] = (uint8_t)k, k);
    for (size_t k = 0; k < 4; k++) {
        const bool is_byte = kinds[k].storage >= QUIRE_ROWS_FLOAT8E4M3FN;
        const uint32_t n = is_byte ? 256 : 65536;
        const quire_rows rows = {.size = sizeof rows, .storage = kinds[k].storage, .width = n};
        EACH_ISA(isa)
        {
            look_up(&rows, is_byte ? (const void *)bytes : halves, isa, QUIRE_FLOAT_F32, out);
            for (uint32_t b = 0; b < n; b++) {
                const float want = float_of(b, kinds[k].exponent_bits, kinds[k].mantissa_bits);
                ck_assert_msg(isnan(want) ? isnan(out[b]) : memcmp(&out[b], &want, 4) == 0,
                              "%s storage %d code %x", quire_isa_name(isa), kinds[k].storage, b);
            }
        }
    }
}
END_TEST

START_TEST(lookups_keep_every_bit_of_a_float)
{
    const uint32_t bits[9] = {0x80000000, 0x7fa00001, 0xff800000, 0x7f800000, 0x00000001,
                              0x807fffff, 0x7fc12345, 0xffc54321, 0xffa00000};
    quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT32};
    uint32_t out[9];

    for (rows.width = 1; rows.width <= 9; rows.width++) {
        EACH_ISA(isa)
        {
            memset(out, 0, sizeof out);
            look_up(&rows, bits, isa, QUIRE_FLOAT_F32, out);
            ck_assert_mem_eq(out, bits, rows.width * 4);
        }
    }
}
END_TEST

/* Ties, what overflows, what underflows: by the definition of rounding, not by half.h. */
START_TEST(narrow_outputs_are_rounded_once_half_to_even)
{
    static const struct {
        float value;
        uint16_t half, brain;
    } cases[] = {
        {1.0f + 0x1p-11f, 0x3c00, 0x3f80}, {1.0f + 0x1.8p-10f, 0x3c02, 0x3f80},
        {1.0f + 0x1p-8f, 0x3c04, 0x3f80},  {1.0f + 0x1.8p-7f, 0x3c0c, 0x3f82},
        {65519.99f, 0x7bff, 0x4780},       {65520.0f, 0x7c00, 0x4780},
        {-65520.0f, 0xfc00, 0xc780},       {0x1p-25f, 0x0000, 0x3300},
        {0x1.8p-25f, 0x0001, 0x3340},      {-0x1p-26f, 0x8000, 0xb280},
        {0x1.ffffp127f, 0x7c00, 0x7f80},   {0x1.fep127f, 0x7c00, 0x7f7f},
        {0x1p-134f, 0x0000, 0x0000},       {0x1.8p-134f, 0x0000, 0x0001},
        {0x1p-133f, 0x0000, 0x0001},       {INFINITY, 0x7c00, 0x7f80},
    };
    enum { N = sizeof cases / sizeof *cases };
    const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT32, .width = N};
    float values[N];
    uint16_t out[N];

    for (int k = 0; k < N; k++)
        values[k] = cases[k].value;
    EACH_ISA(isa)
    {
        look_up(&rows, values, isa, QUIRE_FLOAT_F16, out);
        for (int k = 0; k < N; k++)
            ck_assert_msg(out[k] == cases[k].half, "half of %a: %x", values[k], out[k]);
        look_up(&rows, values, isa, QUIRE_FLOAT_BF16, out);
        for (int k = 0; k < N; k++)
            ck_assert_msg(out[k] == cases[k].brain, "bfloat16 of %a: %x", values[k], out[k]);
    }
}
END_TEST

/* --- large things --- */

static void *
sparse_get(uint64_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

/* The last row of a table of zeros has other parameters and one code that is not 0: what it decodes
 * to is the same in every storage. */
static void
last_row_put(const quire_rows *rows, const quire_rows_layout *l, uint64_t n_rows, uint8_t *codes,
             uint8_t *scales, uint8_t *zeros)
{
    const uint16_t two = quire_f16_from_f32(2);
    const float one = 1;
    uint8_t *row = codes + (n_rows - 1) * l->stride;

    switch (rows->storage) {
    case QUIRE_ROWS_FLOAT32: memcpy(row, &(float){2}, 4); break;
    case QUIRE_ROWS_FLOAT16: memcpy(row, &two, 2); break;
    case QUIRE_ROWS_BFLOAT16: row[1] = 0x40; break;
    case QUIRE_ROWS_FLOAT8E4M3FN:
    case QUIRE_ROWS_FLOAT8E5M2: row[0] = 0x40; break;
    case QUIRE_ROWS_SPLIT:
        row[0] = 3;
        memcpy(scales + (n_rows - 1) * l->scale_size, &one, 4);
        zeros[n_rows - 1] = 1;
        break;
    case QUIRE_ROWS_FUSED:
        row[l->payload_at] = 1;
        memcpy(row + l->scale_at, &two, 2);
        break;
    }
}

/* Beyond 4 GiB by their strides, and of more than 2^31 rows. */
static const struct {
    quire_rows rows;
    uint64_t n_rows;
} large[] = {
    {{.storage = QUIRE_ROWS_FLOAT32, .width = 4}, ((uint64_t)5 << 30) / 16},
    {{.storage = QUIRE_ROWS_FLOAT16, .width = 1}, ((uint64_t)1 << 31) + 5},
    {{.storage = QUIRE_ROWS_BFLOAT16, .width = 3, .stride = 1 << 20}, 5000},
    {{.storage = QUIRE_ROWS_FLOAT8E4M3FN, .width = 1}, ((uint64_t)1 << 32) + 5},
    {{.storage = QUIRE_ROWS_FLOAT8E5M2, .width = 9, .stride = 1 << 24}, 300},
    {{.storage = QUIRE_ROWS_SPLIT, .bits = 8, .width = 1}, ((uint64_t)1 << 31) + 5},
    {{.storage = QUIRE_ROWS_SPLIT, .bits = 4, .width = 40, .stride = 1 << 22}, 1100},
    {{.storage = QUIRE_ROWS_SPLIT, .bits = 2, .width = 5, .stride = 3}, ((uint64_t)1 << 31) + 1},
    {{.storage = QUIRE_ROWS_FUSED, .bits = 8, .scale = QUIRE_FLOAT_F16, .width = 8},
     ((uint64_t)5 << 30) / 12},
    {{.storage = QUIRE_ROWS_FUSED, .bits = 4, .scale = QUIRE_FLOAT_F16, .width = 128},
     ((uint64_t)5 << 30) / 68},
    {{.storage = QUIRE_ROWS_FUSED,
      .bits = 2,
      .scale = QUIRE_FLOAT_F16,
      .scale_first = 1,
      .width = 1},
     ((uint64_t)1 << 31) + 1},
};

START_TEST(tables_beyond_four_gibibytes_are_reached)
{
    const uint64_t n_rows = large[_i].n_rows;
    quire_rows rows = large[_i].rows;
    quire_rows_layout l;
    quire_bag_fault fault;
    const char *why;
    float out[2][128];

    rows.size = sizeof rows;
    ck_assert_int_eq(quire_rows_layout_get(&rows, &l, &why), QUIRE_OK);
    const uint64_t n_params = rows.storage == QUIRE_ROWS_SPLIT ? n_rows : 0;
    uint8_t *codes = sparse_get(n_rows * l.stride);
    uint8_t *scales = sparse_get(n_params * 4 + 1);
    uint8_t *zeros = sparse_get(n_params + 1);
    if (!codes || !scales || !zeros) return; /* a machine that promises no more than it has */
    last_row_put(&rows, &l, n_rows, codes, scales, zeros);
    EACH_ISA(isa)
    {
        quire_bag_options options = {.size = sizeof options,
                                     .index = QUIRE_BAG_I64,
                                     .form = QUIRE_BAG_FIXED,
                                     .isa = isa,
                                     .fixed = 3};
        const int64_t last = (int64_t)n_rows - 1;
        const int64_t ids[] = {last, 0, last - 1, 1, last, last};
        const quire_bag_job job = {codes, scales, zeros, n_rows, ids, 6, NULL, 2, NULL, out};
        const quire_bag_plan plan = plan_make(&rows, &options);
        ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 2, &fault), QUIRE_OK);
        ck_assert_msg(out[0][0] == 2 && ((float *)out)[rows.width] == 4, "%s: %g %g",
                      quire_isa_name(isa), (double)out[0][0], (double)((float *)out)[rows.width]);
    }
    munmap(codes, n_rows * l.stride);
    munmap(scales, n_params * 4 + 1);
    munmap(zeros, n_params + 1);
}
END_TEST

/* Rows of 256 columns and more in a table that no cache holds are summed by a pass of their own: in
 * long bags too, which come in parts, and next to a scale (of row 7) that only conversion serves. */
enum { WIDE_ROWS = 100, WIDE = 264, WIDE_STRIDE = 1 << 20 };

static void
wide_table_fill(uint8_t *table, quire_float_type scale_type)
{
    for (size_t row = 0; row < WIDE_ROWS; row++) {
        uint8_t *at = table + row * WIDE_STRIDE;
        float params[2] = {(float)random_below(1000) / 1024, (float)random_below(1000) - 500};
        if (row == 7) params[0] = scale_type == QUIRE_FLOAT_F32 ? 0x1p40f : 60000;
        for (size_t k = 0; k < WIDE; k++)
            at[k] = (uint8_t)random_below(256);
        if (scale_type == QUIRE_FLOAT_F32) {
            memcpy(at + WIDE, params, sizeof params);
        } else {
            const uint16_t halves[2] = {quire_f16_from_f32(params[0]),
                                        quire_f16_from_f32(params[1])};
            memcpy(at + WIDE, halves, sizeof halves);
        }
    }
}

START_TEST(wide_sums_over_a_large_table_are_those_of_scalar)
{
    enum { LONG = 5001, BOTH = 1003 + LONG, N = BOTH + 2 + 0 + 9 + 4 };
    static int64_t ids[N];
    static float out[2][6][WIDE];
    const int64_t offsets[] = {0, BOTH - LONG, BOTH, BOTH + 2, BOTH + 2, BOTH + 11};
    const quire_float_type scale = _i == 0 ? QUIRE_FLOAT_F32 : QUIRE_FLOAT_F16;
    const quire_rows rows = {.size = sizeof rows,
                             .storage = QUIRE_ROWS_FUSED,
                             .bits = 8,
                             .scale = scale,
                             .width = WIDE,
                             .stride = WIDE_STRIDE};
    quire_bag_fault fault;
    uint8_t *table = sparse_get((uint64_t)WIDE_ROWS * WIDE_STRIDE);

    ck_assert_ptr_nonnull(table);
    wide_table_fill(table, scale);
    for (size_t i = 0; i < N; i++)
        ids[i] = 8 + (int64_t)random_below(WIDE_ROWS - 8);
    ids[BOTH + 2 + 6] = 7; /* of the fifth bag */
    EACH_ISA(isa)
    {
        const quire_bag_options options = {
            .size = sizeof options, .index = QUIRE_BAG_I64, .offset = QUIRE_BAG_I64, .isa = isa};
        const quire_bag_plan plan = plan_make(&rows, &options);
        float(*to)[WIDE] = out[isa != QUIRE_ISA_SCALAR];
        const quire_bag_job job = {.rows = table,
                                   .n_rows = WIDE_ROWS,
                                   .indices = ids,
                                   .n_indices = N,
                                   .offsets = offsets,
                                   .n_bags = 6,
                                   .out = to};
        ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 6, &fault), QUIRE_OK);
        for (size_t b = 0; b < 6 && to == out[1]; b++)
            ck_assert_msg(memcmp(out[0][b], to[b], sizeof to[b]) == 0, "%s: bag %zu",
                          quire_isa_name(isa), b);
    }
    ck_assert(out[0][3][0] == 0 && out[0][1][0] != 0);
    munmap(table, (uint64_t)WIDE_ROWS * WIDE_STRIDE);
}
END_TEST

/* Order, count and weights of a bag that takes thousands of windows. */
START_TEST(a_bag_of_a_million_is_added_in_order)
{
    enum { N = 1000000, ROWS = 50 };
    static int32_t ids[N];
    static float weights[N];
    static float values[ROWS][3];
    const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT32, .width = 3};
    float sum[3] = {0};
    float weighted[3] = {0};
    float best[3] = {0};
    uint64_t n = 0;
    quire_bag_fault fault;

    for (int k = 0; k < 3 * ROWS; k++)
        values[k / 3][k % 3] = (float)random_below(1000) - 700 + 1 / (1 + (float)random_below(99));
    for (int k = 0; k < N; k++) {
        ids[k] = random_below(9) ? (int32_t)random_below(ROWS) : 7;
        weights[k] = (float)random_below(1000) / 999;
        if (ids[k] == 7) continue; /* padding */
        for (int j = 0; j < 3; j++) {
            const float product = weights[k] * values[ids[k]][j];
            sum[j] += values[ids[k]][j];
            weighted[j] += product;
            if (n == 0 || values[ids[k]][j] > best[j]) best[j] = values[ids[k]][j];
        }
        n++;
    }
    EACH_ISA(isa)
    {
        for (int k = 0; k < 4; k++) {
            quire_bag_options options = {.size = sizeof options,
                                         .mode = k == 3 ? QUIRE_BAG_SUM : (quire_bag_mode)k,
                                         .weights = k == 3 ? QUIRE_BAG_WEIGHTS_F32 : 0,
                                         .padding = 1,
                                         .isa = isa,
                                         .padding_index = 7};
            float out[3];
            const quire_bag_job job = {values, NULL,           NULL, ROWS,    ids,
                                       N,      (int32_t[]){0}, 1,    weights, out};
            const quire_bag_plan plan = plan_make(&rows, &options);
            ck_assert_int_eq(quire_bag_run(&plan, &job, 0, 1, &fault), QUIRE_OK);
            for (int j = 0; j < 3; j++) {
                const float wants[] = {sum[j], sum[j] / (float)n, best[j], weighted[j]};
                ck_assert_msg(memcmp(&out[j], &wants[k], 4) == 0, "%s %d: %.9g, not %.9g",
                              quire_isa_name(isa), k, (double)out[j], (double)wants[k]);
            }
        }
    }
}
END_TEST

/* --- batches --- */

/* Four threads that take what is next. */
typedef struct crew {
    void (*work)(void *data, uint64_t i);
    void *data;
    uint64_t n;
    uint64_t next;
    uint64_t total; /* parts of all calls */
    pthread_mutex_t lock;
} crew;

static void *
crew_member(void *arg)
{
    crew *c = arg;

    for (;;) {
        pthread_mutex_lock(&c->lock);
        const uint64_t i = c->next++;
        pthread_mutex_unlock(&c->lock);
        if (i >= c->n) return NULL;
        c->work(c->data, i);
    }
}

static void
crew_run(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    crew *c = pool;
    pthread_t threads[4];

    c->work = work;
    c->data = data;
    c->n = n;
    c->next = 0;
    c->total += n;
    pthread_mutex_init(&c->lock, NULL);
    for (int k = 0; k < 4; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, crew_member, c), 0);
    for (int k = 0; k < 4; k++)
        pthread_join(threads[k], NULL);
    pthread_mutex_destroy(&c->lock);
}

enum { ROWS = 500, WIDTH = 64, IDS = 60000, BAGS = 3000, TABLES = 40 };

/* Tables of every size from none to BAGS bags, in forms that take turns. */
typedef struct tables {
    float values[ROWS][WIDTH];
    int64_t ids[IDS];
    int64_t offsets[BAGS + 1];
    int64_t lengths[BAGS];
    quire_bag_plan plans[4];
    quire_bag_job jobs[TABLES];
    quire_bag_task tasks[TABLES];
    uint64_t n_out;
    float *out[2];
} tables;

static void
tables_jobs(tables *t, float *out)
{
    for (uint64_t k = 0; k < TABLES; k++) {
        const uint64_t n_bags = k < 3 ? (uint64_t)BAGS >> k : k % 5 ? k * 7 : 0;
        const quire_bag_form form = (quire_bag_form)(k % 4);
        t->jobs[k] = (quire_bag_job){
            .rows = t->values,
            .n_rows = ROWS,
            .indices = t->ids,
            .n_indices = form == QUIRE_BAG_FIXED ? 3 * n_bags : (uint64_t)t->offsets[n_bags],
            .offsets = form == QUIRE_BAG_LENGTHS ? t->lengths : t->offsets,
            .n_bags = n_bags,
            .out = out};
        t->tasks[k] = (quire_bag_task){&t->plans[form], &t->jobs[k]};
        out += n_bags * WIDTH;
    }
}

static tables *
tables_make(void)
{
    tables *t = calloc(1, sizeof *t);
    const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT32, .width = WIDTH};

    ck_assert_ptr_nonnull(t);
    for (uint64_t k = 0; k < ROWS * WIDTH; k++)
        t->values[k / WIDTH][k % WIDTH] = (float)random_below(1000) / 7;
    for (uint64_t k = 0; k < IDS; k++)
        t->ids[k] = (int64_t)random_below(ROWS);
    for (uint64_t k = 0; k < BAGS; k++) {
        t->lengths[k] = (int64_t)random_below(k < 5 ? 2000 : IDS / BAGS - 5);
        t->offsets[k + 1] = t->offsets[k] + t->lengths[k];
    }
    ck_assert_int_le(t->offsets[BAGS], IDS);
    for (int form = 0; form < 4; form++) {
        const quire_bag_options options = {.size = sizeof options,
                                           .index = QUIRE_BAG_I64,
                                           .offset = QUIRE_BAG_I64,
                                           .form = (quire_bag_form)form,
                                           .fixed = form == QUIRE_BAG_FIXED ? 3 : 0};
        t->plans[form] = plan_make(&rows, &options);
    }
    tables_jobs(t, NULL);
    for (uint64_t k = 0; k < TABLES; k++)
        t->n_out += t->jobs[k].n_bags * WIDTH;
    for (int k = 0; k < 2; k++)
        ck_assert_ptr_nonnull(t->out[k] = calloc(t->n_out, sizeof(float)));
    tables_jobs(t, t->out[1]);
    return t;
}

static void
tables_free(tables *t)
{
    free(t->out[0]);
    free(t->out[1]);
    free(t);
}

START_TEST(a_batch_is_its_tasks)
{
    tables *t = tables_make();
    quire_bag_fault fault;
    uint64_t task = 9;
    crew c = {0};

    tables_jobs(t, t->out[0]);
    for (uint64_t k = 0; k < TABLES; k++)
        ck_assert_int_eq(
            quire_bag_run(t->tasks[k].plan, t->tasks[k].job, 0, t->jobs[k].n_bags, &fault),
            QUIRE_OK);
    tables_jobs(t, t->out[1]);
    ck_assert_int_eq(quire_bag_run_batch(t->tasks, TABLES, crew_run, &c, &task, &fault), QUIRE_OK);
    ck_assert_uint_gt(c.total, 40);
    ck_assert_mem_eq(t->out[0], t->out[1], t->n_out * sizeof(float));
    memset(t->out[1], 0, t->n_out * sizeof(float));
    ck_assert_int_eq(quire_bag_run_batch(t->tasks, TABLES, NULL, NULL, &task, &fault), QUIRE_OK);
    ck_assert_mem_eq(t->out[0], t->out[1], t->n_out * sizeof(float));
    ck_assert_int_eq(quire_bag_run_batch(NULL, 0, crew_run, &c, &task, &fault), QUIRE_OK);
    ck_assert_uint_eq(task, 9);
    tables_free(t);
}
END_TEST

/* No part of a batch is more than a few times the average: the largest bag is small here. */
typedef struct clock_pool {
    const tables *t;
    uint64_t n;
    uint64_t most; /* outputs that one part wrote */
} clock_pool;

static uint64_t
written(const tables *t)
{
    uint64_t n = 0;

    for (uint64_t k = 0; k < t->n_out; k += WIDTH)
        n += !isnan(t->out[1][k]);
    return n;
}

static void
clock_run(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    clock_pool *c = pool;

    c->n = n;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t before = written(c->t);
        work(data, i);
        const uint64_t after = written(c->t);
        if (after - before > c->most) c->most = after - before;
    }
}

START_TEST(parts_of_a_batch_are_about_equal)
{
    tables *t = tables_make();
    clock_pool c = {.t = t};
    quire_bag_fault fault;
    uint64_t task;

    for (int k = 0; k < BAGS; k++) { /* bags of ten, so that outputs measure work */
        t->lengths[k] = 10;
        t->offsets[k + 1] = 10 * (k + 1);
    }
    tables_jobs(t, t->out[1]);
    memset(t->out[1], 0xff, t->n_out * sizeof(float));
    ck_assert_int_eq(quire_bag_run_batch(t->tasks, TABLES, clock_run, &c, &task, &fault), QUIRE_OK);
    ck_assert_uint_eq(written(t), t->n_out / WIDTH);
    ck_assert_uint_gt(c.n, 20);
    ck_assert_uint_lt(c.most * c.n, 4 * t->n_out / WIDTH);
    tables_free(t);
}
END_TEST

START_TEST(a_batch_tells_the_first_fault_in_the_order_of_tasks)
{
    tables *t = tables_make();
    quire_bag_fault fault;
    uint64_t task = 9;
    crew c = {0};

    int64_t *other = malloc(IDS * sizeof *other);
    ck_assert_ptr_nonnull(other);
    memcpy(other, t->ids, IDS * sizeof *other);
    const uint64_t last = t->jobs[7].n_indices - 1;
    other[last] = -7;
    t->jobs[7].indices = t->jobs[13].indices = other;
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(
            quire_bag_run_batch(t->tasks, TABLES, k ? crew_run : NULL, &c, &task, &fault),
            QUIRE_E_INVALID);
        ck_assert_uint_eq(task, 7);
        ck_assert_uint_eq(fault.position, last);
        ck_assert_int_eq(fault.value, -7);
    }

    t->lengths[1] = -3; /* the first task with lengths, and the walk that cuts it up, meet it */
    ck_assert_int_eq(quire_bag_run_batch(t->tasks, TABLES, crew_run, &c, &task, &fault),
                     QUIRE_E_INVALID);
    ck_assert_uint_eq(task, 2);
    ck_assert_int_eq(fault.kind, QUIRE_BAG_FAULT_LENGTH);
    t->offsets[1] = INT64_MIN;
    t->offsets[2] = INT64_MAX;
    ck_assert_int_eq(quire_bag_run_batch(t->tasks, TABLES, crew_run, &c, &task, &fault),
                     QUIRE_E_INVALID);
    ck_assert_uint_eq(task, 0);
    ck_assert_int_eq(fault.kind, QUIRE_BAG_FAULT_OFFSET);
    ck_assert_uint_eq(fault.position, 1);
    free(other);
    tables_free(t);
}
END_TEST

START_TEST(a_batch_sees_to_tasks_without_bags)
{
    quire_bag_fault fault;
    uint64_t k = 9;
    small s;

    small_make(&s, QUIRE_BAG_OFFSETS);
    const quire_bag_plan plan = plan_make(&s.rows, &s.options);
    const int64_t id = 1;
    const quire_bag_job none = {.rows = s.values, .n_rows = 4};
    const quire_bag_job odd = {.rows = s.values, .n_rows = 4, .indices = &id, .n_indices = 1};
    const quire_bag_task tasks[] = {{&plan, &none}, {&plan, &odd}};
    ck_assert_int_eq(quire_bag_run_batch(tasks, 1, NULL, NULL, &k, &fault), QUIRE_OK);
    ck_assert_int_eq(quire_bag_run_batch(tasks, 2, NULL, NULL, &k, &fault), QUIRE_E_INVALID);
    ck_assert_uint_eq(k, 1);
    ck_assert_int_eq(fault.kind, QUIRE_BAG_FAULT_END);
}
END_TEST

/* Scales at and beyond the ends of what kernels may take a shorter way with, next to each other and in
 * later bags of a call: the sums are those the header states. */
START_TEST(fused_rows_of_any_scale_are_summed_as_stated)
{
    static const float scales[] = {
        0.0f,           -0.0f,   0x1p-149f, 0x1.fffffep-81f, 0x1p-80f, -0x1p-80f, 0x1.8p-126f, 1.0f,
        0x1.fffffep16f, 0x1p17f, -0x1p17f,  0x1p120f,        1.0f,     0.5f,      INFINITY};
    enum { N = sizeof scales / sizeof *scales, COLUMNS = 200, BAG = 3 };
    static uint8_t table[N][COLUMNS + 8];
    static float out[N / BAG][COLUMNS];
    int64_t ids[N];

    for (int i = 0; i < N; i++) {
        const float bias = (float)i;
        ids[i] = i;
        for (int j = 0; j < COLUMNS; j++)
            table[i][j] = (uint8_t)random_below(256);
        memcpy(table[i] + COLUMNS, &scales[i], 4);
        memcpy(table[i] + COLUMNS + 4, &bias, 4);
    }
    EACH_ISA(isa)
    {
        const quire_rows rows = {
            .size = sizeof rows, .storage = QUIRE_ROWS_FUSED, .bits = 8, .width = COLUMNS};
        const quire_bag_options options = {.size = sizeof options,
                                           .index = QUIRE_BAG_I64,
                                           .form = QUIRE_BAG_FIXED,
                                           .fixed = BAG,
                                           .isa = isa};
        const quire_bag_job job = {.rows = table,
                                   .n_rows = N,
                                   .indices = ids,
                                   .n_indices = N,
                                   .n_bags = N / BAG,
                                   .out = out};
        const quire_bag_plan plan = plan_make(&rows, &options);
        quire_bag_fault fault;
        ck_assert_int_eq(quire_bag_run(&plan, &job, 0, N / BAG, &fault), QUIRE_OK);
        for (int b = 0; b < N / BAG; b++) {
            for (int j = 0; j < COLUMNS; j++) {
                float sum = 0;
                float bias = 0;
                for (int i = b * BAG; i < (b + 1) * BAG; i++) {
                    sum = fmaf(scales[i], table[i][j], sum);
                    bias += (float)i;
                }
                const float want = sum + bias;
                ck_assert_msg(isnan(want) ? isnan(out[b][j])
                                          : memcmp(&out[b][j], &want, sizeof want) == 0,
                              "%s: bag %d column %d", quire_isa_name(isa), b, j);
            }
        }
    }
}
END_TEST

/* --- layouts, plans and instruction sets --- */

START_TEST(layouts_are_those_of_the_formats)
{
    const struct {
        quire_rows rows;
        quire_rows_layout layout;
    } cases[] = {
        {{.storage = QUIRE_ROWS_FUSED, .bits = 8, .width = 128},
         {136, 136, 0, 128, 128, 1, 128, 4, 4}},
        {{.storage = QUIRE_ROWS_FUSED, .bits = 8, .scale = QUIRE_FLOAT_F16, .width = 128},
         {132, 132, 0, 128, 128, 1, 128, 2, 2}},
        {{.storage = QUIRE_ROWS_FUSED,
          .bits = 8,
          .scale = QUIRE_FLOAT_F16,
          .scale_first = 1,
          .width = 128,
          .stride = 144},
         {132, 144, 4, 128, 0, 1, 128, 2, 2}},
        {{.storage = QUIRE_ROWS_FUSED, .bits = 4, .scale = QUIRE_FLOAT_F16, .width = 85},
         {47, 47, 0, 43, 43, 1, 43, 2, 2}},
        {{.storage = QUIRE_ROWS_FUSED, .bits = 2, .scale = QUIRE_FLOAT_F16, .width = 64},
         {20, 20, 0, 16, 16, 1, 16, 2, 2}},
        {{.storage = QUIRE_ROWS_SPLIT, .bits = 4, .width = 33}, {17, 17, 0, 17, 0, 1, 17, 4, 1}},
        {{.storage = QUIRE_ROWS_SPLIT,
          .bits = 2,
          .block = 16,
          .scale = QUIRE_FLOAT_F16,
          .zero_point = QUIRE_ROWS_ZERO_POINT_F32,
          .width = 33},
         {12, 12, 0, 12, 0, 3, 4, 2, 4}},
        {{.storage = QUIRE_ROWS_SPLIT, .bits = 8, .block = 256, .width = 256},
         {256, 256, 0, 256, 0, 1, 256, 4, 1}},
        {{.storage = QUIRE_ROWS_BFLOAT16, .width = 7}, {14, 14, 0, 14, 0, 0, 14, 0, 0}},
        {{.storage = QUIRE_ROWS_FLOAT8E5M2, .width = 7}, {7, 7, 0, 7, 0, 0, 7, 0, 0}},
    };
    const char *why;

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        quire_rows rows = cases[k].rows;
        quire_rows_layout l;
        rows.size = sizeof rows;
        ck_assert_int_eq(quire_rows_layout_get(&rows, &l, &why), QUIRE_OK);
        ck_assert_msg(memcmp(&l, &cases[k].layout, sizeof l) == 0, "layout %zu", k);
    }
}
END_TEST

static void
refused(const quire_rows *rows, const quire_bag_options *options)
{
    quire_bag_plan plan = {{7}};
    const char *why = NULL;

    ck_assert_int_eq(quire_bag_plan_init(&plan, rows, options, &why), QUIRE_E_USAGE);
    ck_assert_ptr_nonnull(why);
    ck_assert_uint_gt(strlen(why), 10);
    ck_assert_uint_eq(plan.inner[0], 7);
}

#define REFUSED(member, value, of)                                                                 \
    do {                                                                                           \
        quire_rows r = rows;                                                                       \
        quire_bag_options o = options;                                                             \
        (of).member = value;                                                                       \
        refused(&r, &o);                                                                           \
    } while (0)

START_TEST(rows_that_make_no_sense_are_refused)
{
    const quire_bag_options options = {.size = sizeof options};
    quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FUSED, .bits = 8, .width = 8};

    plan_make(&rows, &options);
    REFUSED(size, 0, r);
    REFUSED(bits, 3, r);
    REFUSED(bits, 4, r); /* with float32 scales */
    REFUSED(block, 32, r);
    REFUSED(zero_point, QUIRE_ROWS_ZERO_POINT_F32, r);
    REFUSED(value, QUIRE_FLOAT_F16, r);
    REFUSED(scale, QUIRE_FLOAT_BF16, r);
    REFUSED(scale_first, 2, r);
    REFUSED(width, 0, r);
    REFUSED(width, (uint64_t)1 << 60, r);
    REFUSED(width, UINT64_MAX, r);
    REFUSED(stride, 15, r);
    REFUSED(stride, (uint64_t)1 << 62, r);
    REFUSED(storage, (quire_rows_storage)7, r);
    REFUSED(storage, QUIRE_ROWS_FLOAT32, r); /* with bits */
    rows = (quire_rows){.size = sizeof rows, .storage = QUIRE_ROWS_SPLIT, .bits = 4, .width = 80};
    plan_make(&rows, &options);
    REFUSED(bits, 0, r);
    REFUSED(bits, 16, r);
    REFUSED(block, 48, r);
    REFUSED(block, 512, r);
    REFUSED(scale, QUIRE_FLOAT_BF16, r);
    REFUSED(value, (quire_float_type)3, r);
    REFUSED(zero_point, (quire_rows_zero_point)2, r);
    REFUSED(scale_first, 1, r);
}
END_TEST

START_TEST(options_that_make_no_sense_are_refused)
{
    const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT32, .width = 8};
    quire_bag_options options = {.size = sizeof options};

    plan_make(&rows, &options);
    REFUSED(size, 0, o);
    REFUSED(mode, (quire_bag_mode)4, o);
    REFUSED(mode, QUIRE_BAG_LOOKUP, o); /* of offsets */
    REFUSED(index, (quire_bag_index)2, o);
    REFUSED(offset, (quire_bag_index)2, o);
    REFUSED(form, (quire_bag_form)4, o);
    REFUSED(fixed, 2, o);
    REFUSED(out, (quire_float_type)3, o);
    REFUSED(out_stride, 31, o);
    REFUSED(out_stride, 34, o);
    REFUSED(isa, QUIRE_ISA_NEON, o);
    REFUSED(isa, (quire_isa)5, o);
    REFUSED(weights, (quire_bag_weights)4, o);
    REFUSED(wrap, 2, o);
    REFUSED(padding_index, 1, o);
    options.weights = QUIRE_BAG_WEIGHTS_F32;
    plan_make(&rows, &options);
    REFUSED(mode, QUIRE_BAG_MEAN, o); /* as torch refuses it */
    REFUSED(mode, QUIRE_BAG_MAX, o);
    options = lookups(QUIRE_ISA_AUTO);
    plan_make(&rows, &options);
    REFUSED(fixed, 2, o);
    REFUSED(padding, 1, o);
    REFUSED(weights, QUIRE_BAG_WEIGHTS_F16, o);
    options.wrap = 1;
    REFUSED(pruned, 1, o);
}
END_TEST

START_TEST(the_environment_chooses_instruction_sets)
{
    const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT32, .width = 8};
    quire_bag_options options = {.size = sizeof options};
    quire_bag_plan plan;

    for (int isa = QUIRE_ISA_SCALAR; isa <= QUIRE_ISA_NEON; isa++) {
        setenv("QUIRE_ISA", quire_isa_name((quire_isa)isa), 1);
        if (!quire_isa_is_available((quire_isa)isa)) {
            refused(&rows, &options);
            continue;
        }
        plan = plan_make(&rows, &options);
        ck_assert_int_eq(quire_bag_plan_isa(&plan), isa);
        options.isa = QUIRE_ISA_SCALAR; /* what the program asks for comes first */
        plan = plan_make(&rows, &options);
        ck_assert_int_eq(quire_bag_plan_isa(&plan), QUIRE_ISA_SCALAR);
        options.isa = QUIRE_ISA_AUTO;
    }
    setenv("QUIRE_ISA", "sse9", 1);
    refused(&rows, &options);
    setenv("QUIRE_ISA", "", 1);
    plan = plan_make(&rows, &options);
    const quire_isa best = quire_bag_plan_isa(&plan);
    setenv("QUIRE_ISA", "auto", 1);
    plan = plan_make(&rows, &options);
    ck_assert_int_eq(quire_bag_plan_isa(&plan), best);
    unsetenv("QUIRE_ISA");
    ck_assert_str_eq(quire_isa_name((quire_isa)77), "unknown");
    ck_assert(!quire_isa_is_available(QUIRE_ISA_AUTO) && quire_isa_is_available(QUIRE_ISA_SCALAR));
}
END_TEST

/* A plan owns nothing: a copy outlives what it was made of. */
START_TEST(a_plan_is_a_value)
{
    const int64_t ids[] = {0, 1};
    quire_bag_fault fault;
    quire_bag_plan *first = malloc(sizeof *first);
    small s;

    ck_assert_ptr_nonnull(first);
    small_make(&s, QUIRE_BAG_FIXED);
    *first = plan_make(&s.rows, &s.options);
    const quire_bag_plan copy = *first;
    memset(first, 0xff, sizeof *first);
    free(first);
    memset(&s.rows, 0xff, sizeof s.rows);
    memset(&s.options, 0xff, sizeof s.options);
    const quire_bag_job job = {
        .rows = s.values, .n_rows = 4, .indices = ids, .n_indices = 2, .n_bags = 1, .out = s.out};
    ck_assert_int_eq(quire_bag_run(&copy, &job, 0, 1, &fault), QUIRE_OK);
    ck_assert(s.out[0][0] == 4 && s.out[0][1] == 6);
}
END_TEST

static void
add_tests(TCase *t)
{
    tcase_add_test(t, a_bad_index_is_told_and_what_came_before_it_is_done);
    tcase_add_test(t, a_bad_index_of_32_bits_is_told);
    tcase_add_test(t, an_index_that_is_the_number_of_rows_is_found_wherever_it_is);
    tcase_add_test(t, a_long_bag_with_a_bad_index_is_not_touched);
    tcase_add_test(t, bad_offsets_are_told);
    tcase_add_test(t, a_range_tells_of_its_own_bags_and_of_lengths_before_them);
    tcase_add_test(t, the_padding_index_is_one_of_the_rows);
    tcase_add_test(t, faults_are_told_in_words);
    tcase_add_test(t, nothing_asked_is_nothing_done);
    tcase_add_test(t, a_table_without_rows_has_empty_bags);
    tcase_add_test(t, skipped_rows_count_as_stated);
    tcase_add_test(t, a_maximum_of_negative_numbers_is_negative);
    tcase_add_test(t, a_maximum_keeps_a_nan_that_comes_first);
    tcase_add_test(t, every_narrow_float_is_what_it_is);
    tcase_add_test(t, lookups_keep_every_bit_of_a_float);
    tcase_add_test(t, narrow_outputs_are_rounded_once_half_to_even);
    tcase_add_loop_test(t, tables_beyond_four_gibibytes_are_reached, 0,
                        (int)(sizeof large / sizeof *large));
    tcase_add_loop_test(t, wide_sums_over_a_large_table_are_those_of_scalar, 0, 2);
    tcase_add_test(t, a_bag_of_a_million_is_added_in_order);
    tcase_add_test(t, fused_rows_of_any_scale_are_summed_as_stated);
    tcase_add_test(t, a_batch_is_its_tasks);
    tcase_add_test(t, parts_of_a_batch_are_about_equal);
    tcase_add_test(t, a_batch_tells_the_first_fault_in_the_order_of_tasks);
    tcase_add_test(t, a_batch_sees_to_tasks_without_bags);
    tcase_add_test(t, layouts_are_those_of_the_formats);
    tcase_add_test(t, rows_that_make_no_sense_are_refused);
    tcase_add_test(t, options_that_make_no_sense_are_refused);
    tcase_add_test(t, the_environment_chooses_instruction_sets);
    tcase_add_test(t, a_plan_is_a_value);
}

int
main(void)
{
    Suite *suite = suite_create("bags");
    TCase *bags = tcase_create("bags");

    tcase_set_timeout(bags, 120);
    add_tests(bags);
    suite_add_tcase(suite, bags);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
