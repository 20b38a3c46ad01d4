/* rows_scalar.c - the inner loops of the row kernels in plain C: the reference for all others.
 *
 * Elements are taken a chunk at a time, tails padded, so that a compiler turns loops into whole
 * vectors; packing and sums keep column order.
 */
#include "kernels/rows_kernels.h"

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
encode(const quire_row_format *f, const quire_row_params *p, const float *x, size_t first, size_t n,
       uint8_t *group, float *values)
{
    float tail[QUIRE_ROW_CHUNK] = {0};
    chunk c;

    if (first == 0) memset(group, 0, f->group_bytes);
    for (size_t i = 0; i < n; i += QUIRE_ROW_CHUNK) {
        const size_t m = n - i < QUIRE_ROW_CHUNK ? n - i : QUIRE_ROW_CHUNK;
        const float *from = x + i;
        if (m < QUIRE_ROW_CHUNK) from = memcpy(tail, from, m * sizeof *tail);
        make_codes(f, p, from, &c);
        quire_row_pack_at(f, c.byte, first + i, m, group);
        if (!values) continue;
        decode_values(f->choice.dtype, p, &c);
        memcpy(values + i, c.value, m * sizeof *values);
    }
}

static void
add_errors(const float *x, const float *values, size_t n, quire_row_parts *io)
{
    for (size_t i = 0; i < n; i++) {
        const double e = (double)x[i] - (double)values[i];
        io->xx[i % QUIRE_ROW_PARTS] += (double)x[i] * (double)x[i];
        io->ee[i % QUIRE_ROW_PARTS] += e * e;
    }
}

static void
params_minmax(const quire_row_format *f, const quire_row_range *ranges, size_t team,
              quire_row_params *out)
{
    for (size_t r = 0; r < team; r++)
        out[r] = quire_row_params_minmax(f, ranges[r]);
}

static void
decode(const quire_row_format *f, const quire_row_params *p, const uint8_t *group, size_t first,
       size_t n, float *values)
{
    const quire_row_params local = *p;
    uint8_t codes[QUIRE_ROW_CHUNK] = {0};

    for (size_t i = 0; i < n; i += QUIRE_ROW_CHUNK) {
        const size_t m = n - i < QUIRE_ROW_CHUNK ? n - i : QUIRE_ROW_CHUNK;
        quire_row_unpack_at(f, group, first + i, m, codes);
        for (size_t k = 0; k < m; k++)
            values[i + k] = quire_row_decode(&local, codes[k]);
    }
}

/* --- one element seen through every candidate of a search ----------------------------------------
 */

typedef struct lane_view {
    float level[QUIRE_ROW_LANES];   /* in units of the scale, float zero point added */
    float rounded[QUIRE_ROW_LANES]; /* clamped and rounded                           */
    float value[QUIRE_ROW_LANES];   /* the decoded element                           */
} lane_view;

static void
view_int(const quire_row_lanes *c, float x, lane_view *out)
{
    for (size_t l = 0; l < QUIRE_ROW_LANES; l++) {
        out->level[l] = x / c->scale[l];
        out->rounded[l] = quire_row_round_clamped(out->level[l], c->low[l], c->high[l]);
        out->value[l] = out->rounded[l] * c->scale[l];
    }
}

static void
view_float(const quire_row_lanes *c, float x, lane_view *out)
{
    for (size_t l = 0; l < QUIRE_ROW_LANES; l++) {
        out->level[l] = x * c->inverse[l] + c->zero_point[l];
        out->rounded[l] = quire_row_round_clamped(out->level[l], c->low[l], c->high[l]);
        out->value[l] = (out->rounded[l] - c->zero_point[l]) * c->scale[l];
    }
}

static void
add_error(quire_row_dtype dtype, float x, lane_view *view, quire_row_lane_sums *sums)
{
    for (size_t l = 0; dtype != QUIRE_ROW_DTYPE_F32 && l < QUIRE_ROW_LANES; l++)
        view->value[l] = quire_row_round_stored(dtype, view->value[l]);
    for (size_t l = 0; l < QUIRE_ROW_LANES; l++) {
        const double e = (double)x - (double)view->value[l];
        sums->error[l] += e * e;
    }
}

static void
add_fit(float centre, const lane_view *view, quire_row_lane_sums *sums)
{
    for (size_t l = 0; l < QUIRE_ROW_LANES; l++) {
        const float t = view->level[l] - centre;
        const float k = view->rounded[l] - centre;
        sums->t[l] += t;
        sums->k[l] += k;
        sums->kk[l] += k * k;
        sums->tk[l] += t * k;
    }
}

static void
measure(const quire_row_format *f, const quire_row_lanes *lanes, const float *x, size_t n,
        float centre, quire_row_lane_sums *out)
{
    lane_view view;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        if (f->choice.zero_point == QUIRE_ROW_ZERO_POINT_INT) {
            view_int(lanes, x[i], &view);
        } else {
            view_float(lanes, x[i], &view);
        }
        add_error(f->choice.dtype, x[i], &view, out);
        add_fit(centre, &view, out);
    }
}

const quire_row_kernels quire_row_kernels_scalar = {
    .range_find = quire_row_range_find,
    .params_minmax = params_minmax,
    .encode = encode,
    .add_errors = add_errors,
    .decode = decode,
    .widen = quire_row_widen_plain,
    .narrow = quire_row_narrow_plain,
    .measure = measure,
};
