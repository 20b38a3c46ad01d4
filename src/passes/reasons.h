/* reasons.h - the codes that say why something was left alone: reason_defs.inc, docs/reasons.md. */
#ifndef QUIRE_PASSES_REASONS_H
#define QUIRE_PASSES_REASONS_H

#include "base/base.h"

typedef enum quire_reason {
    QUIRE_REASON_NONE,
#define X(name, code, text) QUIRE_REASON_##name,
#include "passes/reason_defs.inc"
#undef X
    QUIRE_N_REASONS
} quire_reason;

const char *quire_reason_code(quire_reason reason); /* "" for none */
/* The reason of that code, or NONE. */
quire_reason quire_reason_find(quire_bytes code);
const char *quire_reason_text(quire_reason reason);

#endif
