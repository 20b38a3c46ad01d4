/* fp_env.c - the floating-point environment kernels run in.
 *
 * In a file of its own: calls the compiler cannot see through keep arithmetic on memory between
 * them.
 */
#include "kernels/fp_env.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

#define ALL_MASKED 0x1f80u /* no exception traps; 0 elsewhere: to nearest, subnormals are numbers */

void
quire_fp_enter(quire_fp_env *saved)
{
    *saved = _mm_getcsr();
    _mm_setcsr(ALL_MASKED);
}

void
quire_fp_leave(const quire_fp_env *saved)
{
    _mm_setcsr(*saved);
}

#else

/* FE_DFL_ENV also clears flush-to-zero (glibc and musl on arm64: FPCR); a unit test holds that. */
void
quire_fp_enter(quire_fp_env *saved)
{
    fegetenv(saved);
    fesetenv(FE_DFL_ENV);
}

void
quire_fp_leave(const quire_fp_env *saved)
{
    fesetenv(saved);
}

#endif
