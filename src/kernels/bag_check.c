/* bag_check.c - everything about a job that can be wrong, without a look at its rows. */
#include "kernels/bag_bounds.h"
#include "kernels/bag_rows.h"

/* Goes through the indices before `end`. */
static bool
indices_check(quire_bag_window *w, uint64_t end, quire_bag_fault *out_fault)
{
    while (w->next < end && !w->bad) {
        w->head = w->tail; /* nobody asks for the entries */
        quire_bag_window_cover(w, w->next + 1, 0);
    }
    if (w->next >= end) return true;
    *out_fault = quire_bag_window_fault(w);
    return false;
}

quire_status
quire_bag_check(const quire_bag_plan *plan, const quire_bag_job *job, quire_bag_fault *out_fault)
{
    const quire_bag_inner *p = quire_bag_plan_inner(plan);
    quire_bag_bounds bounds;
    quire_bag_window w;

    if (!quire_bag_bounds_check(p, job, out_fault)) return QUIRE_E_INVALID;
    quire_bag_window_start(&w, p, job, 0);
    quire_bag_bounds_start(&bounds, p, job, 0, 0);
    while (bounds.bag < job->n_bags) {
        if (!quire_bag_bounds_next(&bounds, out_fault) ||
            !indices_check(&w, bounds.end, out_fault)) {
            return QUIRE_E_INVALID;
        }
    }
    return QUIRE_OK;
}
