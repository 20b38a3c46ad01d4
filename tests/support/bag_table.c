/* bag_table.c - see bag_table.h. */
#include "support/bag_table.h"

#include "kernels/half.h"
#include "support/fenced.h"

#include <stdio.h>
#include <stdlib.h>

#define FAR_BYTES ((uint64_t)96 << 20) /* of a table that no cache holds */

float
bag_float_get(const void *at, quire_float_type type)
{
    uint16_t half;
    float value;

    memcpy(&half, at, sizeof half);
    if (type == QUIRE_FLOAT_F16) return quire_f32_from_f16(half);
    if (type == QUIRE_FLOAT_BF16) return quire_f32_from_bf16(half);
    memcpy(&value, at, sizeof value);
    return value;
}

void
bag_float_put(void *at, quire_float_type type, float value)
{
    const uint16_t half =
        type == QUIRE_FLOAT_F16 ? quire_f16_from_f32(value) : quire_bf16_from_f32(value);

    memcpy(at, type == QUIRE_FLOAT_F32 ? (const void *)&value : &half, bag_float_size(type));
}

uint64_t
bag_float_size(quire_float_type type)
{
    return type == QUIRE_FLOAT_F32 ? 4 : 2;
}

float
bag_float_rounded(float value, quire_float_type type)
{
    uint8_t bytes[4];

    bag_float_put(bytes, type, value);
    return bag_float_get(bytes, type);
}

float
bag_float8_value(uint8_t byte, int exponent_bits)
{
    const int mantissa_bits = 7 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int largest = (1 << exponent_bits) - 1;
    const int exponent = byte >> mantissa_bits & largest;
    const int mantissa = byte & ((1 << mantissa_bits) - 1);
    float size = ldexpf((float)mantissa, 1 - bias - mantissa_bits);

    if (exponent) {
        size = ldexpf((float)(mantissa | 1 << mantissa_bits), exponent - bias - mantissa_bits);
    }
    if (exponent_bits == 5 && exponent == largest) size = mantissa ? NAN : INFINITY;
    if (exponent_bits == 4 && (byte & 0x7f) == 0x7f) size = NAN;
    return byte & 0x80 ? -size : size;
}

/* --- all storages --- */

static const quire_rows chief[BAG_TABLE_CHIEF] = {
    {.storage = QUIRE_ROWS_FLOAT32},
    {.storage = QUIRE_ROWS_FLOAT16},
    {.storage = QUIRE_ROWS_BFLOAT16},
    {.storage = QUIRE_ROWS_FLOAT8E4M3FN},
    {.storage = QUIRE_ROWS_FLOAT8E5M2},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 8},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 4},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 2},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 8, .block = 64},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 4, .block = 32, .scale = QUIRE_FLOAT_F16},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 2, .block = 16},
    {.storage = QUIRE_ROWS_SPLIT, .bits = 4, .zero_point = QUIRE_ROWS_ZERO_POINT_F32},
    {.storage = QUIRE_ROWS_FUSED, .bits = 8},
    {.storage = QUIRE_ROWS_FUSED, .bits = 8, .scale_first = 1},
    {.storage = QUIRE_ROWS_FUSED, .bits = 8, .scale = QUIRE_FLOAT_F16},
    {.storage = QUIRE_ROWS_FUSED, .bits = 8, .scale = QUIRE_FLOAT_F16, .scale_first = 1},
    {.storage = QUIRE_ROWS_FUSED, .bits = 4, .scale = QUIRE_FLOAT_F16},
    {.storage = QUIRE_ROWS_FUSED, .bits = 4, .scale = QUIRE_FLOAT_F16, .scale_first = 1},
    {.storage = QUIRE_ROWS_FUSED, .bits = 2, .scale = QUIRE_FLOAT_F16},
    {.storage = QUIRE_ROWS_FUSED, .bits = 2, .scale = QUIRE_FLOAT_F16, .scale_first = 1},
};

static const uint32_t blocks[] = {0, 16, 32, 64, 128, 256};
#define N_BLOCKS (sizeof blocks / sizeof *blocks)
#define N_SPLIT  (3 * N_BLOCKS * 2 * 2 * 3) /* bits, blocks, scales, zero points, values */

uint32_t
bag_storage_count(void)
{
    return BAG_TABLE_CHIEF + N_SPLIT;
}

quire_rows
bag_storage_get(uint32_t k)
{
    if (k < BAG_TABLE_CHIEF) return chief[k];
    k -= BAG_TABLE_CHIEF;
    quire_rows rows = {.storage = QUIRE_ROWS_SPLIT, .bits = 8u >> k % 3};
    k /= 3;
    rows.block = blocks[k % N_BLOCKS];
    k /= N_BLOCKS;
    rows.scale = (quire_float_type)(k % 2);
    rows.zero_point = (quire_rows_zero_point)(k / 2 % 2);
    rows.value = (quire_float_type)(k / 4);
    return rows;
}

/* --- bytes --- */

static void
bytes_draw(uint8_t *at, uint64_t n, random_state *r)
{
    for (uint64_t k = 0; k < n; k++)
        at[k] = (uint8_t)random_below(r, 256);
}

static float
special_draw(random_state *r)
{
    static const float values[] = {
        NAN,      -NAN,      INFINITY,         -INFINITY,         0.0f,
        -0.0f,    0x1p-149f, -0x1p-149f,       0x1p-127f,         0x1p-24f,
        65504.0f, -65520.0f, 3.4028234664e38f, -3.4028234664e38f, 0x1p127f,
        1.0f};

    return values[random_below(r, sizeof values / sizeof *values)];
}

static float
float_draw(bool special, random_state *r)
{
    return special && random_below(r, 8) == 0 ? special_draw(r) : random_float(r);
}

static bool
float8_is_finite(uint8_t byte, quire_rows_storage storage)
{
    return (byte & 0x7f) < (storage == QUIRE_ROWS_FLOAT8E5M2 ? 0x7c : 0x7f);
}

static quire_float_type
element_type(quire_rows_storage storage)
{
    return storage == QUIRE_ROWS_FLOAT32   ? QUIRE_FLOAT_F32
           : storage == QUIRE_ROWS_FLOAT16 ? QUIRE_FLOAT_F16
                                           : QUIRE_FLOAT_BF16;
}

static void
float_row_draw(const bag_table *t, uint8_t *row, random_state *r)
{
    const quire_float_type type = element_type(t->rows.storage);

    for (uint64_t j = 0; j < t->rows.width; j++) {
        if (t->rows.storage <= QUIRE_ROWS_BFLOAT16) {
            bag_float_put(row + j * bag_float_size(type), type, float_draw(t->special, r));
            continue;
        }
        do
            row[j] = (uint8_t)random_below(r, 256);
        while (!t->special && !float8_is_finite(row[j], t->rows.storage));
    }
}

static void
split_params_draw(const bag_table *t, uint8_t *scales, uint8_t *zeros, random_state *r)
{
    const quire_rows_layout *l = &t->layout;

    for (uint64_t k = 0; k < t->n_rows * l->n_groups; k++) {
        bag_float_put(scales + k * l->scale_size, t->rows.scale, float_draw(t->special, r));
        if (t->rows.zero_point == QUIRE_ROWS_ZERO_POINT_U8) {
            zeros[k] = (uint8_t)random_below(r, (uint64_t)1 << t->rows.bits);
        } else {
            bag_float_put(zeros + k * 4, QUIRE_FLOAT_F32, float_draw(t->special, r));
        }
    }
}

static void
fused_params_draw(const bag_table *t, uint8_t *row, random_state *r)
{
    uint8_t *at = row + t->layout.scale_at;

    bag_float_put(at, t->rows.scale, float_draw(t->special, r));
    bag_float_put(at + t->layout.scale_size, t->rows.scale, float_draw(t->special, r));
}

/* --- elements --- */

static float
float_element(const bag_table *t, const uint8_t *row, uint64_t j)
{
    switch (t->rows.storage) {
    case QUIRE_ROWS_FLOAT32: return bag_float_get(row + 4 * j, QUIRE_FLOAT_F32);
    case QUIRE_ROWS_FLOAT16: return bag_float_get(row + 2 * j, QUIRE_FLOAT_F16);
    case QUIRE_ROWS_BFLOAT16: return bag_float_get(row + 2 * j, QUIRE_FLOAT_BF16);
    case QUIRE_ROWS_FLOAT8E4M3FN: return bag_float8_value(row[j], 4);
    case QUIRE_ROWS_FLOAT8E5M2: return bag_float8_value(row[j], 5);
    case QUIRE_ROWS_SPLIT:
    case QUIRE_ROWS_FUSED: break;
    }
    abort();
}

static bag_element
fused_element(const bag_table *t, const uint8_t *row, uint64_t j)
{
    const uint64_t bits = t->rows.bits;
    const uint64_t size = bag_float_size(t->rows.scale);
    const uint64_t packed = (t->rows.width * bits + 7) / 8;
    const uint8_t *params = t->rows.scale_first ? row : row + packed;
    const uint8_t *codes = t->rows.scale_first ? row + 2 * size : row;

    return (bag_element){.q = (float)(codes[j * bits / 8] >> j * bits % 8 & ((1 << bits) - 1)),
                         .scale = bag_float_get(params, t->rows.scale),
                         .zero = bag_float_get(params + size, t->rows.scale)};
}

static bag_element
split_element(const bag_table *t, uint64_t row, const uint8_t *codes, uint64_t j)
{
    const uint64_t bits = t->rows.bits;
    const uint64_t columns =
        t->rows.block && t->rows.block < t->rows.width ? t->rows.block : t->rows.width;
    const uint64_t n_groups = (t->rows.width + columns - 1) / columns;
    const uint64_t group = row * n_groups + j / columns;
    const uint64_t packed = (columns * bits + 7) / 8;
    const uint8_t byte = codes[j / columns * packed + j % columns % packed];

    return (bag_element){
        .q = (float)(byte >> bits * (j % columns / packed) & ((1 << bits) - 1)),
        .scale = bag_float_get(t->scales + group * bag_float_size(t->rows.scale), t->rows.scale),
        .zero = t->rows.zero_point == QUIRE_ROWS_ZERO_POINT_U8
                    ? (float)t->zeros[group]
                    : bag_float_get(t->zeros + group * 4, QUIRE_FLOAT_F32)};
}

static void
elements_read(bag_table *t)
{
    bag_element *e = t->elements;

    for (uint64_t i = 0; i < t->n_rows; i++) {
        const uint8_t *row = t->codes + i * t->layout.stride;
        for (uint64_t j = 0; j < t->rows.width; j++, e++) {
            switch (t->rows.storage) {
            case QUIRE_ROWS_SPLIT: *e = split_element(t, i, row, j); break;
            case QUIRE_ROWS_FUSED: *e = fused_element(t, row, j); break;
            case QUIRE_ROWS_FLOAT32:
            case QUIRE_ROWS_FLOAT16:
            case QUIRE_ROWS_BFLOAT16:
            case QUIRE_ROWS_FLOAT8E4M3FN:
            case QUIRE_ROWS_FLOAT8E5M2: *e = (bag_element){.q = float_element(t, row, j)}; break;
            }
        }
    }
}

/* --- the whole --- */

static void
layout_get(bag_table *t)
{
    const char *why;

    if (quire_rows_layout_get(&t->rows, &t->layout, &why) == QUIRE_OK) return;
    printf("layout: %s\n", why);
    exit(EXIT_FAILURE);
}

/* Without a gap; with one; far enough apart for a table that no first cache, or no cache, holds. */
static uint64_t
stride_draw(const bag_table *t, random_state *r)
{
    const uint64_t row_bytes = t->layout.row_bytes;

    switch (random_below(r, 8)) {
    case 0: return row_bytes + random_below(r, 70);
    case 1: return row_bytes + FAR_BYTES / 200 / t->n_rows + random_below(r, 70);
    case 2: return row_bytes + FAR_BYTES / t->n_rows + random_below(r, 70);
    default: return 0;
    }
}

/* The arrays of a table whose layout is known; their first bytes. */
static void
memory_take(bag_table *t, fenced_place place, uint8_t *out[3])
{
    static fenced memory[3];
    const quire_rows_layout *l = &t->layout;
    const uint64_t n_params = t->n_rows * l->n_groups;

    for (int k = 0; k < 3 && !memory[k].first; k++) /* and 70 bytes a row */
        memory[k] = fenced_make((size_t)(k ? 0 : FAR_BYTES) + (4 + 70) * BAG_TABLE_MAX_ELEMENTS);
    t->codes = out[0] = fenced_put(&memory[0], (t->n_rows - 1) * l->stride + l->row_bytes, place);
    t->scales = out[1] = fenced_put(&memory[1], n_params * l->scale_size, place);
    t->zeros = out[2] = fenced_put(&memory[2], n_params * l->zero_size, place);
}

void
bag_table_draw(bag_table *t, const quire_rows *storage, uint64_t n_rows, uint64_t width,
               bool special, random_state *r)
{
    static bag_element elements[BAG_TABLE_MAX_ELEMENTS];
    uint8_t *arrays[3];

    *t = (bag_table){.rows = *storage, .n_rows = n_rows, .special = special, .elements = elements};
    t->rows.size = sizeof t->rows;
    t->rows.width = width;
    layout_get(t);
    t->rows.stride = stride_draw(t, r);
    layout_get(t);
    memory_take(t, (fenced_place)random_below(r, FENCED_PLACES), arrays);
    for (uint64_t i = 0; i < n_rows; i++) {
        uint8_t *row = arrays[0] + i * t->layout.stride;
        bytes_draw(row, t->layout.row_bytes, r);
        if (storage->storage < QUIRE_ROWS_SPLIT) float_row_draw(t, row, r);
        if (storage->storage == QUIRE_ROWS_FUSED) fused_params_draw(t, row, r);
    }
    if (storage->storage == QUIRE_ROWS_SPLIT) split_params_draw(t, arrays[1], arrays[2], r);
    elements_read(t);
}
