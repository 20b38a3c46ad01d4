/* reasons.c - the codes and sentences of why a lookup or a slot is left alone. docs/reasons.md
 * explains each. */
#include "passes/reasons.h"

typedef struct row {
    const char *code, *text;
} row;

static const row rows[QUIRE_N_REASONS] = {
    [QUIRE_REASON_NONE] = {"", ""},
#define X(name, code, text) [QUIRE_REASON_##name] = {code, text},
#include "passes/reason_defs.inc"
#undef X
};

const char *
quire_reason_code(quire_reason reason)
{
    return rows[reason].code;
}

const char *
quire_reason_text(quire_reason reason)
{
    return rows[reason].text;
}
