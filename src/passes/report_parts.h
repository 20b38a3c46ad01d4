/* report_parts.h - what report.c (JSON), report_text.c and report_annotations.c share. */
#ifndef QUIRE_PASSES_REPORT_PARTS_H
#define QUIRE_PASSES_REPORT_PARTS_H

#include "base/json.h"
#include "passes/report.h"

bool report_has_table(const quire_report *r, const quire_found_table *t);
bool report_has_table_of(const quire_report *r, const quire_lookup *l);
bool report_has_error(const quire_report *r, const quire_found_table *t);
/* NaN where there is no error. */
double report_sqnr_db(const quire_found_table *t);
void report_write_text(quire_writer *w, const quire_report *r);

/* What became of annotation i of r->tables->resolved. */
typedef struct report_outcome {
    bool lowered;
    quire_reason reason; /* why not                                        */
    quire_bytes message; /* empty: the reason's own sentence               */
    bool of_lookup;      /* reason and message are a lookup's, told with it */
} report_outcome;
report_outcome report_outcome_of(const quire_report *r, size_t i);
/* Key and list; nothing where the options decided. */
void report_put_annotations(quire_json *j, const quire_report *r);
/* The annotations that no lookup in the list above them accounts for. */
void report_write_annotations(quire_writer *w, const quire_report *r);

#endif
