/* table_parts.c - what a table becomes: element types, shapes and sizes; and how it is cut into
 * chunks. See table_codes.h.
 */
#define XXH_STATIC_LINKING_ONLY /* for a hash state that is not allocated */
#include <xxhash.h>

#include "base/diag.h"
#include "passes/table_codes.h"

static quire_row_dtype
stored_dtype(int32_t dtype)
{
    if (dtype == QUIRE_DTYPE_FLOAT16) return QUIRE_ROW_DTYPE_F16;
    return dtype == QUIRE_DTYPE_BFLOAT16 ? QUIRE_ROW_DTYPE_BF16 : QUIRE_ROW_DTYPE_F32;
}

quire_status
quire_table_format(quire_ctx *ctx, const quire_found_table *t, quire_row_format *out_format)
{
    const quire_row_choice choice = {
        .bits = t->bits,
        .block = t->block,
        .zero_point = t->zero_point_float ? QUIRE_ROW_ZERO_POINT_FLOAT : QUIRE_ROW_ZERO_POINT_INT,
        .scale = t->scale_f16 ? QUIRE_ROW_SCALE_F16 : QUIRE_ROW_SCALE_F32,
        .dtype = stored_dtype(t->dtype),
        .eps = t->eps,
    };
    if (t->width <= SIZE_MAX / 64 && quire_row_format_init(out_format, choice, (size_t)t->width))
        return QUIRE_OK;
    return quire_fail(
        ctx, QUIRE_E_UNSUPPORTED, NULL,
        "table \"%.*s\" of %llu columns cannot be quantized; leave it out with --skip",
        (int)t->name.len, (const char *)t->name.ptr, (unsigned long long)t->width);
}

/* Fills in size and dims: rows [V, n], blocks [V, S, n]. */
static bool
shape_part(quire_part_shape *part, const quire_found_table *t, const quire_row_format *f,
           int32_t dtype, uint64_t per_group, uint64_t group_size)
{
    const bool blocks = f->choice.block != 0;
    *part = (quire_part_shape){.dtype = dtype, .rank = blocks ? 3 : 2};
    part->dims[0] = (int64_t)t->rows;
    part->dims[1] = blocks ? (int64_t)f->n_groups : (int64_t)per_group;
    part->dims[2] = blocks ? (int64_t)per_group : 0;
    part->row_size = f->n_groups * group_size;
    return quire_mul_u64(t->rows, part->row_size, &part->size);
}

static bool
shape_float_table(quire_part_shape *part, const quire_found_table *t, const quire_row_format *f)
{
    *part = (quire_part_shape){.dtype = t->dtype, .rank = 2};
    part->dims[0] = (int64_t)t->rows;
    part->dims[1] = (int64_t)t->width;
    part->row_size = t->width * quire_row_dtype_size(f->choice.dtype);
    return quire_mul_u64(t->rows, part->row_size, &part->size);
}

static bool
shape_parts(quire_part_shape *parts, const quire_found_table *t, const quire_row_format *f)
{
    const int32_t scale = t->scale_f16 ? QUIRE_DTYPE_FLOAT16 : QUIRE_DTYPE_FLOAT;
    const int32_t zero_point = t->zero_point_float ? QUIRE_DTYPE_FLOAT : QUIRE_DTYPE_UINT8;
    return shape_part(&parts[QUIRE_PART_CODES], t, f, QUIRE_DTYPE_UINT8, f->group_bytes,
                      f->group_bytes) &&
           shape_part(&parts[QUIRE_PART_SCALES], t, f, scale, 1, f->scale_size) &&
           shape_part(&parts[QUIRE_PART_ZERO_POINTS], t, f, zero_point, 1, f->zero_point_size);
}

quire_status
quire_table_parts(quire_ctx *ctx, const quire_found_table *t, const quire_row_format *f,
                  quire_target target, quire_part_shape out_parts[QUIRE_N_PARTS])
{
    memset(out_parts, 0, QUIRE_N_PARTS * sizeof *out_parts);
    const bool fits = target == QUIRE_TARGET_DEQUANTIZED
                          ? shape_float_table(&out_parts[QUIRE_PART_CODES], t, f)
                          : shape_parts(out_parts, t, f);
    if (fits) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_LIMIT, NULL, "table \"%.*s\" is too large to be quantized",
                      (int)t->name.len, (const char *)t->name.ptr);
}

/* --- chunks ----------------------------------------------------------------------------------- */

enum { ALIGN = QUIRE_TABLE_ALIGN };

uint64_t
quire_table_n_chunks(const quire_found_table *t)
{
    const uint64_t rows = quire_table_chunk_rows(t);
    return rows == 0 ? 0 : (t->rows - 1) / rows + 1;
}

size_t
quire_table_rows_of(const quire_found_table *t, uint64_t i)
{
    const uint64_t rows = quire_table_chunk_rows(t);
    const uint64_t left = t->rows - i * rows;
    return (size_t)(left < rows ? left : rows);
}

bool
quire_table_add_room(size_t *io_total, uint64_t n, uint64_t size, size_t *out_at)
{
    uint64_t bytes;
    if (!quire_mul_u64(n, size, &bytes) || bytes > SIZE_MAX / 32) return false;
    *out_at = *io_total;
    *io_total += ((size_t)bytes + ALIGN - 1) / ALIGN * ALIGN;
    return true;
}

bool
quire_table_chunk_layout(const quire_part_shape parts[QUIRE_N_PARTS], uint64_t n,
                         size_t out_at[QUIRE_N_PARTS], size_t *out_size)
{
    *out_size = 0;
    for (int p = 0; p < QUIRE_N_PARTS; p++) {
        if (!quire_table_add_room(out_size, n, parts[p].row_size, &out_at[p])) return false;
    }
    return true;
}

uint64_t
quire_table_chunk_digest(const quire_part_shape parts[QUIRE_N_PARTS],
                         const size_t at[QUIRE_N_PARTS], const uint8_t *memory, size_t n)
{
    XXH3_state_t hash;
    XXH3_INITSTATE(&hash);
    XXH3_64bits_reset(&hash);
    for (int p = 0; p < QUIRE_N_PARTS; p++)
        XXH3_64bits_update(&hash, memory + at[p], n * (size_t)parts[p].row_size);
    return XXH3_64bits_digest(&hash);
}
