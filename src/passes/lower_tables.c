/* lower-tables
 *
 * Needs:  quantize-tables: initializers with codes, scales and zero points.
 * Does:   replaces every eligible lookup of a quantized table by the form of the target
 *         (targets.inc).
 * Leaves: no eligible lookup of a quantized table; tables and wrappers nobody reads any more are
 *         left for sweep. Annotations that were lowered are gone from the layer "annotation".
 * Keeps:  the indices, names and types of the lookups' results, graph outputs. Opset imports stay:
 *         a form that needs a newer one is an error here (annotate-tables does not ask for it).
 *         Target quire adds functions, and the import of their domain.
 */
#include "base/diag.h"
#include "graph/path.h"
#include "passes/follow_annotations.h"
#include "passes/lower_form.h"
#include "passes/pass.h"

typedef struct rule {
    quire_target target;
    quire_op_kind op;
    uint32_t bits; /* 0: any */
    int64_t opset;
    quire_status (*rewrite)(quire_ctx *ctx, quire_model *m, const quire_lower_site *site);
} rule;

static const rule rules[] = {
#define X(target, op, bits, opset, rewrite)                                                        \
    {QUIRE_TARGET_##target, QUIRE_OP_##op, bits, opset, quire_lower_##rewrite},
#include "passes/targets.inc"
#undef X
};

static const rule *
find_rule(const quire_model *m, quire_target target, const quire_lower_site *site)
{
    const quire_op_kind op = quire_node_kind(m, site->lookup);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const rule *r = &rules[i];
        if (r->target == target && r->op == op && (r->bits == 0 || r->bits == site->table->bits))
            return r;
    }
    return NULL;
}

static quire_status
lower(quire_ctx *ctx, quire_run *run, quire_lookup *l)
{
    quire_model *m = run->model;
    char path[QUIRE_PATH_ROOM];
    quire_lower_site site = {.table = &run->tables->tables[l->table - 1],
                             .lookup = l->node,
                             .type = l->type,
                             .opset = quire_graph_opset(m, quire_node_at(m, l->node)->graph, ""),
                             .functions = &run->tables->functions};
    const rule *r = find_rule(m, run->tables->options->target, &site);
    if (r == NULL) {
        return quire_fail(ctx, QUIRE_E_UNSUPPORTED, quire_path_of_node(m, l->node, path),
                          "the target has no form for this lookup of a %u-bit table; leave it out",
                          (unsigned)site.table->bits);
    }
    if (site.opset < r->opset) {
        return quire_fail(ctx, QUIRE_E_UNSUPPORTED, quire_path_of_node(m, l->node, path),
                          "the form of a %u-bit lookup needs opset %lld, the model imports %lld",
                          (unsigned)site.table->bits, (long long)r->opset, (long long)site.opset);
    }
    QUIRE_TRY(r->rewrite(ctx, m, &site));
    l->lowered = true;
    return QUIRE_OK;
}

quire_status
quire_pass_lower_tables(quire_ctx *ctx, quire_run *run)
{
    for (size_t i = 0; i < run->tables->n_lookups; i++) {
        quire_lookup *l = &run->tables->lookups[i];
        if (l->reason != QUIRE_REASON_NONE || l->table == 0 || l->lowered) continue;
        if (run->tables->tables[l->table - 1].quantized) QUIRE_TRY(lower(ctx, run, l));
    }
    quire_tables_clear_lowered(run);
    return QUIRE_OK;
}
