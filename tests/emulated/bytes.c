/* bytes.c [ISA [KIND...]] - hashes of what the kernels make of many tables, a line for each kind of
 * them: the same on every processor, on every instruction set and from every compiler.
 *
 * Inputs come from integers alone. A NaN counts as a NaN: its sign and payload are the processor's.
 */
#include "quire/kernels.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS    37
#define N_BAGS    8
#define MAX_IDS   1000
#define MAX_WIDTH 1100

static const struct storage {
    const char *name;
    quire_rows rows;
} storages[] = {
    {"float32", {.storage = QUIRE_ROWS_FLOAT32}},
    {"float16", {.storage = QUIRE_ROWS_FLOAT16}},
    {"bfloat16", {.storage = QUIRE_ROWS_BFLOAT16}},
    {"float8e4m3fn", {.storage = QUIRE_ROWS_FLOAT8E4M3FN}},
    {"float8e5m2", {.storage = QUIRE_ROWS_FLOAT8E5M2}},
#define SPLIT(b, n) .storage = QUIRE_ROWS_SPLIT, .bits = (b), .block = (n)
#define HALF        .scale = QUIRE_FLOAT_F16
#define FLOAT_ZERO  .zero_point = QUIRE_ROWS_ZERO_POINT_F32
    {"split8", {SPLIT(8, 0)}},
    {"split4", {SPLIT(4, 0)}},
    {"split2", {SPLIT(2, 0)}},
    {"split8-float", {SPLIT(8, 0), FLOAT_ZERO}},
    {"split4-float", {SPLIT(4, 0), FLOAT_ZERO, HALF}},
    {"split2-float", {SPLIT(2, 0), FLOAT_ZERO}},
    {"split8-blocks", {SPLIT(8, 64), HALF}},
    {"split4-blocks", {SPLIT(4, 32), HALF}},
    {"split2-blocks", {SPLIT(2, 16), FLOAT_ZERO}},
    {"split8-of-f16", {SPLIT(8, 0), .value = QUIRE_FLOAT_F16}},
    {"split4-of-bf16", {SPLIT(4, 128), .value = QUIRE_FLOAT_BF16}},
    {"split2-of-f16", {SPLIT(2, 256), FLOAT_ZERO, .value = QUIRE_FLOAT_F16}},
#define FUSED(b) .storage = QUIRE_ROWS_FUSED, .bits = (b)
    {"fused8", {FUSED(8)}},
    {"fused8-half", {FUSED(8), HALF}},
    {"fused4", {FUSED(4), HALF}},
    {"fused4-first", {FUSED(4), HALF, .scale_first = 1}},
    {"fused2", {FUSED(2), HALF}},
};

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

/* Of moderate size but now and then; finite. */
static uint32_t
random_float_bits(void)
{
    const uint32_t exponent =
        random_below(16) ? 120 + (uint32_t)random_below(14) : (uint32_t)random_below(255);
    const uint32_t sign = (uint32_t)random_below(2);

    return sign << 31 | exponent << 23 | (uint32_t)random_below(1u << 23);
}

/* Any half of moderate size, or any finite one. */
static uint16_t
random_half(void)
{
    const uint32_t exponent =
        random_below(16) ? 8 + (uint32_t)random_below(12) : (uint32_t)random_below(31);
    const uint32_t sign = (uint32_t)random_below(2);

    return (uint16_t)(sign << 15 | exponent << 10 | random_below(1u << 10));
}

static void
params_fill(uint8_t *at, size_t n, size_t size)
{
    for (size_t k = 0; k < n; k++) {
        const uint32_t bits = random_float_bits();
        const uint16_t half = random_half();
        memcpy(at + k * size, size == 4 ? (const void *)&bits : (const void *)&half, size);
    }
}

static uint64_t hash;

/* FNV-1a, 64 bits. */
static void
hash_bytes(const uint8_t *at, size_t n)
{
    for (size_t k = 0; k < n; k++)
        hash = (hash ^ at[k]) * 0x100000001b3u;
}

static void
hash_floats(uint8_t *at, size_t n, quire_float_type type)
{
    for (size_t k = 0; k < n; k++) {
        uint32_t bits;
        uint16_t half;
        memcpy(&half, at + 2 * k, sizeof half);
        if (type == QUIRE_FLOAT_F32) {
            memcpy(&bits, at + 4 * k, sizeof bits);
            if ((bits & 0x7fffffff) > 0x7f800000) bits = 0x7fc00000;
            hash_bytes((const uint8_t *)&bits, sizeof bits);
        } else {
            const uint16_t infinity = type == QUIRE_FLOAT_F16 ? 0x7c00 : 0x7f80;
            if ((half & 0x7fff) > infinity) half = 0x7fff;
            hash_bytes((const uint8_t *)&half, sizeof half);
        }
    }
}

static void
refused(const char *what)
{
    printf("%s\n", what);
    exit(2);
}

typedef struct world {
    uint8_t codes[N_ROWS * MAX_WIDTH * 4];
    uint8_t scales[N_ROWS * MAX_WIDTH];
    uint8_t zeros[N_ROWS * MAX_WIDTH];
    int64_t ids[MAX_IDS];
    int64_t starts[N_BAGS + 1];
    uint8_t indices[MAX_IDS * 8]; /* ids and starts in the types asked for */
    uint8_t offsets[(N_BAGS + 1) * 8];
    uint8_t weights[MAX_IDS * 4];
    uint8_t out[N_ROWS * MAX_WIDTH * 4];
} world;
static world w;

static void
table_draw(const quire_rows *rows, const quire_rows_layout *l)
{
    for (size_t k = 0; k < N_ROWS * l->stride; k++)
        w.codes[k] = (uint8_t)random_below(256);
    if (rows->storage == QUIRE_ROWS_FLOAT32) params_fill(w.codes, N_ROWS * rows->width, 4);
    if (rows->storage == QUIRE_ROWS_FLOAT16) params_fill(w.codes, N_ROWS * rows->width, 2);
    if (rows->storage == QUIRE_ROWS_SPLIT) {
        params_fill(w.scales, N_ROWS * l->n_groups, l->scale_size);
        params_fill(w.zeros, N_ROWS * l->n_groups, 4);
        for (size_t k = 0; l->zero_size == 1 && k < N_ROWS * l->n_groups; k++)
            w.zeros[k] = (uint8_t)random_below(1u << rows->bits);
    }
    for (size_t k = 0; rows->storage == QUIRE_ROWS_FUSED && k < N_ROWS; k++)
        params_fill(w.codes + k * l->stride + l->scale_at, 2, l->scale_size);
}

/* Bags of `fixed` ids each; or short ones, one of them empty; or a long one among shorter ones. */
static void
starts_draw(const quire_bag_options *o)
{
    const bool is_long = random_below(24) == 0;

    for (uint64_t b = 0; b < N_BAGS; b++) {
        const uint64_t drawn = random_below(is_long ? 3 : 24);
        const uint64_t n = o->form == QUIRE_BAG_FIXED ? o->fixed
                           : is_long && b == 2        ? 700
                           : b == 5                   ? 0
                                                      : drawn;
        w.starts[b + 1] = w.starts[b] + (int64_t)n;
    }
}

/* Rows, and what the options give another meaning. */
static void
ids_draw(const quire_bag_options *o, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t special = random_below(4);
        w.ids[i] = (int64_t)random_below(N_ROWS);
        if (special == 0 && o->padding) w.ids[i] = o->padding_index + (o->wrap ? 0 : N_ROWS);
        if (special == 1 && o->wrap) w.ids[i] -= N_ROWS;
        if (special == 1 && o->pruned) w.ids[i] = -1;
    }
}

static void
integers_put(uint8_t *at, const int64_t *values, uint64_t n, quire_bag_index type)
{
    for (uint64_t i = 0; i < n; i++) {
        const int32_t narrow = (int32_t)values[i];
        if (type == QUIRE_BAG_I32) memcpy(at + 4 * i, &narrow, sizeof narrow);
        if (type == QUIRE_BAG_I64) memcpy(at + 8 * i, &values[i], sizeof values[i]);
    }
}

/* What the form makes of the starts. */
static void
offsets_put(const quire_bag_options *o)
{
    int64_t lengths[N_BAGS];

    for (uint64_t b = 0; b < N_BAGS; b++)
        lengths[b] = w.starts[b + 1] - w.starts[b];
    if (o->form == QUIRE_BAG_LENGTHS) {
        integers_put(w.offsets, lengths, N_BAGS, o->offset);
    } else {
        integers_put(w.offsets, w.starts, N_BAGS + 1, o->offset);
    }
}

static void
weights_draw(quire_bag_weights type, uint64_t n)
{
    for (uint64_t i = 0; i < n && type != QUIRE_BAG_WEIGHTS_NONE; i++) {
        const uint32_t bits = random_float_bits();
        const uint16_t half =
            type == QUIRE_BAG_WEIGHTS_F16 ? random_half() : (uint16_t)(bits >> 16);
        if (type == QUIRE_BAG_WEIGHTS_F32) memcpy(w.weights + 4 * i, &bits, sizeof bits);
        if (type != QUIRE_BAG_WEIGHTS_F32) memcpy(w.weights + 2 * i, &half, sizeof half);
    }
}

/* Everything but the mode and the weights: types, form, and what is skipped. */
static quire_bag_options
options_draw(quire_bag_mode mode, quire_bag_weights weights)
{
    const bool lookup = mode == QUIRE_BAG_LOOKUP;
    const uint64_t skip = random_below(lookup ? 3 : 6);
    quire_bag_options o = {.size = sizeof o, .mode = mode, .weights = weights};

    o.index = (quire_bag_index)random_below(2);
    o.offset = (quire_bag_index)random_below(2);
    o.out = (quire_float_type)random_below(3);
    o.form = lookup ? QUIRE_BAG_FIXED : (quire_bag_form)random_below(4);
    if (o.form == QUIRE_BAG_FIXED) o.fixed = lookup ? 1 : random_below(24);
    o.wrap = skip % 3 == 1;
    o.pruned = skip % 3 == 2;
    o.padding = skip >= 3;
    if (o.padding) o.padding_index = (int64_t)random_below(N_ROWS) - N_ROWS;
    return o;
}

static void
ask(const quire_rows *rows, quire_bag_mode mode, quire_bag_weights weights)
{
    const quire_bag_options options = options_draw(mode, weights);
    quire_bag_job job = {.rows = w.codes,
                         .scales = w.scales,
                         .zero_points = w.zeros,
                         .n_rows = N_ROWS,
                         .indices = w.indices,
                         .offsets = w.offsets,
                         .n_bags = N_BAGS,
                         .weights = w.weights,
                         .out = w.out};
    quire_bag_plan plan;
    quire_bag_fault fault;
    const char *why;

    starts_draw(&options);
    job.n_indices = (uint64_t)w.starts[N_BAGS];
    ids_draw(&options, job.n_indices);
    weights_draw(weights, job.n_indices);
    integers_put(w.indices, w.ids, job.n_indices, options.index);
    offsets_put(&options);
    if (quire_bag_plan_init(&plan, rows, &options, &why) != QUIRE_OK) refused(why);
    if (quire_bag_run(&plan, &job, 0, job.n_bags, &fault) != QUIRE_OK) refused("an index");
    hash_floats(w.out, job.n_bags * rows->width, options.out);
}

static void
bags_of(const struct storage *s, uint64_t width)
{
    quire_rows rows = s->rows;
    quire_rows_layout layout;
    const char *why;

    rows.size = sizeof rows;
    rows.width = width;
    if (quire_rows_layout_get(&rows, &layout, &why) != QUIRE_OK) refused(why);
    table_draw(&rows, &layout);
    for (int weights = 0; weights <= QUIRE_BAG_WEIGHTS_BF16; weights++)
        ask(&rows, QUIRE_BAG_SUM, (quire_bag_weights)weights);
    ask(&rows, QUIRE_BAG_MEAN, QUIRE_BAG_WEIGHTS_NONE);
    ask(&rows, QUIRE_BAG_MAX, QUIRE_BAG_WEIGHTS_NONE);
    ask(&rows, QUIRE_BAG_LOOKUP, QUIRE_BAG_WEIGHTS_NONE);
}

/* Quantized rows, the sums over them, and what they decode to. */
static void
rows_of(const quire_rows *given, uint64_t width, quire_rows_search search)
{
    static float x[N_ROWS * MAX_WIDTH];
    static quire_rows_sums sums[N_ROWS];
    const quire_rows_options options = {.size = sizeof options, .search = search};
    const quire_rows_arrays arrays = {w.codes, w.scales, w.zeros};
    const bool split = given->storage == QUIRE_ROWS_SPLIT;
    quire_rows rows = *given;
    quire_rows_layout l;
    quire_rows_fault fault;
    const char *why;

    rows.size = sizeof rows;
    rows.width = width;
    if (quire_rows_layout_get(&rows, &l, &why) != QUIRE_OK) refused(why);
    params_fill((uint8_t *)x, N_ROWS * width, sizeof *x);
    for (uint64_t k = 0; k < N_ROWS * width; k++) {
        const bool is_small = x[k] < 0x1p15f && x[k] > -0x1p15f;
        if (split && rows.scale == QUIRE_FLOAT_F16 && !is_small) x[k] = 3;
        if (k < width) x[k] = x[0];
    }
    const quire_status status =
        quire_rows_quantize(&rows, &options, x, N_ROWS, &arrays, NULL, split ? sums : NULL, &fault);
    if (status != QUIRE_OK) {
        printf("row %d, column %d: ", (int)fault.row, (int)fault.column);
        refused("not quantized");
    }
    hash_bytes(w.codes, N_ROWS * l.stride);
    if (split) {
        hash_bytes(w.scales, N_ROWS * l.n_groups * l.scale_size);
        hash_bytes(w.zeros, N_ROWS * l.n_groups * l.zero_size);
        hash_bytes((const uint8_t *)sums, sizeof sums);
    }
    if (quire_rows_dequantize(&rows, &options, &arrays, N_ROWS, w.out) != QUIRE_OK) {
        refused("not dequantized");
    }
    hash_floats(w.out, N_ROWS * width, rows.value);
}

static void
begin(void)
{
    seed = 88172645463325252u;
    hash = 0xcbf29ce484222325u;
}

static void
end(const char *what, const char *name)
{
    printf("%s %s %016llx\n", what, name, (unsigned long long)hash);
    fflush(stdout);
}

/* Of all that is in the table of storages, or of what is named. */
static bool
is_asked(const char *name, int n_names, char **names)
{
    for (int i = 0; i < n_names; i++) {
        if (strcmp(names[i], name) == 0) return true;
    }
    return n_names == 0;
}

int
main(int n_arguments, char **arguments)
{
    static const uint16_t wide[] = {96,  100, 127, 128, 129,  163, 256,
                                    257, 300, 512, 768, 1024, 1030};

    if (n_arguments > 1) setenv("QUIRE_ISA", arguments[1], 1);
    for (size_t k = 0; k < sizeof storages / sizeof *storages; k++) {
        const struct storage *s = &storages[k];
        if (!is_asked(s->name, n_arguments > 2 ? n_arguments - 2 : 0, arguments + 2)) continue;
        begin();
        for (uint64_t width = 1; width <= 70; width++)
            bags_of(s, width);
        for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
            bags_of(s, wide[i]);
        end("bags", s->name);
        if (s->rows.storage < QUIRE_ROWS_SPLIT) continue;
        begin();
        for (uint64_t width = 1; width <= 140; width++) {
            rows_of(&s->rows, width, QUIRE_ROWS_MINMAX);
            if (width % 32 != 3) continue;
            if (s->rows.storage == QUIRE_ROWS_SPLIT) rows_of(&s->rows, width, QUIRE_ROWS_MSE);
            if (s->rows.storage == QUIRE_ROWS_FUSED && s->rows.bits < 8) {
                rows_of(&s->rows, width, QUIRE_ROWS_GREEDY);
            }
        }
        end("rows", s->name);
    }
    return 0;
}
