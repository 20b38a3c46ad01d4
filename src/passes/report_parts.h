/* report_parts.h - what report.c (JSON) and report_text.c share. */
#ifndef QUIRE_PASSES_REPORT_PARTS_H
#define QUIRE_PASSES_REPORT_PARTS_H

#include "passes/report.h"

bool report_has_table(const quire_report *r, const quire_found_table *t);
bool report_has_table_of(const quire_report *r, const quire_lookup *l);
bool report_has_error(const quire_report *r, const quire_found_table *t);
/* NaN where there is no error. */
double report_sqnr_db(const quire_found_table *t);
void report_write_text(quire_writer *w, const quire_report *r);

#endif
