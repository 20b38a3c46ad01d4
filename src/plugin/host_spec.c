/* host_spec.c - specs as plugins write them, to and from the model's own. A plugin asks for few
 * different specs many times: the last few are remembered with their rows of the pool.
 */
#include <inttypes.h>

#include "base/arena.h"
#include "base/diag.h"
#include "plugin/guarded.h"
#include "plugin/host_view.h"

_Static_assert((int)QUIRE_QSPEC_QUANTIZED == (int)QUIRE_SPEC_QUANTIZED &&
                   (int)QUIRE_QSPEC_FIXED == (int)QUIRE_SPEC_FIXED &&
                   (int)QUIRE_QSPEC_SHARED == (int)QUIRE_SPEC_SHARED &&
                   (int)QUIRE_QSPEC_DERIVED == (int)QUIRE_SPEC_DERIVED &&
                   (int)QUIRE_QSPEC_FLOAT == (int)QUIRE_SPEC_FLOAT,
               "kinds of specs have one number in plugin.h and spec.h");
_Static_assert((int)QUIRE_QSPEC_ZERO_POINT_NONE == (int)QUIRE_ZERO_POINT_NONE &&
                   (int)QUIRE_QSPEC_ZERO_POINT_INT == (int)QUIRE_ZERO_POINT_INT &&
                   (int)QUIRE_QSPEC_ZERO_POINT_FLOAT == (int)QUIRE_ZERO_POINT_FLOAT,
               "kinds of zero points have one number");
_Static_assert((int)QUIRE_QSPEC_PER_TENSOR == (int)QUIRE_PER_TENSOR &&
                   (int)QUIRE_QSPEC_PER_AXIS == (int)QUIRE_PER_AXIS &&
                   (int)QUIRE_QSPEC_PER_BLOCK == (int)QUIRE_PER_BLOCK,
               "granularities have one number");

/* --- in ---------------------------------------------------------------------------------------- */

static quire_status
take_targets(quire_host_view *v, quire_slot where, const quire_qspec *in, quire_spec *out)
{
    if (QUIRE_GUARD(TARGETS) && in->n_targets > QUIRE_SPEC_MAX_TARGETS) {
        return quire_view_refuse(v, QUIRE_E_INVALID, where,
                                 "n_targets: found %" PRIu32 "; allowed are up to %d",
                                 in->n_targets, QUIRE_SPEC_MAX_TARGETS);
    }
    if (QUIRE_GUARD(TARGETS) && in->targets == NULL && in->n_targets > 0) {
        return quire_view_refuse(v, QUIRE_E_INVALID, where,
                                 "targets: found NULL with n_targets %" PRIu32, in->n_targets);
    }
    out->n_targets = in->n_targets;
    for (uint32_t i = 0; i < in->n_targets; i++) {
        if (!quire_view_slot(v, "targets", in->targets[i], &out->targets[i])) return v->fault;
    }
    return QUIRE_OK;
}

static quire_status
take_string(quire_host_view *v, quire_slot where, const char *what, quire_string s,
            quire_sym *out_sym)
{
    if (!quire_view_string(v, where, what, s)) return v->fault;
    return quire_view_intern(v, s, out_sym);
}

static quire_status
take_strings(quire_host_view *v, quire_slot where, const quire_qspec *in, quire_spec *out)
{
    if (in->kind == QUIRE_QSPEC_DERIVED)
        return take_string(v, where, "formula", in->formula, &out->formula);
    if (in->kind != QUIRE_QSPEC_QUANTIZED) return QUIRE_OK;
    QUIRE_TRY(take_string(v, where, "observer", in->observer, &out->observer));
    return take_string(v, where, "observer_options", in->observer_options, &out->observer_options);
}

/* As the plugin wrote it: no defaults, fields that its kind does not use left as they are found.
 * Bytes between fields are zero. */
static quire_status
take_fields(quire_host_view *v, quire_slot where, const quire_qspec *in, quire_spec *out)
{
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    out->kind = in->kind;
    out->dtype = in->dtype;
    out->symmetric = in->symmetric;
    out->qmin = in->qmin;
    out->qmax = in->qmax;
    out->zero_point = in->zero_point;
    out->granularity = in->granularity;
    out->axis = in->axis;
    out->block = in->block;
    out->scale_type = in->scale_type;
    out->dynamic = in->dynamic;
    if (in->kind == QUIRE_QSPEC_FIXED) {
        memcpy(&out->fixed_scale, &in->fixed_scale, sizeof out->fixed_scale);
        out->fixed_zero_point = in->fixed_zero_point;
    }
    if (in->kind == QUIRE_QSPEC_DERIVED) QUIRE_TRY(take_targets(v, where, in, out));
    return take_strings(v, where, in, out);
}

/* Shared: only the target counts, and it is no row of the pool. */
static quire_status
take_shared(quire_host_view *v, quire_slot where, const quire_qspec *in, quire_spec_ref *out_ref)
{
    quire_spec spec = {0};
    QUIRE_TRY(take_targets(v, where, in, &spec));
    if (spec.n_targets != 1) {
        return quire_view_refuse(v, QUIRE_E_INVALID, where,
                                 "n_targets: found %" PRIu32 "; allowed is one slot with shared",
                                 spec.n_targets);
    }
    *out_ref = (quire_spec_ref){.target = spec.targets[0]};
    return QUIRE_OK;
}

static quire_status
make_row(quire_host_view *v, quire_slot where, const quire_spec *raw, quire_spec_ref *out_ref)
{
    quire_spec spec = *raw;
    if (quire_spec_canonicalize(&v->inner, &spec, NULL) != QUIRE_OK)
        return quire_view_refuse(v, QUIRE_E_INVALID, where, "%s", v->fault_text);
    const quire_status status = quire_spec_intern(&v->inner, v->m, &spec, out_ref);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

static bool
still_says(const quire_host_view *v, quire_sym sym, quire_string s)
{
    const quire_bytes bytes = quire_sym_bytes(v->m, sym);
    return bytes.len == s.len && (s.len == 0 || memcmp(bytes.ptr, s.ptr, s.len) == 0);
}

/* The row of a spec whose bytes, and those of its strings, are as at the last call. */
static const quire_host_row *
same_as_last(const quire_host_view *v, const quire_qspec *spec)
{
    const quire_host_row *last = &v->rows[v->last_row];
    if (last->ref.row == 0 || spec->kind != QUIRE_QSPEC_QUANTIZED ||
        memcmp(&last->given, spec, QUIRE_SIZE_TO(quire_qspec, n_targets)) != 0)
        return NULL;
    return still_says(v, last->raw.observer, spec->observer) &&
                   still_says(v, last->raw.observer_options, spec->observer_options)
               ? last
               : NULL;
}

static void
remember(quire_host_view *v, uint32_t at, const quire_qspec *spec)
{
    memcpy(&v->rows[at].given, spec, QUIRE_SIZE_TO(quire_qspec, n_targets));
    v->last_row = at;
}

static quire_status
spec_in(quire_host_view *v, quire_slot where, const quire_qspec *spec, quire_spec_ref *out_ref)
{
    quire_spec raw;
    if (!quire_view_struct(v, "spec", spec, QUIRE_SIZE_TO(quire_qspec, n_targets))) return v->fault;
    if (spec->kind == QUIRE_QSPEC_SHARED) return take_shared(v, where, spec, out_ref);
    const quire_host_row *same = same_as_last(v, spec);
    if (same != NULL) {
        *out_ref = same->ref;
        return QUIRE_OK;
    }
    QUIRE_TRY(take_fields(v, where, spec, &raw));
    for (uint32_t i = 0; i < QUIRE_HOST_RECENT; i++) {
        if (v->rows[i].ref.row == 0 || !quire_spec_equal(&v->rows[i].raw, &raw)) continue;
        *out_ref = v->rows[i].ref;
        remember(v, i, spec);
        return QUIRE_OK;
    }
    QUIRE_TRY(make_row(v, where, &raw, out_ref));
    const uint32_t at = v->next_row++ % QUIRE_HOST_RECENT;
    v->rows[at] = (quire_host_row){.raw = raw, .ref = *out_ref};
    remember(v, at, spec);
    return QUIRE_OK;
}

quire_status
quire_view_spec_in(quire_host_view *v, const char *function, quire_slot where,
                   const quire_qspec *spec, quire_spec_ref *out_ref)
{
    const quire_status status = spec_in(v, where, spec, out_ref);
    if (status != QUIRE_OK && v->ends == QUIRE_E_PLUGIN) quire_view_name_function(v, function);
    return status;
}

/* --- out --------------------------------------------------------------------------------------- */

static quire_status
give_targets(quire_host_view *v, const quire_spec *spec, const quire_place **out_targets)
{
    quire_place *targets;
    *out_targets = NULL;
    if (spec->n_targets == 0) return QUIRE_OK;
    const quire_status status =
        quire_arena_take(&v->inner, v->arena, spec->n_targets * sizeof *targets, &targets);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    for (uint32_t i = 0; i < spec->n_targets; i++) {
        const quire_slot t = spec->targets[i]; /* a loser may name what the graph does not have */
        const bool is_known = t.kind == QUIRE_SLOT_RESULT || t.kind == QUIRE_SLOT_USE;
        if (is_known) targets[i] = (quire_place){t.kind, t.id};
    }
    *out_targets = targets;
    return QUIRE_OK;
}

quire_status
quire_view_spec_out(quire_host_view *v, const quire_spec *spec, quire_qspec *out)
{
    const uint32_t known = QUIRE_SIZE_TO(quire_qspec, n_targets);
    const quire_place *targets;
    if (!quire_view_struct(v, "spec", out, known)) return v->fault;
    QUIRE_TRY(give_targets(v, spec, &targets));
    *out = (quire_qspec){.size = known,
                         .kind = spec->kind,
                         .dtype = spec->dtype,
                         .symmetric = spec->symmetric,
                         .qmin = spec->qmin,
                         .qmax = spec->qmax,
                         .zero_point = spec->zero_point,
                         .granularity = spec->granularity,
                         .axis = spec->axis,
                         .block = spec->block,
                         .scale_type = spec->scale_type,
                         .dynamic = spec->dynamic,
                         .observer = quire_view_text(v, spec->observer),
                         .observer_options = quire_view_text(v, spec->observer_options),
                         .fixed_zero_point = spec->fixed_zero_point,
                         .formula = quire_view_text(v, spec->formula),
                         .targets = targets,
                         .n_targets = spec->n_targets};
    memcpy(&out->fixed_scale, &spec->fixed_scale, sizeof out->fixed_scale);
    return QUIRE_OK;
}
