/* fetch.c - how early rows are asked for, and to which cache.
 *
 * By the bytes of the table: one that the processor hides by itself is left alone; one that fits the
 * caches is fetched to the first, 16 rows ahead. Of a larger one more misses may be under way on the
 * way to the second cache, further ahead, so that is where it goes; but not on AMD's processors, where
 * requests for the second cache came later than those for the first (docs: performance).
 */
#include "kernels/bag_plan.h"

#define LONG_FROM      ((uint64_t)32 << 10) /* rows of 8-bit codes that fill a line */
#define NEAR_FROM      ((uint64_t)256 << 10)
#define LARGE_FROM     ((uint64_t)64 << 20)
#define NEAR_DISTANCE  16
#define LARGE_DISTANCE 24
#define LONG_LINES     4 /* rows of more are asked for as if near */
#define FAR_LINES      96
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

/* Lines that `size` bytes touch on average, at least 1. */
static uint64_t
lines_of(uint64_t size)
{
    return (size + LINE - 1 + LINE / 2) / LINE;
}

static size_t
far_distance(uint64_t lines)
{
    const uint64_t rows = FAR_LINES / lines;

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
    if (job->n_rows <= LARGE_FROM / row) return (quire_fetch){.distance = NEAR_DISTANCE};
    if (prefers_first_cache()) {
        const bool is_long = lines_of(l->row_bytes) > LONG_LINES;
        return (quire_fetch){.distance = is_long ? NEAR_DISTANCE : LARGE_DISTANCE, .large = true};
    }
    return (quire_fetch){
        .distance = far_distance(lines_of(l->row_bytes) + (side ? 2 * lines_of(side / 2) : 0)),
        .far = true,
        .large = true};
}

/* The first pass asks for a fused row's parameters too. Lines are asked for every 64 bytes, and at the
 * last byte: if that is further on, a line may lie between. */
void
quire_fetch_point(quire_pass *pass, const quire_bag_inner *plan, size_t bytes)
{
    const quire_rows_layout *l = &plan->layout;
    const uintptr_t bits = (uintptr_t)pass->codes | pass->code_stride;
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
    f->plain = !f->far && f->more == f->last;
}
