/* format.c - sizes and bit positions of packed rows. */
#include "kernels/format.h"

#include <float.h>
#include <stdint.h>

static bool
is_known(quire_row_choice c)
{
    const bool bits = c.bits == 8 || c.bits == 4 || c.bits == 2;
    const bool block = c.block == 0 || c.block == 16 || c.block == 32 || c.block == 64 ||
                       c.block == 128 || c.block == 256;
    const bool zero_point =
        c.zero_point == QUIRE_ROW_ZERO_POINT_INT || c.zero_point == QUIRE_ROW_ZERO_POINT_FLOAT;
    const bool scale = c.scale == QUIRE_ROW_SCALE_F32 || c.scale == QUIRE_ROW_SCALE_F16;
    const bool dtype = c.dtype == QUIRE_ROW_DTYPE_F32 || c.dtype == QUIRE_ROW_DTYPE_F16 ||
                       c.dtype == QUIRE_ROW_DTYPE_BF16;

    const bool eps = c.eps >= 0 && c.eps <= FLT_MAX;

    return bits && block && zero_point && scale && dtype && eps;
}

bool
quire_row_format_init(quire_row_format *out, quire_row_choice choice, size_t width)
{
    if (!is_known(choice) || width == 0 || width > SIZE_MAX / 8) return false;
    if (choice.block >= width) choice.block = 0;

    const size_t per_byte = 8 / choice.bits;
    const size_t columns = choice.block ? choice.block : width;
    const size_t group_bytes = (columns + per_byte - 1) / per_byte;
    const size_t n_groups = (width + columns - 1) / columns;

    *out = (quire_row_format){
        .choice = choice,
        .width = width,
        .max_code = (1u << choice.bits) - 1,
        .n_groups = n_groups,
        .group_columns = columns,
        .group_bytes = group_bytes,
        .row_bytes = n_groups * group_bytes,
        .scale_size = choice.scale == QUIRE_ROW_SCALE_F32 ? 4 : 2,
        .zero_point_size = choice.zero_point == QUIRE_ROW_ZERO_POINT_INT ? 1 : 4,
    };
    return true;
}

size_t
quire_row_group_width(const quire_row_format *f, size_t g)
{
    const size_t left = f->width - g * f->group_columns;

    return left < f->group_columns ? left : f->group_columns;
}

void
quire_row_pack_at(const quire_row_format *f, const uint8_t *codes, size_t first, size_t n,
                  uint8_t *group)
{
    size_t plane = first / f->group_bytes;
    size_t byte = first % f->group_bytes;

    if (f->choice.bits == 8) {
        memcpy(group + first, codes, n);
        return;
    }
    for (size_t i = 0; i < n; plane++, byte = 0) {
        const uint32_t shift = f->choice.bits * (uint32_t)plane;
        for (; byte < f->group_bytes && i < n; byte++, i++) {
            group[byte] = (uint8_t)(group[byte] | codes[i] << shift);
        }
    }
}

void
quire_row_unpack_at(const quire_row_format *f, const uint8_t *group, size_t first, size_t n,
                    uint8_t *codes)
{
    size_t plane = first / f->group_bytes;
    size_t byte = first % f->group_bytes;

    for (size_t i = 0; i < n; plane++, byte = 0) {
        const uint32_t shift = f->choice.bits * (uint32_t)plane;
        for (; byte < f->group_bytes && i < n; byte++, i++) {
            codes[i] = (uint8_t)(group[byte] >> shift & f->max_code);
        }
    }
}
