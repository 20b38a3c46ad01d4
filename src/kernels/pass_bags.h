/* pass_bags.h - the way of a pass through its bags and rows, the same on all wide instruction sets.
 *
 * A template: it defines the function BAGS_TAKE, whose rows are taken by the function ROW_TAKE, and may
 * be included several times, since a function that has the code of only one way in it compiles
 * several times as fast. The unit has defined, all of them inline and with constant shapes:
 *   totals   the sums of one bag, which stay in registers
 *   row_bytes(shape)                          of codes or elements that it takes of a row
 *   totals_start(p, shape, totals)            nothing, or what an earlier call kept
 *   ROW_TAKE(p, shape, entry, totals, fresh)  one of p->rows; `fresh`: as if there were no sums yet;
 *                                             false if it is none for this shape, of unweighted bags only
 *   ROW_ASK(p, shape, way, row)               asks for a row; row_ask if it is not defined
 *   ASKS_APART                                with ROW_ASK: has each way of asking a loop of its own?
 *   totals_keep(p, shape, totals)             for the call that goes on
 *   totals_finish(shape, divisor, totals)     biases and means
 *   totals_store(p, shape, totals, out)
 */
#ifndef QUIRE_KERNELS_PASS_BAGS_H
#define QUIRE_KERNELS_PASS_BAGS_H

#include "kernels/pass_load.h"

#if defined(__F16C__)

INLINE void
row_ask(const quire_pass *p, const shape s, quire_fetch_way way, uint64_t row)
{
    (void)way;
    quire_fetch_any(p, quire_pass_is_split(shape_kind(s)), row_bytes(s), row);
}

#endif

#endif

#if !defined(ROW_ASK)
#define ROW_ASK    row_ask
#define ASKS_APART false
#endif
#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define ROWS_TAKE    PASTE(BAGS_TAKE, _rows)

#if defined(__F16C__)

/* Entries up to `end`, or to the first that is none for this shape: which that is. */
INLINE const uint64_t *
ROWS_TAKE(const quire_pass *p, const shape s, quire_fetch_way way, const uint64_t *entry,
          const uint64_t *end, totals *t)
{
    const size_t distance = p->fetch.distance;

    for (; entry < end; entry++) {
        if (way != QUIRE_FETCH_NOT) ROW_ASK(p, s, way, entry[distance]);
        if (!ROW_TAKE(p, s, entry, t, false)) break;
    }
    return entry;
}

/* The same, asking; loops of their own for each way where asking has to be told. */
INLINE const uint64_t *
PASTE(ROWS_TAKE, _asking)(const quire_pass *p, const shape s, const uint64_t *entry,
                          const uint64_t *end, totals *t)
{
    const quire_fetch_way way = p->fetch.way;

    if (!ASKS_APART || way == QUIRE_FETCH_PLAIN)
        return ROWS_TAKE(p, s, QUIRE_FETCH_PLAIN, entry, end, t);
    if (way == QUIRE_FETCH_NEAR) return ROWS_TAKE(p, s, QUIRE_FETCH_NEAR, entry, end, t);
    return ROWS_TAKE(p, s, QUIRE_FETCH_FAR, entry, end, t);
}

/* False at the first bag with a row that this shape cannot take: `io` is what is left to do. */
INLINE bool
BAGS_TAKE(quire_pass *io, const shape s)
{
    const quire_pass local = *io; /* of its own: nothing that is stored can change it */
    const quire_pass *p = &local;
    const uint64_t *const all_asked = p->rows + p->n_fetch;
    const uint64_t *entry = p->rows;
    uint8_t *out = p->out;

    for (size_t b = 0; b < p->n_bags; b++, out += p->out_stride) {
        const uint64_t *const start = entry, *const end = entry + p->bags[b].n;
        const uint64_t *const asked = end < all_asked ? end : all_asked;
        totals t;
        totals_start(p, s, &t);
        if (shape_mode(s) == QUIRE_PASS_MAX && p->first && entry < end) {
            if (entry < asked) ROW_ASK(p, s, p->fetch.way, entry[p->fetch.distance]);
            ROW_TAKE(p, s, entry++, &t, true);
        }
        if (entry < asked) entry = PASTE(ROWS_TAKE, _asking)(p, s, entry, asked, &t);
        if (entry >= asked) entry = ROWS_TAKE(p, s, QUIRE_FETCH_NOT, entry, end, &t);
        if (entry < end) return bags_leave(io, b, (size_t)(start - p->rows));
        if (!p->last) {
            totals_keep(io, s, &t);
            return true;
        }
        totals_finish(s, p->bags[b].divisor, &t);
        totals_store(p, s, &t, out);
    }
    return true;
}

#undef BAGS_TAKE
#undef ROW_TAKE
#undef ROWS_TAKE
#undef ROW_ASK
#undef ASKS_APART
#undef PASTE
#undef PASTE_

#endif
