/* table_case.h - a model written as text, and the table passes run over it. For tests of the passes. */
#ifndef QUIRE_TESTS_TABLE_CASE_H
#define QUIRE_TESTS_TABLE_CASE_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "graph/parse.h"
#include "passes/pass.h"
#include "passes/table_source.h"
#include "plugin/table_flags.h"
#include "support/fault.h"
#include "support/suite.h"

#define OPSET(n) "<ir_version: 8, opset_import: [\"\" : " #n "]>\n"
#define TABLE_8x4                                                                                  \
    "float[8,4] W = {1,2,3,4, 5,6,7,8, 9,10,11,12, 13,14,15,16, 1,2,3,4, 5,6,7,8, 9,10,11,12, "    \
    "13,14,15,16}"

typedef struct table_case {
    quire_ctx ctx;
    fault_log log;
    quire_quantize_options options;
    quire_tables tables;
    quire_table_source source; /* what the options come to, once annotate-tables was to run */
    quire_run run;
} table_case;

/* The model must parse. Tables of any size count. */
static inline void
table_case_open(table_case *c, const char *text)
{
    *c = (table_case){.options = QUIRE_QUANTIZE_OPTIONS_INIT};
    c->ctx = fault_ctx(NULL, NULL, &c->log);
    c->options.min_elements = 1;
    quire_tables_init(&c->tables, &c->options);
    c->run = (quire_run){.tables = &c->tables};
    const quire_status status =
        quire_model_parse(&c->ctx, quire_bytes_of(text), NULL, &c->run.model);
    ck_assert_msg(status == QUIRE_OK, "%s: %s\n%s", c->log.path, c->log.message, text);
}

static inline void
table_case_close(table_case *c)
{
    quire_table_source_deinit(&c->ctx, &c->source);
    quire_model_destroy(&c->ctx, c->run.model);
    quire_tables_deinit(&c->ctx, &c->tables);
}

/* Unless the test gave annotations, annotate-tables does what c->options say. */
static inline quire_status
table_case_annotate(table_case *c)
{
    const quire_table_flags flags = {.options = &c->options};
    const quire_annotator annotator = quire_table_flags_annotator(&flags);
    if (c->tables.resolved != NULL) return QUIRE_OK;
    return quire_table_source_load(&c->ctx, c->run.model, &c->tables, &annotator, &c->source);
}

static inline quire_status
table_case_run(table_case *c, const char *passes)
{
    const quire_manager_options options = {.verify_each = true};
    if (strstr(passes, "annotate-tables") != NULL) QUIRE_TRY(table_case_annotate(c));
    return quire_pipeline_run(&c->ctx, &c->run, passes, &options);
}

static inline bool
same_text(quire_bytes bytes, const char *text)
{
    return quire_bytes_equal(bytes, quire_bytes_of(text));
}

/* By report path; it must be there. */
static inline const quire_lookup *
table_case_lookup(const table_case *c, const char *path)
{
    for (size_t i = 0; i < c->tables.n_lookups; i++) {
        if (same_text(c->tables.lookups[i].path, path)) return &c->tables.lookups[i];
    }
    ck_abort_msg("no lookup %s", path);
    return NULL;
}

static inline const quire_found_table *
table_case_table(const table_case *c, const char *name)
{
    for (size_t i = 0; i < c->tables.n_tables; i++) {
        if (same_text(c->tables.tables[i].name, name)) return &c->tables.tables[i];
    }
    ck_abort_msg("no table %s", name);
    return NULL;
}

/* Runs the one test case. */
static inline int
table_case_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    tcase_set_timeout(tcase, 120); /* failing every allocation once takes a while */
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}

#endif
