/* supports.h - what a quantizer says it can ask for at all: its support rows, read and checked. */
#ifndef QUIRE_PLUGIN_SUPPORTS_H
#define QUIRE_PLUGIN_SUPPORTS_H

#include "plugin/instance.h"

enum { QUIRE_SUPPORTS_MAX = 4096 /* rows */ };

typedef struct quire_support_row {
    const char *op; /* "Gather", or "domain.Type" */
    bool is_result;
    uint32_t index;      /* of the operand or result */
    quire_spec_ref spec; /* canonical, in the pool of the instance's model */
} quire_support_row;

/* All rows of an instance that is created, in its order; array and texts are in the arena. Reports
 * QUIRE_E_PLUGIN: a row that may not be (named by its number), more than QUIRE_SUPPORTS_MAX of
 * them, what a callback may fail with (host.h); QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_supports_read(quire_instance *i, quire_arena *arena,
                                                quire_support_row **out_rows, size_t *out_n);
/* `Gather, operand 0: u8 axis=0 ...` */
void quire_support_print(quire_writer *w, const quire_model *m, const quire_support_row *row);

#endif
