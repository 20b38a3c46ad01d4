/* ledger_parts.h - what ledger, why and dot share: looking annotations up, and pieces of JSON. */
#ifndef QUIRE_PASSES_LEDGER_PARTS_H
#define QUIRE_PASSES_LEDGER_PARTS_H

#include "base/json.h"
#include "passes/ledger.h"

/* What the element type of a value says about annotating it. */
typedef enum ledger_type {
    LEDGER_OTHER, /* known, not float; or no value */
    LEDGER_UNKNOWN,
    LEDGER_FLOAT
} ledger_type;
ledger_type ledger_type_of(const quire_model *m, quire_value v);

/* NULL: not annotated. */
const quire_annotation *ledger_find(const quire_annotations *a, quire_slot slot);
/* Claims at `annotation`: the sponsors, then the losers. */
const quire_claim *ledger_claims(const quire_annotations *a, const quire_annotation *annotation);

/* The node's path and first result; what path.h says where it has no result. */
void ledger_print_node(quire_writer *w, const quire_model *m, quire_node n);
/* "Gather", "com.microsoft.QAttention". */
void ledger_print_op(quire_writer *w, const quire_model *m, quire_node n);
/* A text from a file as it is, or with \xNN where it is no clean text. */
void ledger_print_text(quire_writer *w, quire_bytes text);

void ledger_put_slot(quire_json *j, const quire_model *m, quire_slot slot);
void ledger_put_spec(quire_json *j, const quire_model *m, const quire_spec *spec);
void ledger_put_text(quire_json *j, quire_bytes text);
/* `[WHO, ...]` */
void ledger_put_claimants(quire_json *j, const quire_model *m, const quire_claim *claims, size_t n);
/* `{slot, spec, by[], group}` of an annotation. */
void ledger_put_annotation(quire_json *j, const quire_model *m, const quire_annotations *a,
                           const quire_annotation *annotation);

#endif
