/* rows_kernels.h - the inner loops of the row kernels, by instruction set.
 *
 * Parameters take divisions, of which several go side by side: they are made for teams of rows. The
 * scalar loops are the reference; every other table gives the same bits. All assume the environment
 * of fp_env.h and call nothing that can fail.
 */
#ifndef QUIRE_KERNELS_ROWS_KERNELS_H
#define QUIRE_KERNELS_ROWS_KERNELS_H

#include "kernels/rows_group.h"
#include "quire/kernels.h"

#define QUIRE_ROW_TEAM  4   /* rows whose parameters are made side by side            */
#define QUIRE_ROW_SPAN  512 /* columns whose decoded values are kept at a time        */
#define QUIRE_ROW_ROOM  8   /* floats behind the values of a span that may be written */
#define QUIRE_ROW_PARTS 8   /* sums of a row that are made side by side               */

/* quire_row_sums in the making. */
typedef struct quire_row_parts {
    double xx[QUIRE_ROW_PARTS];
    double ee[QUIRE_ROW_PARTS];
} quire_row_parts;

/* Candidates of a search, one per lane. A code is the clamped, rounded level, plus an integer zero
 * point. */
#define QUIRE_ROW_LANES 16

typedef struct quire_row_lanes {
    float scale[QUIRE_ROW_LANES];
    float inverse[QUIRE_ROW_LANES];
    float zero_point[QUIRE_ROW_LANES];
    float low[QUIRE_ROW_LANES]; /* bounds of the rounded level */
    float high[QUIRE_ROW_LANES];
} quire_row_lanes;

/* Over all columns of a group. The error decides, so it is exact: double, column order. The others
 * only say where to look next: sums of t, k, k * k and t * k in float32, t the level (with a float
 * zero point added) and k the rounded one, both less the centre. */
typedef struct quire_row_lane_sums {
    double error[QUIRE_ROW_LANES];
    float t[QUIRE_ROW_LANES];
    float k[QUIRE_ROW_LANES];
    float kk[QUIRE_ROW_LANES];
    float tk[QUIRE_ROW_LANES];
} quire_row_lane_sums;

typedef struct quire_row_kernels {
    /* quire_row_range_find. */
    bool (*range_find)(const float *x, size_t n, quire_row_range *out);
    /* quire_row_params_minmax of each of `team` ranges. There is room for QUIRE_ROW_TEAM of both. */
    void (*params_minmax)(const quire_row_format *f, const quire_row_range *ranges, size_t team,
                          quire_row_params *out);
    /* Codes of columns first to first + n - 1 of a group, whose elements are x[n], and, unless NULL,
     * what they decode to, rounded to the table's type: n <= QUIRE_ROW_SPAN then, and there is
     * QUIRE_ROW_ROOM behind them. Columns of a group come in order. */
    void (*encode)(const quire_row_format *f, const quire_row_params *p, const float *x,
                   size_t first, size_t n, uint8_t *group, float *values);
    /* Adds to the sums of a row those of x[n] and values[n], columns of one group from a multiple
     * of QUIRE_ROW_PARTS on. */
    void (*add_errors)(const float *x, const float *values, size_t n, quire_row_parts *io);
    /* What columns first to first + n - 1 of a group decode to, before rounding. There is
     * QUIRE_ROW_ROOM behind values[n]. */
    void (*decode)(const quire_row_format *f, const quire_row_params *p, const uint8_t *group,
                   size_t first, size_t n, float *values);
    /* quire_row_widen_plain and quire_row_narrow_plain, not of float32. */
    void (*widen)(quire_row_dtype dtype, const void *in, size_t n, float *out);
    void (*narrow)(quire_row_dtype dtype, const float *in, size_t n, void *out);
    /* Sums of x[n] for every candidate. */
    void (*measure)(const quire_row_format *f, const quire_row_lanes *lanes, const float *x,
                    size_t n, float centre, quire_row_lane_sums *out);
} quire_row_kernels;

extern const quire_row_kernels quire_row_kernels_scalar;
extern const quire_row_kernels quire_row_kernels_avx2;

/* The best loops for `isa` on this processor, AUTO: for what QUIRE_ISA says, else for the best
 * there is. Never NULL. */
const quire_row_kernels *quire_row_kernels_get(quire_isa isa);

/* The sums of a row whose parts are complete, in the order that rows.h says. */
quire_row_sums quire_row_parts_add(const quire_row_parts *parts);

/* Writes values, rounded to the table's type already, as its elements at `out`, of any alignment. */
void quire_row_put(const quire_row_kernels *k, quire_row_dtype dtype, const float *values, size_t n,
                   void *out);

#endif
