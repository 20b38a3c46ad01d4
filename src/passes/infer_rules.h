/* infer_rules.h - what an operator by itself says about the types of its results: infer_defs.inc.
 * Only for infer-types. */
#ifndef QUIRE_PASSES_INFER_RULES_H
#define QUIRE_PASSES_INFER_RULES_H

#include "graph/model.h"

enum { QUIRE_RANK_UNKNOWN = -1 };

typedef struct quire_infer_rule quire_infer_rule;

/* The row of every operator of m: *out_rules has m->ops.count entries by id, NULL where there is
 * none; freed with quire_free. Linear in symbols and operators. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_infer_rules_find(quire_ctx *ctx, const quire_model *m,
                                                   const quire_infer_rule ***out_rules);
/* Results behind this one are as this one. */
enum { QUIRE_INFER_LAST_RESULT = 2 };
/* Element type (0 unknown) and rank of result k of n, from what is known of its operands. Linear in
 * the operands for k = 0 and in the attributes for any k. */
int32_t quire_infer_elem(const quire_model *m, quire_node n, const quire_infer_rule *rule,
                         uint32_t k);
int32_t quire_infer_rank(const quire_model *m, quire_node n, const quire_infer_rule *rule,
                         uint32_t k);

#endif
