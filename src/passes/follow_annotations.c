/* annotate-tables
 *
 * Needs:  find-tables; annotations attached to the model (table_source.h). Without, nothing is done.
 * Does:   decides which lookups are quantized and how, and writes the spec in force to operand 0 of
 *         each. A lookup that is left alone gets a reason and no spec.
 * Leaves: run->tables says bits, block, zero point, scales and search of every table that is to be
 *         done; what became of each annotation.
 * Keeps:  the graph. Layers: "spec" is written.
 *
 * A lookup obeys the nearest annotated slot on the way from its operand 0 to the table: that
 * operand, else results and operands of the wrappers in between, else the table itself. The spec is
 * the one in force there, that of the slot's group. One table gets one set of codes, so the first
 * lookup in graph order that can be done decides, and others that differ are left alone.
 */
#include "passes/follow_annotations.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "kernels/format.h"
#include "passes/account.h"
#include "passes/follower.h"
#include "passes/table_codes.h"
#include "passes/table_spec.h"

/* --- one lookup ------------------------------------------------------------------------------- */

/* Why a lookup is left alone, while it is looked at. */
typedef struct verdict {
    quire_reason reason; /* none: it is done */
    quire_bytes message;
} verdict;

static void
write_annotation(const follower *f, quire_writer *w, uint32_t annotation)
{
    quire_slot_print(w, f->m, f->resolved->annotations[annotation - 1].slot);
    quire_write_str(w, " is annotated \"");
    quire_spec_print(w, f->m, follower_spec(f, annotation));
    quire_write_str(w, "\"");
}

/* `A is annotated "SPEC"`, then `middle`, then the same of b if it is not 0, then `end`. */
static quire_status
tell(const follower *f, uint32_t a, const char *middle, uint32_t b, const char *end,
     quire_bytes *out)
{
    quire_text text = {0};
    quire_writer w;
    quire_writer_to_text(&w, f->ctx, &text);
    write_annotation(f, &w, a);
    quire_write_str(&w, middle);
    if (b != 0) write_annotation(f, &w, b);
    quire_write_str(&w, end);
    quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) {
        const quire_bytes all = {(const uint8_t *)text.ptr, text.len};
        status = quire_arena_copy(f->ctx, &f->m->arena, all, out);
    }
    quire_text_free(f->ctx, &text);
    return status;
}

static quire_status
judge_spec(follower *f, uint32_t obeyed, verdict *v)
{
    const quire_spec *spec = follower_spec(f, obeyed);
    if (spec->kind == QUIRE_SPEC_FLOAT) {
        v->reason = QUIRE_REASON_ANNOTATED_FLOAT;
        return tell(f, obeyed, "", 0, "", &v->message);
    }
    const char *refused = quire_table_spec_refused(f->m, spec);
    if (refused == NULL) return QUIRE_OK;
    v->reason = QUIRE_REASON_SPEC;
    return tell(f, obeyed, ", which no table can have: ", 0, refused, &v->message);
}

static quire_status
judge_against_decider(follower *f, uint32_t obeyed, uint32_t decider, verdict *v)
{
    const uint32_t first = f->obeyed[decider - 1];
    if (first == obeyed || quire_spec_equal(follower_spec(f, first), follower_spec(f, obeyed)))
        return QUIRE_OK;
    v->reason = QUIRE_REASON_SPEC;
    return tell(f, obeyed, ", but ", first,
                ": both read one table, which gets one set of codes, and the first lookup decides",
                &v->message);
}

/* An empty table is too small whoever asks. */
static quire_status
judge_size(follower *f, const quire_found_table *t, verdict *v)
{
    if (t->rows > 0 && t->width > 0) return QUIRE_OK;
    v->reason = QUIRE_REASON_TOO_SMALL;
    return quire_arena_format(f->ctx, &f->m->arena, &v->message,
                              "%llu x %llu are no elements: there is nothing to quantize",
                              (unsigned long long)t->rows, (unsigned long long)t->width);
}

/* The first lookup of t that can be done gives it its form. */
static quire_status
decide_table(follower *f, quire_found_table *t, uint32_t obeyed, verdict *v)
{
    quire_row_format format;
    QUIRE_TRY(judge_size(f, t, v));
    if (v->reason != QUIRE_REASON_NONE) return QUIRE_OK;
    quire_table_spec_apply(f->m, follower_spec(f, obeyed), t);
    QUIRE_TRY(quire_table_judge_opset(f->ctx, f->m, t, &v->reason, &v->message));
    if (v->reason != QUIRE_REASON_NONE) return QUIRE_OK;
    QUIRE_TRY(quire_table_format(f->ctx, t, &format));
    t->block = format.choice.block; /* blocks that are not needed are dropped */
    return QUIRE_OK;
}

/* Nobody asks for the lookup: the quantizer that looked at it may have said why. */
static quire_status
judge_left(const follower *f, const quire_lookup *l, verdict *v)
{
    const uint32_t index = f->skips != NULL ? f->skips[l->node.id] : 0;
    v->reason = QUIRE_REASON_NOT_ANNOTATED;
    if (index == 0) return QUIRE_OK;
    const quire_skip *skip = &f->tables->account->skips[index - 1];
    const quire_bytes code = quire_sym_bytes(f->m, skip->reason);
    const quire_bytes text = quire_sym_bytes(f->m, skip->text);
    const quire_reason known = quire_reason_find(code);
    if (known != QUIRE_REASON_NONE) {
        v->reason = known;
        v->message = text;
        return QUIRE_OK;
    }
    const quire_bytes who = quire_sym_bytes(f->m, skip->who);
    return quire_arena_format(f->ctx, &f->m->arena, &v->message, "left alone by %.*s: %.*s%s%.*s",
                              (int)who.len, (const char *)who.ptr, (int)code.len,
                              (const char *)code.ptr, text.len > 0 ? ": " : "", (int)text.len,
                              (const char *)text.ptr);
}

static quire_status
judge(follower *f, size_t i, verdict *v)
{
    const quire_lookup *l = &f->tables->lookups[i];
    uint32_t *decider = &f->deciders[l->table - 1];
    const uint32_t obeyed = f->obeyed[i];
    if (obeyed == 0) return judge_left(f, l, v);
    QUIRE_TRY(judge_spec(f, obeyed, v));
    if (v->reason != QUIRE_REASON_NONE) return QUIRE_OK;
    if (*decider != 0) return judge_against_decider(f, obeyed, *decider, v);
    QUIRE_TRY(decide_table(f, &f->tables->tables[l->table - 1], obeyed, v));
    if (v->reason == QUIRE_REASON_NONE) *decider = (uint32_t)i + 1;
    return QUIRE_OK;
}

static quire_status
annotate(follower *f, const quire_lookup *l, uint32_t obeyed)
{
    const quire_slot slot = {.kind = QUIRE_SLOT_USE, .id = quire_node_operand(f->m, l->node, 0).id};
    const quire_spec spec = *follower_spec(f, obeyed);
    return quire_specs_set(f->ctx, f->m, slot, &spec);
}

/* The table keeps its float copy for l. What would not be smaller is still looked at for NaN, which
 * comes first in the order of reasons (quantize-tables). */
static quire_status
leave_alone(follower *f, quire_lookup *l, const verdict *v)
{
    quire_found_table *t = &f->tables->tables[l->table - 1];
    l->reason = v->reason;
    l->message = v->message;
    t->n_eligible--;
    t->keeps_float = true;
    if (t->n_eligible == 0 && v->reason == QUIRE_REASON_NOT_SMALLER) {
        t->excluded = v->reason;
        t->bits = 8; /* looking takes some form, and any will do */
    }
    QUIRE_TRY(quire_grow(f->ctx, &t->other_uses, &t->other_uses_room, t->n_other_uses + 1,
                         sizeof *t->other_uses));
    t->other_uses[t->n_other_uses++] = l->path;
    return QUIRE_OK;
}

static quire_status
decide_lookups(follower *f)
{
    for (size_t i = 0; i < f->tables->n_lookups; i++) {
        quire_lookup *l = &f->tables->lookups[i];
        verdict v = {QUIRE_REASON_NONE, {NULL, 0}};
        if (l->reason != QUIRE_REASON_NONE) continue;
        f->obeyed[i] = follower_lookup(f, l);
        QUIRE_TRY(judge(f, i, &v));
        QUIRE_TRY(v.reason == QUIRE_REASON_NONE ? annotate(f, l, f->obeyed[i])
                                                : leave_alone(f, l, &v));
    }
    return QUIRE_OK;
}

/* --- the pass --------------------------------------------------------------------------------- */

static quire_status
take_zeroed(quire_ctx *ctx, size_t n, size_t size, void *out_array /* a T ** */)
{
    void *array = quire_alloc(ctx->alloc, n * size);
    if (array == NULL && n > 0) return quire_nomem(ctx);
    if (n > 0) memset(array, 0, n * size);
    memcpy(out_array, &array, sizeof array);
    return QUIRE_OK;
}

static quire_status
make_account(quire_ctx *ctx, quire_tables *tables, size_t n)
{
    quire_free(ctx->alloc, tables->annotated, tables->n_annotated * sizeof *tables->annotated);
    tables->annotated = NULL;
    tables->n_annotated = 0;
    QUIRE_TRY(take_zeroed(ctx, n, sizeof *tables->annotated, &tables->annotated));
    tables->n_annotated = n;
    return QUIRE_OK;
}

static quire_status
note_skips(follower *f)
{
    const quire_account *account = f->tables->account;
    if (account == NULL || account->n_skips == 0) return QUIRE_OK;
    QUIRE_TRY(take_zeroed(f->ctx, f->m->nodes.count, sizeof *f->skips, &f->skips));
    for (size_t i = account->n_skips; i > 0; i--)
        f->skips[account->skips[i - 1].node.id] = (uint32_t)i;
    return QUIRE_OK;
}

static quire_status
follow(follower *f)
{
    quire_tables *tables = f->tables;
    QUIRE_TRY(make_account(f->ctx, tables, f->resolved->n_annotations));
    if (tables->n_lookups == 0) return QUIRE_OK;
    QUIRE_TRY(quire_origins_make(f->ctx, f->m, &f->origins));
    QUIRE_TRY(take_zeroed(f->ctx, f->origins.n, sizeof *f->nearest, &f->nearest));
    QUIRE_TRY(take_zeroed(f->ctx, f->origins.n, sizeof *f->readers, &f->readers));
    QUIRE_TRY(take_zeroed(f->ctx, tables->n_lookups, sizeof *f->obeyed, &f->obeyed));
    QUIRE_TRY(take_zeroed(f->ctx, tables->n_tables, sizeof *f->deciders, &f->deciders));
    QUIRE_TRY(note_skips(f));
    QUIRE_TRY(follower_find_nearest(f));
    QUIRE_TRY(decide_lookups(f));
    return follower_settle(f);
}

quire_status
quire_pass_annotate_tables(quire_ctx *ctx, quire_run *run)
{
    static const quire_resolved none = {.n_annotations = 0};
    const quire_resolved *resolved = run->tables->resolved;
    follower f = {.ctx = ctx,
                  .m = run->model,
                  .tables = run->tables,
                  .resolved = resolved != NULL ? resolved : &none,
                  .layer = quire_layer_find(run->model, FOLLOWER_LAYER)};
    const size_t n_values = f.m->values.count;
    const size_t n_nodes = f.m->nodes.count;
    const quire_status status = follow(&f);
    if (f.skips != NULL) quire_free(ctx->alloc, f.skips, n_nodes * sizeof *f.skips);
    quire_free(ctx->alloc, f.deciders, f.tables->n_tables * sizeof *f.deciders);
    quire_free(ctx->alloc, f.obeyed, f.tables->n_lookups * sizeof *f.obeyed);
    quire_ungrow(ctx->alloc, &f.wrappers, &f.wrappers_room, sizeof *f.wrappers);
    quire_free(ctx->alloc, f.readers, n_values * sizeof *f.readers);
    quire_free(ctx->alloc, f.nearest, n_values * sizeof *f.nearest);
    quire_origins_free(ctx, &f.origins);
    return status;
}
