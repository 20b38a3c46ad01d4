/* bag_plan.c - making a plan: rows and options checked against each other, kernels chosen once. */
#include "kernels/bag_plan.h"

#include <string.h>

static quire_status
refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return QUIRE_E_USAGE;
}

static quire_pass_kind
kind_of(const quire_rows *r)
{
    const uint32_t step = r->bits == 8 ? 0 : r->bits == 4 ? 1 : 2;

    switch (r->storage) {
    case QUIRE_ROWS_FLOAT32: return QUIRE_PASS_F32;
    case QUIRE_ROWS_FLOAT16: return QUIRE_PASS_F16;
    case QUIRE_ROWS_BFLOAT16: return QUIRE_PASS_BF16;
    case QUIRE_ROWS_FLOAT8E4M3FN: return QUIRE_PASS_E4M3;
    case QUIRE_ROWS_FLOAT8E5M2: return QUIRE_PASS_E5M2;
    case QUIRE_ROWS_SPLIT: return (quire_pass_kind)(QUIRE_PASS_SPLIT8 + step);
    case QUIRE_ROWS_FUSED: break;
    }
    if (r->bits == 8) return r->scale == QUIRE_FLOAT_F32 ? QUIRE_PASS_FUSED8 : QUIRE_PASS_FUSED8H;
    return r->bits == 4 ? QUIRE_PASS_FUSED4 : QUIRE_PASS_FUSED2;
}

static quire_pass_mode
pass_mode_of(const quire_bag_options *o)
{
    if (o->weights != QUIRE_BAG_WEIGHTS_NONE) return QUIRE_PASS_WEIGHTED;
    return o->mode == QUIRE_BAG_MAX || o->mode == QUIRE_BAG_LOOKUP ? QUIRE_PASS_MAX
                                                                   : QUIRE_PASS_SUM;
}

/* Every member against its own values. */
static quire_status
check_values(const quire_bag_options *o, const char **out_why)
{
    if (o->size != sizeof *o) return refuse(out_why, "size of the options is not set");
    if (o->mode > QUIRE_BAG_LOOKUP) return refuse(out_why, "the mode is none of quire_bag_mode");
    if (o->index > QUIRE_BAG_I64 || o->offset > QUIRE_BAG_I64) {
        return refuse(out_why, "indices and offsets are int32 or int64");
    }
    if (o->form > QUIRE_BAG_FIXED) return refuse(out_why, "the form is none of quire_bag_form");
    if (o->weights > QUIRE_BAG_WEIGHTS_BF16) {
        return refuse(out_why, "weights are float32, float16 or bfloat16");
    }
    if (o->out > QUIRE_FLOAT_BF16) {
        return refuse(out_why, "outputs are float32, float16 or bfloat16");
    }
    if (o->isa > QUIRE_ISA_NEON) {
        return refuse(out_why, "the instruction set is none of QUIRE_ISA_TABLE");
    }
    if (o->wrap > 1 || o->pruned > 1 || o->padding > 1) {
        return refuse(out_why, "wrap, pruned and padding are 0 or 1");
    }
    return QUIRE_OK;
}

/* Members against each other. */
static quire_status
check_together(const quire_bag_options *o, const char **out_why)
{
    if (o->weights != QUIRE_BAG_WEIGHTS_NONE && o->mode != QUIRE_BAG_SUM) {
        return refuse(out_why, "weights go with mode sum only");
    }
    if (o->mode == QUIRE_BAG_LOOKUP && (o->form != QUIRE_BAG_FIXED || o->fixed != 1)) {
        return refuse(out_why, "a lookup has form fixed, of one index");
    }
    if (o->mode == QUIRE_BAG_LOOKUP && o->padding) {
        return refuse(out_why, "a lookup returns the row of the padding index");
    }
    if (o->form != QUIRE_BAG_FIXED && o->fixed) {
        return refuse(out_why, "fixed goes with form fixed");
    }
    if (!o->padding && o->padding_index) {
        return refuse(out_why, "a padding index goes with padding 1");
    }
    if (o->wrap && o->pruned)
        return refuse(out_why, "index -1 is the last row, or pruned: not both");
    return QUIRE_OK;
}

static quire_status
choose_isa(quire_isa isa, quire_isa *out, const char **out_why)
{
    isa = quire_isa_choose(isa);
    if (isa == (quire_isa)-1) {
        return refuse(out_why, "QUIRE_ISA is none of auto, scalar, avx2, avx512, neon");
    }
    if (!quire_isa_is_available(isa)) {
        return refuse(out_why, "this build or this processor lacks the instruction set asked for");
    }
    *out = isa;
    return QUIRE_OK;
}

static quire_status
choose_out_stride(const quire_bag_options *o, uint64_t width, uint64_t *out, const char **out_why)
{
    const uint64_t size = o->out == QUIRE_FLOAT_F32 ? 4 : 2;

    *out = o->out_stride ? o->out_stride : width * size;
    if (*out < width * size || *out % size) {
        return refuse(out_why,
                      "out_stride is less than a row of output, or no multiple of its type");
    }
    return QUIRE_OK;
}

/* What passes round decoded values to: to round them twice to the same type is to round them once. */
static quire_float_type
value_of(const quire_rows *rows, const quire_bag_options *o)
{
    return o->mode == QUIRE_BAG_LOOKUP && rows->value == o->out ? QUIRE_FLOAT_F32 : rows->value;
}

static void
fill(quire_bag_inner *p, const quire_rows *rows, const quire_bag_options *o)
{
    p->kind = kind_of(rows);
    p->pass_mode = pass_mode_of(o);
    p->width = rows->width;
    p->group_columns = p->layout.n_groups > 1 ? rows->block : rows->width;
    p->scale = rows->scale;
    p->value = value_of(rows, o);
    p->table = quire_pass_table_find(p->isa);
    p->zero_is_float = rows->zero_point == QUIRE_ROWS_ZERO_POINT_F32;
    p->planar = rows->storage == QUIRE_ROWS_SPLIT;
    p->mode = o->mode;
    p->form = o->form;
    p->fixed = o->fixed;
    p->index = o->index;
    p->offset = o->offset;
    p->weights = o->weights;
    p->out = o->out;
    p->wrap = o->wrap != 0;
    p->pruned = o->pruned != 0;
    p->padding = o->padding != 0;
    p->padding_index = o->padding_index;
}

static quire_status
make(quire_bag_inner *p, const quire_rows *rows, const quire_bag_options *o, const char **out_why)
{
    quire_status status = quire_rows_layout_get(rows, &p->layout, out_why);

    if (status == QUIRE_OK) status = check_values(o, out_why);
    if (status == QUIRE_OK) status = check_together(o, out_why);
    if (status == QUIRE_OK) status = choose_isa(o->isa, &p->isa, out_why);
    if (status == QUIRE_OK) status = choose_out_stride(o, rows->width, &p->out_stride, out_why);
    if (status == QUIRE_OK) fill(p, rows, o);
    return status;
}

quire_status
quire_bag_plan_init(quire_bag_plan *out, const quire_rows *rows, const quire_bag_options *options,
                    const char **out_why)
{
    quire_bag_inner inner = {0};
    const quire_status status = make(&inner, rows, options, out_why);

    if (status != QUIRE_OK) return status;
    memset(out, 0, sizeof *out);
    memcpy(out->inner, &inner, sizeof inner);
    return QUIRE_OK;
}

quire_isa
quire_bag_plan_isa(const quire_bag_plan *plan)
{
    return quire_bag_plan_inner(plan)->isa;
}
