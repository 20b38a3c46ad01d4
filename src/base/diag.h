/* diag.h - reporting: every failure is told once, where it is detected.
 *
 * Messages say what was found, what is allowed and what to do, on one line. Names from files are
 * printed through %s like anything else: bytes that are not printable ASCII or valid UTF-8 come out
 * as \xNN, and a message is cut at 1000 bytes.
 */
#ifndef QUIRE_BASE_DIAG_H
#define QUIRE_BASE_DIAG_H

#include "base/base.h"

/* Reports an error about `path` (may be NULL) in the context's current file; returns `status`. */
quire_status quire_fail(quire_ctx *ctx, quire_status status, const char *path, const char *format,
                        ...) QUIRE_PRINTF(4, 5);

/* The same about another file than the context's; `file` may be NULL. */
quire_status quire_fail_file(quire_ctx *ctx, quire_status status, const char *file,
                             const char *format, ...) QUIRE_PRINTF(4, 5);

/* Reports a warning or note; changes nothing. */
void quire_tell(quire_ctx *ctx, quire_severity severity, const char *path, const char *format, ...)
    QUIRE_PRINTF(4, 5);

/* Reports "out of memory"; returns QUIRE_E_NOMEM. */
quire_status quire_nomem(quire_ctx *ctx);

/* Reports a broken promise of our own code; returns QUIRE_E_INTERNAL. */
quire_status quire_bug(quire_ctx *ctx, const char *format, ...) QUIRE_PRINTF(2, 3);

/* QUIRE_E_CANCELED (reported) if the caller asked to stop, else QUIRE_OK. Called once per chunk of
 * work. */
quire_status quire_check_canceled(quire_ctx *ctx);

/* Writes `name` to `out` (size `room`, NUL-terminated) as a readable one-line text: bytes that
 * are not valid UTF-8, control characters, line separators and characters that turn the
 * direction of text become \xNN, byte by byte. Cut at `room`, never inside a character or an
 * \xNN. */
void quire_escape(char *out, size_t room, const uint8_t *name, size_t len);

#endif
