/* bag_question.c - see bag_question.h. */
#include "support/bag_question.h"

#include "support/fenced.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#define UNTOUCHED 0xa5

/* --- the literal answer --- */

static bool
is_padded(const bag_question *q)
{
    return q->skip >= BAG_SKIP_PADDING;
}

static bool
is_pruned(const bag_question *q)
{
    return q->skip == BAG_SKIP_PRUNED || q->skip == BAG_SKIP_PADDING_PRUNED;
}

static bool
is_wrapped(const bag_question *q)
{
    return q->skip == BAG_SKIP_WRAP || q->skip == BAG_SKIP_PADDING_WRAP;
}

static bool
is_weighted(const bag_question *q)
{
    return q->kind >= BAG_SUM_F32 && q->kind <= BAG_SUM_BF16;
}

static quire_float_type
weight_type(const bag_question *q)
{
    return q->kind == BAG_SUM_F16    ? QUIRE_FLOAT_F16
           : q->kind == BAG_SUM_BF16 ? QUIRE_FLOAT_BF16
                                     : QUIRE_FLOAT_F32;
}

static int64_t
n_rows_of(const bag_question *q)
{
    return (int64_t)q->table->n_rows;
}

/* Whether index `i` takes part, with which row. */
static bool
takes_part(const bag_question *q, uint64_t i, uint64_t *out_row)
{
    int64_t id = q->ids[i];
    const int64_t padding = q->padding < 0 ? q->padding + n_rows_of(q) : q->padding;

    if (is_wrapped(q) && id < 0) id += n_rows_of(q);
    *out_row = (uint64_t)id;
    if (is_pruned(q) && id == -1) return false;
    return !is_padded(q) || id != padding;
}

typedef struct tally {
    float sum, bias, best;
    uint64_t n_taken, n_counted;
} tally;

static void
tally_take(tally *s, const bag_question *q, const bag_element *e, float w)
{
    const quire_rows *rows = &q->table->rows;
    float v = e->q;

    if (rows->storage == QUIRE_ROWS_FUSED) {
        s->sum = fmaf(is_weighted(q) ? w * e->scale : e->scale, e->q, s->sum);
        s->bias += is_weighted(q) ? w * e->zero : e->zero;
        v = fmaf(e->scale, e->q, e->zero);
    } else {
        if (rows->storage == QUIRE_ROWS_SPLIT) {
            v = bag_float_rounded((e->q - e->zero) * e->scale, rows->value);
        }
        s->sum += is_weighted(q) ? w * v : v;
    }
    if (s->n_taken++ == 0 || v > s->best) s->best = v;
}

static float
answer_of(const bag_question *q, const tally *s)
{
    if (s->n_taken == 0) return 0;
    if (q->kind >= BAG_MAX) return s->best;
    const float sum = q->table->rows.storage == QUIRE_ROWS_FUSED ? s->sum + s->bias : s->sum;
    return q->kind == BAG_MEAN ? sum / (float)s->n_counted : sum;
}

static void
bag_answer(bag_question *q, uint64_t bag)
{
    static tally tallies[BAG_TABLE_MAX_WIDTH];
    const uint64_t width = q->table->rows.width;
    uint64_t row;

    memset(tallies, 0, width * sizeof *tallies);
    for (uint64_t i = q->starts[bag]; i < q->starts[bag + 1]; i++) {
        const bool taken = takes_part(q, i, &row);
        const bool counted = taken || (is_pruned(q) && q->ids[i] == -1);
        for (uint64_t j = 0; j < width; j++) {
            tallies[j].n_counted += counted;
            if (taken) {
                tally_take(&tallies[j], q, &q->table->elements[row * width + j], q->weights[i]);
            }
        }
    }
    for (uint64_t j = 0; j < width; j++) {
        const float answer = answer_of(q, &tallies[j]);
        q->answer[bag * width + j] = answer;
        bag_float_put(&q->rounded[0][bag * width + j], QUIRE_FLOAT_F16, answer);
        bag_float_put(&q->rounded[1][bag * width + j], QUIRE_FLOAT_BF16, answer);
    }
}

/* --- questions --- */

static uint64_t
length_draw(const bag_question *q, bag_size size, uint64_t bag, random_state *r)
{
    if (q->is_fixed) return q->fixed;
    if (random_below(r, 5) == 0) return 0;
    if (size == BAG_LONG && bag == 1) return 1000 + random_below(r, 300);
    return random_below(r, size == BAG_MIDDLE ? 190 : 12);
}

static int64_t
id_draw(const bag_question *q, bool skipped, random_state *r)
{
    const int64_t id = (int64_t)random_below(r, q->table->n_rows);

    if (is_padded(q) && (skipped || random_below(r, 4) == 0)) {
        const int64_t row = q->padding < 0 ? q->padding + n_rows_of(q) : q->padding;
        if (!is_pruned(q) || random_below(r, 2)) {
            return is_wrapped(q) && random_below(r, 2) ? row - n_rows_of(q) : row;
        }
    }
    if (is_pruned(q) && (skipped || random_below(r, 3) == 0)) return -1;
    if (is_wrapped(q) && random_below(r, 2)) return id - n_rows_of(q);
    return random_below(r, 8) ? id : n_rows_of(q) - 1;
}

static float
weight_draw(const bag_question *q, random_state *r)
{
    static const float ends[] = {0x1p-149f, 0x1.8p-140f, -0x1p-126f, 0x1.fp-120f, 0x1p120f, -0.0f};

    if (!q->table->special || random_below(r, 4)) return random_float(r);
    return ends[random_below(r, sizeof ends / sizeof *ends)] * (1 + random_float(r) / 4096);
}

/* Now and then a bag begins with many indices that are skipped. */
static void
bag_draw(bag_question *q, uint64_t bag, random_state *r)
{
    const uint64_t n = q->starts[bag + 1] - q->starts[bag];
    const uint64_t skipped = random_below(r, 4) ? 0 : random_below(r, n + 1);

    for (uint64_t k = 0; k < n; k++) {
        const uint64_t i = q->starts[bag] + k;
        q->ids[i] = id_draw(q, k < skipped, r);
        q->weights[i] = bag_float_rounded(weight_draw(q, r), weight_type(q));
    }
}

static void
start(bag_question *q, const bag_table *t, bag_kind kind, bag_skip skip, random_state *r)
{
    q->table = t;
    q->kind = kind;
    q->skip = skip;
    q->padding = 0;
    if (is_padded(q)) q->padding = (int64_t)random_below(r, 2 * t->n_rows) - n_rows_of(q);
}

void
bag_question_draw(bag_question *q, const bag_table *t, bag_kind kind, bag_skip skip, bool is_fixed,
                  bag_size size, random_state *r)
{
    const uint64_t few = t->rows.width <= 64 && size != BAG_LONG ? 40 : 8;

    start(q, t, kind, skip, r);
    q->is_fixed = is_fixed || kind == BAG_LOOKUP;
    q->fixed = kind == BAG_LOOKUP ? 1 : random_below(r, 6);
    q->n_bags = 1 + random_below(r, few);
    for (uint64_t b = 0; b < q->n_bags; b++) {
        q->starts[b + 1] = q->starts[b] + length_draw(q, size, b, r);
        bag_draw(q, b, r);
        bag_answer(q, b);
    }
}

void
bag_question_draw_even(bag_question *q, const bag_table *t, bag_kind kind, bag_skip skip,
                       uint64_t n_bags, uint64_t average, random_state *r)
{
    start(q, t, kind, skip, r);
    q->is_fixed = kind == BAG_LOOKUP;
    q->fixed = 1;
    q->n_bags = n_bags;
    for (uint64_t b = 0; b < q->n_bags; b++) {
        q->starts[b + 1] = q->starts[b] + (q->is_fixed ? 1 : 1 + random_below(r, 2 * average + 1));
        bag_draw(q, b, r);
        bag_answer(q, b);
    }
}

/* --- asking --- */

static quire_bag_options
options_of(const bag_question *q, const bag_way *way)
{
    static const quire_bag_mode modes[BAG_KINDS] = {
        QUIRE_BAG_SUM,  QUIRE_BAG_SUM, QUIRE_BAG_SUM,    QUIRE_BAG_SUM,
        QUIRE_BAG_MEAN, QUIRE_BAG_MAX, QUIRE_BAG_LOOKUP,
    };
    const uint64_t row = q->table->rows.width * bag_float_size(way->out);

    return (quire_bag_options){
        .size = sizeof(quire_bag_options),
        .mode = modes[q->kind],
        .index = way->index,
        .offset = way->offset,
        .form = way->form,
        .weights = is_weighted(q) ? (quire_bag_weights)(q->kind - BAG_SUM) : QUIRE_BAG_WEIGHTS_NONE,
        .wrap = is_wrapped(q),
        .pruned = is_pruned(q),
        .padding = is_padded(q),
        .out = way->out,
        .isa = way->isa,
        .padding_index = q->padding,
        .fixed = q->is_fixed ? q->fixed : 0,
        .out_stride = way->gap ? row + 3 * bag_float_size(way->out) : 0,
    };
}

/* Arrays of a job, each in memory of its own. */
typedef struct asking {
    quire_bag_job job;
    uint64_t out_stride;
    uint64_t out_size;
} asking;

static void
integers_put(void *at, const int64_t *values, uint64_t n, quire_bag_index type)
{
    for (uint64_t i = 0; i < n; i++) {
        if (type == QUIRE_BAG_I32) {
            ((int32_t *)at)[i] = (int32_t)values[i];
        } else {
            ((int64_t *)at)[i] = values[i];
        }
    }
}

static void *
indices_put(const bag_question *q, const bag_way *way, const fenced *memory, fenced_place place)
{
    const uint64_t n = q->starts[q->n_bags];
    void *at = fenced_put(memory, n * (way->index == QUIRE_BAG_I32 ? 4 : 8), place);

    integers_put(at, q->ids, n, way->index);
    return at;
}

static void *
offsets_put(const bag_question *q, const bag_way *way, const fenced *memory, fenced_place place)
{
    const uint64_t n = q->n_bags + (way->form == QUIRE_BAG_OFFSETS_LAST);
    int64_t values[BAG_MAX_BAGS + 1];

    if (way->form == QUIRE_BAG_FIXED) return NULL;
    for (uint64_t b = 0; b < n; b++) {
        values[b] = (int64_t)q->starts[b];
        if (way->form == QUIRE_BAG_LENGTHS) values[b] = (int64_t)(q->starts[b + 1] - q->starts[b]);
    }
    void *at = fenced_put(memory, n * (way->offset == QUIRE_BAG_I32 ? 4 : 8), place);
    integers_put(at, values, n, way->offset);
    return at;
}

static void *
weights_put(const bag_question *q, const fenced *memory, fenced_place place)
{
    const uint64_t n = q->starts[q->n_bags];
    const uint64_t size = bag_float_size(weight_type(q));

    if (!is_weighted(q)) return NULL;
    uint8_t *at = fenced_put(memory, n * size, place);
    for (uint64_t i = 0; i < n; i++)
        bag_float_put(at + i * size, weight_type(q), q->weights[i]);
    return at;
}

static asking
asking_make(const bag_question *q, const bag_way *way, random_state *r)
{
    static fenced memory[4];
    const fenced_place place = (fenced_place)random_below(r, FENCED_ODD);
    const bag_table *t = q->table;
    const uint64_t row = t->rows.width * bag_float_size(way->out);
    asking a = {.out_stride = way->gap ? row + 3 * bag_float_size(way->out) : row};

    for (int k = 0; k < 4 && !memory[k].first; k++)
        memory[k] = fenced_make((BAG_MAX_ANSWER + 3 * BAG_MAX_BAGS + 2 * BAG_MAX_IDS) * 4);
    a.out_size = (q->n_bags - 1) * a.out_stride + row;
    a.job = (quire_bag_job){
        .rows = t->codes,
        .scales = t->scales,
        .zero_points = t->zeros,
        .n_rows = t->n_rows,
        .indices = indices_put(q, way, &memory[0], place),
        .n_indices = q->starts[q->n_bags],
        .offsets = offsets_put(q, way, &memory[1], place),
        .n_bags = q->n_bags,
        .weights = weights_put(q, &memory[2], place),
        .out = fenced_put(&memory[3], a.out_size, place),
    };
    return a;
}

/* --- the floating-point environment --- */

/* Sets some other rounding mode and, where there is such a thing, flushing to zero. */
static void
environment_spoil(random_state *r)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};

    fesetround(modes[random_below(r, 4)]);
#if defined(__x86_64__)
    if (random_below(r, 2)) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

static uint32_t
environment_get(void)
{
    uint32_t is = (uint32_t)fegetround();
#if defined(__x86_64__)
    is |= _mm_getcsr() & 0xffc0;
#endif
    return is;
}

/* --- running --- */

/* From the last part to the first. */
static void
backwards(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    (void)pool;
    while (n-- > 0)
        work(data, n);
}

static quire_status
run(const quire_bag_plan *plan, const asking *a, random_state *r)
{
    const uint64_t n = a->job.n_bags;
    const uint64_t cut = random_below(r, n + 1);
    const quire_bag_task task = {plan, &a->job};
    quire_bag_fault fault;
    uint64_t k;

    switch (random_below(r, 4)) {
    case 0: return quire_bag_run_batch(&task, 1, backwards, NULL, &k, &fault);
    case 1: return quire_bag_run(plan, &a->job, 0, n, &fault);
    default: break;
    }
    if (quire_bag_run(plan, &a->job, cut, n, &fault) != QUIRE_OK) return QUIRE_E_INTERNAL;
    return quire_bag_run(plan, &a->job, 0, cut, &fault);
}

static bool
complain(const bag_question *q, const bag_way *way, const char *what, uint64_t bag, uint64_t j)
{
    const quire_rows *rows = &q->table->rows;

    printf(
        "%s: bag %u column %u; isa %s storage %d bits %u block %u scale %d first %u zero %d "
        "value %d width %u stride %u; kind %d skip %d form %d index %d offset %d out %d gap %d\n",
        what, (unsigned)bag, (unsigned)j, quire_isa_name(way->isa), rows->storage, rows->bits,
        rows->block, rows->scale, rows->scale_first, rows->zero_point, rows->value,
        (unsigned)rows->width, (unsigned)rows->stride, q->kind, q->skip, way->form, way->index,
        way->offset, way->out, way->gap);
    return false;
}

static const uint8_t *
answer_get(const bag_question *q, quire_float_type type, uint64_t at)
{
    return type == QUIRE_FLOAT_F32   ? (const uint8_t *)(q->answer + at)
           : type == QUIRE_FLOAT_F16 ? (const uint8_t *)(q->rounded[0] + at)
                                     : (const uint8_t *)(q->rounded[1] + at);
}

/* To the bit, but that of NaN one is as good as another. The column that differs, or the width. */
static uint64_t
row_compare(const uint8_t *got, const uint8_t *want, quire_float_type type, uint64_t width)
{
    const uint64_t size = bag_float_size(type);

    if (memcmp(got, want, width * size) == 0) return width;
    for (uint64_t j = 0; j < width; j++, got += size, want += size) {
        if (memcmp(got, want, size) != 0 &&
            !(isnan(bag_float_get(got, type)) && isnan(bag_float_get(want, type)))) {
            return j;
        }
    }
    return width;
}

static bool
is_answer(const bag_question *q, const bag_way *way, const asking *a)
{
    const uint64_t width = q->table->rows.width;
    const uint64_t size = bag_float_size(way->out);

    for (uint64_t b = 0; b < q->n_bags; b++) {
        const uint8_t *row = (const uint8_t *)a->job.out + b * a->out_stride;
        const uint64_t j = row_compare(row, answer_get(q, way->out, b * width), way->out, width);
        if (j < width) return complain(q, way, "differs", b, j);
        for (uint64_t k = width * size; k < a->out_stride && b + 1 < q->n_bags; k++) {
            if (row[k] != UNTOUCHED) return complain(q, way, "wrote between rows", b, k / size);
        }
    }
    return true;
}

bool
bag_question_check(const bag_question *q, const bag_way *way, random_state *r)
{
    const quire_bag_options options = options_of(q, way);
    const asking a = asking_make(q, way, r);
    quire_bag_plan plan;
    quire_bag_fault fault;
    const char *why;
    fenv_t saved;

    if (quire_bag_plan_init(&plan, &q->table->rows, &options, &why) != QUIRE_OK) {
        return complain(q, way, why, 0, 0);
    }
    if (quire_bag_check(&plan, &a.job, &fault) != QUIRE_OK) {
        return complain(q, way, "the check refuses", fault.position, 0);
    }
    memset(a.job.out, UNTOUCHED, a.out_size);
    fegetenv(&saved);
    if (random_below(r, 8) == 0) environment_spoil(r);
    const uint32_t before = environment_get();
    const quire_status status = run(&plan, &a, r);
    const uint32_t after = environment_get();
    fesetenv(&saved);
    if (before != after) return complain(q, way, "the environment has changed", 0, 0);
    if (status != QUIRE_OK) return complain(q, way, "failed", 0, 0);
    return is_answer(q, way, &a);
}
