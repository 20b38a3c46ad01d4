/* isa.h - every instruction set that this build and this processor have. */
#ifndef QUIRE_TESTS_SUPPORT_ISA_H
#define QUIRE_TESTS_SUPPORT_ISA_H

#include "quire/kernels.h"

#define EACH_ISA(isa)                                                                              \
    for (quire_isa isa = QUIRE_ISA_SCALAR; isa <= QUIRE_ISA_NEON; isa++)                           \
        if (quire_isa_is_available(isa))

#endif
