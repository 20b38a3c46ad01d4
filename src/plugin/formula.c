/* formula.c - one formula called, and its answers checked; see formula.h. */
#include "plugin/formula.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "kernels/half.h"
#include "plugin/descriptor.h"
#include "plugin/guard.h"
#include "plugin/guarded.h"
#include "plugin/host.h"

/* Elements before and behind each array that a formula gets, to see that it stays within. */
enum { MARGIN = 16 };
static const uint64_t margin_bits = 0xa5c3a5c3a5c3a5c3; /* as a double: negative and tiny */

typedef struct call {
    quire_ctx *ctx;
    const quire_known_formula *known;
    quire_quantizer named; /* the formula's name, where messages look for a quantizer's */
    quire_known_quantizer speaker;
    quire_host_state host;
    quire_guard guard;
    char *why;
} call;

/* --- around a call ---------------------------------------------------------------------------- */

/* Of what a formula says while it is called, an error is the answer "no". */
static void
begin(call *c, const char *function)
{
    c->named = (quire_quantizer){.name = c->known->formula->name};
    c->speaker = (quire_known_quantizer){.quantizer = &c->named, .plugin = c->known->plugin};
    quire_host_init(&c->host, c->ctx, NULL, &c->speaker);
    c->host.noun = "formula";
    quire_host_calls(&c->host, function);
    quire_guard_enter(&c->guard);
}

/* What the call came to; `status` is what the formula returned. */
static quire_status
finish(call *c, const char *function, quire_status status)
{
    const char *changed = quire_guard_leave(&c->guard);
    if (changed != NULL)
        quire_tell(c->ctx, QUIRE_WARNING, NULL,
                   "plugin \"%s\" (formula \"%s\"), %s: %s was left changed; it was put back",
                   c->known->plugin->plugin->name, c->known->formula->name, function, changed);
    if (status == QUIRE_E_INVALID &&
        quire_host_take_error(&c->host, c->why, QUIRE_FORMULA_WHY_ROOM)) {
        quire_host_tell(&c->host, function);
        return QUIRE_NONE;
    }
    if (status != QUIRE_NONE) return quire_host_returned(&c->host, function, status);
    return quire_host_fault(&c->host, function, QUIRE_E_PLUGIN, NULL,
                            "returned QUIRE_NONE; allowed are QUIRE_OK and errors");
}

static void
end(call *c)
{
    quire_host_deinit(&c->host);
}

/* --- check ------------------------------------------------------------------------------------ */

static bool
takes_so_many(const quire_formula *f, uint32_t n, char *out_why)
{
    if (n >= f->least_sources && n <= f->most_sources) return true;
    if (f->least_sources == f->most_sources) {
        snprintf(out_why, QUIRE_FORMULA_WHY_ROOM, "it takes %" PRIu32 " source%s, and has %" PRIu32,
                 f->least_sources, f->least_sources == 1 ? "" : "s", n);
    } else {
        snprintf(out_why, QUIRE_FORMULA_WHY_ROOM,
                 "it takes %" PRIu32 " to %" PRIu32 " sources, and has %" PRIu32, f->least_sources,
                 f->most_sources, n);
    }
    return false;
}

quire_status
quire_formula_accepts(quire_ctx *ctx, const quire_known_formula *known, const quire_derivation *d,
                      char out_why[QUIRE_FORMULA_WHY_ROOM])
{
    call c = {.ctx = ctx, .known = known, .why = out_why};
    out_why[0] = '\0';
    if (!takes_so_many(known->formula, d->n, out_why)) return QUIRE_NONE;
    begin(&c, "check");
    quire_status status = known->formula->check(&c.host.table, d->spec, d->sources, d->n);
    status = finish(&c, "check", status);
    end(&c);
    return status;
}

/* --- derive ----------------------------------------------------------------------------------- */

/* Arrays of one slot's parameters, each with margins. Of 8 bytes are all elements. */
typedef struct arrays {
    quire_qparams given; /* what the formula is called with */
    uint64_t *block;     /* of all arrays */
    size_t n_arrays, size;
} arrays;

static size_t
stride(uint32_t n)
{
    return (size_t)n + 2 * MARGIN;
}

static bool
arrays_make(quire_ctx *ctx, arrays *a, const quire_qparams *like)
{
    size_t at = 0;
    const size_t step = stride(like->n);
    a->n_arrays = 1u + (like->zero_point != NULL) + (like->float_zero_point != NULL);
    a->size = a->n_arrays * step * sizeof *a->block;
    a->block = quire_alloc(ctx->alloc, a->size);
    if (a->block == NULL) return false;
    for (size_t i = 0; i < a->n_arrays * step; i++)
        a->block[i] = margin_bits;
    a->given =
        (quire_qparams){.size = QUIRE_SIZE_TO(quire_qparams, float_zero_point), .n = like->n};
    a->given.scale = (double *)(void *)(a->block + at + MARGIN);
    at += step;
    if (like->zero_point != NULL) {
        a->given.zero_point = (int64_t *)(void *)(a->block + at + MARGIN);
        at += step;
    }
    if (like->float_zero_point != NULL)
        a->given.float_zero_point = (double *)(void *)(a->block + at + MARGIN);
    return true;
}

static void
arrays_free(quire_ctx *ctx, arrays *a)
{
    quire_free(ctx->alloc, a->block, a->size);
}

static void
copy_parameters(quire_qparams *to, const quire_qparams *from)
{
    memcpy(to->scale, from->scale, from->n * sizeof *to->scale);
    if (to->zero_point != NULL && from->zero_point != NULL)
        memcpy(to->zero_point, from->zero_point, from->n * sizeof *to->zero_point);
    if (to->float_zero_point != NULL && from->float_zero_point != NULL)
        memcpy(to->float_zero_point, from->float_zero_point,
               from->n * sizeof *to->float_zero_point);
}

static bool
same_parameters(const quire_qparams *a, const quire_qparams *b)
{
    const size_t size = a->n * sizeof(double);
    return memcmp(a->scale, b->scale, size) == 0 &&
           (a->zero_point == NULL || memcmp(a->zero_point, b->zero_point, size) == 0) &&
           (a->float_zero_point == NULL ||
            memcmp(a->float_zero_point, b->float_zero_point, size) == 0);
}

static bool
margins_are_whole(const arrays *a)
{
    const size_t step = stride(a->given.n);
    for (size_t k = 0; k < a->n_arrays; k++) {
        const uint64_t *front = a->block + k * step;
        const uint64_t *back = front + MARGIN + a->given.n;
        for (size_t i = 0; i < MARGIN; i++) {
            if (front[i] != margin_bits || back[i] != margin_bits) return false;
        }
    }
    return true;
}

typedef struct derivation_call {
    call c;
    const quire_derivation *d;
    const quire_qparams *const *sources; /* the caller's */
    arrays copies[QUIRE_FORMULA_MAX_SOURCES];
    arrays out;
    size_t n_copies;
} derivation_call;

static quire_status
fault(derivation_call *w, const char *text)
{
    return quire_host_fault(&w->c.host, "derive", QUIRE_E_PLUGIN, NULL, "%s", text);
}

/* A scale as its type stores it; types of fewer bits are left to who stores them. */
static double
stored(double scale, int32_t type)
{
    if (type == 10 /* FLOAT16 */) return quire_f32_from_f16(quire_f16_from_f32((float)scale));
    return type == 11 /* DOUBLE */ ? scale : (double)(float)scale;
}

static bool
is_scale(double scale, int32_t type)
{
    if (!(scale > 0) || !isfinite(scale)) return false;
    const double kept = stored(scale, type);
    return kept > 0 && isfinite(kept);
}

static quire_status
check_parameter(derivation_call *w, uint32_t i)
{
    const quire_qspec *spec = w->d->spec;
    const quire_qparams *p = &w->out.given;
    char text[300];
    uint64_t bits;
    memcpy(&bits, &p->scale[i], sizeof bits);
    if (bits == margin_bits) {
        snprintf(text, sizeof text, "scale[%" PRIu32 "] was not filled in", i);
    } else if (!is_scale(p->scale[i], spec->scale_type)) {
        snprintf(text, sizeof text,
                 "scale[%" PRIu32 "]: found %g; allowed are finite numbers above 0, also when "
                 "stored as the spec's scale type",
                 i, p->scale[i]);
    } else if (p->zero_point != NULL &&
               (p->zero_point[i] < spec->qmin || p->zero_point[i] > spec->qmax)) {
        snprintf(text, sizeof text,
                 "zero_point[%" PRIu32 "]: found %" PRId64 "; allowed are %" PRId64 " to %" PRId64,
                 i, p->zero_point[i], spec->qmin, spec->qmax);
    } else if (p->float_zero_point != NULL && !isfinite(p->float_zero_point[i])) {
        snprintf(text, sizeof text, "float_zero_point[%" PRIu32 "]: found %g; it must be finite", i,
                 p->float_zero_point[i]);
    } else {
        return QUIRE_OK;
    }
    return fault(w, text);
}

/* The margins, and what belongs to the host. */
static quire_status
check_bounds(derivation_call *w, const quire_qparams *shown)
{
    if (!margins_are_whole(&w->out))
        return fault(w,
                     "it wrote beyond the ends of the arrays it was given; each has `n` elements");
    if (shown->n != w->out.given.n || shown->scale != w->out.given.scale ||
        shown->zero_point != w->out.given.zero_point ||
        shown->float_zero_point != w->out.given.float_zero_point)
        return fault(w, "it changed `n` or a pointer of the struct it fills; they are the host's");
    for (size_t k = 0; k < w->n_copies; k++) {
        if (!margins_are_whole(&w->copies[k]) ||
            !same_parameters(&w->copies[k].given, w->sources[k]))
            return fault(w, "it changed the parameters of its sources; they are read only");
    }
    return QUIRE_OK;
}

static quire_status
check_answer(derivation_call *w, const quire_qparams *shown)
{
    if (QUIRE_GUARD(OVERRUN)) QUIRE_TRY(check_bounds(w, shown));
    for (uint32_t i = 0; QUIRE_GUARD(PARAMETERS) && i < w->out.given.n; i++)
        QUIRE_TRY(check_parameter(w, i));
    return QUIRE_OK;
}

static quire_status
call_derive(derivation_call *w)
{
    const quire_qparams *given[QUIRE_FORMULA_MAX_SOURCES];
    quire_qparams shown = w->out.given;
    for (size_t k = 0; k < w->n_copies; k++)
        given[k] = &w->copies[k].given;
    begin(&w->c, "derive");
    quire_status status = w->c.known->formula->derive(&w->c.host.table, w->d->spec, w->d->sources,
                                                      given, w->d->n, &shown);
    status = finish(&w->c, "derive", status);
    if (status == QUIRE_OK) status = check_answer(w, &shown);
    end(&w->c);
    return status;
}

static quire_status
make_copies(derivation_call *w, const quire_qparams *like)
{
    if (!arrays_make(w->c.ctx, &w->out, like)) return quire_nomem(w->c.ctx);
    for (uint32_t k = 0; k < w->d->n; k++) {
        if (!arrays_make(w->c.ctx, &w->copies[k], w->sources[k])) return quire_nomem(w->c.ctx);
        w->n_copies++;
        copy_parameters(&w->copies[k].given, w->sources[k]);
    }
    return QUIRE_OK;
}

quire_status
quire_formula_derive(quire_ctx *ctx, const quire_known_formula *known, const quire_derivation *d,
                     const quire_qparams *const *sources, quire_qparams *io_out,
                     char out_why[QUIRE_FORMULA_WHY_ROOM])
{
    derivation_call w = {
        .c = {.ctx = ctx, .known = known, .why = out_why}, .d = d, .sources = sources};
    out_why[0] = '\0';
    if (!takes_so_many(known->formula, d->n, out_why)) return QUIRE_NONE;
    quire_status status = make_copies(&w, io_out);
    if (status == QUIRE_OK) status = call_derive(&w);
    if (status == QUIRE_OK) copy_parameters(io_out, &w.out.given);
    while (w.n_copies > 0)
        arrays_free(ctx, &w.copies[--w.n_copies]);
    if (w.out.block != NULL) arrays_free(ctx, &w.out);
    return status;
}
