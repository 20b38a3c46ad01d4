/* quantize-tables
 *
 * Needs:  find-tables; specs in the spec layer, on operand 0 of lookups (annotate-tables or anybody
 *         else).
 * Does:   makes codes, scales and zero points for every table whose eligible lookups carry a
 *         quantized spec, all the same one, and adds them as initializers beside the table. Target
 *         dequantized: one float table of the decoded values instead. Nothing is added before all
 *         tables are done.
 * Leaves: initializers nobody reads yet, their data in the spool of run->tables, and figures in
 *         run->tables; or, if run->tables says so, data and figures that are made when the model is
 *         saved.
 * Keeps:  everything else: the tables themselves, their lookups, all layers.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/edit.h"
#include "graph/layer.h"
#include "graph/path.h"
#include "passes/pass.h"
#include "passes/table_making.h"
#include "passes/table_spec.h"

/* What is known of one table on the way. */
typedef struct plan {
    const quire_spec *spec; /* NULL: no eligible lookup, or none seen yet */
    quire_node from;        /* the lookup it was read at                  */
    bool seen;
    quire_table_making *making;  /* NULL: nothing is made */
    uint64_t off[QUIRE_N_PARTS]; /* in the spool, of parts that are there */
} plan;

typedef struct quantizer {
    quire_ctx *ctx;
    quire_model *m;
    quire_tables *tables;
    plan *plans;   /* by table */
    uint32_t file; /* of the model: the spool; 0: none */
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
open_spool(quantizer *q)
{
    if (q->tables->has_spool) return QUIRE_OK;
    QUIRE_TRY(quire_spool_create(q->ctx, q->tables->beside, &q->tables->spool));
    q->tables->has_spool = true;
    return QUIRE_OK;
}

/* Gives the table's lookups whose reason was `before` the reason non-finite, and takes the table
 * out of this run. */
static quire_status
leave_alone(quantizer *q, size_t table, uint64_t row, uint64_t column, quire_reason before)
{
    quire_found_table *t = &q->tables->tables[table];
    quire_bytes text;
    QUIRE_TRY(quire_arena_format(q->ctx, &q->m->arena, &text,
                                 "row %llu, column %llu (counted from 0) is NaN or Inf",
                                 (unsigned long long)row, (unsigned long long)column));
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
    quire_table_job job = {.m = q->m, .options = q->tables->options, .table = t, .look_only = true};
    if (t->excluded != QUIRE_REASON_NOT_SMALLER) return QUIRE_OK;
    QUIRE_TRY(quire_table_quantize(q->ctx, &job));
    if (job.finite) return QUIRE_OK;
    return leave_alone(q, table, job.row, job.column, QUIRE_REASON_NOT_SMALLER);
}

/* Has the part bytes that are not in memory? */
static bool
is_elsewhere(const quire_part_making *part)
{
    return part->size > 0 && part->memory == NULL;
}

/* Parts that are not in memory go to the spool. */
static quire_status
make_now(quantizer *q, plan *p)
{
    quire_source sources[QUIRE_N_PARTS];
    const quire_source *list[QUIRE_N_PARTS];
    uint64_t offs[QUIRE_N_PARTS];
    size_t n = 0;
    for (int k = 0; k < QUIRE_N_PARTS; k++) {
        if (!is_elsewhere(&p->making->parts[k])) continue;
        sources[n] = quire_table_part_source(p->making, (quire_part)k);
        list[n] = &sources[n];
        n++;
    }
    if (n == 0) return quire_table_make(q->ctx, p->making, NULL);
    QUIRE_TRY(open_spool(q));
    QUIRE_TRY(quire_spool_make(q->ctx, &q->tables->spool, list, n, offs));
    for (int k = QUIRE_N_PARTS; k-- > 0;) {
        if (is_elsewhere(&p->making->parts[k])) p->off[k] = offs[--n];
    }
    return QUIRE_OK;
}

static bool
is_made_when_saved(const quantizer *q, const plan *p)
{
    for (int k = 0; k < QUIRE_N_PARTS && q->tables->made_when_saved; k++) {
        if (is_elsewhere(&p->making->parts[k])) return true;
    }
    return false;
}

static quire_status
quantize_table(quantizer *q, size_t table)
{
    plan *p = &q->plans[table];
    QUIRE_TRY(
        quire_table_making_create(q->ctx, q->m, q->tables, &q->tables->tables[table], &p->making));
    if (is_made_when_saved(q, p)) return QUIRE_OK;
    QUIRE_TRY(make_now(q, p));
    if (!p->making->is_left) return QUIRE_OK;
    return leave_alone(q, table, p->making->row, p->making->column, QUIRE_REASON_NONE);
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
    q->tables->payload_done = q->tables->payload_total = 0;
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec != NULL)
            q->tables->payload_total += payload(q->m, &q->tables->tables[i]);
    }
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec != NULL) QUIRE_TRY(quantize_table(q, i));
    }
    return QUIRE_OK;
}

/* --- initializers ----------------------------------------------------------------------------- */

/* A file of the model that is all parts' of a dry run, or all parts' in the spool. */
static quire_status
register_file(quantizer *q)
{
    const quire_source *spool = &q->tables->spool.source;
    if (q->tables->plan_only)
        return quire_model_add_file(q->ctx, q->m, zero_source(), "zeros", false, &q->file);
    if (!q->tables->has_spool) return QUIRE_OK;
    return quire_model_add_file(q->ctx, q->m, *spool, spool->name, false, &q->file);
}

/* Where the bytes of a part are, or will be. */
static quire_status
blob_of_part(quantizer *q, const plan *p, int k, uint64_t size, quire_blob *out)
{
    *out = (quire_blob){.file = q->file, .len = size};
    if (size == 0) *out = (quire_blob){.file = 0};
    if (size == 0 || q->tables->plan_only) return QUIRE_OK;
    if (is_elsewhere(&p->making->parts[k]) && !is_made_when_saved(q, p)) {
        out->u.off = p->off[k];
        return QUIRE_OK;
    }
    const quire_source source = quire_table_part_source(p->making, (quire_part)k);
    return quire_model_add_file(q->ctx, q->m, source, source.name, false, &out->file);
}

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
                                    .external = t->external && part->size >= QUIRE_PART_IN_MEMORY};
    QUIRE_TRY(quire_tensor_create(q->ctx, q->m, &make, &tensor));
    return quire_graph_add_initializer(q->ctx, q->m, t->graph, tensor, out_value);
}

static quire_status
add_parts(quantizer *q, quire_found_table *t, const plan *p, const quire_part_shape *parts)
{
    static const char *const suffixes[] = {"codes", "scales", "zero_points"};
    quire_value *const values[] = {&t->codes, &t->scales, &t->zero_points};
    quire_bytes *const names[] = {&t->codes_name, &t->scales_name, &t->zero_points_name};
    const bool decoded = q->tables->options->target == QUIRE_TARGET_DEQUANTIZED;
    for (int k = 0; k < (decoded ? 1 : QUIRE_N_PARTS); k++) {
        quire_blob data;
        QUIRE_TRY(blob_of_part(q, p, k, parts[k].size, &data));
        QUIRE_TRY(add_part(q, t, &parts[k], data, decoded ? "dequantized" : suffixes[k], values[k],
                           names[k]));
        t->bytes_after += parts[k].size;
    }
    return QUIRE_OK;
}

static quire_status
add_initializers(quantizer *q, quire_found_table *t, const plan *p)
{
    quire_row_format f;
    quire_part_shape parts[QUIRE_N_PARTS];
    QUIRE_TRY(quire_table_format(q->ctx, t, &f));
    QUIRE_TRY(quire_table_parts(q->ctx, t, &f, q->tables->options->target, parts));
    t->block = f.choice.block;
    t->bytes_before = payload(q->m, t);
    t->bytes_after = t->keeps_float ? t->bytes_before : 0;
    QUIRE_TRY(add_parts(q, t, p, parts));
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
    QUIRE_TRY(register_file(q));
    for (size_t i = 0; i < q->tables->n_tables; i++) {
        if (q->plans[i].spec == NULL) continue;
        QUIRE_TRY(add_initializers(q, &q->tables->tables[i], &q->plans[i]));
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
