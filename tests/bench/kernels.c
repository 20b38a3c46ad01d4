/* kernels.c - bags timed: ns per row and GB/s of row bytes, one thread, fresh random indices.
 *
 *     bench_kernels [--table KIB] [--rows N] [--repeats N] [--isa NAME] [STORAGE...]
 *
 * STORAGE is fused8 fused4 fused2 split8 split4 split2 float32 float16; default all. Times are of
 * the thread's processor time, so that a busy machine disturbs them less; the least and the median
 * of the repeats are printed.
 */
#include "quire/kernels.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    quire_rows rows;
} storages[] = {
    {"fused8", {.storage = QUIRE_ROWS_FUSED, .bits = 8}},
    {"fused4", {.storage = QUIRE_ROWS_FUSED, .bits = 4, .scale = QUIRE_FLOAT_F16}},
    {"fused2", {.storage = QUIRE_ROWS_FUSED, .bits = 2, .scale = QUIRE_FLOAT_F16}},
    {"split8", {.storage = QUIRE_ROWS_SPLIT, .bits = 8}},
    {"split4", {.storage = QUIRE_ROWS_SPLIT, .bits = 4}},
    {"split2", {.storage = QUIRE_ROWS_SPLIT, .bits = 2}},
    {"float32", {.storage = QUIRE_ROWS_FLOAT32}},
    {"float16", {.storage = QUIRE_ROWS_FLOAT16}},
};
#define N_STORAGES (sizeof storages / sizeof *storages)

static const uint64_t widths[] = {32, 64, 128, 256};
static const uint64_t lengths[] = {1, 10, 20, 100, 200};

typedef struct settings {
    uint64_t table_bytes;
    uint64_t n_indices;
    uint32_t repeats;
    quire_isa isa;
} settings;

static uint64_t
random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *
get(size_t size)
{
    void *p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!p) exit(4);
    memset(p, 0, size);
    return p;
}

/* Codes at random, every scale 1. */
static void
table_fill(const quire_rows *rows, const quire_rows_layout *l, uint8_t *table, uint64_t n_rows)
{
    const float one = 1;
    const uint16_t half_one = 0x3c00;
    uint64_t state = 88172645463325252u;

    if (rows->storage != QUIRE_ROWS_FUSED) return;
    for (uint64_t i = 0; i < n_rows; i++) {
        uint8_t *row = table + i * l->stride;
        for (uint64_t k = 0; k < l->payload_bytes; k++)
            row[l->payload_at + k] = (uint8_t)random_next(&state);
        memcpy(row + l->scale_at, l->scale_size == 4 ? (const void *)&one : &half_one,
               l->scale_size);
    }
}

static void
cell_run(const settings *s, const char *name, const quire_rows *rows, uint64_t length,
         quire_bag_job *job, uint64_t row_bytes)
{
    const quire_bag_options options = {.size = sizeof options,
                                       .index = QUIRE_BAG_I64,
                                       .form = QUIRE_BAG_FIXED,
                                       .fixed = length,
                                       .isa = s->isa};
    double *times = get(s->repeats * sizeof *times);
    uint64_t state = 1234567891011u + length;
    int64_t *indices = get(s->n_indices * sizeof *indices);
    quire_bag_plan plan;
    quire_bag_fault fault;
    const char *why;

    job->n_bags = s->n_indices / length;
    job->n_indices = job->n_bags * length;
    job->indices = indices;
    job->out = get(job->n_bags * rows->width * sizeof(float));
    if (quire_bag_plan_init(&plan, rows, &options, &why) != QUIRE_OK) exit(2);
    for (uint32_t k = 0; k < s->repeats; k++) {
        for (uint64_t i = 0; i < job->n_indices; i++)
            indices[i] = (int64_t)(random_next(&state) % job->n_rows);
        const double start = now_ns();
        if (quire_bag_run(&plan, job, 0, job->n_bags, &fault) != QUIRE_OK) exit(3);
        times[k] = (now_ns() - start) / (double)job->n_indices;
    }
    qsort(times, s->repeats, sizeof *times, by_value);
    printf("%-8s D=%-4" PRIu64 " L=%-4" PRIu64 " %8.2f ns/row least %8.2f median %7.2f GB/s\n",
           name, rows->width, length, times[0], times[s->repeats / 2],
           (double)row_bytes / times[0]);
    fflush(stdout);
    free(job->out);
    free(indices);
    free(times);
}

static void
storage_run(const settings *s, const char *name, quire_rows rows)
{
    rows.size = sizeof rows;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        quire_rows_layout l;
        const char *why;
        rows.width = widths[w];
        if (quire_rows_layout_get(&rows, &l, &why) != QUIRE_OK) exit(2);
        const uint64_t n_rows = s->table_bytes / l.row_bytes + 1;
        uint8_t *table = get(n_rows * l.stride);
        float *scales = get(n_rows * sizeof *scales);
        uint8_t *zeros = get(n_rows);
        quire_bag_job job = {
            .rows = table, .scales = scales, .zero_points = zeros, .n_rows = n_rows};
        table_fill(&rows, &l, table, n_rows);
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
            cell_run(s, name, &rows, lengths[k], &job, l.row_bytes);
        free(zeros);
        free(scales);
        free(table);
    }
}

static quire_isa
isa_named(const char *text)
{
    for (quire_isa isa = QUIRE_ISA_AUTO; isa <= QUIRE_ISA_NEON; isa++) {
        if (strcmp(text, quire_isa_name(isa)) == 0) return isa;
    }
    exit(2);
}

int
main(int argc, char **argv)
{
    settings s = {.table_bytes = (uint64_t)512 << 10, .n_indices = 10000, .repeats = 15};
    bool any = false;

    for (int i = 1; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (has_value && strcmp(argv[i], "--table") == 0) {
            s.table_bytes = strtoull(argv[++i], NULL, 10) << 10;
        } else if (has_value && strcmp(argv[i], "--rows") == 0) {
            s.n_indices = strtoull(argv[++i], NULL, 10);
        } else if (has_value && strcmp(argv[i], "--repeats") == 0) {
            s.repeats = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if (has_value && strcmp(argv[i], "--isa") == 0) {
            s.isa = isa_named(argv[++i]);
        }
    }
    for (size_t k = 0; k < N_STORAGES; k++) {
        for (int i = 1; i < argc; i++) {
            if (strcmp(argv[i], storages[k].name) != 0) continue;
            storage_run(&s, storages[k].name, storages[k].rows);
            any = true;
        }
    }
    for (size_t k = 0; k < N_STORAGES && !any; k++)
        storage_run(&s, storages[k].name, storages[k].rows);
    return 0;
}
