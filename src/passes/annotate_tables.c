/* annotate-tables
 *
 * Needs:  find-tables.
 * Does:   decides which tables are quantized and how, and writes the spec to operand 0 of every
 *         eligible lookup. A lookup that is left alone gets a reason and no spec. If run->tables
 *         has annotations, they decide (follow_annotations.c), else the options do: only, skip,
 *         bits-for, bits; then too-small, excluded, opset, not-smaller.
 * Leaves: run->tables says bits, block, zero point, scales and search of every table that is to be
 *         done.
 * Keeps:  the graph. Layers: "spec" is written.
 *
 * A glob that matches no table name at all, eligible or not, is QUIRE_E_USAGE: it is a typing
 * error.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/layer.h"
#include "kernels/format.h"
#include "passes/follow_annotations.h"
#include "passes/globs.h"
#include "passes/pass.h"
#include "passes/table_spec.h"

enum { FLOAT_BITS = 0 }; /* bits-for=float */

/* --- options --------------------------------------------------------------------------------- */

static quire_bytes
table_name(const void *data, size_t i)
{
    return ((const quire_tables *)data)->tables[i].name;
}

static quire_status
check_glob(quire_ctx *ctx, const quire_tables *all, const char *option, const char *glob)
{
    char nearest[512];
    for (size_t i = 0; i < all->n_tables; i++) {
        if (quire_glob_matches(glob, all->tables[i].name)) return QUIRE_OK;
    }
    if (all->n_tables == 0) {
        return quire_fail(
            ctx, QUIRE_E_USAGE, NULL,
            "%s \"%s\" matches nothing: the model has no lookup that leads to a table", option,
            glob);
    }
    quire_names_nearest(glob, all->n_tables, table_name, all, nearest, sizeof nearest);
    return quire_fail(ctx, QUIRE_E_USAGE, NULL,
                      "%s \"%s\" matches the name of no table; nearest names: %s", option, glob,
                      nearest);
}

static quire_status
check_globs(quire_ctx *ctx, const quire_tables *all)
{
    const quire_quantize_options *o = all->options;
    for (size_t i = 0; i < o->n_only; i++)
        QUIRE_TRY(check_glob(ctx, all, "--only", o->only[i]));
    for (size_t i = 0; i < o->n_skip; i++)
        QUIRE_TRY(check_glob(ctx, all, "--skip", o->skip[i]));
    for (size_t i = 0; i < o->n_bits_for; i++) {
        QUIRE_TRY(check_glob(ctx, all, "--bits-for", o->bits_for[i].glob));
    }
    return QUIRE_OK;
}

static const char *
first_match(const char *const *globs, size_t n, quire_bytes name)
{
    for (size_t i = 0; i < n; i++) {
        if (quire_glob_matches(globs[i], name)) return globs[i];
    }
    return NULL;
}

/* The last bits-for that matches, or NULL. */
static const quire_bits_for *
last_bits_for(const quire_quantize_options *o, quire_bytes name)
{
    for (size_t i = o->n_bits_for; i > 0; i--) {
        if (quire_glob_matches(o->bits_for[i - 1].glob, name)) return &o->bits_for[i - 1];
    }
    return NULL;
}

/* --- one table: shall it be done? ------------------------------------------------------------ */

typedef struct decider {
    quire_ctx *ctx;
    quire_model *m;
    const quire_quantize_options *options;
    quire_found_table *table;
    const quire_bits_for *named; /* NULL: --bits applies */
    quire_row_format format;
    quire_bytes message; /* to the reason */
} decider;

static quire_row_dtype
row_dtype(int32_t dtype)
{
    if (dtype == QUIRE_DTYPE_FLOAT16) return QUIRE_ROW_DTYPE_F16;
    return dtype == QUIRE_DTYPE_BFLOAT16 ? QUIRE_ROW_DTYPE_BF16 : QUIRE_ROW_DTYPE_F32;
}

/* An empty table is too small whatever the options say: there is nothing to quantize. */
static quire_status
judge_size(decider *d, quire_reason *out_reason)
{
    const uint64_t rows = d->table->rows, width = d->table->width;
    const uint64_t n_elements = rows * width;
    const bool named = d->named != NULL && d->named->bits != FLOAT_BITS;
    if (n_elements > 0 && (named || n_elements >= d->options->min_elements)) return QUIRE_OK;
    *out_reason = QUIRE_REASON_TOO_SMALL;
    return quire_arena_format(
        d->ctx, &d->m->arena, &d->message, "%llu x %llu are %llu elements, fewer than %llu",
        (unsigned long long)rows, (unsigned long long)width, (unsigned long long)n_elements,
        (unsigned long long)(n_elements == 0 ? 1 : d->options->min_elements));
}

static quire_status
judge_selection(decider *d, quire_reason *out_reason)
{
    const quire_quantize_options *o = d->options;
    quire_arena *arena = &d->m->arena;
    const char *skip = first_match(o->skip, o->n_skip, d->table->name);
    *out_reason = QUIRE_REASON_EXCLUDED;
    if (o->n_only > 0 && first_match(o->only, o->n_only, d->table->name) == NULL) {
        return quire_arena_format(d->ctx, arena, &d->message, "no --only matches the table's name");
    }
    if (skip != NULL) {
        return quire_arena_format(d->ctx, arena, &d->message, "--skip \"%s\" leaves this table out",
                                  skip);
    }
    if (d->named != NULL && d->named->bits == FLOAT_BITS) {
        return quire_arena_format(d->ctx, arena, &d->message,
                                  "--bits-for \"%s\" keeps this table float", d->named->glob);
    }
    *out_reason = QUIRE_REASON_NONE;
    return QUIRE_OK;
}

static quire_status
judge_gain(decider *d, quire_reason *out_reason)
{
    const quire_row_format *f = &d->format;
    const uint64_t per_row = f->row_bytes + f->n_groups * (f->scale_size + f->zero_point_size);
    uint64_t before, after;
    if (d->table->n_other_uses > 0 || d->named != NULL) return QUIRE_OK;
    if (!quire_dtype_bytes(d->table->dtype, d->table->rows * d->table->width, &before))
        return QUIRE_OK;
    if (quire_mul_u64(d->table->rows, per_row, &after) && after < before) return QUIRE_OK;
    *out_reason = QUIRE_REASON_NOT_SMALLER;
    return quire_arena_format(
        d->ctx, &d->m->arena, &d->message,
        "codes and parameters would take %llu bytes a row, the table takes %llu",
        (unsigned long long)per_row, (unsigned long long)(before / d->table->rows));
}

/* How the table would be done: what the options ask for, with blocks that are not needed dropped.
 * */
static quire_status
choose_form(decider *d)
{
    const quire_quantize_options *o = d->options;
    quire_found_table *t = d->table;
    t->bits = d->named != NULL ? d->named->bits : o->bits;
    t->zero_point_float = o->zero_point_float != 0;
    t->scale_f16 = o->scale_f16 != 0;
    t->search_mse = o->search >= 0 ? o->search != 0 : t->bits < 8;
    const quire_row_choice choice = {
        .bits = t->bits,
        .block = o->block,
        .zero_point = t->zero_point_float ? QUIRE_ROW_ZERO_POINT_FLOAT : QUIRE_ROW_ZERO_POINT_INT,
        .scale = t->scale_f16 ? QUIRE_ROW_SCALE_F16 : QUIRE_ROW_SCALE_F32,
        .dtype = row_dtype(t->dtype),
    };
    if (t->width > SIZE_MAX || !quire_row_format_init(&d->format, choice, (size_t)t->width)) {
        return quire_fail(
            d->ctx, QUIRE_E_USAGE, NULL,
            "rows of %llu columns cannot be quantized to %u bits in blocks of %u; bits "
            "are 8, 4 or 2, blocks 0 (rows), 16, 32, 64, 128 or 256",
            (unsigned long long)t->width, (unsigned)t->bits, (unsigned)o->block);
    }
    t->block = d->format.choice.block;
    return QUIRE_OK;
}

static quire_status
decide(decider *d, quire_reason *out_reason)
{
    d->named = last_bits_for(d->options, d->table->name);
    QUIRE_TRY(judge_size(d, out_reason));
    if (*out_reason == QUIRE_REASON_NONE) QUIRE_TRY(judge_selection(d, out_reason));
    if (*out_reason != QUIRE_REASON_NONE) return QUIRE_OK;
    QUIRE_TRY(choose_form(d));
    QUIRE_TRY(quire_table_judge_opset(d->ctx, d->m, d->table, out_reason, &d->message));
    return *out_reason == QUIRE_REASON_NONE ? judge_gain(d, out_reason) : QUIRE_OK;
}

/* --- specs ----------------------------------------------------------------------------------- */

static quire_status
spec_of_table(quire_ctx *ctx, quire_model *m, const quire_found_table *t, quire_spec *out_spec)
{
    const quire_bytes observer = quire_bytes_of(t->search_mse ? "mse" : "minmax");
    *out_spec = (quire_spec){
        .size = sizeof *out_spec,
        .kind = QUIRE_SPEC_QUANTIZED,
        .dtype = t->bits == 8   ? QUIRE_DTYPE_UINT8
                 : t->bits == 4 ? QUIRE_DTYPE_UINT4
                                : QUIRE_DTYPE_UINT2,
        .qmax = (int64_t)(1u << t->bits) - 1,
        .zero_point = t->zero_point_float ? QUIRE_ZERO_POINT_FLOAT : QUIRE_ZERO_POINT_INT,
        .granularity = t->block != 0 ? QUIRE_PER_BLOCK : QUIRE_PER_AXIS,
        .axis = t->block != 0 ? 1 : 0,
        .block = t->block,
        .scale_type = t->scale_f16 ? QUIRE_DTYPE_FLOAT16 : QUIRE_DTYPE_FLOAT,
    };
    QUIRE_TRY(quire_syms_intern(ctx, &m->syms, observer, &out_spec->observer));
    return quire_spec_canonicalize(ctx, out_spec, (const char *)t->name.ptr);
}

static quire_status
annotate(quire_ctx *ctx, quire_model *m, const quire_found_table *t, quire_node lookup)
{
    const quire_slot slot = {.kind = QUIRE_SLOT_USE, .id = quire_node_operand(m, lookup, 0).id};
    quire_spec spec;
    QUIRE_TRY(spec_of_table(ctx, m, t, &spec));
    return quire_specs_set(ctx, m, slot, &spec);
}

/* --- the pass -------------------------------------------------------------------------------- */

/* Decides every table that has an eligible lookup; messages[i] goes with the reason of table i. */
static quire_status
decide_all(quire_ctx *ctx, quire_run *run, quire_bytes *messages)
{
    for (size_t i = 0; i < run->tables->n_tables; i++) {
        quire_found_table *t = &run->tables->tables[i];
        if (t->n_eligible == 0) continue;
        decider d = {.ctx = ctx, .m = run->model, .options = run->tables->options, .table = t};
        quire_reason reason = QUIRE_REASON_NONE;
        QUIRE_TRY(decide(&d, &reason));
        if (reason == QUIRE_REASON_NONE) continue;
        t->excluded = reason;
        t->n_eligible = 0;
        messages[i] = d.message;
    }
    return QUIRE_OK;
}

static quire_status
tell_lookups(quire_ctx *ctx, quire_run *run, const quire_bytes *messages)
{
    for (size_t i = 0; i < run->tables->n_lookups; i++) {
        quire_lookup *l = &run->tables->lookups[i];
        if (l->reason != QUIRE_REASON_NONE) continue;
        const quire_found_table *t = &run->tables->tables[l->table - 1];
        if (t->excluded == QUIRE_REASON_NONE) {
            QUIRE_TRY(annotate(ctx, run->model, t, l->node));
            continue;
        }
        l->reason = t->excluded;
        l->message = messages[l->table - 1];
    }
    return QUIRE_OK;
}

quire_status
quire_pass_annotate_tables(quire_ctx *ctx, quire_run *run)
{
    const size_t bytes = run->tables->n_tables * sizeof(quire_bytes);
    if (run->tables->resolved != NULL) return quire_tables_follow_annotations(ctx, run);
    QUIRE_TRY(check_globs(ctx, run->tables));
    if (bytes == 0) return QUIRE_OK;
    quire_bytes *messages = quire_alloc(ctx->alloc, bytes);
    if (messages == NULL) return quire_nomem(ctx);
    memset(messages, 0, bytes);
    quire_status status = decide_all(ctx, run, messages);
    if (status == QUIRE_OK) status = tell_lookups(ctx, run, messages);
    quire_free(ctx->alloc, messages, bytes);
    return status;
}
