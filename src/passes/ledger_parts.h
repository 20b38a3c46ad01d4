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

/* Is the claimant one of the rules of the run's file? */
bool ledger_is_rule(const quire_model *m, const quire_annotations *a, quire_sym who);
/* "note", "warning", "error" */
const char *ledger_severity(quire_severity severity);
/* `REASON, by WHO: TEXT`, without the reason and what follows it where there is none, and without
 * an empty text. */
void ledger_print_said(quire_writer *w, const quire_model *m, quire_sym who, quire_sym reason,
                       quire_sym text);

void ledger_put_slot(quire_json *j, const quire_model *m, quire_slot slot);
void ledger_put_spec(quire_json *j, const quire_model *m, const quire_spec *spec);
void ledger_put_text(quire_json *j, quire_bytes text);
/* `[WHO, ...]` */
void ledger_put_claimants(quire_json *j, const quire_model *m, const quire_claim *claims, size_t n);
/* `"by": WHO, "reason": CODE, "text": TEXT` into the object that is open; reason 0: not there. */
void ledger_put_said(quire_json *j, const quire_model *m, quire_sym who, quire_sym reason,
                     quire_sym text);
/* `{severity, slot, by, text}` */
void ledger_put_finding(quire_json *j, const quire_model *m, const quire_finding *finding);
/* `{slot, spec, by[], group}` of an annotation. */
void ledger_put_annotation(quire_json *j, const quire_model *m, const quire_annotations *a,
                           const quire_annotation *annotation);

#endif
