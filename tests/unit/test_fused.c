/* test_fused.c - fused rows: bytes known from outside, degenerate rows, faults, and every instruction
 * set against the scalar loops. Equality with torch's own bytes is for tests/peers/fused.py.
 */
#include <check.h>
#include <fenv.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "support/isa.h"

#define MAX_ROW 64

static quire_rows
rows_of(uint32_t bits, bool half, bool first, uint64_t width)
{
    return (quire_rows){.size = sizeof(quire_rows),
                        .storage = QUIRE_ROWS_FUSED,
                        .bits = bits,
                        .scale = half ? QUIRE_FLOAT_F16 : QUIRE_FLOAT_F32,
                        .scale_first = first,
                        .width = width};
}

static quire_status
quantize(quire_rows rows, quire_rows_search search, quire_isa isa, const float *x, uint64_t n,
         const float *ranges, void *out, quire_rows_fault *fault)
{
    const quire_rows_options options = {.size = sizeof options, .search = search, .isa = isa};
    const quire_rows_arrays arrays = {.rows = out};
    return quire_rows_quantize(&rows, &options, x, n, &arrays, ranges, NULL, fault);
}

static void
check_bytes(quire_rows rows, const float *row, const char *hex)
{
    uint8_t bytes[MAX_ROW];
    char text[2 * MAX_ROW + 1] = "";
    quire_rows_layout layout;
    quire_rows_fault fault;
    const char *why;

    ck_assert_int_eq(quire_rows_layout_get(&rows, &layout, &why), QUIRE_OK);
    ck_assert_int_eq(quantize(rows, QUIRE_ROWS_MINMAX, QUIRE_ISA_AUTO, row, 1, NULL, bytes, &fault),
                     QUIRE_OK);
    for (uint64_t k = 0; k < layout.row_bytes; k++) {
        text[2 * k] = "0123456789abcdef"[bytes[k] >> 4];
        text[2 * k + 1] = "0123456789abcdef"[bytes[k] & 15];
        text[2 * k + 2] = 0;
    }
    ck_assert_str_eq(text, hex);
}

START_TEST(golden_rows)
{
    const float ramp[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const float mixed[8] = {-1, -.5f, -.25f, 0, .1f, .3f, .7f, 2};
    const float same[8] = {3, 3, 3, 3, 3, 3, 3, 3};
    const struct {
        const float *row;
        uint32_t bits;
        const char *hex;
    } golden[] = {
        {ramp, 4, "2064b9fd77370000"},
        {ramp, 2, "50faab400000"},
        {ramp, 8, "0024496d92b6dbffe1e0e03c00000000"},
        {mixed, 4, "305476f9663200bc"},
        {mixed, 2, "50e5003c00bc"},
        {mixed, 8, "002a40555e6e90ffc1c0403c000080bf"},
        {same, 4, "00000000003c0042"},
        {same, 2, "0000003c0042"},
        {same, 8, "00000000000000000000000000004040"},
    };
    for (int mode = 0; mode < 2; mode++) { /* whatever rounding the caller likes */
        fesetround(mode ? FE_UPWARD : FE_TONEAREST);
        for (size_t k = 0; k < sizeof golden / sizeof *golden; k++) {
            const uint32_t bits = golden[k].bits;
            check_bytes(rows_of(bits, bits != 8, false, 8), golden[k].row, golden[k].hex);
        }
        fesetround(FE_TONEAREST);
    }
}
END_TEST

START_TEST(rows_of_other_layouts)
{
    const float ramp[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const float five[5] = {0, 1, 2, 3, 3};

    check_bytes(rows_of(4, true, true, 8), ramp, "773700002064b9fd");
    check_bytes(rows_of(2, true, false, 5), five, "e403003c0000"); /* the unused bits are 0 */
    check_bytes(rows_of(8, true, false, 4), five, "0055aaff06220000");
}
END_TEST

START_TEST(what_is_not_finite_is_told)
{
    const float bad[] = {INFINITY, -INFINITY, NAN};

    for (size_t k = 0; k < 3; k++) {
        float rows[3][4] = {{1, 2, 3, 4}, {1, 2, 3, 4}, {5, 6, 7, 8}};
        uint8_t out[3][12];
        quire_rows_fault fault;
        const quire_rows format = rows_of(8, false, false, 4);
        memset(out, 0xa5, sizeof out);
        rows[1][2] = bad[k];
        ck_assert_int_eq(
            quantize(format, QUIRE_ROWS_MINMAX, QUIRE_ISA_AUTO, &rows[0][0], 3, NULL, out, &fault),
            QUIRE_E_INVALID);
        ck_assert_uint_eq(fault.row, 1);
        ck_assert_uint_eq(fault.column, 2);
        ck_assert_uint_eq(out[0][3], 255);
        ck_assert_uint_eq(out[1][0], 0xa5);
    }
}
END_TEST

START_TEST(greedy_is_for_narrow_codes)
{
    const float row[4] = {1, 2, 3, 4};
    uint8_t out[12];
    quire_rows_fault fault;
    const quire_rows wide = rows_of(8, false, false, 4);
    const quire_rows narrow = rows_of(4, true, false, 4);

    ck_assert_int_eq(quantize(wide, QUIRE_ROWS_GREEDY, QUIRE_ISA_AUTO, row, 1, NULL, out, &fault),
                     QUIRE_E_USAGE);
    ck_assert_int_eq(quantize(narrow, QUIRE_ROWS_GREEDY, QUIRE_ISA_AUTO, row, 1, row, out, &fault),
                     QUIRE_E_USAGE);
    ck_assert_int_eq(quantize(narrow, QUIRE_ROWS_GREEDY, QUIRE_ISA_AUTO, row, 1, NULL, out, &fault),
                     QUIRE_OK);
}
END_TEST

/* Steps that do not move an end of the range. */
START_TEST(greedy_ends)
{
    const float rows[3][4] = {
        {100, 100.0001f, 100.0002f, 100.0003f}, {1e-44f, 3e-45f, 0, 1e-45f}, {-3e38f, 3e38f, 0, 1}};
    uint8_t out[3][6];
    quire_rows_fault fault;
    const quire_rows narrow = rows_of(4, true, false, 4);

    ck_assert_int_eq(
        quantize(narrow, QUIRE_ROWS_GREEDY, QUIRE_ISA_AUTO, &rows[0][0], 3, NULL, out, &fault),
        QUIRE_OK);
}
END_TEST

enum { ROWS = 6, MAX_WIDTH = 520 };

static uint32_t state = 1;

static uint32_t
any_bits(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

static float
finite_bits(void)
{
    const uint32_t bits = any_bits();
    float x;
    memcpy(&x, &bits, sizeof x);
    return isfinite(x) ? x : 1;
}

/* Rows that are ordinary, tiny, vast, of one value, ties, zeros of both signs, of any bits, of which
 * zero is the least, all beside one float16 or its negative; of the first `n_kinds` of these. */
enum { ORDINARY = 1, ALL_KINDS = 9 };

static void
fill(float *x, uint64_t width, uint32_t n_kinds)
{
    for (int r = 0; r < ROWS; r++) {
        const uint32_t kind = any_bits() % n_kinds;
        const float same = finite_bits();
        for (uint64_t i = 0; i < width; i++, x++) {
            *x = ldexpf((float)(int32_t)any_bits(), -31);
            if (kind == 1) *x = ldexpf(*x, -140);
            if (kind == 2) *x = ldexpf(*x, 127);
            if (kind == 8) *x = (r % 2 ? -100.04f : 100.04f) + ldexpf(*x, -8);
            if (kind == 3) *x = same;
            if (kind == 4) *x = (float)(any_bits() % 31) / 2;
            if (kind == 5) *x = any_bits() & 1 ? 0.0f : -0.0f;
            if (kind == 6) *x = finite_bits();
            if (kind == 7) *x = fabsf(*x) < .5f ? (any_bits() & 1 ? 0.0f : -0.0f) : fabsf(*x);
        }
    }
}

typedef struct made {
    uint8_t packed[ROWS * (MAX_WIDTH + 16)];
    float values[ROWS * MAX_WIDTH];
    quire_rows_fault fault;
    quire_status status;
} made;

static void
make(quire_rows rows, quire_rows_search search, quire_isa isa, const float *x, const float *ranges,
     made *m)
{
    const quire_rows_options options = {.size = sizeof options, .isa = isa};
    const quire_rows_arrays arrays = {.rows = m->packed};
    memset(m, 0xa5, sizeof *m);
    m->status = quantize(rows, search, isa, x, ROWS, ranges, m->packed, &m->fault);
    ck_assert_int_eq(quire_rows_dequantize(&rows, &options, &arrays, ROWS, m->values), QUIRE_OK);
}

static float table[ROWS * MAX_WIDTH];
static made scalar, other;

/* By loop index: 8, 4 and 2 bits, float32 or float16 parameters, before or behind the codes. */
static quire_rows
layout_of(int i, uint64_t width)
{
    const uint32_t bits[] = {8, 8, 4, 2};
    quire_rows rows = rows_of(bits[i % 4], i % 4 != 0, i / 4, width);
    rows.stride = width + 13;
    return rows;
}
enum { LAYOUTS = 8 };

START_TEST(every_instruction_set_makes_the_same_bytes)
{
    float ranges[2 * ROWS];
    for (uint64_t width = 1; width <= MAX_WIDTH; width += width < 300 ? 1 : 53) {
        for (int what = 0; what < 3; what++) {
            const quire_rows_search search = what == 2 ? QUIRE_ROWS_GREEDY : QUIRE_ROWS_MINMAX;
            if (what == 2 && (layout_of(_i, width).bits == 8 || width % 16 > 1)) continue;
            fill(table, width, ALL_KINDS);
            for (int k = 0; k < 2 * ROWS; k++)
                ranges[k] = k % 3 ? finite_bits() : table[k % ROWS];
            make(layout_of(_i, width), search, QUIRE_ISA_SCALAR, table, what == 1 ? ranges : NULL,
                 &scalar);
            EACH_ISA(isa)
            {
                make(layout_of(_i, width), search, isa, table, what == 1 ? ranges : NULL, &other);
                ck_assert_msg(memcmp(&scalar, &other, sizeof other) == 0,
                              "%s: layout %d, width %d, %d", quire_isa_name(isa), _i, (int)width,
                              what);
            }
            ck_assert_uint_eq(other.packed[width + 12], 0xa5); /* between the rows */
        }
    }
}
END_TEST

START_TEST(faults_are_the_same)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const uint64_t widths[] = {1, 8, 15, 32, 33, 64, 100};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        for (uint64_t at = 0; at < ROWS * widths[w]; at++) {
            fill(table, widths[w], ALL_KINDS);
            table[at] = bad[at % 3];
            make(layout_of(_i, widths[w]), QUIRE_ROWS_MINMAX, QUIRE_ISA_SCALAR, table, NULL,
                 &scalar);
            EACH_ISA(isa)
            {
                make(layout_of(_i, widths[w]), QUIRE_ROWS_MINMAX, isa, table, NULL, &other);
                ck_assert_int_eq(other.status, QUIRE_E_INVALID);
                ck_assert_uint_eq(other.fault.row * widths[w] + other.fault.column, at);
                ck_assert_mem_eq(scalar.packed, other.packed, sizeof other.packed);
                ck_assert_uint_eq(other.packed[at / widths[w] * (widths[w] + 13)], 0xa5);
            }
        }
    }
}
END_TEST

/* Rows enough for several of whatever is taken together, rows too wide for that, whichever of them is
 * the first that is not finite, and none but ordinary ones. */
enum { MANY = 140000, WIDEST = 20001, MAX_PACKED = 3 * MANY + 2 * WIDEST };

START_TEST(many_rows_and_wide_ones_are_the_same)
{
    static float rows[MANY + (ROWS + 4) * WIDEST];
    static float ranges[2 * MANY];
    static uint8_t packed[2][MAX_PACKED];
    const uint64_t widths[] = {7, 16, 24, 64, 100, 128, 1000, 16385, WIDEST};
    for (size_t w = (size_t)_i % 2; w < sizeof widths / sizeof *widths; w += 2) {
        const uint64_t width = widths[w];
        for (int what = 0; what < 6; what++) {
            const uint64_t n = (what % 2 ? MANY : MANY / 16) / width + 3;
            const uint64_t bad = what == 3 ? any_bits() % n : n;
            for (uint64_t r = 0; r < n; r += ROWS)
                fill(rows + r * width, width, what < 4 ? ALL_KINDS : ORDINARY);
            for (uint64_t k = 0; what == 2 && k < 2 * n; k++)
                ranges[k] = finite_bits();
            if (bad < n) rows[bad * width + any_bits() % width] = bad % 2 ? NAN : -INFINITY;
            for (uint64_t r = bad + 1; r < n; r += 1 + r / 2) /* beside it, and further on */
                rows[r * width] = INFINITY;
            EACH_ISA(isa)
            {
                uint8_t *out = packed[isa != QUIRE_ISA_SCALAR];
                quire_rows_fault fault = {.row = n};
                memset(out, 0xa5, MAX_PACKED);
                const quire_status status =
                    quantize(layout_of(_i, width), QUIRE_ROWS_MINMAX, isa, rows, n,
                             what == 2 ? ranges : NULL, out, &fault);
                ck_assert_int_eq(status, bad < n ? QUIRE_E_INVALID : QUIRE_OK);
                ck_assert_uint_eq(fault.row, bad);
                ck_assert_uint_eq(out[bad * (width + 13)], 0xa5);
                ck_assert_msg(memcmp(packed[0], out, MAX_PACKED) == 0,
                              "%s: layout %d, width %d, %d", quire_isa_name(isa), _i, (int)width,
                              what);
            }
        }
    }
}
END_TEST

START_TEST(environments_change_nothing)
{
    static made in_default;
    const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (int k = 0; k < 64; k++) {
        const quire_rows_search search =
            k % 2 && layout_of(_i, 61).bits != 8 ? QUIRE_ROWS_GREEDY : QUIRE_ROWS_MINMAX;
        fenv_t saved;
        fill(table, 61, ALL_KINDS);
        make(layout_of(_i, 61), search, QUIRE_ISA_AUTO, table, NULL, &in_default);
        fegetenv(&saved);
        fesetround(modes[k / 2 % 4]);
#if defined(__SSE2__)
        if (k & 8) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
        make(layout_of(_i, 61), search, k & 16 ? QUIRE_ISA_SCALAR : QUIRE_ISA_AUTO, table, NULL,
             &other);
        fesetenv(&saved);
        ck_assert_mem_eq(&in_default, &other, sizeof other);
    }
}
END_TEST

/* A lookup and dequantizing are the same numbers. */
START_TEST(lookups_give_the_same_values)
{
    const quire_bag_options options = {.size = sizeof options,
                                       .mode = QUIRE_BAG_LOOKUP,
                                       .index = QUIRE_BAG_I64,
                                       .form = QUIRE_BAG_FIXED,
                                       .fixed = 1};
    const int64_t indices[ROWS] = {0, 1, 2, 3, 4, 5};
    static float looked_up[ROWS * MAX_WIDTH];
    for (uint64_t width = 1; width <= 300; width += 7) {
        const quire_rows rows = layout_of(_i, width);
        quire_bag_plan plan;
        quire_bag_fault fault;
        const char *why;
        fill(table, width, ALL_KINDS);
        make(rows, QUIRE_ROWS_MINMAX, QUIRE_ISA_AUTO, table, NULL, &other);
        const quire_bag_job job = {.rows = other.packed,
                                   .n_rows = ROWS,
                                   .indices = indices,
                                   .n_indices = ROWS,
                                   .n_bags = ROWS,
                                   .out = looked_up};
        ck_assert_int_eq(quire_bag_plan_init(&plan, &rows, &options, &why), QUIRE_OK);
        ck_assert_int_eq(quire_bag_run(&plan, &job, 0, ROWS, &fault), QUIRE_OK);
        for (uint64_t k = 0; k < ROWS * width; k++) {
            const bool same = memcmp(&looked_up[k], &other.values[k], sizeof *looked_up) == 0;
            ck_assert(same || (isnan(looked_up[k]) && isnan(other.values[k])));
        }
    }
}
END_TEST

START_TEST(what_does_not_go_together_is_refused)
{
    const float x[4] = {1, 2, 3, 4};
    uint8_t out[64], more[64];
    quire_rows_sums sums;
    quire_rows_fault fault;
    quire_rows_arrays arrays = {out, more, more + 8};
    quire_rows rows = rows_of(8, false, false, 4);
    quire_rows_options options = {.size = sizeof options};
    ck_assert_int_eq(quire_rows_quantize(&rows, &options, x, 1, &arrays, NULL, &sums, &fault),
                     QUIRE_E_USAGE); /* sums of fused rows */
    options.search = QUIRE_ROWS_MSE;
    ck_assert_int_eq(quire_rows_quantize(&rows, &options, x, 1, &arrays, NULL, NULL, &fault),
                     QUIRE_E_USAGE);
    options = (quire_rows_options){.size = sizeof options, .eps = 1};
    ck_assert_int_eq(quire_rows_quantize(&rows, &options, x, 1, &arrays, NULL, NULL, &fault),
                     QUIRE_E_USAGE);
    options = (quire_rows_options){.size = 3};
    ck_assert_int_eq(quire_rows_quantize(&rows, &options, x, 1, &arrays, NULL, NULL, &fault),
                     QUIRE_E_USAGE);
    rows = (quire_rows){
        .size = sizeof rows, .storage = QUIRE_ROWS_SPLIT, .bits = 4, .width = 4, .stride = 5};
    ck_assert_int_eq(quire_rows_quantize(&rows, NULL, x, 1, &arrays, x, NULL, &fault),
                     QUIRE_E_USAGE); /* ranges of split rows */
    ck_assert_int_eq(quire_rows_quantize(&rows, NULL, x, 1, &arrays, NULL, &sums, &fault),
                     QUIRE_OK);
    ck_assert(sums.xx == 30);
    rows = (quire_rows){.size = sizeof rows, .storage = QUIRE_ROWS_FLOAT16, .width = 4};
    ck_assert_int_eq(quire_rows_quantize(&rows, NULL, x, 1, &arrays, NULL, NULL, &fault),
                     QUIRE_E_USAGE);
    ck_assert_int_eq(quire_rows_dequantize(&rows, NULL, &arrays, 1, out), QUIRE_E_USAGE);
}
END_TEST

/* Split rows with gaps between them are those without. */
START_TEST(split_rows_may_have_gaps)
{
    uint8_t codes[2][3 * 20], zero_points[2][3];
    float scales[2][3], values[2][3 * 9];
    quire_rows_fault fault;
    quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_SPLIT, .bits = 8, .width = 9};
    fill(table, 9, ALL_KINDS);
    for (int gap = 0; gap < 2; gap++) {
        const quire_rows_arrays a = {codes[gap], scales[gap], zero_points[gap]};
        rows.stride = gap ? 20 : 9;
        ck_assert_int_eq(quire_rows_quantize(&rows, NULL, table, 3, &a, NULL, NULL, &fault),
                         QUIRE_OK);
        ck_assert_int_eq(quire_rows_dequantize(&rows, NULL, &a, 3, values[gap]), QUIRE_OK);
    }
    ck_assert_mem_eq(scales[0], scales[1], sizeof *scales);
    ck_assert_mem_eq(zero_points[0], zero_points[1], sizeof *zero_points);
    ck_assert_mem_eq(values[0], values[1], sizeof *values);
    ck_assert_mem_eq(codes[0] + 9, codes[1] + 20, 9);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fused");
    TCase *all = tcase_create("all");

    tcase_add_test(all, golden_rows);
    tcase_add_test(all, rows_of_other_layouts);
    tcase_add_test(all, what_is_not_finite_is_told);
    tcase_add_test(all, greedy_is_for_narrow_codes);
    tcase_add_test(all, greedy_ends);
    tcase_set_timeout(all, 300);
    tcase_add_loop_test(all, every_instruction_set_makes_the_same_bytes, 0, LAYOUTS);
    tcase_add_loop_test(all, faults_are_the_same, 0, LAYOUTS);
    tcase_add_loop_test(all, many_rows_and_wide_ones_are_the_same, 0, LAYOUTS);
    tcase_add_loop_test(all, environments_change_nothing, 0, LAYOUTS);
    tcase_add_loop_test(all, lookups_give_the_same_values, 0, LAYOUTS);
    tcase_add_test(all, what_does_not_go_together_is_refused);
    tcase_add_test(all, split_rows_may_have_gaps);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
