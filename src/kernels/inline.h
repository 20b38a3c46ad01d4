/* inline.h - for functions whose arguments are constants of their callers, at any optimization. */
#ifndef QUIRE_KERNELS_INLINE_H
#define QUIRE_KERNELS_INLINE_H

#define INLINE static inline __attribute__((always_inline))

#endif
