/* quantize-tables
 *
 * Needs:  find-tables; specs in the spec layer, on operand 0 of lookups (annotate-tables or anybody
 *         else).
 * Does:   makes codes, scales and zero points for every table whose eligible lookups carry a
 *         quantized spec, all the same one, and adds them as initializers beside the table. Target
 *         dequantized: one float table of the decoded values instead. Nothing is added before all
 *         tables are done.
 * Leaves: initializers nobody reads yet, their data in the spools of run->tables; figures in
 *         run->tables.
 * Keeps:  everything else: the tables themselves, their lookups, all layers.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "base/real.h"
#include "graph/edit.h"
#include "graph/layer.h"
#include "graph/path.h"
#include "passes/pass.h"
#include "passes/table_codes.h"
#include "passes/table_spec.h"

/* What is known of one table on the way. */
typedef struct plan {
    const quire_spec *spec; /* NULL: no eligible lookup, or none seen yet */
    quire_node from;        /* the lookup it was read at                  */
    bool seen;
    quire_part_place place;
} plan;

typedef struct quantizer {
    quire_ctx *ctx;
    quire_model *m;
    quire_tables *tables;
    plan *plans; /* by table */
    uint32_t files[QUIRE_N_PARTS];
} quantizer;

/* --- specs ------------------------------------------------------------------------------------ */

static const quire_spec *
spec_of(const quire_model *m, quire_node lookup)
{
    const quire_slot slot = {.kind = QUIRE_SLOT_USE, .id = quire_node_operand(m, lookup, 0).id};
    const quire_spec *spec = quire_specs_at(m, slot);
    return spec != NULL && spec->kind == QUIRE_SPEC_QUANTIZED ? spec : NULL;
}

static bool
same_spec(const quire_spec *a, const quire_spec *b)
{
    return a == b || (a != NULL && b != NULL && quire_spec_equal(a, b));
}

static quire_status
collect_spec(quantizer *q, const quire_lookup *l)
{
    plan *p = &q->plans[l->table - 1];
    const quire_spec *spec = spec_of(q->m, l->node);
    char one[QUIRE_PATH_ROOM], other[QUIRE_PATH_ROOM];
    if (!p->seen) {
        *p = (plan){.spec = spec, .from = l->node, .seen = true};
        return QUIRE_OK;
    }
    if (same_spec(p->spec, spec)) return QUIRE_OK;
    return quire_fail(q->ctx, QUIRE_E_UNSUPPORTED, quire_path_of_node(q->m, l->node, one),
                      "operand 0 is to be quantized otherwise than operand 0 of %s, but both read "
                      "table \"%.*s\", which gets one set of codes; give both the same spec",
                      quire_path_of_node(q->m, p->from, other), (int)l->table_name.len,
                      (const char *)l->table_name.ptr);
}

/* Copies the spec to the table, where everything after this reads it. */
static quire_status
apply_spec(quantizer *q, const plan *p, quire_found_table *t)
{
    const char *field = quire_table_spec_refused(q->m, p->spec);
    char path[QUIRE_PATH_ROOM];
    if (field != NULL) {
        return quire_fail(q->ctx, QUIRE_E_UNSUPPORTED, quire_path_of_node(q->m, p->from, path),
                          "the spec of operand 0 is not for a table: %s", field);
    }
    quire_table_spec_apply(q->m, p->spec, t);
    return QUIRE_OK;
}

static quire_status
collect_specs(quantizer *q)
{
    for (size_t i = 0; i < q->tables->n_lookups; i++) {
        const quire_lookup *l = &q->tables->lookups[i];
        if (l->reason == QUIRE_REASON_NONE && l->table != 0) QUIRE_TRY(collect_spec(q, l));
    }
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec != NULL) QUIRE_TRY(apply_spec(q, &q->plans[i], &q->tables->tables[i]));
    }
    return QUIRE_OK;
}

/* --- data ------------------------------------------------------------------------------------- */

/* A dry run's payload: as many zeros as anybody asks for. */
static quire_status
read_zeros(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    (void)ctx;
    (void)source;
    (void)off;
    memset(buf, 0, n);
    return QUIRE_OK;
}

static quire_source
zero_source(void)
{
    return (quire_source){.size = INT64_MAX, .read = read_zeros, .fd = -1, .name = "zeros"};
}

static quire_status
open_spools(quantizer *q)
{
    if (q->tables->has_spools) return QUIRE_OK;
    q->tables->has_spools = true;
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        q->tables->spools[p] = (quire_spool){.fd = -1, .source = {.fd = -1}};
    }
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        QUIRE_TRY(quire_spool_create(q->ctx, q->tables->beside, &q->tables->spools[p]));
    }
    return QUIRE_OK;
}

/* Gives the table's lookups whose reason was `before` the reason non-finite, and takes the table
 * out of this run. */
static quire_status
leave_alone(quantizer *q, size_t table, const quire_table_job *job, quire_reason before)
{
    quire_found_table *t = &q->tables->tables[table];
    quire_bytes text;
    QUIRE_TRY(quire_arena_format(q->ctx, &q->m->arena, &text,
                                 "row %llu, column %llu (counted from 0) is NaN or Inf",
                                 (unsigned long long)job->row, (unsigned long long)job->column));
    for (size_t i = 0; i < q->tables->n_lookups; i++) {
        quire_lookup *l = &q->tables->lookups[i];
        if (l->table != table + 1 || l->reason != before) continue;
        l->reason = QUIRE_REASON_NON_FINITE;
        l->message = text;
    }
    t->excluded = QUIRE_REASON_NON_FINITE;
    t->n_eligible = 0;
    t->keeps_float = true;
    q->plans[table].spec = NULL;
    return QUIRE_OK;
}

/* Non-finite comes before not-smaller in the order of reasons, but only here tables are read. */
static quire_status
look_at_table(quantizer *q, size_t table)
{
    quire_found_table *t = &q->tables->tables[table];
    quire_table_job job = {.m = q->m, .tables = q->tables, .table = t, .look_only = true};
    if (t->excluded != QUIRE_REASON_NOT_SMALLER) return QUIRE_OK;
    QUIRE_TRY(quire_table_quantize(q->ctx, &job));
    return job.finite ? QUIRE_OK : leave_alone(q, table, &job, QUIRE_REASON_NOT_SMALLER);
}

/* An eps that wipes out whole rows is what was asked for, and hardly what was meant. */
static void
warn_flattened(quantizer *q, const quire_found_table *t)
{
    char eps[QUIRE_REAL_ROOM];
    if (t->flattened_rows == 0) return;
    quire_tell(
        q->ctx, QUIRE_WARNING, NULL,
        "table \"%.*s\": %llu of %llu rows are not wider than %u x %s, the observer's eps, "
        "so their scale became 1 and their elements nearly all decode to one value; zp=float "
        "observer=minmax without eps keeps them",
        (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)t->flattened_rows,
        (unsigned long long)t->rows, (1u << t->bits) - 1, quire_real_print((double)t->eps, eps));
}

static quire_status
quantize_table(quantizer *q, size_t table, uint64_t done, uint64_t total)
{
    quire_found_table *t = &q->tables->tables[table];
    quire_table_job job = {
        .m = q->m, .tables = q->tables, .table = t, .done = done, .total = total};
    QUIRE_TRY(open_spools(q));
    QUIRE_TRY(quire_table_quantize(q->ctx, &job));
    if (!job.finite && q->tables->options->keep_non_finite) {
        return leave_alone(q, table, &job, QUIRE_REASON_NONE);
    }
    if (!job.finite) {
        return quire_fail(
            q->ctx, QUIRE_E_INVALID, NULL,
            "table \"%.*s\" holds NaN or Inf at row %llu, column %llu (counted from 0); "
            "--non-finite keep-float leaves such tables alone",
            (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)job.row,
            (unsigned long long)job.column);
    }
    q->plans[table].place = job.place;
    warn_flattened(q, t);
    return QUIRE_OK;
}

static uint64_t
payload(const quire_model *m, const quire_found_table *t)
{
    uint64_t size = 0;
    (void)quire_dtype_bytes(t->dtype, quire_tensor_at(m, t->tensor)->n_elements, &size);
    return size;
}

static quire_status
quantize_data(quantizer *q)
{
    uint64_t total = 0, done = 0;
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec != NULL) total += payload(q->m, &q->tables->tables[i]);
    }
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec == NULL) continue;
        QUIRE_TRY(quantize_table(q, i, done, total));
        done += payload(q->m, &q->tables->tables[i]);
    }
    if (q->ctx->progress != NULL && total > 0) {
        q->ctx->progress(q->ctx->progress_data, "quantizing", total, total);
    }
    return QUIRE_OK;
}

/* --- initializers ----------------------------------------------------------------------------- */

static quire_status
register_zeros(quantizer *q)
{
    QUIRE_TRY(quire_model_add_file(q->ctx, q->m, zero_source(), "zeros", false, &q->files[0]));
    for (int p = 1; p < QUIRE_N_PARTS; p++)
        q->files[p] = q->files[0];
    return QUIRE_OK;
}

/* The spools become files of the model. */
static quire_status
register_spools(quantizer *q)
{
    for (int p = 0; p < QUIRE_N_PARTS && q->tables->has_spools; p++) {
        const quire_source *s = &q->tables->spools[p].source;
        if (s->size == 0) continue;
        QUIRE_TRY(quire_model_add_file(q->ctx, q->m, *s, s->name, false, &q->files[p]));
    }
    return QUIRE_OK;
}

enum { LEAST_EXTERNAL = 1024 }; /* bytes; smaller ones are embedded wherever the table was */

static quire_status
add_part(quantizer *q, const quire_found_table *t, const quire_part_shape *part, quire_blob data,
         const char *suffix, quire_value *out_value, quire_bytes *out_name)
{
    quire_bytes base;
    quire_tensor tensor;
    QUIRE_TRY(quire_arena_format(q->ctx, &q->m->arena, &base, "%.*s.%s", (int)t->name.len,
                                 (const char *)t->name.ptr, suffix));
    QUIRE_TRY(quire_model_fresh_name(q->ctx, q->m, base, out_name));
    const quire_tensor_make make = {.name = *out_name,
                                    .dtype = part->dtype,
                                    .rank = part->rank,
                                    .dims = part->dims,
                                    .data = data,
                                    .external = t->external && part->size >= LEAST_EXTERNAL};
    QUIRE_TRY(quire_tensor_create(q->ctx, q->m, &make, &tensor));
    return quire_graph_add_initializer(q->ctx, q->m, t->graph, tensor, out_value);
}

static quire_status
add_parts(quantizer *q, quire_found_table *t, const quire_part_place *place,
          const quire_part_shape *parts)
{
    static const char *const suffixes[] = {"codes", "scales", "zero_points"};
    quire_value *const values[] = {&t->codes, &t->scales, &t->zero_points};
    quire_bytes *const names[] = {&t->codes_name, &t->scales_name, &t->zero_points_name};
    const bool decoded = q->tables->options->target == QUIRE_TARGET_DEQUANTIZED;
    for (int p = 0; p < (decoded ? 1 : QUIRE_N_PARTS); p++) {
        const quire_blob data = {.file = parts[p].size > 0 ? q->files[p] : 0,
                                 .u.off = q->tables->plan_only ? 0 : place->off[p],
                                 .len = parts[p].size};
        QUIRE_TRY(add_part(q, t, &parts[p], data, decoded ? "dequantized" : suffixes[p], values[p],
                           names[p]));
        t->bytes_after += parts[p].size;
    }
    return QUIRE_OK;
}

static quire_status
add_initializers(quantizer *q, quire_found_table *t, const quire_part_place *place)
{
    quire_row_format f;
    quire_part_shape parts[QUIRE_N_PARTS];
    QUIRE_TRY(quire_table_format(q->ctx, t, &f));
    QUIRE_TRY(quire_table_parts(q->ctx, t, &f, q->tables->options->target, parts));
    t->block = f.choice.block;
    t->bytes_before = payload(q->m, t);
    t->bytes_after = t->keeps_float ? t->bytes_before : 0;
    QUIRE_TRY(add_parts(q, t, place, parts));
    t->quantized = true;
    return QUIRE_OK;
}

static bool
has_work(const quantizer *q)
{
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec != NULL) return true;
    }
    return false;
}

static quire_status
quantize(quantizer *q)
{
    const bool plan_only = q->tables->plan_only;
    QUIRE_TRY(collect_specs(q));
    if (!plan_only && q->tables->options->keep_non_finite) {
        for (size_t i = 0; i < q->tables->n_tables; i++)
            QUIRE_TRY(look_at_table(q, i));
    }
    if (!has_work(q)) return QUIRE_OK;
    if (!plan_only) QUIRE_TRY(quantize_data(q));
    QUIRE_TRY(plan_only ? register_zeros(q) : register_spools(q));
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec == NULL) continue;
        QUIRE_TRY(add_initializers(q, &q->tables->tables[i], &q->plans[i].place));
    }
    return QUIRE_OK;
}

quire_status
quire_pass_quantize_tables(quire_ctx *ctx, quire_run *run)
{
    quantizer q = {.ctx = ctx, .m = run->model, .tables = run->tables};
    const size_t size = run->tables->n_tables * sizeof *q.plans;
    if (size == 0) return QUIRE_OK;
    q.plans = quire_alloc(ctx->alloc, size);
    if (q.plans == NULL) return quire_nomem(ctx);
    memset(q.plans, 0, size);
    const quire_status status = quantize(&q);
    quire_free(ctx->alloc, q.plans, size);
    return status;
}
