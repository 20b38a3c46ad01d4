/* service_measure.c - quire.host.measure/1: what it costs to store a tensor in a format, measured
 * by doing it, a chunk of rows at a time, as `quire quantize` would.
 */
#include <math.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/diag.h"
#include "kernels/fp_env.h"
#include "passes/table_codes.h"
#include "passes/table_spec.h"
#include "plugin/services_inner.h"

/* The buffers are `memory`, cut into pieces for `rows` rows each. */
typedef struct measuring {
    quire_host_view *v;
    const quire_graph_api *graph;
    quire_value_id value;
    quire_found_table table; /* rows, width, element type, and what the spec says */
    quire_row_format format;
    uint64_t rows;
    uint8_t *memory;
    size_t memory_size;
    float *x;
    uint8_t *decoded, *left_out; /* left_out: one byte an element, 1: it is not finite */
    quire_row_arrays codes;
    quire_row_sums *sums;
    double xx, ee;
    bool overflows; /* some float16 scale is infinite */
} measuring;

/* --- what is measured ------------------------------------------------------------------------- */

/* Rows are what has one index of the first axis. */
static quire_status
look_at_value(measuring *s, int32_t *out_rank)
{
    quire_value_view v = {.size = sizeof v};
    const quire_slot slot = {QUIRE_SLOT_RESULT, s->value};
    QUIRE_TRY(s->graph->value(s->graph->ctx, s->value, &v));
    if (!v.constant)
        return quire_view_refuse(s->v, QUIRE_E_USAGE, slot,
                                 "sqnr: its elements cannot be read: allowed is a value whose view "
                                 "says constant");
    if (v.dtype != QUIRE_DTYPE_FLOAT && v.dtype != QUIRE_DTYPE_FLOAT16 &&
        v.dtype != QUIRE_DTYPE_BFLOAT16)
        return quire_view_refuse(s->v, QUIRE_E_USAGE, slot,
                                 "sqnr: found elements of type %s; allowed are float, float16 and "
                                 "bfloat16",
                                 quire_dtype_describe(v.dtype)->spec);
    s->table = (quire_found_table){.dtype = v.dtype, .width = 1};
    if (v.rank > 0) s->table.rows = (uint64_t)v.dims[0];
    for (int32_t k = 1; k < v.rank; k++)
        s->table.width *= (uint64_t)v.dims[k];
    *out_rank = v.rank;
    return QUIRE_OK;
}

/* QUIRE_NONE: there is no such format. */
static quire_status
choose_format(measuring *s, const quire_qspec *asked)
{
    quire_spec_ref ref;
    int32_t rank = 0;
    QUIRE_TRY(quire_view_spec_in(s->v, "sqnr", (quire_slot){0, 0}, asked, &ref));
    QUIRE_TRY(look_at_value(s, &rank));
    const quire_spec spec = quire_spec_of_ref(s->v->m, ref);
    if (quire_table_spec_refused(s->v->m, &spec) != NULL) return QUIRE_NONE;
    quire_table_spec_apply(s->v->m, &spec, &s->table);
    if (rank < 1 || (s->table.block != 0 && rank != 2)) return QUIRE_NONE;
    if (s->table.rows == 0 || s->table.width == 0) return QUIRE_OK; /* nothing is lost */
    const quire_status status = quire_table_format(&s->v->inner, &s->table, &s->format);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(s->v, status);
}

static quire_status
take_memory(measuring *s)
{
    const quire_row_format *f = &s->format;
    const size_t sizes[] = {f->width * sizeof *s->x,
                            sizeof *s->sums,
                            f->width * sizeof(float),
                            f->row_bytes,
                            f->n_groups * sizeof(float),
                            f->n_groups * sizeof(float),
                            f->width};
    enum { N = sizeof sizes / sizeof *sizes, ALIGN = 64 };
    size_t at[N];
    uint64_t total = 0, size;
    for (size_t k = 0; k < N; k++) {
        if (!quire_mul_u64(sizes[k], s->rows, &size) || size > SIZE_MAX / 16)
            return quire_nomem(&s->v->inner);
        at[k] = (size_t)total;
        total += (size + ALIGN - 1) / ALIGN * ALIGN;
    }
    s->memory = quire_alloc(s->v->inner.alloc, (size_t)total);
    if (s->memory == NULL) return quire_nomem(&s->v->inner);
    s->memory_size = (size_t)total;
    s->x = (float *)(void *)(s->memory + at[0]);
    s->sums = (quire_row_sums *)(void *)(s->memory + at[1]);
    s->decoded = s->memory + at[2];
    s->codes = (quire_row_arrays){s->memory + at[3], s->memory + at[4], s->memory + at[5]};
    s->left_out = s->memory + at[6];
    return QUIRE_OK;
}

/* --- elements that are not finite ---------------------------------------------------------------
 *
 * No code is made of them, and they are not to move the scale of their group: each stands for its
 * finite neighbour while the group is quantized, and for 0, decoded as 0, when the error is summed.
 */

/* Columns [begin, end) of a row. */
static void
fill_group(float *row, const uint8_t *left_out, size_t begin, size_t end)
{
    float last = 0;
    for (size_t k = begin; k < end; k++) {
        if (left_out[k]) continue;
        last = row[k];
        break;
    }
    for (size_t k = begin; k < end; k++) {
        if (left_out[k]) row[k] = last;
        last = row[k];
    }
}

static void
fill_rows(measuring *s, size_t n)
{
    const quire_row_format *f = &s->format;
    const size_t step = f->choice.block != 0 ? f->choice.block : f->width;
    for (size_t k = 0; k < n * f->width; k++)
        s->left_out[k] = !isfinite(s->x[k]);
    for (size_t r = 0; r < n; r++) {
        for (size_t k = 0; k < f->width; k += step) {
            const size_t end = f->width - k < step ? f->width : k + step;
            fill_group(s->x + r * f->width, s->left_out + r * f->width, k, end);
        }
    }
}

static void
sum_without(measuring *s, size_t n)
{
    const quire_row_format *f = &s->format;
    const size_t size = quire_row_dtype_size(f->choice.dtype);
    quire_row_dequantize(f, s->codes, n, s->decoded);
    for (size_t k = 0; k < n * f->width; k++) {
        if (!s->left_out[k]) continue;
        s->x[k] = 0;
        memset(s->decoded + k * size, 0, size);
    }
    quire_row_error(f, s->x, s->decoded, n, s->sums);
}

/* --- measuring -------------------------------------------------------------------------------- */

static void
add_sums(measuring *s, size_t n)
{
    quire_fp_env saved;
    quire_fp_enter(&saved);
    for (size_t k = 0; k < n; k++) {
        s->xx += s->sums[k].xx;
        s->ee += s->sums[k].ee;
    }
    quire_fp_leave(&saved);
}

static quire_status
measure_rows(measuring *s, uint64_t first, size_t n)
{
    const quire_row_format *f = &s->format;
    const quire_row_search search =
        s->table.search_mse ? QUIRE_ROW_SEARCH_MSE : QUIRE_ROW_SEARCH_MINMAX;
    quire_row_fault fault;
    const quire_graph_api *g = s->graph;
    QUIRE_TRY(g->read_floats(g->ctx, s->value, first * f->width, n * f->width, s->x));
    const bool some_left_out = quire_row_find_non_finite(s->x, n, f->width, &fault);
    if (some_left_out) fill_rows(s, n);
    switch (quire_row_quantize(f, search, s->x, n, s->codes, NULL, s->sums, &fault)) {
    case QUIRE_ROW_OK: break;
    case QUIRE_ROW_NON_FINITE: return quire_bug(&s->v->inner, "sqnr: an element is not finite");
    case QUIRE_ROW_SCALE_OVERFLOW: s->overflows = true; return QUIRE_OK;
    }
    if (some_left_out) sum_without(s, n);
    add_sums(s, n);
    return QUIRE_OK;
}

static quire_status
measure_all(measuring *s)
{
    s->rows = quire_table_chunk_rows(&s->table);
    QUIRE_TRY(take_memory(s));
    for (uint64_t first = 0; first < s->table.rows && !s->overflows;) {
        const uint64_t left = s->table.rows - first;
        const uint64_t n = left < s->rows ? left : s->rows;
        QUIRE_TRY(quire_check_canceled(&s->v->inner));
        QUIRE_TRY(measure_rows(s, first, (size_t)n));
        first += n;
    }
    return QUIRE_OK;
}

static double
decibels(const measuring *s)
{
    quire_fp_env saved;
    double db;
    if (s->overflows) return -INFINITY;
    if (!(s->ee > 0)) return INFINITY;
    quire_fp_enter(&saved);
    db = 10 * log10(s->xx / s->ee);
    quire_fp_leave(&saved);
    return db;
}

static quire_status
sqnr(void *ctx, quire_value_id value, const quire_qspec *spec, double *out_db)
{
    quire_services *services = ctx;
    quire_status status;
    measuring s = {.v = quire_service_enter(services, "sqnr", QUIRE_CALL_ANNOTATE, &status)};
    if (s.v == NULL) return status;
    if (out_db == NULL)
        return quire_view_refuse(s.v, QUIRE_E_USAGE, (quire_slot){0, 0},
                                 "sqnr: out_db: found NULL");
    s.graph = &services->i->graphs[services->i->running];
    s.value = value;
    QUIRE_TRY(choose_format(&s, spec));
    status = s.table.rows > 0 && s.table.width > 0 ? measure_all(&s) : QUIRE_OK;
    quire_free(s.v->inner.alloc, s.memory, s.memory_size);
    if (status != QUIRE_OK) return quire_view_failed(s.v, status);
    *out_db = decibels(&s);
    return QUIRE_OK;
}

void
quire_measure_init(quire_services *s)
{
    s->measure = (quire_host_measure){
        .size = QUIRE_SIZE_TO(quire_host_measure, sqnr), .ctx = s, .sqnr = sqnr};
}
