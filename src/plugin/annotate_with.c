/* annotate_with.c - sessions change the graph and make claims beside the rules; claims are resolved,
 * and the result validated and adjusted. */
#include "plugin/annotate_with.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "passes/pass.h"
#include "passes/regroup.h"
#include "passes/rules_where.h"
#include "plugin/formula.h"
#include "plugin/options.h"
#include "plugin/recipe_text.h"
#include "plugin/run.h"

typedef struct annotating {
    quire_ctx *ctx;
    quire_model *m;
    const quire_registry *registry;
    const quire_annotators *by;
    quire_recipe recipe;     /* of by->recipe; its rules are in *a */
    quire_request *requests; /* of the recipe, then by->n_quantizers */
    size_t n_requests;
    quire_arena arena; /* their options */
    quire_run_result run;
    quire_session *session;
    quire_annotations *a;
} annotating;

/* --- requests --------------------------------------------------------------------------------- */

/* `NAME[:OPTIONS]` */
static quire_status
read_request(annotating *w, const char *text, quire_request *out)
{
    const char *colon = strchr(text, ':');
    const size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    const quire_bytes name = {(const uint8_t *)text, len};
    const quire_bytes options = quire_bytes_of(colon != NULL ? colon + 1 : "");
    QUIRE_TRY(quire_registry_get(w->ctx, w->registry, name, &out->known));
    return quire_options_parse(w->ctx, out->known->quantizer, options, &w->arena, &out->options);
}

/* Of the session, and children too. */
static quire_status
declare(void *data, const char *who)
{
    annotating *w = data;
    quire_account *account = &w->a->account;
    const quire_bytes name = quire_bytes_of(who);
    quire_bytes kept;
    QUIRE_TRY(quire_grow(w->ctx, &account->quantizers, &account->quantizers_room,
                         account->n_quantizers + 1, sizeof *account->quantizers));
    QUIRE_TRY(quire_arena_copy(w->ctx, &w->m->arena, name, &kept));
    return quire_syms_intern(w->ctx, &w->m->syms, kept,
                             &account->quantizers[account->n_quantizers++]);
}

/* What is wrong with it from now on is told with its place. */
static quire_status
read_declared(annotating *w, const quire_recipe_quantizer *quantizer, quire_request *out)
{
    const char *text;
    char where[QUIRE_WHERE_ROOM];
    quire_bytes kept;
    quire_known_quantizer *known;
    QUIRE_TRY(quire_recipe_text(w->ctx, w->registry, &w->recipe, quantizer, &w->arena, &text));
    QUIRE_TRY(read_request(w, text, out));
    QUIRE_TRY(quire_arena_take(w->ctx, &w->arena, sizeof *known, &known));
    *known = *out->known;
    quire_rules_where(where, &w->recipe.rules, quantizer->at);
    QUIRE_TRY(quire_arena_copy(w->ctx, &w->arena, quire_bytes_of(where), &kept));
    known->where = (const char *)kept.ptr;
    out->known = known;
    out->priority = quantizer->priority;
    return QUIRE_OK;
}

/* One that flags come to. */
static quire_status
read_flags(annotating *w, const char *text, quire_request *out)
{
    quire_known_quantizer *known;
    QUIRE_TRY(read_request(w, text, out));
    QUIRE_TRY(quire_arena_take(w->ctx, &w->arena, sizeof *known, &known));
    *known = *out->known;
    known->of_flags = true;
    out->known = known;
    return QUIRE_OK;
}

static quire_status
read_requests(annotating *w)
{
    const quire_annotators *by = w->by;
    const size_t first = w->recipe.n_quantizers;
    for (size_t i = 0; i < first; i++)
        QUIRE_TRY(read_declared(w, &w->recipe.quantizers[i], &w->requests[i]));
    for (size_t i = 0; i < by->n_quantizers; i++) {
        quire_request *request = &w->requests[first + i];
        QUIRE_TRY(by->of_flags ? read_flags(w, by->quantizers[i], request)
                               : read_request(w, by->quantizers[i], request));
    }
    return QUIRE_OK;
}

/* --- claims ----------------------------------------------------------------------------------- */

static quire_status
infer_types(annotating *w)
{
    quire_tables none = {0}; /* passes share it; infer-types does not look at it */
    quire_run run = {.model = w->m, .tables = &none};
    return quire_pass_infer_types(w->ctx, &run);
}

static quire_status
collect(annotating *w)
{
    QUIRE_TRY(infer_types(w));
    QUIRE_TRY(read_requests(w));
    QUIRE_TRY(
        quire_session_open(w->ctx, w->m, w->registry, w->requests, w->n_requests, &w->session));
    QUIRE_TRY(quire_session_each(w->session, declare, w));
    QUIRE_TRY(quire_session_transform(w->session, &w->a->transformed));
    if (w->a->transformed) QUIRE_TRY(infer_types(w));
    QUIRE_TRY(quire_session_annotate(w->session, &w->run));
    if (w->a->rules.n_rules == 0) return QUIRE_OK;
    return quire_rules_apply(w->ctx, &w->a->rules, w->m, &w->run.claims);
}

/* --- resolution ------------------------------------------------------------------------------- */

/* Claimants in the order of their first claims: quantizers in declared order, then the rules. */
typedef struct declared {
    const char **names;
    size_t n, room;
    bool *seen; /* by symbol */
    size_t n_seen;
} declared;

/* A NUL behind the name of a claimant: symbols have none. */
static quire_status
name_claimant(annotating *w, quire_sym who, const char **out)
{
    const quire_bytes text = quire_sym_bytes(w->m, who);
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(w->ctx, &w->arena, text, &copy));
    *out = (const char *)copy.ptr;
    return QUIRE_OK;
}

static quire_status
list_declared(annotating *w, declared *d)
{
    QUIRE_TRY(quire_grow(w->ctx, &d->seen, &d->n_seen, w->m->syms.n, sizeof *d->seen));
    for (size_t i = 0; i < w->run.claims.n; i++) {
        const quire_sym who = w->run.claims.ptr[i].who;
        if (d->seen[who.id]) continue;
        d->seen[who.id] = true;
        QUIRE_TRY(quire_grow(w->ctx, &d->names, &d->room, d->n + 1, sizeof *d->names));
        QUIRE_TRY(name_claimant(w, who, &d->names[d->n]));
        d->n++;
    }
    return QUIRE_OK;
}

/* After a conflict: what would hold if the first had its way. */
static quire_status
resolve_by_order(annotating *w, const quire_resolve_options *options)
{
    quire_resolve_options first = *options;
    first.conflict = QUIRE_CONFLICT_FIRST;
    quire_resolved_deinit(w->ctx, &w->a->resolved);
    const quire_status status =
        quire_resolve(w->ctx, w->m, &w->run.claims, &first, &w->a->resolved);
    return status == QUIRE_NONE ? QUIRE_OK : status;
}

static quire_status
resolve_by(annotating *w, const quire_resolve_options *options)
{
    quire_resolved *r = &w->a->resolved;
    if (!w->by->keeps_errors)
        return quire_resolve_or_fail(w->ctx, w->m, &w->run.claims, options, QUIRE_E_USAGE, r);
    const quire_status status = quire_resolve(w->ctx, w->m, &w->run.claims, options, r);
    if (status != QUIRE_NONE) return status;
    quire_tell(w->ctx, QUIRE_ERROR, NULL, "%s", r->message.ptr);
    w->run.n_errors++;
    return r->error == QUIRE_NAMED_CONFLICT ? resolve_by_order(w, options) : QUIRE_OK;
}

static quire_status
resolve(annotating *w)
{
    declared d = {0};
    quire_status status = list_declared(w, &d);
    const quire_resolve_options options = {
        .conflict = w->by->conflict, .declared = d.names, .n_declared = d.n};
    if (status == QUIRE_OK) status = resolve_by(w, &options);
    quire_ungrow(w->ctx->alloc, &d.names, &d.room, sizeof *d.names);
    quire_ungrow(w->ctx->alloc, &d.seen, &d.n_seen, sizeof *d.seen);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Skips and findings change hands. */
static void
keep_account(annotating *w)
{
    quire_run_result *run = &w->run;
    quire_account *account = &w->a->account;
    account->skips = run->skips;
    account->n_skips = run->n_skips;
    account->skips_room = run->skips_room;
    account->findings = run->findings;
    account->n_findings = run->n_findings;
    account->findings_room = run->findings_room;
    account->n_errors = run->n_errors;
    *run = (quire_run_result){.claims = run->claims};
}

static quire_status
adjust(annotating *w)
{
    quire_regroup *groups;
    if (!quire_session_adjusts(w->session)) return QUIRE_OK;
    QUIRE_TRY(quire_regroup_start(w->ctx, w->m, &w->a->resolved, &groups));
    quire_status status = quire_session_adjust(w->session, groups, &w->run);
    if (status == QUIRE_OK)
        status = quire_regroup_finish(w->ctx, groups, &w->a->resolved, &w->a->account);
    quire_regroup_destroy(w->ctx, groups);
    return status;
}

static quire_status
resolve_and_validate(annotating *w)
{
    QUIRE_TRY(resolve(w));
    /* From here on there is a result to free. */
    w->a->kind = w->by->of_flags ? QUIRE_FROM_FLAGS : QUIRE_FROM_QUANTIZERS;
    if (w->a->resolved.error != QUIRE_NAMED_NONE) {
        keep_account(w);
        return QUIRE_OK;
    }
    QUIRE_TRY(quire_session_validate(w->session, &w->a->resolved, &w->run));
    keep_account(w);
    QUIRE_TRY(adjust(w));
    return quire_formulas_check(w->ctx, w->m, w->registry, &w->a->resolved, &w->a->account);
}

static quire_status
work(annotating *w)
{
    size_t room = 0;
    quire_arena_init(&w->arena, w->ctx->alloc);
    quire_status status =
        quire_grow(w->ctx, &w->requests, &room, w->n_requests, sizeof *w->requests);
    if (status == QUIRE_OK) status = collect(w);
    if (status == QUIRE_OK) status = resolve_and_validate(w);
    if (status != QUIRE_OK && w->session != NULL) quire_session_undo(w->session);
    quire_session_close(w->session);
    quire_run_result_deinit(w->ctx, &w->run);
    quire_ungrow(w->ctx->alloc, &w->requests, &room, sizeof *w->requests);
    quire_arena_deinit(&w->arena);
    return status;
}

/* Takes the rules over. */
static quire_status
annotate_by_rules(quire_ctx *ctx, quire_model *m, const quire_registry *registry,
                  const quire_annotators *by, const quire_rules *rules, quire_annotations *out)
{
    const quire_resolve_options options = {.conflict = by->conflict};
    QUIRE_TRY(quire_annotations_by_rules(ctx, m, rules, &options, out));
    const quire_status status =
        quire_formulas_check(ctx, m, registry, &out->resolved, &out->account);
    if (status != QUIRE_OK) quire_annotations_deinit(ctx, out);
    return status;
}

/* What the recipe holds lies in the arena of its rules, which are the annotations' from here on. */
static quire_status
read_files(annotating *w)
{
    const quire_annotators *by = w->by;
    if (by->rules != NULL) return quire_rules_load(w->ctx, by->rules, &w->a->rules);
    if (by->recipe == NULL) return QUIRE_OK;
    QUIRE_TRY(quire_recipe_load(w->ctx, by->recipe, &w->recipe));
    w->a->rules = w->recipe.rules;
    return QUIRE_OK;
}

quire_status
quire_annotate_with(quire_ctx *ctx, quire_model *m, const quire_registry *registry,
                    const quire_annotators *by, quire_annotations *out)
{
    quire_annotations a = {.kind = QUIRE_FROM_NOTHING};
    annotating w = {.ctx = ctx, .m = m, .registry = registry, .by = by, .a = &a};
    QUIRE_TRY(read_files(&w));
    w.n_requests = w.recipe.n_quantizers + by->n_quantizers;
    if (w.n_requests == 0 && !by->keeps_errors)
        return annotate_by_rules(ctx, m, registry, by, &a.rules, out);
    const quire_status status = work(&w);
    if (status == QUIRE_OK) {
        *out = a;
    } else {
        quire_annotations_deinit(ctx, &a);
    }
    return status;
}
