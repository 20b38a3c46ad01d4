/* fused_avx2.c - fused rows for AVX2 and F16C: the bytes of fused_scalar.c.
 *
 * A block of rows that the first cache holds is looked at, ranges and parameters of four rows side by
 * side, so that no division is waited for, and then written. Of wide rows the next ones are looked at
 * meanwhile, column by column, so that memory and arithmetic work at a time; of narrow ones they are
 * asked for. Compiled with flags of its own: nothing but its table leaves it.
 */
#include "kernels/fused_codes_avx2.h"

#if defined(__x86_64__)

#define WIDE  128  /* columns                                                       */
#define AHEAD 4096 /* bytes from where a wide row is looked at to what is asked for */

/* --- narrow rows ---------------------------------------------------------------------------------
 */

/* Elements of a block, which are read twice: half of the first cache, beside as much of the next block.
 * Narrow rows of a call that the second cache may hold come by themselves: asking for them costs more. */
#define NEAR_ELEMENTS (1 << 17)
#define BLOCK         (1 << 12)
#define MOST_TEAMS    128

/* A row of each quarter is a team: row i of the block is lane i / n_teams of team i % n_teams. */
typedef struct block {
    uint64_t n_good;  /* rows before the first that is not finite */
    uint64_t n_teams; /* 1 also of fewer rows than a team has     */
    bool clamps;
    team_params teams[MOST_TEAMS];
} block;

/* Its teams, which are kilobytes, are left as they are. */
INLINE void
block_start(block *b, uint64_t n, uint64_t n_teams, bool clamps)
{
    b->n_good = n;
    b->n_teams = n_teams;
    b->clamps = clamps;
}

/* How many of n rows are a block. */
INLINE uint64_t
block_rows(uint64_t n, uint64_t width)
{
    const uint64_t fit = BLOCK / (TEAM * width);
    uint64_t teams = n / TEAM;

    if (teams == 0) return n;
    if (teams > MOST_TEAMS) teams = MOST_TEAMS;
    return TEAM * (teams < fit ? teams : fit);
}

/* Are the parameters float16? */
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

/* `ranges` are of the team's first row, and of the others `step` rows further on. */
INLINE void
ranges_take(const float *ranges, uint64_t step, uint64_t n_rows, team_ranges *out)
{
    float lo[TEAM], hi[TEAM];

    for (uint64_t r = 0; r < TEAM; r++) {
        const float *range = ranges + 2 * step * (r < n_rows ? r : 0);
        lo[r] = range[0];
        hi[r] = range[1];
    }
    out->lo = _mm_loadu_ps(lo);
    out->hi = _mm_loadu_ps(hi);
}

/* Team `i` of a block, `n_rows` rows of `x` that are `step` rows apart. */
INLINE void
team_take(const extremes e[TEAM], const quire_fused_rows *w, const float *x, uint64_t i,
          uint64_t step, uint64_t n_rows, const float *ranges, uint32_t bits, uint64_t width,
          block *io)
{
    const float max_code = (float)((1u << bits) - 1);
    team_params *p = &io->teams[i];
    team_ranges t = ranges_of(e, x, step * width, n_rows, width);

    if (t.bad) {
        const uint64_t row = (uint64_t)__builtin_ctz((unsigned)t.bad) * step + i;
        if (row < io->n_good) io->n_good = row;
    }
    if (ranges) ranges_take(ranges, step, n_rows, &t);
    if (is_half(w, bits)) {
        params_f16(t.lo, t.hi, max_code, p);
    } else {
        params_f32(t.lo, t.hi, p);
    }
    io->clamps |= is_above(p, t.lo, t.hi, max_code);
}

INLINE void
block_look(const quire_fused_rows *w, const float *x, uint64_t n, const float *ranges,
           uint32_t bits, uint64_t width, block *out)
{
    const uint64_t n_teams = n < TEAM ? 1 : n / TEAM;
    const uint64_t n_rows = n < TEAM ? n : TEAM;
    extremes e[TEAM];

    block_start(out, n, n_teams, ranges != NULL);
    for (uint64_t i = 0; i < n_teams; i++, x += width) {
        if (n < TEAM) {
            rows_extremes(x, n, width, e);
        } else {
            team_extremes(x, n_teams * width, width, e);
        }
        team_take(e, w, x, i, n_teams, n_rows, ranges_from(ranges, i), bits, width, out);
    }
}

/* Codes that have to be clamped, which is rare. */
static __attribute__((noinline)) void
codes_put_clamped(const wide_params *p, const float *x, uint64_t n, uint32_t bits, uint64_t ahead,
                  uint8_t *out)
{
    switch (bits) {
    case 8: codes_put(p, x, n, 8, true, ahead, out); break;
    case 4: codes_put(p, x, n, 4, true, ahead, out); break;
    default: codes_put(p, x, n, 2, true, ahead, out); break;
    }
}

INLINE wide_params
params_spread(const team_params *p, uint64_t lane, uint32_t bits)
{
    return (wide_params){_mm256_broadcast_ss(&p->bias[lane]),
                         _mm256_broadcast_ss(&p->inverse[lane]),
                         _mm256_set1_ps((float)((1u << bits) - 1))};
}

INLINE void
params_put(const quire_fused_rows *w, const team_params *p, uint64_t lane, uint32_t bits,
           uint8_t *row)
{
    if (is_half(w, bits)) {
        memcpy(row + w->layout->scale_at, p->stored + 4 * lane, 4);
    } else {
        memcpy(row + w->layout->scale_at, p->stored + 8 * lane, 8);
    }
}

INLINE void
block_put(const quire_fused_rows *w, const block *b, const float *x, uint8_t *out, uint32_t bits,
          uint64_t width, uint64_t ahead)
{
    uint64_t at = 0, lane = 0;

    for (uint64_t i = 0; i < b->n_good; i++, x += width, out += w->layout->stride) {
        const wide_params wide = params_spread(&b->teams[at], lane, bits);
        uint8_t *codes = out + w->layout->payload_at;
        if (b->clamps) {
            codes_put_clamped(&wide, x, width, bits, ahead, codes);
        } else {
            codes_put(&wide, x, width, bits, false, ahead, codes);
        }
        params_put(w, &b->teams[at], lane, bits, out);
        if (++at == b->n_teams) at = 0, lane++;
    }
}

INLINE uint64_t
blocks_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
           uint8_t *out, uint32_t bits, uint64_t width)
{
    uint64_t row = 0;
    block b;

    while (row < n_rows) {
        const uint64_t n = block_rows(n_rows - row, width);
        const bool asks = n < n_rows - row && n_rows > NEAR_ELEMENTS / width;
        const uint64_t ahead = asks ? n * width * sizeof *x : 0;
        block_look(w, x + row * width, n, ranges_from(ranges, row), bits, width, &b);
        block_put(w, &b, x + row * width, out + row * w->layout->stride, bits, width, ahead);
        row += b.n_good;
        if (b.n_good < n) break;
    }
    return row;
}

/* --- wide rows -----------------------------------------------------------------------------------
 */

/* All columns of a row, looking at another one meanwhile. */
INLINE extremes
codes_put_looking(const wide_params *p, const float *x, uint64_t n, uint32_t bits,
                  const float *other, uint8_t *out)
{
    const uint64_t step = put_step(bits);
    const extremes start = extremes_start(other, n);
    extremes e[2] = {start, start};
    uint64_t i = 0;

    for (; i + step <= n; i += step) {
        ask(other + i, step, AHEAD);
        UNROLL for (uint64_t k = 0; k < step; k += 8)
            extremes_add(&e[k / 8 % 2], load(other + i + k), true);
        put_columns(p, x + i, bits, false, out + i * bits / 8);
    }
    for (uint64_t k = i; k + 8 <= n; k += 8)
        extremes_add(&e[0], load(other + k), true);
    put_last(p, x, i, n, bits, false, out);
    return (extremes){_mm256_max_epi32(e[0].top, e[1].top), _mm256_max_epu32(e[0].far, e[1].far)};
}

/* Wide rows are teams of as many as leave room for another such team in the first cache. */
INLINE uint64_t
team_rows(uint64_t n, uint64_t width)
{
    const uint64_t fit = BLOCK / width;
    const uint64_t most = fit > TEAM ? TEAM : fit > 0 ? fit : 1;

    return n < most ? n : most;
}

/* The good rows of team `b`, while `n_next` rows behind the team are looked at. Where there is none, a row
 * is looked at itself. */
INLINE void
team_put(const quire_fused_rows *w, const block *b, const float *x, const float *next,
         uint64_t n_next, uint32_t bits, uint8_t *out, extremes e[TEAM])
{
    const uint64_t width = w->width;

    if (b->clamps) rows_extremes(next, n_next, width, e);
    for (uint64_t i = 0; i < b->n_good; i++, x += width, out += w->layout->stride) {
        const wide_params wide = params_spread(&b->teams[0], i, bits);
        uint8_t *codes = out + w->layout->payload_at;
        if (b->clamps) {
            codes_put_clamped(&wide, x, width, bits, 0, codes);
        } else {
            const float *other = i < n_next ? next + i * width : x;
            e[i] = codes_put_looking(&wide, x, width, bits, other, codes);
        }
        params_put(w, &b->teams[0], i, bits, out);
    }
    extremes_fill(e, n_next);
}

INLINE uint64_t
teams_put(const quire_fused_rows *w, const float *x, uint64_t n_rows, const float *ranges,
          uint8_t *out, uint32_t bits)
{
    const uint64_t width = w->width;
    extremes e[TEAM];
    block b;
    uint64_t n = team_rows(n_rows, width), n_next;

    if (n > 0) rows_extremes(x, n, width, e);
    for (uint64_t row = 0; row < n_rows; row += n, n = n_next) {
        const float *at = x + row * width;
        n_next = team_rows(n_rows - row - n, width);
        block_start(&b, n, 1, ranges != NULL);
        team_take(e, w, at, 0, 1, n, ranges_from(ranges, row), bits, width, &b);
        team_put(w, &b, at, at + n * width, n_next, bits, out + row * w->layout->stride, e);
        if (b.n_good < n) return row + b.n_good;
    }
    return n_rows;
}

/* Loops of known length for the usual widths. */
#define ROWS_PUT(bits)                                                                             \
    static uint64_t rows_put_##bits(const quire_fused_rows *w, const float *x, uint64_t n_rows,    \
                                    const float *ranges, uint8_t *out)                             \
    {                                                                                              \
        switch (w->width) {                                                                        \
        case 16: return blocks_put(w, x, n_rows, ranges, out, bits, 16);                           \
        case 32: return blocks_put(w, x, n_rows, ranges, out, bits, 32);                           \
        case 64: return blocks_put(w, x, n_rows, ranges, out, bits, 64);                           \
        default: break;                                                                            \
        }                                                                                          \
        if (w->width >= WIDE) return teams_put(w, x, n_rows, ranges, out, bits);                   \
        return blocks_put(w, x, n_rows, ranges, out, bits, w->width);                              \
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

const quire_fused_table quire_fused_avx2 = {rows_put, row_decode};
#endif
