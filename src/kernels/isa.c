/* isa.c - which instruction sets this build and this processor have kernels for. */
#include "kernels/bag_plan.h"
#include "kernels/fused_params.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

#include <stdatomic.h>

/* Compilers lack a name for F16C, and asking the processor leaves a virtual machine for some
 * microseconds: asked once. That the system keeps wide registers is in the other two. */
static bool
processor_has_avx2(void)
{
    static atomic_int known; /* 0: not yet asked, 1: no, 2: yes */
    uint32_t a, b, c, d;

    if (atomic_load_explicit(&known, memory_order_relaxed) == 0) {
        const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                         __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
        atomic_store_explicit(&known, has ? 2 : 1, memory_order_relaxed);
    }
    return atomic_load_explicit(&known, memory_order_relaxed) == 2;
}

/* What decides between two tables, which have the same bits: what the processor makes of subnormal
 * operands, or what QUIRE_SUBNORMAL says (0 or 1, for tests). */
static bool
likes_subnormals(void)
{
    static atomic_int known; /* 0: not yet measured, 1: slow, 2: fast */

    if (atomic_load_explicit(&known, memory_order_relaxed) == 0) {
        const char *text = getenv("QUIRE_SUBNORMAL");
        const bool fast = text && text[0] ? text[0] == '1' : quire_pass_avx2_likes_subnormals();
        atomic_store_explicit(&known, fast ? 2 : 1, memory_order_relaxed);
    }
    return atomic_load_explicit(&known, memory_order_relaxed) == 2;
}

static const quire_pass_table *
avx2_table(void)
{
    return likes_subnormals() ? &quire_pass_table_avx2_subnormal : &quire_pass_table_avx2;
}

static const quire_pass_table *
avx512_table(void)
{
    return likes_subnormals() ? &quire_pass_table_avx512_subnormal : &quire_pass_table_avx512;
}

/* The compiler's names are about the system too: it must keep the mask and the wide registers. */
static bool
processor_has_avx512(void)
{
    return processor_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

const quire_pass_table *
quire_pass_table_find(quire_isa isa)
{
    switch (isa) {
    case QUIRE_ISA_SCALAR: return &quire_pass_table_scalar;
    case QUIRE_ISA_AVX2:
#if defined(__x86_64__)
        if (processor_has_avx2()) return avx2_table();
#endif
        break;
    case QUIRE_ISA_AVX512:
#if defined(__x86_64__)
        if (processor_has_avx512()) return avx512_table();
#endif
        break;
    case QUIRE_ISA_AUTO:
    case QUIRE_ISA_NEON: break;
    }
    return NULL;
}

const quire_fused_table *
quire_fused_table_of(quire_isa isa)
{
    if (!quire_pass_table_find(isa)) return NULL;
#if defined(__x86_64__)
    if (isa == QUIRE_ISA_AVX2) return &quire_fused_avx2;
    if (isa == QUIRE_ISA_AVX512) return &quire_fused_avx512;
#endif
    return &quire_fused_scalar;
}

static quire_isa
isa_best(void)
{
    quire_isa isa = QUIRE_ISA_NEON;

    while (!quire_pass_table_find(isa))
        isa--;
    return isa;
}

quire_isa
quire_isa_choose(quire_isa isa)
{
    if (isa != QUIRE_ISA_AUTO) return isa;
    const char *text = getenv("QUIRE_ISA");
    if (!text || !text[0]) return isa_best();
    for (isa = QUIRE_ISA_AUTO; isa <= QUIRE_ISA_NEON; isa++) {
        if (strcmp(text, quire_isa_name(isa)) == 0) {
            return isa == QUIRE_ISA_AUTO ? isa_best() : isa;
        }
    }
    return (quire_isa)-1;
}

const char *
quire_isa_name(quire_isa isa)
{
    switch (isa) {
#define NAME(name, text)                                                                           \
    case QUIRE_ISA_##name: return text;
        QUIRE_ISA_TABLE(NAME)
    }
    return "unknown";
}

int
quire_isa_is_available(quire_isa isa)
{
    return quire_pass_table_find(isa) != NULL;
}
