/* fused_params.h - scale and bias of a fused row: the formulas of FBGEMM and torch, to the bit. */
#ifndef QUIRE_KERNELS_FUSED_PARAMS_H
#define QUIRE_KERNELS_FUSED_PARAMS_H

#include "kernels/half.h"
#include "kernels/pass.h"

typedef struct quire_fused_params {
    float scale;   /* as stored, widened                  */
    float bias;    /* likewise                            */
    float inverse; /* what x - bias is multiplied with    */
} quire_fused_params;

/* Float32 parameters, 8 bits. */
quire_fused_params quire_fused_params_f32(float lo, float hi);

/* Float16 parameters. */
quire_fused_params quire_fused_params_f16(float lo, float hi, uint32_t bits);

/* Least and greatest of x[n]; false if an element is NaN or infinite. Which of two zeros wins is
 * FBGEMM's order: of equals the last in each of eight lanes, then the first of the lanes, then of the
 * columns behind them. */
bool quire_fused_range_find(const float *x, uint64_t n, float *out_lo, float *out_hi);

/* How rows are written. */
typedef struct quire_fused_rows {
    const quire_rows_layout *layout;
    uint64_t width;
    uint32_t bits;
    bool half; /* float16 parameters */
} quire_fused_rows;

/* The inner loops, by instruction set. */
typedef struct quire_fused_table {
    /* Quantizes rows[n_rows][width], in order, up to the first that is not finite; returns how many.
     * `ranges` is NULL or the least and greatest value of each row. A code is (x - bias) * inverse,
     * clamped to the codes there are, rounded half to even; NaN gives 0. */
    uint64_t (*rows_put)(const quire_fused_rows *w, const float *rows, uint64_t n_rows,
                         const float *ranges, uint8_t *out);
    /* fma(scale, code, bias) of n codes, lowest bits first. */
    void (*row_decode)(const uint8_t *codes, uint64_t n, uint32_t bits, float scale, float bias,
                       float *out);
} quire_fused_table;

extern const quire_fused_table quire_fused_scalar;
extern const quire_fused_table quire_fused_avx2;
extern const quire_fused_table quire_fused_avx512;

/* That of an instruction set which quire_pass_table_find finds. */
const quire_fused_table *quire_fused_table_of(quire_isa isa);

/* Narrows [*lo, *hi] as torch's optimized_qparams does: 200 steps, the range down to 84 %. */
void quire_fused_params_greedy(const float *x, uint64_t n, uint32_t bits, float *lo, float *hi);

#endif
