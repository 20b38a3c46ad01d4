/* kernels.c - bags over quantized tables, from outside: plan once, run many, on threads of one's own.
 *
 *     cc kernels.c $(pkg-config --cflags --libs quire_kernels) -lpthread -o kernels
 *
 * Two tables, one of FBGEMM's 4-bit rows with a scale and a bias in each, one of 8-bit codes with
 * scales and zero points apart, as `quire quantize` writes them. Both are asked for the same bags in
 * one batch, cut over four threads.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/kernels.h>

enum { ROWS = 1000, WIDTH = 64, BAGS = 200, PER_BAG = 30, THREADS = 4 };

/* --- four threads, each taking every fourth part: a pool of yours goes here --- */

typedef struct share {
    void (*work)(void *data, uint64_t i);
    void *data;
    uint64_t first, n;
} share;

static void *
share_do(void *arg)
{
    const share *s = arg;

    for (uint64_t i = s->first; i < s->n; i += THREADS)
        s->work(s->data, i);
    return NULL;
}

static void
on_threads(void *pool, uint64_t n, void (*work)(void *data, uint64_t i), void *data)
{
    pthread_t threads[THREADS];
    share shares[THREADS];
    int started[THREADS];

    (void)pool;
    for (int k = 0; k < THREADS; k++) {
        shares[k] = (share){work, data, (uint64_t)k, n};
        started[k] = pthread_create(&threads[k], NULL, share_do, &shares[k]) == 0;
        if (!started[k]) share_do(&shares[k]);
    }
    for (int k = 0; k < THREADS; k++) {
        if (started[k]) pthread_join(threads[k], NULL);
    }
}

/* --- tables and plans --- */

/* Row i decodes to i % 10 - 4.5 in every column. */
static uint8_t fused[ROWS][WIDTH / 2 + 4];
static uint8_t codes[ROWS][WIDTH];
static float scales[ROWS];
static uint8_t zero_points[ROWS];

static void
tables_fill(void)
{
    const uint16_t one = 0x3c00;  /* 1 as float16 */
    const uint16_t bias = 0xc480; /* -4.5 */

    for (int i = 0; i < ROWS; i++) {
        memset(fused[i], i % 10 * 17, WIDTH / 2); /* two codes to a byte */
        memcpy(fused[i] + WIDTH / 2, &one, 2);
        memcpy(fused[i] + WIDTH / 2 + 2, &bias, 2);
        memset(codes[i], i % 10 * 2, WIDTH);
        scales[i] = 0.5f;
        zero_points[i] = 9;
    }
}

static int
plan_make(const quire_rows *rows, quire_bag_plan *plan)
{
    const quire_bag_options options = {.size = sizeof options,
                                       .mode = QUIRE_BAG_MEAN,
                                       .index = QUIRE_BAG_I64,
                                       .form = QUIRE_BAG_FIXED,
                                       .fixed = PER_BAG};
    const char *why;

    if (quire_bag_plan_init(plan, rows, &options, &why) == QUIRE_OK) return 1;
    fprintf(stderr, "%s\n", why);
    return 0;
}

int
main(void)
{
    const quire_rows rows[2] = {
        {.size = sizeof rows[0],
         .storage = QUIRE_ROWS_FUSED,
         .bits = 4,
         .scale = QUIRE_FLOAT_F16,
         .width = WIDTH},
        {.size = sizeof rows[1], .storage = QUIRE_ROWS_SPLIT, .bits = 8, .width = WIDTH},
    };
    static int64_t indices[BAGS * PER_BAG];
    static float out[2][BAGS][WIDTH];
    quire_bag_plan plans[2];
    quire_bag_fault fault;
    uint64_t task;
    char text[160];

    tables_fill();
    if (!plan_make(&rows[0], &plans[0]) || !plan_make(&rows[1], &plans[1])) return 1;
    const quire_bag_job jobs[2] = {
        {.rows = fused,
         .n_rows = ROWS,
         .indices = indices,
         .n_indices = BAGS * PER_BAG,
         .n_bags = BAGS,
         .out = out[0]},
        {.rows = codes,
         .scales = scales,
         .zero_points = zero_points,
         .n_rows = ROWS,
         .indices = indices,
         .n_indices = BAGS * PER_BAG,
         .n_bags = BAGS,
         .out = out[1]},
    };
    const quire_bag_task tasks[2] = {{&plans[0], &jobs[0]}, {&plans[1], &jobs[1]}};

    for (int batch = 0; batch < 3; batch++) { /* plans are made once */
        for (int i = 0; i < BAGS * PER_BAG; i++)
            indices[i] = (int64_t)i % 7 + batch;
        if (quire_bag_run_batch(tasks, 2, on_threads, NULL, &task, &fault) != QUIRE_OK) {
            quire_bag_fault_print(&fault, text, sizeof text);
            fprintf(stderr, "table %d: %s\n", (int)task, text);
            return 1;
        }
        if (memcmp(out[0], out[1], sizeof out[0]) != 0) return 1;
        printf("%d bags of two tables on %s: the first mean is %g\n", BAGS,
               quire_isa_name(quire_bag_plan_isa(&plans[0])), (double)out[0][0][0]);
    }

    indices[40] = ROWS; /* what is wrong is told, whatever the threads did */
    if (quire_bag_run_batch(tasks, 2, on_threads, NULL, &task, &fault) == QUIRE_OK) return 1;
    quire_bag_fault_print(&fault, text, sizeof text);
    printf("table %d: %s\n", (int)task, text);
    return 0;
}
