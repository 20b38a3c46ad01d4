/* guard.c - see guard.h. "C" is built into the C library: asking for it opens no file. */
#include "plugin/guard.h"

#include <stdbool.h>
#include <string.h>

#include "plugin/guarded.h"

void
quire_guard_enter(quire_guard *guard)
{
    const char *process = setlocale(LC_ALL, NULL);
    guard->process[0] = '\0';
    if (process != NULL && strlen(process) < sizeof guard->process)
        memcpy(guard->process, process, strlen(process) + 1);
    guard->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    guard->locale = uselocale(guard->plain);
    fegetenv(&guard->env);
    fesetenv(FE_DFL_ENV);
}

/* Raised exceptions are no change: arithmetic raises them. */
const char *
quire_guard_changed_arithmetic(void)
{
    if (!QUIRE_GUARD(ARITHMETIC)) return NULL;
    if (fegetround() != FE_TONEAREST) return "the rounding mode";
#if defined(__x86_64__)
    enum { MXCSR_CONTROL = 0xffc0, MXCSR_PLAIN = 0x1f80 };
    fenv_t now;
    fegetenv(&now);
    if ((now.__mxcsr & MXCSR_CONTROL) != MXCSR_PLAIN)
        return "the handling of tiny numbers or traps";
#elif defined(__aarch64__)
    fenv_t now;
    fegetenv(&now);
    if (now.__fpcr != 0) return "the handling of tiny numbers or traps";
#endif
    return NULL;
}

static const char *
restore_locale(const quire_guard *guard)
{
    const char *process = setlocale(LC_ALL, NULL);
    if (!QUIRE_GUARD(LOCALE)) return NULL;
    const bool moved = uselocale(guard->locale) != guard->plain;
    const bool reset =
        guard->process[0] != '\0' && process != NULL && strcmp(process, guard->process) != 0;
    if (reset) setlocale(LC_ALL, guard->process);
    freelocale(guard->plain);
    return moved || reset ? "the locale" : NULL;
}

const char *
quire_guard_leave(quire_guard *guard)
{
    const char *arithmetic = quire_guard_changed_arithmetic();
    fesetenv(&guard->env);
    const char *locale = restore_locale(guard);
    return arithmetic != NULL ? arithmetic : locale;
}
