/* bag_bounds.c - see bag_bounds.h. */
#include "kernels/bag_bounds.h"

int64_t
quire_bag_offset_at(const quire_bag_inner *plan, const quire_bag_job *job, uint64_t i)
{
    return plan->offset == QUIRE_BAG_I32 ? ((const int32_t *)job->offsets)[i]
                                         : ((const int64_t *)job->offsets)[i];
}

static bool
fault_at(quire_bag_fault *out, quire_bag_fault_kind kind, uint64_t position, int64_t value,
         uint64_t limit)
{
    *out = (quire_bag_fault){kind, position, value, limit};
    return false;
}

/* The bag that ends at `end`, as entry `position` tells: the last one ends where the indices do. */
static bool
end_at(quire_bag_bounds *b, uint64_t position, uint64_t end, quire_bag_fault *out_fault)
{
    const uint64_t limit = b->job->n_indices;

    if (b->bag + 1 == b->job->n_bags && end != limit) {
        return fault_at(out_fault, QUIRE_BAG_FAULT_END, position, (int64_t)end, limit);
    }
    b->end = end;
    b->bag++;
    return true;
}

/* offsets[position], which is not below `least`. */
static bool
offset_get(const quire_bag_bounds *b, uint64_t position, uint64_t least, uint64_t *out,
           quire_bag_fault *out_fault)
{
    const int64_t offset = quire_bag_offset_at(b->plan, b->job, position);
    const uint64_t limit = b->job->n_indices;

    if (offset < 0 || (uint64_t)offset < least || (uint64_t)offset > limit ||
        (position == 0 && offset != 0)) {
        return fault_at(out_fault, QUIRE_BAG_FAULT_OFFSET, position, offset, limit);
    }
    *out = (uint64_t)offset;
    return true;
}

static bool
next_by_offsets(quire_bag_bounds *b, quire_bag_fault *out_fault)
{
    const bool is_last = b->bag + 1 == b->job->n_bags;
    uint64_t end = b->job->n_indices;

    if (!offset_get(b, b->bag, 0, &b->start, out_fault)) return false;
    if (is_last && b->plan->form == QUIRE_BAG_OFFSETS) return end_at(b, b->bag, end, out_fault);
    return offset_get(b, b->bag + 1, b->start, &end, out_fault) &&
           end_at(b, b->bag + 1, end, out_fault);
}

static bool
next_by_length(quire_bag_bounds *b, quire_bag_fault *out_fault)
{
    const int64_t length = quire_bag_offset_at(b->plan, b->job, b->bag);
    const uint64_t left = b->job->n_indices - b->end;

    if (length < 0 || (uint64_t)length > left) {
        return fault_at(out_fault, QUIRE_BAG_FAULT_LENGTH, b->bag, length, left);
    }
    b->start = b->end;
    return end_at(b, b->bag, b->start + (uint64_t)length, out_fault);
}

/* Indices that all bags of form FIXED need, or as many as can be told. */
static int64_t
fixed_total(const quire_bag_bounds *b)
{
    const uint64_t fixed = b->plan->fixed;

    return fixed > INT64_MAX / b->job->n_bags ? INT64_MAX : (int64_t)(fixed * b->job->n_bags);
}

static bool
next_fixed(quire_bag_bounds *b, quire_bag_fault *out_fault)
{
    const uint64_t limit = b->job->n_indices;

    b->start = b->end;
    if (b->plan->fixed > limit - b->start) {
        return fault_at(out_fault, QUIRE_BAG_FAULT_END, b->bag, fixed_total(b), limit);
    }
    return end_at(b, b->bag, b->start + b->plan->fixed, out_fault);
}

bool
quire_bag_bounds_next(quire_bag_bounds *b, quire_bag_fault *out_fault)
{
    switch (b->plan->form) {
    case QUIRE_BAG_OFFSETS:
    case QUIRE_BAG_OFFSETS_LAST: return next_by_offsets(b, out_fault);
    case QUIRE_BAG_LENGTHS: return next_by_length(b, out_fault);
    case QUIRE_BAG_FIXED: break;
    }
    return next_fixed(b, out_fault);
}

void
quire_bag_bounds_start(quire_bag_bounds *b, const quire_bag_inner *plan, const quire_bag_job *job,
                       uint64_t first, uint64_t start)
{
    *b = (quire_bag_bounds){.plan = plan, .job = job, .bag = first, .start = start, .end = start};
}

bool
quire_bag_bounds_find(const quire_bag_inner *plan, const quire_bag_job *job, uint64_t first,
                      uint64_t *out_start, quire_bag_fault *out_fault)
{
    quire_bag_bounds b;

    *out_start = 0;
    if (plan->form == QUIRE_BAG_OFFSETS || plan->form == QUIRE_BAG_OFFSETS_LAST) return true;
    quire_bag_bounds_start(&b, plan, job, 0, 0);
    if (plan->form == QUIRE_BAG_FIXED) { /* all bags before the first one that lacks indices */
        const uint64_t fits = plan->fixed ? job->n_indices / plan->fixed : first;
        const uint64_t known = first < fits ? first : fits;
        quire_bag_bounds_start(&b, plan, job, known, known * plan->fixed);
    }
    while (b.bag < first) {
        if (!quire_bag_bounds_next(&b, out_fault)) return false;
    }
    *out_start = b.end;
    return true;
}

bool
quire_bag_bounds_check(const quire_bag_inner *plan, const quire_bag_job *job,
                       quire_bag_fault *out_fault)
{
    const int64_t n_rows = (int64_t)job->n_rows;

    if (plan->padding && (plan->padding_index < -n_rows || plan->padding_index >= n_rows)) {
        return fault_at(out_fault, QUIRE_BAG_FAULT_PADDING, 0, plan->padding_index, job->n_rows);
    }
    if (job->n_bags > 0) return true;
    const int64_t end =
        plan->form == QUIRE_BAG_OFFSETS_LAST ? quire_bag_offset_at(plan, job, 0) : 0;
    if (end != 0) return fault_at(out_fault, QUIRE_BAG_FAULT_OFFSET, 0, end, job->n_indices);
    if (job->n_indices == 0) return true;
    return fault_at(out_fault, QUIRE_BAG_FAULT_END, 0, 0, job->n_indices);
}
