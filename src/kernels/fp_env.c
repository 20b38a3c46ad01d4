/* fp_env.c - the floating-point environment kernels run in.
 *
 * In a file of its own: calls the compiler cannot see through keep arithmetic on memory between
 * them. FE_DFL_ENV also clears flush-to-zero and denormals-are-zero (glibc and musl on x86-64,
 * FPCR on arm64); a unit test holds that.
 */
#include "kernels/fp_env.h"

void
quire_fp_enter(fenv_t *saved)
{
    fegetenv(saved);
    fesetenv(FE_DFL_ENV);
}

void
quire_fp_leave(const fenv_t *saved)
{
    fesetenv(saved);
}
