/* pass_bags.h - the way of a pass through its bags and rows, the same on all wide instruction sets.
 *
 * A template: it defines the function BAGS_TAKE, whose rows are taken by the function ROW_TAKE, and may
 * be included several times, since a function that has the code of only one way in it compiles
 * several times as fast. The unit has defined, all of them inline and with constant shapes:
 *   totals   the sums of one bag, which stay in registers
 *   row_bytes(shape)                          of codes or elements that it takes of a row
 *   totals_start(p, shape, totals)            nothing, or what an earlier call kept
 *   ROW_TAKE(p, shape, i, totals, fresh)      entry `i`; `fresh`: as if there were no sums yet; false
 *                                             if it is none for this shape, of unweighted bags only
 *   totals_keep(p, shape, totals)             for the call that goes on
 *   totals_finish(shape, divisor, totals)     biases and means
 *   totals_store(p, shape, totals, out)
 */
#ifndef QUIRE_KERNELS_PASS_BAGS_H
#define QUIRE_KERNELS_PASS_BAGS_H

#include "kernels/pass_load.h"

#if defined(__F16C__)

INLINE void
row_ask(const quire_pass *p, const shape s, size_t i)
{
    quire_fetch_row(p, quire_pass_is_split(shape_kind(s)), row_bytes(s),
                    p->rows[i + p->fetch.distance]);
}

#endif

#endif

#if defined(__F16C__)

/* False at the first bag with a row that this shape cannot take: `p` is what is left to do. */
INLINE bool
BAGS_TAKE(quire_pass *p, const shape s)
{
    size_t i = 0;

    for (size_t b = 0; b < p->n_bags; b++) {
        const size_t start = i;
        const size_t end = i + p->bags[b].n;
        const size_t fetch_end = p->n_fetch < end ? p->n_fetch : end;
        bool good = true;
        totals t;
        totals_start(p, s, &t);
        if (shape_mode(s) == QUIRE_PASS_MAX && p->first && i < end) {
            if (i < fetch_end) row_ask(p, s, i);
            ROW_TAKE(p, s, i++, &t, true);
        }
        for (; i < fetch_end && good; i++) {
            row_ask(p, s, i);
            good = ROW_TAKE(p, s, i, &t, false);
        }
        for (; i < end && good; i++)
            good = ROW_TAKE(p, s, i, &t, false);
        if (!good) return bags_leave(p, b, start);
        if (!p->last) {
            totals_keep(p, s, &t);
            return true;
        }
        totals_finish(s, p->bags[b].divisor, &t);
        totals_store(p, s, &t, p->out + b * p->out_stride);
    }
    return true;
}

#undef BAGS_TAKE
#undef ROW_TAKE

#endif
