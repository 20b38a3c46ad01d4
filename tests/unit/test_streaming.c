/* test_streaming.c - large tables go from one file to another in chunks, on several threads.
 *
 * The same bytes and figures at any number of threads; whatever fails, one error and nothing left;
 * and a byte that is not written as it was made is noticed.
 */
#include <check.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/quantize_file.h"
#include "plugin/table_flags.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/threads.h"
#include "support/tree.h"

/* Table a: four chunks, the last one short. Table b: its scales are too small for a data file.
 * Table c: wider than it is long, in one chunk. */
enum { A_ROWS = 17000, A_WIDTH = 96, B_ROWS = 60, B_WIDTH = 33, C_ROWS = 40, C_WIDTH = 9000 };
enum { A = A_ROWS * A_WIDTH, B = B_ROWS * B_WIDTH, C = C_ROWS * C_WIDTH, ALL = A + B + C };

static scratch dir;
static char input[128], output[128], folder[128];
static float elements[ALL];

/* --- a model ---------------------------------------------------------------------------------- */

typedef struct bytes {
    uint8_t at[2048];
    size_t n;
} bytes;

static void
varint(bytes *b, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        b->at[b->n++] = (uint8_t)(x | 0x80);
    b->at[b->n++] = (uint8_t)x;
}

static void
number(bytes *b, unsigned field, uint64_t x)
{
    varint(b, field << 3);
    varint(b, x);
}

static void
block(bytes *b, unsigned field, const void *from, size_t n)
{
    varint(b, field << 3 | 2);
    varint(b, n);
    memcpy(b->at + b->n, from, n);
    b->n += n;
}

static void
text(bytes *b, unsigned field, const char *from)
{
    block(b, field, from, strlen(from));
}

static void
entry(bytes *tensor, const char *key, const char *value)
{
    bytes b = {.n = 0};
    text(&b, 1, key);
    text(&b, 2, value);
    block(tensor, 13, b.at, b.n);
}

static void
initializer(bytes *graph, const char *name, size_t rows, size_t width, size_t first)
{
    bytes t = {.n = 0};
    char off[32];
    snprintf(off, sizeof off, "%zu", first * sizeof(float));
    number(&t, 1, rows);
    number(&t, 1, width);
    number(&t, 2, 1);
    text(&t, 8, name);
    entry(&t, "location", "in.data");
    entry(&t, "offset", off);
    number(&t, 14, 1);
    block(graph, 5, t.at, t.n);
}

static void
value(bytes *graph, unsigned field, const char *name, unsigned type)
{
    bytes b = {.n = 0}, kind = {.n = 0}, tensor = {.n = 0};
    number(&tensor, 1, type);
    block(&kind, 1, tensor.at, tensor.n);
    text(&b, 1, name);
    block(&b, 2, kind.at, kind.n);
    block(graph, field, b.at, b.n);
}

static void
lookup(bytes *graph, const char *table, const char *result)
{
    bytes b = {.n = 0};
    text(&b, 1, table);
    text(&b, 1, "i");
    text(&b, 2, result);
    text(&b, 4, "Gather");
    block(graph, 1, b.at, b.n);
    value(graph, 12, result, 1);
}

static void
write_data(void)
{
    scratch_write(&dir, "out/in.data", elements, sizeof elements);
}

static void
write_model(void)
{
    bytes m = {.n = 0}, graph = {.n = 0}, opset = {.n = 0};
    lookup(&graph, "a", "x");
    lookup(&graph, "b", "y");
    lookup(&graph, "c", "z");
    text(&graph, 2, "g");
    initializer(&graph, "a", A_ROWS, A_WIDTH, 0);
    initializer(&graph, "b", B_ROWS, B_WIDTH, A);
    initializer(&graph, "c", C_ROWS, C_WIDTH, A + B);
    value(&graph, 11, "i", 7);
    number(&opset, 2, 17);
    number(&m, 1, 8);
    block(&m, 7, graph.at, graph.n);
    block(&m, 8, opset.at, opset.n);
    scratch_write(&dir, "out/in.onnx", m.at, m.n);
}

static void
setup(void)
{
    uint32_t x = 1;
    dir = scratch_create();
    snprintf(folder, sizeof folder, "%s", scratch_path(&dir, "out"));
    ck_assert_int_eq(quire_io_posix.mkdir(NULL, -100 /* AT_FDCWD */, folder, 0777), 0);
    for (size_t k = 0; k < ALL; k++) {
        x = x * 1664525u + 1013904223u;
        elements[k] = ldexpf((float)(int32_t)x, -31 - (int)(x >> 5 & 7));
    }
    write_data();
    write_model();
    snprintf(input, sizeof input, "%s", scratch_path(&dir, "out/in.onnx"));
    snprintf(output, sizeof output, "%s", scratch_path(&dir, "out/out.onnx"));
}

static void
teardown(void)
{
    scratch_remove(&dir);
}

/* --- runs ------------------------------------------------------------------------------------- */

static quire_quantize_options
options_of(int kind)
{
    quire_quantize_options o = QUIRE_QUANTIZE_OPTIONS_INIT;
    o.input = input;
    o.output = output;
    o.report_format = QUIRE_FORMAT_JSON;
    o.bits = kind == 1 ? 4 : 8;
    o.search = kind == 1 ? 0 : -1;
    o.target = kind == 2 ? QUIRE_TARGET_DEQUANTIZED : QUIRE_TARGET_ONNX;
    o.keep_non_finite = kind == 3;
    o.block = kind == 4 ? 32 : 0;
    return o;
}
enum { N_KINDS = 5 };

static quire_status
run(quire_ctx ctx, int kind, uint32_t n_threads, quire_text *out_report)
{
    const quire_quantize_options o = options_of(kind);
    ctx.parallel = n_threads > 0 ? threads_run : NULL;
    ctx.n_threads = n_threads;
    const quire_table_flags flags = {.options = &o};
    const quire_annotator annotator = quire_table_flags_annotator(&flags);
    const quire_quantize_hooks hooks = {.annotator = &annotator};
    return quire_quantize_report(&ctx, &o, &hooks, NULL, out_report);
}

START_TEST(bytes_do_not_depend_on_threads)
{
    static const uint32_t threads[] = {1, 2, 3, 7, 16};
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_text report, again;
    tree before = tree_read(folder);
    ck_assert_int_eq(run(ctx, _i, 0, &report), QUIRE_OK);
    tree plain = tree_read(folder);
    ck_assert_uint_eq(plain.n, before.n + 2);
    for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
        tree_write(&before, folder);
        ck_assert_int_eq(run(ctx, _i, threads[k], &again), QUIRE_OK);
        tree is = tree_read(folder);
        ck_assert(tree_equal(&is, &plain));
        ck_assert_uint_eq(again.len, report.len);
        ck_assert_mem_eq(again.ptr, report.ptr, report.len);
        quire_text_free(&ctx, &again);
        tree_free(&is);
    }
    quire_text_free(&ctx, &report);
    tree_free(&plain);
    tree_free(&before);
}
END_TEST

START_TEST(the_first_element_that_is_not_finite_is_told)
{
    elements[(A_ROWS - 1) * A_WIDTH + 5] = INFINITY;
    elements[11000 * A_WIDTH + 7] = NAN;
    elements[11000 * A_WIDTH + 9] = NAN;
    write_data();
    tree before = tree_read(folder);
    for (uint32_t n = 0; n < 8; n++) {
        fault_log log;
        quire_text report;
        ck_assert_int_eq(run(fault_ctx(NULL, NULL, &log), _i, n, &report), QUIRE_E_INVALID);
        ck_assert_uint_eq(log.n_errors, 1);
        ck_assert_ptr_nonnull(strstr(log.message, "at row 11000, column 7 "));
        tree is = tree_read(folder);
        ck_assert(tree_equal(&is, &before));
        tree_free(&is);
    }
    tree_free(&before);
}
END_TEST

/* In a row of chunks, at the place where a progress of `stop_at` is told. */
static volatile int stopped;

static void
stop(void *data, const char *what, uint64_t done, uint64_t total)
{
    (void)what;
    if (done * 4 > total * (uint64_t) * (const int *)data) stopped = 1;
}

START_TEST(it_stops_when_asked)
{
    tree before = tree_read(folder);
    for (int quarter = 0; quarter < 4; quarter++) {
        fault_log log;
        quire_text report;
        quire_ctx ctx = fault_ctx(NULL, NULL, &log);
        stopped = 0;
        ctx.canceled = &stopped;
        ctx.progress = stop;
        ctx.progress_data = &quarter;
        ck_assert_int_eq(run(ctx, 0, (uint32_t)_i, &report), QUIRE_E_CANCELED);
        ck_assert_uint_eq(log.n_errors, 1);
        tree is = tree_read(folder);
        ck_assert(tree_equal(&is, &before));
        tree_free(&is);
    }
    tree_free(&before);
}
END_TEST

/* --- failures --------------------------------------------------------------------------------- */

static void
check_failed(quire_status status, const fault_log *log, const tree *before)
{
    tree is = tree_read(folder);
    if (status == QUIRE_OK) {
        ck_assert_uint_eq(log->n_errors, 0);
        ck_assert_uint_eq(is.n, before->n + 2);
        tree_write(before, folder);
    } else {
        ck_assert_uint_eq(log->n_errors, 1);
        ck_assert_int_eq(log->status, status);
        ck_assert(tree_equal(&is, before));
    }
    tree_free(&is);
}

START_TEST(file_operations_fail)
{
    tree before = tree_read(folder);
    const int kind = _i % N_KINDS;
    for (size_t n = 1;; n++) {
        fault_io io;
        fault_log log;
        quire_text report;
        fault_io_init(&io, n, _i >= N_KINDS, 28 /* ENOSPC */);
        io.ops = FAULT_ALL & ~(1u << FAULT_UNLINK | 1u << FAULT_CLOSE);
        io.lazy = true;
        quire_ctx ctx = fault_ctx(NULL, &io, &log);
        const quire_status status = run(ctx, kind, 3, &report);
        check_failed(status, &log, &before);
        if (status == QUIRE_OK) quire_text_free(&ctx, &report);
        ck_assert_msg(fault_io_is_clean(&io), "operation %zu", n);
        if (io.n_failed == 0) break;
        if (n > 40) n += 4; /* reading goes on like this */
    }
    tree_free(&before);
}
END_TEST

START_TEST(memory_runs_out)
{
    tree before = tree_read(folder);
    for (size_t n = 1;; n++) {
        fault_alloc alloc;
        fault_log log;
        quire_text report;
        fault_alloc_init(&alloc, n, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        const quire_status status = run(ctx, _i, 3, &report);
        check_failed(status, &log, &before);
        if (status == QUIRE_OK) quire_text_free(&ctx, &report);
        ck_assert_msg(fault_alloc_is_clean(&alloc), "allocation %zu", n);
        if (alloc.n_failed == 0) break;
        n += n / 16;
    }
    tree_free(&before);
}
END_TEST

/* A disk that keeps other bytes than it is given. */
typedef struct liar {
    int calls, lie_at;
} liar;

static ssize_t
lie(void *data, int fd, const void *buf, size_t n, off_t off)
{
    liar *l = data;
    uint8_t *copy = malloc(n);
    memcpy(copy, buf, n);
    if (++l->calls == l->lie_at && n > 0) copy[n / 2] ^= 1;
    const ssize_t done = quire_io_posix.pwrite(NULL, fd, copy, n, off);
    free(copy);
    return done;
}

START_TEST(what_is_not_written_as_made_is_noticed)
{
    tree before = tree_read(folder);
    int n = 0;
    for (int at = 1;; at++) {
        liar l = {0, at};
        fault_log log;
        quire_text report;
        quire_io io = quire_io_posix;
        io.pwrite = lie;
        io.data = &l;
        quire_ctx ctx = fault_ctx(NULL, NULL, &log);
        ctx.io = &io;
        const quire_status status = run(ctx, 0, (uint32_t)_i, &report);
        if (status == QUIRE_OK) quire_text_free(&ctx, &report);
        tree is = tree_read(folder);
        if (l.calls >= at) n += status == QUIRE_E_INTERNAL;
        if (status != QUIRE_OK) ck_assert(tree_equal(&is, &before));
        if (status == QUIRE_OK) tree_write(&before, folder);
        tree_free(&is);
        if (l.calls < at) break;
    }
    tree_free(&before);
    /* Codes, scales and zero points: four chunks of a, one of c; b's codes. Gaps between them
     * and names are another matter. */
    ck_assert_int_ge(n, 3 * 4 + 1 + 3);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("streaming");
    TCase *tc = tcase_create("tables");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, bytes_do_not_depend_on_threads, 0, N_KINDS);
    tcase_add_loop_test(tc, the_first_element_that_is_not_finite_is_told, 0, 3);
    tcase_add_loop_test(tc, it_stops_when_asked, 0, 4);
    tcase_add_loop_test(tc, file_operations_fail, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, memory_runs_out, 0, N_KINDS);
    tcase_add_loop_test(tc, what_is_not_written_as_made_is_noticed, 0, 4);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
