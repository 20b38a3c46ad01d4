/* fused_avx512.c - fused rows for AVX-512: those of AVX2 with wider vectors where rows are wide. */
#define FUSED_TABLE quire_fused_avx512
#include "kernels/fused_rows_avx2.h"
