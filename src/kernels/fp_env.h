/* fp_env.h - round to nearest, no flush to zero, no traps, whatever the calling thread has set.
 *
 * A shared library linked with fast-math, or a caller's fesetround, would otherwise change codes. On
 * x86-64 entering and leaving cost some twenty cycles; where it is done by fenv.h, hundreds: once a
 * call or a chunk of rows, not once a row.
 */
#ifndef QUIRE_KERNELS_FP_ENV_H
#define QUIRE_KERNELS_FP_ENV_H

/* Of a thread. On x86-64 the control and status of SSE and AVX, which do all arithmetic there. */
#if defined(__x86_64__)
typedef unsigned int quire_fp_env;
#else
#include <fenv.h>
typedef fenv_t quire_fp_env;
#endif

/* Saves the calling thread's floating-point environment in `*saved` and sets the default one. */
void quire_fp_enter(quire_fp_env *saved);

/* Puts `*saved` back; exceptions raised in between leave no trace. */
void quire_fp_leave(const quire_fp_env *saved);

#endif
