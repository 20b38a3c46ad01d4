/* fused_avx2.c - fused rows for AVX2 and F16C. */
#define FUSED_TABLE quire_fused_avx2
#include "kernels/fused_rows_avx2.h"
