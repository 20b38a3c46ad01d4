/* bench_lines.c - how fast this machine brings the lines of random rows, and bytes in a stream: what
 * lookups are measured against. Nothing here is shared with the kernels.
 */
#include "bench_lines.h"

#include <stdbool.h>
#include <time.h>

#define PER_TRY    20000
#define MOST_AHEAD 64
#define ROWS_AHEAD 16
#define LINE       64

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t
random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state;
}

/* Any row, for tables of fewer than 2^32. */
static const uint8_t *
random_row(const uint8_t *table, uint64_t n_rows, uint64_t row, uint64_t *seed)
{
    return table + ((random_next(seed) >> 32) * (n_rows & UINT32_MAX) >> 32) * row;
}

static void
row_ask(const uint8_t *at, uint64_t row, bool near)
{
    for (uint64_t k = 0; k < row; k += LINE) {
        if (near) {
            __builtin_prefetch(at + k, 0, 3);
        } else {
            __builtin_prefetch(at + k, 0, 2);
        }
    }
    if (near) {
        __builtin_prefetch(at + row - 1, 0, 3);
    } else {
        __builtin_prefetch(at + row - 1, 0, 2);
    }
}

static uint64_t
row_touch(const uint8_t *at, uint64_t row)
{
    uint64_t sum = *(const volatile uint8_t *)(at + row - 1);

    for (uint64_t k = 0; k < row; k += LINE)
        sum += *(const volatile uint8_t *)(at + k);
    return sum;
}

/* ns for every line of a random row, asked for `distance` rows before: a power of two, or 0 for not
 * at all. */
static double
try_once(const uint8_t *table, uint64_t n_rows, uint64_t row, unsigned distance, bool near,
         uint64_t *seed)
{
    const uint8_t *ahead[MOST_AHEAD];
    uint64_t sum = 0;

    for (unsigned k = 0; k < distance; k++) {
        ahead[k] = random_row(table, n_rows, row, seed);
        row_ask(ahead[k], row, near);
    }
    const double start = seconds();
    for (uint64_t i = 0; i < PER_TRY; i++) {
        const uint8_t *at = random_row(table, n_rows, row, seed);
        if (distance == 0) {
            sum += row_touch(at, row);
            continue;
        }
        const uint8_t **place = &ahead[i & (distance - 1)];
        row_ask(at, row, near);
        sum += row_touch(*place, row);
        *place = at;
    }
    const double spent = seconds() - start;
    *seed += sum & 1;
    return spent * 1e9 / PER_TRY;
}

double
quire_bench_lines(const void *table, uint64_t n_rows, uint64_t row)
{
    static const unsigned distances[] = {0, 4, 8, 16, 32, 64};
    uint64_t seed = 88172645463325252u;
    double best = 1e18;

    for (int round = 0; round < 3; round++) {
        for (unsigned k = 0; k < 2 * sizeof distances / sizeof *distances; k++) {
            const double ns = try_once(table, n_rows, row, distances[k / 2], k % 2, &seed);
            if (ns < best) best = ns;
        }
    }
    return best;
}

double
quire_bench_rows(const void *table, uint64_t row, const uint64_t *rows, size_t n)
{
    const uint8_t *base = table;
    const size_t ahead = n < ROWS_AHEAD ? n : ROWS_AHEAD;
    const double start = seconds();
    uint64_t sum = 0;

    for (size_t i = 0; i < ahead; i++)
        row_ask(base + rows[i] * row, row, true);
    for (size_t i = 0; i < n; i++) {
        if (i + ahead < n) row_ask(base + rows[i + ahead] * row, row, true);
        sum += row_touch(base + rows[i] * row, row);
    }
    const double spent = seconds() - start;
    const volatile uint64_t sink = sum;
    (void)sink;
    return spent * 1e9 / (double)n;
}

double
quire_bench_stream(const void *bytes, uint64_t size)
{
    const uint64_t *words = bytes;
    double best = 0;

    for (int round = 0; round < 3; round++) {
        uint64_t sums[8] = {0};
        const double start = seconds();
        for (uint64_t i = 0; i + 8 <= size / 8; i += 8) {
            for (int k = 0; k < 8; k++)
                sums[k] += words[i + k];
        }
        const double spent = seconds() - start;
        for (int k = 1; k < 8; k++)
            sums[0] += sums[k];
        const volatile uint64_t sink = sums[0];
        (void)sink;
        if ((double)size / spent > best) best = (double)size / spent;
    }
    return best * 1e-9;
}
