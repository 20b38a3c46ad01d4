/* rules.h - a rules file: JSON, each rule a selector and a spec. docs/rules.schema.json,
 * docs/annotations.md.
 *
 *     {"format_version": 1, "rules": [
 *       {"select": "op:Gather and rows>=1000", "spec": "u8 axis=0 affine zp=int observer=minmax",
 *        "priority": 0, "reason": "tables", "expect": 3}]}
 *
 * `spec` is what stands after the slot in an annotation text: the spec, and `noshare` if wanted;
 * claimant and priority are the rule's. In a spec, `$<-K` is operand K of the node selected and `$`
 * its first result.
 *
 * The file is one quantizer: on a slot that several rules select, the last rule holds. Its claims
 * have the claimant `FILE:LINE`, FILE being the last component of the path, LINE that of the rule's
 * opening brace.
 *
 * A rule does not annotate slots that cannot be quantized: of unknown type (reason type-unknown),
 * not float (not-float), of a rank that does not have the spec's axis (axis-beyond-rank); `float`
 * applies to all three. Nobody can annotate an omitted operand (absent). Slots left out are
 * counted, and `expect` counts what was selected and can be annotated.
 */
#ifndef QUIRE_PASSES_RULES_H
#define QUIRE_PASSES_RULES_H

#include "base/arena.h"
#include "graph/claim.h"
#include "passes/reasons.h"
#include "passes/selector.h"

/* A place in a text, from 1; the column counts characters, not bytes. */
typedef struct quire_text_place {
    uint32_t line, column;
} quire_text_place;

typedef struct quire_rule {
    quire_selector *selector;
    quire_bytes select, spec, reason; /* reason may be empty                                 */
    int64_t expect;                   /* -1: not said                                        */
    int32_t priority;
    uint32_t line, column;                          /* of its opening brace                       */
    quire_text_place at_select, at_spec, at_expect; /* of the values; at_expect {0, 0}: not said  */
    /* filled by quire_rules_apply */
    quire_sym who;                  /* claimant; rules of one line have the same */
    uint32_t n_selected, n_claimed; /* slots selected; slots it put a claim on               */
    uint32_t n_refused;             /* selected - claimed: each has a refusal                */
    uint32_t n_held;                /* claims that no later rule of the file overrode        */
} quire_rule;

typedef struct quire_refusal { /* a selected slot that cannot be annotated */
    quire_slot slot;
    uint32_t rule; /* index of the rule */
    quire_reason reason;
} quire_refusal;

typedef struct quire_rules {
    const char *path, *name; /* as given; last component */
    quire_rule *rules;
    size_t n_rules, rules_room;
    quire_refusal *refusals; /* by rule, then slot order */
    size_t n_refusals, refusals_room;
    quire_arena arena; /* texts of the rules */
} quire_rules;

/* Reads and checks a file of at most 16 MiB and 2^17 objects and arrays: syntax, keys, types of
 * values, selectors. QUIRE_E_INVALID (3) if the file cannot be read or is not JSON,
 * QUIRE_E_LIMIT (3) if it is larger; QUIRE_E_USAGE (2) for
 * what is wrong in it; messages are "FILE:LINE:COLUMN: ...", unknown keys with the nearest known
 * one. `path` must outlive the rules. Deinit unless it failed. */
QUIRE_MUST_USE quire_status quire_rules_load(quire_ctx *ctx, const char *path, quire_rules *out);
void quire_rules_deinit(quire_ctx *ctx, quire_rules *rules);
/* Needs infer-types. Appends one claim per slot and rule (the last rule's without the LOST flag,
 * earlier ones with it). A mistake in a spec, a rule that selects nothing or nothing that can be
 * annotated, or that does not meet `expect`, is QUIRE_E_USAGE with line and column (nearest names
 * where a name was meant). Time: slots times atoms of selectors; a spec is read once, or once a
 * node if it holds a `$`. */
QUIRE_MUST_USE quire_status quire_rules_apply(quire_ctx *ctx, quire_rules *rules, quire_model *m,
                                              quire_claims *io_claims);

#endif
