/* bag_batch.c - the bags of several tables, cut into parts of about equal work.
 *
 * All bags of all tasks stand in one line, and a bag costs what it reads and writes. Cuts are at
 * equal steps of that cost, wherever they fall: a part may be a piece of one large table or many
 * small ones. Which thread does which part changes no output. What failed is found out again, in
 * order, after all parts are done.
 */
#include "kernels/bag_bounds.h"
#include "kernels/bag_run.h"

#include <stdatomic.h>

#define PART_BYTES 262144.0 /* some tens of microseconds */
#define MAX_PARTS  1024

/* Before bag `bag` of task `task`, whose indices start at `start` if the form is LENGTHS or FIXED. */
typedef struct batch_cut {
    uint64_t task;
    uint64_t bag;
    uint64_t start;
} batch_cut;

typedef struct batch {
    const quire_bag_task *tasks;
    atomic_bool failed;
    batch_cut cuts[MAX_PARTS + 1];
} batch;

/* Bytes that move for an index, and for a bag; costs are sums of these, in floating point because
 * they may be of any size and need not be exact. */
typedef struct task_cost {
    double index;
    double bag;
} task_cost;

static task_cost
cost_of(const quire_bag_inner *p)
{
    const quire_rows_layout *l = &p->layout;
    const double params = p->planar ? (double)(l->n_groups * (l->scale_size + l->zero_size)) : 0;

    return (task_cost){(double)l->row_bytes + params + 64, (double)p->width * 4 + 64};
}

static double
task_total(const quire_bag_task *task)
{
    const task_cost cost = cost_of(quire_bag_plan_inner(task->plan));

    return cost.index * (double)task->job->n_indices + cost.bag * (double)task->job->n_bags;
}

/* Where a bag starts that is not the first: wrong offsets only make for odd cuts. */
static uint64_t
start_by_offset(const quire_bag_inner *p, const quire_bag_job *job, uint64_t bag)
{
    const int64_t offset = quire_bag_offset_at(p, job, bag);

    return offset < 0 ? 0 : (uint64_t)offset;
}

/* Moves over the bags whose lengths come before `want`. */
static void
seek_by_length(const quire_bag_inner *p, const quire_bag_job *job, double want, batch_cut *cut)
{
    const task_cost cost = cost_of(p);

    while (cut->bag < job->n_bags &&
           cost.index * (double)cut->start + cost.bag * (double)cut->bag < want) {
        const int64_t length = quire_bag_offset_at(p, job, cut->bag++);
        const uint64_t left = job->n_indices - cut->start;
        if (length > 0) cut->start += (uint64_t)length < left ? (uint64_t)length : left;
    }
}

/* The first bag, none before the cut, that `want` comes before. */
static void
seek_by_start(const quire_bag_inner *p, const quire_bag_job *job, double want, batch_cut *cut)
{
    const task_cost cost = cost_of(p);
    uint64_t high = job->n_bags;

    while (cut->bag < high) {
        const uint64_t middle = cut->bag + (high - cut->bag) / 2;
        const double start = p->form == QUIRE_BAG_FIXED ? (double)middle * (double)p->fixed
                                                        : (double)start_by_offset(p, job, middle);
        if (cost.index * start + cost.bag * (double)middle < want) {
            cut->bag = middle + 1;
        } else {
            high = middle;
        }
    }
    if (p->form == QUIRE_BAG_FIXED) {
        const uint64_t fits = p->fixed ? job->n_indices / p->fixed : cut->bag;
        cut->start = (cut->bag < fits ? cut->bag : fits) * p->fixed;
    }
}

static void
seek(const quire_bag_task *task, double want, batch_cut *cut)
{
    const quire_bag_inner *p = quire_bag_plan_inner(task->plan);

    if (p->form == QUIRE_BAG_LENGTHS) {
        seek_by_length(p, task->job, want, cut);
    } else {
        seek_by_start(p, task->job, want, cut);
    }
}

/* The number of parts; cuts[i] to cuts[i + 1] is part i. */
static uint64_t
batch_cut_up(batch *b, uint64_t n_tasks)
{
    batch_cut cut = {0};
    double total = 0;
    double before = 0; /* of whole tasks */

    for (uint64_t k = 0; k < n_tasks; k++)
        total += task_total(&b->tasks[k]);
    const uint64_t parts =
        total < PART_BYTES * MAX_PARTS ? (uint64_t)(total / PART_BYTES) + 1 : MAX_PARTS;
    b->cuts[0] = cut;
    for (uint64_t i = 1; i < parts; i++) {
        const double want = total / (double)parts * (double)i;
        while (cut.task < n_tasks && before + task_total(&b->tasks[cut.task]) <= want) {
            before += task_total(&b->tasks[cut.task]);
            cut = (batch_cut){.task = cut.task + 1};
        }
        if (cut.task < n_tasks) seek(&b->tasks[cut.task], want - before, &cut);
        b->cuts[i] = cut;
    }
    b->cuts[parts] = (batch_cut){.task = n_tasks};
    return parts;
}

static bool
piece_run(const quire_bag_task *task, uint64_t first, uint64_t end, uint64_t start)
{
    quire_bag_fault fault;

    return quire_bag_run_from(quire_bag_plan_inner(task->plan), task->job, first, end, start,
                              &fault) == QUIRE_OK;
}

static void
part_run(void *data, uint64_t i)
{
    batch *b = data;
    batch_cut at = b->cuts[i];
    const batch_cut end = b->cuts[i + 1];
    bool good = true;

    for (; at.task < end.task; at = (batch_cut){.task = at.task + 1})
        good &= piece_run(&b->tasks[at.task], at.bag, b->tasks[at.task].job->n_bags, at.start);
    if (at.bag < end.bag) good &= piece_run(&b->tasks[at.task], at.bag, end.bag, at.start);
    if (!good) atomic_store_explicit(&b->failed, true, memory_order_relaxed);
}

quire_status
quire_bag_run_batch(const quire_bag_task *tasks, uint64_t n_tasks, quire_parallel_fn parallel,
                    void *pool, uint64_t *out_task, quire_bag_fault *out_fault)
{
    batch b; /* kilobytes, and not cleared */

    b.tasks = tasks;
    atomic_init(&b.failed, false);
    const uint64_t n_parts = batch_cut_up(&b, n_tasks);
    if (parallel && n_parts > 1) {
        parallel(pool, n_parts, part_run, &b);
    } else {
        for (uint64_t i = 0; i < n_parts; i++)
            part_run(&b, i);
    }
    if (!atomic_load(&b.failed)) return QUIRE_OK;
    for (*out_task = 0; *out_task < n_tasks; ++*out_task) {
        const quire_bag_task *task = &tasks[*out_task];
        if (quire_bag_check(task->plan, task->job, out_fault) != QUIRE_OK) return QUIRE_E_INVALID;
    }
    return QUIRE_E_INTERNAL;
}
