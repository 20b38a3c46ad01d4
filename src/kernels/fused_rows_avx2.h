/* fused_rows_avx2.h - fused rows for AVX2 and F16C, and what builds on them: the bytes of fused_scalar.c.
 *
 * Rows are looked at before they are written. A block of them is at a time what the first cache holds, and
 * the parameters of eight rows are found side by side, so that no division is waited for. Of wide rows the
 * next block is looked at while one is written, column by column, so that memory and arithmetic work at a
 * time; of narrow ones it is asked for. This is the whole of the units that include it, which are compiled
 * with flags of their own: nothing but FUSED_TABLE leaves them.
 */
#ifndef QUIRE_KERNELS_FUSED_ROWS_AVX2_H
#define QUIRE_KERNELS_FUSED_ROWS_AVX2_H

#include "kernels/fused_codes_avx2.h"

#if defined(__AVX2__)

/* Elements of a call that the second cache may hold: they come by themselves, asking for them costs more
 * than it gains. */
#define NEAR_ELEMENTS (1 << 17)

/* Columns of wide rows, also where the rows are not near, and elements of a block of them: it is read again
 * when as many of the next block have been read and all have been written, which the first cache holds. */
#define WIDE          128
#define WIDE_FAR      64
#define WIDE_ELEMENTS 2560

#define AHEAD 8192 /* bytes from where a wide row is looked at to what is asked for */

/* Are the parameters float16? With fewer than 8 bits they are. */
INLINE bool
is_half(const quire_fused_rows *w, uint32_t bits)
{
    return bits != 8 || w->half;
}

/* From that row on; NULL if there are none. */
INLINE const float *
ranges_from(const float *ranges, uint64_t row)
{
    return ranges ? ranges + 2 * row : NULL;
}

INLINE wide_params
params_spread(const block *b, uint64_t row, uint32_t bits)
{
    return (wide_params){_mm256_broadcast_ss(&b->bias[row]), _mm256_broadcast_ss(&b->inverse[row]),
                         _mm256_set1_ps((float)((1u << bits) - 1))};
}

INLINE void
params_put(const block *b, uint64_t row, bool half, uint8_t *out)
{
    if (half) {
        memcpy(out, b->stored + 4 * row, 4);
    } else {
        memcpy(out, b->stored + 8 * row, 8);
    }
}

/* The good rows. What does not change is fetched before: bytes written may be anything, to a compiler. */
INLINE void
block_put(const quire_fused_rows *w, const block *b, const float *x, uint32_t bits, bool clamps,
          uint64_t width, uint64_t ahead, uint8_t *out)
{
    const quire_rows_layout at = *w->layout;
    const bool half = is_half(w, bits);
    const uint64_t n = b->n_good;

    for (uint64_t row = 0; row < n; row++, x += width, out += at.stride) {
        const wide_params wide = params_spread(b, row, bits);
        codes_put(&wide, x, width, bits, clamps, ahead, out + at.payload_at);
        params_put(b, row, half, out + at.scale_at);
    }
}

/* Codes that have to be clamped, of rows of any width. */
static __attribute__((noinline)) void
block_put_clamped(const quire_fused_rows *w, const block *b, const float *x, uint8_t *out)
{
    switch (w->bits) {
    case 8: block_put(w, b, x, 8, true, w->width, 0, out); break;
    case 4: block_put(w, b, x, 4, true, w->width, 0, out); break;
    default: block_put(w, b, x, 2, true, w->width, 0, out); break;
    }
}

/* --- narrow rows ---------------------------------------------------------------------------------
 */

/* How many of n rows are a block: half of the first cache, beside as much of the next block. */
INLINE uint64_t
narrow_rows(uint64_t n, uint64_t width)
{
    const uint64_t fit = BLOCK / width / (2 * TEAM) * (2 * TEAM);
    const uint64_t most = fit < MOST_ROWS ? fit : MOST_ROWS;

    return n < most ? n : most;
}

INLINE void
narrow_look(const float *x, uint64_t n, uint64_t width, block *out)
{
    uint64_t i = 0;
    extremes e[2 * TEAM];

    for (; i + 2 * TEAM <= n; i += 2 * TEAM, x += 2 * TEAM * width) {
        team_extremes(x, width, e);
        const team lower = team_of(e);
        team_extremes(x + TEAM * width, width, e);
        block_add(out, i, lower, team_of(e));
    }
    if (i == n) return;
    rows_extremes(x, n - i, width, e);
    block_add_rows(out, i, n, e);
}

INLINE uint64_t
narrow_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
           uint8_t *out, uint32_t bits, uint64_t width, bool near)
{
    block b;
    uint64_t n;

    for (uint64_t row = 0; row < n_rows; row += n) {
        const float *at = x + row * width;
        uint8_t *to = out + row * w->layout->stride;
        n = narrow_rows(n_rows - row, width);
        narrow_look(at, n, width, &b);
        block_finish(w, at, n, ranges_from(ranges, row), &b);
        if (b.clamps) {
            block_put_clamped(w, &b, at, to);
        } else {
            const bool asks = !near && n < n_rows - row;
            block_put(w, &b, at, bits, false, width, asks ? n * width * sizeof *x : 0, to);
        }
        if (b.n_good < n) return row + b.n_good;
    }
    return n_rows;
}

/* --- wide rows -----------------------------------------------------------------------------------
 */

/* How many of n rows are a block. */
INLINE uint64_t
wide_rows(uint64_t n, uint64_t width)
{
    const uint64_t fit = WIDE_ELEMENTS / width;
    const uint64_t most = fit > 0 ? fit : 1;

    return n < most ? n : most;
}

/* All columns of a row, looking at another one meanwhile. Unless `ahead` is 0, the lines that many bytes further
 * on are asked for. */
INLINE extremes
codes_put_looking(const wide_params *p, const float *x, uint64_t n, uint32_t bits, bool clamps,
                  const float *other, uint64_t ahead, uint8_t *out)
{
    const uint64_t step = put_step(bits);
    const looks start = looks_start(extremes_start(other, n));
    looks e[2] = {start, start};
    uint64_t i = 0;

    for (; i + step <= n; i += step) {
        if (ahead > 0) ask(other + i, step, ahead);
        UNROLL for (uint64_t k = 0; k < step; k += LOOK_COLUMNS)
            looks_add(&e[k / LOOK_COLUMNS % 2], other + i + k);
        IN_ORDER;
        put_columns(p, x + i, bits, clamps, out + i * bits / 8);
    }
    extremes all = looks_end(e[0], e[1]);
    for (uint64_t k = i; k + 8 < n; k += 8)
        extremes_add(&all, load(other + k), true);
    put_last(p, x, i, n, bits, clamps, out);
    return all;
}

/* The good rows, while `n_next` rows behind the block are looked at. Where there is none, a row is looked at
 * itself. */
INLINE void
block_put_looking(const quire_fused_rows *w, const block *b, const float *x, const float *next,
                  uint64_t n_next, uint32_t bits, bool clamps, uint64_t width, uint64_t ahead,
                  uint8_t *out, extremes *e)
{
    const quire_rows_layout at = *w->layout;
    const bool half = is_half(w, bits);

    for (uint64_t i = 0; i < b->n_good; i++, x += width, out += at.stride) {
        const wide_params wide = params_spread(b, i, bits);
        const float *other = i < n_next ? next + i * width : x;
        e[i] = codes_put_looking(&wide, x, width, bits, clamps, other, ahead, out + at.payload_at);
        params_put(b, i, half, out + at.scale_at);
    }
}

INLINE uint64_t
wide_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
         uint8_t *out, uint32_t bits, uint64_t width, bool near)
{
    const uint64_t ahead = near ? 0 : AHEAD;
    uint64_t n = wide_rows(n_rows, width), n_next;
    extremes e[WIDE_ELEMENTS / WIDE_FAR];
    block b;

    rows_extremes(x, n, width, e);
    for (uint64_t row = 0; row < n_rows; row += n, n = n_next) {
        const float *at = x + row * width, *next = at + n * width;
        uint8_t *to = out + row * w->layout->stride;
        n_next = wide_rows(n_rows - row - n, width);
        block_add_rows(&b, 0, n, e);
        block_finish(w, at, n, ranges_from(ranges, row), &b);
        if (b.clamps) {
            block_put_looking(w, &b, at, next, n_next, bits, true, width, ahead, to, e);
        } else {
            block_put_looking(w, &b, at, next, n_next, bits, false, width, ahead, to, e);
        }
        if (b.n_good < n) return row + b.n_good;
    }
    return n_rows;
}

/* --- all rows ------------------------------------------------------------------------------------
 */

/* Loops of known length for the usual widths. */
#define ROWS_PUT(bits)                                                                             \
    static uint64_t rows_put_##bits(const quire_fused_rows *w, const float *x, uint64_t n_rows,    \
                                    const float *ranges, uint8_t *out)                             \
    {                                                                                              \
        const uint64_t width = w->width;                                                           \
        const bool near = n_rows <= NEAR_ELEMENTS / width;                                         \
        if (width == 16) return narrow_put(w, x, n_rows, ranges, out, bits, 16, near);             \
        if (width == 32) return narrow_put(w, x, n_rows, ranges, out, bits, 32, near);             \
        if (width == 64 && near) return narrow_put(w, x, n_rows, ranges, out, bits, 64, near);     \
        if (width >= (near ? WIDE : WIDE_FAR))                                                     \
            return wide_put(w, x, n_rows, ranges, out, bits, width, near);                         \
        return narrow_put(w, x, n_rows, ranges, out, bits, width, near);                           \
    }
ROWS_PUT(8)
ROWS_PUT(4)
ROWS_PUT(2)

static uint64_t
rows_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
         uint8_t *out)
{
    switch (w->bits) {
    case 8: return rows_put_8(w, x, n_rows, ranges, out);
    case 4: return rows_put_4(w, x, n_rows, ranges, out);
    default: return rows_put_2(w, x, n_rows, ranges, out);
    }
}

/* --- decoding ------------------------------------------------------------------------------------
 */

static void
row_decode(const uint8_t *codes, uint64_t n, uint32_t bits, float scale, float bias, float *out)
{
    const __m256 wide_scale = _mm256_set1_ps(scale);
    const __m256 wide_bias = _mm256_set1_ps(bias);
    const __m256i places =
        _mm256_setr_epi32(0, (int)bits, 2 * (int)bits, 3 * (int)bits, 4 * (int)bits, 5 * (int)bits,
                          6 * (int)bits, 7 * (int)bits);
    const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
    uint64_t i = 0;

    for (; i + 8 <= n; i += 8, codes += bits) {
        uint64_t eight = 0;
        memcpy(&eight, codes, bits);
        const __m256i q =
            bits == 8
                ? _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)eight))
                : _mm256_and_si256(
                      _mm256_srlv_epi32(_mm256_set1_epi32((int)(uint32_t)eight), places), mask);
        _mm256_storeu_ps(out + i, _mm256_fmadd_ps(wide_scale, _mm256_cvtepi32_ps(q), wide_bias));
    }
    quire_fused_scalar.row_decode(codes, n - i, bits, scale, bias, out + i);
}

const quire_fused_table FUSED_TABLE = {rows_put, row_decode};

#endif

#endif
