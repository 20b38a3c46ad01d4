/* supports.c - see supports.h. */
#include "plugin/supports.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "plugin/descriptor.h"
#include "plugin/guard.h"
#include "plugin/guarded.h"
#include "plugin/host_view.h"

typedef struct reading {
    quire_instance *i;
    quire_arena *arena;   /* the caller's */
    quire_arena scratch;  /* the view's */
    quire_host_view view; /* takes the specs in */
    quire_support_row *rows;
    size_t n, room;
} reading;

/* QUIRE_NONE: there is no such row. */
static quire_status
ask(quire_instance *i, uint32_t row, quire_support *out)
{
    quire_guard guard;
    *out = (quire_support){.size = QUIRE_SIZE_TO(quire_support, spec),
                           .spec = {.size = QUIRE_SIZE_TO(quire_qspec, n_targets)}};
    quire_host_calls(&i->host, "support");
    quire_guard_enter(&guard);
    const quire_status status = i->quantizer->support(i->self, row, out);
    const char *changed = quire_guard_leave(&guard);
    if (changed != NULL)
        quire_tell(
            i->ctx, QUIRE_WARNING, NULL,
            "plugin \"%s\" (quantizer \"%s\"), support: %s was left changed; it was put back",
            i->known->plugin->plugin->name, i->who, changed);
    return quire_host_returned(&i->host, "support", status);
}

static quire_status
refuse(reading *r, uint32_t row, const char *what)
{
    return quire_host_fault(&r->i->host, "support", QUIRE_E_PLUGIN, NULL, "row %" PRIu32 ": %s",
                            row, what);
}

static quire_status
take_spec(reading *r, uint32_t row, const quire_support *s, quire_spec_ref *out)
{
    quire_host_view *v = &r->view;
    const quire_qspec *spec = &s->spec;
    if (spec->kind == QUIRE_QSPEC_SHARED || spec->n_targets > 0)
        return refuse(r, row, "spec: found targets, or kind shared; rows speak of no slots");
    if (spec->kind == QUIRE_QSPEC_DERIVED)
        return refuse(r, row, "spec: found kind derived, which needs targets; leave the row out");
    if (quire_view_spec_in(v, "support", (quire_slot){0, 0}, spec, out) == QUIRE_OK)
        return QUIRE_OK;
    return quire_host_fault(&r->i->host, "support", v->ends, NULL, "row %" PRIu32 ": %s", row,
                            v->fault_text);
}

static quire_status
take(reading *r, uint32_t row, const quire_support *s)
{
    quire_support_row made = {.is_result = s->is_result != 0, .index = s->index};
    quire_bytes op;
    if (!quire_is_plain_text(s->op) || s->op[0] == '\0')
        return refuse(r, row, "op: found no operator; it takes \"Type\" or \"domain.Type\"");
    QUIRE_TRY(take_spec(r, row, s, &made.spec));
    QUIRE_TRY(quire_arena_copy(r->i->ctx, r->arena, quire_bytes_of(s->op), &op));
    made.op = (const char *)op.ptr;
    QUIRE_TRY(quire_grow(r->i->ctx, &r->rows, &r->room, r->n + 1, sizeof *r->rows));
    r->rows[r->n++] = made;
    return QUIRE_OK;
}

static quire_status
read_all(reading *r)
{
    quire_support s;
    for (uint32_t row = 0;; row++) {
        const quire_status status = ask(r->i, row, &s);
        if (status != QUIRE_OK) return status == QUIRE_NONE ? QUIRE_OK : status;
        if (QUIRE_GUARD(SUPPORTS) && row == QUIRE_SUPPORTS_MAX)
            return quire_host_fault(&r->i->host, "support", QUIRE_E_PLUGIN, NULL,
                                    "found more than %d rows, or no end: it returns QUIRE_NONE "
                                    "behind the last",
                                    QUIRE_SUPPORTS_MAX);
        QUIRE_TRY(quire_check_canceled(r->i->ctx));
        QUIRE_TRY(take(r, row, &s));
    }
}

static quire_status
keep(reading *r, quire_support_row **out_rows)
{
    QUIRE_TRY(quire_arena_take(r->i->ctx, r->arena, r->n * sizeof **out_rows, out_rows));
    if (r->n > 0) memcpy(*out_rows, r->rows, r->n * sizeof **out_rows);
    return QUIRE_OK;
}

quire_status
quire_supports_read(quire_instance *i, quire_arena *arena, quire_support_row **out_rows,
                    size_t *out_n)
{
    reading r = {.i = i, .arena = arena};
    *out_rows = NULL;
    *out_n = 0;
    quire_arena_init(&r.scratch, i->ctx->alloc);
    r.view = (quire_host_view){.ctx = i->ctx, .m = i->m, .who = i->who, .arena = &r.scratch};
    quire_host_view_open(&r.view);
    quire_status status = read_all(&r);
    if (status == QUIRE_OK) status = keep(&r, out_rows);
    if (status == QUIRE_OK) *out_n = r.n;
    quire_host_view_close(&r.view);
    quire_ungrow(i->ctx->alloc, &r.rows, &r.room, sizeof *r.rows);
    quire_arena_deinit(&r.scratch);
    return status;
}

void
quire_support_print(quire_writer *w, const quire_model *m, const quire_support_row *row)
{
    const quire_spec spec = quire_spec_of_ref(m, row->spec);
    quire_writef(w, "%s, %s %" PRIu32 ": ", row->op, row->is_result ? "result" : "operand",
                 row->index);
    quire_spec_print(w, m, &spec);
}
