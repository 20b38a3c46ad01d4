/* table_spec.h - which specs a table can have, what they say about it and what they need. */
#ifndef QUIRE_PASSES_TABLE_SPEC_H
#define QUIRE_PASSES_TABLE_SPEC_H

#include "passes/tables.h"

/* What of a canonical spec no table can have, and what is allowed: "the code type; allowed are u8,
 * u4 and u2". NULL: a table can have it. */
const char *quire_table_spec_refused(const quire_model *m, const quire_spec *spec);
/* Copies what the spec says to the table: bits, block, zero point, scales, search and eps. Without
 * an observer scales are found as the options do it by default: minmax at 8 bits, mse below. */
void quire_table_spec_apply(const quire_model *m, const quire_spec *spec, quire_found_table *t);

/* Does the model import the opset that lookups of t->bits codes need? If not, *out_reason is the
 * reason opset and *out_message says what was found (in the model's arena). Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_table_judge_opset(quire_ctx *ctx, quire_model *m,
                                                    const quire_found_table *t,
                                                    quire_reason *out_reason,
                                                    quire_bytes *out_message);

#endif
