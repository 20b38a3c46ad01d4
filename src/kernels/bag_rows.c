/* bag_rows.c - see bag_rows.h. */
#include "kernels/bag_rows.h"
#include "kernels/half.h"

void
quire_bag_window_start(quire_bag_window *w, const quire_bag_inner *plan, const quire_bag_job *job,
                       uint64_t position)
{
    w->plan = plan;
    w->job = job;
    w->padding_index = plan->padding_index;
    if (w->padding_index < 0) w->padding_index += (int64_t)job->n_rows;
    w->skips = plan->pruned || plan->padding;
    w->weighted = plan->weights != QUIRE_BAG_WEIGHTS_NONE;
    w->stride = quire_bag_row_stride(plan);
    w->in_place =
        plan->index == QUIRE_BAG_I64 && !w->skips && !w->weighted && !plan->wrap && w->stride == 1;
    w->view = w->in_place ? (const uint64_t *)job->indices : w->rows;
    quire_bag_window_seek(w, position);
}

void
quire_bag_window_seek(quire_bag_window *w, uint64_t position)
{
    w->next = position;
    w->bad = false;
    w->head = w->tail = w->in_place ? (size_t)position : 0;
}

int64_t
quire_bag_index_at(const quire_bag_inner *plan, const quire_bag_job *job, uint64_t position)
{
    return plan->index == QUIRE_BAG_I32 ? ((const int32_t *)job->indices)[position]
                                        : ((const int64_t *)job->indices)[position];
}

static float
weight_at(const quire_bag_window *w, uint64_t position)
{
    switch (w->plan->weights) {
    case QUIRE_BAG_WEIGHTS_NONE: break;
    case QUIRE_BAG_WEIGHTS_F32: return ((const float *)w->job->weights)[position];
    case QUIRE_BAG_WEIGHTS_F16:
        return quire_f32_from_f16(((const uint16_t *)w->job->weights)[position]);
    case QUIRE_BAG_WEIGHTS_BF16:
        return quire_f32_from_bf16(((const uint16_t *)w->job->weights)[position]);
    }
    return 1;
}

/* The common cases, with nothing but the range check. Numbers of 64 bits are used where they lie. */
static void
fill_i64(quire_bag_window *w, size_t n)
{
    const uint64_t *indices = (const uint64_t *)w->job->indices + w->next;
    const uint64_t n_rows = w->job->n_rows;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        const bool good = (indices[i] < n_rows) & (indices[i + 1] < n_rows) &
                          (indices[i + 2] < n_rows) & (indices[i + 3] < n_rows);
        if (!good) break;
    }
    while (i < n && indices[i] < n_rows)
        i++;
    w->tail += i;
    w->next += i;
    w->bad = i < n;
}

static size_t
rows_of_i32(const int32_t *indices, size_t n, uint64_t n_rows, uint64_t *out)
{
    size_t i = 0;

    for (; i < n && (uint64_t)(int64_t)indices[i] < n_rows; i++)
        out[i] = (uint64_t)(int64_t)indices[i];
    return i;
}

static void
fill_copy(quire_bag_window *w, size_t n)
{
    const bool wide = w->plan->index == QUIRE_BAG_I64;
    const uint8_t *indices = (const uint8_t *)w->job->indices + w->next * (wide ? 8 : 4);
    const uint64_t n_rows = w->job->n_rows;
    uint64_t *rows = w->rows + w->tail;
    const size_t i = w->stride > 1
                         ? w->plan->table->find(indices, wide, n, n_rows, w->stride, rows)
                         : rows_of_i32((const int32_t *)(const void *)indices, n, n_rows, rows);

    w->tail += i;
    w->next += i;
    w->bad = i < n;
}

/* One index, whatever the options. */
static void
fill_one(quire_bag_window *w)
{
    int64_t index = quire_bag_index_at(w->plan, w->job, w->next);

    if (w->plan->wrap && index < 0) index += (int64_t)w->job->n_rows;
    const bool skipped =
        (w->plan->pruned && index == -1) || (w->plan->padding && index == w->padding_index);
    w->bad = !(w->plan->pruned && index == -1) && (uint64_t)index >= w->job->n_rows;
    if (w->bad) return;
    if (!skipped) {
        w->rows[w->tail] = (uint64_t)index * w->stride;
        w->at[w->tail] = w->next;
        if (w->weighted) w->weights[w->tail] = weight_at(w, w->next);
        w->tail++;
    }
    w->next++;
}

static void
fill(quire_bag_window *w)
{
    const uint64_t left = w->job->n_indices - w->next;
    const size_t space = QUIRE_BAG_WINDOW - (w->in_place ? w->tail - w->head : w->tail);

    if (w->in_place) {
        fill_i64(w, left < space ? (size_t)left : space);
    } else if (w->skips || w->weighted || w->plan->wrap) {
        for (uint64_t i = 0; i < left && i < space && !w->bad; i++)
            fill_one(w);
    } else {
        fill_copy(w, left < space ? (size_t)left : space);
    }
}

static void
slide(quire_bag_window *w)
{
    const size_t n = w->tail - w->head;

    memmove(w->rows, w->rows + w->head, n * sizeof *w->rows);
    if (w->skips) memmove(w->at, w->at + w->head, n * sizeof *w->at);
    if (w->weighted) memmove(w->weights, w->weights + w->head, n * sizeof *w->weights);
    w->head = 0;
    w->tail = n;
}

void
quire_bag_window_cover(quire_bag_window *w, uint64_t end, size_t ahead)
{
    const uint64_t left = w->job->n_indices - end;
    const uint64_t want = end + (ahead < left ? ahead : left);

    if (w->next >= want || w->bad) return;
    if (!w->in_place) slide(w);
    fill(w);
}

quire_bag_fault
quire_bag_window_fault(const quire_bag_window *w)
{
    return (quire_bag_fault){.kind = QUIRE_BAG_FAULT_INDEX,
                             .position = w->next,
                             .value = quire_bag_index_at(w->plan, w->job, w->next),
                             .limit = w->job->n_rows};
}
