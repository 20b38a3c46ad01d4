/* guard.h - what stands around every call into a plugin: the floating-point environment and the
 * locale are those of the C program start-up inside, and the caller's again outside.
 */
#ifndef QUIRE_PLUGIN_GUARD_H
#define QUIRE_PLUGIN_GUARD_H

#include <fenv.h>
#include <locale.h>

enum { QUIRE_GUARD_LOCALE_ROOM = 1024 };

typedef struct quire_guard {
    fenv_t env;      /* the caller's */
    locale_t locale; /* the calling thread's, before */
    locale_t plain;  /* "C" */
    char process
        [QUIRE_GUARD_LOCALE_ROOM]; /* setlocale's answer before; "": not known, not restored */
} quire_guard;

/* Saves the caller's settings and sets the plain ones. Never fails. */
void quire_guard_enter(quire_guard *guard);
/* Puts the caller's back. Returns what the plugin had left changed, for a message ("the rounding
 * mode", "the locale"), or NULL. */
const char *quire_guard_leave(quire_guard *guard);

/* What of the calling thread's arithmetic is not as it is at the start of a program, as above; for
 * threads that have no guard around them. */
const char *quire_guard_changed_arithmetic(void);

#endif
