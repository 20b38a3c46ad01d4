/* bag_bounds.h - where each bag starts and ends in the list of indices, checked on the way. */
#ifndef QUIRE_KERNELS_BAG_BOUNDS_H
#define QUIRE_KERNELS_BAG_BOUNDS_H

#include "kernels/bag_plan.h"

/* Walks bags in order. After a successful step bag number `bag - 1` is [start, end). */
typedef struct quire_bag_bounds {
    const quire_bag_inner *plan;
    const quire_bag_job *job;
    uint64_t bag;
    uint64_t start;
    uint64_t end;
} quire_bag_bounds;

/* Goes before bag `first`, which starts at indices[start]; offsets are looked at, lengths are taken
 * at their word. */
void quire_bag_bounds_start(quire_bag_bounds *b, const quire_bag_inner *plan,
                            const quire_bag_job *job, uint64_t first, uint64_t start);

/* Where bag `first` starts, by the sum of lengths or by `fixed`; 0 for offsets, which tell by
 * themselves. False with `*out_fault` if a bag before it is wrong. */
bool quire_bag_bounds_find(const quire_bag_inner *plan, const quire_bag_job *job, uint64_t first,
                           uint64_t *out_start, quire_bag_fault *out_fault);

/* What is about the job as a whole: false with `*out_fault` if the padding index is none of its
 * rows, or there are indices and no bags. */
bool quire_bag_bounds_check(const quire_bag_inner *plan, const quire_bag_job *job,
                            quire_bag_fault *out_fault);

/* Steps to the next bag, of which there is one. False with `*out_fault` if its ends are wrong. */
bool quire_bag_bounds_next(quire_bag_bounds *b, quire_bag_fault *out_fault);

/* offsets[i], or lengths[i]. */
int64_t quire_bag_offset_at(const quire_bag_inner *plan, const quire_bag_job *job, uint64_t i);

#endif
