/* bag_fault.c - a fault in words. */
#include "quire/kernels.h"

#include <inttypes.h>
#include <stdio.h>

void
quire_bag_fault_print(const quire_bag_fault *f, char *out, size_t size)
{
    switch (f->kind) {
    case QUIRE_BAG_FAULT_INDEX:
        snprintf(out, size, "index %" PRIu64 " is %" PRId64 ", and the table has %" PRIu64 " rows",
                 f->position, f->value, f->limit);
        return;
    case QUIRE_BAG_FAULT_OFFSET:
        snprintf(out, size,
                 "offset %" PRIu64 " is %" PRId64
                 ": offsets start at 0, do not fall and end at %" PRIu64 ", the number of indices",
                 f->position, f->value, f->limit);
        return;
    case QUIRE_BAG_FAULT_LENGTH:
        snprintf(out, size,
                 "length %" PRIu64 " is %" PRId64
                 ": lengths are not below 0, and there are %" PRIu64 " indices left for it",
                 f->position, f->value, f->limit);
        return;
    case QUIRE_BAG_FAULT_END:
        snprintf(out, size, "the bags end at index %" PRId64 ", and there are %" PRIu64 " indices",
                 f->value, f->limit);
        return;
    case QUIRE_BAG_FAULT_PADDING:
        snprintf(out, size, "the padding index is %" PRId64 ", and the table has %" PRIu64 " rows",
                 f->value, f->limit);
        return;
    }
}
