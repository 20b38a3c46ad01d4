/* bag_run.c - bags over a range: from indices to outputs, with the passes of one instruction set.
 *
 * A bag is done group by group (a row is one group, or its blocks are), a group by passes of as many
 * units as the instruction set has passes for and its width asks for; the row numbers are read once
 * for all passes. A step is some bags whose rows fit the first cache, so that the second pass finds
 * there what the first has read, or as large a part of a long bag.
 */
#include "kernels/bag_run.h"

#include "kernels/bag_bounds.h"
#include "kernels/bag_rows.h"
#include "kernels/fp_env.h"

#include <string.h>

#define MAX_PIECES 24 /* prepared at a time: wider rows prepare anew for each bag */
#define MAX_BAGS   64 /* of a step                                                 */
#define STEP_BYTES 24576
#define STEP_LEAST 32

/* A block of columns: of group `g`, `size` 0 to 5 for 1 to 32 units from unit `unit` on, the last bytes, or
 * the last `columns` where that is not 0. `direct`: all its columns exist and are stored where they
 * belong, `out_at` bytes from the start of the output's row; else they go through scratch. */
typedef struct bag_piece {
    quire_pass_fn fn;
    quire_pass pass;
    uint64_t group;
    uint64_t unit;
    uint64_t out_at;
    uint32_t size;
    uint32_t partial;
    uint32_t columns;
    bool direct;
} bag_piece;

typedef struct bag_run {
    const quire_bag_inner *plan;
    const quire_bag_job *job;
    quire_bag_window *window;
    quire_fetch fetch;   /* without places: pieces have theirs                                */
    uint8_t *out;        /* row of output of the first bag of the step                        */
    size_t step;         /* indices of one step, about                                        */
    float *sums;         /* [MAX_PIECES][QUIRE_PASS_MAX_FLOATS]                               */
    uint8_t *scratch;    /* of QUIRE_PASS_MAX_FLOATS elements of output                       */
    uint64_t next_group; /* where the pieces prepared last end: n_groups when there are no more */
    uint64_t next_unit;
    uint32_t n_pieces;
    bool whole; /* the pieces prepared are all pieces of a row */
    uint32_t n_bags;
    uint64_t start; /* of the step's first bag */
    uint64_t ends[MAX_BAGS];
    quire_pass_bag bags[MAX_BAGS];
    bag_piece pieces[MAX_PIECES];
} bag_run;

static uint64_t
out_size(const quire_bag_inner *p)
{
    return p->out == QUIRE_FLOAT_F32 ? sizeof(float) : sizeof(uint16_t);
}

static uint64_t
group_width(const quire_bag_inner *p, uint64_t g)
{
    const uint64_t left = p->width - g * p->group_columns;

    return left < p->group_columns ? left : p->group_columns;
}

/* Bytes on from an array, which may be NULL if it has no elements. */
static const uint8_t *
bytes_at(const void *array, uint64_t offset)
{
    return (const uint8_t *)((uintptr_t)array + offset);
}

/* Points a pass at the parameters of group `g`. */
static void
pass_set_params(quire_pass *pass, const bag_run *r, uint64_t g)
{
    const quire_rows_layout *l = &r->plan->layout;

    if (r->plan->planar) {
        pass->scales = bytes_at(r->job->scales, g * l->scale_size);
        pass->scale_stride = l->n_groups * l->scale_size;
        pass->zeros = bytes_at(r->job->zero_points, g * l->zero_size);
        pass->zero_stride = l->n_groups * l->zero_size;
    } else {
        pass->scales = bytes_at(r->job->rows, l->scale_at);
        pass->zeros = bytes_at(r->job->rows, l->scale_at + l->scale_size);
        pass->scale_stride = pass->zero_stride = pass->code_stride;
    }
}

static void
pass_make(bag_run *r, bag_piece *piece)
{
    const quire_bag_inner *p = r->plan;
    const uint32_t unit_bytes = quire_pass_unit_bytes(p->kind);
    const uint64_t before = piece->group * p->layout.group_bytes + piece->unit * unit_bytes;
    quire_pass *pass = &piece->pass;

    pass->codes = bytes_at(r->job->rows, p->layout.payload_at + before);
    pass->code_stride = quire_bag_row_stride(p) > 1 ? 1 : p->layout.stride;
    pass->sums = r->sums + (piece - r->pieces) * QUIRE_PASS_MAX_FLOATS;
    pass->plane = piece->direct ? p->layout.group_bytes : (size_t)QUIRE_PASS_LANES << piece->size;
    pass->scale = p->scale;
    pass->value = p->value;
    pass->out_type = p->out;
    pass->n_units = 1u << piece->size;
    pass->partial = piece->partial;
    pass->columns = piece->columns;
    pass->before = before < 255 ? (uint32_t)before : 255;
    pass->zero_is_float = p->zero_is_float;
    pass->out_stride = p->out_stride;
    pass->fetch = r->fetch;
    pass_set_params(pass, r, piece->group);
    quire_fetch_point(pass, p, quire_pass_bytes(pass, p->kind));
}

/* Feeds `n_bags` whole bags, or a part of one, from entry `at` of the window on. */
static inline void
piece_feed(const bag_run *r, bag_piece *piece, const quire_pass_bag *bags, size_t n_bags, size_t at)
{
    const quire_bag_window *w = r->window;
    quire_pass *pass = &piece->pass;
    const size_t distance = r->fetch.distance;

    pass->bags = bags;
    pass->n_bags = n_bags;
    pass->rows = w->view + at;
    pass->weights = w->weighted ? w->weights + at : NULL;
    pass->n_fetch = distance > 0 && w->tail - at > distance ? w->tail - at - distance : 0;
    piece->fn(pass);
}

/* From scratch, where planes are `lanes` apart, the columns that exist. */
static void
piece_store(const bag_run *r, const bag_piece *piece, uint8_t *out)
{
    const quire_bag_inner *p = r->plan;
    const uint32_t planes = quire_pass_planes(p->kind);
    const uint64_t size = out_size(p);
    const uint64_t width = group_width(p, piece->group);
    const uint64_t column = piece->group * p->group_columns;
    const uint64_t lanes = piece->pass.plane;
    const uint64_t in_plane = piece->partial ? piece->partial : lanes;

    if (!p->planar) {
        const uint64_t from = piece->unit * QUIRE_PASS_LANES * planes;
        const uint64_t n = in_plane * planes;
        memcpy(out + from * size, r->scratch, (n < width - from ? n : width - from) * size);
        return;
    }
    for (uint32_t c = 0; c < planes; c++) {
        const uint64_t from = c * p->layout.group_bytes + piece->unit * QUIRE_PASS_LANES;
        if (from >= width) break;
        const uint64_t n = in_plane < width - from ? in_plane : width - from;
        memcpy(out + (column + from) * size, r->scratch + c * lanes * size, n * size);
    }
}

/* All bags of the step. */
static inline void
piece_run(const bag_run *r, bag_piece *piece)
{
    size_t at = r->window->head;

    piece->pass.first = piece->pass.last = true;
    if (piece->direct) {
        piece->pass.out = r->out + piece->out_at;
        piece_feed(r, piece, r->bags, r->n_bags, at);
        return;
    }
    piece->pass.out = r->scratch;
    for (uint32_t b = 0; b < r->n_bags; at += r->bags[b++].n) {
        piece_feed(r, piece, &r->bags[b], 1, at);
        piece_store(r, piece, r->out + b * r->plan->out_stride);
    }
}

static uint32_t
log2_floor(uint64_t n)
{
    return 63u - (uint32_t)__builtin_clzll(n);
}

/* Units whose columns all exist, in every plane. */
static uint64_t
whole_units(const quire_bag_inner *p, uint64_t width)
{
    const uint64_t planes = quire_pass_planes(p->kind);

    if (!p->planar) return width / (QUIRE_PASS_LANES * planes);
    const uint64_t before = (planes - 1) * p->layout.group_bytes;
    return width > before ? (width - before) / QUIRE_PASS_LANES : 0;
}

/* Bytes of codes, or elements, that hold columns of the group. */
static uint64_t
used_lanes(const quire_bag_inner *p, uint64_t width)
{
    const uint32_t planes = quire_pass_planes(p->kind);
    const uint64_t packed = p->planar ? p->layout.group_bytes : (width + planes - 1) / planes;

    return packed < width ? packed : width;
}

static uint64_t
group_count(const quire_bag_inner *p)
{
    return p->layout.n_groups > 1 ? p->layout.n_groups : 1;
}

/* Columns from `unit` to the end of the row that one pass takes, though there is none for just so many
 * units; else 0. */
static uint32_t
any_columns(const quire_bag_inner *p, const quire_pass_fn *fns, uint64_t width, uint64_t unit)
{
    const uint64_t lanes = QUIRE_PASS_LANES * (uint64_t)quire_pass_planes(p->kind);
    const uint64_t left = width - unit * lanes;
    const uint64_t units = left / lanes;

    if (!fns[QUIRE_PASS_ANY] || left > lanes / QUIRE_PASS_LANES * QUIRE_PASS_ANY_BYTES) return 0;
    if (left % lanes == 0 && (units & (units - 1)) == 0 && fns[log2_floor(units)]) return 0;
    return (uint32_t)left;
}

/* The units at the piece's place that there is a pass for, of `whole` that exist and `units` in all. */
static void
piece_fit(const bag_run *r, bag_piece *piece, const quire_pass_fn *fns, uint64_t whole,
          uint64_t units)
{
    const bool widest = r->fetch.large || !r->plan->table->widest_in_memory;
    const uint32_t most = widest ? QUIRE_PASS_WIDEST : QUIRE_PASS_WIDEST - 1;
    const bool exists = piece->unit < whole;
    const uint32_t fits = log2_floor((exists ? whole : units) - piece->unit);

    piece->size = fits < most ? fits : most;
    while (!fns[piece->size])
        piece->size--;
    piece->direct = exists;
}

/* The piece at (next_group, next_unit): those that store in place first, a partial one last. */
static void
piece_make(bag_run *r, bag_piece *piece)
{
    const quire_bag_inner *p = r->plan;
    const uint32_t planes = quire_pass_planes(p->kind);
    const quire_pass_fn *fns = p->table->pass[p->kind][p->pass_mode];
    const uint64_t width = group_width(p, r->next_group);
    const uint64_t used = used_lanes(p, width);
    const uint64_t units = used / QUIRE_PASS_LANES;

    piece->group = r->next_group;
    piece->unit = r->next_unit;
    piece->size = piece->partial = 0;
    piece->direct = false;
    piece->columns = any_columns(p, fns, width, piece->unit);
    if (piece->columns > 0) {
        piece->direct = true;
    } else if (piece->unit < units) {
        piece_fit(r, piece, fns, whole_units(p, width), units);
    } else {
        piece->partial = used % QUIRE_PASS_LANES;
    }
    piece->out_at = out_size(p) * (piece->group * p->group_columns +
                                   piece->unit * QUIRE_PASS_LANES * (p->planar ? 1 : planes));
    piece->fn = fns[piece->columns   ? QUIRE_PASS_ANY
                    : piece->partial ? QUIRE_PASS_PARTIAL
                                     : piece->size];
    r->next_unit += 1u << piece->size;
    if (piece->columns > 0 || r->next_unit * QUIRE_PASS_LANES >= used) {
        r->next_unit = 0;
        r->next_group++;
    }
    pass_make(r, piece);
}

/* As many of the pieces that follow as there is room for; false if there are none. */
static bool
pieces_make(bag_run *r)
{
    const uint64_t n_groups = group_count(r->plan);

    r->n_pieces = 0;
    while (r->n_pieces < MAX_PIECES && r->next_group < n_groups)
        piece_make(r, &r->pieces[r->n_pieces++]);
    return r->n_pieces > 0;
}

/* Rows that count for the mean of a bag; 0 for other modes. */
static uint64_t
count_rows(const bag_run *r, uint64_t start, uint64_t end)
{
    uint64_t n = end - start;

    if (r->plan->mode != QUIRE_BAG_MEAN) return 0;
    if (!r->plan->padding) return n;
    for (uint64_t i = start; i < end; i++) {
        int64_t index = quire_bag_index_at(r->plan, r->job, i);
        if (r->plan->wrap && index < 0) index += (int64_t)r->job->n_rows;
        if (index == r->window->padding_index) n--;
    }
    return n;
}

/* Of what is left of each bag when indices are skipped, and how many rows make a mean. */
static void
bags_count(bag_run *r)
{
    quire_bag_window *w = r->window;
    const size_t head = w->head;
    uint64_t start = r->start;

    for (uint32_t b = 0; b < r->n_bags; b++) {
        r->bags[b].n = quire_bag_window_count(w, r->ends[b]);
        r->bags[b].divisor = (float)count_rows(r, start, r->ends[b]);
        start = r->ends[b];
        w->head += r->bags[b].n;
    }
    w->head = head;
}

/* The step's bags, which are in the window. */
static void
bags_run(bag_run *r)
{
    quire_bag_window *w = r->window;

    if (w->skips || r->plan->mode == QUIRE_BAG_MEAN) bags_count(r);
    if (!r->whole) r->next_group = r->next_unit = 0;
    while (r->whole || pieces_make(r)) {
        for (uint32_t k = 0; k < r->n_pieces; k++)
            piece_run(r, &r->pieces[k]);
        if (r->whole) break;
    }
    w->head += quire_bag_window_count(w, r->ends[r->n_bags - 1]);
}

/* The pieces there are over the step's only bag, part by part. False at a bad index, with nothing
 * stored. Parts whose indices are all skipped are fed only to end the bag: the first row is what a
 * maximum starts with. */
static bool
long_bag_feed(bag_run *r, float divisor)
{
    quire_bag_window *w = r->window;
    const uint64_t end = r->ends[0];
    bool first = true;

    for (uint64_t at = r->start; at < end;) {
        const uint64_t until = end - at < r->step ? end : at + r->step;
        quire_bag_window_cover(w, until, r->fetch.distance);
        if (w->next < until) return false;
        at = until;
        const quire_pass_bag part = {.n = quire_bag_window_count(w, until), .divisor = divisor};
        if (at < end && part.n == 0) continue;
        for (uint32_t k = 0; k < r->n_pieces; k++) {
            bag_piece *piece = &r->pieces[k];
            piece->pass.first = first;
            piece->pass.last = at == end;
            piece->pass.out = piece->direct ? r->out + piece->out_at : r->scratch;
            piece_feed(r, piece, &part, 1, w->head);
            if (at == end && !piece->direct) piece_store(r, piece, r->out);
        }
        w->head += part.n;
        first = false;
    }
    return true;
}

static bool
long_bag_run(bag_run *r)
{
    const float divisor = (float)count_rows(r, r->start, r->ends[0]);

    if (r->whole) return long_bag_feed(r, divisor);
    r->next_group = r->next_unit = 0;
    while (pieces_make(r)) {
        quire_bag_window_seek(r->window, r->start);
        if (!long_bag_feed(r, divisor)) return false;
    }
    return true;
}

/* Runs the step up to the first bad index. */
static bool
step_run(bag_run *r)
{
    quire_bag_window *w = r->window;
    const uint64_t end = r->ends[r->n_bags - 1];

    if (end - r->start > 2 * r->step) return long_bag_run(r);
    quire_bag_window_cover(w, end, r->fetch.distance);
    if (w->next >= end) {
        bags_run(r);
        return true;
    }
    while (r->n_bags > 0 && r->ends[r->n_bags - 1] > w->next)
        r->n_bags--;
    if (r->n_bags > 0) bags_run(r);
    return false;
}

/* The first rows have nobody before them to ask for them. */
static void
fetch_first(bag_run *r, uint64_t start)
{
    quire_bag_window *w = r->window;

    quire_bag_window_seek(w, start);
    if (r->fetch.distance == 0 || start > r->job->n_indices) return;
    quire_bag_window_cover(w, start, r->fetch.distance);
    for (uint32_t k = 0; k < r->n_pieces; k++) {
        const quire_pass *pass = &r->pieces[k].pass;
        const size_t bytes = quire_pass_bytes(pass, r->plan->kind);
        for (size_t i = 0; i < w->tail - w->head && i < r->fetch.distance; i++)
            quire_fetch_any(pass, r->plan->planar, bytes, w->view[w->head + i]);
    }
}

/* Where the bag after one that ends at `end` ends, by what is said at `i`; anything if it is
 * wrong. */
static inline uint64_t
next_end(quire_bag_form form, const int32_t *narrow, const int64_t *wide, uint64_t fixed,
         uint64_t end, uint64_t i)
{
    if (form == QUIRE_BAG_FIXED) return end + fixed;
    if (form == QUIRE_BAG_LENGTHS) return end + (uint64_t)(narrow ? narrow[i] : wide[i]);
    return (uint64_t)(narrow ? narrow[i + 1] : wide[i + 1]);
}

/* Takes the bags that follow, in the few instructions it takes while nothing is wrong: up to bag
 * `stop`, which is not the last one. */
static inline void
bags_take(bag_run *r, quire_bag_bounds *bounds, uint64_t stop, quire_bag_form form,
          const int32_t *narrow, const int64_t *wide)
{
    const uint64_t limit = r->job->n_indices;
    const uint64_t fixed = r->plan->fixed;
    const uint64_t full = r->start + r->step;
    const uint64_t left = stop > bounds->bag ? stop - bounds->bag : 0;
    const uint32_t space = MAX_BAGS - r->n_bags;
    const uint32_t most = r->n_bags + (left < space ? (uint32_t)left : space);
    uint64_t bag = bounds->bag;
    uint64_t end = bounds->end;
    uint32_t n = r->n_bags;

    for (; n < most && end < full; bag++) {
        const uint64_t next = next_end(form, narrow, wide, fixed, end, bag);
        if (next - end > limit - end) break;
        r->bags[n].n = next - end;
        r->ends[n++] = end = next;
    }
    r->n_bags = n;
    bounds->bag = bag;
    bounds->end = end;
}

static void
bags_take_form(bag_run *r, quire_bag_bounds *bounds, uint64_t stop)
{
    const bool is_narrow = r->plan->offset == QUIRE_BAG_I32;
    const int32_t *narrow = r->job->offsets;
    const int64_t *wide = r->job->offsets;

    switch (r->plan->form) {
    case QUIRE_BAG_OFFSETS:
    case QUIRE_BAG_OFFSETS_LAST:
        if (is_narrow) bags_take(r, bounds, stop, QUIRE_BAG_OFFSETS, narrow, NULL);
        if (!is_narrow) bags_take(r, bounds, stop, QUIRE_BAG_OFFSETS, NULL, wide);
        break;
    case QUIRE_BAG_LENGTHS:
        if (is_narrow) bags_take(r, bounds, stop, QUIRE_BAG_LENGTHS, narrow, NULL);
        if (!is_narrow) bags_take(r, bounds, stop, QUIRE_BAG_LENGTHS, NULL, wide);
        break;
    case QUIRE_BAG_FIXED: bags_take(r, bounds, stop, QUIRE_BAG_FIXED, NULL, NULL); break;
    }
}

/* Takes bags until the step is full; only the last of them may be longer than that. */
static bool
step_gather(bag_run *r, quire_bag_bounds *bounds, uint64_t end, quire_bag_fault *out_fault)
{
    const uint64_t stop = end < r->job->n_bags ? end : r->job->n_bags - 1;

    r->n_bags = 0;
    while (bounds->bag < end && r->n_bags < MAX_BAGS) {
        if (!quire_bag_bounds_next(bounds, out_fault)) return false;
        if (r->n_bags == 0) r->start = bounds->start;
        r->bags[r->n_bags].n = bounds->end - bounds->start;
        r->ends[r->n_bags++] = bounds->end;
        if (bounds->end - r->start >= r->step) break;
        bags_take_form(r, bounds, stop);
        if (bounds->end - r->start >= r->step) break;
    }
    return true;
}

static quire_status
range_run(bag_run *r, uint64_t first, uint64_t end, uint64_t start, quire_bag_fault *out_fault)
{
    quire_bag_bounds bounds;
    quire_bag_fault later; /* faults of bags come behind those of indices before them */
    bool good = true;

    quire_bag_bounds_start(&bounds, r->plan, r->job, first, start);
    r->out = (uint8_t *)r->job->out + first * r->plan->out_stride;
    for (bool begun = false; good && bounds.bag < end; begun = true) {
        good = step_gather(r, &bounds, end, &later);
        uint32_t left = r->n_bags;
        if (!begun && left > 0) fetch_first(r, r->start);
        while (left > 0) {
            /* Only the last bag may be longer than a step. */
            const uint32_t all = left;
            r->n_bags = all > 1 && r->ends[all - 1] - r->start > 2 * r->step ? all - 1 : all;
            const uint32_t n = r->n_bags;
            const uint64_t next = r->ends[n - 1];
            if (!step_run(r)) {
                *out_fault = quire_bag_window_fault(r->window);
                return QUIRE_E_INVALID;
            }
            left -= n;
            r->out += n * r->plan->out_stride;
            r->start = next;
            if (left > 0) r->ends[0] = r->ends[n];
            if (left > 0) r->bags[0] = r->bags[n];
        }
    }
    if (good) return QUIRE_OK;
    *out_fault = later;
    return QUIRE_E_INVALID;
}

/* Rows of a step: what several passes read stays in the first cache between them. */
static size_t
step_size(const bag_run *r)
{
    const uint64_t fits = STEP_BYTES / r->plan->layout.row_bytes;

    if (r->n_pieces == 1 || fits > QUIRE_BAG_CHUNK / 2) return QUIRE_BAG_CHUNK / 2;
    return fits < STEP_LEAST ? STEP_LEAST : (size_t)fits;
}

quire_status
quire_bag_run_from(const quire_bag_inner *plan, const quire_bag_job *job, uint64_t first,
                   uint64_t end, uint64_t start, quire_bag_fault *out_fault)
{
    _Alignas(32) float sums[MAX_PIECES * QUIRE_PASS_MAX_FLOATS];
    uint8_t scratch[QUIRE_PASS_MAX_FLOATS * sizeof(float)];
    quire_bag_window window; /* these are kilobytes, and not cleared */
    bag_run r;
    quire_fp_env saved;

    if (!quire_bag_bounds_check(plan, job, out_fault)) return QUIRE_E_INVALID;
    r.plan = plan;
    r.job = job;
    r.window = &window;
    r.sums = sums;
    r.scratch = scratch;
    r.fetch = quire_fetch_plan(r.plan, job);
    r.next_group = r.next_unit = 0;
    pieces_make(&r);
    r.whole = r.next_group == group_count(r.plan);
    r.step = step_size(&r);
    for (uint32_t b = 0; b < MAX_BAGS; b++)
        r.bags[b].divisor = 0;
    quire_bag_window_start(&window, r.plan, job, 0);
    quire_fp_enter(&saved);
    const quire_status status = range_run(&r, first, end, start, out_fault);
    quire_fp_leave(&saved);
    return status;
}

quire_status
quire_bag_run(const quire_bag_plan *plan, const quire_bag_job *job, uint64_t first, uint64_t end,
              quire_bag_fault *out_fault)
{
    const quire_bag_inner *p = quire_bag_plan_inner(plan);
    uint64_t start;

    if (first > end || end > job->n_bags) return QUIRE_E_USAGE;
    if (!quire_bag_bounds_find(p, job, first, &start, out_fault)) return QUIRE_E_INVALID;
    return quire_bag_run_from(p, job, first, end, start, out_fault);
}
