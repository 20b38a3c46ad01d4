/* rows_isa.c - which loops the row kernels use. */
#include "kernels/bag_plan.h"
#include "kernels/rows_kernels.h"

const quire_row_kernels *
quire_row_kernels_get(quire_isa isa)
{
#if defined(__x86_64__)
    const quire_isa chosen = quire_isa_choose(isa);

    if (chosen == QUIRE_ISA_AVX2 || chosen == QUIRE_ISA_AVX512) {
        if (quire_isa_is_available(QUIRE_ISA_AVX2)) return &quire_row_kernels_avx2;
    }
#else
    (void)isa;
#endif
    return &quire_row_kernels_scalar;
}

/* Below this the choice costs more than it gains. */
#define MANY 256

void
quire_row_widen(quire_row_dtype dtype, const void *in, size_t n, float *out)
{
    if (dtype == QUIRE_ROW_DTYPE_F32 || n < MANY) {
        quire_row_widen_plain(dtype, in, n, out);
    } else {
        quire_row_kernels_get(QUIRE_ISA_AUTO)->widen(dtype, in, n, out);
    }
}
