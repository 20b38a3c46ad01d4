/* test_rows_isa.c - row kernels of every instruction set against the scalar ones, bit for bit: all
 * widths from 1 to 300 and some larger, all formats, both searches, values chosen to be hard; under
 * every rounding mode and with flush-to-zero. The scalar ones are held by
 * tests/conformance/rows_reference.py (split rows) and tests/peers/fused.py (fused rows).
 */
#include <check.h>
#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "kernels/rows_kernels.h"

enum { ROWS = 7, MAX_WIDTH = 1280, MAX_FLOATS = ROWS * MAX_WIDTH };

static uint32_t state;

static uint32_t
any_bits(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

/* About [-1, 1], not quite even. */
static float
ordinary(void)
{
    return ldexpf((float)(int32_t)any_bits() + (float)(int32_t)any_bits(), -32);
}

static float
finite_bits(void)
{
    const float x = quire_f32_from_bits(any_bits());
    return isfinite(x) ? x : 1;
}

/* One element of a row of some kind: ordinary, tiny, huge, constant, ties, zeros of both signs, any
 * finite bits, of one sign, far from zero. */
enum { KINDS = 9 };
static float
element(uint32_t kind, float of_row)
{
    switch (kind) {
    case 0: return ordinary();
    case 1: return ldexpf(ordinary(), -140);
    case 2: return ldexpf(ordinary(), 127);
    case 3: return of_row;
    case 4: return (float)(any_bits() % 31) / 2 - 3;
    case 5: return any_bits() & 1 ? 0.0f : -0.0f;
    case 6: return finite_bits();
    case 7: return fabsf(ordinary());
    default: return 100 + ldexpf(ordinary(), -6);
    }
}

static void
fill(float *x, size_t width, uint32_t seed, quire_row_dtype dtype)
{
    unsigned char stored[2];
    state = seed * 2654435761u + 1;
    for (size_t r = 0; r < ROWS; r++) {
        const uint32_t kind = any_bits() % KINDS;
        const float of_row = finite_bits();
        for (size_t i = 0; i < width; i++) {
            float v = element(kind, of_row);
            if (dtype != QUIRE_ROW_DTYPE_F32) {
                quire_row_narrow_plain(dtype, &v, 1, stored);
                quire_row_widen_plain(dtype, stored, 1, &v);
            }
            x[r * width + i] = isfinite(v) ? v : 2;
        }
    }
}

/* What one call makes; compared whole. */
typedef struct made {
    uint8_t codes[MAX_FLOATS], scales[MAX_FLOATS], zero_points[MAX_FLOATS];
    uint8_t decoded[4 * MAX_FLOATS], again[4 * MAX_FLOATS], recoded[MAX_FLOATS];
    quire_row_sums sums[ROWS], sums_again[ROWS];
    quire_row_fault fault;
    quire_row_status status;
    size_t flattened;
} made;

static void
make(quire_row_choice choice, size_t width, quire_row_search search, const float *x, made *m)
{
    quire_row_format f;
    const quire_row_arrays a = {m->codes, m->scales, m->zero_points};
    quire_row_arrays b = a;
    memset(m, 0xa5, sizeof *m);
    ck_assert(quire_row_format_init(&f, choice, width));
    m->status = quire_row_quantize(&f, search, x, ROWS, a, m->decoded, m->sums, &m->fault);
    if (m->status != QUIRE_ROW_OK) return;
    quire_row_dequantize(&f, a, ROWS, m->again);
    quire_row_error(&f, x, m->decoded, ROWS, m->sums_again);
    b.codes = m->recoded;
    quire_row_encode(&f, x, ROWS, b);
    m->flattened = quire_row_count_flattened(&f, x, ROWS);
    ck_assert_mem_eq(m->decoded, m->again, sizeof m->again);
    ck_assert_mem_eq(m->sums, m->sums_again, sizeof m->sums);
    ck_assert_mem_eq(m->codes, m->recoded, ROWS * f.row_bytes);
}

static float rows[MAX_FLOATS];
static made scalar, other;

static void
compare(quire_row_choice choice, size_t width, quire_row_search search, uint32_t seed)
{
    fill(rows, width, seed, choice.dtype);
    choice.isa = QUIRE_ISA_SCALAR;
    make(choice, width, search, rows, &scalar);
    choice.isa = QUIRE_ISA_AUTO;
    make(choice, width, search, rows, &other);
    ck_assert_msg(memcmp(&scalar, &other, sizeof other) == 0,
                  "bits %u, block %u, zero point %d, scale %d, type %d, width %zu, search %d",
                  choice.bits, choice.block, (int)choice.zero_point, (int)choice.scale,
                  (int)choice.dtype, width, (int)search);
}

/* By loop index: bits, zero point, scale and table type. */
static quire_row_choice
choice_of(int i, uint32_t block)
{
    return (quire_row_choice){.bits = 8u >> i % 3,
                              .block = block,
                              .zero_point = (quire_row_zero_point)(i / 3 % 2),
                              .scale = (quire_row_scale)(i / 6 % 2),
                              .dtype = (quire_row_dtype)(i / 12 % 3)};
}
enum { FORMATS = 36 };

START_TEST(whole_rows_of_every_width)
{
    for (size_t width = 1; width <= 300; width++)
        compare(choice_of(_i, 0), width, QUIRE_ROW_SEARCH_MINMAX, (uint32_t)width);
    for (size_t width = 511; width <= 514; width++)
        compare(choice_of(_i, 0), width, QUIRE_ROW_SEARCH_MINMAX, (uint32_t)width);
    compare(choice_of(_i, 0), 1024, QUIRE_ROW_SEARCH_MINMAX, 1);
    compare(choice_of(_i, 0), 1029, QUIRE_ROW_SEARCH_MINMAX, 1);
}
END_TEST

START_TEST(blocks)
{
    for (uint32_t block = 16; block <= 256; block *= 2) {
        for (size_t width = block + 1; width <= 300; width += 13)
            compare(choice_of(_i, block), width, QUIRE_ROW_SEARCH_MINMAX, (uint32_t)width);
        compare(choice_of(_i, block), 1100, QUIRE_ROW_SEARCH_MINMAX, block);
    }
}
END_TEST

START_TEST(searched)
{
    for (size_t width = 1; width <= 300; width += width < 40 ? 1 : 37)
        compare(choice_of(_i, 0), width, QUIRE_ROW_SEARCH_MSE, (uint32_t)width);
    compare(choice_of(_i, 32), 100, QUIRE_ROW_SEARCH_MSE, 5);
}
END_TEST

START_TEST(eps)
{
    quire_row_choice choice = {.bits = 8, .zero_point = QUIRE_ROW_ZERO_POINT_FLOAT};
    choice.eps = 0x1p-12f;
    for (uint32_t seed = 0; seed < 300; seed++)
        compare(choice, 1 + seed % 70, QUIRE_ROW_SEARCH_MINMAX, seed);
}
END_TEST

/* A NaN or infinity anywhere, one row of the team after the other: the same fault, earlier rows
 * whole, nothing behind them touched. */
START_TEST(faults_are_the_same)
{
    const float bad[3] = {NAN, INFINITY, -INFINITY};
    const size_t widths[] = {1, 7, 8, 9, 31, 32, 33, 64, 100};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const size_t width = widths[w], n = ROWS * width;
        for (size_t at = 0; at < n; at += 1 + n / 97) {
            quire_row_choice choice = choice_of(_i, 16);
            fill(rows, width, (uint32_t)at, choice.dtype);
            for (size_t i = 0; i < n; i++)
                rows[i] = ldexpf(rows[i], -126); /* no scale overflows */
            rows[at] = bad[at % 3];
            choice.isa = QUIRE_ISA_SCALAR;
            make(choice, width, QUIRE_ROW_SEARCH_MINMAX, rows, &scalar);
            choice.isa = QUIRE_ISA_AUTO;
            make(choice, width, QUIRE_ROW_SEARCH_MINMAX, rows, &other);
            ck_assert_int_eq(other.status, QUIRE_ROW_NON_FINITE);
            ck_assert_uint_eq(other.fault.row * width + other.fault.column, at);
            ck_assert_mem_eq(&scalar, &other, sizeof other);
            quire_row_format f;
            ck_assert(quire_row_format_init(&f, choice, width));
            ck_assert_uint_eq(other.codes[at / width * f.row_bytes], 0xa5);
        }
    }
}
END_TEST

static made in_default;

START_TEST(environments_change_nothing)
{
    const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (int flush = 0; flush < 2; flush++) {
        for (int mode = 0; mode < 4; mode++) {
            for (int search = 0; search < 2; search++) {
                fenv_t saved;
                fill(rows, 61, (uint32_t)_i, choice_of(_i, 0).dtype);
                make(choice_of(_i, 0), 61, (quire_row_search)search, rows, &in_default);
                fegetenv(&saved);
                fesetround(modes[mode]);
#if defined(__SSE2__)
                if (flush) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
                make(choice_of(_i, 0), 61, (quire_row_search)search, rows, &other);
                fesetenv(&saved);
                ck_assert_mem_eq(&in_default, &other, sizeof other);
            }
        }
    }
}
END_TEST

/* Every float16 and bfloat16 there is widens alike, and what lies around their steps narrows alike. */
START_TEST(conversions_are_the_same)
{
    static uint16_t halves[1 << 16], back[2][1 << 16];
    static float wide[2][1 << 16];
    const quire_row_dtype dtypes[] = {QUIRE_ROW_DTYPE_F16, QUIRE_ROW_DTYPE_BF16};
    const quire_row_kernels *kernels = quire_row_kernels_get(QUIRE_ISA_AUTO);
    for (uint32_t k = 0; k < 1 << 16; k++)
        halves[k] = (uint16_t)k;
    for (size_t d = 0; d < 2; d++) {
        quire_row_widen_plain(dtypes[d], halves, 1 << 16, wide[0]);
        quire_row_widen(dtypes[d], halves, 1 << 16, wide[1]);
        ck_assert_mem_eq(wide[0], wide[1], sizeof *wide);
        for (uint32_t shift = 0; shift <= 16; shift++) {
            for (uint32_t k = 0; k < 1 << 16; k++) {
                const uint32_t low = shift == 16 ? any_bits() & 0xffff : 1u << shift;
                wide[0][k] = quire_f32_from_bits(k << 16 | low);
            }
            quire_row_narrow_plain(dtypes[d], wide[0], 1 << 16, back[0]);
            kernels->narrow(dtypes[d], wide[0], 1 << 16, back[1]);
            ck_assert_mem_eq(back[0], back[1], sizeof *back);
        }
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rows_isa");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 300);
    state = 1;
    tcase_add_loop_test(all, whole_rows_of_every_width, 0, FORMATS);
    tcase_add_loop_test(all, blocks, 0, FORMATS);
    tcase_add_loop_test(all, searched, 0, FORMATS);
    tcase_add_test(all, eps);
    tcase_add_loop_test(all, faults_are_the_same, 0, 6);
    tcase_add_loop_test(all, environments_change_nothing, 0, FORMATS);
    tcase_add_test(all, conversions_are_the_same);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
