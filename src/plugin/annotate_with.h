/* annotate_with.h - a model annotated by quantizers, and by rules beside them.
 *
 * Quantizers are claimants in the order in which they were declared; the rules file is one more,
 * declared last. Quantizers may transform the graph first. What all ask for is resolved together,
 * then every quantizer validates it, and may adjust its groups.
 */
#ifndef QUIRE_PLUGIN_ANNOTATE_WITH_H
#define QUIRE_PLUGIN_ANNOTATE_WITH_H

#include "passes/annotate.h"
#include "plugin/registry.h"

typedef struct quire_annotators {
    const char *const *quantizers; /* each NAME or NAME:OPTIONS */
    size_t n_quantizers;
    const char *rules;  /* path; NULL: none. Must outlive the annotations */
    const char *recipe; /* the same, of a recipe: instead of rules. Its quantizers come first */
    /* The quantizers are what flags come to: kind is QUIRE_FROM_FLAGS, and messages call options by
     * their flags. */
    bool of_flags;
    quire_conflict_rule conflict;
    /* A named error of resolution is no failure: it is told, counted in out->account.n_errors, and
     * left in out->resolved, which has no groups then; nothing is validated. After a conflict the
     * model is resolved as by QUIRE_CONFLICT_FIRST. */
    bool keeps_errors;
} quire_annotators;

/* Runs infer-types' work. QUIRE_E_USAGE: an unknown quantizer (nearest names), wrong options, what
 * is wrong in the rules, a named error of resolution; QUIRE_E_PLUGIN: a quantizer failed. Findings
 * are told as diagnostics and kept in out->account; n_errors of them make the result unfit to be
 * stored. After a failure the model is as before. Without a quantizer these are the annotations of the rules. quire_annotations_deinit
 * unless it failed. */
QUIRE_MUST_USE quire_status quire_annotate_with(quire_ctx *ctx, quire_model *m,
                                                const quire_registry *registry,
                                                const quire_annotators *by, quire_annotations *out);

#endif
