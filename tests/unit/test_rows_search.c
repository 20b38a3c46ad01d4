/* test_rows_search.c - searched parameters against the exact optimum, found by trying everything.
 *
 * Whatever scale and zero point are, codes do not fall where elements rise; so the optimum is that of
 * the best way to give rising codes to a sorted row, each with the scale (and float zero point) of
 * least squares. Short rows: all ways. Rows of 64 with integer zero points: for each zero point all
 * scales at which a code changes. Both are without rounding to storage: below any that can be stored.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/rows.h"

enum { MAX = 64 };

static uint32_t state;

static double
uniform(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / (1 << 24);
}

/* Nearly normal; `kind` 1 has heavy tails, 2 one outlier, 3 an offset. */
static void
fill(float *x, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++) {
        double v = 0;
        for (int k = 0; k < 12; k++)
            v += uniform() - 0.5;
        if (kind == 1) v *= fabs(v);
        if (kind == 2 && i == 0) v = 10;
        if (kind == 3) v += 3;
        x[i] = (float)v;
    }
}

/* Error of the row quantized by the kernels. */
static double
error_of(const float *x, size_t n, uint32_t bits, quire_row_zero_point zero_point,
         quire_row_search search)
{
    const quire_row_choice choice = {.bits = bits, .zero_point = zero_point};
    uint8_t codes[MAX], zero[4];
    float scale;
    quire_row_format f;
    quire_row_sums sums;
    quire_row_fault fault;
    ck_assert(quire_row_format_init(&f, choice, n));
    ck_assert_int_eq(quire_row_quantize(&f, search, x, 1, (quire_row_arrays){codes, &scale, zero},
                                        NULL, &sums, &fault),
                     QUIRE_ROW_OK);
    return sums.ee;
}

static int
rising(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* A sorted row, the codes it has so far, and the least error met. */
typedef struct ways {
    float x[MAX];
    int code[MAX];
    int n, top;
    bool is_int;
    double least;
} ways;

/* Least squares of x = s * (code - zero), zero free or, being an integer, tried out. */
static double
fitted_error(const ways *w)
{
    double least = INFINITY, sx = 0, sq = 0, sqq = 0, sxq = 0, sxx = 0;
    for (int i = 0; i < w->n; i++) {
        const double x = (double)w->x[i], q = w->code[i];
        sx += x, sq += q, sqq += q * q, sxq += x * q, sxx += x * x;
    }
    if (!w->is_int) {
        const double det = w->n * sqq - sq * sq;
        const double s = det > 0 ? (w->n * sxq - sx * sq) / det : 0;
        const double b = (sx - s * sq) / w->n;
        double error = 0;
        for (int i = 0; i < w->n; i++) {
            const double e = (double)w->x[i] - s * w->code[i] - b;
            error += e * e;
        }
        return error;
    }
    for (int zero = 0; zero <= w->top; zero++) {
        const double xk = sxq - zero * sx;
        const double kk = sqq - 2 * zero * sq + (double)w->n * zero * zero;
        const double error = xk > 0 ? sxx - xk * xk / kk : sxx;
        least = fmin(least, error);
    }
    return fmax(least, 0);
}

static void
try_codes(ways *w, int at)
{
    if (at == w->n) {
        w->least = fmin(w->least, fitted_error(w));
        return;
    }
    for (int q = at ? w->code[at - 1] : 0; q <= w->top; q++) {
        w->code[at] = q;
        try_codes(w, at + 1);
    }
}

static double
optimum(const float *x, size_t n, uint32_t bits, bool is_int)
{
    ways w = {.n = (int)n, .top = (1 << bits) - 1, .is_int = is_int, .least = INFINITY};
    memcpy(w.x, x, n * sizeof *x);
    qsort(w.x, n, sizeof *x, rising);
    try_codes(&w, 0);
    return w.least;
}

/* Roots of sums over many rows: how far above the optimum. */
static void
check_short(size_t n, uint32_t bits, int n_rows, double allowed)
{
    for (int zero_point = 0; zero_point < 2; zero_point++) {
        double found = 0, best = 0;
        state = 7;
        for (int row = 0; row < n_rows; row++) {
            float x[MAX];
            fill(x, n, row % 4);
            const quire_row_zero_point kind = (quire_row_zero_point)zero_point;
            const double searched = error_of(x, n, bits, kind, QUIRE_ROW_SEARCH_MSE);
            const double minmax = error_of(x, n, bits, kind, QUIRE_ROW_SEARCH_MINMAX);
            const double least = optimum(x, n, bits, kind == QUIRE_ROW_ZERO_POINT_INT);
            ck_assert(searched <= minmax);
            ck_assert(searched >= least * (1 - 1e-5) - 1e-9);
            found += searched;
            best += least;
        }
        ck_assert_msg(sqrt(found / best) <= allowed, "%u bits, %d columns, zero point %d: %f", bits,
                      (int)n, zero_point, sqrt(found / best));
    }
}

START_TEST(short_rows)
{
    check_short(8, 2, 200, 1.01);
    check_short(12, 2, 200, 1.005);
    check_short(6, 4, 8, 1.6); /* nearly as many codes as elements: the optimum is near 0 */
}
END_TEST

typedef struct change {
    double level; /* 1 / scale at which the rounded size of an element grows */
    double x;
    double step;
} change;

static int
by_level(const void *a, const void *b)
{
    const change *x = a, *y = b;
    return (x->level > y->level) - (x->level < y->level);
}

/* For a zero point: all 1 / scale from 0 up, the error following from sums that change in steps. */
static double
exact_of_zero(const float *x, size_t n, int top, int zero)
{
    static change changes[MAX * 255];
    size_t n_changes = 0;
    double xx = 0, xk = 0, kk = 0, least;
    for (size_t i = 0; i < n; i++) {
        const int limit = x[i] < 0 ? zero : top - zero;
        const double size = fabs((double)x[i]);
        xx += size * size;
        for (int k = 1; k <= limit && size > 0; k++)
            changes[n_changes++] = (change){(k - 0.5) / size, size, k};
    }
    qsort(changes, n_changes, sizeof *changes, by_level);
    least = xx;
    for (size_t c = 0; c < n_changes; c++) {
        xk += changes[c].x;
        kk += 2 * changes[c].step - 1;
        least = fmin(least, xx - xk * xk / kk);
    }
    return least;
}

START_TEST(rows_of_64_with_integer_zero_points)
{
    const struct {
        uint32_t bits;
        int kind;
        double allowed;
    } cases[] = {{2, 0, 1.001}, {2, 1, 1.001}, {4, 0, 1.005}, {4, 1, 1.01}, {4, 3, 1.03}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double found = 0, best = 0;
        state = 11;
        for (int row = 0; row < 40; row++) {
            const int top = (1 << cases[c].bits) - 1;
            double least = INFINITY;
            float x[MAX];
            fill(x, MAX, cases[c].kind);
            for (int zero = 0; zero <= top; zero++)
                least = fmin(least, exact_of_zero(x, MAX, top, zero));
            const double searched =
                error_of(x, MAX, cases[c].bits, QUIRE_ROW_ZERO_POINT_INT, QUIRE_ROW_SEARCH_MSE);
            ck_assert(searched >= least * (1 - 1e-5));
            found += searched;
            best += least;
        }
        ck_assert_msg(sqrt(found / best) <= cases[c].allowed, "%u bits, kind %d: %f", cases[c].bits,
                      cases[c].kind, sqrt(found / best));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rows_search");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 120);
    tcase_add_test(all, short_rows);
    tcase_add_test(all, rows_of_64_with_integer_zero_points);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
