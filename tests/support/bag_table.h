/* bag_table.h - tables of every storage of quire/kernels.h, and what their elements are, read as the
 * header says it: column by column, and with nothing of src/kernels but the conversions of half.h.
 */
#ifndef QUIRE_TESTS_SUPPORT_BAG_TABLE_H
#define QUIRE_TESTS_SUPPORT_BAG_TABLE_H

#include "quire/kernels.h"
#include "support/random.h"

#include <stdbool.h>

#define BAG_TABLE_MAX_WIDTH    4100
#define BAG_TABLE_MAX_ELEMENTS (4000 * 512)

/* What the header calls q, zp or b, and s, of one element; of float storage q is the element. */
typedef struct bag_element {
    float q, zero, scale;
} bag_element;

typedef struct bag_table {
    quire_rows rows;
    quire_rows_layout layout;
    uint64_t n_rows;
    const uint8_t *codes;
    const uint8_t *scales;
    const uint8_t *zeros;
    bool special; /* NaN, infinities, subnormals and the largest values are among the elements */
    bag_element *elements; /* [n_rows][width] */
} bag_table;

/* All storages there are, without width and stride; the first BAG_TABLE_CHIEF have one of each kind
 * and no two that differ only in scales, zero points or values. */
#define BAG_TABLE_CHIEF 20
uint32_t bag_storage_count(void);
quire_rows bag_storage_get(uint32_t k);

/* Fills `*t` with random bytes in fenced memory that all tables share: the one before is gone.
 * n_rows * width <= BAG_TABLE_MAX_ELEMENTS, width <= BAG_TABLE_MAX_WIDTH. */
void bag_table_draw(bag_table *t, const quire_rows *storage, uint64_t n_rows, uint64_t width,
                    bool special, random_state *r);

/* The value of FLOAT8: 4 bits of exponent or 5. */
float bag_float8_value(uint8_t byte, int exponent_bits);

/* One number of `type` at `at`, read and written. */
float bag_float_get(const void *at, quire_float_type type);
void bag_float_put(void *at, quire_float_type type, float value);
uint64_t bag_float_size(quire_float_type type);

/* `value` rounded once to `type`. */
float bag_float_rounded(float value, quire_float_type type);

#endif
