/* pass.h - passes, pipelines written as text, and the manager that runs them.
 *
 * A pass is a file with a contract comment (Needs, Does, Leaves, Keeps), a run function and a row in pass_defs.inc. The manager
 * verifies after each, prints what changed, measures time.
 */
#ifndef QUIRE_PASSES_PASS_H
#define QUIRE_PASSES_PASS_H

#include "base/writer.h"
#include "graph/model.h"
#include "passes/tables.h"

/* What passes of one run share. */
typedef struct quire_run {
    quire_model *model;
    quire_tables *tables; /* for the table passes; never NULL */
} quire_run;

typedef struct quire_pass {
    const char *name, *summary;
    quire_status (*run)(quire_ctx *ctx, quire_run *run);
} quire_pass;

#define X(symbol, name, summary) quire_status quire_pass_##symbol(quire_ctx *ctx, quire_run *run);
#include "passes/pass_defs.inc"
#undef X

/* Row i of the registry; NULL ends. */
const quire_pass *quire_pass_at(size_t i);
const quire_pass *quire_pass_find(quire_bytes name);

typedef struct quire_manager_options {
    bool verify_each;   /* the verifier after every pass; builds with QUIRE_VERIFY_EACH always */
    bool print_changed; /* the model's text after each pass that changed it, to `out`   */
    bool times;         /* a table of milliseconds per pass, to `out`, at the end       */
    quire_writer *out;  /* stderr of the program                                        */
} quire_manager_options;

/* Runs "a,b,c". An unknown name is QUIRE_E_USAGE with the nearest names. A failed verification after a pass is QUIRE_E_INTERNAL and names it. */
QUIRE_MUST_USE quire_status quire_pipeline_run(quire_ctx *ctx, quire_run *run, const char *pipeline,
                                               const quire_manager_options *options);

#endif
