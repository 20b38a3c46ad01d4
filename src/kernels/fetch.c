/* fetch.c - how early rows are asked for, and to which cache.
 *
 * By the bytes of the table: one that the processor hides by itself is left alone; one that fits the
 * caches is fetched to the first, 16 rows ahead. Of a larger one more misses may be under way on the
 * way to the second cache, further ahead, so that is where it goes; but not on AMD's processors, where
 * requests for the second cache came later than those for the first. Those of AMD's with AVX-512 have so
 * many under way that rows of what is beyond the second cache are asked for much further ahead (docs:
 * performance).
 */
#include "kernels/bag_plan.h"

#define LONG_FROM      ((uint64_t)32 << 10) /* rows of 8-bit codes that fill a line */
#define NEAR_FROM      ((uint64_t)256 << 10)
#define DEEP_FROM      ((uint64_t)2 << 20)
#define LARGE_FROM     ((uint64_t)64 << 20)
#define NEAR_DISTANCE  16
#define LARGE_DISTANCE 24
#define LONG_LINES     4 /* rows of more are asked for as if near */
#define FAR_LINES      96
#define DEEP_LINES     160
#define LINE           64

static bool
prefers_first_cache(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_is("amd");
#else
    return false;
#endif
}

static bool
keeps_many_misses(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f");
#else
    return false;
#endif
}

/* Lines that `size` bytes touch on average, at least 1. */
static uint64_t
lines_of(uint64_t size)
{
    return (size + LINE - 1 + LINE / 2) / LINE;
}

/* Rows of `lines` lines, at most `most` lines of them on their way. */
static size_t
rows_ahead(uint64_t most, uint64_t lines)
{
    const uint64_t rows = most / lines;

    return rows < 16 ? 16 : rows > QUIRE_FETCH_MAX_DISTANCE ? QUIRE_FETCH_MAX_DISTANCE : rows;
}

static bool
has_long_codes(const quire_bag_inner *plan)
{
    const bool has_8_bits = plan->kind == QUIRE_PASS_SPLIT8 || plan->kind == QUIRE_PASS_FUSED8 ||
                            plan->kind == QUIRE_PASS_FUSED8H;

    return has_8_bits && plan->layout.row_bytes >= LINE;
}

quire_fetch
quire_fetch_plan(const quire_bag_inner *plan, const quire_bag_job *job)
{
    const quire_rows_layout *l = &plan->layout;
    const uint64_t side = plan->planar ? l->n_groups * (l->scale_size + l->zero_size) : 0;
    const uint64_t row = l->stride + side;

    if (job->n_rows <= (has_long_codes(plan) ? LONG_FROM : NEAR_FROM) / row) {
        return (quire_fetch){0};
    }
    const uint64_t lines = lines_of(l->row_bytes) + (side ? 2 * lines_of(side / 2) : 0);
    quire_fetch f = {.way = QUIRE_FETCH_NEAR,
                     .distance = NEAR_DISTANCE,
                     .large = job->n_rows > LARGE_FROM / row};
    if (keeps_many_misses()) {
        if (job->n_rows > DEEP_FROM / row) f.distance = rows_ahead(DEEP_LINES, lines);
    } else if (f.large && prefers_first_cache()) {
        if (lines_of(l->row_bytes) <= LONG_LINES) f.distance = LARGE_DISTANCE;
    } else if (f.large) {
        f.way = QUIRE_FETCH_FAR;
        f.distance = rows_ahead(FAR_LINES, lines);
    }
    return f;
}

/* The first pass asks for a fused row's parameters too. Lines are asked for every 64 bytes, and at the
 * last byte: if that is further on, a line may lie between. */
void
quire_fetch_point(quire_pass *pass, const quire_bag_inner *plan, size_t bytes)
{
    const quire_rows_layout *l = &plan->layout;
    const uintptr_t bits = (uintptr_t)pass->codes | l->stride;
    const size_t align = bits & (0 - bits);
    quire_fetch *f = &pass->fetch;

    f->base = pass->codes;
    f->last = f->more = bytes - 1;
    if (!plan->planar && l->scale_size > 0 && pass->before == 0) {
        if (pass->scales < pass->codes) {
            f->base = pass->scales;
            f->last += (size_t)(pass->codes - pass->scales);
        } else {
            f->last = (size_t)(pass->scales - pass->codes) + 2 * l->scale_size - 1;
        }
    }
    if (f->last - (bytes - 1) / LINE * LINE < LINE + align) f->more = f->last;
    if (f->way == QUIRE_FETCH_NEAR && f->more == f->last) f->way = QUIRE_FETCH_PLAIN;
}
