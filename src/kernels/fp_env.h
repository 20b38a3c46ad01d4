/* fp_env.h - round to nearest, no flush to zero, no traps, whatever the calling thread has set.
 *
 * A shared library linked with fast-math, or a caller's fesetround, would otherwise change codes.
 * Entering costs about a hundred cycles: once a chunk of rows, not once a row.
 */
#ifndef QUIRE_KERNELS_FP_ENV_H
#define QUIRE_KERNELS_FP_ENV_H

#include <fenv.h>

/* Saves the calling thread's floating-point environment in `*saved` and sets the default one. */
void quire_fp_enter(fenv_t *saved);

/* Puts `*saved` back; exceptions raised in between leave no trace. */
void quire_fp_leave(const fenv_t *saved);

#endif
