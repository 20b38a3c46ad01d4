/* fp_modes.h - the floating-point environments that a caller may have set: four rounding modes, each
 * without and, where there is such a thing, with flush-to-zero and denormals-are-zero.
 */
#ifndef QUIRE_TESTS_SUPPORT_FP_MODES_H
#define QUIRE_TESTS_SUPPORT_FP_MODES_H

#include <fenv.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#define FP_MODES 8

/* Mode 0 is the default one. */
static inline void
fp_mode_set(int mode)
{
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

    fesetenv(FE_DFL_ENV);
    fesetround(roundings[mode % 4]);
#if defined(__SSE2__)
    if (mode >= 4) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

/* What is set, but for exceptions. */
static inline unsigned
fp_mode_get(void)
{
#if defined(__SSE2__)
    return _mm_getcsr() & ~0x3fu;
#else
    return (unsigned)fegetround();
#endif
}

#endif
