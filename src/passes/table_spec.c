/* table_spec.c - see table_spec.h. */
#include "passes/table_spec.h"

#include "base/arena.h"
#include "base/real.h"

enum {
    MIN_OPSET = 7,         /* Cast, Sub and Mul as the lowered form needs them */
    MIN_OPSET_PACKED = 11, /* Mod, BitShift on uint8 for codes below 8 bits    */
    MOST_EPS = 1,          /* above it, 1 would be a finer scale than the one it replaces */
};

static uint32_t
bits_of(int32_t dtype)
{
    switch (dtype) {
    case QUIRE_DTYPE_UINT8: return 8;
    case QUIRE_DTYPE_UINT4: return 4;
    case QUIRE_DTYPE_UINT2: return 2;
    }
    return 0;
}

static bool
is_block(uint32_t n)
{
    return n == 16 || n == 32 || n == 64 || n == 128 || n == 256;
}

static const char *
refused_kind(const quire_spec *spec)
{
    switch ((quire_spec_kind)spec->kind) {
    case QUIRE_SPEC_QUANTIZED: return NULL;
    case QUIRE_SPEC_FIXED: return "fixed scale and zero point; those of a table come from its rows";
    case QUIRE_SPEC_DERIVED: return "derived scales; those of a table come from its rows";
    case QUIRE_SPEC_NONE:
    case QUIRE_SPEC_SHARED:
    case QUIRE_SPEC_FLOAT: break;
    }
    return "no codes; a table has them";
}

static const char *
refused_codes(const quire_spec *spec)
{
    const uint32_t bits = bits_of(spec->dtype);
    if (bits == 0) return "the code type; allowed are u8, u4 and u2";
    if (spec->symmetric || spec->zero_point == QUIRE_ZERO_POINT_NONE)
        return "no zero point; allowed are zp=int and zp=float";
    if (spec->qmin != 0 || spec->qmax != (1 << bits) - 1)
        return "the range; allowed is all of the code type's";
    return NULL;
}

static const char *
refused_scales(const quire_spec *spec)
{
    if (spec->granularity == QUIRE_PER_TENSOR)
        return "one scale per tensor; allowed are axis=0, and axis=1 with a block";
    if (spec->granularity == QUIRE_PER_AXIS && spec->axis != 0)
        return "the axis; allowed is 0 without blocks";
    if (spec->granularity == QUIRE_PER_BLOCK && spec->axis != 1)
        return "the axis; allowed is 1 with blocks";
    if (spec->granularity == QUIRE_PER_BLOCK && !is_block(spec->block))
        return "the block; allowed are 16, 32, 64, 128 and 256";
    if (spec->scale_type != QUIRE_DTYPE_FLOAT && spec->scale_type != QUIRE_DTYPE_FLOAT16)
        return "the scale type; allowed are f32 and f16";
    return spec->dynamic ? "dynamic; tables are constant" : NULL;
}

static bool
observes(const quire_model *m, const quire_spec *spec, const char *name)
{
    return quire_bytes_equal(quire_sym_bytes(m, spec->observer), quire_bytes_of(name));
}

/* The value of `eps=NUMBER`; negative if the observer's options are anything else. Rounded to
 * float32 once: PyTorch keeps it so. */
static float
eps_of(const quire_model *m, const quire_spec *spec)
{
    const quire_bytes text = quire_sym_bytes(m, spec->observer_options);
    const quire_bytes key = quire_bytes_of("eps=");
    double eps;
    if (text.len <= key.len || memcmp(text.ptr, key.ptr, key.len) != 0) return -1;
    if (!quire_real_parse((quire_bytes){text.ptr + key.len, text.len - key.len}, &eps)) return -1;
    return (float)eps > 0 && (float)eps <= MOST_EPS ? (float)eps : -1;
}

static const char *
refused_observer(const quire_model *m, const quire_spec *spec)
{
    const bool named = spec->observer.id > QUIRE_SYM_EMPTY;
    if (named && !observes(m, spec, "minmax") && !observes(m, spec, "mse"))
        return "the observer; allowed are minmax and mse";
    if (spec->observer_options.id <= QUIRE_SYM_EMPTY) return NULL;
    if (!observes(m, spec, "minmax") || spec->zero_point != QUIRE_ZERO_POINT_FLOAT)
        return "observer options; only minmax with zp=float has one, eps";
    if (eps_of(m, spec) < 0)
        return "observer options; allowed is eps=NUMBER, above 0 and at most 1 as a float32";
    return NULL;
}

const char *
quire_table_spec_refused(const quire_model *m, const quire_spec *spec)
{
    const char *refused = refused_kind(spec);
    if (refused == NULL) refused = refused_codes(spec);
    if (refused == NULL) refused = refused_scales(spec);
    return refused != NULL ? refused : refused_observer(m, spec);
}

void
quire_table_spec_apply(const quire_model *m, const quire_spec *spec, quire_found_table *t)
{
    t->bits = bits_of(spec->dtype);
    t->block = spec->granularity == QUIRE_PER_BLOCK ? spec->block : 0;
    t->zero_point_float = spec->zero_point == QUIRE_ZERO_POINT_FLOAT;
    t->scale_f16 = spec->scale_type == QUIRE_DTYPE_FLOAT16;
    t->search_mse = spec->observer.id > QUIRE_SYM_EMPTY ? observes(m, spec, "mse") : t->bits < 8;
    t->eps = spec->observer_options.id > QUIRE_SYM_EMPTY ? eps_of(m, spec) : 0;
}

/* Eligible lookups are never in functions, so the model's own import applies to all of them. */
quire_status
quire_table_judge_opset(quire_ctx *ctx, quire_model *m, const quire_found_table *t,
                        quire_reason *out_reason, quire_bytes *out_message)
{
    const int64_t opset = quire_graph_opset(m, m->main, "");
    const int needed = t->bits < 8 ? MIN_OPSET_PACKED : MIN_OPSET;
    if (opset >= needed) return QUIRE_OK;
    *out_reason = QUIRE_REASON_OPSET;
    return quire_arena_format(ctx, &m->arena, out_message,
                              "the %u-bit form needs opset %d, the model imports %lld",
                              (unsigned)t->bits, needed, (long long)opset);
}
