/* bag_layout.c - where things are in a row: from its description, with every size checked. */
#include "kernels/bag_plan.h"
#include "kernels/format.h"

#define MAX_ROW ((uint64_t)1 << 62)

static quire_status
refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return QUIRE_E_USAGE;
}

static bool
bits_are_known(uint32_t bits)
{
    return bits == 8 || bits == 4 || bits == 2;
}

static uint64_t
element_size(quire_rows_storage storage)
{
    switch (storage) {
    case QUIRE_ROWS_FLOAT32: return 4;
    case QUIRE_ROWS_FLOAT16:
    case QUIRE_ROWS_BFLOAT16: return 2;
    case QUIRE_ROWS_FLOAT8E4M3FN:
    case QUIRE_ROWS_FLOAT8E5M2: return 1;
    case QUIRE_ROWS_SPLIT:
    case QUIRE_ROWS_FUSED: break;
    }
    return 0;
}

static quire_status
float_layout(const quire_rows *r, quire_rows_layout *out, const char **out_why)
{
    if (r->bits || r->block || r->scale || r->zero_point || r->value || r->scale_first) {
        return refuse(out_why, "float storage has no bits, block, scale or zero point");
    }
    out->payload_bytes = out->group_bytes = r->width * element_size(r->storage);
    out->row_bytes = out->payload_bytes;
    return QUIRE_OK;
}

static quire_status
split_layout(const quire_rows *r, quire_rows_layout *out, const char **out_why)
{
    quire_row_format f;
    const quire_row_choice choice = {
        .bits = r->bits,
        .block = r->block,
        .zero_point = (quire_row_zero_point)r->zero_point,
        .scale = (quire_row_scale)r->scale,
        .dtype = (quire_row_dtype)r->value,
    };

    if (r->scale_first) return refuse(out_why, "scale_first is for fused rows");
    if (!quire_row_format_init(&f, choice, r->width)) {
        return refuse(out_why,
                      "split rows have 8, 4 or 2 bits, blocks of 0, 16, 32, 64, 128 or 256, "
                      "float32 or float16 scales, one-byte or float32 zero points");
    }
    out->n_groups = f.n_groups;
    out->group_bytes = f.group_bytes;
    out->payload_bytes = out->row_bytes = f.row_bytes;
    out->scale_size = f.scale_size;
    out->zero_size = f.zero_point_size;
    return QUIRE_OK;
}

static quire_status
fused_layout(const quire_rows *r, quire_rows_layout *out, const char **out_why)
{
    const bool half = r->scale == QUIRE_FLOAT_F16;

    if (!bits_are_known(r->bits)) return refuse(out_why, "fused rows have 8, 4 or 2 bits");
    if (!half && (r->scale != QUIRE_FLOAT_F32 || r->bits != 8)) {
        return refuse(out_why, "scales of fused rows are float16, or float32 at 8 bits");
    }
    if (r->block || r->zero_point || r->value || r->scale_first > 1) {
        return refuse(out_why, "fused rows have no block, zero point or value type");
    }
    const uint64_t per_byte = 8 / r->bits;
    out->n_groups = 1;
    out->scale_size = out->zero_size = half ? 2 : 4;
    out->payload_bytes = out->group_bytes = (r->width + per_byte - 1) / per_byte;
    out->payload_at = r->scale_first ? 2 * out->scale_size : 0;
    out->scale_at = r->scale_first ? 0 : out->payload_bytes;
    out->row_bytes = out->payload_bytes + 2 * out->scale_size;
    return QUIRE_OK;
}

static quire_status
layout_of_storage(const quire_rows *r, quire_rows_layout *out, const char **out_why)
{
    switch (r->storage) {
    case QUIRE_ROWS_FLOAT32:
    case QUIRE_ROWS_FLOAT16:
    case QUIRE_ROWS_BFLOAT16:
    case QUIRE_ROWS_FLOAT8E4M3FN:
    case QUIRE_ROWS_FLOAT8E5M2: return float_layout(r, out, out_why);
    case QUIRE_ROWS_SPLIT: return split_layout(r, out, out_why);
    case QUIRE_ROWS_FUSED: return fused_layout(r, out, out_why);
    }
    return refuse(out_why, "the storage is none of QUIRE_ROWS_STORAGE_TABLE");
}

quire_status
quire_rows_layout_get(const quire_rows *rows, quire_rows_layout *out, const char **out_why)
{
    quire_rows_layout layout = {0};

    if (rows->size != sizeof *rows) return refuse(out_why, "size of the rows is not set");
    if (rows->width == 0 || rows->width >= MAX_ROW / 4) {
        return refuse(out_why, "a row has at least one column and fewer than 2^60");
    }
    const quire_status status = layout_of_storage(rows, &layout, out_why);
    if (status != QUIRE_OK) return status;
    layout.stride = rows->stride ? rows->stride : layout.row_bytes;
    if (layout.stride < layout.row_bytes || layout.stride >= MAX_ROW) {
        return refuse(out_why, "the stride is less than a row, or 2^62 or more");
    }
    *out = layout;
    return QUIRE_OK;
}
