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

quire_reason
quire_reason_find(quire_bytes code)
{
    for (int i = QUIRE_REASON_NONE + 1; i < QUIRE_N_REASONS; i++) {
        if (quire_bytes_equal(code, quire_bytes_of(rows[i].code))) return (quire_reason)i;
    }
    return QUIRE_REASON_NONE;
}

const char *
quire_reason_text(quire_reason reason)
{
    return rows[reason].text;
}
