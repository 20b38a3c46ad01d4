/* explain_parts.h - the figures behind an explanation: made once, written as text or JSON. */
#ifndef QUIRE_PLUGIN_EXPLAIN_PARTS_H
#define QUIRE_PLUGIN_EXPLAIN_PARTS_H

#include "base/json.h"
#include "passes/ledger_count.h"
#include "plugin/explain.h"
#include "plugin/options.h"

enum { EXPLAIN_SLOTS = 5 };

typedef struct explain_claimant {    /* beside ledger_claimant of the same index */
    quire_slot slots[EXPLAIN_SLOTS]; /* the first it asked for */
    uint32_t n_slots;
    size_t lost_to, n_lost_to; /* run in `losses` */
} explain_claimant;

typedef struct explain_loss { /* requests of a claimant that lost to another */
    uint32_t from, to;        /* indices of claimants */
    size_t n;
} explain_loss;

typedef struct explain_option {
    const quire_option *option;
    quire_bytes value;
    bool is_default;
} explain_option;

typedef struct explain_reason { /* nodes left alone */
    quire_sym reason;
    size_t n;
} explain_reason;

typedef struct explain_quantizer {
    const quire_recipe_quantizer *declared;
    explain_option *options; /* all of them, in the order of the table */
    uint32_t n_options;
    explain_reason *reasons; /* its own and its children's, in order of first appearance */
    size_t n_reasons, reasons_room;
} explain_quantizer;

typedef struct explanation {
    quire_ctx *ctx;
    quire_model *m;
    const quire_recipe *recipe;
    const quire_annotations *a;
    ledger ledger;
    quire_arena arena;
    explain_claimant *claimants; /* ledger.n_claimants */
    explain_loss *losses;        /* by from, then to */
    size_t n_losses, losses_room;
    uint32_t *claimant_of;         /* by symbol: index + 1 */
    uint32_t *rule_of;             /* by symbol: index + 1 of the last rule of that claimant */
    explain_quantizer *quantizers; /* recipe->n_quantizers */
} explanation;

/* "2": index of the claimant called `who`; UINT32_MAX: it asked for nothing. */
uint32_t explain_find(const explanation *e, quire_sym who);
/* Is the claimant the quantizer called `name`, or a child of it? */
bool explain_is_of(const explanation *e, uint32_t claimant, quire_bytes name);
/* Refusals of rule `index` by reason; *io_at goes through all refusals, from 0, rule by rule. */
void explain_count_refusals(const explanation *e, uint32_t index, size_t *io_at,
                            size_t counts[QUIRE_N_REASONS]);
/* Claims at `annotation` that contradict what holds: of other claimants, with the same priority.
 * In the order of the claims; *io_at is 0 at first. NULL: no more. */
const quire_claim *explain_next_conflict(const explanation *e, const quire_annotation *annotation,
                                         uint32_t *io_at);

void explain_write_text(quire_writer *w, const explanation *e);
void explain_write_json(quire_writer *w, const explanation *e);

#endif
