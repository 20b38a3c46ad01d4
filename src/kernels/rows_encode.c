/* rows_encode.c - from elements and stored parameters to packed codes, and the error that costs.
 *
 * One chunk of columns at a time: codes first, in whole vectors, then packing and sums, which keep
 * column order.
 */
#include "kernels/rows_group.h"

typedef struct chunk {
    float code[QUIRE_ROW_CHUNK];
    float value[QUIRE_ROW_CHUNK];
    uint8_t byte[QUIRE_ROW_CHUNK];
} chunk;

static void
code_int(const quire_row_params *p, const float *x, chunk *out)
{
    const quire_row_params local = *p;

    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++)
        out->code[i] = quire_row_code_int(&local, x[i]);
}

static void
code_float(const quire_row_params *p, const float *x, chunk *out)
{
    const quire_row_params local = *p;

    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++)
        out->code[i] = quire_row_code_float(&local, x[i]);
}

static void
make_codes(const quire_row_format *f, const quire_row_params *p, const float *x, chunk *out)
{
    if (f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
        code_int(p, x, out);
    } else {
        code_float(p, x, out);
    }
    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++)
        out->byte[i] = (uint8_t)(int32_t)out->code[i];
}

static void
decode_values(quire_row_dtype dtype, const quire_row_params *p, chunk *c)
{
    const quire_row_params local = *p;

    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++) {
        c->value[i] = quire_row_decode(&local, c->code[i]);
    }
    if (dtype == QUIRE_ROW_DTYPE_F32) return;
    for (size_t i = 0; i < QUIRE_ROW_CHUNK; i++) {
        c->value[i] = quire_row_round_stored(dtype, c->value[i]);
    }
}

static void
add_sums(const float *x, const chunk *c, size_t n, quire_row_sums *sums)
{
    quire_row_sums total = *sums;

    for (size_t i = 0; i < n; i++) {
        const double e = (double)x[i] - (double)c->value[i];
        total.xx += (double)x[i] * (double)x[i];
        total.ee += e * e;
    }
    *sums = total;
}

void
quire_row_group_encode(const quire_row_format *f, quire_row_params p, const float *x, size_t n,
                       uint8_t *group, quire_row_sums *sums)
{
    float tail[QUIRE_ROW_CHUNK] = {0};
    chunk c;

    memset(group, 0, f->group_bytes);
    for (size_t i = 0; i < n; i += QUIRE_ROW_CHUNK) {
        const size_t m = n - i < QUIRE_ROW_CHUNK ? n - i : QUIRE_ROW_CHUNK;
        const float *from = x + i;
        if (m < QUIRE_ROW_CHUNK) from = memcpy(tail, from, m * sizeof *tail);
        make_codes(f, &p, from, &c);
        quire_row_pack_at(f, c.byte, i, m, group);
        if (!sums) continue;
        decode_values(f->choice.dtype, &p, &c);
        add_sums(from, &c, m, sums);
    }
}
