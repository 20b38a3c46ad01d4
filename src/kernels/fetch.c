/* fetch.c - which lines of which rows are asked for early, and how.
 *
 * By the bytes of the table: one that the processor hides by itself is left alone; one that fits the
 * caches is fetched to the first, 16 rows ahead; a larger one to the second, further ahead, since
 * more misses may be under way there. The first pass asks for all lines of a row at once, also for the
 * one its end straddles into: lines of a row asked for apart came 10 % later.
 */
#include "kernels/bag_plan.h"

#define NEAR_FROM     ((uint64_t)256 << 10)
#define FAR_FROM      ((uint64_t)64 << 20)
#define NEAR_DISTANCE 16
#define FAR_LINES     96
#define LINE          64

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

quire_fetch
quire_fetch_plan(const quire_bag_inner *plan, const quire_bag_job *job)
{
    const quire_rows_layout *l = &plan->layout;
    const uint64_t side = plan->planar ? l->n_groups * (l->scale_size + l->zero_size) : 0;
    const uint64_t row = l->stride + side;
    quire_fetch f = {.hint = QUIRE_FETCH_NONE, .stride = l->stride};

    if (job->n_rows <= NEAR_FROM / row) return f;
    f.hint = job->n_rows <= FAR_FROM / row ? QUIRE_FETCH_NEAR : QUIRE_FETCH_FAR;
    f.distance = f.hint == QUIRE_FETCH_NEAR
                     ? NEAR_DISTANCE
                     : far_distance(lines_of(l->row_bytes) + (side ? 2 * lines_of(side / 2) : 0));
    return f;
}

/* Whether `size` bytes of each row lie in one line, by their alignment. */
static bool
is_in_one_line(const void *base, uint64_t stride, uint64_t size)
{
    return size <= LINE && (size & (size - 1)) == 0 && ((uintptr_t)base | stride) % size == 0;
}

static void
side_add(quire_fetch *f, const void *base, uint64_t stride)
{
    for (uint64_t at = 0; at < stride && f->n_sides < QUIRE_FETCH_MAX_SIDES; at += LINE)
        f->sides[f->n_sides++] = (quire_fetch_side){(const uint8_t *)base + at, stride};
}

void
quire_fetch_add(quire_fetch *f, const quire_bag_inner *plan, const quire_bag_job *job)
{
    const quire_rows_layout *l = &plan->layout;

    if (f->hint == QUIRE_FETCH_NONE) return;
    f->base = job->rows;
    f->end = l->row_bytes - 1; /* the last line is asked for once */
    f->last = is_in_one_line(job->rows, l->stride, l->row_bytes) ? 0 : l->row_bytes - 1;
    if (!plan->planar) return;
    side_add(f, job->scales, l->n_groups * l->scale_size);
    side_add(f, job->zero_points, l->n_groups * l->zero_size);
}
