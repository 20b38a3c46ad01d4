/* format.h - how the rows of a quantized table are cut into groups and laid out in bytes.
 *
 * A group is a row, or one block of a row. Its codes are packed by planes: with P = 8 / bits codes
 * to a byte and W = ceil(G / P) bytes for G columns, column j is in byte j mod W at bit
 * bits * (j / W). Unused bits are 0. Every group has one scale and one zero point.
 * Nothing here looks at an element: see rows.h.
 */
#ifndef QUIRE_KERNELS_FORMAT_H
#define QUIRE_KERNELS_FORMAT_H

#include "kernels/half.h"
#include "quire/kernels.h"

#include <stdbool.h>

#define QUIRE_ROW_MAX_LEVELS 255

typedef enum quire_row_zero_point {
    QUIRE_ROW_ZERO_POINT_INT,  /* one uint8 a group, 0 to 2^bits - 1 */
    QUIRE_ROW_ZERO_POINT_FLOAT /* one float32 a group                */
} quire_row_zero_point;

typedef enum quire_row_scale { QUIRE_ROW_SCALE_F32, QUIRE_ROW_SCALE_F16 } quire_row_scale;

/* What is asked for. */
typedef struct quire_row_choice {
    uint32_t bits;  /* 8, 4 or 2                                               */
    uint32_t block; /* columns of a block: 16 32 64 128 256, or 0 for whole rows */
    quire_row_zero_point zero_point;
    quire_row_scale scale;
    quire_row_dtype dtype; /* what the table stores: decoded values are rounded to it */
    /* Min-max parameters with float zero points only: a scale that is not greater than eps becomes
     * 1, as PyTorch's float-qparams observers do it. 0: a scale is at least the least positive
     * normal. Finite, not negative. */
    float eps;
    quire_isa isa; /* whose loops to use; 0, AUTO, unless a test asks. The bytes are the same. */
} quire_row_choice;

/* What that means for rows of `width` columns. All sizes are of one row or one group; whole tables
 * are for the caller to multiply, with checks. */
typedef struct quire_row_format {
    quire_row_choice choice; /* block is 0 here if the row is not wider than the block  */
    size_t width;            /* columns, at least 1                                     */
    uint32_t max_code;       /* 2^bits - 1                                              */
    size_t n_groups;         /* per row: shapes' S; 1 for whole rows                    */
    size_t group_columns;    /* columns of a packed group, padding included             */
    size_t group_bytes;      /* packed codes of a group                                 */
    size_t row_bytes;        /* packed codes of a row: n_groups * group_bytes           */
    size_t scale_size;       /* bytes of one scale: 4 or 2                              */
    size_t zero_point_size;  /* bytes of one zero point: 1 or 4                         */
} quire_row_format;

/* Fills `*out`. False, with `*out` untouched, if bits, block, eps or an enum is none of the above,
 * width is 0, or a row's sizes do not fit size_t. A block not narrower than the row is turned into
 * whole rows (`out->choice.block` 0), as the report wants it. */
bool quire_row_format_init(quire_row_format *out, quire_row_choice choice, size_t width);

/* Real columns of group `g` of a row: group_columns, fewer in a ragged last block. */
size_t quire_row_group_width(const quire_row_format *f, size_t g);

/* Puts the codes (each <= max_code) of columns first to first + n - 1 into a packed group, where
 * those columns' bits are still 0. first + n <= group_columns. */
void quire_row_pack_at(const quire_row_format *f, const uint8_t *codes, size_t first, size_t n,
                       uint8_t *group);

/* Reads the codes of columns first to first + n - 1 of a packed group. */
void quire_row_unpack_at(const quire_row_format *f, const uint8_t *group, size_t first, size_t n,
                         uint8_t *codes);

#endif
