/* formulas_check.c - the derived specs of a resolved model, each put to its formula; see formula.h.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/diag.h"
#include "plugin/formula.h"
#include "plugin/host_view.h"

enum {
    NEAREST_ROOM = 500,
    SLOT_ROOM = 300,
    NAME_ROOM = 100,
    MAX_TOLD = 16 /* unknown names; the rest is counted */
};

typedef struct unknown { /* a formula that is not there */
    quire_sym name;
    quire_slot slot; /* the first that names it */
    size_t n;        /* groups that name it */
} unknown;

typedef struct checking {
    quire_ctx *ctx;
    quire_model *m;
    const quire_registry *registry;
    const quire_resolved *r;
    quire_account *account;
    quire_arena arena;
    quire_host_view view; /* makes specs for plugins */
    unknown *unknowns;
    size_t n_unknowns, unknowns_room;
    size_t n_more_unknown; /* groups of names beyond the first MAX_TOLD */
    /* The group at hand. */
    quire_slot slot; /* of what carries its spec */
    quire_sym name;  /* of its formula */
    quire_qspec spec, sources[QUIRE_SPEC_MAX_TARGETS];
    const quire_qspec *source_ptrs[QUIRE_SPEC_MAX_TARGETS];
    quire_derivation derivation;
} checking;

/* --- what is told ----------------------------------------------------------------------------- */

static quire_status
intern(const checking *c, const char *text, quire_sym *out)
{
    quire_bytes kept;
    QUIRE_TRY(quire_arena_copy(c->ctx, &c->m->arena, quire_bytes_of(text), &kept));
    return quire_syms_intern(c->ctx, &c->m->syms, kept, out);
}

static quire_status
file_finding(checking *c, const char *why)
{
    char path[SLOT_ROOM];
    char who[NAME_ROOM];
    const quire_bytes name = quire_sym_bytes(c->m, c->name);
    quire_finding made = {.severity = QUIRE_ERROR, .slot = c->slot};
    snprintf(who, sizeof who, "formula %.*s", (int)name.len, (const char *)name.ptr);
    QUIRE_TRY(intern(c, who, &made.who));
    QUIRE_TRY(intern(c, why, &made.text));
    quire_account *a = c->account;
    QUIRE_TRY(quire_grow(c->ctx, &a->findings, &a->findings_room, a->n_findings + 1,
                         sizeof *a->findings));
    a->findings[a->n_findings++] = made;
    a->n_errors++;
    quire_view_print_slot(c->ctx, c->m, c->slot, path, sizeof path);
    quire_tell(c->ctx, QUIRE_ERROR, path[0] != '\0' ? path : NULL, "%s: %s", who, why);
    return QUIRE_OK;
}

static quire_status
note_unknown(checking *c)
{
    for (size_t i = 0; i < c->n_unknowns; i++) {
        if (c->unknowns[i].name.id != c->name.id) continue;
        c->unknowns[i].n++;
        return QUIRE_OK;
    }
    if (c->n_unknowns == MAX_TOLD) {
        c->n_more_unknown++;
        return QUIRE_OK;
    }
    QUIRE_TRY(quire_grow(c->ctx, &c->unknowns, &c->unknowns_room, c->n_unknowns + 1,
                         sizeof *c->unknowns));
    c->unknowns[c->n_unknowns++] = (unknown){.name = c->name, .slot = c->slot, .n = 1};
    return QUIRE_OK;
}

static void
tell_unknown(const checking *c, const unknown *u)
{
    char path[SLOT_ROOM];
    char nearest[NEAREST_ROOM];
    char name[NAME_ROOM];
    const quire_bytes bytes = quire_sym_bytes(c->m, u->name);
    quire_escape(name, sizeof name, bytes.ptr, bytes.len);
    quire_registry_nearest_formulas(c->registry, bytes, nearest, sizeof nearest);
    quire_view_print_slot(c->ctx, c->m, u->slot, path, sizeof path);
    quire_tell(
        c->ctx, QUIRE_WARNING, path[0] != '\0' ? path : NULL,
        "no formula is called \"%s\" (%zu derived group%s): whether it fits was not checked; "
        "nearest: %s; --plugin FILE adds those of a file",
        name, u->n, u->n == 1 ? "" : "s", nearest);
}

static void
tell_more(const checking *c)
{
    if (c->n_more_unknown > 0)
        quire_tell(c->ctx, QUIRE_WARNING, NULL,
                   "%zu more derived groups name formulas that are not there", c->n_more_unknown);
}

/* --- specs ------------------------------------------------------------------------------------ */

static quire_status
spec_out(checking *c, const quire_spec *spec, quire_qspec *out)
{
    *out = (quire_qspec){.size = sizeof *out};
    return quire_view_spec_out(&c->view, spec, out);
}

static quire_status
read_group(checking *c, const quire_group *g)
{
    const quire_spec *spec = quire_spec_at(c->m, g->spec);
    QUIRE_TRY(spec_out(c, spec, &c->spec));
    for (uint32_t k = 0; k < spec->n_targets; k++) {
        const quire_annotation *a = quire_resolved_at(c->r, spec->targets[k]);
        if (a == NULL) return quire_bug(c->ctx, "a source of a derived spec is not annotated");
        QUIRE_TRY(spec_out(c, quire_resolved_spec(c->m, c->r, a), &c->sources[k]));
        c->source_ptrs[k] = &c->sources[k];
    }
    c->derivation =
        (quire_derivation){.spec = &c->spec, .sources = c->source_ptrs, .n = spec->n_targets};
    return QUIRE_OK;
}

/* --- parameters that are known already -------------------------------------------------------- */

/* How many parameters the slot has: 0 where its shape does not say. */
static uint32_t
count_parameters(const checking *c)
{
    int64_t dims[8];
    int32_t rank;
    if (c->spec.granularity == QUIRE_QSPEC_PER_TENSOR) return 1;
    if (c->spec.granularity != QUIRE_QSPEC_PER_AXIS || c->spec.axis >= 8) return 0;
    const quire_value value = quire_slot_value(c->m, c->slot);
    if (value.id == 0) return 0;
    quire_value_dims(c->m, value, dims, 8, &rank);
    if (c->spec.axis >= rank) return 0;
    const int64_t n = dims[c->spec.axis];
    return n > 0 && n <= QUIRE_FORMULA_MAX_PARAMETERS ? (uint32_t)n : 0;
}

static bool
all_fixed(const checking *c)
{
    for (uint32_t k = 0; k < c->derivation.n; k++) {
        if (c->sources[k].kind != QUIRE_QSPEC_FIXED) return false;
    }
    return true;
}

typedef struct fixed_parameters { /* of the sources: one each */
    double scale[QUIRE_SPEC_MAX_TARGETS], float_zero_point[QUIRE_SPEC_MAX_TARGETS];
    int64_t zero_point[QUIRE_SPEC_MAX_TARGETS];
    quire_qparams given[QUIRE_SPEC_MAX_TARGETS];
    const quire_qparams *ptrs[QUIRE_SPEC_MAX_TARGETS];
} fixed_parameters;

static void
fill_fixed(const checking *c, fixed_parameters *f)
{
    for (uint32_t k = 0; k < c->derivation.n; k++) {
        const quire_qspec *s = &c->sources[k];
        f->scale[k] = s->fixed_scale;
        f->zero_point[k] = s->fixed_zero_point;
        memcpy(&f->float_zero_point[k], &s->fixed_zero_point, sizeof(double));
        f->given[k] = (quire_qparams){.size = sizeof f->given[k], .n = 1, .scale = &f->scale[k]};
        if (s->zero_point == QUIRE_QSPEC_ZERO_POINT_INT) f->given[k].zero_point = &f->zero_point[k];
        if (s->zero_point == QUIRE_QSPEC_ZERO_POINT_FLOAT)
            f->given[k].float_zero_point = &f->float_zero_point[k];
        f->ptrs[k] = &f->given[k];
    }
}

/* The sources are fixed: that there are parameters can be seen now. */
static quire_status
derive_now(checking *c, const quire_known_formula *known, char *out_why)
{
    fixed_parameters f;
    double *numbers;
    const uint32_t n = count_parameters(c);
    if (n == 0 || !all_fixed(c)) return QUIRE_OK;
    fill_fixed(c, &f);
    QUIRE_TRY(quire_arena_take(c->ctx, &c->arena, 2 * (size_t)n * sizeof *numbers, &numbers));
    quire_qparams out = {.size = sizeof out, .n = n, .scale = numbers};
    if (c->spec.zero_point == QUIRE_QSPEC_ZERO_POINT_INT)
        out.zero_point = (int64_t *)(void *)(numbers + n);
    if (c->spec.zero_point == QUIRE_QSPEC_ZERO_POINT_FLOAT) out.float_zero_point = numbers + n;
    return quire_formula_derive(c->ctx, known, &c->derivation, f.ptrs, &out, out_why);
}

/* --- the whole -------------------------------------------------------------------------------- */

static quire_status
check_group(checking *c, const quire_group *g)
{
    char why[QUIRE_FORMULA_WHY_ROOM];
    const quire_spec *spec = quire_spec_at(c->m, g->spec);
    if (spec->kind != QUIRE_SPEC_DERIVED) return QUIRE_OK;
    QUIRE_TRY(quire_check_canceled(c->ctx));
    c->name = spec->formula;
    c->slot = c->r->annotations[g->carrier].slot;
    const quire_known_formula *known =
        quire_registry_find_formula(c->registry, quire_sym_bytes(c->m, c->name));
    if (known == NULL) return note_unknown(c);
    quire_arena_reset(&c->arena);
    QUIRE_TRY(read_group(c, g));
    quire_status status = quire_formula_accepts(c->ctx, known, &c->derivation, why);
    if (status == QUIRE_OK) status = derive_now(c, known, why);
    return status == QUIRE_NONE ? file_finding(c, why) : status;
}

static quire_status
check_groups(checking *c)
{
    for (size_t g = 0; g < c->r->n_groups; g++)
        QUIRE_TRY(check_group(c, &c->r->groups[g]));
    for (size_t i = 0; i < c->n_unknowns; i++)
        tell_unknown(c, &c->unknowns[i]);
    tell_more(c);
    return QUIRE_OK;
}

quire_status
quire_formulas_check(quire_ctx *ctx, quire_model *m, const quire_registry *registry,
                     const quire_resolved *r, quire_account *io_account)
{
    checking c = {.ctx = ctx, .m = m, .registry = registry, .r = r, .account = io_account};
    quire_arena_init(&c.arena, ctx->alloc);
    c.view = (quire_host_view){.ctx = ctx, .m = m, .who = "", .arena = &c.arena};
    quire_host_view_open(&c.view);
    c.view.inner = *ctx; /* what fails here is told, not kept */
    const quire_status status = check_groups(&c);
    quire_host_view_close(&c.view);
    quire_ungrow(ctx->alloc, &c.unknowns, &c.unknowns_room, sizeof *c.unknowns);
    quire_arena_deinit(&c.arena);
    return status;
}
