/* table_making.c - see table_making.h. */
#include "passes/table_making.h"

#include "base/diag.h"
#include "base/real.h"

static bool
is_small(const quire_part_shape *shapes)
{
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        if (shapes[p].size >= QUIRE_PART_IN_MEMORY) return false;
    }
    return true;
}

/* A table that is partly in memory is one whose other parts are in a data file, which is written
 * before the model. */
quire_status
quire_table_making_create(quire_ctx *ctx, quire_model *m, quire_tables *tables,
                          quire_found_table *table, quire_table_making **out)
{
    quire_row_format f;
    quire_part_shape shapes[QUIRE_N_PARTS];
    quire_table_making *making;
    QUIRE_TRY(quire_table_format(ctx, table, &f));
    QUIRE_TRY(quire_table_parts(ctx, table, &f, tables->options->target, shapes));
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *making, &making));
    *making = (quire_table_making){.m = m, .tables = tables, .table = table};
    const bool all = is_small(shapes);
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        quire_part_making *part = &making->parts[p];
        part->table = making;
        part->size = shapes[p].size;
        if (part->size == 0 || part->size >= QUIRE_PART_IN_MEMORY) continue;
        if (!all && !table->external) continue;
        QUIRE_TRY(quire_arena_take(ctx, &m->arena, (size_t)part->size, &part->memory));
    }
    *out = making;
    return QUIRE_OK;
}

/* --- making ----------------------------------------------------------------------------------- */

/* An eps that wipes out whole rows is what was asked for, and hardly what was meant. */
static void
warn_flattened(quire_ctx *ctx, const quire_found_table *t)
{
    char eps[QUIRE_REAL_ROOM];
    if (t->flattened_rows == 0) return;
    quire_tell(
        ctx, QUIRE_WARNING, NULL,
        "table \"%.*s\": %llu of %llu rows are not wider than %u x %s, the observer's eps, "
        "so their scale became 1 and their elements nearly all decode to one value; zp=float "
        "observer=minmax without eps keeps them",
        (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)t->flattened_rows,
        (unsigned long long)t->rows, (1u << t->bits) - 1, quire_real_print((double)t->eps, eps));
}

static quire_status
refuse_non_finite(quire_ctx *ctx, const quire_table_job *job)
{
    return quire_fail(ctx, QUIRE_E_INVALID, NULL,
                      "table \"%.*s\" holds NaN or Inf at row %llu, column %llu (counted from 0); "
                      "--non-finite keep-float leaves such tables alone",
                      (int)job->table->name.len, (const char *)job->table->name.ptr,
                      (unsigned long long)job->row, (unsigned long long)job->column);
}

typedef struct putting {
    quire_table_making *making;
    const quire_taker *taker;
} putting;

static quire_status
put(quire_ctx *ctx, void *data, quire_part part, uint64_t off, const void *bytes, size_t n)
{
    const putting *to = data;
    const quire_part_making *p = &to->making->parts[part];
    if (p->memory == NULL) return to->taker->put(ctx, to->taker, p->at + off, bytes, n);
    memcpy(p->memory + off, bytes, n);
    return QUIRE_OK;
}

static uint64_t
payload(const quire_found_table *t, const quire_model *m)
{
    uint64_t size = 0;
    (void)quire_dtype_bytes(t->dtype, quire_tensor_at(m, t->tensor)->n_elements, &size);
    return size;
}

static void
note_progress(quire_ctx *ctx, quire_table_making *making)
{
    quire_tables *tables = making->tables;
    tables->payload_done += payload(making->table, making->m);
    if (ctx->progress != NULL && tables->payload_done == tables->payload_total)
        ctx->progress(ctx->progress_data, "quantizing", tables->payload_done,
                      tables->payload_total);
}

quire_status
quire_table_make(quire_ctx *ctx, quire_table_making *making, const quire_taker *taker)
{
    putting to = {making, taker};
    quire_table_job job = {.m = making->m,
                           .options = making->tables->options,
                           .table = making->table,
                           .done = making->tables->payload_done,
                           .total = making->tables->payload_total,
                           .put = put,
                           .data = &to};
    if (making->is_made) return QUIRE_OK;
    QUIRE_TRY(quire_table_quantize(ctx, &job));
    if (!job.finite && !making->tables->options->keep_non_finite)
        return refuse_non_finite(ctx, &job);
    making->is_made = true;
    making->is_left = !job.finite;
    making->row = job.row;
    making->column = job.column;
    note_progress(ctx, making);
    if (job.finite) warn_flattened(ctx, making->table);
    return QUIRE_OK;
}

/* --- as a source ------------------------------------------------------------------------------ */

/* A part in memory can be read once it is made. */
static quire_status
read_part(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    const quire_part_making *part = source->data;
    const quire_bytes name = part->table->table->name;
    if (part->memory != NULL && part->table->is_made && off <= part->size &&
        n <= part->size - off) {
        memcpy(buf, part->memory + off, n);
        return QUIRE_OK;
    }
    return quire_bug(ctx, "%zu bytes of table \"%.*s\" are read before they are made", n,
                     (int)name.len, (const char *)name.ptr);
}

static void
place(const quire_source *source, uint64_t at)
{
    quire_part_making *part = source->data;
    part->at = at;
}

static quire_status
make(quire_ctx *ctx, const quire_source *source, const quire_taker *taker)
{
    const quire_part_making *part = source->data;
    QUIRE_TRY(quire_table_make(ctx, part->table, taker));
    if (part->memory == NULL) return QUIRE_OK;
    return taker->put(ctx, taker, part->at, part->memory, (size_t)part->size);
}

static const quire_making making_of_part = {.place = place, .make = make};

quire_source
quire_table_part_source(quire_table_making *making, quire_part part)
{
    return (quire_source){.size = making->parts[part].size,
                          .read = read_part,
                          .fd = -1,
                          .name = "table",
                          .data = &making->parts[part],
                          .making = &making_of_part};
}
