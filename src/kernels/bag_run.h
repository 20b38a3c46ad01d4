/* bag_run.h - bags of a range whose start in the list of indices is known. */
#ifndef QUIRE_KERNELS_BAG_RUN_H
#define QUIRE_KERNELS_BAG_RUN_H

#include "kernels/bag_plan.h"

/* As quire_bag_run, where the indices of bag `first` start at indices[start] (offsets say so by
 * themselves). first <= end <= n_bags and start <= n_indices. */
quire_status quire_bag_run_from(const quire_bag_inner *plan, const quire_bag_job *job,
                                uint64_t first, uint64_t end, uint64_t start,
                                quire_bag_fault *out_fault);

#endif
