/* formula.h - formulas of derived specs (quire.qparams/1) called, and what they answer checked.
 *
 * A formula is a plugin's: its arrays are checked for what was not filled in, is no number or out
 * of range, and for writing beyond their ends or into what belongs to the host. A formula that does
 * so is at fault (QUIRE_E_PLUGIN, told with plugin, formula, call and index); one that says no,
 * with a reason, is not.
 */
#ifndef QUIRE_PLUGIN_FORMULA_H
#define QUIRE_PLUGIN_FORMULA_H

#include "passes/account.h"
#include "passes/resolve.h"
#include "plugin/registry.h"

enum { QUIRE_FORMULA_WHY_ROOM = 1001, QUIRE_FORMULA_MAX_PARAMETERS = 1 << 24 };

/* What is derived from what. Specs are canonical. */
typedef struct quire_derivation {
    const quire_qspec *spec;
    const quire_qspec *const *sources;
    uint32_t n; /* sources */
} quire_derivation;

/* Can it be? QUIRE_OK; QUIRE_NONE: no, and `out_why` has the sentence (also for a number of sources
 * that the formula does not take). Reports QUIRE_E_PLUGIN, QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status quire_formula_accepts(quire_ctx *ctx, const quire_known_formula *known,
                                                  const quire_derivation *d,
                                                  char out_why[QUIRE_FORMULA_WHY_ROOM]);
/* Fills the arrays of *io_out, of which n (1 to QUIRE_FORMULA_MAX_PARAMETERS) and the pointers are
 * set as plugin.h says. Answers are within range where it returns QUIRE_OK; else the arrays are as
 * they were, and the outcome is as above. */
QUIRE_MUST_USE quire_status quire_formula_derive(quire_ctx *ctx, const quire_known_formula *known,
                                                 const quire_derivation *d,
                                                 const quire_qparams *const *sources,
                                                 quire_qparams *io_out,
                                                 char out_why[QUIRE_FORMULA_WHY_ROOM]);

/* formulas_check.c. Every group of `r` with a derived spec: its formula is looked up, asked whether
 * it can serve these specs, and, where the sources are all fixed, asked for the parameters. What
 * it refuses is told and becomes a finding of severity error, by "formula NAME"; a formula that is
 * not there a warning with the nearest names, once for each name. Appends to *io_account. Reports
 * QUIRE_E_PLUGIN for a fault of a formula, QUIRE_E_NOMEM, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status quire_formulas_check(quire_ctx *ctx, quire_model *m,
                                                 const quire_registry *registry,
                                                 const quire_resolved *r,
                                                 quire_account *io_account);

#endif
