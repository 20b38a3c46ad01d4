/* test_rows.c - row kernels: layout, conversions, golden rows, faults, and what must not matter:
 * where a table is cut, alignment, and the caller's floating-point environment.
 *
 * The arithmetic itself is held by tests/conformance/rows_reference.py, which also wrote the golden
 * rows.
 */
#include <check.h>
#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "kernels/rows.h"

#define MAX_BYTES 512

static quire_row_format
format_of(quire_row_choice choice, size_t width)
{
    quire_row_format f;
    ck_assert(quire_row_format_init(&f, choice, width));
    return f;
}

START_TEST(sizes_follow_bits_blocks_and_width)
{
    const struct {
        quire_row_choice choice;
        size_t width, n_groups, columns, group_bytes, last;
        uint32_t block;
    } expected[] = {
        {{.bits = 8}, 7, 1, 7, 7, 7, 0},
        {{.bits = 4}, 7, 1, 7, 4, 7, 0},
        {{.bits = 2}, 7, 1, 7, 2, 7, 0},
        {{.bits = 2}, 1, 1, 1, 1, 1, 0},
        {{.bits = 4, .block = 32}, 33, 2, 32, 16, 1, 32},
        {{.bits = 4, .block = 32}, 64, 2, 32, 16, 32, 32},
        {{.bits = 4, .block = 32}, 32, 1, 32, 16, 32, 0},
        {{.bits = 2, .block = 256}, 100, 1, 100, 25, 100, 0},
        {{.bits = 2, .block = 16}, 100, 7, 16, 4, 4, 16},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const quire_row_format f = format_of(expected[i].choice, expected[i].width);
        ck_assert_uint_eq(f.choice.block, expected[i].block);
        ck_assert_uint_eq(f.n_groups, expected[i].n_groups);
        ck_assert_uint_eq(f.group_columns, expected[i].columns);
        ck_assert_uint_eq(f.group_bytes, expected[i].group_bytes);
        ck_assert_uint_eq(f.row_bytes, expected[i].n_groups * expected[i].group_bytes);
        ck_assert_uint_eq(quire_row_group_width(&f, f.n_groups - 1), expected[i].last);
    }
}
END_TEST

START_TEST(other_formats_are_refused)
{
    const quire_row_choice good = {.bits = 4, .block = 32};
    quire_row_format f = {.width = 77};
    quire_row_choice bad = good;
    for (uint32_t bits = 0; bits < 20; bits++) {
        bad.bits = bits;
        ck_assert(quire_row_format_init(&f, bad, 8) == (bits == 8 || bits == 4 || bits == 2));
    }
    for (uint32_t block = 0; block < 600; block++) {
        bad = (quire_row_choice){.bits = 4, .block = block};
        const bool known =
            block == 0 || block == 16 || block == 32 || block == 64 || block == 128 || block == 256;
        ck_assert(quire_row_format_init(&f, bad, 8) == known);
    }
    f.width = 77;
    ck_assert(!quire_row_format_init(&f, good, 0));
    ck_assert(!quire_row_format_init(&f, good, SIZE_MAX));
    bad = (quire_row_choice){.bits = 4, .dtype = (quire_row_dtype)3};
    ck_assert(!quire_row_format_init(&f, bad, 8));
    bad = (quire_row_choice){.bits = 4, .scale = (quire_row_scale)2};
    ck_assert(!quire_row_format_init(&f, bad, 8));
    bad = (quire_row_choice){.bits = 4, .zero_point = (quire_row_zero_point)2};
    ck_assert(!quire_row_format_init(&f, bad, 8));
    bad = (quire_row_choice){.bits = 4, .eps = -1};
    ck_assert(!quire_row_format_init(&f, bad, 8));
    bad = (quire_row_choice){.bits = 4, .eps = NAN};
    ck_assert(!quire_row_format_init(&f, bad, 8));
    ck_assert_uint_eq(f.width, 77);
}
END_TEST

START_TEST(codes_are_packed_in_planes)
{
    const uint8_t codes[5] = {1, 2, 3, 0, 2};
    const quire_row_format two = format_of((quire_row_choice){.bits = 2}, 5);
    const quire_row_format four = format_of((quire_row_choice){.bits = 4}, 5);
    uint8_t packed[3] = {0};
    quire_row_pack_at(&two, codes, 0, 5, packed);
    ck_assert_uint_eq(packed[0], 1 | 3 << 2 | 2 << 4);
    ck_assert_uint_eq(packed[1], 2 | 0 << 2);
    memset(packed, 0, sizeof packed);
    quire_row_pack_at(&four, codes, 0, 2, packed);
    quire_row_pack_at(&four, codes + 2, 2, 3, packed);
    ck_assert_uint_eq(packed[0], 1 | 0 << 4);
    ck_assert_uint_eq(packed[1], 2 | 2 << 4);
    ck_assert_uint_eq(packed[2], 3);
}
END_TEST

START_TEST(packing_has_an_inverse)
{
    const uint32_t bits[] = {8, 4, 2};
    uint8_t codes[70], packed[70], back[70];
    for (size_t width = 1; width <= 70; width++) {
        for (size_t b = 0; b < 3; b++) {
            const quire_row_format f = format_of((quire_row_choice){.bits = bits[b]}, width);
            const size_t cut = width / 3;
            for (size_t i = 0; i < width; i++)
                codes[i] = (uint8_t)(i * 37 + width) & f.max_code;
            memset(packed, 0, sizeof packed);
            quire_row_pack_at(&f, codes, 0, cut, packed);
            quire_row_pack_at(&f, codes + cut, cut, width - cut, packed);
            quire_row_unpack_at(&f, packed, 0, cut, back);
            quire_row_unpack_at(&f, packed, cut, width - cut, back + cut);
            ck_assert_mem_eq(back, codes, width);
        }
    }
}
END_TEST

/* The value of a float16, by its definition. */
static double
half_value(unsigned half)
{
    const int exponent = (int)(half >> 10 & 31);
    const double mantissa = half & 1023;
    const double size = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return half & 0x8000 ? -size : size;
}

START_TEST(every_float16_widens_and_every_boundary_rounds)
{
    for (unsigned h = 0; h < 0x7c00; h++) {
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            const uint16_t half = (uint16_t)(h | sign);
            const uint16_t even = (uint16_t)(h + (h & 1)) | (uint16_t)sign;
            const float value = quire_f32_from_f16(half);
            const float away = signbit(value) ? -INFINITY : INFINITY;
            const double next = h + 1 == 0x7c00 ? 65536 : half_value(h + 1);
            const float middle = copysignf((float)((half_value(h) + next) / 2), value);
            ck_assert(!memcmp(&value, &(float){(float)half_value(half)}, sizeof value));
            ck_assert_uint_eq(quire_f16_from_f32(value), half);
            ck_assert_uint_eq(quire_f16_from_f32(middle), even);
            ck_assert_uint_eq(quire_f16_from_f32(nextafterf(middle, 0)), half);
            ck_assert_uint_eq(quire_f16_from_f32(nextafterf(middle, away)), half + 1u);
        }
    }
}
END_TEST

START_TEST(what_is_not_finite_stays_so)
{
    ck_assert_uint_eq(quire_f16_from_f32(INFINITY), 0x7c00);
    ck_assert_uint_eq(quire_f16_from_f32(-INFINITY), 0xfc00);
    ck_assert_uint_eq(quire_bf16_from_f32(-INFINITY), 0xff80);
    ck_assert_uint_eq(quire_bf16_from_f32(3.4028234663852886e38f), 0x7f80);
    ck_assert(isinf(quire_f32_from_f16(0x7c00)) && isinf(quire_f32_from_bf16(0x7f80)));
    for (uint32_t low = 1; low < 0x800000; low <<= 1) {
        ck_assert(
            isnan(quire_f32_from_f16(quire_f16_from_f32(quire_f32_from_bits(0x7f800000u | low)))));
        ck_assert(isnan(
            quire_f32_from_bf16(quire_bf16_from_f32(quire_f32_from_bits(0xff800000u | low)))));
    }
}
END_TEST

typedef struct golden {
    quire_row_choice choice;
    size_t width;
    const char *row, *codes, *scales, *zero_points, *decoded;
} golden;

static const golden goldens[] = {
#define ROW(bits_, block_, zero_point_, scale_, dtype_, width_, row_, codes_, scales_, zps_, v_)   \
    {{.bits = bits_,                                                                               \
      .block = block_,                                                                             \
      .zero_point = QUIRE_ROW_ZERO_POINT_##zero_point_,                                            \
      .scale = QUIRE_ROW_SCALE_##scale_,                                                           \
      .dtype = QUIRE_ROW_DTYPE_##dtype_},                                                          \
     width_,                                                                                       \
     row_,                                                                                         \
     codes_,                                                                                       \
     scales_,                                                                                      \
     zps_,                                                                                         \
     v_},
#include "conformance/golden/rows.inc"
#undef ROW
};

static size_t
bytes_of(const char *hex, uint8_t *out)
{
    const size_t n = strlen(hex) / 2;
    ck_assert_uint_le(n, MAX_BYTES);
    for (size_t i = 0; i < n; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static void
ck_assert_bytes(const uint8_t *got, const char *hex)
{
    uint8_t expected[MAX_BYTES];
    const size_t n = bytes_of(hex, expected);
    ck_assert_mem_eq(got, expected, n);
}

/* Big enough for every golden row. */
typedef struct room {
    uint8_t table[MAX_BYTES], codes[MAX_BYTES], scales[MAX_BYTES], zero_points[MAX_BYTES];
    uint8_t decoded[MAX_BYTES];
    float x[MAX_BYTES];
    quire_row_sums sums;
} room;

static quire_row_arrays
arrays_of(room *r)
{
    return (quire_row_arrays){r->codes, r->scales, r->zero_points};
}

static void
quantize_golden(const golden *g, quire_row_search search, room *r)
{
    const quire_row_format f = format_of(g->choice, g->width);
    quire_row_fault fault;
    memset(r, 0, sizeof *r);
    bytes_of(g->row, r->table);
    quire_row_widen(g->choice.dtype, r->table, g->width, r->x);
    ck_assert_int_eq(quire_row_quantize(&f, search, r->x, 1, arrays_of(r), NULL, &r->sums, &fault),
                     QUIRE_ROW_OK);
    quire_row_dequantize(&f, arrays_of(r), 1, r->decoded);
}

START_TEST(golden_rows_come_out)
{
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        room r;
        quantize_golden(&goldens[i], QUIRE_ROW_SEARCH_MINMAX, &r);
        ck_assert_bytes(r.scales, goldens[i].scales);
        ck_assert_bytes(r.zero_points, goldens[i].zero_points);
        ck_assert_bytes(r.codes, goldens[i].codes);
        ck_assert_bytes(r.decoded, goldens[i].decoded);
    }
}
END_TEST

START_TEST(search_is_never_worse_and_sums_agree)
{
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        const quire_row_format f = format_of(goldens[i].choice, goldens[i].width);
        quire_row_sums again;
        room plain, searched;
        quantize_golden(&goldens[i], QUIRE_ROW_SEARCH_MINMAX, &plain);
        quantize_golden(&goldens[i], QUIRE_ROW_SEARCH_MSE, &searched);
        quire_row_error(&f, searched.x, searched.decoded, 1, &again);
        ck_assert_mem_eq(&again, &searched.sums, sizeof again);
        ck_assert_mem_eq(&searched.sums.xx, &plain.sums.xx, sizeof(double));
        ck_assert(f.n_groups > 1 || searched.sums.ee <= plain.sums.ee);
        ck_assert(isfinite(searched.sums.ee));
        if (plain.sums.ee == 0) ck_assert_mem_eq(searched.scales, plain.scales, MAX_BYTES);
    }
}
END_TEST

/* Calls `fn` for every golden row and both searches, in any floating-point environment the caller
 * has set, and compares with what the default one gives. */
static void
expect_goldens_unchanged(void (*set)(int), int mode)
{
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        for (int search = QUIRE_ROW_SEARCH_MINMAX; search <= QUIRE_ROW_SEARCH_MSE; search++) {
            room expected, got;
            fenv_t saved;
            quantize_golden(&goldens[i], (quire_row_search)search, &expected);
            fegetenv(&saved);
            set(mode);
            quantize_golden(&goldens[i], (quire_row_search)search, &got);
            fesetenv(&saved);
            ck_assert_mem_eq(&got, &expected, sizeof got);
        }
    }
}

static void
set_rounding(int mode)
{
    fesetround(mode);
}

START_TEST(rounding_modes_change_nothing)
{
    expect_goldens_unchanged(set_rounding, FE_UPWARD);
    expect_goldens_unchanged(set_rounding, FE_DOWNWARD);
    expect_goldens_unchanged(set_rounding, FE_TOWARDZERO);
}
END_TEST

#if defined(__SSE2__)
#define FLUSH_AND_DENORMALS_ZERO 0x8040

static void
set_flush(int bits)
{
    _mm_setcsr(_mm_getcsr() | (unsigned)bits);
}

START_TEST(flush_to_zero_changes_nothing_and_comes_back)
{
    const golden *g = &goldens[0];
    room r;
    expect_goldens_unchanged(set_flush, FLUSH_AND_DENORMALS_ZERO);
    _mm_setcsr(_mm_getcsr() | FLUSH_AND_DENORMALS_ZERO);
    const unsigned before = _mm_getcsr();
    quantize_golden(g, QUIRE_ROW_SEARCH_MSE, &r);
    ck_assert_uint_eq(_mm_getcsr(), before);
}
END_TEST
#endif

START_TEST(rounding_mode_and_exceptions_are_left_alone)
{
    const float x[3] = {0.1f, 0.7f, -0.3f};
    const quire_row_format f = format_of((quire_row_choice){.bits = 8}, 3);
    uint8_t codes[3], zero_point;
    float scale;
    quire_row_fault fault;
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    quire_row_quantize(&f, QUIRE_ROW_SEARCH_MSE, x, 1,
                       (quire_row_arrays){codes, &scale, &zero_point}, NULL, NULL, &fault);
    ck_assert_int_eq(fegetround(), FE_UPWARD);
    ck_assert_int_eq(fetestexcept(FE_ALL_EXCEPT), FE_DIVBYZERO);
    fesetround(FE_TONEAREST);
}
END_TEST

enum { ROWS = 23, WIDTH = 37 };

/* Numbers of no particular kind. */
static void
fill(float *x, size_t n)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ldexpf((float)(int32_t)state, -31 + (int)(state % 7));
    }
}

START_TEST(any_cut_and_any_alignment_give_the_same_bytes)
{
    const quire_row_format f =
        format_of((quire_row_choice){.bits = 4,
                                     .block = 16,
                                     .zero_point = QUIRE_ROW_ZERO_POINT_FLOAT,
                                     .scale = QUIRE_ROW_SCALE_F16},
                  WIDTH);
    static float x[ROWS * WIDTH];
    static uint8_t whole[3][ROWS * WIDTH * 4], cut[3][ROWS * WIDTH * 4 + 1];
    const size_t sizes[3] = {f.row_bytes, f.n_groups * 2, f.n_groups * 4};
    quire_row_fault fault;
    fill(x, ROWS * WIDTH);
    for (int search = QUIRE_ROW_SEARCH_MINMAX; search <= QUIRE_ROW_SEARCH_MSE; search++) {
        quire_row_quantize(&f, (quire_row_search)search, x, ROWS,
                           (quire_row_arrays){whole[0], whole[1], whole[2]}, NULL, NULL, &fault);
        for (size_t row = 0, n = 1; row < ROWS; row += n, n = n % 4 + 1) {
            if (n > ROWS - row) n = ROWS - row;
            quire_row_quantize(&f, (quire_row_search)search, x + row * WIDTH, n,
                               (quire_row_arrays){cut[0] + 1 + row * sizes[0],
                                                  cut[1] + 1 + row * sizes[1],
                                                  cut[2] + 1 + row * sizes[2]},
                               NULL, NULL, &fault);
        }
        for (size_t i = 0; i < 3; i++)
            ck_assert_mem_eq(cut[i] + 1, whole[i], ROWS * sizes[i]);
    }
}
END_TEST

START_TEST(faults_say_where_and_leave_later_rows_alone)
{
    const quire_row_format f =
        format_of((quire_row_choice){.bits = 8, .block = 16, .scale = QUIRE_ROW_SCALE_F16}, WIDTH);
    static float x[3 * WIDTH];
    uint8_t codes[3 * 48], zero_points[9];
    uint16_t scales[9];
    const quire_row_arrays out = {codes, scales, zero_points};
    quire_row_fault fault = {0};
    quire_row_sums sums[3] = {{1, 1}, {1, 1}, {-7, -7}};
    fill(x, 3 * WIDTH);
    memset(codes, 0x5a, sizeof codes);
    x[WIDTH + 33] = NAN;
    x[2 * WIDTH] = INFINITY;
    ck_assert_int_eq(quire_row_quantize(&f, QUIRE_ROW_SEARCH_MSE, x, 3, out, NULL, sums, &fault),
                     QUIRE_ROW_NON_FINITE);
    ck_assert_uint_eq(fault.row, 1);
    ck_assert_uint_eq(fault.column, 33);
    ck_assert(sums[2].xx == -7);
    for (size_t i = 2 * 48; i < sizeof codes; i++)
        ck_assert_uint_eq(codes[i], 0x5a);
    ck_assert(quire_row_find_non_finite(x, 3, WIDTH, &fault));
    ck_assert(fault.row == 1 && fault.column == 33);

    x[17] = 3e38f;
    ck_assert_int_eq(quire_row_quantize(&f, QUIRE_ROW_SEARCH_MINMAX, x, 3, out, NULL, sums, &fault),
                     QUIRE_ROW_SCALE_OVERFLOW);
    ck_assert(fault.row == 0 && fault.column == 16);
    ck_assert(!quire_row_find_non_finite(x, 1, WIDTH, &fault));
}
END_TEST

START_TEST(no_rows_are_no_work)
{
    const quire_row_format f = format_of((quire_row_choice){.bits = 8}, 3);
    quire_row_fault fault = {.row = 5};
    const quire_row_arrays none = {NULL, NULL, NULL};
    ck_assert_int_eq(
        quire_row_quantize(&f, QUIRE_ROW_SEARCH_MSE, NULL, 0, none, NULL, NULL, &fault),
        QUIRE_ROW_OK);
    quire_row_encode(&f, NULL, 0, none);
    quire_row_dequantize(&f, none, 0, NULL);
    quire_row_error(&f, NULL, NULL, 0, NULL);
    quire_row_widen(QUIRE_ROW_DTYPE_F32, NULL, 0, NULL);
    ck_assert_uint_eq(fault.row, 5);
}
END_TEST

/* Files can hold anything; codes, scales and zero points are only bytes until checked. */
START_TEST(any_bytes_decode_and_any_parameters_encode)
{
    const float strange[] = {NAN, INFINITY, -INFINITY, 0, -1, 1e-45f, -3e38f, 3e38f};
    const float x[4] = {-3e38f, 0, 1e-30f, 3e38f};
    const quire_row_format f =
        format_of((quire_row_choice){.bits = 2, .zero_point = QUIRE_ROW_ZERO_POINT_FLOAT}, 4);
    for (size_t s = 0; s < 8; s++) {
        for (size_t z = 0; z < 8; z++) {
            float scale = strange[s], zero_point = strange[z], out[4];
            uint8_t codes = 0xe4;
            const quire_row_arrays a = {&codes, &scale, &zero_point};
            quire_row_dequantize(&f, a, 1, out);
            ck_assert(isnan(out[1]) || out[1] == (1 - zero_point) * scale);
            quire_row_encode(&f, x, 1, a);
        }
    }
}
END_TEST

/* eps: a scale on the border becomes 1, the next greater one stays. */
START_TEST(eps_replaces_scales_that_are_not_greater)
{
    const float eps = 0x1p-12f, border = 255 * eps;
    const float above = nextafterf(border, 1), below = nextafterf(border, 0);
    const float rows[5][2] = {{0, border}, {0, above}, {-below, 0}, {7, 7}, {-1, 1}};
    const float scales[5] = {1, above / 255, 1, 1, 2.0f / 255};
    const quire_row_choice choice = {
        .bits = 8, .zero_point = QUIRE_ROW_ZERO_POINT_FLOAT, .eps = eps};
    const quire_row_format f = format_of(choice, 2);
    uint8_t codes[10];
    float got[5], zero_points[5];
    quire_row_fault fault;
    ck_assert_int_eq(quire_row_quantize(&f, QUIRE_ROW_SEARCH_MINMAX, rows[0], 5,
                                        (quire_row_arrays){codes, got, zero_points}, NULL, NULL,
                                        &fault),
                     QUIRE_ROW_OK);
    ck_assert_mem_eq(got, scales, sizeof got);
    ck_assert(scales[1] > eps);
    ck_assert_uint_eq(codes[0] + codes[1], 0); /* the row decodes to its least element */
    ck_assert_uint_eq(codes[3], 255);
    ck_assert_uint_eq(quire_row_count_flattened(&f, rows[0], 5), 2); /* 7 7 loses nothing */
    const quire_row_format plain =
        format_of((quire_row_choice){.bits = 8, .zero_point = QUIRE_ROW_ZERO_POINT_FLOAT}, 2);
    ck_assert_uint_eq(quire_row_count_flattened(&plain, rows[0], 5), 0);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("rows");
    TCase *tc = tcase_create("rows");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sizes_follow_bits_blocks_and_width);
    tcase_add_test(tc, other_formats_are_refused);
    tcase_add_test(tc, codes_are_packed_in_planes);
    tcase_add_test(tc, packing_has_an_inverse);
    tcase_add_test(tc, every_float16_widens_and_every_boundary_rounds);
    tcase_add_test(tc, what_is_not_finite_stays_so);
    tcase_add_test(tc, golden_rows_come_out);
    tcase_add_test(tc, search_is_never_worse_and_sums_agree);
    tcase_add_test(tc, rounding_modes_change_nothing);
#if defined(__SSE2__)
    tcase_add_test(tc, flush_to_zero_changes_nothing_and_comes_back);
#endif
    tcase_add_test(tc, rounding_mode_and_exceptions_are_left_alone);
    tcase_add_test(tc, any_cut_and_any_alignment_give_the_same_bytes);
    tcase_add_test(tc, faults_say_where_and_leave_later_rows_alone);
    tcase_add_test(tc, no_rows_are_no_work);
    tcase_add_test(tc, eps_replaces_scales_that_are_not_greater);
    tcase_add_test(tc, any_bytes_decode_and_any_parameters_encode);
    suite_add_tcase(suite, tc);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
