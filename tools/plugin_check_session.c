/* plugin_check_session.c - a probe at work in a session of the host, and what came of it as lines
 * that can be compared.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/spec_text.h"
#include "passes/pass.h"
#include "passes/regroup.h"
#include "passes/resolve.h"
#include "plugin/run.h"
#include "plugin_check.h"

/* --- lines ------------------------------------------------------------------------------------ */

static void
write_skips(quire_writer *w, const quire_model *m, const quire_run_result *r)
{
    for (size_t i = 0; i < r->n_skips; i++) {
        const quire_skip *skip = &r->skips[i];
        const quire_value v = quire_node_first_result(m, skip->node);
        quire_write_str(w, "skip ");
        if (v.id != 0) quire_slot_print(w, m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
        quire_write_str(w, " ");
        quire_write_bytes(w, quire_sym_bytes(m, skip->reason));
        quire_write_str(w, " ");
        if (skip->text.id != 0) quire_slot_print_quoted(w, quire_sym_bytes(m, skip->text));
        quire_write_str(w, "\n");
    }
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* By bytes: the order of the graph is gone. */
static quire_status
sort_lines(quire_ctx *ctx, quire_text *text)
{
    const char **lines = NULL;
    size_t n = 0, room = 0;
    quire_text sorted;
    quire_writer w;
    for (char *at = text->ptr; at < text->ptr + text->len; at += strlen(at) + 1) {
        char *end = strchr(at, '\n');
        if (end == NULL) break;
        *end = '\0';
        QUIRE_TRY(quire_grow(ctx, &lines, &room, n + 1, sizeof *lines));
        lines[n++] = at;
    }
    if (n > 0) qsort(lines, n, sizeof *lines, compare);
    quire_writer_to_text(&w, ctx, &sorted);
    for (size_t i = 0; i < n; i++)
        quire_writef(&w, "%s\n", lines[i]);
    const quire_status status = quire_writer_finish(&w);
    quire_ungrow(ctx->alloc, &lines, &room, sizeof *lines);
    quire_text_free(ctx, text);
    *text = sorted;
    return status;
}

static quire_status
write_lines(kit_work *w, const quire_run_result *r, const quire_resolved *resolved)
{
    quire_ctx *ctx = &w->voice->ctx;
    quire_writer to;
    quire_text_free(ctx, &w->lines);
    quire_writer_to_text(&to, ctx, &w->lines);
    quire_claims_print(&to, w->m, &resolved->claims);
    write_skips(&to, w->m, r);
    QUIRE_TRY(quire_writer_finish(&to));
    return sort_lines(ctx, &w->lines);
}

/* --- the steps -------------------------------------------------------------------------------- */

quire_status
kit_work_begin(kit_work *w, kit_voice *voice, kit_probe *p, quire_model *m)
{
    const quire_request request = {.known = &p->shim_known, .options = &p->link};
    *w = (kit_work){.voice = voice, .p = p, .m = m};
    p->link = p;
    voice->error[0] = '\0';
    return quire_session_open(&voice->ctx, m, &p->k->registry, &request, 1, &w->session);
}

static quire_status
infer_types(quire_ctx *ctx, quire_model *m)
{
    quire_tables none = {0};
    quire_run run = {.model = m, .tables = &none};
    return quire_pass_infer_types(ctx, &run);
}

static quire_status
adjust(kit_work *w, quire_run_result *result, quire_resolved *io_resolved)
{
    quire_regroup *groups;
    quire_ctx *ctx = &w->voice->ctx;
    if (!quire_session_adjusts(w->session)) return QUIRE_OK;
    QUIRE_TRY(quire_regroup_start(ctx, w->m, io_resolved, &groups));
    quire_status status = quire_session_adjust(w->session, groups, result);
    if (status == QUIRE_OK) status = quire_regroup_finish(ctx, groups, io_resolved, NULL);
    quire_regroup_destroy(ctx, groups);
    return status;
}

static quire_status
resolve_and_adjust(kit_work *w, quire_run_result *result)
{
    quire_resolved resolved;
    quire_ctx *ctx = &w->voice->ctx;
    QUIRE_TRY(quire_resolve_or_fail(ctx, w->m, &result->claims, NULL, QUIRE_E_USAGE, &resolved));
    /* Before adjust: how its edits are written down depends on which slot of a group comes first. */
    quire_status status = write_lines(w, result, &resolved);
    if (status == QUIRE_OK) status = quire_session_validate(w->session, &resolved, result);
    if (status == QUIRE_OK) status = adjust(w, result, &resolved);
    quire_resolved_deinit(ctx, &resolved);
    return status;
}

quire_status
kit_work_annotate(kit_work *w)
{
    quire_run_result result = {0};
    bool changed;
    quire_ctx *ctx = &w->voice->ctx;
    quire_status status = quire_session_transform(w->session, &changed);
    if (status == QUIRE_OK) status = infer_types(ctx, w->m);
    if (status == QUIRE_OK) status = quire_session_annotate(w->session, &result);
    if (status == QUIRE_OK && w->p->look != NULL) w->p->look(w->p, w->m, &result.claims);
    if (status == QUIRE_OK) status = resolve_and_adjust(w, &result);
    quire_run_result_deinit(ctx, &result);
    return status;
}

void
kit_work_end(kit_work *w)
{
    if (w->session != NULL) quire_session_undo(w->session);
    quire_session_close(w->session);
    w->session = NULL;
}

quire_status
kit_annotate(kit_voice *voice, kit_probe *p, quire_model *m, quire_text *out_lines)
{
    kit_work w;
    quire_status status = kit_work_begin(&w, voice, p, m);
    if (status == QUIRE_OK) status = kit_work_annotate(&w);
    kit_work_end(&w);
    if (out_lines != NULL)
        *out_lines = w.lines;
    else
        quire_text_free(&voice->ctx, &w.lines);
    return status;
}
