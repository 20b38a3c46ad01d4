/* bag_rows.h - indices turned into row numbers, or where rows start, ahead of the bag that needs them.
 *
 * A window holds the rows of the next few hundred indices: range-checked, wrapped, skipped ones
 * left out, weights widened. It runs ahead of the bags so that passes see which rows come next,
 * past the end of a bag and of the caller's range. An index that is out of range ends it; that is a
 * fault only for a bag that has this index.
 */
#ifndef QUIRE_KERNELS_BAG_ROWS_H
#define QUIRE_KERNELS_BAG_ROWS_H

#include "kernels/bag_plan.h"

#define QUIRE_BAG_WINDOW 1024
#define QUIRE_BAG_CHUNK  (QUIRE_BAG_WINDOW - QUIRE_FETCH_MAX_DISTANCE)

typedef struct quire_bag_window {
    const quire_bag_inner *plan;
    const quire_bag_job *job;
    int64_t padding_index; /* counted from the start                                        */
    uint64_t next;         /* position of the first index that is not in the window         */
    bool bad;              /* indices[next] is out of range                                 */
    bool skips;            /* the window may lack indices: `at` is in use                   */
    bool weighted;         /* `weights` is in use                                           */
    bool in_place;         /* `view` are the indices themselves, only checked; head is a position */
    const uint64_t *view;  /* the entries: `rows`, or the indices                           */
    uint64_t stride;       /* what entries are multiples of: 1, or bytes from row to row    */
    size_t head, tail;     /* entries in use                                                */
    uint64_t rows[QUIRE_BAG_WINDOW];
    uint64_t at[QUIRE_BAG_WINDOW]; /* positions of the entries' indices                     */
    float weights[QUIRE_BAG_WINDOW];
} quire_bag_window;

/* An empty window before indices[position]. */
void quire_bag_window_start(quire_bag_window *w, const quire_bag_inner *plan,
                            const quire_bag_job *job, uint64_t position);

/* Empties it and goes to another position. */
void quire_bag_window_seek(quire_bag_window *w, uint64_t position);

/* Sees to it that all indices before `end` and `ahead` more are in the window, as far as there are
 * any and none is out of range. `end` is at most QUIRE_BAG_CHUNK after the oldest entry. */
void quire_bag_window_cover(quire_bag_window *w, uint64_t end, size_t ahead);

/* Entries of indices before `end`, which is covered. */
static inline size_t
quire_bag_window_count(const quire_bag_window *w, uint64_t end)
{
    size_t n = 0;

    if (!w->skips) return w->tail - w->head - (w->next > end ? (size_t)(w->next - end) : 0);
    while (w->head + n < w->tail && w->at[w->head + n] < end)
        n++;
    return n;
}

/* indices[position]. */
int64_t quire_bag_index_at(const quire_bag_inner *plan, const quire_bag_job *job,
                           uint64_t position);

/* What is wrong at the position a window stopped at. */
quire_bag_fault quire_bag_window_fault(const quire_bag_window *w);

#endif
