/* report.h - what a quantize run did, as a document: text for people, JSON for programs.
 *
 * Only writes; every figure was made by the passes and by the receipt. docs/report.md explains the
 * fields, docs/report.schema.json is the JSON's schema.
 */
#ifndef QUIRE_PASSES_REPORT_H
#define QUIRE_PASSES_REPORT_H

#include "base/writer.h"
#include "graph/layout.h"
#include "passes/report_annotations.h"
#include "passes/tables.h"

typedef struct quire_report {
    const quire_model *model;
    const quire_tables *tables;
    const quire_annotation_texts *annotations; /* of tables->resolved; NULL: the options decided */
    const char *source;                        /* what decided: flags, annotations, rules, entry */
    const quire_receipt *receipt;              /* NULL: null */
    bool dry_run;
    bool survey; /* the verb `tables`: nothing was made, so what a run would write is null */
    const char *input, *output; /* paths as given; output may be NULL */
} quire_report;

/* Writes the whole document and a final newline; the caller finishes the writer. Reports
 * QUIRE_E_NOMEM and what the writer reports. */
QUIRE_MUST_USE quire_status quire_report_write(quire_writer *w, const quire_report *report,
                                               quire_format format);

/* The receipt alone, as `quire diff --bytes` prints it too. */
void quire_receipt_write_text(quire_writer *w, const quire_receipt *receipt);

#endif
