/* cmd_bench_kernels.c - quire bench kernels: bags over random rows, one thread, beside what this
 * machine's memory does at its best for rows of that size, measured in the same run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/json.h"
#include "bench_lines.h"
#include "cmd_bench.h"
#include "options.h"
#include "quire/kernels.h"

enum { MAX_REPEATS = 1001, MAX_VALUES = 16 };

static const option_row options_known[] = {
    {"storage", 0, "fused|split|float32|float16", "how rows are stored (fused)"},
    {"bits", 0, "LIST", "of codes (8,4,2)"},
    {"width", 0, "LIST", "columns of a row (32,64,128,256)"},
    {"length", 0, "LIST", "rows of a bag (1,10,100)"},
    {"table", 0, "LIST", "KiB of a table (256,262144)"},
    {"rows", 0, "N", "rows looked up at a time (10000)"},
    {"repeats", 0, "N", "of which the median is printed (15)"},
    {"isa", 0, "NAME", "instruction set: auto, scalar, avx2, avx512, neon (auto)"},
    {"format", 0, "text|json", "of the answer (text)"},
};
enum { STORAGE, BITS, WIDTH, LENGTH, TABLE, ROWS, REPEATS, ISA, FORMAT };

typedef struct list {
    uint64_t values[MAX_VALUES];
    size_t n;
} list;

typedef struct request {
    size_t storage;
    list bits, widths, lengths, tables;
    uint64_t n_rows, repeats;
    quire_isa isa;
    bool json;
} request;

/* One table, and what random lookups in it take of the machine. */
typedef struct bench {
    cli *c;
    const request *r;
    quire_json *json;
    quire_rows rows;
    quire_rows_layout layout;
    uint64_t table_rows;
    uint64_t length;
    double bound; /* ns for the lines of a row */
    uint8_t *table;
    uint8_t *zeros;
    float *scales;
    int64_t *indices;
    float *out;
} bench;

/* Numbers separated by commas. */
static quire_status
take_list(cli *c, const char *option, const char *text, uint64_t limit, list *out)
{
    char word[32];
    out->n = 0;
    for (const char *at = text;; at++) {
        const size_t n = strcspn(at, ",");
        if (n >= sizeof word || out->n == MAX_VALUES)
            return cli_usage(c, "--%s takes at most %d numbers with commas between them", option,
                             MAX_VALUES);
        memcpy(word, at, n);
        word[n] = '\0';
        QUIRE_TRY(options_number(c, option, word, limit, &out->values[out->n]));
        if (out->values[out->n++] == 0) return cli_usage(c, "--%s takes numbers from 1 on", option);
        at += n;
        if (*at == '\0') return QUIRE_OK;
    }
}

static quire_status
take_isa(cli *c, const char *text, quire_isa *out)
{
    for (*out = QUIRE_ISA_AUTO; *out <= QUIRE_ISA_NEON; ++*out) {
        if (strcmp(text, quire_isa_name(*out)) == 0) return QUIRE_OK;
    }
    return cli_usage(c, "--isa takes auto, scalar, avx2, avx512 or neon, not %s", text);
}

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    static const char *const storages[] = {"fused", "split", "float32", "float16"};
    static const char *const formats[] = {"text", "json"};
    request *r = state;
    size_t i = 0;
    switch (row) {
    case STORAGE: return options_word(c, "storage", value, storages, 4, &r->storage);
    case BITS: return take_list(c, "bits", value, 8, &r->bits);
    case WIDTH: return take_list(c, "width", value, 1 << 20, &r->widths);
    case LENGTH: return take_list(c, "length", value, 1 << 20, &r->lengths);
    case TABLE: return take_list(c, "table", value, (uint64_t)1 << 32, &r->tables);
    case ROWS: return options_number(c, "rows", value, 1 << 24, &r->n_rows);
    case REPEATS: return options_number(c, "repeats", value, MAX_REPEATS, &r->repeats);
    case ISA: return take_isa(c, value, &r->isa);
    case FORMAT:
        QUIRE_TRY(options_word(c, "format", value, formats, 2, &i));
        r->json = i == 1;
        break;
    }
    return QUIRE_OK;
}

static quire_rows
rows_of(size_t storage, uint64_t bits, uint64_t width)
{
    static const quire_rows_storage storages[] = {QUIRE_ROWS_FUSED, QUIRE_ROWS_SPLIT,
                                                  QUIRE_ROWS_FLOAT32, QUIRE_ROWS_FLOAT16};
    quire_rows rows = {.size = sizeof rows, .storage = storages[storage], .width = width};
    if (rows.storage <= QUIRE_ROWS_FLOAT8E5M2) return rows;
    rows.bits = (uint32_t)bits;
    if (rows.storage == QUIRE_ROWS_FUSED && bits != 8) rows.scale = QUIRE_FLOAT_F16;
    return rows;
}

static uint64_t
random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Codes at random and parameters that decode to small numbers. */
static void
table_fill(const bench *b)
{
    static const uint16_t halves[] = {0x2c00, 0xb800};
    static const float floats[] = {0.0625f, -0.5f};
    const bool is_half = b->rows.scale == QUIRE_FLOAT_F16;
    uint64_t state = 88172645463325252u;
    for (uint64_t i = 0; i < b->table_rows; i++) {
        uint8_t *row = b->table + i * b->layout.stride;
        uint64_t word = 0;
        for (uint64_t k = 0; k < b->layout.row_bytes; k++) {
            if (k % 8 == 0) word = random_next(&state);
            row[k] = (uint8_t)(word >> (k % 8 * 8)) & 0x3f; /* floats of any type are finite */
        }
        b->scales[i] = 0.0625f;
        b->zeros[i] = 8;
        if (b->rows.storage != QUIRE_ROWS_FUSED) continue;
        memcpy(row + b->layout.scale_at, is_half ? (const void *)halves : floats,
               2 * b->layout.scale_size);
    }
}

static int
by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median ns a row of bags of `length`, each repeat with indices of its own. */
static quire_status
bags_time(const bench *b, uint64_t n_bags, double *out_ns)
{
    const quire_bag_options options = {.size = sizeof options,
                                       .index = QUIRE_BAG_I64,
                                       .form = QUIRE_BAG_FIXED,
                                       .fixed = b->length,
                                       .isa = b->r->isa};
    const uint64_t n = n_bags * b->length;
    const quire_bag_job job = {.rows = b->table,
                               .scales = b->scales,
                               .zero_points = b->zeros,
                               .n_rows = b->table_rows,
                               .indices = b->indices,
                               .n_indices = n,
                               .n_bags = n_bags,
                               .out = b->out};
    static double times[MAX_REPEATS];
    uint64_t state = 1234567891011u;
    quire_bag_plan plan;
    quire_bag_fault fault;
    const char *why;
    if (quire_bag_plan_init(&plan, &b->rows, &options, &why) != QUIRE_OK)
        return cli_usage(b->c, "%s", why);
    for (uint64_t k = 0; k < b->r->repeats; k++) {
        for (uint64_t i = 0; i < n; i++)
            b->indices[i] = (int64_t)(random_next(&state) % b->table_rows);
        const double start = cli_seconds();
        QUIRE_TRY(quire_bag_run(&plan, &job, 0, n_bags, &fault));
        times[k] = (cli_seconds() - start) * 1e9 / (double)n;
        QUIRE_TRY(quire_check_canceled(&b->c->ctx));
    }
    qsort(times, b->r->repeats, sizeof *times, by_value);
    *out_ns = times[b->r->repeats / 2];
    return QUIRE_OK;
}

static void
print_cell(const bench *b, uint64_t kib, double ns)
{
    const double gb = (double)b->layout.row_bytes / ns;
    const double percent = 100 * b->bound / ns;
    if (!b->r->json) {
        quire_writef(&b->c->out, "%10llu %4u %6llu %6llu %9.2f %8.2f %9.2f %6.0f %%\n",
                     (unsigned long long)kib, b->rows.bits, (unsigned long long)b->rows.width,
                     (unsigned long long)b->length, ns, gb, b->bound, percent);
        return;
    }
    quire_json_begin(b->json, '{');
    quire_json_key(b->json, "table_kib");
    quire_json_u64(b->json, kib);
    quire_json_key(b->json, "bits");
    quire_json_u64(b->json, b->rows.bits);
    quire_json_key(b->json, "width");
    quire_json_u64(b->json, b->rows.width);
    quire_json_key(b->json, "length");
    quire_json_u64(b->json, b->length);
    quire_json_key(b->json, "row_bytes");
    quire_json_u64(b->json, b->layout.row_bytes);
    quire_json_key(b->json, "ns_per_row");
    quire_json_double(b->json, ns);
    quire_json_key(b->json, "gb_per_second");
    quire_json_double(b->json, gb);
    quire_json_key(b->json, "bound_ns_per_row");
    quire_json_double(b->json, b->bound);
    quire_json_key(b->json, "percent_of_bound");
    quire_json_double(b->json, percent);
    quire_json_end(b->json, '}');
}

static quire_status
lengths_run(bench *b, uint64_t kib)
{
    double ns = 0;
    for (size_t k = 0; k < b->r->lengths.n; k++) {
        b->length = b->r->lengths.values[k];
        const uint64_t n_bags = b->r->n_rows > b->length ? b->r->n_rows / b->length : 1;
        const size_t index_bytes = n_bags * b->length * sizeof *b->indices;
        const size_t out_bytes = n_bags * b->rows.width * sizeof *b->out;
        b->indices = quire_alloc(b->c->ctx.alloc, index_bytes);
        b->out = quire_alloc(b->c->ctx.alloc, out_bytes);
        quire_status status =
            b->indices && b->out ? bags_time(b, n_bags, &ns) : quire_nomem(&b->c->ctx);
        quire_free(b->c->ctx.alloc, b->indices, index_bytes);
        quire_free(b->c->ctx.alloc, b->out, out_bytes);
        QUIRE_TRY(status);
        print_cell(b, kib, ns);
    }
    return QUIRE_OK;
}

static quire_status
table_run(bench *b, uint64_t kib)
{
    const quire_allocator *a = b->c->ctx.alloc;
    const char *why;
    if (quire_rows_layout_get(&b->rows, &b->layout, &why) != QUIRE_OK)
        return cli_usage(b->c, "%s", why);
    b->table_rows = (kib << 10) / b->layout.stride + 1;
    const size_t size = b->table_rows * b->layout.stride;
    b->table = quire_alloc(a, size);
    b->scales = quire_alloc(a, b->table_rows * sizeof *b->scales);
    b->zeros = quire_alloc(a, b->table_rows);
    quire_status status = QUIRE_OK;
    if (b->table && b->scales && b->zeros) {
        table_fill(b);
        b->bound = quire_bench_lines(b->table, b->table_rows, b->layout.row_bytes);
        status = lengths_run(b, kib);
    } else {
        status = quire_nomem(&b->c->ctx);
    }
    quire_free(a, b->zeros, b->table_rows);
    quire_free(a, b->scales, b->table_rows * sizeof *b->scales);
    quire_free(a, b->table, size);
    return status;
}

static quire_status
tables_run(bench *b)
{
    const bool has_bits = b->r->storage < 2;
    for (size_t t = 0; t < b->r->tables.n; t++) {
        for (size_t k = 0; k < (has_bits ? b->r->bits.n : 1); k++) {
            for (size_t w = 0; w < b->r->widths.n; w++) {
                b->rows = rows_of(b->r->storage, b->r->bits.values[k], b->r->widths.values[w]);
                QUIRE_TRY(table_run(b, b->r->tables.values[t]));
            }
        }
    }
    return QUIRE_OK;
}

/* GB/s of reading memory from first to last, more of it than caches hold. */
static quire_status
stream_measure(cli *c, double *out)
{
    const size_t size = (size_t)256 << 20;
    void *bytes = quire_alloc(c->ctx.alloc, size);
    if (!bytes) return quire_nomem(&c->ctx);
    memset(bytes, 1, size);
    *out = quire_bench_stream(bytes, size);
    quire_free(c->ctx.alloc, bytes, size);
    return QUIRE_OK;
}

static quire_status
run_json(bench *b, double stream)
{
    quire_json json = {.w = &b->c->out};
    b->json = &json;
    quire_json_begin(&json, '{');
    quire_json_key(&json, "stream_gb_per_second");
    quire_json_double(&json, stream);
    quire_json_key(&json, "cells");
    quire_json_begin(&json, '[');
    QUIRE_TRY(tables_run(b));
    quire_json_end(&json, ']');
    quire_json_end(&json, '}');
    quire_write_str(&b->c->out, "\n");
    return QUIRE_OK;
}

quire_status
cmd_bench_kernels(cli *c, int argc, char **argv)
{
    request r = {.bits = {{8, 4, 2}, 3},
                 .widths = {{32, 64, 128, 256}, 4},
                 .lengths = {{1, 10, 100}, 3},
                 .tables = {{256, 262144}, 2},
                 .n_rows = 10000,
                 .repeats = 15};
    bench b = {.c = c, .r = &r};
    char **args;
    double stream = 0;
    int n;
    const quire_status parsed =
        options_parse(c, argc, argv, options_known, sizeof options_known / sizeof *options_known,
                      take, &r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n > 0) return cli_usage(c, "quire bench kernels takes options only");
    if (r.n_rows == 0 || r.repeats == 0)
        return cli_usage(c, "--rows and --repeats take numbers from 1 on");
    QUIRE_TRY(stream_measure(c, &stream));
    if (r.json) return run_json(&b, stream);
    quire_writef(&c->out,
                 "stream %.1f GB/s\n"
                 " table KiB bits  width length    ns/row     GB/s  bound ns   of it\n",
                 stream);
    return tables_run(&b);
}
