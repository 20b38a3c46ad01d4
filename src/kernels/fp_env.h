/* fp_env.h - round to nearest, no flush to zero, no traps, whatever the calling thread has set.
 *
 * A shared library linked with fast-math, or a caller's fesetround, would otherwise change codes.
 * Entering costs about a hundred cycles: once a chunk of rows, not once a row.
 */
#ifndef QUIRE_KERNELS_FP_ENV_H
#define QUIRE_KERNELS_FP_ENV_H

#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* Saves the calling thread's floating-point environment in `*saved` and sets the default one. */
void quire_fp_enter(fenv_t *saved);

/* Puts `*saved` back; exceptions raised in between leave no trace. */
void quire_fp_leave(const fenv_t *saved);

/* Whether the thread has that environment already, in a few cycles: where calls are short. */
static inline bool
quire_fp_is_default(void)
{
#if defined(__x86_64__)
    return (_mm_getcsr() & ~0x3fu) == 0x1f80u;
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control == 0;
#else
    return false;
#endif
}

#endif
